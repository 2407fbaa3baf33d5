//! When access ends by itself, since files say `expires`.
//!
//! Only files know it, so it has no part in the digest: what an engine holds says no day. Of what is gained it is told
//! beside it; where a day was set, moved or taken back that is a finding of its own, and later is more.

use std::collections::HashMap;

use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::{App, Role, Side};

/// Tells of what is gained when it ends, and which ends have moved.
pub(super) fn changes(before: &Side<'_>, after: &Side<'_>, findings: &mut Vec<Finding>) {
    let has_ends = |side: &Side<'_>| side.objects().any(|object| object.expires.is_some());
    if !has_ends(before) && !has_ends(after) {
        return;
    }
    let roles: HashMap<String, &Role<'_>> = after.roles().map(|role| (role.label(), role)).collect();
    for finding in findings.iter_mut().filter(|finding| finding.gains) {
        let role = finding.role.as_ref().and_then(|label| roles.get(label).copied());
        let app = match &finding.subject {
            Subject::App(name) | Subject::Login(name) | Subject::User(name) | Subject::Group(name) => after.app(name),
            _ => None,
        };
        if let Some(day) = end(app.as_ref(), role) {
            finding.notes.push(format!("it ends on {day}"));
        }
    }
    // What an engine holds has no end that could have moved.
    if before.estate().is_some() && after.estate().is_some() {
        findings.extend(after.apps().filter_map(|app| Some((before.app(app.name)?, app))).flat_map(moved));
    }
}

/// The ends of what an app has on both sides that are another.
fn moved((old, new): (App<'_, '_>, App<'_, '_>)) -> Vec<Finding> {
    let had: HashMap<&str, Option<&str>> =
        old.roles().into_iter().map(|(role, _)| (role.object.path, end(Some(&old), Some(role)))).collect();
    let moved = new.roles().into_iter().filter_map(|(role, _)| {
        let was = *had.get(role.object.path)?;
        let is = end(Some(&new), Some(role));
        let words =
            |end: Option<&str>| end.map_or_else(|| "it did not end".to_owned(), |day| format!("it ended on {day}"));
        let what = is.map_or_else(|| "does not end any more".to_owned(), |day| format!("ends on {day}"));
        let is_later = match (was, is) {
            (Some(was), Some(is)) => is > was,
            (was, is) => was.is_some() && is.is_none(),
        };
        let finding = Finding::new(Topic::End, &new.subject(), what).role(role.label()).was(words(was)).gains(is_later);
        (was != is).then(|| match role.object.place {
            Some(place) => finding.at(place.clone()),
            None => finding,
        })
    });
    moved.collect()
}

/// The first day on which nobody gets what a role gives, or what an app has, any more.
fn end<'a>(app: Option<&App<'_, 'a>>, role: Option<&Role<'a>>) -> Option<&'a str> {
    let logins: Vec<Option<&str>> =
        app.map(|app| app.logins().map(|login| login.expires).collect()).unwrap_or_default();
    // While one login stays, so does what it is for.
    let last = logins.iter().copied().collect::<Option<Vec<&str>>>().and_then(|ends| ends.into_iter().max());
    let person = app.and_then(|app| app.object().filter(|_| app.who().is_person())?.expires);
    last.into_iter().chain(person).chain(role.and_then(|role| role.object.expires)).min()
}
