//! Sessions of the engine's own user over HTTP, with the sandbox as AWS: the cases of `tests/data/wire.md` (I, W) that are
//! about `federation_token` and `session_token`.

use leasehold::sandbox::{Effect, Fault, Key};
use leasehold::secret::Secret;
use serde_json::{Value, json};

use crate::aws::allow;
use crate::env::TestEnv;
use crate::http::{outcome, said};
use crate::wire_aws::{World, refused};
use crate::wire_sts::tried;

const SERIAL: &str = "arn:aws:iam::123456789012:mfa/engine";

/// An engine that signs in as a user, who has a second factor, may read IAM, and buckets within a boundary.
fn world() -> World {
    let world = World::new();
    let statement = json!({"Effect": "Allow", "Resource": "*",
        "Action": ["sts:GetFederationToken", "iam:List*", "iam:GetUser", "iam:GetGroupPolicy", "s3:*"]});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let mut key = None;
    world.behind(async |iam| {
        iam.create_user().user_name("engine").send().await.unwrap();
        let put = iam.put_user_policy().user_name("engine").policy_name("p").policy_document(&policy);
        put.send().await.unwrap();
        key = iam.create_access_key().user_name("engine").send().await.unwrap().access_key;
        iam.create_virtual_mfa_device().virtual_mfa_device_name("engine").send().await.unwrap();
        let enable = iam.enable_mfa_device().user_name("engine").serial_number(SERIAL);
        enable.authentication_code1("123456").authentication_code2("234567").send().await.unwrap();
        iam.create_group().group_name("g").send().await.unwrap();
    });
    let key = key.unwrap();
    let root = json!({ "access_key": key.access_key_id, "secret_key": key.secret_access_key });
    world.root.post("aws/config/root", &root);
    world.actions();
    world
}

fn role(world: &World, body: &Value) -> Value {
    let answer = world.root.send("POST", "aws/roles/r", Some(body));
    assert!(matches!(answer.status, 200 | 204), "{}", outcome(&answer));
    answer.body
}

fn federated(more: Value) -> Value {
    let mut role = json!({ "credential_type": "federation_token", "policy_document": allow("s3:GetObject") });
    role.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    role
}

/// Whether a credential may do something, as the account says.
fn may(world: &World, data: &Value, action: &str) -> bool {
    let key = Key {
        id: said(&data["access_key"]),
        secret: Secret::new(said(&data["secret_key"])),
        session_token: Some(Secret::new(said(&data["session_token"]))),
    };
    world.account.may(&key, action, "arn:aws:s3:::b/k").is_ok()
}

/// The last call of an action that AWS saw.
fn asked(world: &World, action: &str, parameter: &str) -> Option<String> {
    let calls = world.account.faults().calls();
    calls.into_iter().rfind(|call| call.action == action).and_then(|call| call.param(parameter).map(str::to_owned))
}

#[test]
fn a_federated_session_may_do_what_its_policies_and_the_engines_user_may() {
    let world = world();
    assert_eq!(role(&world, &federated(json!({}))), Value::Null);
    let lent = world.root.get("aws/creds/r?ttl=20m");
    let data = &lent["data"];
    // I18
    let name = asked(&world, "GetFederationToken", "Name").unwrap();
    assert!(name.len() == 32 && name.starts_with("vault-1790000000-"), "{name}");
    // W11
    assert!(said(&data["access_key"]).starts_with("ASIA"), "{lent}");
    assert_eq!(data["security_token"], data["session_token"]);
    assert_eq!(
        (&data["ttl"], &lent["lease_duration"], &lent["renewable"]),
        (&json!(1200), &json!(1200), &json!(false))
    );
    assert_eq!(data.as_object().unwrap().len(), 5, "{data}");
    let line = world.lines().into_iter().rfind(|line| line["type"] == "response").unwrap();
    let arn = format!("arn:aws:sts::123456789012:federated-user/{name}");
    assert_eq!(
        (&line["credential"]["session"], &line["credential"]["access_key_id"]),
        (&json!(arn), &data["access_key"])
    );
    assert_eq!((may(&world, data, "s3:GetObject"), may(&world, data, "s3:PutObject")), (true, false));
    // W12: no IAM, whatever both say
    role(&world, &federated(json!({ "policy_document": allow("*") })));
    let wide = world.root.get("aws/sts/r")["data"].clone();
    assert_eq!(tried(&world, &wide, "users"), "AccessDenied");
    let lives = ["s3:PutObject", "ec2:RunInstances", "sts:AssumeRole", "iam:ListUsers"]
        .map(|action| may(&world, &wide, action));
    assert_eq!(lives, [true, false, false, false]);
    assert_eq!(wide["ttl"], 3600);
    // It ends with AWS's session, and AWS is not asked.
    world.actions();
    let lease = json!({ "lease_id": lent["lease_id"] });
    refused(&world.root.send("POST", "sys/leases/renew", Some(&lease)), 400, "lease is not renewable");
    let told = world.root.post("sys/leases/revoke", &lease);
    assert!(said(&told["warnings"][0]).contains("that of one lease works until 20"), "{told}");
    let events = world.lines();
    let revoked = events.iter().rfind(|line| line["event"]["name"] == "lease-revoked").unwrap();
    assert!(said(&revoked["event"]["detail"]).contains(&format!("{arn} works until")), "{revoked}");
    assert_eq!(world.actions(), Vec::<String>::new());
}

#[test]
fn what_a_federated_session_lacks_is_said() {
    let world = world();
    // I17
    role(&world, &json!({ "credential_type": "federation_token" }));
    let ask = || world.root.send("GET", "aws/creds/r", None);
    let text = "must specify at least one of policy_arns or policy_document with federation_token credential_type";
    refused(&ask(), 400, text);
    role(&world, &json!({ "iam_groups": "g" }));
    refused(&ask(), 400, "Error generating STS keys: the groups of the role hold no policy");
    role(&world, &json!({ "iam_groups": [], "policy_document": allow("s3:*") }));
    // W13
    let warned = role(&world, &json!({ "max_sts_ttl": "48h", "default_sts_ttl": "60s" }));
    let warnings = warned["warnings"].to_string();
    assert!(
        warnings.contains("the longest session of AWS has 129600") && warnings.contains("60 seconds"),
        "{warnings}"
    );
    refused(&ask(), 400, "Error generating STS keys: ValidationError");
    role(&world, &json!({ "max_sts_ttl": "36h", "default_sts_ttl": "36h" }));
    assert_eq!(world.root.get("aws/creds/r")["data"]["ttl"], 129_600);
    for (body, part) in [
        (json!({ "role_arns": "x" }), "cannot supply role_arns when credential_type isn't assumed_role"),
        (
            json!({ "mfa_serial_number": "x" }),
            "cannot supply mfa_serial_number when credential_type isn't session_token",
        ),
        (json!({ "user_path": "/x/" }), "user_path parameter only valid for iam_user"),
    ] {
        refused(&world.root.send("POST", "aws/roles/r", Some(&body)), 400, part);
    }
    world.root.post("aws/roles/u", &json!({ "credential_type": "iam_user" }));
    let body = json!({ "default_sts_ttl": 60 });
    let text = "only valid for assumed_role, federation_token, and session_token credential types";
    refused(&world.root.send("POST", "aws/roles/u", Some(&body)), 400, text);
    // A template that makes too long a name of it.
    let template = json!({ "username_template": "{{ random 40 }}" });
    world.root.post("aws/config/root", &template);
    refused(&ask(), 500, "exceeds the STS username length limits of 32 chars");
}

#[test]
fn an_own_session_may_do_what_the_engines_user_may_and_iam_only_with_its_second_factor() {
    let world = world();
    role(&world, &json!({ "credential_type": "session_token", "default_sts_ttl": "15m" }));
    // W14
    let lent = world.root.get("aws/creds/r");
    let data = &lent["data"];
    assert_eq!((&data["ttl"], &lent["renewable"]), (&json!(900), &json!(false)));
    assert_eq!((may(&world, data, "s3:PutObject"), may(&world, data, "ec2:RunInstances")), (true, false));
    assert_eq!(tried(&world, data, "users"), "AccessDenied");
    refused(&world.root.send("GET", "aws/creds/r?mfa_code=123456", None), 400, "the role has no mfa_serial_number");
    // W15
    role(&world, &json!({ "mfa_serial_number": SERIAL }));
    assert_eq!(world.root.get("aws/roles/r")["data"]["mfa_serial_number"], SERIAL);
    refused(
        &world.root.send("GET", "aws/creds/r", None),
        400,
        "send mfa_code, a code of arn:aws:iam::123456789012:mfa/engine",
    );
    let wrong = world.root.send("GET", "aws/creds/r?mfa_code=12", None);
    refused(&wrong, 400, "Error generating STS keys: AccessDenied: MultiFactorAuthentication failed");
    let strong = world.root.post("aws/creds/r", &json!({ "mfa_code": "123456" }))["data"].clone();
    assert_eq!(tried(&world, &strong, "users"), "ok");
    // W16
    for field in ["policy_document", "policy_arns", "iam_groups"] {
        let text = format!("cannot supply {field} when credential_type is session_token");
        let body = json!({ field: if field == "policy_document" { "{}" } else { "x" } });
        refused(&world.root.send("POST", "aws/roles/r", Some(&body)), 400, &text);
    }
    assert!(!std::fs::read_to_string(world.trail_file()).unwrap().contains(&said(&strong["session_token"])));
}

/// The lease stands before AWS is asked; an answer that never comes leaves none, as nobody has the secret.
#[test]
fn a_session_that_aws_does_not_answer_for_leaves_no_lease() {
    for (credential_type, action) in [("federation_token", "GetFederationToken"), ("session_token", "GetSessionToken")]
    {
        for effect in [Effect::FailAfter, Effect::DropAfter, Effect::Deny, Effect::Throttle] {
            let world = world();
            let policy = if credential_type == "session_token" { String::new() } else { allow("s3:*") };
            role(&world, &json!({ "credential_type": credential_type, "policy_document": policy }));
            world.fault(Fault::always(action, effect.clone()));
            let answer = world.root.send("GET", "aws/creds/r", None);
            let status = if effect == Effect::Throttle { 502 } else { 400 };
            refused(&answer, status, "Error generating STS keys");
            assert_eq!(world.root.send("LIST", "sys/leases/lookup/aws/creds/r", None).status, 404, "{effect:?}");
            world.account.faults().clear();
            assert_eq!(world.root.send("GET", "aws/creds/r", None).status, 200);
        }
    }
}

/// An app brings the code of the second factor with it, and nobody keeps it.
#[test]
fn an_app_gets_a_session_with_its_second_factor_by_the_command_line() {
    let world = world();
    role(&world, &json!({ "credential_type": "session_token", "mfa_serial_number": SERIAL }));
    world.root.post("sys/auth/approle", &json!({ "type": "approle" }));
    world.root.post("sys/policies/acl/x", &json!({ "policy": "path \"aws/creds/r\" { capabilities = [\"read\"] }" }));
    world.root.post("auth/approle/role/app-x", &json!({ "token_policies": "x" }));
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_ADDR", format!("http://{}", world.root.address)).set("LEASEHOLD_TOKEN", &*world.root.token);
    let asked = ["creds", "x", "--login", "approle", "--role", "aws/r", "--format", "json"];
    let lacking = env.run(&asked);
    assert_eq!(lacking.code, 2, "{}", lacking.normal());
    assert!(lacking.stderr.contains("--mfa-code CODE"), "{}", lacking.normal());
    let wrong = env.run(&[&asked[..], &["--mfa-code", "12"]].concat());
    assert_eq!(wrong.code, 2, "{}", wrong.normal());
    assert!(wrong.stderr.contains("MultiFactorAuthentication failed"), "{}", wrong.normal());
    let strong = env.ok(&[&asked[..], &["--mfa-code", "123456"]].concat());
    let strong: Value = serde_json::from_str(&strong).unwrap();
    let data = json!({ "access_key": strong["access_key"], "secret_key": strong["secret_key"],
        "session_token": strong["security_token"] });
    assert_eq!(tried(&world, &data, "users"), "ok", "{strong}");
    assert!(!std::fs::read_to_string(world.trail_file()).unwrap().contains("123456\""));
    // A command has it as well.
    let shown = "leasehold exec";
    let with = ["exec", "x", "--login", "approle", "--role", "aws/r", "--mfa-code", "234567", "--", "echo", shown];
    assert_eq!(env.ok(&with).trim(), shown);
}
