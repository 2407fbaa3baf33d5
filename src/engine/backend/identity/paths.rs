//! The paths of `identity/` (Vault API, "Identity secrets engine").

use crate::engine::wire::path::Shape::{Bool, List, LowerRest, Pairs, Text, Word};
use crate::engine::wire::path::{Parameter, Row, takes};
use crate::engine::wire::request::Operation::{Delete, List as ListAll, Read, Write};

const ID: Parameter = takes("id", Word("-."), "The id");
const NAME: Parameter = takes("name", LowerRest, "The name, in any case");
const NEW_NAME: Parameter = takes("name", Text, "The name; not given: one is made up");
const METADATA: Parameter = takes("metadata", Pairs, "What policies may know of it");
const POLICIES: Parameter = takes("policies", List, "ACL policies");
const DISABLED: Parameter = takes("disabled", Bool, "Whether its tokens open nothing").or("false");
const TYPE: Parameter = takes("type", Text, "internal, or external: logins say who is in it").or("internal");
const ENTITIES: Parameter = takes("member_entity_ids", List, "The entities in it; of an internal group");
const GROUPS: Parameter = takes("member_group_ids", List, "Groups whose members are in it; of an internal group");
const CANONICAL: Parameter = takes("canonical_id", Text, "The id of what it is an alias of");
const OLD_CANONICAL: Parameter = takes("entity_id", Text, "Older name of canonical_id");
const ACCESSOR: Parameter = takes("mount_accessor", Text, "The accessor of the auth method");
const ALIAS_NAME: Parameter = takes("name", Text, "What the auth method calls it");
const CUSTOM: Parameter = takes("custom_metadata", Pairs, "What people say of it");

const LOOKUP: &[Parameter] = &[
    takes("id", Text, "Its id"),
    takes("name", Text, "Its name"),
    takes("alias_id", Text, "The id of an alias of it"),
    takes("alias_name", Text, "What an auth method calls it, with alias_mount_accessor"),
    takes("alias_mount_accessor", Text, "The accessor of that auth method"),
];

/// The table.
pub(super) const PATHS: &[Row] = &[
    Row::new("entity", &[Write], "An entity, new, or changed by its id or name")
        .with(&[ID, NEW_NAME, METADATA, POLICIES, DISABLED]),
    Row::new("entity/id/?", &[ListAll], "The ids of all entities"),
    Row::new("entity/id/:id", &[Read, Write, Delete], "An entity by its id")
        .with(&[ID, NEW_NAME, METADATA, POLICIES, DISABLED]),
    Row::new("entity/name/?", &[ListAll], "The names of all entities"),
    Row::new("entity/name/*name", &[Read, Write, Delete], "An entity by its name")
        .with(&[NAME, METADATA, POLICIES, DISABLED]),
    Row::new("entity/batch-delete", &[Write], "Removes several entities").with(&[takes(
        "entity_ids",
        List,
        "Their ids; required",
    )]),
    Row::new("entity/merge", &[Write], "Makes one entity of several").with(&[
        takes("to_entity_id", Text, "The one that stays; required"),
        takes("from_entity_ids", List, "Those that go; required"),
        takes("conflicting_alias_ids_to_keep", List, "Of two aliases of a mount, which stay"),
        takes("force", Bool, "No effect: there are no secrets of multi-factor logins to lose").or("false"),
    ]),
    Row::new("entity-alias", &[Write], "What an auth method calls an entity").with(&[
        ID,
        ALIAS_NAME,
        ACCESSOR,
        CANONICAL,
        OLD_CANONICAL,
        CUSTOM,
    ]),
    Row::new("entity-alias/id/?", &[ListAll], "The ids of all aliases of entities"),
    Row::new("entity-alias/id/:id", &[Read, Write, Delete], "An alias by its id").with(&[
        ID,
        ALIAS_NAME,
        ACCESSOR,
        CANONICAL,
        OLD_CANONICAL,
        CUSTOM,
    ]),
    Row::new("group", &[Write], "A group, new, or changed by its id or name")
        .with(&[ID, NEW_NAME, TYPE, METADATA, POLICIES, ENTITIES, GROUPS]),
    Row::new("group/id/?", &[ListAll], "The ids of all groups"),
    Row::new("group/id/:id", &[Read, Write, Delete], "A group by its id")
        .with(&[ID, NEW_NAME, TYPE, METADATA, POLICIES, ENTITIES, GROUPS]),
    Row::new("group/name/?", &[ListAll], "The names of all groups"),
    Row::new("group/name/*name", &[Read, Write, Delete], "A group by its name")
        .with(&[NAME, TYPE, METADATA, POLICIES, ENTITIES, GROUPS]),
    Row::new("group-alias", &[Write], "What an auth method calls an external group")
        .with(&[ID, ALIAS_NAME, ACCESSOR, CANONICAL]),
    Row::new("group-alias/id/?", &[ListAll], "The ids of all aliases of groups"),
    Row::new("group-alias/id/:id", &[Read, Write, Delete], "An alias of a group by its id")
        .with(&[ID, ALIAS_NAME, ACCESSOR, CANONICAL]),
    Row::new("lookup/entity", &[Write], "The entity that something is of").with(LOOKUP),
    Row::new("lookup/group", &[Write], "The group that something is of").with(LOOKUP),
];
