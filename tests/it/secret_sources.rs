//! From where secrets may be: files of a pull request ask for anything, and get what the environment allows by name.

use std::os::unix::fs::PermissionsExt as _;

use crate::env::{Output, TestEnv};
use crate::servers::{Sort, TestServer};

/// An estate for a server, in which the key of an AWS engine comes from where `key` says.
struct World {
    env: TestEnv,
    server: TestServer,
}

impl World {
    fn new() -> Self {
        let server = TestServer::start(Sort::Ours);
        let mut env = TestEnv::new();
        let estate = env.dir().join("estate").display().to_string();
        env.set("LEASEHOLD_DIR", estate).set("LEASEHOLD_TOKEN", &server.token);
        Self { env, server }
    }

    fn write(&self, secrets: &str, id: &str, key: &str) {
        let address = &self.server.address;
        let text = format!(
            "environment \"prod\" {{\n  address = \"{address}\"\n  {secrets}\n}}\n\naws \"aws\" {{\n  root {{\n    \
             access_key = \"{id}\"\n    secret_key = \"{key}\"\n  }}\n}}\n"
        );
        self.env.write("estate/estate.hcl", &text);
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.env.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }
}

#[test]
fn a_variable_beside_the_estate_is_read_where_the_environment_names_it() {
    let mut world = World::new();
    world.env.set("ROOT_ID", "AKIAROOTROOTROOT").set("ROOT_KEY", "hidden-hidden");
    world.write("", "secret:env:ROOT_ID", "secret:env:ROOT_KEY");
    // A plan goes on without, and says so; an apply needs them.
    let output = world.run(&["plan"], 2);
    assert!(!output.stdout.contains("AKIAROOTROOTROOT"), "{}", output.normal());
    let told = "the environment prod does not allow env:ROOT_ID; add it to its `secrets` at estate.hcl:1";
    assert!(output.normal().contains(told), "{}", output.normal());
    let output = world.run(&["apply", "--auto-approve"], 1);
    assert!(output.stderr.contains(told) && output.stderr.contains("env:ROOT_KEY"), "{}", output.normal());
    // By name, and no other.
    world.write("secrets = [\"env:ROOT_I*\"]", "secret:env:ROOT_ID", "secret:env:ROOT_KEY");
    let output = world.run(&["plan"], 2);
    assert!(output.stdout.contains("AKIAROOTROOTROOT") && output.normal().contains("allow env:ROOT_KEY"));
    world.write("secrets = [\"env:ROOT_*\"]", "secret:env:ROOT_ID", "secret:env:ROOT_KEY");
    // Whoever runs it has the last word, which no file can say.
    world.env.set("LEASEHOLD_SECRETS", "none");
    let output = world.run(&["plan"], 2);
    assert!(!output.normal().contains("AKIAROOTROOTROOT") && output.stderr.is_empty(), "{}", output.normal());
    let output = world.run(&["apply", "--auto-approve"], 1);
    assert!(output.stderr.contains("LEASEHOLD_SECRETS does not allow env:ROOT_ID"), "{}", output.normal());
    world.env.set("LEASEHOLD_SECRETS", "env:ROOT_ID, env:ROOT_KEY");
    world.run(&["apply", "--auto-approve"], 0);
    world.run(&["plan"], 0);
}

#[test]
fn a_file_beside_the_estate_is_read_where_the_environment_names_it() {
    let world = World::new();
    let secret = |name: &str, text: &str| {
        let file = world.env.write(name, text);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        file.display().to_string()
    };
    let (id, key) = (secret("beside/id", "AKIAROOTROOTROOT\n"), secret("beside/key", "hidden-hidden\n"));
    let (id, key) = (format!("secret:file:{id}"), format!("secret:file:{key}"));
    world.write("", &id, &key);
    assert!(world.run(&["plan"], 2).normal().contains("does not allow file:"));
    let beside = world.env.dir().join("beside").display().to_string();
    world.write(&format!("secrets = [\"file:{beside}/*\"]"), &id, &key);
    world.run(&["plan"], 2);
    // Not by a way that leads out of what is named.
    let around = format!("secret:file:{beside}/../other/key");
    secret("other/key", "hidden-hidden\n");
    world.write(&format!("secrets = [\"file:{beside}/*\"]"), &id, &around);
    assert!(world.run(&["plan"], 2).stderr.contains("../other/key; add it"));
    // A file of the estate needs no word.
    secret("estate/id", "AKIAROOTROOTROOT\n");
    world.write("secrets = []", "secret:file:id", "secret:file:id");
    world.run(&["apply", "--auto-approve"], 0);
}

#[test]
fn no_file_gets_what_commands_show_to_an_engine() {
    let mut world = World::new();
    world.env.set("VAULT_TOKEN", world.server.token.clone()).set("GITHUB_TOKEN", "ghs_0123456789abcdefABCDEF");
    for variable in ["LEASEHOLD_TOKEN", "VAULT_TOKEN", "LEASEHOLD_SECRET_ID"] {
        world.write("secrets = [\"env:*\"]", &format!("secret:env:{variable}"), "secret:env:GITHUB_TOKEN");
        let output = world.run(&["plan"], 2);
        let told = format!("the environment variable {variable} is for commands");
        assert!(output.normal().contains(&told), "{}", output.normal());
    }
    // What a plan would show is an access key id, or nothing.
    world.write("secrets = [\"env:*\"]", "secret:env:GITHUB_TOKEN", "secret:env:GITHUB_TOKEN");
    let output = world.run(&["plan"], 2);
    assert!(output.normal().contains("that is no access key id"), "{}", output.normal());
    assert!(!output.normal().contains("ghs_"), "{}", output.normal());
}

#[test]
fn what_names_no_source_is_refused_where_it_stands() {
    let world = World::new();
    for (pattern, hint) in [
        ("ROOT_ID", "write env:NAME or file:/PATH"),
        ("env:", "write env:NAME or file:/PATH"),
        ("file:ids/*", "files in the estate need no word"),
        ("vault:kv/*", "what is in the engine needs no word"),
    ] {
        world.write(&format!("secrets = [\"{pattern}\"]"), "secret:env:A", "secret:env:B");
        let output = world.run(&["validate"], 1);
        assert!(output.normal().contains("estate.hcl:3:14") && output.normal().contains(hint), "{}", output.normal());
    }
}
