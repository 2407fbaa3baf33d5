//! How declarations are laid out: a file in its canonical form, and the same declarations in the other syntax. Pure.
//!
//! What comes out is read again before anybody gets it, and is refused where it would not say the same: a mistake in here
//! can't change what a file declares, nor lose one of its comments.

mod convert;
mod hcl;
mod json;
mod syntax;
mod words;
mod yaml;

pub(crate) use self::convert::{Converted, converted};
pub(crate) use self::json::{is_json, json_formatted};
pub use self::syntax::Syntax;
use self::syntax::not_the_same;
pub(crate) use self::words::{hcl_key, hcl_text, heredoc, is_literal, scalar, untemplated};
use crate::estate::{self, Problem};

/// A file in its canonical form, by its name and its text.
///
/// # Errors
/// What is wrong with its syntax; of YAML also what the estate does not take of it.
pub(crate) fn formatted(name: &str, text: &str) -> Result<String, Vec<Problem>> {
    match Syntax::of(name) {
        Some(Syntax::Yaml) => yaml::formatted(name, text),
        _ => {
            if let Err(problem) = estate::hcl_syntax(name, text) {
                return Err(vec![problem]);
            }
            let shown = hcl::laid_out(text);
            // Where the parsers of this room and of the estate differ, the estate's counts.
            let is_read_as_before = match (estate::tree_of(name, text), estate::tree_of(name, &shown)) {
                (Ok(before), Ok(after)) => after.says_what(&before),
                (before, after) => before.is_err() == after.is_err() && estate::hcl_syntax(name, &shown).is_ok(),
            };
            if !hcl::is_same(text, &shown) || !is_read_as_before {
                return Err(vec![not_the_same(name)]);
            }
            Ok(shown)
        }
    }
}

#[cfg(test)]
mod tests;
