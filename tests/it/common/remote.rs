//! The tutorial's estate, with an environment for a server that runs elsewhere.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::env::{TestEnv, commit_all};
use crate::servers::{ByHand, Sort, TestServer};

/// The estate in `estate`, its environment `remote`, and the server of that.
pub(crate) struct Remote {
    pub(crate) env: TestEnv,
    pub(crate) estate: PathBuf,
    pub(crate) http: ByHand,
    pub(crate) server: TestServer,
}

impl Remote {
    /// Each of the servers that commands are tried with.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        [Sort::Ours, Sort::OpenBao].into_iter().map(Self::new)
    }

    /// The same, with the estate under git.
    pub(crate) fn each_under_git() -> impl Iterator<Item = Self> {
        Self::each().inspect(|remote| drop(commit_all(&remote.estate)))
    }

    pub(crate) fn new(sort: Sort) -> Self {
        let mut env = TestEnv::new();
        let server = TestServer::start(sort);
        let estate = env.copy_tree("examples/tutorial", "estate");
        env.set("LEASEHOLD_TOKEN", &*server.token).set("LEASEHOLD_ENV", "remote");
        if let Some(namespace) = &server.namespace {
            env.set("LEASEHOLD_NAMESPACE", namespace);
        }
        let remote = Self { http: server.by_hand(), env, estate, server };
        remote.at(&remote.server.address);
        remote
    }

    /// Says where the server is.
    pub(crate) fn at(&self, address: &str) {
        let variables = "  var {\n    account = \"111122223333\"\n  }";
        let text =
            format!("environment \"remote\" {{\n  address = \"{address}\"\n  secrets = [\"env:*\"]\n{variables}\n}}\n");
        self.env.write("estate/remote.hcl", &text);
    }

    /// A token with these rules and nothing else.
    pub(crate) fn token(&self, name: &str, rules: &str) -> String {
        self.http.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": rules }));
        let made = self.http.post("auth/token/create", &json!({ "policies": [name], "no_default_policy": true }));
        made["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// The same, used from now on.
    pub(crate) fn speak_as(&mut self, name: &str, rules: &str) {
        let token = self.token(name, rules);
        self.env.set("LEASEHOLD_TOKEN", token);
    }

    /// What the engine holds at a path.
    pub(crate) fn held(&self, path: &str) -> Value {
        let answer = self.http.send("GET", path, None);
        if answer.status == 404 { Value::Null } else { answer.body["data"].clone() }
    }
}

/// The rules of a policy in `policies/acl`.
pub(crate) fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/acl").join(format!("{name}.hcl"));
    std::fs::read_to_string(path).unwrap()
}
