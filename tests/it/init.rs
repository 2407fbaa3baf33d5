//! `leasehold init`: what it writes is an estate that works.

use serde_json::Value;

use crate::env::TestEnv;

fn rendered(env: &TestEnv, dir: &str) -> Value {
    let mut rendered: Value = serde_json::from_str(&env.ok(&["-C", dir, "render", "--format", "json"])).unwrap();
    for object in rendered["objects"].as_array_mut().unwrap() {
        object.as_object_mut().unwrap().remove("declared");
    }
    rendered
}

#[test]
fn a_new_estate_is_valid_applied_and_issues() {
    let env = TestEnv::new();
    let output = env.run(&["init", "new"]);
    assert_eq!(output.code, 0, "{}", output.normal());
    assert!(output.stderr.contains("4 files are written into new.") && output.stderr.contains("leasehold -C new plan"));
    env.ok(&["-C", "new", "validate", "--strict"]);
    assert_eq!(env.run(&["-C", "new", "plan"]).code, 2);
    env.ok(&["-C", "new", "apply", "--auto-approve"]);
    env.ok(&["-C", "new", "plan"]);
    let credential = env.ok(&["-C", "new", "creds", "webapp", "--format", "json"]);
    assert!(credential.contains("\"access_key\""), "{credential}");
    // A further one is told that it is there, and changes nothing.
    let before = std::fs::read_to_string(env.dir().join("new/engine.hcl")).unwrap();
    let again = env.run(&["init", "new", "--yaml"]);
    assert!(again.code == 1 && again.stderr.contains("there is an estate in new already"), "{}", again.normal());
    assert_eq!(std::fs::read_to_string(env.dir().join("new/engine.hcl")).unwrap(), before);
}

#[test]
fn both_languages_say_the_same_and_flags_say_what_differs() {
    let env = TestEnv::new();
    let address = "https://vault.example.com:8200";
    for (more, environment) in [
        (&["--app", "shop-2.eu"][..], "local"),
        (&["--aws", "aws", "--env", "ci"], "ci"),
        (&["--address", address], "prod"),
    ] {
        let [hcl, yaml] = [&[][..], &["--yaml"]].map(|language| {
            let dir = format!("{environment}{}", language.len());
            env.ok(&[&["init", &dir], more, language].concat());
            env.ok(&["-C", &dir, "validate", "--strict"]);
            rendered(&env, &dir)
        });
        assert_eq!((&hcl, &hcl["environment"]), (&yaml, &Value::from(environment)));
        assert_eq!(env.dir().join(format!("{environment}0/.gitignore")).exists(), environment != "prod");
    }
    let text = std::fs::read_to_string(env.dir().join("prod0/environments.hcl")).unwrap();
    assert!(text.contains(&format!("address = \"{address}\"")) && !text.contains("embedded"), "{text}");
}

#[test]
fn what_would_be_no_estate_is_not_written() {
    let env = TestEnv::new();
    for (more, said) in [
        (&["--app", "a\" {}"][..], "can't be the name of an app"),
        (&["--app", "-"], "error"),
        (&["--env", "${var.x}"], "can't be the name of an environment"),
        (&["--aws", "mars"], "mars"),
        (&["--address", "vault.example.com"], "vault.example.com"),
        (&["--address", "http://a\" x"], "it is not a URL"),
        (&["--address", "http://127.0.0.1:1", "--aws", "aws"], "leave one of them out"),
    ] {
        let output = env.run(&[&["init", "new"], more].concat());
        assert!(output.code == 1 && output.stderr.contains(said), "{more:?}: {}", output.normal());
        assert!(!env.dir().join("new").exists(), "{more:?}");
    }
    env.write("new/apps/webapp.hcl", "mine\n");
    let output = env.run(&["init", "new"]);
    assert!(output.code == 1 && output.stderr.contains("apps/webapp.hcl is there"), "{}", output.normal());
    assert!(!env.dir().join("new/engine.hcl").exists());
}
