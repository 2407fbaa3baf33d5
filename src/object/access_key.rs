//! What a change does to access keys that work in AWS: told to people as words, and to programs as it is.

use std::fmt;

/// From this length on an id has capital letters and digits alone, as AWS makes them: what else is so long may be a key.
const SHORT: usize = 16;

/// Whether a text may be the id of an access key, which is no secret. A simulated AWS takes short words for one.
/// Source: IAM API, "AccessKey": 16 to 128 characters, `[\w]+`; "IAM identifiers": `AKIA` and capital letters and digits.
pub(crate) fn is_id(text: &str) -> bool {
    let is_letter = |byte: u8| match text.len() < SHORT {
        true => byte.is_ascii_alphanumeric() || byte == b'_',
        false => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
    };
    text.len() <= 128 && text.bytes().all(is_letter)
}

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
