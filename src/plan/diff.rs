//! (desired, live, ours) -> changes.
//!
//! All spelling is dealt with before: desired and live values are canonical, and defaults are filled in on
//! both sides. So comparison here is equality, and a field that was removed from a file is a change back to
//! its default. What an engine never tells is compared by the keyed digest in the ledger.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use super::attached::{Attached, Attacher};
use super::kept::{self, Kept};
use super::limit::{self, Adopt};
use super::ownership::{self, Others};
use super::{Action, Change, FieldChange, Plan, Shown, Unmanaged, order};
use crate::guardrail::Guardrail;
use crate::object::{
    Access, Changed, Delete, Field, FieldValue, Live, Object, Owned, Shape, State, field, fingerprint,
};
use crate::secret::Secret;

/// What a plan is computed from.
#[derive(Debug)]
pub struct Input<'a> {
    /// The environment.
    pub environment: &'a str,
    /// The estate's commit.
    pub commit: Option<&'a str>,
    /// What the files say, each path once.
    pub desired: &'a [Object],
    /// What the engine holds, at least at every path that is desired or ours.
    pub live: &'a HashMap<String, Live>,
    /// What is ours.
    pub owned: &'a BTreeMap<String, Owned>,
    /// The key of secret digests; `None` before the first apply, and for whom the ledger does not tell it.
    pub key: Option<&'a Secret>,
    /// Whether there is a key that this token may not read.
    pub key_hidden: bool,
    /// What to do about declared objects that are nobody's.
    pub adopt: Adopt,
    /// The owners whose objects are taken over, where they are declared.
    pub adopt_from: &'a [String],
    /// What the ledgers of others say.
    pub others: Others<'a>,
    /// Whether nothing but the environment's name tells this estate's ledger from another's on the engine.
    pub nameless: bool,
    /// The environment's limit, or [`super::MAX_DELETES_DEFAULT`].
    pub max_deletes: u32,
    /// What the engine holds besides.
    pub unmanaged: &'a [Unmanaged],
    /// Folders that this token may not list.
    pub unlisted: &'a [String],
    /// What could not be looked at.
    pub notes: Vec<String>,
    /// What may never be granted.
    pub guardrails: &'a [Guardrail],
}

pub(super) fn plan(input: &Input<'_>) -> Plan {
    let mut changes = Vec::new();
    let mut unchanged = 0;
    let mut declared: HashSet<&str> = HashSet::with_capacity(input.desired.len());
    let mut attacher = Attacher::new(input.guardrails);
    let mut kept = Vec::new();
    for object in input.desired {
        declared.insert(&object.path);
        let live = input.live.get(&object.path);
        let ours = input.owned.get(&object.path).filter(|owned| owned.is_ours(live));
        let key = kept::of(object, live, ours, input.adopt);
        let change = declared_change(object, input, attacher.of(object), key.as_ref());
        kept.extend(key);
        match change {
            Some(change) => changes.push(change),
            None => unchanged += 1,
        }
    }
    for (path, owned) in input.owned {
        if !declared.contains(path.as_str()) {
            let mount_stays = owned.kind.mount_path(path).is_some_and(|mount| declared.contains(mount.as_str()));
            changes.push(undeclared_change(path, owned, input.live.get(path), mount_stays));
        }
    }
    ownership::settle(&mut changes, input);
    order::sort(&mut changes);
    let mut refusals = limit::check(&changes, |path| input.owned.get(path), input.max_deletes);
    refusals.extend(ownership::check(&changes, input));
    refusals.extend(limit::stranger(input));
    refusals.extend(limit::beside_kept(&changes, &kept));
    let mut unmanaged = input.unmanaged.to_vec();
    unmanaged.sort_unstable();
    let mut notes = input.notes.clone();
    notes.extend(unchecked(input, &kept));
    notes.extend(input.desired.iter().flat_map(|object| staying(object, input)));
    notes.extend(kept.iter().map(Kept::words));
    Plan {
        environment: input.environment.to_owned(),
        commit: input.commit.map(str::to_owned),
        changes,
        unchanged,
        kept,
        unmanaged,
        refusals,
        notes,
        review: None,
        review_digest: None,
    }
}

/// The secrets of which can't be told whether they are still the ones that were written.
fn unchecked(input: &Input<'_>, kept: &[Kept]) -> Vec<String> {
    let stays = |object: &Object| kept.iter().any(|kept| kept.path == object.path);
    let there = || input.desired.iter().filter(|object| input.live.contains_key(&object.path) && !stays(object));
    let mut notes: Vec<String> = there()
        .flat_map(|object| object.unresolved().map(move |(name, reference, place)| (object, name, reference, place)))
        .map(|(object, name, reference, place)| {
            let path = &object.path;
            format!("not checked: {name} of {path} ({place}), since the secret `{reference}` can't be read here")
        })
        .collect();
    let is_hidden = |object: &&Object| {
        object.fields.iter().any(|(name, leaf)| {
            object.kind.field(name).is_some_and(|field| field.access == Access::WriteOnly)
                && !matches!(leaf.value, FieldValue::Unresolved(_))
        })
    };
    let hidden = there().filter(is_hidden).filter(|_| input.key_hidden).count();
    if hidden > 0 {
        notes.push(format!(
            "not checked: whether the secrets of {hidden} {} changed, since this token may not read the ledger's key",
            if hidden == 1 { "object" } else { "objects" }
        ));
    }
    notes
}

/// What stays as it was declared once, though it is not declared any more.
fn staying<'a>(object: &'a Object, input: &Input<'a>) -> impl Iterator<Item = String> + 'a {
    let owned = input.owned.get(&object.path).filter(|_| input.live.contains_key(&object.path));
    owned.into_iter().flat_map(|owned| owned.no_longer_declared(object)).map(|name| {
        let (path, place) = (&object.path, &object.place);
        format!("{path} ({place}) keeps its {name}: it is no longer declared, and only another one would replace it")
    })
}

fn declared_change(
    object: &Object,
    input: &Input<'_>,
    guardrails: Option<Attached>,
    kept: Option<&Kept>,
) -> Option<Change> {
    let live = input.live.get(&object.path);
    let owned = input.owned.get(&object.path).filter(|owned| owned.is_ours(live));
    // Settings that can't be deleted and stand at their defaults are nobody's: there is nothing to take over.
    let unset = owned.is_none() && live.is_some_and(Live::is_unset);
    let there = live.filter(|_| !unset);
    let mut fields: Vec<FieldChange> = object
        .kind
        .fields
        .iter()
        .filter(|field| kept.is_none() || !object.kind.is_of_key(field.name))
        .filter_map(|field| match field.access {
            Access::Readable => readable_change(object, field, there),
            Access::WriteOnly => hidden_change(object, field, there, owned, Key::of(input)),
            Access::Apart(_) => apart_change(object, field, there, owned, Key::of(input)),
        })
        .collect();
    let fields_unchanged = object.kind.fields.len() - fields.len();
    if let (Some(_), Some(owned)) = (there, owned) {
        fields.extend(guardrails_change(owned, guardrails.as_ref()));
    }
    let again = owned.zip(there).and_then(|(owned, live)| again(object, owned, live, &fields));
    let action = match (there, owned) {
        (None, _) => Action::Create,
        (Some(_), None) => Action::Adopt,
        (Some(_), Some(_)) if fields.is_empty() && again.is_none() => return None,
        (Some(_), Some(_)) => Action::Update,
    };
    let names: Vec<&'static str> = fields.iter().map(|field| field.name).collect();
    let changed = match action {
        Action::Create => Some(Changed::Created(object)),
        _ if names.is_empty() => None,
        _ => Some(Changed::Updated(object, &names)),
    };
    let mut effects: Vec<String> =
        changed.and_then(|changed| (object.kind.effect)(&object.path, changed)).into_iter().collect();
    let kept: Vec<&str> = object.adopted().map(|(name, _)| name).filter(|_| action == Action::Adopt).collect();
    if !kept.is_empty() {
        effects.push(format!("as it is, since nobody declares it: {}", kept.join(", ")));
    }
    effects.extend(again.map(str::to_owned));
    Some(Change {
        action,
        kind: object.kind,
        path: object.path.clone(),
        app: object.app.clone(),
        place: object.place.clone(),
        fields_unchanged,
        fields,
        effects,
        live: live.cloned(),
        policies: policies(&object.value("token_policies")),
        guardrails,
        from: None,
    })
}

/// Why an object of ours is written that is as declared in all that can be compared: what the files say since it was
/// written somebody did by hand, and an engine knows neither commit nor guardrails of that; or a write was cut off, and
/// nobody knows whether it arrived. What has something that no engine tells is not written for the first alone.
fn again(object: &Object, owned: &Owned, live: &Live, fields: &[FieldChange]) -> Option<&'static str> {
    let is_done_by_hand = || !object.kind.has_hidden() && owned.differs(live) && !owned.is_of(object);
    match owned.state {
        State::Applied if fields.is_empty() && is_done_by_hand() => {
            Some("somebody else made it as it is declared: it is written again, so that it comes from this commit")
        }
        State::Intended | State::Changing if !fields.is_empty() => fields
            .iter()
            .all(|field| matches!(field.before, Shown::Unknown | Shown::Sensitive))
            .then_some("an apply was stopped while it was written: it is written again"),
        _ => None,
    }
}

/// A change of the guardrails that go with an object. An engine never tells them, so the ledger says what it was
/// told; of a write that may not have arrived that is not known, and they are written again.
fn guardrails_change(owned: &Owned, after: Option<&Attached>) -> Option<FieldChange> {
    let (before, after) = (owned.guardrails.as_deref(), after.map(|attached| attached.text.as_str()));
    let side = |text: Option<&str>| text.map_or(Shown::Absent, |text| Shown::Value(Value::from(text)));
    let before = match owned.state {
        State::Applied if before == after => return None,
        State::Applied => side(before),
        State::Intended | State::Changing if before.is_none() && after.is_none() => return None,
        State::Intended | State::Changing => Shown::Unknown,
    };
    Some(FieldChange { name: "guardrails", shape: Shape::Text, before, after: side(after) })
}

fn undeclared_change(path: &str, owned: &Owned, live: Option<&Live>, mount_stays: bool) -> Change {
    let defaults = Object::at_defaults(owned.kind, path, owned.app.as_deref(), &owned.place);
    let mut fields = Vec::new();
    let (action, effect) = match (live, owned.kind.delete) {
        (None, _) => (Action::Forget, Some("it is gone from the engine already".to_owned())),
        (live, _) if !owned.is_ours(live) => {
            (Action::Forget, Some("what is there now is not ours: that stays".to_owned()))
        }
        (Some(_), Delete::ByPath) => (Action::Delete, (owned.kind.effect)(path, Changed::Deleted)),
        // Settings that can't be deleted must not live on under a mount that goes on living.
        (Some(live), Delete::Forget(stays)) => {
            fields = differences(&defaults, live);
            fields.extend(owned.kind.fields.iter().filter_map(|field| match field.access {
                // What is told apart stays as the engine has it: it is gone with the object.
                Access::Readable | Access::Apart(_) => None,
                Access::WriteOnly => hidden_change(&defaults, field, Some(live), Some(owned), Key::None),
            }));
            let names: Vec<&'static str> = fields.iter().map(|field| field.name).collect();
            if let Some(key) = live.key().filter(|_| mount_stays) {
                fields.clear();
                (Action::Forget, Some(format!("it stays as it is: a write of it would take the access key {key} away")))
            } else if mount_stays && !names.is_empty() {
                (Action::Delete, (owned.kind.effect)(path, Changed::Updated(&defaults, &names)))
            } else if mount_stays {
                (Action::Forget, Some("it has the engine's defaults already".to_owned()))
            } else {
                fields.clear();
                (Action::Forget, Some(stays.to_owned()))
            }
        }
    };
    Change {
        action,
        kind: owned.kind,
        path: path.to_owned(),
        app: owned.app.clone(),
        place: owned.place.clone(),
        fields_unchanged: owned.kind.fields.len() - fields.len(),
        fields,
        effects: effect.into_iter().collect(),
        live: live.cloned(),
        policies: live.and_then(|live| live.fields.get("token_policies")).map(policies).unwrap_or_default(),
        guardrails: None,
        from: None,
    }
}

fn policies(names: &Value) -> Vec<String> {
    names.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// What secrets are compared by.
#[derive(Clone, Copy)]
enum Key<'a> {
    Known(&'a Secret),
    /// This token may not read it.
    Hidden,
    None,
}

impl<'a> Key<'a> {
    fn of(input: &Input<'a>) -> Self {
        match input.key {
            Some(key) => Self::Known(key),
            None if input.key_hidden => Self::Hidden,
            None => Self::None,
        }
    }
}

fn readable_change(object: &Object, table: &Field, live: Option<&Live>) -> Option<FieldChange> {
    if object.is_unresolved(table.name) {
        // What it is to be is not known here; that there is nothing yet is.
        let (before, after) = (Shown::Absent, Shown::Sensitive);
        return live.is_none().then_some(FieldChange { name: table.name, shape: table.shape, before, after });
    }
    let after = object.value(table.name);
    let change =
        |before| FieldChange { name: table.name, shape: table.shape, before, after: Shown::Value(after.clone()) };
    match live {
        // A new object shows what is set; the rest is as the table of fields says.
        None => (after != table.default_value()).then(|| change(Shown::Absent)),
        Some(live) => {
            let before = live.fields.get(table.name).cloned().unwrap_or_else(|| table.default_value());
            // The cheap comparison first: nearly all fields of a large estate are equal as they stand.
            let equal = before == after || field::equal(table.shape, &before, &after);
            (!equal).then(|| change(Shown::Value(before)))
        }
    }
}

/// How a live object differs from its declaration, in the fields that an engine tells.
pub fn differences(object: &Object, live: &Live) -> Vec<FieldChange> {
    let change = |field: &'static Field| match field.access {
        Access::Readable => readable_change(object, field, Some(live)),
        Access::Apart(_) => told_change(object, field, live),
        Access::WriteOnly => None,
    };
    object.kind.fields.iter().filter_map(change).collect()
}

/// The change of a field that an engine tells apart from the others and that is declared. Where it was not read, the
/// ledger says whether the files changed it.
fn apart_change(
    object: &Object,
    table: &Field,
    live: Option<&Live>,
    owned: Option<&Owned>,
    key: Key<'_>,
) -> Option<FieldChange> {
    let written = owned.and_then(|owned| Some((owned.state, owned.apart.get(table.name)?)));
    match (live, written) {
        (Some(live), _) if live.apart.contains_key(table.name) => told_change(object, table, live),
        (Some(_), Some((State::Applied, written))) if object.apart_digests().get(table.name) == Some(written) => None,
        _ => hidden_change(object, table, live, owned, key),
    }
}

/// The change of such a field that was read.
fn told_change(object: &Object, table: &Field, live: &Live) -> Option<FieldChange> {
    let before = live.apart.get(table.name).filter(|_| object.fields.contains_key(table.name))?;
    let after = object.value(table.name);
    (!object.is_unresolved(table.name) && !field::equal(table.shape, before, &after)).then(|| FieldChange {
        name: table.name,
        shape: table.shape,
        before: Shown::Value(before.clone()),
        after: Shown::Value(after),
    })
}

fn hidden_change(
    object: &Object,
    table: &Field,
    live: Option<&Live>,
    owned: Option<&Owned>,
    key: Key<'_>,
) -> Option<FieldChange> {
    let written = owned.and_then(|owned| owned.secrets.get(table.name));
    let before = match (live, written) {
        (None, _) => Shown::Absent,
        (Some(_), _) => Shown::Sensitive,
    };
    let change = |after| FieldChange { name: table.name, shape: table.shape, before: before.clone(), after };
    let Some(leaf) = object.fields.get(table.name) else {
        // Nobody declared it, then or now; or the engine makes one of its own and keeps it.
        if live.is_none() || written.is_none() || table.default == "null" {
            return None;
        }
        return Some(change(Shown::Value(table.default_value())));
    };
    let settled = live.is_some() && owned.is_some_and(|owned| owned.state == State::Applied);
    let same = match key {
        _ if object.is_unresolved(table.name) => true,
        Key::Known(key) => digest(object, table.name, key).is_some_and(|digest| Some(&digest) == written),
        Key::Hidden => written.is_some(),
        Key::None => false,
    };
    if settled && same {
        return None;
    }
    Some(change(match &leaf.value {
        FieldValue::Data(value) if table.shape != Shape::Secret => Shown::Value(value.clone()),
        _ => Shown::Sensitive,
    }))
}

/// The keyed digests of an object's declared write-only fields, for the ledger.
pub fn secret_digests(object: &Object, key: &Secret) -> BTreeMap<String, String> {
    object
        .kind
        .fields
        .iter()
        .filter(|field| field.access == Access::WriteOnly)
        .filter_map(|field| Some((field.name.to_owned(), digest(object, field.name, key)?)))
        .collect()
}

fn digest(object: &Object, name: &str, key: &Secret) -> Option<String> {
    let text = match &object.fields.get(name)?.value {
        FieldValue::Secret(secret) => secret.clone(),
        FieldValue::Data(value) => Secret::new(value.to_string()),
        FieldValue::Unresolved(_) => return None,
    };
    Some(fingerprint::of_secret(key.expose().as_bytes(), &object.path, name, &text))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Input, differences, secret_digests};
    use crate::object::testing::{leaf, object};
    use crate::object::{
        FieldValue, Kind, Live, Object, Owned, State, acl_policy, approle_role, audit_device, aws_lease, aws_role,
        aws_root, fingerprint, mount,
    };
    use crate::plan::{Action, Adopt, Others, Plan, Refusal, Shown};
    use crate::secret::Secret;

    const ROLE: &str = "aws/roles/webapp";

    /// An engine and a ledger, as maps.
    #[derive(Default)]
    struct World {
        live: HashMap<String, Live>,
        owned: BTreeMap<String, Owned>,
        max_deletes: Option<u32>,
        key_hidden: bool,
    }

    fn key() -> Secret {
        Secret::new("key")
    }

    impl World {
        fn plan(&self, desired: &[Object], adopt: Adopt) -> Plan {
            Plan::new(&Input {
                environment: "local",
                commit: None,
                desired,
                live: &self.live,
                owned: &self.owned,
                key: Some(&key()).filter(|_| !self.key_hidden),
                key_hidden: self.key_hidden,
                adopt,
                adopt_from: &[],
                others: Others::NotAsked,
                nameless: false,
                max_deletes: self.max_deletes.unwrap_or(u32::MAX),
                unmanaged: &[],
                unlisted: &[],
                notes: Vec::new(),
                guardrails: &[],
            })
        }

        fn apply(&mut self, desired: &[Object], plan: &Plan) {
            for change in &plan.changes {
                match desired.iter().find(|object| object.path == change.path) {
                    Some(object) => {
                        self.live.insert(object.path.clone(), live(object));
                        self.owned.insert(object.path.clone(), owned(object, State::Applied));
                    }
                    None => {
                        if change.action == Action::Delete {
                            self.live.remove(&change.path);
                        }
                        self.owned.remove(&change.path);
                    }
                }
            }
        }

        fn with(desired: &[Object]) -> Self {
            let mut world = Self::default();
            let plan = world.plan(desired, Adopt::Refuse);
            world.apply(desired, &plan);
            world
        }
    }

    /// What an engine holds once an object is written.
    fn live(object: &Object) -> Live {
        let readable = object.kind.fields.iter().filter(|field| field.access == crate::object::Access::Readable);
        Live {
            apart: BTreeMap::new(),
            kind: object.kind,
            path: object.path.clone(),
            fields: readable.map(|field| (field.name, object.value(field.name))).collect(),
            others: serde_json::Map::new(),
        }
    }

    fn owned(object: &Object, state: State) -> Owned {
        Owned {
            kind: object.kind,
            app: object.app.clone(),
            place: object.place.clone(),
            commit: None,
            fingerprint: fingerprint::of(object),
            secrets: secret_digests(object, &key()),
            apart: object.apart_digests(),
            state,
            protect: object.protect,
            guardrails: None,
            review: None,
            found: None,
            adopted: BTreeMap::new(),
            from: None,
            keys: None,
            key_last: None,
        }
    }

    fn root(secret: &str, region: &str) -> Object {
        let mut root = object(&aws_root::KIND, "aws/config/root", &[("region", json!(region))]);
        if !secret.is_empty() {
            root.fields.insert("secret_key", leaf(FieldValue::Secret(Secret::new(secret))));
        }
        root
    }

    fn actions(plan: &Plan) -> Vec<(Action, &str)> {
        plan.changes.iter().map(|change| (change.action, change.path.as_str())).collect()
    }

    fn changed(plan: &Plan) -> Vec<(&'static str, Shown, Shown)> {
        let fields = plan.changes.iter().flat_map(|change| &change.fields);
        fields.map(|field| (field.name, field.before.clone(), field.after.clone())).collect()
    }

    fn value(value: Value) -> Shown {
        Shown::Value(value)
    }

    #[test]
    fn a_new_object_shows_what_is_set_and_then_nothing() {
        let desired = [object(&aws_role::KIND, ROLE, &[("iam_groups", json!(["g"]))])];
        let plan = World::default().plan(&desired, Adopt::Refuse);
        assert_eq!(actions(&plan), [(Action::Create, ROLE)]);
        assert_eq!(changed(&plan), [("iam_groups", Shown::Absent, value(json!(["g"])))]);
        assert_eq!(plan.exit_code(), 2);
        let after = World::with(&desired).plan(&desired, Adopt::Refuse);
        assert!(after.is_empty() && after.unchanged == 1 && after.exit_code() == 0);
    }

    #[test]
    fn an_edit_by_hand_shows_the_field_and_both_values() {
        let desired = [object(&aws_role::KIND, ROLE, &[("user_path", json!("/apps/"))])];
        let mut world = World::with(&desired);
        let live = world.live.get_mut(ROLE).expect("live");
        live.fields.insert("user_path", json!("/other/"));
        live.fields.insert("iam_groups", json!(["admins"]));
        let plan = world.plan(&desired, Adopt::Refuse);
        assert_eq!(actions(&plan), [(Action::Update, ROLE)]);
        assert_eq!(
            changed(&plan),
            [
                ("iam_groups", value(json!(["admins"])), value(json!([]))),
                ("user_path", value(json!("/other/")), value(json!("/apps/"))),
            ]
        );
        assert_eq!(plan.changes[0].fields_unchanged, aws_role::KIND.fields.len() - 2);
    }

    #[test]
    fn a_deletion_by_hand_is_a_creation() {
        let desired = [object(&aws_role::KIND, ROLE, &[])];
        let mut world = World::with(&desired);
        world.live.clear();
        assert_eq!(actions(&world.plan(&desired, Adopt::Refuse)), [(Action::Create, ROLE)]);
    }

    #[test]
    fn a_field_taken_out_of_the_files_goes_back_to_its_default() {
        let world = World::with(&[object(&aws_role::KIND, ROLE, &[("iam_groups", json!(["g"]))])]);
        let plan = world.plan(&[object(&aws_role::KIND, ROLE, &[])], Adopt::Refuse);
        assert_eq!(changed(&plan), [("iam_groups", value(json!(["g"])), value(json!([])))]);
    }

    #[test]
    fn another_spelling_of_a_policy_document_is_no_change() {
        let one = json!(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#);
        let other =
            json!(r#"{"Statement":[{"Resource":["*"],"Action":["s3:Get*"],"Effect":"Allow"}],"Version":"2012-10-17"}"#);
        let mut world = World::with(&[object(&aws_role::KIND, ROLE, &[("policy_document", one.clone())])]);
        world.live.get_mut(ROLE).expect("live").fields.insert("policy_document", other);
        assert!(world.plan(&[object(&aws_role::KIND, ROLE, &[("policy_document", one)])], Adopt::Refuse).is_empty());
    }

    #[test]
    fn a_secret_is_seen_to_change_and_never_shown() {
        let desired = [root("hunter-one", "")];
        let plan = World::default().plan(&desired, Adopt::Refuse);
        assert_eq!(changed(&plan), [("secret_key", Shown::Absent, Shown::Sensitive)]);
        let world = World::with(&desired);
        assert!(world.plan(&desired, Adopt::Refuse).is_empty());
        let two = world.plan(&[root("hunter-two", "")], Adopt::Refuse);
        assert_eq!(changed(&two), [("secret_key", Shown::Sensitive, Shown::Sensitive)]);
        let none = world.plan(&[root("", "")], Adopt::Refuse);
        assert_eq!(changed(&none), [("secret_key", Shown::Sensitive, value(json!("")))]);
        for text in [format!("{two:?}"), two.text(crate::review::Colour::Never), two.json().to_string()] {
            assert!(!text.contains("hunter"), "{text}");
        }
        let unrelated = world.plan(&[root("hunter-one", "eu-west-1")], Adopt::Refuse);
        assert_eq!(changed(&unrelated), [("region", value(json!("")), value(json!("eu-west-1")))]);
    }

    #[test]
    fn a_secret_that_may_not_have_arrived_is_written_again() {
        let desired = [root("hunter-one", ""), object(&aws_role::KIND, ROLE, &[])];
        let mut world = World::with(&desired);
        for object in &desired {
            world.owned.insert(object.path.clone(), owned(object, State::Intended));
        }
        assert_eq!(actions(&world.plan(&desired, Adopt::Refuse)), [(Action::Update, "aws/config/root")]);
    }

    #[test]
    fn a_secret_that_can_not_be_read_is_not_checked() {
        let resolved = root("hunter-one", "");
        let mut unread = root("", "");
        unread.fields.insert("secret_key", leaf(FieldValue::Unresolved("env:X".to_owned())));
        unread.fields.insert("access_key", leaf(FieldValue::Unresolved("env:Y".to_owned())));
        // What is not there yet is made, whatever its secret.
        let fresh = World::default().plan(std::slice::from_ref(&unread), Adopt::Refuse);
        assert_eq!(actions(&fresh), [(Action::Create, "aws/config/root")]);
        assert!(changed(&fresh).contains(&("secret_key", Shown::Absent, Shown::Sensitive)), "{fresh:?}");
        assert!(fresh.notes.is_empty());
        // What is there stays, in words.
        let mut world = World::with(std::slice::from_ref(&resolved));
        let plan = world.plan(std::slice::from_ref(&unread), Adopt::Refuse);
        assert!(plan.is_empty(), "{plan:?}");
        assert_eq!(plan.notes.len(), 2);
        let note = plan.notes.iter().find(|note| note.contains("secret_key")).expect("it is told");
        assert!(note.contains("not checked: secret_key of aws/config/root (") && note.contains("`env:X`"), "{note}");
        // What an apply did not come back to is written again.
        world.owned.insert(resolved.path.clone(), owned(&resolved, State::Intended));
        assert_eq!(actions(&world.plan(&[unread], Adopt::Refuse)), [(Action::Update, "aws/config/root")]);
    }

    #[test]
    fn without_the_key_no_secret_is_checked() {
        let one = root("hunter-one", "");
        let world = World { key_hidden: true, ..World::with(std::slice::from_ref(&one)) };
        for secret in ["hunter-one", "hunter-two"] {
            let plan = world.plan(&[root(secret, "")], Adopt::Refuse);
            assert!(plan.is_empty(), "{plan:?}");
            assert!(plan.notes[0].contains("not checked: whether the secrets of 1 object changed"), "{plan:?}");
        }
        // That there is one where there was none is known all the same.
        let world = World { key_hidden: true, ..World::with(&[root("", "")]) };
        assert_eq!(world.plan(&[one], Adopt::Refuse).changes.len(), 1);
    }

    #[test]
    fn a_role_id_of_the_engines_own_is_left_alone() {
        let path = "auth/approle/role/app-a";
        let own = object(&approle_role::KIND, path, &[("role_id", json!("mine"))]);
        let plain = object(&approle_role::KIND, path, &[]);
        let world = World::with(std::slice::from_ref(&own));
        assert!(world.plan(std::slice::from_ref(&own), Adopt::Refuse).is_empty());
        assert!(world.plan(std::slice::from_ref(&plain), Adopt::Refuse).is_empty());
        let world = World::with(std::slice::from_ref(&plain));
        assert_eq!(changed(&world.plan(&[own], Adopt::Refuse)), [("role_id", Shown::Sensitive, value(json!("mine")))]);
    }

    #[test]
    fn a_role_id_that_an_older_ledger_calls_a_secret_is_compared_and_then_remembered_as_it_is_now() {
        let path = "auth/approle/role/app-a";
        let own = object(&approle_role::KIND, path, &[("role_id", json!("mine"))]);
        let desired = std::slice::from_ref(&own);
        let mut world = World::with(desired);
        let now = world.owned.get_mut(path).expect("owned");
        let digest = fingerprint::of_secret(b"key", path, "role_id", &Secret::new(json!("mine").to_string()));
        now.secrets.insert("role_id".to_owned(), digest);
        now.apart.clear();
        // Where it can't be read, the keyed digest tells.
        assert!(world.plan(desired, Adopt::Refuse).is_empty());
        for (told, expected) in
            [("mine", None), ("by-hand", Some(("role_id", value(json!("by-hand")), value(json!("mine")))))]
        {
            world.live.get_mut(path).expect("live").apart.insert("role_id", json!(told));
            let plan = world.plan(desired, Adopt::Refuse);
            let changes = if plan.is_empty() { Vec::new() } else { changed(&plan) };
            assert_eq!(changes, expected.into_iter().collect::<Vec<_>>(), "{told}");
            // Whether it was changed by hand, such an entry does not know.
            assert!(!world.owned[path].differs(&world.live[path]));
        }
        assert!(crate::plan::is_outdated(&world.owned[path], &own));
        world.owned.insert(path.to_owned(), owned(&own, State::Applied));
        assert!(world.owned[path].differs(&world.live[path]) && !crate::plan::is_outdated(&world.owned[path], &own));
    }

    #[test]
    fn what_is_not_ours_is_adopted_only_when_asked() {
        let desired = [object(&aws_role::KIND, ROLE, &[("iam_groups", json!(["g"]))])];
        let mut world = World::default();
        world.live.insert(ROLE.to_owned(), live(&object(&aws_role::KIND, ROLE, &[])));
        let refused = world.plan(&desired, Adopt::Refuse);
        assert_eq!((actions(&refused), refused.exit_code()), (vec![(Action::Adopt, ROLE)], 3));
        assert!(matches!(&refused.refusals[..], [Refusal::NotOurs { .. }]));
        let taken = world.plan(&desired, Adopt::Take);
        assert_eq!((actions(&taken), taken.exit_code()), (vec![(Action::Adopt, ROLE)], 2));
        world.apply(&desired, &taken);
        assert!(world.plan(&desired, Adopt::Refuse).is_empty());
    }

    #[test]
    fn what_is_ours_and_no_longer_declared_goes_within_limits() {
        let roles: Vec<Object> =
            (0..3).map(|number| object(&aws_role::KIND, &format!("aws/roles/{number}"), &[])).collect();
        let mut world = World::with(&roles);
        world.live.insert("aws/roles/foreign".to_owned(), live(&object(&aws_role::KIND, "aws/roles/foreign", &[])));
        for (allowed, code) in [(3, 2), (2, 3), (0, 3)] {
            world.max_deletes = Some(allowed);
            let plan = world.plan(&[], Adopt::Refuse);
            assert_eq!((plan.summary().delete, plan.exit_code()), (3, code), "{allowed} allowed");
        }
        world.max_deletes = Some(3);
        let plan = world.plan(&[], Adopt::Refuse);
        world.apply(&[], &plan);
        assert_eq!(world.live.keys().collect::<Vec<_>>(), ["aws/roles/foreign"]);
    }

    #[test]
    fn what_was_protected_is_not_deleted() {
        let mut role = object(&aws_role::KIND, ROLE, &[]);
        role.protect = true;
        let plan = World::with(&[role]).plan(&[], Adopt::Refuse);
        assert!(matches!(&plan.refusals[..], [Refusal::Protected { path, .. }] if path == ROLE));
    }

    #[test]
    fn settings_at_their_defaults_are_nobodys() {
        let lease = object(&aws_lease::KIND, "aws/config/lease", &[("lease", json!(60))]);
        let mut world = World::default();
        world.live.insert(lease.path.clone(), live(&object(&aws_lease::KIND, "aws/config/lease", &[])));
        let plan = world.plan(std::slice::from_ref(&lease), Adopt::Refuse);
        assert_eq!((actions(&plan), plan.exit_code()), (vec![(Action::Create, "aws/config/lease")], 2));
        world
            .live
            .insert(lease.path.clone(), live(&object(&aws_lease::KIND, "aws/config/lease", &[("lease", json!(9))])));
        assert_eq!(actions(&world.plan(&[lease], Adopt::Refuse)), [(Action::Adopt, "aws/config/lease")]);
    }

    #[test]
    fn what_cannot_be_deleted_or_is_gone_is_forgotten() {
        let lease = object(&aws_lease::KIND, "aws/config/lease", &[("lease", json!(60))]);
        let role = object(&aws_role::KIND, ROLE, &[]);
        let mut world = World::with(&[lease, role]);
        world.live.remove(ROLE);
        world.max_deletes = Some(0);
        let plan = world.plan(&[], Adopt::Refuse);
        assert_eq!(actions(&plan), [(Action::Forget, ROLE), (Action::Forget, "aws/config/lease")]);
        assert_eq!(plan.exit_code(), 2);
        assert!(plan.changes.iter().all(|change| change.effects.len() == 1));
        world.apply(&[], &plan);
        assert!(world.plan(&[], Adopt::Refuse).is_empty());
    }

    #[test]
    fn settings_that_cannot_be_deleted_go_back_to_their_defaults_while_the_mount_stays() {
        let mount = object(&mount::KIND, "sys/mounts/aws", &[("type", json!("aws"))]);
        let lease = object(&aws_lease::KIND, "aws/config/lease", &[("lease", json!(60))]);
        let mut root = root("hunter-one", "");
        let mut world = World::with(&[mount.clone(), lease, root.clone()]);
        let plan = world.plan(std::slice::from_ref(&mount), Adopt::Refuse);
        assert_eq!(actions(&plan), [(Action::Delete, "aws/config/lease"), (Action::Delete, "aws/config/root")]);
        assert_eq!(
            changed(&plan),
            [("lease", value(json!(60)), value(json!(0))), ("secret_key", Shown::Sensitive, value(json!("")))]
        );
        assert_eq!(world.plan(&[], Adopt::Refuse).summary().forget, 2, "with the mount there is nothing to reset");
        root.fields.clear();
        world.live.insert(root.path.clone(), live(&root));
        world.owned.insert(root.path.clone(), owned(&root, State::Applied));
        let plan = world.plan(std::slice::from_ref(&mount), Adopt::Refuse);
        assert_eq!(actions(&plan)[1], (Action::Forget, "aws/config/root"));
        // With a key, a reset would take it away.
        let key = json!("AKIA1");
        world
            .live
            .get_mut("aws/config/root")
            .expect("there")
            .fields
            .extend([("access_key", key), ("region", json!("x"))]);
        let plan = world.plan(&[mount], Adopt::Refuse);
        assert_eq!(actions(&plan)[1], (Action::Forget, "aws/config/root"));
        assert!(plan.changes[1].fields.is_empty() && plan.changes[1].effects[0].contains("AKIA1"), "{plan:?}");
    }

    #[test]
    fn what_cannot_change_in_place_is_refused_unless_the_kind_is_made_anew_anyway() {
        let path = "sys/mounts/aws";
        let world = World::with(&[object(&mount::KIND, path, &[("type", json!("aws"))])]);
        let plan = world.plan(&[object(&mount::KIND, path, &[("type", json!("kv"))])], Adopt::Refuse);
        assert!(matches!(&plan.refusals[..], [Refusal::Immutable { fields, .. }] if fields == &["type"]));
        let path = "sys/audit/file";
        let world = World::with(&[object(&audit_device::KIND, path, &[("file_path", json!("/a"))])]);
        let plan = world.plan(&[object(&audit_device::KIND, path, &[("file_path", json!("/b"))])], Adopt::Refuse);
        assert_eq!((actions(&plan), plan.exit_code()), (vec![(Action::Update, path)], 2));
    }

    #[test]
    fn what_was_written_and_reads_back_otherwise_differs() {
        let desired = object(&aws_role::KIND, ROLE, &[("user_path", json!("/apps/"))]);
        assert!(differences(&desired, &live(&desired)).is_empty());
        assert_eq!(differences(&desired, &live(&object(&aws_role::KIND, ROLE, &[]))).len(), 1);
    }

    /// Any role, policy, lease setting or login of a small world, by path.
    fn any_object() -> impl Strategy<Value = Object> {
        let name = prop::sample::select(vec!["a", "b", "c"]);
        (0..4_u8, name, 0..3_i64, any::<bool>()).prop_map(|(sort, name, number, set)| {
            let (kind, path, field, value): (&'static Kind, String, &'static str, Value) = match sort {
                0 => (&aws_role::KIND, format!("aws/roles/{name}"), "iam_groups", json!([format!("g{number}")])),
                1 => (&acl_policy::KIND, format!("sys/policies/acl/{name}"), "policy", json!(format!("# {number}"))),
                2 => (&aws_lease::KIND, format!("{name}/config/lease"), "lease", json!(number)),
                _ => (&approle_role::KIND, format!("auth/approle/role/{name}"), "token_ttl", json!(number)),
            };
            object(kind, &path, &if set { vec![(field, value)] } else { Vec::new() })
        })
    }

    fn any_estate() -> impl Strategy<Value = Vec<Object>> {
        prop::collection::vec(any_object(), 0..12).prop_map(|objects| {
            let by_path: BTreeMap<String, Object> =
                objects.into_iter().map(|object| (object.path.clone(), object)).collect();
            by_path.into_values().collect()
        })
    }

    proptest! {
        #[test]
        fn whatever_was_there_applying_a_plan_gives_what_is_declared(
            first in any_estate(),
            by_hand in any_estate(),
            second in any_estate(),
        ) {
            let mut world = World::with(&first);
            for object in &by_hand {
                world.live.insert(object.path.clone(), live(object));
            }
            let plan = world.plan(&second, Adopt::Take);
            world.apply(&second, &plan);
            prop_assert!(world.plan(&second, Adopt::Refuse).is_empty());
            for object in &second {
                prop_assert!(differences(object, &world.live[&object.path]).is_empty());
            }
            let declared = |path: &String| second.iter().any(|object| &object.path == path);
            for object in &first {
                let stays = declared(&object.path) || object.kind.name == aws_lease::KIND.name;
                prop_assert_eq!(world.live.contains_key(&object.path), stays);
            }
            for object in &by_hand {
                let ours = first.iter().any(|other| other.path == object.path);
                prop_assert!(ours || world.live.contains_key(&object.path), "{} was not ours", object.path);
            }
        }
    }
}
