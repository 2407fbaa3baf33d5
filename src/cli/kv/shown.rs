//! Secrets as people see them: sections under headings, as Vault prints them (`command/kv_helpers.go`).

use serde_json::{Map, Value};

use super::for_programs;
use crate::api::Answer;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::{output, table};

/// What became of a write: where, and which version it made.
///
/// # Errors
/// When stdout can't be written, or a field is not there.
pub(super) fn version(answer: &Answer, path: &str, global: &Global) -> Result<u8, CliError> {
    if let Some(code) = for_programs(answer, None, global)? {
        return Ok(code);
    }
    let none = Map::new();
    let metadata = answer.data.as_ref().unwrap_or(&none);
    print(&[place("Secret Path", path), section("Metadata", metadata)])
}

/// A version: where, its metadata, and its data unless it was deleted.
///
/// # Errors
/// When stdout can't be written, or a field is not there.
pub(super) fn secret(answer: &Answer, path: &str, global: &Global) -> Result<u8, CliError> {
    let part = |name: &str| answer.data.as_ref()?.get(name)?.as_object();
    if let Some(code) = for_programs(answer, part("data"), global)? {
        return Ok(code);
    }
    let mut sections = vec![place("Secret Path", path)];
    sections.extend(part("metadata").map(|metadata| section("Metadata", metadata)));
    sections.extend(part("data").map(|data| section("Data", data)));
    print(&sections)
}

/// A secret without versions.
///
/// # Errors
/// When stdout can't be written, or a field is not there.
pub(super) fn plain(answer: &Answer, global: &Global) -> Result<u8, CliError> {
    if let Some(code) = for_programs(answer, answer.data.as_ref(), global)? {
        return Ok(code);
    }
    print(&[section("Data", answer.data.as_ref().unwrap_or(&Map::new()))])
}

/// What is kept of a secret, and of each of its versions.
///
/// # Errors
/// When stdout can't be written, or a field is not there.
pub(super) fn metadata(answer: &Answer, path: &str, global: &Global) -> Result<u8, CliError> {
    if let Some(code) = for_programs(answer, answer.data.as_ref(), global)? {
        return Ok(code);
    }
    let mut all = answer.data.clone().unwrap_or_default();
    let mut versions: Vec<(u64, Map<String, Value>)> = match all.remove("versions") {
        Some(Value::Object(versions)) => {
            let read = |(number, version): (String, Value)| Some((number.parse().ok()?, version.as_object()?.clone()));
            versions.into_iter().filter_map(read).collect()
        }
        _ => Vec::new(),
    };
    versions.sort_by_key(|(number, _)| *number);
    let mut sections = vec![place("Metadata Path", path), section("Metadata", &all)];
    sections.extend(versions.iter().map(|(number, version)| section(&format!("Version {number}"), version)));
    print(&sections)
}

fn print(sections: &[String]) -> Result<u8, CliError> {
    output::data(&output::printable(&sections.join("\n"))).map(|()| 0)
}

fn place(title: &str, path: &str) -> String {
    format!("{}\n{path}\n", heading(title, path.chars().count()))
}

fn section(title: &str, data: &Map<String, Value>) -> String {
    const BETWEEN: usize = 4;
    let key = data.keys().map(|key| key.chars().count()).max().unwrap_or_default();
    format!("{}\n{}", heading(title, key + BETWEEN + "Value".len()), table::pairs(table::data_rows(data)))
}

/// A title between equals signs, about as wide as what is below it, and with two signs at least on either side of one that
/// is wider.
fn heading(title: &str, width: usize) -> String {
    let signs = match width.saturating_sub(title.chars().count() + 2) {
        0 => 4,
        signs => signs.next_multiple_of(2),
    };
    let side = "=".repeat(signs / 2);
    format!("{side} {title} {side}")
}

#[cfg(test)]
mod tests {
    use super::heading;

    /// As a server's own command line, OpenBao 2.6.2, printed them.
    #[test]
    fn headings_are_as_wide_as_others_print_them() {
        for (title, width, expected) in [
            ("Secret Path", "secret/data/foo".len(), "= Secret Path ="),
            ("Metadata Path", "secret/metadata/foo".len(), "== Metadata Path =="),
            ("Metadata", "custom_metadata".len() + 9, "======= Metadata ======="),
            ("Metadata", "current_metadata_version".len() + 9, "============ Metadata ============"),
            ("Version 1", "deletion_time".len() + 9, "====== Version 1 ======"),
            ("Data", 10, "== Data =="),
            ("Data", 6, "== Data =="),
        ] {
            assert_eq!(heading(title, width), expected);
        }
    }
}
