//! What a client showed of itself when its connection began, before any request. Nothing that a request says can make one:
//! headers of proxies are not read.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

/// What was shown.
#[derive(Clone, Debug, Default)]
pub(crate) enum Presented {
    /// Nothing could be: the connection has no TLS.
    #[default]
    Plain,
    /// No certificate, or one that nobody can read.
    Nothing,
    /// Certificates.
    Chain(Arc<Chain>),
}

impl Presented {
    /// The certificates, if there are any.
    pub(crate) fn chain(&self) -> Option<&Chain> {
        match self {
            Self::Chain(chain) => Some(chain),
            Self::Plain | Self::Nothing => None,
        }
    }
}

/// The certificates of a client, which showed in the handshake that it has the key of the first. Nothing says that
/// anybody trusts them, nor that they have not ended.
#[derive(Debug)]
pub(crate) struct Chain {
    /// Whose it is.
    pub(crate) own: CertificateDer<'static>,
    /// What the client says leads from it to somebody who is trusted; whatever it likes.
    pub(crate) between: Vec<CertificateDer<'static>>,
    /// The serial number of the first, in decimal, as the trail has it.
    pub(crate) serial_number: String,
}
