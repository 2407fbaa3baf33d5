//! Logins by service accounts over HTTP (source: Vault API, "Kubernetes auth method"; OpenBao,
//! `builtin/credential/kubernetes`), from an estate, and with `leasehold creds`. Tokens are PyJWT's; the API server is one
//! of the tests.

use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::{Answer, outcome};
use crate::issuer::{Issuer, Signed, signed};
use crate::wire_auth::World;

/// When the engine's clock stands still.
const NOW: i64 = 1_790_000_000;

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

fn token(key: &str, now: i64, uid: &str) -> Value {
    json!({ "key": key, "claims": {
        "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:web:deploy",
        "iat": now, "nbf": now, "exp": now + 86_400,
        "kubernetes.io": { "namespace": "web", "serviceaccount": { "name": "deploy", "uid": uid } },
    } })
}

/// What the API server says from now on.
fn answers(cluster: &Issuer, status: &Value) {
    let review = json!({ "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status });
    cluster.show(REVIEWS, 201, &review.to_string());
}

fn known(username: &str, audiences: &[&str]) -> Value {
    json!({ "authenticated": true, "audiences": audiences, "user": { "username": username, "uid": "u-1" } })
}

fn world(cluster: &Issuer, config: &Value, role: &Value) -> World {
    let world = World::new();
    world.root.post("sys/auth/kubernetes", &json!({"type": "kubernetes"}));
    let mut all = json!({ "kubernetes_host": cluster.address });
    all.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    world.root.post("auth/kubernetes/config", &all);
    let mut all = json!({ "bound_service_account_names": "deploy", "bound_service_account_namespaces": "web" });
    all.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
    world.root.post("auth/kubernetes/role/app", &all);
    world
}

fn login(world: &World, role: &str, token: &str) -> Answer {
    world.root.with_token("").send("POST", "auth/kubernetes/login", Some(&json!({ "role": role, "jwt": token })))
}

#[test]
fn the_cluster_says_whose_a_token_is() {
    let made = signed(&[("k", "RS256")], &[token("k", NOW, "u-1")]);
    let cluster = Issuer::start(&json!({}));
    answers(&cluster, &known("system:serviceaccount:web:deploy", &[]));
    let world = world(&cluster, &json!({"token_reviewer_jwt": "reviewer"}), &json!({"token_ttl": "20m"}));
    let answer = login(&world, "APP", made.token(0));
    let auth = &answer.body["auth"];
    assert_eq!(answer.status, 200, "{}", answer.body);
    let meta = json!({
        "service_account_uid": "u-1", "service_account_name": "deploy", "service_account_namespace": "web",
        "service_account_secret_name": "", "role": "app",
    });
    assert_eq!((&auth["metadata"], &auth["lease_duration"]), (&meta, &json!(1200)));
    let own = world.root.with_token(auth["client_token"].as_str().unwrap());
    assert_eq!(own.get("auth/token/lookup-self")["data"]["display_name"], "kubernetes-web-deploy");
    let asked = cluster.last();
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(asked.header("authorization"), Some("Bearer reviewer"));
    assert_eq!(body["spec"], json!({ "token": made.token(0) }));
    // The reviewer's token is told to nobody.
    let config = world.root.get("auth/kubernetes/config");
    assert_eq!(config["data"]["token_reviewer_jwt_set"], true);
    assert!(!config.to_string().contains("\"reviewer\""), "{config}");
    // Without one, the token speaks for itself.
    world.root.post("auth/kubernetes/config", &json!({ "kubernetes_host": format!("{}/", cluster.address) }));
    assert_eq!(login(&world, "app", made.token(0)).status, 200);
    assert_eq!(cluster.last().header("authorization"), Some(&*format!("Bearer {}", made.token(0))));
    // A role that is gone renews nothing.
    assert_eq!(world.root.send("DELETE", "auth/kubernetes/role/app", None).status, 204);
    let renewed = own.send("POST", "auth/token/renew-self", Some(&json!({})));
    assert_eq!(outcome(&renewed), "400 the role \"app\" does not exist any more");
}

#[test]
fn what_the_cluster_does_not_know_is_refused_whatever_the_role() {
    let made = signed(
        &[("k", "RS256"), ("other", "RS256")],
        &[token("k", NOW, "u-1"), token("k", NOW, "u-0"), token("k", NOW - 90_000, "u-1"), token("other", NOW, "u-1")],
    );
    let cluster = Issuer::start(&json!({}));
    let world = world(&cluster, &json!({"pem_keys": made.pem("k")}), &json!({}));
    let good = known("system:serviceaccount:web:deploy", &[]);
    for (status, at) in [
        (json!({}), 0),
        (json!({"authenticated": false, "user": good["user"]}), 0),
        (json!({"authenticated": true, "error": "expired", "user": good["user"]}), 0),
        (known("system:node:worker", &[]), 0),
        (known("ann", &[]), 0),
        (json!({"authenticated": true, "user": {"username": "system:serviceaccount:web:deploy"}}), 0),
        // The account was made anew, the token is old, or it is of another signer.
        (good.clone(), 1),
        (good.clone(), 2),
        (good.clone(), 3),
    ] {
        answers(&cluster, &status);
        for role in ["app", "nobody"] {
            let told = outcome(&login(&world, role, made.token(at)));
            assert_eq!(told, "403 permission denied", "{role} {status} {at}");
        }
    }
    for (status, body) in [(403, "{}"), (500, ""), (201, "<html>")] {
        cluster.show(REVIEWS, status, body);
        assert_eq!(outcome(&login(&world, "app", made.token(0))), "403 permission denied", "{status}");
    }
    assert_eq!(outcome(&login(&world, "app", "x")), "403 permission denied");
    assert_eq!(outcome(&login(&world, "app", "")), "400 missing jwt");
    assert_eq!(outcome(&login(&world, "", "x")), "400 missing role");
    answers(&cluster, &good);
    assert_eq!(outcome(&login(&world, "nobody", made.token(0))), "400 invalid role name \"nobody\"");
    assert_eq!(login(&world, "app", made.token(0)).status, 200);
}

/// Names and namespaces as they are written, and by `*`.
#[test]
fn a_role_takes_its_accounts_namespaces_and_audience() {
    let made = signed(&[("k", "RS256")], &[token("k", NOW, "u-1")]);
    let cluster = Issuer::start(&json!({}));
    let world = world(&cluster, &json!({}), &json!({}));
    for (username, role, expected) in [
        ("system:serviceaccount:web:deploy", json!({}), "200"),
        // M11
        ("system:serviceaccount:web:other", json!({}), "403 service account name not authorized"),
        ("system:serviceaccount:db:deploy", json!({}), "403 namespace not authorized"),
        ("system:serviceaccount:db:deploy", json!({"bound_service_account_namespaces": "*"}), "200"),
        ("system:serviceaccount:web-1:deploy", json!({"bound_service_account_namespaces": ["db", "web-*"]}), "200"),
        ("system:serviceaccount:web:other", json!({"bound_service_account_names": ["*"]}), "200"),
    ] {
        answers(&cluster, &known(username, &[]));
        let mut body = json!({"bound_service_account_names": "deploy", "bound_service_account_namespaces": "web"});
        body.as_object_mut().unwrap().extend(role.as_object().unwrap().clone());
        world.root.post("auth/kubernetes/role/app", &body);
        let answer = login(&world, "app", made.token(0));
        let told = if answer.status == 200 { "200".to_owned() } else { outcome(&answer) };
        assert_eq!(told, expected, "{username} {role}");
    }
    world.root.post("auth/kubernetes/role/app", &json!({"audience": "engine", "bound_service_account_names": "*"}));
    for (audiences, status) in [(&["engine", "other"][..], 200), (&["other"][..], 403), (&[][..], 403)] {
        answers(&cluster, &known("system:serviceaccount:web:deploy", audiences));
        assert_eq!(login(&world, "app", made.token(0)).status, status, "{audiences:?}");
        let body: Value = serde_json::from_str(&cluster.last().body).unwrap();
        assert_eq!(body["spec"]["audiences"], json!(["engine"]));
    }
}

#[test]
fn what_is_written_wrongly_is_refused_with_reasons() {
    let cluster = Issuer::start(&json!({}));
    let world = world(&cluster, &json!({}), &json!({}));
    for (path, body, expected) in [
        ("config", json!({}), "no host provided"),
        ("config", json!({"kubernetes_host": "kubernetes.default.svc"}), "the API server can't be asked"),
        (
            "config",
            json!({"kubernetes_host": cluster.address, "disable_local_ca_jwt": true}),
            "kubernetes_ca_cert must be given when disable_local_ca_jwt is true",
        ),
        ("config", json!({"kubernetes_host": cluster.address, "kubernetes_ca_cert": "x"}), "there is no certificate"),
        (
            "config",
            json!({"kubernetes_host": cluster.address, "pem_keys": "x"}),
            "error parsing public key 1 of pem_keys",
        ),
        ("role/new", json!({}), "\"bound_service_account_names\" can not be empty"),
        (
            "role/new",
            json!({"bound_service_account_names": "a"}),
            "\"bound_service_account_namespaces\" can not be empty",
        ),
        ("role/app", json!({"bound_service_account_names": ["*", "a"]}), "can not mix \"*\" with values"),
        ("role/app", json!({"alias_name_source": "name"}), "invalid alias_name_source \"name\""),
        ("role/app", json!({"bound_service_account_namespace_selector": "{}"}), "is not supported by this server"),
        ("role/app", json!({"token_policies": "root"}), "auth methods cannot create root tokens"),
    ] {
        let told = outcome(&world.root.send("POST", &format!("auth/kubernetes/{path}"), Some(&body)));
        assert!(told.starts_with("400 ") && told.contains(expected), "{path} {body}: {told}");
    }
}

fn estate(cluster: &Issuer, login: &str) -> String {
    format!(
        r#"
environment "local" {{
  engine = "embedded"
  aws    = "sandbox"
}}

aws "aws" {{}}

auth "kubernetes" {{
  config {{
    kubernetes_host    = "{}"
    token_reviewer_jwt = "secret:env:REVIEWER"
  }}
}}

app "web" {{
  role "web" {{
    policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  }}

  login "kubernetes" {{
    token_ttl = "1h"
{login}
  }}
}}
"#,
        cluster.address
    )
}

const OWN: &str = "    service_accounts = [\"deploy\"]\n    namespaces = [\"web\"]";

fn of_today() -> Signed {
    signed(&[("k", "ES256")], &[token("k", time::OffsetDateTime::now_utc().unix_timestamp(), "u-1")])
}

#[test]
fn an_app_is_declared_with_a_service_account_and_gets_its_credentials() {
    let made = of_today();
    let cluster = Issuer::start(&json!({}));
    answers(&cluster, &known("system:serviceaccount:web:deploy", &[]));
    let mut env = TestEnv::new();
    let file = env.write("estate/estate.hcl", &estate(&cluster, OWN));
    env.set("LEASEHOLD_DIR", file.parent().unwrap().display().to_string()).set("REVIEWER", "review it");
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    let told = "namespace web; service account deploy; a token for the cluster itself; from any address";
    assert!(plan.stdout.contains(told) && !plan.stdout.contains("review it"), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["plan"]);
    let refused = env.run(&["creds", "web"]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("LEASEHOLD_JWT_FILE"), "{}", refused.stderr);
    let token = env.write("token", made.token(0));
    env.set("LEASEHOLD_TOKEN", "worthless").set("LEASEHOLD_JWT_FILE", token.display().to_string());
    let process: Value = serde_json::from_str(&env.ok(&["creds", "web", "--format", "process"])).unwrap();
    assert!(process["AccessKeyId"].as_str().unwrap().starts_with("AKIA"), "{process}");
    assert_eq!(cluster.last().header("authorization"), Some("Bearer review it"));
    let by_hand = ["login", "-method=kubernetes", "-path=auth/kubernetes", "-no-store", "-token-only", "role=app-web"];
    assert!(env.ok(&by_hand).starts_with("hvs."));
    // What the cluster does not know is refused, without a word to whom; the trail says why.
    answers(&cluster, &json!({ "authenticated": false }));
    let refused = env.run(&["creds", "web"]);
    assert_eq!(refused.code, 2, "{}", refused.normal());
    for told in ["servers tell nobody which", "login-refused", "the login is declared at estate.hcl:"] {
        assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
    }
    assert!(!refused.stderr.contains("log in again"), "{}", refused.stderr);
    let trail = std::fs::read_to_string(file.with_file_name(".leasehold/local/trail.log")).unwrap();
    let line = trail.lines().rfind(|line| line.contains("login-refused")).expect("a line");
    assert!(line.contains("the token is not authenticated") && !line.contains(made.token(0)), "{line}");
    answers(&cluster, &known("system:serviceaccount:web:deploy", &[]));
    // Any namespace, and it is told; another reviewer is seen by its digest.
    env.set("LEASEHOLD_TOKEN", "").set("REVIEWER", "another");
    env.write("estate/estate.hcl", &estate(&cluster, &OWN.replace("\"web\"", "\"*\"")));
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    assert!(plan.stdout.contains("any namespace may now log in"), "{}", plan.stdout);
    assert!(plan.stdout.contains("token_reviewer_jwt") && !plan.stdout.contains("another"), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["plan"]);
}

#[test]
fn what_is_declared_of_an_account_is_checked_and_judged() {
    let cluster = Issuer::start(&json!({}));
    let env = TestEnv::new();
    let any = OWN.replace("\"web\"", "\"*\"");
    for (login, demand, code, expected) in [
        (OWN, "bound_namespaces", 0, ""),
        ("", "bound_namespaces", 1, "no service account could log in"),
        ("service_accounts = [\"a\"]", "bound_namespaces", 1, "a service account of no namespace could log in"),
        ("service_accounts = [\"a\", \"*\"]\n namespaces = [\"web\"]", "bound_namespaces", 1, "is all of them"),
        (&any, "bound_namespaces", 3, "any namespace like * may log in"),
        (&any, "exact_bindings", 3, "any namespace like * may log in"),
        (OWN, "bound_audiences", 3, "it is bound to no audience"),
        (OWN, "bound_branch", 0, ""),
    ] {
        let guardrail = format!("guardrail \"cluster\" {{\n  require {{\n    {demand} = true\n  }}\n}}\n");
        env.write("estate/estate.hcl", &format!("{}{guardrail}", estate(&cluster, login)));
        let output = env.run(&["-C", "estate", "validate", "--all"]);
        assert_eq!(output.code, code, "{demand} {login}: {}", output.normal());
        assert!(output.normal().contains(expected), "{demand} {login}: {}", output.normal());
    }
}
