//! Reading a trail back: which credentials were issued, and what became of them.
//!
//! One pass over the file, in memory of one line and one [`Issuance`] per credential. A line counts if it
//! carries a `credential`: the first response for a lease is its issue, and later ones, and system lines
//! about it, tell the rest. Audit files of OpenBao and Vault are read as well: there an answer that has a lease of an AWS
//! engine is an issue. A response that ended in an error never left the engine. A key under no lease is issued to
//! each app that reads it, once, and ends for all of them.

use std::collections::HashMap;
use std::io::{self, BufRead};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::chain::{LineEnd, read_line};
use super::entry::{Entry, Request, Revoked};
use super::record::{Credential, Event, LineType};

/// What a line of OpenBao or Vault calls the type of an AWS engine's mount.
const AWS_MOUNT: &str = "aws";

/// A credential that was issued.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Issuance {
    /// When it was handed out (RFC 3339).
    pub time: String,
    /// Who, from where, for how long. `expire_time` and `ttl` are as of the last renewal.
    #[serde(flatten)]
    pub credential: Credential,
    /// What became of it.
    pub state: CredentialState,
    /// Why it ended, or why its revocation failed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When its state last changed (RFC 3339).
    pub changed: String,
    /// Whether it was issued by OpenBao or Vault, whose files tell less.
    #[serde(skip)]
    pub elsewhere: bool,
    /// The namespace there, without slashes around it; empty is the root one, and that of our own engine.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// What became of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialState {
    /// In use, as far as the trail tells.
    Active,
    /// It was issued; whether it has ended since the file does not tell: one of OpenBao or Vault.
    Issued,
    /// Its time is over, and the trail does not say yet that it was removed.
    Overdue,
    /// It ended with its lease and was removed.
    Expired,
    /// It was removed before its time.
    Revoked,
    /// Its lease ended, and nothing ends what it was but time: a session of AWS. The reason says until when.
    WorksOn,
    /// AWS denies everything to it from now on, whatever becomes of its lease: all sessions of its role were cut off.
    CutOff,
    /// Its removal has failed so far and is being retried.
    RevokeFailed,
    /// The engine gave it up by force: what AWS holds may still be there.
    Forced,
    /// It was made, but its answer did not leave the engine; it is being removed.
    Withheld,
}

impl CredentialState {
    /// Whether nothing is left of it to end.
    pub(super) fn is_end(self) -> bool {
        match self {
            Self::Active | Self::Issued | Self::Overdue | Self::RevokeFailed => false,
            Self::Expired | Self::Revoked | Self::WorksOn | Self::CutOff | Self::Forced | Self::Withheld => true,
        }
    }

    /// The word that tables print.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Issued => "issued",
            Self::Overdue => "overdue",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::WorksOn => "works-on",
            Self::CutOff => "cut-off",
            Self::RevokeFailed => "revoke-failed",
            Self::Forced => "forced",
            Self::Withheld => "withheld",
        }
    }
}

/// What a trail says about credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issuances {
    /// In the order in which they were issued.
    pub issued: Vec<Issuance>,
    /// How many lines could not be read: torn, too long, or not lines of a trail.
    pub unreadable_lines: u64,
}

/// Reads a trail. `now` decides which credentials without an end are overdue.
///
/// # Errors
/// Only those of reading.
pub fn issuances(mut reader: impl BufRead, now: OffsetDateTime) -> io::Result<Issuances> {
    let mut fold = Fold::default();
    let mut line = Vec::new();
    while let Some(end) = read_line(&mut reader, &mut line)? {
        fold.read(&line, end == LineEnd::Newline);
    }
    Ok(Following { fold }.all(now))
}

/// A trail that is read as it is written.
#[derive(Debug, Default)]
pub struct Following {
    fold: Fold,
}

impl Following {
    /// Takes the next line, without its end; answers the credentials that it is about, as they are now.
    pub fn line(&mut self, line: &[u8]) -> impl Iterator<Item = &Issuance> {
        let places = self.fold.read(line, true);
        places.into_iter().filter_map(|at| self.fold.found.issued.get(at))
    }

    /// All of it. `now` decides which credentials without an end are overdue.
    pub fn all(self, now: OffsetDateTime) -> Issuances {
        let mut found = self.fold.found;
        for issuance in &mut found.issued {
            let ends = OffsetDateTime::parse(&issuance.credential.expire_time, &Rfc3339);
            if issuance.state == CredentialState::Active && ends.is_ok_and(|ends| ends <= now) {
                issuance.state = CredentialState::Overdue;
            }
        }
        found
    }

    /// Forgets credentials, so that a reader who never ends needs no more memory than what is out.
    pub(super) fn forget(&mut self, is_over: impl Fn(&Issuance) -> bool) {
        let issued = std::mem::take(&mut self.fold.found.issued);
        let unreadable_lines = self.fold.found.unreadable_lines;
        self.fold = Fold { found: Issuances { issued: Vec::new(), unreadable_lines }, ..Fold::default() };
        for issuance in issued.into_iter().filter(|issuance| !is_over(issuance)) {
            let (at, credential) = (self.fold.found.issued.len(), &issuance.credential);
            match credential.lease_id.is_empty() {
                false => drop(self.fold.by_lease.insert(credential.lease_id.clone(), at)),
                true => {
                    let key = credential.access_key_id.clone().unwrap_or_default();
                    self.fold.by_key.entry(key).or_default().push(at);
                }
            }
            self.fold.found.issued.push(issuance);
        }
    }

    /// How many lines could not be read.
    pub fn unreadable(&self) -> u64 {
        self.fold.found.unreadable_lines
    }
}

/// The parts of a line that matter here.
#[derive(serde::Deserialize)]
struct Line {
    time: String,
    #[serde(rename = "type")]
    kind: LineType,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    credential: Option<Credential>,
    #[serde(default)]
    event: Option<Event>,
    /// Of a log of another engine's credentials, where they are in a namespace.
    #[serde(default)]
    request: Option<Request>,
}

#[derive(Debug, Default)]
struct Fold {
    found: Issuances,
    /// Lease id to place in `found.issued`.
    by_lease: HashMap<String, usize>,
    /// Access key id to the places of those who have read it under no lease.
    by_key: HashMap<String, Vec<usize>>,
}

impl Fold {
    /// Takes a line, and answers the places of the credentials that it is about.
    fn read(&mut self, line: &[u8], is_whole: bool) -> Vec<usize> {
        // Most lines are about no credential, and are not worth parsing.
        if is_whole && !contains(line, b"\"credential\":") {
            return self.read_elsewhere(line);
        }
        // A device's prefix holds no brace.
        let json = line.iter().position(|&byte| byte == b'{').map_or(&[][..], |at| &line[at..]);
        match serde_json::from_slice::<Line>(json) {
            // Whoever may say something of themselves may say that word.
            Ok(Line { credential: None, .. }) if is_whole => self.read_elsewhere(line),
            Ok(line) if is_whole => self.take(line),
            _ => {
                self.found.unreadable_lines += 1;
                Vec::new()
            }
        }
    }

    /// A line of OpenBao or Vault: one without a chain, which all of ours have. Of credentials it tells the lease and the
    /// role; keys are hashed there, and the end of a lease that runs out has no line.
    fn read_elsewhere(&mut self, line: &[u8]) -> Vec<usize> {
        let is_about_leases = contains(line, b"\"lease_id\":") || contains(line, b"sys/leases/revoke");
        if !is_about_leases || !contains(line, b"\"response\"") || contains(line, b"\"chain\":") && is_chained(line) {
            return Vec::new();
        }
        let Some(entry) = Entry::read(line) else {
            self.found.unreadable_lines += 1;
            return Vec::new();
        };
        let Some(request) = entry.request.as_ref().filter(|_| entry.is_done()) else { return Vec::new() };
        match request.revokes() {
            Some(Revoked::One(lease)) => return self.revoked_elsewhere(lease, true, &entry.time),
            Some(Revoked::Below(prefix)) => return self.revoked_elsewhere(prefix, false, &entry.time),
            None => {}
        }
        self.issued_elsewhere(&entry, request).into_iter().collect()
    }

    /// A credential that was issued, or renewed.
    fn issued_elsewhere(&mut self, entry: &Entry, request: &Request) -> Option<usize> {
        let lease = entry.lease_id()?;
        if let Some(&at) = self.by_lease.get(lease) {
            // A renewal.
            self.found.issued.get_mut(at)?.changed.clone_from(&entry.time);
            return Some(at);
        }
        let role = request.path.rsplit('/').next().filter(|_| request.mount_type == AWS_MOUNT)?;
        if lease.strip_prefix(&request.path).is_none_or(|rest| !rest.starts_with('/')) {
            return None;
        }
        let at = self.found.issued.len();
        self.by_lease.insert(lease.to_owned(), at);
        let credential = Credential {
            app: entry.app().map(str::to_owned),
            role: role.to_owned(),
            lease_id: lease.to_owned(),
            ..Credential::default()
        };
        let (time, changed) = (entry.time.clone(), entry.time.clone());
        let state = CredentialState::Issued;
        let namespace = request.namespace().to_owned();
        self.found.issued.push(Issuance { time, credential, state, reason: None, changed, elsewhere: true, namespace });
        Some(at)
    }

    /// Leases that somebody revoked: one, or all that begin so.
    fn revoked_elsewhere(&mut self, lease: &str, is_one: bool, time: &str) -> Vec<usize> {
        let folder = format!("{}/", lease.trim_end_matches('/'));
        let is_meant = |id: &str| if is_one { id == lease } else { id.starts_with(&folder) };
        let mut meant: Vec<usize> = match is_one {
            true => self.by_lease.get(lease).copied().into_iter().collect(),
            false => self.by_lease.iter().filter(|(id, _)| is_meant(id)).map(|(_, at)| *at).collect(),
        };
        for &at in &meant {
            if let Some(issuance) = self.found.issued.get_mut(at) {
                issuance.state = CredentialState::Revoked;
                issuance.reason = Some("by-request".to_owned());
                time.clone_into(&mut issuance.changed);
            }
        }
        meant.sort_unstable();
        meant
    }

    fn take(&mut self, line: Line) -> Vec<usize> {
        let Some(credential) = line.credential else { return Vec::new() };
        if let (LineType::System, Some(event)) = (line.kind, &line.event)
            && event.name == "sessions-cut-off"
        {
            return self.cut_off(credential.session.as_deref().unwrap_or_default(), &line.time);
        }
        if credential.lease_id.is_empty() {
            return self.take_standing(line.time, line.kind, line.error, line.event, credential);
        }
        let place = self.by_lease.get(&credential.lease_id).copied();
        let known = place.and_then(|at| self.found.issued.get_mut(at));
        match (line.kind, known, line.event) {
            (LineType::Request, ..) => return Vec::new(),
            (LineType::Response, None, _) => {
                let at = self.found.issued.len();
                let state = match line.error {
                    Some(_) => CredentialState::Withheld,
                    // A log of another engine's, which does not tell when a lease ends.
                    None if credential.expire_time.is_empty() => CredentialState::Issued,
                    None => CredentialState::Active,
                };
                let namespace = line.request.map(|request| request.namespace().to_owned()).unwrap_or_default();
                self.by_lease.insert(credential.lease_id.clone(), at);
                self.found.issued.push(Issuance {
                    time: line.time.clone(),
                    credential,
                    state,
                    reason: line.error,
                    changed: line.time,
                    elsewhere: false,
                    namespace,
                });
                return vec![at];
            }
            (LineType::Response, Some(known), _) => {
                if line.error.is_none() {
                    known.renewed(credential, line.time);
                }
            }
            (LineType::System, Some(known), Some(event)) => known.happened(&event, credential, line.time),
            // Revocations of intents that never became a credential, or of one from a rotated file.
            (LineType::System, None, _) | (LineType::System, Some(_), None) => {}
        }
        place.into_iter().collect()
    }
}

impl Fold {
    /// All sessions of a role were cut off; `sessions` is what they go by, with a star for their names.
    fn cut_off(&mut self, sessions: &str, time: &str) -> Vec<usize> {
        let Some(role) = sessions.strip_suffix('*').filter(|role| !role.is_empty()) else { return Vec::new() };
        let mut cut = Vec::new();
        for (at, issuance) in self.found.issued.iter_mut().enumerate() {
            let is_meant = issuance.credential.session.as_deref().is_some_and(|session| session.starts_with(role));
            let works = matches!(issuance.state, CredentialState::Active | CredentialState::WorksOn);
            if is_meant && works {
                issuance.state = CredentialState::CutOff;
                issuance.reason = Some("forced".to_owned());
                time.clone_into(&mut issuance.changed);
                cut.push(at);
            }
        }
        cut
    }

    /// A line about a key under no lease.
    fn take_standing(
        &mut self,
        time: String,
        kind: LineType,
        error: Option<String>,
        event: Option<Event>,
        credential: Credential,
    ) -> Vec<usize> {
        let places = self.by_key.entry(credential.access_key_id.clone().unwrap_or_default()).or_default();
        match (kind, event) {
            (LineType::Response, _) if error.is_none() => {
                if places.iter().any(|&at| self.found.issued[at].credential.app == credential.app) {
                    return Vec::new();
                }
                let at = self.found.issued.len();
                places.push(at);
                let (state, changed) = (CredentialState::Active, time.clone());
                let (reason, elsewhere, namespace) = (None, false, String::new());
                self.found.issued.push(Issuance { time, credential, state, reason, changed, elsewhere, namespace });
                vec![at]
            }
            (LineType::System, Some(event)) if event.name == "static-key-deleted" => {
                for &at in places.iter() {
                    let Some(issuance) = self.found.issued.get_mut(at) else { continue };
                    issuance.state =
                        if event.reason == "rotated" { CredentialState::Expired } else { CredentialState::Revoked };
                    issuance.reason = Some(event.reason.clone());
                    issuance.changed.clone_from(&time);
                }
                places.clone()
            }
            (LineType::Request | LineType::Response | LineType::System, _) => Vec::new(),
        }
    }
}

impl Issuance {
    fn renewed(&mut self, credential: Credential, time: String) {
        self.credential.expire_time = credential.expire_time;
        self.credential.ttl = credential.ttl;
        self.changed = time;
    }

    /// The names of events are the engine's: see [`Event::name`].
    fn happened(&mut self, event: &Event, credential: Credential, time: String) {
        let state = match event.name.as_str() {
            "lease-renewed" => return self.renewed(credential, time),
            // It has ended already in all that counts.
            "lease-revoked" | "lease-forced" if self.state == CredentialState::CutOff => return,
            // The end of a lease has something to be said of it only where it is no end of what was issued.
            "lease-revoked" if event.detail.is_some() => CredentialState::WorksOn,
            "lease-revoked" if event.reason == "expired" => CredentialState::Expired,
            "lease-revoked" => CredentialState::Revoked,
            "lease-revoke-failed" => CredentialState::RevokeFailed,
            "lease-forced" => CredentialState::Forced,
            "lease-abandoned" => CredentialState::Withheld,
            _ => return,
        };
        self.state = state;
        let is_told = matches!(state, CredentialState::RevokeFailed | CredentialState::WorksOn);
        self.reason = Some(event.detail.as_ref().filter(|_| is_told).unwrap_or(&event.reason).clone());
        self.changed = time;
    }
}

/// Whether a line is one of our own trail: those have a chain.
fn is_chained(line: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Chained {
        chain: Option<serde::de::IgnoredAny>,
    }
    let json = line.iter().position(|&byte| byte == b'{').map_or(&[][..], |at| &line[at..]);
    serde_json::from_slice::<Chained>(json).is_ok_and(|line| line.chain.is_some())
}

fn contains(line: &[u8], needle: &[u8]) -> bool {
    // Lines are UTF-8, and the search for text is much faster than one by windows. What is not UTF-8 goes
    // to the parser, which counts it.
    match (std::str::from_utf8(line), std::str::from_utf8(needle)) {
        (Ok(line), Ok(needle)) => line.contains(needle),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::{CredentialState, Issuance, Issuances, issuances};

    fn line(kind: &str, lease: &str, rest: &Value) -> String {
        let mut line = json!({
            "time": "2026-11-23T20:00:00Z",
            "type": kind,
            "credential": {
                "app": "webapp", "role": "webapp", "lease_id": lease, "iam_user": "u", "ttl": 3600,
                "expire_time": "2026-11-23T21:00:00Z",
            },
        });
        for (key, value) in rest.as_object().unwrap() {
            line[key] = value.clone();
        }
        format!("{line}\n")
    }

    fn event(name: &str, reason: &str) -> Value {
        json!({"time": "2026-11-23T20:30:00Z", "event": {"name": name, "reason": reason}})
    }

    /// One that has more to say.
    fn more(name: &str, reason: &str) -> Value {
        let mut line = event(name, reason);
        line["event"]["detail"] = json!("more");
        line
    }

    fn read(lines: &[String]) -> Issuances {
        issuances(lines.concat().as_bytes(), datetime!(2026-11-23 20:45 UTC)).unwrap()
    }

    fn one(later: &[String]) -> Issuance {
        let lines: Vec<String> =
            std::iter::once(line("response", "l", &json!({}))).chain(later.iter().cloned()).collect();
        let mut found = read(&lines);
        assert_eq!((found.issued.len(), found.unreadable_lines), (1, 0));
        found.issued.remove(0)
    }

    /// A line of OpenBao: an answer with this lease, or a revocation.
    fn foreign(lease: &str, more: &Value) -> String {
        let (path, _) = lease.rsplit_once('/').unwrap_or_default();
        let mut line = json!({
            "time": "2026-11-23T20:00:00Z", "type": "response",
            "auth": {"policies": ["app-webapp"], "metadata": {"chain": "x", "credential": "y"}},
            "request": {"id": "1", "operation": "read", "path": path, "mount_type": "aws"},
            "response": {"secret": {"lease_id": lease}, "mount_type": "aws"},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            line["request"][key] = value.clone();
        }
        format!("{line}\n")
    }

    #[test]
    fn nobody_hides_by_what_they_say_of_themselves() {
        let found = read(&[foreign("aws/creds/r/1", &json!({}))]);
        assert_eq!((found.issued.len(), found.unreadable_lines), (1, 0));
        assert_eq!(found.issued[0].namespace, "");
        let elsewhere = json!({"namespace": {"id": "a", "path": "team/"}});
        assert_eq!(read(&[foreign("aws/creds/r/1", &elsewhere)]).issued[0].namespace, "team");
    }

    #[test]
    fn each_credential_that_a_line_is_about_is_told() {
        let mut following = super::Following::default();
        for id in ["aws/creds/r/1", "aws/creds/r/2", "aws/creds/other/3"] {
            assert_eq!(following.line(foreign(id, &json!({})).trim_end().as_bytes()).count(), 1, "{id}");
        }
        let revoked = json!({"operation": "update", "path": "sys/leases/revoke-prefix/aws/creds/r"});
        let line = foreign("", &revoked);
        let told: Vec<&str> =
            following.line(line.trim_end().as_bytes()).map(|issuance| &*issuance.credential.lease_id).collect();
        assert_eq!(told, ["aws/creds/r/1", "aws/creds/r/2"]);
    }

    #[test]
    fn the_state_follows_from_later_lines() {
        let system = |name: &str, reason: &str| vec![line("system", "l", &event(name, reason))];
        assert_eq!(one(&[]).state, CredentialState::Active);
        assert_eq!(one(&system("lease-revoked", "expired")).state, CredentialState::Expired);
        let revoked = one(&system("lease-revoked", "token-revoked"));
        assert_eq!((revoked.state, revoked.reason.as_deref()), (CredentialState::Revoked, Some("token-revoked")));
        assert_eq!(revoked.changed, "2026-11-23T20:30:00Z");
        for reason in ["requested", "expired"] {
            let lapsed = one(&[line("system", "l", &more("lease-revoked", reason))]);
            assert_eq!((lapsed.state, lapsed.reason.as_deref()), (CredentialState::WorksOn, Some("more")));
        }
        let failed = one(&[line("system", "l", &more("lease-revoke-failed", "aws"))]);
        assert_eq!((failed.state, failed.reason.as_deref()), (CredentialState::RevokeFailed, Some("more")));
        assert_eq!(one(&system("lease-abandoned", "response-not-audited")).state, CredentialState::Withheld);
        assert_eq!(one(&system("lease-forced", "forced")).state, CredentialState::Forced);
        assert_eq!(one(&system("something-else", "")).state, CredentialState::Active);
    }

    #[test]
    fn sessions_that_are_cut_off_work_no_more_whatever_becomes_of_their_leases() {
        let of_session = |kind: &str, lease: &str, session: &str, more: &Value| {
            let mut line: Value = serde_json::from_str(&line(kind, lease, more)).unwrap();
            line["credential"]["session"] = json!(session);
            format!("{line}\n")
        };
        let arn = |name: &str| format!("arn:aws:sts::123456789012:assumed-role/{name}");
        let cut = event("sessions-cut-off", "forced");
        let lines = [
            of_session("response", "ended", &arn("deploy/a"), &json!({})),
            of_session("response", "living", &arn("deploy/b"), &json!({})),
            of_session("response", "other", &arn("deployer/c"), &json!({})),
            of_session("system", "ended", &arn("deploy/a"), &more("lease-revoked", "requested")),
            of_session("system", "cut", &arn("deploy/*"), &cut),
            of_session("system", "living", &arn("deploy/b"), &more("lease-revoked", "expired")),
            of_session("response", "later", &arn("deploy/d"), &json!({})),
        ];
        use CredentialState::{Active, CutOff};
        let states: Vec<_> = read(&lines).issued.iter().map(|issuance| issuance.state).collect();
        assert_eq!(states, [CutOff, CutOff, Active, Active]);
    }

    #[test]
    fn a_renewal_moves_the_end_and_a_missed_end_is_overdue() {
        let renewal = |end: &str| {
            let mut renewal: Value = serde_json::from_str(&line("response", "l", &json!({}))).unwrap();
            renewal["credential"]["expire_time"] = end.into();
            vec![format!("{renewal}\n")]
        };
        let later = one(&renewal("2026-11-23T22:00:00Z"));
        assert_eq!(
            (later.state, later.credential.expire_time.as_str()),
            (CredentialState::Active, "2026-11-23T22:00:00Z")
        );
        assert_eq!(one(&renewal("2026-11-23T20:44:00Z")).state, CredentialState::Overdue);
    }

    #[test]
    fn a_key_under_no_lease_is_each_readers_and_ends_for_all() {
        let about = |kind: &str, app: &str, rest: &Value| {
            let mut line: Value = serde_json::from_str(&line(kind, "", rest)).unwrap();
            line["credential"] = json!({"app": app, "role": "r", "access_key_id": "AKIA", "iam_user": "u", "ttl": 0});
            format!("{line}\n")
        };
        let mut lines = ["a", "b", "a"].map(|app| about("response", app, &json!({}))).to_vec();
        let found = read(&lines);
        let states = |found: &Issuances| found.issued.iter().map(|issuance| issuance.state).collect::<Vec<_>>();
        assert_eq!(states(&found), [CredentialState::Active, CredentialState::Active]);
        lines.push(about("system", "", &event("static-key-deleted", "rotated")));
        assert_eq!(states(&read(&lines)), [CredentialState::Expired, CredentialState::Expired]);
    }

    #[test]
    fn what_is_not_an_issue_is_passed_over_and_what_cannot_be_read_is_counted() {
        let found = read(&[
            "{\"time\":\"x\",\"type\":\"request\"}\n".to_owned(),
            line("request", "a", &json!({})),
            line("system", "intent", &event("lease-revoked", "unknown-outcome")),
            line("response", "withheld", &json!({"error": "no device"})),
            "{\"credential\":\n".to_owned(),
            line("response", "torn", &json!({})).trim_end().to_owned(),
        ]);
        assert_eq!(found.unreadable_lines, 2);
        assert_eq!(found.issued.iter().map(|issuance| issuance.state).collect::<Vec<_>>(), [CredentialState::Withheld]);
    }
}
