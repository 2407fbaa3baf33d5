//! Where in the texts of an estate something stands.

/// A range of bytes in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Span {
    /// Which source: an index of `Sources`.
    pub(crate) source: u32,
    /// First byte.
    pub(crate) start: u32,
    /// One past the last byte.
    pub(crate) end: u32,
}

impl Span {
    /// A span from offsets as parsers tell them.
    pub(crate) fn new(source: u32, range: std::ops::Range<usize>) -> Self {
        Self { source, start: range.start as u32, end: range.end.max(range.start) as u32 }
    }
}
