//! What objects let somebody do in the engine, in the words of their kinds.

use super::Changed;
use crate::object::Reviewed;
use crate::object::review::{Said, Values};
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::Side;

/// What comes, goes or differs of them.
pub(super) fn changes(before: &Side<'_>, after: &Side<'_>, changed: &Changed<'_>, findings: &mut Vec<Finding>) {
    for path in &changed.paths {
        let (old, new) = (before.object(path), after.object(path));
        let Some(object) = new.or(old) else { continue };
        let Reviewed::Rights(rights) = object.kind.reviewed else { continue };
        let subject = Subject::Engine(object.path.to_owned());
        let Some(new) = new else {
            let what = format!("the {} {}: {}", object.kind.name, after.absence(), rights.gone);
            findings.push(Finding::new(Topic::Acl, &subject, what).at(object.declared_at()));
            continue;
        };
        let name = object.kind.name_of(object.path).unwrap_or(object.path);
        for Said { now, was, gains, field } in (rights.said)(name, old.map(|old| old as &dyn Values), new) {
            let place = if new.is_written(field) { new.place_of(field) } else { new.declared_at() };
            let mut finding = Finding::new(Topic::Acl, &subject, now).gains(gains).at(place);
            finding.was = (!was.is_empty()).then_some(was);
            findings.push(finding);
        }
    }
}
