//! What of `sys/` Vault serves and this server does not.

/// Paths below `sys/`, and what they belong to. A name that ends in `/` stands for all below it.
pub(super) const ABSENT: &[(&str, &str)] = &[
    ("activation-flags", "features that are switched on at run time"),
    ("activation-flags/", "features that are switched on at run time"),
    ("billing/", "usage counters, specifications and inspection"),
    ("config/", "settings of the server through the API"),
    ("control-group/", "control groups"),
    ("decode-token", "decoding tokens: `leasehold operator generate-root -decode` does"),
    ("events/", "events"),
    ("experiments", "experiments"),
    ("generate-recovery-token/", "recovery mode"),
    ("ha-status", "clusters"),
    ("host-info", "information about the host"),
    ("in-flight-req", "a list of requests in flight"),
    ("internal/", "usage counters, specifications and inspection"),
    ("license/", "licences"),
    ("loggers", "log levels through the API"),
    ("loggers/", "log levels through the API"),
    ("managed-keys/", "managed keys"),
    ("mfa/", "multi-factor logins"),
    ("monitor", "the log through the API"),
    ("namespaces", "namespaces"),
    ("namespaces/", "namespaces"),
    ("plugins/", "plugins"),
    ("policies/egp/", "Sentinel policies"),
    ("policies/password/", "password policies"),
    ("policies/rgp/", "Sentinel policies"),
    ("pprof/", "profiles of the server"),
    ("quotas/", "quotas of anything but requests and leases"),
    ("raw/", "the store through the API"),
    ("rekey/backup", "backups of shares that are encrypted with PGP"),
    ("rekey/recovery-key-backup", "backups of shares that are encrypted with PGP"),
    ("replication/", "replication"),
    ("reporting/", "usage counters, specifications and inspection"),
    ("rotate/config", "settings of rotations"),
    ("rotate/keyring/config", "settings of rotations"),
    ("rotate/recovery/backup", "backups of shares that are encrypted with PGP"),
    ("rotate/root/backup", "backups of shares that are encrypted with PGP"),
    ("seal-backend-status", "more than one seal"),
    ("sealwrap/", "seal wrapping"),
    ("step-down", "clusters"),
    ("storage/", "clusters"),
    ("sync/", "secrets sync"),
    ("tools/", "random numbers and hashes"),
    ("utilization-report", "usage counters, specifications and inspection"),
    ("version-history", "the versions that ran before"),
    ("well-known", "well-known paths"),
    ("well-known/", "well-known paths"),
];

#[cfg(test)]
mod tests {
    use super::ABSENT;
    use crate::engine::backend::identity;

    #[test]
    fn the_documentation_lists_these_paths() {
        let page = include_str!("../../../../docs/engine.md");
        let (_, list) = page.split_once("but for `sys/internal/ui/mounts` and `sys/internal/specs/openapi`:").unwrap();
        let list = list.split("\n\n").next().unwrap();
        let told: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        let of = |mount: &str, rows: &[(&str, &str)]| {
            rows.iter().map(|(path, _)| format!("{mount}/{path}")).collect::<Vec<_>>()
        };
        let absent = [of("identity", identity::ABSENT), of("sys", ABSENT)].concat();
        // A name alone says it of what is below it too.
        let once =
            |path: &&String| path.strip_suffix('/').is_none_or(|folder| !absent.iter().any(|name| name == folder));
        assert_eq!(told, absent.iter().filter(once).map(String::as_str).collect::<Vec<_>>());
    }
}
