//! In which order changes are made, and which of them wait for which.
//!
//! ```text
//! audit device -> mount -> config -> policy -> other -> role -> login -> person      coming
//! audit device <- mount <- config <- policy <- other <- role <- login <- person      going
//! ```
//!
//! Where objects of one class name each other (a group its members) or stand on each other (the accounts of a method on its
//! settings), those that are named or stood on come first.
//!
//! Everything that comes or changes does so first, so that a renamed app has its new login before it loses
//! the old one. Within one stage nothing depends on anything, so a stage is done concurrently.
//!
//! A device comes first so that it sees the rest, but nothing stands on it: servers that take devices from their own
//! configuration alone refuse it, and whether it is audited is not what decides if an app may have its role.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use super::change::{Change, ChangeAction, Renamed};
use crate::object::{Class, policy_path};

/// Sorts changes into the order in which they are made.
pub(super) fn sort(changes: &mut Vec<Change>) {
    let mut ranked: Vec<(Rank, Change)> = ranks(changes).into_iter().zip(std::mem::take(changes)).collect();
    ranked.sort_by(|(left, one), (right, other)| left.cmp(right).then_with(|| one.path.cmp(&other.path)));
    changes.extend(ranked.into_iter().map(|(_, change)| change));
}

/// The stages of sorted changes: what is in one range may be done at the same time.
pub fn stages(changes: &[Change]) -> Vec<Range<usize>> {
    let ranks = ranks(changes);
    let mut stages: Vec<Range<usize>> = Vec::new();
    for (index, rank) in ranks.iter().enumerate() {
        match stages.last_mut() {
            Some(last) if ranks[last.start] == *rank => last.end = index + 1,
            _ => stages.push(index..index + 1),
        }
    }
    stages
}

/// Where a change stands: by its class, and by how deep it is in what stands on what there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Comes(Class, usize),
    Goes(Reverse<Class>, Reverse<usize>),
}

/// The ranks of changes, in their order.
fn ranks(changes: &[Change]) -> Vec<Rank> {
    let rank = |(change, deep): (&Change, usize)| match change.takes_away() {
        false => Rank::Comes(change.kind.class, deep),
        true => Rank::Goes(Reverse(change.kind.class), Reverse(deep)),
    };
    changes.iter().zip(depths(changes)).map(rank).collect()
}

/// How many others of its class each change stands on, one on another.
fn depths(changes: &[Change]) -> Vec<usize> {
    let index: HashMap<&str, usize> =
        changes.iter().enumerate().map(|(index, change)| (change.path.as_str(), index)).collect();
    let below = |at: usize| -> Vec<usize> {
        let change = &changes[at];
        let needs = change.kind.needs(&change.path);
        let others = change.names.iter().chain(&needs).filter_map(|path| index.get(path.as_str()).copied());
        others.filter(|other| *other != at && changes[*other].kind.class == change.kind.class).collect()
    };
    let standing: Vec<(usize, Vec<usize>)> =
        (0..changes.len()).map(|at| (at, below(at))).filter(|(_, below)| !below.is_empty()).collect();
    let mut depths = vec![0; changes.len()];
    // Engines and files have no circles; of one this ends all the same.
    for _ in 0..standing.len() {
        let deeper =
            |below: &[usize], depths: &[usize]| below.iter().map(|other| depths[*other] + 1).max().unwrap_or(0);
        let moved: Vec<(usize, usize)> = standing.iter().map(|(at, below)| (*at, deeper(below, &depths))).collect();
        if moved.iter().all(|(at, deep)| depths[*at] == *deep) {
            break;
        }
        moved.into_iter().for_each(|(at, deep)| depths[at] = deep);
    }
    depths
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
        // What gets another name goes only once it is there under that.
        if let Some(Renamed::To(new)) = &change.renamed
            && let Some(&other) = index.get(new.as_str())
        {
            blockers[at].push(other);
        }
        // What goes does so only once nothing of ours names it any more: of a group an engine takes out whoever is gone.
        if change.action == ChangeAction::Update {
            for named in still_named(change) {
                if let Some(&other) = index.get(named.as_str())
                    && other != at
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
pub(super) fn needs(change: &Change) -> Vec<String> {
    let mut needs: Vec<String> = change.policies.iter().map(|name| policy_path(name)).collect();
    needs.extend(change.kind.needs(&change.path));
    needs.extend(change.names.iter().cloned());
    needs
}

/// The paths of the objects that this one names until it is changed.
pub(super) fn still_named(change: &Change) -> Vec<String> {
    let Some(live) = &change.live else { return Vec::new() };
    live.policies().iter().map(|name| policy_path(name)).chain(live.named()).collect()
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
            keys: None,
            revokes: false,
            leases: None,
            live: None,
            policies: policies.iter().map(|name| (*name).to_owned()).collect(),
            names: Vec::new(),
            guardrails: None,
            from: None,
            absence: None,
            renamed: None,
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
    fn what_names_another_of_its_class_comes_after_it_and_goes_before_it() {
        let group = |action, name: &str, members: &[&str]| Change {
            names: members.iter().map(|member| format!("identity/{member}")).collect(),
            ..change(action, "group", &format!("identity/group/name/{name}"), &[])
        };
        let all = |action| {
            vec![
                group(action, "a", &["group/name/b", "entity/name/x"]),
                group(action, "b", &["group/name/c"]),
                group(action, "c", &[]),
                change(action, "entity", "identity/entity/name/x", &[]),
            ]
        };
        let names = |changes: &[Change]| {
            paths(changes).iter().map(|path| path.rsplit('/').next().unwrap_or_default()).collect::<String>()
        };
        let mut coming = all(ChangeAction::Create);
        sort(&mut coming);
        assert_eq!((names(&coming).as_str(), stages(&coming)), ("xcba", vec![0..2, 2..3, 3..4]));
        assert_eq!(waits(&coming)[3].1, ["identity/entity/name/x", "identity/group/name/b"]);
        let mut going = all(ChangeAction::Delete);
        sort(&mut going);
        assert_eq!((names(&going).as_str(), stages(&going)), ("abxc", vec![0..1, 1..2, 2..4]));
        // No engine has such, and files with it are refused; here it ends all the same.
        let mut circle = vec![
            group(ChangeAction::Create, "a", &["group/name/b"]),
            group(ChangeAction::Create, "b", &["group/name/a"]),
        ];
        sort(&mut circle);
        assert_eq!(circle.len(), 2);
    }

    #[test]
    fn what_stands_on_another_of_its_class_comes_after_it_and_goes_before_it() {
        let all = |action| {
            vec![
                change(action, "aws auth account", "auth/a/config/sts/111122223333", &[]),
                change(action, "aws auth config", "auth/a/config/client", &[]),
                change(action, "aws auth identity", "auth/z/config/identity", &[]),
            ]
        };
        let [account, client, other] =
            ["auth/a/config/sts/111122223333", "auth/a/config/client", "auth/z/config/identity"];
        let mut coming = all(ChangeAction::Create);
        sort(&mut coming);
        assert_eq!((paths(&coming), stages(&coming)), (vec![client, other, account], vec![0..2, 2..3]));
        assert_eq!(waits(&coming)[2].1, [client]);
        let mut going = all(ChangeAction::Delete);
        sort(&mut going);
        assert_eq!((paths(&going), stages(&going)), (vec![account, client, other], vec![0..1, 1..3]));
        assert_eq!(waits(&going)[1].1, [account]);
    }

    #[test]
    fn an_audit_device_comes_first_and_stops_nothing() {
        let mut coming = estate(ChangeAction::Create);
        sort(&mut coming);
        assert_eq!(stages(&coming)[0], 0..1);
        assert!(waits(&coming).iter().all(|(_, on)| !on.contains(&"sys/audit/file".to_owned())));
    }
}
