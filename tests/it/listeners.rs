//! Where a server listens and what it is set up by: Unix sockets, several files of settings, the lease TTLs of the system.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use serde_json::{Value, json};

use crate::env::{Server, TestEnv};
use crate::http::Http;
use crate::seal::kill;

/// A server with these settings beside its data directory, and commands that speak to it.
fn start(env: &mut TestEnv, settings: &str) -> Server {
    env.write("server.hcl", &format!("data = \"data\"\naws = \"sandbox\"\n{settings}"));
    let server = env.server(&["-config", "server.hcl"]);
    let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", token);
    server
}

fn unix(env: &TestEnv, more: &str) -> String {
    format!("listener \"unix\" {{\n  address = \"{}\"\n{more}}}\n", env.dir().join("l.sock").display())
}

#[test]
fn a_server_is_reached_by_its_socket_alone() {
    let mut env = TestEnv::new();
    let settings = unix(&env, "");
    let server = start(&mut env, &settings);
    let socket = env.dir().join("l.sock");
    assert_eq!(server.address, format!("unix://{}", socket.display()));
    let found = std::fs::metadata(&socket).unwrap();
    assert!(found.file_type().is_socket() && found.permissions().mode() & 0o777 == 0o600, "{found:?}");
    env.ok(&["status"]);
    env.ok(&["secrets", "enable", "-path=secret", "-version=2", "kv"]);
    env.ok(&["kv", "put", "secret/a", "k=v"]);
    env.set("LEASEHOLD_ADDR", "").set("VAULT_ADDR", &server.address);
    assert_eq!(env.ok(&["kv", "get", "-field=k", "secret/a"]), "v");
    env.ok(&["operator", "raft", "snapshot", "save", "a.snap"]);
    env.ok(&["operator", "raft", "snapshot", "restore", "a.snap"]);
    let line = env.ok(&["read", "-output-curl-string", "secret/data/a"]);
    let told = format!("curl --unix-socket '{}' ", socket.display());
    assert!(line.starts_with(&told) && line.ends_with("'http://localhost/v1/secret/data/a'\n"), "{line}");
    // The trail has an address for everybody.
    let trail = std::fs::read_to_string(env.dir().join("data/trail.log")).unwrap();
    let requests = trail.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let remotes: Vec<Value> = requests.map(|line| line["request"]["remote_address"].clone()).collect();
    assert!(remotes.contains(&json!("127.0.0.1")), "{remotes:?}");

    // Whoever finds the directory held is told of the socket; another server does not take it away.
    env.write("other.hcl", &format!("data = \"other\"\n{}", unix(&env, "")));
    let other = env.run(&["server", "-config", "other.hcl"]);
    assert!(other.code == 1 && other.stderr.contains("somebody listens on the socket"), "{}", other.stderr);
    let again = env.run(&["server", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    assert!(again.code == 1 && again.stderr.contains(&server.address), "{}", again.stderr);
    // What a kill leaves behind is replaced, and after an orderly end there is nothing.
    kill(server);
    assert!(socket.exists());
    let unreachable = env.run(&["read", "secret/data/a"]);
    let told = format!("could not connect to unix://{}: Connection refused", socket.display());
    assert!(unreachable.code == 2 && unreachable.stderr.contains(&told), "{}", unreachable.stderr);
    let settings = unix(&env, "  socket_mode = \"0660\"\n");
    let server = start(&mut env, &settings);
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(server.stop(), Some(0));
    assert!(!socket.exists());
    // A file that is no socket stays.
    std::fs::write(&socket, "mine").unwrap();
    let refused = env.run(&["server", "-config", "server.hcl"]);
    assert!(refused.code == 1 && refused.stderr.contains("cannot listen on the socket"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "mine");
    std::fs::remove_file(&socket).unwrap();
    let settings = unix(&env, "  socket_user = \"nobody-of-this-name\"\n");
    env.write("user.hcl", &format!("data = \"data\"\n{settings}"));
    let refused = env.run(&["server", "-config", "user.hcl"]);
    assert!(refused.stderr.contains("/etc/passwd has no \"nobody-of-this-name\""), "{}", refused.stderr);
    assert!(!socket.exists());
}

#[test]
fn a_port_and_a_socket_serve_the_same_engine() {
    let mut env = TestEnv::new();
    let settings = format!("{}listener \"tcp\" {{\n  address = \"127.0.0.1:0\"\n}}\n", unix(&env, ""));
    let server = start(&mut env, &settings);
    assert!(server.address.starts_with("unix://"), "it is told last");
    // Commands that find the directory held go to the port, which is told first.
    let held = env.run(&["server", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    let (_, port) = held.stderr.split_once("a server at http://").expect(&held.stderr);
    let port = port.lines().next().unwrap().trim().to_owned();
    let http = Http { address: port, token: env.variable("LEASEHOLD_TOKEN").to_owned() };
    http.post("sys/mounts/secret", &json!({ "type": "kv" }));
    http.post("secret/a", &json!({ "k": "v" }));
    assert_eq!(env.ok(&["kv", "get", "-field=k", "secret/a"]), "v");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn of_several_files_the_later_one_wins_and_all_that_is_wrong_is_told() {
    let mut env = TestEnv::new();
    env.write(
        "conf.d/10-base.hcl",
        "data = \"data\"\nmax_lease_ttl = \"24h\"\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n}\n",
    );
    env.write("conf.d/20-more.json", r#"{"max_lease_ttl": "12h", "aws": "sandbox"}"#);
    env.write("conf.d/30-old.hcl~", "nothing of this = is read");
    env.write("conf.d/.hidden.hcl", "nor of this");
    env.write("last.hcl", "default_lease_ttl = \"1h\"\nlog_level = \"warn\"\n");
    let server = env.server(&["-config=conf.d", "-config=last.hcl"]);
    let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", token);
    let http = Http {
        address: server.address.trim_start_matches("http://").to_owned(),
        token: env.variable("LEASEHOLD_TOKEN").to_owned(),
    };
    // The system's, of what says nothing of its own.
    let tuned = |path: &str| http.get(&format!("sys/mounts/{path}/tune"))["data"].clone();
    http.post("sys/mounts/secret", &json!({ "type": "kv" }));
    let secret = tuned("secret");
    assert_eq!((&secret["default_lease_ttl"], &secret["max_lease_ttl"]), (&json!(3600), &json!(43_200)));
    let made = http.post("auth/token/create", &json!({ "policies": ["default"] }));
    assert_eq!(made["auth"]["lease_duration"], 3600);
    let made = http.post("auth/token/create", &json!({ "policies": ["default"], "ttl": "100h" }));
    assert_eq!(made["auth"]["lease_duration"], 43_200);
    let too_long = json!({ "type": "kv", "config": { "default_lease_ttl": "13h" } });
    let refused = http.send("POST", "sys/mounts/other", Some(&too_long));
    assert!(refused.body["errors"].to_string().contains("system max lease TTL of 43200"), "{}", refused.body);
    // A mount may have more than the system, and keeps it.
    http.post("sys/mounts/secret/tune", &json!({ "default_lease_ttl": "20h", "max_lease_ttl": "30h" }));
    assert_eq!(tuned("secret")["max_lease_ttl"], 108_000);
    assert_eq!(server.stop(), Some(0));

    env.write("conf.d/20-more.json", r#"{"max_lease": "12h"}"#);
    env.write("last.hcl", "seal {}\n");
    let output = env.run(&["server", "-config=conf.d", "-config=last.hcl"]);
    for told in [
        "conf.d/20-more.json: the key max_lease is not taken",
        "last.hcl:1: the key seal is not taken by this server (it has a label",
    ] {
        assert!(output.code == 1 && output.stderr.contains(told), "{told}: {}", output.stderr);
    }
    std::fs::create_dir(env.dir().join("empty")).unwrap();
    let output = env.run(&["server", "-config=empty"]);
    assert!(output.stderr.contains("there is no .hcl and no .json"), "{}", output.stderr);
}
