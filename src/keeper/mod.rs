//! Credentials that are kept for apps while they run: renewed or replaced before they end, and handed on to SDKs, into
//! files and to whoever holds one itself. It knows an engine by the Vault API alone, and gets the credential from a
//! [`Source`].

mod credential;
mod endpoint;
mod file;
mod held;
mod keep;
mod places;
mod source;

pub use self::credential::{Credential, quoted};
pub use self::endpoint::Endpoint;
pub use self::file::{Form, KeptFile, MODE_FIX};
pub use self::held::{Held, Renewal, Sight};
pub use self::keep::{Keeper, Kept, LOOK_EVERY};
pub use self::source::{Issued, Source, Trouble};
