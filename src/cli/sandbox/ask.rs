//! `leasehold sandbox call` and `leasehold sandbox may`: the account asked in this process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::opening;
use crate::cli::error::CliError;
use crate::cli::{global, output};
use crate::clock::Clock;
use crate::sandbox::{Account, Key, OpenError, Refusal};
use crate::secret::Secret;

/// The exit code of what policies don't allow.
const REFUSED: u8 = 3;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Question {
    /// Make a call of IAM or STS, and print what it answers
    ///
    /// It is made as the credential of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or, without
    /// them, as the account's root.
    Call {
        /// The directory that the account is kept in
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// The call, such as CreateRole
        action: String,
        /// Its parameters; @FILE takes the text of a file
        #[arg(value_name = "NAME=VALUE")]
        parameters: Vec<String>,
    },
    /// Tell whether a credential may do something, of any service; the exit code is 3 where it may not
    ///
    /// The credential is that of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
    May {
        /// The directory that the account is kept in
        #[arg(long, value_name = "DIR")]
        data_dir: PathBuf,
        /// The action, such as s3:GetObject
        action: String,
        /// The ARN of what it is about
        resource: String,
    },
}

/// Runs the command and answers the exit code.
pub(super) fn run(action: &Question) -> Result<u8, CliError> {
    let key = key()?;
    match action {
        Question::Call { data_dir, action, parameters } => {
            let parameters = parameters.iter().map(|text| parameter(text)).collect::<Result<_, _>>()?;
            let answer = open(data_dir)?.call(key.as_ref(), action, parameters).map_err(|refusal| refused(&refusal))?;
            output::data(&if answer.is_empty() { answer } else { format!("{answer}\n") })?;
        }
        Question::May { data_dir, action, resource } => {
            let key = key.ok_or_else(|| {
                CliError::new(1, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
                    .hint("eval \"$(leasehold creds APP --format env)\" sets them")
            })?;
            open(data_dir)?.may(&key, action, resource).map_err(|refusal| refused(&refusal))?;
            output::data(&format!("allowed: {action} on {resource}\n"))?;
        }
    }
    Ok(0)
}

/// The credential of the environment, if it has one.
fn key() -> Result<Option<Key>, CliError> {
    let [id, secret, session_token] =
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].map(global::exactly);
    match (id, secret) {
        (Some(id), Some(secret)) => {
            Ok(Some(Key { id, secret: Secret::new(secret), session_token: session_token.map(Secret::new) }))
        }
        (None, None) => Ok(None),
        _ => Err(CliError::new(1, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together, and one is not set")),
    }
}

/// The account, with the user that an engine signs as.
fn open(directory: &Path) -> Result<Arc<Account>, CliError> {
    let account = Account::open(Some(directory), Clock::system()).map_err(|error| match error {
        OpenError::InUse { address: Some(address), .. } => {
            CliError::new(1, format!("{}: it is served at {address}", directory.display()))
                .hint(format!("ask it with the AWS CLI: aws --endpoint-url {address}"))
        }
        error => opening(&error),
    })?;
    account.add_engine_user().map_err(|error| CliError::new(1, error.to_string()))?;
    Ok(account)
}

fn parameter(text: &str) -> Result<(String, String), CliError> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| CliError::new(1, format!("{text} is no parameter")).hint("write NAME=VALUE, or NAME=@FILE"))?;
    let value = match value.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| CliError::new(1, format!("{file}: {error}")))?,
        None => value.to_owned(),
    };
    Ok((name.to_owned(), value))
}

fn refused(refusal: &Refusal) -> CliError {
    let code = if refusal.is_denied() { REFUSED } else { 1 };
    CliError::plain(code, format!("{}: {}", refusal.code, refusal.message))
}
