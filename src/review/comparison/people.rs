//! Which credentials users and who is in groups may read, whatever they log in by.
//!
//! Many people have the same policies, most of them by a group. Whoever had the same roles before and has the same now is told
//! together, as the group where there is one: their findings are the same, and a change is worked out once.

use std::collections::{BTreeMap, BTreeSet};

use super::{Changed, principal};
use crate::guardrail::Who;
use crate::review::finding::Finding;
use crate::review::state::{App, Side};
use crate::review::words;

/// What changes for them. The paths of their roles go into `told`.
pub(super) fn changes(
    before: &Side<'_>,
    after: &Side<'_>,
    changed: &Changed<'_>,
    told: &mut BTreeSet<String>,
    findings: &mut Vec<Finding>,
) {
    let all = [before, after].into_iter().flat_map(Side::apps).filter(|app| app.who().is_person());
    // Groups first: what is told together is told as theirs.
    let names: BTreeSet<(bool, &str)> = all.map(|app| (app.who() == Who::User, app.name)).collect();
    let mut alike: BTreeMap<[BTreeSet<String>; 2], Vec<&str>> = BTreeMap::new();
    for (_, name) in names {
        let sides = [before.app(name), after.app(name)];
        if !sides.iter().flatten().any(|app| app.is_concerned(changed)) {
            continue;
        }
        let roles = |app: &Option<App<'_, '_>>| -> BTreeSet<String> {
            app.iter().flat_map(App::roles).map(|(role, _)| role.object.path.to_owned()).collect()
        };
        let roles = sides.each_ref().map(roles);
        if roles.iter().any(|roles| !roles.is_empty()) {
            told.extend(roles.iter().flatten().cloned());
            alike.entry(roles).or_default().push(name);
        }
    }
    for names in alike.into_values() {
        let Some((name, others)) = names.split_first() else { continue };
        let (old, new) = (before.app(name), after.app(name));
        let mut found = principal(name, before, &old, after, &new).findings();
        let others: Vec<String> = others.iter().filter_map(|name| subject(before, after, name)).collect();
        if !others.is_empty() {
            let as_well = format!("the same for {}", words::listed(&others));
            found.iter_mut().for_each(|finding| finding.notes.push(as_well.clone()));
        }
        findings.extend(found);
    }
}

/// `user ann`.
fn subject(before: &Side<'_>, after: &Side<'_>, name: &str) -> Option<String> {
    Some(after.app(name).or_else(|| before.app(name))?.subject().to_string())
}
