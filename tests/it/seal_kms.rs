//! `seal "awskms"`: a store whose key AWS KMS keeps wrapped, against moto's service.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::env::{Server, TestEnv};
use crate::http::Http;
use crate::python::Moto;
use crate::seal::{got, kill, mount_kv, put, refused};

struct World {
    env: TestEnv,
    moto: Moto,
    key: String,
}

impl World {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let moto = Moto::start();
        env.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").set("AWS_SECRET_ACCESS_KEY", "not-a-secret");
        let key = make_key(&moto.endpoint);
        let world = Self { env, moto, key };
        world.configure(&world.moto.endpoint, &world.key);
        world
    }

    fn configure(&self, endpoint: &str, key: &str) {
        let text = format!(
            "data = \"data\"\nlistener \"tcp\" {{\n  address = \"127.0.0.1:0\"\n}}\nseal \"awskms\" {{\n  kms_key_id = \"{key}\"\n  region = \
             \"eu-west-1\"\n  endpoint = \"{endpoint}\"\n}}\n"
        );
        self.env.write("server.hcl", &text);
    }

    fn start(&self) -> (Server, Http) {
        let server = self.env.server(&["--config", "server.hcl"]);
        let token = std::fs::read_to_string(self.env.dir().join("data/root-token")).unwrap().trim().to_owned();
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        (server, http)
    }

    /// That the server does not start, and why.
    #[track_caller]
    fn refuses(&self, what: &str) {
        let output = self.env.run(&["server", "--config", "server.hcl"]);
        assert!(output.code == 1 && output.stderr.contains(what), "{}", output.normal());
    }

    fn wrapped(&self) -> PathBuf {
        self.env.dir().join("data/unseal.kms")
    }
}

/// A key of moto's; its ARN.
fn make_key(endpoint: &str) -> String {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let scope = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261201/eu-west-1/kms/aws4_request, SignedHeaders=host, \
                 Signature=00";
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Target: TrentService.CreateKey\r\nContent-Type: \
         application/x-amz-json-1.1\r\nAuthorization: {scope}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    body["KeyMetadata"]["Arn"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[test]
fn a_store_opens_with_the_key_that_the_service_unwraps() {
    let world = World::new();
    let (server, http) = world.start();
    let status = http.get("sys/seal-status");
    assert_eq!((&status["type"], &status["sealed"]), (&json!("awskms"), &json!(false)), "{status}");
    mount_kv(&http);
    put(&http, "v");
    let asked = json!({ "secret_shares": 1, "secret_threshold": 1 });
    refused(&http.send("PUT", "sys/rekey/init", Some(&asked)), 400, "sealed by AWS KMS");
    assert_eq!(http.send("PUT", "sys/rotate", None).status, 204);
    assert_eq!(http.send("PUT", "sys/seal", None).status, 204);
    refused(&http.send("PUT", "sys/unseal", Some(&json!({ "key": "00" }))), 400, "by AWS KMS");
    kill(server);
    // Nothing in the directory is the key: what lies there only the service can read.
    assert!(!world.env.dir().join("data/unseal.key").exists());
    let text = std::fs::read_to_string(world.wrapped()).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let blob = base64::engine::general_purpose::STANDARD.decode(file["wrapped"].as_str().unwrap()).unwrap();
    assert!(blob.len() > 32 && file["key_id"] == world.key.as_str(), "{file}");
    let (server, http) = world.start();
    assert_eq!((got(&http), &http.get("sys/key-status")["data"]["term"]), (json!("v"), &json!(2)));
    kill(server);
    // Another key than the one that wrapped it, a file that was changed, none, and a service that is away.
    world.configure(&world.moto.endpoint, &make_key(&world.moto.endpoint));
    world.refuses("AWS KMS did not unwrap the unseal key");
    world.configure("http://127.0.0.1:1", &world.key);
    world.refuses("AWS KMS did not unwrap the unseal key");
    world.configure(&world.moto.endpoint, &world.key);
    std::fs::write(world.wrapped(), text.replace("\"wrapped\":\"", "\"wrapped\":\"AAAA")).unwrap();
    world.refuses("AWS KMS did not unwrap the unseal key");
    std::fs::rename(world.wrapped(), world.env.dir().join("away")).unwrap();
    world.refuses("unseal.kms is missing");
    world.env.write("data/unseal.kms", &text);
    set_private(&world.wrapped());
    let (server, http) = world.start();
    assert_eq!(got(&http), "v");
    server.stop();
    // A store does not change from one seal to another without being told so.
    world.env.write("plain.hcl", "data = \"data\"\nlistener \"tcp\" {\n  address = \"127.0.0.1:0\"\n}\n");
    let plain = world.env.run(&["server", "--config", "plain.hcl"]);
    assert!(plain.code == 1 && plain.stderr.contains("wrapped by AWS KMS"), "{}", plain.normal());
    std::fs::remove_file(world.env.dir().join("data/engine.db")).unwrap();
    world.refuses("says that there was one");
}

#[test]
fn a_first_start_without_the_service_leaves_nothing_behind() {
    let world = World::new();
    world.configure(&world.moto.endpoint, "alias/nobody");
    world.refuses("AWS KMS did not wrap the unseal key with the key alias/nobody");
    assert!(!world.wrapped().exists());
    world.configure(&world.moto.endpoint, &world.key);
    let (_server, http) = world.start();
    assert_eq!(http.get("sys/seal-status")["initialized"], true);
    for (endpoint, key, what) in
        [("http://kms.example.com", &*world.key, "in clear"), (&*world.moto.endpoint, "", "needs kms_key_id")]
    {
        world.configure(endpoint, key);
        world.refuses(what);
    }
}

fn set_private(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The estate of an embedded engine whose key is where `key` says.
fn estate(env: &TestEnv, key: &str) {
    env.write(
        "estate/estate.hcl",
        &format!("environment \"local\" {{\n  engine = \"embedded\"\n{key}\n}}\nkv \"secret\" {{\n  version = 2\n}}\n"),
    );
}

#[test]
fn an_embedded_engine_keeps_its_key_in_a_file_apart_from_its_data() {
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_DIR", env.dir().join("estate").display().to_string());
    env.set("HOME", env.dir().join("home").display().to_string());
    let file = env.dir().join("home/keys/unseal.key");
    for (key, what) in [
        ("  key = \"file:unseal.key\"", "apart from the estate"),
        ("  key = \"file:/\"", "apart from the estate"),
        ("  key = \"kms:\"", "does not say where a key is"),
        ("  key = \"vault:x\"", "does not say where a key is"),
    ] {
        estate(&env, key);
        let refused = env.run(&["validate"]);
        assert!(refused.code != 0 && refused.stderr.contains(what), "{key}: {}", refused.normal());
    }
    estate(&env, &format!("  key = \"file:{}\"", env.dir().join("estate/.leasehold/k").display()));
    let within = env.run(&["plan"]);
    assert!(within.code == 1 && within.stderr.contains("would lie with what it keeps closed"), "{}", within.normal());
    // No file of an estate has one made elsewhere: what is to be done is told.
    estate(&env, "  key = \"file:~/keys/unseal.key\"");
    let none = env.run(&["apply", "--auto-approve"]);
    assert!(none.code == 1 && none.stderr.contains("head -c 32 /dev/urandom | base64"), "{}", none.normal());
    assert!(!file.exists());
    let text = base64::engine::general_purpose::STANDARD.encode([9; 32]);
    env.write("home/keys/unseal.key", &format!("{text}\n"));
    let open = env.run(&["apply", "--auto-approve"]);
    assert!(open.code == 1 && open.stderr.contains("chmod"), "{}", open.normal());
    set_private(&file);
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["kv", "put", "secret/a", "k=v"]);
    let data = env.dir().join("estate/.leasehold/local");
    assert!(data.join("engine.db").exists() && !data.join("unseal.key").exists());
    // Without that file, or with the key looked for beside it, the store stays closed and as it is.
    estate(&env, "");
    let beside = env.run(&["kv", "get", "secret/a"]);
    assert!(beside.code == 1 && beside.stderr.contains("unseal.key is missing"), "{}", beside.normal());
    estate(&env, "  key = \"file:~/keys/unseal.key\"");
    assert_eq!(env.ok(&["kv", "get", "-field=k", "secret/a"]).trim(), "v");
    env.ok(&[
        "operator",
        "check",
        "--data-dir",
        &data.display().to_string(),
        "--unseal-key",
        &file.display().to_string(),
    ]);
}

#[test]
fn an_embedded_engine_says_once_that_its_key_lies_beside_its_data() {
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_DIR", env.dir().join("estate").display().to_string());
    estate(&env, "");
    let first = env.run(&["apply", "--auto-approve"]);
    assert!(first.code == 0 && first.stderr.contains("lies beside its data"), "{}", first.normal());
    let second = env.run(&["plan"]);
    assert!(second.code == 0 && !second.stderr.contains("lies beside"), "{}", second.normal());
    // It moves as the documentation says it.
    let file = env.dir().join("unseal.key");
    std::fs::rename(env.dir().join("estate/.leasehold/local/unseal.key"), &file).unwrap();
    estate(&env, &format!("  key = \"file:{}\"", file.display()));
    env.ok(&["plan"]);
}

#[test]
fn an_embedded_engine_has_its_key_wrapped_by_the_service() {
    let mut env = TestEnv::new();
    let moto = Moto::start();
    env.set("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").set("AWS_SECRET_ACCESS_KEY", "not-a-secret");
    env.set("AWS_ENDPOINT_URL_KMS", &*moto.endpoint);
    env.set("LEASEHOLD_DIR", env.dir().join("estate").display().to_string());
    estate(&env, &format!("  key = \"kms:{}\"", make_key(&moto.endpoint)));
    env.ok(&["apply", "--auto-approve"]);
    env.ok(&["kv", "put", "secret/a", "k=v"]);
    let data = env.dir().join("estate/.leasehold/local");
    assert!(data.join("unseal.kms").exists() && !data.join("unseal.key").exists());
    assert_eq!(env.ok(&["kv", "get", "-field=k", "secret/a"]).trim(), "v");
    env.set("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1");
    let away = env.run(&["kv", "get", "secret/a"]);
    assert!(away.code == 1 && away.stderr.contains("AWS KMS did not unwrap"), "{}", away.normal());
    estate(&env, "");
    let beside = env.run(&["plan"]);
    assert!(beside.code == 1 && beside.stderr.contains("key = \"kms:...\""), "{}", beside.normal());
}
