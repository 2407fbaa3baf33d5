//! Why there is no plan, review or drift, as commands tell it.

use std::io::IsTerminal as _;

use super::context::Context;
use super::error::CliError;
use super::output;
use crate::plan::escape;
use crate::text::in_a_line;
use crate::{apply, estate, ledger, live, proposal};

impl Context {
    /// Why a plan, a review or drift could not be made or carried out, with the hints that fit.
    pub(crate) fn unproposed(&self, error: proposal::Error) -> CliError {
        match error {
            proposal::Error::Git(error) => CliError::new(1, error.to_string()).hint(error.hint()),
            proposal::Error::Engine(error) => self.refused(&error),
            proposal::Error::NoOwner { .. } => {
                CliError::new(1, error.to_string()).hint("`leasehold ledger list` prints their names")
            }
            proposal::Error::LimitRaised { .. } => CliError::new(1, error.to_string())
                .hint("what an environment says of it is a rule for all who apply: the flag only lowers it"),
            proposal::Error::Unselectable(unknown) => CliError::new(1, unknown.to_string()).hint(unknown.hint()),
            proposal::Error::Unfit(unfit) => {
                let details = unfit.details();
                if !details.is_empty() {
                    output::say(details.trim_end());
                }
                CliError::new(4, format!("nothing was applied: {unfit}")).hint(unfit.hint())
            }
            proposal::Error::Nameless { .. } => CliError::new(1, error.to_string())
                .hint("a saved plan is bound to its engine; without one, `apply --expect DIGEST` applies the plan that was reviewed"),
            proposal::Error::Forgotten { ref objects } => {
                let hint = match objects.keys().any(Option::is_some) {
                    true => "fetch the commits and say it again; or `leasehold apply` makes it as the files say now",
                    false => "`leasehold apply` makes it as the files say now, with all that was not applied",
                };
                CliError::new(1, error.to_string()).hint(hint)
            }
            proposal::Error::Invalid { ref problems, ref sources, .. } => {
                output::say(&estate::render(problems, sources, std::io::stderr().is_terminal()));
                CliError::new(1, error.to_string())
            }
            proposal::Error::Undrafted { ref problems, ref sources } => {
                output::say(&estate::render(problems, sources, std::io::stderr().is_terminal()));
                CliError::new(1, error.to_string()).hint("nothing was written")
            }
            proposal::Error::Unsettled { .. } => CliError::new(1, error.to_string())
                .hint("nothing was written; this is a fault of `leasehold import`: import what is at fault by hand, and tell us"),
            proposal::Error::NoEnvironment { .. } => CliError::new(1, error.to_string())
                .hint("an environment is declared with: environment \"prod\" { address = \"https://...\" }"),
        }
    }

    /// That the ledger has what became of an apply; tells where the history lacks it.
    ///
    /// # Errors
    /// It has not.
    pub(crate) fn recorded(&self, recorded: Result<Option<ledger::Error>, apply::Error>) -> Result<(), CliError> {
        if let Some(why) = recorded.map_err(|error| self.unproposed(error.into()))? {
            output::say(&format!(
                "warning: `leasehold history` does not tell how this apply ended: {}",
                escape(&in_a_line(&why.to_string()))
            ));
        }
        Ok(())
    }

    fn refused(&self, error: &apply::Error) -> CliError {
        let code = error.exit_code();
        let failure = match error {
            apply::Error::Ledger(ledger::Error::Api { path, source }) => self.failed_as(
                code,
                format!("The ledger could not be {} ({path})", if source.is_of_write() { "written" } else { "read" }),
                source,
            ),
            apply::Error::Unrecorded { source: ledger::Error::Api { path, source }, .. } => {
                self.failed_as(code, format!("What became of it could not be written into the ledger ({path})"), source)
            }
            apply::Error::Live(live::Error::Api { path, source }) => {
                self.failed_as(code, format!("{path} could not be read"), source)
            }
            other => CliError::new(code, other.to_string()),
        };
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
