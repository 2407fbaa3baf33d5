//! Plans of small worlds.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::object::testing::{leaf, object};
use crate::object::{
    FieldValue, Kind, Live, Object, OnChange, Owned, Progress, acl_policy, approle_role, audit_device, aws_lease,
    aws_role, aws_root, fingerprint, mount,
};
use crate::plan::{Adopt, ChangeAction, Input, Others, Plan, Refusal, Selection, Shown, differences, secret_digests};
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
            absent: &[],
            today: "2026-11-25",
            live: &self.live,
            owned: &self.owned,
            key: Some(&key()).filter(|_| !self.key_hidden),
            key_hidden: self.key_hidden,
            adopt,
            adopt_from: &[],
            others: Others::NotAsked,
            nameless: false,
            shared: &[],
            max_deletes: self.max_deletes.unwrap_or(u32::MAX),
            limits: &[],
            unmanaged: &[],
            unlisted: &[],
            notes: Vec::new(),
            taking: &Default::default(),
            guardrails: &[],
            selection: Selection::All,
        })
    }

    fn apply(&mut self, desired: &[Object], plan: &Plan) {
        for change in &plan.changes {
            match desired.iter().find(|object| object.path == change.path) {
                Some(object) => {
                    self.live.insert(object.path.clone(), live(object));
                    self.owned.insert(object.path.clone(), owned(object, Progress::Applied));
                }
                None => {
                    if change.action == ChangeAction::Delete {
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
    let readable = object.kind.fields.iter().filter(|field| field.told == crate::object::Told::Readable);
    Live {
        apart: BTreeMap::new(),
        kind: object.kind,
        path: object.path.clone(),
        fields: readable.map(|field| (field.name, object.value(field.name))).collect(),
        documents: BTreeMap::new(),
        hidden: std::collections::BTreeSet::new(),
        others: serde_json::Map::new(),
    }
}

fn owned(object: &Object, state: Progress) -> Owned {
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
        plan: None,
        found: None,
        besides: None,
        partly: Vec::new(),
        replaces: None,
        revokes: false,
        on_change: crate::object::OnChange::Keep,
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

fn actions(plan: &Plan) -> Vec<(ChangeAction, &str)> {
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
    assert_eq!(actions(&plan), [(ChangeAction::Create, ROLE)]);
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
    assert_eq!(actions(&plan), [(ChangeAction::Update, ROLE)]);
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
    assert_eq!(actions(&world.plan(&desired, Adopt::Refuse)), [(ChangeAction::Create, ROLE)]);
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
        world.owned.insert(object.path.clone(), owned(object, Progress::Intended));
    }
    assert_eq!(actions(&world.plan(&desired, Adopt::Refuse)), [(ChangeAction::Update, "aws/config/root")]);
}

#[test]
fn a_secret_that_can_not_be_read_is_not_checked() {
    let resolved = root("hunter-one", "");
    let mut unread = root("", "");
    unread.fields.insert("secret_key", leaf(FieldValue::Unresolved("env:X".to_owned())));
    unread.fields.insert("access_key", leaf(FieldValue::Unresolved("env:Y".to_owned())));
    // What is not there yet is made, whatever its secret.
    let fresh = World::default().plan(std::slice::from_ref(&unread), Adopt::Refuse);
    assert_eq!(actions(&fresh), [(ChangeAction::Create, "aws/config/root")]);
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
    world.owned.insert(resolved.path.clone(), owned(&resolved, Progress::Intended));
    assert_eq!(actions(&world.plan(&[unread], Adopt::Refuse)), [(ChangeAction::Update, "aws/config/root")]);
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
    world.owned.insert(path.to_owned(), owned(&own, Progress::Applied));
    assert!(world.owned[path].differs(&world.live[path]) && !crate::plan::is_outdated(&world.owned[path], &own));
}

#[test]
fn what_is_not_ours_is_adopted_only_when_asked() {
    let desired = [object(&aws_role::KIND, ROLE, &[("iam_groups", json!(["g"]))])];
    let mut world = World::default();
    world.live.insert(ROLE.to_owned(), live(&object(&aws_role::KIND, ROLE, &[])));
    let refused = world.plan(&desired, Adopt::Refuse);
    assert_eq!((actions(&refused), refused.exit_code()), (vec![(ChangeAction::Adopt, ROLE)], 3));
    assert!(matches!(&refused.refusals[..], [Refusal::NotOurs { .. }]));
    let taken = world.plan(&desired, Adopt::Take);
    assert_eq!((actions(&taken), taken.exit_code()), (vec![(ChangeAction::Adopt, ROLE)], 2));
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
    assert_eq!((actions(&plan), plan.exit_code()), (vec![(ChangeAction::Create, "aws/config/lease")], 2));
    world.live.insert(lease.path.clone(), live(&object(&aws_lease::KIND, "aws/config/lease", &[("lease", json!(9))])));
    assert_eq!(actions(&world.plan(&[lease], Adopt::Refuse)), [(ChangeAction::Adopt, "aws/config/lease")]);
}

#[test]
fn what_cannot_be_deleted_or_is_gone_is_forgotten() {
    let lease = object(&aws_lease::KIND, "aws/config/lease", &[("lease", json!(60))]);
    let role = object(&aws_role::KIND, ROLE, &[]);
    let mut world = World::with(&[lease, role]);
    world.live.remove(ROLE);
    world.max_deletes = Some(0);
    let plan = world.plan(&[], Adopt::Refuse);
    assert_eq!(actions(&plan), [(ChangeAction::Forget, ROLE), (ChangeAction::Forget, "aws/config/lease")]);
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
    assert_eq!(actions(&plan), [(ChangeAction::Delete, "aws/config/lease"), (ChangeAction::Delete, "aws/config/root")]);
    assert_eq!(
        changed(&plan),
        [("lease", value(json!(60)), value(json!(0))), ("secret_key", Shown::Sensitive, value(json!("")))]
    );
    assert_eq!(world.plan(&[], Adopt::Refuse).summary().forget, 2, "with the mount there is nothing to reset");
    root.fields.clear();
    world.live.insert(root.path.clone(), live(&root));
    world.owned.insert(root.path.clone(), owned(&root, Progress::Applied));
    let plan = world.plan(std::slice::from_ref(&mount), Adopt::Refuse);
    assert_eq!(actions(&plan)[1], (ChangeAction::Forget, "aws/config/root"));
    // With a key, a reset would take it away.
    let key = json!("AKIA1");
    world.live.get_mut("aws/config/root").expect("there").fields.extend([("access_key", key), ("region", json!("x"))]);
    let plan = world.plan(&[mount], Adopt::Refuse);
    assert_eq!(actions(&plan)[1], (ChangeAction::Forget, "aws/config/root"));
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
    assert_eq!((actions(&plan), plan.exit_code()), (vec![(ChangeAction::Update, path)], 2));
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

#[test]
fn leases_are_owed_only_by_a_change_that_arrived() {
    let role = |arn: &str| {
        let mut role = object(&aws_role::KIND, ROLE, &[("policy_arns", json!([arn]))]);
        role.on_change = OnChange::Revoke;
        role
    };
    let (old, new) = (role("arn:aws:iam::aws:policy/A"), role("arn:aws:iam::aws:policy/B"));
    let mut world = World::with(std::slice::from_ref(&old));
    let cut_off = |of: &Object| Owned { revokes: true, ..owned(of, Progress::Changing) };
    // The write of the new one was cut off, and the engine has it.
    world.owned.insert(ROLE.to_owned(), cut_off(&new));
    world.live.insert(ROLE.to_owned(), live(&new));
    let plan = world.plan(std::slice::from_ref(&new), Adopt::Refuse);
    assert!(plan.changes[0].revokes && plan.changes[0].fields.is_empty(), "{:?}", plan.changes);
    assert!(plan.changes[0].effects.iter().any(|effect| effect.contains("had revoked them")), "{:?}", plan.changes);
    // It has the old one, and the files went back to that: nothing ever changed.
    world.live.insert(ROLE.to_owned(), live(&old));
    let plan = world.plan(std::slice::from_ref(&old), Adopt::Refuse);
    assert!(plan.changes.iter().all(|change| !change.revokes), "{:?}", plan.changes);
    // Or they go on: it is a change like any other.
    let plan = world.plan(std::slice::from_ref(&new), Adopt::Refuse);
    assert!(plan.changes[0].revokes && !plan.changes[0].fields.is_empty(), "{:?}", plan.changes);
    // Who wants them kept has them kept.
    world.live.insert(ROLE.to_owned(), live(&new));
    let kept = Object { on_change: OnChange::Keep, ..new };
    assert!(world.plan(&[kept], Adopt::Refuse).changes.iter().all(|change| !change.revokes));
}
