//! What engines keep of people beside their names: pairs of texts, within limits. Pure.
//!
//! Source: a server of OpenBao 2.6.2, which answers these limits in bytes, and `vault/identity_store_util.go`.

/// Pairs that are kept.
pub const PAIRS_MAX: usize = 64;

/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 128;

/// Bytes of a value.
pub const VALUE_BYTES_MAX: usize = 512;

/// What is wrong with metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd<'a> {
    /// There are so many pairs.
    TooMany(usize),
    /// A key is empty.
    Blank,
    /// A key is too long.
    LongKey(&'a str),
    /// A key has other characters than letters, digits and `=/+_-`.
    Key(&'a str),
    /// The value of this key is too long.
    LongValue(&'a str),
}

impl<'a> Odd<'a> {
    /// The first thing that is wrong with these pairs of so many.
    pub fn of(count: usize, mut pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        if count > PAIRS_MAX {
            return Some(Self::TooMany(count));
        }
        let is_good = |c: char| c.is_ascii_alphanumeric() || "=/+_-".contains(c);
        pairs.find_map(|(key, value)| match (key.len(), value.len()) {
            (0, _) => Some(Self::Blank),
            (bytes, _) if bytes > KEY_BYTES_MAX => Some(Self::LongKey(key)),
            _ if !key.chars().all(is_good) => Some(Self::Key(key)),
            (_, bytes) if bytes > VALUE_BYTES_MAX => Some(Self::LongValue(key)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Odd;

    #[test]
    fn limits_are_in_bytes_and_at_their_ends_all_is_well() {
        let long = |bytes: usize| "a".repeat(bytes);
        for (key, value, expected) in [
            (long(128), long(512), None),
            ("a=b/c+d_e-F9".to_owned(), String::new(), None),
            (String::new(), String::new(), Some(Odd::Blank)),
            ("a b".to_owned(), String::new(), Some(Odd::Key("a b"))),
            ("\u{e9}".to_owned(), String::new(), Some(Odd::Key("\u{e9}"))),
            ("k".to_owned(), long(513), Some(Odd::LongValue("k"))),
            ("k".to_owned(), "\u{e9}".repeat(257), Some(Odd::LongValue("k"))),
        ] {
            assert_eq!(Odd::of(1, [(key.as_str(), value.as_str())].into_iter()), expected, "{key:?}");
        }
        let key = long(129);
        assert_eq!(Odd::of(1, [(key.as_str(), "")].into_iter()), Some(Odd::LongKey(&key)));
        assert_eq!(Odd::of(65, std::iter::empty()), Some(Odd::TooMany(65)));
    }
}
