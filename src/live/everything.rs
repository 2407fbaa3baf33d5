//! All that an engine has and that a kind describes, whether or not anybody declares it.
//!
//! A plan looks at what is declared or ours; here nothing is known before. What is mounted is read from the tables, and each
//! folder that a kind has is listed, also those that plans leave alone. What can't be looked at stops nothing: it is told,
//! with the path.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};
use serde_json::{Map, Value};

use super::error::Error;
use super::list::{Folder, Listed, keys, list_all};
use super::named;
use super::one::{parsed, read_as_told, told_apart};
use super::tables::{READS_AT_ONCE, all_tables, get};
use crate::api::{self, Client};
use crate::object::home::ENGINES;
use crate::object::{Field, Home, KINDS, Kind, Live, Mount, Told, field, told_anything};

/// What was found.
#[derive(Debug, Default)]
pub struct Everything {
    /// The objects, in the order of their paths; those of the engine itself are not among them.
    pub objects: Vec<Live>,
    /// What this token may not look at.
    pub hidden: Vec<String>,
    /// What is there and could not be read, with why.
    pub unread: BTreeMap<String, String>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// Where secrets engines that no kind describes keep what people configure: lists and reads of these issue nothing. Source:
/// Vault API, "Secrets engines": of databases, PKI, SSH, RabbitMQ, LDAP, Kubernetes and clouds.
const CONFIGURED: [&str; 3] = ["config", "roles", "static-roles"];

/// What is still to be read.
type Asked = (String, &'static Kind);

/// Finds everything, but for what is below `but`, a secrets engine.
///
/// # Errors
/// [`Error::NoTable`], and [`Error::Api`] where no table can be read: it is no engine, or nobody answers.
pub async fn everything(client: &Client, but: &str) -> Result<Everything, Error> {
    let mut found = Everything::default();
    let mut objects: BTreeMap<String, Live> = BTreeMap::new();
    found.tables(client, &mut objects).await?;
    let mounts: Vec<Live> =
        objects.values().filter(|live| live.mount().is_some_and(|mount| mount.name != but)).cloned().collect();
    let mounts: Vec<Mount<'_>> = mounts.iter().filter_map(Live::mount).collect();
    let mut asked = found.folders(client, &mounts, &mut objects).await;
    asked.extend(mounts.iter().flat_map(Mount::settings).map(|(kind, path)| (path, kind)));
    found.read(client, asked, &mut objects).await;
    found.named(client, &mut objects).await?;
    found.apart(client, &mut objects).await;
    let without_word: Vec<&Mount<'_>> =
        mounts.iter().filter(|mount| mount.table == &ENGINES && mount.words().is_none()).collect();
    found.without_word(client, &without_word, &mut objects).await;
    let is_somebodys = |live: &Live| !live.kind.is_built_in(&live.path) && !live.is_unset();
    found.objects = objects.into_values().filter(is_somebodys).collect();
    Ok(found)
}

impl Everything {
    async fn tables(&mut self, client: &Client, objects: &mut BTreeMap<String, Live>) -> Result<(), Error> {
        for (kind, list, answer) in all_tables(client).await {
            match answer {
                Ok(Some(entries)) => self.entries(kind, list, &entries, objects),
                Ok(None) => {
                    self.notes.push(format!("only the root namespace has {list}: what is there is not looked at"));
                }
                Err(Error::Api { source, .. }) if source.code() == Some(403) => self.hidden.push(list.to_owned()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn entries(
        &mut self,
        kind: &'static Kind,
        list: &str,
        entries: &Map<String, Value>,
        objects: &mut BTreeMap<String, Live>,
    ) {
        // Servers answer the table a second time beside it, without slashes.
        let entries = entries.iter().filter(|(key, entry)| key.ends_with('/') && entry.get("type").is_some());
        for (key, entry) in entries {
            let path = format!("{list}/{}", key.trim_end_matches('/'));
            match entry.as_object().map(|entry| parsed(kind, &path, entry)) {
                Some(Ok(live)) => drop(objects.insert(path, live)),
                Some(Err(error)) => drop(self.unread.insert(path, error.to_string())),
                None => drop(self.unread.insert(path, "it is no entry of a table".to_owned())),
            }
        }
    }

    /// Lists all folders; answers what their lists name and do not carry.
    async fn folders(
        &mut self,
        client: &Client,
        mounts: &[Mount<'_>],
        objects: &mut BTreeMap<String, Live>,
    ) -> Vec<Asked> {
        let of_engine = KINDS.iter().filter_map(|&kind| match kind.home {
            Home::Folder { path, .. } | Home::Named { path } => Some(Folder { kind, path: path.to_owned() }),
            _ => None,
        });
        let of_mounts = mounts.iter().flat_map(Mount::folders).map(|(kind, path)| Folder { kind, path });
        let mut asked = Vec::new();
        for (folder, listed) in list_all(client, of_engine.chain(of_mounts).collect()).await {
            asked.extend(self.listed(&folder, listed, objects));
        }
        asked
    }

    fn listed(&mut self, folder: &Folder, listed: Listed, objects: &mut BTreeMap<String, Live>) -> Vec<Asked> {
        let Folder { kind, path } = folder;
        match listed {
            Ok((keys, bodies)) => {
                let paths = keys.into_iter().filter(|key| !key.ends_with('/')).map(|key| format!("{path}/{key}"));
                let missing = paths.filter(|path| !bodies.contains_key(path)).map(|path| (path, *kind)).collect();
                objects.extend(bodies);
                missing
            }
            Err(error) if error.code() == Some(403) => {
                self.hidden.push(path.clone());
                Vec::new()
            }
            // OpenBao has no list of static roles, and not every server has every folder.
            Err(error) if error.says(api::Said::NoPath) => Vec::new(),
            Err(error) if error.says(api::Said::RootOnly) => {
                self.notes.push(format!("only the root namespace has {path}: what is there is not looked at"));
                Vec::new()
            }
            Err(error) if error.code() == Some(405) => {
                self.notes.push(format!("this engine has no list of {path}: what is there is not looked at"));
                Vec::new()
            }
            Err(error) => {
                self.unread.insert(path.clone(), error.to_string());
                Vec::new()
            }
        }
    }

    async fn read(&mut self, client: &Client, asked: Vec<Asked>, objects: &mut BTreeMap<String, Live>) {
        let mut answers = stream::iter(asked.into_iter().map(|(path, kind)| async move {
            let answer = read_as_told(client, kind, &path).await;
            (path, kind, answer)
        }))
        .buffer_unordered(READS_AT_ONCE);
        while let Some((path, kind, answer)) = answers.next().await {
            match answer {
                Ok(Some(live)) => drop(objects.insert(path, live)),
                Ok(None) => {}
                Err(Error::Api { source, .. }) if source.code() == Some(403) => self.hidden.push(path),
                // Not every version of a mount has each of its settings.
                Err(Error::Api { source, .. })
                    if matches!(kind.home, Home::Setting { .. }) && matches!(source.code(), Some(400 | 404 | 405)) => {}
                Err(error) => drop(self.unread.insert(path, error.to_string())),
            }
        }
        self.hidden.sort_unstable();
    }

    /// Reads what is told apart from its object, and keeps what somebody chose of it: an id that an engine made stays the
    /// engine's.
    async fn apart(&mut self, client: &Client, objects: &mut BTreeMap<String, Live>) {
        let asked = objects.values().flat_map(|live| {
            live.kind.fields.iter().filter_map(|field| match field.told {
                Told::Apart(below) => Some((live.path.clone(), field, format!("{}/{below}", live.path))),
                _ => None,
            })
        });
        let asked: Vec<(String, &'static Field, String)> = asked.collect();
        let reads = asked.into_iter().map(|(path, field, at)| async move {
            let answer = get(client, &at).await;
            (path, field, at, answer)
        });
        let mut answers = stream::iter(reads).buffered(READS_AT_ONCE);
        let mut hidden = 0_usize;
        while let Some((path, field, at, answer)) = answers.next().await {
            match answer.map(|answer| told_apart(field, answer)) {
                Ok(Some((name, value))) if !field::is_engines_own(&value) => {
                    objects.get_mut(&path).map(|live| live.apart.insert(name, value));
                }
                Ok(_) => {}
                Err(Error::Api { source, .. }) if source.code() == Some(403) => hidden += 1,
                Err(error) => drop(self.unread.insert(at, error.to_string())),
            }
        }
        if hidden > 0 {
            let what =
                "this token may not read the role ids of AppRole roles, so those that somebody chose are in no file";
            self.notes.push(format!("{what} ({hidden})"));
        }
    }

    /// What is configured below secrets engines of types that no kind describes: each is of a kind of its own, of the fields
    /// that the engine tells.
    async fn without_word(&mut self, client: &Client, mounts: &[&Mount<'_>], objects: &mut BTreeMap<String, Live>) {
        for mount in mounts {
            for folder in CONFIGURED {
                let folder = format!("{}/{folder}", mount.name);
                let names = match client.list(&folder).await {
                    Ok(answer) => answer.as_ref().map(keys).unwrap_or_default(),
                    Err(error) if error.code() == Some(403) => {
                        self.hidden.push(folder);
                        continue;
                    }
                    // Which of them a type has, only its engine knows.
                    Err(error) if matches!(error.code(), Some(400 | 404 | 405)) => continue,
                    Err(error) => {
                        self.unread.insert(folder, error.to_string());
                        continue;
                    }
                };
                for path in names.iter().filter(|name| !name.ends_with('/')).map(|name| format!("{folder}/{name}")) {
                    match get(client, &path).await {
                        Ok(Some(data)) => match told_anything(&path, &data) {
                            Ok(live) => drop(objects.insert(path, live)),
                            Err(lacks) => drop(self.unread.insert(path, lacks.to_string())),
                        },
                        Ok(None) => {}
                        Err(Error::Api { source, .. }) if source.code() == Some(403) => self.hidden.push(path),
                        Err(error) => drop(self.unread.insert(path, error.to_string())),
                    }
                }
            }
        }
    }

    /// Turns ids into names, and reads whom they name and no list told.
    async fn named(&mut self, client: &Client, objects: &mut BTreeMap<String, Live>) -> Result<(), Error> {
        match named::settle(client, objects.values_mut()).await {
            Ok(notes) => self.notes.extend(notes),
            Err(Error::Api { path, source }) if source.code() == Some(403) => {
                self.hidden.push(path);
                let has_ids = |live: &Live| !live.ids().is_empty();
                let gone: Vec<String> =
                    objects.values().filter(|live| has_ids(live)).map(|live| live.path.clone()).collect();
                for path in gone {
                    objects.remove(&path);
                    self.unread.insert(path, "this token may not ask whose the ids in it are".to_owned());
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        // What no server has any more keeps its id for a name.
        let is_id = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with("id "));
        let is_new = |path: &String| !objects.contains_key(path) && !self.unread.contains_key(path) && !is_id(path);
        let named: BTreeSet<String> = objects.values().flat_map(Live::named).filter(is_new).collect();
        let asked = named.into_iter().filter_map(|path| {
            let kind = KINDS.iter().copied().find(|kind| is_in_folder(kind, &path))?;
            Some((path, kind))
        });
        self.read(client, asked.collect(), objects).await;
        Ok(())
    }
}

/// Whether an object at a path is of a kind that has a folder of the engine's own.
fn is_in_folder(kind: &Kind, path: &str) -> bool {
    matches!(kind.home, Home::Folder { path: folder, .. } | Home::Named { path: folder }
        if path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
}
