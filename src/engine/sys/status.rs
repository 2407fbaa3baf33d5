//! What is answered without a token, without the trail, and while sealed.

use super::super::core::Core;
use super::super::error::Error;
use super::super::request::{Request, Response};

/// The answer of an unaudited path; none for every other path.
pub(crate) fn unaudited(_core: &Core, _request: &Request) -> Option<Result<Response, Error>> {
    None
}
