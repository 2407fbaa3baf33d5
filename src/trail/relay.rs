//! A log of credentials beside an engine's own trail: which changes it lacks, and the lines that tell them.
//!
//! Whoever reads an engine's trail from its beginning again, after a restart, must tell nothing twice; whoever was away must
//! leave nothing out. So what the log has is read back from the log itself, and a change counts as told if the log has it
//! as it is now. A log that was rotated has less: then a [`Mark`] stands for what lies in older files. Lines of an engine are in
//! order but for those of the same moments, so it says up to when all was told, and what was told after that.
//!
//! The lines are those of a trail: `leasehold trail --file` reads them back as what they were made from.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::query::{CredentialState, Following, Issuance, issuances};
use super::record::{Credential, Event, LineType, Record};

/// How far apart two lines of an engine can be in the wrong order.
const DISORDER: Duration = Duration::minutes(1);

/// How long what has ended is remembered, since more may be told of it: that a removal that failed was done at last.
const REMEMBERED_ENDED: Duration = Duration::hours(24);

/// How long anything is remembered whose end nobody tells: longer than leases live by default in any engine.
const REMEMBERED: Duration = Duration::days(40);

/// How many credentials are remembered before it is asked which may be forgotten.
const FORGETS_FROM: usize = 4_096;

/// How many changes a mark names at most. Of a busier minute some are told twice after a rotation and a restart.
const MARKED_MAX: usize = 1_000;

/// How far a log was when it was noted down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Up to when all was told (RFC 3339).
    upto: String,
    /// What was told of later changes.
    recent: Vec<(String, Told)>,
}

/// What the log has, and what is read.
#[derive(Debug, Default)]
pub struct Relay {
    following: Following,
    told: HashMap<String, Told>,
    upto: Option<OffsetDateTime>,
    /// The newest change that was told.
    newest: Option<OffsetDateTime>,
    /// What was told last, of the time in which lines may be in another order.
    recent: VecDeque<(OffsetDateTime, String, Told)>,
    /// How many are remembered when it is next asked which may be forgotten.
    next_look: usize,
}

/// How the log has a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    state: CredentialState,
    changed: String,
    expire_time: String,
}

/// A change that the log lacks.
#[derive(Clone, Debug)]
pub struct Change {
    /// The credential as it is now.
    pub issuance: Issuance,
    /// Whether the log does not have it at all.
    pub is_new: bool,
}

impl Relay {
    /// Reads back what the log has, which may have been rotated since the mark was made.
    ///
    /// # Errors
    /// Only those of reading.
    pub fn of_log(log: impl BufRead, mark: Option<&Mark>) -> io::Result<Self> {
        let found = issuances(log, OffsetDateTime::UNIX_EPOCH)?;
        // Of what both tell, the log tells what is later.
        let marked = mark.into_iter().flat_map(|mark| mark.recent.iter().cloned());
        let logged = found.issued.iter().map(|issuance| (key(issuance), Told::of(issuance)));
        let told = marked.chain(logged).collect();
        let upto = mark.and_then(|mark| at(&mark.upto));
        let recent = mark.into_iter().flat_map(|mark| mark.recent.iter().cloned());
        let recent = recent.filter_map(|(key, told)| Some((at(&told.changed)?, key, told))).collect();
        Ok(Self {
            told,
            upto,
            newest: upto.map(|upto| upto + DISORDER),
            recent,
            next_look: FORGETS_FROM,
            ..Self::default()
        })
    }

    /// Takes a line of the engine's trail, without its end, and adds what the log lacks of it.
    pub fn line(&mut self, line: &[u8], changes: &mut Vec<Change>) {
        let Self { following, told, upto, newest, recent, .. } = self;
        for issuance in following.line(line) {
            let (key, now) = (key(issuance), Told::of(issuance));
            let changed = at(&issuance.changed);
            *newest = (*newest).max(changed);
            let is_older = changed.zip(*upto).is_some_and(|(changed, upto)| changed < upto);
            match told.get(&key) {
                Some(before) if *before == now || before.is_after(&now) => continue,
                // A file that was rotated away has it.
                _ if is_older => {}
                before => changes.push(Change { issuance: issuance.clone(), is_new: before.is_none() }),
            }
            recent.extend(changed.filter(|_| !is_older).map(|changed| (changed, key.clone(), now.clone())));
            told.insert(key, now);
        }
        let since = newest.map(|newest| newest - DISORDER);
        while recent.front().is_some_and(|(changed, ..)| Some(*changed) < since) || recent.len() > MARKED_MAX {
            recent.pop_front();
        }
        self.forget();
    }

    /// How many lines could not be read.
    pub fn unreadable(&self) -> u64 {
        self.following.unreadable()
    }

    /// How far the log is, to be noted down once it is durable; none before anything was told.
    pub fn mark(&self) -> Option<Mark> {
        let upto = (self.newest? - DISORDER).format(&Rfc3339).ok()?;
        Some(Mark { upto, recent: self.recent.iter().map(|(_, key, told)| (key.clone(), told.clone())).collect() })
    }

    /// Forgets what nothing more is told of. Of what comes all the same, a renewal is not told.
    fn forget(&mut self) {
        if self.told.len() < self.next_look {
            return;
        }
        let newest = self.newest;
        let is_over = |changed: &str, state: CredentialState| {
            let age = newest.zip(at(changed)).map_or(Duration::ZERO, |(newest, changed)| newest - changed);
            age > if state.is_end() { REMEMBERED_ENDED } else { REMEMBERED }
        };
        self.told.retain(|_, told| !is_over(&told.changed, told.state));
        self.following.forget(|issuance| is_over(&issuance.changed, issuance.state));
        self.next_look = FORGETS_FROM.max(self.told.len() * 2);
    }
}

impl Told {
    fn of(issuance: &Issuance) -> Self {
        Self {
            state: issuance.state,
            changed: issuance.changed.clone(),
            expire_time: issuance.credential.expire_time.clone(),
        }
    }

    /// Whether it has what came later already: lines that are read once more tell how it was before.
    fn is_after(&self, other: &Self) -> bool {
        at(&self.changed).zip(at(&other.changed)).is_some_and(|(ours, other)| ours > other)
    }
}

impl Change {
    /// The lines that tell it, in order.
    pub fn records(&self) -> Vec<Record> {
        let Issuance { time, credential, state, reason, changed, namespace, .. } = &self.issuance;
        let when = |text: &str| at(text).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut records = Vec::new();
        if self.is_new {
            let mut issued = Record::new(when(time), LineType::Response);
            issued.credential = Some(credential.clone());
            if *state == CredentialState::Withheld {
                issued.error = Some(reason.clone().unwrap_or_default());
            }
            if !namespace.is_empty() {
                let request: Value = json!({ "namespace": { "path": format!("{namespace}/") } });
                issued.request = request.as_object().cloned();
            }
            records.push(issued);
        }
        let is_as_issued = self.is_new && time == changed;
        if let Some((name, detail)) = event(*state, reason.as_deref()).filter(|_| !is_as_issued) {
            // What is under no lease ends with its key.
            let name = if credential.lease_id.is_empty() { "static-key-deleted" } else { name }.to_owned();
            let reason = reason.clone().unwrap_or_default();
            let credential = Credential { session: cut_off(*state, credential), ..credential.clone() };
            records.push(Record::system(when(changed), Event { name, reason, detail }, Some(credential)));
        }
        records
    }
}

/// The name of the event that leads to a state, and what is told of it beside the reason.
fn event(state: CredentialState, reason: Option<&str>) -> Option<(&'static str, Option<String>)> {
    let told = reason.map(str::to_owned);
    Some(match state {
        CredentialState::Active | CredentialState::Issued => ("lease-renewed", None),
        CredentialState::Expired | CredentialState::Revoked => ("lease-revoked", None),
        CredentialState::WorksOn => ("lease-revoked", told),
        CredentialState::RevokeFailed => ("lease-revoke-failed", told),
        CredentialState::Forced => ("lease-forced", None),
        CredentialState::Withheld => ("lease-abandoned", None),
        CredentialState::CutOff => ("sessions-cut-off", None),
        // That is told by nobody: it is how late somebody looks.
        CredentialState::Overdue => return None,
    })
}

/// What sessions go by that were cut off: this one.
fn cut_off(state: CredentialState, credential: &Credential) -> Option<String> {
    let session = credential.session.clone()?;
    Some(if state == CredentialState::CutOff { format!("{session}*") } else { session })
}

/// What tells a credential from others: its lease, or its key and who read it.
fn key(issuance: &Issuance) -> String {
    let Credential { lease_id, access_key_id, app, .. } = &issuance.credential;
    match lease_id.is_empty() {
        false => format!("{}\n{lease_id}", issuance.namespace),
        true => {
            format!("\n\n{}\n{}", access_key_id.as_deref().unwrap_or_default(), app.as_deref().unwrap_or_default())
        }
    }
}

fn at(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use time::macros::datetime;

    use super::{Issuance, Mark, Relay, issuances};
    use crate::clock::Clock;
    use crate::secret::Secret;
    use crate::trail::{DeviceOptions, Trail};

    const OPENBAO: &str = include_str!("../../tests/data/audit/openbao.log");

    /// Lines of our own engine: each credential becomes something else.
    fn ours() -> String {
        let credential = |lease: &str, session: Option<&str>| {
            json!({
                "app": "webapp", "role": "r", "lease_id": lease, "iam_user": "u", "ttl": 3600, "session": session,
                "expire_time": "2026-11-23T21:00:00Z", "access_key_id": lease.is_empty().then_some("AKIAONE"),
                "commit": "c0ffee",
            })
        };
        let mut minute = 0;
        let mut line = |kind: &str, lease: &str, rest: serde_json::Value| {
            minute += 2;
            let session = (lease == "s").then_some("arn:aws:sts::1:assumed-role/r/a");
            let mut line = json!({
                "time": format!("2026-11-23T20:{minute:02}:00Z"), "type": kind,
                "credential": credential(lease, session), "chain": {},
            });
            for (key, value) in rest.as_object().into_iter().flatten() {
                line[key] = value.clone();
            }
            format!("{line}\n")
        };
        let event = |name: &str, reason: &str, detail: Option<&str>| json!({ "event": { "name": name, "reason": reason, "detail": detail } });
        let none = || json!({});
        let mut text: String = ["a", "b", "c", "d", "e", "s"].map(|lease| line("response", lease, none())).concat();
        text += &line("response", "w", json!({ "error": "the trail is full" }));
        text += &line("response", "", none());
        text += &line("system", "a", event("lease-renewed", "", None));
        text += &line("system", "b", event("lease-revoke-failed", "expired", Some("AWS said no")));
        text += &line("system", "b", event("lease-revoked", "expired", None));
        text += &line("system", "c", event("lease-revoked", "token-revoked", None));
        text += &line("system", "d", event("lease-forced", "by-request", None));
        text += &line("system", "e", event("lease-revoked", "by-request", Some("the session works until 21:00")));
        let mut cut = event("sessions-cut-off", "forced", None);
        cut["credential"] = credential("x", Some("arn:aws:sts::1:assumed-role/r/*"));
        text += &line("system", "x", cut);
        text + &line("system", "", event("static-key-deleted", "rotated", None))
    }

    fn opened(path: &Path) -> Trail {
        let trail = Trail::new(Clock::manual(datetime!(2026-11-23 22:00 UTC)));
        assert_eq!(trail.open_device("log", DeviceOptions::new(path.to_owned(), Secret::new(""))).unwrap(), None);
        trail
    }

    /// Reads a source from its beginning into a log, as after a restart.
    fn relayed(log: &Path, source: &str, mark: Option<&Mark>) -> (usize, Relay) {
        let before = std::fs::read(log).unwrap_or_default();
        let mut relay = Relay::of_log(before.as_slice(), mark).unwrap();
        let trail = opened(log);
        let mut changes = Vec::new();
        source.lines().for_each(|line| relay.line(line.as_bytes(), &mut changes));
        let records: Vec<_> = changes.iter().flat_map(super::Change::records).collect();
        records.iter().for_each(|record| drop(trail.append(record)));
        trail.close();
        (records.len(), relay)
    }

    fn told(text: &str) -> Vec<Issuance> {
        let found = issuances(text.as_bytes(), datetime!(2026-11-23 20:00 UTC)).unwrap();
        assert_eq!(found.unreadable_lines, 0);
        found.issued.into_iter().map(|issuance| Issuance { elsewhere: false, ..issuance }).collect()
    }

    #[test]
    fn a_log_tells_what_the_trail_told_wherever_its_writer_was_ended() {
        let elsewhere = OPENBAO.replace(r#"{"id":"root"}"#, r#"{"id":"n1","path":"team/"}"#);
        for source in [ours(), OPENBAO.to_owned(), elsewhere] {
            let lines: Vec<&str> = source.split_inclusive('\n').collect();
            let whole = told(&source);
            assert!(whole.len() > 1, "{whole:?}");
            for end in 0..=lines.len() {
                let folder = tempfile::tempdir().unwrap();
                let log = folder.path().join("credentials.log");
                relayed(&log, &lines[..end].concat(), None);
                relayed(&log, &source, None);
                let text = std::fs::read_to_string(&log).unwrap();
                assert_eq!(told(&text), whole, "ended after {end} lines\n{text}");
                assert_eq!(relayed(&log, &source, None).0, 0, "nothing is told twice");
            }
        }
    }

    #[test]
    fn what_lies_in_a_file_that_was_rotated_away_is_not_told_again() {
        let folder = tempfile::tempdir().unwrap();
        let (log, source) = (folder.path().join("credentials.log"), ours());
        let (all, relay) = relayed(&log, &source, None);
        let mark = relay.mark();
        std::fs::rename(&log, folder.path().join("credentials.log.1")).unwrap();
        let (again, relay) = relayed(&log, &source, mark.as_ref());
        assert_eq!((again, relay.mark()), (0, mark));
        std::fs::remove_file(&log).unwrap();
        assert_eq!(relayed(&log, &source, None).0, all, "without what was noted down it is all told");
    }

    #[test]
    fn what_has_ended_is_forgotten_so_that_it_needs_no_more_than_what_is_out() {
        let mut relay = Relay::default();
        let mut changes = Vec::new();
        for second in 0..40_000_i64 {
            let time = datetime!(2026-01-01 00:00 UTC) + time::Duration::seconds(second * 60);
            let time = time.format(&time::format_description::well_known::Rfc3339).unwrap();
            let credential = json!({ "role": "r", "lease_id": format!("l{second}"), "ttl": 60, "expire_time": time });
            let event = json!({ "name": "lease-revoked", "reason": "expired" });
            for line in [
                json!({ "time": time, "type": "response", "credential": credential, "chain": {} }),
                json!({ "time": time, "type": "system", "credential": credential, "event": event, "chain": {} }),
            ] {
                relay.line(line.to_string().as_bytes(), &mut changes);
            }
        }
        assert_eq!(changes.len(), 80_000);
        assert!(relay.told.len() < 10_000, "{}", relay.told.len());
    }
}
