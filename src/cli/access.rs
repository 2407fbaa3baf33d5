//! `leasehold access`: who can do a thing, what an app can do, and for how long.

mod ttl;

use std::path::Path;

use serde_json::{Value, json};

use super::context::{Context, Warnings};
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output;
use super::output::one_line;
use crate::estate::{self, Estate};
use crate::git::{self, Blamed, Blamer};
use crate::iam::compare::Proof;
use crate::iam::document;
use crate::review::state::assertion;
use crate::review::state::holder::{self, Holder, Holding, NotKnown};
use crate::review::state::{App, Side, Via};
use crate::review::words_of_duration;

/// Arguments of `leasehold access`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Answers from the files alone: no engine, credentials or network. What resource policies, SCPs and RCPs add or
take away is not looked at.

Exit codes: 0 found, or not all is known, 2 nobody or nothing, 1 an error.")]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Question,
    /// Take warnings about the files for errors
    #[arg(long, global = true)]
    strict: bool,
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
    /// Say how long what an app is issued lives, and what says so
    Ttl {
        /// The app
        app: String,
    },
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let as_json = global.format(forms::ACCESS)? == Format::Json;
    let warnings = Warnings::of(args.strict);
    let context = Context::open(global)?.telling(warnings);
    let directory = context.estate_dir();
    let (estate, blamer) = match &args.at {
        None => (context.estate()?, Blamer::new(&directory).map_err(git_failed)?),
        Some(revision) => at(&directory, revision, global.environment().as_deref(), warnings)?,
    };
    let side = Side::of_estate(&estate);
    let (holdings, not_known) = match &args.question {
        Question::Who { action, resource, context } => {
            checked(document::check_action(action), warnings)?;
            if !resource.starts_with(['*', '?']) {
                checked(document::check_resource_pattern(resource), warnings)?;
            }
            let pairs = pairs(context)?;
            pairs.iter().try_for_each(|(key, _)| checked(document::check_key(key), warnings))?;
            let region = holder::region(action, resource, &pairs);
            (holder::who(&side, &region), NotKnown::of_all(&side))
        }
        Question::What { app } => {
            let app = declared(&side, app)?;
            (holder::what(&side, &app), NotKnown::of_app(&side, &app))
        }
        Question::Ttl { app } => return ttl::answer(&declared(&side, app)?, &estate.environment.name, as_json),
    };
    let mut answer = Answer { question: &args.question, holdings: &holdings, not_known: &not_known, blamer };
    if as_json {
        output::data(&format!("{:#}\n", answer.json(&estate.environment.name)?))?;
    } else {
        output::data(&answer.text()?)?;
    }
    Ok(if holdings.is_empty() && !not_known.may_allow { 2 } else { 0 })
}

fn declared<'s, 'a>(side: &'s Side<'a>, app: &str) -> Result<App<'s, 'a>, CliError> {
    side.app(app).ok_or_else(|| super::graph::undeclared(side, app))
}

pub(super) fn git_failed(error: git::Error) -> CliError {
    CliError::new(1, error.to_string()).hint(error.hint())
}

fn at(
    directory: &Path,
    revision: &str,
    environment: Option<&str>,
    warnings: Warnings,
) -> Result<(Estate, Blamer), CliError> {
    let tree = git::sources(directory, revision).map_err(git_failed)?;
    let estate = estate::load(&tree.sources, environment).map_err(|problems| {
        let text = estate::render(&problems, &tree.sources, false);
        CliError::plain(1, format!("{}\n\nthe estate is not valid at {revision}", text.trim_end()))
    })?;
    warnings.tell(&estate.warnings, &tree.sources)?;
    Ok((estate, Blamer::at(directory, &tree.commit).map_err(git_failed)?))
}

/// What the check of policy documents says of what is asked about: a warning is told, unless it is taken for an error.
fn checked(findings: Vec<document::Finding<()>>, warnings: Warnings) -> Result<(), CliError> {
    for finding in findings {
        let hint = finding.hint.unwrap_or_default();
        if finding.fatal || warnings == Warnings::Errors {
            let error = CliError::new(1, finding.what);
            return Err(if hint.is_empty() { error } else { error.hint(hint) });
        }
        let help = if hint.is_empty() { String::new() } else { format!("\n  = help: {}", one_line(&hint)) };
        output::say(&format!("warning: {}{help}\n", one_line(&finding.what)));
    }
    Ok(())
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

/// What was found, with since when it is there.
struct Answer<'a> {
    question: &'a Question,
    holdings: &'a [Holding],
    not_known: &'a NotKnown,
    blamer: Blamer,
}

impl Answer<'_> {
    fn since(&mut self, holding: &Holding) -> Result<Option<Blamed>, CliError> {
        self.blamer.line(&holding.place.file, holding.place.line).map_err(git_failed)
    }

    fn text(&mut self) -> Result<String, CliError> {
        let mut out = String::new();
        let mut last: Option<(&Option<Holder>, &String)> = None;
        for holding in self.holdings {
            if last != Some((&holding.who, &holding.role)) {
                out.push_str(&head(holding));
                last = Some((&holding.who, &holding.role));
            }
            let access = &holding.access;
            out.push_str(&format!("  {}   ({})\n", one_line(&access.sentence()), access.level_words()));
            for condition in &access.conditions {
                out.push_str(&format!("      only if {}\n", one_line(condition)));
            }
            for limit in &holding.limits {
                out.push_str(&format!("      {}\n", one_line(limit)));
            }
            match &holding.proof {
                Some(Proof::Witness(request)) if self.question.is_wide() || !request.context.is_empty() => {
                    out.push_str(&format!("      for example {}\n", one_line(&assertion::request(request))));
                }
                Some(Proof::CannotTell(why)) => out.push_str(&format!("      perhaps: {}\n", one_line(why))),
                _ => {}
            }
            let sid = access.statement.as_ref().map_or_else(String::new, |sid| format!("\"{}\" ", one_line(sid)));
            let since =
                self.since(holding)?.map_or_else(String::new, |blamed| format!("   since {}", brought(&blamed)));
            out.push_str(&format!("      {sid}{}{since}\n", one_line(&holding.place.to_string())));
        }
        if self.holdings.is_empty() {
            out.push_str(match (self.question, self.not_known.may_allow) {
                (Question::Who { .. }, false) => "Nobody can do this.\n",
                (Question::Who { .. }, true) => "Nobody is known to be able to do this, but not all is known.\n",
                (Question::What { .. } | Question::Ttl { .. }, false) => "The app can do nothing.\n",
                (Question::What { .. } | Question::Ttl { .. }, true) => "The app can do nothing that is known here.\n",
            });
        }
        for note in &self.not_known.notes {
            out.push_str(&format!("{}\n", one_line(note)));
        }
        Ok(out)
    }

    fn json(&mut self, environment: &str) -> Result<Value, CliError> {
        let rows: Result<Vec<Value>, CliError> =
            self.holdings.iter().map(|holding| Ok(row(holding, self.since(holding)?))).collect();
        Ok(json!({
            "format_version": 1,
            "environment": environment,
            "access": rows?,
            "not_known": self.not_known.notes,
        }))
    }
}

impl Question {
    /// Whether it is about more than one action on one resource.
    fn is_wide(&self) -> bool {
        match self {
            Self::Who { action, resource, .. } => [action, resource].iter().any(|text| text.contains(['*', '?'])),
            Self::What { .. } | Self::Ttl { .. } => false,
        }
    }
}

/// Who, through which role and how, on what terms.
fn head(holding: &Holding) -> String {
    let subject = holding.who.as_ref().map(|who| who.subject.to_string());
    let who = one_line(subject.as_deref().unwrap_or("no app"));
    let via = holding.via.map_or("", via_words);
    format!(
        "{who} via role {}{via}   lease {}, a credential works at most {}\n",
        one_line(&holding.role),
        words_of_duration(holding.lease),
        words_of_duration(holding.lifetime)
    )
}

/// How an app has a role, where that is not plain.
fn via_words(via: Via) -> &'static str {
    match via {
        Via::Own => "",
        Via::Grant => " (granted)",
        Via::Acl => " (its tokens' policies let it read)",
    }
}

/// The same, for programs.
fn via_name(via: Via) -> &'static str {
    match via {
        Via::Own => "own",
        Via::Grant => "grant",
        Via::Acl => "acl",
    }
}

/// Seconds, where there is an end.
fn ended(seconds: i64) -> Option<i64> {
    (seconds != i64::MAX).then_some(seconds)
}

/// A commit in short: `c4858e4 2026-01-31 Ada, the summary`.
fn brought(blamed: &Blamed) -> String {
    let short = blamed.commit.get(..7).unwrap_or(&blamed.commit);
    let before = if blamed.is_boundary { " or before" } else { "" };
    let date = time::OffsetDateTime::from_unix_timestamp(blamed.time).map(|time| format!(" {}", time.date()));
    format!("{short}{before}{} ({}: {})", date.unwrap_or_default(), one_line(&blamed.author), one_line(&blamed.summary))
}

fn row(holding: &Holding, since: Option<Blamed>) -> Value {
    let (cannot_tell, witness) = match &holding.proof {
        Some(Proof::Witness(request)) => {
            (None, json!({"action": request.action, "resource": request.resource, "context": request.context}))
        }
        Some(Proof::CannotTell(why)) => (Some(why), Value::Null),
        None => (None, Value::Null),
    };
    let access = &holding.access;
    let levels: serde_json::Map<String, Value> =
        access.levels.iter().map(|(level, count)| (level.replace(' ', "_"), json!(count))).collect();
    let names = |negated, positive, negative| if negated { negative } else { positive };
    let mut row = json!({
        "app": holding.who.as_ref().map(|who| &who.name),
        "subject": holding.who.as_ref().map(|who| who.subject.json()),
        "role": holding.role,
        "via": holding.via.map(via_name),
        "conditions": access.conditions,
        "limits": holding.limits,
        "statement": access.statement,
        "count": access.count,
        "levels": levels,
        "place": {"file": &*holding.place.file, "line": holding.place.line, "column": holding.place.column},
        "witness": witness,
        "cannot_tell": cannot_tell,
        "lease_seconds": ended(holding.lease),
        "lifetime_seconds": ended(holding.lifetime),
        "since": since.map(|blamed| json!({
            "commit": blamed.commit, "author": blamed.author, "time": blamed.time, "summary": blamed.summary,
            "or_before": blamed.is_boundary,
        })),
    });
    row[names(access.actions_negated, "actions", "not_actions")] = json!(access.actions);
    row[names(access.resources_negated, "resources", "not_resources")] = json!(access.resources);
    row
}
