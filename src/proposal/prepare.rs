//! Everything that is read before a plan: the ledger, the engine's objects, and what others have.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::error::Error;
use super::leases::Counted;
use crate::api::Client;
use crate::estate::Limit;
use crate::guardrail::Guardrail;
use crate::ledger::{self, Ledger};
use crate::live;
use crate::object::home::ENGINES;
use crate::object::{Absent, Leases, Live, Mount, Object, Owned, Shared};
use crate::plan::{self, Adopt, Change, ChangeAction, Claim, Claims, Input, Others, Plan, Selection, Unmanaged};

/// What a plan says when it can't know what others have.
const OTHERS_HIDDEN: &str = "this token may not read the ledgers of other estates, so whether one of them has what is \
                             changed here is not known";

/// What the engine shall be.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The estate's name in the ledger, if it has one.
    pub estate: Option<&'a str>,
    /// Whether other estates may use the engine too.
    pub shared: bool,
    /// What it shall not hold.
    pub absent: &'a [Absent],
    /// The day, as `2026-11-25`, in UTC.
    pub today: &'a str,
    /// What somebody else has and is referred to.
    pub referred: &'a [Shared],
    /// The estate's commit.
    pub commit: Option<&'a str>,
    /// How many objects may be deleted.
    pub max_deletes: u32,
    /// The same of single kinds.
    pub limits: &'a [Limit],
    /// What to do about declared objects that are nobody's.
    pub adopt: Adopt<'a>,
    /// The owners whose objects are taken over, where they are declared.
    pub adopt_from: &'a [String],
    /// What may never be granted.
    pub guardrails: &'a [Guardrail],
    /// Which changes are made.
    pub selection: Selection<'a>,
}

/// A plan, and the ledger that it was computed from.
#[derive(Debug)]
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// The ledger, to be handed on to apply.
    pub ledger: Ledger,
    /// The engine's objects that it was computed from, by path.
    pub live: HashMap<String, Live>,
}

/// What is read of an engine before secrets are needed.
#[derive(Debug)]
pub(super) struct Reading {
    ledger: Ledger,
    /// Whose ledgers there are.
    owners: Result<Vec<String>, ledger::Error>,
    early: live::Early,
}

impl Reading {
    /// Asks for the ledger and for what the files declare.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub(super) async fn of(client: &Client, wish: &Wish<'_>, desired: &[Object]) -> Result<Self, Error> {
        let owner = ledger::owner(wish.estate, wish.environment);
        let ledger = Ledger::read(client, &owner);
        let (ledger, owners, early) =
            tokio::join!(ledger, ledger::owners(client), live::Early::read(client, desired, wish.referred));
        Ok(Self { ledger: ledger?, owners, early })
    }
}

/// Reads the engine and computes the plan. Writes nothing. In `desired`, the declared objects with their secrets as far
/// as they are resolved, the fields are filled in that nobody declared and that stay as they are.
///
/// # Errors
/// [`Error::Engine`], [`Error::NoOwner`], [`Error::Unselectable`].
pub async fn prepare(client: &Client, wish: &Wish<'_>, desired: &mut [Object]) -> Result<Prepared, Error> {
    let reading = Reading::of(client, wish, desired).await?;
    prepare_from(reading, client, wish, desired, None).await
}

/// The same from what was read already, of the same objects; of the objects at some paths alone, if `only` names them.
///
/// # Errors
/// [`Error::Engine`], [`Error::NoOwner`], [`Error::Unselectable`].
pub(super) async fn prepare_from(
    reading: Reading,
    client: &Client,
    wish: &Wish<'_>,
    desired: &mut [Object],
    only: Option<&BTreeSet<String>>,
) -> Result<Prepared, Error> {
    let Reading { ledger, owners, early } = reading;
    let owned = match only {
        Some(paths) => {
            let meant = ledger.owned().iter().filter(|(path, _)| paths.contains(*path));
            Cow::Owned(meant.map(|(path, owned)| (path.clone(), owned.clone())).collect())
        }
        None => Cow::Borrowed(ledger.owned()),
    };
    let owned: &BTreeMap<String, Owned> = &owned;
    if let Selection::Asked { asked, .. } = wish.selection {
        asked.check(owned, desired, wish.absent)?;
    }
    plan::check_adopt(wish.adopt, desired)?;
    // Of a part alone it was looked at when that was made.
    let absent: Vec<Absent> =
        wish.absent.iter().filter(|absent| only.is_none_or(|only| only.contains(&absent.path))).cloned().collect();
    let mut snapshot = early.complete(client, desired, wish.referred, &absent, owned).await?;
    plan::adopt_fields(desired, &snapshot.objects, owned, &snapshot.taking);
    let desired = &*desired;
    // What shall not be there, or had another name, and is not ours: nobody's here.
    let old = desired.iter().filter_map(|object| object.renamed_from.as_ref());
    let asked = absent.iter().map(|absent| &absent.path).chain(old);
    let strangers: BTreeSet<&String> = asked.filter(|path| !ledger.owned().contains_key(*path)).collect();
    let found = strangers.iter().filter_map(|path| snapshot.objects.get(*path)).filter(|live| !live.is_unset());
    let found = found.map(|live| (live.kind.name, live.path.clone()));
    let listed: Vec<Unmanaged> = found.chain(snapshot.unmanaged).map(|(kind, path)| Unmanaged { kind, path }).collect();
    let count = |limit: &Limit| ledger.owned().values().filter(|owned| owned.kind == limit.kind).count();
    let limits: Vec<(Limit, usize)> = wish.limits.iter().map(|limit| (limit.clone(), count(limit))).collect();
    let mut input = Input {
        environment: wish.environment,
        commit: wish.commit,
        desired,
        absent: &absent,
        today: wish.today,
        shared: wish.referred,
        live: &snapshot.objects,
        owned,
        key: ledger.key(),
        key_hidden: ledger.is_key_hidden(),
        adopt: wish.adopt,
        adopt_from: wish.adopt_from,
        others: Others::NotAsked,
        // Of a part alone can't be told whose the whole is.
        nameless: wish.shared && wish.estate.is_none() && only.is_none(),
        max_deletes: wish.max_deletes,
        limits: &limits,
        unmanaged: &listed,
        unlisted: &snapshot.unlisted,
        notes: snapshot.notes,
        taking: &snapshot.taking,
        guardrails: wish.guardrails,
        selection: wish.selection,
    };
    let mut plan = Plan::new(&input);
    let beside = settings_below(client, &plan, owned).await?;
    let (contents, hidden) = contents_below(client, &plan).await?;
    let unmanaged: Vec<Unmanaged> = listed.iter().cloned().chain(beside).chain(contents).collect();
    let unlisted: Vec<String> = snapshot.unlisted.iter().cloned().chain(hidden).collect();
    (input.unmanaged, input.unlisted) = (&unmanaged, &unlisted);
    let mut leases = Counted::default();
    // Without a change there is nothing to take from anybody, and no lease that it would be about.
    if !plan.is_empty() || !wish.adopt_from.is_empty() {
        let (claims, counted) = tokio::join!(
            ask_others(&plan, ledger.readable_others(client, owners), wish),
            Counted::count(client, &plan)
        );
        leases = counted;
        let claims = claims?;
        if claims.is_none() {
            input.notes.push(OTHERS_HIDDEN.to_owned());
        }
        input.others = claims.as_ref().map_or(Others::Hidden, Others::Known);
        plan = Plan::new(&input);
        if claims.is_some() {
            let idle = idle(&plan, wish.adopt_from);
            plan.notes.extend(idle);
        }
    }
    leases.tell(&mut plan, &snapshot.objects);
    tell_static_roles(client, &mut plan).await;
    guard_accounts(client, &mut plan, desired).await;
    for path in strangers {
        snapshot.objects.remove(path);
    }
    Ok(Prepared { plan, ledger, live: snapshot.objects })
}

/// Of the owners from whom shall be taken over, those from whom nothing is.
fn idle(plan: &Plan, adopt_from: &[String]) -> Vec<String> {
    let takes = |owner: &String| plan.changes.iter().any(|change| change.from.as_ref() == Some(owner));
    let idle = adopt_from.iter().filter(|owner| !takes(owner));
    idle.map(|owner| format!("nothing is taken over from {owner}: it has nothing that is declared here")).collect()
}

/// Settings of engines that would be unmounted and that nobody here declared: no list has them, and they would go along.
async fn settings_below(
    client: &Client,
    plan: &Plan,
    owned: &BTreeMap<String, Owned>,
) -> Result<Vec<Unmanaged>, Error> {
    let mut found = Vec::new();
    for mount in plan.changes.iter().filter_map(unmounted) {
        for (kind, path) in mount.settings() {
            if owned.contains_key(&path) {
                continue;
            }
            match live::read_one(client, kind, &path).await {
                Ok(live) => {
                    let set = live.is_some_and(|live| !live.is_unset());
                    found.extend(set.then_some(Unmanaged { kind: kind.name, path }));
                }
                // Not every version of an engine has each.
                Err(live::Error::Api { source, .. }) if matches!(source.code(), Some(400 | 405)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(found)
}

/// What is no object in engines that would be unmounted, at the top of each, and where this token may not look.
async fn contents_below(client: &Client, plan: &Plan) -> Result<(Vec<Unmanaged>, Vec<String>), Error> {
    let (mut found, mut hidden) = (Vec::new(), Vec::new());
    for mount in plan.changes.iter().filter_map(unmounted) {
        match live::contents(client, &mount).await {
            Ok(contents) => found.extend(contents.into_iter().map(|(kind, path)| Unmanaged { kind, path })),
            Err(live::Error::Api { path, source }) if source.code() == Some(403) => {
                hidden.push(format!("{}/", path.trim_end_matches('/')));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((found, hidden))
}

/// What would be unmounted.
fn unmounted(change: &Change) -> Option<Mount<'_>> {
    change.live.as_ref().filter(|_| change.action == ChangeAction::Delete)?.mount()
}

/// Says of an AWS engine that would be unmounted what no list tells. Ours has none.
async fn tell_static_roles(client: &Client, plan: &mut Plan) {
    let goes = |change: &Change| {
        unmounted(change).is_some_and(|mount| {
            mount.table == &ENGINES && mount.folders().any(|(kind, _)| matches!(kind.leases, Leases::Unleased(_)))
        })
    };
    if !plan.changes.iter().any(&goes) {
        return;
    }
    let status = client.read("sys/seal-status").await.ok().flatten();
    if status.is_some_and(|answer| answer.body.get("leasehold_version").is_some()) {
        return;
    }
    for change in plan.changes.iter_mut().filter(|change| goes(change)) {
        change
            .effects
            .push("static roles below it, if there are any, go along: this engine does not list them".to_owned());
    }
}

/// Finds out what of that which a plan touches others have; `None` if this token may not know.
async fn ask_others(
    plan: &Plan,
    others: impl Future<Output = Result<Option<Vec<Ledger>>, ledger::Error>>,
    wish: &Wish<'_>,
) -> Result<Option<Claims>, Error> {
    let Some(others) = others.await? else { return Ok(None) };
    let known = |owner: &&String| others.iter().any(|other| other.owner() == owner.as_str());
    if let Some(owner) = wish.adopt_from.iter().find(|owner| !known(owner)) {
        let known = others.iter().map(|other| other.owner().to_owned()).collect();
        return Err(Error::NoOwner { owner: owner.clone(), known });
    }
    let touched: HashSet<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
    let goes = |change: &&Change| change.action == ChangeAction::Delete;
    let folders: Vec<String> =
        plan.changes.iter().filter(goes).filter_map(|change| change.kind.below(&change.path)).collect();
    let mut claims = Claims::new();
    for other in &others {
        for (path, owned) in other.owned() {
            if touched.contains(path.as_str()) || folders.iter().any(|folder| path.starts_with(folder)) {
                let owner = other.owner().to_owned();
                let claim = Claim { whose: ledger::describe(&owner), owner, owned: owned.clone() };
                claims.entry(path.clone()).or_default().push(claim);
            }
        }
    }
    Ok(Some(claims))
}

/// Refuses to lead a mount to another AWS account while leases of it are out: what AWS holds for them can be removed
/// only from the account that it is in.
async fn guard_accounts(client: &Client, plan: &mut Plan, desired: &[Object]) {
    let mut leaving = Vec::new();
    for change in
        plan.changes.iter().filter(|change| matches!(change.action, ChangeAction::Update | ChangeAction::Adopt))
    {
        let object = desired.iter().find(|object| object.path == change.path);
        if let (Some(key), Some(live), Some(object)) = (change.kind.key(), &change.live, object)
            // Whoever applies it knows the key.
            && !object.is_unresolved(key.id)
            && plan.kept(&change.path).is_none()
            && !(key.is_same_account)(live, object)
            && let Some(mount) = change.kind.mount_prefix(&change.path)
        {
            leaving.push((change.path.clone(), change.place.clone(), mount));
        }
    }
    for (path, place, mount) in leaving {
        let leases = live::count_leases(client, &mount).await.map(|counted| counted.values().sum());
        if leases != Some(0) {
            plan.refuse_account_change(&path, &place, leases);
        }
    }
}
