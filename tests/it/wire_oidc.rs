//! Logins with a browser over HTTP (source: Vault API, "JWT/OIDC auth method", and what OpenBao 2.6.2 answers). The issuer
//! is `tests/jwt/issuer.py`, with PyJWT; the person is a few lines of `provider`.

use serde_json::{Value, json};

use crate::http::Answer;
use crate::http::{outcome, said as text};
use crate::provider::{Back, CLIENT, Provider};
use crate::wire_auth::World;

/// When the engine's clock stands still.
const NOW: i64 = 1_790_000_000;

const CALLBACK: &str = "http://localhost:8250/oidc/callback";

/// An engine, an issuer, and the role `people`.
struct Scene {
    world: World,
    issuer: Provider,
}

impl Scene {
    fn new(role: &Value) -> Self {
        let scene = Self { world: World::new(), issuer: Provider::start() };
        scene.behave(&json!({}));
        scene.world.root.post("sys/auth/oidc", &json!({"type": "oidc"}));
        scene.world.root.post("auth/oidc/config", &scene.config());
        scene.set_role(role);
        scene
    }

    fn config(&self) -> Value {
        json!({
            "oidc_discovery_url": self.issuer.address, "oidc_client_id": CLIENT.0, "oidc_client_secret": CLIENT.1,
            "default_role": "people",
        })
    }

    /// The issuer's clock is the engine's.
    fn behave(&self, settings: &Value) {
        let mut settings = settings.clone();
        settings["now"] = NOW.into();
        self.issuer.set(&settings);
    }

    fn set_role(&self, more: &Value) {
        let mut role = json!({
            "role_type": "oidc", "user_claim": "email", "allowed_redirect_uris": [CALLBACK], "bound_claims": {},
            "bound_audiences": [], "bound_subject": "", "groups_claim": "", "max_age": 0, "token_bound_cidrs": [],
        });
        for (name, value) in more.as_object().unwrap() {
            role[name] = value.clone();
        }
        self.world.root.post("auth/oidc/role/people", &role);
    }

    fn ask(&self, body: &Value) -> Answer {
        self.world.root.with_token("").send("POST", "auth/oidc/oidc/auth_url", Some(body))
    }

    /// Where a person is sent.
    fn begin(&self) -> String {
        let answer = self.ask(&json!({"role": "People", "redirect_uri": CALLBACK, "client_nonce": "mine"}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        text(&answer.body["data"]["auth_url"])
    }

    fn callback(&self, query: &str) -> Answer {
        self.world.root.with_token("").send("GET", &format!("auth/oidc/oidc/callback?{query}"), None)
    }

    fn end(&self, back: &Back) -> Answer {
        self.callback(&format!("{}&client_nonce=mine", back.query))
    }

    /// The whole way.
    fn log_in(&self) -> Answer {
        self.end(&self.issuer.log_in(&self.begin()))
    }
}

#[test]
fn a_person_logs_in_with_a_browser() {
    let scene = Scene::new(&json!({
        "token_policies": "web", "token_ttl": "20m", "groups_claim": "groups", "claim_mappings": {"email": "mail"},
        "oidc_scopes": ["email", "groups"], "max_age": "1h",
    }));
    let url = scene.begin();
    for part in [
        "client_id=engine",
        "code_challenge_method=S256",
        "response_type=code",
        "redirect_uri=http%3A%2F%2Flocalhost%3A8250%2Foidc%2Fcallback",
        "scope=openid%20email%20groups",
        "max_age=3600",
    ] {
        assert!(url.split(['?', '&']).any(|one| one == part), "{part}: {url}");
    }
    // Groups of people are found by the claim.
    let root = &scene.world.root;
    root.post("identity/group", &json!({"name": "ops", "type": "external", "policies": ["deploy"]}));
    let accessor = text(&root.get("sys/auth")["data"]["oidc/"]["accessor"]);
    assert!(accessor.starts_with("auth_oidc_"), "{accessor}");
    let group = text(&root.get("identity/group/name/ops")["data"]["id"]);
    root.post("identity/group-alias", &json!({"name": "ops", "mount_accessor": accessor, "canonical_id": group}));

    let back = scene.issuer.log_in(&url);
    assert_eq!(back.to, CALLBACK);
    let answer = scene.end(&back);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let auth = &answer.body["auth"];
    assert_eq!(auth["token_policies"], json!(["default", "web"]));
    assert_eq!(auth["identity_policies"], json!(["deploy"]));
    assert_eq!(auth["metadata"], json!({"role": "people", "mail": "ann@example.com"}));
    assert_eq!(auth["lease_duration"], 1200);
    let own = root.with_token(auth["client_token"].as_str().unwrap());
    let found = own.get("auth/token/lookup-self");
    assert_eq!(found["data"]["display_name"], "oidc-ann@example.com");
    assert_eq!(found["data"]["path"], "auth/oidc/oidc/callback");
    assert_eq!(own.send("POST", "auth/token/renew-self", Some(&json!({}))).status, 200);
    // The code was changed once, by the client with its secret, and for the address that it was given for.
    let asked = scene.issuer.asked();
    let changes: Vec<&Value> = asked.iter().filter(|one| one["path"] == "/token").collect();
    let [change] = changes[..] else { panic!("{changes:?}") };
    assert!(change["authorization"].as_str().unwrap().starts_with("Basic "), "{change}");
    assert_eq!(change["fields"]["redirect_uri"], CALLBACK);
    assert_eq!(change["fields"]["client_secret"], Value::Null);
    // It is known once: neither the same callback nor its code is good for more.
    let used = "400 Vault login failed. Expired or missing OAuth state.";
    assert_eq!(outcome(&scene.end(&back)), used);
    let next = scene.issuer.log_in(&scene.begin());
    let query = format!("state={}&code={}&client_nonce=mine", next.parameter("state"), back.parameter("code"));
    assert_eq!(
        outcome(&scene.callback(&query)),
        "400 Vault login failed. Error exchanging oidc code: \"invalid_grant\"."
    );
    // Nobody else's machine, and any port of one's own.
    for (uri, is_allowed) in [
        ("http://localhost:39999/oidc/callback", true),
        ("http://127.0.0.1:8250/oidc/callback", false),
        ("http://localhost:8250/oidc/callback#x", false),
        ("https://example.com/oidc/callback", false),
    ] {
        let answer = scene.ask(&json!({"role": "people", "redirect_uri": uri}));
        assert_eq!((answer.status, text(&answer.body["data"]["auth_url"]).is_empty()), (200, !is_allowed), "{uri}");
    }
}

#[test]
fn nothing_is_told_to_whom_is_nobody() {
    let scene = Scene::new(&json!({}));
    let root = &scene.world.root;
    root.post(
        "auth/oidc/role/ci",
        &json!({"role_type": "jwt", "user_claim": "sub", "bound_audiences": "engine", "allowed_redirect_uris": []}),
    );
    for body in [
        json!({"role": "nobody", "redirect_uri": CALLBACK}),
        json!({"role": "ci", "redirect_uri": CALLBACK}),
        json!({"role": "people", "redirect_uri": "https://example.com"}),
    ] {
        let answer = scene.ask(&body);
        assert_eq!((answer.status, &answer.body["data"]), (200, &json!({"auth_url": ""})), "{body}");
    }
    for (body, expected) in [
        (json!({"role": "people"}), "400 missing redirect_uri"),
        (json!({"role": "people", "redirect_uri": ""}), "400 missing redirect_uri"),
        (
            json!({"redirect_uri": CALLBACK, "client_nonce": "x".repeat(513)}),
            "400 client_nonce is longer than 512 bytes",
        ),
        (
            json!({"redirect_uri": CALLBACK, "x": 1}),
            "400 the parameter \"x\" of the begin of a login is not supported by this server",
        ),
    ] {
        assert_eq!(outcome(&scene.ask(&body)), expected, "{body}");
    }
    // Without a role, the method's own.
    assert_ne!(scene.ask(&json!({"redirect_uri": CALLBACK})).body["data"]["auth_url"], "");
    let state = "400 Vault login failed. Expired or missing OAuth state.";
    for query in ["", "state=", "state=x&code=y", "code=y"] {
        assert_eq!(outcome(&scene.callback(query)), state, "{query}");
    }
    root.post("sys/auth/plain", &json!({"type": "oidc"}));
    let plain = |path: &str, body: Option<&Value>| {
        root.with_token("").send(if body.is_some() { "POST" } else { "GET" }, &format!("auth/plain/oidc/{path}"), body)
    };
    let begin = json!({"role": "people", "redirect_uri": CALLBACK});
    assert_eq!(outcome(&plain("auth_url", Some(&begin))), "400 could not load configuration");
    assert_eq!(outcome(&plain("callback?state=x", None)), "400 Vault login failed. Could not load configuration");
    root.post("auth/plain/config", &json!({"oidc_discovery_url": scene.issuer.address, "default_role": "people"}));
    assert_eq!(outcome(&plain("auth_url", Some(&begin))), "400 OIDC login is not configured for this mount");
    // What others serve besides is told by its name.
    let poll = root.send("POST", "auth/oidc/oidc/poll", Some(&json!({})));
    assert_eq!(poll.status, 404);
    assert!(outcome(&poll).contains("the callback modes direct and device"), "{}", outcome(&poll));
}

#[test]
fn a_login_fits_its_state_its_nonce_and_its_time() {
    let scene = Scene::new(&json!({}));
    // Another's nonce, and none; neither leaves the state for a second try.
    for nonce in ["&client_nonce=other", "&client_nonce=", ""] {
        let back = scene.issuer.log_in(&scene.begin());
        assert_eq!(outcome(&scene.callback(&format!("{}{nonce}", back.query))), "400 invalid client_nonce");
        assert_eq!(outcome(&scene.end(&back)), "400 Vault login failed. Expired or missing OAuth state.");
    }
    // Ten minutes by the engine's clock.
    let back = scene.issuer.log_in(&scene.begin());
    scene.world.wait(599);
    assert_eq!(scene.end(&back).status, 400, "the issuer's token is of ten minutes ago");
    scene.behave(&json!({"claims": {"iat": NOW + 600, "exp": NOW + 1200}}));
    let back = scene.issuer.log_in(&scene.begin());
    scene.world.wait(599);
    assert_eq!(scene.end(&back).status, 200);
    let back = scene.issuer.log_in(&scene.begin());
    scene.world.wait(600);
    assert_eq!(outcome(&scene.end(&back)), "400 Vault login failed. Expired or missing OAuth state.");
    // What was begun as another client, or at another mount, is not ended here.
    let back = scene.issuer.log_in(&scene.begin());
    let root = &scene.world.root;
    root.post("sys/auth/other", &json!({"type": "oidc"}));
    root.post("auth/other/config", &scene.config());
    let path = format!("auth/other/oidc/callback?{}&client_nonce=mine", back.query);
    let elsewhere = root.with_token("").send("GET", &path, None);
    assert_eq!(outcome(&elsewhere), "400 Vault login failed. Expired or missing OAuth state.");
    let mut config = scene.config();
    config["oidc_client_id"] = "another".into();
    root.post("auth/oidc/config", &config);
    assert_eq!(outcome(&scene.end(&back)), "400 Vault login failed. Expired or missing OAuth state.");
}

#[test]
fn what_the_issuer_says_is_judged_as_any_token() {
    let scene = Scene::new(&json!({}));
    let token = "400 Vault login failed. error validating token: ";
    // The role, how the issuer behaves, and what is answered; nothing for a token.
    for (role, issuer, expected) in [
        (json!({}), json!({}), String::new()),
        (json!({}), json!({"claims": {"nonce": "other"}}), format!("{token}invalid ID token nonce")),
        (json!({}), json!({"claims": {"nonce": null}}), format!("{token}invalid ID token nonce")),
        (json!({}), json!({"claims": {"iss": "https://example.com"}}), format!("{token}invalid issuer (iss) claim")),
        (
            json!({}),
            json!({"claims": {"aud": "other"}}),
            format!("{token}invalid audience (aud) claim: the token is not for the method's client"),
        ),
        (
            json!({}),
            json!({"claims": {"aud": ["engine", "other"]}}),
            format!("{token}invalid authorized party (azp) claim"),
        ),
        (json!({}), json!({"claims": {"aud": ["engine", "other"], "azp": "engine"}}), String::new()),
        (
            json!({}),
            json!({"claims": {"exp": NOW - 100}}),
            format!("{token}invalid expiration time (exp) claim: token is expired"),
        ),
        (
            json!({}),
            json!({"key": "other"}),
            format!("{token}error verifying token signature: no known key signed the token"),
        ),
        (json!({"bound_audiences": "engine"}), json!({}), String::new()),
        (
            json!({"bound_audiences": "other"}),
            json!({}),
            format!("{token}invalid audience (aud) claim: audience claim does not match any expected audience"),
        ),
        (json!({"bound_subject": "ann-1"}), json!({}), String::new()),
        (json!({"bound_subject": "bob-2"}), json!({}), format!("{token}invalid subject (sub) claim")),
        (json!({"bound_claims": {"groups": ["ops"]}}), json!({}), String::new()),
        (
            json!({"bound_claims": {"groups": ["admins"]}}),
            json!({}),
            "400 Vault login failed. error validating claims: claim \"groups\" does not match any associated bound claim \
             values"
                .to_owned(),
        ),
        // What the issuer tells at its own address is added, and changes nothing that it signed.
        (json!({"bound_claims": {"team": "web"}}), json!({"user_info": {"team": "web"}}), String::new()),
        (
            json!({"bound_claims": {"groups": "admins"}}),
            json!({"user_info": {"groups": ["admins"]}}),
            "400 Vault login failed. error validating claims: claim \"groups\" does not match any associated bound claim \
             values"
                .to_owned(),
        ),
        (
            json!({"bound_claims": {"team": "web"}}),
            json!({"user_info": {"team": "web", "sub": "bob-2"}}),
            "400 Vault login failed. error validating claims: claim \"team\" is missing".to_owned(),
        ),
        (json!({"max_age": 60}), json!({}), String::new()),
        (
            json!({"max_age": 60}),
            json!({"claims": {"auth_time": null}}),
            format!("{token}missing auth_time claim, which max_age asks for"),
        ),
        (
            json!({"max_age": 60}),
            json!({"claims": {"auth_time": NOW - 121}}),
            format!("{token}invalid auth_time claim: it is longer ago than max_age that the issuer saw who it is"),
        ),
        (
            json!({"user_claim": "login"}),
            json!({}),
            "400 Vault login failed. claim \"login\" not found in token".to_owned(),
        ),
        (json!({"token_bound_cidrs": "192.0.2.0/24"}), json!({}), "403 permission denied".to_owned()),
    ] {
        scene.behave(&issuer);
        scene.set_role(&role);
        let answer = scene.log_in();
        let what = format!("{role} {issuer}: {}", answer.body);
        match expected.as_str() {
            "" => assert_eq!(answer.status, 200, "{what}"),
            expected => assert_eq!(outcome(&answer), expected, "{what}"),
        }
    }
    // A token of the issuer is no login by itself, not for a role of browsers.
    scene.behave(&json!({}));
    let own = scene.world.root.with_token("");
    let answer = own.send("POST", "auth/oidc/login", Some(&json!({"role": "people", "jwt": "a.b.c"})));
    assert!(outcome(&answer).starts_with("400 error validating token"), "{}", answer.body);
}

#[test]
fn an_issuer_that_gives_nothing_lets_nobody_in() {
    let scene = Scene::new(&json!({}));
    let exchange = |told: &str| format!("400 Vault login failed. Error exchanging oidc code: \"{told}\".");
    for (issuer, told) in [
        (json!({"token_status": 503}), "the issuer refused it"),
        (json!({"token_status": 400, "token_body": {"error": "invalid_grant"}}), "invalid_grant"),
        (json!({"token_status": 400, "token_body": {"error": "<script>"}}), "the issuer refused it"),
        (json!({"token_status": 200, "token_body": {"access_token": "x"}}), "the issuer's answer is of no use"),
        (json!({"token_status": 200, "token_body": []}), "the issuer's answer is of no use"),
        (json!({"silent": true}), "the issuer did not answer"),
    ] {
        scene.behave(&issuer);
        assert_eq!(outcome(&scene.log_in()), exchange(told), "{issuer}");
    }
    // What it says instead of a code.
    for (code, told) in [
        ("access_denied", "access_denied"),
        ("login_required", "An unknown error occurred during OIDC authentication. Check server logs for details"),
    ] {
        scene.behave(&json!({"error": code}));
        assert_eq!(outcome(&scene.log_in()), format!("400 Vault login failed. {told}"));
    }
    scene.behave(&json!({}));
    let back = scene.issuer.log_in(&scene.begin());
    let query = format!("state={}&client_nonce=mine", back.parameter("state"));
    assert_eq!(outcome(&scene.callback(&query)), "400 Vault login failed. No code or id_token received.");
    // The secret is sent as the issuer wants it; a wrong one is told as it tells it.
    scene.behave(&json!({"methods": ["client_secret_post"]}));
    scene.world.root.post("auth/oidc/config", &scene.config());
    assert_eq!(scene.log_in().status, 200);
    scene.behave(&json!({"methods": ["private_key_jwt"]}));
    scene.world.root.post("auth/oidc/config", &scene.config());
    assert_eq!(outcome(&scene.log_in()), exchange("the issuer's answer is of no use"));
    scene.behave(&json!({}));
    let mut config = scene.config();
    config["oidc_client_secret"] = "wrong".into();
    scene.world.root.post("auth/oidc/config", &config);
    assert_eq!(outcome(&scene.log_in()), exchange("invalid_client"));
    // One that is gone: whoever was there already comes back to nothing, and is sent there as before.
    scene.world.root.post("auth/oidc/config", &scene.config());
    let back = scene.issuer.log_in(&scene.begin());
    let Scene { world, issuer } = scene;
    drop(issuer);
    let path = format!("auth/oidc/oidc/callback?{}&client_nonce=mine", back.query);
    let answer = world.root.with_token("").send("GET", &path, None);
    assert_eq!(outcome(&answer), exchange("the issuer did not answer"));
}

#[test]
fn a_client_is_configured_whole_and_its_secret_never_told() {
    let scene = Scene::new(&json!({}));
    let root = &scene.world.root;
    let read = root.get("auth/oidc/config");
    assert_eq!(read["data"]["oidc_client_id"], "engine");
    assert!(!read.to_string().contains("secret"), "{read}");
    for (change, expected) in [
        (json!({"oidc_client_secret": ""}), "both 'oidc_client_id' and 'oidc_client_secret' must be set for OIDC"),
        (json!({"oidc_client_id": ""}), "both 'oidc_client_id' and 'oidc_client_secret' must be set for OIDC"),
        (
            json!({"oidc_discovery_url": "", "jwks_url": format!("{}/keys", scene.issuer.address)}),
            "'oidc_discovery_url' must be set for OIDC",
        ),
        (json!({"oidc_response_mode": "form_post"}), "the oidc_response_mode \"form_post\" is not served here"),
        (json!({"oidc_response_mode": "fragment"}), "invalid response_mode: \"fragment\""),
        (json!({"oidc_response_types": "id_token"}), "the oidc_response_types \"id_token\" is not served here"),
        (json!({"oidc_response_types": "token"}), "invalid response_types"),
        (json!({"provider_config": {"provider": "gsuite"}}), "the parameter \"provider_config\" of a JWT method's"),
    ] {
        let mut config = scene.config();
        for (name, value) in change.as_object().unwrap() {
            config[name] = value.clone();
        }
        let told = outcome(&root.send("POST", "auth/oidc/config", Some(&config)));
        assert!(told.starts_with(&format!("400 {expected}")), "{change}: {told}");
    }
    let mut config = scene.config();
    config["oidc_response_mode"] = "query".into();
    config["oidc_response_types"] = "code".into();
    config["provider_config"] = json!({});
    config["namespace_in_state"] = true.into();
    root.post("auth/oidc/config", &config);
    for (body, expected) in [
        (json!({}), "a user claim must be defined on the role"),
        (json!({"user_claim": "sub"}), "'allowed_redirect_uris' must be set if 'role_type' is 'oidc' or unspecified."),
        (
            json!({"user_claim": "sub", "allowed_redirect_uris": CALLBACK, "callback_mode": "direct"}),
            "the callback_mode \"direct\" is not served here",
        ),
        (
            json!({"user_claim": "sub", "allowed_redirect_uris": CALLBACK, "callback_mode": "x"}),
            "invalid 'callback_mode': x",
        ),
        (
            json!({"user_claim": "sub", "allowed_redirect_uris": CALLBACK, "verbose_oidc_logging": true}),
            "the parameter \"verbose_oidc_logging\" of a JWT role is not supported",
        ),
        (
            json!({"role_type": "jwt", "user_claim": "sub", "bound_subject": "x", "allowed_redirect_uris": CALLBACK}),
            "allowed_redirect_uris is of roles with role_type=oidc alone",
        ),
    ] {
        let told = outcome(&root.send("POST", "auth/oidc/role/other", Some(&body)));
        assert!(told.starts_with(&format!("400 {expected}")), "{body}: {told}");
    }
    // What a role of a browser says is read back; without a type, it is one.
    let body = json!({"user_claim": "sub", "allowed_redirect_uris": [CALLBACK], "oidc_scopes": "email,groups", "max_age": "2m"});
    root.post("auth/oidc/role/other", &body);
    let read = root.get("auth/oidc/role/other");
    for (name, value) in [
        ("role_type", json!("oidc")),
        ("oidc_scopes", json!(["email", "groups"])),
        ("allowed_redirect_uris", json!([CALLBACK])),
        ("max_age", json!(120)),
        ("callback_mode", json!("client")),
    ] {
        assert_eq!(read["data"][name], value, "{name}");
    }
}
