//! `leasehold import --from-terraform`: the files, the plan and the state of one configuration become one estate, which an
//! engine takes; what has no place is told with its own, and no secret gets into anything.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::certificates::{self, Authority};
use crate::env::{Output, TestEnv};
use crate::servers::{Sort, TestServer};

/// Of a key that nobody has any more.
const PUBLIC_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESSUarB3I/TBBRFPH58QfMvvkiWvL\n\
Qgm5bl13A0loN3puJLHuv71BWKFsiWwrPh+xET7q58SdY5+PxEd9xM4ZIA==\n\
-----END PUBLIC KEY-----\n";

/// What a state has and nothing else may have.
const SECRETS: [&str; 4] =
    ["wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AKIAIOSFODNN7EXAMPLE", "correct horse", "reviewer.jwt.text"];

/// A resource as the provider keeps it.
struct Kept {
    sort: &'static str,
    name: &'static str,
    index: Value,
    values: Value,
}

/// A home to import into.
struct World {
    env: TestEnv,
    ca: String,
}

impl World {
    fn new() -> Self {
        let env = TestEnv::new();
        let ca = Authority::new(certificates::ca("k8s")).pem;
        env.copy_tree("tests/data/terraform", "tf");
        env.write("tf/ci.pem", PUBLIC_KEY);
        env.write("tf/k8s.pem", &ca);
        Self { env, ca }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.env.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        for secret in SECRETS {
            assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{}", output.normal());
        }
        output
    }

    /// Imports from what is at a path, and answers the report.
    #[track_caller]
    fn import(&self, from: &str, into: &str, more: &[&str], code: i32) -> Value {
        let arguments = [&["import", "--from-terraform", from, into, "--format", "json"], more].concat();
        serde_json::from_str(&self.run(&arguments, code).stdout).unwrap()
    }

    /// Imports from files with these texts.
    #[track_caller]
    fn import_texts(&self, texts: &[(&str, &str)], code: i32) -> Value {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        for (name, text) in texts {
            self.env.write(&format!("t{number}/{name}"), text);
        }
        self.import(&format!("t{number}"), &format!("e{number}"), &[], code)
    }

    /// All files below a directory, by name.
    fn files(&self, dir: &str) -> BTreeMap<String, String> {
        let files = self.env.files(dir);
        for (name, text) in &files {
            assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{name}:\n{text}");
        }
        files
    }
}

/// A resource of the fixture without an index.
fn kept(sort: &'static str, name: &'static str, values: Value) -> Kept {
    Kept { sort, name, index: Value::Null, values }
}

fn each(sort: &'static str, name: &'static str, index: &str, values: Value) -> Kept {
    Kept { sort, name, index: json!(index), values }
}

/// Of one key in the provider's order, and with what it fills in.
fn tokens(policies: Value, more: Value) -> Value {
    let mut all = json!({
        "token_policies": policies, "token_ttl": 0, "token_max_ttl": 0, "token_period": 0, "token_num_uses": 0,
        "token_bound_cidrs": [], "token_explicit_max_ttl": 0, "token_no_default_policy": false, "token_type": "default",
        "alias_metadata": null, "namespace": null,
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn mount(path: &str, mount_type: &str, more: Value) -> Value {
    let mut all = json!({
        "id": path, "path": path, "type": mount_type, "accessor": format!("{mount_type}_12ab34cd"), "description": "",
        "default_lease_ttl_seconds": 0, "max_lease_ttl_seconds": 0, "audit_non_hmac_request_keys": [],
        "audit_non_hmac_response_keys": [], "allowed_managed_keys": [], "external_entropy_access": false, "local": false,
        "seal_wrap": false, "options": null, "namespace": null, "force_no_cache": false, "plugin_version": null,
        "listing_visibility": "", "passthrough_request_headers": null,
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn method(path: &str, mount_type: &str, more: Value) -> Value {
    let mut all = json!({
        "id": path, "path": path, "type": mount_type, "accessor": format!("auth_{path}_12ab34cd"), "description": "",
        "disable_remount": false, "local": false, "namespace": null, "identity_token_key": null,
        "tune": [{ "default_lease_ttl": "768h", "max_lease_ttl": "768h", "token_type": "default-service", "listing_visibility": "" }],
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

const ANN: &str = "b3f0a6d1-5a35-4d0c-9f9d-9f3b1c1b7a11";
const UUID: &str = "5f1d7a44-9c3b-4c53-8b1c-0f2f4f1f9a90";

fn engines() -> Vec<Kept> {
    let document = |statement: Value| json!({ "Statement": [statement], "Version": "2012-10-17" }).to_string();
    let role = |name: &str, more: Value| {
        let mut all = json!({
            "id": format!("aws/roles/{name}"), "backend": "aws", "name": name, "credential_type": "iam_user",
            "policy_arns": [], "iam_groups": [], "iam_tags": null, "role_arns": null, "default_sts_ttl": 0, "max_sts_ttl": 0,
            "permissions_boundary_arn": "", "user_path": "", "external_id": null, "session_tags": null, "namespace": null,
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let app = |name: &'static str| {
        let allowed =
            json!({ "Action": ["s3:GetObject"], "Effect": "Allow", "Resource": format!("arn:aws:s3:::acme/{name}/*") });
        let more = json!({ "policy_document": document(allowed), "iam_tags": { "team": name } });
        each("vault_aws_secret_backend_role", "app", name, role(name, more))
    };
    let reader = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": ["arn:aws:s3:::acme/${aws:username}/*", "arn:aws:s3:::acme"],
        "Condition": { "Bool": { "aws:SecureTransport": "true" } },
    }] });
    vec![
        kept(
            "vault_aws_secret_backend",
            "aws",
            mount(
                "aws",
                "aws",
                json!({
                    "type": null, "description": "For \"apps\"", "access_key": SECRETS[1], "secret_key": SECRETS[0],
                    "region": "eu-west-1", "default_lease_ttl_seconds": 3600, "max_lease_ttl_seconds": 28800,
                    "iam_endpoint": null, "sts_endpoint": null, "max_retries": -1, "username_template": "",
                    "sts_fallback_endpoints": null, "rotation_period": null, "secret_key_wo_version": null,
                    "disable_automated_rotation": false,
                }),
            ),
        ),
        kept("vault_mount", "store", mount("store", "kv", json!({ "options": { "version": "2" } }))),
        kept(
            "vault_kv_secret_backend_v2",
            "store",
            json!({ "id": "store/config", "mount": "store", "max_versions": 5, "cas_required": true, "delete_version_after": 3600, "namespace": null }),
        ),
        Kept {
            sort: "vault_mount",
            name: "plain",
            index: json!(0),
            values: mount("plain", "kv-v1", json!({ "description": "Number 0" })),
        },
        app("etl"),
        app("web"),
        kept(
            "vault_aws_secret_backend_role",
            "reader",
            role("reader", json!({ "policy_document": reader.to_string() })),
        ),
        kept(
            "vault_aws_secret_backend_role",
            "reports",
            role(
                "reports",
                json!({
                    "policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"], "user_path": "/reports/",
                    "policy_document": null,
                }),
            ),
        ),
        kept(
            "vault_token_auth_backend_role",
            "cron",
            tokens(
                json!([]),
                json!({
                    "id": "auth/token/roles/cron", "role_name": "cron", "allowed_policies": ["own"], "orphan": true,
                    "renewable": true, "token_period": 3600, "token_type": "default-service", "path_suffix": "",
                    "disallowed_policies": [], "allowed_policies_glob": [], "disallowed_policies_glob": [],
                    "allowed_entity_aliases": [],
                }),
            ),
        ),
    ]
}

fn policies() -> Vec<Kept> {
    let policy = |name: &str, text: &str| json!({ "id": name, "name": name, "policy": text, "namespace": null });
    let block = |path: &str, capabilities: &str| format!("path \"{path}\" {{\n  capabilities = [{capabilities}]\n}}\n");
    let etl = block("aws/creds/etl", "\"read\"") + &block("aws/creds/reader", "\"read\", \"update\"");
    let all = "\"create\", \"read\", \"update\", \"delete\", \"list\"";
    let own = block("store/data/{{identity.entity.name}}/*", "\"read\", \"list\"");
    vec![
        each("vault_policy", "app", "etl", policy("etl", &etl)),
        each("vault_policy", "app", "web", policy("web", &block("aws/creds/web", "\"read\""))),
        kept("vault_policy", "operators", policy("operators", &(block("sys/*", all) + &block("aws/*", all)))),
        kept("vault_policy", "keys", policy("keys", &block("store/data/keys/*", "\"read\""))),
        kept("vault_policy", "own", policy("own", &format!("# What is one's own\n{own}"))),
        kept("vault_policy", "reports", policy("reports", &block("aws/creds/reports", "\"read\""))),
    ]
}

fn logins(ca: &str) -> Vec<Kept> {
    let approle = |name: &str, policies: Value, more: Value| {
        let mut all = json!({
            "id": format!("auth/approle/role/{name}"), "backend": "approle", "role_name": name, "role_id": UUID,
            "bind_secret_id": true, "secret_id_bound_cidrs": null, "secret_id_num_uses": 0, "secret_id_ttl": 0,
            "local_secret_ids": false,
        });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        tokens(policies, all)
    };
    vec![
        kept(
            "vault_auth_backend",
            "approle",
            method(
                "approle",
                "approle",
                json!({ "tune": [{ "max_lease_ttl": "24h", "default_lease_ttl": "", "token_type": "", "listing_visibility": "", "audit_non_hmac_request_keys": null }] }),
            ),
        ),
        each(
            "vault_approle_auth_backend_role",
            "app",
            "etl",
            approle("etl", json!(["etl", "keys"]), json!({ "token_ttl": 3600, "secret_id_ttl": 86400 })),
        ),
        each(
            "vault_approle_auth_backend_role",
            "app",
            "web",
            approle("web", json!(["web"]), json!({ "token_ttl": 1200, "secret_id_ttl": 86400 })),
        ),
        kept(
            "vault_approle_auth_backend_role",
            "operator",
            approle(
                "operator",
                json!(["operators"]),
                json!({ "role_id": "operator-of-engines", "token_bound_cidrs": ["10.0.0.0/8"] }),
            ),
        ),
        kept("vault_auth_backend", "people", method("people", "userpass", json!({}))),
        kept(
            "vault_userpass_auth_backend_user",
            "ann",
            tokens(
                json!(["own"]),
                json!({ "id": "auth/people/users/ann", "mount": "people", "username": "ann", "password_wo": null, "password_wo_version": 1 }),
            ),
        ),
        kept(
            "vault_jwt_auth_backend",
            "ci",
            method(
                "ci",
                "jwt",
                json!({
                    "description": "Pipelines", "jwt_validation_pubkeys": [PUBLIC_KEY], "bound_issuer": "https://ci.example.com",
                    "oidc_client_secret": null, "oidc_discovery_url": null, "provider_config": null, "namespace_in_state": true,
                    "jwks_url": "", "default_role": "", "jwt_supported_algs": [], "jwks_pairs": null, "oidc_response_mode": null,
                }),
            ),
        ),
        kept(
            "vault_jwt_auth_backend_role",
            "reports",
            tokens(
                json!(["reports"]),
                json!({
                    "id": "auth/ci/role/reports", "backend": "ci", "role_name": "reports", "role_type": "jwt", "user_claim": "sub",
                    "bound_audiences": ["https://bao.example.com"], "bound_claims_type": "string", "verbose_oidc_logging": false,
                    "bound_claims": { "ref": "refs/heads/main,refs/heads/next", "repository": "acme/reports" },
                    "disable_bound_claims_parsing": false, "clock_skew_leeway": 0, "user_claim_json_pointer": false, "max_age": 0,
                }),
            ),
        ),
        kept("vault_auth_backend", "kubernetes", method("kubernetes", "kubernetes", json!({}))),
        kept(
            "vault_kubernetes_auth_backend_config",
            "kubernetes",
            json!({
                "id": "auth/kubernetes/config", "backend": "kubernetes", "kubernetes_host": "https://k8s.example.com:6443",
                "kubernetes_ca_cert": ca, "token_reviewer_jwt": SECRETS[3], "disable_local_ca_jwt": true, "issuer": "",
                "disable_iss_validation": true, "pem_keys": [], "use_annotations_as_alias_metadata": false, "namespace": null,
            }),
        ),
        kept(
            "vault_kubernetes_auth_backend_role",
            "web",
            tokens(
                json!(["web"]),
                json!({
                    "id": "auth/kubernetes/role/web", "backend": "kubernetes", "role_name": "web", "audience": "",
                    "bound_service_account_names": ["web"], "bound_service_account_namespaces": ["web", "web-next"],
                    "alias_name_source": "serviceaccount_uid",
                }),
            ),
        ),
        kept("vault_auth_backend", "aws", method("aws", "aws", json!({}))),
        kept(
            "vault_aws_auth_backend_client",
            "aws",
            json!({
                "id": "auth/aws/config/client", "backend": "aws", "access_key": SECRETS[1], "secret_key": SECRETS[0],
                "iam_server_id_header_value": "bao.example.com", "ec2_endpoint": "", "iam_endpoint": "", "sts_endpoint": "",
                "sts_region": "", "max_retries": -1, "use_sts_region_from_client": false, "namespace": null,
                "allowed_sts_header_values": [], "rotation_period": 0, "identity_token_ttl": 0,
            }),
        ),
        kept(
            "vault_aws_auth_backend_role",
            "batch",
            tokens(
                json!(["etl"]),
                json!({
                    "id": "auth/aws/role/batch", "backend": "aws", "role": "batch", "auth_type": "iam", "role_id": UUID,
                    "bound_iam_principal_arns": ["arn:aws:iam::111122223333:role/batch"], "resolve_aws_unique_ids": false,
                    "bound_account_ids": null, "bound_ami_ids": [], "inferred_entity_type": "", "allow_instance_migration": false,
                }),
            ),
        ),
    ]
}

fn people() -> Vec<Kept> {
    vec![
        kept(
            "vault_identity_entity",
            "ann",
            json!({ "id": ANN, "name": "ann", "policies": ["own"], "metadata": { "desk": "7" }, "disabled": false, "external_policies": false, "namespace": null }),
        ),
        kept(
            "vault_identity_entity_alias",
            "ann",
            json!({ "id": UUID, "name": "ann", "mount_accessor": "auth_people_12ab34cd", "canonical_id": ANN, "custom_metadata": null, "namespace": null }),
        ),
        kept(
            "vault_identity_group",
            "readers",
            json!({
                "id": "77aa0000-5a35-4d0c-9f9d-9f3b1c1b7a11", "name": "readers", "type": "internal", "policies": ["keys"],
                "metadata": null, "member_entity_ids": [ANN], "member_group_ids": [], "external_policies": false,
                "external_member_entity_ids": false, "namespace": null,
            }),
        ),
    ]
}

fn resources(ca: &str) -> Vec<Kept> {
    [engines(), policies(), logins(ca), people()].into_iter().flatten().collect()
}

/// The secrets among a resource's fields, as the provider marks them.
fn sensitive(values: &Value) -> Vec<&str> {
    let marked = ["secret_key", "access_key", "token_reviewer_jwt", "oidc_client_secret", "password_wo"];
    marked.into_iter().filter(|name| values.get(name).is_some()).collect()
}

/// What `terraform show -json` prints of resources, below a key.
fn printed(key: &str, resources: &[Kept]) -> String {
    let one = |kept: &Kept| {
        let index = if kept.index.is_null() { String::new() } else { format!("[{}]", kept.index) };
        let hidden: serde_json::Map<String, Value> =
            sensitive(&kept.values).into_iter().map(|name| (name.to_owned(), Value::from(true))).collect();
        json!({
            "address": format!("{}.{}{index}", kept.sort, kept.name), "mode": "managed", "type": kept.sort,
            "name": kept.name, "provider_name": "registry.terraform.io/hashicorp/vault", "schema_version": 0,
            "values": kept.values, "sensitive_values": hidden,
        })
    };
    let data = json!({
        "address": "data.vault_policy_document.own", "mode": "data", "type": "vault_policy_document", "name": "own",
        "values": { "hcl": "" },
    });
    let resources: Vec<Value> = resources.iter().map(one).chain([data]).collect();
    let mut all = json!({ "format_version": "1.2", "terraform_version": "1.11.4" });
    all[key] = json!({ "outputs": {}, "root_module": { "resources": resources } });
    all.to_string()
}

/// A state as Terraform keeps it.
fn state(resources: &[Kept]) -> String {
    let one = |kept: &Kept| {
        let hidden: Vec<Value> =
            sensitive(&kept.values).into_iter().map(|name| json!([{ "type": "get_attr", "value": name }])).collect();
        let mut instance = json!({ "schema_version": 0, "attributes": kept.values, "sensitive_attributes": hidden });
        if !kept.index.is_null() {
            instance["index_key"] = kept.index.clone();
        }
        json!({
            "mode": "managed", "type": kept.sort, "name": kept.name, "instances": [instance],
            "provider": "provider[\"registry.terraform.io/hashicorp/vault\"]",
        })
    };
    let resources: Vec<Value> = resources.iter().map(one).collect();
    json!({ "version": 4, "terraform_version": "1.11.4", "serial": 7, "lineage": UUID, "outputs": {}, "resources": resources })
        .to_string()
}

#[test]
fn files_plan_and_state_become_one_estate_which_an_engine_takes() {
    let mut world = World::new();
    let resources = resources(&world.ca);
    assert!(resources.len() > 30, "{}", resources.len());
    world.env.write("plan.json", &printed("planned_values", &resources));
    world.env.write("state.json", &printed("values", &resources));
    world.env.write("terraform.tfstate", &state(&resources));
    let report = world.import("tf", "estate", &["-e", "prod"], 0);
    assert!(report["declared"].as_array().unwrap().len() > 30, "{report}");
    let files = world.files("estate");
    for (from, into) in [("plan.json", "of-plan"), ("state.json", "of-show"), ("terraform.tfstate", "of-state")] {
        let other = world.import(from, into, &["-e", "prod"], 0);
        assert_eq!(other["declared"], report["declared"], "{from}");
        assert_eq!(other["secrets"], report["secrets"], "{from}");
        similar_asserts(&files, &world.files(into), from);
    }
    let shown: Vec<String> = files.iter().map(|(name, text)| format!("==> {name}\n{text}")).collect();
    let pem = regex::Regex::new(r"(?s)-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----").unwrap();
    let shown = shown.join("\n");
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("import_terraform", pem.replace_all(&shown, "[PEM]"));
    });
    world.run(&["-C", "estate", "validate"], 0);
    for secret in report["secrets"].as_array().unwrap() {
        let variable = secret["variable"].as_str().unwrap();
        let is_id = variable.ends_with("_ACCESS_KEY");
        world.env.set(variable, if is_id { "AKIAIOSFODNN7EXAMPLE" } else { "a-secret-of-the-test" });
    }
    let server = TestServer::start(Sort::of(module_path!()));
    server.by_hand().send("DELETE", "sys/mounts/secret", None);
    world.env.set("LEASEHOLD_TOKEN", &*server.token);
    // The files name no engine, since none was named.
    let at = ["-C", "estate", "--address", &server.address];
    world.run(&[&at[..], &["apply", "--auto-approve"]].concat(), 0);
    world.run(&[&at[..], &["plan"]].concat(), 0);
    // What the engine has now is what Terraform declares.
    let again = world.import("terraform.tfstate", "again", &["-e", "prod", "--address", &server.address], 0);
    assert_eq!(again["compared"]["differing"], json!([]), "{again}");
    assert_eq!(again["compared"]["same"], report["declared"].as_array().unwrap().len(), "{again}");
}

/// Compares files one by one, so that what differs can be read.
fn similar_asserts(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>, from: &str) {
    for (name, text) in one {
        assert_eq!(Some(text), other.get(name), "{from}: {name}");
    }
    assert_eq!(one.len(), other.len(), "{from}");
}

/// What was not carried over, a line each.
fn lost(report: &Value) -> Vec<String> {
    let one = |one: &Value| {
        let part = |name: &str| one[name].as_str().unwrap().to_owned();
        [part("place"), part("address"), part("why")].join("|")
    };
    report["not_carried_over"].as_array().unwrap().iter().map(one).collect()
}

/// The paths that are declared.
fn declared(report: &Value) -> Vec<&str> {
    report["declared"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect()
}

#[test]
fn what_files_do_not_tell_is_listed_by_file_and_line() {
    let world = World::new();
    let text = r##"
variable "unset" {}
variable "hidden" {
  default   = "correct horse"
  sensitive = true
}
locals {
  a = local.b
  b = "${local.c}!"
  c = local.a
}
resource "vault_policy" "good" {
  name   = "good"
  policy = "path \"a\" { capabilities = [\"read\"] }"
}
resource "vault_policy" "round" {
  name   = "round"
  policy = local.a
}
resource "vault_policy" "unset" {
  name   = "unset-${var.unset}"
  policy = ""
}
resource "vault_policy" "hidden" {
  name   = "hidden"
  policy = "# ${var.hidden}"
}
resource "vault_policy" "outside" {
  name   = "outside"
  policy = file("${path.module}/../outside.hcl")
}
resource "vault_policy" "time" {
  name   = "time"
  policy = "# ${timestamp()}"
}
resource "vault_policy" "unknown" {
  name       = "unknown"
  policy     = "path \"a\" {}"
  frobnicate = true
}
resource "vault_policy" "elsewhere" {
  provider = vault.other
  name     = "elsewhere"
  policy   = ""
}
resource "vault_policy" "namespaced" {
  namespace = "team"
  name      = "namespaced"
  policy    = "path \"a\" {}"
}
resource "vault_policy" "counted" {
  count  = length(data.vault_policies.all.names)
  name   = "counted"
  policy = ""
}
resource "vault_policy" "of_aws" {
  name   = "of-aws"
  policy = "# ${aws_iam_role.x.arn}"
}
resource "aws_iam_role" "x" {}
resource "vault_generic_secret" "s" {
  path      = "secret/a"
  data_json = "{\"a\": \"correct horse\"}"
}
resource "vault_pki_secret_backend_role" "p" {
  backend = "pki"
  name    = "p"
}
resource "vault_auth_backend" "tuned" {
  type = "approle"
  dynamic "tune" {
    for_each = [1]
    content {}
  }
}
module "more" {
  source = "./more"
}
"##;
    world.env.write("outside.hcl", "path \"b\" {}");
    let report = world.import_texts(&[("main.tf", text)], 2);
    assert_eq!(declared(&report), ["sys/policies/acl/good"], "{report:#}");
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("import_terraform_lost", lost(&report).join("\n"));
    });
    assert!(report["notes"].to_string().contains("1 resource of other providers"), "{report:#}");
}

#[test]
fn a_state_gives_away_no_secret_whatever_it_holds() {
    let world = World::new();
    let mut resources = resources(&world.ca);
    let secret = SECRETS[2];
    resources.push(kept(
        "vault_generic_secret",
        "s",
        json!({ "path": secret, "data_json": secret, "data": { "a": secret } }),
    ));
    resources.push(kept("vault_kv_secret_v2", "s", json!({ "mount": "kv", "name": "a", "data_json": secret })));
    resources.push(kept("vault_token", "t", json!({ "id": secret, "client_token": secret })));
    resources.push(kept(
        "vault_approle_auth_backend_role_secret_id",
        "i",
        json!({ "secret_id": secret, "role_name": "web" }),
    ));
    resources.push(kept(
        "vault_policy",
        "odd",
        json!({ "name": "odd", "policy": "path \"a\" {}", "some_new_secret": secret }),
    ));
    // Somebody marked it so.
    resources.push(kept(
        "vault_policy",
        "marked",
        json!({ "name": "marked", "policy": format!("# {secret}"), "secret_key": "x" }),
    ));
    for (name, text) in [("state.json", printed("values", &resources)), ("terraform.tfstate", state(&resources))] {
        let mut json: Value = serde_json::from_str(&text).unwrap();
        let list =
            if name == "state.json" { &mut json["values"]["root_module"]["resources"] } else { &mut json["resources"] };
        for one in list.as_array_mut().unwrap().iter_mut().filter(|one| one["name"] == "marked") {
            if name == "state.json" {
                one["sensitive_values"] = json!({ "policy": true });
            } else {
                one["instances"][0]["sensitive_attributes"] = json!([[{ "type": "get_attr", "value": "policy" }]]);
            }
        }
        world.env.write(name, &json.to_string());
        let report = world.import(name, &format!("of-{name}"), &[], 2);
        let lost = lost(&report);
        assert_eq!(lost.len(), 7, "{lost:#?}");
        assert!(lost.iter().any(|line| line.contains("some_new_secret: no word here says it")), "{lost:#?}");
        assert!(lost.iter().any(|line| line.contains("vault_policy.marked|policy: it is sensitive")), "{lost:#?}");
        assert!(declared(&report).len() > 30);
        world.files(&format!("of-{name}"));
        world.run(&["import", "--from-terraform", name, "text", "--syntax", "yaml"], 2);
        world.files("text");
        std::fs::remove_dir_all(world.env.dir().join("text")).unwrap();
    }
}

/// A reader of JSON takes the last of two keys, and a denial or a condition would be gone.
#[test]
fn a_policy_with_a_key_that_stands_twice_is_left_out() {
    let world = World::new();
    let statement = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/t":"x"},"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}"#;
    let text = format!(
        "resource \"vault_aws_secret_backend\" \"aws\" {{}}\nresource \"vault_aws_secret_backend_role\" \"a\" {{\n  backend = \
         vault_aws_secret_backend.aws.path\n  name = \"a\"\n  credential_type = \"iam_user\"\n  policy_document = \
         <<EOT\n{{\"Version\":\"2012-10-17\",\"Statement\":[{statement}]}}\nEOT\n}}\n"
    );
    world.env.write("twice/main.tf", &text);
    let output = world.run(&["import", "--from-terraform", "twice", "estate"], 2);
    let told = "policy_document: the key `StringEquals` stands twice; it is left out";
    assert!(output.stdout.contains(told), "{}", output.normal());
    assert!(!world.env.dir().join("estate/roles.hcl").exists());
}

/// What is applied without it goes into the root namespace.
#[test]
fn the_namespace_of_a_provider_is_told() {
    let world = World::new();
    let text = "provider \"vault\" {\n  namespace = \"team\"\n}\nresource \"vault_policy\" \"p\" {\n  name = \"p\"\n  policy = \"path \\\"a\\\" \
                { capabilities = [\\\"read\\\"] }\"\n}\n";
    world.env.write("named/main.tf", text);
    let output = world.run(&["import", "--from-terraform", "named", "estate"], 2);
    assert!(
        output.stdout.contains("main.tf:1: provider.vault: namespace: everything is in one"),
        "{}",
        output.normal()
    );
}

#[test]
fn what_is_no_configuration_no_plan_and_no_state_is_refused() {
    let world = World::new();
    std::fs::create_dir(world.env.dir().join("empty")).unwrap();
    let check = |from: &str, part: &str| {
        let output = world.run(&["import", "--from-terraform", from, "estate"], 1);
        assert!(output.stderr.contains(part), "{from}: {}", output.stderr);
        assert!(!world.env.dir().join("estate").exists());
    };
    check("empty", "it has no *.tf");
    check("nowhere", "nowhere can't be read");
    for (name, text, part) in [
        ("a.json", "{\"correct horse\"", "it is no JSON: look at line 1"),
        ("b.json", "[1]", "neither a plan nor a state"),
        ("c.json", r#"{"version": 3, "resources": []}"#, "version 3"),
        ("d.json", "\u{0}\u{1}", "no JSON"),
        ("e.json", r#"{"values": {"root_module": {"resources": [{"mode": "managed"}]}}}"#, "neither"),
        ("tf1/a.tf", "resource \"vault_policy\" {", "tf1 can't be read: a.tf:1"),
        ("tf2/override.tf", "", "override.tf changes what other files say"),
        (
            "tf3/a.tf",
            "resource \"a\" \"b\" {}\nresource \"a\" \"b\" {}\n",
            "a.tf:2: this is not what Terraform reads: a.b is declared at a.tf:1",
        ),
    ] {
        world.env.write(name, text);
        check(name.split('/').next().unwrap(), part);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    world.env.write("deep.json", &deep);
    check("deep.json", "no JSON");
}

#[test]
fn what_grows_without_end_is_cut_short() {
    let world = World::new();
    let mut locals = "  x0 = \"ab\"\n  y0 = [\"a\"]\n".to_owned();
    for at in 1..64 {
        locals += &format!("  x{at} = \"${{local.x{}}}${{local.x{}}}\"\n", at - 1, at - 1);
        locals += &format!("  y{at} = [local.y{}, local.y{}]\n", at - 1, at - 1);
    }
    let policy = |name: &str, value: &str| {
        format!("resource \"vault_policy\" \"{name}\" {{\n  name = \"{name}\"\n  policy = {value}\n}}\n")
    };
    let long: String = (1..5_000).map(|at| format!("  z{at} = local.z{}\n", at - 1)).collect();
    let text = format!("locals {{\n{locals}  z0 = \"a\"\n{long}}}\n")
        + &policy("text", "local.x63")
        + &policy("list", "jsonencode(local.y63)")
        + &policy("deep", "local.z4999")
        + &policy("good", "\"# good\"");
    let report = world.import_texts(&[("main.tf", &text)], 2);
    assert_eq!(declared(&report), ["sys/policies/acl/good"]);
    let lost = lost(&report);
    assert!(lost.len() == 3 && lost[0].contains("more than can be worked out"), "{lost:#?}");
    assert!(lost[2].contains("too deep"), "{lost:#?}");
}

#[test]
fn a_plan_lacks_what_only_the_engine_makes_and_says_so() {
    let world = World::new();
    let resources = resources(&world.ca);
    let mut plan: Value = serde_json::from_str(&printed("planned_values", &resources)).unwrap();
    let mut changes = Vec::new();
    let mut written = Vec::new();
    for one in plan["planned_values"]["root_module"]["resources"].as_array_mut().unwrap() {
        let sort = one["type"].as_str().unwrap().to_owned();
        let values = one["values"].as_object_mut().unwrap();
        values.shift_remove("id");
        let unknown = match sort.as_str() {
            "vault_identity_group" => {
                values.shift_remove("member_entity_ids");
                json!({ "id": true, "member_entity_ids": true })
            }
            "vault_identity_entity_alias" => {
                values.shift_remove("canonical_id");
                json!({ "id": true, "canonical_id": true })
            }
            // Nobody wrote it.
            "vault_mount" => json!({ "id": true, "max_lease_ttl_seconds": true }),
            _ => json!({ "id": true }),
        };
        changes
            .push(json!({ "address": one["address"], "change": { "actions": ["create"], "after_unknown": unknown } }));
        let address = one["address"].as_str().unwrap().split('[').next().unwrap().to_owned();
        written.push(
            json!({ "address": address, "expressions": { "member_entity_ids": {}, "canonical_id": {}, "name": {} } }),
        );
    }
    plan["resource_changes"] = changes.into();
    plan["configuration"] = json!({ "root_module": { "resources": written } });
    world.env.write("plan.json", &plan.to_string());
    let report = world.import("plan.json", "estate", &[], 2);
    let lost = lost(&report);
    assert_eq!(lost.len(), 2, "{lost:#?}");
    assert!(lost[0].contains("vault_identity_entity_alias.ann|canonical_id"), "{lost:#?}");
    assert!(lost[1].contains("member_entity_ids: it is only known after an apply, whose state has it"), "{lost:#?}");
}

#[test]
fn json_says_what_hcl_says_and_what_stands_below_others_is_shared() {
    let world = World::new();
    let text = r#"{
      "//": "a comment",
      "variable": { "name": { "default": "web" } },
      "locals": { "actions": ["s3:GetObject"] },
      "resource": {
        "vault_aws_secret_backend_role": { "web": {
          "backend": "cloud/aws", "name": "${var.name}", "credential_type": "iam_user",
          "policy_document": "${jsonencode({Version = \"2012-10-17\", Statement = [{Effect = \"Allow\", Action = local.actions, Resource = \"*\"}]})}"
        } },
        "vault_auth_backend": { "approle": [{ "type": "approle", "tune": { "max_lease_ttl": "24h" } }] },
        "vault_policy": { "web": { "name": "web", "policy": "path \"cloud/aws/creds/${var.name}\" {\n  capabilities = [\"read\"]\n}\n" } }
      }
    }"#;
    let report = world.import_texts(&[("main.tf.json", text)], 0);
    assert_eq!(declared(&report), ["cloud/aws/roles/web", "sys/auth/approle", "sys/policies/acl/web"], "{report:#}");
    assert_eq!(report["others"][0]["path"], "sys/mounts/cloud/aws", "{report:#}");
}

/// What the fixture lacks, because our own engine does not serve it or asks AWS.
const MORE: &str = r#"
resource "vault_mount" "transit" {
  path = "transit"
  type = "transit"
}
resource "vault_transit_secret_backend_key" "orders" {
  backend            = vault_mount.transit.path
  name               = "orders"
  auto_rotate_period = 86400
  deletion_allowed   = true
}
resource "vault_aws_secret_backend" "aws" {
  path     = "team/aws"
  role_arn = "arn:aws:iam::111122223333:role/engine"

  identity_token_audience = "bao.example.com"
}
resource "vault_aws_secret_backend_role" "deploy" {
  backend         = vault_aws_secret_backend.aws.id
  name            = "deploy"
  credential_type = "assumed_role"
  role_arns       = ["arn:aws:iam::111122223333:role/deploy"]
  default_sts_ttl = 1800
}
resource "vault_aws_secret_backend_static_role" "legacy" {
  backend         = vault_aws_secret_backend.aws.path
  name            = "legacy"
  username        = "legacy"
  rotation_period = 86400
}
resource "vault_password_policy" "strong" {
  name   = "strong"
  policy = <<-EOT
    length = 20
    rule "charset" {
      charset = "abc"
    }
  EOT
}
resource "vault_quota_rate_limit" "all" {
  name     = "all"
  path     = ""
  rate     = 100.5
  interval = 2
}
resource "vault_audit" "file" {
  type = "file"
  options = {
    file_path = "/var/log/bao.log"
    mode      = "0640"
  }
}
resource "vault_jwt_auth_backend" "people" {
  path               = "people"
  type               = "oidc"
  oidc_discovery_url = "https://id.example.com"
  oidc_client_id     = "bao"
  oidc_client_secret = "correct horse"
  tune {
    default_lease_ttl  = "1h"
    listing_visibility = "unauth"
  }
}
resource "vault_jwt_auth_backend_role" "people" {
  backend               = vault_jwt_auth_backend.people.path
  role_name             = "people"
  user_claim            = "sub"
  groups_claim          = "groups"
  allowed_redirect_uris = ["http://localhost:8250/oidc/callback"]
  verbose_oidc_logging  = true
}
resource "vault_auth_backend" "aws" {
  type = "aws"
}
resource "vault_aws_auth_backend_sts_role" "other" {
  backend    = vault_auth_backend.aws.path
  account_id = "444455556666"
  sts_role   = "arn:aws:iam::444455556666:role/looks"
}
resource "vault_aws_auth_backend_config_identity" "aws" {
  backend   = vault_auth_backend.aws.path
  iam_alias = "full_arn"
}
resource "vault_identity_entity" "ann" {
  name              = "ann"
  external_policies = true
}
resource "vault_identity_entity_policies" "ann" {
  entity_id = vault_identity_entity.ann.id
  policies  = ["looking"]
  exclusive = false
}
resource "vault_identity_group" "inner" {
  name = "inner"
}
resource "vault_identity_group" "outer" {
  name                      = "outer"
  external_member_group_ids = true
}
resource "vault_identity_group_member_group_ids" "outer" {
  group_id         = vault_identity_group.outer.id
  member_group_ids = [vault_identity_group.inner.id]
}
resource "vault_identity_group_member_entity_ids" "outer" {
  group_id          = vault_identity_group.outer.id
  member_entity_ids = [vault_identity_entity.ann.id]
}
resource "vault_identity_group" "admins" {
  name = "admins"
  type = "external"
}
resource "vault_identity_group_policies" "admins" {
  group_id = vault_identity_group.admins.id
  policies = ["looking"]
}
resource "vault_identity_group_alias" "admins" {
  name           = "all-admins"
  mount_accessor = vault_jwt_auth_backend.people.accessor
  canonical_id   = vault_identity_group.admins.id
}
resource "vault_policy" "looking" {
  name   = "looking"
  policy = "path \"sys/mounts\" {\n  capabilities = [\"read\"]\n}\n"
}
"#;

#[test]
fn the_rest_of_what_has_kinds_is_carried_over_too() {
    let world = World::new();
    world.env.write("more/main.tf", MORE);
    let report = world.import("more", "estate", &[], 2);
    assert_eq!(
        lost(&report),
        [
            "main.tf:70|vault_jwt_auth_backend_role.people|verbose_oidc_logging: no word here says it; it is declared without"
        ]
    );
    let files = world.files("estate");
    let shown: Vec<String> = files.iter().map(|(name, text)| format!("==> {name}\n{text}")).collect();
    insta::with_settings!({ prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("import_terraform_more", shown.join("\n"));
    });
    world.run(&["-C", "estate", "validate"], 0);
}
