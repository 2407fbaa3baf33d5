//! `lookup/entity` and `lookup/group`: what an id, a name or an alias is of. Nothing found answers 204, as Vault does.

use super::{given, invalid, shown};
use crate::engine::backend::Call;
use crate::engine::lease::core::Core;
use crate::engine::wire::error::Error;
use crate::engine::wire::response::Response;

/// By what is looked for.
enum Query {
    Id(String),
    Name(String),
    AliasId(String),
    Alias { name: String, accessor: String },
}

impl Query {
    fn of(call: Call<'_>) -> Result<Self, Error> {
        let fields = call.fields();
        let [id, name, alias_id] = [given(fields, "id")?, given(fields, "name")?, given(fields, "alias_id")?];
        let alias = (given(fields, "alias_name")?, given(fields, "alias_mount_accessor")?);
        match (id, name, alias_id, alias) {
            (Some(id), None, None, (None, None)) => Ok(Self::Id(id)),
            (None, Some(name), None, (None, None)) => Ok(Self::Name(name)),
            (None, None, Some(id), (None, None)) => Ok(Self::AliasId(id)),
            (None, None, None, (Some(name), Some(accessor))) => Ok(Self::Alias { name, accessor }),
            (None, None, None, (None, None)) => Err(invalid("query parameter not supplied")),
            (None, None, None, _) => Err(invalid("both 'alias_name' and 'alias_mount_accessor' needs to be set")),
            _ => Err(invalid("query parameter conflict; please supply distinct set of query parameters")),
        }
    }
}

/// `lookup/entity`.
pub(super) fn entity(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let found = match Query::of(call)? {
        Query::Id(id) => core.identity.entity(core, &id)?.filter(|entity| entity.id == id),
        Query::Name(name) => core.identity.entity_named(core, &name)?,
        Query::AliasId(id) => core.identity.entity_of_alias(core, &id)?,
        Query::Alias { name, accessor } => core.identity.entity_at(core, &accessor, &name)?,
    };
    Ok(found.map_or_else(Response::empty, |entity| Response::data(shown::entity(core, &entity))))
}

/// `lookup/group`.
pub(super) fn group(core: &Core, call: Call<'_>) -> Result<Response, Error> {
    let found = match Query::of(call)? {
        Query::Id(id) => core.identity.groups().get(&id).cloned(),
        Query::Name(name) => core.identity.group_named(&name),
        Query::AliasId(id) => core.identity.group_by_alias(|alias| alias.id == id),
        Query::Alias { name, accessor } => core.identity.group_by_alias(|alias| {
            alias.mount_accessor == accessor && alias.name.to_lowercase() == name.to_lowercase()
        }),
    };
    Ok(found.map_or_else(Response::empty, |group| Response::data(shown::group(core, &group))))
}
