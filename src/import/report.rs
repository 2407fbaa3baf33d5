//! What came of an import, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::words::Secret;
use crate::text::{count, one_line};

/// Lines of one sort that are shown; JSON has all.
const SHOWN_MAX: usize = 40;

/// What came of an import.
#[derive(Debug, Default)]
pub struct Report {
    /// The environment.
    pub environment: String,
    /// The engine's address.
    pub address: String,
    /// What is declared now: its path, and the file.
    pub declared: BTreeMap<String, String>,
    /// What stands as `object`: its path, and why.
    pub objects: BTreeMap<String, String>,
    /// What could not be carried over, and why.
    pub left: BTreeMap<String, String>,
    /// What others have, by path: whose it is.
    pub others: BTreeMap<String, String>,
    /// What this token may not look at.
    pub hidden: Vec<String>,
    /// What somebody has to give.
    pub secrets: Vec<Secret>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

impl Report {
    /// The exit code: 2 where something could not be carried over.
    pub fn exit_code(&self) -> u8 {
        if self.left.is_empty() { 0 } else { 2 }
    }

    /// How many objects were taken over into files.
    pub fn imported(&self) -> usize {
        self.declared.len() + self.objects.len()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let (all, declared, objects) = (self.imported(), self.declared.len(), self.objects.len());
        let from = one_line(&self.address);
        let _ =
            writeln!(out, "Imported {} from {from}: {declared} declared, {objects} as `object`.", count(all, "object"));
        let files = self.files();
        let width = files.keys().map(|name| name.len()).max().unwrap_or_default();
        for (name, objects) in &files {
            let _ = writeln!(out, "  {:width$}  {}", one_line(name), count(*objects, "object"));
        }
        if all > 0 {
            let _ = writeln!(
                out,
                "\nProved: by these files, a plan with --adopt takes over what is there as it is, and changes no field of it."
            );
        }
        let shown = |(path, why): (&String, &String)| format!("{}: {}", one_line(path), one_line(why));
        section(&mut out, "As `object`, for want of a word", self.objects.iter().map(shown));
        section(&mut out, "Left out: it can't be said yet", self.left.iter().map(shown));
        section(&mut out, "Left to others", self.others.iter().map(shown));
        section(
            &mut out,
            "Not looked at: this token may not",
            self.hidden.iter().map(|path| one_line(path).into_owned()),
        );
        section(&mut out, "Secrets to give, which no engine tells", self.secrets.iter().map(Secret::text));
        for note in &self.notes {
            let _ = writeln!(out, "\nNote: {}", one_line(note));
        }
        out
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let pairs = |map: &BTreeMap<String, String>, word: &str| -> Value {
            map.iter().map(|(path, value)| json!({ "path": path, word: value })).collect()
        };
        let secrets: Value = self.secrets.iter().map(Secret::json).collect();
        json!({
            "environment": self.environment,
            "address": self.address,
            "declared": pairs(&self.declared, "file"),
            "objects": pairs(&self.objects, "why"),
            "left_out": pairs(&self.left, "why"),
            "others": pairs(&self.others, "owner"),
            "not_looked_at": self.hidden,
            "secrets": secrets,
            "notes": self.notes,
        })
    }

    /// How many objects each file declares.
    fn files(&self) -> BTreeMap<&String, usize> {
        let mut files = BTreeMap::new();
        for file in self.declared.values() {
            *files.entry(file).or_default() += 1;
        }
        files
    }
}

impl Secret {
    fn text(&self) -> String {
        let Self { variable, path, field, kept } = self;
        let when = if *kept { "where the engine has none: it keeps its own" } else { "for an apply that writes it" };
        format!("{variable}: {field} of {}, {when}", one_line(path))
    }

    fn json(&self) -> Value {
        json!({ "variable": self.variable, "path": self.path, "field": self.field, "kept": self.kept })
    }
}

fn section(out: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{title}:");
    for line in lines.iter().take(SHOWN_MAX) {
        let _ = writeln!(out, "  {line}");
    }
    if lines.len() > SHOWN_MAX {
        let _ = writeln!(out, "  ... and {} more (--format json has all)", lines.len() - SHOWN_MAX);
    }
}
