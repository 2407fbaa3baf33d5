//! The order in which a review is told: what a reviewer must see comes first.

use crate::iam::catalogue::Catalogue;
use crate::iam::request::Request;
use crate::object::Place;
use crate::review::finding::{Finding, Topic};
use crate::review::report::{Environment, Review};
use crate::review::words;

/// A part of the report.
pub(in crate::review) struct Section {
    /// What stands above it.
    pub(in crate::review) title: &'static str,
    topics: &'static [Topic],
}

pub(in crate::review) const SECTIONS: &[Section] = &[
    Section { title: "Access gained", topics: &[Topic::AccessGained, Topic::AccessWidened, Topic::AccessUnknown] },
    Section { title: "Condition changed", topics: &[Topic::ConditionChanged] },
    Section { title: "Permissions boundaries", topics: &[Topic::BoundaryChanged] },
    Section { title: "Apps", topics: &[Topic::AppAdded, Topic::AppRemoved, Topic::AppRenamed] },
    Section { title: "Logins", topics: &[Topic::Login] },
    Section { title: "Trust of IAM roles", topics: &[Topic::Trust] },
    Section { title: "Lease terms", topics: &[Topic::LeaseTerms, Topic::End, Topic::PolicySize] },
    Section { title: "Engine policies", topics: &[Topic::Acl] },
    Section { title: "What is forbidden", topics: &[Topic::Guardrail] },
    Section { title: "What is checked", topics: &[Topic::Checks] },
    Section { title: "Engine", topics: &[Topic::Engine, Topic::Environment] },
    Section { title: "Access lost", topics: &[Topic::AccessLost, Topic::AccessNarrowed] },
    Section { title: "Users' attributes", topics: &[Topic::AttributesChanged] },
    Section { title: "No effective change", topics: &[Topic::StatementMoved, Topic::TextOnly] },
];

impl Section {
    /// Its findings of an environment, in the order of subject and role.
    pub(in crate::review) fn findings<'f>(&self, environment: &'f Environment) -> Vec<&'f Finding> {
        environment.findings.iter().filter(|finding| self.topics.contains(&finding.topic)).collect()
    }
}

impl Finding {
    /// One character that says what sort of change it is.
    pub(in crate::review) fn marker(&self) -> char {
        match self.topic {
            _ if self.cannot_tell.is_some() => '?',
            Topic::AccessGained | Topic::AppAdded => '+',
            Topic::AccessLost | Topic::AccessNarrowed | Topic::AppRemoved => '-',
            Topic::TextOnly => '=',
            Topic::AccessWidened | Topic::ConditionChanged => '~',
            _ if self.gains => '+',
            Topic::Acl | Topic::Trust => '-',
            _ => '~',
        }
    }

    /// The word for its change.
    pub(in crate::review) fn verb(&self) -> &'static str {
        match self.topic {
            Topic::AccessGained => "gained",
            Topic::AccessWidened => "widened",
            Topic::ConditionChanged if self.gains => "condition loosened",
            Topic::ConditionChanged => "condition tightened",
            Topic::AccessUnknown => "can't be told",
            Topic::AccessLost => "lost",
            Topic::AccessNarrowed => "narrowed",
            Topic::BoundaryChanged => "boundary",
            Topic::StatementMoved => "moved",
            Topic::TextOnly => "text only",
            Topic::AttributesChanged => "attributes",
            Topic::AppAdded => "new app",
            Topic::AppRemoved => "app removed",
            Topic::AppRenamed => "app renamed",
            Topic::LeaseTerms => "lease terms",
            Topic::End => "end",
            Topic::PolicySize => "size",
            Topic::Login => "login",
            Topic::Trust => "trust",
            Topic::Acl => "engine policy",
            Topic::Engine => "engine",
            Topic::Guardrail => "guardrail",
            Topic::Checks => "checked",
            Topic::Environment => "environment",
        }
    }

    /// That no request is known that a gain could be. A gain it is all the same: the catalogue is of a day. Of what has
    /// no action that it knows, the levels say so.
    pub(in crate::review) fn doubt(&self) -> Option<String> {
        let doubtful = self.access.as_ref().is_some_and(|access| self.gains && !access.possible && access.count > 0);
        let date = Catalogue::current().date();
        doubtful.then(|| format!("the catalogue of {date} knows no request that this could be"))
    }

    /// What a reader should know besides, one sentence a line.
    pub(in crate::review) fn details(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(access) = &self.access {
            if !access.conditions.is_empty() {
                lines.push(crate::review::describe::only_if(&access.conditions));
            }
            let examples =
                [("permissions management", &access.risky), ("answers with credentials", &access.credentials)];
            for (what, actions) in examples.iter().filter(|(_, actions)| self.gains && !actions.is_empty()) {
                lines.push(format!("{what}: {}", words::listed(actions)));
            }
        }
        if let Some(was) = &self.was {
            let word = if self.topic == Topic::StatementMoved { "before" } else { "was" };
            lines.push(format!("{word} {was}"));
        }
        lines.extend(self.notes.iter().cloned());
        lines.extend(self.doubt());
        if let Some(why) = &self.cannot_tell {
            lines.push(format!("can't tell: {why}"));
        }
        if let Some(witness) = &self.witness {
            let change = match self.topic {
                Topic::StatementMoved => "allowed before and now",
                _ if self.gains => "denied before, allowed now",
                _ => "allowed before, denied now",
            };
            lines.push(format!("example: {}: {change}", request(witness)));
        }
        for (what, place) in &self.also {
            lines.push(format!("{what}: {}", place_words(place)));
        }
        lines
    }
}

/// A request in a line: `s3:GetObject on arn:aws:s3:::a/b, with aws:sourceip 10.0.0.1`.
pub(in crate::review) fn request(request: &Request) -> String {
    let mut text = format!("{} on {}", request.action, request.resource);
    for (index, (key, values)) in request.context.iter().enumerate() {
        text.push_str(if index == 0 { ", with " } else { ", " });
        let values: Vec<&str> = values.iter().map(|value| if value.is_empty() { "\"\"" } else { value }).collect();
        text.push_str(&format!(
            "{key} {}",
            if values.is_empty() { "empty".to_owned() } else { words::listed(&values) }
        ));
    }
    text
}

/// `file:line`; for what no file declares, its path in the engine.
pub(in crate::review) fn place_words(place: &Place) -> String {
    match place.line {
        0 => format!("{} in the engine", place.file),
        _ => place.to_string(),
    }
}

/// `4 gains need a reviewer, 1 guardrail violation`.
pub(in crate::review) fn verdict(review: &Review) -> String {
    let gains: usize = review.environments.iter().map(|environment| environment.gains().count()).sum();
    let stops: usize = review.environments.iter().map(|environment| environment.stops().count()).sum();
    let changes: usize = review.environments.iter().map(|environment| environment.findings.len()).sum();
    let gained = match (gains, changes) {
        (0, 0) => "Nothing changes".to_owned(),
        (0, _) => "Nothing is gained".to_owned(),
        (1, _) => "1 gain needs a reviewer".to_owned(),
        (gains, _) => format!("{} gains need a reviewer", words::thousands(gains)),
    };
    match stops {
        0 => format!("{gained}."),
        stops => format!("{gained}, {}.", words::count(stops, "guardrail violation")),
    }
}

/// Environments that are told in the same words, together: each with the names of all of them.
pub(in crate::review) fn groups(review: &Review) -> Vec<(Vec<&str>, &Environment)> {
    let mut groups: Vec<(Vec<&str>, &Environment, String)> = Vec::new();
    for environment in &review.environments {
        // Places too: an override has its own.
        let key = format!(
            "{:?}",
            (&environment.presence, &environment.findings, &environment.not_evaluated, &environment.violations)
        );
        match groups.iter_mut().find(|(_, _, known)| *known == key) {
            Some((names, ..)) => names.push(&environment.name),
            None => groups.push((vec![&environment.name], environment, key)),
        }
    }
    groups.into_iter().map(|(names, environment, _)| (names, environment)).collect()
}
