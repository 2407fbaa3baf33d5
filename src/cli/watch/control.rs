//! `leasehold watch suspend`, `resume` and `status`: what is said to a loop, and what it knows, by the directory of its
//! state.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;

use super::unkept;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::forms;
use crate::cli::global::Global;
use crate::cli::lock::who;
use crate::cli::output::{self, one_line};
use crate::clock::Clock;
use crate::plan::short;
use crate::watch::{At, HeldOf, Memory, Moment, Store, Suspension, told};

/// Rounds that `status` prints.
const RUNS_SHOWN_MAX: usize = 10;

/// Where a loop's state is.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The directory of the loop's state [default: .leasehold/watch/ENV in the estate's directory]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Place {
    /// The environment's name, which has to be said: a service must not find another one tomorrow.
    ///
    /// # Errors
    /// It is not said.
    pub(super) fn environment(&self, global: &Global) -> Result<String, CliError> {
        let named = global.environment();
        named.ok_or_else(|| CliError::new(1, "no environment is named").hint("name it: -e ENV, or LEASEHOLD_ENV"))
    }

    /// The directory, of an environment of the estate in `dir`, if that is a directory.
    ///
    /// # Errors
    /// There is no place to look for it.
    pub(super) fn directory(&self, dir: Option<&PathBuf>, environment: &str) -> Result<PathBuf, CliError> {
        match (&self.state, dir) {
            (Some(state), _) => Ok(state.clone()),
            (None, Some(dir)) if !environment.contains(['/', '.']) => {
                Ok(dir.join(".leasehold/watch").join(environment))
            }
            (None, _) => Err(CliError::new(1, "there is no place for what it has to remember")
                .hint("name a directory of its own: --state DIR")),
        }
    }

    /// The state that a loop has or had.
    fn store(&self, dir: Option<PathBuf>, global: &Global) -> Result<Store, CliError> {
        let directory = match &self.state {
            Some(state) => state.clone(),
            None => {
                let dir = Context::open(global)?.at(dir).estate_dir();
                self.directory(Some(&dir), &self.environment(global)?)?
            }
        };
        Store::of(&directory).map_err(|error| unkept(&error))
    }
}

/// What is said to a loop.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    /// Let it make no more rounds until it is resumed, also after a restart
    Suspend(Suspend),
    /// Let it go on
    Resume(Which),
    /// Show what it knows
    Status(Which),
}

/// Which loop.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Arguments of `leasehold watch suspend`.
#[derive(Debug, clap::Args)]
pub(super) struct Suspend {
    #[command(flatten)]
    which: Which,
    /// Why, for who finds it so
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl Subcommand {
    /// Runs the command and answers the exit code.
    pub(super) fn run(self, global: &Global) -> Result<u8, CliError> {
        match self {
            Self::Suspend(Suspend { which, why }) => {
                global.no_form()?;
                let store = which.place.store(which.dir, global)?;
                let (user, host) = who();
                let suspension =
                    Suspension { since: Moment::of(Clock::system().now()), by: format!("{user} on {host}"), why };
                store.suspend(&suspension).map_err(|error| unkept(&error))?;
                output::line("Suspended. A round that is being made ends, and applies nothing that it has not begun.")?;
            }
            Self::Resume(which) => {
                global.no_form()?;
                let was = which.place.store(which.dir, global)?.resume().map_err(|error| unkept(&error))?;
                output::line(if was { "Resumed." } else { "It was not suspended." })?;
            }
            Self::Status(which) => status(which, global)?,
        }
        Ok(0)
    }
}

fn status(which: Which, global: &Global) -> Result<(), CliError> {
    global.no_field()?;
    let format = global.format(forms::TEXT)?;
    let store = which.place.store(which.dir, global)?;
    let state = store.read().map_err(|error| unkept(&error))?;
    let suspension = store.suspension().map_err(|error| unkept(&error))?;
    let running = store.is_running();
    if format == Format::Json {
        let told = json!({ "running": running, "suspended": suspension, "state": state });
        return output::data(&format!("{told:#}\n"));
    }
    output::data(&page(running, suspension.as_ref(), state.as_ref()))
}

fn page(running: bool, suspension: Option<&Suspension>, state: Option<&Memory>) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", one_line(&text));
    };
    line(if running { "It runs.".to_owned() } else { "It does not run.".to_owned() });
    if let Some(suspension) = suspension {
        line(format!("It is {suspension}."));
    }
    let Some(state) = state else {
        line("It has made no round yet.".to_owned());
        return out;
    };
    line(format!("Environment {}, from {}.", state.environment, state.source));
    for (name, at) in [("Read last", &state.seen), ("Held whole by the engine last", &state.applied)] {
        line(format!("{name}: {}.", at.as_ref().map_or_else(|| "nothing yet".to_owned(), commit)));
    }
    if let Some(since) = state.failing_since {
        line(format!("{} rounds in a row have failed, since {since}.", state.failures));
    }
    if let Some(standing) = &state.standing {
        let since = standing.drift_since.map(|since| format!(", drift since {since}")).unwrap_or_default();
        line(format!(
            "As of {}: {} changed behind our back, {} not yet applied, {} not ours{since}.",
            standing.at, standing.changed, standing.pending, standing.not_ours
        ));
        for finding in &standing.findings {
            line(format!("  {} {}: {}, since {}", finding.rule, finding.path, finding.what, finding.since));
        }
        standing.refusals.iter().for_each(|refusal| line(format!("  an apply is refused: {refusal}")));
    }
    if let Some(held) = &state.held {
        line(format!("Credentials outstanding as of {}: {}.", held.at, held.words()));
        for HeldOf { app, role, leases } in held.roles.iter().flatten() {
            let app = app.as_ref().map(|app| format!(", app {app}")).unwrap_or_default();
            line(format!("  {role}{app}: {leases}"));
        }
    }
    line("Last rounds:".to_owned());
    for run in state.runs.iter().take(RUNS_SHOWN_MAX) {
        let at = run.commit.as_deref().map(|commit| format!(" at {}", short(commit))).unwrap_or_default();
        let why = run.why.as_deref().and_then(|why| why.lines().next()).map(str::to_owned);
        let parts: Vec<String> =
            told([run.changed, run.not_ours, run.pending], run.made).into_iter().chain(why).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        line(format!("  {} {}{at}{parts}", run.began, run.outcome.word()));
    }
    out
}

fn commit(at: &At) -> String {
    let commit = at.commit.as_deref().unwrap_or("files without a commit");
    format!("{commit}, since {}", at.at)
}
