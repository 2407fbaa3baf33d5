//! The rules of the house that the compiler does not check: who may name whom, which files may touch
//! the world, how long a file may be, and that no test file is forgotten.

use std::fs;
use std::path::{Path, PathBuf};

/// For each room, the rooms it may name. A room that is not listed here may not be named at all.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("units", &[]),
    ("secret", &[]),
    ("clock", &[]),
    ("durable", &[]),
    ("iam", &["text", "units"]),
    ("acl", &["units"]),
    ("username", &[]),
    ("guardrail", &["iam", "units"]),
    ("object", &["units", "secret", "iam", "acl"]),
    ("estate", &["text", "units", "object", "secret", "iam", "acl", "guardrail", "username"]),
    ("review", &["text", "units", "estate", "object", "iam", "acl", "guardrail"]),
    ("plan", &["text", "units", "object", "iam", "estate", "secret", "review", "guardrail"]),
    ("drift", &["acl", "object", "plan", "review"]),
    ("git", &["estate"]),
    ("api", &["secret"]),
    ("live", &["api", "object"]),
    ("ledger", &["api", "object", "secret", "clock"]),
    ("trail", &["secret", "clock", "durable"]),
    ("apply", &["plan", "review", "guardrail", "object", "api", "live", "ledger", "secret", "clock"]),
    ("engine", &["units", "trail", "iam", "acl", "guardrail", "username", "secret", "clock", "durable"]),
    ("sandbox", &["units", "clock", "secret", "durable"]),
    (
        "cli",
        &[
            "text",
            "units",
            "secret",
            "clock",
            "durable",
            "iam",
            "acl",
            "guardrail",
            "object",
            "estate",
            "review",
            "plan",
            "drift",
            "git",
            "api",
            "live",
            "ledger",
            "trail",
            "apply",
            "engine",
            "sandbox",
        ],
    ),
];

/// Rooms that do no I/O, with the files in them that may.
const PURE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("units", &[]),
    ("secret", &[]),
    ("iam", &[]),
    ("acl", &[]),
    ("username", &[]),
    ("guardrail", &[]),
    ("object", &[]),
    ("review", &[]),
    ("plan", &[]),
    ("drift", &[]),
    ("estate", &["read.rs"]),
];

const WORLD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::os",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
    "SystemTime",
    "Instant::now",
    "now_utc",
];

/// Past this many lines (tests not counted) a file hides something.
const LINES_MAX: usize = 650;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(directory).expect("directory reads").map(|entry| entry.expect("entry reads").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// The source files, each with its path below `src/`, its room, and its lines before its own tests.
fn sources() -> Vec<(String, String, Vec<String>)> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    files
        .into_iter()
        // A room's own tests may do what they need.
        .filter(|path| !path.ends_with("tests.rs") && path.parent().is_none_or(|parent| !parent.ends_with("tests")))
        .map(|path| {
            let below = path.strip_prefix(root().join("src")).expect("below src").to_string_lossy().into_owned();
            let room = below.split('/').next().expect("a first part").trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).expect("source reads");
            let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").map(str::to_owned).collect();
            (below, room, lines)
        })
        .collect()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

#[test]
fn rooms_name_only_the_rooms_they_may() {
    let mut wrong = Vec::new();
    for (below, room, lines) in sources() {
        if room == "main" || room == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("src/{below}: the room `{room}` is not in the table"));
            continue;
        };
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| !is_comment(line)) {
            for (at, found) in line.match_indices("crate::") {
                let other: String =
                    line[at + found.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let known = MAY_NAME.iter().any(|(name, _)| *name == other);
                if known && other != room && !allowed.contains(&other.as_str()) {
                    wrong.push(format!("src/{below}:{}: {room} may not name crate::{other}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_do_not_touch_the_world() {
    let mut wrong = Vec::new();
    for (below, room, lines) in sources() {
        let Some((_, exempt)) = PURE.iter().find(|(name, _)| *name == room) else { continue };
        if exempt.iter().any(|file| below.ends_with(file)) {
            continue;
        }
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| !is_comment(line)) {
            if let Some(word) = WORLD.iter().find(|word| line.contains(*word)) {
                wrong.push(format!("src/{below}:{}: {room} is pure, but names {word}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_clock_tells_the_time() {
    let mut wrong = Vec::new();
    for (below, room, lines) in sources() {
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| !is_comment(line)) {
            if room != "clock"
                && ["now_utc()", "SystemTime::now", "OffsetDateTime::now"].iter().any(|word| line.contains(word))
            {
                wrong.push(format!("src/{below}:{}: ask the clock", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_of_readable_length_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for (below, _, lines) in sources() {
        if lines.len() > LINES_MAX {
            wrong.push(format!("src/{below}: {} lines; what does it hide?", lines.len()));
        }
        if !lines.first().is_some_and(|line| line.starts_with("//!")) {
            wrong.push(format!("src/{below}: no module documentation"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_test_file_is_forgotten() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).expect("main.rs reads");
    let mut files = Vec::new();
    rust_files(&root().join("tests/it"), &mut files);
    let forgotten: Vec<_> = files
        .iter()
        .filter(|path| path.parent() == Some(&root().join("tests/it")))
        .filter_map(|path| path.file_stem()?.to_str())
        .filter(|name| *name != "main" && !main.contains(&format!("mod {name};")))
        .collect();
    assert!(forgotten.is_empty(), "not in tests/it/main.rs: {forgotten:?}");
}
