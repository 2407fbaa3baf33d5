//! How far an engine is from what was left there, in one word.

/// How far an engine is from what was left there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All is as the files say.
    Clean,
    /// All is as it was left, and the files say something more.
    Pending,
    /// Something was changed behind our back, or is not ours.
    Drift,
}

impl Extent {
    /// The exit code of `leasehold drift`.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Pending => 2,
            Self::Drift => 5,
        }
    }
}
