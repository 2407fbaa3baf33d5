//! What a mount has one of each of, whether somebody set it or not: no list tells of it, so who wants to know of settings
//! that nobody declared has to ask for them.

use serde_json::Value;

use super::{Delete, Field, Kind, Live, aws_lease, aws_root};

/// The kinds of settings, each with the type of the mounts that have it and its path below one.
static SETTINGS: &[(&Kind, &str, &str)] =
    &[(&aws_lease::KIND, "aws", "config/lease"), (&aws_root::KIND, "aws", "config/root")];

/// The settings of a mount of this type, `mount` without a slash at its end: their kinds and their paths.
pub fn settings_of<'a>(sort: &'a str, mount: &'a str) -> impl Iterator<Item = (&'static Kind, String)> + 'a {
    let of_sort = SETTINGS.iter().filter(move |(_, of, _)| *of == sort);
    of_sort.map(move |(kind, _, below)| (*kind, format!("{mount}/{below}")))
}

impl Live {
    /// Whether it can't be deleted, and is as an engine has it when nobody sets it.
    pub fn is_unset(&self) -> bool {
        let default = |name: &str| self.kind.field(name).map_or(Value::Null, Field::default_value);
        matches!(self.kind.delete, Delete::Forget(_)) && self.fields.iter().all(|(name, value)| *value == default(name))
    }
}

#[cfg(test)]
mod tests {
    use crate::object::{Delete, KINDS, Level, settings_of};

    #[test]
    fn every_kind_that_a_mount_has_one_of_is_asked_for() {
        let of_kinds = KINDS.iter().filter(|kind| kind.level == Level::Config);
        let mut named: Vec<&str> = of_kinds.map(|kind| kind.name).collect();
        let mut asked: Vec<&str> = settings_of("aws", "team/aws").map(|(kind, _)| kind.name).collect();
        named.sort_unstable();
        asked.sort_unstable();
        assert_eq!(asked, named);
        assert!(
            settings_of("aws", "team/aws").all(|(kind, path)| {
                path.starts_with("team/aws/config/") && matches!(kind.delete, Delete::Forget(_))
            })
        );
    }
}
