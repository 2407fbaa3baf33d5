//! `leasehold login` where no such method is mounted: servers answer as to a token that has ended, and none was sent.

use serde_json::json;

use crate::between::Between;
use crate::env::TestEnv;
use crate::http::Http;
use crate::servers::{Sort, TestServer};

/// What each method is given, so that it asks the server.
const LOGINS: &[(&str, &[&str])] = &[
    ("approle", &["role_id=r", "secret_id=@word"]),
    ("userpass", &["username=ann", "password=@word"]),
    ("jwt", &["role=r", "jwt=@word"]),
    ("kubernetes", &["role=r", "jwt=@word"]),
    ("oidc", &["role=r", "skip_browser=true", "port=0"]),
    ("cert", &["name=r"]),
];

/// At a server, each login is refused with what may be wrong.
fn tell(address: &str, token: &str) {
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_ADDR", address).set("LEASEHOLD_TOKEN", token);
    env.write("word", "x\n");
    env.ok(&["auth", "enable", "-path=other", "approle"]);
    for (method, said) in LOGINS {
        let told = |path: &str| {
            let mount = if path.is_empty() { (*method).to_owned() } else { path.replace("-path=", "") };
            let named = format!("-method={method}");
            let mut arguments = vec!["login", "-no-store", &named];
            arguments.extend(Some(path).filter(|path| !path.is_empty()));
            arguments.extend(*said);
            let output = env.run(&arguments);
            assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{method}: {}", output.normal());
            assert!(output.stderr.starts_with("Error authenticating: "), "{method}: {}", output.stderr);
            assert!(output.stderr.contains("-path=PATH"), "{method} at {mount}: {}", output.stderr);
            for wrong in ["has ended", "the token came from", "another server's", "log in again"] {
                assert!(!output.stderr.contains(wrong), "{method} at {mount}: {}", output.stderr);
            }
            output.stderr
        };
        let none = told("");
        let what = format!("no {method} method");
        assert!(none.contains(&what) && none.contains(&format!("mounted at auth/{method}")), "{none}");
        // One of another type.
        if *method != "approle" {
            let other = told("-path=other");
            assert!(other.contains(&what) && other.contains("auth/other"), "{other}");
        }
    }
}

#[test]
fn what_may_be_mounted_elsewhere_is_told_with_the_flag_for_it() {
    let server = TestServer::start(Sort::Ours);
    tell(&server.address, &server.token);
}

#[test]
fn what_may_be_mounted_elsewhere_on_openbao_is_told_with_the_flag_for_it() {
    // Without a bad hour: by hand nobody asks again for long.
    let server = TestServer::start(Sort::Ours);
    tell(&Between::start_as_openbao(&server.address, None).address, &server.token);
}

#[test]
fn an_app_without_an_estate_is_told_its_own_flag() {
    let server = TestServer::start(Sort::Ours);
    let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token: server.token.clone() };
    http.post("sys/auth/ci", &json!({ "type": "approle" }));
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_ROLE_ID", "r").set("LEASEHOLD_SECRET_ID", "s");
    let output = env.run(&["creds", "web", "--login", "approle"]);
    assert_eq!(output.code, 2, "{}", output.normal());
    for told in ["no approle method with such a login is mounted at auth/approle", "--login-mount PATH says where"] {
        assert!(output.stderr.contains(told), "{}", output.stderr);
    }
}
