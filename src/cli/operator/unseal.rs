//! `leasehold operator unseal`.

use std::io::Read as _;

use serde_json::json;

use crate::cli::context::with_client;
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::prompt::prompt;
use crate::cli::request::body;
use crate::cli::status;
use crate::secret::Secret;

/// Longer texts are no shares.
const SHARE_BYTES_MAX: u64 = 4096;

/// Arguments of `leasehold operator unseal`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A share of the key, or - for stdin; asked for when left out: other processes see arguments
    key: Option<String>,
    /// Forget the shares brought so far
    #[arg(long)]
    reset: bool,
}

/// Runs the command and answers the exit code.
pub(super) async fn run(args: &Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    if args.reset && args.key.is_some() {
        return Err(CliError::plain(1, "--reset takes no share"));
    }
    let asked = match args.reset {
        true => body(json!({ "reset": true })),
        false => body(json!({ "key": share(args.key.as_deref(), "Unseal Key (will be hidden): ")?.expose() })),
    };
    with_client(global, async |context, client| {
        let taken = client.without_token().write("sys/unseal", &asked).await;
        taken.map_err(|error| context.failed("Error unsealing", &error)).map(|_| 0)
    })
    .await?;
    match global.sketch()? {
        Some(_) => Ok(0),
        // Whether it is open by now it prints, and its exit code says: this command's is that the share was taken.
        None => status::run(status::Args {}, global).await.map(|_| 0),
    }
}

/// A share: given, read from stdin, or asked for.
///
/// # Errors
/// Nobody is there to be asked.
pub(super) fn share(given: Option<&str>, question: &str) -> Result<Secret, CliError> {
    match given {
        None => prompt(question, "as an argument, or with - on stdin"),
        Some("-") => {
            let mut text = zeroize::Zeroizing::new(String::new());
            let read = std::io::stdin().lock().take(SHARE_BYTES_MAX).read_to_string(&mut text);
            read.map_err(|error| CliError::new(1, format!("stdin could not be read: {error}")))?;
            Ok(Secret::new(text.trim()))
        }
        Some(text) => Ok(Secret::new(text)),
    }
}
