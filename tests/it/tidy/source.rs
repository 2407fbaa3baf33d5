//! Sources as `tidy` reads them: what is no test's and no comment, and the paths that are named there, as they would be written
//! from the root: `super`, `self`, groups and `as` are resolved, so that none of them is a way around a rule.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(super) fn rust_files(directory: &Path, into: &mut Vec<PathBuf>) {
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

/// A source file.
pub(super) struct Source {
    /// Its path below `src/`.
    pub(super) below: String,
    /// Its room.
    pub(super) room: String,
    /// Its lines; those that only tests have are empty.
    pub(super) lines: Vec<String>,
}

/// A path that is named in a source.
pub(super) struct Named {
    /// The line, from 0.
    pub(super) line: usize,
    /// Its parts from the root of its crate: `crate`, `engine`, `Engine`, or `std`, `fs`, `read`.
    pub(super) path: Vec<String>,
    /// As what the file gives it on, where it does: `pub use`.
    pub(super) given_as: Option<String>,
}

/// The source files, in order.
pub(super) fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    files
        .into_iter()
        // A room's own tests may do what they need.
        .filter(|path| !path.ends_with("tests.rs") && path.parent().is_none_or(|parent| !parent.ends_with("tests")))
        .map(|path| {
            let below = path.strip_prefix(root().join("src")).expect("below src").to_string_lossy().into_owned();
            Source::new(&below, &fs::read_to_string(&path).expect("source reads"))
        })
        .collect()
}

impl Source {
    pub(super) fn new(below: &str, text: &str) -> Self {
        let room = below.split('/').next().expect("a first part").trim_end_matches(".rs").to_owned();
        Self { below: below.to_owned(), room, lines: without_tests(text) }
    }

    /// Its module: `["engine", "lease", "end"]`.
    pub(super) fn module(&self) -> Vec<String> {
        let name = self.below.trim_end_matches(".rs").trim_end_matches("/mod");
        name.split('/').filter(|name| !matches!(*name, "lib" | "main")).map(str::to_owned).collect()
    }

    /// What is code, with the number of each line.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().enumerate().map(|(at, line)| (at, line.as_str())).filter(|(_, line)| !is_comment(line))
    }

    /// Every path that it names.
    pub(super) fn named(&self) -> Vec<Named> {
        let module = self.module();
        let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut found = Vec::new();
        let mut elsewhere = Vec::new();
        let mut rest = self.code();
        while let Some((line, text)) = rest.next() {
            let text = without_reach(text);
            let plain = text.trim_start();
            let public = plain.strip_prefix("pub");
            let plain = public.map_or(plain, |after| after.split_once(' ').map_or(after, |(_, it)| it));
            if let Some(name) = plain.strip_prefix("mod ").and_then(|name| name.strip_suffix(';')) {
                let child = ["crate"].into_iter().chain(module.iter().map(String::as_str)).chain([name]);
                aliases.insert(name.to_owned(), child.map(str::to_owned).collect());
                continue;
            }
            let Some(used) = plain.strip_prefix("use ") else {
                elsewhere.push((line, text));
                continue;
            };
            let mut used = used.to_owned();
            while !used.contains(';') {
                used.push_str(rest.next().expect("a use line ends").1.trim());
            }
            let mut each = Vec::new();
            unfolded(used.trim_end().trim_end_matches(';'), &[], &mut each);
            for (path, name) in each {
                let path = absolute(&path, &module, &aliases);
                let name = name.or_else(|| path.last().cloned());
                if let Some(name) = &name {
                    aliases.insert(name.clone(), path.clone());
                }
                found.push(Named { line, path, given_as: name.filter(|_| public.is_some()) });
            }
        }
        for (line, text) in elsewhere {
            let path = |path: Vec<String>| absolute(&path, &module, &aliases);
            found.extend(paths(&text).map(|named| Named { line, path: path(named), given_as: None }));
        }
        found
    }
}

/// The lines of a file, those that only tests have left empty: items behind `#[cfg(test)]`, and its own tests, which are last.
fn without_tests(text: &str) -> Vec<String> {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed != "#[cfg(test)]" && !trimmed.starts_with("#[cfg(all(test,") {
            kept.push(line.to_owned());
            continue;
        }
        kept.push(String::new());
        let Some(item) = lines.next() else { break };
        if item.starts_with("mod tests {") {
            break;
        }
        kept.push(String::new());
        let is_open = |line: &str| line.matches(['{', '(', '[']).count() > line.matches(['}', ')', ']']).count();
        // One that a `;` ends is whole, whatever stands in its texts.
        if is_open(item) && !item.trim_end().ends_with(';') {
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

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The paths that a `use` line names, each with the name that it gets where it gets another: `a::{b, c::{self, D as E}}` is
/// `a::b`, `a::c`, and `a::c::D` as `E`.
fn unfolded(text: &str, prefix: &[String], into: &mut Vec<(Vec<String>, Option<String>)>) {
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
        let (path, name) = path.split_once(" as ").map_or((path, None), |(path, name)| (path, Some(name.trim())));
        // `self` in a group is what the group is of.
        let names = path.split("::").map(str::trim);
        let names = names.filter(|name| !name.is_empty() && (*name != "self" || prefix.is_empty()));
        let whole: Vec<String> = prefix.iter().cloned().chain(names.map(str::to_owned)).collect();
        match group {
            Some(group) => unfolded(group.trim_end().strip_suffix('}').unwrap_or(group), &whole, into),
            None => into.push((whole, name.map(str::to_owned))),
        }
    }
}

/// The form from the root of a path that is named in `module`. What is nobody's name here is another crate's.
fn absolute(path: &[String], module: &[String], aliases: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let own = |length: usize| {
        let own = module[..length.min(module.len())].iter().cloned();
        std::iter::once("crate".to_owned()).chain(own).collect::<Vec<_>>()
    };
    let Some(first) = path.first() else { return Vec::new() };
    let mut base = match first.as_str() {
        "crate" => own(0),
        "self" => own(module.len()),
        "super" => own(module.len().saturating_sub(1)),
        name => aliases.get(name).cloned().unwrap_or_else(|| vec![name.to_owned()]),
    };
    for name in &path[1..] {
        match name.as_str() {
            "super" => drop(base.pop()),
            name => base.push(name.to_owned()),
        }
    }
    base
}

/// The paths in a line of code: `a::b::c` in `f(a::b::c(1))`.
fn paths(line: &str) -> impl Iterator<Item = Vec<String>> {
    // However they are spaced.
    let line = line.replace(" ::", "::").replace(":: ", "::");
    let words: Vec<Vec<String>> = line
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| word.contains("::"))
        .map(|word| word.trim_matches(':').split("::").map(str::to_owned).collect())
        .collect();
    words.into_iter()
}

/// A line whose `pub(in crate::room)` is `pub`: how far an item reaches names nobody.
fn without_reach(line: &str) -> String {
    let Some((before, rest)) = line.split_once("pub(in ") else { return line.to_owned() };
    rest.split_once(')').map_or_else(|| line.to_owned(), |(_, after)| format!("{before}pub{after}"))
}

#[test]
fn only_what_tests_have_is_not_looked_at() {
    let text = "use a::b;\n#[cfg(test)]\nmod trial;\n#[cfg(test)]\nmod tests;\nfn one() {}\n    #[cfg(test)]\n    fn two() {\n        \
                x();\n    }\nfn three() {}\n#[cfg(test)]\nconst A: &str = \"{\";\nfn four() {}\n#[cfg(test)]\nmod tests {\n    use c::d;\n}\n";
    let kept: Vec<String> = without_tests(text).into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(kept, ["use a::b;", "fn one() {}", "fn three() {}", "fn four() {}"]);
}

#[test]
fn a_path_is_the_same_however_it_is_named() {
    let named = |text: &str| {
        let source = Source::new("plan/diff/text.rs", text);
        let paths = source.named().into_iter().map(|named| named.path.join("::"));
        paths.collect::<Vec<_>>().join(" ")
    };
    for (text, path) in [
        ("use crate::engine::Engine;", "crate::engine::Engine"),
        ("use super::super::super::engine::Engine;", "crate::engine::Engine"),
        ("use {crate::engine::Engine};", "crate::engine::Engine"),
        ("use crate::{\n    engine::{self, Engine as E},\n};", "crate::engine crate::engine::Engine"),
        ("use crate as house;\nfn f() { house::engine::open() }", "crate crate::engine::open"),
        ("fn f() { crate ::engine :: open() }", "crate::engine::open"),
        ("macro_rules! e { () => { $crate::engine::Engine } }", "crate::engine::Engine"),
        ("use std::{fs, env};\nfn f() { fs::read(1) }", "std::fs std::env std::fs::read"),
        (
            "use time::OffsetDateTime as T;\nfn f() { T::now_utc() }",
            "time::OffsetDateTime time::OffsetDateTime::now_utc",
        ),
        ("mod part;\nfn f() { part::g(1) }", "crate::plan::diff::text::part::g"),
        ("pub(in crate::plan) use self::part::One;", "crate::plan::diff::text::part::One"),
        ("// crate::engine\n", ""),
    ] {
        assert_eq!(named(text), path, "{text}");
    }
}
