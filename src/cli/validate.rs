//! `leasehold validate`: every problem of an estate at once.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output;
use super::output::one_line;
use crate::estate::{self, Checked, Problem, Severity, Sources};
use crate::guardrail::{self, Judged};
use crate::proposal::{Demand, Validity, Verdict};
use crate::text::count;

/// Arguments of `leasehold validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --env, the estate is checked for each of its environments. What guardrails deny is told, and fails only
with --all: what a change brings in fails `review`, `plan` and `apply`.

Exit codes: 0 valid, perhaps with warnings, 1 not valid, 3 (with --all) a guardrail is violated.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
    /// Fail also for what guardrails deny, wherever it comes from
    #[arg(long)]
    all: bool,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let as_json = args.json || global.format(forms::TABLE)? == Format::Json;
    let context = Context::open(global)?.at(args.dir);
    let dir = context.estate_dir();
    let (sources, validity) = match estate::read_directory(&dir) {
        Ok(sources) => {
            let today = context.today();
            let sources = sources.as_of(&today);
            let validity = Validity::of(&sources, global.environment().as_deref(), &today);
            (sources, validity)
        }
        Err(problems) => {
            let checked = Checked { problems, environments: Vec::new(), files: 0, objects: 0, apps: 0, tests: 0 };
            (Sources::default(), Validity { checked, violations: Vec::new() })
        }
    };
    let verdict = validity.verdict(Demand { strict: args.strict, guardrails: args.all });
    let Validity { checked, violations } = &validity;
    if as_json {
        let mut result = report(&sources, &validity);
        result["guardrails"] = violations.iter().map(violation).collect();
        output::data(&format!("{result:#}\n"))?;
        return Ok(verdict.exit_code());
    }
    if !checked.problems.is_empty() {
        output::say(&estate::render(&checked.problems, &sources, std::io::stderr().is_terminal()));
    }
    tell(violations);
    let failure = |what: String| CliError::new(verdict.exit_code(), what);
    match verdict {
        Verdict::Valid => succeed(&sources, checked),
        Verdict::Errors(errors) => Err(failure(format!("the estate is not valid: {}", count(errors, "error")))),
        Verdict::Warnings(warnings) => {
            Err(failure(format!("the estate is not valid by --strict: {}", count(warnings, "warning"))))
        }
        Verdict::Ended => Err(failure("the estate is not valid: an exception from a guardrail has ended".to_owned())
            .hint(guardrail::ENDED_FIX)),
        Verdict::Violated(violations) => {
            Err(failure(format!("guardrails are violated: {}", count(violations, "violation")))
                .hint("change what is granted, or except it with a reason, an owner and an end"))
        }
    }
}

fn succeed(sources: &Sources, checked: &Checked) -> Result<u8, CliError> {
    let mut parts = vec![
        match sources.ignored_count() {
            0 => count(checked.files, "file"),
            ignored => format!("{} (.leaseholdignore leaves out {ignored})", count(checked.files, "file")),
        },
        count(checked.environments.len(), "environment"),
        count(checked.apps, "app"),
        count(checked.objects, "object"),
    ];
    if checked.tests > 0 {
        parts.push(count(checked.tests, "test"));
    }
    output::data(&format!("Success! The estate is valid: {}.\n", parts.join(", ")))?;
    Ok(0)
}

fn tell(violations: &[(String, Judged)]) {
    for (environment, Judged { violation, .. }) in violations {
        let place = violation.place.as_ref().map(|place| format!("\n --> {}", one_line(place))).unwrap_or_default();
        let fix = violation.fix.as_ref().map(|fix| format!("\n  = help: {}", one_line(fix))).unwrap_or_default();
        output::say(&format!(
            "guardrail {} ({}, environment {}): {}: {}{place}{fix}\n",
            one_line(&violation.guardrail),
            violation.severity.name(),
            one_line(environment),
            one_line(&violation.subject.to_string()),
            one_line(&violation.what)
        ));
    }
}

fn violation((environment, Judged { violation, .. }): &(String, Judged)) -> Value {
    json!({
        "environment": environment,
        "guardrail": violation.guardrail,
        "severity": violation.severity.name(),
        "subject": violation.subject.to_string(),
        "what": violation.what,
        "fix": violation.fix,
        "place": violation.place,
    })
}

/// The result for machines, in the shape that editors and CI know from `terraform validate -json`.
fn report(sources: &Sources, validity: &Validity) -> Value {
    let (errors, warnings) = (validity.count(Severity::Error), validity.count(Severity::Warning));
    let problems = &validity.checked.problems;
    json!({
        "format_version": "1.0",
        "valid": errors == 0,
        "error_count": errors,
        "warning_count": warnings,
        "diagnostics": problems.iter().map(|problem| diagnostic(sources, problem)).collect::<Vec<_>>(),
    })
}

fn diagnostic(sources: &Sources, problem: &Problem) -> Value {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut diagnostic = json!({
        "severity": severity,
        "code": problem.code,
        "summary": problem.what,
        "detail": problem.hint.as_deref().unwrap_or_default(),
    });
    if let Some(label) = problem.labels.first() {
        let bytes = label.bytes();
        diagnostic["range"] = json!({
            "filename": label.file,
            "start": { "line": label.line, "column": label.column, "byte": bytes.start },
            "end": { "line": label.end_line, "column": label.end_column, "byte": bytes.end },
        });
        if let Some(code) = sources.first_line(label).filter(|_| !problem.hidden) {
            let start = label.column as usize - 1;
            let length = code.chars().count();
            let end = if label.end_line == label.line { label.end_column as usize - 1 } else { length };
            diagnostic["snippet"] = json!({
                "context": null,
                "code": code,
                "start_line": label.line,
                "highlight_start_offset": start,
                "highlight_end_offset": end,
                "values": [],
            });
        }
    }
    let related: Vec<Value> = problem
        .labels
        .iter()
        .skip(1)
        .map(|label| {
            json!({ "filename": label.file, "line": label.line, "column": label.column, "message": label.text })
        })
        .collect();
    if !related.is_empty() {
        diagnostic["related"] = Value::from(related);
    }
    diagnostic
}
