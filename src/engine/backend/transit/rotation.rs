//! Keys that are rotated by themselves: each stands in the index of what is due by when its latest version has become old
//! enough, and the timer asks here. A key that was due several times while the engine was down is rotated once.

use std::sync::Arc;

use super::Transit;
use super::key::{self, entry, load, save};
use crate::engine::kernel::due::forget;
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::now;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::trail::{Event, Record};

/// Does what is due of `id`, as the index has it under `due`.
///
/// # Errors
/// If the trail or the store takes nothing.
pub(super) async fn due(transit: &Transit, core: &Arc<Core>, mount: &Mount, id: &str, due: &str) -> Result<(), Error> {
    let Some(name) = key::name_of(id) else { return forget(&core.barrier, due).await };
    let _turn = transit.locks.lock(&key::stored(mount, name)).await;
    let is_current = |key: &key::Key| key.due.is_some_and(|at| at <= now(core) && entry(mount, name, at) == due);
    let Some(mut key) = load(core, mount, name)?.filter(is_current) else {
        return forget(&core.barrier, due).await;
    };
    let event = Event {
        name: "transit-key-rotation".to_owned(),
        reason: "due".to_owned(),
        detail: Some(format!("version {} of {}keys/{name}", key.latest_version + 1, mount.path)),
    };
    let written = core.trail.append(&Record::system(core.clock.now(), event, None)).durable().await;
    written.map_err(|error| Error::Internal(format!("the transit key {name} waits for the trail: {error}")))?;
    let batch = key.rotate(mount, core.clock.now()).await?;
    save(core, mount, &mut key, batch).await
}
