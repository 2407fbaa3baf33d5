//! The two accounts behind an endpoint: their numbers, and the keys that open them.

use crate::secret::Secret;

/// The account's number. Not an account: AWS's documentation uses it for examples.
pub const ACCOUNT_ID: &str = "123456789012";
/// The access key id of the account itself. It is the same in every sandbox, and opens nothing else.
pub const ROOT_ACCESS_KEY: &str = "AKIALEASEHOLDSANDBOX";
/// The secret of [`ROOT_ACCESS_KEY`]. Public, as it protects nothing.
pub const ROOT_SECRET: &str = "sandbox/secret/that/protects/nothing/000";

/// The IAM user that an engine signs as where it is told no key: an administrator of the account.
pub const ENGINE_USER: &str = "leasehold-engine";
/// The access key id of [`ENGINE_USER`]; its secret is [`ROOT_SECRET`].
pub const ENGINE_ACCESS_KEY: &str = "AKIALEASEHOLDENGINE0";

/// The number of the second account, where [`Faults::open_second_account`](super::Faults::open_second_account) has opened it.
pub const SECOND_ACCOUNT_ID: &str = "210987654321";
/// The access key id of the second account itself; its secret is [`ROOT_SECRET`].
pub const SECOND_ROOT_ACCESS_KEY: &str = "AKIALEASEHOLDANOTHER";

/// [`ROOT_ACCESS_KEY`] and [`ROOT_SECRET`], as an engine takes them.
pub fn root_key() -> (String, Secret) {
    (ROOT_ACCESS_KEY.to_owned(), Secret::new(ROOT_SECRET))
}

/// [`ENGINE_ACCESS_KEY`] and its secret, as an engine takes them. It opens an account that
/// [`Account::add_engine_user`](super::Account::add_engine_user) was asked of.
pub fn engine_key() -> (String, Secret) {
    (ENGINE_ACCESS_KEY.to_owned(), Secret::new(ROOT_SECRET))
}

/// One of the two accounts behind an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The one that is always there.
    First,
    /// The one that has to be opened.
    Second,
}

impl Which {
    /// Its number.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::First => ACCOUNT_ID,
            Self::Second => SECOND_ACCOUNT_ID,
        }
    }
}

/// Who signed a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// The account itself.
    Root,
    /// An IAM user, by name.
    User(String),
    /// A session, by access key id.
    Session(String),
}
