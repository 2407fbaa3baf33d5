//! What a handshake fails by. Pure.

/// What a handshake failed by, as far as there is something to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFault {
    /// The other end does not speak TLS.
    NotTls,
    /// Nobody who is trusted signed its certificate.
    UnknownIssuer,
    /// Its certificate is one of a CA, as self-signed ones are.
    CaAsServer,
    /// Anything else.
    Other,
}
