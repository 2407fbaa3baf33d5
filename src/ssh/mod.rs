//! Signatures as ssh makes them: keys, and what was signed with them. So people sign with what they have, `ssh-keygen -Y`
//! makes and checks the same files, and git's signed commits are checked by the same keys.
//!
//! Formats alone are here; the mathematics are aws-lc's. Pure. A signature is made for one purpose, its namespace, so that
//! one of a commit is none of a plan.
//!
//! Sources: OpenSSH, `PROTOCOL.sshsig` and `PROTOCOL.key`; RFC 4251, section 5 (texts and numbers), RFC 4253, section 6.6,
//! and RFC 8332 (RSA), RFC 5656 (ECDSA), RFC 8709 (Ed25519).

mod error;
mod private_key;
mod public_key;
mod signature;
mod wire;

pub use self::error::Error;
pub use self::private_key::PrivateKey;
pub use self::public_key::PublicKey;
pub use self::signature::Signature;

#[cfg(test)]
mod tests;
