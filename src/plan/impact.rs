//! What a plan does to credentials that are out already, leases and access keys. Each form of a plan tells it from here.

use std::collections::BTreeMap;

use super::change::Change;
use super::outstanding::{LeaseFate, Outstanding};
use super::value::Plan;
use crate::object::KeyFate;

impl Change {
    /// What it does to people, one line each: to keys, to whoever uses it, and to leases that are out.
    pub fn told(&self) -> impl Iterator<Item = String> + '_ {
        let keys = self.keys.iter().map(ToString::to_string);
        keys.chain(self.effects.iter().cloned()).chain(self.leases.iter().filter_map(Outstanding::words))
    }
}

/// What all changes of a plan do to leases and keys. A lease that several of them concern is counted once, with what is
/// the most for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impact {
    /// How many leases have which fate.
    pub leases: BTreeMap<LeaseFate, usize>,
    /// Where they could not be counted.
    pub not_counted: Vec<String>,
    /// In how many objects keys have which fate.
    pub keys: BTreeMap<KeyFate, usize>,
}

impl Plan {
    /// What it does to leases and keys.
    pub fn impact(&self) -> Impact {
        let mut impact = Impact::default();
        let mut fates: BTreeMap<&str, (LeaseFate, usize)> = BTreeMap::new();
        for outstanding in self.changes.iter().filter_map(|change| change.leases.as_ref()) {
            let Some(folders) = &outstanding.folders else {
                impact.not_counted.push(outstanding.prefix.clone());
                continue;
            };
            for (name, folder) in folders {
                let known = fates.entry(name.as_str()).or_insert((outstanding.fate, folder.leases));
                *known = (known.0.max(outstanding.fate), known.1.max(folder.leases));
            }
        }
        for (fate, leases) in fates.into_values() {
            *impact.leases.entry(fate).or_default() += leases;
        }
        for keys in self.changes.iter().filter_map(|change| change.keys.as_ref()) {
            *impact.keys.entry(keys.fate).or_default() += 1;
        }
        impact
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::object::testing::object;
    use crate::object::{KeyChange, KeyFate, aws_role};
    use crate::plan::{Folder, LeaseFate, Outstanding, testing};

    fn outstanding(prefix: &str, fate: LeaseFate, folders: &[(&str, usize, Option<i64>)]) -> Outstanding {
        let folder = |leases, seconds_max| Folder { leases, seconds_max };
        let folders = folders.iter().map(|(name, leases, most)| ((*name).to_owned(), folder(*leases, *most)));
        Outstanding { prefix: prefix.to_owned(), fate, folders: Some(folders.collect()) }
    }

    #[test]
    fn a_lease_that_two_changes_concern_is_counted_once_and_no_digest_knows_of_it() {
        let role = |name: &str| object(&aws_role::KIND, &format!("aws/roles/{name}"), &[]);
        let mut plan = testing::all_new(&[role("a"), role("b"), role("c")]);
        let digest = plan.digest();
        let all = [("aws/creds/a", 2, None), ("aws/creds/b", 3, None)];
        plan.changes[0].leases = Some(outstanding("aws/creds/a", LeaseFate::KeepOlder, &all[..1]));
        plan.changes[1].leases = Some(outstanding("aws", LeaseFate::Out, &all));
        plan.changes[2].leases = Some(Outstanding { folders: None, ..outstanding("x/creds", LeaseFate::Out, &[]) });
        plan.changes[2].keys = Some(KeyChange { fate: KeyFate::Minted, user: Some("legacy".to_owned()) });
        assert_eq!(
            plan.json()["impact"],
            json!({
                "leases": {"revoked": 0, "stay": 0, "keep_older": 2, "out": 3},
                "not_counted": ["x/creds"],
                "keys": {"minted": 1, "rotated": 0, "replaced": 0, "destroyed": 0},
            })
        );
        assert_eq!(plan.digest(), digest);
        assert_eq!(plan.json()["changes"][2]["keys"], json!({"fate": "minted", "user": "legacy"}));
    }
}
