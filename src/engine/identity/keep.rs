//! Entities and groups as they are kept.
//!
//! | key | holds |
//! |---|---|
//! | `identity/entity/<id>`, `identity/group/<id>` | the records |
//! | `identity/entity-by/<hash>` | the id of the entity that a name, an alias or the id of a merged entity is of |
//!
//! A change is one batch: records, and the index that follows from them, so a crash leaves all of it or nothing, and
//! nothing is to be mended at a start. Changes take turns, each reads after the one before it was stored, and what
//! was worked out from the records is forgotten before a change returns. An entity that a login made, and whose token a
//! crash took, is what the next login finds.
//!
//! Groups are few, and are in memory; entities, of which there is one for each that ever logged in, are read when they
//! are asked for, and what follows for their tokens stays in memory until something changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::person::Person;
use super::{Alias, Entity, Group, Groups};
use crate::engine::kernel::Kernel;
use crate::engine::kernel::barrier::{Barrier, Batch};
use crate::engine::kernel::keyed::Keyed;
use crate::engine::wire::error::Error;

const KEY_KEY: &str = "core/identity-key";
const ENTITY_PREFIX: &str = "identity/entity/";
const GROUP_PREFIX: &str = "identity/group/";

/// Persons kept in memory; past it the cache starts anew.
const CACHE_PERSONS_MAX: usize = 16_384;

/// The entities and groups.
pub(crate) struct Identity {
    names: Keyed,
    groups: RwLock<Arc<Groups>>,
    cache: Mutex<Cache>,
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Cache {
    /// Counts the changes, so that what was read before one is not kept after it.
    generation: u64,
    persons: HashMap<String, Arc<Person>>,
}

impl Identity {
    /// Loads the groups.
    pub(crate) fn open(barrier: &Barrier, first: &mut Batch) -> Result<Self, Error> {
        let groups = barrier.each::<Group>(GROUP_PREFIX, None, usize::MAX);
        let groups: Groups = groups
            .map(|entry| entry.map(|(_, group)| (group.id.clone(), Arc::new(group))))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            names: Keyed::open(barrier, KEY_KEY, first)?,
            groups: RwLock::new(Arc::new(groups)),
            cache: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
        })
    }

    /// The groups as they are now.
    pub(crate) fn groups(&self) -> Arc<Groups> {
        self.groups.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The group of a name, in any case.
    pub(crate) fn group_named(&self, name: &str) -> Option<Arc<Group>> {
        let name = name.to_lowercase();
        self.groups().values().find(|group| group.name.to_lowercase() == name).cloned()
    }

    /// The group whose alias passes `is_it`.
    pub(crate) fn group_by_alias(&self, is_it: impl Fn(&Alias) -> bool) -> Option<Arc<Group>> {
        self.groups().values().find(|group| group.alias.as_ref().is_some_and(&is_it)).cloned()
    }

    /// The entity of an id, or that one was merged into.
    pub(crate) fn entity(&self, kernel: &Kernel, id: &str) -> Result<Option<Entity>, Error> {
        match kernel.barrier.get(&entity_key(id))? {
            Some(entity) => Ok(Some(entity)),
            None => self.by(kernel, &self.by_merged(id)),
        }
    }

    /// The entity of a name, in any case.
    pub(crate) fn entity_named(&self, kernel: &Kernel, name: &str) -> Result<Option<Entity>, Error> {
        self.by(kernel, &self.by_name(name))
    }

    /// The entity that a mount has this name for, in any case.
    pub(crate) fn entity_at(&self, kernel: &Kernel, accessor: &str, name: &str) -> Result<Option<Entity>, Error> {
        self.by(kernel, &self.by_alias(accessor, name))
    }

    /// The entity that has the alias of an id.
    pub(crate) fn entity_of_alias(&self, kernel: &Kernel, alias_id: &str) -> Result<Option<Entity>, Error> {
        self.by(kernel, &self.by_alias_id(alias_id))
    }

    /// All entities, a few at a time in memory.
    pub(crate) fn entities(&self, kernel: &Kernel) -> impl Iterator<Item = Result<Entity, Error>> {
        kernel.barrier.each::<Entity>(ENTITY_PREFIX, None, usize::MAX).map(|entry| entry.map(|(_, entity)| entity))
    }

    /// What follows for the tokens of an entity; none where there is no such entity.
    pub(crate) fn person(&self, kernel: &Kernel, id: &str) -> Result<Option<Arc<Person>>, Error> {
        let generation = {
            let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(person) = cache.persons.get(id) {
                return Ok(Some(person.clone()));
            }
            cache.generation
        };
        let Some(entity) = self.entity(kernel, id)? else { return Ok(None) };
        let person = Arc::new(Person::of(&entity, &self.groups()));
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.generation == generation {
            if cache.persons.len() >= CACHE_PERSONS_MAX {
                cache.persons.clear();
            }
            cache.persons.insert(id.to_owned(), person.clone());
        }
        Ok(Some(person))
    }

    /// Waits until nothing else changes entities or groups, and keeps others waiting.
    pub(crate) async fn change<'a>(&'a self, kernel: &'a Kernel) -> Change<'a> {
        let turn = self.changing.lock().await;
        let groups = (*self.groups()).clone();
        Change { identity: self, kernel, _turn: turn, batch: Batch::new(), groups }
    }

    fn by(&self, kernel: &Kernel, key: &str) -> Result<Option<Entity>, Error> {
        match kernel.barrier.get::<String>(key)? {
            Some(id) => kernel.barrier.get(&entity_key(&id)),
            None => Ok(None),
        }
    }

    fn index(&self, parts: &[&str]) -> String {
        format!("identity/entity-by/{}", self.names.hash(parts))
    }

    fn by_name(&self, name: &str) -> String {
        self.index(&["name", &name.to_lowercase()])
    }

    fn by_alias(&self, accessor: &str, name: &str) -> String {
        self.index(&["alias", accessor, &name.to_lowercase()])
    }

    fn by_alias_id(&self, id: &str) -> String {
        self.index(&["alias-id", id])
    }

    fn by_merged(&self, id: &str) -> String {
        self.index(&["merged", id])
    }

    /// Under which keys an entity is found.
    fn indices(&self, entity: &Entity) -> Vec<String> {
        let mut keys = vec![self.by_name(&entity.name)];
        for alias in &entity.aliases {
            keys.push(self.by_alias(&alias.mount_accessor, &alias.name));
            keys.push(self.by_alias_id(&alias.id));
        }
        keys.extend(entity.merged.iter().map(|id| self.by_merged(id)));
        keys
    }
}

/// A change of entities and groups, alone at it until it is dropped. Nothing is changed but by [`Change::commit`].
pub(crate) struct Change<'a> {
    identity: &'a Identity,
    kernel: &'a Kernel,
    _turn: tokio::sync::MutexGuard<'a, ()>,
    batch: Batch,
    /// As they will be.
    pub(crate) groups: Groups,
}

impl Change<'_> {
    /// An entity that is made, changed or, without `after`, removed. Those that go are to come before those that get
    /// what they had.
    pub(crate) fn entity(&mut self, before: Option<&Entity>, after: Option<&Entity>) -> Result<(), Error> {
        if let Some(entity) = before {
            self.identity.indices(entity).into_iter().for_each(|key| self.batch.delete(key));
            if after.is_none_or(|after| after.id != entity.id) {
                self.batch.delete(entity_key(&entity.id));
            }
        }
        if let Some(entity) = after {
            for key in self.identity.indices(entity) {
                self.batch.put(key, &entity.id)?;
            }
            self.batch.put(entity_key(&entity.id), entity)?;
        }
        Ok(())
    }

    /// A group that is made or changed.
    pub(crate) fn put_group(&mut self, group: Group) -> Result<(), Error> {
        self.batch.put(group_key(&group.id), &group)?;
        self.groups.insert(group.id.clone(), Arc::new(group));
        Ok(())
    }

    /// A group that goes, also out of those that it is a member of.
    pub(crate) fn remove_group(&mut self, id: &str) -> Result<(), Error> {
        self.batch.delete(group_key(id));
        self.groups.remove(id);
        self.each_group(|group| keep_others(&mut group.member_group_ids, id))
    }

    /// An entity that goes out of all groups.
    pub(crate) fn leave_groups(&mut self, entity_id: &str) -> Result<(), Error> {
        self.each_group(|group| keep_others(&mut group.member_entity_ids, entity_id))
    }

    /// Changes those groups of which `edit` says that it changed them.
    pub(crate) fn each_group(&mut self, edit: impl Fn(&mut Group) -> bool) -> Result<(), Error> {
        let time = crate::engine::kernel::now(self.kernel);
        let changed: Vec<Group> = self
            .groups
            .values()
            .filter_map(|group| {
                let mut group = (**group).clone();
                edit(&mut group).then(|| Group {
                    last_update_time: time,
                    modify_index: group.modify_index + 1,
                    ..group
                })
            })
            .collect();
        changed.into_iter().try_for_each(|group| self.put_group(group))
    }

    /// Durable, and in force for the next request, when it returns.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        let Self { identity, kernel, _turn, batch, groups } = self;
        kernel.barrier.commit(batch).await?;
        *identity.groups.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(groups);
        let mut cache = identity.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.generation += 1;
        cache.persons.clear();
        Ok(())
    }
}

/// Removes `id` from a list; whether it was in it.
fn keep_others(ids: &mut Vec<String>, id: &str) -> bool {
    let before = ids.len();
    ids.retain(|other| other != id);
    ids.len() != before
}

fn entity_key(id: &str) -> String {
    format!("{ENTITY_PREFIX}{id}")
}

fn group_key(id: &str) -> String {
    format!("{GROUP_PREFIX}{id}")
}
