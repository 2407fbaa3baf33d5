//! Lists that carry their entries (`detailed=true`): whole for who may read them, and nothing for others.

use serde_json::{Value, json};

use crate::http::{Http, said};
use crate::wire_aws::World;

/// Roles, logins and policies, two of each that a rule can tell apart.
fn world() -> World {
    let world = World::new();
    world.role("open", &json!({ "credential_type": "iam_user", "policy_document": r#"{"Statement":[]}"# }));
    world.role("hidden", &json!({ "credential_type": "iam_user", "policy_arns": "arn:aws:iam::1:policy/p" }));
    world.root.post("sys/auth/approle", &json!({ "type": "approle" }));
    for name in ["open", "hidden"] {
        world.root.post(&format!("auth/approle/role/{name}"), &json!({ "token_policies": "p", "token_ttl": 60 }));
        world.root.post(&format!("sys/policies/acl/{name}"), &json!({ "policy": format!("# {name}") }));
    }
    world
}

fn token(world: &World, rules: &str) -> Http {
    world.root.post("sys/policies/acl/caller", &json!({ "policy": rules }));
    let made = world.root.post("auth/token/create", &json!({ "policies": ["caller"], "no_default_policy": true }));
    world.root.with_token(&said(&made["auth"]["client_token"]))
}

const FOLDERS: [&str; 3] = ["aws/roles", "auth/approle/role", "sys/policies/acl"];

fn detailed(client: &Http, folder: &str) -> Value {
    client.get(&format!("{folder}?list=true&detailed=true"))["data"].take()
}

#[test]
fn a_detailed_list_has_what_reads_would_answer() {
    let world = world();
    for folder in FOLDERS {
        let list = detailed(&world.root, folder);
        let plain = world.root.get(&format!("{folder}?list=true"))["data"].take();
        assert_eq!(list["keys"], plain["keys"]);
        assert_eq!(plain["key_info"], Value::Null, "only who asks for entries gets them");
        for name in list["keys"].as_array().unwrap().iter().map(said) {
            let read = world.root.get(&format!("{folder}/{name}"))["data"].take();
            assert_eq!(list["key_info"][&name], read, "{folder}/{name}");
        }
    }
}

#[test]
fn a_detailed_list_shows_only_what_the_caller_may_read() {
    let world = world();
    let list_only = FOLDERS.map(|folder| format!("path \"{folder}\" {{ capabilities = [\"list\"] }}\n")).concat();
    let lister = token(&world, &list_only);
    let keys: Vec<Value> = FOLDERS.iter().map(|folder| detailed(&world.root, folder)["keys"].take()).collect();
    for (folder, keys) in FOLDERS.iter().zip(&keys) {
        assert_eq!(detailed(&lister, folder), json!({ "keys": keys }), "{folder}: names, and nothing behind them");
    }
    let reads = |rule: &dyn Fn(&str) -> String| list_only.clone() + &FOLDERS.map(rule).concat();
    for (what, rules) in [
        ("one path", reads(&|folder| format!("path \"{folder}/open\" {{ capabilities = [\"read\"] }}\n"))),
        (
            "all but one",
            reads(&|folder| {
                format!(
                    "path \"{folder}/*\" {{ capabilities = [\"read\"] }}\n\
                     path \"{folder}/hidden\" {{ capabilities = [\"deny\"] }}\n"
                )
            }),
        ),
        (
            "a rule that asks for a parameter",
            reads(&|folder| {
                format!(
                    "path \"{folder}/open\" {{ capabilities = [\"read\"] }}\n\
                 path \"{folder}/hidden\" {{ capabilities = [\"read\"] required_parameters = [\"detailed\"] }}\n"
                )
            }),
        ),
    ] {
        let reader = token(&world, &rules);
        for folder in FOLDERS {
            let infos = &detailed(&reader, folder)["key_info"];
            assert!(infos["open"].is_object(), "{what}: {folder}");
            assert!(infos.get("hidden").is_none(), "{what}: {folder}");
        }
    }
    let reader = token(&world, "path \"aws/roles/*\" { capabilities = [\"read\"] }");
    assert_eq!(reader.send("GET", "aws/roles?list=true&detailed=true", None).status, 403, "reading is not listing");
}

#[test]
fn the_trail_says_which_entries_a_detailed_list_gave_and_not_their_content() {
    let world = world();
    // The engine's own counts them.
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("declared.log");
    world.root.send("PUT", "sys/audit/file", Some(&json!({ "type": "file", "options": { "file_path": file } })));
    detailed(&world.root, "aws/roles");
    let line = || {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        lines.rfind(|line| line["type"] == "response" && line["request"]["operation"] == "list")
    };
    // An answer waits for one of the devices only.
    let line = std::iter::repeat_with(|| {
        world.root.send("GET", "sys/health", None);
        line()
    });
    let line = line.take(1000).flatten().next().unwrap();
    let data = &line["response"]["data"];
    assert_eq!(data["key_info"], data["keys"], "both as hashes of the names");
    assert_eq!(data["keys"].as_array().unwrap().len(), 2);
    assert!(said(&data["keys"][0]).starts_with("hmac-sha256:"));
}

#[test]
fn pages_add_up_to_the_whole_list() {
    let world = world();
    for folder in FOLDERS {
        let whole = detailed(&world.root, folder);
        let (mut keys, mut infos, mut after) = (Vec::new(), serde_json::Map::new(), String::new());
        loop {
            let page = world.root.send("GET", &format!("{folder}?list=true&detailed=true&limit=1&after={after}"), None);
            if page.status == 404 {
                break;
            }
            let data = &page.body["data"];
            let [key] = &data["keys"].as_array().unwrap()[..] else { panic!("{folder}: {data}") };
            after = said(key);
            keys.push(key.clone());
            infos.extend(data["key_info"].as_object().unwrap().clone());
        }
        assert_eq!(json!({ "keys": keys, "key_info": infos }), whole, "{folder}");
    }
    let few = world.root.get("aws/roles?list=true&after=hidden")["data"].take();
    assert_eq!(few, json!({ "keys": ["open"] }), "names can be paged alone");
    for wrong in ["limit=x", "detailed=perhaps"] {
        assert_eq!(world.root.send("GET", &format!("aws/roles?list=true&{wrong}"), None).status, 400, "{wrong}");
    }
}
