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
