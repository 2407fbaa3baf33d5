//! What commands by hand print: the tables, texts and codes that scripts around Vault rely on
//! (cases: `tests/data/wire.md`, S).

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::env::TestEnv;
use crate::fake::FakeServer;

/// The commands and what they print, as one text to read.
fn transcript(env: &TestEnv, commands: &[&[&str]]) -> String {
    let mut text = String::new();
    for arguments in commands {
        let output = env.run(arguments).normal();
        writeln!(text, "$ leasehold {}\n{}", arguments.join(" "), output.trim_end()).unwrap();
        text.push('\n');
    }
    text
}

fn with_server(answers: &'static [(&'static str, u16, &'static str)]) -> (TestEnv, FakeServer) {
    let server = FakeServer::start(answers);
    let mut env = TestEnv::new();
    env.set("VAULT_ADDR", &server.address).set("VAULT_TOKEN", "root");
    (env, server)
}

const AWS: &[(&str, u16, &str)] = &[
    (
        "GET /v1/aws/creds/webapp",
        200,
        r#"{"request_id":"11111111-2222-3333-4444-555555555555","lease_id":"aws/creds/webapp/5vQTjW7M0bYk3dJ9hEoL2sRn","renewable":true,"lease_duration":2764800,"data":{"access_key":"AKIAEXAMPLEEXAMPLE00","secret_key":"not-really-secret","security_token":null},"wrap_info":null,"warnings":null,"auth":null}"#,
    ),
    (
        "GET /v1/aws/roles/webapp",
        200,
        r#"{"request_id":"11111111-2222-3333-4444-555555555555","lease_id":"","renewable":false,"lease_duration":0,"data":{"credential_type":"iam_user","default_sts_ttl":0,"iam_groups":null,"iam_tags":null,"max_sts_ttl":5400,"permissions_boundary_arn":"","policy_arns":["arn:aws:iam::aws:policy/ReadOnlyAccess"],"policy_document":"{\"Version\":\"2012-10-17\"}","role_arns":null,"user_path":""},"warnings":["one thing that is worth a rather long sentence, so that it has to be broken into lines"]}"#,
    ),
    ("PUT /v1/aws/roles/webapp", 204, ""),
    ("PUT /v1/aws/roles/warns", 200, r#"{"warnings":["the mount's maximum is shorter"]}"#),
    ("PUT /v1/aws/config/rotate-root", 200, r#"{"data":{"access_key":"AKIAEXAMPLEEXAMPLE01"}}"#),
    ("PUT /v1/aws/roles/bad", 400, r#"{"errors":["unrecognized credential_type: x","and more"]}"#),
    ("GET /v1/aws/creds/nope", 400, r#"{"errors":["Role \"nope\" not found"]}"#),
    ("GET /v1/aws/roles/", 200, r#"{"data":{"keys":["analytics","webapp"]}}"#),
    ("GET /v1/aws/empty/", 404, r#"{"errors":[]}"#),
    ("DELETE /v1/aws/roles/webapp", 204, ""),
];

#[test]
fn reading_and_writing() {
    // S16, S17, S18, S22
    let (env, _server) = with_server(AWS);
    let text = transcript(
        &env,
        &[
            &["read", "aws/creds/webapp"],
            &["read", "aws/roles/webapp"],
            &["read", "-format=json", "aws/creds/webapp"],
            &["read", "-format=yaml", "aws/creds/webapp"],
            &["read", "aws/roles/none"],
            &["read", "aws/creds/nope"],
            &["read", "-field=nope", "aws/creds/webapp"],
            &["write", "aws/roles/webapp", "credential_type=iam_user"],
            &["write", "-format=json", "aws/roles/webapp", "credential_type=iam_user"],
            &["write", "aws/roles/warns", "a=b"],
            &["write", "aws/roles/bad", "credential_type=x"],
            &["write", "aws/roles/webapp"],
            &["write", "-f", "aws/config/rotate-root"],
            &["list", "aws/roles"],
            &["list", "-format=json", "aws/roles/"],
            &["list", "aws/empty"],
            &["list", "-format=json", "aws/empty"],
            &["delete", "aws/roles/webapp"],
        ],
    );
    insta::assert_snapshot!("reading_and_writing", text);
}

#[test]
fn a_field_is_the_very_bytes_when_nobody_sits_there() {
    // S15
    let (env, _server) = with_server(AWS);
    for (field, expected) in [
        ("access_key", "AKIAEXAMPLEEXAMPLE00"),
        ("lease_id", "aws/creds/webapp/5vQTjW7M0bYk3dJ9hEoL2sRn"),
        ("lease_duration", "2764800"),
        ("lease_renewable", "true"),
    ] {
        let output = env.run(&["read", &format!("-field={field}"), "aws/creds/webapp"]);
        assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (0, expected, ""));
    }
}

#[test]
fn data_comes_from_arguments_files_and_stdin() {
    let (env, server) = with_server(AWS);
    env.write("policy.json", "{\n  \"Version\": \"2012-10-17\"\n}\n");
    env.ok(&["write", "aws/roles/webapp", "policy_document=@policy.json", "policy_arns=a", "policy_arns=b", "n=-1"]);
    let body: serde_json::Value = serde_json::from_str(&server.last().body).unwrap();
    let policy = "{\n  \"Version\": \"2012-10-17\"\n}\n";
    assert_eq!(body, serde_json::json!({"policy_document": policy, "policy_arns": ["a", "b"], "n": "-1"}));
    env.run_with_input(&["write", "aws/roles/webapp", "policy_document=-", "credential_type=iam_user"], policy);
    let body: serde_json::Value = serde_json::from_str(&server.last().body).unwrap();
    assert_eq!(body, serde_json::json!({"policy_document": policy, "credential_type": "iam_user"}));
    env.run_with_input(&["write", "aws/roles/webapp", "-"], "{\"n\": 1}");
    assert_eq!((server.last().line.as_str(), server.last().body.as_str()), ("PUT /v1/aws/roles/webapp", "{\"n\":1}"));
    env.run(&["read", "aws/roles/webapp", "ttl=1h", "x=a&b"]);
    assert_eq!(server.last().line, "GET /v1/aws/roles/webapp?ttl=1h&x=a%26b");
}

const LEASES: &[(&str, u16, &str)] = &[
    ("PUT /v1/sys/leases/revoke/aws/creds/r/x", 204, ""),
    ("PUT /v1/sys/leases/revoke-prefix/aws/creds", 204, ""),
    ("PUT /v1/sys/leases/revoke-force/aws/creds", 204, ""),
    ("PUT /v1/sys/leases/revoke-prefix/auth/approle", 200, r#"{"data":{"revoked":3},"warnings":null}"#),
    (
        "PUT /v1/sys/leases/revoke-prefix/auth/nope",
        202,
        r#"{"data":{"queued":0},"warnings":["no lease begins with auth/nope/"]}"#,
    ),
    ("PUT /v1/sys/leases/revoke-force/aws/sts", 200, r#"{"data":{"revoked":1,"given_up":["aws/sts/r/x"]}}"#),
    (
        "PUT /v1/sys/leases/renew",
        200,
        r#"{"lease_id":"aws/creds/r/x","renewable":true,"lease_duration":3600,"data":null,"warnings":["TTL of \"768h\" exceeded the effective max_ttl of \"1h\"; TTL value is capped accordingly"]}"#,
    ),
    (
        "PUT /v1/sys/leases/lookup",
        200,
        r#"{"data":{"id":"aws/creds/r/x","issue_time":"2026-01-02T03:04:05.678901234Z","expire_time":"2026-01-02T04:04:05.678901234Z","last_renewal":null,"renewable":true,"ttl":3599}}"#,
    ),
];

#[test]
fn leases() {
    // S20
    let (env, server) = with_server(LEASES);
    let text = transcript(
        &env,
        &[
            &["lease", "renew", "-increment=768h", "aws/creds/r/x"],
            &["lease", "lookup", "aws/creds/r/x"],
            &["lease", "revoke", "aws/creds/r/x"],
            &["lease", "revoke", "-sync", "aws/creds/r/x"],
            &["lease", "revoke", "-prefix", "aws/creds"],
            &["lease", "revoke", "-prefix", "-sync", "aws/creds"],
            &["lease", "revoke", "-force", "-prefix", "aws/creds"],
            &["lease", "revoke", "-force", "aws/creds/r/x"],
            &["lease", "revoke", "-prefix", "-sync", "auth/approle"],
            &["lease", "revoke", "-prefix", "auth/nope"],
            &["lease", "revoke", "-force", "-prefix", "aws/sts"],
        ],
    );
    insta::assert_snapshot!("leases", text);
    let sent: Vec<_> = server.asked().into_iter().map(|asked| (asked.line, asked.body)).collect();
    let renew = r#"{"lease_id":"aws/creds/r/x","increment":"768h"}"#;
    assert_eq!(sent[0], ("PUT /v1/sys/leases/renew".to_owned(), renew.to_owned()));
    assert_eq!(sent[2].1, r#"{"sync":false}"#);
    assert_eq!(sent[3].1, r#"{"sync":true}"#);
    // A server that can't tell what else would be cut off is asked, and that is all.
    assert_eq!(sent[6].0, "GET /v1/sys/leases/revoke-force/aws/creds");
    assert_eq!(sent[7].0, "PUT /v1/sys/leases/revoke-force/aws/creds");
    assert_eq!(sent.len(), 12, "-force without -prefix sends nothing");
    // As Vault's command line, which joins the path.
    for (arguments, sends) in [
        (&["lease", "revoke", "-prefix", "-sync", "aws/creds/"][..], "PUT /v1/sys/leases/revoke-prefix/aws/creds"),
        (&["lease", "revoke", "-prefix", "-force", "/aws/creds/"], "PUT /v1/sys/leases/revoke-force/aws/creds"),
        (&["token", "revoke", "-mode=path", "auth/approle/"], "PUT /v1/sys/leases/revoke-prefix/auth/approle"),
    ] {
        assert_eq!((env.run(arguments).code, server.last().line.as_str()), (0, sends), "{arguments:?}");
    }
    let before = server.asked().len();
    let none = env.run(&["lease", "revoke", "-prefix", "-force", "/"]);
    assert!(none.code == 1 && none.stderr.contains("aws/creds/webapp"), "{}", none.normal());
    assert_eq!(server.asked().len(), before);
}

#[test]
fn status_tells_sealed_by_its_code() {
    // S19
    const UNSEALED: &[(&str, u16, &str)] = &[(
        "GET /v1/sys/seal-status",
        200,
        r#"{"type":"shamir","initialized":true,"sealed":false,"t":1,"n":1,"progress":0,"nonce":"","version":"1.2.3","build_date":"2026-01-01T00:00:00Z","storage_type":"inmem","cluster_name":"c","cluster_id":"11111111-2222-3333-4444-555555555555"}"#,
    )];
    const SEALED: &[(&str, u16, &str)] = &[(
        "GET /v1/sys/seal-status",
        200,
        r#"{"type":"shamir","initialized":true,"sealed":true,"t":3,"n":5,"progress":1,"nonce":"11111111-2222-3333-4444-555555555555","version":"1.2.3","storage_type":"file"}"#,
    )];
    let (env, _server) = with_server(UNSEALED);
    let (sealed, _sealed_server) = with_server(SEALED);
    let mut text = transcript(&env, &[&["status"], &["status", "-format=json"]]);
    text += &transcript(&sealed, &[&["status"], &["status", "-field=progress"]]);
    insta::assert_snapshot!("status", text);
}

#[test]
fn a_sealed_engine_is_asked_once_and_named() {
    let (env, server) = with_server(&[("GET /v1/aws/roles/r", 503, r#"{"errors":["Vault is sealed"]}"#)]);
    let output = env.run(&["read", "aws/roles/r"]);
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.line).collect();
    // Then only whether there is anything in it yet.
    let lines: Vec<&str> = asked.iter().map(|line| line.trim_end_matches(" HTTP/1.1").trim()).collect();
    assert_eq!((output.code, &*lines), (2, &["GET /v1/aws/roles/r", "GET /v1/sys/init"][..]));
    assert!(output.stderr.contains("* Vault is sealed"), "{}", output.stderr);
    assert!(output.stderr.contains("operator unseal"), "{}", output.stderr);
}

const ENGINE: &[(&str, u16, &str)] = &[
    (
        "GET /v1/sys/mounts",
        200,
        r#"{"data":{"secret/":{"type":"kv","accessor":"kv_11111111","description":"key/value"},"aws/":{"type":"aws","accessor":"aws_22222222","description":""}}}"#,
    ),
    ("PUT /v1/sys/mounts/prod", 204, ""),
    ("PUT /v1/sys/mounts/aws", 204, ""),
    ("DELETE /v1/sys/mounts/aws", 204, ""),
    ("PUT /v1/sys/mounts/aws/tune", 204, ""),
    ("GET /v1/sys/policies/acl/", 200, r#"{"data":{"keys":["default","webapp","root"]}}"#),
    (
        "GET /v1/sys/policies/acl/webapp",
        200,
        r#"{"data":{"name":"webapp","policy":"path \"aws/creds/webapp\" {\n  capabilities = [\"read\"]\n}\n"}}"#,
    ),
    ("PUT /v1/sys/policies/acl/webapp", 204, ""),
    ("DELETE /v1/sys/policies/acl/webapp", 204, ""),
    ("GET /v1/sys/audit", 200, r#"{"data":{"file/":{"type":"file","description":""}}}"#),
    ("PUT /v1/sys/audit/file", 204, ""),
    (
        "GET /v1/auth/token/lookup-self",
        200,
        r#"{"data":{"accessor":"uLlrzGyoRpxZKF0gJgjwOOvr","creation_ttl":3600,"display_name":"approle","expire_time":"2026-01-02T03:04:05Z","id":"hvs.AAAAAAAAAAAAAAAAAAAAAAAA","meta":{"role_name":"app-webapp"},"num_uses":0,"policies":["app-webapp"],"renewable":true,"ttl":3590}}"#,
    ),
    (
        "PUT /v1/auth/token/renew-self",
        200,
        r#"{"auth":{"client_token":"hvs.AAAAAAAAAAAAAAAAAAAAAAAA","accessor":"uLlrzGyoRpxZKF0gJgjwOOvr","policies":["app-webapp"],"token_policies":["app-webapp"],"metadata":{"role_name":"app-webapp"},"lease_duration":3600,"renewable":true}}"#,
    ),
    ("PUT /v1/auth/token/revoke", 204, ""),
    ("PUT /v1/auth/token/revoke-self", 204, ""),
    ("PUT /v1/auth/token/revoke-accessor", 204, ""),
];

#[test]
fn mounts_policies_tokens_and_audit_devices() {
    let (env, server) = with_server(ENGINE);
    env.write("webapp.hcl", "path \"x\" {}\n");
    let text = transcript(
        &env,
        &[
            &["secrets", "list"],
            &["secrets", "enable", "aws"],
            &["secrets", "enable", "-path=prod", "-default-lease-ttl=1h", "aws"],
            &["secrets", "tune", "-max-lease-ttl=24h", "aws"],
            &["secrets", "disable", "aws/"],
            &["policy", "list"],
            &["policy", "read", "webapp"],
            &["policy", "read", "nope"],
            &["policy", "write", "webapp", "webapp.hcl"],
            &["policy", "delete", "webapp"],
            &["token", "lookup"],
            &["token", "renew", "-increment=1h"],
            &["token", "revoke", "-self"],
            &["token", "revoke", "-accessor", "uLlrzGyoRpxZKF0gJgjwOOvr"],
            &["token", "revoke"],
            &["audit", "list"],
            &["audit", "enable", "file", "file_path=/var/log/audit.log"],
        ],
    );
    insta::assert_snapshot!("mounts_policies_tokens_and_audit_devices", text);
    let sent = |line: &str| server.asked().into_iter().find(|asked| asked.line == line).unwrap().body;
    assert_eq!(
        sent("PUT /v1/sys/mounts/prod"),
        r#"{"type":"aws","description":"","config":{"default_lease_ttl":"1h"},"options":null}"#
    );
    assert_eq!(sent("PUT /v1/sys/policies/acl/webapp"), r#"{"policy":"path \"x\" {}\n"}"#);
    assert_eq!(
        sent("PUT /v1/sys/audit/file"),
        r#"{"type":"file","description":"","options":{"file_path":"/var/log/audit.log"}}"#
    );
}

#[test]
fn a_login_keeps_the_token_where_nobody_else_can_read_it() {
    let (mut env, server) = with_server(ENGINE);
    env.set("VAULT_TOKEN", "");
    let output = env.run_with_input(&["login", "-"], "hvs.AAAAAAAAAAAAAAAAAAAAAAAA\n");
    assert_eq!(output.code, 0, "{}", output.normal());
    let file = env.dir().join(".leasehold-token");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hvs.AAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    insta::assert_snapshot!("login", output.normal());
    env.ok(&["token", "lookup"]);
    assert_eq!(server.last().header("x-vault-token"), Some("hvs.AAAAAAAAAAAAAAAAAAAAAAAA"));
    let argument = env.run(&["login", "-no-store", "hvs.AAAAAAAAAAAAAAAAAAAAAAAA"]);
    assert!(argument.stderr.contains("every process on this machine"), "{}", argument.stderr);
    let nothing = env.run(&["login"]);
    assert_eq!(nothing.code, 1, "there is no terminal to ask on");
}

#[test]
fn an_approle_login_reads_its_secret_id_from_a_file() {
    let (mut env, server) = with_server(&[(
        "PUT /v1/auth/ci/login",
        200,
        r#"{"auth":{"client_token":"hvs.BBBBBBBBBBBBBBBBBBBBBBBB","accessor":"uLlrzGyoRpxZKF0gJgjwOOvr","policies":["p"],"token_policies":["p"],"lease_duration":60,"renewable":true}}"#,
    )]);
    env.set("VAULT_TOKEN", "old");
    env.write("secret-id", "s-1\n");
    let arguments = ["login", "-method=approle", "-path=ci", "-token-only", "role_id=r-1", "secret_id=@secret-id"];
    assert_eq!(env.ok(&arguments), "hvs.BBBBBBBBBBBBBBBBBBBBBBBB");
    let asked = server.last();
    assert_eq!(asked.body, r#"{"role_id":"r-1","secret_id":"s-1"}"#);
    assert_eq!(asked.header("x-vault-token"), None, "a login needs no token");
    assert!(!env.dir().join(".leasehold-token").exists());
}

#[test]
fn terminal_sequences_from_an_engine_are_shown_and_not_obeyed() {
    let (env, _server) = with_server(&[
        ("GET /v1/a", 200, r#"{"data":{"k":"\u001b[31mred\u0007"}}"#),
        ("GET /v1/b", 400, r#"{"errors":["\u001b]0;title\u0007"]}"#),
    ]);
    assert!(env.ok(&["read", "a"]).contains(r"\u{1b}[31mred\u{7}"));
    assert!(env.run(&["read", "b"]).stderr.contains(r"* \u{1b}]0;title\u{7}"));
    assert_eq!(env.ok(&["read", "-field=k", "a"]), "\u{1b}[31mred\u{7}", "a raw value is the value");
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is() {
    let (env, _server) = with_server(AWS);
    let mut command = env.command(&["read", "aws/creds/webapp"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = env.command(&["read", "aws/creds/webapp"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdout could not be written"));
}

#[test]
fn a_command_by_hand_needs_the_environment_alone() {
    let env = TestEnv::new();
    env.write("estate/env.hcl", "environment \"local\" {\n  engine = \"embedded\"\n}\n");
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let read = |args: &[&str]| env.run(&[&["-C", "estate"], args, &["read", "sys/health"]].concat());
    // What is wrong elsewhere is for those who plan.
    env.write("estate/app.hcl", "app \"x\" {\n  roel = 1\n");
    env.write("estate/role.yaml", "role: [\n");
    for args in [&[][..], &["-e", "local"]] {
        assert_eq!(read(args).code, 0, "{}", read(args).normal());
    }
    assert_eq!(env.run(&["-C", "estate", "ledger", "show"]).code, 0);
    assert_eq!(env.run(&["-C", "estate", "plan"]).code, 1);
    // Which environment is meant must not depend on a file that can't be read.
    env.write("estate/env.hcl", "environment \"dev\" {\n  engine = \"embedded\"\n}\n");
    let unsure = read(&[]);
    assert!(unsure.code == 1 && unsure.stderr.contains("app.hcl:"), "{}", unsure.normal());
    assert_eq!(read(&["-e", "dev"]).code, 0);
    // Nor what it is.
    env.write("estate/env.hcl", "environment \"local\" {\n  engine = \"imbedded\"\n}\n");
    let unsure = read(&[]);
    assert!(unsure.code == 1 && unsure.stderr.contains("env.hcl:2"), "{}", unsure.normal());
}

const WRAPPED: &[(&str, u16, &str)] = &[
    (
        "GET /v1/aws/creds/webapp",
        200,
        r#"{"request_id":"","lease_id":"","renewable":false,"lease_duration":0,"data":null,"wrap_info":{"token":"hvs.not-really-secret","accessor":"0123456789abcdefghijklmn","ttl":600,"creation_time":"2026-11-23T20:49:23Z","creation_path":"aws/creds/webapp"},"warnings":null,"auth":null}"#,
    ),
    (
        "PUT /v1/sys/wrapping/wrap",
        200,
        r#"{"wrap_info":{"token":"hvs.not-really-secret","accessor":"a","ttl":300,"creation_time":"2026-11-23T20:49:23Z","creation_path":"sys/wrapping/wrap"}}"#,
    ),
    ("GET /v1/aws/roles/", 200, r#"{"wrap_info":{"token":"t","ttl":60,"wrapped_accessor":""}}"#),
    ("PUT /v1/sys/wrapping/unwrap", 200, r#"{"lease_id":"","data":{"secret_id":"not-really-secret"}}"#),
];

#[test]
fn answers_that_lie_wrapped_are_asked_for_told_of_and_fetched() {
    let (mut env, server) = with_server(WRAPPED);
    let text = transcript(
        &env,
        &[
            &["read", "-wrap-ttl=10m", "aws/creds/webapp"],
            &["read", "-wrap-ttl=10m", "-format=json", "aws/creds/webapp"],
            &["read", "-wrap-ttl=10m", "-field=wrapping_token", "aws/creds/webapp"],
            &["list", "--wrap-ttl", "60", "aws/roles"],
        ],
    );
    insta::assert_snapshot!(text);
    assert_eq!(server.last().header("x-vault-wrap-ttl"), Some("60"));
    // What is there to wrap wraps without being told to.
    env.ok(&["write", "sys/wrapping/wrap", "a=b"]);
    assert_eq!(server.last().header("x-vault-wrap-ttl"), Some("5m"));
    env.set("VAULT_WRAP_TTL", "90s");
    env.ok(&["write", "sys/wrapping/wrap", "a=b"]);
    assert_eq!(server.last().header("x-vault-wrap-ttl"), Some("90s"));
    // The token from stdin, beside one's own; as an argument it works, and is warned of.
    let fetched = env.run_with_input(&["unwrap", "-field=secret_id", "-"], "hvs.wrapping\n");
    assert_eq!((fetched.code, fetched.stdout.as_str(), fetched.stderr.as_str()), (0, "not-really-secret", ""));
    assert_eq!(server.last().body, "{\"token\":\"hvs.wrapping\"}");
    assert_eq!((server.last().header("x-vault-token"), server.last().header("x-vault-wrap-ttl")), (Some("root"), None));
    assert!(env.run(&["unwrap", "hvs.wrapping"]).stderr.contains("can be read by every process"));
    env.set("VAULT_TOKEN", "");
    env.run_with_input(&["unwrap", "-"], "hvs.wrapping");
    assert_eq!((server.last().header("x-vault-token"), server.last().body.as_str()), (Some("hvs.wrapping"), "{}"));
    assert_eq!(env.run_with_input(&["unwrap", "-"], "\n").code, 1);
}

#[test]
fn what_may_be_written_is_explained_from_the_top_down_to_values() {
    let env = TestEnv::new();
    let all = env.ok(&["explain"]);
    assert!(all.contains("guardrail") && all.lines().any(|line| line.starts_with("aws ")), "{all}");
    insta::assert_snapshot!(env.ok(&["explain", "aws.lease"]));
    insta::assert_snapshot!(env.ok(&["explain", "login.jwt.token_ttl"]));
    let told: serde_json::Value =
        serde_json::from_str(&env.ok(&["explain", "aws.lease.max", "--format", "json"])).unwrap();
    assert_eq!(told["value"]["takes"], "a duration, as \"1h30m\"");
    assert_eq!(told["value"]["default"], 0);
    let unknown = env.run(&["explain", "aws.leese"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("there is no `leese` in aws: did you mean `lease`?"), "{}", unknown.stderr);
}

#[test]
fn what_the_files_stand_for_is_printed_without_an_engine() {
    let env = TestEnv::new();
    env.write(
        "leasehold.hcl",
        "environment \"local\" {\n  address = \"http://192.0.2.1:8200\"\n  var = { owner = \"web\" }\n}\n",
    );
    env.write(
        "estate.hcl",
        "aws \"aws\" {\n  root {\n    access_key = \"secret:env:NOT_SET_EITHER\"\n    secret_key = \"secret:env:NOT_SET\"\n  }\n}\n\
         role \"reader\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  iam_tags = { owner = \"${var.owner}\" }\n  \
         policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}\n",
    );
    let text = env.ok(&["render"]);
    insta::assert_snapshot!(text);
    let told: serde_json::Value = serde_json::from_str(&env.ok(&["render", "--format", "json"])).unwrap();
    let role = told["objects"].as_array().unwrap().iter().find(|object| object["path"] == "aws/roles/reader").unwrap();
    assert_eq!(role["fields"]["iam_tags"], serde_json::json!({"owner": "web"}));
    assert_eq!(role["declared"]["file"], "estate.hcl");
}
