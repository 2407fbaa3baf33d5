//! Secrets engines beside those of AWS: key-value engines, planned, applied, tuned, upgraded and taken away as anything
//! else. On the embedded engine, and on another where `LEASEHOLD_TEST_ADDR` and `LEASEHOLD_TEST_TOKEN` name one.

use serde_json::json;

use crate::world::World;

const KV: &str = "kv \"engines-kv\" {\n  version              = 2\n  description          = \"of apps\"\n  \
    max_versions         = 5\n  delete_version_after = \"3h\"\n}\n";

/// The mounts of these tests.
fn world() -> World {
    World::new("engines", &["engines-kv", "engines-plain"])
}

#[test]
fn a_key_value_engine_and_its_settings_go_through_all_that_happens_to_objects() {
    let mut world = world();
    world.declare(&format!("{KV}kv \"engines-plain\" {{\n  version = 1\n}}\n"));
    let plan = world.plan(2);
    for part in [
        "+ secrets engine sys/mounts/engines-kv  (estate.hcl:1)",
        "version = 2",
        "description = \"of apps\"",
        "+ kv config engines-kv/config  (estate.hcl:1)",
        "max_versions = 5",
        "delete_version_after = 3h",
        "+ secrets engine sys/mounts/engines-plain",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    world.apply();
    let config = world.read("engines-kv/config").unwrap();
    assert_eq!((&config["max_versions"], &config["delete_version_after"]), (&json!(5), &json!("3h0m0s")));
    // What is a setting of the one is a secret of the other.
    world.write("engines-plain/config", &json!({"max_versions": 7}));
    world.settled();

    world.write("engines-kv/config", &json!({"cas_required": true, "max_versions": 6}));
    let plan = world.plan(2);
    assert!(plan.contains("cas_required: true -> false") && plan.contains("max_versions: 6 -> 5"), "{plan}");
    assert_eq!(world.run(&["drift"]).code, 5);
    world.apply();

    // Settings that are no longer declared go back to the engine's own, and the mount stays.
    world.declare("kv \"engines-kv\" {\n  version = 2\n}\nkv \"engines-plain\" {\n  version = 1\n}\n");
    let plan = world.plan(2);
    assert!(
        plan.contains("- kv config engines-kv/config") && plan.contains("description: \"of apps\" -> \"\""),
        "{plan}"
    );
    world.apply();
    assert_eq!(world.read("engines-kv/config").unwrap()["max_versions"], 0);
    // What somebody sets then is nobody's.
    world.write("engines-kv/config", &json!({"max_versions": 9}));
    assert!(world.plan(0).contains("engines-kv/config"));
    world.write("engines-kv/config", &json!({"max_versions": 0}));
    world.delete("engines-plain/config");
}

#[test]
fn an_engine_that_holds_secrets_is_not_taken_away() {
    let mut world = world();
    world.declare(&format!("{KV}kv \"engines-plain\" {{\n  version = 1\n  protect = true\n}}\n"));
    world.apply();
    world.write("engines-kv/data/app/db", &json!({"data": {"password": "x"}}));
    world.declare("kv \"engines-plain\" {\n  version = 1\n  protect = true\n}\n");
    let plan = world.plan(3);
    for part in [
        "sys/mounts/engines-kv (it was declared at estate.hcl:1) would take along 1 object that is not ours: \
         engines-kv/metadata/app/",
        "unmounts engines-kv/: everything below it is deleted for good",
        "leasehold forget sys/mounts/engines-kv",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    world.delete("engines-kv/metadata/app/db");
    world.apply();

    world.write("engines-plain/key", &json!({"a": 1}));
    world.declare("kv \"engines-plain\" {\n  version = 1\n}\n");
    world.apply();
    world.declare("");
    assert!(world.plan(3).contains("1 object that is not ours: engines-plain/key"));
    world.delete("engines-plain/key");
    world.apply();
}

#[test]
fn versions_go_up_where_the_engine_takes_them_and_never_down() {
    let mut world = world();
    let of = |version: u8| format!("kv \"engines-kv\" {{\n  version = {version}\n}}\n");
    world.declare(&of(1));
    world.apply();
    world.write("engines-kv/config", &json!({"a": "b"}));
    world.declare(&format!("{}max_versions = 3\n}}\n", of(2).trim_end().trim_end_matches('}')));
    if world.is_own() {
        let plan = world.plan(1);
        assert!(
            plan.contains("has version 1 and is declared with version 2, and Leasehold's own engine takes none there"),
            "{plan}"
        );
    } else {
        let plan = world.plan(2);
        assert!(plan.contains("version: 1 -> 2") && plan.contains("upgrades engines-kv/ for good"), "{plan}");
        assert!(plan.contains("+ kv config engines-kv/config"), "{plan}");
        world.apply();
        assert_eq!(world.read("engines-kv/data/config").unwrap()["data"], json!({"a": "b"}));
        assert_eq!(world.read("engines-kv/config").unwrap()["max_versions"], 3);
        world.delete("engines-kv/metadata/config");
    }
    if world.is_own() {
        world.delete("engines-kv/config");
        world.declare("");
        world.apply();
        world.declare(&of(2));
        world.apply();
    }
    world.declare(&of(1));
    let plan = world.plan(3);
    assert!(plan.contains("has version 2, and no server takes a key-value engine back to version 1"), "{plan}");
    assert!(plan.contains("declare version = 2; or another mount with version = 1"), "{plan}");
}

#[test]
fn a_shared_engine_has_to_be_of_the_version_that_it_is_taken_for() {
    let mut world = world();
    let shared = |version: u8| format!("kv \"engines-kv\" {{\n  version = {version}\n  shared = true\n}}\n");
    world.declare(&shared(2));
    assert!(world.plan(1).contains("sys/mounts/engines-kv (estate.hcl:1) is shared"));
    world.write("sys/mounts/engines-kv", &json!({"type": "kv", "options": {"version": "1"}}));
    let plan = world.plan(1);
    assert!(plan.contains("of the type kv-v1") && plan.contains("not kv-v2"), "{plan}");
    world.declare(&shared(1));
    world.plan(0);
}

#[test]
fn what_no_version_has_is_an_error_where_it_stands() {
    let mut world = world();
    for (text, what, hint) in [
        ("", "needs `version`", "add version = 2"),
        ("version = 3", "there is no version 3 of key-value engines", "version = 2 keeps versions"),
        ("version = 1\n  max_versions = 2", "`max_versions` is for version 2", "write version = 2"),
        ("version = 2\n  max_versions = -1", "max_versions is a count", "0 is the engine's own number"),
        ("version = 2\n  region = \"eu-west-1\"", "has no key `region`", "known here"),
    ] {
        world.declare(&format!("kv \"engines-kv\" {{\n  {text}\n}}\n"));
        let output = world.run(&["validate"]);
        assert_eq!(output.code, 1, "{text}");
        assert!(output.stderr.contains(what) && output.stderr.contains(hint), "{text}: {}", output.stderr);
    }
    world.declare(
        "kv \"engines-kv\" {\n  version = 2\n}\nobject \"engines-kv/config\" {\n  data {\n    max_versions = 3\n  }\n}\n\
         role \"x\" {\n  mount = \"engines-kv\"\n  policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}\n",
    );
    let said = world.run(&["validate"]).stderr;
    assert!(said.contains("declare it by `kv`") && said.contains("`engines-kv` has no roles"), "{said}");
}
