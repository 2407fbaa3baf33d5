//! What a token or a role is given, where the request that asks for it is odd: lists of blanks, networks beyond
//! the role's, times of less than a second, and values that the policies see before the backend has read them.

use serde_json::{Value, json};

use crate::wire_auth::World;

/// Lists that hold no name once they are cleaned.
fn lists_without_a_name() -> [Value; 7] {
    [json!([""]), json!(""), json!([]), json!(" , "), json!(["  ", "\t"]), json!(","), json!([" ", ""])]
}

#[test]
fn a_list_of_blanks_names_nothing_and_is_not_an_absent_one() {
    let world = World::with_role("r", &json!({}));
    for list in lists_without_a_name() {
        for path in ["auth/token/create", "auth/token/create-orphan"] {
            let auth = &world.root.post(path, &json!({ "policies": list }))["auth"];
            assert_eq!(auth["policies"], json!(["default"]), "{path} {list}");
            assert_ne!(auth["lease_duration"], 0, "{path} {list}: a token that never ends");
            let bare = world.root.post(path, &json!({ "policies": list, "no_default_policy": true }));
            assert_eq!(bare["auth"]["policies"], json!([]), "{path} {list}");
        }
        // Nor does a role fall back on anything.
        for name in ["policies", "token_policies"] {
            world.root.post("auth/approle/role/r", &json!({ "token_policies": ["a"] }));
            world.root.post("auth/approle/role/r", &json!({ name: list }));
            assert_eq!(world.root.get("auth/approle/role/r")["data"]["token_policies"], json!([]), "{name} {list}");
            world.root.post("auth/approle/role/r", &json!({ "token_policies": ["a"] }));
            world.root.post("auth/approle/role/r/policies", &json!({ name: list }));
            let auth = world.login(&world.role_id("r"), &world.secret_id("r", &json!({}))).body;
            assert_eq!(auth["auth"]["policies"], json!(["default"]), "{name} {list}");
        }
    }
    // Not given at all, or null, is all that the caller has.
    for parameters in [json!({}), json!({ "policies": null })] {
        assert_eq!(world.root.post("auth/token/create", &parameters)["auth"]["policies"], json!(["root"]));
    }
}
