//! Answers as a person, a program or a shell wants them. Pure.
//!
//! The table is that of Vault's command line, which scripts cut with `awk`: four spaces between
//! columns, dashes under the headings, durations for people, `n/a` for empty text and `<nil>` for null
//! (Vault source, `command/format.go`).

use serde_json::{Map, Value, json};

use crate::api::Answer;
use crate::units::duration;

/// Lays out rows in columns, each as wide as its widest cell, four spaces apart. The last column is not
/// padded. Empty cells read `n/a`.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    // Only in the last column may a text have lines of its own.
    let lines = |cell: &String, index: usize| if index + 1 < count { cell.replace('\n', "\\n") } else { cell.clone() };
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().enumerate().map(|(index, cell)| lines(cell, index)).collect()).collect();
    let shown = |cell: &String| if cell.is_empty() { "n/a".to_owned() } else { cell.clone() };
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| shown(cell).chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        for (index, cell) in row.iter().enumerate() {
            let cell = shown(cell);
            text.push_str(&cell);
            if index + 1 < row.len() {
                let padding = widths[index].saturating_sub(cell.chars().count()) + 4;
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        text.push('\n');
    }
    text
}

/// Rows under headings, with dashes as long as each heading.
pub(crate) fn headed(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut all = vec![
        headings.iter().map(|heading| (*heading).to_owned()).collect(),
        headings.iter().map(|heading| "-".repeat(heading.len())).collect(),
    ];
    all.extend(rows);
    columns(&all)
}

/// A table of keys and values.
pub(crate) fn pairs(rows: Vec<(String, String)>) -> String {
    headed(&["Key", "Value"], rows.into_iter().map(|(key, value)| vec![key, value]).collect())
}

/// An answer as a table: lease, then token, then data sorted by key.
pub(crate) fn answer(answer: &Answer) -> String {
    let mut rows = Vec::new();
    let mut row = |key: &str, value: String| rows.push((key.to_owned(), value));
    if !answer.lease_id.is_empty() {
        row("lease_id", answer.lease_id.clone());
        row("lease_duration", duration::shown(answer.lease_duration));
        row("lease_renewable", answer.renewable.to_string());
    } else if answer.lease_duration > 0 {
        // KV version 1 suggests with it how often to ask again; there is no lease.
        row("refresh_interval", duration::shown(answer.lease_duration));
    }
    if let Some(auth) = &answer.auth {
        rows.extend(auth_rows(auth));
    }
    if let Some(info) = &answer.wrap_info {
        rows.extend(wrap_rows(info));
    }
    if let Some(data) = &answer.data {
        rows.extend(data_rows(data));
    }
    pairs(rows)
}

/// Data as rows, sorted by key, durations made readable.
pub(crate) fn data_rows(data: &Map<String, Value>) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = data
        .iter()
        .map(|(key, value)| {
            let value = match value.as_i64() {
                Some(seconds) if is_duration(key) => duration::shown(seconds),
                _ => plain(value),
            };
            (key.clone(), value)
        })
        .collect();
    rows.sort();
    rows
}

fn auth_rows(auth: &Map<String, Value>) -> Vec<(String, String)> {
    let field = |key: &str| auth.get(key).map(plain).unwrap_or_default();
    let list = |key: &str| quoted(auth.get(key).unwrap_or(&Value::Null));
    let duration = match auth.get("lease_duration").and_then(Value::as_i64).unwrap_or_default() {
        0 => "∞".to_owned(),
        seconds => duration::shown(seconds),
    };
    let mut rows = vec![
        ("token".to_owned(), field("client_token")),
        ("token_accessor".to_owned(), field("accessor")),
        ("token_duration".to_owned(), duration),
        ("token_renewable".to_owned(), field("renewable")),
        ("token_policies".to_owned(), list("token_policies")),
        ("identity_policies".to_owned(), list("identity_policies")),
        ("policies".to_owned(), list("policies")),
    ];
    if let Some(Value::Object(metadata)) = auth.get("metadata") {
        let mut metadata: Vec<_> =
            metadata.iter().map(|(key, value)| (format!("token_meta_{key}"), plain(value))).collect();
        metadata.sort();
        rows.extend(metadata);
    }
    rows
}

/// What is told of an answer that lies wrapped, by the names that its fields have in the table.
const WRAPPED: [(&str, &str); 6] = [
    ("wrapping_token", "token"),
    ("wrapping_accessor", "accessor"),
    ("wrapping_token_ttl", "ttl"),
    ("wrapping_token_creation_time", "creation_time"),
    ("wrapping_token_creation_path", "creation_path"),
    ("wrapped_accessor", "wrapped_accessor"),
];

/// Rows whose keys end in a colon, as those of Vault do here and nowhere else.
fn wrap_rows(info: &Map<String, Value>) -> Vec<(String, String)> {
    let row = |(name, key): (&str, &str)| {
        let value = info.get(key).filter(|value| value.as_str() != Some(""))?;
        let shown = match (key, value.as_i64()) {
            ("ttl", Some(seconds)) => duration::shown(seconds),
            _ => plain(value),
        };
        Some((format!("{name}:"), shown))
    };
    WRAPPED.into_iter().filter_map(row).collect()
}

/// One field of an answer, by the name it has in the table. `None` when absent or null.
pub(crate) fn field(answer: &Answer, name: &str) -> Option<Value> {
    let auth = |key: &str| answer.auth.as_ref().and_then(|auth| auth.get(key)).cloned();
    let found = match name {
        "lease_id" if !answer.lease_id.is_empty() => Some(json!(answer.lease_id)),
        "lease_duration" if !answer.lease_id.is_empty() => Some(json!(answer.lease_duration)),
        "lease_renewable" if !answer.lease_id.is_empty() => Some(json!(answer.renewable)),
        "refresh_interval" if answer.lease_id.is_empty() && answer.lease_duration > 0 => {
            Some(json!(answer.lease_duration))
        }
        _ if answer.wrap_info.is_some() => {
            let key = WRAPPED.iter().find(|(known, _)| *known == name).map(|(_, key)| *key);
            key.and_then(|key| answer.wrap_info.as_ref()?.get(key)).cloned()
        }
        "token" => auth("client_token"),
        "token_accessor" => auth("accessor"),
        "token_duration" => auth("lease_duration"),
        "token_renewable" => auth("renewable"),
        "token_policies" | "identity_policies" | "policies" => auth(name),
        _ => None,
    };
    let found = found.or_else(|| answer.data.as_ref().and_then(|data| data.get(name)).cloned());
    found.filter(|value| !value.is_null())
}

/// An answer as Vault's command line prints it in JSON and YAML. Keys without content that Vault leaves
/// out are left out.
pub(crate) fn envelope(answer: &Answer) -> Value {
    let warnings = match answer.warnings.is_empty() {
        true => Value::Null,
        false => json!(answer.warnings),
    };
    let mut envelope = json!({
        "request_id": answer.request_id,
        "lease_id": answer.lease_id,
        "lease_duration": answer.lease_duration,
        "renewable": answer.renewable,
        "data": answer.data,
        "warnings": warnings,
    });
    for (key, part) in [("auth", &answer.auth), ("wrap_info", &answer.wrap_info)] {
        if let (Some(part), Some(map)) = (part, envelope.as_object_mut()) {
            map.insert(key.to_owned(), Value::Object(part.clone()));
        }
    }
    envelope
}

/// A value as Go's `%v` prints it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect();
            entries.sort();
            format!("map[{}]", entries.join(" "))
        }
    }
}

/// A list of texts as Go's `%q` prints it.
fn quoted(value: &Value) -> String {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    format!("[{}]", items.iter().map(Value::to_string).collect::<Vec<_>>().join(" "))
}

fn is_duration(key: &str) -> bool {
    matches!(key, "period" | "ttl" | "duration" | "lease_max" | "ttl_max")
        || ["_period", "_ttl", "_duration"].iter().any(|ending| key.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{columns, envelope, field, headed, plain};
    use crate::api::Answer;

    fn answered(body: Value) -> Answer {
        let map = |key: &str| body.get(key).and_then(Value::as_object).cloned();
        Answer {
            request_id: "r".to_owned(),
            lease_id: body["lease_id"].as_str().unwrap_or_default().to_owned(),
            lease_duration: body["lease_duration"].as_i64().unwrap_or_default(),
            renewable: true,
            data: map("data"),
            auth: map("auth"),
            wrap_info: map("wrap_info"),
            warnings: Vec::new(),
            status: 200,
            body,
        }
    }

    #[test]
    fn columns_stand_four_spaces_apart_and_the_last_is_not_padded() {
        let rows = [vec!["a".to_owned(), "bb".to_owned()], vec!["ccc".to_owned(), String::new()]];
        assert_eq!(columns(&rows), "a      bb\nccc    n/a\n");
        assert_eq!(headed(&["Keys"], vec![vec!["ü".to_owned()]]), "Keys\n----\nü\n");
    }

    #[test]
    fn a_credential_reads_as_vaults_users_know_it() {
        let answer = answered(json!({
            "lease_id": "aws/creds/my-role/5vQTjW7M0bYk3dJ9hEoL2sRn", "lease_duration": 2_764_800,
            "data": {"secret_key": "abc", "access_key": "AKIAEXAMPLEEXAMPLE00", "security_token": null},
        }));
        let expected = "\
Key                Value
---                -----
lease_id           aws/creds/my-role/5vQTjW7M0bYk3dJ9hEoL2sRn
lease_duration     768h
lease_renewable    true
access_key         AKIAEXAMPLEEXAMPLE00
secret_key         abc
security_token     <nil>
";
        assert_eq!(super::answer(&answer), expected);
    }

    #[test]
    fn a_role_shows_durations_empty_text_and_nulls() {
        let answer = answered(json!({"data": {
            "credential_type": "iam_user", "default_sts_ttl": 0, "max_sts_ttl": 5400, "iam_groups": null,
            "user_path": "", "policy_arns": ["a", "b"], "iam_tags": {"b": "2", "a": "1"}, "count": 3600,
        }}));
        let expected = "\
Key                Value
---                -----
count              3600
credential_type    iam_user
default_sts_ttl    0s
iam_groups         <nil>
iam_tags           map[a:1 b:2]
max_sts_ttl        1h30m
policy_arns        [a b]
user_path          n/a
";
        assert_eq!(super::answer(&answer), expected);
    }

    #[test]
    fn a_token_without_end_lasts_for_ever() {
        let answer = answered(json!({"auth": {
            "client_token": "hvs.x", "accessor": "acc", "lease_duration": 0, "renewable": false,
            "token_policies": ["root"], "policies": ["root"], "metadata": {"role_name": "app-webapp"},
        }}));
        let expected = "\
Key                     Value
---                     -----
token                   hvs.x
token_accessor          acc
token_duration          ∞
token_renewable         false
token_policies          [\"root\"]
identity_policies       []
policies                [\"root\"]
token_meta_role_name    app-webapp
";
        assert_eq!(super::answer(&answer), expected);
    }

    #[test]
    fn fields_have_the_names_of_the_table() {
        let answer = answered(json!({
            "lease_id": "l", "lease_duration": 60,
            "data": {"access_key": "AKIA", "security_token": null}, "auth": {"client_token": "t"},
        }));
        for (name, expected) in [
            ("lease_id", Some(json!("l"))),
            ("lease_duration", Some(json!(60))),
            ("access_key", Some(json!("AKIA"))),
            ("token", Some(json!("t"))),
            ("security_token", None),
            ("refresh_interval", None),
            ("nope", None),
        ] {
            assert_eq!(field(&answer, name), expected, "{name}");
        }
    }

    #[test]
    fn values_read_as_go_prints_them() {
        assert_eq!(plain(&json!({"a": [1, "x", null], "b": {}})), "map[a:[1 x <nil>] b:map[]]");
        assert_eq!(plain(&json!(true)), "true");
    }

    #[test]
    fn the_envelope_keeps_vaults_keys_in_vaults_order() {
        let text = serde_json::to_string(&envelope(&answered(json!({"data": {"a": 1}})))).unwrap();
        assert_eq!(
            text,
            r#"{"request_id":"r","lease_id":"","lease_duration":0,"renewable":true,"data":{"a":1},"warnings":null}"#
        );
    }
}
