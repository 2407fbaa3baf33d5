//! The rules of the house that the compiler does not check: who may name whom, which files may touch
//! the world, how long a file may be, and that no test file is forgotten.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use source::{Named, Source, root, rust_files, sources};

/// For each room, the rooms it may name. A room that is not listed here may not be named at all.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("units", &[]),
    ("spread", &[]),
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
    ("estate", &["text", "units", "spread", "object", "secret", "ssh", "iam", "acl", "guardrail", "username"]),
    ("review", &["text", "units", "spread", "estate", "object", "iam", "acl", "guardrail"]),
    ("plan", &["text", "units", "object", "iam", "estate", "secret", "ssh", "review", "guardrail"]),
    ("drift", &["text", "units", "estate", "acl", "guardrail", "object", "plan", "review", "trail"]),
    ("layout", &["text", "estate"]),
    ("import", &["text", "units", "object", "acl", "estate", "layout"]),
    ("git", &["estate"]),
    ("api", &["text", "units", "secret"]),
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
            "layout",
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
    ("watch", &["text", "units", "secret", "clock", "durable", "object", "plan", "drift", "review", "apply", "api"]),
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
            "layout",
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
    ("spread", &[]),
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
    ("layout", &[]),
    ("estate", &["read.rs", "near.rs"]),
];

/// What is the world: modules and items of other crates, whatever they are called where they are named.
const WORLD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::os",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::time::SystemTime",
    "std::time::UNIX_EPOCH",
    "std::time::Instant::now",
    "time::UtcDateTime::now",
    "time::OffsetDateTime::now_utc",
    "time::OffsetDateTime::now_local",
    // What is computed on several processors, `std::thread::scope`, is as if on one.
    "std::thread::spawn",
    "std::thread::sleep",
    "std::thread::Builder",
    "tokio::spawn",
    "tokio::fs",
    "tokio::net",
    "tokio::process",
    "tokio::time",
    "git2",
    "rustix",
    "rusqlite",
    "hyper",
    "reqwest",
];

/// The part of it that is time.
const TIME: &[&str] = &[
    "std::time::SystemTime::now",
    "std::time::UNIX_EPOCH::elapsed",
    "time::UtcDateTime::now",
    "time::OffsetDateTime::now_utc",
    "time::OffsetDateTime::now_local",
];

fn is_below(path: &[String], place: &str) -> bool {
    let mut parts = path.iter();
    place.split("::").all(|part| parts.next().is_some_and(|name| name == part))
}

/// Past this many lines (tests not counted) a file hides something.
const LINES_MAX: usize = 650;

/// The room that a path leads to; none where it leads out of the crate, or to the crate as a whole.
fn room_of(path: &[String]) -> Option<&str> {
    match path {
        [first, room, ..] if first == "crate" => Some(room),
        _ => None,
    }
}

#[test]
fn rooms_name_only_the_rooms_they_may() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Source { below, room, .. } = &source;
        if room == "main" || room == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| name == room) else {
            wrong.push(format!("src/{below}: the room `{room}` is not in the table"));
            continue;
        };
        for Named { line, path, .. } in source.named() {
            let is_all = matches!(path.as_slice(), [one] if one == "crate") || room_of(&path) == Some("*");
            if is_all {
                wrong.push(format!("src/{below}:{}: it names the crate, so any room of it", line + 1));
            }
            let known = room_of(&path).filter(|other| MAY_NAME.iter().any(|(name, _)| name == other));
            if let Some(other) = known.filter(|other| other != room && !allowed.contains(other)) {
                wrong.push(format!("src/{below}:{}: {room} may not name crate::{other}", line + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a file says of itself that it is pure.
fn claims_to_be_pure(source: &Source) -> bool {
    let head = source.lines.iter().take_while(|line| line.starts_with("//!"));
    head.flat_map(|line| line.split(|c: char| !c.is_alphabetic())).any(|word| word == "Pure")
}

/// Rooms that are pure, and files elsewhere that say so of themselves.
#[test]
fn what_is_pure_does_not_touch_the_world() {
    let (mut wrong, mut claims) = (Vec::new(), 0);
    for source in sources() {
        let Source { below, room, .. } = &source;
        let by_room = PURE.iter().find(|(name, _)| name == room);
        let is_exempt = by_room.is_some_and(|(_, exempt)| exempt.iter().any(|file| *below == format!("{room}/{file}")));
        let claims_it = claims_to_be_pure(&source);
        claims += usize::from(claims_it);
        if !claims_it && (is_exempt || by_room.is_none()) {
            continue;
        }
        for Named { line, path, .. } in source.named() {
            if let Some(word) = WORLD.iter().find(|word| is_below(&path, word)) {
                wrong.push(format!("src/{below}:{}: it is pure, but names {word}", line + 1));
            }
        }
    }
    assert!(claims > 20, "{claims}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_clock_tells_the_time() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.room != "clock") {
        let named = source.named().into_iter().filter(|named| TIME.iter().any(|word| is_below(&named.path, word)));
        wrong.extend(named.map(|named| format!("src/{}:{}: ask the clock", source.below, named.line + 1)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is applied was judged: a plan that somebody calls reviewed goes past guardrails, whatever it is called where that
/// happens. Nothing else has these names.
#[test]
fn only_a_proposal_calls_a_plan_reviewed() {
    const MAKES: &str = "plan/reviewed.rs";
    let calls = |line: &str| {
        ["reviewed", "approved"].iter().any(|name| {
            let called = [format!(".{name}("), format!(".{name}::<")].iter().any(|call| line.contains(call));
            let named = line.match_indices(&format!("::{name}")).any(|(at, it)| {
                let after = &line[at + it.len()..];
                !after.starts_with("::") && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            });
            called || named
        })
    };
    for line in ["plan.reviewed(|plan| look(plan))", "it.approved(", ".map(Plan::reviewed)", "<Plan>::approved(it, f)"]
    {
        assert!(calls(line), "{line}");
    }
    assert!(!calls("role.reviewed.app, reviewed::Reviewed, plan::reviewed::Reviewed"));
    let files = sources();
    let makes = files.iter().find(|source| source.below == MAKES).expect("it is there");
    let functions = ["pub fn reviewed(", "pub fn approved("];
    assert!(functions.iter().all(|function| makes.code().any(|(_, line)| line.contains(function))), "they moved");
    let others = files.iter().filter(|source| source.room != "proposal" && source.below != MAKES);
    let wrong = others.flat_map(|source| {
        let told = |(at, line): (usize, &str)| format!("src/{}:{}: {}", source.below, at + 1, line.trim());
        source.code().filter(|(_, line)| calls(line)).map(told)
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_of_readable_length_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for Source { below, lines, .. } in sources() {
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

/// The files of a room.
#[derive(Default)]
struct Modules {
    /// As modules: `["engine", "lease", "end"]` to the file's path below `src/`.
    files: BTreeMap<Vec<String>, String>,
    /// What a module gives on, `pub use`, by its path there, and where that is from.
    given: BTreeMap<Vec<String>, Vec<String>>,
}

impl Modules {
    /// The file that has what a path names: `engine::lease::Lease` is in the deepest file on the way, or where that has
    /// it from.
    fn file(&self, path: &[String]) -> Option<String> {
        let mut path = path.to_vec();
        // What is given on leads to lower parts and back at most as often as there are files on the way.
        for _ in 0..path.len() + 8 {
            // A module and a function may be called the same.
            let given = |path: &[String]| self.given.get(path).filter(|_| !self.files.contains_key(path));
            let given = (1..=path.len()).find_map(|length| Some((length, given(&path[..length])?)));
            let Some((length, from)) = given else { break };
            path = from.iter().chain(&path[length..]).cloned().collect();
        }
        (1..=path.len()).rev().find_map(|length| self.files.get(&path[..length]).cloned())
    }
}

fn modules(room: &str, files: &[Source]) -> Modules {
    let mut all = Modules::default();
    for source in files.iter().filter(|source| source.room == room) {
        for named in source.named().into_iter().filter(|named| room_of(&named.path) == Some(room)) {
            let Some(name) = named.given_as else { continue };
            let at: Vec<String> = source.module().into_iter().chain([name]).collect();
            if at != named.path[1..] {
                all.given.insert(at, named.path[1..].to_vec());
            }
        }
        all.files.insert(source.module(), source.below.clone());
    }
    all
}

/// Which files of its room a file names.
fn named(source: &Source, all: &Modules) -> BTreeSet<String> {
    let within = source.named().into_iter().filter(|named| room_of(&named.path) == Some(&source.room));
    within.filter_map(|named| all.file(&named.path[1..])).collect()
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

/// What leans on itself among the files of a graph, but for a file and its own parts (`x.rs` and `x/…`): they may name it and it
/// them, as long as the parts make no circle without it. The root of a room is no such file: everything in it is its part.
fn tangles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for circle in circles(graph) {
        let is_head = |head: &&String| {
            let folder = format!("{}/", head.trim_end_matches(".rs").trim_end_matches("/mod"));
            // `live.rs` is such a root as well as `engine/mod.rs`.
            let is_root = !head.trim_end_matches("/mod.rs").contains('/');
            !is_root && circle.iter().all(|file| file == *head || file.starts_with(&folder))
        };
        let Some(head) = circle.iter().find(is_head) else {
            found.push(circle);
            continue;
        };
        let parts = circle.iter().filter(|file| *file != head);
        let among =
            |file: &String| graph[file].iter().filter(|to| *to != head && circle.contains(to)).cloned().collect();
        let parts: BTreeMap<String, BTreeSet<String>> = parts.map(|file| (file.clone(), among(file))).collect();
        found.extend(tangles(&parts));
    }
    found
}

#[test]
fn no_room_has_an_import_circle() {
    let files = sources();
    let rooms: BTreeSet<&String> = files.iter().map(|source| &source.room).collect();
    assert!(rooms.len() > 20, "{rooms:?}");
    let mut told = Vec::new();
    for room in rooms {
        let all = modules(room, &files);
        let graph: BTreeMap<String, BTreeSet<String>> = files
            .iter()
            .filter(|source| source.room == *room)
            .map(|source| {
                let mut named = named(source, &all);
                named.remove(&source.below);
                (source.below.clone(), named)
            })
            .collect();
        told.extend(tangles(&graph).iter().map(|circle| format!("  {}: {}", circle.len(), circle.join(" "))));
    }
    assert!(told.is_empty(), "import circles:\n{}", told.join("\n"));
}

/// Sub-rooms as floors, the lowest first: none names a higher one.
const FLOORS: &[(&str, &[&str])] = &[
    (
        "engine",
        &[
            "setup", "wire", "kernel", "policy", "quota", "identity", "token", "lease", "backend", "pipeline",
            "opening", "http",
        ],
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
        for source in files.iter().filter(|source| source.room == *room) {
            let Some(own) = floor(&source.below) else {
                assert_eq!(source.below, format!("{room}/mod.rs"), "it is on no floor");
                continue;
            };
            let higher = named(source, &all).into_iter().filter(|other| floor(other).is_none_or(|at| at > own));
            wrong.extend(higher.map(|other| format!("src/{} names src/{other}", source.below)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What of `engine/backend/` is no backend, but what they have in common.
const NO_BACKENDS: [&str; 6] = ["table", "amazon", "listing", "login", "outgoing", "signed"];

/// Who may name any of them: the table, and the engine's start.
const MAY_NAME_BACKENDS: [&str; 3] = ["engine/mod.rs", "engine/opening.rs", "engine/backend/table.rs"];

/// How a mount's type would be compared with a name.
const BY_TYPE: [&str; 7] = [
    "mount.kind.as_str() {",
    "(mount.kind.as_str(), ",
    "mount.kind.as_str() == \"",
    "mount.kind.as_str() != \"",
    ".kind == \"",
    ".kind != \"",
    "(&*mount.kind, \"",
];

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
    for source in files.iter().filter(|source| source.room == "engine") {
        let own = backend_of(&source.below);
        seen.extend(own.clone());
        if !MAY_NAME_BACKENDS.contains(&source.below.as_str()) {
            let others = named(source, &all).into_iter();
            let others = others.filter(|other| backend_of(other).is_some_and(|backend| own.as_ref() != Some(&backend)));
            wrong.extend(others.map(|other| format!("src/{} may not name src/{other}", source.below)));
        }
        let compares = source.code().filter(|(_, line)| BY_TYPE.iter().any(|word| line.contains(word)));
        wrong.extend(compares.map(|(_, line)| format!("src/{}: a type by its name: {line}", source.below)));
    }
    assert!(seen.len() >= 5, "{seen:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rest of the engine asks the table of credential types: a type's name is written down in its own file alone.
#[test]
fn only_the_table_of_credential_types_names_one() {
    const TYPES: &str = "engine/backend/aws/credential/";
    let mut names = BTreeSet::new();
    let files = sources();
    let (own, others): (Vec<_>, Vec<_>) = files
        .iter()
        .filter(|source| source.room == "engine" && !source.below.ends_with("/trial.rs"))
        // The names that stand there are those of a role's fields.
        .filter(|source| !source.below.ends_with("credential/check.rs"))
        .partition(|source| source.below.starts_with(TYPES));
    for line in own.iter().flat_map(|source| &source.lines) {
        let name =
            line.split_once("name: \"").filter(|(before, _)| before.trim_end().is_empty() || before.ends_with("{ "));
        let name = name.and_then(|(_, rest)| rest.split('"').next());
        names.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
    }
    assert!(names.contains("iam_user") && names.contains("session_token"), "{names:?}");
    let mut wrong = Vec::new();
    for source in others {
        for (_, line) in source.code() {
            let written = names.iter().filter(|name| line.contains(&format!("\"{name}\"")));
            wrong.extend(written.map(|_| format!("src/{}: {line}", source.below)));
        }
    }
    assert!(wrong.is_empty(), "a credential type by its name:\n{}", wrong.join("\n"));
}

/// Who may name a single kind: the kinds themselves, and what makes declarations into objects of them.
const MAY_NAME_KINDS: [&str; 2] = ["object/", "estate/lower"];

/// What only a kind's own table says: how its path is put together, and so how it is taken apart.
const PATHS_OF_KINDS: [&str; 9] = [
    "\"/roles/",
    "}/roles/",
    "\"/creds/",
    "}/creds/",
    "}/role/",
    "\"/role/",
    "sys/policies/acl/{",
    "config/root\")",
    "config/lease\")",
];

/// How a kind would be compared with a name.
const BY_NAME: [&str; 7] = [
    "match kind.name",
    "kind.name == \"",
    "kind.name != \"",
    "matches!(kind.name",
    "mount_type() == ",
    "mount_type() != ",
    "matches!(kind.mount_type()",
];

/// The files of kinds, as modules of `object`.
fn kinds(files: &[Source]) -> BTreeSet<String> {
    let of_kinds = files.iter().filter(|source| {
        source.room == "object" && source.lines.iter().any(|line| line.starts_with("pub static KIND: Kind"))
    });
    of_kinds.map(|source| source.below["object/".len()..].trim_end_matches(".rs").to_owned()).collect()
}

#[test]
fn only_the_estate_names_a_single_kind() {
    let files = sources();
    let kinds = kinds(&files);
    assert!(kinds.len() > 5, "{kinds:?}");
    let mut wrong = Vec::new();
    for source in &files {
        let Source { below, room, .. } = source;
        if MAY_NAME_KINDS.iter().any(|place| below.starts_with(place)) || room == "engine" || room == "sandbox" {
            continue;
        }
        let is_kind = |path: &[String]| match path {
            [first, of, kind, ..] if first == "crate" && of == "object" => kinds.contains(kind),
            _ => false,
        };
        let named = source
            .named()
            .into_iter()
            .filter(|named| is_kind(&named.path) || named.path.ends_with(&["KIND".to_owned()]));
        wrong.extend(
            named.map(|named| format!("src/{below}:{}: names one kind: {}", named.line + 1, named.path.join("::"))),
        );
        for (_, line) in source.code() {
            if BY_NAME.iter().any(|word| line.contains(word)) {
                wrong.push(format!("src/{below}: a kind by its name: {}", line.trim()));
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
    let texts =
        [("r/mod.rs", ""), ("r/a.rs", "mod part;\npub use self::part::Given;\n"), ("r/a/part.rs", ""), ("r/b.rs", "")];
    let all = modules("r", &texts.map(|(below, text)| Source::new(below, text)));
    let named = |at: &str, text: &str| named(&Source::new(at, text), &all).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(named("r/a.rs", "use super::b::{\n    self, Thing,\n};"), "r/b.rs");
    assert_eq!(named("r/a.rs", "mod part;\nfn f() { part::g(1) }"), "r/a/part.rs");
    assert_eq!(named("r/a/part.rs", "use super::super::b;\nuse super::One;\n"), "r/a.rs r/b.rs");
    assert_eq!(
        named("r/b.rs", "use crate::r::a::{One, part::{Two, three}};\nuse std::a;\n// super::a\n"),
        "r/a.rs r/a/part.rs"
    );
    assert_eq!(named("r/b.rs", "use super::a;\nlet x = a::part::f();"), "r/a.rs r/a/part.rs");
    assert_eq!(named("r/b.rs", "let x: super::a::One;"), "r/a.rs");
    assert_eq!(named("r/b.rs", "let x: super::a::Given;"), "r/a/part.rs", "what is given on is from where it is");
    assert_eq!(named("r/b.rs", "use crate as c;\nlet x = c::r::a::f();"), "r/a.rs");
    let graph = |edges: &[(&str, &str)]| {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry((*to).to_owned()).or_default();
            graph.entry((*from).to_owned()).or_default().insert((*to).to_owned());
        }
        graph
    };
    assert_eq!(
        circles(&graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "d"), ("d", "e"), ("f", "a")])),
        [vec!["a", "b", "c"], vec!["d", "e"]]
    );
    assert!(circles(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    let both = |one, other| [(one, other), (other, one)];
    let tangled = |edges: &[[(&str, &str); 2]]| tangles(&graph(&edges.concat()));
    assert!(tangled(&[both("e/a.rs", "e/a/x.rs"), both("e/a.rs", "e/a/y.rs")]).is_empty(), "a file and its parts");
    assert!(tangled(&[both("e/a/mod.rs", "e/a/x.rs")]).is_empty(), "the same");
    let parts = [both("e/a.rs", "e/a/x.rs"), both("e/a.rs", "e/a/y.rs"), both("e/a/x.rs", "e/a/y.rs")];
    assert_eq!(tangled(&parts), [vec!["e/a/x.rs", "e/a/y.rs"]], "two parts without it");
    for (one, other) in [("e/mod.rs", "e/a.rs"), ("e.rs", "e/a.rs"), ("e/a.rs", "e/b.rs"), ("e/a/x.rs", "e/a/y.rs")] {
        assert_eq!(tangled(&[both(one, other)]).len(), 1, "{one} {other}");
    }
}
