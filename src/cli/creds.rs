//! `leasehold creds`: what an app does at its start, in one command.
//!
//! Logs in as the app, reads a credential with the app's own token, and prints it in the form that is
//! asked for. So it tries the whole chain: if this works, so does the app.

use super::app::cache::Cache;
use super::app::{AppArgs, Wanted};
use super::context::Context;
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::{Global, exactly, set};
use super::{answer, output, table};
use crate::keeper::{Credential, quoted};

/// Arguments of `leasehold creds`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "--format env is for `eval \"$(leasehold creds APP --format env)\"`; AWS SDKs take --format process as\ncredential_process:\n\n  [profile webapp]\n  credential_process = leasehold -C /path/to/estate creds webapp --format process\n\nThe app's role id and secret id come from LEASEHOLD_ROLE_ID and LEASEHOLD_SECRET_ID (or\nLEASEHOLD_SECRET_ID_FILE); without them, the operator's token makes a secret id for one use. A signed\ntoken comes from LEASEHOLD_JWT or LEASEHOLD_JWT_FILE.\n\nOn a host without the estate, --login METHOD says how to log in: what an estate would derive of the app's\nname need not be said. --format process gives a credential again while half of its life is left."
)]
pub(crate) struct Args {
    #[command(flatten)]
    app: AppArgs,
    /// With --format process: always a fresh credential, and none that is kept
    #[arg(long)]
    no_cache: bool,
    /// Let the credential lie wrapped for so long, and print the token that fetches it
    #[arg(long, value_name = "DURATION")]
    wrap_ttl: Option<String>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let format = global.format(forms::CREDS)?;
    if let Some(ttl) = &args.wrap_ttl {
        return wrapped(&args, ttl, global).await;
    }
    if let Some((variable, _)) = set("WRAP_TTL") {
        let what = format!("{variable} is set, and is not for the credentials of apps");
        return Err(CliError::new(1, what).hint("--wrap-ttl wraps one; else unset the variable"));
    }
    let context = Context::open(global)?;
    let outcome = credential(&args, format, global, &context).await;
    let printed = outcome.and_then(|credential| print(&credential, format, global));
    context.close().await;
    printed
}

/// The credential goes to somebody else, who fetches it.
async fn wrapped(args: &Args, ttl: &str, global: &Global) -> Result<u8, CliError> {
    global.answer_format().map_err(|error| error.hint("a credential that lies wrapped is not known here"))?;
    let context = Context::open(global)?;
    let asked = async {
        let wanted = args.app.wanted(&context)?;
        wanted.wrapped(&wanted.client(&context).await?, &context, ttl).await
    };
    let printed = asked.await.and_then(|told| answer::print(&told, global));
    context.close().await;
    printed
}

async fn credential(args: &Args, format: Format, global: &Global, context: &Context) -> Result<Credential, CliError> {
    let wanted = args.app.wanted(context)?;
    let cache = match format {
        Format::Process if !args.no_cache => Cache::of(&wanted, global, context).await,
        _ => None,
    };
    if let Some(kept) = cache.as_ref().and_then(|cache| cache.living(context.clock().now())) {
        return Ok(kept);
    }
    let credential = fresh(&wanted, context).await?;
    // What is under no lease costs nobody a user, and nothing here would know of its end.
    if let Some(cache) = cache.as_ref().filter(|_| credential.is_leased()) {
        cache.keep(&credential, context.clock().now());
    }
    Ok(credential)
}

async fn fresh(wanted: &Wanted, context: &Context) -> Result<Credential, CliError> {
    let client = wanted.client(context).await?;
    Ok(wanted.issue(&client, context).await?.credential)
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
    let dir = global.dir.as_ref().map(|dir| format!(" -C {}", quoted(&dir.display().to_string())));
    let environment = global.environment.as_ref().map(|name| format!(" -e {}", quoted(name)));
    let flags = [dir, environment].into_iter().flatten().collect::<String>();
    Some(flags).filter(|flags| !flags.is_empty() && exactly("LEASEHOLD_ADDR").is_none())
}
