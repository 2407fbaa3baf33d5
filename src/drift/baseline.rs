//! What somebody accepts of a drift until a day: a file beside the estate, which says of each finding until when and why.
//!
//! What is accepted is still told, under a heading of its own; it is no failure. An entry that has ended, or that nothing
//! that was found is like, is told as well, so that a file does not outlive its reasons. Of a finding with a fingerprint
//! just that is accepted: what somebody changes further is found again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::finding::{Found, Rule};
use crate::guardrail::Names;
use crate::text::did_you_mean;
use crate::units::day;

/// The format of the file.
const FORMAT: u32 = 1;

/// Entries that are named one by one when they have ended or are about nothing.
const IDLE_MAX: usize = 20;

/// The fingerprints of findings, by rule and path; none where an object may not be read.
pub type Fingerprints = BTreeMap<(Rule, String), Option<String>>;

/// Until when findings are accepted, and why.
pub(super) type Accepted<'b> = BTreeMap<(Rule, String), (&'b str, &'b str)>;

/// A file of what is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    leasehold_baseline: u32,
    /// The environment that it is about.
    environment: String,
    /// What is accepted.
    #[serde(default)]
    accept: Vec<Entry>,
}

/// What is accepted, until when, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The path of the object, with wildcards.
    object: String,
    /// The finding's rule; any of an object that is not as it was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What it is accepted as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    /// The first day on which it is not accepted any more.
    until: String,
    /// Why.
    reason: String,
}

/// Why a file is none of what is accepted.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is no such YAML.
    #[error("{0}")]
    Form(#[from] serde_yaml::Error),
    /// A newer version wrote it.
    #[error("its format is {0}, and this version knows 1")]
    Newer(u32),
    /// An entry makes no sense.
    #[error("the entry about `{object}`: {why}")]
    Entry {
        /// What it is about.
        object: String,
        /// What is wrong with it.
        why: String,
    },
    /// It is about another environment.
    #[error("it is about the environment `{about}`, and this is `{asked}`")]
    Environment {
        /// Which one.
        about: String,
        /// Which one was asked for.
        asked: String,
    },
}

impl Baseline {
    /// Reads a file's text, for an environment.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn read(text: &str, environment: &str) -> Result<Self, Unusable> {
        let baseline: Self = serde_yaml::from_str(text)?;
        if baseline.leasehold_baseline != FORMAT {
            return Err(Unusable::Newer(baseline.leasehold_baseline));
        }
        if baseline.environment != environment {
            let about = baseline.environment;
            return Err(Unusable::Environment { about, asked: environment.to_owned() });
        }
        for entry in &baseline.accept {
            entry.check().map_err(|why| Unusable::Entry { object: entry.object.clone(), why })?;
        }
        Ok(baseline)
    }

    /// All that was found of an environment and can be accepted, until a day.
    ///
    /// # Errors
    /// No such day, or no reason.
    pub fn of(
        environment: &str,
        found: Vec<Found>,
        prints: &Fingerprints,
        until: &str,
        reason: &str,
    ) -> Result<Self, String> {
        let entry = |found: Found| Entry {
            fingerprint: prints.get(&(found.rule, found.path.clone())).cloned().flatten(),
            object: found.path,
            rule: Some(found.rule.id().to_owned()),
            until: until.to_owned(),
            reason: reason.to_owned(),
        };
        let accept: Vec<Entry> = found.into_iter().map(entry).collect();
        Entry {
            object: "*".to_owned(),
            rule: None,
            fingerprint: None,
            until: until.to_owned(),
            reason: reason.to_owned(),
        }
        .check()?;
        Ok(Self { leasehold_baseline: FORMAT, environment: environment.to_owned(), accept })
    }

    /// The text of the file.
    ///
    /// # Errors
    /// It can't be written as YAML.
    pub fn text(&self) -> Result<String, serde_yaml::Error> {
        serde_yaml::to_string(self)
    }

    /// How much it accepts.
    pub fn len(&self) -> usize {
        self.accept.len()
    }

    /// Whether it accepts nothing.
    pub fn is_empty(&self) -> bool {
        self.accept.is_empty()
    }

    /// The findings that have to be fingerprinted to say whether they are accepted.
    pub fn asks(&self, found: Vec<Found>, today: &str) -> Vec<Found> {
        let asked = |found: &Found| {
            let mut of = self.accept.iter().filter(|entry| entry.holds(today) && entry.is_about(found));
            of.any(|entry| entry.fingerprint.is_some())
        };
        found.into_iter().filter(asked).collect()
    }

    /// What is accepted on a day: until when and why, by rule and path; and what there is to warn of.
    pub(super) fn accepting(&self, found: &[Found], prints: &Fingerprints, today: &str) -> (Accepted<'_>, Vec<String>) {
        let by = found
            .iter()
            .filter_map(|found| Some(((found.rule, found.path.clone()), self.accepts(found, prints, today)?)));
        let by: BTreeMap<(Rule, String), usize> = by.collect();
        let used: BTreeSet<usize> = by.values().copied().collect();
        let idle = self.accept.iter().enumerate().filter(|(at, _)| !used.contains(at));
        let mut idle: Vec<String> = idle.map(|(_, entry)| why_idle(entry, found, prints, today)).collect();
        if idle.len() > IDLE_MAX {
            let more = idle.len() - IDLE_MAX;
            idle.truncate(IDLE_MAX);
            idle.push(format!("warning: {more} more entries of the baseline have ended, or accept nothing"));
        }
        let terms = |at: usize| (self.accept[at].until.as_str(), self.accept[at].reason.as_str());
        (by.into_iter().map(|(found, at)| (found, terms(at))).collect(), idle)
    }

    /// The entry that accepts a finding, by its place in the file.
    fn accepts(&self, found: &Found, prints: &Fingerprints, today: &str) -> Option<usize> {
        let print = prints.get(&(found.rule, found.path.clone())).and_then(Option::as_deref);
        self.accept.iter().position(|entry| {
            entry.holds(today)
                && entry.is_about(found)
                && entry.fingerprint.as_deref().is_none_or(|accepted| print == Some(accepted))
        })
    }
}

impl Entry {
    fn check(&self) -> Result<(), String> {
        if self.object.is_empty() {
            return Err("`object` is empty; `*` is all of them".to_owned());
        }
        if day::parse(&self.until).is_none() {
            return Err(format!("`until` is a day such as 2027-04-01, and `{}` is none", self.until));
        }
        if self.reason.trim().is_empty() {
            return Err("`reason` is empty: say why it is accepted".to_owned());
        }
        match &self.rule {
            Some(rule) if !Rule::ACCEPTABLE.iter().any(|known| known.id() == rule) => {
                let near = did_you_mean(rule, Rule::ACCEPTABLE.iter().map(|rule| rule.id()));
                let known = Rule::ACCEPTABLE.map(Rule::id).join(", ");
                Err(format!("`{rule}` is no rule of what is accepted: {}", near.unwrap_or(known)))
            }
            _ => Ok(()),
        }
    }

    /// Whether it holds on a day. Days in this form have the order of their texts.
    fn holds(&self, today: &str) -> bool {
        today < self.until.as_str()
    }

    fn is_about(&self, found: &Found) -> bool {
        self.rule.as_deref().is_none_or(|rule| rule == found.rule.id())
            && Names::new(std::slice::from_ref(&self.object)).has(&found.path)
    }

    fn words(&self) -> String {
        format!("the baseline's entry about {} (until {})", self.object, self.until)
    }
}

/// Why an entry accepts nothing.
fn why_idle(entry: &Entry, found: &[Found], prints: &Fingerprints, today: &str) -> String {
    let words = entry.words();
    let mut about = found.iter().filter(|found| entry.is_about(found)).peekable();
    if !entry.holds(today) {
        return format!("warning: {words} has ended: remove it, or agree on a later day");
    }
    match about.peek() {
        None => format!("warning: {words} is about nothing that was found: remove it"),
        Some(found) if entry.fingerprint.is_some() => match prints.get(&(found.rule, found.path.clone())) {
            Some(Some(_)) => format!("warning: {words} does not accept {}: it was changed since", found.path),
            _ => format!("warning: {words} has a fingerprint, and this token may not read {}", found.path),
        },
        Some(_) => format!("warning: {words} accepts nothing that another entry does not: remove it"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, Unusable};

    fn read(entry: &str) -> Result<Baseline, Unusable> {
        Baseline::read(&format!("leasehold_baseline: 1\nenvironment: prod\naccept:\n- {entry}\n"), "prod")
    }

    #[test]
    fn an_entry_says_of_what_until_when_and_why() {
        let good = "{object: aws/roles/*, until: 2027-04-01, reason: agreed}";
        assert_eq!(read(good).expect("reads").len(), 1);
        for (entry, why) in [
            ("{object: a, until: 2027-02-30, reason: r}", "`2027-02-30` is none"),
            ("{object: a, until: tomorrow, reason: r}", "`tomorrow` is none"),
            ("{object: a, until: 2027-04-01, reason: ' '}", "`reason` is empty"),
            ("{object: '', until: 2027-04-01, reason: r}", "`object` is empty"),
            ("{object: a, until: 2027-04-01}", "missing field `reason`"),
            ("{object: a, until: 2027-04-01, reason: r, rules: x}", "unknown field `rules`"),
            ("{object: a, until: 2027-04-01, reason: r, rule: not-our}", "not-ours"),
            ("{object: a, until: 2027-04-01, reason: r, rule: not-yet-applied}", "no rule of what is accepted"),
        ] {
            let error = read(entry).expect_err(entry).to_string();
            assert!(error.contains(why), "{entry}: {error}");
        }
        let other = Baseline::read("leasehold_baseline: 1\nenvironment: stage\n", "prod").expect_err("another");
        assert_eq!(other.to_string(), "it is about the environment `stage`, and this is `prod`");
        let newer = Baseline::read("leasehold_baseline: 2\nenvironment: prod\n", "prod").expect_err("newer");
        assert!(newer.to_string().contains("format is 2"), "{newer}");
    }
}
