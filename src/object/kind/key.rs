//! The key that a mount asks AWS with, in a kind that has one. An engine tells its id and never its secret, and may have
//! another one than was written: it rotated it.

use super::live::Live;
use super::object::Object;
use super::{Kind, Update};

/// Which fields of a kind are the key, and what is known of it.
#[derive(Debug)]
pub struct RootKey {
    /// The field of its id, which engines tell.
    pub id: &'static str,
    /// The field of its secret.
    pub secret: &'static str,
    /// The block that declares it.
    pub block: &'static str,
    /// Whether what is live and what is declared surely sign for one account, or nothing that is issued is in one.
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
        self.key().is_some_and(|key| key.fields().contains(&field))
    }

    /// Whether a write that does not name the key leaves it to the engine. Else nothing can be written beside a key whose
    /// secret nobody knows.
    pub fn spares_key(&self) -> bool {
        self.update == Update::Merge
    }
}

impl Live {
    /// The id of the key that an engine has; `None` if it has none of its own, and of kinds without keys.
    pub fn key(&self) -> Option<&str> {
        self.fields.get(self.kind.key()?.id)?.as_str().filter(|key| !key.is_empty())
    }
}
