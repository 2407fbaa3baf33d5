//! The two syntaxes, and what files in both have.

use crate::estate::Problem;

/// The longest line that is written where one can be broken.
pub(super) const WIDTH: usize = 120;

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
pub(super) struct Comment {
    /// Where it begins, in bytes.
    pub(super) at: usize,
    /// What it says, without its mark.
    pub(super) text: String,
    /// Whether nothing else is before it in its line.
    pub(super) is_alone: bool,
}

/// That a file would not say the same afterwards.
pub(super) fn not_the_same(name: &str) -> Problem {
    Problem::with_file(
        name,
        "this file can't be laid out without changing what it says, and is left as it is".to_owned(),
    )
    .hint("this is a defect of leasehold's: please report it with the file")
}
