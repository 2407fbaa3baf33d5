//! `sys/leasehold/trail`: the engine's trail, for who may read it and is elsewhere. A path of ours: Vault's audit files are
//! read where they lie.
//!
//! What is answered stands in the trail already, with its secrets hashed, so it is not written there once more: the lines
//! of a read say who asked for which part. They are lines too, which whoever follows the trail would be told of by asking;
//! so a follower asks for lines about credentials, and waits for one here.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::engine::backend::Call;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::{Response, Whole};
use crate::secret::Secret;
use crate::trail::page::{Asked, Page, page};

/// The most lines that are answered at once, and how many where nobody says.
const LINES_MAX: i64 = 10_000;
const LINES: i64 = 1_000;

/// The longest wait for a line.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How often it is looked whether there are more lines.
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    call.refuse_unknown("sys/leasehold/trail")?;
    let fields = call.fields();
    let count = |name: &str, usual: i64| {
        let said = fields.int(name)?.unwrap_or(usual);
        u64::try_from(said).map_err(|_| Error::Invalid(format!("{name} is a whole number, and not less than 0")))
    };
    let (after, at) = (count("after", 0)?, count("at", 0)?);
    let limit = usize::try_from(count("limit", LINES)?.clamp(1, LINES_MAX as u64)).unwrap_or_default();
    let wait = Duration::from_secs(fields.seconds("wait")?.unwrap_or(0).try_into().unwrap_or(0)).min(WAIT_MAX);
    let mut asked = Asked { after, at, limit, credentials: fields.bool("credentials")?.unwrap_or(false), until: 0 };
    let ends = core.clock.elapsed() + wait;
    loop {
        let (path, head) = core
            .trail
            .kept()
            .ok_or_else(|| Error::Invalid("no audit device of this engine keeps its lines in a file".to_owned()))?;
        asked.until = head.seq;
        let (seq, hash) = (head.seq, head.hash);
        // What was read and is about no credential is not read again.
        let found = tokio::task::spawn_blocking(move || page(&path, &asked)).await;
        let found = found.map_err(|error| Error::Internal(format!("the trail could not be read: {error}")))?;
        let found = found.map_err(|error| Error::Internal(format!("the trail could not be read: {error}")))?;
        if !found.lines.is_empty() || found.more || found.begins.is_some() || core.clock.elapsed() >= ends {
            let Page { lines, begins, after, at, more } = found;
            let data = json!({
                "lines": lines, "begins": begins, "after": after, "at": at, "more": more,
                "head": { "seq": seq, "hash": hash },
            });
            let envelope = Response::data(data).envelope(&call.request.id);
            // A JSON value always has a JSON text.
            let text = serde_json::to_string(&serde_json::Value::Object(envelope)).unwrap_or_default();
            return Ok(Response { whole: Some(Whole::Json(Secret::new(text))), ..Response::default() });
        }
        (asked.after, asked.at) = (found.after, found.at);
        while core.trail.kept().is_some_and(|(_, head)| head.seq == asked.after) && core.clock.elapsed() < ends {
            if core.is_sealed() {
                return Err(Error::Sealed);
            }
            core.clock.pause(LOOK_PAUSE).await;
        }
    }
}
