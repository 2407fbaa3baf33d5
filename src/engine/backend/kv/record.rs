//! What a versioned secret is made of.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::units::duration::go_string;

/// Versions kept where neither the mount nor the secret says how many.
const VERSIONS_DEFAULT: i64 = 10;
const CUSTOM_KEYS_MAX: usize = 64;
const CUSTOM_KEY_BYTES_MAX: usize = 128;
const CUSTOM_VALUE_BYTES_MAX: usize = 512;

/// Settings that a mount and each of its secrets have alike.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Settings {
    /// Versions kept; 0 is not set.
    pub(super) max_versions: i64,
    /// Whether a write must say which version it follows.
    pub(super) cas_required: bool,
    /// Seconds after which a new version counts as deleted; 0 is never.
    pub(super) delete_version_after: i64,
}

impl Settings {
    /// Takes what was given.
    pub(super) fn apply(&mut self, fields: Fields<'_>) -> Result<(), Error> {
        if let Some(max) = fields.int("max_versions")? {
            if max < 0 {
                return Err(Error::Invalid("max_versions cannot be negative".to_owned()));
            }
            self.max_versions = max;
        }
        if let Some(required) = fields.bool("cas_required")? {
            self.cas_required = required;
        }
        if let Some(seconds) = fields.seconds("delete_version_after")? {
            self.delete_version_after = seconds;
        }
        Ok(())
    }

    /// Writes them into an answer.
    pub(super) fn show(&self, answer: &mut Value) {
        answer["max_versions"] = self.max_versions.into();
        answer["cas_required"] = self.cas_required.into();
        answer["delete_version_after"] = go_string(self.delete_version_after).into();
    }
}

/// What is known of one version without its data.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Version {
    /// RFC 3339.
    pub(super) created_time: String,
    /// RFC 3339; empty while it is not deleted. May lie ahead.
    #[serde(default)]
    pub(super) deletion_time: String,
    /// Whether its data is gone for good.
    #[serde(default)]
    pub(super) destroyed: bool,
}

impl Version {
    /// Whether its data can be read at `now`.
    pub(super) fn is_readable(&self, now: OffsetDateTime) -> bool {
        let deleted = match self.deletion_time.as_str() {
            "" => false,
            // A time that does not parse was not written by us; hiding is the safe reading.
            text => OffsetDateTime::parse(text, &Rfc3339).map_or(true, |time| time <= now),
        };
        !deleted && !self.destroyed
    }
}

/// The record of one secret: everything but the versions' data.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Secret {
    /// Its own settings.
    pub(super) settings: Settings,
    /// `custom_metadata`.
    #[serde(default)]
    pub(super) custom: Option<IndexMap<String, String>>,
    /// RFC 3339.
    pub(super) created_time: String,
    /// RFC 3339.
    pub(super) updated_time: String,
    /// 0 before the first write.
    pub(super) current_version: u64,
    /// The versions kept.
    pub(super) versions: BTreeMap<u64, Version>,
}

impl Secret {
    /// A secret without versions.
    pub(super) fn new(now: OffsetDateTime) -> Self {
        let now = stamp(now);
        Self { created_time: now.clone(), updated_time: now, ..Self::default() }
    }

    /// Adds a version and answers its number and the numbers that fall out of what is kept.
    pub(super) fn add(&mut self, mount: &Settings, now: OffsetDateTime) -> (u64, Vec<u64>) {
        let own = [self.settings.delete_version_after, mount.delete_version_after];
        let lifetime = own.into_iter().filter(|seconds| *seconds > 0).min();
        let ends = lifetime.and_then(|seconds| now.checked_add(time::Duration::seconds(seconds)));
        self.current_version += 1;
        self.updated_time = stamp(now);
        let deletion_time = ends.map(stamp).unwrap_or_default();
        let version = Version { created_time: stamp(now), deletion_time, destroyed: false };
        self.versions.insert(self.current_version, version);
        let wanted = [self.settings.max_versions, mount.max_versions].into_iter().find(|max| *max > 0);
        let kept = u64::try_from(wanted.unwrap_or(VERSIONS_DEFAULT)).unwrap_or(u64::MAX);
        let oldest = (self.current_version + 1).saturating_sub(kept);
        let dropped: Vec<u64> = self.versions.range(..oldest).map(|(number, _)| *number).collect();
        self.versions.retain(|number, _| *number >= oldest);
        (self.current_version, dropped)
    }

    /// `metadata` of a version, as reads and writes of data answer it.
    pub(super) fn version_metadata(&self, number: u64) -> Value {
        let version = self.versions.get(&number);
        json!({
            "created_time": version.map(|v| v.created_time.as_str()).unwrap_or_default(),
            "custom_metadata": self.custom,
            "deletion_time": version.map(|v| v.deletion_time.as_str()).unwrap_or_default(),
            "destroyed": version.is_some_and(|v| v.destroyed),
            "version": number,
        })
    }

    /// The answer of a read of `metadata/`.
    pub(super) fn show(&self) -> Value {
        let versions: Map<String, Value> =
            self.versions.iter().map(|(number, version)| (number.to_string(), json!(version))).collect();
        // Zero until the first version fell out.
        let oldest = self.versions.keys().next().copied().filter(|oldest| *oldest > 1).unwrap_or_default();
        let mut answer = json!({
            "created_time": self.created_time,
            "updated_time": self.updated_time,
            "current_version": self.current_version,
            "oldest_version": oldest,
            "custom_metadata": self.custom,
            "versions": versions,
        });
        self.settings.show(&mut answer);
        answer
    }
}

/// RFC 3339 with the clock's fraction, as the API writes times.
pub(super) fn stamp(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// Checks `custom_metadata` against the API's limits.
pub(super) fn check_custom(custom: &IndexMap<String, String>) -> Result<(), Error> {
    if custom.len() > CUSTOM_KEYS_MAX {
        return Err(Error::Invalid(format!("custom_metadata can have at most {CUSTOM_KEYS_MAX} keys")));
    }
    for (key, value) in custom {
        let fits = !key.is_empty() && key.len() <= CUSTOM_KEY_BYTES_MAX && value.len() <= CUSTOM_VALUE_BYTES_MAX;
        if !fits || value.is_empty() {
            return Err(Error::Invalid(format!(
                "custom_metadata keys have 1 to {CUSTOM_KEY_BYTES_MAX} bytes and values 1 to {CUSTOM_VALUE_BYTES_MAX}"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::{Secret, Settings};

    #[test]
    fn old_versions_fall_out_beyond_the_number_kept() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let check = |own: i64, mount: i64, writes: u64, kept: &[u64]| {
            let mut secret = Secret::new(now);
            secret.settings.max_versions = own;
            let settings = Settings { max_versions: mount, ..Settings::default() };
            (0..writes).for_each(|_| drop(secret.add(&settings, now)));
            assert_eq!(secret.versions.keys().copied().collect::<Vec<_>>(), kept);
        };
        check(0, 0, 2, &[1, 2]);
        check(0, 0, 12, &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        check(2, 5, 4, &[3, 4]);
        check(0, 1, 3, &[3]);
    }

    #[test]
    fn a_version_with_an_end_is_unreadable_from_then_on() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let mut secret = Secret::new(now);
        let settings = Settings { delete_version_after: 60, ..Settings::default() };
        let (number, _) = secret.add(&settings, now);
        let version = &secret.versions[&number];
        assert!(version.is_readable(now + time::Duration::seconds(59)));
        assert!(!version.is_readable(now + time::Duration::seconds(60)));
    }
}
