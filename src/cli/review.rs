//! `leasehold review`: who gains and loses what by a change.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use super::context::{Context, Warnings};
use super::error::CliError;
use super::forms;
use super::global::Format;
use super::{Global, output};
use crate::estate::{self, Estate, Sources};
use crate::iam::catalogue::Catalogue;
use crate::ledger::{self, Ledger};
use crate::plan::keep_keys;
use crate::review::effective::{self, Side};
use crate::review::judgement::{self, Scope};
use crate::review::{Colour, Environment, Review, Revision};
use crate::{apply, git, live};

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
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(forms::REVIEW)?;
    let Args { range, directory, against, all, strict, output } = args;
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
    let context = Context::open(global)?.at(directory).telling(warnings);
    let judged = if all { Scope::All } else { Scope::Changed };
    let review = match against.as_deref() {
        Some("live") => against_live(&context, judged).await,
        against => between(&context, global, against.or(range.as_deref()).unwrap_or("HEAD"), judged, warnings),
    };
    context.close().await;
    // Two and three are verdicts, and nothing else.
    let mut review = review.map_err(|error| CliError { exit_code: 1, ..error })?;
    if !all {
        review
            .environments
            .iter_mut()
            .for_each(|environment| environment.violations.retain(|judged| judged.introduced));
    }
    let text = match format {
        Format::Json => format!("{:#}\n", review.json()),
        Format::Markdown => review.markdown(),
        Format::Sarif => format!("{:#}\n", review.sarif()),
        Format::Html => review.html(),
        _ => review.text(if output.is_none() && output::colour() { Colour::Always } else { Colour::Never }),
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
    let directory = context.estate_dir();
    let (before, after) = git::range(&directory, range).map_err(|error| refused(&error))?;
    let wanted = global.environment();
    let (old, new) = std::thread::scope(|scope| {
        let old = scope.spawn(|| estates(&before, wanted.as_deref()));
        let new = estates(&after, wanted.as_deref());
        // A panic there is a panic here.
        (old.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), new)
    });
    let (old, new) = (old?, new?);
    // Guardrails and tests of the side before judge nothing any more.
    warnings.tell(&estate::warnings(&new), &after.sources)?;
    let files = before.sources.differing(&after.sources);
    let mut names: Vec<&str> = new.iter().map(|estate| estate.environment.name.as_str()).collect();
    let gone = old.iter().map(|estate| estate.environment.name.as_str()).filter(|name| find(&new, name).is_none());
    names.extend(gone);
    if names.is_empty() {
        return Err(no_environment(wanted.as_deref()));
    }
    let environments = names.into_iter().map(|name| {
        let (before, estate) = (find(&old, name), find(&new, name));
        let (before, after) = (before.map(Side::of_estate), estate.map(Side::of_estate));
        let violations = estate.zip(after.as_ref()).map(|(estate, after)| {
            judgement::judge(before.as_ref(), after, &estate.guardrails, judged, &context.today())
        });
        Environment::new(name, before.as_ref(), after.as_ref(), &files, violations.unwrap_or_default())
    });
    Ok(Review {
        environments: environments.collect(),
        before: Revision { name: before.name, commit: before.commit },
        after: Revision { name: after.name, commit: after.commit },
        directory: git::directory(&directory).map_err(|error| refused(&error))?,
        catalogue: Catalogue::current().date().to_owned(),
        files: Some(files.len()),
    })
}

fn find<'e>(estates: &'e [Estate], name: &str) -> Option<&'e Estate> {
    estates.iter().find(|estate| estate.environment.name == name)
}

fn no_environment(wanted: Option<&str>) -> CliError {
    match wanted {
        Some(name) => CliError::new(1, format!("neither side declares an environment `{name}`")),
        None => CliError::new(1, "neither side declares an environment"),
    }
    .hint("an environment is declared with: environment \"prod\" { address = \"https://...\" }")
}

/// One side's estate for each of its environments.
fn estates(side: &git::Side, environment: Option<&str>) -> Result<Vec<Estate>, CliError> {
    if side.missing {
        return Ok(Vec::new());
    }
    estate::load_each(&side.sources, environment).map_err(|problems| {
        let name = Revision { name: side.name.clone(), commit: side.commit.clone() }.label();
        invalid(&problems, &side.sources, &name)
    })
}

fn invalid(problems: &[estate::Problem], sources: &Sources, revision: &str) -> CliError {
    let errors = problems.iter().filter(|problem| problem.severity == estate::Severity::Error).count();
    let noun = if errors == 1 { "error" } else { "errors" };
    output::say(&estate::render(problems, sources, std::io::stderr().is_terminal()));
    CliError::new(1, format!("the estate is not valid in {revision}: {errors} {noun}"))
}

fn refused(error: &git::Error) -> CliError {
    CliError::new(1, error.to_string()).hint(error.hint())
}

/// What the engine holds, and the files.
async fn against_live(context: &Context, judged: Scope) -> Result<Review, CliError> {
    let (mut estate, client) = context.environment().await?;
    let environment = &estate.environment;
    let owner = ledger::owner(environment.estate.as_deref(), &environment.name);
    let failed = |error: apply::Error| super::plan::failed(context, &error);
    let (ledger, early) = tokio::join!(Ledger::read(&client, &owner), live::Early::read(&client, &estate.objects));
    let ledger = ledger.map_err(|error| failed(error.into()))?;
    let snapshot = early.complete(&client, &estate.objects, ledger.owned()).await;
    let snapshot = snapshot.map_err(|error| failed(error.into()))?;
    keep_keys(&mut estate.objects, &snapshot.objects, ledger.owned());
    let environment = &estate.environment;
    let known = effective::Context { managed_policies: &estate.managed_policies };
    let before = Side::of_live(&snapshot.objects, &estate.objects, ledger.owned(), known);
    let after = Side::of_estate(&estate);
    let violations = judgement::judge(Some(&before), &after, &estate.guardrails, judged, &context.today());
    let mut reviewed = Environment::new(&environment.name, Some(&before), Some(&after), &[], violations);
    reviewed.not_evaluated.extend(snapshot.notes);
    let directory = context.estate_dir();
    let commit = git::commit(&directory).map_err(|error| refused(&error))?;
    Ok(Review {
        environments: vec![reviewed],
        before: Revision { name: "live".to_owned(), commit: None },
        after: Revision { name: "the files".to_owned(), commit },
        directory: directory_in_git(&directory)?,
        catalogue: Catalogue::current().date().to_owned(),
        files: None,
    })
}

/// The estate's directory in its repository; nothing outside git.
fn directory_in_git(directory: &Path) -> Result<String, CliError> {
    match git::directory(directory) {
        Err(git::Error::NoRepository { .. }) => Ok(String::new()),
        found => found.map_err(|error| refused(&error)),
    }
}
