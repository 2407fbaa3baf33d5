//! An apply as a program is told of it: one event after the other, each a line of JSON (docs/json.md, "The events of an
//! apply").

use serde_json::{Map, Value, json};

use super::report::{Acted, Outcome, Report};
use super::walk::Step;
use crate::plan::{Change, Plan, Summary};

/// Something that happened in an apply.
#[derive(Debug)]
pub enum Event<'a> {
    /// This is to be carried out, or is refused. Made anew under the lock, a later one stands for it.
    Plan(&'a Plan),
    /// This saved plan is not carried out: files, engine or ledger are not as it was made from.
    Unfit(&'a Value),
    /// An object's change goes on.
    Change(&'a Change, Step<'a>),
    /// It has ended, with this exit code; with what was done, where something was begun.
    End {
        /// The exit code of the process.
        exit_code: u8,
        /// What became of the plan.
        report: Option<&'a Report>,
    },
    /// It has ended with an error.
    Error {
        /// The exit code of the process.
        exit_code: u8,
        /// What happened. Never a secret.
        message: &'a str,
        /// What to do.
        hints: &'a [String],
    },
}

impl Event<'_> {
    /// The event as it is written. `at` is the time, as RFC 3339 has it.
    pub fn json(&self, at: &str) -> Value {
        let (word, facts) = match self {
            Self::Plan(plan) => ("plan", json!({ "plan": plan.json() })),
            Self::Unfit(plan) => ("plan", json!({ "plan": plan })),
            Self::Change(change, Step::Begins) => ("begin", about(change)),
            Self::Change(change, Step::Ended(outcome)) => ("result", result(change, outcome)),
            Self::End { exit_code, report } => {
                let summary = report.map(|report| done(&report.applied()));
                let words = report.map(|report| report.summary());
                ("end", json!({ "exit_code": exit_code, "summary": summary, "words": words }))
            }
            Self::Error { exit_code, message, hints } => {
                ("error", json!({ "exit_code": exit_code, "message": message, "hints": hints }))
            }
        };
        let mut event = Map::new();
        event.insert("event".to_owned(), word.into());
        event.insert("at".to_owned(), at.into());
        if let Value::Object(facts) = facts {
            event.extend(facts);
        }
        Value::Object(event)
    }
}

fn about(change: &Change) -> Value {
    json!({
        "action": change.action.word(),
        "kind": change.kind.name,
        "path": change.path,
        "app": change.app,
        "declared": {"file": &*change.place.file, "line": change.place.line, "column": change.place.column},
    })
}

fn result(change: &Change, outcome: &Outcome) -> Value {
    let mut event = about(change);
    event["outcome"] = outcome.id().into();
    let (why, acted) = match outcome {
        Outcome::Applied { warnings } => {
            event["warnings"] = json!(warnings);
            (None, None)
        }
        Outcome::Failed { what, acted } => {
            let acted = match acted {
                Acted::No => "no",
                Acted::Unknown => "unknown",
                Acted::Yes | Acted::Whole { .. } => "yes",
            };
            (Some(what.clone()), Some(acted))
        }
        Outcome::Lost { whose } => (Some(whose.clone()), None),
        Outcome::Configured { stanza } => (stanza.clone(), None),
        Outcome::Skipped { because } => (Some(because.clone()), None),
        Outcome::Unlocked { by } => (Some(by.clone()), None),
        Outcome::Moved { .. } | Outcome::Interrupted => (None, None),
    };
    if let Some(why) = why {
        event["why"] = why.into();
    }
    if let Some(acted) = acted {
        event["engine_has_acted"] = acted.into();
    }
    event
}

fn done(summary: &Summary) -> Value {
    let Summary { add, change, delete, adopt, forget, rename } = summary;
    json!({ "add": add, "change": change, "delete": delete, "adopt": adopt, "forget": forget, "rename": rename })
}
