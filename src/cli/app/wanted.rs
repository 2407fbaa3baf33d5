//! Which credential is meant: of an app of the estate, or of what flags, environment and a small file say without one.

use std::convert::Infallible;
use std::path::PathBuf;

use super::super::context::Context;
use super::super::error::CliError;
use super::super::global::exactly;
use super::choice::{Choice, ChoiceArgs, Written};
use super::file::AppFile;
use super::login::{self, Own};
use crate::estate::{App, Estate, Login};
use crate::object::{self, Place, RolePath};
use crate::secret::Secret;
use crate::text::did_you_mean;

/// Which app and role are meant, and how to log in.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cli) struct AppArgs {
    /// The app, as the estate names it
    #[arg(value_name = "APP")]
    app: Option<String>,
    /// The role, where the app has more than one; without an estate as MOUNT/ROLE [env: LEASEHOLD_ROLE; default there: aws/APP]
    #[arg(long)]
    role: Option<String>,
    /// The role's secrets engine, where roles of one name are in several
    #[arg(long)]
    mount: Option<String>,
    /// Without an estate: the auth method to log in by [env: LEASEHOLD_LOGIN]
    #[arg(long, value_name = "METHOD")]
    login: Option<String>,
    /// Where that method is mounted [env: LEASEHOLD_LOGIN_MOUNT; default: its name]; in an estate: the login that is there
    #[arg(long, value_name = "PATH")]
    login_mount: Option<String>,
    /// The role or the user to log in as [env: LEASEHOLD_LOGIN_ROLE; default: app-APP]; in an estate: the login of that name
    #[arg(long, value_name = "NAME")]
    login_role: Option<String>,
    /// A file that says address, app, role and login instead of an estate [env: LEASEHOLD_APP_FILE]
    #[arg(long, value_name = "FILE")]
    app_file: Option<PathBuf>,
    /// A code of the device that the role asks for (session_token with mfa_serial_number)
    #[arg(long, value_name = "CODE", value_parser = |code: &str| Ok::<_, Infallible>(Secret::new(code.to_owned())))]
    mfa_code: Option<Secret>,
    #[command(flatten)]
    choice: ChoiceArgs,
    /// What an agent's file says that the app shows when it logs in.
    #[arg(skip)]
    own: Own,
}

/// A credential that is meant.
pub(in crate::cli) struct Wanted {
    /// The app's name.
    pub(in crate::cli) app: String,
    /// The role.
    pub(in crate::cli) role: RolePath,
    /// How to log in.
    pub(super) login: Login,
    /// The estate that says so, if one does.
    pub(super) estate: Option<Estate>,
    /// The engine that the app's file names.
    pub(super) address: Option<String>,
    /// The namespace there.
    pub(super) namespace: Option<String>,
    /// What the app shows when it logs in, before what the environment says.
    pub(super) own: Own,
    /// A code that goes with the request for the credential.
    pub(super) mfa_code: Option<Secret>,
    /// What is said of the credential itself.
    pub(super) choice: Choice,
}

impl AppArgs {
    /// What is meant.
    ///
    /// # Errors
    /// Problems in the files; an app, a role or a login that is not there, or of which there are several.
    pub(in crate::cli) fn wanted(&self, context: &Context) -> Result<Wanted, CliError> {
        let file = match self.app_file.clone().or_else(|| exactly("LEASEHOLD_APP_FILE").map(PathBuf::from)) {
            Some(path) => Some(AppFile::read(&path)?),
            None => None,
        };
        let method = self.login.clone().or_else(|| exactly("LEASEHOLD_LOGIN"));
        let wanted = match (file, method) {
            (None, None) => self.of_estate(context),
            (file, method) => self.alone(file.unwrap_or_default(), method),
        }?;
        Ok(Wanted { mfa_code: self.mfa_code.clone(), ..wanted })
    }

    fn of_estate(&self, context: &Context) -> Result<Wanted, CliError> {
        let which = [("--login-mount", &self.login_mount), ("--login-role", &self.login_role)];
        if let Some((flag, _)) = which.iter().find(|(_, value)| value.is_some() && !context.holds_estate()) {
            return Err(CliError::new(1, format!("{flag} chooses among an app's logins, and there is no estate here"))
                .hint("name the method too, to log in without one: --login approle"));
        }
        let name = self.app.as_deref().ok_or_else(|| {
            CliError::new(1, "no app is named")
                .hint("name one of the estate's: `leasehold creds APP`")
                .hint("or say how to log in without an estate: --login METHOD, or --app-file FILE")
        })?;
        let estate = context.estate().map_err(|failure| match context.holds_estate() {
            true => failure,
            false => {
                failure.hint("on a host without the estate, say how to log in: --login METHOD, or --app-file FILE")
            }
        })?;
        let app = find_app(&estate, name)?;
        // Before anything that is kept for it is given.
        context.namespace(&estate.environment)?;
        let which = login::Which { mount: self.login_mount.as_deref(), role_name: self.login_role.as_deref() };
        let role = self.choose_role(app)?.clone();
        let ChoiceArgs { role_arn, ttl, session_name } = self.choice.clone();
        let choice = Choice::of(role_arn, ttl.as_deref(), session_name)?;
        choice.check(&role, &estate)?;
        let here = login::Here { context, environment: &estate.environment };
        let login = login::chosen(app, which, &self.own, here)?.clone();
        let (app, own) = (app.name.clone(), self.own.clone());
        Ok(Wanted {
            app,
            role,
            login,
            estate: Some(estate),
            address: None,
            namespace: None,
            own,
            mfa_code: None,
            choice,
        })
    }

    /// Without an estate: what flags and variables say goes before the file.
    fn alone(&self, file: AppFile, method: Option<String>) -> Result<Wanted, CliError> {
        let said = |flag: &Option<String>, variable: &str, in_file: Option<String>| {
            flag.clone().or_else(|| exactly(variable)).or(in_file)
        };
        let role = said(&self.role, "LEASEHOLD_ROLE", file.role);
        let role = match (&self.mount, role) {
            (Some(mount), Some(role)) if !role.contains('/') => Some(format!("{}/{role}", mount.trim_matches('/'))),
            (Some(_), _) => {
                return Err(CliError::new(1, "--mount has no role beside it").hint("--role MOUNT/ROLE says both"));
            }
            (None, role) => role,
        };
        Wanted::of(
            AppFile {
                address: file.address,
                namespace: file.namespace,
                app: self.app.clone().or(file.app),
                role,
                login: method.or(file.login),
                login_mount: said(&self.login_mount, "LEASEHOLD_LOGIN_MOUNT", file.login_mount),
                login_role: said(&self.login_role, "LEASEHOLD_LOGIN_ROLE", file.login_role),
                role_arn: said(&self.choice.role_arn, "LEASEHOLD_ROLE_ARN", file.role_arn),
                ttl: self.choice.ttl.clone().or_else(|| exactly("LEASEHOLD_TTL")).map(Written::Text).or(file.ttl),
                role_session_name: said(&self.choice.session_name, "LEASEHOLD_SESSION_NAME", file.role_session_name),
            },
            self.own.clone(),
        )
    }

    /// An app of the estate, as an agent's file names it.
    pub(in crate::cli) fn named(said: AppFile, own: Own) -> Self {
        let AppFile { app, role, login_mount, login_role, role_arn, ttl, role_session_name, .. } = said;
        let choice = ChoiceArgs { role_arn, ttl: ttl.map(|ttl| ttl.to_string()), session_name: role_session_name };
        Self { app, role, login_mount, login_role, choice, own, ..Self::default() }
    }

    /// The role to read: the only one of the app, or the one that was named.
    fn choose_role<'a>(&self, app: &'a App) -> Result<&'a RolePath, CliError> {
        let all: Vec<_> = app.roles.iter().chain(&app.grants).collect();
        let shown = |roles: &[&RolePath]| roles.iter().map(|role| role.label()).collect::<Vec<_>>().join(", ");
        let wanted: Vec<_> = all
            .iter()
            .copied()
            .filter(|role| {
                self.role.as_ref().is_none_or(|wanted| *wanted == role.name || *wanted == role.label())
                    && self.mount.as_ref().is_none_or(|wanted| wanted.trim_matches('/') == role.mount)
            })
            .collect();
        match wanted.as_slice() {
            [role] => Ok(role),
            [] if all.is_empty() => Err(CliError::new(1, format!("the app {} has no role", app.name))
                .hint(format!("add a `role` block or `grants` to it at {}", app.place))),
            [] => Err(CliError::new(1, format!("the app {} has no such role", app.name))
                .hint(format!("it has: {}", shown(&all)))),
            several => Err(CliError::new(1, format!("the app {} has several roles", app.name))
                .hint(format!("name one with --role (and --mount): {}", shown(several)))),
        }
    }
}

impl Wanted {
    /// What is meant where there is no estate. What is left out is as an estate would have derived it.
    ///
    /// # Errors
    /// What has to be said, and is not; a role or a method that is none.
    pub(in crate::cli) fn of(said: AppFile, own: Own) -> Result<Self, CliError> {
        let lacks = |what: &str, flag: &str| {
            CliError::new(1, format!("without an estate, {what} has to be said"))
                .hint(format!("{flag}, or in --app-file"))
        };
        let AppFile { address, namespace, app, role, login, login_mount, login_role, .. } = said;
        let AppFile { role_arn, ttl, role_session_name, .. } = said;
        let choice = Choice::of(role_arn, ttl.map(|ttl| ttl.to_string()).as_deref(), role_session_name)?;
        let role = role.or_else(|| app.as_ref().map(|app| format!("aws/{app}")));
        let role = role_at(&role.ok_or_else(|| lacks("which role is meant", "--role MOUNT/ROLE"))?)?;
        let method = login.ok_or_else(|| lacks("how to log in", "--login METHOD"))?;
        login::known(&method)?;
        let mount = login_mount.as_deref().map(login::mount_named);
        let role_name = login_role.or_else(|| app.as_ref().map(|app| format!("app-{app}"))).unwrap_or_default();
        let place = Place { file: login::ALONE.into(), line: 1, column: 1 };
        let login = Login { mount: mount.unwrap_or_else(|| method.clone()), method, role_name, place };
        let app = app.unwrap_or_else(|| role.label());
        Ok(Self { app, role, login, estate: None, address, namespace, own, mfa_code: None, choice })
    }
}

/// The role of `MOUNT/ROLE`.
fn role_at(text: &str) -> Result<RolePath, CliError> {
    let named = text.trim_matches('/').rsplit_once('/').filter(|(mount, name)| !mount.is_empty() && !name.is_empty());
    let (mount, name) = named.ok_or_else(|| {
        CliError::new(1, format!("{text:?} names no role where there is no estate"))
            .hint("--role MOUNT/ROLE, such as aws/webapp; of a static role MOUNT/static-creds/ROLE")
    })?;
    // Whoever says where it is read says of which kind it is.
    let read_at = object::roles().find_map(|kind| {
        let before = |folder: &&str| mount.strip_suffix(folder)?.strip_suffix('/');
        let folder = kind.issued_in().iter().find_map(before).filter(|mount| !mount.is_empty())?;
        Some((kind, folder))
    });
    let (kind, mount) = match read_at {
        Some(found) => found,
        None => (object::roles().next().ok_or_else(|| CliError::new(1, "no kind of role is known"))?, mount),
    };
    Ok(RolePath { kind, mount: mount.to_owned(), name: name.to_owned() })
}

fn find_app<'a>(estate: &'a Estate, name: &str) -> Result<&'a App, CliError> {
    if let Some(app) = estate.apps.iter().find(|app| app.name == name) {
        return Ok(app);
    }
    let failure =
        CliError::new(1, format!("the estate has no app {name:?} in environment {}", estate.environment.name));
    let near = did_you_mean(name, estate.apps.iter().map(|app| app.name.as_str()));
    let names: Vec<_> = estate.apps.iter().take(20).map(|app| app.name.as_str()).collect();
    Err(match (near, names.is_empty()) {
        (Some(near), _) => failure.hint(near),
        (None, true) => failure.hint("it has no apps at all; see `leasehold validate`"),
        (None, false) => failure.hint(format!("it has: {}", names.join(", "))),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{AppArgs, AppFile};
    use crate::estate::App;
    use crate::object::{Place, RolePath, aws_role};

    fn app(roles: &[(&str, &str)], grants: &[(&str, &str)]) -> App {
        let role = |(mount, name): &(&str, &str)| RolePath {
            kind: &aws_role::KIND,
            mount: (*mount).to_owned(),
            name: (*name).to_owned(),
        };
        let owned = |pairs: &[(&str, &str)]| pairs.iter().map(role).collect();
        App {
            name: "webapp".to_owned(),
            owner: None,
            roles: owned(roles),
            grants: owned(grants),
            logins: Vec::new(),
            policies: Vec::new(),
            place: Place { file: Arc::from("apps.hcl"), line: 3, column: 1 },
        }
    }

    fn args(app: Option<&str>, role: Option<&str>, mount: Option<&str>) -> AppArgs {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        AppArgs { app: owned(app), role: owned(role), mount: owned(mount), ..AppArgs::default() }
    }

    #[track_caller]
    fn check(app: &App, role: Option<&str>, mount: Option<&str>, expected: Result<(&str, &str), &str>) {
        let args = args(Some(&app.name), role, mount);
        match (args.choose_role(app), expected) {
            (Ok(role), Ok(expected)) => assert_eq!((role.mount.as_str(), role.name.as_str()), expected),
            (Err(error), Err(hint)) => assert!(error.hints[0].contains(hint), "{error:?}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn the_only_role_needs_no_name_and_several_do() {
        let one = app(&[("aws", "webapp")], &[]);
        let two = app(&[("aws", "webapp")], &[("prod", "webapp"), ("aws", "reader")]);
        check(&one, None, None, Ok(("aws", "webapp")));
        check(&two, None, None, Err("aws/webapp, prod/webapp, aws/reader"));
        check(&two, Some("reader"), None, Ok(("aws", "reader")));
        check(&two, Some("webapp"), Some("prod/"), Ok(("prod", "webapp")));
        check(&two, Some("prod/webapp"), None, Ok(("prod", "webapp")));
        check(&two, Some("webapp"), None, Err("aws/webapp, prod/webapp"));
        check(&two, Some("nope"), None, Err("it has: aws/webapp"));
        check(&app(&[], &[]), None, None, Err("apps.hcl:3"));
    }

    #[test]
    fn without_an_estate_the_rest_is_as_one_would_derive_it() {
        let alone = |app: Option<&str>, role: Option<&str>, file: &str| {
            let file: AppFile = serde_yaml::from_str(file).expect("a file");
            args(app, role, None).alone(file, Some("approle".to_owned()))
        };
        let wanted = alone(Some("webapp"), None, "{}").expect("enough is said");
        assert_eq!((wanted.role.credentials(), wanted.app.as_str()), ("aws/creds/webapp".to_owned(), "webapp"));
        assert_eq!((wanted.login.mount.as_str(), wanted.login.role_name.as_str()), ("approle", "app-webapp"));
        let file = "{address: 'https://127.0.0.1:8200', role: team/aws/r, login_mount: auth/ci/, login_role: x}";
        let wanted = alone(None, None, file).expect("enough is said");
        assert_eq!((wanted.role.credentials(), wanted.app.as_str()), ("team/aws/creds/r".to_owned(), "team/aws/r"));
        assert_eq!((wanted.login.mount.as_str(), wanted.login.role_name.as_str()), ("ci", "x"));
        assert_eq!(wanted.address.as_deref(), Some("https://127.0.0.1:8200"));
        assert_eq!(alone(None, Some("a/b"), file).expect("a flag goes first").role.label(), "a/b");
        for (role, read_at) in [("a/b/static-creds/c", "a/b/static-creds/c"), ("a/creds/c", "a/creds/c")] {
            assert_eq!(alone(None, Some(role), "{}").expect("a role").role.credentials(), read_at);
        }
        for (app, role) in [(None, None), (Some("a"), Some("b"))] {
            let error = alone(app, role, "{}").err().expect("which role?");
            assert!(error.hints[0].contains("--role MOUNT/ROLE"), "{error:?}");
        }
        assert!(args(None, Some("a/b"), None).alone(AppFile::default(), Some("kerberos".to_owned())).is_err());
    }
}
