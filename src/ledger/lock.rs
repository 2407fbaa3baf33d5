//! The lock of an owner: one apply at a time.
//!
//! A document beside the ledger says who holds it, since when, and for how long it counts. It is taken, renewed, given back
//! and taken away with check-and-set, so that of any two who try one is told.
//!
//! What it adds to the ledger's own check-and-set: that one lets two applies of an owner start, and the second stops
//! somewhere with "look at a new plan". With the lock the second doesn't start, or waits and plans on what the first left,
//! so that applies happen one after the other. What holds without it (it ran out while its holder was asleep, somebody took it
//! away, two machines disagree about the time): each object is read again before it is written, and each document of the
//! ledger is written by who read its newest version. Whoever loses the lock stops as one that was killed there does, and
//! the next apply goes on from the intents in the ledger. An engine can't fence a write by a lock: between the last look at
//! it and the write lies one request, and that is the window.
//!
//! A dead holder's lock ends by its time to live, counted by the engine's clock from when it was last written; on the same
//! machine it ends at once when the process is gone (`process.rs`).
//!
//! ```text
//! leasehold/data/<owner>/lock  {"format": 1, "id": "<hex>", "holder": "ada", "host": "ci-7", "process": "<opaque>",
//!                               "operation": "apply", "since": "2026-11-25T08:00:00Z", "ttl_seconds": 60}
//!                              {"format": 1, "free": true, "by": "ada on ci-7", "at": "2026-11-25T08:01:00Z"}
//! ```

use std::convert::Infallible;
use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::RwLock;

use super::error::Error;
pub use super::holder::Holder;
use super::owner::MOUNT;
use super::{kv, process};
use crate::api::Client;
use crate::clock::{Clock, rfc3339};
use crate::text::one_line;

/// The format that this version writes, and the newest it reads.
const FORMAT: u64 = 1;

/// How long a lock counts after it was last written.
pub const TTL: Duration = Duration::from_secs(60);

/// How often it is written anew in that time.
const RENEWALS_PER_TTL: u32 = 3;

/// The pause between two looks of somebody who waits for it.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// How often it is tried to take a lock away that is renewed at the same moment.
const TAKES_AWAY_MAX: u32 = 4;

/// The longest name of a holder, a host or an operation that is shown: they come from the engine.
const NAME_CHARS_MAX: usize = 120;

/// Who asks for a lock, and for what.
#[derive(Clone, Debug)]
pub struct Claim {
    id: String,
    holder: String,
    host: String,
    process: Option<String>,
    operation: &'static str,
    ttl: Duration,
}

impl Claim {
    /// A claim of somebody on a host, for an operation, such as `apply`.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn new(holder: &str, host: &str, operation: &'static str) -> Result<Self, Error> {
        let mut id = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| Error::Random)?;
        let (holder, host) = (holder.to_owned(), host.to_owned());
        Ok(Self { id: hex::encode(id), holder, host, process: process::here(), operation, ttl: TTL })
    }

    /// Who, where, and for what.
    pub(super) fn names(&self) -> (&str, &str, &'static str) {
        (&self.holder, &self.host, self.operation)
    }

    /// Enough of its id to tell it from others of the same second.
    pub(super) fn short_id(&self) -> &str {
        &self.id[..8]
    }

    /// Who, for people.
    fn who(&self) -> String {
        format!("{} on {}", self.holder, self.host)
    }

    fn document(&self, since: &str) -> Value {
        json!({
            "format": FORMAT, "id": self.id, "holder": self.holder, "host": self.host, "process": self.process,
            "operation": self.operation, "since": since, "ttl_seconds": self.ttl.as_secs(),
        })
    }
}

/// Why a lock that stands in the engine keeps nobody out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was not renewed in time.
    Unrenewed,
    /// The process that took it runs no more.
    Dead,
}

impl Ended {
    /// What is told of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unrenewed => "it was not renewed in time, so it has ended",
            Self::Dead => "its process runs no more, so it has ended",
        }
    }
}

/// Who took a lock, and whether it counts still.
#[derive(Clone, Debug)]
pub struct Held {
    /// Who.
    pub by: Holder,
    /// Why it does not count any more.
    pub ended: Option<Ended>,
}

/// A lock as it was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    version: u64,
    held: Option<Held>,
}

impl Seen {
    /// Who took it and did not give it back.
    pub fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Who keeps everybody else out.
    fn keeper(&self) -> Option<&Holder> {
        self.held.as_ref().filter(|held| held.ended.is_none()).map(|held| &held.by)
    }
}

/// Looks at an owner's lock. Takes nothing.
///
/// # Errors
/// [`Error::Api`], with 403 where this token may not read it; [`Error::Odd`].
pub async fn look(client: &Client, clock: &Clock, owner: &str) -> Result<Seen, Error> {
    let path = path(owner);
    let mut document = kv::read(client, &path).await?;
    let mut version = 0;
    if document.is_none() {
        version = version_of_none(client, owner).await?;
        if version > 0 {
            // It was deleted, or somebody has taken it between the two.
            document = kv::read(client, &path).await?;
        }
    }
    let Some(document) = document else { return Ok(Seen { version, held: None }) };
    let Some(by) = read(&document.data).map_err(|what| Error::Odd { path, what })? else {
        return Ok(Seen { version: document.version, held: None });
    };
    let ended = if by.process.as_deref().is_some_and(process::is_gone) {
        Some(Ended::Dead)
    } else {
        let written = document.written.as_deref().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        // What has no time is as old as it says itself.
        let written = written.or_else(|| OffsetDateTime::parse(&by.since, &Rfc3339).ok());
        let age = written.map(async |written| engine_time(client, clock).await - written);
        match age {
            Some(age) => (age.await > by.ttl).then_some(Ended::Unrenewed),
            None => None,
        }
    };
    Ok(Seen { version: document.version, held: Some(Held { by, ended }) })
}

/// Waits until nobody keeps others out of an owner's lock, at most so long. `told` is told once whom it waits for.
///
/// # Errors
/// [`Error::Locked`] when the time is over, and as [`look`].
pub async fn wait(
    client: &Client,
    clock: &Clock,
    owner: &str,
    patience: Duration,
    told: &(dyn Fn(&Holder) + Sync),
) -> Result<Seen, Error> {
    let began = clock.elapsed();
    let mut is_told = false;
    loop {
        let seen = look(client, clock, owner).await?;
        let Some(keeper) = seen.keeper() else { return Ok(seen) };
        let left = patience.saturating_sub(clock.elapsed().saturating_sub(began));
        if left.is_zero() {
            return Err(Error::Locked { owner: owner.to_owned(), by: Box::new(keeper.clone()) });
        }
        if !is_told {
            told(keeper);
            is_told = true;
        }
        clock.pause(left.min(LOOK_PAUSE)).await;
    }
}

/// Takes a lock away from whom it was seen with; answers once it is free. `by` is told to whom it is taken from.
///
/// # Errors
/// [`Error::Moved`] if it is not with them any more; [`Error::Api`].
pub async fn take_away(client: &Client, clock: &Clock, owner: &str, seen: &Seen, by: &Claim) -> Result<(), Error> {
    let from = |seen: &Seen| seen.held.as_ref().map(|held| held.by.id.clone());
    let mut now = seen.clone();
    for _ in 1..TAKES_AWAY_MAX {
        match kv::put(client, &path(owner), now.version, &freed(by, clock)).await {
            Err(Error::Moved { path }) => {
                // It may have been renewed since.
                now = look(client, clock, owner).await?;
                if from(&now) != from(seen) {
                    return Err(Error::Moved { path });
                }
            }
            outcome => return outcome.map(|_| ()),
        }
    }
    kv::put(client, &path(owner), now.version, &freed(by, clock)).await.map(|_| ())
}

/// Who took a lock away, and when, for people; none where nobody says so.
type Taker = Option<String>;

/// A lock that is held. Give it back with [`Lock::free`]: until then it keeps others out, or until its time is over.
#[derive(Debug)]
#[must_use = "a lock keeps others out until it is given back"]
pub struct Lock {
    client: Client,
    clock: Clock,
    path: String,
    claim: Claim,
    since: String,
    turn: u64,
    kept: RwLock<Kept>,
}

/// What is known of a lock that was taken.
#[derive(Debug)]
enum Kept {
    /// Its document has this version.
    Ours(u64),
    /// It is somebody else's now.
    Lost(Taker),
}

/// Whether a lock is held still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Ours,
    /// It is not; who has it or took it away, for people.
    Lost(String),
}

/// Takes an owner's lock, if nobody has touched it since it was seen. Durable on return.
///
/// # Errors
/// [`Error::Moved`] if somebody has; [`Error::Api`] and [`Error::Odd`].
pub(super) async fn take(
    client: &Client,
    clock: &Clock,
    owner: &str,
    claim: &Claim,
    seen: &Seen,
) -> Result<Lock, Error> {
    let (path, since) = (path(owner), rfc3339(clock.now().unix_timestamp()));
    let version = kv::put(client, &path, seen.version, &claim.document(&since)).await?;
    let (client, clock, claim) = (client.clone(), clock.clone(), claim.clone());
    Ok(Lock { client, clock, path, claim, since, turn: version, kept: RwLock::new(Kept::Ours(version)) })
}

impl Lock {
    /// Who holds it.
    pub(super) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Since when: RFC 3339.
    pub(super) fn since(&self) -> &str {
        &self.since
    }

    /// A number that is larger than that of whoever held it before: the version of its document as it was taken.
    pub(super) fn turn(&self) -> u64 {
        self.turn
    }

    /// Looks whether it is held still: to be asked before each write that it is for.
    ///
    /// # Errors
    /// [`Error::Api`] and [`Error::Odd`] where that can't be told.
    pub async fn standing(&self) -> Result<Standing, Error> {
        {
            let kept = self.kept.read().await;
            let Kept::Ours(version) = *kept else { return Ok(self.lost(&kept)) };
            if kv::read(&self.client, &self.path).await?.is_some_and(|found| found.version == version) {
                return Ok(Standing::Ours);
            }
        }
        let mut kept = self.kept.write().await;
        self.find_out(&mut kept).await?;
        Ok(self.lost(&kept))
    }

    /// Writes it anew, again and again, so that it does not end. Never returns: to be run beside what it is for.
    pub async fn renewed(&self) -> Infallible {
        loop {
            self.clock.sleep(self.claim.ttl / RENEWALS_PER_TTL).await;
            let mut kept = self.kept.write().await;
            let Kept::Ours(version) = *kept else { continue };
            match kv::put(&self.client, &self.path, version, &self.claim.document(&self.since)).await {
                Ok(version) => *kept = Kept::Ours(version),
                // Whether it is ours is looked at before each write anyway; the next turn tries again.
                Err(_) => {
                    let _ = self.find_out(&mut kept).await;
                }
            }
        }
    }

    /// Gives it back. Where it is somebody else's by now, nothing is done.
    ///
    /// # Errors
    /// [`Error::Api`]: it stays until its time is over.
    pub async fn free(&self) -> Result<(), Error> {
        let mut kept = self.kept.write().await;
        self.find_out(&mut kept).await?;
        let Kept::Ours(version) = *kept else { return Ok(()) };
        *kept = Kept::Lost(None);
        match kv::put(&self.client, &self.path, version, &freed(&self.claim, &self.clock)).await {
            Ok(_) | Err(Error::Moved { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads whose it is. A write of ours that was late has given it another version.
    async fn find_out(&self, kept: &mut Kept) -> Result<(), Error> {
        if matches!(kept, Kept::Lost(_)) {
            return Ok(());
        }
        let odd = |what| Error::Odd { path: self.path.clone(), what };
        *kept = match kv::read(&self.client, &self.path).await? {
            Some(found) => match read(&found.data).map_err(odd)? {
                Some(holder) if holder.id == self.claim.id => Kept::Ours(found.version),
                Some(holder) => Kept::Lost(Some(holder.to_string())),
                None => Kept::Lost(taker(&found.data)),
            },
            None => Kept::Lost(None),
        };
        Ok(())
    }

    fn lost(&self, kept: &Kept) -> Standing {
        match kept {
            Kept::Ours(_) => Standing::Ours,
            Kept::Lost(Some(taker)) => Standing::Lost(taker.clone()),
            Kept::Lost(None) => Standing::Lost(format!("somebody who deleted {}", self.path)),
        }
    }
}

/// The version that check-and-set compares with where a lock's document is not there: one that was deleted has one.
async fn version_of_none(client: &Client, owner: &str) -> Result<u64, Error> {
    let path = format!("{MOUNT}/metadata/{owner}/lock");
    let metadata = client.read(&path).await.map_err(|source| Error::Api { path, source })?;
    let version = metadata.and_then(|answer| answer.data).and_then(|data| data.get("current_version")?.as_u64());
    Ok(version.unwrap_or(0))
}

/// The engine's time, to the second, with which it also stamps what is written; ours where it doesn't tell, as in a
/// namespace.
///
/// # Source
/// Vault API, "/sys/health": `server_time_utc`; the two parameters let a standby answer 200.
async fn engine_time(client: &Client, clock: &Clock) -> OffsetDateTime {
    let query = ["standbyok", "perfstandbyok"].map(|name| (name.to_owned(), "true".to_owned()));
    let health = client.read_with("sys/health", &query).await.ok().flatten();
    let told = health.and_then(|health| health.body.get("server_time_utc").and_then(Value::as_i64));
    told.and_then(|unix| OffsetDateTime::from_unix_timestamp(unix).ok()).unwrap_or_else(|| clock.now())
}

fn path(owner: &str) -> String {
    format!("{MOUNT}/data/{owner}/lock")
}

fn freed(by: &Claim, clock: &Clock) -> Value {
    json!({"format": FORMAT, "free": true, "by": by.who(), "at": rfc3339(clock.now().unix_timestamp())})
}

fn taker(data: &Map<String, Value>) -> Taker {
    Some(format!("{}, at {}", name(data, "by").ok()?, name(data, "at").ok()?))
}

/// A text of a document, as it may be shown.
fn name(data: &Map<String, Value>, key: &str) -> Result<String, String> {
    let text = data.get(key).and_then(Value::as_str).ok_or_else(|| format!("it has no `{key}`"))?;
    Ok(one_line(text).chars().take(NAME_CHARS_MAX).collect())
}

/// Who holds a lock; none where it is free.
fn read(data: &Map<String, Value>) -> Result<Option<Holder>, String> {
    match data.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(newer) => return Err(format!("it has the format {newer}; use the version that wrote it")),
        None => return Err("it has no format".to_owned()),
    }
    if data.get("free") == Some(&Value::Bool(true)) {
        return Ok(None);
    }
    let ttl = data.get("ttl_seconds").and_then(Value::as_u64).ok_or("it has no `ttl_seconds`")?;
    Ok(Some(Holder {
        id: name(data, "id")?,
        holder: name(data, "holder")?,
        host: name(data, "host")?,
        process: data.get("process").and_then(Value::as_str).map(str::to_owned),
        operation: name(data, "operation")?,
        since: name(data, "since")?,
        ttl: Duration::from_secs(ttl),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Claim, read, taker};

    #[test]
    fn what_is_written_is_read_and_strangers_words_do_not_act() {
        let mut claim = Claim::new("ada", "ci-7", "apply").expect("random bytes");
        claim.holder = "ada\u{1b}[2J\u{202e}".to_owned();
        let document = claim.document("2026-11-25T08:00:00Z");
        let holder = read(document.as_object().expect("a map")).expect("it is read").expect("it is held");
        assert_eq!(holder.id, claim.id);
        let shown = holder.to_string();
        assert!(shown.ends_with(" on ci-7 (apply, since 2026-11-25T08:00:00Z)"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
    }

    #[test]
    fn what_is_not_understood_is_not_taken_for_free() {
        for (data, part) in [
            (json!({}), "no format"),
            (json!({"format": 2, "free": true}), "format 2"),
            (json!({"format": 1}), "no `ttl_seconds`"),
            (json!({"format": 1, "ttl_seconds": 60, "id": "a"}), "no `holder`"),
        ] {
            let what = read(data.as_object().expect("a map")).expect_err("refused");
            assert!(what.contains(part), "{what}");
        }
        let free = json!({"format": 1, "free": true, "by": "ada on ci-7", "at": "noon"});
        let free = free.as_object().expect("a map");
        assert!(matches!(read(free), Ok(None)));
        assert_eq!(taker(free).as_deref(), Some("ada on ci-7, at noon"));
    }
}
