//! What of an engine was read.

use std::collections::{BTreeMap, HashMap};

use crate::object::{Live, Taking};

/// What was read.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The desired and owned objects that there are, and those that shall not be there, by path.
    pub objects: HashMap<String, Live>,
    /// Objects that are neither: the name of their kind and their path.
    pub unmanaged: Vec<(&'static str, String)>,
    /// Folders that this token may not list.
    pub unlisted: Vec<String>,
    /// What could not be looked at.
    pub notes: Vec<String>,
    /// How the server takes the entries of its tables, by where these are read, of those in which an object is wanted.
    pub taking: BTreeMap<&'static str, Taking>,
}
