//! hvac as an unchanged client against our server, once with `moto` as AWS, which nobody here wrote, and once with our
//! sandbox: what scripts do every day (`tests/hvac/engine_test.py`), and every call that it has for what we serve
//! (`tests/hvac/all_calls_test.py`).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::aws::{Aws, Sandbox};
use crate::env::TestEnv;
use crate::python::{Moto, python};

/// A script, and how many tests it has: none may be skipped.
struct Script {
    file: &'static str,
    tests: usize,
}

const EVERY_DAY: Script = Script { file: "engine_test.py", tests: 12 };
const ALL_CALLS: Script = Script { file: "all_calls_test.py", tests: 15 };
const KEYS: Script = Script { file: "keys_test.py", tests: 1 };

/// Runs a script against a server with its root token.
fn passes(script: &Script, env: &TestEnv, arguments: &[&str], token: &str, aws: &Aws) {
    let output = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hvac").join(script.file))
        .args(arguments)
        .current_dir(env.dir())
        .env_clear()
        .env("HOME", env.dir())
        .env("PATH", "/usr/bin:/bin")
        .env("VAULT_TOKEN", token)
        .env("TEST_AWS_ENDPOINT", &aws.endpoint)
        .env("TEST_AWS_ACCESS_KEY", &aws.access_key)
        .env("TEST_AWS_SECRET_KEY", &aws.secret_key)
        .env("TEST_AUDIT_FILE", env.dir().join("hvac.log"))
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("Ran {} test", script.tests)) && !said.contains("skipped"), "{said}");
}

/// What scripts do every day.
fn all_pass(env: &TestEnv, aws: &Aws) {
    let data = env.dir().join("data");
    let server = env.server(&["--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--aws=aws"]);
    let token = std::fs::read_to_string(data.join("root-token")).unwrap();
    passes(&EVERY_DAY, env, &[&server.address], token.trim(), aws);
    // What the script left is revoked with its mount, so that AWS is as it was.
    let root = crate::http::Http {
        address: server.address.trim_start_matches("http://").to_owned(),
        token: token.trim().to_owned(),
    };
    assert_eq!(root.send("DELETE", "sys/mounts/aws", None).status, 204);
    assert!(aws.owners("/leasehold/").is_empty());
    assert_eq!(server.stop(), Some(0));
}

/// Every call, over TLS, since certificates log in there alone.
fn every_call_is_served(env: &TestEnv, aws: &Aws) {
    for (name, hosts) in [("server", vec!["localhost".to_owned(), "127.0.0.1".to_owned()]), ("host", vec![])] {
        let made = rcgen::generate_simple_self_signed(hosts).unwrap();
        env.write(&format!("{name}.pem"), &made.cert.pem());
        let key = env.write(&format!("{name}.key"), &made.signing_key.serialize_pem());
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let tls = ["--tls-cert", "server.pem", "--tls-key", "server.key"];
    let server = env.server(&[&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=aws"], &tls[..]].concat());
    let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap();
    let arguments = [&*server.address, "server.pem", "host.pem", "host.key"];
    passes(&ALL_CALLS, env, &arguments, token.trim(), aws);
    assert_eq!(server.stop(), Some(0));
}

fn account(moto: &Moto) -> Aws {
    Aws {
        endpoint: moto.endpoint.clone(),
        access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
    }
}

#[test]
fn an_unchanged_client_works_with_moto_as_aws() {
    let moto = Moto::start();
    all_pass(&TestEnv::new(), &account(&moto));
}

#[test]
fn an_unchanged_client_works_with_the_sandbox_as_aws() {
    let env = TestEnv::new();
    let sandbox = Sandbox::start(&env, None);
    all_pass(&env, &sandbox.aws);
}

#[test]
fn every_call_of_an_unchanged_client_is_served_with_moto_as_aws() {
    let moto = Moto::start();
    every_call_is_served(&TestEnv::new(), &account(&moto));
}

#[test]
fn every_call_of_an_unchanged_client_is_served_with_the_sandbox_as_aws() {
    let env = TestEnv::new();
    let sandbox = Sandbox::start(&env, None);
    every_call_is_served(&env, &sandbox.aws);
}

#[test]
fn the_keys_of_a_server_that_shares_open_are_served() {
    let env = TestEnv::new();
    let sandbox = Sandbox::start(&env, None);
    let text = "data = \"data\"\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n}\nseal \"shamir\" {}\n";
    env.write("server.hcl", text);
    let server = env.server(&["-config", "server.hcl"]);
    passes(&KEYS, &env, &[&server.address], "", &sandbox.aws);
    assert_eq!(server.stop(), Some(0));
}
