//! `object "PATH"`: what an engine has at a path of which no kind knows, planned, applied, changed by hand and deleted as
//! anything else, on the embedded engine, and on another where `LEASEHOLD_TEST_ADDR` and `LEASEHOLD_TEST_TOKEN` name one.

use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use serde_json::{Value, json};

use crate::env::{InTestEngine, TestEnv};
use crate::fake::FakeServer;
use crate::world::World;

/// An estate, and the engine that it is for, with a key-value mount of version 1: it keeps whatever it is told.
fn world() -> World {
    let mut world = World::new("objects", &["objects"]);
    world.env.set("PASSWORD", "hunter2");
    world.write("sys/mounts/objects", &json!({"type": "kv", "options": {"version": "1"}}));
    world
}

const MAIN: &str = "object \"objects/main\" {\n  data {\n    ttl = \"1h\"\n    count = 5\n    on = false\n    \
    tags = [\"b\", \"a\"]\n    nested = { wait = \"90s\" }\n    password = \"secret:env:PASSWORD\"\n    hash = \"x\"\n  }\n  \
    write_only = [\"password\"]\n  ignore = [\"hash\"]\n}\n";

#[test]
fn an_object_without_a_word_goes_through_all_that_happens_to_objects() {
    let mut world = world();
    world.declare(MAIN);
    let plan = world.plan(2);
    for part in [
        "+ object objects/main  (estate.hcl:1)",
        "ttl = \"1h\"",
        "password = (sensitive)",
        "tags = [\"b\", \"a\"]",
        "? a new object  estate.hcl:1",
        "what it allows is not known here",
    ] {
        assert!(plan.contains(part), "{part}\n{plan}");
    }
    assert!(!plan.contains("hunter2"), "{plan}");
    world.apply();
    let all = json!({"ttl": "1h", "count": 5, "on": false, "tags": ["b", "a"], "nested": {"wait": "90s"},
        "password": "hunter2", "hash": "x"});
    assert_eq!(world.read("objects/main").map(Value::Object), Some(all.clone()));

    // As servers print the same back, and with what somebody keeps in another form.
    let mut printed = all.clone();
    for (name, value) in [
        ("ttl", json!("1h0m0s")),
        ("count", json!("5")),
        ("on", json!("")),
        ("nested", json!({"wait": 90, "more": ""})),
        ("hash", json!("sha256:0123")),
        ("password", json!("****")),
        ("version", json!(7)),
    ] {
        printed[name] = value;
    }
    world.write("objects/main", &printed);
    world.settled();

    // A change by hand, found with both values and taken back.
    printed["ttl"] = json!(7200);
    world.write("objects/main", &printed);
    let plan = world.plan(2);
    assert!(plan.contains("~ object objects/main") && plan.contains("ttl: 7200 -> \"1h\""), "{plan}");
    let drift = world.run(&["drift"]);
    assert!(drift.code == 5 && drift.stdout.contains("ttl"), "{}", drift.normal());
    world.apply();
    assert_eq!(world.read("objects/main").unwrap()["ttl"], "1h");

    // What is not compared and what is not told are seen where the files change them.
    world.env.set("PASSWORD", "hunter3");
    let plan = world.plan(2);
    assert!(plan.contains("password: (sensitive) -> (sensitive)") && !plan.contains("hunter"), "{plan}");
    // That no engine tells them is no reason for the review not to.
    assert!(plan.contains("? password of the object changed"), "{plan}");
    world.apply();
    world.declare(&MAIN.replace("hash = \"x\"", "hash = \"y\""));
    let plan = world.plan(2);
    assert!(plan.contains("hash: ") && plan.contains("? hash of the object changed"), "{plan}");
    world.declare(&MAIN.replace("hash = \"x\"", "hash = \"y\"").replace("count = 5", "count = 0"));
    let plan = world.plan(2);
    assert!(plan.contains("count: 5 -> 0") && plan.contains("? count and hash of the object changed"), "{plan}");
    world.apply();
    assert_eq!(world.read("objects/main").unwrap()["password"], "hunter3");

    // A field that is left out is nobody's any more; one that comes is written.
    world.declare(&MAIN.replace("    count = 5\n", ""));
    world.apply();
    world.declare(MAIN);
    assert!(world.plan(2).contains("count: (none) -> 5"));
    world.apply();

    // Gone by hand, it is made again; no longer declared, it is deleted.
    world.delete("objects/main");
    assert!(world.plan(2).contains("+ object objects/main"));
    world.apply();
    world.declare("");
    assert!(world.plan(2).contains("- object objects/main"));
    world.apply();
    assert_eq!(world.read("objects/main"), None);
}

#[test]
fn an_object_that_is_there_is_taken_over_only_when_that_is_said_and_may_stay_at_the_end() {
    let mut world = world();
    world.write("objects/theirs", &json!({"a": 1, "b": 2}));
    world.declare("object \"objects/theirs\" {\n  delete = \"keep\"\n  data {\n    a = 3\n  }\n}\n");
    let plan = world.plan(3);
    assert!(plan.contains("exists and is not ours"), "{plan}");
    let adopted = world.run(&["apply", "--auto-approve", "--adopt"]);
    assert_eq!(adopted.code, 0, "{}", adopted.normal());
    world.settled();
    world.declare("");
    let plan = world.plan(2);
    assert!(plan.contains("no longer declared: forget") && plan.contains("its declaration said so"), "{plan}");
    world.apply();
    assert_eq!(world.read("objects/theirs").unwrap()["a"], 3);

    // What is said of its end later on is remembered, though nothing of the object changes.
    let ours = |more: &str| format!("object \"objects/ours\" {{\n  data {{\n    a = 1\n  }}\n{more}}}\n");
    for (first, then, stays) in [("", "  delete = \"keep\"\n", true), ("  delete = \"keep\"\n", "", false)] {
        for more in [first, then] {
            world.declare(&ours(more));
            world.apply();
        }
        world.declare("");
        let plan = world.plan(2);
        assert_eq!(plan.contains("no longer declared: forget"), stays, "{plan}");
        world.apply();
        assert_eq!(world.read("objects/ours").is_some(), stays);
        world.delete("objects/ours");
    }
}

#[test]
fn what_an_engine_does_not_serve_or_has_a_word_for_is_told_by_the_plan() {
    let mut world = world();
    world.write("sys/mounts/objects-aws", &json!({"type": "aws"}));
    world.write("sys/mounts/objects-second", &json!({"type": "kv", "options": {"version": "2"}}));
    for (path, said) in [
        ("objects-second/data/web", "it is a secret, or shows one"),
        ("nowhere/config/main", "is below no mount"),
        ("sys/config/no-such-setting", "does not serve it: it has no such path"),
        ("objects-aws/roles/hole", "declare it by `role`"),
        ("objects-aws/config/root", "declare it by `aws`"),
        ("objects-aws/anything", "is declared by words of its own"),
    ] {
        world.declare(&format!("object \"{path}\" {{\n  data {{\n    a = 1\n  }}\n}}\n"));
        let plan = world.plan(1);
        assert!(plan.contains(said) && plan.contains("estate.hcl:1"), "{path}: {plan}");
    }
    world.delete("sys/mounts/objects-aws");
    world.delete("sys/mounts/objects-second");
    world.declare("");
}

#[test]
fn what_is_wrong_with_an_object_is_told_where_it_stands() {
    let env = TestEnv::new();
    let engine = "environment \"local\" {\n  engine = \"embedded\"\n}\naws \"aws\" {}\n";
    for (text, said) in [
        ("object \"sys/policies/acl/x\" {\n data {\n policy = \"\"\n }\n}", "declare it by `policy`"),
        ("object \"auth/approle/role/x\" {\n data {\n a = 1\n }\n}", "what decides who may log in"),
        ("object \"identity/group/name/x\" {\n data {\n a = 1\n }\n}", "declare it by `group`"),
        ("object \"aws/roles/x\" {\n data {\n a = 1\n }\n}", "declare it by `role`"),
        ("object \"sys/raw/x\" {\n data {\n a = 1\n }\n}", "no setting"),
        ("object \"leasehold/data/x\" {\n data {\n a = 1\n }\n}", "keeps for itself"),
        ("object \"db/../auth/x\" {\n data {\n a = 1\n }\n}", "is not the path of an object"),
        ("object \"/db/x\" {\n data {\n a = 1\n }\n}", "is not the path of an object"),
        ("object \"db/x\" {\n}", "needs `data`"),
        ("object \"db/x\" {\n data {\n }\n}", "has no fields"),
        ("object \"db/x\" {\n data {\n a = \"secret:env:A\"\n }\n}", "`write_only` names"),
        ("object \"db/x\" {\n write_only = [\"a\"]\n data {\n a = \"open\"\n }\n}", "does not stand in the files"),
        ("object \"db/x\" {\n write_only = [\"b\"]\n data {\n a = 1\n }\n}", "`data` has no field `b`"),
        ("object \"db/x\" {\n write_only = [\"a\"]\n ignore = [\"a\"]\n data {\n a = 1\n }\n}", "named twice"),
        ("object \"db/x\" {\n delete = \"never\"\n data {\n a = 1\n }\n}", "is not one of `path`, `keep`"),
    ] {
        env.write("estate/estate.hcl", &format!("{engine}{text}\n"));
        let output = env.run(&["validate", "-C", "estate"]);
        let all = output.stdout.clone() + &output.stderr;
        assert!(output.code == 1 && all.contains(said), "{text}\n{said}\n{all}");
        assert!(!all.contains("open"), "{all}");
    }
    let yaml =
        "object:\n  db/config/main:\n    write_only: [password]\n    data: {ttl: 1h, password: 'secret:env:P'}\n";
    env.write("estate/estate.hcl", engine);
    env.write("estate/more.yaml", yaml);
    env.ok(&["validate", "-C", "estate"]);
}

#[test]
fn what_our_own_engine_does_not_have_is_told_before_anything_is_written() {
    let engine = InTestEngine::start(Clock::system(), AwsTransport::Network);
    let mut env = TestEnv::new();
    engine.serve(&mut env);
    let head = format!("environment \"own\" {{\n  address = \"{}\"\n}}\n", engine.address);
    let policy = "policy = \"length = 20\\nrule \\\"charset\\\" { charset = \\\"abc\\\" }\"";
    for (text, said) in [
        (&*format!("password_policy \"db\" {{\n  {policy}\n}}"), "sys/policies/password/db (estate.hcl:4) is declared"),
        (
            "quota \"all\" {\n  rate = 0.5\n  path = \"auth/approle\"\n  role = \"web\"\n}",
            "(estate.hcl:7) sets role, which Leasehold's own engine does not have",
        ),
        (
            "aws \"aws\" {\n  passthrough_request_headers = [\"X-A\"]\n}",
            "(estate.hcl:5) sets passthrough_request_headers, which Leasehold's own engine does not have",
        ),
        (
            "auth \"approle\" {\n  allowed_response_headers = [\"X-A\"]\n}",
            "(estate.hcl:5) sets allowed_response_headers, which Leasehold's own engine does not have",
        ),
    ] {
        env.write("estate/estate.hcl", &format!("{head}{text}\n"));
        env.ok(&["validate", "-C", "estate"]);
        for command in [&["plan"][..], &["apply", "--auto-approve"]] {
            let output = env.run(&[&["-C", "estate"], command].concat());
            assert!(output.code == 1 && output.stderr.contains(said), "{text}\n{}", output.normal());
        }
    }
}

#[test]
fn what_is_wrong_with_quotas_password_policies_and_lockouts_is_told() {
    let env = TestEnv::new();
    for (text, said) in [
        ("quota \"a\" {\n}", "needs a `rate` above 0"),
        ("quota \"a\" {\n rate = 0\n}", "needs a `rate` above 0"),
        ("quota \"a\" {\n rate = 1\n interval = \"0s\"\n}", "a second at least"),
        ("quota \"a\" {\n rate = 1\n role = \"x\"\n}", "is one of a mount"),
        ("quota \"a\" {\n rate = 1\n inheritable = true\n}", "counts for what is below them"),
        ("quota \"a\" {\n rate = 1\n path = \"aws/\"\n}", "write path = \"aws\""),
        ("quota \"A\" {\n rate = 1\n}", "can't be a name here"),
        ("password_policy \"a\" {\n}", "needs `policy`"),
        ("password_policy \"a\" {\n policy = \"12\"\n}", "has a length and rules"),
        ("password_policy \"a\" {\n policy = \"file:none.txt\"\n}", "none.txt"),
        ("auth \"jwt\" {\n lockout {\n threshold = 3\n }\n}", "lock nobody out"),
        ("auth \"approle\" {\n token_type = \"batches\"\n}", "is not one of"),
    ] {
        let head = "environment \"local\" {\n  engine = \"embedded\"\n}\n";
        env.write("estate/estate.hcl", &format!("{head}{text}\n"));
        let output = env.run(&["validate", "-C", "estate"]);
        let all = output.stdout + &output.stderr;
        assert!(output.code == 1 && all.contains(said), "{text}\n{said}\n{all}");
    }
}

/// Engines of other types may hand out what they make anywhere.
#[test]
fn what_hands_out_a_credential_is_no_object_and_what_was_handed_out_is_given_back() {
    let server = FakeServer::start(&[
        ("GET /v1/sys/mounts", 200, r#"{"data": {"db/": {"type": "database"}}}"#),
        ("GET /v1/sys/auth", 200, r#"{"data": {}}"#),
        ("GET /v1/sys/audit", 200, r#"{"data": {}}"#),
        (
            "GET /v1/db/odd/main",
            200,
            r#"{"lease_id": "db/odd/main/1", "lease_duration": 60, "data": {"password": "p"}}"#,
        ),
        ("PUT /v1/sys/leases/revoke", 204, ""),
    ]);
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_TOKEN", "root");
    env.write("estate/env.hcl", &format!("environment \"prod\" {{\n  address = \"{}\"\n}}\n", server.address));
    for (path, said) in [
        ("db/creds/main", "can't be an `object`: it is a secret, or shows one"),
        ("db/odd/main", "it hands out a credential whenever it is read"),
    ] {
        env.write("estate/o.hcl", &format!("object \"{path}\" {{\n  data {{\n    a = 1\n  }}\n}}\n"));
        let plan = env.run(&["-C", "estate", "plan"]);
        assert!(plan.code == 1 && plan.stderr.contains(said), "{path}: {}", plan.normal());
        assert!(!plan.normal().contains("\"p\""), "{}", plan.normal());
    }
    let asked: Vec<String> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert!(!asked.iter().any(|line| line.contains("db/creds")), "{asked:?}");
    let revoked = server.asked().into_iter().find(|asked| asked.line.contains("leases/revoke"));
    assert!(revoked.expect("it was given back").body.contains("db/odd/main/1"));
}
