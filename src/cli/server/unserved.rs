//! Keys of Vault's files that mean nothing to this server: taken, so that a file which served Vault serves here, and told
//! where somebody would wait in vain for what they say. What would change who may do what is not among them, and is refused
//! as any key that is not known.
//!
//! Source: Vault documentation, "Vault configuration parameters", and OpenBao's.

use serde_json::Value;

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unserved {
    /// It says what is so anyway.
    Anyway,
    /// Nothing, and why.
    Not(&'static str),
}

use Unserved::{Anyway, Not};

const KEYS: &[(&str, Unserved)] = &[
    ("api_addr", Not("one server redirects nobody")),
    ("cluster_addr", Not("one server has no peers")),
    ("listener.tcp.cluster_address", Not("one server has no peers")),
    ("listener.unix.tls_disable", Anyway),
    ("cluster_name", Not("one server is no cluster")),
    ("allow_audit_log_prefixing", Anyway),
    ("disable_mlock", Anyway),
    ("disable_cache", Anyway),
    ("disable_clustering", Anyway),
    ("disable_sealwrap", Anyway),
    ("disable_performance_standby", Anyway),
    ("enable_response_header_hostname", Not("answers have no such header")),
    ("enable_response_header_raft_node_id", Not("answers have no such header")),
    ("plugin_directory", Not("there are no plugins")),
    ("telemetry", Not("Prometheus reads sys/metrics, which is always served, and nothing is sent anywhere")),
];

/// Whether a key is one of them, and what is to be told of it.
pub(super) fn told(place: &str, value: Option<&Value>) -> Option<Option<String>> {
    let (_, what) = KEYS.iter().find(|(key, _)| *key == place)?;
    Some(match what {
        Not(why) if value != Some(&Value::Bool(false)) => Some(format!("{place} has no effect: {why}")),
        Not(_) | Anyway => None,
    })
}

/// What to do instead of a key that is refused, where that is known.
pub(super) fn instead(place: &str) -> Option<&'static str> {
    Some(match place {
        "storage.raft" => {
            "one server keeps its data in storage \"file\" { path }; several are a cluster of OpenBao or Vault"
        }
        "storage.inmem" => "a server that keeps nothing is started with -dev",
        "listener" => "it has a label: listener \"tcp\" {} or listener \"unix\" {}",
        "seal" => "it has a label: seal \"shamir\" {}, \"file\" {} or \"credential\" {}",
        "storage" | "backend" => "it has a label: storage \"file\" {}",
        "audit" => "it has a label: audit \"file\" {}",
        _ if place.starts_with("storage.") => "the data is in storage \"file\" { path }",
        _ => return None,
    })
}
