//! `on_change = "revoke"` of a role: what was issued before a change does not outlive it.

use serde_json::Value;

use crate::env::{TestEnv, commit_all};
use crate::remote::{Remote, shipped};

const ROLE: &str = "apps/webapp.hcl";

/// The tutorial's role says what becomes of its leases.
fn says(env: &TestEnv, word: &str) {
    let path = env.dir().join("estate").join(ROLE);
    let text = std::fs::read_to_string(&path).unwrap();
    let text: String =
        text.lines().filter(|line| !line.contains("on_change")).map(|line| format!("{line}\n")).collect();
    let said = format!("credential_type = \"iam_user\"\n    on_change = \"{word}\"\n");
    std::fs::write(path, text.replace("credential_type = \"iam_user\"\n", &said)).unwrap();
}

/// Its document names another bucket.
fn allows(env: &TestEnv, bucket: &str) {
    let path = env.dir().join("estate/iam/webapp.json");
    let mut document: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    document["Statement"][0]["Resource"] = format!("arn:aws:s3:::{bucket}/*").into();
    std::fs::write(path, document.to_string()).unwrap();
}

/// The tutorial's role has another name.
fn is_called(env: &TestEnv, name: &str) {
    let path = env.dir().join("estate").join(ROLE);
    let text = std::fs::read_to_string(&path).unwrap();
    let new = format!("  role \"{name}\" {{\n    renamed_from = \"webapp\"\n");
    std::fs::write(path, text.replace("  role \"webapp\" {\n", &new)).unwrap();
}

/// The tutorial's role is declared no more.
fn is_gone(env: &TestEnv) {
    let path = env.dir().join("estate").join(ROLE);
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("  role \"webapp\" {\n").unwrap();
    let (_, after) = rest.split_once("\n  }\n").unwrap();
    std::fs::write(path, format!("{before}  grants = []\n{after}")).unwrap();
    std::fs::remove_file(env.dir().join("estate/tests.hcl")).unwrap();
}

/// Of a plan in JSON what becomes of the leases of a path.
fn fate(env: &TestEnv, path: &str) -> Value {
    let json: Value = serde_json::from_str(&env.run(&["plan", "--json"]).stdout).unwrap();
    let changes = json["changes"].as_array().unwrap().iter();
    changes.clone().find(|change| change["path"] == path).unwrap_or_else(|| panic!("{json}"))["leases"]["fate"].clone()
}

fn leases(env: &TestEnv) -> usize {
    let listed = env.run(&["list", "-format=json", "sys/leases/lookup/aws/creds/webapp"]);
    serde_json::from_str::<Vec<String>>(&listed.stdout).map_or(0, |names| names.len())
}

/// Waits until no lease is out: they are revoked one after the other.
#[track_caller]
fn ended(env: &TestEnv) {
    for _ in 0..600 {
        if leases(env) == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{} leases are out still", leases(env));
}

#[test]
fn what_is_out_is_revoked_once_its_role_is_changed() {
    let env = TestEnv::with_tutorial();
    says(&env, "revoke");
    assert_eq!(env.run(&["plan"]).code, 0, "how it is to be changed is no change");
    for _ in 0..2 {
        env.ok(&["creds", "webapp"]);
    }
    assert_eq!(leases(&env), 2);
    allows(&env, "example-webapp-new");
    let plan = env.run(&["plan"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    assert!(
        plan.stdout.contains("the leases that are out are revoked once it is changed (on_change)"),
        "{}",
        plan.normal()
    );
    assert!(plan.stdout.contains("2 leases are revoked by this"), "{}", plan.normal());
    let json: Value = serde_json::from_str(&env.run(&["plan", "--json"]).stdout).unwrap();
    let change = &json["changes"][0];
    assert_eq!((&change["path"], &change["revokes_leases"]), (&"aws/roles/webapp".into(), &true.into()), "{json}");
    assert_eq!((&change["leases"]["fate"], &json["impact"]["leases"]["revoked"]), (&"revoked".into(), &2.into()));
    env.ok(&["apply", "--auto-approve"]);
    ended(&env);
    assert_eq!(env.run(&["plan"]).code, 0);
    // What is issued from now on stays, until the next change.
    env.ok(&["creds", "webapp"]);
    assert_eq!(env.run(&["plan"]).code, 0);
    assert_eq!(leases(&env), 1);

    // Kept, they live on: nothing is revoked, and the plan's digest is another.
    let digest = |env: &TestEnv| {
        let json: Value = serde_json::from_str(&env.run(&["plan", "--json"]).stdout).unwrap();
        (json["digest"].clone(), json["changes"][0]["leases"]["fate"].clone())
    };
    allows(&env, "example-webapp-newer");
    let revokes = digest(&env);
    says(&env, "keep");
    let keeps = digest(&env);
    assert_eq!((revokes.1, keeps.1), ("revoked".into(), "keep_older".into()));
    assert_ne!(revokes.0, keeps.0);
    env.ok(&["apply", "--auto-approve"]);
    assert_eq!(leases(&env), 1);
}

#[test]
fn leases_that_could_not_be_revoked_are_owed_until_they_are() {
    for mut remote in Remote::each() {
        let all = remote.server.token.to_string();
        remote.env.ok(&["-C", "estate", "apply", "--auto-approve"]);
        says(&remote.env, "revoke");
        allows(&remote.env, "example-webapp-new");
        let rules = shipped("apply");
        remote.speak_as("poor", &without_revoking());
        let applied = remote.env.run(&["-C", "estate", "apply", "--auto-approve"]);
        assert_eq!(applied.code, 1, "{}", applied.normal());
        let what = "it is changed, and its leases from before are not revoked";
        assert!(applied.stderr.contains(what) && applied.stderr.contains("sudo"), "{}", applied.normal());
        assert!(remote.held("aws/roles/webapp")["policy_document"].to_string().contains("example-webapp-new"));
        // The next plan says what is owed, and what is owed is no longer once the author says so.
        let plan = remote.env.run(&["-C", "estate", "plan"]);
        assert_eq!(plan.code, 2, "{}", plan.normal());
        assert!(plan.stdout.contains("aws/roles/webapp") && plan.stdout.contains("(on_change)"), "{}", plan.normal());
        says(&remote.env, "keep");
        let kept = remote.env.run(&["-C", "estate", "plan"]);
        assert!(!kept.stdout.contains("(on_change)"), "{}", kept.normal());
        says(&remote.env, "revoke");
        remote.speak_as("apply", &rules);
        let applied = remote.env.run(&["-C", "estate", "apply", "--auto-approve"]);
        assert_eq!(applied.code, 0, "{}", applied.normal());
        assert_eq!(remote.env.run(&["-C", "estate", "plan"]).code, 0);
        remote.env.set("LEASEHOLD_TOKEN", all);
    }
}

#[test]
fn only_what_has_leases_takes_the_word_and_a_review_tells_that_it_went() {
    let env = TestEnv::with_tutorial();
    let estate = env.dir().join("estate");
    std::process::Command::new("git").args(["init", "-q", "-b", "main"]).current_dir(&estate).status().unwrap();
    says(&env, "revoke");
    commit_all(&estate);
    says(&env, "keep");
    commit_all(&estate);
    let review = env.run(&["review", "HEAD~1"]);
    let told = "a change of it no longer revokes the leases that are out: what it takes away they keep until they end";
    assert!(review.stdout.contains(told), "{}", review.normal());
    says(&env, "revok");
    let typo = env.run(&["validate"]);
    assert!(typo.code == 1 && typo.stderr.contains("on_change is not `revok`"), "{}", typo.normal());
    assert!(typo.stderr.contains("did you mean `revoke`?"), "{}", typo.normal());
    // A session works until it ends, whatever becomes of its lease.
    says(&env, "revoke");
    let path = env.dir().join("estate").join(ROLE);
    let users = std::fs::read_to_string(&path).unwrap();
    let sessions = users.replace("\"iam_user\"", "\"assumed_role\"").replace(
        "    iam_tags = {\n      team = \"web\"\n    }\n",
        "    role_arns = [\"arn:aws:iam::111122223333:role/app\"]\n",
    );
    std::fs::write(&path, sessions).unwrap();
    let refused = env.run(&["validate"]);
    assert!(refused.code == 1 && refused.stderr.contains("sessions can't be taken back"), "{}", refused.normal());
    std::fs::write(&path, users).unwrap();
    says(&env, "keep");
    env.write("estate/extra.hcl", "policy \"extra\" {\n  on_change = \"revoke\"\n  rules = \"path \\\"a\\\" { capabilities = [\\\"read\\\"] }\"\n}\n");
    let other = env.run(&["validate"]);
    assert!(other.code == 1 && other.stderr.contains("has no key `on_change`"), "{}", other.normal());
}

#[test]
fn what_is_out_is_revoked_once_its_role_is_gone_or_has_another_name() {
    let gone = "the leases that are out are revoked once it is gone (on_change)";
    for (word, becomes, out) in [("revoke", "revoked", 0), ("keep", "stay", 1)] {
        // By another name: as it says under that one.
        let env = TestEnv::with_tutorial();
        env.ok(&["creds", "webapp"]);
        says(&env, word);
        is_called(&env, "web");
        let plan = env.run(&["plan"]);
        assert!(plan.stdout.contains("aws/roles/webapp -> aws/roles/web"), "{}", plan.normal());
        assert_eq!(fate(&env, "aws/roles/webapp"), becomes, "{}", plan.normal());
        assert_eq!(plan.stdout.contains(gone), word == "revoke", "{}", plan.normal());
        env.ok(&["apply", "--auto-approve"]);
        if out == 0 {
            ended(&env);
        }
        assert_eq!((leases(&env), env.run(&["plan"]).code), (out, 0));

        // Without a declaration: as it said when it was applied last, without another change.
        let env = TestEnv::with_tutorial();
        env.ok(&["creds", "webapp"]);
        says(&env, word);
        env.ok(&["apply", "--auto-approve"]);
        is_gone(&env);
        let plan = env.run(&["plan"]);
        assert_eq!(fate(&env, "aws/roles/webapp"), becomes, "{}", plan.normal());
        assert_eq!(plan.stdout.contains(gone), word == "revoke", "{}", plan.normal());
        env.ok(&["apply", "--auto-approve"]);
        if out == 0 {
            ended(&env);
        }
        assert_eq!((leases(&env), env.run(&["plan"]).code), (out, 0));
    }
}

/// The rules that ship for an apply without that it may revoke leases below `aws`.
fn without_revoking() -> String {
    let rules = shipped("apply");
    let (before, rest) = rules.split_once("path \"sys/leases/revoke-prefix/aws/*\"").unwrap();
    format!("{before}{}", rest.split_once("}\n").unwrap().1)
}

#[test]
fn leases_of_what_is_gone_are_owed_until_they_are_revoked() {
    let mut remote = Remote::each().next().unwrap();
    remote.env.set("LEASEHOLD_DIR", "estate");
    says(&remote.env, "revoke");
    remote.env.ok(&["apply", "--auto-approve"]);
    is_gone(&remote.env);
    remote.speak_as("poor", &without_revoking());
    let applied = remote.env.run(&["apply", "--auto-approve"]);
    assert_eq!(applied.code, 1, "{}", applied.normal());
    let what = "it is gone, and its leases from before are not revoked";
    assert!(applied.stderr.contains(what), "{}", applied.normal());
    assert!(remote.held("aws/roles/webapp").is_null());
    let plan = remote.env.run(&["plan"]);
    assert!(
        plan.code == 2 && plan.stdout.contains("an apply was stopped before it had revoked them"),
        "{}",
        plan.normal()
    );
    remote.speak_as("apply", &shipped("apply"));
    remote.env.ok(&["apply", "--auto-approve"]);
    assert_eq!(remote.env.run(&["plan"]).code, 0);
}

#[test]
fn who_may_not_revoke_is_told_before_anything_is_written() {
    for mut remote in Remote::each() {
        remote.env.set("LEASEHOLD_DIR", "estate");
        remote.env.ok(&["apply", "--auto-approve"]);
        says(&remote.env, "revoke");
        allows(&remote.env, "example-webapp-new");
        let asks = "path \"sys/capabilities-self\" {\n  capabilities = [\"update\"]\n}\n";
        let before = remote.held("aws/roles/webapp");
        remote.speak_as("poor", &format!("{}\n{asks}", without_revoking()));
        let applied = remote.env.run(&["apply", "--auto-approve"]);
        assert_eq!(applied.code, 1, "{}", applied.normal());
        let what = "nothing was applied: the plan revokes leases (on_change), and this token may not: that takes `update` and \
                    `sudo` on sys/leases/revoke-prefix/aws/creds/webapp";
        assert!(applied.stderr.contains(what), "{}", applied.normal());
        assert!(applied.stderr.contains("policies/acl/apply.hcl"), "{}", applied.normal());
        assert_eq!(remote.held("aws/roles/webapp"), before);
        // Who may is asked the same, and does it.
        remote.speak_as("rich", &format!("{}\n{asks}", shipped("apply")));
        remote.env.ok(&["apply", "--auto-approve"]);
        assert_ne!(remote.held("aws/roles/webapp"), before);
    }
}
