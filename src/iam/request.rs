//! A request as the policy language sees it.

use std::collections::BTreeMap;

/// One request of a principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// `service:Name`, such as `s3:GetObject`; compared without regard to case.
    pub action: String,
    /// The ARN, or `*` for an action that has no resource; case matters.
    pub resource: String,
    /// What else is known about the request: keys in lower case, each with its values. A key that is absent was
    /// not sent; a key without values was sent empty.
    pub context: BTreeMap<String, Vec<String>>,
}

/// How a `*` in a resource is read where AWS's pages disagree. What is proved is proved under both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// A `*` matches any characters, colons too: how AWS answers in practice, and short ARNs need it.
    #[default]
    Crossing,
    /// A `*` stays within its segment of the ARN, unless it is the last character of the segment.
    Segmented,
}
