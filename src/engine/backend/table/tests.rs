use std::path::Path;

use serde_json::{Map, Value, json};

use super::all;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::engine::backend::Class;
use crate::engine::backend::tests::send;
use crate::engine::pipeline::Delivery;
use crate::engine::setup::{Config, Storage};
use crate::engine::wire::error::Error;
use crate::engine::wire::path::{Row, Shape};
use crate::engine::wire::presented::Presented;
use crate::engine::wire::request::{Operation, Request};
use crate::engine::wire::response::Response;

const OPERATIONS: [Operation; 5] =
    [Operation::Read, Operation::Write, Operation::Patch, Operation::Delete, Operation::List];

fn config() -> Config {
    Config::new(Storage::Memory, Clock::system())
}

async fn ask(engine: &Engine, operation: Operation, path: &str, data: Value) -> Result<Response, Error> {
    let request = Request {
        help: false,
        id: String::new(),
        operation,
        path: path.to_owned(),
        folded: false,
        data: data.as_object().cloned().unwrap_or_else(Map::new),
        bulk: None,
        token: engine.root_token(),
        remote: None,
        presented: Presented::Plain,
        wrap_ttl: None,
        origin: None,
        guardrails: None,
    };
    let opening = &engine.shared.opening;
    let answer = opening.handle(opening.enter(), &request, &Delivery::new(|| ())).await;
    answer.map(|answer| answer.response)
}

/// A path that a pattern matches, for an operation; none where it has none.
fn example(row: &Row, operation: Operation) -> Option<String> {
    let is_list = operation == Operation::List;
    let (pattern, slash) = match (row.pattern.strip_suffix("/?"), row.pattern.strip_suffix('/')) {
        (Some(pattern), _) => (pattern, is_list),
        (None, Some(pattern)) if is_list => (pattern, true),
        (None, Some(_)) => return None,
        (None, None) if is_list && !row.pattern.contains('*') && !row.pattern.is_empty() => return None,
        (None, None) => (row.pattern, is_list && !row.pattern.is_empty()),
    };
    let part = |part: &str| if part.starts_with([':', '*']) { "x1".to_owned() } else { part.to_owned() };
    let path: Vec<String> = pattern.split('/').map(part).collect();
    Some(format!("{}{}", path.join("/"), if slash { "/" } else { "" }))
}

/// Mounts of a backend, each with the table that it has; what is not built in is mounted.
async fn mounted(engine: &Engine, kind: &str, class: Class) -> Vec<(String, usize)> {
    let mounts = match (class, kind) {
        (Class::BuiltIn { path, .. }, _) => return vec![(path.to_owned(), 0)],
        (_, "kv") => vec![("versioned", "2", 0), ("plain", "1", 1)],
        _ => vec![("one", "", 0)],
    };
    let mut found = Vec::new();
    for (name, version, table) in mounts {
        let section = if class == Class::Auth { "auth" } else { "mounts" };
        let options = if version.is_empty() { json!({}) } else { json!({ "version": version }) };
        let body = json!({ "type": kind, "options": options });
        ask(engine, Operation::Write, &format!("sys/{section}/{name}"), body).await.unwrap();
        let prefix = if class == Class::Auth { "auth/" } else { "" };
        found.push((format!("{prefix}{name}/"), table));
    }
    found
}

#[tokio::test]
async fn every_path_is_served_as_its_table_says() {
    let mut asked = 0;
    let home = tempfile::tempdir().unwrap();
    for backend in all(&config()).iter() {
        for (table, rows) in backend.tables().iter().enumerate() {
            for row in *rows {
                // A new engine for each: one of the paths seals it.
                let trail = Some(home.path().join(format!("{asked}.log")));
                let engine = Engine::open(Config { trail, ..config() }).await.unwrap();
                let mounts = mounted(&engine, backend.kind(), backend.class()).await;
                let (mount, _) = mounts.iter().find(|(_, of)| *of == table).expect("a mount with that table");
                let ordered = OPERATIONS.iter().filter(|operation| !row.operations.contains(operation));
                for operation in ordered.chain(row.operations) {
                    let Some(path) = example(row, *operation) else { continue };
                    asked += 1;
                    let answer = ask(&engine, *operation, &format!("{mount}{path}"), json!({})).await;
                    let what = format!("{operation:?} {mount}{path}: {answer:?}");
                    let is_path = matches!(answer, Err(Error::UnsupportedPath | Error::Missing(_)));
                    let is_operation = matches!(answer, Err(Error::UnsupportedOperation));
                    if row.operations.contains(operation) {
                        let forgotten = "nothing serves";
                        assert!(!is_operation && !matches!(answer, Err(Error::UnsupportedPath)), "{what}");
                        assert!(
                            !matches!(&answer, Err(Error::Internal(text)) if text.starts_with(forgotten)),
                            "{what}"
                        );
                    } else {
                        assert!(is_operation || is_path, "{what}");
                    }
                }
                engine.close().await;
            }
        }
    }
    assert!(asked > 400, "{asked}");
}

#[test]
fn tables_are_whole() {
    for backend in all(&config()).iter() {
        for row in backend.tables().iter().flat_map(|table| table.iter()) {
            let what = format!("{} {}", backend.kind(), row.pattern);
            assert!(!row.about.is_empty() && !row.about.contains('\n'), "{what}: no help");
            for name in row.pattern.split('/').filter_map(|segment| segment.strip_prefix([':', '*'])) {
                assert!(row.parameters.iter().any(|parameter| parameter.name == name), "{what}: {name} has no shape");
            }
            for (index, parameter) in row.parameters.iter().enumerate() {
                assert!(!parameter.about.is_empty(), "{what}: {} has no help", parameter.name);
                let again = row.parameters[..index].iter().any(|other| other.name == parameter.name);
                assert!(!again, "{what}: {} twice", parameter.name);
                let default = parameter.default;
                let fits = match parameter.shape {
                    Shape::Bool => matches!(default, "" | "true" | "false"),
                    Shape::Int => default.is_empty() || default.parse::<i64>().is_ok(),
                    _ => true,
                };
                assert!(fits, "{what}: {} can't be {default:?}", parameter.name);
            }
            assert!(!row.issues || backend.maker().is_some(), "{what}: nothing ends its leases");
        }
    }
}

fn read(path: &Path, into: &mut String) {
    if path.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries.iter().filter(|path| !path.ends_with("paths.rs")).for_each(|path| read(path, into));
    } else {
        let text = std::fs::read_to_string(path).unwrap();
        into.push_str(text.split("\n#[cfg(test)]").next().unwrap());
    }
}

/// The parameters of the tables are those that the handlers read, as what the tables say that they are.
#[test]
fn tables_name_what_the_handlers_read() {
    // Within an object: `options` of a secret's write and of an audit device, `user_lockout_config` of a mount, an item of a
    // batch.
    const NESTED: [&str; 19] = [
        "reference",
        "cas",
        "file_path",
        "path",
        "format",
        "hmac_accessor",
        "log_raw",
        "elide_list_responses",
        "prefix",
        "skip_test",
        "mode",
        "rotate_duration",
        "address",
        "socket_type",
        "write_timeout",
        "facility",
        "tag",
        "lockout_threshold",
        "lockout_disable",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/backend");
    for backend in all(&config()).iter() {
        // A backend is a file or folder of its name, but for the one that Vault abbreviates in paths, for the auth
        // method that is called as a secrets engine is, and for the other name of one.
        let name = match (backend.kind(), backend.class()) {
            ("system", _) => "sys".to_owned(),
            ("aws", Class::Auth) => "aws_login".to_owned(),
            ("oidc", _) => "jwt".to_owned(),
            (name, _) => name.replace('-', "_"),
        };
        let places = ["", "table/"].map(|folder| [format!("{folder}{name}"), format!("{folder}{name}.rs")]);
        let places: Vec<_> = places.iter().flatten().map(|place| root.join(place)).filter(|it| it.exists()).collect();
        assert!(!places.is_empty(), "no handlers of {name}");
        let mut text = String::new();
        places.iter().for_each(|place| read(place, &mut text));
        // What logins have in common is read in one place, and so is what lists have, those of logins too.
        for (shared, named) in [("login", "backend::login"), ("listing", "listing::")] {
            if text.contains(named) {
                let places = [root.join(shared).with_extension("rs"), root.join(shared)];
                places.iter().filter(|place| place.exists()).for_each(|place| read(place, &mut text));
            }
        }
        let rows = || backend.tables().iter().flat_map(|table| table.iter());
        for (reader, shape) in [
            (".string(\"", Shape::Text),
            (".int(\"", Shape::Int),
            (".bool(\"", Shape::Bool),
            (".seconds(\"", Shape::Seconds),
            (".list(\"", Shape::List),
            (".pairs(\"", Shape::Pairs),
        ] {
            for (at, _) in text.match_indices(reader) {
                let name = text[at + reader.len()..].split('"').next().unwrap();
                // What AWS is asked to list is a step in words.
                if name.contains(' ') {
                    continue;
                }
                let told = rows().any(|row| row.parameters.iter().any(|it| it.name == name && it.shape == shape));
                assert!(told || NESTED.contains(&name), "{}: {name} is read as {shape:?}", backend.kind());
            }
        }
        for row in rows() {
            for parameter in row.parameters {
                let in_path = row.pattern.split('/').any(|part| part.strip_prefix([':', '*']) == Some(parameter.name));
                let is_read = text.contains(&format!("\"{}\"", parameter.name));
                let what = format!("{} {}: {}", backend.kind(), row.pattern, parameter.name);
                assert!(in_path || is_read || parameter.about.starts_with("No effect"), "{what} is read by nobody");
            }
        }
    }
}

#[tokio::test]
async fn a_backend_of_one_file_and_one_line_has_routes_acl_audit_and_leases() {
    let home = tempfile::tempdir().unwrap();
    let trail = home.path().join("trail.log");
    let engine = Engine::open(Config { trail: Some(trail.clone()), ..config() }).await.unwrap();
    let root = engine.root_token().unwrap();
    let root = root.expose();
    assert_eq!(send(&engine, "POST", "sys/mounts/words", root, r#"{"type": "trial"}"#).await.0, 204);
    let (status, answer) = send(&engine, "POST", "words/config", root, r#"{"beginning": "w-", "extra": 1}"#).await;
    assert_eq!(
        (status, &answer["warnings"][0]),
        (200, &json!("Endpoint ignored these unrecognized parameters: [extra]"))
    );
    assert_eq!(send(&engine, "GET", "words/config", root, "").await.1["data"], json!({ "beginning": "w-" }));
    assert_eq!(send(&engine, "DELETE", "words/config", root, "").await.0, 405);
    assert_eq!(send(&engine, "GET", "words/nothing", root, "").await.0, 404);

    let policy = json!({ "policy": r#"path "words/creds/app" { capabilities = ["read"] }"# }).to_string();
    assert_eq!(send(&engine, "POST", "sys/policy/app", root, &policy).await.0, 204);
    let (_, made) = send(&engine, "POST", "auth/token/create", root, r#"{"policies": ["app"]}"#).await;
    let app = made["auth"]["client_token"].as_str().unwrap();
    assert_eq!(send(&engine, "GET", "words/creds/other", app, "").await.0, 403);
    let (status, lent) = send(&engine, "GET", "words/creds/app", app, "").await;
    assert_eq!(status, 200, "{lent}");
    let (word, lease) = (lent["data"]["word"].as_str().unwrap(), lent["lease_id"].as_str().unwrap());
    assert!(word.starts_with("w-") && lease.starts_with("words/creds/app/"), "{lent}");
    let words = async || send(&engine, "GET", "words/lent", root, "").await.1["data"]["words"].clone();
    assert_eq!(words().await, json!([word]));

    let body = json!({ "lease_id": lease }).to_string();
    assert_eq!(send(&engine, "POST", "sys/leases/renew", app, &body).await.1["lease_id"], *lease);
    assert_eq!(send(&engine, "POST", "sys/leases/lookup", root, &body).await.1["data"]["state"], "active");
    assert_eq!(send(&engine, "POST", "sys/leases/revoke", root, &body).await.0, 204);
    assert_eq!(words().await, json!([]));
    let (_, lent) = send(&engine, "GET", "words/creds/app", app, "").await;
    assert_eq!(words().await, json!([lent["data"]["word"]]));
    assert_eq!(send(&engine, "DELETE", "sys/mounts/words", root, "").await.0, 204, "its leases end with it");
    engine.close().await;

    let lines = std::fs::read_to_string(&trail).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |path: &str, kind: &str| {
        lines.iter().filter(|line| line["request"]["path"] == path && line["type"] == kind).count()
    };
    assert_eq!((of("words/creds/app", "request"), of("words/creds/app", "response")), (2, 2));
    let issued = lines.iter().find(|line| line["credential"]["lease_id"] == lease).expect("its line");
    assert_eq!((&issued["credential"]["iam_user"], &issued["credential"]["role"]), (&json!(word), &json!("app")));
    let events = |name: &str| lines.iter().filter(|line| line["event"]["name"] == name).count();
    assert_eq!((events("lease-renewed"), events("lease-revoked")), (1, 2));
}
