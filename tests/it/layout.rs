//! `leasehold fmt` and `leasehold convert`: how files are laid out, and the same declarations in the other syntax.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use serde_json::Value;

use crate::env::TestEnv;

const CROOKED: &str = "role  \"a\" {\nmount=\"aws\"   # the first\n  policy_arns =[ \"x\" ]\n}\n";
const STRAIGHT: &str = "role \"a\" {\n  mount       = \"aws\" # the first\n  policy_arns = [\"x\"]\n}\n";

fn read(env: &TestEnv, name: &str) -> String {
    std::fs::read_to_string(env.dir().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn an_estate_is_laid_out_and_what_changed_is_named() {
    let env = TestEnv::new();
    env.write("estate/a.hcl", CROOKED);
    env.write("estate/b.hcl", &STRAIGHT.replace("\"a\"", "\"b\""));
    env.write("estate/sub/c.yaml", "role:\n    c:   # third\n        mount: 'aws'\n");
    env.write("estate/.leaseholdignore", "other/\n");
    env.write("estate/other/d.hcl", CROOKED);
    let check = env.run(&["-C", "estate", "fmt", "--check"]);
    assert_eq!((check.code, &*check.stdout), (2, "estate/a.hcl\nestate/sub/c.yaml\n"), "{}", check.normal());
    assert_eq!(read(&env, "estate/a.hcl"), CROOKED);
    let diff = env.run(&["-C", "estate", "fmt", "--check", "--diff"]);
    assert!(
        diff.stdout.contains("-mount=\"aws\"   # the first\n")
            && diff.stdout.contains("+  mount       = \"aws\" # the first\n")
    );
    std::fs::set_permissions(env.dir().join("estate/a.hcl"), std::fs::Permissions::from_mode(0o664)).unwrap();
    assert_eq!(env.ok(&["-C", "estate", "fmt"]), "estate/a.hcl\nestate/sub/c.yaml\n");
    assert_eq!(read(&env, "estate/a.hcl"), STRAIGHT);
    assert_eq!(read(&env, "estate/sub/c.yaml"), "role:\n  c: # third\n    mount: \"aws\"\n");
    assert_eq!(read(&env, "estate/other/d.hcl"), CROOKED);
    let mode = std::fs::metadata(env.dir().join("estate/a.hcl")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o664);
    assert_eq!(env.ok(&["-C", "estate", "fmt", "--check"]), "");
}

#[test]
fn files_that_are_named_are_laid_out_whatever_they_are_of() {
    let env = TestEnv::new();
    let rules = "path \"aws/creds/*\" {\n    capabilities=[\"read\"]\n}\npath \"b\" {}\n";
    env.write("rules.hcl", rules);
    symlink("rules.hcl", env.dir().join("link.hcl")).unwrap();
    assert_eq!(env.ok(&["fmt", "link.hcl"]), "link.hcl\n");
    assert_eq!(read(&env, "rules.hcl"), "path \"aws/creds/*\" {\n  capabilities = [\"read\"]\n}\npath \"b\" {}\n");
    assert!(std::fs::symlink_metadata(env.dir().join("link.hcl")).unwrap().is_symlink());
    env.write("as-vault-has-it", CROOKED);
    assert_eq!(env.ok(&["policy", "fmt", "as-vault-has-it"]), "Success! Formatted policy: as-vault-has-it\n");
    assert_eq!(read(&env, "as-vault-has-it"), STRAIGHT);
    assert_eq!(env.run_with_input(&["fmt", "-"], CROOKED).stdout, STRAIGHT);
    let check = env.run_with_input(&["fmt", "--check", "--syntax", "yaml", "-"], "a:   1\n");
    assert_eq!((check.code, &*check.stdout), (2, ""), "{}", check.normal());
    for (arguments, said) in [
        (&["fmt", "none.hcl"][..], "none.hcl: it does not exist"),
        (&["fmt", "rules.json"], "no file in HCL or YAML"),
        (&["fmt", "."], "holds no estate"),
        (&["fmt", "--syntax", "json", "-"], "files are in hcl or yaml"),
    ] {
        std::fs::remove_file(env.dir().join("rules.hcl")).ok();
        std::fs::remove_file(env.dir().join("link.hcl")).ok();
        let output = env.run(arguments);
        assert!(output.code == 1 && output.stderr.contains(said), "{arguments:?}: {}", output.normal());
    }
}

#[test]
fn a_policy_in_json_is_laid_out_as_json() {
    let env = TestEnv::new();
    let rules = r#"{ "path":{"aws/creds/web" :{"capabilities":["read","update"], "max_wrapping_ttl": 1e2},
    "path": {}, "b\u002f\"{":[{"capabilities":[ ]}]},"path":{"c":{"policy":"deny"}}}"#;
    env.write("rules", rules);
    assert_eq!(env.ok(&["policy", "fmt", "rules"]), "Success! Formatted policy: rules\n");
    let expected = r#"{
  "path": {
    "aws/creds/web": {
      "capabilities": ["read", "update"],
      "max_wrapping_ttl": 1e2
    },
    "path": {},
    "b\u002f\"{": [
      {
        "capabilities": []
      }
    ]
  },
  "path": {
    "c": {
      "policy": "deny"
    }
  }
}
"#;
    assert_eq!(read(&env, "rules"), expected);
    env.ok(&["policy", "fmt", "rules"]);
    assert_eq!(read(&env, "rules"), expected, "a second time nothing changes");
    let server = r#"{"path": {"a": {"capabilities": ["read"}}}"#;
    env.write("rules", server);
    let output = env.run(&["policy", "fmt", "rules"]);
    assert!(output.code == 1 && output.stderr.contains("this is not JSON: "), "{}", output.normal());
    assert_eq!(read(&env, "rules"), server, "what is broken stays as it is");
    let deep = format!("{{\"path\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    env.write("rules", &deep);
    let output = env.run(&["policy", "fmt", "rules"]);
    assert!(output.code == 1 && output.stderr.contains("recursion limit"), "{}", output.normal());
}

/// Texts of several lines, however their beginning says where they end and how far they are indented.
const TEXTS: &str = "\
policy:
    a:
        keeps: |+ # all of it
            one
             two


        folds: >-
         a
         b

           c
        told: |4+
               three
            # no comment

    # said
    b:
        list:
            - |2-
                four
            - text: >+1
                five

        none: |+

        last: |1
          |
";

#[test]
fn texts_of_several_lines_say_what_they_said() {
    let env = TestEnv::new();
    env.write("a.yaml", TEXTS);
    let read_as = |text: &str| serde_yaml::from_str::<serde_yaml::Value>(text).unwrap();
    env.ok(&["fmt", "a.yaml"]);
    let shown = read(&env, "a.yaml");
    assert_eq!(read_as(&shown), read_as(TEXTS), "{shown}");
    let expected = "\
policy:
  a:
    keeps: |+ # all of it
      one
       two


    folds: >-
      a
      b

        c
    told: |2+
         three
      # no comment

  # said
  b:
    list:
      - |2-
          four
      - text: >2+
           five

    none: |+

    last: |2
       |
";
    assert_eq!(shown, expected);
    assert_eq!(env.ok(&["fmt", "--check", "a.yaml"]), "");
}

#[test]
fn nothing_is_written_while_a_file_is_broken() {
    let env = TestEnv::new();
    env.write("estate/a.hcl", CROOKED);
    env.write("estate/b.hcl", "role \"b\" {\n  mount = \n}\n");
    env.write("estate/c.yaml", "a: 1\na: 2\n");
    for command in [&["fmt", "estate"][..], &["convert", "--to", "yaml", "--write", "estate/a.hcl", "estate/b.hcl"]] {
        let output = env.run(command);
        assert!(output.code == 1 && output.stderr.contains("estate/b.hcl:2:"), "{}", output.normal());
        assert_eq!(read(&env, "estate/a.hcl"), CROOKED);
        assert!(!env.dir().join("estate/a.yaml").exists());
    }
}

fn rendered(env: &TestEnv, dir: &str) -> Value {
    let mut rendered: Value = serde_json::from_str(&env.ok(&["-C", dir, "render", "--format", "json"])).unwrap();
    for object in rendered["objects"].as_array_mut().unwrap() {
        object.as_object_mut().unwrap().remove("declared");
    }
    rendered
}

#[test]
fn an_estate_in_the_other_syntax_stands_for_the_same_objects() {
    let env = TestEnv::new();
    env.copy_tree("examples/tutorial", "estate");
    let before = rendered(&env, "estate");
    let output = env.ok(&["convert", "--to", "yaml", "--write", "estate"]);
    assert!(output.contains("estate/engine.hcl is engine.yaml now\n"), "{output}");
    let names = |ending: &str| env.files("estate").keys().filter(|name| name.ends_with(ending)).count();
    assert_eq!(names(".hcl"), 0);
    assert!(names(".yaml") >= 4);
    assert_eq!(rendered(&env, "estate"), before);
    env.ok(&["-C", "estate", "validate", "--strict"]);
    assert_eq!(env.ok(&["fmt", "--check", "estate"]), "");
    assert_eq!(env.ok(&["convert", "--to", "yaml", "--write", "estate"]), "", "once more there is nothing to do");
    env.ok(&["convert", "--to", "hcl", "--write", "estate"]);
    assert_eq!(rendered(&env, "estate"), before);
    assert_eq!(env.ok(&["fmt", "--check", "estate"]), "");
    // Printed, nothing is written.
    assert!(env.ok(&["convert", "estate/engine.hcl"]).contains("aws:\n"));
    assert!(!env.dir().join("estate/engine.yaml").exists());
}

#[test]
fn what_would_be_overwritten_or_mixed_up_is_refused() {
    let env = TestEnv::new();
    env.write("estate/a.hcl", CROOKED);
    env.write("estate/a.yaml", "{}\n");
    for (arguments, said) in [
        (&["convert", "--write", "estate/a.hcl"][..], "there is a "),
        (&["convert", "estate"], "add --to hcl or --to yaml"),
        (&["convert", "estate/a.hcl", "estate/a.yaml"], "2 files would be printed as one"),
        (&["convert"], "required"),
    ] {
        let output = env.run(arguments);
        assert!(output.code == 1 && output.stderr.contains(said), "{arguments:?}: {}", output.normal());
    }
    assert_eq!((read(&env, "estate/a.hcl"), read(&env, "estate/a.yaml")), (CROOKED.to_owned(), "{}\n".to_owned()));
}

#[test]
fn no_file_is_lost_beside_those_that_are_written() {
    let env = TestEnv::new();
    env.write("a.yaml", "role:\n  a: {mount: aws}\n");
    env.write("a.yml", "role:\n  b: {mount: aws}\n");
    let output = env.run(&["convert", "--to", "hcl", "--write", "."]);
    assert!(output.code == 1 && output.stderr.contains("there is a "), "{}", output.normal());
    assert!(read(&env, "a.yaml").contains("a:") && read(&env, "a.yml").contains("b:"));
    env.write("sub/x.hcl", CROOKED);
    env.write("sub/x.hcl.new", "precious");
    env.ok(&["fmt", "sub/x.hcl"]);
    assert_eq!(read(&env, "sub/x.hcl.new"), "precious");
    std::fs::set_permissions(env.dir().join("sub/x.hcl"), std::fs::Permissions::from_mode(0o444)).unwrap();
    env.write("sub/y.hcl", CROOKED);
    std::fs::set_permissions(env.dir().join("sub/y.hcl"), std::fs::Permissions::from_mode(0o444)).unwrap();
    let output = env.run(&["fmt", "sub/y.hcl"]);
    assert!(output.code == 1 && output.stderr.contains("it is read-only"), "{}", output.normal());
    symlink("sub/x.hcl", env.dir().join("l.hcl")).unwrap();
    let output = env.run(&["convert", "--write", "l.hcl"]);
    assert!(output.code == 1 && output.stderr.contains("is a link"), "{}", output.normal());
}

#[test]
fn the_rules_of_policies_are_left_as_they_are() {
    let env = TestEnv::new();
    env.ok(&["init", "estate"]);
    let rules = "path \"aws/creds/*\" {\n    capabilities=[\"read\"]\n}\n";
    env.write("estate/acl/x.hcl", rules);
    env.write("estate/policies.hcl", "policy \"x\" {\n  file = \"file:acl/x.hcl\"\n}\n");
    assert_eq!(env.ok(&["fmt", "estate"]), "");
    env.ok(&["convert", "--to", "yaml", "--write", "estate"]);
    assert_eq!(read(&env, "estate/acl/x.hcl"), rules);
    env.ok(&["-C", "estate", "validate", "--strict"]);
    // Each file's lines are its own.
    env.write("two/a.hcl", STRAIGHT);
    env.write("two/b.hcl", "role \"b\" {\n  mount = \n}\n");
    let output = env.run(&["fmt", "two"]);
    assert!(output.stderr.contains("two/b.hcl:2:") && output.stderr.contains("mount = "), "{}", output.normal());
    assert!(!output.stderr.contains("the first"), "{}", output.normal());
}

/// What this program writes, and what it ships, is in the form that it asks for.
#[test]
fn what_is_written_for_people_is_in_canonical_form() {
    let env = TestEnv::new();
    for (dir, more) in [("hcl", &[][..]), ("yaml", &["--yaml"])] {
        env.ok(&[&["init", dir], more].concat());
        assert_eq!(env.ok(&["fmt", "--check", dir]), "");
        env.ok(&["-C", dir, "apply", "--auto-approve"]);
        std::fs::remove_dir_all(env.dir().join(dir).join("apps")).ok();
        env.run(&["-C", dir, "import", "--syntax", dir]);
        let output = env.run(&["fmt", "--check", "--diff", dir]);
        assert_eq!(output.code, 0, "{}", output.normal());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for dir in ["examples/tutorial", "examples/tutorial-yaml", "examples/assumed-role", "policies"] {
        let output = env.run(&["fmt", "--check", "--diff", &root.join(dir).display().to_string()]);
        assert_eq!(output.code, 0, "{}", output.normal());
    }
}
