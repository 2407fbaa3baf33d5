//! `leasehold lease`.

use serde_json::{Map, Value, json};

use super::app::cache;
use super::context::{Context, with_client};
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::request::{body, path};
use super::{answer, output};
use crate::api::Client;

/// Arguments of `leasehold lease`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Show a lease
    Lookup {
        /// The lease
        lease_id: String,
    },
    /// Ask for more time
    Renew {
        /// The lease
        lease_id: String,
        /// How much from now on: seconds, or a duration such as 30m; the engine may give less
        #[arg(short, long, value_name = "DURATION")]
        increment: Option<String>,
    },
    /// End a lease, and the credential with it
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The lease; with --prefix, the path that the leases begin with
    lease_id: String,
    /// End all leases below the path
    #[arg(long)]
    prefix: bool,
    /// Forget the leases even where the credential can't be ended (only with --prefix)
    #[arg(short, long)]
    force: bool,
    /// Wait until it is done, and tell what went wrong
    #[arg(long)]
    sync: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    if let Subcommand::Revoke(Revoke { force: true, prefix: false, .. }) = args.action {
        return Err(CliError::plain(1, "Specifying -force requires also specifying -prefix"));
    }
    with_client(global, async |context, client| match &args.action {
        Subcommand::Lookup { lease_id } => {
            let found = client.write("sys/leases/lookup", &body(json!({ "lease_id": lease_id }))).await;
            let doing = format!("error looking up lease id {lease_id}");
            answer::print(&found.map_err(|error| context.failed(doing, &error))?, global)
        }
        Subcommand::Renew { lease_id, increment } => {
            let mut body = body(json!({ "lease_id": lease_id }));
            if let Some(increment) = increment {
                body.insert("increment".to_owned(), json!(increment));
            }
            let renewed = client.write("sys/leases/renew", &body).await;
            answer::print(
                &renewed.map_err(|error| context.failed(format!("Error renewing {lease_id}"), &error))?,
                global,
            )
        }
        Subcommand::Revoke(revoke) => end(revoke, context, &client, global).await,
    })
    .await
}

async fn end(revoke: &Revoke, context: &Context, client: &Client, global: &Global) -> Result<u8, CliError> {
    let below = revoke.force || revoke.prefix;
    // As Vault's command line does: what a path is pasted with is no part of it.
    let id = if below { path(&revoke.lease_id) } else { revoke.lease_id.trim().trim_start_matches('/') };
    if id.is_empty() {
        return Err(CliError::plain(1, "the path that the leases begin with is empty")
            .hint("the path of a role, such as aws/creds/webapp, or of a mount, such as aws"));
    }
    let sync = body(json!({ "sync": revoke.sync }));
    let (at, body, doing, done) = if revoke.force {
        output::say("Warning! Force-removing leases can cause Vault to become out of sync with secret engines!");
        let at = format!("sys/leases/revoke-force/{id}");
        match client.read(&at).await {
            Ok(asked) => asked.and_then(|asked| asked.data).iter().for_each(|what| cut_off(what, "This will cut off")),
            Err(error) if error.code() == Some(403) => {
                output::say(&format!(
                    "This token may not read {at}: whose sessions it will cut off is told afterwards."
                ));
            }
            // Servers that know no such question refuse it; they cut nothing off.
            Err(_) => {}
        }
        let done = format!("Success! Force revoked any leases with prefix: {id}");
        (
            format!("sys/leases/revoke-force/{id}"),
            Map::new(),
            format!("Error force revoking leases with prefix {id}"),
            done,
        )
    } else if revoke.prefix {
        let done = format!("Success! Revoked any leases with prefix: {id}");
        (format!("sys/leases/revoke-prefix/{id}"), sync, format!("Error revoking leases with prefix {id}"), done)
    } else {
        (
            format!("sys/leases/revoke/{id}"),
            sync,
            format!("Error revoking lease {id}"),
            format!("Success! Revoked lease: {id}"),
        )
    };
    let answered = client.write(&at, &body).await.map_err(|error| context.failed(doing, &error))?;
    output::warnings(&answered.warnings);
    let is_below = |lease: &str| lease.strip_prefix(id).is_some_and(|rest| rest.starts_with('/'));
    cache::forget(|lease| lease == id || below && is_below(lease));
    if global.answer_format()? == Format::Table {
        match revoke.sync || revoke.force {
            true => output::line(&done)?,
            false => output::line("All revocation operations queued successfully!")?,
        }
        if let Some(what) = &answered.data {
            told(what);
        }
    }
    Ok(0)
}

/// Says which sessions of IAM roles are cut off, and whose else.
fn cut_off(what: &Map<String, Value>, verb: &str) {
    for cut in what.get("cut_off").and_then(Value::as_array).into_iter().flatten() {
        if cut.get("role_is_gone") == Some(&Value::Bool(true)) {
            let role = output::one_line(cut.get("role_arn").and_then(Value::as_str).unwrap_or_default()).into_owned();
            output::say(&format!("There is no role {role} any more: none of its sessions can do anything"));
            continue;
        }
        let text = |key: &str| output::one_line(cut.get(key).and_then(Value::as_str).unwrap_or_default()).into_owned();
        output::say(&format!(
            "{verb} all sessions of {} that were issued before, until {}:",
            text("role_arn"),
            text("until")
        ));
        let sessions = cut.get("sessions").and_then(Value::as_u64).unwrap_or_default();
        output::say(&format!("  of these leases: {sessions}"));
        if let Some(ended @ 1..) = cut.get("ended_sessions").and_then(Value::as_u64) {
            output::say(&format!("  of leases that have ended: {ended}"));
        }
        for (path, count) in cut.get("other_sessions").and_then(Value::as_object).into_iter().flatten() {
            let path = output::one_line(path);
            output::say(&format!(
                "  of {path}, whose leases stay: {count}; end them too, or they are handed out on: leasehold lease revoke -prefix {path}"
            ));
        }
        output::say("  and those that others opened, whoever they are; after that time they work again");
        output::say("  an agent has others within a minute or so, once the lease of what it hands on has ended");
    }
}

/// Says what a call about many leases did, where the engine tells it.
fn told(what: &Map<String, Value>) {
    for (key, done) in [("revoked", "revoked"), ("queued", "to be revoked")] {
        match what.get(key).and_then(Value::as_u64) {
            Some(1) => output::say(&format!("1 lease {done}")),
            Some(many) => output::say(&format!("{many} leases {done}")),
            None => {}
        }
    }
    cut_off(what, "Cut off:");
    for id in what.get("given_up").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        output::say(&format!("The credential of {} may be left; the lease is forgotten", output::one_line(id)));
    }
}
