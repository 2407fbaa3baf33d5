//! The rules of the house that the compiler does not check: who may name whom, which files may touch
//! the world, how long a file may be, and that no test file is forgotten.

use std::collections::{BTreeMap, BTreeSet};
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
    ("username", &["iam"]),
    ("guardrail", &["text", "iam", "units"]),
    ("proof", &[]),
    ("ssh", &["secret"]),
    ("object", &["text", "units", "secret", "iam", "acl", "proof"]),
    ("estate", &["text", "units", "object", "secret", "ssh", "iam", "acl", "guardrail", "username"]),
    ("review", &["text", "units", "estate", "object", "iam", "acl", "guardrail"]),
    ("plan", &["text", "units", "object", "iam", "estate", "secret", "ssh", "review", "guardrail"]),
    ("drift", &["acl", "object", "plan", "review"]),
    ("import", &["text", "units", "object", "acl", "estate"]),
    ("git", &["estate"]),
    ("api", &["text", "secret"]),
    ("live", &["api", "object"]),
    ("ledger", &["text", "api", "object", "secret", "clock"]),
    ("trail", &["secret", "clock", "durable"]),
    ("apply", &["text", "plan", "guardrail", "object", "api", "live", "ledger", "secret", "clock"]),
    (
        "proposal",
        &[
            "text",
            "secret",
            "ssh",
            "iam",
            "guardrail",
            "object",
            "estate",
            "review",
            "plan",
            "drift",
            "import",
            "git",
            "api",
            "live",
            "ledger",
            "apply",
        ],
    ),
    (
        "engine",
        &["text", "units", "trail", "iam", "acl", "guardrail", "username", "proof", "secret", "clock", "durable"],
    ),
    ("sandbox", &["text", "units", "clock", "secret", "durable"]),
    ("keeper", &["api", "units", "secret", "clock", "durable"]),
    ("watch", &["text", "units", "secret", "clock", "durable", "drift", "review", "api"]),
    (
        "cli",
        &[
            "text",
            "units",
            "secret",
            "ssh",
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
            "import",
            "git",
            "api",
            "live",
            "ledger",
            "trail",
            "apply",
            "proposal",
            "engine",
            "sandbox",
            "keeper",
            "watch",
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
    ("proof", &[]),
    ("ssh", &[]),
    ("guardrail", &[]),
    ("object", &[]),
    ("review", &[]),
    ("plan", &[]),
    ("drift", &[]),
    ("import", &[]),
    ("estate", &["read.rs", "near.rs"]),
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
            (below, room, without_tests(&text))
        })
        .collect()
}

/// The lines of a file, those that only tests have left empty: items behind `#[cfg(test)]`, and its own tests, which are last.
fn without_tests(text: &str) -> Vec<String> {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push(line.to_owned());
            continue;
        }
        kept.push(String::new());
        let Some(item) = lines.next() else { break };
        if item.starts_with("mod tests") {
            break;
        }
        kept.push(String::new());
        let is_open = |line: &str| line.matches(['{', '(', '[']).count() > line.matches(['}', ')', ']']).count();
        if is_open(item) {
            let indent = item.len() - item.trim_start().len();
            let ends = |line: &str| {
                line.len() > indent && line[..indent].trim().is_empty() && line[indent..].starts_with(['}', ')', ']'])
            };
            for line in lines.by_ref() {
                kept.push(String::new());
                if ends(line) {
                    break;
                }
            }
        }
    }
    kept
}

#[test]
fn only_what_tests_have_is_not_looked_at() {
    let text = "use a::b;\n#[cfg(test)]\nmod trial;\nfn one() {}\n    #[cfg(test)]\n    fn two() {\n        x();\n    }\nfn three() {}\n\
                #[cfg(test)]\nmod tests {\n    use c::d;\n}\n";
    let kept: Vec<String> = without_tests(text).into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(kept, ["use a::b;", "fn one() {}", "fn three() {}"]);
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The rooms that stand after `crate::`: one, or those of a group, which may go on in the lines below.
fn named_rooms(after: &str, below: &[String]) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    if !after.starts_with('{') {
        return vec![word(after)];
    }
    let mut group = after.to_owned();
    for line in below {
        if group.contains(';') {
            break;
        }
        group.push_str(line.trim());
    }
    let mut paths = Vec::new();
    unfolded(group.trim_end_matches(';'), &[], &mut paths);
    paths.into_iter().filter_map(|path| path.first().cloned()).collect()
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
                for other in named_rooms(&line[at + found.len()..], &lines[number + 1..]) {
                    let known = MAY_NAME.iter().any(|(name, _)| *name == other);
                    if known && other != room && !allowed.contains(&other.as_str()) {
                        wrong.push(format!("src/{below}:{}: {room} may not name crate::{other}", number + 1));
                    }
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

/// The files of a room as modules: `["engine", "lease", "end"]` to the file's path below `src/`.
type Modules = BTreeMap<Vec<String>, String>;

fn modules(room: &str, files: &[(String, String, Vec<String>)]) -> Modules {
    let of_room = files.iter().filter(|(_, of, _)| of == room);
    of_room
        .map(|(below, ..)| {
            let name = below.trim_end_matches(".rs").trim_end_matches("/mod");
            (name.split('/').map(str::to_owned).collect(), below.clone())
        })
        .collect()
}

/// The paths that a `use` line names: `a::{b, c::{self, D}}` is `a::b`, `a::c` and `a::c::D`.
fn unfolded(text: &str, prefix: &[String], into: &mut Vec<Vec<String>>) {
    let mut depth = 0_usize;
    let mut start = 0;
    let mut parts = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        let (path, group) = part.split_once('{').map_or((part, None), |(path, group)| (path, Some(group)));
        let path = path.split(" as ").next().unwrap_or(path);
        let names = path
            .split("::")
            .map(str::trim)
            .filter(|name| !name.is_empty() && (*name != "self" || into.is_empty() && prefix.is_empty()));
        let whole: Vec<String> = prefix.iter().cloned().chain(names.map(str::to_owned)).collect();
        match group {
            Some(group) => unfolded(group.trim_end().trim_end_matches('}'), &whole, into),
            None => into.push(whole),
        }
    }
}

/// The absolute form of a path named in `module`; none where it leads out of the crate.
fn absolute(path: &[String], module: &[String], aliases: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    let mut base = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len() - 1].to_vec(),
        name => aliases.get(name)?.clone(),
    };
    for name in &path[1..] {
        match name.as_str() {
            "super" => drop(base.pop()),
            name => base.push(name.to_owned()),
        }
    }
    Some(base)
}

/// The paths in a line of code: `a::b::c` in `f(a::b::c(1))`.
fn paths(line: &str) -> impl Iterator<Item = Vec<String>> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| word.contains("::"))
        .map(|word| word.trim_end_matches(':').split("::").map(str::to_owned).collect())
}

/// A line whose `pub(in crate::room)` is `pub`: how far an item reaches names nobody.
fn without_reach(line: &str) -> String {
    let Some((before, rest)) = line.split_once("pub(in ") else { return line.to_owned() };
    rest.split_once(')').map_or_else(|| line.to_owned(), |(_, after)| format!("{before}pub{after}"))
}

/// Which files of the room a file names, by `use` and by paths in its code.
fn named(module: &[String], lines: &[String], all: &Modules) -> BTreeSet<String> {
    let text: Vec<String> = lines.iter().filter(|line| !is_comment(line)).map(|line| without_reach(line)).collect();
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let declared = |line: &&str| line.trim_end_matches(';').split_once("mod ").map(|(_, name)| name.to_owned());
    for name in text.iter().filter(|line| line.ends_with(';')).filter_map(declared) {
        let child: Vec<String> = module.iter().cloned().chain([name.clone()]).collect();
        if all.contains_key(&child) {
            aliases.insert(name, child);
        }
    }
    let mut found = Vec::new();
    let mut rest = text.iter();
    while let Some(line) = rest.next() {
        let plain = line.trim_start();
        let plain = plain.strip_prefix("pub").map_or(plain, |after| after.split_once(' ').map_or(after, |(_, it)| it));
        let Some(used) = plain.strip_prefix("use ") else {
            found.extend(paths(line).filter_map(|path| absolute(&path, module, &aliases)));
            continue;
        };
        let mut used = used.to_owned();
        while !used.ends_with(';') {
            used.push_str(rest.next().expect("a use line ends"));
        }
        let mut each = Vec::new();
        unfolded(used.trim_end_matches(';'), &[], &mut each);
        for path in each {
            let Some(path) = absolute(&path, module, &aliases) else { continue };
            if all.contains_key(&path) {
                aliases.insert(path.last().expect("a name").clone(), path.clone());
            }
            found.push(path);
        }
    }
    // The deepest file on the way: `engine::lease::Lease` is in `engine/lease.rs`.
    let file = |path: Vec<String>| (1..=path.len()).rev().find_map(|length| all.get(&path[..length]).cloned());
    found.into_iter().filter(|path| path.first() == module.first()).filter_map(file).collect()
}

/// The strongly connected parts of a graph that have more than one node, the largest first (Kosaraju).
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    fn walk<'g>(
        node: &'g str,
        next: &BTreeMap<&'g str, Vec<&'g str>>,
        seen: &mut BTreeSet<&'g str>,
        out: &mut Vec<&'g str>,
    ) {
        if seen.insert(node) {
            next.get(node).into_iter().flatten().for_each(|other| walk(other, next, seen, out));
            out.push(node);
        }
    }
    let mut ahead: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut back: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in graph.iter().flat_map(|(from, all)| all.iter().map(move |to| (from, to))) {
        ahead.entry(from).or_default().push(to);
        back.entry(to).or_default().push(from);
    }
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    graph.keys().for_each(|node| walk(node, &ahead, &mut seen, &mut order));
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    for node in order.into_iter().rev() {
        let mut part = Vec::new();
        walk(node, &back, &mut seen, &mut part);
        if part.len() > 1 {
            part.sort_unstable();
            found.push(part.into_iter().map(str::to_owned).collect::<Vec<_>>());
        }
    }
    found.sort_by_key(|part| std::cmp::Reverse(part.len()));
    found
}

/// Whether a circle is one file and its own parts.
fn is_family(circle: &[String]) -> bool {
    // The root of a room is no such file: everything in it is its part.
    circle.iter().filter(|head| head.matches('/').count() > 1 || !head.ends_with("/mod.rs")).any(|head| {
        let folder = format!("{}/", head.trim_end_matches(".rs").trim_end_matches("/mod"));
        circle.iter().all(|file| file == head || file.starts_with(&folder))
    })
}

fn circles_of(room: &str) -> Vec<Vec<String>> {
    let files = sources();
    let all = modules(room, &files);
    let graph = all
        .iter()
        .map(|(module, below)| {
            let (_, _, lines) = files.iter().find(|(path, ..)| path == below).expect("the file is there");
            let mut named = named(module, lines, &all);
            named.remove(below);
            (below.clone(), named)
        })
        .collect();
    circles(&graph).into_iter().filter(|circle| !is_family(circle)).collect()
}

/// A circle that is a file and its own parts (`x.rs` and `x/…`) is no trouble.
#[test]
fn no_room_has_an_import_circle() {
    let rooms: BTreeSet<String> = sources().into_iter().map(|(_, room, _)| room).collect();
    assert!(rooms.len() > 20, "{rooms:?}");
    let circles = rooms.iter().flat_map(|room| circles_of(room));
    let told: Vec<String> = circles.map(|circle| format!("  {}: {}", circle.len(), circle.join(" "))).collect();
    assert!(told.is_empty(), "import circles:\n{}", told.join("\n"));
}

/// Sub-rooms as floors, the lowest first: none names a higher one.
const FLOORS: &[(&str, &[&str])] = &[
    (
        "engine",
        &["setup", "wire", "kernel", "policy", "quota", "identity", "token", "lease", "backend", "pipeline", "http"],
    ),
    (
        "review",
        &[
            "escape",
            "junit",
            "page",
            "words",
            "finding",
            "describe",
            "state",
            "comparison",
            "judgement",
            "report",
            "render",
        ],
    ),
];

#[test]
fn sub_rooms_name_only_lower_floors() {
    let files = sources();
    let mut wrong = Vec::new();
    for (room, floors) in FLOORS {
        let all = modules(room, &files);
        let floor = |below: &str| {
            let inner = below.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs");
            floors.iter().position(|floor| *floor == inner)
        };
        for (module, below) in &all {
            let Some(own) = floor(below) else {
                assert_eq!(below, &format!("{room}/mod.rs"), "it is on no floor");
                continue;
            };
            let (_, _, lines) = files.iter().find(|(path, ..)| path == below).expect("the file is there");
            let higher = named(module, lines, &all).into_iter().filter(|other| floor(other).is_none_or(|at| at > own));
            wrong.extend(higher.map(|other| format!("src/{below} names src/{other}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What of `engine/backend/` is no backend, but what they have in common.
const NO_BACKENDS: [&str; 6] = ["table", "amazon", "listing", "login", "outgoing", "signed"];

/// Who may name any of them: the table, and the engine's start.
const MAY_NAME_BACKENDS: [&str; 2] = ["engine/mod.rs", "engine/backend/table.rs"];

#[test]
fn only_the_table_of_backends_names_one() {
    let files = sources();
    let all = modules("engine", &files);
    let backend_of = |below: &str| {
        let name = below.strip_prefix("engine/backend/")?.split(['/', '.']).next()?;
        (!NO_BACKENDS.contains(&name)).then(|| name.to_owned())
    };
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (module, below) in &all {
        let (_, _, lines) = files.iter().find(|(path, ..)| path == below).expect("the file is there");
        let own = backend_of(below);
        seen.extend(own.clone());
        if !MAY_NAME_BACKENDS.contains(&below.as_str()) {
            let others = named(module, lines, &all).into_iter();
            let others = others.filter(|other| backend_of(other).is_some_and(|backend| own.as_ref() != Some(&backend)));
            wrong.extend(others.map(|other| format!("src/{below} may not name src/{other}")));
        }
        let compares = |line: &&String| {
            !is_comment(line)
                && ["mount.kind.as_str() {", "(mount.kind.as_str(), ", ".kind == \"", ".kind != \""]
                    .iter()
                    .any(|word| line.contains(word))
        };
        wrong.extend(lines.iter().filter(compares).map(|line| format!("src/{below}: a type by its name: {line}")));
    }
    assert!(seen.len() >= 5, "{seen:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rest of the engine asks the table of credential types: a type's name is written down in its own file alone.
#[test]
fn only_the_table_of_credential_types_names_one() {
    const TYPES: &str = "engine/backend/aws/credential/";
    let mut names = BTreeSet::new();
    let (own, others): (Vec<_>, Vec<_>) = sources()
        .into_iter()
        .filter(|(below, room, _)| room == "engine" && !below.ends_with("/trial.rs"))
        // The names that stand there are those of a role's fields.
        .filter(|(below, ..)| !below.ends_with("credential/check.rs"))
        .partition(|(below, ..)| below.starts_with(TYPES));
    for line in own.iter().flat_map(|(.., lines)| lines) {
        let name =
            line.split_once("name: \"").filter(|(before, _)| before.trim_end().is_empty() || before.ends_with("{ "));
        let name = name.and_then(|(_, rest)| rest.split('"').next());
        names.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    assert!(names.contains("iam_user") && names.contains("session_token"), "{names:?}");
    let mut wrong = Vec::new();
    for (below, _, lines) in &others {
        for line in lines.iter().filter(|line| !is_comment(line)) {
            wrong.extend(
                names
                    .iter()
                    .filter(|name| line.contains(&format!("\"{name}\"")))
                    .map(|_| format!("src/{below}: {line}")),
            );
        }
    }
    assert!(wrong.is_empty(), "a credential type by its name:\n{}", wrong.join("\n"));
}

/// Who may name a single kind: the kinds themselves, and what makes declarations into objects of them.
const MAY_NAME_KINDS: [&str; 2] = ["object/", "estate/lower"];

/// What only a kind's own table says: how its path is put together, and so how it is taken apart.
const PATHS_OF_KINDS: [&str; 8] =
    ["\"/roles/", "}/roles/", "\"/creds/", "}/creds/", "}/role/", "\"/role/", "sys/policies/acl/{", "config/root\")"];

/// The files of kinds, as modules of `object`.
fn kinds(files: &[(String, String, Vec<String>)]) -> BTreeSet<String> {
    let of_kinds = files.iter().filter(|(_, room, lines)| {
        room == "object" && lines.iter().any(|line| line.starts_with("pub static KIND: Kind"))
    });
    of_kinds.map(|(below, ..)| below["object/".len()..].trim_end_matches(".rs").to_owned()).collect()
}

/// Whether a line names the description of a kind: `aws_role::KIND`, and not `KINDS`.
fn names_kind(line: &str) -> bool {
    line.match_indices("::KIND")
        .any(|(at, found)| !line[at + found.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

#[test]
fn only_the_estate_names_a_single_kind() {
    let files = sources();
    let kinds = kinds(&files);
    assert!(kinds.len() > 5, "{kinds:?}");
    let mut wrong = Vec::new();
    for (below, room, lines) in &files {
        if MAY_NAME_KINDS.iter().any(|place| below.starts_with(place)) || room == "engine" || room == "sandbox" {
            continue;
        }
        let code: Vec<&String> = lines.iter().filter(|line| !is_comment(line)).collect();
        let is_kind = |path: &[String]| matches!(path, [_, of, kind, ..] if of == "object" && kinds.contains(kind));
        let mut rest = code.iter();
        while let Some(line) = rest.next() {
            let mut named: Vec<Vec<String>> = paths(line).collect();
            if let Some(used) = line.trim_start().strip_prefix("use crate::object::") {
                let mut used = format!("crate::object::{used}");
                while !used.ends_with(';') {
                    used.push_str(rest.next().expect("a use line ends"));
                }
                unfolded(used.trim_end_matches(';'), &[], &mut named);
            }
            if names_kind(line) || named.iter().any(|path| is_kind(path)) {
                wrong.push(format!("src/{below}: names one kind: {}", line.trim()));
            }
            // What the command line shows people, and what it asks as a client, is no path of an object it knows.
            if room != "cli" && PATHS_OF_KINDS.iter().any(|word| line.contains(word)) {
                wrong.push(format!("src/{below}: the path of a kind: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn import_circles_are_seen() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let all: Modules = ["r", "r::a", "r::a::part", "r::b"]
        .iter()
        .map(|path| (path.split("::").map(str::to_owned).collect(), (*path).to_owned()))
        .collect();
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
    let named = |at: &str, text: &str| named(&module(at), &lines(text), &all).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(named("r::a", "use super::b::{\n    self, Thing,\n};"), "r::b");
    assert_eq!(named("r::a", "mod part;\nfn f() { part::g(1) }"), "r::a::part");
    assert_eq!(named("r::a::part", "use super::super::b;\nuse super::One;\n"), "r::a r::b");
    assert_eq!(
        named("r::b", "use crate::r::a::{One, part::{Two, three}};\nuse std::a;\n// super::a\n"),
        "r::a r::a::part"
    );
    assert_eq!(named("r::b", "use super::a;\nlet x = a::part::f();"), "r::a r::a::part");
    assert_eq!(named("r::b", "let x: super::a::One;"), "r::a");
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry((*to).to_owned()).or_default();
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        circles(&graph)
    };
    assert_eq!(
        graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "d"), ("d", "e"), ("f", "a")]),
        [vec!["a", "b", "c"], vec!["d", "e"]]
    );
    assert!(graph(&[("a", "b"), ("b", "c"), ("a", "c")]).is_empty());
    let family = |files: &[&str]| is_family(&files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>());
    assert!(family(&["e/a.rs", "e/a/x.rs"]) && family(&["e/a/mod.rs", "e/a/x.rs", "e/a/y.rs"]));
    assert!(!family(&["e/mod.rs", "e/a.rs"]));
    assert!(!family(&["e/a.rs", "e/b.rs"]) && !family(&["e/a/x.rs", "e/a/y.rs"]));
}
