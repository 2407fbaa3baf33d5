//! Text from outside never makes a line of its own in what we write: names, keys and values of an estate's files, of
//! an engine's answers, and of AWS's errors, each with a line in it that a CI would obey (GitHub Actions takes
//! `::warning::` wherever a line begins with it, after white space).

use serde_json::{Map, Value, json};

use crate::env::{Output, TestEnv};
use crate::fake::FakeServer;

const INJECTED: &str = "\n::warning::injected\r\n  ::error::injected";

/// The lines of an output that a CI would obey.
fn obeyed(output: &Output) -> Vec<String> {
    let lines = output.stdout.lines().chain(output.stderr.lines()).flat_map(|line| line.split('\r'));
    lines
        .filter(|line| line.trim_start().starts_with("::") && !line.trim_start().starts_with(":::"))
        .map(str::to_owned)
        .collect()
}

/// Every variant of a document in which one key or one text has the lines in it.
fn variants(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => vec![json!(format!("{text}{INJECTED}"))],
        Value::Array(items) => {
            let one = |index: usize| {
                variants(&items[index]).into_iter().map(move |variant| {
                    let mut items = items.clone();
                    items[index] = variant;
                    Value::Array(items)
                })
            };
            (0..items.len()).flat_map(one).collect()
        }
        Value::Object(map) => {
            let replaced = |at: &str, key: &str, with: &Value| {
                let entries = map.iter().map(|(name, value)| match name == at {
                    true => (key.to_owned(), with.clone()),
                    false => (name.clone(), value.clone()),
                });
                Value::Object(entries.collect::<Map<_, _>>())
            };
            let one = |(key, value): (&String, &Value)| {
                let mut all = vec![replaced(key, &format!("{key}{INJECTED}"), value)];
                all.extend(variants(value).iter().map(|variant| replaced(key, key, variant)));
                all
            };
            map.iter().flat_map(one).collect()
        }
        _ => vec![],
    }
}

#[test]
fn an_estates_files_put_no_line_into_a_log() {
    let env = TestEnv::new();
    let root = env.copy_tree("examples/tutorial-yaml", "estate");
    let mut files = vec![root.join("engine.yaml"), root.join("environments.yaml"), root.join("tests.yaml")];
    files.extend(std::fs::read_dir(root.join("apps")).unwrap().map(|entry| entry.unwrap().path()));
    let mut told = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "yaml")) {
        let text = std::fs::read_to_string(file).unwrap();
        let whole: Value = serde_yaml::from_str(&text).unwrap();
        for (index, variant) in variants(&whole).into_iter().enumerate() {
            std::fs::write(file, variant.to_string()).unwrap();
            // A plan shows the problems as well, and what there is to do.
            let output = env.run(&["-C", "estate", if index % 3 == 0 { "validate" } else { "plan" }]);
            told += usize::from((output.stdout.clone() + &output.stderr).contains("::warning::injected"));
            assert_eq!(obeyed(&output), Vec::<String>::new(), "{variant}\n{}\n{}", output.stdout, output.stderr);
        }
        std::fs::write(file, text).unwrap();
    }
    assert!(told > 20, "only {told} of the variants were spoken of");
}

#[test]
fn an_engines_answers_put_no_line_into_a_log() {
    // Built once for the process; the server wants what lives as long.
    let line = serde_json::to_string(INJECTED).unwrap();
    let line = line.trim_matches('"').to_owned();
    let body = |text: &str| -> &'static str { Box::leak(text.replace("$", &line).into_boxed_str()) };
    let data =
        body(r#"{"data":{"k$":"v$","keys":["n$"],"policy":"p$","l":["x$"],"m":{"a$":"b$"}},"warnings":["w$","$"]}"#);
    let mounts = body(
        r#"{"data":{"aws$/":{"type":"aws$","description":"d$","accessor":"a$","options":null,"config":{}}},"aws$/":{"type":"aws$","description":"d$","accessor":"a$","options":null,"config":{}}}"#,
    );
    let auth = body(
        r#"{"auth":{"client_token":"t","accessor":"a$","policies":["p$"],"token_policies":["p$"],"metadata":{"m$":"v$"},"lease_duration":60,"renewable":true},"warnings":["w$"]}"#,
    );
    let error = body(r#"{"errors":["e$","1 error occurred:\n\t* f$\n\n"]}"#);
    let answers: Vec<(&'static str, u16, &'static str)> = vec![
        ("GET /v1/a/data", 200, data),
        ("GET /v1/a/error", 400, error),
        ("PUT /v1/a/data", 200, data),
        ("GET /v1/a/list/", 200, data),
        ("GET /v1/sys/mounts", 200, mounts),
        ("GET /v1/sys/auth", 200, mounts),
        ("GET /v1/sys/audit", 200, mounts),
        ("GET /v1/sys/policies/acl/p", 200, data),
        ("GET /v1/sys/policies/acl/", 200, data),
        ("PUT /v1/auth/token/create", 200, auth),
        ("PUT /v1/auth/approle/login", 200, auth),
        ("PUT /v1/sys/leases/lookup", 200, data),
        (
            "PUT /v1/sys/leases/revoke-prefix/x",
            200,
            body(r#"{"data":{"revoked":1,"given_up":["x$"]},"warnings":["w$"]}"#),
        ),
    ];
    let server = FakeServer::start(Box::leak(answers.into_boxed_slice()));
    let mut env = TestEnv::new();
    env.set("VAULT_ADDR", &server.address).set("VAULT_TOKEN", "root");
    let named = format!("a{INJECTED}");
    let flag = format!("--{named}");
    for arguments in [
        vec!["read", "a/data"],
        vec!["read", "a/error"],
        vec!["write", "a/data", "x=y"],
        vec!["list", "a/list"],
        vec!["secrets", "list"],
        vec!["auth", "list"],
        vec!["audit", "list"],
        vec!["policy", "read", "p"],
        vec!["policy", "list"],
        vec!["token", "create"],
        vec!["lease", "lookup", "x"],
        vec!["lease", "revoke", "-prefix", "-sync", "x"],
        vec!["read", named.as_str()],
        vec!["-C", named.as_str(), "validate"],
        vec!["read", "-field", named.as_str(), "a/data"],
        vec!["lease", "revoke", named.as_str()],
        vec!["-C", ".", "access", "what", named.as_str()],
        vec![named.as_str()],
        vec![flag.as_str(), "plan"],
        vec!["plan", flag.as_str()],
        vec!["plan", named.as_str()],
        vec!["plan", "--format", named.as_str()],
        vec!["server", "--aws", named.as_str()],
        vec!["sandbox", "--listen", named.as_str()],
    ] {
        let output = env.run(&arguments);
        assert_eq!(obeyed(&output), Vec::<String>::new(), "{arguments:?}\n{}\n{}", output.stdout, output.stderr);
    }
}
