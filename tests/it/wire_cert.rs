//! Logins by TLS certificates, over TLS (source: Vault API, "TLS certificates auth method"; OpenBao,
//! `builtin/credential/cert`; cases of `tests/data/wire.md`, M): what is trusted, what a role takes, what renewals need, and what a connection carries.

use rcgen::{
    BasicConstraints, CustomExtension, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints,
};
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use serde_json::{Value, json};

use crate::certificates::{Authority, Identity, TlsClient, at, ca, certified, client, dns, email, uri};
use crate::env::TestEnv;
use crate::wire_auth::World;

/// When the engine's clock stands still.
const NOW: i64 = 1_790_000_000;
const DAY: i64 = 86_400;

const UNTRUSTED: &str = "invalid certificate or no client certificate supplied";
const UNLIKE: &str = "no chain matching all constraints could be found for this login certificate";

/// An engine with a cert method, and its listener with TLS.
struct Site {
    world: World,
    address: String,
    server: CertificateDer<'static>,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        world.root.post("sys/auth/cert", &json!({ "type": "cert" }));
        let (address, server) = world.with_tls();
        Self { world, address, server }
    }

    /// A role for an authority's certificates.
    fn role(&self, name: &str, certificate: &str, more: &Value) {
        let mut all = json!({ "certificate": certificate });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.world.root.post(&format!("auth/cert/certs/{name}"), &all);
    }

    fn client(&self, who: Option<&Identity>) -> TlsClient {
        TlsClient::new(&self.address, &self.server, who)
    }

    fn login(&self, who: &Identity) -> (u16, Value) {
        login(&self.client(Some(who)), &json!({}))
    }

    /// What a login comes to: the role's name, or why there is none.
    fn comes_to(&self, who: &Identity) -> String {
        outcome(&self.login(who))
    }
}

fn login(client: &TlsClient, body: &Value) -> (u16, Value) {
    let (status, answer, _) = client.send("POST", "auth/cert/login", &[], body).unwrap();
    (status, answer)
}

fn outcome((status, answer): &(u16, Value)) -> String {
    match status {
        200 => answer["auth"]["metadata"]["cert_name"].as_str().unwrap().to_owned(),
        _ => format!("{status} {}", answer["errors"][0].as_str().unwrap()),
    }
}

#[test]
fn a_certificate_logs_in_and_what_is_known_of_it_is_told() {
    // M13
    let site = Site::new();
    let root = Authority::new(ca("root"));
    site.role(
        "WEB",
        &root.pem,
        &json!({ "token_ttl": "20m", "token_policies": "p", "allowed_metadata_extensions": "1.2.840.9" }),
    );
    let mut params = client("app-web");
    params.serial_number = Some(0x1234_5678_9abc_u64.into());
    params.use_authority_key_identifier_extension = true;
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[1, 2, 840, 9], b"\x0c\x04team".to_vec())];
    let who = root.signs(&params);
    let (status, answer) = site.login(&who);
    let auth = &answer["auth"];
    assert_eq!((status, &auth["lease_duration"], &auth["policies"]), (200, &json!(1200), &json!(["default", "p"])));
    let meta = &auth["metadata"];
    assert_eq!((&meta["cert_name"], &meta["common_name"]), (&json!("web"), &json!("app-web")));
    assert_eq!((&meta["serial_number"], &meta["1-2-840-9"]), (&json!("20015998343868"), &json!("team")));
    assert_eq!(meta["authority_key_id"].as_str().unwrap().len(), 59);
    let own = site.world.root.with_token(auth["client_token"].as_str().unwrap());
    let told = own.get("auth/token/lookup-self")["data"].clone();
    assert_eq!(told["display_name"], "cert-web");
    // Nothing of the certificate that renewals need is told.
    assert!(!told.to_string().contains("sha256"), "{told}");
    let entity = site.world.root.get(&format!("identity/entity/id/{}", told["entity_id"].as_str().unwrap()));
    let alias = &entity["data"]["aliases"][0];
    assert_eq!((&alias["name"], &alias["metadata"]), (&json!("app-web"), &Value::Null));
    site.world.root.post("auth/cert/config", &json!({ "enable_identity_alias_metadata": true }));
    assert_eq!(site.comes_to(&who), "web");
    let entity = site.world.root.get(&format!("identity/entity/id/{}", told["entity_id"].as_str().unwrap()));
    assert_eq!(entity["data"]["aliases"][0]["metadata"]["cert_name"], "web");
    let read = site.world.root.get("auth/cert/certs/web")["data"].clone();
    assert_eq!((&read["certificate"], &read["display_name"]), (&json!(root.pem), &json!("web")));
    assert_eq!(site.world.root.send("LIST", "auth/cert/certs", None).body["data"]["keys"], json!(["web"]));
}

#[test]
fn without_a_certificate_of_its_own_connection_nobody_logs_in() {
    // M14
    let site = Site::new();
    let root = Authority::new(ca("root"));
    site.role("web", &root.pem, &json!({}));
    let who = root.signs(&client("app"));
    let bare = site.client(None);
    assert_eq!(outcome(&login(&bare, &json!({}))), "400 no client certificate found");
    // What proxies say of certificates is never believed, whatever they call it.
    let pem = who.pem.replace('\n', "%0A");
    for header in ["X-SSL-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert", "X-Forwarded-Tls-Client-Cert"] {
        let (status, answer, _) = bare.send("POST", "auth/cert/login", &[(header, &pem)], &json!({})).unwrap();
        assert_eq!(outcome(&(status, answer)), "400 no client certificate found", "{header}");
    }
    // Nor is there any where there is no TLS.
    let plain = site.world.root.with_token("").send("POST", "auth/cert/login", Some(&json!({})));
    assert_eq!(plain.status, 400);
    assert!(plain.body["errors"][0].as_str().unwrap().starts_with("tls connection not found"), "{}", plain.body);
    // Everything else is served as ever, with any certificate.
    let stranger = site.client(Some(&Identity::alone(&client("anybody"))));
    assert_eq!(stranger.send("GET", "sys/health", &[], &Value::Null).unwrap().0, 200);
}

#[test]
fn a_certificate_has_to_be_good_now_and_for_clients_and_of_whom_the_role_trusts() {
    // M15
    let site = Site::new();
    let root = Authority::new(ca("root"));
    site.role("web", &root.pem, &json!({}));
    let signed = |change: fn(&mut rcgen::CertificateParams)| {
        let mut params = client("app");
        change(&mut params);
        root.signs(&params)
    };
    let other = Authority::new(ca("root"));
    for (what, who, expected) in [
        ("good", signed(|_| {}), "web".to_owned()),
        ("for anything", signed(|params| params.extended_key_usages = vec![]), "web".to_owned()),
        (
            "expired",
            signed(|params| params.not_after = at(NOW - 1)),
            "400 failed to verify client's certificate: it has expired".to_owned(),
        ),
        (
            "early",
            signed(|params| params.not_before = at(NOW + 1)),
            "400 failed to verify client's certificate: it is not valid yet".to_owned(),
        ),
        (
            "for servers",
            signed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            "400 failed to verify client's certificate: its extended key usage is not that of clients".to_owned(),
        ),
        ("of a CA of the same name", other.signs(&client("app")), format!("400 {UNTRUSTED}")),
        ("of itself", Identity::alone(&client("app")), format!("400 {UNTRUSTED}")),
        (
            "without a name",
            root.signs(&client("")),
            "400 the client's certificate has no common name, by which whoever logs in is known".to_owned(),
        ),
    ] {
        assert_eq!(site.comes_to(&who), expected, "{what}");
    }
    // A CA that has ended, or is not one for clients, vouches for nobody; nor does one beyond its limits.
    for (what, change, takes) in [
        ("as it is", (|_| {}) as fn(&mut rcgen::CertificateParams), true),
        ("ended", |params| params.not_after = at(NOW - 1), false),
        ("to come", |params| params.not_before = at(NOW + DAY), false),
        ("for servers", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth], false),
        ("signs nothing", |params| params.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign], false),
        ("for other names", |params| params.name_constraints = Some(only("other.example")), false),
        ("for its names", |params| params.name_constraints = Some(only("one.example")), true),
    ] {
        let mut params = ca("ca");
        change(&mut params);
        let authority = Authority::new(params);
        site.role("web", &authority.pem, &json!({}));
        let mut params = client("app");
        params.subject_alt_names = vec![dns("app.one.example")];
        let expected = if takes { "web".to_owned() } else { format!("400 {UNTRUSTED}") };
        assert_eq!(site.comes_to(&authority.signs(&params)), expected, "{what}");
    }
}

fn only(name: &str) -> NameConstraints {
    NameConstraints { permitted_subtrees: vec![GeneralSubtree::DnsName(name.to_owned())], excluded_subtrees: vec![] }
}

#[test]
fn a_path_leads_through_what_the_client_shows_to_a_ca_of_the_role() {
    let site = Site::new();
    let root = Authority::new(ca("root"));
    let between = root.below(ca("between"));
    let who = || between.signs(&client("app"));
    site.role("web", &root.pem, &json!({}));
    assert_eq!(site.comes_to(&who()), format!("400 {UNTRUSTED}"));
    assert_eq!(site.comes_to(&who().through(&between)), "web");
    // One between is enough for a role, without its root; another's is not.
    site.role("web", &between.pem, &json!({}));
    assert_eq!(site.comes_to(&who()), "web");
    assert_eq!(site.comes_to(&root.signs(&client("app"))), format!("400 {UNTRUSTED}"));
    // A role has as many CAs as its text.
    site.role("web", &format!("{}{}", Authority::new(ca("other")).pem, root.pem), &json!({}));
    assert_eq!(site.comes_to(&root.signs(&client("app"))), "web");
    // A client's certificate signs nothing, whatever its owner makes with its key.
    let leaf = root.below(client("leaf"));
    assert_eq!(site.comes_to(&leaf.signs(&client("app")).through(&leaf)), format!("400 {UNTRUSTED}"));
    // A CA says how long its paths are, and whoever trusts it keeps to that.
    let mut short = ca("short");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = Authority::new(short);
    let below = short.below(ca("below"));
    site.role("web", &short.pem, &json!({}));
    assert_eq!(site.comes_to(&short.signs(&client("app"))), "web");
    assert_eq!(site.comes_to(&below.signs(&client("app")).through(&below)), format!("400 {UNTRUSTED}"));
}

#[test]
fn a_role_may_be_for_one_certificate_alone() {
    let site = Site::new();
    let one = Identity::alone(&client("app"));
    site.role("web", &one.pem, &json!({}));
    assert_eq!(site.comes_to(&one), "web");
    // The same words, and another key.
    assert_eq!(site.comes_to(&Identity::alone(&client("app"))), format!("400 {UNTRUSTED}"));
    // As `openssl req -x509` makes one, which calls itself a CA.
    let mut params = ca("itself");
    params.not_after = at(NOW + DAY);
    let itself = Identity::alone(&params);
    site.role("web", &itself.pem, &json!({}));
    assert_eq!(site.comes_to(&itself), "web");
    site.world.wait(DAY as u64 + 1);
    assert_eq!(site.comes_to(&itself), "400 failed to verify client's certificate: it has expired");
}

#[test]
fn names_are_like_the_patterns_of_a_role() {
    // M16
    let site = Site::new();
    let root = Authority::new(ca("root"));
    let mut params = client("app-web");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "team one");
    params.subject_alt_names =
        vec![dns("web.one.example"), email("web@one.example"), uri("spiffe://one.example/web"), dns("second.example")];
    params.custom_extensions = vec![
        CustomExtension::from_oid_content(&[1, 2, 840, 9], b"\x0c\x04team".to_vec()),
        CustomExtension::from_oid_content(&[1, 2, 840, 10], b"\x30\x00".to_vec()),
    ];
    let who = root.signs(&params);
    for (bound, takes) in [
        (json!({ "allowed_common_names": "app-web" }), true),
        (json!({ "allowed_common_names": "other,app-*" }), true),
        (json!({ "allowed_common_names": "*web" }), true),
        (json!({ "allowed_common_names": "APP-WEB" }), false),
        (json!({ "allowed_common_names": "app" }), false),
        (json!({ "allowed_common_names": "app-we?" }), false),
        (json!({ "allowed_common_names": "web.one.example" }), false),
        (json!({ "allowed_dns_sans": "*.one.example" }), true),
        (json!({ "allowed_dns_sans": "second.example" }), true),
        (json!({ "allowed_dns_sans": "app-web" }), false),
        (json!({ "allowed_email_sans": "*@one.example" }), true),
        (json!({ "allowed_email_sans": "*@other.example" }), false),
        (json!({ "allowed_uri_sans": "spiffe://one.example/*" }), true),
        (json!({ "allowed_uri_sans": "spiffe://other.example/*" }), false),
        (json!({ "allowed_organizational_units": "team*" }), true),
        (json!({ "allowed_organizational_units": "team" }), false),
        (json!({ "allowed_names": "web@one.example" }), true),
        (json!({ "allowed_names": "spiffe://one.example/web" }), false),
        (json!({ "required_extensions": ["1.2.840.9:te*"] }), true),
        (json!({ "required_extensions": ["1.2.840.9:te*", "1.2.840.10:*"] }), true),
        (json!({ "required_extensions": ["1.2.840.9:te*", "1.2.840.10:x"] }), false),
        (json!({ "required_extensions": ["1.2.840.11:*"] }), false),
        (json!({ "allowed_common_names": "app-web", "allowed_dns_sans": "other" }), false),
    ] {
        assert_eq!(site.world.root.send("DELETE", "auth/cert/certs/web", None).status, 204);
        site.role("web", &root.pem, &bound);
        let expected = if takes { "web".to_owned() } else { format!("400 {UNLIKE}") };
        assert_eq!(site.comes_to(&who), expected, "{bound}");
    }
}

#[test]
fn of_several_roles_that_take_a_certificate_the_first_does_or_the_one_that_is_named() {
    let site = Site::new();
    let root = Authority::new(ca("root"));
    let who = root.signs(&client("app"));
    site.role("b", &root.pem, &json!({}));
    site.role("a", &root.pem, &json!({ "allowed_common_names": "other" }));
    site.role("c", &root.pem, &json!({}));
    assert_eq!(site.comes_to(&who), "b");
    let named = |name: &str| outcome(&login(&site.client(Some(&who)), &json!({ "name": name })));
    assert_eq!(
        (named("C"), named("a"), named("d")),
        ("c".to_owned(), format!("400 {UNLIKE}"), format!("400 {UNTRUSTED}"))
    );
    // One for this certificate alone goes before those for whatever a CA signs.
    site.role("z", &who.pem, &json!({}));
    assert_eq!(site.comes_to(&who), "z");
}

#[test]
fn a_renewal_needs_the_certificate_of_the_login_and_what_it_was_good_for() {
    // M17
    let site = Site::new();
    let root = Authority::new(ca("root"));
    let mut params = client("app");
    params.not_after = at(NOW + DAY);
    let who = root.signs(&params);
    let terms = json!({ "token_ttl": "20m", "token_policies": "p" });
    site.role("web", &root.pem, &terms);
    let (_, answer) = site.login(&who);
    let token = answer["auth"]["client_token"].as_str().unwrap().to_owned();
    let renew = |client: &TlsClient| {
        let sent = client.send("POST", "auth/token/renew-self", &[("X-Vault-Token", &token)], &json!({})).unwrap();
        if sent.0 == 200 {
            "renewed".to_owned()
        } else {
            format!("{} {}", sent.0, sent.1["errors"][0].as_str().unwrap())
        }
    };
    let own = site.client(Some(&who));
    assert_eq!(renew(&own), "renewed");
    let other = root.signs(&client("app"));
    let differs = renew(&site.client(Some(&other)));
    assert!(differs.starts_with("400 client identity during renewal not matching"), "{differs}");
    assert_eq!(renew(&site.client(None)), "400 no client certificate found");
    let plain = site.world.root.with_token(&token).send("POST", "auth/token/renew-self", Some(&json!({})));
    assert_eq!(plain.status, 400, "{}", plain.body);
    site.role("web", &root.pem, &json!({ "allowed_common_names": "other" }));
    assert_eq!(renew(&own), format!("400 {UNLIKE}"));
    site.role("web", &root.pem, &json!({ "allowed_common_names": "", "token_policies": "p,q" }));
    assert_eq!(renew(&own), "400 policies have changed, not renewing");
    site.role("web", &Authority::new(ca("root")).pem, &terms);
    assert_eq!(renew(&own), format!("400 {UNTRUSTED}"));
    // Unless nobody asks for it.
    site.world.root.post("auth/cert/config", &json!({ "disable_binding": true }));
    assert_eq!(site.world.root.get("auth/cert/config")["data"]["disable_binding"], true);
    assert_eq!(renew(&site.client(None)), "renewed");
    site.world.root.post("auth/cert/config", &json!({ "disable_binding": false }));
    site.role("web", &root.pem, &json!({ "token_period": "48h" }));
    assert_eq!(renew(&own), "renewed");
    site.world.wait(DAY as u64 + 1);
    assert_eq!(renew(&own), "400 failed to verify client's certificate: it has expired");
    assert_eq!(site.world.root.send("DELETE", "auth/cert/certs/web", None).status, 204);
    assert_eq!(renew(&own), "400 the role \"web\" does not exist any more");
}

#[test]
fn a_connection_that_is_taken_up_again_is_of_whom_it_was_and_judged_anew() {
    // M18
    for version in [&TLS12, &TLS13] {
        let site = Site::new();
        let root = Authority::new(ca("root"));
        let mut params = client("one");
        params.not_after = at(NOW + DAY);
        let (one, two) = (root.signs(&params), root.signs(&client("two")));
        site.role("web", &root.pem, &json!({}));
        let first = TlsClient::with(&site.address, &site.server, Some(certified(one.chain.clone(), &one.key)), version);
        let ask = |client: &TlsClient| {
            let (status, answer, kind) = client.send("POST", "auth/cert/login", &[], &json!({})).unwrap();
            let name = answer["auth"]["metadata"]["common_name"].as_str().map(str::to_owned);
            (name.unwrap_or_else(|| outcome(&(status, answer))), kind)
        };
        assert_eq!(ask(&first), ("one".to_owned(), HandshakeKind::Full), "{version:?}");
        assert_eq!(ask(&first), ("one".to_owned(), HandshakeKind::Resumed), "{version:?}");
        // Somebody else with its sessions shows who they are, or nothing.
        let (second, nobody) = (first.as_somebody_else(Some(&two)), first.as_somebody_else(None));
        assert_eq!(ask(&second).0, "two", "{version:?}");
        assert_eq!(ask(&nobody).0, "400 no client certificate found", "{version:?}");
        let (fresh, _) = ask(&first);
        assert_eq!(fresh, "one", "{version:?}");
        site.world.wait(DAY as u64 + 1);
        let (ended, kind) = ask(&first);
        assert_eq!(kind, HandshakeKind::Resumed, "{version:?}");
        assert_eq!(ended, "400 failed to verify client's certificate: it has expired", "{version:?}");
    }
}

#[test]
fn a_handshake_proves_the_key_and_no_certificate_takes_anything_from_others() {
    for version in [&TLS12, &TLS13] {
        let site = Site::new();
        let root = Authority::new(ca("root"));
        site.role("web", &root.pem, &json!({}));
        let (one, two) = (root.signs(&client("one")), root.signs(&client("two")));
        let client = |chain, key| TlsClient::with(&site.address, &site.server, Some(certified(chain, key)), version);
        let stolen = client(one.chain.clone(), &two.key).send("POST", "auth/cert/login", &[], &json!({}));
        assert!(stolen.is_err(), "{version:?}: {stolen:?}");
        // Nobody can read it, so nothing is proved: served as without one.
        let odd = client(vec![CertificateDer::from(b"\x30\x03\x02\x01\x05".to_vec())], &two.key);
        assert_eq!(odd.send("GET", "sys/health", &[], &Value::Null).unwrap().0, 200, "{version:?}");
        assert_eq!(outcome(&login(&odd, &json!({}))), "400 no client certificate found", "{version:?}");
        // A good one behind it is not its owner's to show.
        let odd = client(vec![CertificateDer::from(vec![0x30, 0]), one.chain[0].clone()], &two.key);
        assert_eq!(outcome(&login(&odd, &json!({}))), "400 no client certificate found", "{version:?}");
        let many: Vec<_> = std::iter::repeat_n(one.chain[0].clone(), 60).collect();
        assert!(client(many, &one.key).send("GET", "sys/health", &[], &Value::Null).is_err(), "{version:?}");
        assert_eq!(outcome(&login(&client(one.chain.clone(), &one.key), &json!({}))), "web", "{version:?}");
    }
}

#[test]
fn what_no_role_can_be_is_refused_with_the_reason() {
    let site = Site::new();
    let root = Authority::new(ca("root"));
    let mut server = client("server");
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let (server, key) = (Identity::alone(&server), Identity::alone(&client("x")).key.serialize_pem());
    for (body, what) in [
        (json!({}), "failed to parse certificate: there is none in PEM form"),
        (
            json!({ "certificate": "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----" }),
            "failed to parse certificate",
        ),
        (json!({ "certificate": format!("{}{key}", root.pem) }), "there is a private key in it"),
        (json!({ "certificate": server.pem }), "nonCA certificates should have TLS client authentication set"),
        (json!({ "certificate": format!("{}{}", root.pem, server.pem) }), "it is not a CA's, as the first is"),
        (json!({ "certificate": root.pem, "ocsp_enabled": true }), "\"ocsp_enabled\" is not supported by this server"),
        (json!({ "certificate": root.pem, "required_extensions": ["x"] }), "\"x\" is not OID:PATTERN"),
        (json!({ "certificate": root.pem, "allowed_metadata_extensions": ["x"] }), "\"x\" is no OID"),
    ] {
        let answer = site.world.root.send("POST", "auth/cert/certs/web", Some(&body));
        let said = answer.body["errors"][0].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && said.contains(what), "{body}: {}", answer.body);
    }
    assert_eq!(site.world.root.send("GET", "auth/cert/certs/web", None).status, 404);
}

fn estate(address: &str, authority: &Authority, login: &str) -> String {
    format!(
        "environment \"local\" {{\n  address = \"{address}\"\n}}\n\
         aws \"aws\" {{}}\n\
         auth \"cert\" {{\n  config {{\n    enable_identity_alias_metadata = true\n  }}\n}}\n\
         app \"web\" {{\n  role \"web\" {{\n    policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n  }}\n\
         login \"cert\" {{\n    certificate = \"{}\"\n    token_ttl = \"1h\"\n{login}\n  }}\n}}\n",
        authority.pem.replace('\n', "\\n")
    )
}

/// A key, or what else nobody else reads.
fn private(env: &TestEnv, name: &str, text: &str) -> String {
    let path = env.write(name, text);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path.display().to_string()
}

#[test]
fn an_app_is_declared_with_a_certificate_and_gets_its_credentials() {
    let mut env = TestEnv::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let ca_file = env.write("c.pem", &made.cert.pem()).display().to_string();
    private(&env, "k.pem", &made.signing_key.serialize_pem());
    let tls = ["--dev", "--aws=sandbox", "--listen", "127.0.0.1:0", "--tls-cert", "c.pem", "--tls-key", "k.pem"];
    let server = env.server(&tls);
    let root = Authority::new(ca("root"));
    let (web, other) = (root.signs(&client("web-1")), root.signs(&client("other")));
    let names = "    common_names = [\"web-*\"]";
    let file = env.write("estate/estate.hcl", &estate(&server.address, &root, names));
    let dir = file.parent().unwrap().display().to_string();
    env.set("LEASEHOLD_DIR", dir)
        .set("LEASEHOLD_TOKEN", server.root_token.clone().unwrap())
        .set("LEASEHOLD_CACERT", ca_file);
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    assert!(plan.stdout.contains("by a TLS certificate"), "{}", plan.stdout);
    assert!(plan.stdout.contains("common name like web-*"), "{}", plan.stdout);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["plan"]);

    let show = |who: &Identity, name: &str| {
        let certificate = env.write(&format!("{name}.pem"), &who.pem).display().to_string();
        [certificate, private(&env, &format!("{name}.key"), &who.key.serialize_pem())]
    };
    let [certificate, key] = show(&web, "web");
    let own = ["--client-cert", &*certificate, "--client-key", &*key];
    let creds = env.run(&[&["creds", "web", "--format", "json"], &own[..]].concat());
    assert_eq!(creds.code, 0, "{}", creds.normal());
    assert!(creds.stdout.contains("AccessKeyId") || creds.stdout.contains("access_key"), "{}", creds.stdout);
    let bare = env.run(&["creds", "web", "--format", "json"]);
    assert_eq!(bare.code, 1, "{}", bare.normal());
    assert!(bare.stderr.contains("there is no certificate to log in as app-web"), "{}", bare.stderr);
    assert!(bare.stderr.contains("--client-cert"), "{}", bare.stderr);
    let [certificate, key] = show(&other, "other");
    let others = ["--client-cert", &*certificate, "--client-key", &*key];
    let refused = env.run(&[&["creds", "web"], &others[..]].concat());
    assert_eq!(refused.code, 2, "{}", refused.normal());
    assert!(refused.stderr.contains(UNLIKE), "{}", refused.stderr);
    // By hand, with a name or without.
    for name in ["name=app-web", "name="] {
        let login = env.run(&[&["login", "-method=cert", "-token-only", name], &own[..]].concat());
        assert!(login.code == 0 && !login.stdout.trim().is_empty(), "{name}: {}", login.normal());
    }
    // A name by hand behind the estate's back is found.
    env.ok(&["write", "auth/cert/certs/app-web", "allowed_common_names=*"]);
    let drift = env.run(&["plan"]);
    assert!(drift.code == 2 && drift.stdout.contains("allowed_common_names"), "{}", drift.normal());
}

#[test]
fn what_is_declared_of_a_certificate_is_checked_and_judged() {
    let env = TestEnv::new();
    let root = Authority::new(ca("root"));
    let key = Identity::alone(&client("x")).key.serialize_pem().replace('\n', "\\n");
    let with = |login: &str| estate("https://engine.example.com", &root, login);
    let without = |certificate: &str| {
        let pem = root.pem.replace('\n', "\\n");
        with("").replace(&pem, certificate)
    };
    for (text, demand, code, expected) in [
        (with("common_names = [\"web\"]"), "exact_bindings", 0, ""),
        (with("common_names = [\"*\"]"), "exact_bindings", 3, "any common name like * may log in"),
        (with("dns_names = [\"*.example\"]"), "exact_bindings", 3, "DNS name like *.example"),
        (with("required_extensions = [\"team\"]"), "exact_bindings", 1, "`team` names no extension"),
        (with("metadata_extensions = [\"team\"]"), "exact_bindings", 1, "`team` is no id of an extension"),
        (without(""), "exact_bindings", 1, "nobody vouches for the certificates that log in"),
        (without("file.pem"), "exact_bindings", 1, "there is no certificate in the CA's text"),
        (without(&key), "exact_bindings", 1, "there is a private key in it"),
    ] {
        let guardrail = format!("guardrail \"names\" {{\n  require {{\n    {demand} = true\n  }}\n}}\n");
        env.write("estate/estate.hcl", &format!("{text}{guardrail}"));
        let output = env.run(&["-C", "estate", "validate", "--all"]);
        assert_eq!(output.code, code, "{text}: {}", output.normal());
        assert!(output.normal().contains(expected), "{text}: {}", output.normal());
    }
}
