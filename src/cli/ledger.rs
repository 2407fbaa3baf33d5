//! `leasehold ledger`: what is an estate's own in an engine, as its ledger says.

use std::collections::BTreeMap;

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
use crate::plan::{Adopt, Asked, ChangeAction};
use crate::proposal::{Purpose, Word};

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
        #[command(flatten)]
        login: RunArgs,
    },
    /// Print whose ledgers the engine has; or its objects, and whose each is
    List(ListArgs),
}

/// Arguments of `leasehold ledger list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Unmanaged is what the engine has and no estate's ledger: what this one declares of it `leasehold adopt` takes over, the rest \
`leasehold import` writes files for. Only kinds that an estate can declare are looked at, and what this token may list.")]
struct ListArgs {
    /// Print the objects that an estate has in its ledger, and whose they are
    #[arg(long)]
    managed: bool,
    /// Print the objects that no estate has
    #[arg(long)]
    unmanaged: bool,
    #[command(flatten)]
    login: RunArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let (Subcommand::Show { login, .. } | Subcommand::List(ListArgs { login, .. })) = &args.action;
    let context = Context::open(global)?.logging_in(login.way()?);
    let format = global.format(forms::ANSWER)?;
    let outcome = match args.action {
        Subcommand::Show { prefix, .. } => show(&context, request::path(prefix.as_deref().unwrap_or_default())).await,
        Subcommand::List(args) if args.managed || args.unmanaged => objects(&context, &args).await,
        Subcommand::List(_) => list(&context).await,
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

/// The engine's objects, and whose each is.
async fn objects(context: &Context, args: &ListArgs) -> Result<(String, Value), CliError> {
    let workplace = context.workplace().await?;
    let own = owner_of(&workplace.estate.environment);
    let client = workplace.client.clone();
    let asked = Asked::default();
    let word = Word {
        adopt: Adopt::Refuse,
        adopt_from: &[],
        account_change: false,
        older: true,
        max_deletes: None,
        asked: &asked,
    };
    let plan = context.propose(workplace, word, Purpose::Show).await?.proposal.plan;
    let all = Ledger::all(&client).await;
    let all = all.map_err(|error| context.unproposed(apply::Error::Ledger(error).into()))?;
    let mut objects: BTreeMap<String, Listed> = BTreeMap::new();
    for object in &plan.unmanaged {
        objects.insert(object.path.clone(), Listed { kind: object.kind, owner: None, place: None });
    }
    for change in plan.changes.iter().filter(|change| change.action == ChangeAction::Adopt) {
        let place = Some(change.place.to_string());
        objects.insert(change.path.clone(), Listed { kind: change.kind.name, owner: None, place });
    }
    for ledger in &all {
        for (path, owned) in ledger.owned() {
            let owner = Some(ledger.owner().to_owned());
            objects.insert(path.clone(), Listed { kind: owned.kind.name, owner, place: Some(owned.place.to_string()) });
        }
    }
    objects.retain(|_, object| if object.owner.is_some() { args.managed } else { args.unmanaged });
    let whose = |owner: Option<&String>| match owner {
        Some(owner) if *owner == own => "this estate".to_owned(),
        Some(owner) => ledger::describe(owner),
        None => "nobody".to_owned(),
    };
    let rows = objects.iter().map(|(path, object)| {
        let place = object.place.clone().unwrap_or_else(|| "-".to_owned());
        vec![path.clone(), object.kind.to_owned(), whose(object.owner.as_ref()), place]
    });
    let text = table::headed(&["Path", "Kind", "Whose", "Declared at"], rows.collect());
    let data = objects.iter().map(|(path, object)| {
        let Listed { kind, owner, place } = object;
        let told = json!({"kind": kind, "owner": owner, "declared_at": place, "ours": owner.as_ref() == Some(&own)});
        (path.clone(), told)
    });
    Ok((text, Value::Object(data.collect())))
}

/// An object of the engine.
struct Listed {
    kind: &'static str,
    /// Whose ledger has it.
    owner: Option<String>,
    place: Option<String>,
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
