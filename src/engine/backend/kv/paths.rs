//! The paths of a key-value mount, of either version (Vault API, "KV secrets engine").

use crate::engine::wire::path::Shape::{Bool, Int, List, Object, Pairs, Rest, Seconds};
use crate::engine::wire::path::{Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Patch, Read, Write};

const PATH: Parameter = takes("path", Rest, "Path of the secret");

const MAX_VERSIONS: Parameter = takes("max_versions", Int, "Versions kept; 0: the mount's, or ten").or("0");
const CAS_REQUIRED: Parameter =
    takes("cas_required", Bool, "Whether a write must say which version it follows").or("false");
const DELETE_AFTER: Parameter =
    takes("delete_version_after", Seconds, "When a new version counts as deleted; 0: never").or("0s");

const DATA: &[Parameter] = &[
    PATH,
    takes("data", Object, "What the secret holds; required in a write"),
    takes("options", Object, "cas: the version that the write follows; 0: none"),
    takes("version", Int, "The version to read; 0: the latest").or("0"),
];

const VERSIONS: &[Parameter] = &[PATH, takes("versions", List, "Numbers of versions; required")];

/// The table of a versioned mount.
pub(super) const VERSIONED: &[Row] = &[
    Row::new("config/?", &[Read, Write], "What the mount's secrets begin with").with(&[
        MAX_VERSIONS,
        CAS_REQUIRED,
        DELETE_AFTER,
    ]),
    Row::new("data/*path", &[Read, Write, Patch, Delete], "One version of a secret").with(DATA).creates(),
    Row::new("subkeys/*path", &[Read], "The names in one version of a secret").with(&[
        PATH,
        takes("version", Int, "The version; 0: the latest").or("0"),
        takes("depth", Int, "How many levels of names; 0: all").or("0"),
    ]),
    Row::new("metadata/", &[ListAll], "The names at the top"),
    Row::new(
        "metadata/*path",
        &[Read, Write, Patch, Delete, ListAll],
        "A secret without its data, or a folder's names",
    )
    .with(&[
        PATH,
        MAX_VERSIONS,
        CAS_REQUIRED,
        DELETE_AFTER,
        takes("custom_metadata", Pairs, "Texts of whoever keeps the secret"),
    ])
    .creates(),
    Row::new("delete/*path", &[Write], "Versions count as deleted").with(VERSIONS),
    Row::new("undelete/*path", &[Write], "Versions no longer count as deleted").with(VERSIONS),
    Row::new("destroy/*path", &[Write], "The data of versions is removed").with(VERSIONS),
];

/// The table of a mount without versions.
pub(super) const PLAIN: &[Row] = &[
    Row::new("", &[ListAll], "The names at the top"),
    Row::new("*path", &[Read, Write, Delete, ListAll], "A secret, or a folder's names").with(&[PATH]).creates(),
];
