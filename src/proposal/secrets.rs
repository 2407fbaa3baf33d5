//! `secret:env:NAME`, `secret:file:PATH` and `secret:vault:MOUNT/PATH#field`: from reference to secret.
//!
//! Only commands that talk to the environment's engine resolve secrets; validation and review never do. A plan takes
//! those that it can have. What `apply` writes it needs: all that are missing are told at once, each with the place
//! that asks for it.
//!
//! Files of a pull request may ask for anything. So a variable or a file beside the estate is read only where the
//! environment allows it by name, never one of our own, and `LEASEHOLD_SECRETS`, which no file says, allows less.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use crate::api::{self, Client};
use crate::estate::{EngineChoice, Environment};
use crate::object::{Object, Place};
use crate::secret::Secret;
use crate::text::{in_a_line, is_like};

/// More is no secret that an engine takes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Secrets that are looked up at one time.
const LOOK_UPS_AT_ONCE: usize = 16;

/// A secret that is not there.
#[derive(Debug)]
pub struct Missing {
    /// The object that asks for it.
    pub path: String,
    /// Its field.
    pub(super) field: &'static str,
    /// Which one, where, and why. Never a secret.
    pub problem: String,
    /// Whether the files ask for what nobody gives them, wherever they are applied.
    pub is_refused: bool,
}

/// Why a secret is not there. Never holds one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Absent {
    /// A reference of no sort that there is.
    #[error("a secret is env:NAME, file:PATH or vault:MOUNT/PATH#FIELD")]
    Unknown,
    /// A variable or a file that the environment does not name.
    #[error("the environment {environment} does not allow {reference}; add it to its `secrets` at {place}")]
    NotAllowed {
        /// What is asked for.
        reference: String,
        /// The environment's name.
        environment: String,
        /// Where it is declared.
        place: Place,
    },
    /// What whoever runs the command does not let files ask for.
    #[error("{ALLOWED} does not allow {reference} here")]
    Withheld {
        /// What is asked for.
        reference: String,
    },
    /// A variable that has what commands themselves show.
    #[error("the environment variable {name} is for commands, and no secret of an estate")]
    Own {
        /// The variable.
        name: String,
    },
    /// An environment variable without a usable text.
    #[error("the environment variable {name} is {is}")]
    Variable {
        /// The variable.
        name: String,
        /// What it is.
        is: &'static str,
    },
    /// A relative path that does not stay in the estate.
    #[error("the file {path} {how} the estate; name it by its absolute path")]
    Outside {
        /// The path.
        path: String,
        /// How it leaves it.
        how: &'static str,
    },
    /// The estate's directory itself can't be read.
    #[error("{}: {source}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A file that can't be read.
    #[error("the file {path}: {source}")]
    Unread {
        /// The file.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A file that is no secret.
    #[error("the file {path} {what}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file that is open to everybody.
    #[error("everybody may read or change the file {path} (mode {mode:04o}); chmod o-rw it")]
    Open {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// A reference into the engine without a field.
    #[error("vault:{path} names no field; add #FIELD")]
    NoFieldNamed {
        /// What it names.
        path: String,
    },
    /// A reference into the engine that names a mount only.
    #[error("vault:{path} has no path below its mount")]
    NoPath {
        /// What it names.
        path: String,
    },
    /// The engine did not answer as it should.
    #[error("vault:{path}: {}", in_a_line(&source.to_string()))]
    Engine {
        /// What was read.
        path: String,
        /// What went wrong.
        source: api::Error,
    },
    /// The engine has nothing there.
    #[error("there is nothing at vault:{path} in the engine")]
    Nothing {
        /// Where.
        path: String,
    },
    /// What the engine has is no text.
    #[error("the field {field} of vault:{path} is not a text, or empty")]
    NoText {
        /// Where.
        path: String,
        /// The field.
        field: String,
    },
    /// The engine has something there, without the field.
    #[error("vault:{path} has no field {field}")]
    NoField {
        /// Where.
        path: String,
        /// The field.
        field: String,
    },
}

/// The variable that says what files may ask for at most: patterns as those of an environment's `secrets`, and of `vault:`,
/// separated by commas, or `none`.
const ALLOWED: &str = "LEASEHOLD_SECRETS";

/// What files may ask for.
pub(super) struct Allowed<'a> {
    environment: &'a Environment,
    said: Option<Vec<String>>,
}

impl<'a> Allowed<'a> {
    /// In an environment, and where this process runs.
    pub(super) fn of(environment: &'a Environment) -> Self {
        let said = std::env::var_os(ALLOWED).filter(|said| !said.is_empty());
        let patterns = |said: std::ffi::OsString| {
            let patterns =
                said.to_string_lossy().split(',').map(|pattern| pattern.trim().to_owned()).collect::<Vec<_>>();
            patterns.into_iter().filter(|pattern| pattern != "none").collect()
        };
        Self { environment, said: said.map(patterns) }
    }

    /// Whether a secret may be looked up.
    ///
    /// # Errors
    /// Who does not let it.
    fn check(&self, reference: &str) -> Result<(), Absent> {
        let is_named = |patterns: &[String]| patterns.iter().any(|pattern| is_like(pattern, reference));
        if let Some(said) = &self.said
            && !is_named(said)
        {
            return Err(Absent::Withheld { reference: reference.to_owned() });
        }
        match reference.split_once(':') {
            Some(("env", name)) if is_own(name) => return Err(Absent::Own { name: name.to_owned() }),
            Some(("env", _)) => {}
            Some(("file", path)) if Path::new(path).is_absolute() => {}
            _ => return Ok(()),
        }
        // `file:/run/secrets/*` is no word for what lies above it.
        let leads_back = Path::new(reference).components().any(|part| part == Component::ParentDir);
        let Environment { name, engine, secrets, place, .. } = self.environment;
        let is_allowed = match secrets {
            Some(secrets) => is_named(secrets) && !leads_back,
            None => matches!(engine, EngineChoice::Embedded { .. }),
        };
        match is_allowed {
            true => Ok(()),
            false => Err(Absent::NotAllowed {
                reference: reference.to_owned(),
                environment: name.clone(),
                place: place.clone(),
            }),
        }
    }
}

/// Whether a variable has what commands themselves show to an engine.
fn is_own(name: &str) -> bool {
    name.starts_with("LEASEHOLD_") || matches!(name, "VAULT_TOKEN" | "BAO_TOKEN")
}

/// Secrets by the references to them, or why one is not there.
pub(super) type Found = HashMap<String, Result<Secret, Absent>>;

/// Looks up all secrets that objects refer to.
pub(super) async fn look_up_all(objects: &[Object], dir: &Path, allowed: &Allowed<'_>, client: &Client) -> Found {
    let references = objects.iter().flat_map(|object| object.unresolved().map(|(_, reference, _)| reference));
    let references: BTreeSet<String> = references.map(str::to_owned).collect();
    stream::iter(references.into_iter().map(|reference| async {
        let secret = match allowed.check(&reference) {
            Ok(()) => look_up(&reference, dir, client).await,
            Err(absent) => Err(absent),
        };
        (reference, secret)
    }))
    .buffer_unordered(LOOK_UPS_AT_ONCE)
    .collect()
    .await
}

/// Puts secrets in place of the references to them, and answers which are not there.
pub(super) fn resolve(objects: &mut [Object], known: &Found) -> Vec<Missing> {
    let mut missing = Vec::new();
    for object in objects {
        let references: Vec<(&'static str, String, Place)> =
            object.unresolved().map(|(name, reference, place)| (name, reference.to_owned(), place.clone())).collect();
        for (name, reference, place) in references {
            // A field that the engine tells becomes plain data, so only the object knows what the text is.
            let resolved = match known.get(&reference) {
                Some(Ok(secret)) => object.resolve(name, secret.clone()).map_err(|why| (why.to_string(), true)),
                Some(Err(absent)) => {
                    let is_refused = matches!(absent, Absent::NotAllowed { .. } | Absent::Own { .. });
                    Err((absent.to_string(), is_refused))
                }
                None => Ok(()),
            };
            if let Err((problem, is_refused)) = resolved {
                let problem = format!("{place}: {name} of {}: {problem}", object.path);
                missing.push(Missing { path: object.path.clone(), field: name, problem, is_refused });
            }
        }
    }
    missing
}

/// A secret that a command is told by a reference, `secret:env:NAME` or `secret:file:PATH`: of no estate and no engine.
///
/// # Errors
/// Why it is not there, in words. Never holds it.
pub fn own_secret(reference: &str) -> Result<Secret, String> {
    let found = match reference.strip_prefix("secret:").unwrap_or(reference).split_once(':') {
        Some(("env", name)) => from_environment(name),
        Some(("file", path)) => from_file(path, Path::new(".")),
        _ => return Err("here a secret is secret:env:NAME or secret:file:PATH".to_owned()),
    };
    found.map_err(|absent| absent.to_string())
}

async fn look_up(reference: &str, dir: &Path, client: &Client) -> Result<Secret, Absent> {
    let reference = reference.strip_prefix("secret:").unwrap_or(reference);
    match reference.split_once(':') {
        Some(("env", name)) => from_environment(name),
        Some(("file", path)) => from_file(path, dir),
        Some(("vault", path)) => from_engine(path, client).await,
        _ => Err(Absent::Unknown),
    }
}

fn from_environment(name: &str) -> Result<Secret, Absent> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => Ok(Secret::new(text)),
        Ok(_) => Err(Absent::Variable { name: name.to_owned(), is: "empty" }),
        Err(std::env::VarError::NotPresent) => Err(Absent::Variable { name: name.to_owned(), is: "not set" }),
        Err(std::env::VarError::NotUnicode(_)) => Err(Absent::Variable { name: name.to_owned(), is: "not UTF-8" }),
    }
}

/// A relative path stays inside the estate; an absolute one names a file that the machine provides.
/// What everybody on the machine can read or change is no secret.
fn from_file(path: &str, dir: &Path) -> Result<Secret, Absent> {
    let unread = |source| Absent::Unread { path: path.to_owned(), source };
    let named = Path::new(path);
    let full = match named.is_absolute() {
        true => named.to_owned(),
        false => {
            if named.components().any(|part| part == Component::ParentDir) {
                return Err(Absent::Outside { path: path.to_owned(), how: "is outside" });
            }
            let root = dir.canonicalize().map_err(|source| Absent::Directory { dir: dir.to_owned(), source })?;
            let full = root.join(named).canonicalize().map_err(unread)?;
            if !full.starts_with(&root) {
                return Err(Absent::Outside { path: path.to_owned(), how: "leads out of" });
            }
            full
        }
    };
    // Looked at before it is opened, since opening a pipe would wait for its writer.
    let metadata = std::fs::metadata(&full).map_err(unread)?;
    if !metadata.is_file() {
        return Err(Absent::File { path: path.to_owned(), what: "is not a file" });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o006 != 0 {
        return Err(Absent::Open { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    let file = std::fs::File::open(&full).map_err(unread)?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    let read = read.map_err(unread)?;
    let secret = Secret::new(text.trim_end_matches(['\n', '\r']));
    zeroize::Zeroize::zeroize(&mut text);
    match read {
        _ if secret.is_empty() => Err(Absent::File { path: path.to_owned(), what: "is empty" }),
        length if length as u64 > FILE_BYTES_MAX => {
            Err(Absent::File { path: path.to_owned(), what: "has more than 1 MiB" })
        }
        _ => Ok(secret),
    }
}

async fn from_engine(path: &str, client: &Client) -> Result<Secret, Absent> {
    let Some((path, field)) = path.rsplit_once('#') else {
        return Err(Absent::NoFieldNamed { path: path.to_owned() });
    };
    let Some((mount, below)) = path.split_once('/') else {
        return Err(Absent::NoPath { path: path.to_owned() });
    };
    let read = |path: String| async move { client.read(&path).await.map_err(|source| Absent::Engine { path, source }) };
    // Version 2 first: its path is refused by version 1 as absent, and the other way round.
    let second = read(format!("{mount}/data/{below}")).await?.and_then(|answer| answer.data);
    let data = match second.and_then(|data| data.get("data").and_then(Value::as_object).cloned()) {
        Some(data) => Some(data),
        None => read(format!("{mount}/{below}")).await?.and_then(|answer| answer.data),
    };
    let data = data.ok_or_else(|| Absent::Nothing { path: path.to_owned() })?;
    match data.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(Secret::new(text.as_str())),
        Some(_) => Err(Absent::NoText { path: path.to_owned(), field: field.to_owned() }),
        None => Err(Absent::NoField { path: path.to_owned(), field: field.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{from_environment, from_file};

    #[test]
    fn a_file_loses_its_last_line_end_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        std::fs::write(&path, " two\nlines \n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(from_file("s", dir.path()).unwrap().expose(), " two\nlines ");
        assert!(from_file(path.to_str().unwrap(), dir.path()).is_ok());
    }

    #[test]
    fn files_that_are_open_outside_or_empty_are_refused() {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = |name: &str, text: &str, mode: u32| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        file("open", "x", 0o644);
        file("empty", "\n", 0o600);
        std::fs::write(outside.path().join("s"), "x").unwrap();
        symlink(outside.path().join("s"), dir.path().join("link")).unwrap();
        for (path, why) in [
            ("open", "everybody"),
            ("empty", "is empty"),
            ("link", "leads out"),
            ("../s", "outside"),
            ("none", "No such file"),
            (".", "not a file"),
            ("/dev/zero", "not a file"),
        ] {
            let problem = from_file(path, dir.path()).unwrap_err();
            assert!(problem.to_string().contains(why), "{path}: {problem}");
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let problem = from_environment("LEASEHOLD_TEST_NEVER_SET").unwrap_err();
        assert_eq!(problem.to_string(), "the environment variable LEASEHOLD_TEST_NEVER_SET is not set");
    }
}
