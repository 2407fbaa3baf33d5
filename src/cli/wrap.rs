//! What commands that ask an engine for something have in common where its answer is to lie wrapped: `--wrap-ttl`, and
//! what is printed then.

use crate::api::Client;

use super::global::variable;

/// The flag of commands by hand.
#[derive(Debug, clap::Args)]
pub(crate) struct WrapArgs {
    /// Let the answer lie wrapped for so long, and print the token that fetches it [env: LEASEHOLD_WRAP_TTL, BAO_WRAP_TTL, VAULT_WRAP_TTL]
    #[arg(long, value_name = "DURATION")]
    wrap_ttl: Option<String>,
}

impl WrapArgs {
    /// The same client, asking for wrapped answers if that is wanted.
    pub(crate) fn client(&self, client: &Client) -> Client {
        match self.wrap_ttl.clone().or_else(|| variable("WRAP_TTL")) {
            Some(ttl) => client.wrapping(ttl),
            None => client.clone(),
        }
    }

    /// The same for a write to `path`: what is there only to wrap, wraps.
    pub(crate) fn writer(&self, client: &Client, path: &str) -> Client {
        let client = self.client(client);
        if path == "sys/wrapping/wrap" && !client.wraps() { client.wrapping(TTL_DEFAULT.to_owned()) } else { client }
    }
}

/// How long data lies wrapped where nobody says it (Vault, `api/logical.go`).
const TTL_DEFAULT: &str = "5m";
