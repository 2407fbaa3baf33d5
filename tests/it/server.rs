//! `leasehold server` as a process: its data survives, its directory is its own.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use leasehold::api::{Addresses, Client, Options, Target, TlsOptions};
use serde_json::{Value, json};

use crate::env::{Server, TestEnv};
use crate::http::Http;

fn start(env: &TestEnv) -> (Server, Http) {
    let data = env.dir().join("data");
    let server = env.server(&["--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let token = std::fs::read_to_string(data.join("root-token")).unwrap().trim().to_owned();
    let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
    (server, http)
}

fn mount_kv(http: &Http) {
    http.post("sys/mounts/secret", &json!({ "type": "kv", "options": { "version": "2" } }));
}

#[test]
fn what_it_keeps_survives_a_restart_and_it_stops_in_order() {
    let env = TestEnv::new();
    let (server, http) = start(&env);
    mount_kv(&http);
    http.post("secret/data/a", &json!({ "data": { "k": "v" } }));
    assert_eq!(server.stop(), Some(0));
    let (_server, http) = start(&env);
    assert_eq!(http.get("secret/data/a")["data"]["data"]["k"], "v");
    assert_eq!(http.get("sys/seal-status")["storage_type"], "sqlite");
    assert_eq!(http.get("sys/audit")["data"]["trail/"]["type"], "file");
}

#[test]
fn a_held_directory_is_refused_with_the_holders_address() {
    let env = TestEnv::new();
    let (server, _) = start(&env);
    let second = env.run(&["server", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 1);
    assert!(second.stderr.contains("in use") && second.stderr.contains(&server.address), "{}", second.stderr);
}

#[test]
fn a_store_opens_with_its_own_key_only() {
    let env = TestEnv::new();
    let (server, _) = start(&env);
    server.stop();
    let key = env.dir().join("data/unseal.key");
    let run = || env.run(&["server", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    std::fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    assert!(run().stderr.contains("the unseal key does not open this store"));
    std::fs::remove_file(&key).unwrap();
    assert!(run().stderr.contains("put the key file back"));
}

/// What was answered with success is there after SIGKILL, for many writers that share commits.
#[test]
fn what_was_acknowledged_survives_a_kill() {
    let env = TestEnv::new();
    for round in 0..5 {
        let (server, http) = start(&env);
        if round == 0 {
            mount_kv(&http);
        }
        let pid = rustix::process::Pid::from_raw(server.pid().cast_signed()).unwrap();
        let acknowledged: Vec<String> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|writer| {
                    scope.spawn({
                        let http = http.clone();
                        move || {
                            let mut done = Vec::new();
                            for n in 0.. {
                                // The kill comes from one of the writers, in the middle of the others' work.
                                if writer == 0 && n == 20 + round {
                                    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
                                }
                                let path = format!("secret/data/{round}/{writer}/{n}");
                                match http.try_send("POST", &path, Some(&json!({ "data": { "n": n } }))) {
                                    Ok(answer) if answer.status == 200 => done.push(path),
                                    _ => break,
                                }
                            }
                            done
                        }
                    })
                })
                .collect();
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
        });
        drop(server);
        assert!(acknowledged.len() >= 20);
        let (_server, http) = start(&env);
        for path in &acknowledged {
            assert_eq!(http.send("GET", path, None).status, 200, "{path} was acknowledged and is gone");
        }
    }
}

#[test]
fn a_rotated_trail_goes_on_in_a_new_file_after_sighup() {
    let env = TestEnv::new();
    let (server, http) = start(&env);
    let (log, moved) = (env.dir().join("data/trail.log"), env.dir().join("moved.log"));
    std::fs::rename(&log, &moved).unwrap();
    let pid = rustix::process::Pid::from_raw(server.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    // The signal arrives when it does; each request leaves lines in one file or the other.
    while !log.exists() {
        http.get("sys/mounts");
    }
    let before = std::fs::metadata(&moved).unwrap().len();
    http.get("sys/mounts");
    assert_eq!(std::fs::metadata(&moved).unwrap().len(), before);
    assert!(std::fs::read_to_string(&log).unwrap().contains("sys/mounts"));
}

#[test]
fn tls_is_served_to_clients_that_trust_the_certificate() {
    let env = TestEnv::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let certificate = env.write("c.pem", &made.cert.pem());
    let key = env.write("k.pem", &made.signing_key.serialize_pem());
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = env.server(&["--dev", "--listen", "127.0.0.1:0", "--tls-cert", "c.pem", "--tls-key", "k.pem"]);
    assert!(server.address.starts_with("https://"), "{}", server.address);
    let tls = TlsOptions { ca_cert: Some(certificate), ..TlsOptions::default() };
    let client = |tls: TlsOptions| {
        let target = Target::Network { addresses: Addresses::one(&server.address).unwrap(), tls };
        Client::new(target, Options::new(None)).unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let health = runtime.block_on(client(tls).read("sys/health")).unwrap().unwrap();
    assert_eq!(health.body["sealed"], false);
    assert!(runtime.block_on(client(TlsOptions::default()).read("sys/health")).is_err());
}

/// As `openssl req -x509` makes one.
#[test]
fn a_certificate_that_signed_itself_is_told_with_what_to_do() {
    let env = TestEnv::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let made = parameters.self_signed(&key).unwrap();
    env.write("c.pem", &made.pem());
    let key = env.write("k.pem", &key.serialize_pem());
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = env.server(&["--dev", "--listen", "127.0.0.1:0", "--tls-cert", "c.pem", "--tls-key", "k.pem"]);
    let read = |more: &[&str]| env.run(&[&["read", "-address", &*server.address, "sys/health"], more].concat());
    let refused = read(&[]);
    assert_eq!(refused.code, 2, "{}", refused.normal());
    assert!(refused.stderr.contains("name just that one with --ca-cert"), "{}", refused.stderr);
    assert_eq!(read(&["--ca-cert", "c.pem"]).code, 0);
}

#[test]
fn a_development_server_serves_its_simulated_account_and_takes_keys_of_it() {
    use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
    let env = TestEnv::new();
    let server = env.server(&["-dev", "--aws=sandbox", "--listen", "127.0.0.1:0"]);
    let address = server.address.trim_start_matches("http://").to_owned();
    let http = Http { address, token: server.root_token.clone().unwrap() };
    let endpoint = server.aws_endpoint.clone().expect("the endpoint is printed");
    let client = |key: &str, secret: &str| {
        let config = aws_sdk_iam::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(&endpoint)
            .credentials_provider(Credentials::new(key, secret, None, None, "test"));
        aws_sdk_iam::Client::from_conf(config.build())
    };
    let root = client(leasehold::sandbox::ROOT_ACCESS_KEY, leasehold::sandbox::ROOT_SECRET);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A key that somebody makes there, with the AWS CLI, is one that config/root takes.
    let key = runtime.block_on(async {
        root.create_user().user_name("engine").send().await.unwrap();
        let all = "arn:aws:iam::aws:policy/AdministratorAccess";
        root.attach_user_policy().user_name("engine").policy_arn(all).send().await.unwrap();
        root.create_access_key().user_name("engine").send().await.unwrap().access_key.unwrap()
    });
    http.post("sys/mounts/aws", &json!({ "type": "aws" }));
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}"#;
    http.post("aws/roles/r", &json!({ "credential_type": "iam_user", "policy_document": policy }));
    let pair = |key: &str, secret: &str| json!({ "access_key": key, "secret_key": secret });
    for (access_key, secret) in [
        (leasehold::sandbox::ROOT_ACCESS_KEY, leasehold::sandbox::ROOT_SECRET),
        (key.access_key_id.as_str(), key.secret_access_key.as_str()),
    ] {
        http.post("aws/config/root", &pair(access_key, secret));
        let made = http.get("aws/creds/r")["data"].clone();
        let issued = client(made["access_key"].as_str().unwrap(), made["secret_key"].as_str().unwrap());
        let user = runtime.block_on(issued.get_user().send()).unwrap().user.unwrap();
        assert!(user.user_name.starts_with("vault-"), "{}", user.user_name);
    }
    // A key from the page of a tutorial is that of an administrator of its own; one that was there and was deleted is none.
    http.post("aws/config/root", &pair("AKIAIOSFODNN7EXAMPLE", "not of this account"));
    let made = http.get("aws/creds/r");
    http.post("sys/leases/revoke", &json!({ "lease_id": made["lease_id"], "sync": true }));
    let made = &made["data"];
    let revoked = client(made["access_key"].as_str().unwrap(), made["secret_key"].as_str().unwrap());
    let refused = runtime.block_on(revoked.get_user().send()).unwrap_err();
    assert_eq!(refused.into_service_error().meta().code(), Some("InvalidClientTokenId"));

    let elsewhere = json!({ "iam_endpoint": "https://iam.example.com" });
    let warnings = http.post("aws/config/root", &elsewhere)["warnings"].to_string();
    assert!(warnings.contains("iam.example.com") && warnings.contains("not used"), "{warnings}");
}

#[test]
fn a_development_server_leaves_nothing_behind() {
    let mut env = TestEnv::new();
    let temporary = env.dir().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    env.set("TMPDIR", temporary.to_str().unwrap());
    let left = || std::fs::read_dir(&temporary).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    let server = env.server(&["--dev", "--listen", "127.0.0.1:0"]);
    assert_eq!(left().len(), 1, "its trail, while it runs");
    let taken = env.run(&["server", "--dev", "--listen", server.address.trim_start_matches("http://")]);
    assert_eq!(taken.code, 1, "{}", taken.stderr);
    assert_eq!(left().len(), 1, "what did not start leaves nothing");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(left(), Vec::<std::ffi::OsString>::new());
}

/// What is printed is all that a client of AWS needs: boto3 and the AWS CLI take the region from another variable than
/// AWS's other SDKs.
#[test]
fn what_a_server_prints_of_its_simulated_account_is_enough_for_boto3() {
    let env = TestEnv::new();
    let server = env.server(&["-dev", "--aws=sandbox", "--listen", "127.0.0.1:0"]);
    let client = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'], [user['UserName'] for user in boto3.client('iam').list_users()['Users']])";
    let output = std::process::Command::new(crate::python::python())
        .args(["-c", client])
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(server.exports.iter().filter(|(name, _)| name.starts_with("AWS_")).cloned())
        .output()
        .unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.trim(), "arn:aws:iam::123456789012:root ['leasehold-engine']", "{error}");
}

#[test]
fn its_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let env = TestEnv::new();
    let (_server, http) = start(&env);
    mount_kv(&http);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let data = env.dir().join("data");
    assert_eq!(mode(&data), 0o700);
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn plain_http_to_others_is_refused() {
    let env = TestEnv::new();
    let output = env.run(&["server", "--data-dir", "data", "--listen", "0.0.0.0:0"]);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("no TLS certificate is given"), "{}", output.stderr);
    assert!(!env.dir().join("data").exists());
}

/// A file that served Vault: what means nothing here is told, the log is an object a line, and a service manager finds the
/// process.
#[test]
fn a_file_that_served_vault_is_taken_and_its_log_is_json() {
    let env = TestEnv::new();
    let text = "ui = true\ndisable_mlock = true\ncluster_addr = \"https://127.0.0.1:8201\"\ntelemetry {\n  disable_hostname = true\n}\n\
                storage \"file\" {\n  path = \"data\"\n}\nlistener \"tcp\" {\n  address     = \"127.0.0.1:0\"\n  tls_disable = 1\n}\n\
                aws = \"sandbox\"\nlog_format = \"json\"\npid_file = \"server.pid\"\n";
    env.write("server.hcl", text);
    let mut command = env.command(&["server", "-config", "server.hcl"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("server started")));
    let pid = std::fs::read_to_string(env.dir().join("server.pid")).unwrap();
    assert_eq!(pid, format!("{}\n", child.id()));
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(!env.dir().join("server.pid").exists());
    let log = String::from_utf8(output.stderr).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let told =
        |part: &str| events.iter().any(|event| event["message"].as_str().is_some_and(|text| text.contains(part)));
    for part in ["server.hcl:3: cluster_addr", "server.hcl:4: telemetry", "serving"] {
        assert!(told(part), "{part}: {log}");
    }
}

/// As `vault server -dev -dev-tls`: commands need no more than what it prints, also of an address that was named besides.
#[test]
fn a_development_server_makes_a_certificate_and_keeps_its_token_for_commands() {
    let mut env = TestEnv::new();
    std::fs::create_dir(env.dir().join("certs")).unwrap();
    let tls = ["-dev-tls", "-dev-tls-cert-dir=certs", "-dev-tls-san=engine.example", "-dev-kv-v1"];
    let server = env.server(&[&["-dev", "--listen", "127.0.0.1:0"][..], &tls].concat());
    assert!(server.address.starts_with("https://127.0.0.1:"), "{}", server.address);
    env.set("LEASEHOLD_ADDR", &server.address);
    let stranger = env.run(&["status"]);
    assert!(stranger.code == 1 && stranger.stderr.contains("certificate"), "{}", stranger.normal());
    env.set("LEASEHOLD_CACERT", env.dir().join("certs/leasehold-ca.pem").display().to_string());
    env.ok(&["status"]);
    env.ok(&["kv", "put", "secret/a", "k=v"]);
    assert_eq!(env.ok(&["kv", "get", "-field=k", "secret/a"]).trim(), "v");
    assert!(env.ok(&["secrets", "list", "-detailed"]).contains("version:1"));
    env.set("LEASEHOLD_TLS_SERVER_NAME", "engine.example");
    env.ok(&["status"]);
    env.set("LEASEHOLD_TLS_SERVER_NAME", "other.example");
    assert_eq!(env.run(&["status"]).code, 1);
    let mode = |name: &str| std::fs::metadata(env.dir().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("certs/leasehold-key.pem"), mode(".leasehold-token")), (0o600, 0o600));
    assert_eq!(server.stop(), Some(0));
    assert!(!env.dir().join(".leasehold-token").exists());

    // Who has a token, or wants none kept, keeps what there is.
    env.write(".leasehold-token", "of-somewhere");
    set_private(&env, ".leasehold-token");
    let server = env.server(&["-dev", "--listen", "127.0.0.1:0"]);
    assert_eq!(std::fs::read_to_string(env.dir().join(".leasehold-token")).unwrap(), "of-somewhere");
    server.stop();
    std::fs::remove_file(env.dir().join(".leasehold-token")).unwrap();
    let _server = env.server(&["-dev", "-dev-no-store-token", "--listen", "127.0.0.1:0"]);
    assert!(!env.dir().join(".leasehold-token").exists());
    for (flags, what) in [
        (&["server", "--data-dir", "d", "-dev-tls"][..], "--dev-tls is for a development server"),
        (&["server", "--data-dir", "d", "-dev-kv-v1"], "--dev-kv-v1 is for a development server"),
        (&["server", "-dev", "-dev-tls", "-tls-cert=c", "-tls-key=k"], "leave one of the two out"),
        (&["server", "-dev", "-dev-tls", "-dev-tls-cert-dir=nowhere"], "nowhere/leasehold-ca.pem can't be written"),
    ] {
        let refused = env.run(flags);
        assert!(refused.code == 1 && refused.stderr.contains(what), "{flags:?}: {}", refused.normal());
    }
}

fn set_private(env: &TestEnv, name: &str) {
    std::fs::set_permissions(env.dir().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}
