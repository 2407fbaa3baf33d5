//! Which of the objects that are asked about a request is of, by its path as engines take it.
//!
//! A path is gone through once, and no longer than the longest that is asked about may be: what a line costs is its length.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::asked::Question;
use super::entry::Request;

/// The objects, by where they are written.
#[derive(Debug)]
pub(super) struct Concerned {
    /// By what they are with every letter in lower case.
    addresses: HashMap<String, Vec<Address>>,
    /// How long these are.
    lengths: HashSet<usize>,
    longest: usize,
}

#[derive(Debug)]
struct Address {
    text: String,
    /// From where on its case says nothing.
    name_at: usize,
    /// Of the object.
    path: String,
}

impl Concerned {
    pub(super) fn new(questions: &[Question]) -> Self {
        let mut addresses: HashMap<String, Vec<Address>> = HashMap::new();
        for one in questions {
            for text in [Some(&one.path), one.also.as_ref()].into_iter().flatten() {
                let name_at = text.len().saturating_sub(one.folds);
                let address = Address { text: text.clone(), name_at, path: one.path.clone() };
                addresses.entry(text.chars().map(lower).collect()).or_default().push(address);
            }
        }
        let lengths: HashSet<usize> = addresses.keys().map(String::len).collect();
        let longest = lengths.iter().copied().max().unwrap_or_default();
        Self { addresses, lengths, longest }
    }

    /// The paths of the objects that a write may be of, and of each whether it takes the object away: at its path, at each path
    /// that it is below, and below a mount that goes.
    pub(super) fn by(&self, request: &Request) -> Vec<(&str, bool)> {
        let path = taken(&request.path);
        let path = path.trim_end_matches('/');
        let deletes = request.operation == "delete";
        let mut found = Vec::new();
        let mut folded = String::new();
        for (at, char) in path.char_indices() {
            if folded.len() > self.longest {
                break;
            }
            if char == '/' {
                let is_of = |object: &&str| !makes_of_it(object, &path[at + 1..]);
                found.extend(self.at(&folded, &path[..at]).filter(is_of).map(|object| (object, false)));
            }
            folded.push(lower(char));
        }
        // Where the path was gone through to its end.
        found.extend(self.at(&folded, path).map(|object| (object, deletes)));
        if let Some(settings) = path.strip_suffix("/rotate-root").filter(|settings| settings.len() <= self.longest) {
            for name in ["root", "client"] {
                let setting = format!("{settings}/{name}");
                let folded: String = setting.chars().map(lower).collect();
                found.extend(self.at(&folded, &setting).map(|object| (object, false)));
            }
        }
        if let Some(mount) = mount_of(path).filter(|_| deletes) {
            let all = self.addresses.values().flatten();
            let below = all.filter(|one| one.text == one.path && one.text.strip_prefix(mount).is_some_and(is_below));
            found.extend(below.map(|one| (one.path.as_str(), true)));
        }
        found
    }

    fn at(&self, folded: &str, written: &str) -> impl Iterator<Item = &str> {
        let known = self.lengths.contains(&folded.len()).then(|| self.addresses.get(folded)).flatten();
        let is_it = move |one: &&Address| written.get(..one.name_at) == one.text.get(..one.name_at);
        // What is no name is the same to its end.
        let is_it = move |one: &&Address| is_it(one) && (one.name_at < one.text.len() || one.text == written);
        let found: Vec<&str> = known.into_iter().flatten().filter(is_it).map(|one| one.path.as_str()).collect();
        found.into_iter()
    }
}

/// One letter in lower case, as Go's `unicode.ToLower` has it.
fn lower(char: char) -> char {
    char.to_lowercase().next().unwrap_or(char)
}

/// A path as engines take it: an auth method is one of the mounts, and `vault auth tune` writes it there.
fn taken(path: &str) -> Cow<'_, str> {
    match path.strip_prefix("sys/mounts/auth/") {
        Some(rest) => Cow::Owned(format!("sys/auth/{rest}")),
        None => Cow::Borrowed(path),
    }
}

/// Whether what is written below an object makes something of it, and leaves it as it is: secret ids of a login, versions of
/// a transit key.
fn makes_of_it(object: &str, below: &str) -> bool {
    let first = below.split('/').next().unwrap_or_default();
    match first {
        "secret-id" | "custom-secret-id" | "secret-id-accessor" => true,
        "rotate" | "trim" | "import_version" => object.rsplit('/').nth(1) == Some("keys"),
        _ => false,
    }
}

/// The mount that a path of `sys/` is about, as paths below it begin.
fn mount_of(path: &str) -> Option<&str> {
    path.strip_prefix("sys/mounts/").or_else(|| path.strip_prefix("sys/").filter(|rest| rest.starts_with("auth/")))
}

fn is_below(rest: &str) -> bool {
    rest.starts_with('/')
}
