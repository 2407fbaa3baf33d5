//! What Vault serves and this server does not, by path: so that who asks is told in words, and not that a path is
//! unknown. docs/engine.md lists the same paths.

use crate::engine::wire::error::Error;

/// Paths below a mount or the root, and what they belong to. A name that ends in `/` stands for all below it.
const ABSENT: [(&str, &str); 48] = [
    ("identity/mfa/", "multi-factor logins"),
    ("identity/oidc/", "identity tokens"),
    ("sys/activation-flags", "features that are switched on at run time"),
    ("sys/activation-flags/", "features that are switched on at run time"),
    ("sys/billing/", "usage counters, specifications and inspection"),
    ("sys/config/", "settings of the server through the API"),
    ("sys/control-group/", "control groups"),
    ("sys/decode-token", "generating a root token"),
    ("sys/events/", "events"),
    ("sys/experiments", "experiments"),
    ("sys/generate-recovery-token/", "recovery mode"),
    ("sys/generate-root/", "generating a root token"),
    ("sys/ha-status", "clusters"),
    ("sys/host-info", "information about the host"),
    ("sys/in-flight-req", "a list of requests in flight"),
    ("sys/internal/", "usage counters, specifications and inspection"),
    ("sys/key-status", "rotating the encryption key"),
    ("sys/license/", "licences"),
    ("sys/loggers", "log levels through the API"),
    ("sys/loggers/", "log levels through the API"),
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
    ("sys/rekey-recovery-key/", "recovery keys"),
    ("sys/rekey/", "unseal keys that are split: it unseals with its key file"),
    ("sys/replication/", "replication"),
    ("sys/reporting/", "usage counters, specifications and inspection"),
    ("sys/rotate", "rotating the encryption key"),
    ("sys/rotate/", "rotating the encryption key"),
    ("sys/seal-backend-status", "more than one seal"),
    ("sys/sealwrap/", "seal wrapping"),
    ("sys/step-down", "clusters"),
    ("sys/storage/", "clusters, and snapshots through the API"),
    ("sys/sync/", "secrets sync"),
    ("sys/tools/", "random numbers and hashes"),
    ("sys/utilization-report", "usage counters, specifications and inspection"),
    ("sys/version-history", "the versions that ran before"),
    ("sys/well-known", "well-known paths"),
    ("sys/well-known/", "well-known paths"),
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

#[cfg(test)]
mod tests {
    use super::ABSENT;

    #[test]
    fn the_documentation_lists_these_paths() {
        let page = include_str!("../../../docs/engine.md");
        let (_, list) = page.split_once("but for `sys/internal/ui/mounts`:").unwrap();
        let list = list.split("\n\n").next().unwrap();
        let told: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        let is_named = |path: &str| ABSENT.iter().any(|(name, _)| *name == path);
        let absent: Vec<&str> = ABSENT.iter().map(|(path, _)| *path).collect();
        // A name alone says it of what is below it too.
        let once = |path: &&str| path.strip_suffix('/').is_none_or(|folder| !is_named(folder));
        assert_eq!(told, absent.into_iter().filter(once).collect::<Vec<_>>());
    }
}
