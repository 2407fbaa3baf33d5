//! `leasehold operator rekey`.

use serde_json::{Map, Value, json};

use super::progress::{Rows, tell};
use super::unseal::share;
use crate::api::{Answer, Client};
use crate::cli::context::{Context, with_client};
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::global::Global;
use crate::cli::request::body;
use crate::cli::{answer, output, table};
use crate::secret::Secret;

/// Which key.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Target {
    /// The unseal key, of a store that people open with shares.
    #[default]
    Barrier,
    /// The recovery key, of a store that opens with a key file or a key service; the first one is made at once.
    Recovery,
}

/// Arguments of `leasehold operator rekey`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A share of the old key, with --verify of the new one, or - for stdin; asked for when left out
    key: Option<String>,
    /// Begin: say how the new key is split; with --verify it comes into force once enough new shares were brought back
    #[arg(long, conflicts_with_all = ["key", "cancel", "status"])]
    init: bool,
    /// Give it up: the old shares stay in force
    #[arg(long, conflicts_with_all = ["key", "status"])]
    cancel: bool,
    /// Say only how far it is
    #[arg(long, conflicts_with = "key")]
    status: bool,
    /// Bring new shares back, or say so of a rekey that begins
    #[arg(long)]
    verify: bool,
    /// Which key: barrier for the unseal key, recovery where a key file or a key service opens the store
    #[arg(long, value_enum, default_value = "barrier")]
    target: Target,
    /// Into how many shares the new key is split
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 5)]
    key_shares: u32,
    /// How many shares make the new key
    #[arg(short = 't', long, value_name = "COUNT", default_value_t = 3)]
    key_threshold: u32,
    /// Of the rekey that the share is for, as --init printed it; else whichever is on its way
    #[arg(long)]
    nonce: Option<String>,
}

/// Runs the command and answers the exit code.
pub(super) async fn run(args: &Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    let brought = match args.init || args.cancel || args.status {
        true => None,
        false => Some(share(args.key.as_deref(), "Rekey share (will be hidden): ")?),
    };
    with_client(global, async |context, client| match brought {
        Some(brought) => bring(args, &brought, context, &client, global).await,
        None if args.init => {
            let asked = body(json!({
                "secret_shares": args.key_shares,
                "secret_threshold": args.key_threshold,
                "require_verification": args.verify,
            }));
            let begun = client.write(&path(args, "init"), &asked).await;
            tell_made(args, &begun.map_err(|error| context.failed("Error initializing rekey", &error))?, global)
        }
        None if args.cancel => {
            let ended = client.delete(&path(args, step(args, "init"))).await;
            ended.map_err(|error| context.failed("Error canceling rekey", &error))?;
            answer::succeed("Success! Canceled rekeying (if it was started)", global.answer_format()?)
        }
        None => tell(&found(args, context, &client).await?, global, rows),
    })
    .await
}

/// Which step is asked for, where it may be the verification.
fn step<'a>(args: &Args, otherwise: &'a str) -> &'a str {
    if args.verify { "verify" } else { otherwise }
}

/// Where a step is asked for.
fn path(args: &Args, step: &str) -> String {
    match args.target {
        Target::Barrier => format!("sys/rekey/{step}"),
        Target::Recovery => format!("sys/rekey-recovery-key/{step}"),
    }
}

async fn found(args: &Args, context: &Context, client: &Client) -> Result<Answer, CliError> {
    let path = path(args, step(args, "init"));
    let found = client.read(&path).await;
    let found = found.map_err(|error| context.failed("Error getting rekey status", &error))?;
    found.ok_or_else(|| CliError::plain(2, format!("No value found at {path}")))
}

async fn bring(
    args: &Args,
    brought: &Secret,
    context: &Context,
    client: &Client,
    global: &Global,
) -> Result<u8, CliError> {
    let nonce = match &args.nonce {
        Some(nonce) => nonce.clone(),
        None => {
            let found = found(args, context, client).await?;
            let nonce = found.body.get("nonce").and_then(Value::as_str).unwrap_or_default().to_owned();
            if nonce.is_empty() {
                return Err(CliError::plain(1, "No rekey is in progress")
                    .hint("`leasehold operator rekey --init` begins one; --target says of which key"));
            }
            nonce
        }
    };
    let asked = body(json!({ "key": brought.expose(), "nonce": nonce }));
    let taken = client.write(&path(args, step(args, "update")), &asked).await;
    tell_made(args, &taken.map_err(|error| context.failed("Error posting rekey share", &error))?, global)
}

/// How far it is, or the shares that were made.
fn tell_made(args: &Args, taken: &Answer, global: &Global) -> Result<u8, CliError> {
    let is = |name: &str| taken.body.get(name).and_then(Value::as_bool).unwrap_or(false);
    if !is("complete") || global.answer_format()? != Format::Table || global.field.is_some() {
        return tell(taken, global, rows);
    }
    if args.verify && !args.init {
        return answer::succeed("Success! The new shares are in force", Format::Table);
    }
    let mut text = String::new();
    for (at, key) in taken.body.get("keys_base64").and_then(Value::as_array).into_iter().flatten().enumerate() {
        text += &format!("Key {}: {}\n", at + 1, key.as_str().unwrap_or_default());
    }
    text += match (is("verification_required"), args.target) {
        (true, Target::Barrier) => {
            "\nThe old shares are in force until enough of these were brought back, with\n\
             `leasehold operator rekey --verify`.\n"
        }
        (true, Target::Recovery) => {
            "\nThese shares are in force once enough of them were brought back, with\n\
             `leasehold operator rekey --target=recovery --verify`.\n"
        }
        (false, Target::Barrier) => {
            "\nThese shares are in force, and nothing else has them; the old ones open nothing any more.\n"
        }
        (false, Target::Recovery) => {
            "\nThese shares are in force, and nothing else has them. They open no store: enough of them make a root token\n\
             (`leasehold operator generate-root`), or other shares.\n"
        }
    };
    output::data(&output::printable(&text)).map(|()| 0)
}

fn rows(found: &Map<String, Value>) -> Rows {
    let text = |name: &str| found.get(name).map(table::plain);
    let started = found.get("started").and_then(Value::as_bool).unwrap_or(false);
    let mut rows = Vec::new();
    let mut row = |name: &str, value: Option<String>| rows.extend(value.map(|value| (name.to_owned(), value)));
    row("Nonce", text("nonce").filter(|_| started));
    row("Started", text("started"));
    if started {
        let needed = text("required").or_else(|| text("t")).unwrap_or_default();
        row("Rekey Progress", text("progress").map(|progress| format!("{progress}/{needed}")));
        row("New Shares", text("n"));
        row("New Threshold", text("t"));
        row("Verification Required", text("verification_required"));
        row("Verification Nonce", text("verification_nonce"));
    }
    rows
}
