//! A [`Record`] as one JSON line: Vault's field names, empty fields left out, secrets hashed on the way
//! so that no copy of a record with its secrets is ever made.

use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::hash::{Hasher, is_timestamp};
use super::json::{is_empty, write_key, write_map, write_string, write_value};
use super::record::{LineType, Record};

/// What each line begins with, behind the device's prefix.
pub(super) const LINE_START: &[u8] = b"{\"time\":\"";

/// How one device writes its lines.
pub(super) struct Format {
    /// Hides secrets.
    pub(super) hasher: Hasher,
    /// Whether accessors are hidden too.
    pub(super) hmac_accessor: bool,
    /// Whether nothing is hidden at all.
    pub(super) log_raw: bool,
    /// Whether the answers of lists are replaced by their counts.
    pub(super) elide_list_responses: bool,
    /// Comes before the JSON.
    pub(super) prefix: String,
}

impl Format {
    /// The line without its chain and without the closing brace and newline, which [`super::chain`] adds.
    pub(super) fn body(&self, record: &Record) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(LINE_START);
        write_time(record.time, &mut out);
        out.extend_from_slice(match record.kind {
            LineType::Request => b"\",\"type\":\"request\"",
            LineType::Response => b"\",\"type\":\"response\"",
            LineType::System => b"\",\"type\":\"system\"",
        });
        if let Some(auth) = &record.auth {
            write_key("auth", &mut out);
            self.fields(auth, Part::Auth, record, &mut out);
        }
        if let Some(request) = &record.request {
            write_key("request", &mut out);
            self.fields(request, Part::Request, record, &mut out);
        }
        if let Some(response) = &record.response {
            write_key("response", &mut out);
            self.fields(response, Part::Response, record, &mut out);
        }
        if let Some(error) = record.error.as_deref().filter(|error| !error.is_empty()) {
            write_key("error", &mut out);
            write_string(error, &mut out);
        }
        if let Some(credential) = &record.credential {
            write_key("credential", &mut out);
            write_plain(credential, &mut out);
        }
        if let Some(event) = &record.event {
            write_key("event", &mut out);
            write_plain(event, &mut out);
        }
        out
    }

    /// A part of the record as Vault's structs print: empty fields go, but what the caller or a backend
    /// chose (`data`, `metadata`, `headers`) stays as it is.
    fn fields(&self, map: &Map<String, Value>, part: Part, record: &Record, out: &mut Vec<u8>) {
        out.push(b'{');
        for (key, value) in map {
            // Vault always tells whether the policies allowed it.
            if is_empty(value) && !(part == Part::PolicyResults && key == "allowed") {
                continue;
            }
            write_key(key, out);
            match (key.as_str(), value) {
                ("data", Value::Object(data)) if part == Part::Request => {
                    self.data(data, &record.clear_request_keys, out);
                }
                ("data", Value::Object(data)) if part == Part::Response => self.response_data(data, record, out),
                ("metadata" | "headers", value) => write_value(value, "", &mut clear, out),
                ("client_token" | "token", Value::String(token)) => self.hidden(token, !self.log_raw, out),
                ("accessor" | "client_token_accessor" | "wrapped_accessor", Value::String(accessor)) => {
                    self.hidden(accessor, self.hmac_accessor && !self.log_raw, out);
                }
                (_, Value::Object(inner)) => {
                    let part = if key == "policy_results" { Part::PolicyResults } else { Part::Auth };
                    self.fields(inner, part, record, out);
                }
                (_, value) => write_value(value, "", &mut clear, out),
            }
        }
        out.push(b'}');
    }

    fn response_data(&self, data: &Map<String, Value>, record: &Record, out: &mut Vec<u8>) {
        let listed = record.request.as_ref().and_then(|request| request.get("operation")?.as_str()) == Some("list");
        if !(self.elide_list_responses && listed) {
            return self.data(data, &record.clear_response_keys, out);
        }
        let mut elided = data.clone();
        for (key, value) in &mut elided {
            let count = match (key.as_str(), &*value) {
                ("keys" | "key_info", Value::Array(items)) => items.len(),
                ("key_info", Value::Object(infos)) => infos.len(),
                _ => continue,
            };
            *value = Value::from(count);
        }
        self.data(&elided, &record.clear_response_keys, out);
    }

    fn data(&self, data: &Map<String, Value>, clear_keys: &[String], out: &mut Vec<u8>) {
        let mut leaf = |key: &str, text: &str, out: &mut Vec<u8>| {
            let hide = !self.log_raw && !clear_keys.iter().any(|clear| clear == key) && !is_timestamp(text);
            self.hidden(text, hide, out);
        };
        write_map(data, &mut leaf, out);
    }

    fn hidden(&self, text: &str, hide: bool, out: &mut Vec<u8>) {
        if hide {
            out.push(b'"');
            self.hasher.write(text, out);
            out.push(b'"');
        } else {
            write_string(text, out);
        }
    }
}

/// Which rules a map of fields follows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// `auth`, and the small structs inside other parts.
    Auth,
    /// `request`.
    Request,
    /// `response`.
    Response,
    /// `auth.policy_results`.
    PolicyResults,
}

fn clear(_key: &str, text: &str, out: &mut Vec<u8>) {
    write_string(text, out);
}

/// Appends one of our own structs, which hold no secret.
fn write_plain(part: &impl serde::Serialize, out: &mut Vec<u8>) {
    // Our structs have only string keys and finite numbers, which always serialise.
    let value = serde_json::to_value(part).unwrap_or(Value::Null);
    write_value(&value, "", &mut clear, out);
}

/// Appends RFC 3339 in UTC with the shortest fraction, as Go's `RFC3339Nano`.
fn write_time(time: OffsetDateTime, out: &mut Vec<u8>) {
    use std::io::Write;
    let time = time.to_offset(time::UtcOffset::UTC);
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    if time.nanosecond() > 0 {
        let _ = write!(out, ".{:09}", time.nanosecond());
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use time::macros::datetime;

    use super::{Format, Hasher, write_time};
    use crate::secret::Secret;
    use crate::trail::{Credential, LineType, Record};

    fn format() -> Format {
        Format {
            prefix: String::new(),
            hasher: Hasher::new(&Secret::new("salt")),
            hmac_accessor: true,
            log_raw: false,
            elide_list_responses: false,
        }
    }

    fn record(request: Value, response: Value) -> Record {
        let map = |value: Value| value.as_object().cloned();
        Record {
            request: map(request),
            response: map(response),
            ..Record::new(datetime!(2026-11-23 20:49:23.5 UTC), LineType::Response)
        }
    }

    fn line(format: &Format, record: &Record) -> Value {
        let mut body = format.body(record);
        body.push(b'}');
        serde_json::from_slice(&body).unwrap()
    }

    /// One leaf of `response.data`, as the line shows it. `#` stands for its hash.
    fn check(data: Value, clear_keys: &[&str], expected: Value) {
        fn mark(value: &mut Value) {
            match value {
                Value::String(text) if text.starts_with("hmac-sha256:") && text.len() == 76 => *text = "#".to_owned(),
                Value::Array(items) => items.iter_mut().for_each(mark),
                Value::Object(map) => map.values_mut().for_each(mark),
                _ => {}
            }
        }
        let mut record = record(json!({}), json!({ "data": data }));
        record.clear_response_keys = clear_keys.iter().map(|&key| key.to_owned()).collect();
        let mut shown = line(&format(), &record)["response"]["data"].clone();
        mark(&mut shown);
        assert_eq!(shown, expected, "{data}");
    }

    #[test]
    fn every_string_leaf_of_data_is_hashed_and_nothing_else() {
        check(json!({"secret_key": "s"}), &[], json!({"secret_key": "#"}));
        check(json!({"empty": ""}), &[], json!({"empty": "#"}));
        check(json!({"n": 1, "f": 0.5, "b": false, "z": null}), &[], json!({"n": 1, "f": 0.5, "b": false, "z": null}));
        check(json!({"at": "2026-11-23T20:49:23Z"}), &[], json!({"at": "2026-11-23T20:49:23Z"}));
        check(json!({"a": {"b": ["x", {"c": "y"}]}}), &[], json!({"a": {"b": ["#", {"c": "#"}]}}));
    }

    #[test]
    fn a_clear_key_frees_the_leaves_it_is_nearest_to() {
        check(
            json!({"access_key": "A", "secret_key": "s"}),
            &["access_key"],
            json!({"access_key": "A", "secret_key": "#"}),
        );
        check(json!({"k": ["x", "y"]}), &["k"], json!({"k": ["x", "y"]}));
        check(json!({"k": {"inner": "x"}}), &["k"], json!({"k": {"inner": "#"}}));
    }

    #[test]
    fn tokens_are_hashed_everywhere_and_the_lease_id_is_not() {
        let record = record(
            json!({"client_token": "t", "client_token_accessor": "a", "path": "aws/creds/r", "data": {}}),
            json!({
                "auth": {"client_token": "t", "accessor": "a", "policies": ["p"]},
                "secret": {"lease_id": "aws/creds/r/1"},
                "wrap_info": {"token": "t", "wrapped_accessor": "a"}
            }),
        );
        let hash = |text: &str| Value::from(format().hasher.hash(text));
        let shown = line(&format(), &record);
        assert_eq!(shown["request"]["client_token"], hash("t"));
        assert_eq!(shown["request"]["client_token_accessor"], hash("a"));
        assert_eq!(shown["response"]["auth"]["client_token"], hash("t"));
        assert_eq!(shown["response"]["wrap_info"]["wrapped_accessor"], hash("a"));
        assert_eq!(shown["response"]["secret"]["lease_id"], "aws/creds/r/1");
        assert_eq!(shown["request"].get("data"), None);

        let open = Format { hmac_accessor: false, ..format() };
        assert_eq!(line(&open, &record)["request"]["client_token_accessor"], "a");
        assert_eq!(line(&open, &record)["request"]["client_token"], hash("t"));
        let raw = Format { log_raw: true, ..format() };
        assert_eq!(line(&raw, &record)["response"]["auth"]["client_token"], "t");
    }

    #[test]
    fn empty_fields_go_but_a_denial_stays_visible() {
        let mut record = record(json!({"id": "1", "wrap_ttl": 0, "headers": {}, "remote_address": ""}), json!({}));
        record.auth = json!({"policies": [], "policy_results": {"allowed": false}, "metadata": {"empty": ""}})
            .as_object()
            .cloned();
        record.error = Some("1 error occurred:\n\t* permission denied\n\n".to_owned());
        let shown = line(&format(), &record);
        assert_eq!(shown["request"], json!({"id": "1"}));
        assert_eq!(shown["auth"], json!({"policy_results": {"allowed": false}, "metadata": {"empty": ""}}));
        assert!(shown["error"].as_str().is_some_and(|error| error.contains("permission denied")));
    }

    #[test]
    fn markup_in_keys_is_escaped() {
        let body = format().body(&record(json!({"data": {"a<b": 1}}), json!({})));
        assert!(String::from_utf8(body).unwrap().contains(r#""a\u003cb":1"#));
    }

    #[test]
    fn lists_can_be_reduced_to_their_counts() {
        let record = record(json!({"operation": "list"}), json!({"data": {"keys": ["a", "b"], "key_info": {"a": {}}}}));
        let eliding = Format { elide_list_responses: true, ..format() };
        assert_eq!(line(&eliding, &record)["response"]["data"], json!({"keys": 2, "key_info": 1}));
    }

    #[test]
    fn a_credential_is_told_in_clear() {
        let mut record = record(json!({}), json!({}));
        record.credential = Some(Credential { role: "webapp".to_owned(), ttl: 3600, ..Credential::default() });
        assert_eq!(line(&format(), &record)["credential"]["role"], "webapp");
        assert_eq!(line(&format(), &record)["time"], "2026-11-23T20:49:23.5Z");
    }

    #[test]
    fn times_print_as_go_does() {
        for (time, expected) in [
            (datetime!(2026-01-02 03:04:05 UTC), "2026-01-02T03:04:05Z"),
            (datetime!(2026-01-02 03:04:05.000_000_120 UTC), "2026-01-02T03:04:05.00000012Z"),
            (datetime!(2026-01-02 03:04:05 +1), "2026-01-02T02:04:05Z"),
        ] {
            let mut out = Vec::new();
            write_time(time, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
