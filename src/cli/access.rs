//! `leasehold access`: who can do a thing, and what an app can do.

use std::path::Path;

use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::global::Format;
use super::output::printable;
use super::{Global, output};
use crate::estate::{self, Estate};
use crate::git::{self, Blamed, Blamer};
use crate::iam::compare::Proof;
use crate::review::effective::Side;
use crate::review::holder::{self, Holding};
use crate::review::{assertion, words_of_duration};

/// Arguments of `leasehold access`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Answers from the files alone: no engine, credentials or network. What resource policies, SCPs and RCPs add or
take away is not looked at.

Exit codes: 0 found, 2 nobody or nothing, 1 an error.")]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Question,
    /// Answer for the files of this commit
    #[arg(long, global = true, value_name = "REVISION")]
    at: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Question {
    /// List who can do this, by which statement, and since which commit
    Who {
        /// The action; `*` and `?` are wildcards: s3:DeleteObject, s3:Delete*
        action: String,
        /// The resource's ARN; `*` and `?` are wildcards
        #[arg(default_value = "*")]
        resource: String,
        /// A context key of the requests, as KEY=VALUE; may be repeated
        #[arg(long, value_name = "KEY=VALUE")]
        context: Vec<String>,
    },
    /// List what an app can do, by which statement, and since which commit
    What {
        /// The app
        app: String,
    },
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    let as_json = global.format(&[Format::Text, Format::Table, Format::Json])? == Format::Json;
    let context = Context::open(global)?;
    let directory = context.estate_dir();
    let estate = match &args.at {
        None => context.estate()?,
        Some(revision) => at(&directory, revision, global.environment().as_deref())?,
    };
    let mut since = Since::new(&directory, args.at.is_none())?;
    let side = Side::of_estate(&estate);
    let (holdings, notes) = match &args.question {
        Question::Who { action, resource, context } => {
            let region = holder::region(&checked(action)?, resource, &pairs(context)?);
            let found = holder::who(&side, &region);
            let unknown = side.apps().flat_map(|app| holder::unknown(&side, &app));
            (found, unknown.collect::<Vec<String>>())
        }
        Question::What { app } => {
            let Some(app) = side.app(app) else {
                let known: Vec<&str> = side.apps().map(|app| app.name).collect();
                return Err(CliError::new(1, format!("the app {app} is not declared"))
                    .hint(format!("declared are {}", known.join(", "))));
            };
            (holder::what(&side, &app), holder::unknown(&side, &app))
        }
    };
    if as_json {
        let rows: Result<Vec<Value>, CliError> = holdings.iter().map(|one| json_of(one, since.of(one)?)).collect();
        let report = json!({
            "format_version": 1,
            "environment": estate.environment.name,
            "access": rows?,
            "not_known": notes,
        });
        output::data(&format!("{report:#}\n"))?;
    } else {
        output::data(&text(&args.question, &holdings, &notes, &mut since)?)?;
    }
    Ok(if holdings.is_empty() { 2 } else { 0 })
}

fn at(directory: &Path, revision: &str, environment: Option<&str>) -> Result<Estate, CliError> {
    let tree =
        git::sources(directory, revision).map_err(|error| CliError::new(1, error.to_string()).hint(error.hint()))?;
    estate::load(&tree.sources, environment).map_err(|problems| {
        let text = estate::render(&problems, &tree.sources, false);
        CliError::plain(1, format!("{}\n\nthe estate is not valid at {revision}", text.trim_end()))
    })
}

fn checked(action: &str) -> Result<String, CliError> {
    match action == "*" || action.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
    {
        true => Ok(action.to_owned()),
        false => Err(CliError::new(1, format!("{action} is not an action"))
            .hint("an action is service:Name, such as s3:GetObject")),
    }
}

fn pairs(context: &[String]) -> Result<Vec<(String, String)>, CliError> {
    let pair = |text: &String| {
        let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
        pair.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(|| {
            CliError::new(1, format!("{text} is not KEY=VALUE")).hint("such as aws:RequestedRegion=eu-west-1")
        })
    };
    context.iter().map(pair).collect()
}

/// Since when statements are there, where git can tell.
struct Since {
    blamer: Option<Blamer>,
}

impl Since {
    /// Lines are blamed as the files stand; those of an older commit may have moved since.
    fn new(directory: &Path, files: bool) -> Result<Self, CliError> {
        let open = || Blamer::new(directory).map_err(|error| CliError::new(1, error.to_string()).hint(error.hint()));
        Ok(Self { blamer: if files { Some(open()?) } else { None } })
    }

    fn of(&mut self, holding: &Holding) -> Result<Option<Blamed>, CliError> {
        let Some(blamer) = &mut self.blamer else { return Ok(None) };
        blamer
            .line(&holding.place.file, holding.place.line)
            .map_err(|error| CliError::new(1, error.to_string()).hint(error.hint()))
    }
}

fn text(question: &Question, holdings: &[Holding], notes: &[String], since: &mut Since) -> Result<String, CliError> {
    let mut out = String::new();
    let mut last: Option<(&Option<String>, &String)> = None;
    for holding in holdings {
        if last != Some((&holding.app, &holding.role)) {
            let app = holding.app.as_ref().map_or_else(|| "no app".to_owned(), |app| format!("app {}", printable(app)));
            out.push_str(&format!(
                "{app} via role {}   lease {}, a credential works at most {}\n",
                printable(&holding.role),
                words_of_duration(holding.lease),
                words_of_duration(holding.lifetime)
            ));
            last = Some((&holding.app, &holding.role));
        }
        let sid = holding.access.statement.as_ref().map_or_else(String::new, |sid| format!("\"{}\" ", printable(sid)));
        out.push_str(&format!("  {}   ({})\n", printable(&holding.access.sentence()), holding.access.level_words()));
        for condition in &holding.access.conditions {
            out.push_str(&format!("      only if {}\n", printable(condition)));
        }
        for limit in &holding.limits {
            out.push_str(&format!("      {}\n", printable(limit)));
        }
        match (&holding.proof, question) {
            (Some(Proof::Witness(request)), Question::Who { .. }) => {
                out.push_str(&format!("      for example {}\n", printable(&assertion::request(request))));
            }
            (Some(Proof::CannotTell(why)), _) => out.push_str(&format!("      perhaps: {why}\n")),
            _ => {}
        }
        let since = since.of(holding)?.map_or_else(String::new, |blamed| {
            let short = blamed.commit.get(..7).unwrap_or(&blamed.commit).to_owned();
            let before = if blamed.is_boundary { " or before" } else { "" };
            format!("   since {short}{before} ({}, {})", printable(&blamed.author), printable(&blamed.summary))
        });
        out.push_str(&format!("      {sid}{}{since}\n", printable(&holding.place.to_string())));
    }
    if holdings.is_empty() {
        out.push_str(match question {
            Question::Who { .. } => "Nobody can do this.\n",
            Question::What { .. } => "The app can do nothing that is known here.\n",
        });
    }
    for note in notes {
        out.push_str(&format!("{}\n", printable(note)));
    }
    Ok(out)
}

fn json_of(holding: &Holding, since: Option<Blamed>) -> Result<Value, CliError> {
    let witness = match &holding.proof {
        Some(Proof::Witness(request)) => {
            json!({"action": request.action, "resource": request.resource, "context": request.context})
        }
        _ => Value::Null,
    };
    let access = &holding.access;
    Ok(json!({
        "app": holding.app,
        "role": holding.role,
        "actions": access.actions,
        "actions_negated": access.actions_negated,
        "resources": access.resources,
        "resources_negated": access.resources_negated,
        "conditions": access.conditions,
        "limits": holding.limits,
        "statement": access.statement,
        "declared": {"file": &*holding.place.file, "line": holding.place.line, "column": holding.place.column},
        "witness": witness,
        "certain": !matches!(holding.proof, Some(Proof::CannotTell(_))),
        "lease_seconds": holding.lease,
        "lifetime_seconds": holding.lifetime,
        "since": since.map(|blamed| json!({
            "commit": blamed.commit, "author": blamed.author, "time": blamed.time, "summary": blamed.summary,
        })),
    }))
}
