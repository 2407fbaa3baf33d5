//! What a change does to access keys that work in AWS: told to people as words, and to programs as it is.

use std::fmt;

/// What becomes of access keys by a change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// What becomes of them.
    pub fate: KeyFate,
    /// The IAM user whose keys they are, where the object says it.
    pub user: Option<String>,
}

/// What becomes of access keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyFate {
    /// One is made at once; of two that are there the older one goes.
    Minted,
    /// One is made when that which is there gets older than the object says, or is so already.
    Rotated,
    /// The engine itself has another one from then on.
    Replaced,
    /// All of the user are deleted.
    Destroyed,
}

impl KeyFate {
    /// Every fate.
    pub const ALL: [Self; 4] = [Self::Minted, Self::Rotated, Self::Replaced, Self::Destroyed];

    /// Its name for programs. Stable.
    pub fn id(self) -> &'static str {
        match self {
            Self::Minted => "minted",
            Self::Rotated => "rotated",
            Self::Replaced => "replaced",
            Self::Destroyed => "destroyed",
        }
    }
}

impl fmt::Display for KeyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fate {
            KeyFate::Minted => write!(
                f,
                "an access key of the IAM user {} is made now, and its keys are the engine's from then on: where it has two, \
                 the older one is deleted",
                self.user.as_deref().unwrap_or_default()
            ),
            KeyFate::Rotated => {
                f.write_str("its key is made anew when it is older than that, at once if it is already")
            }
            KeyFate::Replaced => {
                f.write_str("the engine signs with other credentials from now on; what they can't delete stays in AWS")
            }
            KeyFate::Destroyed => f.write_str("the keys of its IAM user are deleted: what has one works no more"),
        }
    }
}
