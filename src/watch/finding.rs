//! One finding of a drift, as it is kept and told.

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::drift::Drift;

/// Lines that are kept of what else there is to say of a finding.
const LINES_MAX: usize = 12;

/// Characters of each.
const LINE_CHARS_MAX: usize = 240;

/// What is not as it was left, or not applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is, as `leasehold drift --format sarif` calls it.
    pub rule: String,
    /// The object.
    pub path: String,
    /// In a line.
    pub what: String,
    /// What else there is to say, cut where it is much.
    pub more: Vec<String>,
    /// Where it is declared, as `file:line:column`.
    pub declared: Option<String>,
    /// Since when it is known.
    pub since: Moment,
    /// Whether somebody has to be called for it: it is more than not applied yet.
    pub calls: bool,
}

impl Finding {
    /// All of a drift, found now. Those that were known before keep since when.
    pub fn all(drift: &Drift, known: &[Self], now: Moment) -> Vec<Self> {
        let of = |listed: crate::drift::Listed| {
            let (rule, calls, path) = (listed.rule.id().to_owned(), listed.is_failure(), listed.path);
            let before = known.iter().find(|known| known.rule == rule && known.path == path);
            Self {
                since: before.map_or(now, |before| before.since),
                calls,
                what: listed.what,
                more: listed.more.iter().take(LINES_MAX).map(|line| cut(line, LINE_CHARS_MAX)).collect(),
                declared: listed.place.map(|place| place.to_string()),
                rule,
                path,
            }
        };
        drift.listed().into_iter().map(of).collect()
    }

    /// What it is known by.
    pub fn key(&self) -> (&str, &str) {
        (&self.rule, &self.path)
    }
}

/// The beginning of a text.
pub(super) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
