//! What is printed of a trail as its lines come.

use time::OffsetDateTime;

use super::{Chosen, json_line, row};
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::output;
use crate::text::count;
use crate::trail::query::Following;

/// How wide the columns are: nobody knows yet what comes.
const WIDTHS: [usize; 7] = [20, 12, 16, 20, 24, 13, 12];

/// What is printed of lines as they come.
pub(super) struct Printer {
    chosen: Chosen,
    since: OffsetDateTime,
    format: Format,
    following: Following,
    /// What is to be printed.
    lines: String,
    /// Of how many lines that could not be read it was told.
    told: u64,
}

impl Printer {
    /// Prints changes of the credentials that are meant, from then on.
    pub(super) fn new(chosen: Chosen, since: OffsetDateTime, format: Format) -> Self {
        Self { chosen, since, format, following: Following::default(), lines: String::new(), told: 0 }
    }

    /// Prints what stands above all; false where nobody reads it.
    pub(super) fn begin(&self) -> Result<bool, CliError> {
        match self.format {
            Format::Json | Format::Yaml => Ok(true),
            _ => output::streamed(&padded(&super::HEADER.map(str::to_owned))),
        }
    }

    /// Takes a line. What was before `since` has to be known for what comes, and is not printed.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), CliError> {
        for issuance in self.following.line(line) {
            if self.chosen.has(issuance) && super::is_since(&issuance.changed, self.since) {
                let line = match self.format {
                    Format::Json => json_line(issuance)?,
                    Format::Yaml => format!("---\n{}", super::yaml(issuance)?),
                    _ => padded(&row(issuance)),
                };
                self.lines.push_str(&line);
            }
        }
        Ok(())
    }

    /// Prints what came; false where nobody reads it.
    pub(super) fn print(&mut self, dropped: u64) -> Result<bool, CliError> {
        let lines = std::mem::take(&mut self.lines);
        if !lines.is_empty() && !output::streamed(&lines)? {
            return Ok(false);
        }
        let bad = self.following.unreadable() + dropped;
        if bad > self.told {
            let lines = count(usize::try_from(bad - self.told).unwrap_or(usize::MAX), "line");
            output::say(&format!("warning: {lines} could not be read and were left out"));
            self.told = bad;
        }
        Ok(true)
    }
}

fn padded(cells: &[String; 7]) -> String {
    let cells: Vec<String> = cells.iter().zip(WIDTHS).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{}\n", cells.join("  ").trim_end())
}
