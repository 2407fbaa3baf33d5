//! What apps wait for: logins by each method that needs nobody else, sessions of STS, `leasehold creds` as a whole process,
//! with and without its cache, and the memory of an agent at rest.
//!
//! Logins and sessions are made by the embedded engine on disk, its trail on: each is durable in store and trail before its
//! answer leaves. An STS that does nothing answers at once. Run with `cargo bench --bench apps`; Python 3 is used to read a
//! finished process's resource usage. `cargo bench --bench apps -- vouched` measures those logins alone for which somebody
//! else vouches.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]
#![allow(dead_code, reason = "the harness offers more than each benchmark uses")]

mod harness;
mod measure;
mod null_iam;
mod signer;
mod vouched;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use leasehold::api::Client;
use leasehold::clock::Clock;
use serde_json::{Map, Value, json};

use harness::{World, body, measure, report};
use signer::Signer;

/// For how long one thing is done again and again.
pub(crate) const SECONDS: Duration = Duration::from_secs(4);
/// So many at once.
pub(crate) const CLIENTS: [usize; 2] = [1, 64];
const RUNS: usize = 11;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    // Cargo says `--bench` to each benchmark.
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match only.as_slice() {
        [] => {
            logins().await;
            vouched::logins().await;
            sessions().await;
            processes();
        }
        [only] if only == "vouched" => vouched::logins().await,
        other => panic!("{other:?} is not known: nothing, or `vouched`"),
    }
}

/// Logs in by each method again and again.
async fn logins() {
    for clients in CLIENTS {
        let world = World::new(Clock::system(), Duration::ZERO, "1h").await;
        let token = signed_token(&world).await;
        world.write("sys/auth/approle", json!({ "type": "approle" })).await;
        world.write("auth/approle/role/app", json!({ "token_ttl": "1h", "token_policies": ["app"] })).await;
        let id = told(&world.client, "auth/approle/role/app/role-id", "role_id").await;
        let answer = world.client.write("auth/approle/role/app/secret-id", &Map::new()).await.expect("a secret id");
        let secret = answer.data.expect("data")["secret_id"].clone();
        world.write("sys/auth/userpass", json!({ "type": "userpass" })).await;
        world.write("auth/userpass/users/ann", json!({ "password": "correct horse", "token_ttl": "1h" })).await;
        for (method, path, shown) in [
            ("approle", "auth/approle/login", json!({ "role_id": id, "secret_id": secret })),
            ("jwt, ES256", "auth/jwt/login", json!({ "role": "app", "jwt": token })),
            ("userpass", "auth/userpass/login/ann", json!({ "password": "correct horse" })),
        ] {
            let (client, shown) = (world.client.clone(), body(shown));
            let took = measure(clients, SECONDS, move || {
                let (client, shown) = (client.clone(), shown.clone());
                Some(async move {
                    client.write(path, &shown).await.expect("it logs in");
                })
            });
            report(&took.await.line(&format!("login by {method:<10}, {clients:>2} clients")));
        }
        world.engine.close().await;
    }
}

/// Mounts a method that believes a new key, with a role `app`; a token of that key.
async fn signed_token(world: &World) -> String {
    let signer = Signer::new();
    world.write("sys/auth/jwt", json!({ "type": "jwt" })).await;
    world.write("auth/jwt/config", json!({ "jwt_validation_pubkeys": [signer.pem()] })).await;
    let role = json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["engine"], "token_ttl": "1h" });
    world.write("auth/jwt/role/app", role).await;
    let now = world.clock.now().unix_timestamp();
    signer.token(&json!({ "sub": "app", "aud": "engine", "iat": now, "nbf": now, "exp": now + 3600 }))
}

async fn told(client: &Client, path: &str, name: &str) -> Value {
    client.read(path).await.expect("an answer").expect("it is there").data.expect("data")[name].clone()
}

/// Issues sessions of a role of the account.
async fn sessions() {
    for clients in CLIENTS {
        let world = World::new(Clock::system(), Duration::ZERO, "1h").await;
        let role = json!({ "credential_type": "assumed_role", "role_arns": ["arn:aws:iam::123456789012:role/app"] });
        world.write("aws/roles/session", role).await;
        let client = world.client.clone();
        let took = measure(clients, SECONDS, move || {
            let client = client.clone();
            Some(async move {
                client.read("aws/creds/session").await.expect("a credential").expect("an answer");
            })
        });
        report(&took.await.line(&format!("sessions of STS      , {clients:>2} clients")));
        world.engine.close().await;
    }
}

/// `creds` with and without its cache, and an agent that holds a credential, against a server on loopback.
fn processes() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path();
    let _server = serve(directory);
    std::fs::write(directory.join("estate.hcl"), ESTATE).expect("the estate is written");
    let token = Some("root");
    let run = |arguments: &[&str]| {
        let measured = measure::leasehold_as(directory, token, arguments);
        assert_eq!(measured.0, 0, "{arguments:?}");
        measured
    };
    run(&["apply", "--auto-approve"]);
    for (what, arguments) in [
        ("cold", &["creds", "web", "--format", "process", "--no-cache"][..]),
        ("cached", &["creds", "web", "--format", "process"]),
    ] {
        run(arguments);
        let mut walls: Vec<(f64, f64)> = (0..RUNS)
            .map(|_| {
                let (_, wall, _, memory) = run(arguments);
                (wall, memory)
            })
            .collect();
        walls.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (wall, memory) = walls[RUNS / 2];
        let range = (walls[0].0 * 1e3, walls[RUNS - 1].0 * 1e3);
        report(&format!(
            "creds, {what:<6}: {:.1} ms wall ({:.1} to {:.1}), {memory:.0} MB peak",
            wall * 1e3,
            range.0,
            range.1
        ));
    }
    agent(directory);
}

/// A development server with a simulated account, once it listens.
fn serve(directory: &Path) -> Process {
    let server = Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .args(["server", "--dev", "--dev-root-token-id", "root", "--listen", ADDRESS, "--aws", "sandbox"])
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let server = Process(server.expect("the server starts"));
    let listens = wait(|| std::net::TcpStream::connect(ADDRESS).is_ok());
    assert!(listens, "the server listens");
    server
}

/// Looks again and again, for ten seconds at most.
fn wait(is_so: impl Fn() -> bool) -> bool {
    (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        is_so()
    })
}

const ADDRESS: &str = "127.0.0.1:18299";

const ESTATE: &str = r#"
environment "local" {
  address = "http://127.0.0.1:18299"
}

aws "aws" {
  region = "eu-west-1"

  lease {
    default = "1h"
    max     = "2h"
  }
}

auth "approle" {}

app "web" {
  role "web" {
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::web/*"]
    }
  }

  login "approle" {}
}
"#;

/// How much memory an agent has that holds one credential and waits.
fn agent(directory: &Path) {
    // Beside the estate: what lies in it is read as a part of it.
    let beside = tempfile::tempdir().expect("a directory");
    let (settings, file) = (beside.path().join("agent.yaml"), beside.path().join("web.env"));
    let text = format!("apps:\n  web:\n    files:\n      - path: {}\n        form: env\n", file.display());
    std::fs::write(&settings, text).expect("the file is written");
    let agent = Command::new(env!("CARGO_BIN_EXE_leasehold"))
        .args(["agent", "--listen", "127.0.0.1:18298", "--config"])
        .arg(&settings)
        .arg("--token-file")
        .arg(beside.path().join("token"))
        .env("LEASEHOLD_TOKEN", "root")
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let agent = Process(agent.expect("the agent starts"));
    assert!(wait(|| file.exists()), "the agent has a credential");
    report(&format!("agent, at rest with one credential: {:.1} MB resident", agent.resident()));
}

/// A process that ends with this.
struct Process(Child);

impl Process {
    /// Resident memory in MB (proc(5), `VmRSS` of `status`).
    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
        let kilobytes: f64 = line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number");
        kilobytes / 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
