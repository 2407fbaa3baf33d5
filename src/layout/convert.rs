//! Declarations in the other syntax. What they say is the tree that both are spellings of; what they say beside it,
//! comments and empty lines, is taken from the text by its place, and given to what it stands with.

mod items;
mod placed;
mod to_hcl;
mod to_yaml;

use super::syntax::{Comment, Syntax};
use super::{hcl, yaml};
use crate::estate::{self, Problem};

/// A file in the other syntax.
#[derive(Debug)]
pub(crate) struct Converted {
    /// Its text, in canonical form.
    pub(crate) text: String,
    /// What is true of it and should be known.
    pub(crate) notes: Vec<String>,
}

/// A file, by its name, in the syntax that it is not in.
///
/// # Errors
/// What is not understood in it; that it can't be said.
pub(crate) fn converted(name: &str, text: &str) -> Result<Converted, Vec<Problem>> {
    let from = Syntax::of(name).unwrap_or(Syntax::Hcl);
    let tree = estate::tree_of(name, text)?;
    let comments = match from {
        Syntax::Hcl => hcl::comments(text),
        Syntax::Yaml => yaml::comments(text),
    };
    let mut root = items::of_tree(tree.root(), from);
    placed::place(&mut root, text, &comments, from);
    let shown = match from {
        Syntax::Hcl => yaml::laid_out(&to_yaml::written(root)),
        Syntax::Yaml => Some(hcl::laid_out(&to_hcl::written(root))),
    };
    let cannot = || {
        let what = format!("this file can't be said in {}", from.other().name());
        vec![
            Problem::with_file(name, what)
                .hint("`leasehold validate` says whether it is of an estate; if it is, please report it with the file"),
        ]
    };
    let shown = shown.ok_or_else(cannot)?;
    let after = estate::tree_of(&format!("file.{}", from.other().ending()), &shown).map_err(|_| cannot())?;
    let there = match from {
        Syntax::Hcl => yaml::comments(&shown),
        Syntax::Yaml => hcl::comments(&shown),
    };
    // Every comment's words, wherever its lines are broken.
    let words = |comments: &[Comment]| {
        let words = comments.iter().flat_map(|comment| comment.text.split_whitespace());
        let mut words: Vec<String> = words.map(str::to_owned).collect();
        words.sort_unstable();
        words
    };
    if !after.says_what(&tree) || words(&comments) != words(&there) {
        return Err(cannot());
    }
    Ok(Converted { text: shown, notes: notes(text, from) })
}

/// YAML's anchors have no like in HCL.
fn notes(text: &str, from: Syntax) -> Vec<String> {
    let repeats = from == Syntax::Yaml && yaml::repeats(text);
    let note = "what its aliases repeat is written out, since HCL has none".to_owned();
    if repeats { vec![note] } else { Vec::new() }
}
