//! A key in shares: any `threshold` of them make it again, and fewer tell nothing about it. Pure.
//!
//! Shares are those of Vault (`shamir/shamir.go`): the polynomials' values over GF(2^8) with the modulus 0x11b, one
//! for each byte of the key, and behind them where they were taken, which is no secret: `y.. || x`. `vsss-rs` has the
//! same field, multiplies without branches and tables, and puts `x` in front. One share alone is the key itself.
//!
//! Too few shares, or shares of two keys, make another key, and nothing here knows: whoever combines them tries the
//! key on what it is to open.

use std::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use vsss_rs::Gf256;
use zeroize::Zeroizing;

/// The length of the keys that are split, in bytes.
const KEY_BYTES: usize = 32;

/// The length of a share where there are several, in bytes.
const SHARE_BYTES: usize = KEY_BYTES + 1;

/// The most shares: as many as there are places in the field, but for the one where the key is.
pub(crate) const SHARES_MAX: usize = 255;

/// A share, wiped on drop.
pub(crate) type Share = Zeroizing<Vec<u8>>;

/// Splits a key, drawing random bytes with `fill`.
///
/// # Errors
/// What `fill` answers; a number of shares that [`check`] refuses answers no shares.
pub(crate) fn split<E>(
    key: &[u8; KEY_BYTES],
    shares: usize,
    threshold: usize,
    fill: impl FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<Vec<Share>, E> {
    if shares == 1 {
        return Ok(vec![Zeroizing::new(key.to_vec())]);
    }
    let mut random = Drawn { fill, failed: None };
    let split = Gf256::split_bytes(threshold, shares, key, &mut random);
    if let Some(error) = random.failed {
        return Err(error);
    }
    let turned = |mut share: Vec<u8>| {
        share.rotate_left(1);
        Zeroizing::new(share)
    };
    Ok(split.unwrap_or_default().into_iter().map(turned).collect())
}

/// The key that shares make, if they can be put together: whether it is the right one, what it opens tells.
pub(crate) fn combine(shares: &[Share]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if let [only] = shares {
        if only.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(only);
        return Some(key);
    }
    if shares.iter().any(|share| share.len() != SHARE_BYTES) {
        return None;
    }
    let turned = |share: &Share| {
        let mut share = share.to_vec();
        share.rotate_right(1);
        share
    };
    let mut turned: Zeroizing<Vec<Vec<u8>>> = Zeroizing::new(shares.iter().map(turned).collect());
    let combined = Gf256::combine_bytes(&*turned).map(Zeroizing::new).ok();
    zeroize::Zeroize::zeroize(&mut *turned);
    key.copy_from_slice(combined.as_deref().filter(|combined| combined.len() == KEY_BYTES)?);
    Some(key)
}

/// How long each share of a key is, in bytes.
pub(crate) fn share_bytes(shares: usize) -> usize {
    if shares == 1 { KEY_BYTES } else { SHARE_BYTES }
}

/// Why a key can't be split so, in Vault's words.
pub(crate) fn check(shares: i64, threshold: i64) -> Result<(), &'static str> {
    match (shares, threshold) {
        (..=0, _) => Err("shares must be at least one"),
        (_, ..=0) => Err("threshold must be at least one"),
        (256.., _) => Err("shares must be less than 256"),
        (2.., 1) => Err("threshold must be greater than one for multiple shares"),
        _ if threshold > shares => Err("threshold cannot be larger than shares"),
        _ => Ok(()),
    }
}

/// A generator that may fail, for what takes none that may: what is drawn after a failure is thrown away.
struct Drawn<F, E> {
    fill: F,
    failed: Option<E>,
}

impl<E, F: FnMut(&mut [u8]) -> Result<(), E>> TryRng for Drawn<F, E> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = Zeroizing::new([0; 4]);
        self.try_fill_bytes(&mut *bytes)?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = Zeroizing::new([0; 8]);
        self.try_fill_bytes(&mut *bytes)?;
        Ok(u64::from_le_bytes(*bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if let Err(error) = (self.fill)(bytes) {
            self.failed = Some(error);
        }
        Ok(())
    }
}

impl<E, F: FnMut(&mut [u8]) -> Result<(), E>> TryCryptoRng for Drawn<F, E> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Share, check, combine, split};

    fn random(bytes: &mut [u8]) -> Result<(), ()> {
        crate::engine::kernel::random::fill(bytes).map_err(drop)
    }

    /// Multiplication in GF(2^8) modulo 0x11b, by the book.
    fn times(mut a: u16, b: u16) -> u16 {
        let mut product = 0;
        for bit in 0..8 {
            product ^= if b >> bit & 1 == 1 { a } else { 0 };
            a = if a & 0x80 == 0 { a << 1 } else { a << 1 ^ 0x11b };
        }
        product
    }

    /// The polynomials' values at 0 (Lagrange), of shares as Vault writes them: `y.. || x`.
    fn by_the_book(shares: &[Share]) -> Vec<u8> {
        let over = |a: u16, b: u16| (1..256).find(|c| times(*c, b) == a).unwrap_or(0);
        let x = |share: &Share| u16::from(*share.last().unwrap());
        let one = |at: usize| {
            shares.iter().fold(0, |sum, share| {
                let others = shares.iter().filter(|other| x(other) != x(share));
                sum ^ others.fold(u16::from(share[at]), |y, other| times(y, over(x(other), x(other) ^ x(share))))
            })
        };
        (0..32).map(|at| u8::try_from(one(at)).unwrap()).collect()
    }

    #[test]
    fn numbers_of_shares_that_make_no_sense_are_refused_in_vaults_words() {
        for (shares, threshold, why) in [
            (0, 0, "shares must be at least one"),
            (1, 0, "threshold must be at least one"),
            (5, 1, "threshold must be greater than one for multiple shares"),
            (5, 6, "threshold cannot be larger than shares"),
            (256, 3, "shares must be less than 256"),
        ] {
            assert_eq!(check(shares, threshold), Err(why));
        }
        assert!([(1, 1), (5, 3), (255, 255)].iter().all(|(shares, threshold)| check(*shares, *threshold).is_ok()));
    }

    #[test]
    fn a_generator_that_fails_makes_no_shares() {
        assert!(split(&[7; 32], 3, 2, |_| Err("no entropy")).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_threshold_of_shares_makes_the_key_and_fewer_do_not(
            key: [u8; 32],
            threshold in 2..9_usize,
            more in 0..5_usize,
            order in any::<prop::sample::Index>(),
        ) {
            let shares = split(&key, threshold + more, threshold, random).unwrap();
            prop_assert!(shares.len() == threshold + more && shares.iter().all(|share| share.len() == 33));
            let mut some = shares.clone();
            some.rotate_left(order.index(shares.len()));
            some.truncate(threshold);
            prop_assert_eq!(*combine(&some).unwrap(), key);
            prop_assert_eq!(by_the_book(&some), key.to_vec());
            some.pop();
            prop_assert!(combine(&some).is_none_or(|other| *other != key));
        }

        #[test]
        fn what_is_no_share_is_no_panic(texts: Vec<Vec<u8>>) {
            let shares: Vec<Share> = texts.into_iter().map(Share::new).collect();
            drop(combine(&shares));
        }

        #[test]
        fn a_share_alone_is_the_key(key: [u8; 32]) {
            let shares = split(&key, 1, 1, random).unwrap();
            prop_assert_eq!(shares[0].to_vec(), key.to_vec());
            prop_assert_eq!(*combine(&shares).unwrap(), key);
        }
    }
}
