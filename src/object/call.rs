//! What is asked of the API for an object, as a value, and what an answer may lack: nothing here talks to an engine.

use serde_json::{Map, Value};

/// Where an object is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// GET on this path; 404 is absent.
    At(String),
    /// One GET of `list`; the object is the entry named `key`, and absent if there is none.
    Entry {
        /// `sys/mounts`, `sys/auth`, `sys/audit`.
        list: &'static str,
        /// `aws/`.
        key: String,
    },
}

/// One write to the API. The body may hold secrets, so it has no `Debug`.
#[derive(PartialEq)]
pub struct Call {
    /// What to do.
    pub verb: Verb,
    /// Where.
    pub path: String,
    /// The JSON body.
    pub body: Map<String, Value>,
    /// What of the body only the engine knows.
    pub made: Vec<Made>,
}

/// A parameter of a call that an engine makes itself, of objects that others name: it is asked for when the call is sent,
/// and they are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The parameter.
    pub parameter: &'static str,
    /// The part of an object's answer: its `id`.
    pub part: &'static str,
    /// Where each of the objects is read.
    pub of: Vec<Read>,
    /// Whether the parameter is a list.
    pub is_list: bool,
}

impl std::fmt::Display for Read {
    /// Where it is, as messages name it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(path) => f.write_str(path),
            Self::Entry { list, key } => write!(f, "{list}/{}", key.trim_end_matches('/')),
        }
    }
}

/// The verb of a [`Call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// POST.
    Write,
    /// DELETE.
    Delete,
}

/// An answer without something that every object of its kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} has no {part}")]
pub struct Lacks {
    /// What it should be.
    pub what: &'static str,
    /// What it has not.
    pub part: &'static str,
}
