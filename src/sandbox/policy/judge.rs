//! What a statement is judged by.

use super::template::Language;
use super::{Forks, Request};

/// What a statement is judged with.
pub(super) struct Judge<'a> {
    pub(super) request: &'a Request,
    pub(super) forks: Forks,
    pub(super) language: Language,
}
