//! `leasehold creds`: what an app does at its start, in one command.
//!
//! Logs in as the app, reads a credential with the app's own token, and prints it in the form that is
//! asked for. So it tries the whole chain: if this works, so does the app.

mod credential;
mod login;

use self::credential::Credential;
use super::context::Context;
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::{Global, exactly};
use super::{answer, output, table};
use crate::api;
use crate::estate::{App, Estate};
use crate::object::RolePath;
use crate::text::did_you_mean;

/// Arguments of `leasehold creds`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "--format env is for `eval \"$(leasehold creds APP --format env)\"`; AWS SDKs take --format process as\ncredential_process:\n\n  [profile webapp]\n  credential_process = leasehold -C /path/to/estate creds webapp --format process\n\nThe app's role id and secret id come from LEASEHOLD_ROLE_ID and LEASEHOLD_SECRET_ID (or\nLEASEHOLD_SECRET_ID_FILE); without them, the operator's token makes a secret id for one use. A signed\ntoken comes from LEASEHOLD_JWT or LEASEHOLD_JWT_FILE."
)]
pub(crate) struct Args {
    /// The app, as the estate names it
    app: String,
    /// The role, where the app has more than one
    #[arg(long)]
    role: Option<String>,
    /// The role's secrets engine, where roles of one name are in several
    #[arg(long)]
    mount: Option<String>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.format(forms::CREDS)?;
    let context = Context::open(global)?;
    let outcome = issue(&args, &context).await;
    let printed = outcome.and_then(|credential| print(&credential, format, global));
    context.close().await;
    printed
}

async fn issue(args: &Args, context: &Context) -> Result<Credential, CliError> {
    let estate = context.estate()?;
    let app = find_app(&estate, &args.app)?;
    let role = choose_role(app, args)?;
    let method = login::chosen(app)?;
    let client = context.operator(&estate.environment).await?;
    let session = login::login(&client, method, context).await?;
    let app_client = client.with_token(session.token.clone());
    let path = role.credentials();
    let answer = match app_client.read(&path).await {
        Ok(Some(answer)) => answer,
        Ok(None) => return Err(CliError::plain(2, format!("No value found at {path}")).hint(APPLY)),
        Err(error) => return Err(refused(&estate, app, role, &error, context)),
    };
    output::warnings(&answer.warnings);
    Credential::new(app.name.clone(), role.label(), &answer, session.ttl, context.clock().now()).ok_or_else(|| {
        CliError::plain(2, format!("{path} answered without an access key; is {}/ an AWS secrets engine?", role.mount))
    })
}

const APPLY: &str = "`leasehold apply` brings the engine in line with the files";

/// Why an app got no credential, with what to do: an engine that is behind the files is brought in line with them; what
/// AWS does not take is changed where it is declared.
fn refused(estate: &Estate, app: &App, role: &RolePath, error: &api::Error, context: &Context) -> CliError {
    let doing = format!("Error reading {} as {}", role.credentials(), app.name);
    let place = |path: String| estate.object(&path).map(|object| object.place.to_string());
    let role_place = place(role.path());
    let unknown = |texts: &[String]| texts.iter().any(|text| text.starts_with("Role ") && text.contains("not found"));
    match error {
        api::Error::Status { code: 403, .. } => CliError::api(doing, error).hint(APPLY),
        api::Error::Status { code: 400, errors, .. } if unknown(errors) => CliError::api(doing, error).hint(APPLY),
        api::Error::Status { code: 400 | 500, errors, .. } => {
            let template = errors.iter().any(|text| text.contains("username"));
            let template = template.then(|| template_place(estate, role)).flatten();
            let failure = CliError::api(doing, error);
            match (template, role_place) {
                (Some(place), _) => {
                    failure.hint(format!("the username template of {} is declared at {place}", role.mount))
                }
                (None, Some(place)) => failure
                    .hint(format!("what the role asks of AWS is declared at {place}"))
                    .hint("`leasehold drift` tells whether somebody made the engine's another"),
                (None, None) => failure,
            }
        }
        _ => context.failed(doing, error),
    }
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

/// Where the settings of a role's mount are declared that say how its users are named.
fn template_place(estate: &Estate, role: &RolePath) -> Option<String> {
    let settings = role.kind.needs(&role.path()).into_iter().filter_map(|path| estate.object(&path));
    let mut naming = settings.filter(|object| object.kind.field("username_template").is_some());
    naming.next().map(|object| object.place.to_string())
}

/// The role to read: the only one of the app, or the one that was named.
fn choose_role<'a>(app: &'a App, args: &Args) -> Result<&'a RolePath, CliError> {
    let all: Vec<_> = app.roles.iter().chain(&app.grants).collect();
    let shown = |roles: &[&RolePath]| roles.iter().map(|role| role.label()).collect::<Vec<_>>().join(", ");
    let wanted: Vec<_> = all
        .iter()
        .copied()
        .filter(|role| {
            args.role.as_ref().is_none_or(|wanted| *wanted == role.name || *wanted == role.label())
                && args.mount.as_ref().is_none_or(|wanted| wanted.trim_matches('/') == role.mount)
        })
        .collect();
    match wanted.as_slice() {
        [role] => Ok(role),
        [] if all.is_empty() => Err(CliError::new(1, format!("the app {} has no role", app.name))
            .hint(format!("add a `role` block or `grants` to it at {}", app.place))),
        [] => {
            Err(CliError::new(1, format!("the app {} has no such role", app.name))
                .hint(format!("it has: {}", shown(&all))))
        }
        several => Err(CliError::new(1, format!("the app {} has several roles", app.name))
            .hint(format!("name one with --role (and --mount): {}", shown(several)))),
    }
}

fn print(credential: &Credential, format: Format, global: &Global) -> Result<u8, CliError> {
    if let Some(name) = &global.field {
        return answer::print_field(credential.field(name), name, format);
    }
    match format {
        Format::Json | Format::Yaml => answer::structured(&credential.json(), format)?,
        Format::Env => output::data(&credential.shell())?,
        Format::Process => answer::structured(&credential.process(), Format::Json)?,
        _ => {
            output::data(&output::printable(&table::pairs(credential.rows())))?;
            output::say(&credential.advice(in_estate(global).as_deref()));
        }
    }
    Ok(0)
}

/// The flags that lead a further command to the same engine.
fn in_estate(global: &Global) -> Option<String> {
    let dir = global.dir.as_ref().map(|dir| format!(" -C {}", credential::quoted(&dir.display().to_string())));
    let environment = global.environment.as_ref().map(|name| format!(" -e {}", credential::quoted(name)));
    let flags = [dir, environment].into_iter().flatten().collect::<String>();
    Some(flags).filter(|flags| !flags.is_empty() && exactly("LEASEHOLD_ADDR").is_none())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Args, choose_role};
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

    #[track_caller]
    fn check(app: &App, role: Option<&str>, mount: Option<&str>, expected: Result<(&str, &str), &str>) {
        let args = Args { app: app.name.clone(), role: role.map(Into::into), mount: mount.map(Into::into) };
        match (choose_role(app, &args), expected) {
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
}
