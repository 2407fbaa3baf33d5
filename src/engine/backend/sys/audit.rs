//! `sys/audit`: audit devices. The one named in the configuration (`trail/`) is shown, and cannot be
//! taken away through the API.

mod device;
mod options;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use self::device::Device;
pub(crate) use self::options::Bounds;
use self::options::{options, skips_test};
use crate::engine::backend::Call;
use crate::engine::kernel::barrier::{Barrier, Batch};
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::random;
use crate::engine::lease::core::Core;
use crate::engine::setup::OpenError;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::engine::wire::request::Operation;
use crate::engine::wire::response::Response;
use crate::secret::Secret;
use crate::trail::{DeviceOptions, Event, FileTarget, LineType, Noted, Record, Target, Trail, TrailError};

/// The built-in device.
const BUILT_IN: &str = "trail/";
const BUILT_IN_KEY: &str = "core/audit-built-in";
const TABLE_KEY: &str = "core/audit";

/// What in a server's configuration lets devices write secrets in clear.
const ALLOW_RAW: &str = "allow_audit_log_raw = true";

/// Makes what is kept of the built-in device, in `first`, if it is not there yet.
pub(crate) fn make_built_in(barrier: &Barrier, first: &mut Batch) -> Result<(), Error> {
    if barrier.get::<Device>(BUILT_IN_KEY)?.is_some() {
        return Ok(());
    }
    let device = Device {
        path: BUILT_IN.to_owned(),
        kind: "file".to_owned(),
        description: "the engine's own trail".to_owned(),
        options: IndexMap::new(),
        local: true,
        salt: random::uuid()?,
    };
    first.put(BUILT_IN_KEY, &device)
}

/// Opens the configured device, which [`make_built_in`] has made, and those made through the API. Answers what is
/// missing from their files since their last lines were noted down.
///
/// # Errors
/// If the configured one, or all of them, cannot be opened: an engine that should audit and cannot must
/// not start.
pub(crate) fn open_devices(
    barrier: &Barrier,
    trail: &Trail,
    built_in: Option<PathBuf>,
    bounds: Bounds<'_>,
    noted: &BTreeMap<String, Noted>,
) -> Result<Vec<String>, OpenError> {
    let mut missing = Vec::new();
    let mut open = |name: &str, options: DeviceOptions| {
        let place = options.target.path().map_or_else(String::new, |path| path.display().to_string());
        let noted = noted.get(name).cloned();
        let found = trail.open_device(name, DeviceOptions { noted: noted.clone(), ..options })?;
        if let (Some(what), Some(noted)) = (found, noted) {
            missing.push(format!(
                "the trail {place} is not what this engine wrote: {what}. It was cut, replaced or removed, or moved while the \
                 engine did not run. Look for the rest (a rotated file, a backup), and check it with `leasehold trail \
                 verify --file FILE --head {}:{}`",
                noted.head.seq,
                noted.head.hash
            ));
        }
        Ok::<(), TrailError>(())
    };

    if let Some(path) = built_in {
        let device = barrier
            .get::<Device>(BUILT_IN_KEY)?
            .ok_or_else(|| OpenError::Failed("the store says nothing of the engine's own trail".to_owned()))?;
        // The reconciler lists all there is each time; of names, hashed, their number tells as much.
        let rotation = bounds.auditing.rotation;
        let target = Target::File(FileTarget { path, mode: Some(0o600), kept_out_of: None, rotation });
        let options = DeviceOptions {
            built_in: true,
            elide_list_responses: true,
            ..DeviceOptions::to(target, Secret::new(device.salt))
        };
        open(BUILT_IN, options).map_err(|e| OpenError::Failed(e.to_string()))?;
    }
    let table = barrier.get::<Vec<Device>>(TABLE_KEY)?.unwrap_or_default();
    let mut failures = Vec::new();
    for device in &table {
        let opened = options(device, bounds).map(|options| hashing(device, options, bounds)).map_err(|e| e.to_string());
        if let Err(error) = opened.and_then(|options| open(&device.path, options).map_err(|e| e.to_string())) {
            tracing::error!(device = device.path, error, "an audit device does not open");
            failures.push(error);
        }
    }
    if !failures.is_empty() && !trail.has_device() {
        return Err(OpenError::Failed(format!("no audit device opens: {}", failures.join("; "))));
    }
    Ok(missing)
}

/// The options of a device that was enabled before, where what it writes in clear is not allowed any more: a device
/// less would be a worse trail.
fn hashing(device: &Device, options: DeviceOptions, bounds: Bounds<'_>) -> DeviceOptions {
    if options.log_raw && !bounds.auditing.log_raw {
        tracing::warn!(
            device = device.path,
            "log_raw is not allowed by this server's configuration ({ALLOW_RAW}): its lines are hashed"
        );
        return DeviceOptions { log_raw: false, ..options };
    }
    options
}

/// Serves one call.
pub(super) async fn handle(core: &Arc<Core>, call: Call<'_>) -> Result<Response, Error> {
    let path = format!("{}/", call.at("path"));
    match (call.row.pattern, call.request.operation) {
        ("audit/?", Operation::Read) => list(core),
        ("audit/*path", Operation::Write) => enable(core, path, call).await,
        ("audit/*path", Operation::Delete) => disable(core, call.mount, &path).await,
        _ => Err(call.forgotten()),
    }
}

fn list(core: &Core) -> Result<Response, Error> {
    let built_in = core.barrier.get::<Device>(BUILT_IN_KEY)?;
    // It is listed while it is configured, not because it once was.
    let built_in = built_in.filter(|_| core.trail.device_names().iter().any(|name| name == BUILT_IN));
    let table = core.barrier.get::<Vec<Device>>(TABLE_KEY)?.unwrap_or_default();
    let data: Map<String, Value> = built_in
        .into_iter()
        .chain(table)
        .map(|device| {
            let shown = json!({
                "type": device.kind,
                "description": device.description,
                "options": device.options,
                "path": device.path,
                "local": device.local,
            });
            (device.path, shown)
        })
        .collect();
    Ok(Response::data(Value::Object(data)).repeated())
}

async fn enable(core: &Arc<Core>, path: String, call: Call<'_>) -> Result<Response, Error> {
    call.refuse_unknown("an audit device")?;
    let fields = call.fields();
    let device = Device {
        path: path.clone(),
        kind: fields.string("type")?.unwrap_or_default(),
        description: fields.string("description")?.unwrap_or_default(),
        options: fields.pairs("options")?.unwrap_or_default(),
        local: fields.bool("local")?.unwrap_or_default(),
        salt: random::uuid()?,
    };
    let options = options(&device, Bounds::of(core))?;
    if options.log_raw && !core.auditing.log_raw {
        return Err(Error::Invalid(format!(
            "log_raw writes secrets in clear, which this server's configuration does not allow ({ALLOW_RAW})"
        )));
    }
    let test = !skips_test(&device)?;
    let _turn = call.mount.turn("audit").await;
    let mut table = core.barrier.get::<Vec<Device>>(TABLE_KEY)?.unwrap_or_default();
    if path == BUILT_IN || table.iter().any(|other| other.path == path) {
        return Err(Error::Invalid("path already in use".to_owned()));
    }
    let opened = match test {
        true => {
            let trial = tested(core, &path, options).await?;
            core.trail.take_over(&trial, &path)
        }
        false => core.trail.open_device(&path, options).map(drop),
    };
    opened.map_err(|error| Error::Invalid(error.to_string()))?;
    table.push(device);
    if let Err(error) = store(core, &table).await {
        close(core, path).await;
        return Err(error);
    }
    tracing::info!(path, "audit device enabled");
    Ok(Response::empty())
}

/// A trail that has this device alone, with one line: whether it takes lines is known before anything relies on it.
async fn tested(core: &Core, name: &str, options: DeviceOptions) -> Result<Trail, Error> {
    let trial = Trail::new(core.clock.clone());
    let refused = |error: TrailError| Error::Invalid(format!("the audit device failed its test line: {error}"));
    trial.open_device(name, options).map_err(refused)?;
    let event = Event { name: "audit-test".to_owned(), reason: "device-enabled".to_owned(), detail: None };
    let written = trial
        .append(&Record {
            time: core.clock.now(),
            kind: LineType::System,
            error: None,
            auth: None,
            request: None,
            response: None,
            credential: None,
            event: Some(event),
            clear_request_keys: Vec::new(),
            clear_response_keys: Vec::new(),
        })
        .durable()
        .await;
    match written {
        Ok(()) => Ok(trial),
        Err(error) => {
            // It has written all that it will.
            trial.close();
            Err(refused(error))
        }
    }
}

async fn disable(core: &Arc<Core>, mount: &Mount, path: &str) -> Result<Response, Error> {
    if path == BUILT_IN {
        return Err(Error::Invalid(
            "the audit device trail/ comes from the server's configuration and is removed there".to_owned(),
        ));
    }
    let _turn = mount.turn("audit").await;
    let mut table = core.barrier.get::<Vec<Device>>(TABLE_KEY)?.unwrap_or_default();
    let before = table.len();
    table.retain(|device| device.path != path);
    if table.len() < before {
        store(core, &table).await?;
        close(core, path.to_owned()).await;
        tracing::warn!(path, "audit device disabled");
    }
    Ok(Response::empty())
}

/// Closes a device, which waits for its last lines: not on a worker of the runtime.
async fn close(core: &Core, path: String) {
    let trail = core.trail.clone();
    // A panic in it has been told.
    let _ = tokio::task::spawn_blocking(move || trail.close_device(&path)).await;
}

async fn store(core: &Core, table: &[Device]) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.put(TABLE_KEY, &table)?;
    core.barrier.commit(batch).await
}

/// `sys/audit-hash/:path`: what a text looks like in a device's lines.
pub(super) fn hash(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let device = format!("{}/", call.at("path"));
    let input = Fields(&call.request.data).string("input")?.unwrap_or_default();
    if input.is_empty() {
        return Err(Error::Invalid("the \"input\" parameter is empty".to_owned()));
    }
    match core.trail.hash(&device, &input) {
        Some(hash) => Ok(Response::data(json!({ "hash": hash })).repeated()),
        None => Err(Error::Invalid(format!("unknown audit backend {device:?}"))),
    }
}
