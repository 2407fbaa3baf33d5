//! An import of 1,000 objects that somebody made by hand: 500 roles, 250 ACL policies that grant them, 250 logins that have
//! these. Files are drafted, read as an estate, and proved by a plan, as `leasehold import` does it.
//!
//! Run with `cargo bench --bench import`.

#![allow(dead_code, reason = "the harness offers more than each benchmark uses")]
#![allow(clippy::expect_used, clippy::cast_precision_loss, reason = "a benchmark that cannot run says so by failing")]

mod harness;
mod null_iam;

use std::time::{Duration, Instant};

use harness::{World, report};
use leasehold::clock::Clock;
use leasehold::estate::{self, Sources};
use leasehold::import::Syntax;
use leasehold::proposal::{Base, Basis, Purpose, import};
use serde_json::json;

/// Imports of which the median is told.
const RUNS: usize = 5;

/// Apps: each has a login, a policy and two roles.
const APPS: usize = 250;

#[tokio::main]
async fn main() {
    let world = World::new(Clock::system(), Duration::ZERO, "1h").await;
    world.write("sys/auth/approle", json!({ "type": "approle" })).await;
    for app in 0..APPS {
        for role in ["reader", "writer"] {
            let resource = format!("arn:aws:s3:::bucket-{app}-{role}/*");
            let document = json!({ "Version": "2012-10-17", "Statement": [
                { "Sid": "Objects", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": resource }] });
            let role_body = json!({ "credential_type": "iam_user", "policy_document": document.to_string() });
            world.write(&format!("aws/roles/app-{app}-{role}"), role_body).await;
        }
        let rules = ["reader", "writer"]
            .map(|role| format!("path \"aws/creds/app-{app}-{role}\" {{\n  capabilities = [\"read\"]\n}}\n"))
            .concat();
        world.write(&format!("sys/policies/acl/app-{app}"), json!({ "policy": rules })).await;
        let login = json!({ "token_policies": [format!("app-{app}")], "token_ttl": "1h", "token_max_ttl": "2h" });
        world.write(&format!("auth/approle/role/app-{app}"), login).await;
    }
    let text = "environment \"prod\" {\n  address = \"http://127.0.0.1:8200\"\n}\n";
    let sources = Sources::from_texts([("environments.hcl".to_owned(), text.to_owned())], []);
    let declared = estate::load(&sources, None).expect("an estate");
    let home = tempfile::tempdir().expect("a directory");
    for syntax in [Syntax::Hcl, Syntax::Yaml] {
        let mut took = Vec::new();
        let mut counted = 0;
        for _ in 0..RUNS {
            let base = Base { sources: &sources, declared: &declared, taken: &|_| false, syntax };
            let basis = Basis { dir: home.path(), shared: false, today: "2026-11-30", purpose: Purpose::Show };
            let begun = Instant::now();
            let imported = import(base, &world.client, basis).await.expect("an import");
            took.push(begun.elapsed());
            counted = imported.report.imported();
        }
        took.sort_unstable();
        let [least, median, most] = [took[0], took[RUNS / 2], took[RUNS - 1]].map(|took| took.as_secs_f64());
        report(&format!(
            "{counted:>5} objects imported as {}, and proved: {median:.2} s ({least:.2} to {most:.2})",
            syntax.ending()
        ));
    }
}
