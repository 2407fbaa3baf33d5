//! Which files an audit device may write: new ones and trails, and none of the engine's own, by whatever name. What is
//! refused stays as it is.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use leasehold::clock::Clock;
use leasehold::engine::{Config, Storage};
use serde_json::json;
use time::OffsetDateTime;

use crate::env::InTestEngine;
use crate::http::Http;
use crate::wire_aws::START;

/// Every file below a directory: its mode, and its bytes but for those that the engine writes meanwhile.
fn files(directory: &Path, into: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let found = std::fs::symlink_metadata(&path).unwrap();
        let written = ["engine.db", "engine.db-wal", "engine.db-shm", "trail.log"];
        let is_written = written.iter().any(|name| path.ends_with(name));
        if found.is_dir() {
            files(&path, into);
        } else if found.is_file() {
            let bytes = if is_written { Vec::new() } else { std::fs::read(&path).unwrap() };
            into.insert(path, (found.permissions().mode(), bytes));
        } else {
            into.insert(path, (found.permissions().mode(), Vec::new()));
        }
    }
}

#[test]
fn an_audit_device_spoils_no_file() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let data = at("data");
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
    let config =
        Config { trail: Some(data.join("trail.log")), ..Config::new(Storage::Disk { directory: data.clone() }, clock) };
    let engine = InTestEngine::start_with(config);
    let http =
        Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
    let enable = |name: &str, path: &Path, options: &[(&str, &str)]| {
        let mut all = serde_json::Map::new();
        all.insert("file_path".to_owned(), path.display().to_string().into());
        all.extend(options.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())));
        http.send("PUT", &format!("sys/audit/{name}"), Some(&json!({ "type": "file", "options": all })))
    };

    std::fs::create_dir(at("other")).unwrap();
    for (name, text) in [
        ("other/authorized_keys", "ssh-ed25519 AAAA\n"),
        ("other/no-line-end", "secret"),
        ("other/binary", "\0\0\x01\0"),
        ("other/vault.log", "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"request\"}\n"),
    ] {
        std::fs::write(at(name), text).unwrap();
        std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o640)).unwrap();
    }
    symlink(&data, at("link-to-data")).unwrap();
    symlink(at("other/no-line-end"), at("link-to-file")).unwrap();
    std::fs::hard_link(data.join("unseal.key"), at("hard-key")).unwrap();
    std::fs::hard_link(data.join("engine.lock"), at("hard-lock")).unwrap();
    std::fs::hard_link(data.join("trail.log"), at("hard-trail")).unwrap();
    std::fs::write(data.join("empty"), "").unwrap();
    std::fs::hard_link(data.join("empty"), at("hard-empty")).unwrap();
    assert_eq!(enable("taken", &at("taken.log"), &[]).status, 204);
    std::fs::hard_link(at("taken.log"), at("hard-taken")).unwrap();

    let mut before = BTreeMap::new();
    files(home.path(), &mut before);
    let refused = [
        data.join("unseal.key"),
        data.join("root-token"),
        data.join("engine.db"),
        data.join("engine.db-wal"),
        data.join("engine.db-journal"),
        data.join("engine.lock"),
        data.join("trail.log"),
        data.join("new.log"),
        data.join("new/new.log"),
        at("link-to-data/new.log"),
        at("other/../data/new.log"),
        at("no-such/../data/new.log"),
        at("link-to-file"),
        at("hard-key"),
        at("hard-lock"),
        at("hard-trail"),
        at("hard-empty"),
        at("taken.log"),
        at("hard-taken"),
        at("other/authorized_keys"),
        at("other/no-line-end"),
        at("other/binary"),
        at("other/vault.log"),
        at("other"),
        PathBuf::from("/dev/zero"),
        PathBuf::from("/dev/tty"),
        PathBuf::from("/dev/urandom"),
        PathBuf::from("/proc/self/mem"),
    ];
    let mut taken = Vec::new();
    for path in &refused {
        for options in [&[][..], &[("skip_test", "true"), ("mode", "0644")], &[("prefix", "ssh-")]] {
            let answer = enable("file", path, options);
            if answer.status != 400 {
                taken.push(format!("{} {options:?}: {}", path.display(), answer.status));
                http.send("DELETE", "sys/audit/file", None);
            }
        }
    }
    let mut after = BTreeMap::new();
    files(home.path(), &mut after);
    // The engine writes them meanwhile.
    for path in ["taken.log", "hard-taken", "hard-trail"] {
        before.remove(&at(path));
        after.remove(&at(path));
    }
    let mut changed: Vec<_> = before.iter().filter(|(path, what)| after.get(*path) != Some(what)).collect();
    changed.extend(after.iter().filter(|(path, _)| !before.contains_key(*path)));
    let changed: Vec<_> = changed.into_iter().map(|(path, _)| path).collect();
    assert!(taken.is_empty() && changed.is_empty(), "taken: {taken:#?}\nchanged or made: {changed:#?}");

    // What is a trail, or new, is taken: also after a rotation, with the device's own file beside it.
    assert_eq!(http.send("DELETE", "sys/audit/taken", None).status, 204);
    assert_eq!(enable("again", &at("taken.log"), &[]).status, 204);
    assert_eq!(enable("new", &at("new/folder/new.log"), &[]).status, 204);
    assert_eq!(enable("null", Path::new("/dev/null"), &[]).status, 204);
}
