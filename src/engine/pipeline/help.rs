//! Help of a path: what its mount's table says of it, for people and as an OpenAPI document.
//!
//! Source: Vault, `vault path-help`; what a server of OpenBao 2.6.2 answers to `?help=1`.

use serde_json::{Map, Value, json};

use super::Target;
use crate::engine::wire::error::Error;
use crate::engine::wire::openapi;
use crate::engine::wire::response::{Response, Shape};

/// Answers what is told of a path, or of its mount where it is the mount's own.
///
/// # Errors
/// The mount serves no such path.
pub(super) fn answer(target: Target<'_>) -> Result<Response, Error> {
    let rows = target.backends.of(target.mount)?.paths(target.mount);
    let list = format!("{}/", target.path.trim_end_matches('/'));
    let is_meant = |row: &&_| {
        let row: &crate::engine::wire::path::Row = row;
        !row.operations.is_empty() && (row.matches(target.path) || row.matches(&list))
    };
    let (help, shown) = match rows.iter().find(is_meant) {
        _ if target.path.is_empty() => (openapi::index(&target.mount.kind, rows), rows),
        Some(row) => (openapi::help(row, target.path), std::slice::from_ref(row)),
        None => return Err(Error::UnsupportedPath),
    };
    let mut paths = Map::new();
    openapi::add(&mut paths, "", &target.mount.kind, shown);
    let data = json!({ "help": help, "openapi": openapi::document(paths), "see_also": Value::Null });
    Ok(Response { shape: Shape::Bare, ..Response::data(data) })
}
