//! `leasehold history`: who applied what, and when.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::app::RunArgs;
use super::context::{Context, owner_of};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::lock::failed;
use super::output::{self, one_line};
use crate::ledger::history::{self, History, Run};

/// Arguments of `leasehold history`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An apply is noted when it begins and when it ends, by who holds the lock. The trail tells which credentials were issued
under a plan: `leasehold trail`.

Exit codes: 0 printed, also where there is nothing, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// How many applies are shown, the newest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    #[command(flatten)]
    login: RunArgs,
    /// Show the objects of each
    #[arg(long, short)]
    verbose: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let as_json = global.format(forms::TEXT)? == Format::Json;
    let context = Context::open(global)?.at(args.dir.clone()).logging_in(args.login.way()?);
    let found = found(&context, args.limit).await;
    context.close().await;
    let History { runs, odd, more } = found?;
    for error in &odd {
        output::say(&format!("warning: one apply is not told: {}", one_line(&error.to_string())));
    }
    if as_json {
        let runs: Vec<Value> = runs.iter().map(told).collect();
        output::data(&format!("{:#}\n", json!({"format_version": 1, "applies": runs, "more": more})))?;
        return Ok(0);
    }
    let mut text: String = runs.iter().map(|run| shown(run, args.verbose)).collect();
    match (runs.is_empty() && odd.is_empty(), more) {
        (true, 0) => text.push_str("Nothing was applied yet, or what was is older than the history.\n"),
        (_, 0) => {}
        (_, more) => text.push_str(&format!("{more} older: --limit {}\n", runs.len() + more)),
    }
    output::data(&text)?;
    Ok(0)
}

async fn found(context: &Context, limit: usize) -> Result<History, CliError> {
    let environment = context.chosen()?;
    let client = context.operator(&environment).await?.patient();
    let owner = owner_of(&environment);
    history::read(&client, &owner, limit).await.map_err(|error| failed(context, error))
}

/// What became of an apply, in a line.
fn outcome(run: &Run) -> &str {
    match &run.ended {
        Some(_) => &run.summary,
        None => "It did not end, or runs still.",
    }
}

fn shown(run: &Run, verbose: bool) -> String {
    let Run { since, holder, host, operation, commit, review, plan, objects, more, .. } = run;
    let commit = commit.as_ref().map_or_else(|| "no commit".to_owned(), |commit| format!("commit {commit}"));
    let review = review.as_ref().map_or_else(String::new, |review| format!(", review {review}"));
    let mut text =
        format!("{}  {}\n", one_line(since), one_line(&format!("{operation} by {holder} on {host}: {}", outcome(run))));
    text.push_str(&format!("    {}\n", one_line(&format!("{commit}, plan {plan}{review}"))));
    if verbose {
        for (path, action, result) in objects {
            text.push_str(&format!("    {}\n", one_line(&format!("{action} {path}: {result}"))));
        }
        if *more > 0 {
            text.push_str(&format!("    ... and {more} more\n"));
        }
    }
    text
}

fn told(run: &Run) -> Value {
    let objects = run.objects.iter();
    json!({
        "since": run.since, "ended": run.ended, "holder": run.holder, "host": run.host, "operation": run.operation,
        "commit": run.commit, "review": run.review, "plan": run.plan, "summary": run.summary,
        "objects": objects.map(|(path, action, result)| json!({"path": path, "action": action, "result": result}))
            .collect::<Vec<_>>(),
        "more_objects": run.more,
    })
}
