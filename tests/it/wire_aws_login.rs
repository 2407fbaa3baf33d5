//! Logins by signed GetCallerIdentity over HTTP, with the sandbox as AWS: the cases of `tests/data/wire.md` (M), and what
//! nobody may be brought to send (CVE-2020-16250).

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_iam::config::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leasehold::sandbox;
use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::{Answer, Http, outcome, said};
use crate::python::script;
use crate::wire_aws::{START, World};

const BODY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const DENIED: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[]}";

/// A key of AWS, with a session's token.
#[derive(Clone)]
struct Key {
    id: String,
    secret: String,
    token: Option<String>,
}

/// A login's parameters, signed for STS with these headers besides.
fn signed(key: &Key, url: &str, body: &str, more: &[(&str, &str)]) -> Value {
    let host = url.split('/').nth(2).unwrap();
    let identity = Credentials::new(&key.id, &key.secret, key.token.clone(), None, "test").into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("sts")
        .time(UNIX_EPOCH + Duration::from_secs(START.unsigned_abs()))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let headers = [("host", host), ("content-type", "application/x-www-form-urlencoded")];
    let headers: Vec<(&str, &str)> = headers.into_iter().chain(more.iter().copied()).collect();
    let request =
        SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes())).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let mut all = serde_json::Map::new();
    for (name, value) in headers.iter().copied().chain(instructions.headers()) {
        all.insert(name.to_owned(), json!([value]));
    }
    json!({
        "iam_http_request_method": "POST", "iam_request_url": STANDARD.encode(url),
        "iam_request_body": STANDARD.encode(body), "iam_request_headers": all,
    })
}

fn signed_by(key: &Key) -> Value {
    signed(key, "https://sts.amazonaws.com/", BODY, &[])
}

fn login(world: &World, role: &str, mut request: Value) -> Answer {
    if !role.is_empty() {
        request["role"] = role.into();
    }
    world.root.with_token("").send("POST", "auth/aws/login", Some(&request))
}

/// An engine with the method at `auth/aws/`, the user `team/bob` and the role `app/web` of AWS, and a key of each.
fn world() -> (World, Key, Key) {
    let world = World::bare();
    world.root.post("sys/auth/aws", &json!({ "type": "aws" }));
    let mut user = None;
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole",
    }]});
    let assume = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*",
    }]});
    world.behind(async |iam| {
        iam.create_user().user_name("bob").path("/team/").send().await.unwrap();
        let put = iam.put_user_policy().user_name("bob").policy_name("p").policy_document(assume.to_string());
        put.send().await.unwrap();
        user = iam.create_access_key().user_name("bob").send().await.unwrap().access_key;
        let role = iam.create_role().role_name("web").path("/app/");
        role.assume_role_policy_document(trust.to_string()).send().await.unwrap();
    });
    let user = user.unwrap();
    let bob = Key { id: user.access_key_id, secret: user.secret_access_key, token: None };
    let web = session_of(&world, &bob);
    (world, bob, web)
}

/// A session of the role `web`.
fn session_of(world: &World, bob: &Key) -> Key {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::v2026_01_12())
        .region(aws_sdk_sts::config::Region::new("us-east-1"))
        .credentials_provider(Credentials::new(&bob.id, &bob.secret, None, None, "test"))
        .http_client(sandbox::connector(world.account.clone()))
        .build();
    let asked = aws_sdk_sts::Client::from_conf(config).assume_role().role_arn(WEB).role_session_name("i-1");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let key = runtime.block_on(asked.send()).unwrap().credentials.unwrap();
    Key { id: key.access_key_id, secret: key.secret_access_key, token: Some(key.session_token) }
}

fn role(world: &World, name: &str, settings: &Value) -> String {
    outcome(&world.root.send("POST", &format!("auth/aws/role/{name}"), Some(settings)))
}

const BOB: &str = "arn:aws:iam::123456789012:user/team/bob";
const WEB: &str = "arn:aws:iam::123456789012:role/app/web";

#[test]
fn whoever_has_a_key_of_a_bound_principal_logs_in() {
    let (world, bob, web) = world();
    assert_eq!(role(&world, "people", &json!({ "bound_iam_principal_arn": BOB, "token_ttl": "20m" })), "204");
    assert_eq!(role(&world, "web", &json!({ "bound_iam_principal_arn": WEB })), "204");
    let answer = login(&world, "PEOPLE", signed_by(&bob));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let auth = &answer.body["auth"];
    let read = world.root.get("auth/aws/role/people")["data"].clone();
    let meta = json!({ "account_id": "123456789012", "auth_type": "iam", "role_id": read["role_id"] });
    assert_eq!((&auth["metadata"], &auth["lease_duration"]), (&meta, &json!(1200)));
    assert!(said(&read["bound_iam_principal_id"][0]).starts_with("AIDA"), "{read}");
    assert_eq!((&answer.body["lease_id"], &answer.body["data"]), (&json!(""), &Value::Null)); // M12
    let own = world.root.with_token(&said(&auth["client_token"]));
    let lookup = own.get("auth/token/lookup-self")["data"].clone();
    assert_eq!(lookup["display_name"], "aws-bob");
    assert!(!lookup.to_string().contains("canonical_arn"), "{lookup}");
    // Without a role, the one that is called as the user or role of AWS is meant.
    let answer = login(&world, "", signed_by(&web));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let own = world.root.with_token(&said(&answer.body["auth"]["client_token"]));
    assert_eq!(own.get("auth/token/lookup-self")["data"]["display_name"], "aws-web/i-1");
    // M9
    let told =
        "400 IAM Principal \"arn:aws:sts::123456789012:assumed-role/web/i-1\" does not belong to the role \"people\"";
    assert_eq!(outcome(&login(&world, "people", signed_by(&web))), told);
    // Nobody's key learns nothing of roles.
    let nobody = Key { secret: "wrong".to_owned(), ..bob };
    for name in ["people", "no-such-role"] {
        let told = outcome(&login(&world, name, signed_by(&nobody)));
        assert!(told.starts_with("400 error making upstream request: received error code 403"), "{told}");
    }
    assert_eq!(outcome(&login(&world, "none", signed_by(&web))), "400 entry for role none not found");
}

#[test]
fn a_pattern_is_of_full_arns_and_one_that_was_made_anew_is_another() {
    let (world, bob, web) = world();
    // M10
    let paths = json!({ "bound_iam_principal_arn": ["arn:aws:iam::123456789012:role/app/*"] });
    assert_eq!(role(&world, "paths", &paths), "204");
    assert_eq!(login(&world, "paths", signed_by(&web)).status, 200);
    assert_eq!(login(&world, "paths", signed_by(&web)).status, 200);
    assert!(outcome(&login(&world, "paths", signed_by(&bob))).contains("does not belong to the role \"paths\""));
    let names = json!({ "bound_iam_principal_arn": "arn:aws:iam::123456789012:role/web*" });
    assert_eq!(role(&world, "names", &names), "204");
    assert_eq!(login(&world, "names", signed_by(&web)).status, 400);
    // By name alone, the path does not count; the name of one that is made anew is enough.
    let plain = json!({
        "bound_iam_principal_arn": "arn:aws:iam::123456789012:user/bob", "resolve_aws_unique_ids": false,
    });
    assert_eq!(role(&world, "plain", &plain), "204");
    assert_eq!(role(&world, "resolved", &json!({ "bound_iam_principal_arn": BOB })), "204");
    for name in ["plain", "resolved"] {
        assert_eq!(login(&world, name, signed_by(&bob)).status, 200, "{name}");
    }
    let mut anew = None;
    world.behind(async |iam| {
        let _ = iam.delete_access_key().user_name("bob").access_key_id(&bob.id).send().await.unwrap();
        iam.delete_user_policy().user_name("bob").policy_name("p").send().await.unwrap();
        iam.delete_user().user_name("bob").send().await.unwrap();
        iam.create_user().user_name("bob").path("/team/").send().await.unwrap();
        anew = iam.create_access_key().user_name("bob").send().await.unwrap().access_key;
    });
    let anew = anew.unwrap();
    let anew = Key { id: anew.access_key_id, secret: anew.secret_access_key, token: None };
    assert_eq!(login(&world, "plain", signed_by(&anew)).status, 200);
    assert_eq!(login(&world, "resolved", signed_by(&anew)).status, 400);
    // Until it is written again.
    assert_eq!(role(&world, "resolved", &json!({ "bound_iam_principal_arn": BOB })), "204");
    assert_eq!(login(&world, "resolved", signed_by(&anew)).status, 200);
}

#[test]
fn a_renewal_looks_whether_the_role_still_takes_it() {
    let (world, bob, web) = world();
    role(&world, "r", &json!({ "bound_iam_principal_arn": [BOB, "arn:aws:iam::123456789012:role/app/*"] }));
    let token = |key: &Key| said(&login(&world, "r", signed_by(key)).body["auth"]["client_token"]);
    let (bob, web) = (world.root.with_token(&token(&bob)), world.root.with_token(&token(&web)));
    for own in [&bob, &web] {
        assert_eq!(own.send("POST", "auth/token/renew-self", None).status, 200);
    }
    role(&world, "r", &json!({ "bound_iam_principal_arn": BOB }));
    assert_eq!(bob.send("POST", "auth/token/renew-self", None).status, 200);
    let told = outcome(&web.send("POST", "auth/token/renew-self", None));
    assert_eq!(told, "400 role \"r\" no longer bound to ARN \"arn:aws:iam::123456789012:role/web\"");
    assert_eq!(world.root.send("DELETE", "auth/aws/role/r", None).status, 204);
    assert_eq!(bob.send("POST", "auth/token/renew-self", None).status, 400);
}

#[test]
fn only_who_it_is_can_be_asked_and_only_for_this_server() {
    let (world, bob, _) = world();
    role(&world, "r", &json!({ "bound_iam_principal_arn": BOB }));
    let id = ("x-vault-aws-iam-server-id", "engine.example");
    world.root.post("auth/aws/config/client", &json!({ "iam_server_id_header_value": "engine.example" }));
    let sts = "https://sts.amazonaws.com/";
    assert_eq!(login(&world, "r", signed(&bob, sts, BODY, &[id])).status, 200);
    // M8
    let told = outcome(&login(&world, "r", signed_by(&bob)));
    assert!(told.starts_with("400 error validating X-Vault-AWS-IAM-Server-ID header: missing header"), "{told}");
    let told = outcome(&login(&world, "r", signed(&bob, sts, BODY, &[(id.0, "another")])));
    assert!(told.ends_with("expected \"engine.example\" but got \"another\""), "{told}");
    let mut unsigned = signed_by(&bob);
    unsigned["iam_request_headers"]["X-Vault-AWS-IAM-Server-ID"] = json!("engine.example");
    let told = outcome(&login(&world, "r", unsigned));
    assert!(told.ends_with("vault header wasn't signed"), "{told}");
    world.root.post("auth/aws/config/client", &json!({ "iam_server_id_header_value": "" }));

    let before = world.account.faults().calls().len();
    let mut get = signed_by(&bob);
    get["iam_http_request_method"] = json!("GET");
    let mut part = signed_by(&bob);
    part.as_object_mut().unwrap().remove("iam_request_body");
    for (request, told) in [
        // M6, M7
        (get, "400 invalid iam_http_request_method; currently only 'POST' is supported"),
        (signed(&bob, sts, "Action=ListUsers&Version=2010-05-08", &[]), "400 iam request body is invalid"),
        (part, "400 supplied some of the auth values for the iam auth type but not all"),
        (json!({}), "400 didn't supply required authentication values"),
        (json!({ "pkcs7": "x" }), "400 the auth type ec2 is not supported by this server"),
        (signed(&bob, "https://sts.amazonaws.com/?a=b", BODY, &[]), "400 invalid request"),
        (
            signed(&bob, "https://169.254.169.254/", BODY, &[]),
            "400 invalid request: it was signed for 169.254.169.254, which is not STS",
        ),
        (signed(&bob, sts, BODY, &[("x-amz-target", "x")]), "400 invalid request header: x-amz-target"),
    ] {
        assert_eq!(outcome(&login(&world, "r", request)), told);
    }
    assert_eq!(world.account.faults().calls().len(), before, "nothing of that was sent");
    world.root.post("auth/aws/config/client", &json!({ "allowed_sts_header_values": "X-AMZ-target" }));
    assert_eq!(login(&world, "r", signed(&bob, sts, BODY, &[("x-amz-target", "x")])).status, 200);
    // What was signed is what has to be there.
    let mut other = signed_by(&bob);
    other["iam_request_body"] = json!(STANDARD.encode("Action=GetCallerIdentity&Version=2012-01-01"));
    assert!(outcome(&login(&world, "r", other)).starts_with("400 error making upstream request"));
}

#[test]
fn what_is_written_is_read_back_or_refused_with_reasons() {
    let (world, ..) = world();
    for (settings, told) in [
        (json!({}), "400 at least one bound parameter should be specified on the role"),
        (json!({ "bound_iam_principal_arn": "x", "auth_type": "ec2" }), "400 the auth_type ec2"),
        (json!({ "bound_iam_principal_arn": "x", "auth_type": "gcp" }), "400 unrecognized auth_type: gcp"),
        (json!({ "bound_iam_principal_arn": "x" }), "400 unable to resolve ARN \"x\" to internal ID: "),
        (
            json!({ "bound_iam_principal_arn": "arn:aws:iam::123456789012:user/nobody" }),
            "400 unable to resolve ARN \"arn:aws:iam::123456789012:user/nobody\" to internal ID: received error code 404",
        ),
        (
            json!({ "bound_iam_principal_arn": "arn:aws:iam::210987654321:user/bob" }),
            "400 unable to resolve ARN \"arn:aws:iam::210987654321:user/bob\" to internal ID: the key is of account",
        ),
        (
            json!({ "bound_iam_principal_arn": "arn:aws:iam::123456789012:user/other/bob" }),
            "400 unable to resolve ARN \"arn:aws:iam::123456789012:user/other/bob\" to internal ID: IAM has it as",
        ),
        (json!({ "bound_iam_principal_arn": BOB, "bound_account_id": "1" }), "400 specified bound_account_id but not"),
        (json!({ "bound_iam_principal_arn": BOB, "inferred_entity_type": "ec2_instance" }), "400 the parameter"),
        (json!({ "bound_iam_principal_arn": BOB, "token_policies": "root" }), "400 auth methods cannot create root"),
    ] {
        let answer = role(&world, "r", &settings);
        assert!(answer.starts_with(told), "{settings}: {answer}");
    }
    assert_eq!(role(&world, "r", &json!({ "bound_iam_principal_arn": BOB })), "204");
    let back = json!({ "resolve_aws_unique_ids": false });
    assert_eq!(role(&world, "r", &back), "400 changing resolve_aws_unique_ids from true to false is not allowed");
    for list in ["role", "roles"] {
        assert_eq!(world.root.send("LIST", &format!("auth/aws/{list}"), None).body["data"]["keys"], json!(["r"]));
    }
    let client = json!({
        "access_key": "AKIA", "secret_key": "hidden", "endpoint": "", "iam_endpoint": "", "sts_endpoint":
        "https://sts.eu-west-1.amazonaws.com", "sts_region": "eu-west-1", "use_sts_region_from_client": true,
        "iam_server_id_header_value": "here", "allowed_sts_header_values": ["X-Amz-Target"], "max_retries": 3,
    });
    world.root.post("auth/aws/config/client", &client);
    let read = world.root.get("auth/aws/config/client");
    let mut expected = client;
    expected.as_object_mut().unwrap().remove("secret_key");
    assert_eq!(read["data"], expected);
    assert!(!read.to_string().contains("hidden"));
    let refused = json!({ "sts_endpoint": "http://sts.example" });
    let told = outcome(&world.root.send("POST", "auth/aws/config/client", Some(&refused)));
    assert!(told.starts_with("400 sts_endpoint \"http://sts.example\" is refused: plain http"), "{told}");
    assert_eq!(world.root.send("DELETE", "auth/aws/config/client", None).status, 204);
    assert_eq!(world.root.send("GET", "auth/aws/config/client", None).status, 404);
    world.root.post("auth/aws/config/sts/1", &json!({ "sts_role": "arn:aws:iam::1:role/r", "external_id": "x" }));
    let across = world.root.get("auth/aws/config/sts/1")["data"].clone();
    assert_eq!(across, json!({ "sts_role": "arn:aws:iam::1:role/r", "external_id": "x" }));
    let bare = outcome(&world.root.send("POST", "auth/aws/config/sts/2", Some(&json!({}))));
    assert_eq!(bare, "400 missing sts role");
    assert_eq!(world.root.send("LIST", "auth/aws/config/sts", None).body["data"]["keys"], json!(["1"]));
}

#[test]
fn metadata_is_what_the_method_says() {
    let (world, bob, _) = world();
    role(&world, "r", &json!({ "bound_iam_principal_arn": BOB }));
    let wanted = json!({ "iam_metadata": ["default", "client_arn", "client_user_id"], "iam_alias": "unique_id" });
    world.root.post("auth/aws/config/identity", &wanted);
    let meta = login(&world, "r", signed_by(&bob)).body["auth"]["metadata"].clone();
    assert_eq!((&meta["client_arn"], &meta["auth_type"]), (&json!(BOB), &json!("iam")));
    assert!(said(&meta["client_user_id"]).starts_with("AIDA") && meta["canonical_arn"].is_null(), "{meta}");
    let refused = json!({ "iam_metadata": "shoe_size" });
    let told = outcome(&world.root.send("POST", "auth/aws/config/identity", Some(&refused)));
    assert!(told.starts_with("400 \"shoe_size\" is not an available field"), "{told}");
}

#[test]
fn another_account_is_asked_about_by_the_role_for_it() {
    let (world, bob, _) = world();
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": "engine" } },
    }]});
    let mut key = None;
    world.behind(async |iam| {
        iam.create_role().role_name("look").assume_role_policy_document(trust.to_string()).send().await.unwrap();
        let policy = DENIED.replace("[]", "[{\"Effect\":\"Allow\",\"Action\":\"iam:GetUser\",\"Resource\":\"*\"}]");
        iam.put_role_policy().role_name("look").policy_name("p").policy_document(policy).send().await.unwrap();
        key = iam.create_access_key().user_name("bob").send().await.unwrap().access_key;
    });
    let key = key.unwrap();
    world.root.post(
        "auth/aws/config/client",
        &json!({ "access_key": key.access_key_id, "secret_key": key.secret_access_key }),
    );
    // Bob may not read IAM himself.
    assert!(role(&world, "r", &json!({ "bound_iam_principal_arn": BOB })).contains("AccessDenied"));
    let sts = json!({ "sts_role": "arn:aws:iam::123456789012:role/look" });
    world.root.post("auth/aws/config/sts/123456789012", &sts);
    let told = role(&world, "r", &json!({ "bound_iam_principal_arn": BOB }));
    assert!(told.contains("role/look can't be assumed"), "{told}");
    world.root.post("auth/aws/config/sts/123456789012", &json!({ "external_id": "engine" }));
    assert_eq!(role(&world, "r", &json!({ "bound_iam_principal_arn": BOB })), "204");
    assert_eq!(login(&world, "r", signed_by(&bob)).status, 200);
}

#[test]
fn clients_nobody_here_wrote_log_in() {
    let (world, bob, web) = world();
    world.root.post("auth/aws/config/client", &json!({ "iam_server_id_header_value": "engine.example" }));
    role(&world, "r", &json!({ "bound_iam_principal_arn": [BOB, WEB] }));
    let address = format!("http://{}", world.root.address);
    for key in [bob, web] {
        let token = key.token.unwrap_or_default();
        let arguments =
            [address.as_str(), "r", &key.id, &key.secret, &token, "engine.example"].map(std::ffi::OsStr::new);
        let answers = script("login.py", &arguments);
        assert_eq!(answers.len(), 3);
        for answer in answers {
            assert!(answer["client_token"].as_str().is_some_and(|token| token.starts_with("hvs.")), "{answer}");
        }
    }
}

const ESTATE: &str = r#"
environment "local" {
  engine = "embedded"
  aws    = "sandbox"
}

aws "aws" {}

auth "aws" {
  config {
    iam_server_id_header_value = "engine.example"
  }
}

app "web" {
  role "web" {
    policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  }

  login "aws" {
    token_ttl  = "1h"
    principals = [PRINCIPAL]
  }
}
"#;

#[test]
fn an_app_is_declared_with_a_key_of_aws_and_gets_its_credentials() {
    let mut env = TestEnv::new();
    let own = format!("\"arn:aws:iam::123456789012:user/{}\"", sandbox::ENGINE_USER);
    let file = env.write("estate/estate.hcl", &ESTATE.replace("PRINCIPAL", &own));
    env.set("LEASEHOLD_DIR", file.parent().unwrap().display().to_string());
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    let told = "may log in by a key of AWS at auth/aws: a signed request is good for 15 minutes; user or role of AWS \
                arn:aws:iam::123456789012:user/leasehold-engine; from any address";
    assert!(plan.stdout.contains(told), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["plan"]);
    // Without a key, and then with the one that is in the environment, but signed for nobody in particular.
    env.set("AWS_EC2_METADATA_DISABLED", "true").set("LEASEHOLD_TOKEN", "worthless");
    let refused = env.run(&["creds", "web"]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("there is no key of AWS to log in with"), "{}", refused.stderr);
    env.set("AWS_ACCESS_KEY_ID", sandbox::ENGINE_ACCESS_KEY).set("AWS_SECRET_ACCESS_KEY", sandbox::ROOT_SECRET);
    let refused = env.run(&["creds", "web"]);
    assert_eq!(refused.code, 2, "{}", refused.normal());
    assert!(refused.stderr.contains("missing header \"X-Vault-AWS-IAM-Server-ID\""), "{}", refused.stderr);
    env.set("LEASEHOLD_AWS_SERVER_ID", "engine.example");
    let process: Value = serde_json::from_str(&env.ok(&["creds", "web", "--format", "process"])).unwrap();
    assert!(said(&process["AccessKeyId"]).starts_with("AKIA"), "{process}");
    // By hand, as Vault's users do.
    let secret = env.write("secret", &format!("{}\n", sandbox::ROOT_SECRET));
    let key = [
        format!("aws_access_key_id={}", sandbox::ENGINE_ACCESS_KEY),
        format!("aws_secret_access_key=@{}", secret.display()),
    ];
    env.set("AWS_ACCESS_KEY_ID", "").set("AWS_SECRET_ACCESS_KEY", "").set("LEASEHOLD_AWS_SERVER_ID", "");
    let by_hand = ["login", "-method=aws", "-no-store", "-token-only", "role=app-web", "header_value=engine.example"];
    assert!(env.ok(&[&by_hand[..], &[&key[0], &key[1]]].concat()).starts_with("hvs."));
    let refused = env.run(&[&by_hand[..], &[&key[0]]].concat());
    assert_eq!(refused.code, 1, "{}", refused.normal());
    // Any role of the account, which is told; and what engines keep as it is is refused.
    env.set("LEASEHOLD_TOKEN", "");
    env.write(
        "estate/estate.hcl",
        &ESTATE.replace("PRINCIPAL", &format!("{own}, \"arn:aws:iam::123456789012:role/*\"")),
    );
    let plan = env.run(&["plan"]);
    let told = "any role of the account (arn:aws:iam::123456789012:role/*) may now log in";
    assert!(plan.code == 2 && plan.stdout.contains(told), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["plan"]);
}

#[test]
fn what_is_declared_of_a_key_is_checked_and_judged() {
    let env = TestEnv::new();
    let own = "\"arn:aws:iam::123456789012:role/web\"";
    for (from, to, expected) in [
        ("[PRINCIPAL]", "[]", "no user or role of AWS could log in"),
        ("PRINCIPAL", "\"arn:aws:iam::123456789012:root\"", "is not the ARN of a user or a role"),
        ("PRINCIPAL", "\"arn:aws:iam::123456789012:role/*/web\"", "is a star, and not any text"),
        (
            "[PRINCIPAL]",
            "[\"arn:aws:iam::123456789012:role/app/web\"]\n    resolve_unique_ids = false",
            "has a path, which is not looked at",
        ),
        ("config {", "config {\n    access_key = \"AKIA\"", "a key without its secret"),
    ] {
        env.write("estate/estate.hcl", &ESTATE.replace(from, to).replace("PRINCIPAL", own));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(output.code, 1, "{expected}: {}", output.normal());
        assert!(output.stderr.contains(expected), "{expected}: {}", output.stderr);
    }
    // A guardrail, which the pack for logins has, takes no patterns.
    let pack = "guardrail \"exact\" {\n  require {\n    exact_bindings = true\n  }\n}\n";
    for (principal, code) in [(own, 2), ("\"arn:aws:iam::123456789012:role/*\"", 3)] {
        env.write("estate/estate.hcl", &(ESTATE.replace("PRINCIPAL", principal) + pack));
        let output = env.run(&["-C", "estate", "plan"]);
        assert_eq!(output.code, code, "{principal}: {}", output.normal());
    }
}

/// A development server's simulated account takes any key as the engine's own, and as nobody else's.
#[test]
fn who_invents_a_key_logs_in_nowhere() {
    let mut env = TestEnv::new();
    let server = env.server(&["-dev", "--aws=sandbox", "--listen", "127.0.0.1:0"]);
    let http = Http {
        address: server.address.trim_start_matches("http://").to_owned(),
        token: server.root_token.clone().unwrap(),
    };
    http.post("sys/auth/aws", &json!({ "type": "aws" }));
    let role = json!({ "auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::123456789012:*", "resolve_aws_unique_ids": false });
    http.post("auth/aws/role/any", &role);
    let secret = env.write("secret", "whatever\n");
    let secret = format!("aws_secret_access_key=@{}", secret.display());
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", "");
    let login = ["login", "-method=aws", "-no-store", "role=any", "aws_access_key_id=AKIAIOSFODNN7INVENTE", &secret];
    let refused = env.run(&login);
    assert!(refused.code != 0 && refused.stderr.contains("InvalidClientTokenId"), "{}", refused.normal());
    // As the engine's own it is taken, and then it is somebody, whose secret nobody knows.
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    http.post("aws/config/root", &json!({ "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "x" }));
    let document =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    http.post("aws/roles/r", &json!({ "credential_type": "iam_user", "policy_document": document }));
    assert!(said(&http.get("aws/creds/r")["data"]["access_key"]).starts_with("AKIA"));
}
