//! `leasehold adopt`: takes objects over that are declared and there, and that no estate has.
//!
//! It is an apply of nothing else: what is taken over is looked for first, and the plan is of just that.

use super::app::RunArgs;
use super::apply;
use super::context::{Context, Proposed, Warnings};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::lock::LockArgs;
use super::{output, table};
use crate::plan::{Adopt, Asked, Change, ChangeAction, escape};
use crate::proposal::{Purpose, Word};
use crate::text::count;

/// Arguments of `leasehold adopt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without a pattern it prints what could be taken over, and changes nothing. What is there and nobody declares is for \
`leasehold import`, which writes files for it.

What is taken over becomes as it is declared, as the plan shows; root keys stay as the engine has them, and count as meant.

Exit codes: 0 nothing to do, or done, 1 an error, 3 refused, 4 something changed since the plan was made and was left alone, or \
another apply is at it.")]
pub(crate) struct Args {
    /// The objects, by their paths, with * and ? as wildcards
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Take them over without asking
    #[arg(long)]
    auto_approve: bool,
    /// Show all of a plan of more than 30 changes
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    login: RunArgs,
    #[command(flatten)]
    lock: LockArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(forms::TABLE)?;
    if !args.patterns.is_empty() && format == Format::Json {
        return Err(CliError::new(1, "what could be taken over is printed as JSON, and not how it is")
            .hint("leasehold apply --json --adopt=PATTERN tells it as events"));
    }
    let context = Context::open(global)?.telling(Warnings::Untold).logging_in(args.login.way()?);
    let found = found(&context, &args.patterns).await;
    context.close().await;
    let found = found?;
    if args.patterns.is_empty() {
        output::data(&listed(&found, format))?;
        return Ok(0);
    }
    if found.is_empty() {
        output::line("Nothing is there to be taken over: what these name is ours, or not there yet.")?;
        return Ok(0);
    }
    let Args { auto_approve, verbose, login, lock, .. } = args;
    let paths = found.into_iter().map(|object| object.path).collect();
    apply::run(apply::Args::adopting(paths, auto_approve, verbose, login, lock), global).await
}

/// An object that could be taken over.
struct Found {
    path: String,
    kind: &'static str,
    place: String,
    /// How many of its fields are not as declared.
    differ: usize,
}

async fn found(context: &Context, patterns: &[String]) -> Result<Vec<Found>, CliError> {
    let asked = Asked::default();
    let adopt = if patterns.is_empty() { Adopt::Take } else { Adopt::like(patterns) };
    let word = Word { adopt, adopt_from: &[], account_change: false, older: true, max_deletes: None, asked: &asked };
    let Proposed { proposal, .. } = context.propose(context.workplace().await?, word, Purpose::Show).await?;
    let is_meant = |change: &&Change| change.action == ChangeAction::Adopt && adopt.takes(&change.path);
    let found = proposal.plan.changes.iter().filter(is_meant).map(|change| Found {
        path: change.path.clone(),
        kind: change.kind.name,
        place: change.place.to_string(),
        differ: change.fields.len(),
    });
    Ok(found.collect())
}

fn listed(found: &[Found], format: Format) -> String {
    if format == Format::Json {
        let objects = found.iter().map(|Found { path, kind, place, differ }| {
            serde_json::json!({ "path": path, "kind": kind, "declared_at": place, "fields_that_differ": differ })
        });
        let objects: serde_json::Value = objects.collect();
        return format!("{:#}\n", serde_json::json!({ "format_version": 1, "objects": objects }));
    }
    if found.is_empty() {
        return "Nothing could be taken over: all that is declared and there is ours.\n".to_owned();
    }
    let rows = found.iter().map(|Found { path, kind, place, differ }| {
        let differ = if *differ == 0 { "nothing".to_owned() } else { count(*differ, "field") };
        vec![escape(path), (*kind).to_owned(), place.clone(), differ]
    });
    let text = table::headed(&["Path", "Kind", "Declared at", "Would change"], rows.collect());
    format!("{text}\nleasehold adopt PATTERN takes over what is like it.\n")
}
