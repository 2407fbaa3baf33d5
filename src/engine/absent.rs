//! What Vault serves and this server does not, by path: so that who asks is told in words, and not that a path is
//! unknown. README has the same list.

use super::error::Error;

/// Paths below a mount or the root, and what they belong to. A name that ends in `/` stands for all below it.
const ABSENT: [(&str, &str); 36] = [
    ("auth/token/create/", "token roles"),
    ("auth/token/roles", "token roles"),
    ("auth/token/roles/", "token roles"),
    ("cubbyhole/", "the cubbyhole"),
    ("identity/", "identity: entities, groups, and tokens of its own"),
    ("sys/config/", "settings of the server through the API"),
    ("sys/control-group/", "control groups"),
    ("sys/decode-token", "generating a root token"),
    ("sys/generate-root/", "generating a root token"),
    ("sys/generate-recovery-token/", "recovery mode"),
    ("sys/ha-status", "clusters"),
    ("sys/host-info", "information about the host"),
    ("sys/in-flight-req", "a list of requests in flight"),
    ("sys/internal/", "usage counters, specifications and inspection"),
    ("sys/key-status", "rotating the encryption key"),
    ("sys/license/", "licences"),
    ("sys/managed-keys/", "managed keys"),
    ("sys/mfa/", "multi-factor logins"),
    ("sys/monitor", "the log through the API"),
    ("sys/namespaces", "namespaces"),
    ("sys/namespaces/", "namespaces"),
    ("sys/plugins/", "plugins"),
    ("sys/policies/egp/", "Sentinel policies"),
    ("sys/policies/password/", "password policies"),
    ("sys/policies/rgp/", "Sentinel policies"),
    ("sys/pprof/", "profiles of the server"),
    ("sys/quotas/", "quotas"),
    ("sys/raw/", "the store through the API"),
    ("sys/rekey/", "unseal keys that are split: it unseals with its key file"),
    ("sys/rekey-recovery-key/", "recovery keys"),
    ("sys/replication/", "replication"),
    ("sys/rotate", "rotating the encryption key"),
    ("sys/step-down", "clusters"),
    ("sys/storage/", "clusters, and snapshots through the API"),
    ("sys/tools/", "random numbers and hashes"),
    ("sys/wrapping/", "response wrapping"),
];

/// The same error, or, of a path that belongs to something that is not served, what that is.
pub(super) fn explain(error: Error, path: &str) -> Error {
    if !matches!(error, Error::UnsupportedPath | Error::NoRoute(_)) {
        return error;
    }
    let path = path.trim_end_matches('/');
    let belongs = |name: &str| match name.strip_suffix('/') {
        Some(folder) => path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
        None => path == name,
    };
    match ABSENT.iter().find(|(name, _)| belongs(name)) {
        Some((_, what)) => Error::Missing(format!("{path} is not served: this server has no support for {what}")),
        None => error,
    }
}
