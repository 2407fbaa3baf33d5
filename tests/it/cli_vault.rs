//! What Vault's tutorials type beside the main commands: lists in detail, moves, what a token may do, what a server says of
//! itself. Headings and words are as Vault prints them (`command/*.go`).

use crate::env::{Server, TestEnv};

fn world() -> (Server, TestEnv) {
    let mut env = TestEnv::new();
    let server = env.server(&["-dev", "--aws=sandbox", "--listen", "127.0.0.1:0"]);
    env.set("VAULT_ADDR", &server.address).set("VAULT_TOKEN", server.root_token.clone().unwrap());
    (server, env)
}

#[test]
fn mounts_and_devices_are_listed_in_detail_and_moved() {
    let (_server, env) = world();
    env.ok(&["secrets", "enable", "-path=one", "-version=2", "-description=first", "-max-lease-ttl=2h", "kv"]);
    let all = env.ok(&["secrets", "list", "-detailed"]);
    let heading = all.lines().next().unwrap();
    for part in ["Path ", "Plugin", "Accessor", "Default TTL", "Max TTL", "Options", "Description", "UUID"] {
        assert!(heading.contains(part), "{part}: {heading}");
    }
    let one = all.lines().find(|line| line.starts_with("one/ ")).unwrap();
    assert!(one.contains("system") && one.contains("2h ") && one.contains("map[version:2]"), "{one}");
    assert!(env.ok(&["auth", "list", "-detailed"]).lines().next().unwrap().contains("Token Type"));
    env.ok(&["kv", "put", "one/a", "b=c"]);
    let moved = env.run(&["secrets", "move", "one", "two"]);
    assert_eq!(moved.code, 0, "{}", moved.normal());
    assert!(moved.stderr.starts_with("Started moving secrets engine one/ to two/, with migration ID "));
    assert!(moved.stdout.starts_with("Success! Finished moving secrets engine one/ to two/, with migration ID "));
    assert_eq!(env.ok(&["kv", "get", "-field=b", "two/a"]), "c");
    env.ok(&["auth", "enable", "-listing-visibility=unauth", "-token-type=batch", "userpass"]);
    let moved = env.ok(&["auth", "move", "userpass", "people"]);
    assert!(moved.contains("auth method userpass/ to people/"), "{moved}");
    let tuned = env.ok(&["read", "-format=json", "sys/auth/people/tune"]);
    assert!(tuned.contains("\"listing_visibility\": \"unauth\"") && tuned.contains("\"token_type\": \"batch\""));
    let none = env.run(&["secrets", "move", "nowhere", "else"]);
    assert!(none.code == 2 && none.stderr.contains("no matching mount"), "{}", none.normal());
    let log = env.dir().join("audit.log");
    env.ok(&["audit", "enable", "file", &format!("file_path={}", log.display())]);
    let devices = env.ok(&["audit", "list", "-detailed"]);
    assert!(devices.lines().next().unwrap().contains("Replication    Options"), "{devices}");
    assert!(devices.contains(&format!("file_path={}", log.display())), "{devices}");
}

#[test]
fn names_are_listed_with_what_is_told_of_each() {
    let (_server, env) = world();
    env.ok(&["write", "identity/entity", "name=ann", "policies=default"]);
    env.ok(&["write", "identity/entity", "name=bob"]);
    let all = env.ok(&["list", "-detailed", "identity/entity/id"]);
    let heading = all.lines().next().unwrap();
    assert!(heading.starts_with("Keys ") && heading.contains("name"), "{all}");
    assert!(all.lines().any(|line| line.contains("ann")) && all.lines().any(|line| line.contains("bob")), "{all}");
    let json = env.ok(&["list", "-detailed", "-format=json", "identity/entity/name"]);
    assert_eq!(json.matches("\"ann\"").count(), 1, "{json}");
    // Of what nothing is told, the names.
    env.ok(&["kv", "put", "secret/a", "b=c"]);
    assert_eq!(env.ok(&["list", "-detailed", "secret/metadata"]), "Keys\n----\na\n");
}

#[test]
fn how_to_log_in_by_a_method_is_said_by_its_type_and_by_its_path() {
    let (_server, env) = world();
    let help = env.ok(&["auth", "help", "userpass"]);
    assert!(help.starts_with("Usage: leasehold login -method=userpass [KEY=VALUE ...]\n"), "{help}");
    assert!(help.contains("\n  username  The name; required\n  password  The password"), "{help}");
    env.ok(&["auth", "enable", "-path=people", "userpass"]);
    let help = env.ok(&["auth", "help", "auth/people/"]);
    assert!(help.starts_with("Usage: leasehold login -method=userpass -path=people [KEY=VALUE ...]\n"), "{help}");
    assert!(env.ok(&["auth", "help", "token"]).contains("A token is asked for"));
    let none = env.run(&["auth", "help", "nowhere"]);
    assert!(
        none.code == 2 && none.stderr.contains("no auth method of the type or at the path nowhere"),
        "{}",
        none.normal()
    );
    for method in ["approle", "jwt", "oidc", "kubernetes", "aws", "cert"] {
        assert!(env.ok(&["auth", "help", method]).contains(&format!("-method={method}")), "{method}");
    }
}

#[test]
fn a_mount_is_given_versions_as_the_engine_lets_it() {
    let (_server, env) = world();
    assert_eq!(env.ok(&["kv", "enable-versioning", "secret"]), "Success! Tuned the secrets engine at: secret/\n");
    env.ok(&["secrets", "enable", "-path=plain", "-version=1", "kv"]);
    let refused = env.run(&["kv", "enable-versioning", "plain"]);
    assert!(refused.code == 2 && refused.stderr.contains("Error tuning secrets engine plain/"), "{}", refused.normal());
    let line = env.ok(&["kv", "enable-versioning", "-output-curl-string", "plain/"]);
    assert!(
        line.contains("-d '{\"options\":{\"version\":\"2\"}}'") && line.contains("/v1/sys/mounts/plain/tune"),
        "{line}"
    );
}

#[test]
fn who_asks_a_server_that_has_nothing_yet_is_told_to_begin_it() {
    let mut env = TestEnv::new();
    let (_server, http) = crate::seal::start(&env);
    env.set("VAULT_ADDR", format!("http://{}", http.address)).set("VAULT_TOKEN", "x");
    let asked = env.run(&["secrets", "list"]);
    assert!(
        asked.code == 2 && asked.stderr.contains("`leasehold operator init` begins its store"),
        "{}",
        asked.normal()
    );
    assert!(!asked.stderr.contains("operator unseal"), "{}", asked.normal());
    crate::seal::init(&http, 1, 1);
    let asked = env.run(&["secrets", "list"]);
    assert!(asked.stderr.contains("operator unseal") && !asked.stderr.contains("operator init"), "{}", asked.normal());
}

#[test]
fn what_a_token_may_do_at_a_path_is_told() {
    let (_server, env) = world();
    assert_eq!(env.ok(&["token", "capabilities", "secret/foo"]), "root\n");
    let rules = "path \"secret/*\" { capabilities = [\"update\", \"create\"] }\n";
    env.write("p.hcl", rules);
    env.ok(&["policy", "write", "writer", "p.hcl"]);
    env.ok(&["write", "auth/token/roles/ci", "allowed_policies=writer", "renewable=false"]);
    let token = env.ok(&["token", "create", "-role=ci", "-policy=writer", "-renewable=false", "-field=token"]);
    assert_eq!(env.ok(&["token", "capabilities", &token, "secret/foo"]), "create, update\n");
    assert_eq!(env.ok(&["token", "capabilities", &token, "sys/mounts"]), "deny\n");
    let given = env.run_with_input(&["token", "capabilities", "-", "secret/foo"], &token);
    assert_eq!(given.stdout, "create, update\n");
    let accessor = env.ok(&["write", "-field=accessor", "auth/token/lookup", &format!("token={token}")]);
    assert_eq!(env.ok(&["token", "capabilities", "-accessor", &accessor, "secret/foo"]), "create, update\n");
    let json = env.ok(&["token", "capabilities", "-format=json", &token, "secret/foo"]);
    assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), ["create", "update"]);
    let chosen = env.ok(&["token", "create", "-id=chosen-token", "-policy=writer", "-field=token"]);
    assert_eq!(chosen, "chosen-token");
    // A variable that asks for wrapping is heeded by whatever shows a secret.
    let mut wrapping = env;
    wrapping.set("VAULT_WRAP_TTL", "60s");
    for command in [&["token", "lookup"][..], &["kv", "put", "secret/foo", "a=b"], &["kv", "get", "secret/foo"]] {
        let told = wrapping.ok(command);
        assert!(told.contains("wrapping_token:") && !told.contains("a      b"), "{command:?}: {told}");
    }
}

#[test]
fn what_a_server_says_of_itself_is_a_table_too() {
    let (_server, env) = world();
    let health = env.ok(&["read", "sys/health"]);
    assert!(health.starts_with("Key ") && health.contains("sealed") && health.contains("initialized"), "{health}");
    assert!(env.ok(&["version"]).starts_with("Leasehold v"));
}

/// Tutorials write `config/root` with a key from their page; a development server's simulated account takes any.
#[test]
fn the_article_on_aws_works_with_the_key_from_its_page() {
    let (_server, env) = world();
    env.ok(&["secrets", "enable", "aws"]);
    let root = [
        "write",
        "aws/config/root",
        "access_key=AKIAIOSFODNN7EXAMPLE",
        "secret_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "region=us-east-1",
    ];
    assert_eq!(env.ok(&root), "Success! Data written to: aws/config/root\n");
    let document =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}"#;
    let role = ["write", "aws/roles/my-role", "credential_type=iam_user", "policy_document=-"];
    assert_eq!(env.run_with_input(&role, document).stdout, "Success! Data written to: aws/roles/my-role\n");
    let creds = env.ok(&["read", "aws/creds/my-role"]);
    for part in ["lease_id           aws/creds/my-role/", "lease_duration     768h", "access_key         AKIA"] {
        assert!(creds.contains(part), "{part}: {creds}");
    }
    assert!(env.ok(&["write", "-f", "aws/config/rotate-root"]).contains("access_key    AKIA"));
    let lease = env.ok(&["read", "-field=lease_id", "aws/creds/my-role"]);
    assert_eq!(env.ok(&["lease", "revoke", &lease]), "All revocation operations queued successfully!\n");
    assert!(env.ok(&["lease", "revoke", "-sync", "-prefix", "aws/creds"]).contains("Success! Revoked any leases"));
    env.ok(&["secrets", "disable", "aws"]);
}
