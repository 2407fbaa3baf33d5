//! Who wrote an object, and what was issued since: from audit files, ours, OpenBao's or Vault's, in any order.
//!
//! One pass over each file, in memory of one line, a few writes of each object that is asked about, and the credentials of
//! the roles among them. A line that can't be read is counted. Only what was answered without an error has changed anything.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead};

use time::OffsetDateTime;

pub use super::asked::{Answer, Question, Write};
use super::asked::{Asked, Fate, Issued};
use super::chain::{LineEnd, read_line};
use super::concerned::Concerned;
use super::entry::{Entry, Request, Revoked};

/// Credentials that are kept of all roles.
const ISSUED_MAX: usize = 200_000;

/// Revocations of many leases that are kept: the last of each prefix.
const PREFIXES_MAX: usize = 10_000;

/// How long a lease id is that is kept, in bytes. No engine makes one as long.
const LEASE_BYTES_MAX: usize = 1_000;

/// Characters that are kept of what a line says.
const CHARS_MAX: usize = 200;

/// What all files tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Of each object that was asked about, by its path.
    pub answers: HashMap<String, Answer>,
    /// When they begin (RFC 3339); none where there is no line.
    pub from: Option<String>,
    /// How many lines could not be read.
    pub unreadable: u64,
    /// Whether there were more credentials than are counted.
    pub cut: bool,
}

/// What is being read.
#[derive(Debug)]
pub struct Reading {
    questions: HashMap<String, Asked>,
    concerned: Concerned,
    /// The paths of the roles, by where their credentials are read.
    creds: HashMap<String, String>,
    namespace: String,
    leases: BTreeMap<String, (String, usize)>,
    /// When all leases that begin so were ended last.
    prefixes: HashMap<String, OffsetDateTime>,
    /// What became of leases of these roles whose issue was not read yet: files come in any order.
    early: HashMap<String, Fate>,
    kept: usize,
    from: Option<(OffsetDateTime, String)>,
    told: Told,
}

impl Reading {
    /// Asks about objects of an engine's namespace, named without slashes around it; empty is the root one.
    pub fn new(questions: Vec<Question>, namespace: &str) -> Self {
        let creds =
            questions.iter().flat_map(|one| one.creds.iter().map(|creds| (creds.clone(), one.path.clone()))).collect();
        let concerned = Concerned::new(&questions);
        let asked = |one: Question| (one.path.clone(), Asked::of(&one));
        Self {
            questions: questions.into_iter().map(asked).collect(),
            concerned,
            creds,
            namespace: namespace.to_owned(),
            leases: BTreeMap::new(),
            prefixes: HashMap::new(),
            early: HashMap::new(),
            kept: 0,
            from: None,
            told: Told::default(),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Only those of reading.
    pub fn read(&mut self, mut reader: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        while let Some(end) = read_line(&mut reader, &mut line)? {
            if end == LineEnd::Newline && line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            // The last line of a file that is being written has no end yet, and may be whole.
            match Entry::read(&line).filter(|_| end != LineEnd::TooLong) {
                Some(entry) => self.take(&entry),
                None => self.told.unreadable += 1,
            }
        }
        Ok(())
    }

    /// What was told.
    pub fn end(mut self) -> Told {
        self.end_prefixes();
        self.told.from = self.from.map(|(_, time)| time);
        self.told.answers = self.questions.into_iter().map(|(path, asked)| (path, asked.answer())).collect();
        self.told
    }

    fn take(&mut self, entry: &Entry) {
        let Some(at) = entry.at() else {
            self.told.unreadable += 1;
            return;
        };
        if self.from.as_ref().is_none_or(|(first, _)| at < *first) {
            self.from = Some((at, cut(&entry.time)));
        }
        if let Some(event) = &entry.event {
            if matches!(event.name.as_str(), "lease-revoked" | "lease-forced" | "lease-abandoned")
                && let Some(lease) = entry.lease_id()
            {
                self.ended(lease);
            }
            return;
        }
        let Some(request) = entry.request.as_ref().filter(|request| entry.is_done() && request.is_in(&self.namespace))
        else {
            return;
        };
        if request.writes() {
            self.written(at, entry, request);
        }
        if let Some(role) = self.creds.get(&request.path).cloned() {
            self.issued(at, entry, &role);
        } else if let Some(revoked) = request.revokes() {
            match revoked {
                Revoked::One(lease) => self.ended(lease),
                Revoked::Below(prefix) => self.ended_below(at, prefix),
            }
        } else if let (Some(lease), Some(credential)) = (entry.lease_id(), &entry.credential) {
            // A renewal.
            let until = Some(cut(&credential.expire_time)).filter(|until| !until.is_empty());
            if let Some(fate) = self.fate_of(lease) {
                fate.until = fate.until.take().max(until);
            }
        }
    }

    fn written(&mut self, at: OffsetDateTime, entry: &Entry, request: &Request) {
        let auth = entry.auth.as_ref();
        let text = |text: Option<&String>| text.map(|text| cut(text)).unwrap_or_default();
        let write = || Write {
            time: cut(&entry.time),
            operation: request.operation.clone(),
            path: cut(&request.path),
            display_name: text(auth.map(|auth| &auth.display_name)),
            entity_id: text(auth.map(|auth| &auth.entity_id)),
            accessor: text(auth.map(|auth| &auth.accessor)),
            remote_address: cut(&request.remote_address),
            request_id: cut(&request.id),
        };
        if request.path.trim_end_matches('/') == "sys/remount" {
            self.questions.values_mut().for_each(|asked| asked.moved(at, write));
        }
        for (path, takes_away) in self.concerned.by(request) {
            if let Some(asked) = self.questions.get_mut(path) {
                asked.wrote(at, takes_away, write);
            }
        }
    }

    fn issued(&mut self, at: OffsetDateTime, entry: &Entry, role: &str) {
        // The lease of what is wrapped is not in the line, and the space makes it none that there is.
        let wrapped = |request: &Request| format!("{}/ {}", request.path, request.id);
        let wrapped = entry.request.as_ref().filter(|_| entry.is_wrapped()).map(wrapped);
        let Some(lease) = entry.lease_id().or(wrapped.as_deref()).filter(|lease| lease.len() <= LEASE_BYTES_MAX) else {
            return;
        };
        if self.leases.contains_key(lease) {
            return;
        }
        if self.kept == ISSUED_MAX {
            self.told.cut = true;
            return;
        }
        let Some(asked) = self.questions.get_mut(role) else { return };
        self.kept += 1;
        self.leases.insert(lease.to_owned(), (role.to_owned(), asked.issued.len()));
        let until = entry.credential.as_ref().map(|credential| cut(&credential.expire_time));
        let until = until.filter(|until| !until.is_empty());
        let mut fate = self.early.remove(lease).unwrap_or_default();
        fate.until = fate.until.max(until);
        asked.issued.push(Issued { at, app: entry.app().map(cut), fate });
    }

    fn ended(&mut self, lease: &str) {
        if let Some(fate) = self.fate_of(lease) {
            fate.has_ended = true;
        }
    }

    /// All leases that begin so, and were issued until then: also those that are read later.
    fn ended_below(&mut self, at: OffsetDateTime, prefix: &str) {
        let is_below = |path: &str, of: &str| path.strip_prefix(of).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        let is_about = |creds: &String| is_below(creds, prefix) || is_below(prefix, creds);
        if prefix.len() > LEASE_BYTES_MAX || !self.creds.keys().any(is_about) {
            return;
        }
        if self.prefixes.len() == PREFIXES_MAX && !self.prefixes.contains_key(prefix) {
            self.told.cut = true;
            return;
        }
        let last = self.prefixes.entry(prefix.to_owned()).or_insert(at);
        *last = at.max(*last);
    }

    fn end_prefixes(&mut self) {
        for (lease, (role, number)) in &self.leases {
            let asked = self.questions.get_mut(role);
            let Some(issued) = asked.and_then(|asked| asked.issued.get_mut(*number)) else { continue };
            let ends = lease.match_indices('/').map(|(at, _)| at).chain([lease.len()]);
            let mut revoked = ends.filter_map(|at| self.prefixes.get(&lease[..at]));
            issued.fate.has_ended |= revoked.any(|at| issued.at <= *at);
        }
    }

    /// What is known of a lease; none where it is of no role that is asked about.
    fn fate_of(&mut self, lease: &str) -> Option<&mut Fate> {
        if let Some((role, at)) = self.leases.get(lease) {
            return Some(&mut self.questions.get_mut(role)?.issued.get_mut(*at)?.fate);
        }
        let (read, _) = lease.rsplit_once('/')?;
        if lease.len() > LEASE_BYTES_MAX || !self.creds.contains_key(read) {
            return None;
        }
        let is_kept = self.early.len() < ISSUED_MAX || self.early.contains_key(lease);
        self.told.cut |= !is_kept;
        is_kept.then(|| self.early.entry(lease.to_owned()).or_default())
    }
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    text.chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::{Answer, Question, Reading, Told};

    const OTHERS: [&str; 5] =
        ["policies/p", "sys/auth/approle", "auth/approle/role/batch", "transit/keys/orders", "gone/roles/webapp"];

    fn line(minute: u32, operation: &str, path: &str, rest: &Value) -> String {
        let mut line = json!({
            "time": format!("2026-11-25T08:{minute:02}:00.5Z"),
            "type": "response",
            "auth": {"display_name": "ada", "accessor": "hmac-sha256:aa", "policies": ["default", "app-webapp"]},
            "request": {"id": format!("r{minute}"), "operation": operation, "path": path, "remote_address": "192.0.2.7"},
        });
        for (key, value) in rest.as_object().unwrap() {
            line[key] = value.clone();
        }
        format!("{line}\n")
    }

    fn creds(minute: u32, lease: &str) -> String {
        let answer = json!({"response": {"secret": {"lease_id": format!("aws/creds/webapp/{lease}")}}});
        line(minute, "read", "aws/creds/webapp", &answer)
    }

    fn told(lines: &[String], ours: bool) -> Told {
        let question = |path: &str, creds: &[&str]| Question {
            path: path.to_owned(),
            also: path.strip_suffix("/p").map(|_| "sys/policy/p".to_owned()),
            creds: creds.iter().map(|path| (*path).to_owned()).collect(),
            folds: if path.starts_with("policies/") || path.starts_with("auth/") {
                path.len() - path.rfind('/').unwrap() - 1
            } else {
                0
            },
            is_gone: path.starts_with("gone/"),
            ours: ours.then_some(datetime!(2026-11-25 08:02 UTC)),
        };
        let mut asked = vec![question("aws/roles/webapp", &["aws/creds/webapp"])];
        asked.extend(OTHERS.map(|path| question(path, &[])));
        let mut reading = Reading::new(asked, "");
        // In the order in which files are named, which need not be theirs.
        let (first, second) = lines.split_at(lines.len() / 2);
        reading.read(second.concat().as_bytes()).unwrap();
        reading.read(first.concat().as_bytes()).unwrap();
        reading.end()
    }

    fn role(lines: &[String], ours: bool) -> Answer {
        told(lines, ours).answers["aws/roles/webapp"].clone()
    }

    #[test]
    fn the_last_write_made_it_so_and_what_was_issued_since_the_first_is_under_it() {
        let none = json!({});
        let lines = [
            line(1, "update", "aws/roles/webapp", &none),
            creds(2, "before"),
            line(3, "update", "aws/roles/webapp", &none),
            creds(4, "a"),
            line(5, "update", "aws/roles/webapp", &none),
            creds(6, "b"),
            line(7, "update", "sys/leases/revoke/aws/creds/webapp/a", &none),
            line(8, "update", "aws/roles/webapp", &json!({"error": "permission denied"})),
            line(
                9,
                "update",
                "aws/roles/webapp",
                &json!({"request": {"operation": "update", "path": "aws/roles/webapp", "namespace": {"id": "x", "path": "team/"}}}),
            ),
        ];
        let known = role(&lines, true);
        let write = known.write.expect("a write");
        assert_eq!((write.request_id.as_str(), write.remote_address.as_str()), ("r5", "192.0.2.7"));
        assert_eq!((known.earlier, known.since.as_deref()), (1, Some("2026-11-25T08:03:00.5Z")));
        assert_eq!((known.issued, known.ended, known.until), (2, 1, None));
        assert_eq!(known.apps.iter().collect::<Vec<_>>(), ["webapp"]);
        let unknown = role(&lines, false);
        assert_eq!((unknown.earlier, unknown.since.as_deref()), (2, Some("2026-11-25T08:05:00.5Z")));
        assert_eq!(unknown.issued, 1);
        assert_eq!(told(&lines, true).from.as_deref(), Some("2026-11-25T08:01:00.5Z"));
    }

    #[test]
    fn writes_by_other_paths_are_of_the_object_too() {
        let none = json!({});
        for (operation, path) in [("delete", "sys/mounts/aws"), ("update", "aws/roles/webapp/part")] {
            let write = role(&[line(3, operation, path, &none)], true).write;
            assert_eq!(write.expect(path).path, path);
        }
        let policy = told(&[line(3, "update", "sys/policy/p", &none)], true);
        assert!(policy.answers["policies/p"].write.is_some());
        for (operation, path) in
            [("read", "aws/roles/webapp"), ("update", "aws/roles/webapp/secret-id"), ("update", "aws/roles/other")]
        {
            assert_eq!(role(&[line(3, operation, path, &none)], true), Answer::default(), "{path}");
        }
    }

    #[test]
    fn a_refused_write_is_none() {
        let done = line(3, "update", "aws/roles/webapp", &json!({"response": {"data": {"error": null, "other": [1]}}}));
        for data in [json!({"error": "hmac-sha256:a0"}), json!({"error": {}}), json!({"http_status_code": 400})] {
            let refused = line(4, "update", "aws/roles/webapp", &json!({"response": {"data": data}}));
            let told = role(&[done.clone(), refused], true);
            assert_eq!(told.write.map(|write| write.request_id).as_deref(), Some("r3"), "{data}");
            assert_eq!(told.earlier, 0);
        }
    }

    #[test]
    fn paths_are_taken_as_engines_take_them() {
        let is_told = |object: &str, operation: &str, path: &str| {
            told(&[line(3, operation, path, &json!({}))], true).answers[object].write.is_some()
        };
        for (object, operation, path, is_of) in [
            ("sys/auth/approle", "update", "sys/auth/approle/tune", true),
            ("sys/auth/approle", "update", "sys/mounts/auth/approle/tune", true),
            ("sys/auth/approle", "update", "sys/mounts/approle/tune", false),
            ("auth/approle/role/batch", "delete", "sys/mounts/auth/approle", true),
            ("auth/approle/role/batch", "update", "sys/mounts/auth/approle", false),
            ("auth/approle/role/batch", "update", "auth/approle/role/Batch", true),
            ("auth/approle/role/batch", "update", "auth/approle/role/BATCH/policies", true),
            ("auth/approle/role/batch", "update", "auth/approle/role/BATCH/secret-id", false),
            ("auth/approle/role/batch", "update", "auth/AppRole/role/batch", false),
            ("policies/p", "update", "policies/P", true),
            ("policies/p", "update", "sys/policy/P", true),
            ("aws/roles/webapp", "update", "aws/roles/WebApp", false),
            ("transit/keys/orders", "update", "transit/keys/orders/config", true),
            ("transit/keys/orders", "update", "transit/keys/orders/rotate", false),
            ("gone/roles/webapp", "update", "gone/roles/webapp", false),
            ("gone/roles/webapp", "delete", "gone/roles/webapp", true),
            ("gone/roles/webapp", "delete", "gone/roles/webapp/part", false),
            ("gone/roles/webapp", "delete", "sys/mounts/gone", true),
            ("gone/roles/webapp", "update", "sys/mounts/gone/tune", false),
        ] {
            assert_eq!(is_told(object, operation, path), is_of, "{object}: {operation} {path}");
        }
    }

    #[test]
    fn a_long_path_costs_its_length() {
        // At the cost of its length's square this would not end.
        let path = format!("aws/roles/webapp/{}", "a/".repeat(2_000_000));
        let lines = [line(3, "update", &path, &json!({})), line(4, "update", &path[3..], &json!({}))];
        let write = role(&lines, true).write.expect("it is below the role");
        assert_eq!(write.request_id, "r3");
    }

    #[test]
    fn what_is_written_in_the_second_of_our_apply_may_be_ours() {
        let at = |id: &str, second: &str, operation: &str, path: &str, answer: Value| {
            let time = format!("2026-11-25T08:{second}Z");
            let request = json!({"id": id, "operation": operation, "path": path});
            line(2, operation, path, &json!({"time": time, "request": request, "response": answer}))
        };
        let lease = json!({"secret": {"lease_id": "aws/creds/webapp/a"}});
        let before = at("before", "01:59.9", "update", "aws/roles/webapp", json!({}));
        let ours = at("ours", "02:00.7", "update", "aws/roles/webapp", json!({}));
        let creds = at("creds", "02:01.2", "read", "aws/creds/webapp", lease);
        let theirs = at("theirs", "02:01.5", "update", "aws/roles/webapp", json!({}));
        let id = |told: &Answer| told.write.as_ref().map(|write| write.request_id.clone());
        let told = role(&[before.clone(), ours.clone(), creds.clone(), theirs], true);
        assert_eq!(id(&told).as_deref(), Some("theirs"));
        assert_eq!((told.earlier, told.may_be_ours, told.issued), (0, 1, 0));
        let told = role(&[before, ours, creds], true);
        assert_eq!(id(&told).as_deref(), Some("ours"));
        assert_eq!((told.may_be_ours, told.since, told.issued), (1, None, 0));
    }

    #[test]
    fn who_writes_often_hides_nothing() {
        let none = json!({});
        let mut lines = vec![line(3, "update", "aws/roles/webapp", &none), creds(4, "a")];
        lines.extend((0..2_100).map(|_| line(5, "update", "aws/roles/webapp", &none)));
        let told = role(&lines, true);
        assert_eq!((told.earlier, told.issued), (2_100, 1));
        assert_eq!(told.since.as_deref(), Some("2026-11-25T08:03:00.5Z"));
    }

    #[test]
    fn many_leases_end_at_once() {
        let none = json!({});
        for (path, ended) in [
            ("sys/leases/revoke-prefix/aws/creds/webapp", 2),
            ("sys/leases/revoke-force/aws/", 2),
            ("sys/revoke-prefix/aws/creds/webapp/a", 1),
            ("sys/revoke/aws/creds/webapp/a", 1),
            ("sys/leases/revoke-prefix/aws/creds/web", 0),
            ("sys/leases/revoke-prefix/aws/creds/other", 0),
        ] {
            // The issue of one is read after it: files come in any order.
            let lines = [
                line(3, "update", "aws/roles/webapp", &none),
                creds(4, "a"),
                creds(4, "b"),
                line(5, "update", path, &none),
                creds(6, "c"),
                line(7, "read", "aws/roles/webapp", &none),
            ];
            let told = role(&lines, true);
            assert_eq!((told.issued, told.ended), (3, ended), "{path}");
        }
    }

    #[test]
    fn what_is_wrapped_is_counted_and_moves_are_told() {
        let wrapped = json!({"response": {"wrap_info": {"ttl": 60, "creation_path": "aws/creds/webapp"}}});
        let lines = [
            line(3, "update", "aws/roles/webapp", &json!({})),
            line(4, "read", "aws/creds/webapp", &wrapped),
            line(5, "update", "sys/remount", &json!({})),
        ];
        let told = told(&lines, true);
        let (role, gone) = (&told.answers["aws/roles/webapp"], &told.answers["gone/roles/webapp"]);
        assert_eq!((role.issued, role.until.as_deref(), role.moved.is_none()), (1, None, true));
        assert_eq!((gone.write.is_none(), gone.moved.is_some()), (true, true));
    }

    #[test]
    fn hostile_lines_are_counted() {
        let lines = [
            "{\"time\":\"never\",\"type\":\"response\"}\n".to_owned(),
            "not json\n".to_owned(),
            format!("{}\n", "[".repeat(100_000)),
            "{\"type\":\"response\",\"time\":{}}\n".to_owned(),
            "\n".to_owned(),
            line(3, "update", "aws/roles/webapp", &json!({"auth": {"display_name": "x".repeat(10_000)}})),
        ];
        let told = told(&lines, true);
        assert_eq!(told.unreadable, 4);
        let name = told.answers["aws/roles/webapp"].write.as_ref().map(|write| write.display_name.len());
        assert_eq!(name, Some(200));
    }
}
