//! What was found and does not count: how it is told in each form.

use serde_json::{Value, json};

use super::finding::{Listed, Rule, place};
use crate::object::Place;
use crate::plan::{Page, escape};
use crate::review::escape::{code, html as safe, markdown as plain};

/// One finding that does not count.
#[derive(Clone, Debug)]
pub struct Aside {
    /// The finding.
    pub listed: Listed,
    /// The first day on which it counts again.
    pub until: Option<String>,
    /// Why it does not.
    pub reason: String,
    /// Where that is declared, if in the estate.
    pub place: Option<Place>,
}

impl Aside {
    /// Until when, and why, in a line.
    pub(super) fn why(&self) -> String {
        let until = self.until.as_ref().map(|day| format!("until {day}: ")).unwrap_or_default();
        let place = self.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
        format!("{until}{}{place}", self.reason)
    }

    pub(super) fn json(&self) -> Value {
        let Self { listed: Listed { rule, path, what, .. }, until, reason, place: at } = self;
        json!({
            "rule": rule.id(),
            "path": path,
            "what": what,
            "until": until,
            "reason": reason,
            "declared": at.as_ref().map(place),
        })
    }

    pub(super) fn markdown(&self) -> String {
        let Listed { path, what, .. } = &self.listed;
        format!("- {}: {}; {}\n", code(path), plain(what), plain(&self.why()))
    }

    pub(super) fn html(&self) -> String {
        let Listed { path, what, .. } = &self.listed;
        format!(
            "<p class=\"item\"><code>{}</code> {} <span class=\"place\">{}</span></p>\n",
            safe(path),
            safe(what),
            safe(&self.why())
        )
    }

    /// In a line of a page that sums up.
    pub(super) fn line(&self) -> String {
        let Listed { path, what, .. } = &self.listed;
        escape(&format!("{path}: {what}; {}", self.why()))
    }

    /// Whether it is of a rule.
    pub(super) fn is_of(&self, rule: Rule) -> bool {
        self.listed.rule == rule
    }
}

impl Page {
    /// A finding that does not count, and why.
    pub(super) fn aside(&mut self, aside: &Aside) {
        self.line(&format!("  {}", aside.line()));
    }
}
