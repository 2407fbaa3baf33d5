//! `sys/policies/acl`, `sys/policy`, `sys/capabilities*`.

use std::sync::Arc;

use crate::engine::core::{Call, Core};
use crate::engine::error::Error;
use crate::engine::request::Response;

/// Serves one call; `path` is relative to `sys/`.
pub(crate) async fn handle(_core: &Arc<Core>, _call: Call<'_>, _path: &str) -> Result<Response, Error> {
    Err(Error::UnsupportedPath)
}
