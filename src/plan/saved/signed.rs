//! A saved plan with who vouches for it.

use super::{Error, Saved};
use crate::ssh::{self, PublicKey, Signature};

/// What plans are signed for: ssh's namespace.
pub const PURPOSE: &str = "leasehold-plan";

/// A saved plan as it lies there.
#[derive(Debug)]
pub struct Opened {
    /// The plan.
    pub plan: Saved,
    /// The file, byte for byte.
    bytes: Vec<u8>,
    /// What lies beside it as its signature.
    signature: Option<String>,
}

/// Why a plan counts as signed by nobody.
#[derive(Debug, thiserror::Error)]
pub enum Unsigned {
    /// There is no signature.
    #[error("the plan is not signed")]
    None,
    /// There is something that is none.
    #[error("the plan's signature does not hold: {0}")]
    Bad(#[from] ssh::Error),
    /// It is by somebody else.
    #[error("the plan is signed by {0}, who is no signer of this environment")]
    Stranger(Box<PublicKey>),
}

impl Opened {
    /// Reads a file, and what lies beside it as its signature.
    ///
    /// # Errors
    /// As [`Saved::read`]: whether it is signed is asked later.
    pub fn read(bytes: Vec<u8>, signature: Option<String>) -> Result<Self, Error> {
        Ok(Self { plan: Saved::read(&bytes)?, bytes, signature })
    }

    /// Which of these keys signed it.
    ///
    /// # Errors
    /// Nobody signed it, the signature is none or of something else, or it is none of these keys'.
    pub fn signer<'k>(&self, signers: &'k [PublicKey]) -> Result<&'k PublicKey, Unsigned> {
        let signature = Signature::of_text(self.signature.as_deref().ok_or(Unsigned::None)?)?;
        let key = signature.verify(PURPOSE, &self.bytes)?;
        signers.iter().find(|signer| *signer == key).ok_or_else(|| Unsigned::Stranger(Box::new(key.clone())))
    }
}
