//! Condition operators: whether a statement's conditions hold for a request.

use super::policy::{Condition, Test};
use super::request::Request;

impl Condition {
    /// Whether it holds for a request: quantifier, `IfExists`, absent keys and policy variables included.
    pub fn holds(&self, request: &Request) -> bool {
        let _ = request;
        unimplemented!()
    }
}

/// Whether one value of a request matches one value of a policy by the positive form of an operator
/// (`StringNotLike` is asked as `StringLike`). `pattern` has no variables left.
pub fn value_matches(test: Test, pattern: &super::pattern::Pattern, value: &str) -> bool {
    let _ = (test, pattern, value);
    unimplemented!()
}
