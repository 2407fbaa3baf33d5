//! What came of an import, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::terraform::Unplaced;
use super::words::Secret;
use crate::text::{count, one_line};

/// Lines of one sort that are shown; JSON has all.
const SHOWN_MAX: usize = 40;

/// What came of an import.
#[derive(Debug, Default)]
pub struct Report {
    /// The environment.
    pub environment: String,
    /// The engine's address, or the path of what Terraform has.
    pub address: String,
    /// Whether that is Terraform's.
    pub is_terraforms: bool,
    /// What is declared now: its path, and the file.
    pub declared: BTreeMap<String, String>,
    /// What stands as `object`: its path, and why.
    pub objects: BTreeMap<String, String>,
    /// What could not be carried over, and why.
    pub left: BTreeMap<String, String>,
    /// What of Terraform's could not be carried over.
    pub unplaced: Vec<Unplaced>,
    /// What an engine has of what Terraform declares, where one was asked.
    pub compared: Option<Compared>,
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
        if self.left.is_empty() && self.unplaced.is_empty() { 0 } else { 2 }
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
            let _ = writeln!(out, "\n{}", self.proof());
        }
        let shown = |(path, why): (&String, &String)| format!("{}: {}", one_line(path), one_line(why));
        section(&mut out, "As `object`, for want of a word", self.objects.iter().map(shown));
        section(&mut out, "Left out: it can't be said yet", self.left.iter().map(shown));
        let unplaced = self.unplaced.iter().map(Unplaced::text);
        let title = format!("{} not carried over", count(self.unplaced.len(), "thing"));
        section(&mut out, &title, unplaced);
        let differing = self.compared.iter().flat_map(|compared| &compared.differing);
        section(&mut out, "The engine has it otherwise", differing.map(shown));
        section(&mut out, "Left to others", self.others.iter().map(shown));
        section(
            &mut out,
            "Not looked at: this token may not",
            self.hidden.iter().map(|path| one_line(path).into_owned()),
        );
        let title = if self.is_terraforms { "are not taken from Terraform" } else { "no engine tells" };
        section(&mut out, &format!("Secrets to give, which {title}"), self.secrets.iter().map(Secret::text));
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
        let mut report = json!({
            "environment": self.environment,
            "address": self.address,
            "declared": pairs(&self.declared, "file"),
            "objects": pairs(&self.objects, "why"),
            "left_out": pairs(&self.left, "why"),
            "others": pairs(&self.others, "owner"),
            "not_looked_at": self.hidden,
            "secrets": secrets,
            "notes": self.notes,
        });
        if self.is_terraforms {
            report["not_carried_over"] = self.unplaced.iter().map(Unplaced::json).collect();
            report["compared"] = self.compared.as_ref().map(Compared::json).unwrap_or_default();
        }
        report
    }

    /// What is known of the files that were written.
    fn proof(&self) -> String {
        match &self.compared {
            _ if !self.is_terraforms => {
                "Proved: by these files, a plan with --adopt takes over what is there as it is, and \
                                         changes no field of it."
                    .to_owned()
            }
            None => {
                "Proved: these files are an estate. No engine was asked: name it with --address to see what of them it \
                     has."
                    .to_owned()
            }
            Some(Compared { address, same, differing }) if differing.is_empty() => format!(
                "Proved: {} has {} of them, and by these files a plan with --adopt changes no field of it.",
                one_line(address),
                if *same == self.imported() { "all".to_owned() } else { same.to_string() }
            ),
            Some(Compared { address, same, .. }) => format!(
                "Proved: these files are an estate. {} has {same} of {} as they say.",
                one_line(address),
                count(self.imported(), "object")
            ),
        }
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

/// What an engine has of what was imported.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Its address.
    pub address: String,
    /// How many objects it has just so.
    pub same: usize,
    /// The others, and what a plan would do to them.
    pub differing: BTreeMap<String, String>,
}

impl Compared {
    fn json(&self) -> Value {
        let differing: Value =
            self.differing.iter().map(|(path, what)| json!({ "path": path, "what": what })).collect();
        json!({ "address": self.address, "same": self.same, "differing": differing })
    }
}

impl Unplaced {
    fn text(&self) -> String {
        let parts = [&self.place, &self.address, &self.why];
        let parts = parts.into_iter().filter(|part| !part.is_empty()).map(|part| one_line(part));
        parts.collect::<Vec<_>>().join(": ")
    }

    fn json(&self) -> Value {
        json!({ "place": self.place, "address": self.address, "why": self.why })
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
