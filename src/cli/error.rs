//! How a command ends badly: an exit code, what happened, and what to do next.

use crate::api::{self, Health, TlsFault};

/// What a shell answers for a process that Ctrl-C ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// The end of a command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct CliError {
    /// The process's exit code (docs/cli.md, "Exit codes").
    pub(crate) exit_code: u8,
    /// What happened, where. Never a secret. May have several lines.
    pub(crate) message: String,
    /// What to do next.
    pub(crate) hints: Vec<String>,
    /// Whether the message stands alone, without `Error: ` before it: texts that Vault's users know,
    /// and problems that were rendered with their source.
    pub(crate) plain: bool,
}

impl std::fmt::Display for CliError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What is to be done about a server that is sealed.
const UNSEAL: &str = "an operator has to unseal it: `leasehold operator unseal`";

impl CliError {
    /// The exit code of what an engine refused, as Vault's command line has it.
    pub(crate) const REFUSED: u8 = 2;

    /// An error with an exit code.
    pub(crate) fn new(exit_code: u8, message: impl Into<String>) -> Self {
        Self { exit_code, message: message.into(), hints: Vec::new(), plain: false }
    }

    /// An error whose message is printed as it stands.
    pub(crate) fn plain(exit_code: u8, message: impl Into<String>) -> Self {
        Self { plain: true, ..Self::new(exit_code, message) }
    }

    /// What an engine refused, or why it was not reached. `doing` is what Vault's command line says, such as
    /// `Error reading aws/creds/webapp`.
    pub(crate) fn api(doing: impl std::fmt::Display, error: &api::Error) -> Self {
        Self::api_as(Self::REFUSED, doing, error)
    }

    /// The same with an exit code of the command's own.
    pub(crate) fn api_as(exit_code: u8, doing: impl std::fmt::Display, error: &api::Error) -> Self {
        let failure = Self::plain(exit_code, format!("{doing}: {error}"));
        match error {
            api::Error::Status { code: 403, .. } => failure.hint(match error.denial() {
                Some(denial @ api::Denial::Ended) => format!("{}; log in again", denial.words()),
                Some(denial @ api::Denial::Forbidden) => {
                    format!("{}; `leasehold token lookup` shows them", denial.words())
                }
                None => "the token may not do this, or has ended; `leasehold token lookup` shows what it is".to_owned(),
            }),
            sealed if sealed.says(api::Said::Sealed) => failure.hint(UNSEAL),
            api::Error::NoNamespace { .. } => failure.hint(
                "look at its name in --namespace, in LEASEHOLD_NAMESPACE, BAO_NAMESPACE or VAULT_NAMESPACE, or in the \
                 environment; or create it (`bao namespace create`)",
            ),
            api::Error::Connect { .. } => {
                failure.hint("is it running? --address or LEASEHOLD_ADDR (else BAO_ADDR, VAULT_ADDR) names the engine; in an estate's directory (or with -C) it is the estate's own")
            }
            api::Error::NoNode { nodes } => nodes_hint(failure, nodes),
            api::Error::Apart { .. } => failure.hint("name the nodes of one cluster: each is asked who it is by its `sys/health`"),
            api::Error::Led { .. } => failure.hint(
                "where the active node was lost, another one is elected within seconds: try again; else look at `api_addr` in \
                 its configuration, and name the nodes by addresses that are reached from here",
            ),
            elected if elected.says(api::Said::NotActive) => {
                failure.hint("an active node is elected within seconds: try again")
            }
            api::Error::Tls { fault: TlsFault::NotTls, .. } => {
                failure.hint("the server does not speak TLS; if that is meant, say http:// in the address")
            }
            api::Error::Tls { fault: TlsFault::UnknownIssuer, .. } => {
                failure.hint("name the CA that signed its certificate with --ca-cert")
            }
            api::Error::Tls { fault: TlsFault::CaAsServer, .. } => failure.hint(
                "its certificate is one of a CA, as self-signed ones are: if you trust it, name just that one with --ca-cert",
            ),
            api::Error::Timeout { method, .. } | api::Error::Broken { method, .. } => failure.hint(match *method {
                "LIST" => "try again",
                "GET" => "try again; where a read issues something, whether it did is not known: it ends with its lease",
                _ => "whether it was done is not known; look before trying again",
            }),
            _ => failure,
        }
    }

    /// Whether it says that a server is sealed, and so what to do about it.
    pub(crate) fn is_of_sealed(&self) -> bool {
        self.hints.iter().any(|hint| hint == UNSEAL)
    }

    /// The same error of a server in which there is nothing yet.
    pub(crate) fn of_nothing_yet(mut self) -> Self {
        self.hints.retain(|hint| hint != UNSEAL);
        self.hint("there is nothing in this server yet: `leasehold operator init` begins its store")
    }

    /// The same error with one more hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// What to do about the nodes of a cluster, of which none can be used.
fn nodes_hint(failure: CliError, nodes: &[api::Node]) -> CliError {
    let is = |health: &dyn Fn(&Health) -> bool| nodes.iter().any(|node| health(&node.health));
    let failure = match nodes.iter().find_map(|node| match &node.health {
        Health::Unreachable { tls, .. } => *tls,
        _ => None,
    }) {
        Some(TlsFault::UnknownIssuer) => failure.hint("name the CA that signed the certificates with --ca-cert"),
        Some(TlsFault::NotTls) => failure.hint("a server that does not speak TLS is named with http://"),
        _ => failure,
    };
    let sealed =
        is(&|health| *health == Health::Sealed).then_some("an operator has to unseal one (`bao operator unseal`)");
    let new = is(&|health| *health == Health::Uninitialized)
        .then_some("one that is not initialized joins its cluster, or is initialized (`bao operator init`)");
    let secondary =
        is(&|health| *health == Health::DrSecondary).then_some("a DR secondary serves nothing until it is promoted");
    let away = is(&|health| matches!(health, Health::Silent | Health::Unreachable { .. }))
        .then_some("are they running, and reached from here? `leasehold status` shows each node");
    [sealed, new, secondary, away].into_iter().flatten().fold(failure, CliError::hint)
}
