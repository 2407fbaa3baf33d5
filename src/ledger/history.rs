//! Who applied what, and when: a document for each apply, beside the ledger.
//!
//! It is written when an apply begins, and again when it ends: one that was killed, or lost its engine, is seen as one that
//! did not end. Nothing goes by it, so what can't be written is told and stops nobody. The newest [`KEPT`] are kept.
//!
//! ```text
//! leasehold/data/<owner>/history/20261125T080000Z-0000000007-1f3a90c2
//!     {"format": 1, "since": "2026-11-25T08:00:00Z", "holder": "ada", "host": "ci-7", "operation": "apply",
//!      "commit": "<hash>", "review": "<digest>", "plan": "<digest>", "ended": "2026-11-25T08:00:03Z",
//!      "summary": "Apply complete: ...", "objects": [["aws/roles/web", "create", "applied"]], "more": 0}
//! ```

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::kv::{self, REQUESTS_AT_ONCE, names};
use super::lock::Lock;
use super::owner::MOUNT;
use crate::api::Client;
use crate::clock::rfc3339;

/// The format that this version writes, and the newest it reads.
const FORMAT: u64 = 1;

/// How many are kept of an owner.
pub const KEPT: usize = 200;

/// How many objects are named in each; of a larger apply the rest are counted.
pub const OBJECTS_MAX: usize = 100;

/// How many of those that are too many are removed by one apply.
const REMOVED_AT_ONCE: usize = 20;

/// One apply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    format: u64,
    /// When it began: RFC 3339, by the clock of who applied.
    pub since: String,
    /// Who, as the lock has it.
    pub holder: String,
    /// Where.
    pub host: String,
    /// `apply`.
    pub operation: String,
    /// The estate's commit, with `-dirty` if its files were changed.
    pub commit: Option<String>,
    /// The digest of the review.
    pub review: Option<String>,
    /// The digest of the plan.
    pub plan: String,
    /// When it ended; none where it runs still, or never came back.
    pub ended: Option<String>,
    /// What became of it, in a line.
    pub summary: String,
    /// The objects that it was to change: path, action, and what became of it.
    pub objects: Vec<(String, String, String)>,
    /// How many more there were.
    pub more: usize,
}

impl Run {
    /// What is applied: the digest of the plan, and where that comes from.
    pub fn of(plan: String, commit: Option<String>, review: Option<String>) -> Self {
        Self { format: FORMAT, commit, review, plan, ..Self::default() }
    }
}

/// An apply that was noted, and has not ended.
#[derive(Debug)]
pub struct Note {
    client: Client,
    path: String,
    folder: String,
    version: u64,
    run: Run,
}

fn folder(owner: &str) -> String {
    format!("{MOUNT}/metadata/{owner}/history")
}

impl Note {
    /// Notes that whoever holds a lock begins. `run` says what; who and when is told by the lock.
    ///
    /// # Errors
    /// [`Error::Api`].
    pub async fn begin(client: &Client, owner: &str, lock: &Lock, run: Run) -> Result<Self, Error> {
        let (claim, since) = (lock.claim(), lock.since().to_owned());
        let compact: String = since.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        // Names are sorted: the lock's turn keeps those of one second in the order in which they held it.
        let name = format!("{compact}-{:010}-{}", lock.turn(), claim.short_id());
        let path = format!("{MOUNT}/data/{owner}/history/{name}");
        let (holder, host, operation) = claim.names();
        let (holder, host, operation) = (holder.to_owned(), host.to_owned(), operation.to_owned());
        let run = Run { since, holder, host, operation, ..run };
        // An apply does not wait for what nothing goes by.
        let client = client.brisk();
        let version = kv::put(&client, &path, 0, &data(&path, &run)?).await?;
        Ok(Self { client, path, folder: folder(owner), version, run })
    }

    /// Notes how it ended, at a time (Unix seconds), and removes what is older than is kept.
    ///
    /// # Errors
    /// [`Error::Api`], [`Error::Moved`].
    pub async fn end(mut self, at: i64, summary: String, objects: Vec<(String, String, String)>) -> Result<(), Error> {
        let more = objects.len().saturating_sub(OBJECTS_MAX);
        let objects = objects.into_iter().take(OBJECTS_MAX).collect();
        let run = Run { ended: Some(rfc3339(at)), summary, objects, more, ..std::mem::take(&mut self.run) };
        kv::put(&self.client, &self.path, self.version, &data(&self.path, &run)?).await?;
        // It is there: that more are kept than should be takes nothing from it, and the next apply tries again.
        if let Err(error) = self.trim().await {
            tracing::info!(%error, "older applies stay in the history");
        }
        Ok(())
    }

    async fn trim(&self) -> Result<(), Error> {
        let all = listed(&self.client, &self.folder).await?;
        let surplus = all.len().saturating_sub(KEPT).min(REMOVED_AT_ONCE);
        for name in &all[..surplus] {
            let path = format!("{}/{name}", self.folder);
            self.client.delete(&path).await.map_err(|source| Error::Api { path, source })?;
        }
        Ok(())
    }
}

fn data(path: &str, run: &Run) -> Result<serde_json::Value, Error> {
    serde_json::to_value(run).map_err(|error| Error::Odd { path: path.to_owned(), what: error.to_string() })
}

/// The names of all of an owner, the oldest first.
async fn listed(client: &Client, folder: &str) -> Result<Vec<String>, Error> {
    let listed = client.list(folder).await.map_err(|source| Error::Api { path: folder.to_owned(), source })?;
    let mut all = names(listed);
    all.sort_unstable();
    Ok(all)
}

/// What is kept of applies.
#[derive(Debug)]
pub struct History {
    /// The newest, the newest first.
    pub runs: Vec<Run>,
    /// What is among them that this version can't read, each with why.
    pub odd: Vec<Error>,
    /// How many there are besides.
    pub more: usize,
}

/// The newest applies of an [`super::owner()`].
///
/// # Errors
/// [`Error::Api`].
pub async fn read(client: &Client, owner: &str, most: usize) -> Result<History, Error> {
    let all = listed(client, &folder(owner)).await?;
    let newest = all.iter().rev().take(most);
    let found: Vec<Option<Result<Run, Error>>> = stream::iter(newest.map(|name| async move {
        let path = format!("{MOUNT}/data/{owner}/history/{name}");
        let Some(document) = kv::read(client, &path).await? else { return Ok::<_, Error>(None) };
        let odd = |what: String| Error::Odd { path: path.clone(), what };
        let run = Run::deserialize(serde_json::Value::Object(document.data)).map_err(|error| odd(error.to_string()));
        Ok(Some(run.and_then(|run| match run.format {
            FORMAT => Ok(run),
            other => Err(odd(format!("its format is {other}, and this version reads up to {FORMAT}"))),
        })))
    }))
    .buffered(REQUESTS_AT_ONCE)
    .try_collect()
    .await?;
    let (mut runs, mut odd) = (Vec::new(), Vec::new());
    for one in found.into_iter().flatten() {
        match one {
            Ok(run) => runs.push(run),
            Err(error) => odd.push(error),
        }
    }
    Ok(History { runs, odd, more: all.len().saturating_sub(most) })
}
