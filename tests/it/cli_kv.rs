//! `leasehold kv`, `patch` and `print token`, as Vault's tutorials type them, on a server and on the embedded engine.

use serde_json::Value;

use crate::env::{Server, TestEnv};

/// A development server, which has a mount of version 2 at `secret/`, and one of version 1 at `plain/`.
fn world() -> (Server, TestEnv) {
    let mut env = TestEnv::new();
    let server = env.server(&["-dev", "--aws=sandbox", "--listen", "127.0.0.1:0"]);
    env.set("VAULT_ADDR", &server.address).set("VAULT_TOKEN", server.root_token.clone().unwrap());
    env.ok(&["secrets", "enable", "-path=plain", "-version=1", "kv"]);
    (server, env)
}

/// Lines without the times in them, which are those of the day.
fn timeless(text: &str) -> String {
    let line = |line: &str| {
        let is_time = |word: &&str| word.len() > 20 && word.starts_with("20") && word.ends_with('Z');
        match line.split_whitespace().find(is_time) {
            Some(time) => line.replace(time, "TIME"),
            None => line.to_owned(),
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn secrets_with_versions_are_written_read_and_restored_as_tutorials_do() {
    let (_server, env) = world();
    let metadata = |version: u32, deleted: &str| {
        format!(
            "======= Metadata =======\nKey                Value\n---                -----\ncreated_time       TIME\n\
             custom_metadata    <nil>\ndeletion_time      {deleted}\ndestroyed          false\nversion            {version}"
        )
    };
    let path = "= Secret Path =\nsecret/data/foo\n";
    let data = "== Data ==\nKey    Value\n---    -----\na      1\nb      two";
    let ok = |arguments: &[&str]| timeless(&env.ok(&[&["kv"], arguments].concat()));
    assert_eq!(ok(&["put", "secret/foo", "a=1", "b=two"]), format!("{path}\n{}", metadata(1, "n/a")));
    assert_eq!(ok(&["get", "secret/foo"]), format!("{path}\n{}\n\n{data}", metadata(1, "n/a")));
    assert_eq!(ok(&["put", "-mount=secret", "foo", "a=2"]), format!("{path}\n{}", metadata(2, "n/a")));
    assert_eq!(ok(&["get", "-version=1", "secret/foo"]), format!("{path}\n{}\n\n{data}", metadata(1, "n/a")));
    assert_eq!(ok(&["patch", "secret/foo", "c=3"]), format!("{path}\n{}", metadata(3, "n/a")));
    assert_eq!(env.ok(&["kv", "get", "-field=c", "secret/foo"]), "3");
    assert_eq!(env.ok(&["kv", "get", "-field=a", "-mount=secret", "foo"]), "2");
    let json: Value = serde_json::from_str(&env.ok(&["kv", "get", "-format=json", "secret/foo"])).unwrap();
    assert_eq!(json["data"]["data"], serde_json::json!({"a": "2", "c": "3"}));
    for list in [&["kv", "list", "secret/"][..], &["kv", "list", "-mount=secret"], &["kv", "list", "secret"]] {
        assert_eq!(env.ok(list), "Keys\n----\nfoo\n");
    }

    assert_eq!(env.ok(&["kv", "delete", "secret/foo"]), "Success! Data deleted (if it existed) at: secret/data/foo\n");
    let deleted = timeless(&env.ok(&["kv", "get", "secret/foo"]));
    assert_eq!(deleted, format!("{path}\n{}", metadata(3, "TIME")));
    for patch in [&["kv", "patch", "secret/foo", "c=9"][..], &["patch", "secret/data/foo", "@patch.json"]] {
        env.write("patch.json", r#"{"data": {"c": "9"}}"#);
        let refused = env.run(patch);
        assert!(refused.code == 2 && refused.stdout.is_empty(), "{patch:?}: {}", refused.normal());
    }
    let gone = env.run(&["kv", "get", "-field=c", "secret/foo"]);
    assert!(gone.code == 1 && gone.stderr.contains("not present in secret"), "{}", gone.normal());
    let undeleted = env.ok(&["kv", "undelete", "-versions=3", "secret/foo"]);
    assert_eq!(undeleted, "Success! Data written to: secret/undelete/foo\n");
    assert_eq!(env.ok(&["kv", "get", "-field=c", "secret/foo"]), "3");
    env.ok(&["kv", "rollback", "-version=1", "secret/foo"]);
    assert_eq!(env.ok(&["kv", "get", "-field=b", "secret/foo"]), "two");
    let destroyed = env.ok(&["kv", "destroy", "-versions=1,2", "secret/foo"]);
    assert_eq!(destroyed, "Success! Data written to: secret/destroy/foo\n");
    let refused = env.run(&["kv", "rollback", "-version=1", "secret/foo"]);
    assert!(refused.code == 2 && refused.stderr.contains("version 1 of secret/data/foo is destroyed"));

    let put =
        ["kv", "metadata", "put", "-cas-required=false", "-max-versions=5", "-custom-metadata=team=web", "secret/foo"];
    assert_eq!(env.ok(&put), "Success! Data written to: secret/metadata/foo\n");
    env.ok(&["kv", "metadata", "patch", "-custom-metadata=tier=1", "-remove-custom-metadata=team", "secret/foo"]);
    let all = env.ok(&["kv", "metadata", "get", "secret/foo"]);
    for part in ["== Metadata Path ==\nsecret/metadata/foo\n\n", "map[tier:1]", "====== Version 4 ======\nKey "] {
        assert!(all.contains(part), "{part}: {all}");
    }
    let stale = env.run(&["kv", "put", "-cas=1", "secret/foo", "a=9"]);
    assert!(stale.code == 2 && stale.stderr.contains("check-and-set parameter did not match"), "{}", stale.normal());
    env.ok(&["kv", "patch", "-method=rw", "secret/foo", "c=4"]);
    assert_eq!(env.ok(&["kv", "get", "-field=c", "secret/foo"]), "4");
    env.ok(&["kv", "metadata", "put", "-cas-required", "-delete-version-after=1h", "secret/foo"]);
    assert!(env.ok(&["kv", "metadata", "get", "secret/foo"]).contains("cas_required            true"));
    let wrapped = env.ok(&["kv", "get", "-wrap-ttl=1m", "secret/foo"]);
    assert!(wrapped.contains("wrapping_token:") && !wrapped.contains("Data"), "{wrapped}");
    env.ok(&["kv", "metadata", "delete", "secret/foo"]);
    let none = env.run(&["kv", "get", "secret/foo"]);
    assert_eq!((none.code, none.stderr.trim()), (2, "No value found at secret/data/foo"));
}

#[test]
fn secrets_without_versions_are_kept_whole_and_what_they_lack_is_told() {
    let (_server, env) = world();
    assert_eq!(env.ok(&["kv", "put", "plain/foo", "a=1"]), "Success! Data written to: plain/foo\n");
    assert_eq!(env.ok(&["kv", "get", "plain/foo"]), "== Data ==\nKey    Value\n---    -----\na      1\n");
    assert_eq!(env.ok(&["kv", "list", "plain"]), "Keys\n----\nfoo\n");
    for (arguments, code, told) in [
        (&["kv", "patch", "plain/foo", "a=2"][..], 2, "must be version 2 for patch support"),
        (&["kv", "metadata", "get", "plain/foo"], 1, "Metadata not supported on KV Version 1"),
        (&["kv", "undelete", "-versions=1", "plain/foo"], 1, "Undelete not supported on KV Version 1"),
        (&["kv", "put", "-cas=0", "plain/foo", "a=1"], 1, "version 1 keeps no versions"),
        (&["kv", "put", "plain/foo"], 1, "Must supply data"),
        (&["kv", "put", "nowhere/foo", "a=1"], 2, "preflight capability check returned 403"),
        (&["kv", "get", "sys/policies/acl/default"], 2, "keeps no secrets"),
        (&["kv", "list"], 1, "there is no mount and no path"),
        (&["kv", "patch", "secret/none", "a=1"], 2, "No value found at secret/data/none"),
    ] {
        let output = env.run(arguments);
        assert!(output.code == code && output.stderr.contains(told), "{arguments:?}: {}", output.normal());
    }
    assert_eq!(env.ok(&["kv", "delete", "plain/foo"]), "Success! Data deleted (if it existed) at: plain/foo\n");
    assert_eq!(env.run(&["kv", "get", "plain/foo"]).code, 2);
}

#[test]
fn a_path_is_changed_and_the_token_printed() {
    let (server, env) = world();
    env.ok(&["kv", "put", "secret/foo", "a=1"]);
    let told = env.ok(&["patch", "secret/metadata/foo", "max_versions=3"]);
    assert_eq!(told, "Success! Data written to: secret/metadata/foo\n");
    let refused = env.run(&["patch", "secret/metadata/foo"]);
    assert!(refused.code == 1 && refused.stderr.contains("Must supply data or use -force"), "{}", refused.normal());
    assert_eq!(env.ok(&["print", "token"]).trim_end(), server.root_token.as_deref().unwrap());
    // What kv asks for a mount is asked all the same: the request depends on it.
    let line = env.ok(&["kv", "get", "-output-curl-string", "secret/foo"]);
    assert!(line.ends_with(&format!("'{}/v1/secret/data/foo'\n", server.address)), "{line}");
    let rules = env.ok(&["audit", "list", "-output-policy"]);
    assert_eq!(rules, "path \"sys/audit\" {\n  capabilities = [\"read\", \"sudo\"]\n}\n");
    let help = env.ok(&["path-help", "secret/data/foo"]);
    assert!(help.starts_with("Request:        data/foo\nMatching Route: ^data/(?P<path>.+)$\n"), "{help}");
}
