//! What a line hides: secrets become `hmac-sha256:` and 64 hex digits, under the device's own salt.
//!
//! The rules are Vault's, so that its tools and habits (`sys/audit-hash`, joining lines by a token's
//! hash) work on our lines: every string in `request.data` and `response.data`, tokens and accessors;
//! never map keys, numbers, booleans, paths or lease ids. Timestamps stay readable.

use aws_lc_rs::hmac;

use crate::secret::Secret;

/// Hashes secrets under one device's salt. Equal inputs give equal hashes on the same device.
pub(super) struct Hasher {
    key: hmac::Key,
}

impl Hasher {
    /// A hasher keyed with the salt's bytes.
    pub(super) fn new(salt: &Secret) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, salt.expose().as_bytes()) }
    }

    /// `hmac-sha256:` and the lower-case hex of the HMAC of `text`.
    pub(super) fn hash(&self, text: &str) -> String {
        let mut out = Vec::with_capacity(PREFIX.len() + 64);
        self.write(text, &mut out);
        // Only ASCII is written, so nothing is lost.
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends what [`Hasher::hash`] answers.
    pub(super) fn write(&self, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(PREFIX.as_bytes());
        write_hex(hmac::sign(&self.key, text.as_bytes()).as_ref(), out);
    }
}

/// Appends `bytes` in lower-case hexadecimal.
pub(super) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(hex::encode(bytes).as_bytes());
}

/// Whether a string is an RFC 3339 timestamp, which Vault leaves in clear.
pub(super) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    // A cheap look first: almost nothing passes it, and the parser is slow in comparison.
    (20..=40).contains(&bytes.len())
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).is_ok()
}

const PREFIX: &str = "hmac-sha256:";

#[cfg(test)]
mod tests {
    use super::{Hasher, is_timestamp};
    use crate::secret::Secret;

    #[test]
    fn a_hash_is_the_hmac_of_rfc_4231() {
        // RFC 4231, test case 2.
        let hash = Hasher::new(&Secret::new("Jefe")).hash("what do ya want for nothing?");
        assert_eq!(hash, "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn only_rfc_3339_timestamps_stay_in_clear() {
        for (text, expected) in [
            ("2026-11-23T20:49:23Z", true),
            ("2026-11-23T20:49:23.123456789+01:00", true),
            ("2026-11-23 20:49:23Z", false),
            ("2026-13-23T20:49:23Z", false),
            ("2026-11-23", false),
            ("", false),
        ] {
            assert_eq!(is_timestamp(text), expected, "{text}");
        }
    }
}
