//! The paths of `sys/` (Vault API, "System backend").

use crate::engine::wire::path::Shape::{Bool, Int, List, LowerRest, Object, Pairs, Rest, Seconds, Segment, Text};
use crate::engine::wire::path::{Door, Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

const NAME: Parameter = takes("name", LowerRest, "Name of the policy, in any case");
const POLICY: Parameter = takes("policy", Text, "The policy, as HCL or JSON; may be in base64");
const PATH: Parameter = takes("path", Rest, "Path of the mount");
const SYNC: Parameter = takes("sync", Bool, "Whether to wait for the end").or("true");
const PREFIX: Parameter = takes("prefix", Rest, "What the leases begin with");
const LEASE_ID: Parameter = takes("lease_id", Text, "Id of the lease; required, here or in the path");
const BELOW: Parameter = takes("url_lease_id", Rest, "Id of the lease");
const INCREMENT: Parameter = takes("increment", Seconds, "From now; 0: what the mount gives").or("0");
const WRAPPED: Parameter = takes("token", Text, "The wrapping token; not given: the caller's own");
const TYPE: Parameter = takes("type", Text, "irrevocable; required");

const POLICIES: &[Parameter] = &[
    takes("after", Text, "Only names after this one"),
    takes("limit", Int, "At most so many"),
    takes("detailed", Bool, "With what a read of each would answer").or("false"),
];

const MOUNT: &[Parameter] = &[
    PATH,
    takes("type", Text, "What is mounted; required"),
    takes("description", Text, "For people"),
    takes("config", Object, "Settings, as tune takes them"),
    takes("options", Pairs, "Options of the type, such as version"),
    takes("local", Bool, "Kept and read back").or("false"),
    takes("seal_wrap", Bool, "Kept and read back").or("false"),
    takes("external_entropy_access", Bool, "Refused").or("false"),
    takes("plugin_name", Text, "The type again; anything else is refused"),
    takes("plugin_version", Text, "Refused: there are no plugins"),
];

const TUNE: &[Parameter] = &[
    PATH,
    takes("default_lease_ttl", Seconds, "TTL of leases; system: the system's"),
    takes("max_lease_ttl", Seconds, "The most that renewals reach; system: the system's"),
    takes("force_no_cache", Bool, "Kept and read back").or("false"),
    takes("listing_visibility", Text, "unauth: shown to callers without a token").or("hidden"),
    takes("audit_non_hmac_request_keys", List, "What the trail has in clear of requests"),
    takes("audit_non_hmac_response_keys", List, "What the trail has in clear of answers"),
    takes(
        "token_type",
        Text,
        "Of an auth method: service or batch; default-service and default-batch where a role does not say",
    ),
    takes("description", Text, "For people"),
    takes("options", Pairs, "Options to set; an empty one is removed"),
    takes(
        "user_lockout_config",
        Object,
        "Of a method that locks out: lockout_threshold (5), lockout_duration (15m), lockout_counter_reset_duration \
         (15m), lockout_disable",
    ),
];

const AUDIT: &[Parameter] = &[
    takes("path", Rest, "Name of the device"),
    takes("type", Text, "file; required"),
    takes("description", Text, "For people"),
    takes("options", Pairs, "file_path (required), mode, log_raw, hmac_accessor, elide_list_responses, prefix"),
    takes("local", Bool, "Kept and read back").or("false"),
];

const CAPABILITIES: &[Parameter] = &[
    takes("token", Text, "The token; required where it is not the caller's"),
    takes("accessor", Text, "The token's accessor; required where it is not the caller's"),
    takes("paths", List, "Paths asked about; required"),
    takes("path", List, "Older name of paths"),
];

const HEALTH: &[Parameter] = &[
    takes("activecode", Int, "Status while all is well").or("200"),
    takes("failingcode", Int, "Status while requests fail").or("500"),
    takes("sealedcode", Int, "Status while sealed").or("503"),
    takes("uninitcode", Int, "Status while there is no store").or("501"),
];

const INIT: &[Parameter] = &[
    takes("secret_shares", Int, "Into how many shares the unseal key is split; required"),
    takes("secret_threshold", Int, "How many of them make it; required"),
    takes("pgp_keys", List, "Refused: nothing is encrypted with PGP"),
    takes("root_token_pgp_key", Text, "Refused: nothing is encrypted with PGP"),
    takes("recovery_shares", Int, "Refused: a key in shares recovers itself"),
    takes("recovery_threshold", Int, "Refused: a key in shares recovers itself"),
    takes("recovery_pgp_keys", List, "Refused: nothing is encrypted with PGP"),
];

const UNSEAL: &[Parameter] = &[
    takes("key", Text, "A share, in hex or base64; required where nothing is reset"),
    takes("reset", Bool, "Whether to forget the shares brought so far").or("false"),
    takes("migrate", Bool, "Refused: a store keeps its seal").or("false"),
];

const REKEY: &[Parameter] = &[
    takes("secret_shares", Int, "Into how many shares the new key is split; required"),
    takes("secret_threshold", Int, "How many of them make it; required"),
    takes("require_verification", Bool, "Whether it comes into force once enough of them were brought back")
        .or("false"),
    takes("pgp_keys", List, "Refused: nothing is encrypted with PGP"),
    takes("backup", Bool, "Refused: shares are not kept").or("false"),
    takes("nonce", Text, "Of the rekey that is given up"),
];

const ROOT: &[Parameter] = &[
    takes("otp", Text, "The one-time password that hides the token; not given: one is drawn, and answered"),
    takes("pgp_key", Text, "Refused: nothing is encrypted with PGP"),
    takes("nonce", Text, "Of the attempt that is given up"),
];

const BROUGHT: &[Parameter] = &[
    takes("key", Text, "A share, in hex or base64; required"),
    takes("nonce", Text, "For what it is brought; required"),
];

const TRAIL: &[Parameter] = &[
    takes("after", Int, "Number of the last line that is known").or("0"),
    takes("at", Int, "Where the next one is, as the answer before told").or("0"),
    takes("limit", Int, "At most so many lines").or("1000"),
    takes("credentials", Bool, "Only lines about credentials").or("false"),
    takes("wait", Seconds, "How long to wait for one, 60 at most").or("0"),
];

const NOTHING: &[Parameter] = &[takes("path", Rest, "Anything")];

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("health", &[Read], "Whether requests are served").with(HEALTH).door(Door::Unaudited),
    Row::new("seal-status", &[Read], "Whether the store is open").door(Door::Unaudited),
    Row::new("init", &[Read, Write], "Whether there is a store; begins one").with(INIT).door(Door::Unaudited),
    Row::new("leader", &[Read], "Who leads: there is no cluster").door(Door::Unaudited),
    Row::new("unseal", &[Write], "Takes a share of the key that opens the store").with(UNSEAL).door(Door::Unaudited),
    Row::new("metrics", &[Read], "A few numbers")
        .with(&[takes("format", Text, "json, or prometheus").or("json")])
        .door(Door::Unaudited),
    Row::new("leasehold/check", &[Read], "Whether the store is sound").sudo(),
    Row::new("leasehold/trail", &[Read], "A part of the engine's trail").with(TRAIL).sudo(),
    Row::new("storage/raft/snapshot", &[Read, Write], "The whole store in one file; or the store anew from it").sudo(),
    Row::new("storage/raft/snapshot-force", &[Write], "The store anew, also from a snapshot of another unseal key")
        .sudo(),
    Row::new("seal/?", &[Write], "Refuses everything until it is unsealed").sudo(),
    Row::new("key-status/?", &[Read], "Which barrier key seals, and since when"),
    Row::new("rotate/?", &[Write], "A new barrier key; the old ones still open").sudo(),
    Row::new("rotate/keyring/?", &[Write], "As rotate").sudo(),
    Row::new("rekey/init/?", &[Read, Write, Delete], "Other shares of the unseal key").with(REKEY).sudo(),
    Row::new("rekey/update/?", &[Write], "Takes an old share of the unseal key").with(BROUGHT).sudo(),
    Row::new("rekey/verify/?", &[Read, Write, Delete], "Takes a new share of the unseal key back").with(BROUGHT).sudo(),
    Row::new("rotate/root/init/?", &[Read, Write, Delete], "Other shares of the unseal key").with(REKEY).sudo(),
    Row::new("rotate/root/update/?", &[Write], "Takes an old share of the unseal key").with(BROUGHT).sudo(),
    Row::new("rotate/root/verify/?", &[Read, Write, Delete], "Takes a new share of the unseal key back")
        .with(BROUGHT)
        .sudo(),
    Row::new("rekey-recovery-key/init/?", &[Read, Write, Delete], "A recovery key in shares, or other ones")
        .with(REKEY)
        .sudo(),
    Row::new("rekey-recovery-key/update/?", &[Write], "Takes an old share of the recovery key").with(BROUGHT).sudo(),
    Row::new("rekey-recovery-key/verify/?", &[Read, Write, Delete], "Takes a new share of the recovery key back")
        .with(BROUGHT)
        .sudo(),
    Row::new("rotate/recovery/init/?", &[Read, Write, Delete], "A recovery key in shares, or other ones")
        .with(REKEY)
        .sudo(),
    Row::new("rotate/recovery/update/?", &[Write], "Takes an old share of the recovery key").with(BROUGHT).sudo(),
    Row::new("rotate/recovery/verify/?", &[Read, Write, Delete], "Takes a new share of the recovery key back")
        .with(BROUGHT)
        .sudo(),
    Row::new("generate-root/attempt/?", &[Read, Write, Delete], "An attempt at a root token; its end takes a token")
        .with(ROOT)
        .door(Door::Ajar),
    Row::new("generate-root/update/?", &[Write], "Takes a share for a root token").with(BROUGHT).door(Door::Ajar),
    Row::new("leases", &[Read], "Leases that fail to be revoked")
        .with(&[TYPE, takes("limit", Text, "At most so many, or none").or("10000")])
        .sudo(),
    Row::new("leases/", &[], "No list").sudo(),
    Row::new("leases/count/?", &[Read], "How many leases fail to be revoked").with(&[TYPE]),
    Row::new("leases/lookup/", &[ListAll], "The folders of leases").sudo(),
    Row::new("leases/lookup", &[Write], "What is known of a lease").with(&[LEASE_ID]),
    Row::new("leases/lookup/*prefix", &[ListAll], "The leases below a folder").with(&[PREFIX]).sudo(),
    Row::new("leases/renew/?", &[Write], "A new end of a lease").with(&[LEASE_ID, INCREMENT]),
    Row::new("leases/renew/*url_lease_id", &[Write], "The same").with(&[LEASE_ID, BELOW, INCREMENT]),
    Row::new("leases/revoke/?", &[Write], "The end of a lease").with(&[LEASE_ID, SYNC]),
    Row::new("leases/revoke/*url_lease_id", &[Write], "The same").with(&[LEASE_ID, BELOW, SYNC]),
    Row::new("leases/revoke-prefix/?", &[], "Needs a prefix").sudo(),
    Row::new("leases/revoke-prefix/*prefix", &[Write], "The end of many leases").with(&[PREFIX, SYNC]).sudo(),
    Row::new("leases/revoke-force/?", &[], "Needs a prefix").sudo(),
    Row::new("leases/revoke-force/*prefix", &[Read, Write], "Gives leases up").with(&[PREFIX]).sudo(),
    Row::new("leases/tidy/?", &[Write], "Has the timer look again"),
    Row::new("renew/?", &[Write], "Older name of leases/renew").with(&[LEASE_ID, INCREMENT]),
    Row::new("renew/*url_lease_id", &[Write], "The same").with(&[LEASE_ID, BELOW, INCREMENT]),
    Row::new("revoke/?", &[Write], "Older name of leases/revoke").with(&[LEASE_ID, SYNC]),
    Row::new("revoke/*url_lease_id", &[Write], "The same").with(&[LEASE_ID, BELOW, SYNC]),
    Row::new("revoke-prefix/*prefix", &[Write], "Older name of leases/revoke-prefix").with(&[PREFIX, SYNC]).sudo(),
    Row::new("revoke-force/*prefix", &[Read, Write], "Older name of leases/revoke-force").with(&[PREFIX]).sudo(),
    Row::new("policies/acl/?", &[ListAll], "The names of the policies").with(POLICIES),
    Row::new("policies/acl/*name", &[Read, Write, Delete], "A policy").with(&[NAME, POLICY]),
    Row::new("policy/?", &[Read, ListAll], "The names of the policies"),
    Row::new("policy/*name", &[Read, Write, Delete], "A policy").with(&[
        NAME,
        POLICY,
        takes("rules", Text, "Older name of policy"),
    ]),
    Row::new("capabilities/?", &[Write], "What a token may do on paths").with(CAPABILITIES),
    Row::new("capabilities-self/?", &[Write], "What the caller may do on paths").with(CAPABILITIES),
    Row::new("capabilities-accessor/?", &[Write], "What an accessor's token may do on paths").with(CAPABILITIES),
    Row::new("mounts/?", &[Read], "The secrets engines"),
    Row::new("mounts/*path/tune/?", &[Read, Write], "A mount's settings").with(TUNE),
    Row::new("mounts/*path", &[Read, Write, Delete], "A secrets engine").with(MOUNT),
    Row::new("auth/?", &[Read], "The auth methods"),
    Row::new("auth/*path/tune/?", &[Read, Write], "A method's settings").with(TUNE).sudo(),
    Row::new("auth/*path", &[Read, Write, Delete], "An auth method").with(MOUNT).sudo(),
    Row::new("locked-users/?", &[Read], "Who failed to log in too often and has to wait").with(&[takes(
        "mount_accessor",
        Text,
        "Only of this auth method",
    )]),
    Row::new("locked-users/:mount_accessor/unlock/*alias_identifier", &[Write], "Ends that wait").with(&[
        takes("mount_accessor", Segment, "The auth method's accessor"),
        takes("alias_identifier", Rest, "The name of a user, the role id of an AppRole"),
    ]),
    Row::new("remount/?", &[Write], "Another path for a mount")
        .with(&[takes("from", Text, "Its path; required"), takes("to", Text, "Its new path; required")])
        .sudo(),
    Row::new("remount/status/:id", &[Read], "What came of a move").with(&[takes("id", Segment, "Id of the move")]),
    Row::new("quotas/config/?", &[Read, Write], "What is said of all rate limits").with(&[
        takes("enable_rate_limit_audit_logging", Bool, "Whether the trail has what is refused").or("false"),
        takes("enable_rate_limit_response_headers", Bool, "Refused if true").or("false"),
        takes("rate_limit_exempt_paths", List, "What is never counted, with all below"),
    ]),
    Row::new("quotas/rate-limit/?", &[ListAll], "The names of the rate limits"),
    Row::new("quotas/rate-limit/:name", &[Read, Write, Delete], "A rate limit").with(&[
        takes("name", Segment, "Its name"),
        takes("rate", Text, "How many requests a client may make in each interval; required"),
        takes("interval", Seconds, "How long an interval is").or("1"),
        takes("block_interval", Seconds, "How long whoever makes more has to wait; 0: until there is another").or("0"),
        takes("path", Text, "A mount, or a path below one; not given: everything"),
        takes("role", Text, "Refused: limit the path of its login"),
        takes("inheritable", Bool, "Of a limit on everything"),
        takes("type", Text, "rate-limit").or("rate-limit"),
    ]),
    Row::new("quotas/lease-count/?", &[ListAll], "The names of the limits on leases"),
    Row::new("quotas/lease-count/:name", &[Read, Write, Delete], "How many leases there may be").with(&[
        takes("name", Segment, "Its name"),
        takes("max_leases", Int, "How many, one at least; required"),
        takes("path", Text, "A mount, or a path below one; not given: everything"),
        takes("role", Text, "Refused: limit the path of its login"),
        takes("inheritable", Bool, "Of a limit on everything"),
        takes("type", Text, "lease-count").or("lease-count"),
    ]),
    Row::new("audit/?", &[Read], "The audit devices").sudo(),
    Row::new("audit/*path", &[Write, Delete], "An audit device").with(AUDIT).sudo(),
    Row::new("audit-hash/*path", &[Write], "What a text looks like in a device's lines")
        .with(&[takes("path", Rest, "Name of the device"), takes("input", Text, "The text; required")]),
    Row::new("wrapping/wrap", &[Write], "Data as an answer that lies wrapped"),
    Row::new("wrapping/lookup", &[Read, Write], "What a wrapping token wraps, since when, for how long")
        .with(&[WRAPPED])
        .door(Door::Open),
    Row::new("wrapping/unwrap", &[Write], "The answer that a wrapping token wraps")
        .with(&[WRAPPED])
        .door(Door::Unwrapping),
    Row::new("wrapping/rewrap", &[Write], "The same answer under a new wrapping token")
        .with(&[WRAPPED])
        .door(Door::Unwrapping),
    Row::new("internal/specs/openapi", &[Read], "All paths that the caller reaches, in OpenAPI").door(Door::Ajar),
    Row::new("internal/ui/mounts/?", &[Read], "The mounts that the caller reaches").door(Door::Ajar),
    Row::new("internal/ui/mounts/*path", &[Read], "The mount that serves a path")
        .with(&[takes("path", Rest, "The path")])
        .door(Door::Ajar),
    // Not served, and root-protected all the same: so it is no matter of a path whether a policy names it.
    Row::new("raw/?", &[], "The store").sudo(),
    Row::new("raw/*path", &[], "The store").with(NOTHING).sudo(),
    Row::new("step-down/?", &[], "Another leader").sudo(),
    Row::new("config/auditing/*path", &[], "Headers in the trail").with(NOTHING).sudo(),
    Row::new("plugins/catalog/*path", &[], "Plugins").with(NOTHING).sudo(),
];
