//! `leasehold ledger`: what is an estate's own in an engine, as its ledger says.

use serde_json::{Map, Value, json};

use super::app::RunArgs;
use super::context::{Context, owner_of};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::request;
use super::{output, table};
use crate::apply;
use crate::ledger::{self, Ledger};
use crate::object::{Owned, Progress};

/// Arguments of `leasehold ledger`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Print what is this estate's own: each object, where it was declared, and the commit that wrote it
    ///
    /// The state is `applied` for what was written and read back, and `unknown` for what an apply was about to
    /// write and did not come back to: the next one looks, and writes it again where that can't be told.
    #[command(after_help = "Secrets are not in it.")]
    Show {
        /// Only what lies under this path
        #[arg(value_name = "PATH")]
        prefix: Option<String>,
    },
    /// Print whose ledgers the engine has
    List,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let context = Context::open(global)?.logging_in(RunArgs::default().way()?);
    let format = global.format(forms::ANSWER)?;
    let outcome = match args.action {
        Subcommand::Show { prefix } => show(&context, request::path(prefix.as_deref().unwrap_or_default())).await,
        Subcommand::List => list(&context).await,
    };
    context.close().await;
    let (rows, data) = outcome?;
    output::data(&match format {
        Format::Json => format!("{data:#}\n"),
        Format::Yaml => {
            serde_yaml::to_string(&data).map_err(|error| CliError::new(1, format!("no YAML of it: {error}")))?
        }
        _ => rows,
    })?;
    Ok(0)
}

/// The estate's own ledger, and a client to the engine that it is in.
pub(super) async fn read(context: &Context) -> Result<(Ledger, crate::api::Client), CliError> {
    let environment = context.chosen()?;
    let client = context.operator(&environment).await?.patient();
    let owner = owner_of(&environment);
    let ledger = Ledger::read(&client, &owner).await;
    Ok((ledger.map_err(|error| context.unproposed(apply::Error::Ledger(error).into()))?, client))
}

async fn show(context: &Context, prefix: &str) -> Result<(String, Value), CliError> {
    let (ledger, _) = read(context).await?;
    let is_under = |path: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    let entries: Vec<_> = ledger.owned().iter().filter(|(path, _)| is_under(path)).collect();
    let rows = entries.iter().map(|(path, owned)| {
        let commit = owned.commit.clone().unwrap_or_else(|| "-".to_owned());
        vec![(*path).clone(), owned.kind.name.to_owned(), state(owned).to_owned(), owned.place.to_string(), commit]
    });
    let text = table::headed(&["Path", "Kind", "State", "Declared at", "Commit"], rows.collect());
    let data: Map<String, Value> = entries.iter().map(|(path, owned)| ((*path).clone(), told(owned))).collect();
    Ok((text, json!({"owner": ledger.owner(), "objects": data})))
}

async fn list(context: &Context) -> Result<(String, Value), CliError> {
    // An engine with an address has ledgers also where no estate is.
    let client = match context.is_about_an_engine() {
        true => context.engine().await?,
        false => context.operator(&context.chosen()?).await?.patient(),
    };
    let all = Ledger::all(&client).await;
    let mut all = all.map_err(|error| context.unproposed(apply::Error::Ledger(error).into()))?;
    all.sort_by_key(|ledger| ledger.owner().to_owned());
    let rows = all.iter().map(|ledger| {
        vec![ledger.owner().to_owned(), ledger.owned().len().to_string(), ledger::describe(ledger.owner())]
    });
    let text = table::headed(&["Owner", "Objects", "Whose"], rows.collect());
    let data = all.iter().map(|ledger| json!({"owner": ledger.owner(), "objects": ledger.owned().len()}));
    Ok((text, data.collect()))
}

fn state(owned: &Owned) -> &'static str {
    match owned.state {
        Progress::Applied => "applied",
        Progress::Intended | Progress::Changing => "unknown",
    }
}

/// An entry for programs, with the names of its secrets alone.
fn told(owned: &Owned) -> Value {
    let mut told = owned.encode();
    told["state"] = state(owned).into();
    told["secrets"] = owned.secrets.keys().cloned().collect();
    told
}
