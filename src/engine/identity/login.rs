//! What a login says of who logs in: the entity that it is, made at the first login, and the external groups it is in.

use std::sync::Arc;

use super::keep::Identity;
use super::{Entity, Membership, Metadata, Person};
use crate::engine::kernel::mounts::Mount;
use crate::engine::kernel::{Kernel, now, random};
use crate::engine::wire::error::Error;

/// What an auth method calls who logs in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alias {
    /// One name for one that logs in, whatever else changes: a role id, a user's name.
    pub(crate) name: String,
    /// What policies may know of it.
    pub(crate) metadata: Metadata,
    /// The names of the groups that the method says it is in.
    pub(crate) groups: Vec<String>,
}

impl Identity {
    /// Who logs in at `mount` as `alias`.
    ///
    /// # Errors
    /// If the store fails.
    pub(crate) async fn at_login(&self, kernel: &Kernel, mount: &Mount, alias: &Alias) -> Result<Arc<Person>, Error> {
        let id = match self.entity_at(kernel, &mount.accessor, &alias.name)? {
            Some(entity) if self.is_up_to_date(&entity, mount, alias) => entity.id,
            _ => self.note_login(kernel, mount, alias).await?,
        };
        let gone = || Error::Internal("the entity of a login went while it was made".to_owned());
        self.person(kernel, &id)?.ok_or_else(gone)
    }

    fn is_up_to_date(&self, entity: &Entity, mount: &Mount, alias: &Alias) -> bool {
        let is_told = entity.alias_at(&mount.accessor).is_some_and(|known| known.metadata == alias.metadata);
        is_told
            && self.groups().values().all(|group| {
                is_member(group, mount, alias)
                    .is_none_or(|belongs| group.member_entity_ids.contains(&entity.id) == belongs)
            })
    }

    /// Makes the entity, or writes down what this login says that the one before did not.
    async fn note_login(&self, kernel: &Kernel, mount: &Mount, alias: &Alias) -> Result<String, Error> {
        let mut change = self.change(kernel).await;
        let time = now(kernel);
        // Again, now that no other login can make it at the same time.
        let before = self.entity_at(kernel, &mount.accessor, &alias.name)?;
        let mut entity = match &before {
            Some(entity) => entity.clone(),
            None => Entity::fresh(time)?,
        };
        match entity.aliases.iter_mut().find(|known| known.mount_accessor == mount.accessor) {
            Some(known) if known.metadata == alias.metadata => {}
            Some(known) => {
                known.metadata = alias.metadata.clone();
                known.last_update_time = time;
            }
            None => entity.aliases.push(super::Alias {
                metadata: alias.metadata.clone(),
                ..super::Alias::fresh(&mount.accessor, &alias.name, time)?
            }),
        }
        if before.as_ref() != Some(&entity) {
            entity.last_update_time = time;
            change.entity(before.as_ref(), Some(&entity))?;
        }
        change.each_group(|group| {
            let members = &mut group.member_entity_ids;
            let is_in = members.contains(&entity.id);
            match is_member(group, mount, alias) {
                Some(true) if !is_in => group.member_entity_ids.push(entity.id.clone()),
                Some(false) if is_in => group.member_entity_ids.retain(|id| *id != entity.id),
                _ => return false,
            }
            true
        })?;
        change.commit().await?;
        Ok(entity.id)
    }
}

/// Whether a login of `alias` says that it is in a group; none where it has no say.
fn is_member(group: &super::Group, mount: &Mount, alias: &Alias) -> Option<bool> {
    let of_group = group.alias.as_ref().filter(|_| group.membership == Membership::External)?;
    (of_group.mount_accessor == mount.accessor)
        .then(|| alias.groups.iter().any(|name| name.to_lowercase() == of_group.name.to_lowercase()))
}

impl Entity {
    /// One that nothing is said of yet.
    ///
    /// # Errors
    /// If there are no random numbers.
    pub(crate) fn fresh(time: i64) -> Result<Self, Error> {
        Ok(Self {
            id: random::uuid()?,
            name: format!("entity_{}", hex::encode(random::bytes::<8>()?)),
            metadata: Metadata::new(),
            policies: vec![],
            disabled: false,
            aliases: vec![],
            merged: vec![],
            creation_time: time,
            last_update_time: time,
        })
    }
}

impl super::Alias {
    /// One that nothing else is said of yet.
    ///
    /// # Errors
    /// If there are no random numbers.
    pub(crate) fn fresh(accessor: &str, name: &str, time: i64) -> Result<Self, Error> {
        Ok(Self {
            id: random::uuid()?,
            name: name.to_owned(),
            mount_accessor: accessor.to_owned(),
            metadata: Metadata::new(),
            custom_metadata: Metadata::new(),
            merged_from: vec![],
            creation_time: time,
            last_update_time: time,
        })
    }
}
