//! Names for the ids that an engine tells: of who is in a group. What was read with them is known already; the rest is
//! asked for by its id. An id without anybody stays an id.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use super::error::Error;
use super::tables::{READS_AT_ONCE, get};
use crate::api::Client;
use crate::object::{Ids, Live, NAME};

/// Turns the ids in objects into names, and tells those that nobody has any more.
///
/// # Errors
/// [`Error::Api`], where this token may not ask whose an id is: nothing is guessed of who it could be.
pub(super) async fn settle<'a>(
    client: &Client,
    objects: impl Iterator<Item = &'a mut Live>,
) -> Result<Vec<String>, Error> {
    let mut objects: Vec<&mut Live> = objects.collect();
    let told: BTreeMap<String, &'static Ids> =
        objects.iter().flat_map(|live| live.ids()).map(|(ids, id)| (ids.path_of_id(&id), ids)).collect();
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let own = |live: &&mut Live| live.identity().map(|(ids, id, name)| (ids.path_of_id(id), name.to_owned()));
    let mut names: HashMap<String, String> = objects.iter().filter_map(own).collect();
    let unknown: BTreeSet<&String> = told.keys().filter(|path| !names.contains_key(*path)).collect();
    let asked: Vec<(String, Option<String>)> = stream::iter(unknown.into_iter().cloned())
        .map(|path| async move {
            let answer = get(client, &path).await?;
            let name = answer.as_ref().and_then(|data| data.get(NAME)).and_then(Value::as_str).map(str::to_owned);
            Ok::<_, Error>((path, name))
        })
        .buffered(READS_AT_ONCE)
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    names.extend(asked.into_iter().filter_map(|(path, name)| Some((path, name?))));
    let mut notes = Vec::new();
    for live in objects.iter_mut().filter(|live| !live.ids().is_empty()) {
        for (ids, id) in live.ids().into_iter().filter(|(ids, id)| !names.contains_key(&ids.path_of_id(id))) {
            notes.push(format!("{} names the id {id}, and the engine has no {} with it", live.path, ids.word));
        }
        live.name(|ids, id| names.get(&ids.path_of_id(id)).cloned());
    }
    Ok(notes)
}
