//! `leasehold graph`: who may get what, as a picture.

use std::path::PathBuf;

use super::context::Context;
use super::error::CliError;
use super::global::Format;
use super::{Global, output};
use crate::review::effective::Side;
use crate::review::graph::Graph;

/// Arguments of `leasehold graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Forms (--format): dot for Graphviz, mermaid for Markdown, svg for a browser.

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
    let format = global.format(&[Format::Dot, Format::Mermaid, Format::Svg])?;
    let estate = Context::open(global)?.at(args.dir).estate()?;
    let side = Side::of_estate(&estate);
    if let Some(app) = args.app.as_deref().filter(|app| side.app(app).is_none()) {
        let known: Vec<&str> = side.apps().map(|app| app.name).collect();
        return Err(CliError::new(1, format!("the app {app} is not declared"))
            .hint(format!("declared are {}", known.join(", "))));
    }
    let graph = Graph::of(&side, &estate.environment.name, args.app.as_deref());
    output::data(&match format {
        Format::Mermaid => graph.mermaid(),
        Format::Svg => graph.svg(),
        _ => graph.dot(),
    })?;
    Ok(0)
}
