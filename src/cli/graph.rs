//! `leasehold graph`: who may get what, as a picture.

use std::path::PathBuf;

use super::context::Context;
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output;
use super::output::one_line;
use crate::estate::EngineChoice;
use crate::review::state::Side;
use crate::review::state::graph::Graph;
use crate::text::did_you_mean;

/// How many apps are named to somebody who asks for one that is not there.
const APPS_NAMED_MAX: usize = 20;

/// Arguments of `leasehold graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
--format dot is for Graphviz, mermaid for Markdown, svg for a browser.

Exit codes: 0 done, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Only this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(forms::GRAPH)?;
    let estate = Context::open(global)?.at(args.dir).estate()?;
    let side = Side::of_estate(&estate);
    if let Some(app) = args.app.as_deref().filter(|app| side.app(app).is_none()) {
        return Err(undeclared(&side, app));
    }
    let engine = match (&estate.environment.engine, &estate.environment.namespace) {
        (EngineChoice::Address(addresses), Some(namespace)) => format!("{addresses} namespace {namespace}"),
        (EngineChoice::Address(addresses), None) => addresses.to_string(),
        (EngineChoice::Embedded { .. }, _) => "embedded engine".to_owned(),
    };
    let title = format!("environment {}, {engine}", estate.environment.name);
    let graph = Graph::of(&side, &title, args.app.as_deref());
    output::data(&match format {
        Format::Mermaid => graph.mermaid(),
        Format::Svg => graph.svg(),
        _ => graph.dot(),
    })?;
    Ok(0)
}

/// That there is no such app, and which there are.
pub(crate) fn undeclared(side: &Side<'_>, app: &str) -> CliError {
    let all: Vec<&str> = side.apps().map(|app| app.name).collect();
    let is_of = |path: &&&str| path.rsplit('/').next() == Some(app);
    if let Some(path) = all.iter().find(is_of) {
        let problem = CliError::new(1, format!("the app {} is not declared", one_line(app)));
        return problem.hint(format!("users, groups and logins are asked about by their paths: {path}"));
    }
    // People are asked about by their paths, and may be many.
    let known: Vec<&str> = side.apps().filter(|app| !app.who().is_person()).map(|app| app.name).collect();
    let mut problem = CliError::new(1, format!("the app {} is not declared", one_line(app)));
    if let Some(near) = did_you_mean(app, known.iter().copied()) {
        problem = problem.hint(near);
    }
    match known.get(..APPS_NAMED_MAX) {
        _ if known.is_empty() => problem.hint("the estate declares no app"),
        None => problem.hint(format!("declared are {}", known.join(", "))),
        Some(some) => problem.hint(format!("declared are {} and others", some.join(", "))),
    }
}
