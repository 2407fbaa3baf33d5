//! `use = "builtin:escalation"`: the ways from some permissions to more of them.
//!
//! Each role answers for itself, and an app for what only its roles together can do.

mod path;

use serde::{Deserialize, Serialize};

use self::path::{PASS_ROLE, Step};
pub use self::path::{Path, Unreadable, check_paths, paths};
use super::hearing::Hearing;
use super::word::{Block, Complaint, Holds, Judge, Scope, Shape, Word, word};
use crate::guardrail::violation::{Judged, Severity};
use crate::iam::policy::PolicySet;
use crate::iam::reading::Reading;
use crate::text::did_you_mean;

/// The catalogue of privilege escalation, or a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Escalation {
    /// Only these paths, by id; empty is all.
    pub paths: Vec<String>,
    /// Not these.
    pub except_paths: Vec<String>,
}

impl Judge for Escalation {
    const BLOCK: Block = Block {
        name: "escalation",
        doc: "Permissions that lead to more of them.",
        holds: Holds::BuiltIn,
        without: None,
    };
    const WORDS: &'static [Word] = &[
        word(
            "paths",
            Shape::Names(is_path),
            "The ways to more permissions that are looked at; all, where it is left out.",
        )
        .or_empty()
        .always(),
        word("except_paths", Shape::Names(is_path), "The ways that are not looked at.").or_empty().always(),
    ];
    const SCOPE: Scope = Scope::RolesAndApps;

    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
        for path in self.chosen() {
            one(path, hearing, judged);
        }
    }
}

fn is_path(id: &str) -> Result<(), Complaint> {
    let ids = || paths().1.iter().map(|path| path.id.as_str());
    match ids().any(|known| known == id) {
        true => Ok(()),
        false => Err(Complaint {
            what: format!("`{id}` is no path of escalation"),
            hint: did_you_mean(id, ids()).unwrap_or_else(|| "policies/escalation.yaml lists them".to_owned()),
        }),
    }
}

impl Escalation {
    /// The ways that it is about.
    fn chosen(&self) -> impl Iterator<Item = &'static Path> {
        paths().1.iter().filter(|path| {
            (self.paths.is_empty() || self.paths.contains(&path.id)) && !self.except_paths.contains(&path.id)
        })
    }
}

/// How much a way weighs that was found.
fn weight(severity: Severity, path: &Path, found: &[Step]) -> Severity {
    let named_role = || path.all_of.iter().zip(found).any(|(action, step)| action == PASS_ROLE && !step.wide);
    match path.needs_target {
        true => Severity::Low.min(severity),
        // Only named roles can be passed on: worth a look, and no open door.
        false if named_role() => Severity::Warn.min(severity),
        false => severity,
    }
}

fn one<S: Clone>(path: &Path, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>) {
    let after = hearing.after.access;
    let Some(found) = path.found(after) else { return };
    let weight = |found: &[Step]| weight(hearing.severity, path, found);
    let severity = weight(&found);
    // What one role can do alone is told of the role.
    let alone =
        |set: &PolicySet<S>| path.found(std::slice::from_ref(set)).is_some_and(|found| weight(&found) >= severity);
    if hearing.is_app() && after.iter().any(alone) {
        return;
    }
    let introduced = hearing.before.is_none_or(|before| match path.found(before.access) {
        // A way that was open by one reading, or as far as a doubt goes, may not have been.
        Some(was) if weight(&was) >= severity => {
            !path.is_sure(before.access, &was) && path.gains(before.access, after, &found)
        }
        _ => true,
    });
    let actions: Vec<String> = found.iter().map(|step| step.request.action.clone()).collect();
    let together = if hearing.is_app() { ", by its roles together" } else { "" };
    let verb = if actions.len() == 1 { "is allowed" } else { "are all allowed" };
    let what = format!("{} ({}): {} {verb}{together}", path.title, path.id, actions.join(" + "));
    let mut violation = hearing.violation(&format!("escalation {}", path.id), what);
    violation.severity = severity;
    violation.fix = Some(path.fix(after, &found));
    violation.witness = found.into_iter().next().map(|step| step.request);
    let statement = violation
        .witness
        .as_ref()
        .and_then(|request| after.iter().flat_map(|set| set.evaluate(request, Reading::CROSSING).by).next());
    violation.place = statement.and_then(|statement| (hearing.place)(&statement.span)).or(violation.place);
    judged.push(Judged { violation, introduced });
}
