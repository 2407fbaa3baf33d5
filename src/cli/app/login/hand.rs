//! Which of an app's logins is used: the one that was named; else the first for which what it takes is at hand.

use super::{Method, Own, exactly, method_of, mount_named, of_apps, oidc};
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::estate::{App, Environment, Login};

/// Whether what a login takes is at hand, before it is tried.
pub(super) enum AtHand {
    /// It is.
    Yes,
    /// That shows when it is tried.
    Perhaps,
    /// It is not: what is missing.
    No(String),
}

/// Where a command runs.
#[derive(Clone, Copy)]
pub(in crate::cli::app) struct Here<'a> {
    pub(in crate::cli::app) context: &'a Context,
    /// Of which environment the app is.
    pub(in crate::cli::app) environment: &'a Environment,
}

/// Whether an app's own file or the environment says something, by the variable for it.
pub(super) fn says(own: &Own, variable: &str) -> bool {
    own.contains_key(variable) || exactly(variable).is_some()
}

/// Which login is meant, as far as somebody says so.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli::app) struct Which<'a> {
    /// Where its method is mounted.
    pub(in crate::cli::app) mount: Option<&'a str>,
    /// The role or the user.
    pub(in crate::cli::app) role_name: Option<&'a str>,
}

impl Which<'_> {
    fn is(&self, login: &Login) -> bool {
        self.mount.map(mount_named).is_none_or(|mount| login.mount == mount)
            && self.role_name.is_none_or(|name| login.role_name == name)
    }
}

/// A login as people find it: `jwt at auth/gitlab as app-web`.
fn named(login: &Login) -> String {
    format!("{} at auth/{} as {}", login.method, login.mount, login.role_name)
}

/// The login that is used.
///
/// # Errors
/// When the app has none that works from a command line, none that was named, or none for which anything is at hand.
pub(in crate::cli::app) fn chosen<'a>(
    app: &'a App,
    which: Which<'_>,
    own: &Own,
    here: Here<'_>,
) -> Result<&'a Login, CliError> {
    if app.logins.is_empty() {
        return Err(CliError::new(1, format!("the app {} has no login", app.name))
            .hint(format!("add a `login \"approle\"` block to it at {}", app.place)));
    }
    let meant: Vec<&'a Login> = app.logins.iter().filter(|login| which.is(login)).collect();
    if meant.is_empty() {
        let all: Vec<String> = app.logins.iter().map(named).collect();
        return Err(CliError::new(1, format!("the app {} has no such login", app.name))
            .hint(format!("it has: {}", all.join(", "))));
    }
    let of_app = |login: &'a Login| Some((login, method_of(&login.method)?.of_app.as_ref()?));
    let works: Vec<_> = meant.iter().copied().filter_map(of_app).collect();
    match works[..] {
        [] => Err(none_works(app, &meant)),
        // What it lacks, it says best itself.
        [(only, _)] => Ok(only),
        _ => {
            let at_hand = works.iter().map(|(login, of_app)| (*login, (of_app.at_hand)(login, own, here)));
            let at_hand: Vec<(&Login, AtHand)> = at_hand.collect();
            let first = |is: fn(&AtHand) -> bool| at_hand.iter().find(|(_, hand)| is(hand)).map(|(login, _)| *login);
            let found = first(|hand| matches!(hand, AtHand::Yes)).or(first(|hand| matches!(hand, AtHand::Perhaps)));
            found.ok_or_else(|| none_at_hand(app, &at_hand))
        }
    }
}

fn none_at_hand(app: &App, at_hand: &[(&Login, AtHand)]) -> CliError {
    let failure = CliError::new(1, format!("what none of the logins of {} takes is at hand", app.name));
    at_hand.iter().fold(failure, |failure, (login, hand)| match hand {
        AtHand::No(missing) => failure.hint(format!("{} lacks {missing}", named(login))),
        AtHand::Yes | AtHand::Perhaps => failure,
    })
}

fn none_works(app: &App, meant: &[&Login]) -> CliError {
    let what = format!("none of the logins of {} works from a command line: {} do", app.name, of_apps());
    let failure = CliError::new(1, what).hint(format!("its logins are declared at {}", app.place));
    match meant.iter().find(|login| login.method == oidc::METHOD.name) {
        Some(Login { mount, role_name, .. }) => failure.hint(format!(
            "a person logs in as it with a browser: leasehold login -method=oidc -path={mount} role={role_name}"
        )),
        None => failure,
    }
}

/// The same failure of a login, with the others that the app has.
pub(in crate::cli::app) fn beside(failure: CliError, app: &App, used: &Login) -> CliError {
    let works = |login: &&Login| method_of(&login.method).is_some_and(Method::is_of_apps) && *login != used;
    let others: Vec<String> = app.logins.iter().filter(works).map(named).collect();
    match others[..] {
        [] => failure,
        _ => failure.hint(format!(
            "{} has other logins, which --login-mount PATH names: {}",
            app.name,
            others.join(", ")
        )),
    }
}
