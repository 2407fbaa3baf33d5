//! How declarations are laid out: a file in its canonical form, and the same declarations in the other syntax. Pure.
//!
//! What comes out is read again before anybody gets it, and is refused where it would not say the same: a mistake in here
//! can't change what a file declares, nor lose one of its comments.

mod convert;
mod hcl;
mod words;
mod yaml;

pub(crate) use self::convert::{Converted, converted};
pub(crate) use self::words::{hcl_key, hcl_text, heredoc, is_literal, scalar, untemplated};
use crate::estate::{self, Problem};

/// The longest line that is written where one can be broken.
const WIDTH: usize = 120;

/// The two spellings of an estate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `*.hcl`.
    Hcl,
    /// `*.yaml`, `*.yml`.
    Yaml,
}

impl Syntax {
    /// Of a file by its name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "hcl" => Some(Self::Hcl),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// How its files end.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Hcl => "hcl",
            Self::Yaml => "yaml",
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Hcl => Self::Yaml,
            Self::Yaml => Self::Hcl,
        }
    }

    /// As it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hcl => "HCL",
            Self::Yaml => "YAML",
        }
    }
}

/// A comment of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Comment {
    /// Where it begins, in bytes.
    at: usize,
    /// What it says, without its mark.
    text: String,
    /// Whether nothing else is before it in its line.
    is_alone: bool,
}

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
            if !hcl::is_same(text, &shown) || estate::hcl_syntax(name, &shown).is_err() {
                return Err(vec![not_the_same(name)]);
            }
            Ok(shown)
        }
    }
}

/// That a file would not say the same afterwards.
fn not_the_same(name: &str) -> Problem {
    Problem::with_file(
        name,
        "this file can't be laid out without changing what it says, and is left as it is".to_owned(),
    )
    .hint("this is a defect of leasehold's: please report it with the file")
}

#[cfg(test)]
mod tests;
