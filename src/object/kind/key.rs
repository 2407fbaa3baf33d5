//! The key that a mount signs with, in a kind that has one. An engine tells its id and never its secret, and may have
//! another one than was written: it rotated it.

use super::Kind;
use super::live::Live;
use super::object::Object;

/// Which fields of a kind are the key, and what is known of it.
#[derive(Debug)]
pub struct RootKey {
    /// The field of its id, which engines tell.
    pub id: &'static str,
    /// The field of its secret.
    pub secret: &'static str,
    /// Whether what is live and what is declared surely sign for one account.
    pub is_same_account: fn(before: &Live, after: &Object) -> bool,
}

impl RootKey {
    /// Its fields.
    pub fn fields(&self) -> [&'static str; 2] {
        [self.id, self.secret]
    }
}

impl Kind {
    /// Whether a field is part of the kind's key.
    pub fn is_of_key(&self, field: &str) -> bool {
        self.key.is_some_and(|key| key.fields().contains(&field))
    }
}

impl Live {
    /// The id of the key that an engine has; `None` if it has none of its own, and of kinds without keys.
    pub fn key(&self) -> Option<&str> {
        self.fields.get(self.kind.key?.id)?.as_str().filter(|key| !key.is_empty())
    }
}
