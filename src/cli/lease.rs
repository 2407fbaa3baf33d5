//! `leasehold lease`.

use serde_json::{Map, Value, json};

use super::app::cache;
use super::context::{Context, with_client};
use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::request::body;
use super::{answer, output};
use crate::api::Client;

/// Arguments of `leasehold lease`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
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
    if let Action::Revoke(Revoke { force: true, prefix: false, .. }) = args.action {
        return Err(CliError::plain(1, "Specifying -force requires also specifying -prefix"));
    }
    with_client(global, async |context, client| match &args.action {
        Action::Lookup { lease_id } => {
            let found = client.write("sys/leases/lookup", &body(json!({ "lease_id": lease_id }))).await;
            let doing = format!("error looking up lease id {lease_id}");
            answer::print(&found.map_err(|error| context.failed(doing, &error))?, global)
        }
        Action::Renew { lease_id, increment } => {
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
        Action::Revoke(revoke) => end(revoke, context, &client, global).await,
    })
    .await
}

async fn end(revoke: &Revoke, context: &Context, client: &Client, global: &Global) -> Result<u8, CliError> {
    let id = revoke.lease_id.trim().trim_start_matches('/');
    let sync = body(json!({ "sync": revoke.sync }));
    let (path, body, doing, done) = if revoke.force {
        output::say("Warning! Force-removing leases can cause Vault to become out of sync with secret engines!");
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
    let answered = client.write(&path, &body).await.map_err(|error| context.failed(doing, &error))?;
    output::warnings(&answered.warnings);
    let below = revoke.force || revoke.prefix;
    cache::forget(|lease| lease == id || below && lease.starts_with(id));
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

/// Says what a call about many leases did, where the engine tells it.
fn told(what: &Map<String, Value>) {
    for (key, done) in [("revoked", "revoked"), ("queued", "to be revoked")] {
        match what.get(key).and_then(Value::as_u64) {
            Some(1) => output::say(&format!("1 lease {done}")),
            Some(many) => output::say(&format!("{many} leases {done}")),
            None => {}
        }
    }
    for id in what.get("given_up").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        output::say(&format!("The credential of {} may be left; the lease is forgotten", output::one_line(id)));
    }
}
