//! A group: `identity/group/name/<name>`. Who is in it has its policies: people and groups that it names, or, where an auth
//! method says who that is, whomever a login with the group's alias puts into it (an external group). Writes merge, so
//! every field is sent.
//!
//! Source: Vault API, "Identity secrets engine: group". What engines refuse (another type, members of an external group,
//! a group within itself): OpenBao, `vault/identity_store_groups.go`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::alias;
use super::call::{Call, Lacks};
use super::entity::{joined, odd_metadata, odd_policies, of_metadata, people, told};
use super::field::{Field, Shape};
use super::home::Home;
use super::ids::{ENTITIES, GROUPS, ID};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{Block, Declared, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::named::ids_of;
use super::review::{Person, Reviewed, Rights, Said, Values};
use super::token_fields::field;
use super::wire::{pick, post};

static FIELDS: [Field; 6] = [
    Field {
        immutable: true,
        ..field(
            "type",
            Shape::OneOf(&["internal", EXTERNAL]),
            "\"internal\"",
            "Whether an auth method says who is in it.",
        )
    },
    field("policies", Shape::Set, "[]", "ACL policies of who is in it."),
    field("metadata", Shape::Map, "{}", "What policies may know of it, by name."),
    field("members", Shape::Names(&ENTITIES), "[]", "Users who are in it."),
    field("member_groups", Shape::Names(&GROUPS), "[]", "Groups whose members are in it."),
    field("alias", Shape::ByMethod, "{}", "What an auth method calls it that says who is in it."),
];

/// The type of groups whose members an auth method tells.
pub const EXTERNAL: &str = "external";

/// The fields whose whole value goes with a write.
const SENT: [&str; 3] = ["type", "policies", "metadata"];

/// `group "name" { ... }`.
pub static GROUP: Block = Block {
    word: "group",
    label: Some("The group's name."),
    doc: "Who has which policies, by being in it.",
    keys: &[
        Key::field(&KIND, "policies"),
        Key::field(&KIND, "members"),
        Key::named("groups", &KIND, "member_groups"),
        Key::field(&KIND, "alias"),
        Key::field(&KIND, "metadata"),
        Key::shared(),
        Key::life(),
    ],
    check,
};

fn check(group: &Declared<'_>) -> Vec<Objection> {
    let mut objections: Vec<Objection> = odd_policies(group).into_iter().chain(odd_metadata(group)).collect();
    let (alias, hint) = ("alias", "alias = { oidc = \"admins\" }");
    let Some(aliases) = group.value(alias).as_object().map(Map::len).filter(|_| group.written.contains(&alias)) else {
        return objections;
    };
    if aliases != 1 {
        let what = "a group has an alias at one auth method".to_owned();
        objections.push(Objection { key: alias, what, hint });
    }
    for (key, field) in [("members", "members"), ("groups", "member_groups")] {
        if !group.texts(field).is_empty() {
            let what = format!("a group with an alias has no `{key}`: the auth method says who is in it");
            let hint = "leave one of them out; a group of its own can have this one among its `groups`";
            objections.push(Objection { key: field, what, hint });
        }
    }
    objections
}

/// Groups.
pub static KIND: Kind = Kind {
    name: "group",
    class: Class::Person,
    home: Home::Folder { path: GROUPS.by_name, witness: "type" },
    leases: Leases::None,
    reviewed: Reviewed::Rights(&Rights {
        said,
        gone: "who was in it has its policies by it no more",
        person: Some(&Person {
            policies: "policies",
            metadata: "metadata",
            aliases: None,
            disabled: None,
            members: &["members", "member_groups"],
        }),
    }),
    words: &GROUP,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse,
    write,
    special: Special { effect, written_at: |_| people(), ..Special::NONE },
};

fn parse(data: &Map<String, Value>) -> Result<Map<String, Value>, Lacks> {
    let group_type = data.get("type").and_then(Value::as_str).ok_or(Lacks { what: "group", part: "type" })?;
    let mut fields = pick(data, &[ID]);
    fields.extend(pick(data, &SENT));
    // Who is in another comes and goes with logins.
    if group_type != EXTERNAL {
        for (field, part) in [("members", "member_entity_ids"), ("member_groups", "member_group_ids")] {
            fields.insert(field.to_owned(), data.get(part).cloned().unwrap_or_default());
        }
    }
    fields.extend(alias::parse("alias", data.get("alias").and_then(Value::as_object).into_iter()));
    Ok(fields)
}

fn write(object: &Object, live: Option<&Live>) -> Vec<Call> {
    let mut group = post(object.path.clone(), SENT.map(|name| (name, object.value(name))));
    if object.value("type") != EXTERNAL {
        let members = [("members", "member_entity_ids"), ("member_groups", "member_group_ids")];
        group.made = members.into_iter().filter_map(|(field, part)| ids_of(object, field, part)).collect();
    }
    [group].into_iter().chain(alias::write(object, "alias", live, "group-alias")).collect()
}

fn effect(_path: &str, change: Changed<'_>) -> Option<String> {
    match change {
        Changed::Created(_) => None,
        Changed::Updated(object, fields) if fields.contains(&"alias") && object.value("type") == EXTERNAL => {
            Some("who logs in from now on is in it by its new alias; tokens already issued keep it".to_owned())
        }
        Changed::Updated(..) => Some("tokens already issued of who is in it follow at once".to_owned()),
        Changed::Deleted(_) => Some("tokens already issued of who is in it lose its policies at once".to_owned()),
    }
}

/// Who is in a group, each in words.
fn members(group: &dyn Values) -> BTreeSet<String> {
    let groups = group.texts("member_groups").into_iter().map(|name| format!("who is in {name}"));
    let alias = group.value("alias");
    let told = alias.as_object().into_iter().flatten();
    let told = told.map(|(method, name)| format!("whom {method} says to be in {}", name.as_str().unwrap_or_default()));
    group.texts("members").into_iter().chain(groups).chain(told).collect()
}

/// Where it is written who is in a group.
fn field_of(group: &dyn Values) -> &'static str {
    let is_written = |field: &&str| match &*group.value(field) {
        Value::Array(names) => !names.is_empty(),
        Value::Object(aliases) => !aliases.is_empty(),
        _ => false,
    };
    ["members", "member_groups", "alias"].into_iter().find(is_written).unwrap_or("members")
}

fn said(name: &str, old: Option<&dyn Values>, new: &dyn Values) -> Vec<Said> {
    let policies = new.texts("policies");
    let given = match policies.is_empty() {
        true => "those of the groups that it is in".to_owned(),
        false => format!("the policies {}, and those of the groups that it is in", joined(policies.iter())),
    };
    let [had, has] = [old, Some(new)].map(|side| side.map(members).unwrap_or_default());
    let differing = old.and_then(|old| differing(old, new));
    let mut all = Vec::new();
    all.extend(told(has.difference(&had), true, differing.unwrap_or_else(|| field_of(new)), |come| {
        format!("in {name} from now on: {come}; who is in it has {given}")
    }));
    all.extend(told(had.difference(&has), false, differing.unwrap_or("members"), |gone| {
        format!("no longer in {name}: {gone}")
    }));
    // Of a new one, and of who comes, that is told already.
    let Some(old) = old else { return all };
    let before = old.texts("policies");
    all.extend(told(policies.difference(&before), true, "policies", |come| {
        let who = if has.is_empty() { "nobody yet".to_owned() } else { joined(has.iter()) };
        format!("who is in {name} has the policies {come}: {who}")
    }));
    all.extend(told(before.difference(&policies), false, "policies", |gone| {
        format!("who is in {name} has the policies {gone} by it no more")
    }));
    all.extend(of_metadata(old, new));
    all
}

/// The field in which two sides tell of other members.
fn differing(old: &dyn Values, new: &dyn Values) -> Option<&'static str> {
    ["members", "member_groups", "alias"].into_iter().find(|field| old.value(field) != new.value(field))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::KIND;
    use crate::object::testing::{calls, object};

    const PATH: &str = "identity/group/name/ops";

    #[test]
    fn a_group_that_a_method_fills_is_sent_no_members_and_another_always_all() {
        let external = object(&KIND, PATH, &[("type", json!("external")), ("alias", json!({"oidc": "admins"}))]);
        let group = json!([PATH, {"type": "external", "policies": [], "metadata": {}}]);
        assert_eq!(calls(&external, None), json!([group, ["identity/group-alias", {"name": "admins"}]]));
        let made = |fields: &[_]| (KIND.write)(&object(&KIND, PATH, fields), None).remove(0).made;
        assert!(made(&[("type", json!("external"))]).is_empty());
        let sent: Vec<(&str, usize)> =
            made(&[("members", json!(["ann"]))]).iter().map(|made| (made.parameter, made.of.len())).collect();
        assert_eq!(sent, [("member_entity_ids", 1), ("member_group_ids", 0)]);
    }

    #[test]
    fn an_alias_that_differs_is_taken_away_before_the_new_one_comes_and_one_that_stays_is_not_sent() {
        let answer = json!({"id": "G", "type": "external", "policies": null,
            "alias": {"id": "A", "name": "old", "mount_path": "auth/team/oidc/"}, "member_entity_ids": ["E"]});
        let live = KIND.live(PATH, answer.as_object().expect("a map")).expect("parses");
        assert_eq!((&live.fields["alias"], &live.fields["members"]), (&json!({"team/oidc": "old"}), &json!([])));
        for (alias, expected) in [
            (json!({"team/oidc": "old"}), vec![PATH]),
            (json!({"team/oidc": "new"}), vec![PATH, "identity/group-alias/id/A", "identity/group-alias"]),
            (json!({}), vec![PATH, "identity/group-alias/id/A"]),
        ] {
            let desired = object(&KIND, PATH, &[("type", json!("external")), ("alias", alias.clone())]);
            let paths: Vec<String> = (KIND.write)(&desired, Some(&live)).into_iter().map(|call| call.path).collect();
            assert_eq!(paths, expected, "{alias}");
        }
    }
}
