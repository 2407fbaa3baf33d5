//! Guardrails on the wire: they come with the reconciler's write of a role, stay when somebody writes the role by
//! hand, and are judged by the engine just before a credential is issued.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::{Answer, outcome, said};
use crate::unreadable;
use crate::wire_aws::{World, refused};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// An AWS-managed policy that the simulated account has.
const MANAGED: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn policy(action: &str) -> Value {
    let statement = json!({ "Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::b/*" });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn role(action: &str) -> Value {
    json!({ "credential_type": "iam_user", "policy_document": policy(action).to_string() })
}

/// Nobody deletes objects.
fn no_delete() -> Value {
    json!({ "name": "no-delete", "severity": "deny", "place": "",
            "rules": [{ "deny": { "actions": ["s3:DeleteObject"] } }] })
}

fn require(what: &Value) -> Value {
    json!({ "name": "must-have", "severity": "deny", "place": "", "rules": [{ "require": what }] })
}

fn with(mut guardrail: Value, key: &str, value: Value) -> Value {
    guardrail[key] = value;
    guardrail
}

fn header(guardrails: &[Value]) -> String {
    STANDARD.encode(json!(guardrails).to_string())
}

/// Writes `aws/roles/r` as the reconciler does for the app `webapp`.
#[track_caller]
fn apply(world: &World, role: &Value, guardrails: &[Value]) {
    let answer = applied(world, role, &header(guardrails));
    assert_eq!(answer.status, 204, "{}", outcome(&answer));
}

fn applied(world: &World, role: &Value, header: &str) -> Answer {
    let headers = [("X-Leasehold-App", "webapp"), ("X-Leasehold-Guardrails", header)];
    world.root.try_send_with("POST", "aws/roles/r", Some(role), &headers).unwrap()
}

fn issue(world: &World) -> Answer {
    world.root.send("GET", "aws/creds/r", None)
}

#[track_caller]
fn issues(world: &World) {
    let answer = issue(world);
    assert_eq!(answer.status, 200, "{}", outcome(&answer));
}

#[track_caller]
fn refuses(world: &World, text: &str) {
    refused(&issue(world), 400, text);
}

#[test]
fn a_role_that_was_widened_by_hand_issues_nothing_until_it_is_narrowed() {
    let world = World::new();
    apply(&world, &role("s3:GetObject"), &[no_delete()]);
    issues(&world);
    world.role("r", &role("s3:*"));
    world.role("other", &role("s3:*"));
    let users = world.users();
    world.actions();
    let answer = issue(&world);
    for text in ["no-delete", "the role aws/r", "s3:DeleteObject is allowed", "except it in the estate and apply"] {
        refused(&answer, 400, text);
    }
    assert_eq!(world.actions(), Vec::<String>::new(), "AWS is not asked for what is refused");
    assert_eq!(world.users(), users);
    let lines = world.lines();
    let told = lines.iter().rfind(|line| line["type"] == "response").unwrap();
    assert_eq!(said(&told["request"]["path"]), "aws/creds/r");
    assert!(said(&told["error"]).contains("the guardrail no-delete denies"), "the trail says why: {told}");
    // A role without guardrails is not concerned.
    assert_eq!(world.root.send("GET", "aws/creds/other", None).status, 200);
    world.role("r", &role("s3:GetObject"));
    issues(&world);
}

#[test]
fn what_can_not_be_read_issues_nothing_that_a_guardrail_forbids() {
    let world = World::new();
    let no_users = json!({ "name": "no-users", "severity": "deny", "place": "",
                           "rules": [{ "deny": { "actions": ["iam:CreateUser"] } }] });
    for (what, document) in unreadable::documents() {
        let role = json!({ "credential_type": "iam_user", "policy_document": document });
        apply(&world, &role, std::slice::from_ref(&no_users));
        let answer = issue(&world);
        assert_eq!(answer.status, 400, "{what}");
        refused(&answer, 400, "the guardrail no-users denies");
    }
}

#[test]
fn guardrails_stay_until_the_estate_takes_them_away() {
    let mut world = World::new();
    apply(&world, &role("s3:GetObject"), &[no_delete()]);
    let denied = "the guardrail no-delete denies";
    // The parameters of before 2018 replace all that a role says, and not what it is judged by.
    world.root.post("aws/roles/r", &json!({ "policy": policy("s3:*").to_string() }));
    refuses(&world, denied);
    // A write that only says where it comes from brings no guardrails, so it takes none away.
    let origin = [("X-Leasehold-Commit", "abc")];
    let answer = world.root.try_send_with("POST", "aws/roles/r", Some(&role("s3:*")), &origin).unwrap();
    assert_eq!(answer.status, 204);
    refuses(&world, denied);
    world.restart_after(1);
    refuses(&world, denied);
    // Others instead, and then none.
    apply(&world, &role("s3:*"), &[with(no_delete(), "name", json!("renamed"))]);
    refuses(&world, "the guardrail renamed denies");
    apply(&world, &role("s3:*"), &[]);
    issues(&world);
    // A role that was deleted and made anew by hand is judged by the same.
    apply(&world, &role("s3:*"), &[no_delete()]);
    for path in ["aws/roles/r", "aws/roles/r/"] {
        assert_eq!(world.root.send("DELETE", path, None).status, 204);
        world.restart_after(1);
        world.role("r", &role("s3:*"));
        refuses(&world, denied);
    }
    // The estate that takes it away takes its guardrails away.
    let none = header(&[]);
    let gone = world.root.try_send_with("DELETE", "aws/roles/r", None, &[("X-Leasehold-Guardrails", none.as_str())]);
    assert_eq!(gone.unwrap().status, 204);
    world.role("r", &role("s3:*"));
    issues(&world);
}

/// The rights to write everything, but not to speak for the estate.
const WRITER: &str = "path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\", \"sudo\"] }
path \"sys/leasehold/*\" { capabilities = [\"deny\"] }";

#[test]
fn only_the_estates_token_says_where_a_change_comes_from_and_what_a_role_is_judged_by() {
    let world = World::new();
    apply(&world, &role("s3:GetObject"), &[no_delete()]);
    world.root.post("sys/auth/approle", &json!({ "type": "approle" }));
    world.root.post("auth/approle/role/l", &json!({}));
    world.root.post("sys/policies/acl/writer", &json!({ "policy": WRITER }));
    let token = |policies: &[&str]| {
        let made = world.root.post("auth/token/create", &json!({ "policies": policies }));
        world.root.with_token(&said(&made["auth"]["client_token"]))
    };
    let writer = token(&["writer"]);
    let none = header(&[]);
    let headers = [
        ("X-Leasehold-Commit", "abc"),
        ("X-Leasehold-App", "other"),
        ("X-Leasehold-Source", "a.hcl:1"),
        ("X-Leasehold-Review", "abc"),
        ("X-Leasehold-Guardrails", none.as_str()),
    ];
    let wide = role("s3:*");
    for header in headers {
        for (method, path, body) in [
            ("POST", "aws/roles/r", Some(&wide)),
            ("DELETE", "aws/roles/r", None),
            ("GET", "aws/roles/r", None),
            ("LIST", "aws/roles", None),
            ("POST", "auth/approle/role/l", Some(&json!({ "token_ttl": 60 }))),
            ("POST", "auth/approle/role/l/policies", Some(&json!({ "token_policies": "x" }))),
            ("POST", "auth/approle/login", Some(&json!({ "role_id": "x", "secret_id": "y" }))),
            ("POST", "auth/token/create", Some(&json!({}))),
            ("GET", "sys/internal/ui/mounts", None),
        ] {
            let answer = writer.try_send_with(method, path, body, &[header]).unwrap();
            refused(&answer, 403, "the headers X-Leasehold-* say where a change comes from");
            let nobody = writer.with_token("").try_send_with(method, path, body, &[header]).unwrap();
            assert_eq!(nobody.status, 403, "{method} {path}");
        }
    }
    assert_eq!(world.root.get("auth/approle/role/l")["data"]["token_ttl"], 0);
    // Without the headers the same token writes, and frees nothing.
    assert_eq!(writer.send("POST", "aws/roles/r", Some(&wide)).status, 204);
    refuses(&world, "the guardrail no-delete denies");
    // With the path that apply's policy has, it may.
    let rules = "path \"aws/roles/*\" { capabilities = [\"update\"] }\n\
                 path \"sys/leasehold/estate\" { capabilities = [\"update\"] }";
    world.root.post("sys/policies/acl/estate", &json!({ "policy": rules }));
    for header in headers {
        let answer = token(&["estate"]).try_send_with("POST", "aws/roles/r", Some(&wide), &[header]).unwrap();
        assert_eq!(answer.status, 204, "{}", outcome(&answer));
    }
    issues(&world);
}

#[test]
fn what_a_guardrail_says_and_is_not_understood_is_refused() {
    let world = World::new();
    let exception = json!({ "roles": ["r"], "reason": "r", "owner": "o", "expires": "2027-02-01" });
    let whole = json!([{
        "name": "g", "severity": "deny", "place": "", "exceptions": [exception],
        "rules": [
            { "deny": { "actions": ["s3:*"] } },
            { "require": { "bind_secret_id": true } },
            { "escalation": { "paths": [] } },
        ],
    }]);
    assert_eq!(applied(&world, &role("s3:GetObject"), &STANDARD.encode(whole.to_string())).status, 204);
    // A key that nobody knows, in each object that there is.
    let mut places = vec![String::new()];
    let mut objects = Vec::new();
    while let Some(place) = places.pop() {
        match whole.pointer(&place).unwrap() {
            Value::Object(map) => {
                places.extend(map.keys().map(|key| format!("{place}/{key}")));
                objects.push(place);
            }
            Value::Array(items) => places.extend((0..items.len()).map(|index| format!("{place}/{index}"))),
            _ => {}
        }
    }
    assert_eq!(objects.len(), 8);
    for place in objects {
        let mut odd = whole.clone();
        odd.pointer_mut(&place).unwrap()["exempt"] = json!(["*"]);
        let answer = applied(&world, &role("s3:GetObject"), &STANDARD.encode(odd.to_string()));
        refused(&answer, 400, "x-leasehold-guardrails is not understood");
    }
}

#[test]
fn an_exception_holds_before_its_day() {
    let world = World::new();
    // The clock of these tests begins on the day before.
    let exception = json!({ "roles": ["r"], "reason": "SEC-412", "owner": "secops", "expires": "2026-09-22" });
    apply(&world, &role("s3:*"), &[with(no_delete(), "exceptions", json!([exception]))]);
    issues(&world);
    world.wait(DAY);
    refuses(&world, "the guardrail no-delete denies");
}

#[test]
fn an_app_keeps_its_guardrails_and_exceptions_when_its_role_is_written_by_hand() {
    let world = World::new();
    apply(&world, &role("s3:GetObject"), &[with(no_delete(), "apps", json!(["webapp"]))]);
    world.role("r", &role("s3:*"));
    refuses(&world, "the guardrail no-delete denies");

    let exception = json!({ "apps": ["webapp"], "reason": "SEC-412", "owner": "secops", "expires": "2027-01-01" });
    apply(&world, &role("s3:GetObject"), &[with(no_delete(), "exceptions", json!([exception]))]);
    world.role("r", &role("s3:*"));
    issues(&world);
}

#[test]
fn what_the_estate_did_not_attach_can_not_be_judged_and_is_refused() {
    let groups = |world: &World| {
        world.behind(|iam| async move {
            iam.create_group().group_name("g").send().await.unwrap();
        });
    };
    for (field, value) in [("policy_arns", json!([MANAGED])), ("iam_groups", json!(["g"]))] {
        let world = World::new();
        groups(&world);
        apply(&world, &role("s3:GetObject"), &[no_delete()]);
        world.role("r", &json!({ field: value }));
        for text in ["guardrails can't judge the role aws/r", value[0].as_str().unwrap(), "in the estate and apply"] {
            refused(&issue(&world), 400, text);
        }
        world.role("r", &json!({ field: [] }));
        issues(&world);
        // From the estate it has been through a plan.
        apply(&world, &with(role("s3:GetObject"), field, value.clone()), &[no_delete()]);
        issues(&world);
        world.role("r", &json!({ "iam_tags": { "k": "v" } }));
        issues(&world);
    }
    // Guardrails that are not about access have nothing to say about it.
    let world = World::new();
    apply(&world, &role("s3:GetObject"), &[require(&json!({ "credential_types": ["iam_user"] }))]);
    world.role("r", &json!({ "policy_arns": [MANAGED] }));
    issues(&world);
}

#[test]
fn a_role_has_what_is_required_when_it_issues() {
    let boundary = "arn:aws:iam::123456789012:policy/app-ceiling";
    for (rule, good, bad, text) in [
        (
            json!({ "permissions_boundary": "arn:aws:iam::*:policy/app-ceiling" }),
            json!({ "permissions_boundary_arn": boundary }),
            json!({ "permissions_boundary_arn": "" }),
            "the permissions boundary must be",
        ),
        // The reconciler says "/" where the estate says nothing: both are the engine's own path.
        (
            json!({ "path_prefix": "/leasehold/" }),
            json!({ "user_path": "/" }),
            json!({ "user_path": "/people/" }),
            "must begin with /leasehold/, and is /people/",
        ),
        (
            json!({ "path_prefix": "/apps/" }),
            json!({ "user_path": "/apps/web/" }),
            json!({ "user_path": "/" }),
            "must begin with /apps/, and is /leasehold/",
        ),
    ] {
        let world = World::new();
        world.behind(|iam| async move {
            let document = policy("s3:*").to_string();
            iam.create_policy().policy_name("app-ceiling").policy_document(document).send().await.unwrap();
        });
        apply(&world, &role("s3:GetObject"), &[require(&rule)]);
        world.role("r", &good);
        issues(&world);
        world.role("r", &bad);
        refuses(&world, text);
    }
    // The time is the mount's, so it is the mount that breaks it and mends it.
    let world = World::new();
    apply(&world, &role("s3:GetObject"), &[require(&json!({ "max_ttl": 7200 }))]);
    refuses(&world, "a credential may live 2h, and lives up to");
    world.root.post("aws/config/lease", &json!({ "lease": "1h", "lease_max": "2h" }));
    issues(&world);
}

#[test]
fn only_what_denies_refuses() {
    let world = World::new();
    for severity in ["warn", "low"] {
        apply(&world, &role("s3:*"), &[with(no_delete(), "severity", json!(severity))]);
        issues(&world);
    }
    apply(&world, &role("s3:*"), &[with(no_delete(), "roles", json!(["aws/another"]))]);
    issues(&world);
}

#[test]
fn what_is_no_list_of_guardrails_is_refused_and_the_role_not_written() {
    let world = World::new();
    let unknown = with(no_delete(), "severity", json!("fatal"));
    for (sent, text) in [
        ("no base64!".to_owned(), "x-leasehold-guardrails is not understood: it is not base64"),
        (STANDARD.encode("{"), "x-leasehold-guardrails is not understood"),
        (STANDARD.encode(r#"{"name":"g"}"#), "x-leasehold-guardrails is not understood"),
        (header(&[unknown]), "unknown variant `fatal`"),
        ("A".repeat((48 << 10) + 4), "x-leasehold-guardrails is longer than 49152 bytes"),
    ] {
        refused(&applied(&world, &role("s3:GetObject"), &sent), 400, text);
        assert_eq!(world.root.send("GET", "aws/roles/r", None).status, 404, "refused and stored: {text}");
    }
}

/// `*:*` and its like: IAM refuses a wildcard in an action's service, so every half says so where it is written, and
/// reads what stands there all the same as what it covers.
#[test]
fn a_wildcard_for_the_service_has_one_answer_in_all_halves() {
    use leasehold::iam::catalogue::Catalogue;
    use leasehold::iam::policy::{Policy, PolicySet};
    use leasehold::iam::reading::Reading;
    use leasehold::iam::request::Request;
    use leasehold::iam::{document, json};

    let world = World::new();
    world.root.post("aws/config/lease", &json!({ "lease": "1h", "lease_max": "2h" }));
    let no_star = json!({ "name": "no-star", "severity": "deny", "place": "",
                          "rules": [{ "deny": { "wildcards": ["action"] } }] });
    let no_level = json!({ "name": "no-level", "severity": "deny", "place": "",
                           "rules": [{ "deny": { "levels": ["permissions-management"] } }] });
    // Of each: the action, whether it is all of some service, and whether it is all there is.
    for (action, wide, all) in
        [("*:*", true, true), ("*:?*", true, true), ("s*:*", true, false), ("*:Put*", false, false)]
    {
        let text = policy(action).to_string();
        let document = json::parse(&text).unwrap_or_else(|why| panic!("{}", why.what));
        let refused_by_check: Vec<&str> =
            document::check(&document).iter().filter(|finding| finding.fatal).map(|finding| finding.code).collect();
        assert_eq!(refused_by_check, ["INVALID_SERVICE_IN_ACTION"], "{action}");
        let set = PolicySet::identity(vec![std::sync::Arc::new(Policy::of_checked(&document))]);
        let request = |action: &str| Request {
            action: action.to_owned(),
            resource: "arn:aws:s3:::b/k".to_owned(),
            ..Request::default()
        };
        assert!(set.allows(&request("s3:PutObject"), Reading::default()), "{action}");
        assert_eq!(set.allows(&request("iam:CreateUser"), Reading::default()), all, "{action}");
        let catalogue = Catalogue::built_in();
        let covered = catalogue.covered(&set.allowing().next().unwrap().actions).len();
        assert!(covered > 100 && (covered == catalogue.size().1) == all, "{action}: {covered}");
        // It comes by hand, as an engine takes any document for IAM to judge.
        apply(&world, &role("s3:GetObject"), std::slice::from_ref(&no_level));
        world.role("r", &role(action));
        refuses(&world, "no-level");
        apply(&world, &role("s3:GetObject"), std::slice::from_ref(&no_star));
        world.role("r", &role(action));
        match wide {
            true => refuses(&world, "no-star"),
            false => refuses(&world, "must not contain wildcards"),
        }
        world.role("plain", &role(action));
        refused(&world.root.send("GET", "aws/creds/plain", None), 400, "must not contain wildcards");
    }
}
