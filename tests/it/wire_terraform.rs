//! What Terraform's provider for Vault asks of a server for the resources that can be managed here: a table of
//! requests and answers, in the order of create, read, change, read and destroy. Written from the provider's
//! documentation and from what it was seen to send; the provider itself needs a registry. What a plan compares is
//! what a read answers, so each row says what has to be in it.
//!
//! `leasehold::engine::VAULT_VERSION` is the newest version of which every row here is answered: the provider
//! chooses its requests by the version that `sys/seal-status` tells.

use serde_json::{Value, json};

use crate::wire_aws::World;

/// One request and what must be in its answer. `{name}` in a path stands for what an earlier answer had.
struct Row(&'static str, &'static str, Value, u16, Value);

/// Whether `answer` has everything that `wanted` has. Null stands for "null or absent".
fn has(answer: &Value, wanted: &Value) -> bool {
    match (answer, wanted) {
        (answer, Value::Null) => answer.is_null(),
        (Value::Object(answer), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| has(answer.get(key).unwrap_or(&Value::Null), wanted))
        }
        (answer, wanted) => answer == wanted,
    }
}

#[track_caller]
fn run(world: &World, resource: &str, rows: &[Row]) {
    let mut last = Value::Null;
    for (number, Row(method, path, body, status, wanted)) in rows.iter().enumerate() {
        let mut path = (*path).to_owned();
        let mut body = body.clone();
        for name in ["migration_id", "secret_id_accessor", "accessor"] {
            let found = [&last["data"][name], &last["auth"][name]].into_iter().find_map(|found| found.as_str());
            let Some(found) = found else { continue };
            path = path.replace(&format!("{{{name}}}"), found);
            body = serde_json::from_str(&body.to_string().replace(&format!("{{{name}}}"), found)).unwrap();
        }
        let given = (!body.is_null()).then_some(&body);
        let answer = world.root.send(method, &path, given);
        let what = format!("{resource}, request {}: {method} {path}", number + 1);
        assert_eq!(answer.status, *status, "{what}: {}", answer.body);
        assert!(has(&answer.body, wanted), "{what}: {}\nhas not all of {wanted}", answer.body);
        if answer.body.is_object() {
            last = answer.body;
        }
    }
}

const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

#[test]
fn what_the_provider_asks_first() {
    let world = World::bare();
    // Its version is parsed as a semantic version, and gates what it asks.
    let status = world.root.get("sys/seal-status");
    let version = status["version"].as_str().unwrap();
    assert!(version.split('.').count() == 3 && version.split('.').all(|part| part.parse::<u32>().is_ok()), "{version}");
    assert_eq!(version, leasehold::engine::VAULT_VERSION);
    assert_eq!(status["leasehold_version"], leasehold::engine::VERSION);
    assert_eq!(world.root.get("sys/health")["version"], version);
    let rows = [
        Row("GET", "auth/token/lookup-self", Value::Null, 200, json!({ "data": { "policies": ["root"] } })),
        Row(
            "POST",
            "auth/token/create",
            json!({ "display_name": "terraform", "ttl": "20m0s", "explicit_max_ttl": "20m0s", "renewable": false }),
            200,
            json!({ "auth": { "lease_duration": 1200, "renewable": false } }),
        ),
    ];
    run(&world, "the provider", &rows);
}

#[test]
fn auth_backend_approle() {
    let world = World::bare();
    let tune = json!({ "default_lease_ttl": "1h", "max_lease_ttl": "2h", "listing_visibility": "unauth",
        "passthrough_request_headers": [""], "allowed_response_headers": [], "audit_non_hmac_request_keys": [""],
        "token_type": "default-service" });
    let config = json!({ "options": null, "default_lease_ttl": "", "max_lease_ttl": "", "force_no_cache": false });
    let enable = json!({ "type": "approle", "description": "d", "config": config, "local": false,
        "external_entropy_access": false, "seal_wrap": false, "options": null });
    let mount = json!({ "data": { "type": "approle", "description": "d", "local": false } });
    let rows = [
        Row("GET", "sys/mounts/auth/ci", Value::Null, 400, json!({ "errors": ["No secret engine mount at auth/ci/"] })),
        Row("POST", "sys/auth/ci", enable, 204, Value::Null),
        Row("GET", "sys/mounts/auth/ci", Value::Null, 200, mount.clone()),
        Row("GET", "sys/auth/ci", Value::Null, 200, mount),
        Row("GET", "sys/auth", Value::Null, 200, json!({ "data": { "ci/": { "type": "approle" } } })),
        Row("GET", "sys/mounts/auth/ci/tune", Value::Null, 200, json!({ "data": { "token_type": "default-service" } })),
        Row("POST", "sys/mounts/auth/ci/tune", tune, 204, Value::Null),
        Row(
            "GET",
            "sys/mounts/auth/ci/tune",
            Value::Null,
            200,
            json!({ "data": { "default_lease_ttl": 3600, "max_lease_ttl": 7200, "listing_visibility": "unauth" } }),
        ),
        Row(
            "POST",
            "sys/mounts/auth/ci/tune",
            json!({ "description": "e", "user_lockout_config": { "lockout_disable": null }, "default_lease_ttl": "" }),
            204,
            Value::Null,
        ),
        Row(
            "GET",
            "sys/mounts/auth/ci/tune",
            Value::Null,
            200,
            json!({ "data": { "default_lease_ttl": 3600, "description": "e" } }),
        ),
        Row("POST", "sys/remount", json!({ "from": "auth/ci", "to": "auth/cd" }), 200, json!({})),
        Row(
            "GET",
            "sys/remount/status/{migration_id}",
            Value::Null,
            200,
            json!({ "data": { "migration_info": { "status": "success", "source_mount": "auth/ci/" } } }),
        ),
        Row("GET", "sys/mounts/auth/cd", Value::Null, 200, json!({ "data": { "description": "e" } })),
        Row("DELETE", "sys/auth/cd", Value::Null, 204, Value::Null),
    ];
    run(&world, "vault_auth_backend", &rows);
}

#[test]
fn approle_auth_backend_role_and_secret_id() {
    let world = World::bare();
    world.root.post("sys/auth/approle", &json!({ "type": "approle" }));
    let role = json!({ "bind_secret_id": true, "local_secret_ids": false, "secret_id_ttl": 600, "token_policies": ["a", "b"],
        "token_ttl": 60, "token_max_ttl": 120, "token_no_default_policy": false, "token_type": "default",
        "token_bound_cidrs": ["10.1.0.0/16"], "secret_id_bound_cidrs": ["10.0.0.0/8"] });
    let read = json!({ "data": { "token_policies": ["a", "b"], "token_ttl": 60, "token_max_ttl": 120,
        "bind_secret_id": true, "secret_id_ttl": 600, "secret_id_num_uses": 0, "token_bound_cidrs": ["10.1.0.0/16"],
        "token_period": 0, "token_num_uses": 0, "local_secret_ids": false, "token_type": "default", "policies": null } });
    let rows = [
        Row("GET", "auth/approle/role/app", Value::Null, 404, json!({ "errors": [] })),
        Row("PUT", "auth/approle/role/app", role, 204, Value::Null),
        Row("GET", "auth/approle/role/app", Value::Null, 200, read),
        Row("PUT", "auth/approle/role/app/role-id", json!({ "role_id": "chosen" }), 204, Value::Null),
        Row("GET", "auth/approle/role/app/role-id", Value::Null, 200, json!({ "data": { "role_id": "chosen" } })),
        Row("PUT", "auth/approle/role/app", json!({ "token_policies": [] }), 204, Value::Null),
        Row("GET", "auth/approle/role/app", Value::Null, 200, json!({ "data": { "token_policies": [] } })),
        // Old configurations name policies and period without `token_`, and read them back.
        Row("PUT", "auth/approle/role/app", json!({ "policies": ["c"], "period": "30s" }), 204, Value::Null),
        Row(
            "GET",
            "auth/approle/role/app",
            Value::Null,
            200,
            json!({ "data": { "policies": ["c"], "token_policies": ["c"], "period": 30, "token_period": 30 } }),
        ),
        Row("PUT", "auth/approle/role/app", json!({ "token_policies": ["d"], "token_period": 0 }), 204, Value::Null),
        Row(
            "GET",
            "auth/approle/role/app",
            Value::Null,
            200,
            json!({ "data": { "policies": null, "token_policies": ["d"], "period": null } }),
        ),
        Row(
            "PUT",
            "auth/approle/role/app/secret-id",
            json!({ "cidr_list": "10.0.0.0/8", "token_bound_cidrs": "", "metadata": "{\"k\":\"v\"}", "ttl": 60, "num_uses": 1 }),
            200,
            json!({ "data": { "secret_id_ttl": 60, "secret_id_num_uses": 1 } }),
        ),
        Row(
            "PUT",
            "auth/approle/role/app/secret-id-accessor/lookup",
            json!({ "secret_id_accessor": "{secret_id_accessor}" }),
            200,
            json!({ "data": { "metadata": { "k": "v" }, "cidr_list": ["10.0.0.0/8"] } }),
        ),
        Row(
            "PUT",
            "auth/approle/role/app/secret-id-accessor/destroy",
            json!({ "secret_id_accessor": "{secret_id_accessor}" }),
            204,
            Value::Null,
        ),
        Row("DELETE", "auth/approle/role/app", Value::Null, 204, Value::Null),
    ];
    run(&world, "vault_approle_auth_backend_role", &rows);
}

#[test]
fn aws_secret_backend_and_role() {
    let world = World::bare();
    let mount = json!({ "type": "aws", "description": "", "local": false, "seal_wrap": false, "options": {},
        "external_entropy_access": false,
        "config": { "default_lease_ttl": "0s", "max_lease_ttl": "0s", "force_no_cache": false } });
    let root =
        json!({ "access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "s", "region": "eu-west-1", "max_retries": -1 });
    let tune = json!({ "default_lease_ttl": "0s", "max_lease_ttl": "3600s", "options": {}, "description": "e" });
    let role = json!({ "credential_type": "iam_user", "policy_document": POLICY, "iam_tags": { "k": "v" }, "user_path": "/app/" });
    let role_read = json!({ "data": { "credential_type": "iam_user", "policy_document": POLICY, "iam_tags": { "k": "v" },
        "user_path": "/app/", "role_arns": null, "permissions_boundary_arn": "", "default_sts_ttl": 0, "max_sts_ttl": 0 } });
    let rows = [
        Row("POST", "sys/mounts/aws", mount, 204, Value::Null),
        Row("PUT", "aws/config/root", root.clone(), 204, Value::Null),
        Row(
            "GET",
            "aws/config/root",
            Value::Null,
            200,
            json!({ "data": { "access_key": "AKIAIOSFODNN7EXAMPLE", "region": "eu-west-1", "iam_endpoint": "",
                "sts_endpoint": "", "sts_region": "", "sts_fallback_endpoints": [], "sts_fallback_regions": [],
                "max_retries": -1, "secret_key": null } }),
        ),
        Row(
            "GET",
            "sys/mounts/aws",
            Value::Null,
            200,
            json!({ "data": { "type": "aws", "config": { "max_lease_ttl": 0 } } }),
        ),
        Row("POST", "sys/mounts/aws/tune", tune, 204, Value::Null),
        Row("PUT", "aws/config/root", root, 204, Value::Null),
        Row(
            "GET",
            "sys/mounts/aws",
            Value::Null,
            200,
            json!({ "data": { "description": "e", "options": null,
                "config": { "default_lease_ttl": 0, "max_lease_ttl": 3600, "force_no_cache": false } } }),
        ),
        Row("PUT", "aws/roles/app", role, 204, Value::Null),
        Row("GET", "aws/roles/app", Value::Null, 200, role_read),
        Row("DELETE", "aws/roles/app", Value::Null, 204, Value::Null),
        Row("GET", "aws/roles/app", Value::Null, 404, json!({ "errors": [] })),
        Row("POST", "sys/remount", json!({ "from": "aws", "to": "cloud" }), 200, json!({})),
        Row(
            "GET",
            "sys/remount/status/{migration_id}",
            Value::Null,
            200,
            json!({ "data": { "migration_info": { "status": "success" } } }),
        ),
        Row("GET", "sys/mounts/aws", Value::Null, 400, json!({ "errors": ["No secret engine mount at aws/"] })),
        Row("GET", "cloud/config/root", Value::Null, 200, json!({ "data": { "region": "eu-west-1" } })),
        Row("DELETE", "sys/mounts/cloud", Value::Null, 204, Value::Null),
    ];
    run(&world, "vault_aws_secret_backend", &rows);
}

#[test]
fn mounts_kv_policies_and_tokens() {
    let world = World::bare();
    let kv = |options: Value| {
        json!({ "type": "kv", "description": "", "options": options, "external_entropy_access": false,
            "config": { "default_lease_ttl": "0s", "max_lease_ttl": "0s", "passthrough_request_headers": null } })
    };
    let write = json!({ "data": { "a": 1 }, "options": { "cas": 0 } });
    let metadata = json!({ "cas_required": false, "max_versions": 0, "custom_metadata": { "o": "w" }, "delete_version_after": "0s" });
    let rows = [
        Row("POST", "sys/mounts/old", kv(json!({})), 204, Value::Null),
        Row("GET", "sys/mounts/old", Value::Null, 200, json!({ "data": { "type": "kv", "options": null } })),
        Row("PUT", "old/a/b", json!({ "k": "v" }), 204, Value::Null),
        Row("GET", "old/a/b", Value::Null, 200, json!({ "data": { "k": "v" }, "lease_duration": 2_764_800 })),
        Row("DELETE", "old/a/b", Value::Null, 204, Value::Null),
        Row("GET", "old/a/b", Value::Null, 404, json!({ "errors": [] })),
        Row("POST", "sys/mounts/kv", kv(json!({ "version": "2" })), 204, Value::Null),
        Row(
            "GET",
            "sys/mounts/kv",
            Value::Null,
            200,
            json!({ "data": { "type": "kv", "options": { "version": "2" } } }),
        ),
        Row(
            "PUT",
            "kv/config",
            json!({ "max_versions": 5, "cas_required": false, "delete_version_after": "0s" }),
            204,
            Value::Null,
        ),
        Row(
            "GET",
            "kv/config",
            Value::Null,
            200,
            json!({ "data": { "max_versions": 5, "delete_version_after": "0s" } }),
        ),
        Row(
            "GET",
            "sys/internal/ui/mounts/kv/a",
            Value::Null,
            200,
            json!({ "data": { "path": "kv/", "options": { "version": "2" } } }),
        ),
        Row("PUT", "kv/data/a", write, 200, json!({ "data": { "version": 1 } })),
        Row("PUT", "kv/metadata/a", metadata, 204, Value::Null),
        Row(
            "GET",
            "kv/data/a",
            Value::Null,
            200,
            json!({ "data": { "data": { "a": 1 }, "metadata": { "custom_metadata": { "o": "w" } } } }),
        ),
        Row(
            "GET",
            "kv/metadata/a",
            Value::Null,
            200,
            json!({ "data": { "custom_metadata": { "o": "w" }, "current_version": 1 } }),
        ),
        Row("DELETE", "kv/metadata/a", Value::Null, 204, Value::Null),
        Row("DELETE", "sys/mounts/kv", Value::Null, 204, Value::Null),
        Row(
            "PUT",
            "sys/policies/acl/p",
            json!({ "policy": "path \"kv/*\" {\n  capabilities = [\"read\"]\n}\n" }),
            204,
            Value::Null,
        ),
        Row("GET", "sys/policies/acl/p", Value::Null, 200, json!({ "data": { "name": "p" } })),
        Row("DELETE", "sys/policies/acl/p", Value::Null, 204, Value::Null),
        Row("GET", "sys/policies/acl/p", Value::Null, 404, json!({ "errors": [] })),
        Row(
            "POST",
            "auth/token/create",
            json!({ "policies": ["default"], "ttl": "24h", "display_name": "t", "num_uses": 0, "renewable": true, "meta": { "k": "v" } }),
            200,
            json!({ "auth": { "lease_duration": 86400, "metadata": { "k": "v" } } }),
        ),
        Row(
            "POST",
            "auth/token/lookup-accessor",
            json!({ "accessor": "{accessor}" }),
            200,
            json!({ "data": { "display_name": "token-t", "renewable": true, "num_uses": 0, "explicit_max_ttl": 0 } }),
        ),
        Row("POST", "auth/token/revoke-accessor", json!({ "accessor": "{accessor}" }), 204, Value::Null),
        Row(
            "POST",
            "auth/token/lookup-accessor",
            json!({ "accessor": "{accessor}" }),
            400,
            json!({ "errors": ["invalid accessor"] }),
        ),
    ];
    run(&world, "vault_mount", &rows);
}
