//! Flags in both spellings, the environment behind them, where the token comes from, and exit codes.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use crate::env::TestEnv;
use crate::fake::FakeServer;

const ROLE: &[(&str, u16, &str)] = &[("GET /v1/aws/roles/r", 200, r#"{"request_id":"1","data":{"a":"b"}}"#)];

fn with_server(answers: &'static [(&'static str, u16, &'static str)]) -> (TestEnv, FakeServer) {
    let server = FakeServer::start(answers);
    let mut env = TestEnv::new();
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", "from-leasehold");
    (env, server)
}

#[test]
fn one_dash_and_two_dashes_mean_the_same_wherever_the_flag_stands() {
    let (env, _server) = with_server(ROLE);
    let expected = env.ok(&["read", "--format", "json", "aws/roles/r"]);
    assert!(expected.contains("\"a\": \"b\""), "{expected}");
    for arguments in [
        &["read", "-format=json", "aws/roles/r"][..],
        &["read", "-format", "json", "aws/roles/r"],
        &["read", "aws/roles/r", "-format=json"],
        &["read", "aws/roles/r", "--format=JSON"],
        &["-format=json", "read", "aws/roles/r"],
        &["read", "-tls-skip-verify=false", "-format=json", "/aws/roles/r/"],
    ] {
        assert_eq!(env.ok(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn our_variables_go_before_vaults_and_flags_before_both() {
    let (mut env, server) = with_server(ROLE);
    env.set("VAULT_ADDR", "http://127.0.0.1:1").set("VAULT_TOKEN", "from-vault");
    env.ok(&["read", "aws/roles/r"]);
    assert_eq!(server.last().header("x-vault-token"), Some("from-leasehold"));
    // An empty variable is as good as none.
    env.set("LEASEHOLD_TOKEN", "").set("LEASEHOLD_ADDR", "http://127.0.0.1:1");
    env.ok(&["read", "-address", &server.address, "aws/roles/r"]);
    assert_eq!(server.last().header("x-vault-token"), Some("from-vault"));
    env.set("LEASEHOLD_ADDR", "").set("VAULT_ADDR", &server.address).set("VAULT_FORMAT", "json");
    assert!(env.ok(&["read", "aws/roles/r"]).starts_with('{'));
    assert!(env.ok(&["read", "-format=table", "aws/roles/r"]).starts_with("Key"));
}

#[test]
fn namespace_and_headers_are_sent() {
    let (mut env, server) = with_server(ROLE);
    env.ok(&["read", "-namespace=team", "-header=X-One=1", "--header", "X-Two=a=b", "aws/roles/r"]);
    let asked = server.last();
    assert_eq!(asked.header("x-vault-namespace"), Some("team"));
    assert_eq!((asked.header("x-one"), asked.header("x-two")), (Some("1"), Some("a=b")));
    env.set("VAULT_NAMESPACE", "other");
    env.ok(&["read", "aws/roles/r"]);
    assert_eq!(server.last().header("x-vault-namespace"), Some("other"));
}

#[test]
fn the_token_comes_from_the_files_of_earlier_logins_if_nobody_else_can_read_them() {
    let (mut env, server) = with_server(ROLE);
    env.set("LEASEHOLD_TOKEN", "");
    env.ok(&["read", "aws/roles/r"]);
    assert_eq!(server.last().header("x-vault-token"), None);
    let file = |name: &str, mode: u32| {
        let path = env.write(name, &format!("of{name}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    file(".vault-token", 0o600);
    env.ok(&["read", "aws/roles/r"]);
    assert_eq!(server.last().header("x-vault-token"), Some("of.vault-token"));
    file(".leasehold-token", 0o600);
    env.ok(&["read", "aws/roles/r"]);
    assert_eq!(server.last().header("x-vault-token"), Some("of.leasehold-token"));
    file(".leasehold-token", 0o644);
    let refused = env.run(&["read", "aws/roles/r"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
}

#[test]
fn a_misspelt_flag_is_told_with_the_right_one() {
    let env = TestEnv::new();
    for (arguments, suggestion) in [
        (&["read", "-frmat=json", "x"][..], "--format"),
        (&["read", "-feild=x", "x"], "--field"),
        (&["lease", "revoke", "-prefx", "x"], "--prefix"),
    ] {
        let output = env.run(arguments);
        assert_eq!(output.code, 1, "{}", output.normal());
        assert!(output.stderr.contains(suggestion), "{}", output.stderr);
    }
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let (mut env, server) = with_server(ROLE);
    for (arguments, why) in [
        (&["read", "-address=vault:8200", "x"][..], "https://"),
        (&["read", "-ca-cert=/nonexistent.pem", "-address=https://127.0.0.1:1", "x"], "/nonexistent.pem"),
        (&["read", "-header=secret", "x"], "NAME=VALUE"),
        (&["read", "-format=env", "x"], "table, json, yaml"),
        (&["read", "-client-cert=/x", "-address=https://127.0.0.1:1", "x"], "--client-key"),
    ] {
        let output = env.run(arguments);
        assert_eq!(output.code, 1, "{}", output.normal());
        assert!(output.stderr.contains(why), "{arguments:?}: {}", output.stderr);
    }
    for (name, value) in [("VAULT_SKIP_VERIFY", "maybe"), ("VAULT_CLIENT_TIMEOUT", "soon"), ("VAULT_MAX_RETRIES", "-1")]
    {
        env.set(name, value);
        let output = env.run(&["read", "aws/roles/r"]);
        assert_eq!(output.code, 1, "{name}");
        assert!(output.stderr.contains(name), "{}", output.stderr);
        env.set(name, "");
    }
    assert!(server.asked().is_empty(), "nothing was sent");
}

#[test]
fn an_engine_that_is_not_there_is_an_error_of_its_own_code_and_says_where() {
    let mut env = TestEnv::new();
    env.set("VAULT_ADDR", "http://127.0.0.1:1").set("VAULT_MAX_RETRIES", "0");
    let read = env.run(&["read", "x"]);
    assert_eq!(read.code, 2);
    assert!(read.stderr.contains("Error reading x: could not connect to http://127.0.0.1:1"), "{}", read.stderr);
    assert!(read.stderr.contains("LEASEHOLD_ADDR"), "{}", read.stderr);
    assert_eq!(env.run(&["status"]).code, 1, "2 would mean sealed");
}

#[test]
fn help_and_version_succeed_and_are_data() {
    let env = TestEnv::new();
    for arguments in [&["--help"][..], &["-h"], &["-version"], &["lease", "revoke", "-help"], &["creds", "--help"]] {
        let output = env.run(arguments);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
    assert_eq!(env.run(&[]).code, 1);
}

#[test]
fn a_catalogue_that_can_not_be_read_stops_every_command() {
    let mut env = TestEnv::new();
    env.copy_tree("examples/tutorial", "estate");
    let built_in = include_str!("../../policies/catalogue/actions.txt");
    let lines: Vec<&str> = built_in.lines().collect();
    let first = lines.iter().position(|line| line.starts_with("access-analyzer ")).unwrap();
    let spoilt = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n")
    };
    env.write("empty", "");
    env.write("cut", &lines[..lines.len() / 2].join("\n"));
    env.write("no-actions", "date 2026-01-01\nsize 0 0\nglobals a\nmultivalued b\n");
    env.write("action", &spoilt(first, "access-analyzer ?"));
    env.write("resources", &spoilt(first + 1, "+ ?"));
    std::fs::create_dir(env.dir().join("directory")).unwrap();
    std::fs::write(env.dir().join("binary"), [0xff, 0xfe, 0]).unwrap();
    let files = [
        ("nowhere", "nowhere can't be used".to_owned()),
        ("directory", "directory can't be used".to_owned()),
        ("binary", "binary can't be used".to_owned()),
        ("empty", "there is no line `date YYYY-MM-DD`".to_owned()),
        ("cut", "a part is missing".to_owned()),
        ("no-actions", "a part is missing".to_owned()),
        ("action", format!("action:{} can't be used", first + 1)),
        ("resources", format!("resources:{} can't be used", first + 2)),
    ];
    let told = |env: &TestEnv, arguments: &[&str], why: &str| {
        let output = env.run(arguments);
        assert!(output.code == 1 && output.stdout.is_empty(), "{arguments:?}: {}", output.normal());
        assert!(output.stderr.contains(why) && output.stderr.contains("make.py"), "{arguments:?}: {}", output.stderr);
    };
    for (file, why) in &files {
        told(&env, &["validate", "estate", "--catalogue", file], why);
    }
    for command in COMMANDS {
        let mut arguments = command.to_vec();
        arguments.extend(["--catalogue", "cut"]);
        told(&env, &arguments, "a part is missing");
        env.set("LEASEHOLD_CATALOGUE", "resources");
        told(&env, command, &files[7].1);
        env.set("LEASEHOLD_CATALOGUE", "");
    }
    env.write("whole", built_in);
    env.ok(&["validate", "estate", "--catalogue", "whole"]);
}

/// What looks at policies, or may have to.
const COMMANDS: &[&[&str]] = &[
    &["validate", "estate"],
    &["plan", "estate"],
    &["apply", "estate", "--auto-approve"],
    &["review", "-C", "estate"],
    &["test", "estate"],
    &["access", "who", "s3:GetObject", "-C", "estate"],
    &["graph", "estate"],
    &["creds", "-C", "estate", "webapp"],
    &["server", "-dev"],
    &["trail", "-C", "estate"],
    &["read", "aws/creds/webapp"],
];

#[cfg(unix)]
#[test]
fn a_catalogue_with_a_name_that_is_no_text_is_not_passed_over() {
    use std::os::unix::ffi::OsStrExt;
    let env = TestEnv::new();
    env.copy_tree("examples/tutorial", "estate");
    let mut command = env.command(&["validate", "estate"]);
    let output = command.env("LEASEHOLD_CATALOGUE", std::ffi::OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn openbaos_variables_go_before_vaults_and_after_ours() {
    let (mut env, server) = with_server(ROLE);
    let token = |server: &FakeServer| server.last().header("x-vault-token").map(str::to_owned);
    env.set("BAO_ADDR", "http://127.0.0.1:1").set("BAO_TOKEN", "from-bao").set("VAULT_TOKEN", "from-vault");
    env.ok(&["read", "aws/roles/r"]);
    assert_eq!(token(&server).as_deref(), Some("from-leasehold"));
    env.set("LEASEHOLD_TOKEN", "").set("LEASEHOLD_ADDR", "").set("BAO_ADDR", &server.address);
    env.set("VAULT_ADDR", "http://127.0.0.1:1").set("BAO_NAMESPACE", "team").set("BAO_FORMAT", "json");
    assert!(env.ok(&["read", "aws/roles/r"]).starts_with('{'));
    assert_eq!(token(&server).as_deref(), Some("from-bao"));
    assert_eq!(server.last().header("x-vault-namespace"), Some("team"));
    env.set("BAO_WRAP_TTL", "60");
    env.ok(&["read", "aws/roles/r"]);
    assert_eq!(server.last().header("x-vault-wrap-ttl"), Some("60"));
    env.run(&["token", "lookup"]);
    assert_eq!(server.last().header("x-vault-wrap-ttl"), Some("60"));
    env.run(&["policy", "list"]);
    assert_eq!(server.last().header("x-vault-wrap-ttl"), None, "what hands nothing out does not wrap");
    for (name, value) in
        [("BAO_SKIP_VERIFY", "maybe"), ("BAO_CLIENT_TIMEOUT", "soon"), ("BAO_MAX_RETRIES", "-1"), ("BAO_FORMAT", "xml")]
    {
        let (mut env, _server) = with_server(ROLE);
        env.set(name, value);
        let output = env.run(&["read", "aws/roles/r"]);
        assert_eq!(output.code, 1, "{name}: {}", output.normal());
        assert!(output.stderr.contains(&format!("{name} is")), "{}", output.stderr);
    }
}

#[test]
fn a_development_server_takes_openbaos_variables_before_vaults() {
    let mut env = TestEnv::new();
    env.set("VAULT_DEV_ROOT_TOKEN_ID", "of-vault").set("BAO_DEV_LISTEN_ADDRESS", "127.0.0.1:0");
    assert_eq!(env.server(&["--dev"]).root_token.as_deref(), Some("of-vault"));
    env.set("BAO_DEV_ROOT_TOKEN_ID", "of-bao");
    assert_eq!(env.server(&["--dev"]).root_token.as_deref(), Some("of-bao"));
    assert_eq!(env.server(&["--dev", "-dev-root-token-id=flag"]).root_token.as_deref(), Some("flag"));
}

/// A refusal says whether the token is the trouble or what it may do, where the server's own words do.
#[test]
fn a_403_tells_a_token_that_has_ended_from_one_that_may_not() {
    const ENDED: &str = "the server does not know the token";
    const FORBIDDEN: &str = "the token is good, and its policies do not allow this";
    const EITHER: &str = "the token may not do this, or has ended";
    type Answers = &'static [(&'static str, u16, &'static str)];
    let rows: [(Answers, &str); 5] = [
        // Ours, of a token that it does not know, and of one that may not.
        (&[("GET /v1/a", 403, r#"{"errors":["permission denied"]}"#)], ENDED),
        (&[("GET /v1/a", 403, "{\"errors\":[\"1 error occurred:\\n\\t* permission denied\\n\\n\"]}")], FORBIDDEN),
        // Vault's and OpenBao's of a token that they do not know.
        (
            &[(
                "GET /v1/a",
                403,
                "{\"errors\":[\"2 errors occurred:\\n\\t* permission denied\\n\\t* invalid token\\n\\n\"]}",
            )],
            ENDED,
        ),
        (&[("GET /v1/a", 403, r#"{"errors":["bad token"]}"#)], ENDED),
        (&[("GET /v1/a", 403, r#"{"errors":["something else"]}"#)], EITHER),
    ];
    for (answers, hint) in rows {
        let (env, _server) = with_server(answers);
        let output = env.run(&["read", "a"]);
        assert_eq!(output.code, 2, "{}", output.normal());
        assert!(output.stderr.contains(hint), "{answers:?}: {}", output.stderr);
    }
}

#[test]
fn a_form_that_is_none_is_told_with_those_of_the_command() {
    let output = TestEnv::new().run(&["creds", "a", "--format", "xml"]);
    assert_eq!(output.code, 1, "{}", output.normal());
    assert!(output.stderr.contains("one of: table, json, yaml, env, process"), "{}", output.stderr);
    assert!(!output.stderr.contains("sarif"), "{}", output.stderr);
}

/// Arguments that ask for a form, which stands before what is another program's.
fn in_form<'a>(arguments: &[&'a str], form: &'a str) -> Vec<&'a str> {
    let own = arguments.iter().position(|argument| *argument == "--").unwrap_or(arguments.len());
    [&arguments[..own], &["--format", form], &arguments[own..]].concat()
}

/// Each command, with what it needs to be taken for one, and a form that it has not.
const FORMS: &[(&[&str], &str)] = &[
    (&["init"], "json"),
    (&["validate"], "env"),
    (&["explain"], "env"),
    (&["fmt", "-"], "json"),
    (&["policy", "fmt", "a"], "json"),
    (&["convert", "a"], "json"),
    (&["render"], "env"),
    (&["schema"], "json"),
    (&["completions", "bash"], "json"),
    (&["man"], "json"),
    (&["plan"], "env"),
    (&["adopt"], "env"),
    (&["review"], "env"),
    (&["apply"], "env"),
    (&["test"], "env"),
    (&["watch"], "json"),
    (&["watch", "status"], "env"),
    (&["access", "what", "a"], "env"),
    (&["graph"], "env"),
    (&["creds", "a"], "html"),
    (&["agent", "a"], "json"),
    (&["exec", "a", "--", "true"], "json"),
    (&["ledger", "show"], "env"),
    (&["forget", "a"], "env"),
    (&["history"], "env"),
    (&["import"], "env"),
    (&["unlock"], "json"),
    (&["drift"], "env"),
    (&["trail"], "env"),
    (&["trail", "follow"], "env"),
    (&["trail", "verify"], "env"),
    (&["server"], "json"),
    (&["ui"], "json"),
    (&["sandbox"], "json"),
    (&["sandbox", "call", "--data-dir", "a", "ListUsers"], "json"),
    (&["sandbox", "may", "--data-dir", "a", "s3:GetObject", "*"], "json"),
    (&["status"], "env"),
    (&["login"], "env"),
    (&["read", "a"], "env"),
    (&["write", "a", "b=c"], "env"),
    (&["list", "a"], "env"),
    (&["unwrap", "a"], "env"),
    (&["delete", "a"], "env"),
    (&["patch", "a", "b=c"], "env"),
    (&["kv", "get", "a"], "env"),
    (&["print", "token"], "json"),
    (&["path-help", "a"], "yaml"),
    (&["version"], "json"),
    (&["lease", "revoke", "a"], "env"),
    (&["secrets", "list"], "env"),
    (&["auth", "list"], "env"),
    (&["policy", "list"], "env"),
    (&["token", "lookup"], "env"),
    (&["audit", "list"], "env"),
    (&["operator", "seal"], "env"),
];

#[test]
fn a_form_that_a_command_does_not_have_is_refused_and_never_ignored() {
    let env = TestEnv::new();
    let help = env.ok(&["--help"]);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        assert!(FORMS.iter().any(|(arguments, _)| arguments[0] == command), "{command} is not in the table");
    }
    for (arguments, form) in FORMS {
        let output = env.run(&in_form(arguments, form));
        assert_eq!(output.code, 1, "{arguments:?}: {}", output.normal());
        let told = format!("this command has no output in the form {form}");
        assert!(output.stderr.contains(&told), "{arguments:?}: {}", output.normal());
    }
}

/// What further commands need to be taken for one.
const NEEDED: &[&[&str]] = &[
    &["kv", "put", "a", "b=c"],
    &["kv", "patch", "a", "b=c"],
    &["kv", "list", "a"],
    &["kv", "delete", "a"],
    &["kv", "undelete", "a", "--versions", "1"],
    &["kv", "destroy", "a", "--versions", "1"],
    &["kv", "rollback", "a", "--version", "1"],
    &["kv", "metadata", "get", "a"],
    &["kv", "metadata", "put", "a"],
    &["kv", "metadata", "patch", "a"],
    &["kv", "metadata", "delete", "a"],
    &["access", "who", "s3:GetObject"],
    &["access", "ttl", "a"],
    &["lease", "lookup", "a"],
    &["lease", "renew", "a"],
    &["secrets", "enable", "a"],
    &["secrets", "disable", "a"],
    &["secrets", "tune", "a"],
    &["auth", "enable", "a"],
    &["auth", "disable", "a"],
    &["auth", "tune", "a"],
    &["policy", "read", "a"],
    &["policy", "write", "a", "b"],
    &["policy", "delete", "a"],
    &["token", "revoke", "a"],
    &["token", "capabilities", "a"],
    &["secrets", "move", "a", "b"],
    &["auth", "move", "a", "b"],
    &["audit", "enable", "a"],
    &["audit", "disable", "a"],
    &["auth", "help", "userpass"],
    &["kv", "enable-versioning", "a"],
    &["operator", "raft", "snapshot", "save", "a"],
    &["operator", "raft", "snapshot", "restore", "/dev/null"],
];

/// The forms that the help of a command names, and whether it names a flag for them at all.
fn forms_in_help(env: &TestEnv, command: &[&str]) -> Option<Vec<String>> {
    let help = env.ok(&[command, &["--help"]].concat());
    let line = help.lines().find(|line| line.trim_start().starts_with("--format "))?;
    let forms = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(forms, _)| forms.to_owned());
    let forms: Vec<String> = forms.expect(line).split('|').map(str::to_owned).collect();
    let default: String = help.lines().skip_while(|other| *other != line).take(3).collect();
    assert!(default.contains(&format!("default: {}]", forms[0])), "{command:?}: {default}");
    Some(forms)
}

fn names(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

/// Every command that does something, as it is called.
fn leaves(env: &TestEnv, above: &[String], found: &mut Vec<Vec<String>>) {
    let arguments: Vec<&str> = above.iter().map(String::as_str).chain(["--help"]).collect();
    let help = env.ok(&arguments);
    let below: Vec<String> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()))
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect();
    for name in &below {
        leaves(env, &[above, std::slice::from_ref(name)].concat(), found);
    }
    if !help.lines().any(|line| line.starts_with("Usage:") && line.ends_with("<COMMAND>")) {
        found.push(above.to_vec());
    }
}

#[test]
fn the_help_of_each_command_names_the_forms_that_it_takes_and_no_others() {
    const OFTEN: &[&str] = &["table", "json", "yaml", "text"];
    const SELDOM: &[&str] = &["env", "process", "markdown", "sarif", "junit", "html", "dot", "mermaid", "svg"];
    let mut env = TestEnv::new();
    env.set("VAULT_ADDR", "http://127.0.0.1:1").set("VAULT_MAX_RETRIES", "0");
    let mut commands = Vec::new();
    leaves(&env, &[], &mut commands);
    assert!(commands.len() > FORMS.len(), "{commands:?}");
    let mut wrong = Vec::new();
    for (number, command) in commands.iter().enumerate() {
        let command = names(command);
        let named = forms_in_help(&env, &command).unwrap_or_default();
        // What a command needs besides to be taken for one.
        let needed = FORMS.iter().map(|(arguments, _)| *arguments).chain(NEEDED.iter().copied());
        let is_below = |arguments: &[&str]| {
            commands.iter().any(|other| other.len() > command.len() && arguments.starts_with(&names(other)))
        };
        let mut needed = needed.filter(|arguments| arguments.starts_with(&command) && !is_below(arguments));
        let arguments = needed.next().unwrap_or(&command);
        // Of those that few commands have, each that is named, and one that is not.
        let seldom = SELDOM.iter().filter(|form| named.iter().any(|name| name == *form));
        let tried: BTreeSet<&&str> = OFTEN.iter().chain(seldom).chain([&SELDOM[number % SELDOM.len()]]).collect();
        // Who names none would begin to work.
        for form in tried.into_iter().filter(|form| !named.is_empty() || **form != "table") {
            let output = env.run(&in_form(arguments, form));
            assert!(!output.stderr.contains("Usage:"), "{arguments:?}: {}", output.normal());
            let taken = !output.stderr.contains("this command has no output in the form");
            if taken != named.iter().any(|name| name == form) {
                wrong.push(format!("{}: {form} is {}", command.join(" "), if taken { "taken" } else { "named" }));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_command_without_fields_refuses_to_print_one() {
    let env = TestEnv::new();
    let alone = [
        "validate", "explain", "fmt", "render", "schema", "plan", "drift", "review", "apply", "test", "graph", "trail",
        "server", "sandbox", "unlock", "man", "history", "watch",
    ]
    .map(|one| vec![one]);
    for command in alone.into_iter().chain([
        vec!["ledger", "list"],
        vec!["forget", "a"],
        vec!["access", "what", "a"],
        vec!["trail", "follow"],
        vec!["trail", "verify"],
        vec!["completions", "bash"],
        vec!["watch", "status"],
    ]) {
        let output = env.run(&[&command, &["--field", "x"][..]].concat());
        assert_eq!(output.code, 1, "{command:?}: {}", output.normal());
        assert!(output.stderr.contains("this command has no fields"), "{}", output.stderr);
    }
}

#[test]
fn a_request_is_printed_for_curl_or_as_a_policy_and_not_sent() {
    let (env, server) = with_server(ROLE);
    let line = env.ok(&["read", "-output-curl-string", "aws/roles/r"]);
    let told = format!(
        "curl -H \"X-Vault-Request: true\" -H \"X-Vault-Token: $(leasehold print token)\" '{}/v1/aws/roles/r'\n",
        server.address
    );
    assert_eq!(line, told);
    let line = env.ok(&["-output-curl-string", "write", "-wrap-ttl=5m", "-namespace=team", "aws/roles/r", "a=it's"]);
    for part in [" -X PUT ", " -H 'X-Vault-Namespace: team' -H 'X-Vault-Wrap-TTL: 5m' ", " -d '{\"a\":\"it'\\''s\"}' "]
    {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(server.asked().is_empty(), "{:?}", server.asked().len());
    for (arguments, capabilities) in [
        (&["read", "aws/roles/r"][..], "[\"read\"]"),
        (&["list", "aws/roles"], "[\"list\"]"),
        (&["write", "aws/roles/r", "a=b"], "[\"create\", \"update\"]"),
        (&["patch", "aws/roles/r", "a=b"], "[\"patch\"]"),
        (&["delete", "aws/roles/r"], "[\"delete\"]"),
        (&["lease", "lookup", "aws/creds/r/1"], "[\"create\", \"update\"]"),
    ] {
        let rules = env.ok(&[arguments, &["-output-policy"]].concat());
        assert!(rules.starts_with("path \"") && rules.contains(capabilities), "{arguments:?}: {rules}");
    }
    assert!(server.asked().iter().all(|asked| asked.line.contains("help=1")));
    let both = env.run(&["read", "-output-policy", "-output-curl-string", "aws/roles/r"]);
    assert!(both.code == 1 && both.stderr.contains("say one"), "{}", both.normal());
    for command in [&["plan"][..], &["login"], &["status"], &["print", "token"], &["schema"]] {
        let output = env.run(&[command, &["-output-curl-string"]].concat());
        assert!(output.code == 1 && output.stderr.contains("no single request"), "{command:?}: {}", output.normal());
    }
}
