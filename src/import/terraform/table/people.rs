//! Who has which policies, however they log in.

use super::{COMMON, Id, Makes, ResourceType, To, at, nothing, place, same, to, without};

const ENTITY: &str = "vault_identity_entity";
const GROUP: &str = "vault_identity_group";

pub(super) static SORTS: &[ResourceType] = &[
    ResourceType {
        name: ENTITY,
        makes: Makes::Objects(&[&["entity"]]),
        id: Id::Made,
        mount: "",
        name_field: "name",
        fields: &[
            COMMON,
            &[
                place("name", ""),
                same("policies"),
                same("metadata"),
                same("disabled"),
                // Then another resource has them.
                nothing("external_policies"),
            ],
        ],
    },
    ResourceType {
        name: "vault_identity_entity_policies",
        makes: Makes::PartOf { field: "entity_id", of: ENTITY },
        id: Id::Made,
        mount: "",
        name_field: "",
        fields: &[COMMON, &[place("entity_id", ""), same("policies"), nothing("exclusive"), nothing("entity_name")]],
    },
    ResourceType {
        name: "vault_identity_entity_alias",
        makes: Makes::PartOf { field: "canonical_id", of: ENTITY },
        id: Id::Made,
        mount: "",
        name_field: "",
        fields: &[
            COMMON,
            &[
                place("canonical_id", ""),
                at("name", "aliases.name"),
                to("mount_accessor", To::Method("aliases.mount_path")),
                without("custom_metadata", "{}"),
                without("external_id", "\"\""),
                without("issuer", "\"\""),
            ],
        ],
    },
    ResourceType {
        name: GROUP,
        makes: Makes::Objects(&[&["group"]]),
        id: Id::Made,
        mount: "",
        name_field: "name",
        fields: &[
            COMMON,
            &[
                place("name", ""),
                same("type").or("\"internal\""),
                same("policies"),
                same("metadata"),
                to("member_entity_ids", To::Names("member_entity_ids", ENTITY)),
                to("member_group_ids", To::Names("member_group_ids", GROUP)),
                nothing("external_policies"),
                nothing("external_member_entity_ids"),
                nothing("external_member_group_ids"),
            ],
        ],
    },
    ResourceType {
        name: "vault_identity_group_policies",
        makes: Makes::PartOf { field: "group_id", of: GROUP },
        id: Id::Made,
        mount: "",
        name_field: "",
        fields: &[COMMON, &[place("group_id", ""), same("policies"), nothing("exclusive"), nothing("group_name")]],
    },
    ResourceType {
        name: "vault_identity_group_member_entity_ids",
        makes: Makes::PartOf { field: "group_id", of: GROUP },
        id: Id::Made,
        mount: "",
        name_field: "",
        fields: &[
            COMMON,
            &[
                place("group_id", ""),
                to("member_entity_ids", To::Names("member_entity_ids", ENTITY)),
                nothing("exclusive"),
                nothing("group_name"),
            ],
        ],
    },
    ResourceType {
        name: "vault_identity_group_member_group_ids",
        makes: Makes::PartOf { field: "group_id", of: GROUP },
        id: Id::Made,
        mount: "",
        name_field: "",
        fields: &[
            COMMON,
            &[
                place("group_id", ""),
                to("member_group_ids", To::Names("member_group_ids", GROUP)),
                nothing("exclusive"),
                nothing("group_name"),
            ],
        ],
    },
    ResourceType {
        name: "vault_identity_group_alias",
        makes: Makes::PartOf { field: "canonical_id", of: GROUP },
        id: Id::Made,
        mount: "",
        name_field: "",
        fields: &[
            COMMON,
            &[
                place("canonical_id", ""),
                at("name", "alias.name"),
                to("mount_accessor", To::Method("alias.mount_path")),
            ],
        ],
    },
];
