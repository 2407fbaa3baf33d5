//! How apps get credentials without thinking: without an estate, from what is kept on their host, and for one command.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::between::{Between, Fault};
use crate::env::TestEnv;

/// An access key of the form for `credential_process`.
fn key(env: &TestEnv, more: &[&str]) -> String {
    let answer = env.ok(&[&["creds", "webapp", "--format", "process"], more].concat());
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["AccessKeyId"].as_str().unwrap().to_owned()
}

/// The files that are kept, by their ending.
fn kept(env: &TestEnv, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(env.dir().join(".cache/leasehold/creds")) else { return Vec::new() };
    let files = entries.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|found| found == ending)).collect()
}

/// How many users of the sandbox there are with the app's credential.
fn users(env: &TestEnv) -> usize {
    let leases = env.run(&["list", "-format=json", "sys/leases/lookup/aws/creds/webapp"]);
    serde_json::from_str::<Vec<String>>(&leases.stdout).map_or(0, |leases| leases.len())
}

#[test]
fn an_sdk_that_asks_again_gets_what_still_lives() {
    let env = TestEnv::with_tutorial();
    let first = key(&env, &[]);
    assert_eq!(key(&env, &[]), first);
    assert_eq!(users(&env), 1);
    assert_ne!(key(&env, &["--no-cache"]), first);
    assert_eq!(key(&env, &[]), first, "what is fresh on request is not kept");
    // The other forms are for people and scripts, who want what they ask for.
    let json = env.ok(&["creds", "webapp", "--format", "json"]);
    assert!(!json.contains(&first), "{json}");

    let [file] = &kept(&env, "json")[..] else { panic!("one credential is kept") };
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let directory = std::fs::metadata(file.parent().unwrap()).unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
    assert!(!file.display().to_string().contains("webapp"));

    // Less than half of its life is left: as if it had been issued long ago.
    let text = std::fs::read_to_string(file).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["issued"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(file, value.to_string()).unwrap();
    let second = key(&env, &[]);
    assert_ne!(second, first);
    // A clock that was set back, another version, and a file that was cut off: none of them is given.
    for (change, to) in [("issued", "2999-01-01T00:00:00Z".into()), ("version", 2.into()), ("credential", Value::Null)]
    {
        let mut value: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let before = value["credential"]["access_key"].as_str().unwrap().to_owned();
        value[change] = to;
        std::fs::write(file, value.to_string()).unwrap();
        assert_ne!(key(&env, &[]), before, "{change}");
    }
    std::fs::write(file, &text[..text.len() / 2]).unwrap();
    let third = key(&env, &[]);

    // Revoked on this host, it is not given again.
    let lease = serde_json::from_str::<Value>(&std::fs::read_to_string(file).unwrap()).unwrap();
    let lease = lease["credential"]["lease_id"].as_str().unwrap().to_owned();
    env.ok(&["lease", "revoke", &lease]);
    assert!(kept(&env, "json").is_empty());
    let fourth = key(&env, &[]);
    assert_ne!(fourth, third);
    env.ok(&["lease", "revoke", "-prefix", "aws/creds/webapp"]);
    assert!(kept(&env, "json").is_empty());
}

#[test]
fn what_others_could_read_is_not_used_and_a_fresh_credential_is_as_good() {
    let env = TestEnv::with_tutorial();
    let first = key(&env, &[]);
    let file = kept(&env, "json").remove(0);
    let mode = |path: &std::path::Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    mode(&file, 0o644);
    let output = env.run(&["creds", "webapp", "--format", "process"]);
    assert!(output.code == 0 && !output.stdout.contains(&first), "{}", output.normal());
    assert!(output.stderr.contains("may be read or changed by others"), "{}", output.stderr);
    let told = "the credential that was kept is not used, a fresh one is";
    assert!(output.stderr.contains(told) && !output.stderr.contains("no credential is kept"), "{}", output.stderr);
    let second = key(&env, &[]);
    assert!(output.stdout.contains(&second), "the fresh one took its place");
    let elsewhere = env.dir().join("elsewhere.json");
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let output = env.run(&["creds", "webapp", "--format", "process"]);
    assert!(output.stderr.contains(told) && !output.stdout.contains(&second), "{}", output.normal());
    assert!(output.stdout.contains(&key(&env, &[])), "it was replaced, and not what it led to");
    mode(file.parent().unwrap(), 0o755);
    let output = env.run(&["creds", "webapp", "--format", "process"]);
    assert_eq!(output.code, 0, "{}", output.normal());
    assert!(output.stderr.contains("no credential is kept on this host"), "{}", output.stderr);
}

#[test]
fn another_engine_in_the_same_directory_does_not_give_what_the_first_one_gave() {
    let env = TestEnv::with_tutorial();
    let first = key(&env, &[]);
    std::fs::remove_dir_all(env.dir().join("estate/.leasehold")).unwrap();
    env.ok(&["apply", "--auto-approve"]);
    let second = key(&env, &[]);
    assert_ne!(second, first);
    assert_eq!((key(&env, &[]), users(&env)), (second, 1));
    // Not opened yet, it is not known which engine it will be.
    std::fs::remove_file(env.dir().join("estate/.leasehold/local/engine-id")).unwrap();
    let third = key(&env, &[]);
    assert_eq!((key(&env, &[]), users(&env)), (third, 2));
}

#[test]
fn who_is_stuck_at_a_credential_is_waited_for_in_words() {
    let env = TestEnv::with_tutorial();
    let first = key(&env, &[]);
    let lock = std::fs::File::options().write(true).open(kept(&env, "lock").remove(0)).unwrap();
    lock.lock().unwrap();
    let command =
        env.command(&["creds", "webapp", "--format", "process"]).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = command.unwrap();
    let mut line = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut line).unwrap();
    assert!(line.starts_with("waiting for another command"), "{line}");
    drop(lock);
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains(&first));
}

#[test]
fn commands_at_once_make_one_credential() {
    let env = TestEnv::with_tutorial();
    let keys: std::collections::HashSet<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| key(&env, &[]))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert_eq!((keys.len(), users(&env)), (1, 1));
}

#[test]
fn a_host_without_the_estate_says_how_to_log_in() {
    let env = TestEnv::with_tutorial();
    let data = env.dir().join("estate/.leasehold/local").display().to_string();
    let server = env.server(&["-listen=127.0.0.1:0", "-aws=sandbox", "-data-dir", &data]);
    let role_id = env.ok(&["read", "-field=role_id", "auth/approle/role/app-webapp/role-id"]);
    let secret_id = env.ok(&["write", "-f", "-field=secret_id", "auth/approle/role/app-webapp/secret-id"]);
    let mut host = TestEnv::new();
    host.set("LEASEHOLD_ROLE_ID", role_id).set("LEASEHOLD_SECRET_ID", secret_id);

    let address = server.address.as_str();
    let of = |host: &TestEnv, arguments: &[&str]| host.run(&[&["creds"], arguments].concat());
    let by_flags = of(&host, &["webapp", "--login", "approle", "--address", address, "-field=access_key"]);
    assert!(by_flags.code == 0 && by_flags.stdout.starts_with("AKIA"), "{}", by_flags.normal());
    let file = format!("address: {address}\napp: webapp\nrole: aws/webapp\nlogin: approle\n");
    host.write("app.yaml", &file);
    let by_file = of(&host, &["--app-file", "app.yaml", "-field=lease_id"]);
    assert!(by_file.code == 0 && by_file.stdout.starts_with("aws/creds/webapp/"), "{}", by_file.normal());
    let first = of(&host, &["--app-file", "app.yaml", "--format", "process"]).stdout;
    assert_eq!(of(&host, &["--app-file", "app.yaml", "--format", "process"]).stdout, first, "it is kept");

    host.write("typo.yaml", &file.replace("login:", "method:"));
    host.write("bare.yaml", &format!("address: {address}\nlogin: approle\n"));
    for (arguments, told) in [
        (&["--app-file", "typo.yaml"][..], "unknown field `method`"),
        (&["--app-file", "none.yaml"], "none.yaml can't be used as an app's file"),
        (&["--app-file", "bare.yaml"], "which role is meant"),
        (&["--app-file", "app.yaml", "--login", "carrier-pigeon"], "one of: approle"),
        (&["--app-file", "app.yaml", "--role", "webapp"], "--role MOUNT/ROLE"),
        (&["webapp", "--login-role", "x"], "--login approle"),
        (&[], "no app is named"),
        (&["webapp"], "say how to log in: --login METHOD"),
    ] {
        let output = of(&host, arguments);
        assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{arguments:?}: {}", output.normal());
        assert!(output.stderr.contains(told), "{arguments:?}: {}", output.stderr);
    }
    let absent = of(&host, &["--app-file", "app.yaml", "--role", "aws/none"]);
    assert!(absent.code == 2 && absent.stderr.contains("aws/creds/none"), "{}", absent.normal());
    host.set("LEASEHOLD_APP_FILE", host.dir().join("app.yaml").display().to_string());
    let by_variable = host.run(&["exec", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID"]);
    assert!(by_variable.code == 0 && by_variable.stdout.starts_with("AKIA"), "{}", by_variable.normal());
    server.stop();
}

#[test]
fn a_busy_server_is_waited_for_and_a_lost_credential_is_not_asked_for_again() {
    let env = TestEnv::with_tutorial();
    let data = env.dir().join("estate/.leasehold/local").display().to_string();
    let server = env.server(&["-listen=127.0.0.1:0", "-aws=sandbox", "-data-dir", &data]);
    let between = Between::start(server.address.trim_start_matches("http://"));
    let role_id = env.ok(&["read", "-field=role_id", "auth/approle/role/app-webapp/role-id"]);
    let secret_id = env.ok(&["write", "-f", "-field=secret_id", "auth/approle/role/app-webapp/secret-id"]);
    let mut host = TestEnv::new();
    host.set("LEASEHOLD_ROLE_ID", role_id).set("LEASEHOLD_SECRET_ID", secret_id);
    let creds = || host.run(&["creds", "webapp", "--login", "approle", "--address", &between.address]);
    let asked = || between.asked().iter().filter(|asked| asked.line == "GET /v1/aws/creds/webapp").count();
    for (number, fault) in [(1, Fault::RefusedFor(429, 0)), (2, Fault::Refused(503))] {
        between.fault("PUT /v1/auth/approle/login", 4, fault);
        between.fault("GET /v1/aws/creds/webapp", 4, fault);
        assert_eq!(creds().code, 0, "{fault:?}");
        assert_eq!(asked(), 5 * number, "{fault:?}");
    }
    between.fault("GET /v1/aws/creds/webapp", 1, Fault::Unanswered);
    let lost = creds();
    assert!(lost.code == 2 && lost.stderr.contains("is not known"), "{}", lost.normal());
    assert_eq!(asked(), 11, "it may have been made");
    server.stop();
}

#[test]
fn a_command_by_a_batch_token_is_told_that_its_credential_works_on() {
    let env = TestEnv::with_tutorial();
    let file = env.dir().join("estate/apps/webapp.hcl");
    let text = std::fs::read_to_string(&file).unwrap();
    let batch = text.replace("    token_max_ttl      = \"2h\"\n", "    token_type         = \"batch\"\n");
    assert_ne!(batch, text);
    std::fs::write(&file, batch).unwrap();
    env.ok(&["apply", "--auto-approve"]);
    let output = env.run(&["exec", "webapp", "--", "sh", "-c", "echo $AWS_ACCESS_KEY_ID"]);
    assert!(output.code == 0 && output.stdout.starts_with("AKIA"), "{}", output.normal());
    assert!(output.stderr.contains("works on until its lease ends"), "{}", output.normal());
    assert_eq!(users(&env), 1, "nobody could end it");
}

#[test]
fn a_command_has_a_credential_while_it_runs() {
    let mut env = TestEnv::with_tutorial();
    env.set("AWS_SESSION_TOKEN", "another").set("AWS_PROFILE", "another").set("LEASEHOLD_TOKEN", "");
    let asked =
        r#"echo "$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY ${AWS_SESSION_TOKEN-none} ${AWS_PROFILE-none}"; exit 7"#;
    let output = env.run(&["exec", "webapp", "--", "sh", "-c", asked]);
    let words: Vec<&str> = output.stdout.split_whitespace().collect();
    assert_eq!((output.code, &words[2..]), (7, &["none", "none"][..]), "{}", output.normal());
    assert!(words[0].starts_with("AKIA") && words[1].len() == 40, "{}", output.normal());
    assert_eq!(output.stderr, "");
    assert_eq!(users(&env), 0, "it ended with the command");
    assert!(kept(&env, "json").is_empty(), "its own is nobody else's");

    // While it runs nothing is held: the engine is free, and knows the credential.
    let program = env!("CARGO_BIN_EXE_leasehold");
    let listed =
        env.run(&["exec", "webapp", "--", program, "list", "-format=json", "sys/leases/lookup/aws/creds/webapp"]);
    assert_eq!(serde_json::from_str::<Vec<String>>(&listed.stdout).unwrap().len(), 1, "{}", listed.normal());
    assert_eq!(users(&env), 0);

    for (command, code) in [(&["nowhere/none"][..], 127), (&["/"], 126), (&["sh", "-c", "kill -TERM $$"], 143)] {
        let output = env.run(&[&["exec", "webapp", "--"], command].concat());
        assert_eq!(output.code, code, "{}", output.normal());
        assert_eq!(users(&env), 0, "{command:?}");
    }
    assert_eq!(env.run(&["exec", "webapp"]).code, 1, "no command");
    assert_eq!(env.run(&["exec", "nobody", "--", "true"]).code, 1, "no such app");
}

#[test]
fn a_command_does_not_inherit_the_secrets_of_leasehold() {
    let mut env = TestEnv::with_tutorial();
    env.set("LEASEHOLD_PASSWORD", "p").set("LEASEHOLD_JWT", "j");
    env.set("BAO_TOKEN", "b").set("VAULT_TOKEN", "v").set("LEASEHOLD_TOKEN", "").set("LEASEHOLD_ROLE_ID", "");
    env.set("LEASEHOLD_SECRET_ID", "");
    let names =
        ["LEASEHOLD_TOKEN", "BAO_TOKEN", "VAULT_TOKEN", "LEASEHOLD_SECRET_ID", "LEASEHOLD_PASSWORD", "LEASEHOLD_JWT"];
    let seen: String = names.iter().map(|name| format!("${{{name}-out}} ")).collect();
    let asked = |more: &[&str]| {
        let echo = format!("echo {seen}");
        let output = env.run(&[&["exec", "webapp"], more, &["--", "sh", "-c", &echo]].concat());
        assert_eq!(output.code, 0, "{}", output.normal());
        output.stdout.trim_end().to_owned()
    };
    assert_eq!(asked(&[]), "out out out out out out");
    assert_eq!(asked(&["--pass", "VAULT_TOKEN", "--pass", "LEASEHOLD_JWT"]), "out out v out out j");
    let other = env.run(&["exec", "webapp", "--pass", "PATH", "--", "true"]);
    assert!(other.code == 1 && other.stderr.contains("possible values"), "{}", other.normal());
}

#[test]
fn signals_reach_the_command_and_its_end_is_the_credentials() {
    let env = TestEnv::with_tutorial();
    let script = r#"trap 'echo told; exit 3' TERM; trap 'echo resized' WINCH; echo ready; while :; do read -r _ < wake || :; done"#;
    let wake = env.dir().join("wake");
    rustix::fs::mkfifoat(rustix::fs::CWD, &wake, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let mut command = env.command(&["exec", "webapp", "--", "sh", "-c", script]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::WINCH).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "resized");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "told");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert_eq!(users(&env), 0);
}

#[test]
fn a_short_lease_is_renewed_while_the_command_runs() {
    let env = TestEnv::with_tutorial();
    env.ok(&["write", "aws/config/lease", "lease=3s", "lease_max=1h"]);
    let data = env.dir().join("estate/.leasehold/local").display().to_string();
    let server = env.server(&["-listen=127.0.0.1:0", "-aws=sandbox", "-data-dir", &data]);
    let mut command = env.command(&["exec", "webapp", "--", "sh", "-c", "echo ready; read -r _"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let lease = env.ok(&["list", "-format=json", "sys/leases/lookup/aws/creds/webapp"]);
    let lease = format!("aws/creds/webapp/{}", serde_json::from_str::<Vec<String>>(&lease).unwrap()[0]);
    let renewed = || {
        let found = env.run(&["lease", "lookup", "-format=json", &lease]);
        let found: Value = serde_json::from_str(&found.stdout).unwrap_or_default();
        found["data"]["last_renewal"].as_str().map(str::to_owned)
    };
    // Two renewals outlive what a lease of three seconds would have been.
    let end = Instant::now() + Duration::from_secs(60);
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 3 {
        assert!(Instant::now() < end, "{seen:?}");
        seen.extend(renewed());
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!(env.run(&["lease", "lookup", &lease]).code, 2, "it is gone");
    server.stop();
}
