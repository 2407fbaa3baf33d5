//! `leasehold completions`: what a shell needs to complete commands and flags.

use clap_complete::Shell;

use super::error::CliError;
use super::global::Global;
use super::output;

/// Arguments of `leasehold completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bash: source <(leasehold completions bash), in ~/.bashrc
zsh:  leasehold completions zsh > _leasehold, in a directory of $fpath
fish: leasehold completions fish > ~/.config/fish/completions/leasehold.fish

Exit codes: 0 printed, 1 an error.")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, mut commands: clap::Command, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    global.no_field()?;
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut commands, "leasehold", &mut script);
    let script = String::from_utf8(script)
        .map_err(|error| CliError::new(1, format!("the script for {} is no text: {error}", args.shell)))?;
    output::data(&script)?;
    Ok(0)
}
