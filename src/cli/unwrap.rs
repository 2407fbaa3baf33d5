//! `leasehold unwrap`: fetches an answer that lies wrapped.
//!
//! The token may be an argument, as with Vault, where every process on the machine can read it; `-` reads it from stdin.
//! Without one it is the caller's own token that wraps something.

use super::context::with_client;
use super::data::{self, Sources as _};
use super::error::CliError;
use super::global::Global;
use super::{answer, output, request};
use crate::api::Said;
use crate::secret::Secret;

/// Arguments of `leasehold unwrap`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold write -wrap-ttl=10m -f -field=wrapping_token auth/approle/role/ci/secret-id > wrapped\n  leasehold unwrap -field=secret_id - < wrapped"
)]
pub(crate) struct Args {
    /// The wrapping token, or - for stdin [default: one's own token]
    token: Option<String>,
}

const PATH: &str = "sys/wrapping/unwrap";

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.answer_format()?;
    let token = match args.token.as_deref() {
        None => None,
        Some("-") => Some(Secret::new(data::Real::default().stdin()?.trim())),
        Some(text) => {
            output::say(
                "WARNING! A token in an argument can be read by every process on this machine; `leasehold unwrap -` reads it from stdin.\n",
            );
            Some(Secret::new(text))
        }
    };
    if token.as_ref().is_some_and(Secret::is_empty) {
        return Err(CliError::new(1, "the token is empty"));
    }
    with_client(global, async |context, client| {
        let (client, body) = match &token {
            Some(token) if client.has_token() => (client, serde_json::json!({ "token": token.expose() })),
            Some(token) => (client.with_token(token.clone()), serde_json::json!({})),
            None => (client, serde_json::json!({})),
        };
        let fetched = client.write(PATH, &request::body(body)).await;
        let fetched = fetched.map_err(|error| {
            let failure = context.failed("Error unwrapping", &error);
            match error.says(Said::WrapsNothing) {
                true => failure
                    .hint("an answer is fetched once and within its time: if you did not, somebody else may have, and what it held is not to be used"),
                false => failure,
            }
        })?;
        answer::print(&fetched, global)
    })
    .await
}
