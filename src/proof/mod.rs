//! What proves who logs in, as far as texts say it: public keys and algorithms of those who vouch for it, where they are
//! asked, and by whose certificates they are known. The engine goes by it, and an estate is checked with it before an
//! engine hears of it.

mod key;
mod peer;

pub(crate) use self::key::{ALGORITHMS, Key, keys_of_pem, unknown_algorithm};
pub(crate) use self::peer::{address, certificates, host};

/// What to do about certificates that are none.
pub(crate) const CERTIFICATES_HINT: &str =
    "certificates are PEM text that stands here itself, not in a file: -----BEGIN CERTIFICATE-----";

/// What to do about public keys that are none.
pub(crate) const KEYS_HINT: &str =
    "keys are PEM text that stands here itself, not in a file: -----BEGIN PUBLIC KEY-----";
