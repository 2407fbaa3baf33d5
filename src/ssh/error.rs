//! Why a key or a signature is not used.

/// Why a key or a signature is not used. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It ends too early, or something else is in its place.
    #[error("{0} can't be understood")]
    Malformed(&'static str),
    /// A sort of key that is not known here.
    #[error(
        "keys of the type `{0}` are not known here: it is ssh-ed25519, ecdsa-sha2-nistp256, ecdsa-sha2-nistp384 or ssh-rsa"
    )]
    KeyType(String),
    /// A private key that this program does not sign with.
    #[error("it is a key of the type `{0}`, and signing takes an ssh-ed25519 key")]
    Signs(String),
    /// A private key behind a passphrase.
    #[error("it is behind a passphrase")]
    Encrypted,
    /// A signature for something else.
    #[error("it was made for `{found}`, not for `{wanted}`")]
    Namespace {
        /// What for.
        found: String,
        /// What it should be for.
        wanted: String,
    },
    /// A way to sign that is not known here, or not good enough.
    #[error("it was made with `{0}`, which is not known here or not good enough")]
    Algorithm(String),
    /// It is not of this text and key.
    #[error("it is not of this text, or not by the key that it names")]
    Wrong,
}
