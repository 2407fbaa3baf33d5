//! What a template works with: what it can name, and values.

use time::OffsetDateTime;

/// What a template can name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// `.Type`: `IAM` or `STS`.
    pub(crate) kind: &'a str,
    /// `.DisplayName`: the token's display name.
    pub(crate) display_name: &'a str,
    /// `.PolicyName`: the role's name.
    pub(crate) policy_name: &'a str,
    /// For `unix_time` and its like.
    pub(crate) now: OffsetDateTime,
    /// What differs from one name to the next.
    pub(crate) chance: Chance,
}

/// Where a template's chance comes from: `None` when there is none to be had.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    /// This many characters of base 62, for `random`.
    pub(crate) base62: fn(usize) -> Option<String>,
    /// For `uuid`.
    pub(crate) uuid: fn() -> Option<String>,
}

/// The most a template may print, in bytes. IAM takes far less.
pub(super) const OUTPUT_MAX: usize = 4096;

/// A value inside a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Flag(bool),
}

impl Value {
    /// As it is printed.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }

    /// Whether a condition on it holds.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0,
            Self::Flag(flag) => *flag,
        }
    }
}
