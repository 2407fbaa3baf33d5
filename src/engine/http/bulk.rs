//! Bodies of requests that are larger than memory should hold: of those that bring a snapshot.
//!
//! A body is taken in only from who may have it read, and goes into a file without a name beside the store. From others
//! nothing is taken: the pipeline refuses them, and tells the trail.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use crate::engine::wire::bulk::Bulk;
use crate::engine::wire::error::Error;
use crate::engine::wire::request::Request;

/// The paths whose writes have such a body.
const PATHS: [&str; 2] = ["/v1/sys/storage/raft/snapshot", "/v1/sys/storage/raft/snapshot-force"];

/// How much of a body is read that is not taken in.
const DRAIN_BYTES_MAX: usize = 4 << 20;

/// Whether a request has such a body.
pub(super) fn is_one(parts: &Parts) -> bool {
    matches!(parts.method, Method::POST | Method::PUT) && PATHS.contains(&parts.uri.path().trim_end_matches('/'))
}

/// Takes a body in, which goes to `place` where its sender may have it read. Each wait for a part of it has a limit.
///
/// # Errors
/// If it does not arrive, or there is no room.
pub(super) async fn take(
    place: Option<&Path>,
    limit: Duration,
    request: Request,
    body: &mut Incoming,
) -> Result<Request, Error> {
    let Some(place) = place else {
        // A sender reads the answer only after it has sent all of it.
        let drained = tokio::time::timeout(limit, drain(body)).await;
        return drained.map(|()| request).map_err(|_| late());
    };
    let full = |error| Error::Server(format!("the body could not be kept beside the store: {error}"));
    let mut file = File::from_std(Bulk::file(place, &request.id).map_err(full)?);
    let mut bytes = 0;
    loop {
        let Some(frame) = tokio::time::timeout(limit, body.frame()).await.map_err(|_| late())? else { break };
        let frame = frame.map_err(|_| Error::Invalid("the request body could not be read".to_owned()))?;
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len() as u64;
        file.write_all(&data).await.map_err(full)?;
    }
    file.flush().await.map_err(full)?;
    Ok(Request { bulk: Some(Bulk { file: file.into_std().await, bytes }), ..request })
}

fn late() -> Error {
    Error::Invalid("the request body did not arrive in time".to_owned())
}

/// Reads a body and throws it away, within limits.
async fn drain(body: &mut Incoming) {
    let mut left = DRAIN_BYTES_MAX;
    while left > 0
        && let Some(Ok(frame)) = body.frame().await
    {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
    }
}
