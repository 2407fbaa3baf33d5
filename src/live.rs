//! The declared and the owned objects as they stand in an engine, and how many there are besides.
//!
//! Few requests and many at a time: tables (mounts, auth methods, audit devices) are read once, whole folders are listed
//! once, an object that a list lacks is not asked for, and where a list carries the objects themselves nothing is asked at
//! all. None waits for what it does not need: what the files declare is asked for at once ([`Early`]), also below mounts
//! that may not be there, and the tables tell afterwards which of these answers count. What the ledger has besides follows
//! when that is read. Every answer goes through the object's kind, so nothing here knows a field.

mod anywhere;
mod error;
mod everything;
mod leases;
mod list;
mod named;
mod one;
mod shared;
mod snapshot;
mod tables;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value};

pub use self::anywhere::{engine_id, is_leasehold, may_lie_behind};
pub use self::error::{Error, Misplaced, Missing};
pub use self::everything::{Everything, everything};
pub use self::leases::{LEASE_LISTS_AT_ONCE, count_leases, folders_of_leases};
use self::list::{Folder, Listed, keys, list_all};
pub use self::list::{Seen, look};
use self::one::{parsed, read_each, told_apart};
pub use self::one::{read_one, read_whole};
pub use self::snapshot::Snapshot;
use self::tables::{Answered, READS_AT_ONCE, Tables, all_tables, get, is_mounted, take_tables, taking};
use crate::api::Client;
use crate::object::home::ENGINES;
use crate::object::{Absent, Class, Home, KINDS, Kind, Live, Mount, Object, Owned, Read, Shared, told_type};

/// A folder's answer: its keys, and the whole objects where the engine gives them.
struct Listing {
    folder: Folder,
    keys: BTreeSet<String>,
    bodies: HashMap<String, Live>,
}

/// What is known before the ledger is: the answers about what the files declare.
#[derive(Debug)]
pub struct Early {
    tables: Vec<Answered>,
    listings: Vec<(Folder, Listed)>,
    /// Objects that are in no folder, or that a list names and does not carry; by path.
    objects: HashMap<String, Result<Option<Live>, Error>>,
    /// What is told apart from its object, by its path.
    apart: HashMap<String, Result<Option<Map<String, Value>>, Error>>,
}

impl Early {
    /// Asks for what the files declare. What went wrong is told by [`Early::complete`], where it matters.
    pub async fn read(client: &Client, desired: &[Object], shared: &[Shared]) -> Self {
        let wanted: BTreeMap<&str, &'static Kind> =
            desired.iter().map(|object| (object.path.as_str(), object.kind)).collect();
        let tables = all_tables(client);
        let folders = declared_folders(desired, shared);
        let in_folder =
            |path: &str| path.rsplit_once('/').is_some_and(|(folder, _)| folders.iter().any(|one| one.path == folder));
        // Whether what has no kind may be read at all is told by what is mounted there.
        let is_known = |kind: &Kind| !matches!(kind.home, Home::Anywhere);
        let single = |(path, kind): (&&str, &&'static Kind)| {
            (is_known(kind) && matches!(kind.read(path), Read::At(_)) && !in_folder(path))
                .then(|| ((*path).to_owned(), *kind))
        };
        let mut singles: Vec<(String, &'static Kind)> = wanted.iter().filter_map(single).collect();
        singles.extend(undeclared_settings(desired, &wanted));
        let apart = desired.iter().flat_map(Object::apart).map(|(_, at)| at);
        let apart = stream::iter(apart.map(|at| async move {
            let answer = get(client, &at).await;
            (at, answer)
        }))
        .buffer_unordered(READS_AT_ONCE)
        .collect();
        let (tables, listings, mut objects, apart) =
            tokio::join!(tables, list_all(client, folders), read_each(client, singles), apart);
        let mut early = Self { tables, listings, objects: HashMap::new(), apart };
        let missing = early.missing(&wanted);
        objects.extend(read_each(client, missing).await);
        early.objects = objects;
        early
    }

    /// The wanted objects that a list names and does not carry.
    fn missing(&self, wanted: &BTreeMap<&str, &'static Kind>) -> Vec<(String, &'static Kind)> {
        let known: Tables =
            self.tables.iter().filter_map(|(_, list, table)| Some((*list, table.as_ref().ok()?.clone()?))).collect();
        let counting =
            self.listings.iter().filter(|(folder, _)| is_mounted(folder.kind, &format!("{}/x", folder.path), &known));
        let listed = counting.filter_map(|(folder, listed)| Some((folder, listed.as_ref().ok()?)));
        listed.flat_map(|(folder, listed)| missing_of(folder, listed, wanted)).collect()
    }

    /// Everything that a plan compares: with what is ours and no longer declared, and what shall not be there.
    ///
    /// # Errors
    /// [`Error`], for the first object that could not be read.
    pub async fn complete(
        self,
        client: &Client,
        desired: &[Object],
        shared: &[Shared],
        absent: &[Absent],
        owned: &BTreeMap<String, Owned>,
    ) -> Result<Snapshot, Error> {
        let snapshot = self.completed(client, desired, shared, absent, owned).await;
        snapshot.map_err(|error| error.at_declaration(client, desired))
    }

    async fn completed(
        mut self,
        client: &Client,
        desired: &[Object],
        shared: &[Shared],
        absent: &[Absent],
        owned: &BTreeMap<String, Owned>,
    ) -> Result<Snapshot, Error> {
        let mut wanted: BTreeMap<&str, &'static Kind> =
            owned.iter().map(|(path, owned)| (path.as_str(), owned.kind)).collect();
        wanted.extend(absent.iter().map(|absent| (absent.path.as_str(), absent.kind)));
        // What has another name now may be there under its old one, and not ours.
        wanted.extend(desired.iter().filter_map(|object| Some((object.renamed_from.as_deref()?, object.kind))));
        wanted.extend(desired.iter().map(|object| (object.path.as_str(), object.kind)));
        let mut snapshot = Snapshot::default();
        let tables = take_tables(client, std::mem::take(&mut self.tables), &wanted, (desired, shared), &mut snapshot)?;
        snapshot.taking = taking(client, &wanted).await?;
        shared::check(client, shared, &tables).await?;
        anywhere::check(client, desired, tables.get(ENGINES.list)).await?;
        let listings = self.folders(client, &wanted, shared, &tables, &mut snapshot).await?;
        self.take_settings(desired, &wanted, &tables, &mut snapshot);
        read_objects(client, &wanted, &tables, &listings, self.objects, &mut snapshot).await?;
        take_apart(self.apart, desired, &mut snapshot)?;
        for listing in &listings {
            for key in &listing.keys {
                let path = format!("{}/{key}", listing.folder.path);
                let is_known = wanted.contains_key(path.as_str()) || shared.iter().any(|one| one.path == path);
                if !is_known && !listing.folder.kind.is_built_in(&path) {
                    snapshot.unmanaged.push((listing.folder.kind.name, path));
                }
            }
        }
        Ok(snapshot)
    }

    /// The settings below declared mounts that somebody made, and that are neither declared nor ours.
    fn take_settings(
        &mut self,
        desired: &[Object],
        wanted: &BTreeMap<&str, &'static Kind>,
        tables: &Tables,
        snapshot: &mut Snapshot,
    ) {
        for (path, kind) in undeclared_settings(desired, wanted).filter(|(path, kind)| is_mounted(kind, path, tables)) {
            match self.objects.remove(&path) {
                Some(Ok(Some(live))) if !live.is_unset() => snapshot.unmanaged.push((kind.name, path)),
                Some(Err(Error::Api { source, .. })) if source.code() == Some(403) => snapshot
                    .notes
                    .push(format!("this token may not read {path}, so whether somebody set it is not known")),
                // A mount of another type than the declared one has none.
                Some(Err(Error::Api { source, .. })) if matches!(source.code(), Some(400 | 404 | 405)) => {}
                Some(Err(error)) => snapshot.notes.push(format!("whether somebody set {path} is not known: {error}")),
                Some(Ok(_)) | None => {}
            }
        }
    }

    /// The folders that count; those that only the ledger knows of are listed now.
    async fn folders(
        &mut self,
        client: &Client,
        wanted: &BTreeMap<&str, &'static Kind>,
        shared: &[Shared],
        tables: &Tables,
        snapshot: &mut Snapshot,
    ) -> Result<Vec<Listing>, Error> {
        let mut known: HashMap<String, Listed> =
            self.listings.drain(..).map(|(folder, listed)| (folder.path, listed)).collect();
        let (early, late): (Vec<Folder>, Vec<Folder>) =
            folders(wanted, shared, tables).into_iter().partition(|folder| known.contains_key(&folder.path));
        let early = early.into_iter().filter_map(|folder| {
            let listed = known.remove(&folder.path)?;
            Some((folder, listed))
        });
        let mut answers: Vec<(Folder, Listed)> = early.collect();
        answers.extend(list_all(client, late).await);
        take_folders(answers, snapshot)
    }
}

/// Reads everything that a plan compares.
///
/// # Errors
/// [`Error`], for the first object that could not be read.
pub async fn read(client: &Client, desired: &[Object], owned: &BTreeMap<String, Owned>) -> Result<Snapshot, Error> {
    Early::read(client, desired, &[]).await.complete(client, desired, &[], &[], owned).await
}

/// What a mount holds that is no object, at the top of it: what sort of thing it is, and the path of each.
///
/// # Errors
/// [`Error::Api`].
pub async fn contents(client: &Client, mount: &Mount<'_>) -> Result<Vec<(&'static str, String)>, Error> {
    let Some((what, at)) = mount.contents() else { return Ok(Vec::new()) };
    let listed = client.list(&at).await.map_err(|source| Error::Api { path: at.clone(), source })?;
    let names = listed.as_ref().map(keys).unwrap_or_default();
    Ok(names.into_iter().map(|name| (what, format!("{at}/{name}"))).collect())
}

/// What can be listed below a mount, by path, as far as the engine has lists of it; `None` is a mount of which nothing is known.
///
/// # Errors
/// [`Error::Api`].
pub async fn below(client: &Client, mount: Option<&Live>) -> Result<Vec<String>, Error> {
    let mut below = Vec::new();
    let mount = mount.and_then(Live::mount);
    if let Some(mount) = &mount {
        below.extend(contents(client, mount).await?.into_iter().map(|(_, path)| path));
    }
    for (_, folder) in mount.iter().flat_map(Mount::folders) {
        match client.list(&folder).await {
            Ok(answer) => {
                let keys = answer.as_ref().map(keys).unwrap_or_default();
                below.extend(keys.into_iter().map(|key| format!("{folder}/{key}")));
            }
            Err(error) if error.code() == Some(405) => {}
            Err(source) => return Err(Error::Api { path: folder, source }),
        }
    }
    Ok(below)
}

/// The folders whose objects are counted: those of the engine, and those of every mount that is declared or ours.
fn folders(wanted: &BTreeMap<&str, &'static Kind>, shared: &[Shared], tables: &Tables) -> Vec<Folder> {
    let mut folders = Vec::new();
    for &kind in KINDS {
        match kind.home {
            Home::Folder { path, .. } if is_looked_at(kind, wanted.values().copied()) => {
                folders.push(Folder { kind, path: path.to_owned() });
            }
            Home::Below { table, .. } => {
                for (key, entry) in tables.get(table.list).into_iter().flatten() {
                    let mount = key.trim_end_matches('/');
                    let at = table.entry(mount);
                    let declared = wanted.contains_key(at.as_str()) || shared.iter().any(|one| one.path == at);
                    let mount_type = told_type(entry).filter(|_| declared);
                    let path = mount_type.and_then(|mount_type| kind.folder_below(table, &mount_type, mount));
                    folders.extend(path.map(|path| Folder { kind, path }));
                }
            }
            Home::Folder { .. } | Home::Entry(_) | Home::Named { .. } | Home::Setting { .. } | Home::Anywhere => {}
        }
    }
    folders
}

/// Whether a folder of the engine's own is listed: policies always, for anybody's may be about ours; the rest where an
/// estate has objects in it, so that others need no right to it.
fn is_looked_at(kind: &Kind, mut wanted: impl Iterator<Item = &'static Kind>) -> bool {
    kind.class == Class::Policy || wanted.any(|other| other == kind)
}

/// The folders that there are if everything that is declared is there.
fn declared_folders(desired: &[Object], shared: &[Shared]) -> Vec<Folder> {
    let of_engine = KINDS.iter().filter_map(|&kind| match kind.home {
        Home::Folder { path, .. } if is_looked_at(kind, desired.iter().map(|object| object.kind)) => {
            Some(Folder { kind, path: path.to_owned() })
        }
        _ => None,
    });
    let mounts = desired.iter().filter_map(Object::mount).chain(shared.iter().filter_map(Shared::mount));
    let of_mounts = mounts.flat_map(|mount| mount.folders());
    of_engine.chain(of_mounts.map(|(kind, path)| Folder { kind, path })).collect()
}

/// Adds what is told apart from its object to those that are there; where this token may not read it, that.
fn take_apart(
    mut answers: HashMap<String, Result<Option<Map<String, Value>>, Error>>,
    desired: &[Object],
    snapshot: &mut Snapshot,
) -> Result<(), Error> {
    for object in desired {
        for (field, at) in object.apart() {
            let (Some(live), Some(answer)) = (snapshot.objects.get_mut(&object.path), answers.remove(&at)) else {
                continue;
            };
            match answer {
                Ok(answer) => live.apart.extend(told_apart(field, answer)),
                Err(Error::Api { source, .. }) if source.code() == Some(403) => snapshot.notes.push(format!(
                    "not checked: {} of {} ({}), since this token may not read {at}",
                    field.name, object.path, object.place
                )),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// The settings that declared mounts have and that nobody here declared.
fn undeclared_settings<'a>(
    desired: &'a [Object],
    wanted: &'a BTreeMap<&str, &'static Kind>,
) -> impl Iterator<Item = (String, &'static Kind)> + 'a {
    let settings = desired.iter().filter_map(Object::mount).flat_map(|mount| {
        let mut settings: Vec<_> = mount.settings().collect();
        settings.sort_by(|(_, one), (_, other)| one.cmp(other));
        settings
    });
    settings.filter(|(_, path)| !wanted.contains_key(path.as_str())).map(|(kind, path)| (path, kind))
}

/// The wanted objects of a folder that its list names and does not carry.
fn missing_of<'a>(
    folder: &'a Folder,
    (keys, bodies): &'a (BTreeSet<String>, HashMap<String, Live>),
    wanted: &'a BTreeMap<&str, &'static Kind>,
) -> impl Iterator<Item = (String, &'static Kind)> + 'a {
    let paths = keys.iter().map(|key| format!("{}/{key}", folder.path));
    paths.filter(|path| !bodies.contains_key(path)).filter_map(|path| {
        let kind = *wanted.get(path.as_str())?;
        Some((path, kind))
    })
}

/// The folders that could be listed.
fn take_folders(answers: Vec<(Folder, Listed)>, snapshot: &mut Snapshot) -> Result<Vec<Listing>, Error> {
    let mut listings = Vec::new();
    for (folder, listed) in answers {
        match listed {
            Ok((keys, bodies)) => listings.push(Listing { folder, keys, bodies }),
            Err(error) if error.code() == Some(403) => {
                let path = folder.path;
                snapshot
                    .notes
                    .push(format!("this token may not list {path}, so what is not ours there is not counted"));
                snapshot.unlisted.push(path);
            }
            // What it can't list is read one by one; OpenBao has no list of static roles. Of a mount that would go, that
            // is told.
            Err(error) if error.code() == Some(405) => {}
            Err(source) => return Err(Error::Api { path: folder.path, source }),
        }
    }
    Ok(listings)
}

async fn read_objects(
    client: &Client,
    wanted: &BTreeMap<&str, &'static Kind>,
    tables: &Tables,
    listings: &[Listing],
    mut early: HashMap<String, Result<Option<Live>, Error>>,
    snapshot: &mut Snapshot,
) -> Result<(), Error> {
    let listed: HashMap<&str, &Listing> =
        listings.iter().map(|listing| (listing.folder.path.as_str(), listing)).collect();
    let mut answers: Vec<(String, Result<Option<Live>, Error>)> = Vec::new();
    let mut asked: Vec<(String, &'static Kind)> = Vec::new();
    for (&path, &kind) in wanted {
        if let Read::Entry { list, key } = kind.read(path) {
            let entry = tables.get(list).and_then(|table| table.get(&key)).and_then(Value::as_object);
            if let Some(entry) = entry {
                snapshot.objects.insert(path.to_owned(), parsed(kind, path, entry)?);
            }
            continue;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_there = match listed.get(folder) {
            Some(listing) => match listing.bodies.get(path) {
                Some(live) => {
                    snapshot.objects.insert(path.to_owned(), live.clone());
                    false
                }
                None => listing.keys.contains(name),
            },
            None => is_mounted(kind, path, tables),
        };
        match early.remove(path).filter(|_| is_there) {
            Some(answer) => answers.push((path.to_owned(), answer)),
            None if is_there => asked.push((path.to_owned(), kind)),
            None => {}
        }
    }
    answers.extend(read_each(client, asked).await);
    for (path, answer) in answers {
        if let Some(live) = answer? {
            snapshot.objects.insert(path, live);
        }
    }
    snapshot.notes.extend(named::settle(client, snapshot.objects.values_mut()).await?);
    Ok(())
}
