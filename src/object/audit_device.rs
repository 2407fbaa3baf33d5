//! An audit device: `sys/audit/<name>`. There is no update: a change disables and enables it again.
//!
//! Options that this table lacks go with it. Source: Vault API, "/sys/audit". Options are texts on the wire.

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{DEVICES, Home};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{ANYTHING, Block, Key};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{Remarks, Reviewed, Said, Values};
use super::wire::post;

static FIELDS: &[Field] = &[
    field("type", Shape::OneOf(&["file", "socket", "syslog"]), "\"file\"", "The type of device."),
    field("description", Shape::Text, "\"\"", "What people read in the list of devices."),
    field("file_path", Shape::Text, "\"\"", "The log file, on the engine's machine."),
    field("mode", Shape::Text, "\"0600\"", "The file's permissions, in octal; 0000 leaves them alone."),
    field("hmac_accessor", Shape::Bool, "true", "Whether token accessors are hashed."),
    field("elide_list_responses", Shape::Bool, "false", "Whether lists are logged as their length only."),
    field("prefix", Shape::Text, "\"\"", "Text before each line."),
    field("local", Shape::Bool, "false", "Whether the device stays in this cluster."),
    field("rotate_bytes", Shape::Int, "0", "So long a file is rotated by the engine, one of leasehold's; 0 never."),
    field(
        "rotate_duration",
        Shape::Seconds,
        "0",
        "So old a file is rotated by the engine, one of leasehold's; 0 never.",
    ),
    field("rotate_max_files", Shape::Int, "0", "How many files that the engine rotated are kept; 0 all."),
    field("address", Shape::Text, "\"\"", "Where somebody listens: HOST:PORT, or the path of a socket."),
    field("socket_type", Shape::Text, "\"tcp\"", "The sort of socket: tcp, unix; udp, where a server has it."),
    field("write_timeout", Shape::Seconds, "2", "How long whoever listens may take nothing."),
    field("facility", Shape::Text, "\"AUTH\"", "The facility of syslog that lines are of."),
    field("tag", Shape::Text, "\"\"", "What lines in syslog are said to come from; the server's own name by default."),
];

const OPTIONS: &[&str] = &[
    "file_path",
    "mode",
    "hmac_accessor",
    "elide_list_responses",
    "prefix",
    "rotate_bytes",
    "rotate_duration",
    "rotate_max_files",
    "address",
    "socket_type",
    "write_timeout",
    "facility",
    "tag",
];

/// What ledgers of older versions don't have.
const LATER: &[&str] = &[
    "rotate_bytes",
    "rotate_duration",
    "rotate_max_files",
    "address",
    "socket_type",
    "write_timeout",
    "facility",
    "tag",
];

/// What each type says for itself: the first of it says where lines go.
pub const OF_TYPES: &[(&str, &[&str])] = &[
    ("file", &["file_path", "mode", "rotate_bytes", "rotate_duration", "rotate_max_files"]),
    ("socket", &["address", "socket_type", "write_timeout"]),
    ("syslog", &["facility", "tag"]),
];

const fn field(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Field {
    Field { name, shape, default, told: Told::Readable, immutable: false, doc }
}

/// `audit "file" { ... }`.
pub static AUDIT: Block = Block {
    word: "audit",
    label: Some("The name of the device."),
    doc: "A log of all requests and responses: a file on the engine's machine, a socket, or its syslog.",
    keys: &[
        Key::field(&KIND, "type"),
        Key::field(&KIND, "description"),
        Key::field(&KIND, "file_path"),
        Key::field(&KIND, "mode"),
        Key::field(&KIND, "hmac_accessor"),
        Key::field(&KIND, "elide_list_responses"),
        Key::field(&KIND, "prefix"),
        Key::field(&KIND, "local"),
        Key::field(&KIND, "rotate_bytes"),
        Key::field(&KIND, "rotate_duration"),
        Key::field(&KIND, "rotate_max_files"),
        Key::field(&KIND, "address"),
        Key::field(&KIND, "socket_type"),
        Key::field(&KIND, "write_timeout"),
        Key::field(&KIND, "facility"),
        Key::field(&KIND, "tag"),
        Key::life(),
    ],
    check: ANYTHING,
};

/// Audit devices.
pub static KIND: Kind = Kind {
    name: "audit device",
    class: Class::Audit,
    home: Home::Entry(&DEVICES),
    leases: Leases::None,
    reviewed: Reviewed::Fields(&Remarks { guards, ..Remarks::NONE }),
    words: &AUDIT,
    fields: FIELDS,
    update: Update::Recreate,
    delete: Delete::ByPath,
    parse,
    write,
    // The trail of the embedded engine: opened by the engine itself.
    special: Special {
        later: LATER,
        effect,
        stanza: |object, live| Some(stanza(object, live)),
        built_in: |path| path.trim_end_matches('/') == "sys/audit/trail",
        ..Special::NONE
    },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let mut fields = Map::new();
    for name in ["type", "description", "local"] {
        if let Some(value) = data.get(name) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    let options = data.get("options").and_then(Value::as_object);
    for name in OPTIONS {
        let alias = if *name == "file_path" { "path" } else { name };
        if let Some(value) = options.and_then(|options| options.get(*name).or_else(|| options.get(alias))) {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
    let others = options.into_iter().flatten();
    let others = others.filter(|(name, _)| !OPTIONS.contains(&name.as_str()) && *name != "path");
    fields.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    Ok(fields)
}

/// The options that are set, as texts, and those that this table lacks.
fn options(object: &Object, live: Option<&Live>) -> Map<String, Value> {
    let mut options: Map<String, Value> = OPTIONS
        .iter()
        .filter(|name| object.kind.field(name).is_some_and(|field| object.value(name) != field.default_value()))
        .map(|name| {
            let value = object.value(name);
            ((*name).to_owned(), Value::from(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        })
        .collect();
    // It is made anew, and keeps the options that this table lacks.
    options.extend(live.into_iter().flat_map(|live| live.others.clone()));
    options
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let options = options(object, live);
    vec![post(
        object.path.clone(),
        [
            ("type", object.value("type")),
            ("description", object.value("description")),
            ("local", object.value("local")),
            ("options", Value::Object(options)),
        ],
    )]
}

/// What stands for it in the configuration of a server. Source: OpenBao, "Declarative Audit Devices" and
/// `allow_audit_log_prefixing` of "Configuration".
fn stanza(object: &Object, live: Option<&Live>) -> String {
    // HCL's texts are JSON's.
    let quoted = |text: &str| Value::from(text).to_string();
    let options = options(object, live);
    let name = object.path.strip_prefix(DEVICES.list).unwrap_or(&object.path).trim_matches('/');
    let kind = object.value("type");
    let mut text = String::new();
    if options.contains_key("prefix") {
        text.push_str("allow_audit_log_prefixing = true\n\n");
    }
    text.push_str(&format!("audit {kind} {} {{\n", quoted(name)));
    let description = object.value("description");
    if description != "" {
        text.push_str(&format!("  description = {description}\n"));
    }
    if object.value("local") == true {
        text.push_str("  local = true\n");
    }
    text.push_str("  options {\n");
    for (name, value) in &options {
        text.push_str(&format!("    {name} = {}\n", quoted(value.as_str().unwrap_or_default())));
    }
    text.push_str("  }\n}\n");
    text
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(..) => Some("disabled and enabled again: nothing is logged here in between".to_owned()),
        Changed::Deleted(_) => Some("nothing is logged here any more".to_owned()),
    }
}

/// What is not seen any more, or by more people.
fn guards(old: Option<&dyn Values>, new: Option<&dyn Values>) -> Vec<Said> {
    let Some(old) = old else { return Vec::new() };
    let said = |field: &'static str, now: String, was: String| Said { now, was, gains: true, field };
    let (field, from) = place(old);
    let Some(new) = new else {
        return vec![said(field, "requests are not logged there any more".to_owned(), from)];
    };
    let sides = (old, new);
    let mut all = Vec::new();
    let (field, to) = place(new);
    if from != to {
        all.push(said(field, format!("requests are logged to {to}"), from));
    }
    let [was, is] = [old.text("mode"), new.text("mode")];
    if was != is {
        let now = format!("its log has the mode {is}");
        all.push(Said { now, was: was.clone(), gains: may_more(&was, &is), field: "mode" });
    }
    let accessors = ["token accessors are logged in clear", "token accessors are logged hashed"];
    all.extend(Said::switch("hmac_accessor", sides, accessors, false));
    let lists = ["lists are logged whole", "lists are logged as their length only"];
    all.extend(Said::switch("elide_list_responses", sides, lists, true));
    all
}

/// Where lines go, and the field that says it.
fn place(device: &dyn Values) -> (&'static str, String) {
    match device.text("type").as_str() {
        "socket" => ("address", device.text("address")),
        "syslog" => ("type", "syslog".to_owned()),
        _ => ("file_path", device.text("file_path")),
    }
}

/// Whether somebody may do with a file of the second mode what they may not with one of the first. 0000 leaves a file as
/// it is, so that nobody can tell.
fn may_more(was: &str, is: &str) -> bool {
    let bits = |mode: &str| u32::from_str_radix(mode.trim_start_matches("0o"), 8).ok().filter(|mode| *mode != 0);
    match (bits(was), bits(is)) {
        (Some(was), Some(is)) => is & !was != 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{KIND, stanza};
    use crate::object::testing::{calls, object};

    #[test]
    fn only_options_that_are_set_are_sent_and_all_as_texts() {
        let path = "sys/audit/file";
        let desired = object(&KIND, path, &[("file_path", json!("/var/log/a.log")), ("hmac_accessor", json!(false))]);
        assert_eq!(
            calls(&desired, None),
            json!([[path, {"type": "file", "description": "", "local": false,
                "options": {"file_path": "/var/log/a.log", "hmac_accessor": "false"}}]])
        );
    }

    #[test]
    fn a_servers_configuration_says_the_same() {
        let desired = object(
            &KIND,
            "sys/audit/siem/file",
            &[
                ("file_path", json!("/var/log/\"a\".log")),
                ("hmac_accessor", json!(false)),
                ("description", json!("Who did what")),
                ("local", json!(true)),
            ],
        );
        let expected = "\
audit \"file\" \"siem/file\" {
  description = \"Who did what\"
  local = true
  options {
    file_path = \"/var/log/\\\"a\\\".log\"
    hmac_accessor = \"false\"
  }
}
";
        assert_eq!(stanza(&desired, None), expected);
        let prefixed = object(&KIND, "sys/audit/f", &[("prefix", json!("x "))]);
        assert!(stanza(&prefixed, None).starts_with("allow_audit_log_prefixing = true\n\naudit \"file\" \"f\" {"));
    }

    #[test]
    fn a_socket_says_where_somebody_listens() {
        let (path, address) = ("sys/audit/siem", json!("siem.example:9090"));
        let fields = [("type", json!("socket")), ("address", address), ("write_timeout", json!(5))];
        let desired = object(&KIND, path, &fields);
        let options = json!({"address": "siem.example:9090", "write_timeout": "5"});
        let body = json!({"type": "socket", "description": "", "local": false, "options": options});
        assert_eq!(calls(&desired, None), json!([[path, body]]));
        let answer = json!({"type": "socket", "options": {"address": "siem.example:9090", "write_timeout": "5s"}});
        let live = KIND.live(path, answer.as_object().expect("a map")).expect("parses");
        assert_eq!((&live.fields["write_timeout"], &live.fields["socket_type"]), (&json!(5), &json!("tcp")));
    }

    #[test]
    fn options_read_back_from_text_and_from_their_alias() {
        let answer = json!({"type": "file", "options": {"path": "/a", "hmac_accessor": "false"}, "path": "file/"});
        let live = KIND.live("sys/audit/file", answer.as_object().expect("a map")).expect("parses");
        assert_eq!(live.fields["file_path"], json!("/a"));
        assert_eq!(live.fields["hmac_accessor"], json!(false));
        assert_eq!(live.fields["mode"], json!("0600"));
    }
}
