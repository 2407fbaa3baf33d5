//! The AWS secrets engine.

use std::sync::Arc;

use crate::engine::core::{Call, Core};
use crate::engine::error::Error;
use crate::engine::request::Response;

/// Serves one call.
pub(crate) async fn handle(_core: &Arc<Core>, _call: Call<'_>) -> Result<Response, Error> {
    Err(Error::UnsupportedPath)
}
