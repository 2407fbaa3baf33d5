//! `leasehold review`: who gains and loses what by a change.

use std::path::PathBuf;

use super::app::RunArgs;
use super::context::{Context, Warnings};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output;
use crate::proposal;
use crate::review::judgement::Scope;
use crate::review::{Colour, Review};

/// Arguments of `leasehold review`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
RANGE is BASE..HEAD, BASE...HEAD (since the commit they have in common), or BASE for what the files as they
stand change. Commits are read from git: no checkout, engine, credential or network is needed. Without --env,
every environment that either side declares is reviewed.

Exit codes: 0 nothing gained, 2 something gained, 3 a guardrail violated, 1 an error.")]
pub(crate) struct Args {
    /// What to review [default: what the files change against HEAD]
    range: Option<String>,
    /// The estate's directory [default: the current one]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Compare the files with a commit, or with what the engine holds (`live`)
    #[arg(long, value_name = "live|REVISION")]
    against: Option<String>,
    /// Show every violated guardrail, not only those that the change introduces
    #[arg(long)]
    all: bool,
    /// Take warnings about the files for errors
    #[arg(long)]
    strict: bool,
    /// Write the review into a file
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    login: RunArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(forms::REVIEW)?;
    let Args { range, directory, against, all, strict, output, login } = args;
    // With --against there is no range, so a first word is the directory.
    let (range, directory) = match (&against, range, directory) {
        (Some(_), Some(range), Some(_)) => {
            return Err(CliError::new(1, format!("{range} is a range, and --against says what to compare with"))
                .hint("leave one of them out"));
        }
        (Some(_), only, None) => (None, only.map(PathBuf::from)),
        (_, range, directory) => (range, directory),
    };
    let warnings = Warnings::of(strict);
    let context = Context::open(global)?.at(directory).telling(warnings).logging_in(login.way()?);
    let judged = if all { Scope::All } else { Scope::Changed };
    let review = match against.as_deref() {
        Some("live") => against_live(&context, judged).await,
        against => between(&context, global, against.or(range.as_deref()).unwrap_or("HEAD"), judged, warnings),
    };
    context.close().await;
    let mut review = review?;
    if !all {
        review.leave_old();
    }
    let text = match format {
        Format::Json => format!("{:#}\n", review.json()),
        Format::Markdown => review.markdown(),
        Format::Sarif => format!("{:#}\n", review.sarif()),
        Format::Html => review.html(),
        _ => review.text(if output.is_none() { output::colour() } else { Colour::Never }),
    };
    match output {
        Some(file) => std::fs::write(&file, text)
            .map_err(|error| CliError::new(1, format!("{} could not be written: {error}", file.display())))?,
        None => output::data(&text)?,
    }
    Ok(review.exit_code())
}

/// Two commits, or a commit and the files.
fn between(
    context: &Context,
    global: &Global,
    range: &str,
    judged: Scope,
    warnings: Warnings,
) -> Result<Review, CliError> {
    let wanted = global.environment();
    let compared = proposal::between(&context.estate_dir(), range, wanted.as_deref(), judged, &context.today());
    let compared = compared.map_err(|error| context.unproposed(error))?;
    warnings.tell(&compared.warnings, &compared.sources)?;
    Ok(compared.review)
}

/// What the engine holds, and the files.
async fn against_live(context: &Context, judged: Scope) -> Result<Review, CliError> {
    let (estate, client) = context.environment().await?;
    let review = proposal::against_engine(estate, &client, &context.estate_dir(), judged, &context.today()).await;
    review.map_err(|error| context.unproposed(error))
}
