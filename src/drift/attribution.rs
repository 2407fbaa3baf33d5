//! Who did what was found, and what was issued since, where audit files tell.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::plan::escape;
use crate::text::count;
use crate::trail::account::{Answer, Told, Write};

/// Apps that are named of those that were issued something.
const APPS_MAX: usize = 10;

/// Of files without a line that says anything.
const UNREADABLE: &str =
    "the audit files do not have who did it: none of their lines could be read; unpack them if they are compressed";

/// Of a last write that may be ours.
const UNSURE: &str = "that was in the second in which our last apply of it ended, and may be ours; what was issued since is not \
                      counted, and who did it may not be in the files";

/// What audit files tell of findings.
#[derive(Debug, Default)]
pub struct Attribution {
    /// By the path of the object.
    answers: BTreeMap<String, Answer>,
    /// When the files begin.
    from: Option<String>,
    /// Whether there were lines, and none could be read.
    is_unreadable: bool,
}

impl Attribution {
    /// Of what files told.
    pub fn of(told: Told) -> Self {
        let Told { answers, from, unreadable, .. } = told;
        let is_unreadable = from.is_none() && unreadable > 0;
        let answers: HashMap<String, Answer> = answers;
        Self { answers: answers.into_iter().collect(), from, is_unreadable }
    }

    /// What is told of an object, for programs.
    pub(super) fn json(&self, path: &str) -> Value {
        json!({ "from": self.from, "told": self.answers.get(path) })
    }

    /// What is told of an object, a line each. Of what files don't have it is said since when they could.
    pub(super) fn lines(&self, path: &str) -> Vec<String> {
        let Some(answer) = self.answers.get(path) else { return Vec::new() };
        let mut lines = Vec::new();
        match &answer.write {
            Some(write) => lines.push(said(write)),
            None => lines.push(match &self.from {
                Some(from) => format!("the audit files do not have who did it; they begin at {from}"),
                None if self.is_unreadable => UNREADABLE.to_owned(),
                None => "the audit files do not have who did it: they are empty".to_owned(),
            }),
        }
        if answer.write.is_some() && answer.since.is_none() {
            lines.push(UNSURE.to_owned());
        } else if answer.may_be_ours > 1 {
            let writes = count(answer.may_be_ours, "write");
            lines.push(format!("{writes} of it before that, in the second in which our last apply ended, may be ours"));
        }
        if answer.earlier > 0 {
            let time = answer.write.as_ref().map(|write| &write.time);
            let since = answer.since.as_ref().filter(|since| Some(*since) != time);
            let since = since.map(|since| format!("; it is not as we left it since {since}")).unwrap_or_default();
            lines.push(format!("{} of it before that may be none of ours{since}", count(answer.earlier, "write")));
        }
        if let Some(moved) = &answer.moved {
            lines.push(format!("a mount was moved, which the files do not tell, {}", said(moved)));
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
