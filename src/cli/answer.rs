//! An engine's answer on stdout: the table, one field of it, JSON or YAML; its warnings on stderr.

use serde_json::Value;

use super::error::CliError;
use super::format::Format;
use super::global::Global;
use super::{output, table};
use crate::api::Answer;

/// Prints an answer in the form that was asked for.
///
/// # Errors
/// Exit code 1 when the field is not there, or stdout cannot be written.
pub(crate) fn print(answer: &Answer, global: &Global) -> Result<u8, CliError> {
    let format = global.answer_format()?;
    output::warnings(&answer.warnings);
    if let Some(name) = &global.field {
        return print_field(table::field(answer, name), name, format);
    }
    match format {
        Format::Json | Format::Yaml => structured(&table::envelope(answer), format)?,
        // Some answers have no envelope: what servers say of themselves.
        _ if is_bare(answer) => {
            let rows = answer.body.as_object().map(table::data_rows).unwrap_or_default();
            output::data(&output::printable(&table::pairs(rows)))?;
        }
        _ => output::data(&output::printable(&table::answer(answer)))?,
    }
    Ok(0)
}

/// Whether an answer is no envelope, and says something.
fn is_bare(answer: &Answer) -> bool {
    let is_none = answer.data.is_none() && answer.auth.is_none() && answer.wrap_info.is_none();
    let body =
        answer.body.as_object().filter(|body| !body.contains_key("request_id") && !body.contains_key("lease_id"));
    is_none && body.is_some_and(|body| !body.is_empty())
}

/// Prints one field as it is: without a line end when nobody sits there, so that scripts get the very
/// bytes.
///
/// # Errors
/// As [`print()`].
pub(crate) fn print_field(value: Option<Value>, name: &str, format: Format) -> Result<u8, CliError> {
    let Some(value) = value else {
        return Err(CliError::plain(1, format!("Field {name:?} not present in secret")));
    };
    match format {
        Format::Json | Format::Yaml => structured(&value, format)?,
        _ => output::raw(&table::plain(&value))?,
    }
    Ok(0)
}

/// Prints a value as JSON, or as YAML.
///
/// # Errors
/// Exit code 1 when stdout cannot be written.
pub(crate) fn structured(value: &Value, format: Format) -> Result<(), CliError> {
    match format {
        Format::Yaml => {
            let text = serde_yaml::to_string(value);
            output::exact(&text.map_err(|error| CliError::new(1, format!("the answer has no YAML form: {error}")))?)
        }
        _ => output::line(&format!("{value:#}")),
    }
}

/// Says that something was done, to a person; a program sees the exit code.
///
/// # Errors
/// When stdout can't be written.
pub(crate) fn succeed(text: &str, format: Format) -> Result<u8, CliError> {
    match format {
        Format::Table => output::line(text).map(|()| 0),
        _ => Ok(0),
    }
}
