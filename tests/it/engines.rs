//! Secrets engines beside those of AWS: key-value and transit engines, planned, applied, tuned and taken away as anything
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
    assert!(world.run(&["drift"]).stdout.contains("engines-kv/config"));
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

const TRANSIT: &str = "transit \"engines-transit\" {\n  description = \"for apps\"\n  key \"orders\" {\n  }\n  \
    key \"sign\" {\n    type = \"ed25519\"\n    auto_rotate_period = \"720h\"\n  }\n}\n";

fn transit_world() -> World {
    World::new("engines", &["engines-transit"])
}

/// The declaration of one key with these words.
fn key(words: &str) -> String {
    format!("transit \"engines-transit\" {{\n  key \"orders\" {{\n    {words}\n  }}\n}}\n")
}

#[test]
fn a_transit_engine_and_its_keys_go_through_all_that_happens_to_objects() {
    let mut world = transit_world();
    world.declare(TRANSIT);
    let plan = world.plan(2);
    for part in [
        "+ secrets engine sys/mounts/engines-transit  (estate.hcl:1)",
        "+ transit key engines-transit/keys/orders  (estate.hcl:3)",
        "+ transit key engines-transit/keys/sign  (estate.hcl:5)",
        "type = \"ed25519\"",
        "auto_rotate_period = 720h",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    world.apply();
    // A version more is no difference.
    world.write("engines-transit/keys/orders/rotate", &json!({}));
    world.settled();
    world.write("engines-transit/keys/orders/config", &json!({"min_decryption_version": 2}));
    assert!(world.plan(2).contains("min_decryption_version: 2 -> 1"));
    assert_eq!(world.run(&["drift"]).code, 5);
    world.apply();
    // What somebody else made there is theirs.
    world.write("engines-transit/keys/theirs", &json!({}));
    assert!(world.run(&["drift"]).stdout.contains("engines-transit/keys/theirs"));
    world.declare("");
    let plan = world.plan(3);
    assert!(plan.contains("would take along 1 object that is not ours: engines-transit/keys/theirs"), "{plan}");
}

#[test]
fn what_would_need_another_key_is_refused_by_the_plan() {
    let mut world = transit_world();
    world.declare(&key("exportable = true"));
    world.apply();
    for (words, what, hint) in [
        (
            "type = \"ed25519\"\n    exportable = true",
            "engines-transit/keys/orders (estate.hcl:2): type can't be changed once it exists",
            "declare it under another name",
        ),
        ("derived = true\n    exportable = true", "derived can't be changed once it exists", "under another name"),
        (
            "",
            "engines-transit/keys/orders (estate.hcl:2) may be taken out, and no server takes exportable back",
            "declare exportable = true",
        ),
        (
            "exportable = true\n    min_decryption_version = 2",
            "has 1 for its latest version, and min_decryption_version = 2 is declared",
            "a write to engines-transit/keys/orders/rotate",
        ),
    ] {
        world.declare(&key(words));
        let plan = world.plan(3);
        assert!(plan.contains(what) && plan.contains(hint), "{words}: {plan}");
        let output = world.run(&["apply", "--auto-approve"]);
        assert_eq!(output.code, 3, "{}", output.normal());
    }
    world.write("engines-transit/keys/orders/rotate", &json!({}));
    world.declare(&key("exportable = true\n    min_decryption_version = 2"));
    assert!(world.plan(2).contains("what older versions encrypted or signed is not taken while that stands"));
    world.apply();
}

#[test]
fn a_key_is_deleted_only_where_it_says_that_it_may_be() {
    let mut world = transit_world();
    let empty = "transit \"engines-transit\" {\n}\n";
    world.declare(&key(""));
    world.apply();
    for gone in [empty, ""] {
        world.declare(gone);
        let plan = world.plan(3);
        for part in [
            "engines-transit/keys/orders (estate.hcl:2) may not be deleted: it does not allow it",
            "declare it with deletion_allowed = true, apply, and remove it then",
            "leasehold forget engines-transit/keys/orders",
        ] {
            assert!(plan.contains(part), "{part}: {plan}");
        }
        assert_eq!(world.run(&["apply", "--auto-approve"]).code, 3);
        assert!(world.read("engines-transit/keys/orders").is_some());
    }
    world.declare(&key("deletion_allowed = true"));
    assert!(world.plan(2).contains("and with it all that it encrypted"));
    world.apply();
    world.declare(empty);
    assert!(world.plan(2).contains("nothing that it encrypted is ever read again"));
    world.apply();
    assert!(world.read("engines-transit/keys/orders").is_none());
}

#[test]
fn a_shared_transit_engine_has_keys_of_several_estates() {
    let mut world = transit_world();
    world.write("sys/mounts/engines-transit", &json!({"type": "transit"}));
    world.write("engines-transit/keys/theirs", &json!({}));
    world.declare(
        "transit \"engines-transit\" {\n  shared = true\n  key \"ours\" {\n    deletion_allowed = true\n  }\n}\n",
    );
    let applied = world.run(&["apply", "--auto-approve"]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    // Nobody declares theirs, as of roles in an engine that is shared.
    let drift = world.run(&["drift"]);
    assert!(drift.code == 5 && drift.stdout.contains("engines-transit/keys/theirs"), "{}", drift.normal());
    world.declare("transit \"engines-transit\" {\n  shared = true\n}\n");
    assert_eq!(world.run(&["apply", "--auto-approve"]).code, 0);
    assert!(world.read("engines-transit/keys/ours").is_none() && world.read("engines-transit/keys/theirs").is_some());
}

#[test]
fn what_no_key_can_be_is_an_error_where_it_stands() {
    let mut world = transit_world();
    for (words, what, hint) in [
        ("convergent_encryption = true", "only derived keys encrypt the same to the same", "add derived = true"),
        ("type = \"rsa-2048\"\n    derived = true", "no keys are derived of one of the type rsa-2048", "leave it out"),
        ("type = \"hmac\"", "the key of an HMAC has 32 to 512 bytes", "add key_size = 32"),
        ("key_size = 32", "has the size of its type", "leave it out"),
        ("auto_rotate_period = \"5m\"", "no key is rotated more than once an hour", "720h"),
        ("min_decryption_version = 0", "versions begin with 1", "leave it out"),
        (
            "min_decryption_version = 3\n    min_encryption_version = 2",
            "what a version encrypts has to be decrypted",
            "min_decryption_version, or more",
        ),
        ("type = \"aes\"", "aes", "aes256-gcm96"),
    ] {
        world.declare(&key(words));
        let output = world.run(&["validate"]);
        assert_eq!(output.code, 1, "{words}");
        assert!(output.stderr.contains(what) && output.stderr.contains(hint), "{words}: {}", output.stderr);
    }
    world.declare("transit \"engines-transit\" {\n  key \"a b\" {\n  }\n}\n");
    assert!(world.run(&["validate"]).stderr.contains("`a b` can't be the name of a key"));
}

#[test]
fn what_an_aws_engine_has_elsewhere_is_refused_by_name_for_our_own() {
    let mut world = World::new("engines", &["engines-aws"]);
    let role = "role_arn = \"arn:aws:iam::111122223333:role/engine\"\n  identity_token_audience = \"aws\"";
    for (words, field) in [
        (role, "role_arn"),
        (
            "sts_fallback_endpoints = [\"https://sts.eu-west-2.amazonaws.com\"]\n  sts_fallback_regions = [\"eu-west-2\"]",
            "sts_fallback_endpoints",
        ),
        ("rotation_period = \"720h\"", "rotation_period"),
    ] {
        world.declare(&format!("aws \"engines-aws\" {{\n  {words}\n}}\n"));
        assert_eq!(world.run(&["validate"]).code, 0, "{words}");
        if world.is_own() {
            let plan = world.plan(1);
            let what = format!(
                "engines-aws/config/root (estate.hcl:2) sets {field}, which Leasehold's own engine does not have"
            );
            assert!(plan.contains(&what), "{plan}");
        }
    }
    for (words, what) in [
        (
            "role_arn = \"arn:aws:iam::111122223333:user/x\"\n  identity_token_audience = \"aws\"",
            "not the ARN of a role",
        ),
        ("role_arn = \"arn:aws:iam::111122223333:role/x\"", "a token that is for somebody"),
        ("identity_token_ttl = \"1h\"", "there are no tokens that live so long"),
        (
            &*format!("{role}\n  root {{\n    access_key = \"secret:env:A\"\n    secret_key = \"secret:env:B\"\n  }}"),
            "an engine that assumes a role has no key of its own",
        ),
        ("sts_fallback_regions = [\"eu-west-2\"]", "each address of STS has its region"),
        ("sts_fallback_endpoints = [\"sts.example\"]\n  sts_fallback_regions = [\"eu-west-2\"]", "not an endpoint"),
        ("rotation_period = \"5s\"", "no key is made anew that often"),
        ("rotation_window = \"2h\"", "a window is one of a schedule"),
        ("rotation_period = \"24h\"\n  rotation_schedule = \"0 0 * * SAT\"", "by a period or by a schedule"),
    ] {
        world.declare(&format!("aws \"engines-aws\" {{\n  {words}\n}}\n"));
        let output = world.run(&["validate"]);
        assert!(output.code == 1 && output.stderr.contains(what), "{words}: {}", output.stderr);
    }
}
