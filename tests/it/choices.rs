//! What whoever asks for a credential says of it: the IAM role of a session, for how long it lives, what it is called.

use serde_json::Value;

use crate::env::{Output, TestEnv};

const DEPLOY: &str = "arn:aws:iam::123456789012:role/deploy";
const OTHER: &str = "arn:aws:iam::123456789012:role/other";

/// The example of sessions, applied, with a second role of the account that its own role may open sessions of.
fn world() -> TestEnv {
    let mut env = TestEnv::new();
    let estate = env.copy_tree("examples/assumed-role", "estate");
    let file = estate.join("estate.hcl");
    let text = std::fs::read_to_string(&file).unwrap();
    let from = text.find("iam_role \"deploy\"").unwrap();
    let to = from + text[from..].find("\n}\n").unwrap() + "\n}\n".len();
    let other = text[from..to].replace("role/deploy", "role/other").replace("\"deploy\"", "\"other\"");
    let arn = "\"arn:aws:iam::${var.account}:role/deploy\"";
    let both = text.replace(&format!("[{arn}]"), &format!("[{arn}, {}]", arn.replace("deploy", "other")));
    let longest = both.replace("default_sts_ttl = \"1h\"\n", "default_sts_ttl = \"1h\"\n    max_sts_ttl = \"1h\"\n");
    assert!(both != text && longest != both);
    std::fs::write(&file, longest + &other).unwrap();
    let account = estate.join(".leasehold/local/sandbox").display().to_string();
    let trust = std::fs::read_to_string(estate.join("iam/deploy-trust.json")).unwrap();
    let trust = format!("AssumeRolePolicyDocument={trust}");
    for name in ["deploy", "other"] {
        let name = format!("RoleName={name}");
        env.ok(&["sandbox", "call", "--data-dir", &account, "CreateRole", &name, &trust]);
    }
    env.set("LEASEHOLD_DIR", estate.display().to_string());
    env.ok(&["apply", "--auto-approve"]);
    env
}

/// The sessions that were opened, the last one last.
fn sessions(env: &TestEnv) -> Vec<String> {
    let lines = env.ok(&["trail", "--json", "--app", "site"]);
    let lines = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut seen: Vec<String> = lines.filter_map(|line| Some(line["session"].as_str()?.to_owned())).collect();
    seen.dedup();
    seen
}

#[track_caller]
fn refused(output: &Output, code: i32, told: &[&str]) {
    assert_eq!((output.code, output.stdout.as_str()), (code, ""), "{}", output.normal());
    for part in told {
        assert!(output.stderr.contains(part), "{part}: {}", output.normal());
    }
    assert!(!output.stderr.contains("drift"), "{}", output.normal());
}

#[test]
fn one_of_several_roles_is_named_and_the_session_is_of_it() {
    let env = world();
    refused(&env.run(&["creds", "site"]), 1, &["one of several IAM roles", "--role-arn", DEPLOY, OTHER]);
    let typo = env.run(&["creds", "site", "--role-arn", &OTHER.replace("other", "othr")]);
    refused(&typo, 1, &["opens no sessions of", &format!("did you mean `{OTHER}`?"), "estate.hcl:"]);
    assert_eq!(sessions(&env), Vec::<String>::new(), "nothing was asked for");

    let arguments = ["--role-arn", OTHER, "--ttl", "20m", "--session-name", "release-7"];
    let made = env.ok(&[&["creds", "site", "-format=json"][..], &arguments].concat());
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["lease_duration"], 1200, "{made}");
    assert_eq!(sessions(&env), ["arn:aws:sts::123456789012:assumed-role/other/release-7"]);
    let made = env.ok(&["creds", "site", "-format=json", "-role-arn", DEPLOY, "-ttl=12h"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!(made["lease_duration"], 3600, "the role's longest: {made}");
    assert!(sessions(&env)[1].starts_with("arn:aws:sts::123456789012:assumed-role/deploy/"), "{:?}", sessions(&env));

    let shown = ["--", "sh", "-c", "test -n \"$AWS_SESSION_TOKEN\" && echo $AWS_ACCESS_KEY_ID"];
    let run = env.run(&[&["exec", "site"][..], &arguments, &shown].concat());
    assert!(run.code == 0 && run.stdout.starts_with("ASIA"), "{}", run.normal());
    refused(&env.run(&["exec", "site", "--", "true"]), 1, &[DEPLOY, OTHER]);
    let wrapped = env.ok(&["creds", "site", "--role-arn", DEPLOY, "-wrap-ttl=10m", "-field=wrapping_token"]);
    assert!(env.run_with_input(&["unwrap", "-format=json", "-"], &wrapped).stdout.contains("security_token"));

    for (ttl, why) in [("soon", "invalid duration"), ("0", "no session lives so long"), ("-1h", "no session")] {
        refused(&env.run(&["creds", "site", "--role-arn", DEPLOY, &format!("--ttl={ttl}")]), 1, &[why, "15m"]);
    }
    let short = env.run(&["creds", "site", "--role-arn", DEPLOY, "--ttl", "60s"]);
    refused(&short, 2, &["AWS may not take what was asked for: --role-arn, --ttl", "is declared at estate.hcl:"]);
}

#[test]
fn what_is_kept_for_an_sdk_is_kept_for_each_choice() {
    let env = world();
    let key = |more: &[&str]| {
        let answer = env.ok(&[&["creds", "site", "--format", "process"], more].concat());
        serde_json::from_str::<Value>(&answer).unwrap()["AccessKeyId"].as_str().unwrap().to_owned()
    };
    let choices: &[&[&str]] = &[
        &["--role-arn", DEPLOY],
        &["--role-arn", OTHER],
        &["--role-arn", DEPLOY, "--ttl", "30m"],
        &["--role-arn", DEPLOY, "--session-name", "aa"],
        &["--role-arn", DEPLOY, "--session-name", "bb"],
    ];
    let first: Vec<String> = choices.iter().map(|choice| key(choice)).collect();
    let distinct: std::collections::HashSet<_> = first.iter().collect();
    assert_eq!(distinct.len(), choices.len(), "{first:?}");
    let again: Vec<String> = choices.iter().map(|choice| key(choice)).collect();
    assert_eq!(again, first);
    assert_eq!(key(&["--role-arn", DEPLOY, "--ttl", "1800s"]), first[2], "the same, however it is written");
}

#[test]
fn what_leaves_no_choice_is_told_and_nothing_is_issued() {
    let env = TestEnv::with_tutorial();
    let leases = |env: &TestEnv| env.run(&["list", "sys/leases/lookup/aws/creds/webapp"]).code;
    for (flag, value) in [("--ttl", "15m"), ("--role-arn", DEPLOY), ("--session-name", "x")] {
        let output = env.run(&["creds", "webapp", flag, value]);
        refused(
            &output,
            1,
            &[flag, "is for a role that opens sessions, and aws/webapp is another", "apps/webapp.hcl:"],
        );
    }
    assert_eq!(leases(&env), 2, "there are none");

    // Where no estate tells of the role, what came is given back.
    let data = env.dir().join("estate/.leasehold/local").display().to_string();
    let server = env.server(&["-listen=127.0.0.1:0", "-aws=sandbox", "-data-dir", &data]);
    let mut host = TestEnv::new();
    host.set("LEASEHOLD_ROLE_ID", env.ok(&["read", "-field=role_id", "auth/approle/role/app-webapp/role-id"]));
    let secret_id = env.ok(&["write", "-f", "-field=secret_id", "auth/approle/role/app-webapp/secret-id"]);
    host.set("LEASEHOLD_SECRET_ID", secret_id).set("LEASEHOLD_ADDR", &server.address);
    let output = host.run(&["creds", "webapp", "--login", "approle", "--ttl", "15m"]);
    refused(&output, 1, &["--ttl", "aws/webapp is another", "leave it out"]);
    // Its token is gone at once; what was issued to it ends one after the other.
    let is_gone = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        leases(&env) == 2
    });
    assert!(is_gone, "it has ended");
    server.stop();
}

#[test]
fn a_host_without_the_estate_says_it_by_flags_variables_or_a_file() {
    let mut env = world();
    let data = env.dir().join("estate/.leasehold/local").display().to_string();
    let server = env.server(&["-listen=127.0.0.1:0", "-aws=sandbox", "-data-dir", &data]);
    let mut host = TestEnv::new();
    host.set("LEASEHOLD_ROLE_ID", env.ok(&["read", "-field=role_id", "auth/approle/role/app-site/role-id"]));
    let secret_id = env.ok(&["write", "-f", "-field=secret_id", "auth/approle/role/app-site/secret-id"]);
    host.set("LEASEHOLD_SECRET_ID", secret_id).set("LEASEHOLD_ADDR", &server.address);

    let file = "app: site\nrole: aws/site\nlogin: approle\n";
    host.write("app.yaml", &format!("{file}role_arn: {OTHER}\nttl: 1200\nrole_session_name: by-file\n"));
    let lease = |host: &TestEnv, more: &[&str]| {
        let made = host.ok(&[&["creds", "--format=json"], more].concat());
        serde_json::from_str::<Value>(&made).unwrap()["lease_duration"].as_i64().unwrap()
    };
    assert_eq!(lease(&host, &["--app-file", "app.yaml"]), 1200);
    host.set("LEASEHOLD_SESSION_NAME", "by-variable").set("LEASEHOLD_TTL", "25m");
    assert_eq!(lease(&host, &["--app-file", "app.yaml"]), 1500);
    assert_eq!(lease(&host, &["--app-file", "app.yaml", "--ttl", "15m", "--role-arn", DEPLOY]), 900);
    host.set("LEASEHOLD_SESSION_NAME", "").set("LEASEHOLD_TTL", "");
    let by = |name: &str| format!("arn:aws:sts::123456789012:assumed-role/{name}");
    assert_eq!(sessions(&env), [by("other/by-file"), by("other/by-variable"), by("deploy/by-variable")]);

    // An agent's file says it of each app.
    let apps: String = [("one", DEPLOY), ("two", OTHER)]
        .iter()
        .map(|(name, arn)| {
            format!(
                "  {name}:\n    app: site\n    login: approle\n    role_arn: {arn}\n    ttl: 16m\n    \
                 role_session_name: agent-{name}\n    files: [{{ path: {name}.env, form: env }}]\n"
            )
        })
        .collect();
    host.write("agent.yaml", &format!("apps:\n{apps}"));
    host.ok(&["agent", "--config", "agent.yaml", "--once"]);
    let seen = sessions(&env);
    assert!(seen.contains(&by("deploy/agent-one")) && seen.contains(&by("other/agent-two")), "{seen:?}");
    let wrong = format!("apps:\n{}", apps.replace("16m", "[16m]"));
    host.write("wrong.yaml", &wrong);
    refused(&host.run(&["agent", "--config", "wrong.yaml", "--once"]), 1, &["seconds, or a duration such as 15m"]);

    // Of several, somebody has to name one; which there are, whoever may read the role is told.
    let none = &["creds", "site", "--login", "approle"];
    refused(&host.run(none), 2, &["did not supply a role_arn", "name one of its role_arns with --role-arn"]);
    let wrong = host.run(&[&none[..], &["--role-arn", "arn:aws:iam::123456789012:role/none"]].concat());
    refused(&wrong, 2, &["not in allowed role arns", "name one of its role_arns with --role-arn"]);
    let root = std::fs::read_to_string(env.dir().join("estate/.leasehold/local/root-token")).unwrap();
    host.set("LEASEHOLD_TOKEN", root.trim());
    refused(&host.run(none), 2, &["name one with --role-arn", DEPLOY, OTHER]);

    // An estate says it, too: an app of an agent that has no login of its own, by the same words.
    env.write("estate.yaml", &format!("apps:\n{}", apps.replace("    login: approle\n", "")));
    env.ok(&["agent", "--config", "estate.yaml", "--once"]);
    assert!(std::fs::read_to_string(env.dir().join("two.env")).unwrap().contains("AWS_SESSION_TOKEN"));
    env.set("LEASEHOLD_TTL", "1s");
    env.ok(&["creds", "site", "--role-arn", DEPLOY]);
    server.stop();
}
