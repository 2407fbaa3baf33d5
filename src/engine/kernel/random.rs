//! Identifiers: unguessable where they are secrets, ordered in time where the store likes it.

use crate::engine::wire::error::Error;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `N` random bytes from the operating system's generator.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills `bytes` from the operating system's generator.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0;
    // Not AWS-LC's generator, which gathers entropy of its own for 30 ms first: every command would wait.
    while filled < bytes.len() {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(more) => filled += more,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::Internal(format!("the random generator failed: {error}"))),
        }
    }
    Ok(())
}

/// `length` random base62 characters, without bias.
pub(crate) fn base62(length: usize) -> Result<String, Error> {
    // 248 is the largest multiple of 62 a byte holds; larger bytes are drawn again.
    const LIMIT: u8 = 248;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in bytes::<64>()? {
            if byte < LIMIT && text.len() < length {
                text.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
    }
    Ok(text)
}

/// 24 base62 characters: 8 that order by `unix_millis`, then 16 random ones (95 bits). Keys that begin
/// with such an id are appended to the store's tree instead of being scattered over it.
pub(crate) fn ordered_base62(unix_millis: i64) -> Result<String, Error> {
    let mut left = u64::try_from(unix_millis).unwrap_or(0);
    let mut head = [b'0'; 8];
    for place in head.iter_mut().rev() {
        *place = BASE62[usize::try_from(left % 62).unwrap_or(0)];
        left /= 62;
    }
    Ok(head.iter().map(|&byte| char::from(byte)).collect::<String>() + &base62(16)?)
}

/// A random UUID (version 4, RFC 9562).
pub(crate) fn uuid() -> Result<String, Error> {
    let mut b = bytes::<16>()?;
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex = hex::encode(b);
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}
