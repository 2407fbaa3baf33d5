//! Who did what was found, and what was issued since, where audit files tell.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::plan::escape;
use crate::text::count;
use crate::trail::account::{Answer, Told, Write};

/// Apps that are named of those that were issued something.
const APPS_MAX: usize = 10;

/// What audit files tell of findings.
#[derive(Debug, Default)]
pub struct Attribution {
    /// By the path of the object.
    answers: BTreeMap<String, Answer>,
    /// When the files begin.
    from: Option<String>,
}

impl Attribution {
    /// Of what files told.
    pub fn of(told: Told) -> Self {
        let Told { answers, from, .. } = told;
        let answers: HashMap<String, Answer> = answers;
        Self { answers: answers.into_iter().collect(), from }
    }

    /// What is told of an object, for programs.
    pub(super) fn json(&self, path: &str) -> Value {
        json!({ "from": self.from, "told": self.answers.get(path) })
    }

    /// What is told of an object, a line each. Of what files don't have it is said since when they could.
    pub(super) fn lines(&self, path: &str) -> Vec<String> {
        let Some(answer) = self.answers.get(path) else { return Vec::new() };
        let Some(write) = &answer.write else {
            return vec![match &self.from {
                Some(from) => format!("the audit files do not have who did it; they begin at {from}"),
                None => "the audit files do not have who did it: they are empty".to_owned(),
            }];
        };
        let mut lines = vec![said(write)];
        if answer.earlier > 0 {
            let since = answer.since.as_ref().filter(|since| **since != write.time);
            let since = since.map(|since| format!("; it is not as we left it since {since}")).unwrap_or_default();
            lines.push(format!("{} of it before that may be none of ours{since}", count(answer.earlier, "write")));
        }
        lines.extend(issued(answer));
        lines.iter().map(|line| escape(line)).collect()
    }
}

/// One write in a line.
fn said(write: &Write) -> String {
    let Write { time, operation, path, display_name, entity_id, accessor, remote_address, request_id } = write;
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    let part = |what: &str, text: &str| if text.is_empty() { String::new() } else { format!(", {what} {text}") };
    format!(
        "by {}{}{} from {}, {time}: {operation} {path}{}",
        or(display_name, "a token without a name"),
        part("entity", entity_id),
        part("accessor", accessor),
        or(remote_address, "no address"),
        part("request", request_id),
    )
}

/// What was issued under a change, in a line; nothing where nothing was.
fn issued(answer: &Answer) -> Option<String> {
    if answer.issued == 0 {
        return None;
    }
    let named: Vec<&str> = answer.apps.iter().take(APPS_MAX).map(String::as_str).collect();
    let apps = match answer.apps.len() {
        0 => String::new(),
        known if known > APPS_MAX => format!(", to {} and {} more", named.join(", "), known - APPS_MAX),
        _ => format!(", to {}", named.join(", ")),
    };
    let ended = if answer.ended > 0 { format!("; {} of them ended", answer.ended) } else { String::new() };
    let until = match (&answer.until, answer.issued - answer.ended) {
        (_, 0) => String::new(),
        (Some(until), _) => format!("; the last ends at {until}"),
        (None, _) => "; when the last ends the files do not tell".to_owned(),
    };
    Some(format!("{} {} issued under it{apps}{ended}{until}", count(answer.issued, "credential"), was(answer.issued)))
}

fn was(number: usize) -> &'static str {
    if number == 1 { "was" } else { "were" }
}
