//! Sessions of roles over HTTP, with the sandbox as AWS: the cases of `tests/data/wire.md` (I, L, R, V) that are about
//! `assumed_role`.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_iam::error::ProvideErrorMetadata;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use leasehold::sandbox::{self, Call, Effect, Fault};
use serde_json::{Value, json};

use crate::aws::allow;
use crate::http::{Answer, outcome, said};
use crate::wire_aws::{World, refused};

const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const OTHER: &str = "arn:aws:iam::123456789012:role/teams/other";
const MANAGED: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// An engine that signs in with a user's key, as AWS lets no root assume a role, and two roles that may read IAM.
pub(crate) fn world() -> World {
    let world = World::new();
    let mut key = None;
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Resource": "*",
        "Action": ["sts:AssumeRole", "sts:TagSession", "iam:GetGroupPolicy", "iam:List*", "iam:GetUser",
                   "iam:PutRolePolicy", "iam:DeleteRolePolicy"],
    }]});
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": ["sts:AssumeRole", "sts:TagSession"],
    }]});
    world.behind(async |iam| {
        iam.create_user().user_name("engine").send().await.unwrap();
        let put = iam.put_user_policy().user_name("engine").policy_name("p").policy_document(policy.to_string());
        put.send().await.unwrap();
        key = iam.create_access_key().user_name("engine").send().await.unwrap().access_key;
        for (name, path) in [("deploy", "/"), ("other", "/teams/")] {
            let role = iam.create_role().role_name(name).path(path).max_session_duration(43_200);
            role.assume_role_policy_document(trust.to_string()).send().await.unwrap();
            let put = iam.put_role_policy().role_name(name).policy_name("p").policy_document(allow("iam:List*"));
            put.send().await.unwrap();
        }
    });
    let key = key.unwrap();
    let root = json!({ "access_key": key.access_key_id, "secret_key": key.secret_access_key });
    world.root.post("aws/config/root", &root);
    world.actions();
    world
}

/// Writes `aws/roles/r`.
pub(crate) fn role(world: &World, more: Value) -> Value {
    let mut role = json!({ "credential_type": "assumed_role", "role_arns": ROLE });
    role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = world.root.send("POST", "aws/roles/r", Some(&role));
    assert!(matches!(answer.status, 200 | 204), "{}", outcome(&answer));
    answer.body
}

fn ask(world: &World, body: Value) -> Answer {
    world.root.send("POST", "aws/creds/r", Some(&body))
}

/// The last AssumeRole that AWS saw.
fn assumed(world: &World) -> Call {
    let calls = world.account.faults().calls();
    calls.into_iter().rfind(|call| call.action == "AssumeRole").expect("a role was assumed")
}

/// What a credential may do: the code of a call, or `ok`.
pub(crate) fn tried(world: &World, data: &Value, list: &str) -> String {
    let token = Some(said(&data["session_token"]));
    let credentials = Credentials::new(said(&data["access_key"]), said(&data["secret_key"]), token, None, "test");
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .http_client(sandbox::connector(world.account.clone()))
        .build();
    let iam = aws_sdk_iam::Client::from_conf(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let code = runtime.block_on(async {
        match list {
            "users" => iam.list_users().send().await.err().map(|error| error.code().unwrap_or_default().to_owned()),
            _ => iam.list_groups().send().await.err().map(|error| error.code().unwrap_or_default().to_owned()),
        }
    });
    code.unwrap_or_else(|| "ok".to_owned())
}

#[test]
fn a_session_is_lent_for_its_time_and_can_not_be_renewed() {
    let world = world();
    role(&world, json!({}));
    // I16
    let lent = world.root.get("aws/creds/r?ttl=20m");
    let data = &lent["data"];
    assert!(said(&data["access_key"]).starts_with("ASIA"), "{lent}");
    assert_eq!(data["security_token"], data["session_token"]);
    assert!(said(&data["session_token"]).len() > 100);
    assert_eq!((&data["ttl"], &lent["lease_duration"]), (&json!(1200), &json!(1200)));
    assert_eq!((&lent["renewable"], &lent["warnings"]), (&json!(false), &Value::Null));
    let name = said(&data["arn"]).rsplit('/').next().unwrap().to_owned();
    assert_eq!(said(&data["arn"]), format!("arn:aws:sts::123456789012:assumed-role/deploy/{name}"));
    assert!(name.starts_with("vault-root-r-"), "{name}");
    assert_eq!(assumed(&world).param("RoleArn"), Some(ROLE));
    assert_eq!(tried(&world, data, "users"), "ok");
    // L9
    let lease = json!({ "lease_id": lent["lease_id"] });
    refused(&world.root.send("POST", "sys/leases/renew", Some(&lease)), 400, "lease is not renewable");
    // It ends with AWS's session, and AWS is not asked.
    world.actions();
    world.wait(1200);
    world.settle_all();
    assert_eq!(world.actions(), Vec::<String>::new());
    assert_eq!(tried(&world, data, "users"), "ExpiredToken");
    refused(&world.root.send("POST", "sys/leases/lookup", Some(&lease)), 400, "invalid lease");
    assert!(world.events().contains(&"lease-revoked expired".to_owned()));
}

#[test]
fn a_revoked_session_says_how_long_it_works() {
    let world = world();
    role(&world, json!({}));
    let lent = world.root.get("aws/sts/r");
    assert!(said(&lent["lease_id"]).starts_with("aws/sts/r/"), "{lent}");
    world.actions();
    // V6
    let lease = json!({ "lease_id": lent["lease_id"] });
    let told = world.root.post("sys/leases/revoke", &lease);
    assert!(said(&told["warnings"][0]).contains("that of one lease works until 20"), "{told}");
    assert_eq!(world.actions(), Vec::<String>::new());
    refused(&world.root.send("POST", "sys/leases/lookup", Some(&lease)), 400, "invalid lease");
    assert_eq!(tried(&world, &lent["data"], "users"), "ok");
    let line = world.lines().into_iter().rfind(|line| line["event"]["name"] == "lease-revoked").unwrap();
    let detail = said(&line["event"]["detail"]);
    assert!(detail.starts_with("AWS has no way to end a session: arn:aws:sts::123456789012:"), "{line}");
    assert!(detail.contains(" works until 20"), "{line}");
    // Each line says whose session it is, and none has its secret.
    let secret = said(&lent["data"]["secret_key"]);
    let lines = world.lines();
    let about: Vec<&Value> = lines.iter().filter(|line| line["credential"]["lease_id"] == lent["lease_id"]).collect();
    assert!(about.len() >= 2, "{about:?}");
    for line in about {
        assert_eq!(line["credential"]["session"], lent["data"]["arn"], "{line}");
        assert!(!line.to_string().contains(&secret), "{line}");
    }
}

#[test]
fn which_role_is_assumed_how_long_and_by_which_name() {
    let world = world();
    role(&world, json!({ "role_arns": [ROLE, OTHER], "default_sts_ttl": 1800, "max_sts_ttl": 3600 }));
    // I12
    let text = "did not supply a role_arn parameter and unable to determine one";
    refused(&ask(&world, json!({})), 400, text);
    // I13
    let text = "role_arn \"z\" not in allowed role arns for Vault role \"r\"";
    refused(&ask(&world, json!({ "role_arn": "z" })), 400, text);
    // I14, I15
    for (ttl, seconds) in [(json!({ "ttl": 900 }), 900), (json!({}), 1800), (json!({ "ttl": 7200 }), 3600)] {
        let mut body = ttl;
        body["role_arn"] = json!(OTHER);
        let answer = ask(&world, body);
        assert_eq!(answer.body["lease_duration"], seconds, "{}", answer.body);
        assert_eq!(answer.body["warnings"], Value::Null, "{}", answer.body);
        assert_eq!(assumed(&world).param("DurationSeconds"), Some(seconds.to_string().as_str()));
        assert!(said(&answer.body["data"]["arn"]).contains(":assumed-role/other/"), "{}", answer.body);
    }
    // I21
    let named = ask(&world, json!({ "role_arn": ROLE, "role_session_name": "a b" }));
    assert!(said(&named.body["data"]["arn"]).ends_with(":assumed-role/deploy/a_b"), "{}", named.body);
    // I20
    let short =
        |answer: Answer| (answer.status, answer.body["lease_duration"].clone(), answer.body["renewable"].clone());
    let by_write = world.root.send("POST", "aws/sts/r", Some(&json!({ "ttl": "20m", "role_arn": ROLE })));
    let by_read = world.root.send("GET", &format!("aws/creds/r?ttl=20m&role_arn={ROLE}"), None);
    assert_eq!(short(by_write), (200, json!(1200), json!(false)));
    assert_eq!(short(by_read), (200, json!(1200), json!(false)));
    // What AWS refuses it refuses with its own code and request id, and no lease is left.
    let refusal = outcome(&ask(&world, json!({ "role_arn": ROLE, "ttl": 60 })));
    assert!(refusal.contains("Error assuming role: ValidationError: "), "{refusal}");
    assert!(refusal.contains("greater than or equal to 900") && refusal.contains("request id: 5a4d"), "{refusal}");
    let long = outcome(&ask(&world, json!({ "role_arn": ROLE, "role_session_name": "x".repeat(65) })));
    assert!(long.contains("length less than or equal to 64"), "{long}");
}

#[test]
fn a_session_that_outlives_its_lease_is_told() {
    let world = world();
    role(&world, json!({ "default_sts_ttl": 7200, "max_sts_ttl": 7200 }));
    world.root.post("sys/mounts/aws/tune", &json!({ "max_lease_ttl": "1h", "default_lease_ttl": "1h" }));
    let lent = world.root.get("aws/creds/r");
    assert_eq!((&lent["lease_duration"], &lent["data"]["ttl"]), (&json!(3600), &json!(7200)), "{lent}");
    let warning = "TTL of \"2h\" exceeded the effective max_ttl of \"1h\"; TTL value is capped accordingly";
    assert_eq!(lent["warnings"], json!([warning]), "{lent}");
}

#[test]
fn policies_tags_and_the_external_id_go_with_the_session() {
    let world = world();
    // I19
    let (document, own) = (allow("iam:ListGroups"), allow("iam:ListUsers"));
    world.behind(async |iam| {
        iam.create_group().group_name("g").send().await.unwrap();
        iam.create_group().group_name("empty").send().await.unwrap();
        let put = iam.put_group_policy().group_name("g").policy_name("in").policy_document(&document);
        put.send().await.unwrap();
        iam.attach_group_policy().group_name("g").policy_arn(MANAGED).send().await.unwrap();
    });
    let tags = json!({ "team": "web" });
    let mine = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess";
    let more = json!({ "policy_document": own, "policy_arns": mine, "iam_groups": "g", "session_tags": tags,
                       "external_id": "e-1" });
    role(&world, more);
    let lent = world.root.get("aws/creds/r");
    let call = assumed(&world);
    let sent: Value = serde_json::from_str(call.param("Policy").unwrap()).unwrap();
    assert_eq!(sent["Version"], "2012-10-17");
    let actions: Vec<&Value> = sent["Statement"].as_array().unwrap().iter().map(|one| &one["Action"]).collect();
    assert_eq!(actions, ["iam:ListGroups", "iam:ListUsers"]);
    let arns = [call.param("PolicyArns.member.1.arn"), call.param("PolicyArns.member.2.arn")];
    assert_eq!(arns, [Some(mine), Some(MANAGED)]);
    assert_eq!(call.param("ExternalId"), Some("e-1"));
    assert_eq!((call.param("Tags.member.1.Key"), call.param("Tags.member.1.Value")), (Some("team"), Some("web")));
    assert_eq!(tried(&world, &lent["data"], "groups"), "ok");
    let only = json!({ "policy_document": own, "policy_arns": "", "iam_groups": "" });
    role(&world, only);
    let lent = world.root.get("aws/creds/r");
    assert_eq!(
        (tried(&world, &lent["data"], "users"), tried(&world, &lent["data"], "groups").as_str()),
        ("ok".to_owned(), "AccessDenied")
    );
    // A group that was emptied takes the limits of its sessions with it.
    role(&world, json!({ "policy_document": "", "policy_arns": "", "iam_groups": "empty" }));
    refused(&ask(&world, json!({})), 400, "nothing would limit the session");
    role(&world, json!({ "iam_groups": "nobody" }));
    refused(&ask(&world, json!({})), 400, "Error reading the policies of the group nobody: NoSuchEntity: ");
}

#[test]
fn a_role_of_sessions_is_kept_and_what_aws_will_refuse_is_told() {
    let world = world();
    // R11
    role(
        &world,
        json!({ "default_sts_ttl": "1h", "max_sts_ttl": "12h", "session_tags": ["a=b"], "external_id": "e-1" }),
    );
    let read = world.root.get("aws/roles/r")["data"].clone();
    assert_eq!((&read["default_sts_ttl"], &read["max_sts_ttl"]), (&json!(3600), &json!(43_200)));
    assert_eq!((&read["session_tags"], &read["external_id"]), (&json!({ "a": "b" }), &json!("e-1")));
    assert_eq!((&read["credential_type"], &read["role_arns"]), (&json!("assumed_role"), &json!([ROLE])));
    for (more, part) in [
        (json!({ "role_arns": "" }), "there is no role to assume"),
        (json!({ "max_sts_ttl": "1d" }), "max_sts_ttl is 86400 seconds"),
        (
            json!({ "policy_document": allow(&format!("s3:{}", "x".repeat(2048))) }),
            "AWS takes 2048 of a session policy",
        ),
    ] {
        let told = role(&world, more);
        assert!(told["warnings"].to_string().contains(part), "{told}");
    }
    // R22b
    world.root.post("aws/roles/u", &json!({ "credential_type": "iam_user", "user_path": "/x/" }));
    let other = json!({ "credential_type": "assumed_role", "role_arns": ROLE, "user_path": "" });
    assert_eq!(world.root.send("POST", "aws/roles/u", Some(&other)).status, 204);
}

#[test]
fn sessions_are_waited_for_and_nothing_is_left_of_those_that_fail() {
    let world = world();
    role(&world, json!({}));
    let faults = world.account.faults();
    // A session whose answer is lost is asked for again: nobody has the first one's secret.
    faults.inject(Fault::once("AssumeRole", Effect::DropAfter));
    assert_eq!(ask(&world, json!({})).status, 200);
    faults.inject(Fault::once("AssumeRole", Effect::Throttle));
    assert_eq!(ask(&world, json!({})).status, 200);
    faults.clear();
    faults.inject(Fault::always("AssumeRole", Effect::Throttle));
    let throttled = ask(&world, json!({}));
    assert!(throttled.status == 502 && outcome(&throttled).contains("Error assuming role: Throttling"));
    faults.clear();
    faults.inject(Fault::always("AssumeRole", Effect::Deny));
    refused(&ask(&world, json!({})), 400, "Error assuming role: AccessDenied: ");
    faults.clear();
    let open = world.root.send("GET", "sys/leases/lookup/aws/creds/r/?list=true", None);
    assert_eq!(open.body["data"]["keys"].as_array().map(Vec::len), Some(2), "{}", open.body);
    // STS has no address of its own where only IAM was given one.
    world.root.post(
        "aws/config/root",
        &json!({ "access_key": "a", "secret_key": "s", "iam_endpoint": "http://127.0.0.1:1" }),
    );
    refused(&ask(&world, json!({})), 400, "sts_endpoint is not");
}

#[test]
fn a_session_outlives_a_restart_with_its_lease() {
    let mut world = world();
    role(&world, json!({}));
    let lent = world.root.get("aws/creds/r?ttl=15m");
    let lease = json!({ "lease_id": lent["lease_id"] });
    world.restart_after(600);
    let seen = world.root.post("sys/leases/lookup", &lease);
    assert_eq!((&seen["data"]["ttl"], &seen["data"]["renewable"]), (&json!(300), &json!(false)), "{seen}");
    world.restart_after(300);
    world.settle_all();
    refused(&world.root.send("POST", "sys/leases/lookup", Some(&lease)), 400, "invalid lease");
}

#[test]
fn a_guardrail_sees_in_a_session_all_that_no_plan_has_seen() {
    let world = world();
    let rule = json!([{ "name": "no-delete", "severity": "deny", "place": "",
                        "rules": [{ "deny": { "actions": ["s3:DeleteObject"] } }] }]);
    let header = STANDARD.encode(rule.to_string());
    let headers = [("X-Leasehold-App", "webapp"), ("X-Leasehold-Guardrails", header.as_str())];
    let apply = |more: Value| {
        let mut role = json!({ "credential_type": "assumed_role", "role_arns": ROLE });
        role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = world.root.try_send_with("POST", "aws/roles/r", Some(&role), &headers).unwrap();
        assert_eq!(answer.status, 204, "{}", outcome(&answer));
    };
    let denied = "the guardrail no-delete denies";
    // A plan knows what the role may do, and has judged what comes with the guardrails.
    for limit in [json!({}), json!({ "policy_document": allow("s3:*") })] {
        apply(limit);
        assert_eq!(ask(&world, json!({})).status, 200);
    }
    apply(json!({ "policy_document": allow("s3:GetObject") }));
    assert_eq!(ask(&world, json!({})).status, 200);
    // By hand: what the role may do is not known here, and nothing limits the session, or not enough.
    role(&world, json!({ "policy_document": "" }));
    refused(&ask(&world, json!({})), 400, denied);
    role(&world, json!({ "policy_document": allow("s3:*") }));
    refused(&ask(&world, json!({})), 400, denied);
    role(&world, json!({ "policy_document": allow("s3:PutObject") }));
    assert_eq!(ask(&world, json!({})).status, 200);
    role(&world, json!({ "policy_document": allow("s3:GetObject"), "policy_arns": MANAGED }));
    refused(&ask(&world, json!({})), 400, "guardrails can't judge the role aws/r");
}

/// The ids of the leases of `r`.
fn leases(world: &World) -> Vec<Value> {
    let listed = world.root.send("LIST", "sys/leases/lookup/aws/creds/r", None);
    listed.body["data"]["keys"].as_array().cloned().unwrap_or_default()
}

/// Asks for a session whose answer AWS holds back, until AWS was asked.
fn asked_and_waiting(world: &World) -> TcpStream {
    world.account.faults().inject(Fault::once("AssumeRole", Effect::Hang));
    let mut stream = TcpStream::connect(&world.root.address).unwrap();
    let token = &world.root.token;
    let head = format!("GET /v1/aws/creds/r HTTP/1.1\r\nHost: engine\r\nX-Vault-Token: {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let began = Instant::now();
    while !world.account.faults().calls().iter().any(|call| call.action == "AssumeRole") {
        assert!(began.elapsed() < Duration::from_secs(30), "no role was assumed");
    }
    stream
}

#[test]
fn a_lease_stands_before_aws_is_asked_and_goes_when_nobody_hears_the_answer() {
    let world = world();
    role(&world, json!({}));
    let stream = asked_and_waiting(&world);
    assert_eq!(leases(&world).len(), 1);
    drop(stream);
    let began = Instant::now();
    while !leases(&world).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", world.events());
        world.settle();
    }
    world.account.faults().clear();
    world.actions();
    assert_eq!(ask(&world, json!({})).status, 200);
    assert_eq!(world.actions(), ["AssumeRole"]);
}
