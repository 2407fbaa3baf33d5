//! What only the engine tells of what is declared: whether it has such a field or path at all, and whether objects without
//! a word may be where they are. That it has none is told before anything is written.

use serde_json::{Map, Value};

use super::error::{Error, Misplaced};
use crate::api::{self, Client};
use crate::object::home::ENGINES;
use crate::object::{
    Home, Kind, Live, NotOurs, Object, is_secret_below, is_taken_below, not_ours, only_ours, told_type,
};

/// What a server says of itself, to anybody.
const STATUS: &str = "sys/seal-status";

/// Checks the declared objects that not every server has, or that have no kind, with the table of what is mounted where it could be read.
///
/// # Errors
/// [`Misplaced`], of the first that can't be where it is; [`Error::Api`].
pub(super) async fn check(
    client: &Client,
    desired: &[Object],
    mounts: Option<&Map<String, Value>>,
) -> Result<(), Error> {
    check_ours(client, desired, mounts).await?;
    check_others(client, desired).await?;
    let declared: Vec<&str> = desired.iter().filter_map(Object::mount).map(|mount| mount.name).collect();
    let unsure = |object: &&Object| matches!(object.kind.home, Home::Anywhere | Home::Named { .. });
    for object in desired.iter().filter(unsure) {
        let (path, place) = (object.path.clone(), object.place.clone());
        if path.starts_with("sys/") {
            let served = client.serves(&path).await;
            if !served.map_err(|source| Error::Api { path: path.clone(), source })? {
                return Err(Misplaced::NotServed { path, place, address: client.address().to_owned() }.into());
            }
            continue;
        }
        let Some(mounts) = mounts else { return Err(Misplaced::Unseen { path, place }.into()) };
        match mounts.iter().find(|(mount, _)| is_below(&path, mount)) {
            Some((name, mount)) => {
                let mount_type = told_type(mount).unwrap_or_default();
                let rest = path.strip_prefix(name.as_str()).unwrap_or_default();
                let secret = is_secret_below(&mount_type, rest);
                if let Some(taken) = is_taken_below(&ENGINES, &mount_type, &path).or(secret) {
                    return Err(Misplaced::Taken { path, place, taken }.into());
                }
            }
            None if declared.iter().any(|mount| is_below(&path, mount)) => {}
            None => return Err(Misplaced::NoMount { path, place, address: client.address().to_owned() }.into()),
        }
    }
    Ok(())
}

/// Reads what is at the path of an object. What hands out a credential by that is none: it is given back.
///
/// # Errors
/// [`Error::Api`], [`Error::Leased`].
pub(super) async fn get(client: &Client, kind: &Kind, path: &str) -> Result<Option<Map<String, Value>>, Error> {
    let answer = client.read(path).await.map_err(|source| Error::Api { path: path.to_owned(), source })?;
    let leased = answer.as_ref().map(|answer| answer.lease_id.clone()).filter(|lease| !lease.is_empty());
    if let (Home::Anywhere, Some(lease)) = (&kind.home, leased) {
        let body = Map::from_iter([("lease_id".to_owned(), Value::from(lease.as_str()))]);
        let left = client.write("sys/leases/revoke", &body).await.is_err().then_some(lease);
        return Err(Error::Leased { path: path.to_owned(), left });
    }
    Ok(answer.and_then(api::Answer::into_data))
}

/// Whether all that is declared is something that our own engine has, if the server is that: others are asked when they
/// are read.
async fn check_ours(client: &Client, desired: &[Object], mounts: Option<&Map<String, Value>>) -> Result<(), Error> {
    let mounted = |object: &Object| -> Option<Live> {
        let mount = object.mount().filter(|mount| mount.table == &ENGINES)?;
        object.kind.live(&object.path, mounts?.get(&format!("{}/", mount.name))?.as_object()?).ok()
    };
    let lacked = |object| Some((object, not_ours(object, mounted(object).as_ref())?));
    let Some((object, lacked)) = desired.iter().find_map(lacked) else { return Ok(()) };
    let ours = is_leasehold(client).await;
    if ours.map_err(|source| Error::Api { path: STATUS.to_owned(), source })? {
        let (path, address) = (object.path.clone(), client.address().to_owned());
        let place_of = |field: &str| object.fields.get(field).map_or(&object.place, |leaf| &leaf.place).clone();
        return Err(Error::from(match lacked {
            NotOurs::Field(field) => Misplaced::NoField { path, place: place_of(field), field, address },
            NotOurs::Upgrade => Misplaced::NoUpgrade { path, place: place_of("version"), address },
        }));
    }
    Ok(())
}

/// Whether nothing is declared that another server would only keep.
async fn check_others(client: &Client, desired: &[Object]) -> Result<(), Error> {
    let Some((object, field)) = desired.iter().find_map(|object| Some((object, only_ours(object)?))) else {
        return Ok(());
    };
    if is_leasehold(client).await.map_err(|source| Error::Api { path: STATUS.to_owned(), source })? {
        return Ok(());
    }
    let place = object.fields.get(field).map_or(&object.place, |leaf| &leaf.place).clone();
    let (path, address) = (object.path.clone(), client.address().to_owned());
    Err(Misplaced::OnlyOurs { path, place, field, address }.into())
}

/// Whether a server is Leasehold's own engine.
///
/// # Errors
/// It did not say what it is.
pub async fn is_leasehold(client: &Client) -> Result<bool, api::Error> {
    let status = client.read(STATUS).await?;
    Ok(status.is_some_and(|answer| answer.body.get("leasehold_version").is_some()))
}

/// Whether what is read may lie behind what was written through the same address: a standby may have answered, before it had
/// taken in what the active node wrote. Where the active node is asked by its own address it never does.
///
/// # Source
/// OpenBao 2.6: `http/logical.go` (`StandbyReadsEnabled`, the default) answers reads on standbys and hands writes on, and no
/// header says how far one has come. `sys/leader` has `ha_enabled`, and needs no token.
pub async fn may_lie_behind(client: &Client) -> bool {
    if client.is_at_active_node().await {
        return false;
    }
    let leader = client.read("sys/leader").await.ok().flatten();
    leader.is_some_and(|answer| answer.body.get("ha_enabled").and_then(serde_json::Value::as_bool) == Some(true))
}

/// The id that an engine has since it was initialised, and keeps over restarts, upgrades and moves; `None` if it tells none.
///
/// # Errors
/// It did not say what it is.
///
/// # Source
/// OpenBao, `vault/logical_system.go` (`getSealStatus`) and `vault/cluster.go`: a random UUID in the sealed storage, told
/// without a token by every unsealed node.
pub async fn engine_id(client: &Client) -> Result<Option<String>, Error> {
    let status = client.read(STATUS).await.map_err(|source| Error::Api { path: STATUS.to_owned(), source })?;
    let id = status.and_then(|answer| answer.body.get("cluster_id")?.as_str().map(str::to_owned));
    Ok(id.filter(|id| !id.is_empty()))
}

fn is_below(path: &str, mount: &str) -> bool {
    path.strip_prefix(mount.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}
