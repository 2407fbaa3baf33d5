//! Texts from files and engines as a plan shows them.

use crate::text::one_line;

/// A commit as people read it: twelve digits, and what follows the hash.
pub fn short(commit: &str) -> String {
    let (hash, rest) = commit.split_at(commit.find('-').unwrap_or(commit.len()));
    format!("{}{}", escape(hash.get(..12).unwrap_or(hash)), escape(rest))
}

/// A text on a line of a plan: nothing in it acts, and tabs are four spaces.
pub fn escape(text: &str) -> String {
    one_line(&text.replace('\t', "    ")).into_owned()
}
