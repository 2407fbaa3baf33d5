//! In which order changes are made, and which of them wait for which.
//!
//! ```text
//! audit device -> mount -> config -> policy -> role -> login      coming
//! audit device <- mount <- config <- policy <- role <- login      going
//! ```
//!
//! Everything that comes or changes does so first, so that a renamed app has its new login before it loses
//! the old one. Within one stage nothing depends on anything, so a stage is done concurrently.
//!
//! A device comes first so that it sees the rest, but nothing stands on it: servers that take devices from their own
//! configuration alone refuse it, and whether it is audited is not what decides if an app may have its role.

use std::collections::HashMap;
use std::ops::Range;

use super::change::{Change, ChangeAction};
use crate::object::{Class, policy_path};

/// Sorts changes into the order in which they are made.
pub(super) fn sort(changes: &mut [Change]) {
    changes.sort_by(|left, right| rank(left).cmp(&rank(right)).then_with(|| left.path.cmp(&right.path)));
}

/// The stages of sorted changes: what is in one range may be done at the same time.
pub fn stages(changes: &[Change]) -> Vec<Range<usize>> {
    let mut stages: Vec<Range<usize>> = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        match stages.last_mut() {
            Some(last) if rank(&changes[last.start]) == rank(change) => last.end = index + 1,
            _ => stages.push(index..index + 1),
        }
    }
    stages
}

/// For each of the sorted changes, the earlier ones without which it must not be made.
pub fn blockers(changes: &[Change]) -> Vec<Vec<usize>> {
    let index: HashMap<&str, usize> =
        changes.iter().enumerate().map(|(index, change)| (change.path.as_str(), index)).collect();
    let mut blockers: Vec<Vec<usize>> = vec![Vec::new(); changes.len()];
    for (at, change) in changes.iter().enumerate() {
        for needed in needs(change) {
            match index.get(needed.as_str()) {
                Some(&other) if changes[other].takes_away() == change.takes_away() => {
                    // What comes waits for what it stands on; what stands on something goes before it.
                    let (first, then) = if change.takes_away() { (at, other) } else { (other, at) };
                    blockers[then].push(first);
                }
                _ => {}
            }
        }
        // A policy goes only once no login of ours names it any more.
        if change.action == ChangeAction::Update {
            for policy in live_policies(change) {
                if let Some(&other) = index.get(policy.as_str())
                    && changes[other].takes_away()
                {
                    blockers[other].push(at);
                }
            }
        }
    }
    blockers
}

/// The paths of the objects that this one stands on, whether or not there are any.
fn needs(change: &Change) -> Vec<String> {
    let mut needs: Vec<String> = change.policies.iter().map(|name| policy_path(name)).collect();
    needs.extend(change.kind.needs(&change.path));
    needs
}

fn live_policies(change: &Change) -> Vec<String> {
    let live = change.live.as_ref().and_then(|live| live.fields.get("token_policies"));
    let names = live.and_then(serde_json::Value::as_array).into_iter().flatten();
    names.filter_map(|name| name.as_str()).map(policy_path).collect()
}

fn rank(change: &Change) -> (bool, u8) {
    let level = match change.kind.class {
        Class::Audit => 0,
        Class::Mount => 1,
        Class::Config => 2,
        Class::Policy => 3,
        Class::Role => 4,
        Class::Login => 5,
    };
    if change.takes_away() { (true, 5 - level) } else { (false, level) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{blockers, sort, stages};
    use crate::object::{KINDS, Kind, Place};
    use crate::plan::{Change, ChangeAction};

    fn kind(name: &str) -> &'static Kind {
        KINDS.iter().find(|kind| kind.name == name).expect("known")
    }

    fn change(action: ChangeAction, kind_name: &str, path: &str, policies: &[&str]) -> Change {
        Change {
            action,
            kind: kind(kind_name),
            path: path.to_owned(),
            app: None,
            place: Place { file: Arc::from("a.hcl"), line: 1, column: 1 },
            fields: Vec::new(),
            fields_unchanged: 0,
            effects: Vec::new(),
            live: None,
            policies: policies.iter().map(|name| (*name).to_owned()).collect(),
            guardrails: None,
            from: None,
        }
    }

    fn estate(action: ChangeAction) -> Vec<Change> {
        vec![
            change(action, "approle role", "auth/approle/role/app-a", &["app-a"]),
            change(action, "acl policy", "sys/policies/acl/app-a", &[]),
            change(action, "aws role", "aws/roles/a", &[]),
            change(action, "aws role", "aws/roles/b", &[]),
            change(action, "aws lease", "aws/config/lease", &[]),
            change(action, "secrets engine", "sys/mounts/aws", &[]),
            change(action, "auth method", "sys/auth/approle", &[]),
            change(action, "audit device", "sys/audit/file", &[]),
        ]
    }

    fn paths(changes: &[Change]) -> Vec<&str> {
        changes.iter().map(|change| change.path.as_str()).collect()
    }

    fn waits(changes: &[Change]) -> Vec<(String, Vec<String>)> {
        let waits = blockers(changes);
        changes
            .iter()
            .zip(waits)
            .map(|(change, mut on)| {
                on.sort_unstable();
                (change.path.clone(), on.into_iter().map(|index| changes[index].path.clone()).collect())
            })
            .collect()
    }

    #[test]
    fn what_comes_goes_up_and_what_goes_goes_down() {
        let mut coming = estate(ChangeAction::Create);
        sort(&mut coming);
        let up = [
            "sys/audit/file",
            "sys/auth/approle",
            "sys/mounts/aws",
            "aws/config/lease",
            "sys/policies/acl/app-a",
            "aws/roles/a",
            "aws/roles/b",
            "auth/approle/role/app-a",
        ];
        assert_eq!(paths(&coming), up);
        assert_eq!(stages(&coming), [0..1, 1..3, 3..4, 4..5, 5..7, 7..8]);
        let mut going = estate(ChangeAction::Delete);
        sort(&mut going);
        assert_eq!(paths(&going)[0], "auth/approle/role/app-a");
        assert_eq!(paths(&going)[7], "sys/audit/file");
        let mut both = vec![
            change(ChangeAction::Delete, "approle role", "auth/approle/role/old", &[]),
            change(ChangeAction::Create, "approle role", "auth/approle/role/new", &[]),
        ];
        sort(&mut both);
        assert_eq!(paths(&both), ["auth/approle/role/new", "auth/approle/role/old"]);
    }

    #[test]
    fn what_comes_waits_for_what_it_stands_on() {
        let mut coming = estate(ChangeAction::Create);
        coming.retain(|change| change.kind.name != "audit device");
        sort(&mut coming);
        let waits = waits(&coming);
        for (path, on) in [
            ("sys/mounts/aws", vec![]),
            ("aws/config/lease", vec!["sys/mounts/aws"]),
            ("aws/roles/a", vec!["sys/mounts/aws", "aws/config/lease"]),
            ("sys/policies/acl/app-a", vec![]),
            ("auth/approle/role/app-a", vec!["sys/auth/approle", "sys/policies/acl/app-a"]),
        ] {
            let found = waits.iter().find(|(other, _)| other == path).map(|(_, on)| on.clone());
            assert_eq!(found, Some(on.into_iter().map(str::to_owned).collect()), "{path}");
        }
    }

    #[test]
    fn what_goes_waits_for_what_stands_on_it() {
        let mut going = estate(ChangeAction::Delete);
        sort(&mut going);
        let waits = waits(&going);
        let mount = waits.iter().find(|(path, _)| path == "sys/mounts/aws").expect("planned");
        assert_eq!(mount.1, ["aws/roles/a", "aws/roles/b", "aws/config/lease"]);
        let policy = waits.iter().find(|(path, _)| path == "sys/policies/acl/app-a").expect("planned");
        assert_eq!(policy.1, ["auth/approle/role/app-a"]);
    }

    #[test]
    fn an_audit_device_comes_first_and_stops_nothing() {
        let mut coming = estate(ChangeAction::Create);
        sort(&mut coming);
        assert_eq!(stages(&coming)[0], 0..1);
        assert!(waits(&coming).iter().all(|(_, on)| !on.contains(&"sys/audit/file".to_owned())));
    }
}
