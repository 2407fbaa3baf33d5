//! How far something is for which shares are brought, as it is told.

use serde_json::{Map, Value};

use crate::api::Answer;
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::global::Global;
use crate::cli::{answer, output, table};

/// Names and values.
pub(super) type Rows = Vec<(String, String)>;

/// Prints it: a field, an object, or the rows of a table.
///
/// # Errors
/// If it can't be printed.
pub(super) fn tell(found: &Answer, global: &Global, rows: fn(&Map<String, Value>) -> Rows) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    if let Some(name) = &global.field {
        return answer::print_field(found.body.get(name).cloned(), name, format);
    }
    if format != Format::Table {
        return answer::structured(&found.body, format).map(|()| 0);
    }
    output::data(&output::printable(&table::pairs(rows(found.body.as_object().unwrap_or(&Map::new()))))).map(|()| 0)
}
