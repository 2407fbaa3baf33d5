//! Saved plans on disk.

use std::io::{Read as _, Write as _};
use std::path::Path;

use super::error::CliError;
use super::output::printable;
use crate::durable;
use crate::plan::saved::{BYTES_MAX, Error, Saved};

/// Writes a plan into a file, whole or not at all.
///
/// # Errors
/// The file can't be written, or is something else than a file.
pub(crate) fn write(path: &Path, saved: &Saved) -> Result<(), CliError> {
    let shown = printable(&path.display().to_string()).into_owned();
    let failed = |why: String| CliError::new(1, format!("the plan could not be saved to {shown}: {why}"));
    // Taking its name from a device or a pipe would take it away from everybody.
    if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(failed("it is there, and is no file".to_owned()));
    }
    let text = saved.text().map_err(|error| failed(error.to_string()))?;
    durable::replace(path, |file| file.write_all(text.as_bytes())).map_err(|error| failed(error.to_string()))
}

/// Reads a saved plan.
///
/// # Errors
/// The file can't be read, is none, was changed, or is of a newer version.
pub(crate) fn read(path: &Path) -> Result<Saved, CliError> {
    let shown = printable(&path.display().to_string()).into_owned();
    let failed = |why: String| CliError::new(1, format!("{shown} can't be applied: {why}"));
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.is_file() {
        return Err(failed("it is no file".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    // One byte more than a plan may have is enough to see that it is none.
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    Saved::read(&bytes).map_err(|error| {
        let hint = match error {
            Error::Newer { .. } => "use the version that wrote it, or a newer one",
            Error::Changed | Error::NoJson(_) | Error::NoText => {
                "take the file as `leasehold plan --out` wrote it, byte for byte, or make a new plan"
            }
            Error::Long | Error::Else | Error::Odd(_) => {
                "name a file that `leasehold plan --out` wrote, or the estate's directory"
            }
        };
        failed(printable(&error.to_string()).into_owned()).hint(hint)
    })
}
