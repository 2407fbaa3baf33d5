//! Logins by signed tokens over HTTP (source: Vault API, "JWT/OIDC auth method"), from an estate, and with
//! `leasehold creds`. Keys and tokens are PyJWT's.

use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::{Answer, outcome};
use crate::issuer::{Issuer, Signed, signed};
use crate::wire_auth::World;

/// When the engine's clock stands still; tokens are good for an hour.
const NOW: i64 = 1_790_000_000;

fn claims(more: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example", "sub": "repo:octo/web:ref:refs/heads/main", "aud": "https://engine.example",
        "iat": NOW, "nbf": NOW, "exp": NOW + 3600,
        "repository": "octo/web", "ref": "refs/heads/main", "run": 7, "trusted": true, "groups": ["web", "ops"],
        "kubernetes.io": { "namespace": "web" },
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

fn token(key: &str, more: &Value) -> Value {
    json!({ "key": key, "claims": claims(more) })
}

fn world(config: &Value, role: &Value) -> World {
    let world = World::new();
    world.root.post("sys/auth/jwt", &json!({"type": "jwt"}));
    world.root.post("auth/jwt/config", config);
    set_role(&world, role);
    world
}

fn set_role(world: &World, settings: &Value) {
    let mut body = json!({
        "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["https://engine.example"], "bound_claims": {},
        "bound_subject": "", "claim_mappings": {}, "user_claim_json_pointer": false, "clock_skew_leeway": 0,
        "token_bound_cidrs": [],
    });
    for (name, value) in settings.as_object().unwrap() {
        body[name] = value.clone();
    }
    world.root.post("auth/jwt/role/ci", &body);
}

fn login(world: &World, role: &str, token: &str) -> Answer {
    world.root.with_token("").send("POST", "auth/jwt/login", Some(&json!({ "role": role, "jwt": token })))
}

#[test]
fn tokens_of_every_algorithm_log_in_by_pem_and_by_key_set() {
    let algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
    let keys = algorithms.map(|algorithm| (algorithm, algorithm));
    let made = signed(&keys, &algorithms.map(|key| token(key, &json!({}))));
    let pem: Vec<&str> = algorithms.iter().map(|key| made.pem(key)).collect();
    let world = world(&json!({ "jwt_validation_pubkeys": pem }), &json!({"token_policies": "web", "token_ttl": "20m"}));
    let try_all = || {
        for (at, algorithm) in algorithms.iter().enumerate() {
            let answer = login(&world, "CI", made.token(at));
            assert_eq!(answer.status, 200, "{algorithm}: {}", answer.body);
            let auth = &answer.body["auth"];
            assert_eq!(auth["token_policies"], json!(["default", "web"]), "{algorithm}");
            assert_eq!((&auth["metadata"], &auth["lease_duration"]), (&json!({"role": "ci"}), &json!(1200)));
        }
    };
    try_all();
    let issuer = Issuer::start(&made.set(&algorithms));
    world.root.post("auth/jwt/config", &json!({ "jwks_url": format!("{}/keys", issuer.address) }));
    try_all();
    assert_eq!(issuer.asked("/keys"), 1, "keys are kept");
    // Only what is named is taken.
    let config = json!({ "jwks_url": format!("{}/keys", issuer.address), "jwt_supported_algs": ["ES256"] });
    world.root.post("auth/jwt/config", &config);
    let refused = "400 error validating token: invalid algorithm (alg) header parameter: token signed with unexpected \
                   algorithm";
    assert_eq!(outcome(&login(&world, "ci", made.token(0))), refused);
    assert_eq!(login(&world, "ci", made.token(6)).status, 200);
}

#[test]
fn what_is_not_signed_by_the_issuer_is_refused_whatever_the_role() {
    let made = signed(
        &[("good", "RS256"), ("other", "RS256"), ("curve", "ES256")],
        &[token("good", &json!({})), token("other", &json!({})), token("other", &json!({}))],
    );
    let world = world(&json!({ "jwt_validation_pubkeys": [made.pem("good")] }), &json!({}));
    let parts: Vec<&str> = made.token(0).split('.').collect();
    let other: Vec<&str> = made.token(1).split('.').collect();
    // `{"alg":"none"}`, and HS256 with a key set's public key as the secret, are the classic forgeries (CVE-2015-9235).
    let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    let symmetric = format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", parts[1], parts[2]);
    let signature = "error validating token: error verifying token signature: no known key signed the token";
    let algorithm = "error validating token: invalid algorithm (alg) header parameter: token signed with unexpected \
                     algorithm";
    for (token, expected) in [
        (made.token(1), signature),
        (&format!("{}.{}.{}", parts[0], other[1], other[2]), signature),
        (&format!("{}.{}.", parts[0], parts[1]), signature),
        (&none, algorithm),
        (&symmetric, algorithm),
        ("no.token.", "error validating token: error parsing token: the token's header is not JSON in base64url"),
        ("", "missing token"),
    ] {
        for role in ["ci", "nobody"] {
            assert_eq!(outcome(&login(&world, role, token)), format!("400 {expected}"), "{role} {token}");
        }
    }
    // Whoever has a good token learns what is wrong.
    assert_eq!(outcome(&login(&world, "nobody", made.token(0))), "400 role \"nobody\" could not be found");
    assert_eq!(outcome(&login(&world, "", made.token(0))), "400 missing role");
}

/// A case: what the role says, what the token says, and what is answered.
type Case = (Value, Value, &'static str);

#[test]
fn a_role_takes_only_tokens_that_say_what_it_is_bound_to() {
    let cases: Vec<Case> = vec![
        (json!({}), json!({}), ""),
        (json!({"bound_subject": "repo:octo/web:ref:refs/heads/main"}), json!({}), ""),
        (json!({"bound_subject": "repo:octo/web"}), json!({}), "error validating token: invalid subject (sub) claim"),
        (json!({}), json!({"iss": "https://other.example"}), "error validating token: invalid issuer (iss) claim"),
        (
            json!({}),
            json!({"aud": ["https://a.example"]}),
            "error validating token: invalid audience (aud) claim: audience claim does not match any expected audience",
        ),
        (json!({}), json!({"aud": ["https://a.example", "https://engine.example"]}), ""),
        (
            json!({"bound_audiences": [], "bound_subject": "repo:octo/web:ref:refs/heads/main"}),
            json!({}),
            "audience claim found in JWT but no audiences bound to the role",
        ),
        (
            json!({"bound_audiences": [], "bound_subject": "repo:octo/web:ref:refs/heads/main"}),
            json!({"aud": null}),
            "",
        ),
        (
            json!({"bound_claims": {"repository": "octo/web", "ref": ["refs/heads/main", "refs/heads/next"]}}),
            json!({}),
            "",
        ),
        (
            json!({"bound_claims": {"ref": "refs/heads/*"}}),
            json!({}),
            "error validating claims: claim \"ref\" does not match any associated bound claim values",
        ),
        (json!({"bound_claims": {"ref": "refs/heads/*"}, "bound_claims_type": "glob"}), json!({}), ""),
        (
            json!({"bound_claims": {"ref": "refs/heads/*"}, "bound_claims_type": "glob"}),
            json!({"ref": "refs/tags/v1"}),
            "error validating claims: claim \"ref\" does not match any associated bound claim values",
        ),
        (json!({"bound_claims": {"run": 7, "trusted": true, "groups": "ops"}}), json!({}), ""),
        (
            json!({"bound_claims": {"run": "7"}}),
            json!({}),
            "error validating claims: claim \"run\" does not match any associated bound claim values",
        ),
        (
            json!({"bound_claims": {"environment": "prod"}}),
            json!({}),
            "error validating claims: claim \"environment\" is missing",
        ),
        (json!({"bound_claims": {"/kubernetes.io/namespace": "web"}}), json!({}), ""),
        (
            json!({"bound_claims": {"/kubernetes.io/namespace": "web"}}),
            json!({"kubernetes.io": {"namespace": "db"}}),
            "error validating claims: claim \"/kubernetes.io/namespace\" does not match any associated bound claim values",
        ),
        (json!({"user_claim": "login"}), json!({}), "claim \"login\" not found in token"),
        (json!({"user_claim": "run"}), json!({}), "claim \"run\" could not be converted to string"),
        (json!({"user_claim": "/kubernetes.io/namespace", "user_claim_json_pointer": true}), json!({}), ""),
        (
            json!({"user_claim": "/kubernetes.io/namespace"}),
            json!({}),
            "claim \"/kubernetes.io/namespace\" not found in token",
        ),
        (json!({"claim_mappings": {"run": "run"}}), json!({}), "error converting claim 'run' to string"),
        (
            json!({}),
            json!({"exp": NOW - 61}),
            "error validating token: invalid expiration time (exp) claim: token is expired",
        ),
        (json!({"clock_skew_leeway": 120}), json!({"exp": NOW - 61}), ""),
        (
            json!({"clock_skew_leeway": -1}),
            json!({"nbf": NOW + 1}),
            "error validating token: invalid not before (nbf) claim: token not yet valid",
        ),
        (json!({"token_bound_cidrs": "10.0.0.0/8"}), json!({}), "permission denied"),
    ];
    let tokens: Vec<Value> = cases.iter().map(|(_, claims, _)| token("k", claims)).collect();
    let made = signed(&[("k", "ES256")], &tokens);
    let config = json!({"jwt_validation_pubkeys": made.pem("k"), "bound_issuer": "https://issuer.example"});
    let world = world(&config, &json!({}));
    for (at, (role, claims, expected)) in cases.iter().enumerate() {
        set_role(&world, role);
        let answer = login(&world, "ci", made.token(at));
        let what = format!("{role} {claims}: {}", answer.body);
        match *expected {
            "" => assert_eq!(answer.status, 200, "{what}"),
            "permission denied" => assert_eq!(outcome(&answer), "403 permission denied", "{what}"),
            text => assert_eq!(outcome(&answer), format!("400 {text}"), "{what}"),
        }
    }
    // An expired token tells nothing of roles.
    let expired = cases.iter().position(|(_, claims, _)| *claims == json!({"exp": NOW - 61})).unwrap();
    let told = outcome(&login(&world, "nobody", made.token(expired)));
    assert_eq!(told, "400 error validating token: invalid expiration time (exp) claim: token is expired");
}

#[test]
fn a_token_is_named_after_its_claims_and_renewed_by_its_role() {
    let made = signed(&[("k", "RS256")], &[token("k", &json!({}))]);
    let settings = json!({"claim_mappings": {"repository": "repo", "/kubernetes.io/namespace": "ns", "absent": "x"}});
    let world = world(&json!({"jwt_validation_pubkeys": made.pem("k"), "default_role": "CI"}), &settings);
    let answer = login(&world, "", made.token(0));
    let auth = &answer.body["auth"];
    assert_eq!(auth["metadata"], json!({"role": "ci", "repo": "octo/web", "ns": "web"}), "{}", answer.body);
    let own = world.root.with_token(auth["client_token"].as_str().unwrap());
    assert_eq!(own.get("auth/token/lookup-self")["data"]["display_name"], "jwt-repo:octo/web:ref:refs/heads/main");
    set_role(&world, &json!({"token_ttl": "2h"}));
    let renewed = own.send("POST", "auth/token/renew-self", Some(&json!({})));
    assert_eq!(renewed.body["auth"]["lease_duration"], 7200, "{}", renewed.body);
    assert_eq!(world.root.send("LIST", "auth/jwt/role", None).body["data"]["keys"], json!(["ci"]));
    assert_eq!(world.root.send("DELETE", "auth/jwt/role/ci", None).status, 204);
    let renewed = own.send("POST", "auth/token/renew-self", Some(&json!({})));
    assert_eq!(outcome(&renewed), "400 the role \"ci\" does not exist any more");
}

#[test]
fn keys_are_fetched_again_for_a_new_one_and_not_too_often() {
    let made = signed(
        &[("old", "RS256"), ("new", "ES256"), ("made-up", "RS256")],
        &["old", "new", "made-up"].map(|key| token(key, &json!({"exp": NOW + 9000}))),
    );
    let issuer = Issuer::start(&made.set(&["old"]));
    let world = world(&json!({"oidc_discovery_url": issuer.address}), &json!({}));
    let status = |at| login(&world, "ci", made.token(at)).status;
    assert_eq!((status(0), status(0), issuer.asked("/keys")), (200, 200, 1));
    // The issuer has another key: the first token that names it brings it.
    issuer.show("/keys", 200, &made.set(&["new", "old"]).to_string());
    assert_eq!((status(1), issuer.asked("/keys")), (200, 2));
    // Tokens with names that nobody has make no traffic.
    assert_eq!((status(2), status(2), status(2), issuer.asked("/keys")), (400, 400, 400, 2));
    world.wait(11);
    assert_eq!((status(2), status(2), issuer.asked("/keys")), (400, 400, 3));
    // While it is away, its keys stay; what it withdraws is gone within the hour.
    issuer.show("/keys", 500, "");
    world.wait(3601);
    assert_eq!((status(0), issuer.asked("/keys")), (200, 4));
    issuer.show("/keys", 200, &made.set(&["new"]).to_string());
    world.wait(11);
    assert_eq!((status(0), status(1), issuer.asked("/keys")), (400, 200, 5));
}

#[test]
fn what_can_not_be_believed_is_refused_with_reasons() {
    let made = signed(&[("k", "RS256")], &[token("k", &json!({}))]);
    let issuer = Issuer::start(&made.set(&["k"]));
    let world = World::new();
    world.root.post("sys/auth/jwt", &json!({"type": "jwt"}));
    assert_eq!(world.root.send("GET", "auth/jwt/config", None).status, 404);
    assert_eq!(outcome(&login(&world, "ci", made.token(0))), "400 could not load configuration");
    let keys = format!("{}/keys", issuer.address);
    issuer.show("/html", 200, "<html>");
    issuer.show("/none", 200, r#"{"keys": [{"kty": "oct", "k": "AAAA"}]}"#);
    issuer.show("/large", 200, &"x".repeat(2 << 20));
    issuer.show("/moved", 302, "");
    for (body, expected) in [
        (json!({}), "exactly one of 'jwt_validation_pubkeys', 'jwks_url' or 'oidc_discovery_url' must be set"),
        (json!({"jwks_url": keys, "oidc_discovery_url": issuer.address}), "exactly one of"),
        (
            json!({"jwt_validation_pubkeys": ["x"]}),
            "error parsing public key 1 of jwt_validation_pubkeys: it is not PEM",
        ),
        (json!({"jwks_url": format!("{}/html", issuer.address)}), "/html: the key set is not JSON"),
        (json!({"jwks_url": format!("{}/none", issuer.address)}), "no key in it that can verify signatures"),
        (json!({"jwks_url": format!("{}/gone", issuer.address)}), "/gone answered with status 404"),
        (json!({"jwks_url": format!("{}/moved", issuer.address)}), "/moved answered with status 302"),
        (json!({"jwks_url": format!("{}/large", issuer.address)}), "length limit exceeded"),
        (json!({"jwks_url": "ftp://127.0.0.1/"}), "no address that begins with https:// or http://"),
        (json!({"jwks_url": keys, "jwks_ca_pem": "x"}), "there is no certificate in the CA's text"),
        (json!({"oidc_discovery_url": format!("{}/", issuer.address)}), "it describes the issuer"),
        (
            json!({"oidc_discovery_url": format!("{}/.well-known/openid-configuration", issuer.address)}),
            "'oidc_discovery_url' contains '.well-known' component",
        ),
        (
            json!({"jwks_url": keys, "jwt_supported_algs": ["HS256"]}),
            "invalid jwt_supported_algs: \"HS256\" is not one of",
        ),
        (
            json!({"jwks_url": keys, "oidc_client_id": "x"}),
            "both 'oidc_client_id' and 'oidc_client_secret' must be set",
        ),
        (json!({"jwks_url": keys, "jwks_pairs": [{}]}), "the parameter \"jwks_pairs\" of a JWT method's configuration"),
    ] {
        let told = outcome(&world.root.send("POST", "auth/jwt/config", Some(&body)));
        assert!(told.starts_with("400 ") && told.contains(expected), "{body}: {told}");
    }
    assert_eq!(world.root.send("GET", "auth/jwt/config", None).status, 404);
    let gone = json!({"jwks_url": format!("{}/gone", issuer.address), "skip_jwks_validation": true});
    let answer = world.root.send("POST", "auth/jwt/config", Some(&gone));
    assert!(answer.body["warnings"][0].as_str().unwrap().contains("answered with status 404"), "{}", answer.body);
    // Why is for the operator, and not for whoever logs in.
    set_role(&world, &json!({}));
    let told = "400 error validating token: error verifying token signature: the keys of the issuer are not known";
    assert_eq!(outcome(&login(&world, "ci", made.token(0))), told);
    issuer.show("/gone", 200, &made.set(&["k"]).to_string());
    assert_eq!(outcome(&login(&world, "ci", made.token(0))), told, "it is not asked again at once");
    world.wait(11);
    assert_eq!(login(&world, "ci", made.token(0)).status, 200);
}

#[test]
fn roles_are_refused_with_reasons() {
    let made = signed(&[("k", "RS256")], &[]);
    let world = world(&json!({"jwt_validation_pubkeys": made.pem("k")}), &json!({}));
    let bound = |more: Value| {
        let mut body = json!({"role_type": "jwt", "user_claim": "sub", "bound_subject": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, expected) in [
        (json!({}), "a user claim must be defined on the role"),
        (bound(json!({"role_type": "saml"})), "invalid 'role_type': saml"),
        (bound(json!({"user_claim": ""})), "a user claim must be defined on the role"),
        (bound(json!({"bound_subject": ""})), "must have at least one bound constraint when creating/updating a role"),
        (bound(json!({"bound_claims_type": "regex"})), "invalid 'bound_claims_type': regex"),
        (bound(json!({"bound_claims": {"a": {"b": "c"}}})), "claim is not a string or list: \"a\""),
        (bound(json!({"bound_claims": {"a": 1}, "bound_claims_type": "glob"})), "claim is not a string: \"a\""),
        (bound(json!({"claim_mappings": {"a": "role"}})), "metadata key \"role\" is reserved"),
        (bound(json!({"claim_mappings": {"a": "x", "b": "x"}})), "multiple keys are mapped to metadata key \"x\""),
        (
            bound(json!({"token_ttl": "2h", "token_max_ttl": "1h"})),
            "'token_ttl' cannot be greater than 'token_max_ttl'",
        ),
        (bound(json!({"token_policies": "root"})), "auth methods cannot create root tokens"),
        (bound(json!({"clock_skew_leeway": -2})), "a leeway is a number of seconds"),
    ] {
        let told = outcome(&world.root.send("POST", "auth/jwt/role/other", Some(&body)));
        assert!(told.starts_with("400 ") && told.contains(expected), "{body}: {told}");
    }
    // What says nothing is no demand: Terraform's provider sends it.
    let body = bound(json!({"oidc_scopes": [], "verbose_oidc_logging": false, "max_age": 0}));
    assert_eq!(world.root.send("POST", "auth/jwt/role/other", Some(&body)).status, 204);
}

fn estate(issuer: &Issuer, login: &str) -> String {
    format!(
        r#"
environment "local" {{
  engine = "embedded"
  aws    = "sandbox"
}}

aws "aws" {{}}

auth "jwt" {{
  config {{
    oidc_discovery_url = "{}"
    bound_issuer       = "https://issuer.example"
  }}
}}

app "web" {{
  role "web" {{
    policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  }}

  login "jwt" {{
    bound_audiences = ["https://engine.example"]
    token_ttl       = "1h"
{login}
  }}
}}
"#,
        issuer.address
    )
}

const MAIN: &str = "    bound_claims    = { repository = \"octo/web\", ref = \"refs/heads/main\" }";

/// The embedded engine has the time of day: a token for a day of it.
fn of_today() -> Signed {
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    signed(&[("k", "ES256")], &[token("k", &json!({"iat": now, "nbf": now, "exp": now + 86_400}))])
}

#[test]
fn an_app_is_declared_with_a_login_of_a_ci_service_and_gets_its_credentials() {
    let made = of_today();
    let issuer = Issuer::start(&made.set(&["k"]));
    let mut env = TestEnv::new();
    let file = env.write("estate/estate.hcl", &estate(&issuer, MAIN));
    env.set("LEASEHOLD_DIR", file.parent().unwrap().display().to_string());
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    let told = "may log in by a signed token (JWT) at auth/jwt: a token is good until it ends; a token for \
                https://engine.example; branch refs/heads/main; repository octo/web; from any address";
    assert!(plan.stdout.contains(told), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["plan"]);
    let refused = env.run(&["creds", "web"]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("LEASEHOLD_JWT_FILE"), "{}", refused.stderr);
    let token = env.write("token", &format!("{}\n", made.token(0)));
    env.set("LEASEHOLD_TOKEN", "worthless").set("LEASEHOLD_JWT_FILE", token.display().to_string());
    let process: Value = serde_json::from_str(&env.ok(&["creds", "web", "--format", "process"])).unwrap();
    assert!(process["AccessKeyId"].as_str().unwrap().starts_with("AKIA"), "{process}");
    // By hand likewise: with the token of the variable, of a file, or in an argument, which is warned of.
    let by_hand = ["login", "-method=jwt", "-no-store", "-token-only", "role=app-web"];
    assert!(env.ok(&by_hand).starts_with("hvs."));
    env.set("LEASEHOLD_JWT_FILE", "");
    let refused = env.run(&by_hand);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("jwt=@FILE"), "{}", refused.stderr);
    for (given, is_warned) in [(format!("jwt=@{}", token.display()), false), (format!("jwt={}", made.token(0)), true)] {
        let output = env.run(&[&by_hand[..], &[&given]].concat());
        assert_eq!(
            (output.code, output.stderr.contains("WARNING! A signed token")),
            (0, is_warned),
            "{}",
            output.normal()
        );
        assert!(!output.stderr.contains(made.token(0)));
    }
    env.set("LEASEHOLD_JWT_FILE", token.display().to_string());
    // Another branch, and it is told; then that token logs in no more.
    env.set("LEASEHOLD_TOKEN", "");
    env.write("estate/estate.hcl", &estate(&issuer, &MAIN.replace("main", "next")));
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    assert!(plan.stdout.contains("branch refs/heads/next may now log in"), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    let refused = env.run(&["creds", "web"]);
    assert_eq!(refused.code, 2, "{}", refused.normal());
    assert!(refused.stderr.contains("claim \"ref\" does not match"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(made.token(0)), "{}", refused.stderr);
}

#[test]
fn what_is_declared_of_a_login_is_checked() {
    let issuer = Issuer::start(&json!({"keys": []}));
    let env = TestEnv::new();
    for (login, expected) in [
        ("", ""),
        ("bound_claims = { ref = \"refs/heads/*\" }", "`*` in a value of the claim ref is a star, and not any text"),
        ("bound_claims = { ref = \"refs/heads/*\" }\n bound_claims_type = \"glob\"", ""),
        ("bound_claims = { a = 1 }\n bound_claims_type = \"glob\"", "a value of the claim a is no text"),
        ("bound_claims = { a = [] }", "a claim without a value is met by no token"),
        ("bound_claims = { a = { b = 1 } }", "expected text, found a map"),
        ("role_type = \"oidc\"", "no browser could come back"),
        ("clock_skew_leeway = -2", "clock_skew_leeway is a number of seconds"),
        ("claim_mappings = { a = \"role\" }", "the metadata `role` is the role's name"),
        ("secret_id_ttl = \"1h\"", "secret_id_ttl"),
    ] {
        env.write("estate/estate.hcl", &estate(&issuer, login));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(output.code, i32::from(!expected.is_empty()), "{login}: {}", output.normal());
        assert!(output.stderr.contains(expected), "{expected}: {}", output.stderr);
    }
    let text = estate(&issuer, MAIN);
    let unbound = text.replace(MAIN, "").replace("bound_audiences = [\"https://engine.example\"]", "");
    let nobody = text.replace(&format!("oidc_discovery_url = \"{}\"", issuer.address), "");
    for (text, expected) in
        [(unbound, "any token of the issuer could log in"), (nobody, "nobody's tokens are believed")]
    {
        env.write("estate/estate.hcl", &text);
        let output = env.run(&["-C", "estate", "validate"]);
        assert!(output.code == 1 && output.stderr.contains(expected), "{expected}: {}", output.normal());
    }
}

#[test]
fn guardrails_know_what_tokens_are_bound_to() {
    let issuer = Issuer::start(&json!({"keys": []}));
    let env = TestEnv::new();
    let glob = "bound_claims = { repository = \"octo/web\", ref = \"*\" }\n    bound_claims_type = \"glob\"";
    let cluster = "bound_subject = \"system:serviceaccount:web:deploy\"";
    for (demand, login, expected) in [
        ("bound_branch", MAIN, ""),
        ("bound_branch", "bound_claims = { repository = \"octo/web\" }", "it is bound to no branch"),
        ("bound_branch", "bound_subject = \"repo:octo/web:environment:prod\"", "it is bound to no branch"),
        ("bound_branch", "bound_subject = \"repo:octo/web:ref:refs/heads/main\"", ""),
        ("bound_branch", glob, "any branch like * may log in"),
        ("bound_branch", cluster, ""),
        ("bound_branch", "", "it is bound to no branch"),
        ("bound_branch", "bound_claims = { project_id = \"7\" }", "it is bound to no branch"),
        ("bound_branch", "bound_subject = \"ann\"", ""),
        ("bound_namespaces", "bound_claims = { project_id = \"7\" }", "it is bound to no namespace"),
        ("bound_namespaces", cluster, ""),
        ("bound_audiences", MAIN, ""),
        ("exact_bindings", MAIN, ""),
        ("exact_bindings", glob, "any branch like * may log in"),
    ] {
        let guardrail = format!("guardrail \"ci\" {{\n  require {{\n    {demand} = true\n  }}\n}}\n");
        env.write("estate/estate.hcl", &format!("{}{guardrail}", estate(&issuer, login)));
        let output = env.run(&["-C", "estate", "validate", "--all"]);
        let code = if expected.is_empty() { 0 } else { 3 };
        assert_eq!(output.code, code, "{demand} {login}: {}", output.normal());
        assert!(output.normal().contains(expected), "{demand} {login}: {}", output.normal());
    }
}
