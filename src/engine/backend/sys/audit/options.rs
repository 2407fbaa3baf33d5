//! What the options of an audit device mean, and what is wrong with them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::device::Device;
use crate::engine::lease::core::Core;
use crate::engine::setup::Auditing;
use crate::engine::wire::error::Error;
use crate::engine::wire::field::Fields;
use crate::secret::Secret;
use crate::trail::DeviceOptions;

/// What no device may, whatever its options say.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<'a> {
    /// Where the engine keeps its data: no audit device writes there.
    pub(crate) data: Option<&'a Path>,
    /// What the configuration allows.
    pub(crate) auditing: &'a Auditing,
}

impl<'a> Bounds<'a> {
    /// Those of an engine.
    pub(crate) fn of(core: &'a Core) -> Self {
        Self { data: core.data_directory.as_deref(), auditing: &core.auditing }
    }
}

/// The device's options as the trail understands them.
pub(super) fn options(device: &Device, bounds: Bounds<'_>) -> Result<DeviceOptions, Error> {
    const KNOWN: [&str; 9] = [
        "file_path",
        "path",
        "mode",
        "format",
        "log_raw",
        "hmac_accessor",
        "elide_list_responses",
        "prefix",
        "skip_test",
    ];
    let data: Map<String, Value> = device.options.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
    Fields(&data).refuse_unknown(|name| KNOWN.contains(&name), "a file audit device")?;
    let fields = Fields(&data);
    let path = match fields.string("file_path")?.or(fields.string("path")?).filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => return Err(Error::Invalid("file_path is required".to_owned())),
    };
    if let Some(word) = path.to_str().filter(|path| ["stdout", "discard"].contains(path)) {
        return Err(Error::Invalid(format!("file_path {word:?} is not supported by this server: give a file's path")));
    }
    if !path.is_absolute() {
        return Err(Error::Invalid("file_path must be an absolute path".to_owned()));
    }
    if fields.string("format")?.is_some_and(|format| !format.is_empty() && format != "json") {
        return Err(Error::Invalid("the audit format must be json".to_owned()));
    }
    let mode = match device.options.get("mode").map(String::as_str) {
        None => Some(0o600),
        Some("" | "0000" | "0") => None,
        Some(text) => {
            let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
            Some(mode.ok_or_else(|| Error::Invalid("mode must be an octal file mode such as 0600".to_owned()))?)
        }
    };
    Ok(DeviceOptions {
        mode,
        hmac_accessor: fields.bool("hmac_accessor")?.unwrap_or(true),
        log_raw: fields.bool("log_raw")?.unwrap_or_default(),
        elide_list_responses: fields.bool("elide_list_responses")?.unwrap_or_default(),
        prefix: fields.string("prefix")?.unwrap_or_default(),
        kept_out_of: bounds.data.map(Path::to_owned),
        ..DeviceOptions::new(path, Secret::new(device.salt.as_str()))
    })
}
