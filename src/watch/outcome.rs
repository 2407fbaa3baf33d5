//! What a round came to.

use serde::{Deserialize, Serialize};

/// Whether a round writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It tells what is to be done.
    Report,
    /// It does it.
    Apply,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The engine is as the files say, and has nothing else.
    Clean,
    /// All that there was to do was done.
    Applied,
    /// Nothing is wrong, and something is committed and not applied.
    Pending,
    /// Something was changed behind our back, or is not ours.
    Drift,
    /// What there is to do is refused: somebody has to look.
    Refused,
    /// Somebody else is at it.
    Waits,
    /// Not all of it was done.
    Incomplete,
    /// It could not be looked.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Clean,
        Self::Applied,
        Self::Pending,
        Self::Drift,
        Self::Refused,
        Self::Waits,
        Self::Incomplete,
        Self::Failed,
    ];

    /// The word for it, as the state and the metrics have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Drift => "drift",
            Self::Refused => "refused",
            Self::Waits => "waits",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
        }
    }

    /// Whether the round did not come to an end as it should: the next one is put off, more so each time.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Incomplete | Self::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn words_are_those_of_the_state() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.word());
        }
    }
}
