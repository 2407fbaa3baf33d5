//! Lease terms, and how long credentials live in effect.

use std::collections::BTreeMap;

use crate::object::home::ENGINES;
use crate::object::review::Terms;
use crate::object::{Mount, Place};
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::lifetime::{self, LeaseTerms};
use crate::review::state::{App, Side, SideObject};
use crate::review::words;

/// The mounts whose terms change, with the apps that have credentials of them.
pub(in crate::review) fn mounts(before: &Side<'_>, after: &Side<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let issues =
        |mount: &Mount<'_>| mount.table == &ENGINES && mount.folders().any(|(kind, _)| !kind.issued_in().is_empty());
    let mut users: Option<BTreeMap<String, Vec<App<'_, '_>>>> = None;
    for Mount { name: path, .. } in after.objects().filter_map(SideObject::mount).filter(issues) {
        let (old, new) = (before.lease_terms(path), after.lease_terms(path));
        if before.mounted(path).is_none() || old == new {
            continue;
        }
        let users = users.get_or_insert_with(|| users_by_mount(after)).get(path);
        let subject = Subject::Engine(path.to_owned());
        let mut finding = Finding::new(Topic::LeaseTerms, &subject, format!("leases of {path}: {}", shown(new)))
            .was(shown(old))
            .gains(new.default > old.default || new.max > old.max)
            .at(place(after, path, (old, new)));
        for note in felt(before, after, path, users.map(Vec::as_slice).unwrap_or_default()) {
            finding = finding.note(note);
        }
        findings.push(finding);
    }
    findings
}

/// What apps feel of a mount's new terms: a lease ends with its token.
fn felt(before: &Side<'_>, after: &Side<'_>, mount: &str, apps: &[App<'_, '_>]) -> Vec<String> {
    let mut longer: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut same = 0;
    for app in apps {
        let Some(old) = before.app(app.name) else { continue };
        let (old, new) = (effective(before, &old, mount), effective(after, app, mount));
        match words::times_as_long(old, new) {
            Some(times) => longer.entry(times).or_default().push(app.name),
            None => same += usize::from(old == new),
        }
    }
    let mut notes: Vec<String> = longer
        .into_iter()
        .map(|(times, apps)| format!("a leaked credential of {} works {times}", words::listed(&apps)))
        .collect();
    if same > 0 {
        notes.push(format!("for {} at most as long as before, because tokens end sooner", words::count(same, "app")));
    }
    notes
}

/// How long an app's credentials live, where its tokens change that.
pub(in crate::review) fn app(before: (&Side<'_>, &App<'_, '_>), after: (&Side<'_>, &App<'_, '_>)) -> Vec<Finding> {
    let subject = after.1.subject();
    let mut findings = Vec::new();
    for (mount, place) in mounts_of(after.1) {
        if before.0.lease_terms(mount) != after.0.lease_terms(mount) || !mounts_of(before.1).contains_key(mount) {
            // Told with the mount, or with the access that is new.
            continue;
        }
        let (old, new) = (effective(before.0, before.1, mount), effective(after.0, after.1, mount));
        if old == new {
            continue;
        }
        let what = format!("its credentials of {mount} work at most {}", words::duration(new));
        let mut finding = Finding::new(Topic::LeaseTerms, &subject, what)
            .was(words::duration(old))
            .gains(new > old)
            .note("a lease ends with its token");
        if let Some(times) = words::times_as_long(old, new) {
            finding = finding.note(format!("a leaked credential works {times}"));
        }
        let login = after.1.logins().next();
        findings.push(finding.at(login.map_or(place, |login| login.place_of("token_max_ttl"))));
    }
    findings
}

/// How long an app's credentials of a mount work at most, in seconds.
fn effective(side: &Side<'_>, app: &App<'_, '_>, mount: &str) -> i64 {
    lifetime::credential(side.lease_terms(mount), app.logins().map(|login| side.token_terms(login)))
}

/// The mounts of an app's roles, each with the place of one of them.
fn mounts_of<'a>(app: &App<'_, 'a>) -> BTreeMap<&'a str, Place> {
    app.roles().into_iter().map(|(role, _)| (role.at.mount, role.object.declared_at())).collect()
}

fn users_by_mount<'s, 'a>(side: &'s Side<'a>) -> BTreeMap<String, Vec<App<'s, 'a>>> {
    let mut users: BTreeMap<String, Vec<App<'s, 'a>>> = BTreeMap::new();
    // How long tokens of people live, their logins say.
    for app in side.apps().filter(|app| !app.who().is_person()) {
        for mount in mounts_of(&app).into_keys() {
            users.entry(mount.to_owned()).or_default().push(app);
        }
    }
    users
}

fn shown(terms: LeaseTerms) -> String {
    format!("default {}, at most {}", words::duration(terms.default), words::duration(terms.max))
}

/// Where the term stands that changes, of the lease or, for what that does not say, of the mount.
fn place(side: &Side<'_>, mount: &str, (old, new): (LeaseTerms, LeaseTerms)) -> Place {
    let (lease, mounted) = (side.lease(mount), side.mounted(mount));
    let first: [fn(Terms) -> &'static str; 2] = match old.default == new.default {
        true => [|terms| terms.max, |terms| terms.default],
        false => [|terms| terms.default, |terms| terms.max],
    };
    let written = first.iter().find_map(|field| {
        [lease, mounted].into_iter().flatten().find_map(|object| {
            let field = field(object.kind.lease_terms()?);
            object.is_written(field).then(|| object.place_of(field))
        })
    });
    let block = || lease.or(mounted).map(|object| object.declared_at());
    written.or_else(block).unwrap_or_else(|| Place { file: mount.into(), line: 0, column: 0 })
}
