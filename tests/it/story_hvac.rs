//! hvac as an unchanged client: `tests/hvac/engine_test.py` against our server, once with `moto` as AWS,
//! which nobody here wrote, and once with our sandbox.

use std::path::Path;
use std::process::Command;

use crate::aws::{Aws, Sandbox};
use crate::env::TestEnv;
use crate::python::{Moto, python};

/// How many tests the script has: none may be skipped.
const TESTS: usize = 12;

/// Runs the script against a fresh server whose AWS is `aws`.
fn all_pass(env: &TestEnv, aws: &Aws) {
    let data = env.dir().join("data");
    let server = env.server(&["--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--aws=aws"]);
    let token = std::fs::read_to_string(data.join("root-token")).unwrap();
    let output = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hvac/engine_test.py"))
        .arg(&server.address)
        .env_clear()
        .env("HOME", env.dir())
        .env("PATH", "/usr/bin:/bin")
        .env("VAULT_TOKEN", token.trim())
        .env("TEST_AWS_ENDPOINT", &aws.endpoint)
        .env("TEST_AWS_ACCESS_KEY", &aws.access_key)
        .env("TEST_AWS_SECRET_KEY", &aws.secret_key)
        .env("TEST_AUDIT_FILE", env.dir().join("hvac.log"))
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("Ran {TESTS} tests")) && !said.contains("skipped"), "{said}");
    // What the script left is revoked with its mount, so that AWS is as it was.
    let root = crate::http::Http {
        address: server.address.trim_start_matches("http://").to_owned(),
        token: token.trim().to_owned(),
    };
    assert_eq!(root.send("DELETE", "sys/mounts/aws", None).status, 204);
    assert!(aws.owners("/leasehold/").is_empty());
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn an_unchanged_client_works_with_moto_as_aws() {
    let moto = Moto::start();
    let aws = Aws {
        endpoint: moto.endpoint.clone(),
        access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
    };
    all_pass(&TestEnv::new(), &aws);
}

#[test]
fn an_unchanged_client_works_with_the_sandbox_as_aws() {
    let env = TestEnv::new();
    let sandbox = Sandbox::start(&env, None);
    all_pass(&env, &sandbox.aws);
}
