//! A root token for who brings enough shares (Vault API, `/sys/generate-root`): for when nobody has one any more. So it
//! asks for no token; whoever begins it says, or is told, the one-time password that hides the token from the others.
//!
//! An attempt to which nobody brings anything for a while makes room for another, so that a stranger's stands in nobody's
//! way. One that shares were brought to does not: who brings the next would bring it to another's password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::recovery::SharedKey;
use super::{Brought, Gate, Shares, lock, read_share};
use crate::engine::kernel::random;
use crate::engine::wire::error::Error;
use crate::secret::Secret;

/// What root tokens that are made so begin with, and how many random characters follow.
const PREFIX: &str = "hvs.";
const RANDOM: usize = 24;

/// How long a one-time password is: as the token.
pub(crate) const OTP_LENGTH: usize = PREFIX.len() + RANDOM;

/// After so many seconds in which no share came another attempt may begin.
const IDLE_SECONDS_MAX: i64 = 600;

/// An attempt on its way.
pub(super) struct Attempt {
    nonce: String,
    otp: Secret,
    brought: Brought,
    /// When it began, in Unix seconds.
    began: i64,
}

/// A root token that is made, and how it is told.
pub(crate) struct Made {
    /// Its text.
    pub(crate) token: Secret,
    /// The same, hidden by the one-time password, in base64.
    pub(crate) encoded: String,
    /// Of which attempt.
    pub(crate) nonce: String,
}

impl Gate {
    /// Begins an attempt; answers the one-time password where it was drawn here.
    ///
    /// # Errors
    /// One is on its way; a password of another length; a store without shares.
    pub(crate) fn begin_root(&self, otp: Option<Secret>) -> Result<Option<Secret>, Error> {
        self.in_shares()?;
        if let Some(given) = otp.as_ref().map(|otp| otp.expose().len()).filter(|length| *length != OTP_LENGTH) {
            return Err(Error::Invalid(format!("the OTP has {given} characters, and {OTP_LENGTH} are needed")));
        }
        let now = self.clock.now().unix_timestamp();
        let mut held = lock(&self.root);
        let stands =
            |attempt: &Attempt| attempt.brought.progress() > 0 || now.saturating_sub(attempt.began) < IDLE_SECONDS_MAX;
        if held.as_ref().is_some_and(stands) {
            return Err(Error::Invalid("root generation already in progress".to_owned()));
        }
        let drawn = if otp.is_none() { Some(Secret::new(random::base62(OTP_LENGTH)?)) } else { None };
        let Some(otp) = otp.or_else(|| drawn.clone()) else { return Ok(None) };
        *held = Some(Attempt { nonce: random::uuid()?, otp, brought: Brought::default(), began: now });
        Ok(drawn)
    }

    /// Under which nonce an attempt is on its way, how many shares were brought, and how many are needed.
    ///
    /// # Errors
    /// If the store can't be read.
    pub(crate) fn rooting(&self) -> Result<(Option<(String, usize)>, usize), Error> {
        let shares = match self.shared_key() {
            SharedKey::Unseal => self.shares()?,
            SharedKey::Recovery => self.recovery()?,
        };
        let needed = shares.map_or(0, |shares| shares.threshold);
        Ok((lock(&self.root).as_ref().map(|attempt| (attempt.nonce.clone(), attempt.brought.progress())), needed))
    }

    /// Gives an attempt up.
    pub(crate) fn cancel_root(&self) {
        *lock(&self.root) = None;
    }

    /// Takes a share; answers a token, which is not stored yet, once they are enough.
    ///
    /// # Errors
    /// Nothing to take it for; another nonce; shares that make another key: they are forgotten.
    pub(crate) fn bring_for_root(&self, text: &Secret, nonce: &str) -> Result<Option<Made>, Error> {
        let of: Shares = self.in_shares()?;
        let (enough, otp, nonce) = {
            let mut held = lock(&self.root);
            let none = || Error::Invalid("no root generation in progress".to_owned());
            let attempt = held.as_mut().ok_or_else(none)?;
            if attempt.nonce != nonce {
                let running = &attempt.nonce;
                return Err(Error::Invalid(format!(
                    "incorrect nonce supplied; nonce for this root generation operation is {running:?}"
                )));
            }
            let Some(enough) = attempt.brought.add(read_share(text, of)?, of.threshold)? else { return Ok(None) };
            (enough, attempt.otp.clone(), attempt.nonce.clone())
        };
        let wrong = || Error::Invalid("root generation failed, invalid key: bring the shares again".to_owned());
        if !self.proves(&enough)? {
            return Err(wrong());
        }
        self.cancel_root();
        let token = Secret::new(format!("{PREFIX}{}", random::base62(RANDOM)?));
        let hidden: Vec<u8> =
            token.expose().bytes().zip(otp.expose().bytes()).map(|(token, otp)| token ^ otp).collect();
        Ok(Some(Made { token, encoded: STANDARD_NO_PAD.encode(hidden), nonce }))
    }
}
