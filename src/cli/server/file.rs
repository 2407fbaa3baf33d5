//! The server's configuration file: Vault's form (HCL, or the same as JSON), with the keys that are taken here.
//!
//! The file is read into places and values first, so that every key that is not taken is told at once, with its
//! line: files that served Vault have several. Of several files a later one wins, key by key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Body, Structure};
use serde_json::Value;

use super::args::AwsChoice;
use super::socket::Socket;
use super::unserved;
use crate::cli::error::CliError;
use crate::trail::Rotation;
use crate::units::duration::{self, parse};

const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) address: Option<String>,
    pub(super) socket: Option<Socket>,
    /// In seconds.
    pub(super) default_lease_ttl: Option<i64>,
    /// In seconds.
    pub(super) max_lease_ttl: Option<i64>,
    pub(super) tls_cert_file: Option<PathBuf>,
    pub(super) tls_key_file: Option<PathBuf>,
    pub(super) tls_disable: bool,
    pub(super) tls_disable_client_certs: bool,
    pub(super) data: Option<PathBuf>,
    pub(super) storage_path: Option<PathBuf>,
    pub(super) audit_path: Option<PathBuf>,
    pub(super) allow_audit_log_raw: bool,
    pub(super) rotation: Rotation,
    /// The seals that have a block, by the words for them.
    pub(super) seals: Vec<&'static str>,
    pub(super) seal_path: Option<PathBuf>,
    pub(super) seal_credential: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) kms_region: Option<String>,
    pub(super) kms_endpoint: Option<String>,
    pub(super) aws: Option<AwsChoice>,
    pub(super) log_level: Option<String>,
    pub(super) log_format: Option<String>,
    pub(super) pid_file: Option<PathBuf>,
    pub(super) ui: bool,
    /// What is to be told of keys that were taken and have no effect.
    pub(super) notes: Vec<String>,
}

/// One value, or one block, and where it stands. JSON has no lines.
#[derive(Debug)]
struct Entry {
    place: String,
    line: Option<usize>,
    value: Option<Value>,
}

/// Blocks that hold keys.
const BLOCKS: [&str; 14] = [
    "listener",
    "listener.tcp",
    "listener.unix",
    "storage",
    "storage.file",
    "backend",
    "backend.file",
    "audit",
    "audit.file",
    "seal",
    "seal.shamir",
    "seal.file",
    "seal.credential",
    "seal.awskms",
];

/// What is said of a socket.
const SOCKET: [&str; 4] = ["address", "socket_mode", "socket_user", "socket_group"];

/// Blocks that say something without a key in them, with the words for it.
const SEALS: [(&str, &str); 4] =
    [("seal.shamir", "shamir"), ("seal.file", "file"), ("seal.credential", "credential"), ("seal.awskms", "awskms")];

fn seal(place: &str) -> Option<&'static str> {
    SEALS.iter().find(|(block, _)| *block == place).map(|(_, word)| *word)
}

/// Reads files, and those of directories.
///
/// # Errors
/// What is wrong with them; of keys that are not taken, all.
pub(super) fn read(paths: &[PathBuf]) -> Result<File, CliError> {
    let (mut file, mut problems) = (File::default(), Vec::new());
    for path in paths {
        let named = at(path);
        if !path.is_dir() {
            read_one(path, &mut file, &mut problems)?;
            continue;
        }
        let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut below: Vec<PathBuf> = entries.map_err(|e| named(e.to_string()))?.iter().map(|e| e.path()).collect();
        below.retain(|file| is_read(file));
        below.sort();
        if below.is_empty() {
            return Err(named("there is no .hcl and no .json in this directory".to_owned()));
        }
        for path in &below {
            read_one(path, &mut file, &mut problems)?;
        }
    }
    if problems.is_empty() {
        return Ok(file);
    }
    Err(CliError::new(1, problems.join("\n")).hint(
        "keys: data or storage \"file\" { path }, listener \"tcp\" { address, tls_cert_file, tls_key_file, tls_disable, \
         tls_disable_client_certs }, listener \"unix\" { address, socket_mode, socket_user, socket_group }, \
         audit \"file\" { path, rotate_bytes, rotate_duration, rotate_max_files }, seal \"shamir\" {}, \"file\" { path }, \
         \"credential\" { name } or \"awskms\" { kms_key_id, region, endpoint }, default_lease_ttl, \
         max_lease_ttl, allow_audit_log_raw, aws, log_level, log_format, pid_file, ui",
    ))
}

/// Whether a file in a directory of settings is one of them: not what editors leave there.
fn is_read(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ends = path.extension().is_some_and(|end| end == "hcl" || end == "json");
    ends && !name.starts_with(['.', '#']) && path.is_file()
}

/// Reads a file over what those before it say.
fn read_one(path: &Path, file: &mut File, problems: &mut Vec<String>) -> Result<(), CliError> {
    let failed = at(path);
    let size = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(failed(format!("a configuration file has at most {FILE_BYTES_MAX} bytes, this one {size}")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let mut entries = Vec::new();
    if text.trim_start().starts_with('{') {
        let value: Value = serde_json::from_str(&text).map_err(|e| failed(format!("this is not JSON: {e}")))?;
        json(&value, "", &mut entries);
    } else {
        let body = hcl_edit::parser::parse_body(&text).map_err(|error| {
            let line = error.location().line();
            failed(format!("line {line}: this is not HCL: {}", error.message().replace('\n', ", ")))
        })?;
        hcl(&text, &body, "", &mut entries);
    }
    let mut seen: Vec<&str> = Vec::new();
    for entry in &entries {
        let twice = seen.contains(&entry.place.as_str());
        seen.push(&entry.place);
        let line = entry.line.map_or_else(String::new, |line| format!(":{line}"));
        let at = format!("{}{line}", path.display());
        match unserved::told(&entry.place, entry.value.as_ref()) {
            Some(note) => file.notes.extend(note.map(|note| format!("{at}: {note}"))),
            None => problems.extend(file.take(entry, twice).map(|problem| format!("{at}: {problem}"))),
        }
    }
    Ok(())
}

/// What is wrong with a file.
fn at(path: &Path) -> impl Fn(String) -> CliError {
    move |what| CliError::new(1, format!("{}: {what}", path.display()))
}

fn below(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

/// The entries of a body. A block that is not taken is one entry, whatever it holds.
fn hcl(text: &str, body: &Body, place: &str, into: &mut Vec<Entry>) {
    let line = |span: Option<std::ops::Range<usize>>| {
        span.and_then(|span| text.get(..span.start)).map(|before| 1 + before.matches('\n').count())
    };
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let (place, line) = (below(place, attribute.key.as_str()), line(attribute.key.span()));
                match (&attribute.value, BLOCKS.contains(&place.as_str())) {
                    (Expression::Object(_) | Expression::Array(_), true) => {
                        let first = into.len();
                        json(&plain(&attribute.value), &place, into);
                        into[first..].iter_mut().for_each(|entry| entry.line = line);
                    }
                    _ => into.push(Entry { value: Some(plain(&attribute.value)), place, line }),
                }
            }
            Structure::Block(block) => {
                let line = line(block.ident.span());
                let place = block
                    .labels
                    .iter()
                    .fold(below(place, block.ident.as_str()), |place, label| below(&place, label.as_str()));
                let is_block = BLOCKS.contains(&place.as_str());
                let before = into.len();
                if is_block {
                    hcl(text, &block.body, &place, into);
                }
                // Without a label, and with nothing below it that has one, it would say nothing.
                let says_nothing = !place.contains('.') && into.len() == before;
                if !is_block || seal(&place).is_some() || says_nothing {
                    into.push(Entry { place, line, value: None });
                }
            }
        }
    }
}

/// An expression as JSON; null for what is no plain value.
fn plain(expression: &Expression) -> Value {
    match expression {
        Expression::String(text) => text.as_str().into(),
        Expression::Bool(flag) => (*flag.value()).into(),
        Expression::Number(number) => number.value().as_i64().map_or(Value::Null, Value::from),
        Expression::Array(items) => items.iter().map(plain).collect(),
        Expression::Object(object) => object
            .iter()
            .map(|(key, value)| {
                let key = match key {
                    hcl_edit::expr::ObjectKey::Ident(name) => name.as_str().to_owned(),
                    hcl_edit::expr::ObjectKey::Expression(key) => plain(key).as_str().unwrap_or_default().to_owned(),
                };
                (key, plain(value.expr()))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => Value::Null,
    }
}

/// The entries of a JSON value: lists of blocks are blocks that follow each other.
fn json(value: &Value, place: &str, into: &mut Vec<Entry>) {
    match value {
        Value::Object(map) if place.is_empty() || BLOCKS.contains(&place) => {
            map.iter().for_each(|(key, value)| json(value, &below(place, key), into));
            if seal(place).is_some() {
                into.push(Entry { place: place.to_owned(), line: None, value: None });
            }
        }
        Value::Array(items) if BLOCKS.contains(&place) => items.iter().for_each(|item| json(item, place, into)),
        value => into.push(Entry { place: place.to_owned(), line: None, value: Some(value.clone()) }),
    }
}

impl File {
    /// Takes an entry; answers what is wrong with it.
    fn take(&mut self, entry: &Entry, twice: bool) -> Option<String> {
        let text = || entry.value.as_ref().and_then(Value::as_str).map(str::to_owned);
        let place = entry.place.as_str();
        if let Some(key) = place.strip_prefix("listener.unix.").filter(|key| SOCKET.contains(key)) {
            let socket = self.socket.get_or_insert_default();
            match text() {
                Some(path) if key == "address" => socket.path = path.into(),
                Some(mode) if key == "socket_mode" => socket.mode = Some(mode),
                Some(user) if key == "socket_user" => socket.user = Some(user),
                Some(group) => socket.group = Some(group),
                None => return Some(format!("{place} is a text in quotes")),
            }
            return twice.then(|| format!("{place} is given twice"));
        }
        let taken = match place {
            "default_lease_ttl" | "max_lease_ttl" => match entry.value.as_ref().and_then(seconds) {
                Some(ttl) => {
                    *(if place == "max_lease_ttl" { &mut self.max_lease_ttl } else { &mut self.default_lease_ttl }) =
                        Some(ttl).filter(|ttl| *ttl > 0);
                    true
                }
                None => return Some(format!("{place} is a duration such as \"768h\", or a number of seconds")),
            },
            "listener.tcp.address" => set(&mut self.address, text()),
            "listener.tcp.tls_cert_file" => set(&mut self.tls_cert_file, text().map(Into::into)),
            "listener.tcp.tls_key_file" => set(&mut self.tls_key_file, text().map(Into::into)),
            "listener.tcp.tls_disable" | "listener.tcp.tls_disable_client_certs" | "allow_audit_log_raw" | "ui" => {
                match entry.value.as_ref().and_then(flag) {
                    Some(said) => {
                        *(match place {
                            "listener.tcp.tls_disable" => &mut self.tls_disable,
                            "ui" => &mut self.ui,
                            "allow_audit_log_raw" => &mut self.allow_audit_log_raw,
                            _ => &mut self.tls_disable_client_certs,
                        }) = said;
                        true
                    }
                    None => return Some(format!("{place} is true or false (or 1, 0, and these in quotes)")),
                }
            }
            "data" => set(&mut self.data, text().map(Into::into)),
            "storage.file.path" | "backend.file.path" => set(&mut self.storage_path, text().map(Into::into)),
            "audit.file.path" => set(&mut self.audit_path, text().map(Into::into)),
            "audit.file.rotate_bytes" | "audit.file.rotate_duration" | "audit.file.rotate_max_files" => {
                match entry.value.as_ref().and_then(|value| rotated(&mut self.rotation, place, value)) {
                    Some(()) => true,
                    None => return Some(format!("{place} is {}", rotation_form(place))),
                }
            }
            "seal.file.path" => set(&mut self.seal_path, text().map(Into::into)),
            "seal.credential.name" => set(&mut self.seal_credential, text()),
            "seal.awskms.kms_key_id" => set(&mut self.kms_key_id, text()),
            "seal.awskms.region" => set(&mut self.kms_region, text()),
            "seal.awskms.endpoint" => set(&mut self.kms_endpoint, text()),
            block if entry.value.is_none() && seal(block).is_some() => {
                self.seals.extend(seal(block).filter(|seal| !self.seals.contains(seal)));
                true
            }
            "log_level" => set(&mut self.log_level, text()),
            "log_format" => set(&mut self.log_format, text()),
            "pid_file" => set(&mut self.pid_file, text().map(Into::into)),
            "aws" => match text().as_deref() {
                Some("aws") => set(&mut self.aws, Some(AwsChoice::Aws)),
                Some("sandbox") => set(&mut self.aws, Some(AwsChoice::Sandbox)),
                _ => return Some("aws is \"aws\" or \"sandbox\"".to_owned()),
            },
            _ => {
                let instead = unserved::instead(place).map(|what| format!(" ({what})")).unwrap_or_default();
                return Some(format!("the key {place} is not taken by this server{instead}"));
            }
        };
        match (taken, twice) {
            (_, true) => Some(format!("{place} is given twice")),
            (false, _) => Some(format!("{place} is a text in quotes")),
            (true, false) => None,
        }
    }
}

fn set<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let given = value.is_some();
    *slot = value;
    given
}

/// Takes what says when the trail is rotated, if it has the form for that.
fn rotated(rotation: &mut Rotation, place: &str, value: &Value) -> Option<()> {
    let number = || match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    match place {
        "audit.file.rotate_bytes" => rotation.bytes = number()?,
        "audit.file.rotate_max_files" => rotation.max_files = usize::try_from(number()?).ok()?,
        _ => {
            let seconds = value.as_str().map_or_else(|| value.as_i64(), |text| parse(text).ok())?;
            rotation.age = Duration::from_secs(u64::try_from(seconds).ok()?);
        }
    }
    Some(())
}

fn rotation_form(place: &str) -> &'static str {
    if place.ends_with("duration") { "a duration, such as \"24h\"" } else { "a whole number" }
}

/// A duration as Vault's files write it: seconds, or a text.
fn seconds(value: &Value) -> Option<i64> {
    let seconds = match value {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => duration::parse(text).ok()?,
        _ => return None,
    };
    (seconds >= 0).then_some(seconds)
}

/// A flag as Vault's files write it.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => match number.as_i64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        },
        _ => None,
    }
}
