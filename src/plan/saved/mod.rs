//! A plan in a file: what somebody approved, so that just that is carried out later, elsewhere, or by another job.
//!
//! It says what it was made for (environment, engine, files of the estate by their digests) and from (of each object that
//! it changes, what the engine told and a digest of what the ledger said), beside the plan itself as programs read it.
//! Objects that stay as they are, and the ledger's revision, are no part of it: an apply of something else in the meantime
//! does not make it stale. It holds no secret: what is sensitive is not shown, and the ledger's entry stands as a digest.
//!
//! Its last line is the SHA-256 of all bytes before, so that a file that was cut off, edited, or given other line ends is
//! no plan. That finds accidents, and nobody who means to: for that there are signatures.

mod departure;
mod signed;
mod unfit;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::value::Plan;
use crate::object::{FieldValue, Leaf, Live, Object, Owned, Told, fingerprint};

pub use self::departure::Now;
pub use self::signed::{Opened, PURPOSE};
pub use self::unfit::{Became, Departure, How, Unfit};

/// The format that this version writes, and the newest it reads.
pub const FORMAT: u64 = 1;

/// The longest file that is read: a plan of ten thousand roles has some 40 MB.
pub const BYTES_MAX: u64 = 256 << 20;

/// What stands between the rest and the digest of the rest.
const TAIL: &str = ",\n  \"sha256\": \"";

/// What ends the file after its digest.
const END: &str = "\"\n}\n";

/// A saved plan.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// The format of the file.
    pub leasehold_plan: u64,
    /// The version of the program that wrote it.
    pub leasehold_version: String,
    /// When, in UTC, as RFC 3339 has it.
    pub made: String,
    /// The environment.
    pub environment: String,
    /// The estate's name in the engine's ledger, if it has one.
    pub estate: Option<String>,
    /// Which engine was read.
    pub engine: Engine,
    /// The commit that was checked out, with `-dirty` if files were changed; `None` outside git. Not bound: that is the
    /// files' content.
    pub commit: Option<String>,
    /// The plan's digest.
    pub digest: String,
    /// That of its review; `None` if it changes nothing.
    pub review: Option<String>,
    /// What was said that the plan may do, beside what the environment says.
    pub word: Permissions,
    /// The SHA-256 of each file of the estate that was read, by name.
    pub files: BTreeMap<String, String>,
    /// What each change was computed from, by path.
    pub objects: BTreeMap<String, Seen>,
    /// The plan, as `leasehold plan --json` prints it.
    pub plan: Value,
}

/// Which engine it is, by what it says of itself. Where it is reached is no part of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The id that it has since it was initialised: `cluster_id` of `sys/seal-status`.
    pub cluster_id: String,
    /// The namespace in it.
    pub namespace: Option<String>,
}

/// What was said that a plan may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// Take over what no estate has.
    pub adopt: bool,
    /// Take over what these owners have.
    pub adopt_from: Vec<String>,
    /// Lead a mount to another AWS account, though leases of it are out.
    pub allow_account_change: bool,
    /// Come before what was applied.
    pub allow_older: bool,
    /// Delete so many objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_deletes: Option<u32>,
}

/// What one change was computed from.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The fields that the engine told; `None` if there was no object.
    pub live: Option<Map<String, Value>>,
    /// What it told apart from them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub apart: Map<String, Value>,
    /// The digest of the ledger's entry; `None` if there was none.
    pub ledger: Option<String>,
    /// The fields that could not be compared where the plan was made: their secrets, or the right to read, were not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
}

/// What a plan is saved with.
#[derive(Debug)]
pub struct Binding {
    /// When it was made, in UTC, as RFC 3339 has it.
    pub made: String,
    /// The estate's name in the ledger.
    pub estate: Option<String>,
    /// The engine that was read.
    pub engine: Engine,
    /// What was said that it may do.
    pub word: Permissions,
    /// The digests of the estate's files.
    pub files: BTreeMap<String, String>,
}

/// Whether what secrets are compared by could be read where a plan was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRead {
    /// It could, or there was none yet.
    Known,
    /// This token may not read it.
    Hidden,
}

/// Why a file is no saved plan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is too long for one.
    #[error("it has more than {} MiB", BYTES_MAX >> 20)]
    Long,
    /// It is no text.
    #[error("it is not UTF-8")]
    NoText,
    /// It is not JSON, or only a part of it.
    #[error("it is no saved plan, or not all of one: {0}")]
    NoJson(#[source] serde_json::Error),
    /// It is JSON of something else.
    #[error("it is JSON, and no saved plan: it has no `leasehold_plan`")]
    Else,
    /// A newer version wrote it.
    #[error("it has the format {format}, which leasehold {version} wrote and this version does not know")]
    Newer {
        /// The format.
        format: u64,
        /// What wrote it.
        version: String,
    },
    /// It is not as it was written.
    #[error("it was changed since it was written: its bytes do not have the digest in its last line")]
    Changed,
    /// What its digest vouches for is no saved plan all the same.
    #[error("it can't be understood: {0}")]
    Odd(String),
}

impl Saved {
    /// What there is to save of a plan. `owned` is what the ledger said, `desired` the objects it was computed from.
    pub fn of(
        plan: &Plan,
        binding: Binding,
        desired: &[Object],
        owned: &BTreeMap<String, Owned>,
        key: KeyRead,
    ) -> Self {
        let by_path: BTreeMap<&str, &Object> = desired.iter().map(|object| (object.path.as_str(), object)).collect();
        let objects = plan.changes.iter().map(|change| {
            let object = by_path.get(change.path.as_str()).copied();
            let live = change.live.as_ref();
            let told =
                |live: &Live| live.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            let apart = live.into_iter().flat_map(|live| &live.apart);
            let seen = Seen {
                live: live.map(told),
                apart: apart.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
                ledger: owned.get(&change.path).map(entry_digest),
                unchecked: object.map(|object| unchecked(object, live, key)).unwrap_or_default(),
            };
            (change.path.clone(), seen)
        });
        Self {
            leasehold_plan: FORMAT,
            leasehold_version: env!("CARGO_PKG_VERSION").to_owned(),
            made: binding.made,
            environment: plan.environment.clone(),
            estate: binding.estate,
            engine: binding.engine,
            commit: plan.commit.clone(),
            digest: plan.digest(),
            review: plan.review_digest.clone(),
            word: binding.word,
            files: binding.files,
            objects: objects.collect(),
            plan: plan.json(),
        }
    }

    /// The file's text.
    ///
    /// # Errors
    /// None that is known: what it holds can be written as JSON.
    pub fn text(&self) -> serde_json::Result<String> {
        let text = serde_json::to_string_pretty(self)?;
        let rest = text.strip_suffix("\n}").unwrap_or(&text);
        Ok(format!("{rest}{TAIL}{}{END}", fingerprint::of_text(rest)))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error`]: it is none, was changed, or is of a newer version.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() as u64 > BYTES_MAX {
            return Err(Error::Long);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::NoText)?;
        let value: Value = serde_json::from_str(text).map_err(Error::NoJson)?;
        let format = value.get("leasehold_plan").ok_or(Error::Else)?.as_u64().ok_or(Error::Changed)?;
        if format > FORMAT {
            let version = value.get("leasehold_version").and_then(Value::as_str).unwrap_or("of another version");
            return Err(Error::Newer { format, version: version.to_owned() });
        }
        let rest = text.strip_suffix(END).and_then(|text| text.rsplit_once(TAIL));
        let (rest, digest) = rest.ok_or(Error::Changed)?;
        if fingerprint::of_text(rest) != digest {
            return Err(Error::Changed);
        }
        let Value::Object(mut map) = value else { return Err(Error::Else) };
        map.remove("sha256");
        let saved: Self = serde_json::from_value(Value::Object(map)).map_err(|error| Error::Odd(error.to_string()))?;
        saved.check()?;
        Ok(saved)
    }

    /// Whether its parts are about the same.
    fn check(&self) -> Result<(), Error> {
        let odd = |what: &str| Err(Error::Odd(what.to_owned()));
        if self.plan["environment"] != self.environment || self.plan["digest"] != self.digest {
            return odd("its plan is another than it says");
        }
        if self.plan["refusals"].as_array().is_none_or(|refusals| !refusals.is_empty()) {
            return odd("its plan is refused");
        }
        let mut paths = self.changes().map(|change| change["path"].as_str());
        let is_whole = paths.all(|path| path.is_some_and(|path| self.objects.contains_key(path)));
        if self.plan["changes"].as_array().map(Vec::len) != Some(self.objects.len()) || !is_whole {
            return odd("it does not say from what its changes were computed");
        }
        Ok(())
    }

    /// The paths of what it does not change, since that was not selected, though it is not as declared.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        self.plan["selection"]["left_out"].as_array().into_iter().flatten().filter_map(|left| left["path"].as_str())
    }

    /// How much was to be written in the server's configuration when it was made.
    pub fn configured(&self) -> usize {
        self.plan["configured"].as_array().map_or(0, Vec::len)
    }

    /// Its changes, as JSON, in the order in which they are made.
    pub fn changes(&self) -> impl Iterator<Item = &Value> {
        self.plan["changes"].as_array().into_iter().flatten()
    }
}

/// The digest of what a ledger says of an object.
fn entry_digest(owned: &Owned) -> String {
    fingerprint::of_value(&owned.encode())
}

/// The fields of an object that could not be compared.
fn unchecked(object: &Object, live: Option<&Live>, key: KeyRead) -> Vec<String> {
    let is_unchecked = |name: &str, leaf: &Leaf| match object.kind.field(name).map(|field| field.told) {
        _ if matches!(leaf.value, FieldValue::Unresolved(_)) => true,
        Some(Told::WriteOnly) => key == KeyRead::Hidden,
        Some(Told::Apart(_)) => live.is_some_and(|live| !live.apart.contains_key(name)),
        Some(Told::Readable) | None => false,
    };
    let fields = object.fields.iter().filter(|(name, leaf)| is_unchecked(name, leaf));
    fields.map(|(name, _)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests;
