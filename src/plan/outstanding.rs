//! The leases that are out under what a change concerns, and what becomes of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::review::words_of_duration;

/// How many folders of leases are named before they are only counted.
const FOLDERS_SHOWN_MAX: usize = 5;

/// The leases that are out under what a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outstanding {
    /// Where they are: `aws/creds/webapp`, or `aws` for all of a mount.
    pub prefix: String,
    /// What becomes of them.
    pub fate: LeaseFate,
    /// How many, by the folders that they are in; `None` where this token may not know.
    pub folders: Option<BTreeMap<String, Folder>>,
}

/// The leases of one role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Folder {
    /// How many.
    pub leases: usize,
    /// For how many more seconds they are out at most, by the terms that the engine has; `None` where no role says it.
    pub seconds_max: Option<i64>,
}

/// What becomes of leases by a change, the most lasting last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeaseFate {
    /// They are of a mount whose settings change, of which the change says what they mean for them.
    Out,
    /// They keep what they were issued with until they end.
    KeepOlder,
    /// They stay until they end, though their role goes.
    Stay,
    /// They are revoked.
    Revoked,
}

impl LeaseFate {
    /// Every fate.
    pub const ALL: [Self; 4] = [Self::Revoked, Self::Stay, Self::KeepOlder, Self::Out];

    /// Its name for programs. Stable.
    pub fn id(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::KeepOlder => "keep_older",
            Self::Stay => "stay",
            Self::Revoked => "revoked",
        }
    }
}

impl Outstanding {
    /// How many; `None` where that is not known.
    pub fn count(&self) -> Option<usize> {
        self.folders.as_ref().map(|folders| folders.values().map(|folder| folder.leases).sum())
    }

    /// For how many more seconds one of them is out at most; `None` where that is not known of each.
    pub fn seconds_max(&self) -> Option<i64> {
        let folders = self.folders.as_ref().filter(|folders| !folders.is_empty())?;
        folders.values().map(|folder| folder.seconds_max).reduce(|one, other| one.zip(other).map(|(a, b)| a.max(b)))?
    }

    /// What people are told of them; `None` where there is nothing to tell, or the plan's notes tell it.
    pub fn words(&self) -> Option<String> {
        let Some((count, folders)) = self.count().zip(self.folders.as_ref()) else {
            // What revokes them says so itself.
            let revoked = self.fate == LeaseFate::Revoked;
            return revoked.then(|| "how many leases are revoked by this is not known".to_owned());
        };
        let (leases, stay) = match count {
            0 => return None,
            1 => ("1 lease is".to_owned(), "stays until it ends"),
            count => (format!("{count} leases are"), "stay until they end"),
        };
        let longest = self.seconds_max().map(|seconds| format!(", for at most {} more", words_of_duration(seconds)));
        let longest = longest.unwrap_or_default();
        Some(match self.fate {
            LeaseFate::Revoked => format!("{leases} revoked by this: {}", by_folder(folders)),
            LeaseFate::KeepOlder | LeaseFate::Out => format!("{leases} out from before this change{longest}"),
            LeaseFate::Stay => format!("{leases} out and {stay}{longest}"),
        })
    }
}

/// Leases by the folders that they are in, those with the most first: `aws/creds/deploy 12, aws/creds/web 1`.
fn by_folder(folders: &BTreeMap<String, Folder>) -> String {
    let mut folders: Vec<(&String, usize)> = folders.iter().map(|(name, folder)| (name, folder.leases)).collect();
    folders.sort_by_key(|(name, count)| (Reverse(*count), *name));
    let shown = folders.iter().take(FOLDERS_SHOWN_MAX).map(|(name, count)| format!("{name} {count}"));
    let more = match folders.len().saturating_sub(FOLDERS_SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more folders"),
    };
    shown.collect::<Vec<_>>().join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::{Folder, LeaseFate, Outstanding};

    fn outstanding(prefix: &str, fate: LeaseFate, folders: &[(&str, usize, Option<i64>)]) -> Outstanding {
        let folder = |leases, seconds_max| Folder { leases, seconds_max };
        let folders = folders.iter().map(|(name, leases, most)| ((*name).to_owned(), folder(*leases, *most)));
        Outstanding { prefix: prefix.to_owned(), fate, folders: Some(folders.collect()) }
    }

    #[test]
    fn leases_are_told_by_what_becomes_of_them() {
        let hour = Some(3600);
        for (fate, folders, expected) in [
            (LeaseFate::KeepOlder, &[][..], None),
            (
                LeaseFate::KeepOlder,
                &[("a", 1, hour)][..],
                Some("1 lease is out from before this change, for at most 1h more"),
            ),
            (LeaseFate::Out, &[("a", 1, hour), ("b", 2, None)][..], Some("3 leases are out from before this change")),
            (
                LeaseFate::Stay,
                &[("a", 2, hour)][..],
                Some("2 leases are out and stay until they end, for at most 1h more"),
            ),
            (LeaseFate::Revoked, &[("a", 1, hour), ("b", 2, hour)][..], Some("3 leases are revoked by this: b 2, a 1")),
        ] {
            assert_eq!(outstanding("p", fate, folders).words().as_deref(), expected, "{fate:?} {folders:?}");
        }
        let unknown = Outstanding { folders: None, ..outstanding("p", LeaseFate::Out, &[]) };
        assert_eq!(unknown.words(), None);
        assert!(
            Outstanding { fate: LeaseFate::Revoked, ..unknown }
                .words()
                .is_some_and(|words| words.contains("not known"))
        );
    }
}
