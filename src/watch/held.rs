//! What apps hold: the leases that are out, by role.

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::text::count;

/// The leases that were out when it was looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// When that was.
    pub at: Moment,
    /// Of the roles that have some; none where the loop's token may not know.
    pub roles: Option<Vec<HeldOf>>,
}

impl Held {
    /// How many that are, in words.
    pub fn words(&self) -> String {
        match &self.roles {
            None => "not known: that takes `list` and `sudo` on sys/leases/lookup/*".to_owned(),
            Some(roles) => count(roles.iter().map(|held| held.leases).sum(), "lease"),
        }
    }
}

/// Those of one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldOf {
    /// The app that the role belongs to, if to one.
    pub app: Option<String>,
    /// The role: `aws/webapp`.
    pub role: String,
    /// How many leases.
    pub leases: usize,
}
