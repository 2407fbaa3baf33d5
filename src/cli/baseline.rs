//! Files of what is accepted of a drift until a day.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::context::Context;
use super::error::CliError;
use super::output;
use crate::api::Client;
use crate::drift::{Baseline, Drift};
use crate::{durable, proposal};

/// Bytes of such a file: some ten thousand entries.
const BYTES_MAX: u64 = 4 << 20;

/// Sets aside what the file accepts, if there is one.
///
/// # Errors
/// A file that can't be used; an engine that can't be read.
pub(crate) async fn accept(
    context: &Context,
    drift: &mut Drift,
    client: &Client,
    file: Option<&Path>,
) -> Result<(), CliError> {
    let Some(file) = file else { return Ok(()) };
    let baseline = read(file, &drift.environment)?;
    let accepted = proposal::accept(drift, &baseline, client, &context.today()).await;
    accepted.map_err(|error| context.unproposed(error))
}

fn read(file: &Path, environment: &str) -> Result<Baseline, CliError> {
    let name = output::printable(&file.display().to_string()).into_owned();
    let failed = |why: String| CliError::new(1, format!("{name} can't be used as a baseline: {why}"));
    let length = std::fs::metadata(file).map_err(|error| failed(error.to_string()))?.len();
    if length > BYTES_MAX {
        return Err(failed(format!("it has more than {} MiB", BYTES_MAX >> 20)));
    }
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    Baseline::read(&text, environment).map_err(|error| {
        failed(output::one_line(&error.to_string()).into_owned())
            .hint("`leasehold drift --write-baseline FILE --until DAY --reason TEXT` makes one of what is found")
    })
}

/// What is to be accepted: where that is written, until when, and why.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Writing {
    /// Write what is found into this file, as accepted until a day, and count none of it
    #[arg(long, value_name = "FILE", requires = "until", requires = "reason", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// The first day on which it counts again, such as 2027-04-01
    #[arg(long, value_name = "DAY", requires = "write_baseline")]
    until: Option<String>,
    /// Why it is accepted
    #[arg(long, value_name = "TEXT", requires = "write_baseline")]
    reason: Option<String>,
}

impl Writing {
    /// Whether it was asked for.
    pub(crate) fn is_asked(&self) -> bool {
        self.write_baseline.is_some()
    }

    /// Writes the file, if it was asked for, and sets aside what is in it.
    ///
    /// # Errors
    /// A day that is none or is over; a file that is there; an engine that can't be read.
    pub(crate) async fn write(&self, context: &Context, drift: &mut Drift, client: &Client) -> Result<(), CliError> {
        let (Some(file), Some(until), Some(reason)) = (&self.write_baseline, &self.until, &self.reason) else {
            return Ok(());
        };
        let name = output::printable(&file.display().to_string()).into_owned();
        let failed = |why: String| CliError::new(1, format!("no baseline was written: {why}"));
        if file.symlink_metadata().is_ok() {
            return Err(failed(format!("{name} is there")).hint("remove it first; or name another file"));
        }
        let prints = proposal::fingerprints(client, drift.acceptable()).await;
        let prints = prints.map_err(|error| context.unproposed(error))?;
        let baseline = Baseline::of(&drift.environment, drift.acceptable(), &prints, until, reason).map_err(failed)?;
        let today = context.today();
        if *until <= today {
            return Err(failed(format!("{until} is not after today ({today}), so it would accept nothing")));
        }
        let text = baseline.text().map_err(|error| failed(error.to_string()))?;
        durable::replace(file, |into| into.write_all(text.as_bytes()))
            .map_err(|error| failed(format!("{name}: {error}")))?;
        output::say(&format!("{} accepted in {name}.", crate::text::count(baseline.len(), "finding")));
        if is_read_as_estate(file, &context.estate_dir()) {
            output::say(&format!(
                "warning: {name} lies in the estate, which reads it as declarations: name it in .leaseholdignore, or give it \
                 a name that begins with a dot"
            ));
        }
        drift.accept(&baseline, &prints, &today);
        Ok(())
    }
}

/// Whether an estate would read a file that lies in it, unless it is told to ignore it.
fn is_read_as_estate(file: &Path, estate: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(folder), Ok(estate)) = (folder.canonicalize(), estate.canonicalize()) else { return false };
    let is_hidden = file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let is_yaml = file.extension().is_some_and(|kind| kind == "yaml" || kind == "yml");
    is_yaml && !is_hidden && folder.starts_with(estate)
}
