//! What the engine says of its own paths: `?help=1`, and the OpenAPI document, judged by a validator that others wrote.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::http::outcome;
use crate::wire_auth::World;

#[test]
fn help_of_a_path_and_of_a_mount_is_told_to_whoever_shows_a_token() {
    let world = World::with_role("web", &json!({}));
    let root = &world.root;
    root.send("POST", "sys/mounts/aws", Some(&json!({ "type": "aws" })));
    let help = root.get("aws/roles/web?help=1");
    let text = help["help"].as_str().unwrap();
    let begin = "Request:        roles/web\nMatching Route: ^roles/(?P<name>[^/]+)$\n";
    for part in [begin, "\n    credential_type (string)", "## OPERATIONS\n\n    read, write, delete"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(help["openapi"]["openapi"], "3.0.2");
    assert!(help["openapi"]["paths"]["/roles/{name}"]["post"]["requestBody"].is_object(), "{help}");
    for mount in ["aws?help=1", "aws/?help=1"] {
        let index = root.get(mount)["help"].as_str().unwrap().to_owned();
        assert!(index.contains("## PATHS") && index.contains("^config/root$"), "{index}");
    }
    // Nothing is issued, and nothing is read, by asking what a path does.
    assert!(root.get("aws/creds/nope?help=1")["help"].as_str().unwrap().contains("creds/nope"));
    let nobody = root.with_token("");
    assert_eq!(nobody.send("GET", "aws/roles/web?help=1", None).status, 403);
    // What needs no token otherwise does here.
    assert_eq!(nobody.send("GET", "sys/health?help=1", None).status, 403);
    assert_eq!(root.send("GET", "nowhere/x?help=1", None).status, 404);
    assert_eq!(root.send("GET", "aws/nowhere?help=1", None).status, 404);
    assert!(outcome(&root.send("GET", "aws/roles/web?help=x", None)).contains("help must be true or false"));
    let made = root.send("POST", "auth/token/create", Some(&json!({ "policies": ["default"] }))).body;
    let weak = root.with_token(made["auth"]["client_token"].as_str().unwrap());
    assert!(weak.get("aws/roles/web?help=1")["help"].is_string());
    assert_eq!(weak.send("GET", "aws/roles/web", None).status, 403);
}

const VALIDATE: &str = "import json, sys\nfrom openapi_spec_validator import validate\nvalidate(json.load(sys.stdin))";

#[test]
fn the_document_of_all_paths_is_one_that_others_take() {
    let world = World::with_role("web", &json!({}));
    let root = &world.root;
    for (path, body) in [
        ("sys/mounts/aws", json!({ "type": "aws" })),
        ("sys/mounts/team/plain", json!({ "type": "kv" })),
        ("sys/mounts/versioned", json!({ "type": "kv", "options": { "version": "2" } })),
        ("sys/mounts/transit", json!({ "type": "transit" })),
        ("sys/auth/people", json!({ "type": "userpass" })),
        ("sys/auth/jwt", json!({ "type": "jwt" })),
        ("sys/auth/kubernetes", json!({ "type": "kubernetes" })),
        ("sys/auth/cert", json!({ "type": "cert" })),
        ("sys/auth/aws", json!({ "type": "aws" })),
    ] {
        root.send("POST", path, Some(&body));
    }
    let document = root.get("sys/internal/specs/openapi");
    let mut validator = Command::new(crate::python::python())
        .args(["-c", VALIDATE])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    validator.stdin.take().unwrap().write_all(document.to_string().as_bytes()).unwrap();
    let judged = validator.wait_with_output().unwrap();
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    let paths = document["paths"].as_object().unwrap();
    let role = &paths["/aws/roles/{name}"];
    assert!(role["get"].is_object() && role["post"].is_object() && role["delete"].is_object(), "{role}");
    assert_eq!(paths["/aws/roles"]["get"]["parameters"][0]["required"], true);
    assert_eq!(paths["/sys/health"]["get"]["security"], json!([]));
    assert_eq!(paths["/sys/leases/lookup/{prefix}"]["x-vault-sudo"], true);
    assert!(paths.contains_key("/auth/people/login/{username}") && paths.contains_key("/team/plain/{path}"));
    // Names of operations are one each.
    let of_path = |path: &Value| -> Vec<String> {
        let operations = path.as_object().unwrap().values().filter_map(|operation| operation["operationId"].as_str());
        operations.map(str::to_owned).collect()
    };
    let mut names: Vec<String> = paths.values().flat_map(of_path).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(all > 150 && names.len() == all, "{} of {all}", names.len());

    // Who reaches less is told of less, and who shows no token of nothing.
    let made = root.send("POST", "auth/token/create", Some(&json!({ "policies": ["default"] }))).body;
    let weak = root.with_token(made["auth"]["client_token"].as_str().unwrap());
    let reached = weak.get("sys/internal/specs/openapi");
    let reached = reached["paths"].as_object().unwrap();
    assert!(reached.contains_key("/auth/token/lookup-self") && !reached.contains_key("/aws/roles/{name}"));
    assert_eq!(root.with_token("").get("sys/internal/specs/openapi")["paths"], json!({}));
}
