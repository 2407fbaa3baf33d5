//! A quota of requests: `sys/quotas/rate-limit/<name>`. A write that leaves something out takes it back. Our own engine
//! has none of one role.
//!
//! Source: OpenBao API, "/sys/quotas/rate-limit"; what a server of 2.6 answers: the path of a mount gets a slash at its
//! end, and a quota counts below its path too (`inheritable`) where it is of all paths and nobody says otherwise.

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape};
use super::home::Home;
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{Remarks, Reviewed, Said, Values};
use super::token_fields::field;
use super::wire::{post, seconds_text, with_others};
use crate::units;

static FIELDS: [Field; 6] = [
    field("rate", Shape::Any, "null", "How many requests a client may make in each interval; parts count too."),
    field("interval", Shape::Seconds, "1", "How long an interval is."),
    field("block_interval", Shape::Seconds, "0", "How long a client that made more has to wait; 0 is until the next."),
    field("path", Shape::Text, "\"\"", "The mount, or a path below it, that it counts for; empty is everything."),
    // A server of OpenBao answers a change of it with success and keeps the old one: `vault/logical_system_quotas.go`.
    Field {
        immutable: true,
        ..field("role", Shape::Text, "\"\"", "The role of a mount with logins that it counts for; not changed later.")
    },
    field("inheritable", Shape::Bool, "false", "Whether what is below a namespace's path counts as well."),
];

/// `quota "name" { ... }`.
pub static QUOTA: Block = Block {
    word: "quota",
    label: Some("The quota's name."),
    doc: "How many requests a client may make.",
    keys: &[
        Key::field(&KIND, "rate"),
        Key::field(&KIND, "interval"),
        Key::field(&KIND, "block_interval"),
        Key::field(&KIND, "path"),
        Key::field(&KIND, "role"),
        Key::field(&KIND, "inheritable"),
        Key::life(),
    ],
    check,
};

/// Quotas of requests.
pub static KIND: Kind = Kind {
    name: "rate limit",
    class: Class::Other,
    home: Home::Named { path: "sys/quotas/rate-limit" },
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks { guards, ..Remarks::NONE }),
    words: &QUOTA,
    fields: &FIELDS,
    update: Update::Replace,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { effect, ..Special::NONE },
};

/// What our own engine does not have.
pub(super) const NOT_OURS: [&str; 2] = ["role", "inheritable"];

/// What is told of a quota and not written.
const TOLD_ONLY: [&str; 2] = ["name", "type"];

fn check(quota: &Declared<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    if !quota.value("rate").as_f64().is_some_and(|rate| rate > 0.0) {
        let hint = "rate = 100, or 0.5";
        objections.push(Objection { key: "rate", what: "a quota needs a `rate` above 0".to_owned(), hint });
    }
    if quota.number("interval") < 1 {
        let what = "an interval is a second at least".to_owned();
        objections.push(Objection { key: "interval", what, hint: "interval = \"1s\" is what it is when left out" });
    }
    let is_everywhere = quota.text("path").is_empty();
    if is_everywhere && !quota.text("role").is_empty() {
        let what = "a `role` is one of a mount".to_owned();
        objections.push(Objection { key: "role", what, hint: "add path = \"auth/approle\"" });
    }
    if is_everywhere && quota.written.contains(&"inheritable") {
        let what = "a quota of all paths counts for what is below them".to_owned();
        objections.push(Objection { key: "inheritable", what, hint: "leave it out, or name a `path`" });
    }
    objections
}

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    data.get("rate").ok_or(Lacks { what: "rate limit", part: "rate" })?;
    let mut fields = data.clone();
    fields.retain(|name, _| !TOLD_ONLY.contains(&name.as_str()));
    let path = data.get("path").and_then(Value::as_str).unwrap_or_default();
    if path.is_empty() {
        // Follows from it.
        fields.insert("inheritable".to_owned(), Value::from(false));
    }
    fields.insert("path".to_owned(), Value::from(path.trim_end_matches('/')));
    Ok(fields)
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let is_everywhere = object.value("path") == "";
    let fields = FIELDS.iter().filter(|field| field.name != "inheritable" || !is_everywhere);
    let fields = fields.map(|field| match field.shape {
        Shape::Seconds => (field.name, seconds_text(&object.value(field.name))),
        _ => (field.name, object.value(field.name)),
    });
    vec![with_others(post(object.path.clone(), fields), live)]
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) | Changed::Updated(..) => {
            Some("clients that make more requests are refused (429) from now on".to_owned())
        }
        Changed::Deleted(_) => None,
    }
}

/// Whom it slows down less, or not any more.
fn guards(old: Option<&dyn Values>, new: Option<&dyn Values>) -> Vec<Said> {
    let Some(old) = old else {
        // The most specific limit alone counts: below another one this may let more through.
        let path = new.map_or_else(String::new, |new| new.text("path"));
        let now = format!("what limited {path} before limits it no more: the most specific limit alone counts");
        return (!path.is_empty())
            .then(|| Said { now, was: String::new(), gains: true, field: "path" })
            .into_iter()
            .collect();
    };
    let limit = |quota: &dyn Values| {
        let rate = quota.value("rate");
        format!(
            "{} requests in {}",
            rate.as_str().map_or_else(|| rate.to_string(), str::to_owned),
            length(quota, "interval")
        )
    };
    let Some(new) = new else {
        let now = "nobody has to wait by it any more".to_owned();
        return vec![Said { now, was: limit(old), gains: true, field: "rate" }];
    };
    let mut all = Vec::new();
    let rate = |quota: &dyn Values| quota.value("rate").as_f64();
    if rate(old) != rate(new) {
        let (now, was) = (format!("a client may make {}", limit(new)), limit(old));
        all.push(Said { now, was, gains: rate(new) > rate(old), field: "rate" });
    }
    let [was, is] = [old.number("interval"), new.number("interval")];
    if was != is {
        let (now, was_long) = (format!("an interval is {}", length(new, "interval")), length(old, "interval"));
        all.push(Said { now, was: was_long, gains: is < was, field: "interval" });
    }
    let [was, is] = [old.number("block_interval"), new.number("block_interval")];
    if was != is {
        let wait = |quota: &dyn Values| match quota.number("block_interval") {
            0 => "until the next interval".to_owned(),
            _ => length(quota, "block_interval"),
        };
        let now = format!("whoever makes more has to wait {}", wait(new));
        all.push(Said { now, was: wait(old), gains: is < was, field: "block_interval" });
    }
    let [was, is] = [old.text("path"), new.text("path")];
    if was != is {
        let all_paths = |path: &str| if path.is_empty() { "every path".to_owned() } else { path.to_owned() };
        // What is below the old one is still slowed down where the new one is above it, and inherited.
        all.push(Said {
            now: format!("it counts for {}", all_paths(&is)),
            was: all_paths(&was),
            gains: !is.is_empty(),
            field: "path",
        });
    }
    let below = ["what is below a namespace's path does not count", "what is below a namespace's path counts as well"];
    all.extend(Said::switch("inheritable", (old, new), below, false));
    all
}

fn length(quota: &dyn Values, field: &str) -> String {
    units::duration::shown(quota.number(field))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    #[test]
    fn all_of_a_quota_is_written_and_read_as_it_was() {
        let path = "sys/quotas/rate-limit/logins";
        let desired = object(&KIND, path, &[("rate", json!(5.5)), ("path", json!("auth/approle"))]);
        let expected = json!([[path, {"rate": 5.5, "interval": "1s", "block_interval": "0s", "path": "auth/approle",
            "role": "", "inheritable": false}]]);
        assert_eq!(calls(&desired, None), expected);
        let answer = json!({"block_interval": 0, "inheritable": false, "interval": 1, "name": "logins",
            "path": "auth/approle/", "rate": 5.5, "role": "", "type": "rate-limit"});
        let live = KIND.live(path, answer.as_object().expect("a map")).expect("parses");
        for (name, value) in &live.fields {
            assert_eq!(*value, desired.value(name), "{name}");
        }
        assert!(live.others.is_empty(), "{:?}", live.others);
        let everywhere = json!({"rate": 9, "path": "", "inheritable": true, "interval": 1});
        let live = KIND.live(path, everywhere.as_object().expect("a map")).expect("parses");
        assert_eq!(live.fields["inheritable"], false);
    }
}
