//! `leasehold man`: the manual's pages.

use std::path::PathBuf;

use clap_mangen::Man;

use super::error::CliError;
use super::global::Global;
use super::output;

/// Arguments of `leasehold man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
leasehold man | man -l -          reads the first page
leasehold man /usr/local/share/man/man1   writes all of them where man(1) finds them

Exit codes: 0 printed or written, 1 an error.")]
pub(crate) struct Args {
    /// Write all pages into this directory, a file for each command [default: print the first one]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, commands: clap::Command, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    global.no_field()?;
    let Some(dir) = &args.dir else {
        let mut page = Vec::new();
        let unwritten = |error: &dyn std::fmt::Display| CliError::new(1, format!("the page can't be made: {error}"));
        Man::new(commands).render(&mut page).map_err(|error| unwritten(&error))?;
        output::data(&String::from_utf8(page).map_err(|error| unwritten(&error))?)?;
        return Ok(0);
    };
    let unwritten = |error| CliError::new(1, format!("the pages can't be written into {}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(unwritten)?;
    clap_mangen::generate_to(commands, dir).map_err(unwritten)?;
    Ok(0)
}
