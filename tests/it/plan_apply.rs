//! Plan and apply as people run them: the `leasehold` process, files, the embedded engine, the sandbox.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::env::{Output, TestEnv};

/// An estate in a home of its own.
struct Estate {
    env: TestEnv,
}

impl Estate {
    fn new() -> Self {
        let mut env = TestEnv::new();
        env.set("ROOT_KEY", "AKIAIOSFODNN7EXAMPLE").set("ROOT_SECRET", "hunter2hunter2hunter2hunter2hunter2hunte");
        Self { env }
    }

    /// An estate of one file, and of the environment `local`.
    fn of(text: &str) -> Self {
        let estate = Self::new();
        estate.limits("");
        estate.file("estate.hcl", text);
        estate
    }

    fn limits(&self, more: &str) {
        let text = format!("environment \"local\" {{\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n{more}\n}}\n");
        self.file("environments.hcl", &text);
    }

    fn file(&self, name: &str, text: &str) {
        self.env.write(&format!("estate/{name}"), text);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["-C", "estate"];
        all.extend(arguments);
        self.env.run(&all)
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.code, 0, "leasehold {}\n{}", arguments.join(" "), output.normal());
        output.stdout
    }

    /// A plan that has this exit code.
    #[track_caller]
    fn plan(&self, code: i32) -> String {
        let output = self.run(&["plan"]);
        assert_eq!(output.code, code, "{}", output.normal());
        output.stdout
    }

    /// Applies, and demands that a second plan is empty.
    #[track_caller]
    fn apply(&self) -> String {
        let applied = self.ok(&["apply", "--auto-approve"]);
        let after = self.plan(0);
        assert!(after.contains("No changes."), "{after}");
        applied
    }
}

/// Declarations of each kind, with what stands in each of them: nothing, something, something else.
fn every_kind(stage: usize, log: &str) -> String {
    let pick = |choices: [&'static str; 3]| choices[stage];
    let aws = pick([
        "",
        r#"description = "one"
  default_lease_ttl = "30m"
  max_lease_ttl = "3h"
  region = "eu-west-1"
  iam_endpoint = "https://iam.example.com"
  sts_endpoint = "https://sts.example.com"
  max_retries = 3
  username_template = "a-{{ .PolicyName }}-{{ random 20 }}"
  root {
    access_key = "secret:env:ROOT_KEY"
    secret_key = "secret:env:ROOT_SECRET"
  }
  lease {
    default = "1h"
    max     = "2h"
  }"#,
        r#"description = "two"
  default_lease_ttl = "20m"
  max_lease_ttl = "4h"
  region = "eu-west-2"
  iam_endpoint = "https://iam2.example.com"
  sts_endpoint = "https://sts2.example.com"
  max_retries = 4
  username_template = "b-{{ .PolicyName }}-{{ random 20 }}"
  root {
    access_key = "AKIAIOSFODNN7EXAMPL2"
    secret_key = "secret:env:ROOT_KEY"
  }
  lease {
    default = "15m"
    max     = "150m"
  }"#,
    ]);
    let auth = pick([
        "",
        "description = \"one\"\n  default_lease_ttl = \"30m\"\n  max_lease_ttl = \"10h\"",
        "description = \"two\"\n  default_lease_ttl = \"31m\"\n  max_lease_ttl = \"11h\"",
    ]);
    let role = pick([
        r#"policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]"#,
        r#"policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/AmazonS3FullAccess"]
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::b/*"]
    }
    iam_groups = ["g"]
    iam_tags = { team = "one" }
    user_path = "/one/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/one""#,
        r#"policy_arns = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
    statement "Read" {
      actions   = ["s3:GetObject", "s3:PutObject"]
      resources = ["arn:aws:s3:::b/*"]
    }
    iam_groups = ["g", "h"]
    iam_tags = { team = "two", x = "y" }
    user_path = "/two/"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/two""#,
    ]);
    let login = pick([
        "",
        r#"bind_secret_id = true
    secret_id_bound_cidrs = ["10.0.0.0/8", "127.0.0.1"]
    secret_id_num_uses = 5
    secret_id_ttl = "24h"
    token_ttl = "20m"
    token_max_ttl = "2h"
    token_explicit_max_ttl = "3h"
    token_num_uses = 100
    token_bound_cidrs = ["10.0.0.1/32"]
    token_type = "service""#,
        r#"bind_secret_id = true
    secret_id_bound_cidrs = ["10.0.0.0/16"]
    secret_id_num_uses = 6
    secret_id_ttl = "25h"
    token_ttl = "21m"
    token_max_ttl = "150m"
    token_explicit_max_ttl = "4h"
    token_period = "1h"
    token_num_uses = 99
    token_bound_cidrs = ["10.0.0.0/30"]
    token_type = "default""#,
    ]);
    let policy = pick([
        "capabilities = [\"read\"]",
        "capabilities = [\"read\", \"update\"]\n    required_parameters = [\"x\"]",
        "capabilities = [\"list\"]",
    ]);
    let audit = pick([
        "",
        "description = \"one\"\n  mode = \"0640\"\n  hmac_accessor = false\n  elide_list_responses = true\n  prefix = \"one \"",
        "description = \"two\"\n  mode = \"0600\"\n  prefix = \"@cee: \"",
    ]);

    format!(
        "audit \"file\" {{\n  file_path = \"{log}\"\n  {audit}\n}}\n\
         aws \"aws\" {{\n  {aws}\n}}\n\
         auth \"approle\" {{\n  {auth}\n}}\n\
         policy \"extra\" {{\n  path \"secret/data/*\" {{\n    {policy}\n  }}\n}}\n\
         app \"webapp\" {{\n  role \"webapp\" {{\n    mount = \"aws\"\n    credential_type = \"iam_user\"\n    {role}\n  }}\n  \
         login \"approle\" {{\n    {login}\n  }}\n}}\n"
    )
}

#[test]
fn a_plan_is_empty_after_apply_for_each_kind_and_field_set_changed_and_unset() {
    let estate = Estate::of("");
    let log = estate.env.dir().join("audit.log").display().to_string();
    estate.file("estate.hcl", &every_kind(0, &log));
    estate.plan(2);
    estate.apply();
    for (stage, from) in [(1, 0), (2, 1), (1, 2), (0, 1)] {
        estate.file("estate.hcl", &every_kind(stage, &log));
        let plan = estate.plan(2);
        let fields = [
            "description",
            "default_lease_ttl",
            "max_lease_ttl",
            "lease",
            "lease_max",
            "region",
            "iam_endpoint",
            "sts_endpoint",
            "max_retries",
            "username_template",
            "access_key",
            "secret_key",
            "policy_arns",
            "policy_document",
            "iam_groups",
            "iam_tags",
            "user_path",
            "permissions_boundary_arn",
            "secret_id_bound_cidrs",
            "secret_id_num_uses",
            "secret_id_ttl",
            "token_ttl",
            "token_max_ttl",
            "token_explicit_max_ttl",
            "token_num_uses",
            "token_bound_cidrs",
            "token_type",
            "policy",
            "mode",
        ];
        for field in fields {
            // The audit device's mode is at its default in two of the stages.
            let same = field == "mode" && (stage, from) == (0, 1) || field == "mode" && stage == 2 && from == 0;
            // What an engine has beside a key stays with it, once no key is declared.
            let of_root = [
                "region",
                "iam_endpoint",
                "sts_endpoint",
                "max_retries",
                "username_template",
                "access_key",
                "secret_key",
            ];
            let same = same || (stage == 0 && of_root.contains(&field));
            let named = plan.contains(&format!("      {field}:")) || plan.contains(&format!("      {field} ="));
            assert!(named || same, "{from} to {stage}: {field} is not in\n{plan}");
        }
        assert!(!plan.contains("hunter2"), "{plan}");
        estate.apply();
    }
}

const SMALL: &str = r#"
aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}
auth "approle" {}
app "webapp" {
  role "webapp" {
    mount           = "aws"
    credential_type = "iam_user"
    user_path       = "/apps/"
    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["arn:aws:s3:::b/*"]
    }
  }
  login "approle" {
    token_ttl = "20m"
  }
}
"#;

#[test]
fn edits_and_deletions_by_hand_are_found_and_undone() {
    let estate = Estate::of(SMALL);
    estate.apply();
    estate.ok(&["write", "aws/roles/webapp", "user_path=/other/"]);
    estate.ok(&["write", "aws/config/lease", "lease=30m", "lease_max=2h"]);
    estate.ok(&["write", "auth/approle/role/app-webapp", "token_ttl=1m"]);
    let plan = estate.plan(2);
    for line in [
        "  ~ aws role aws/roles/webapp  (estate.hcl:10)",
        "      user_path: \"/other/\" -> \"/apps/\"",
        "      lease: 30m -> 1h",
        "      token_ttl: 1m -> 20m",
        "Plan: 0 to add, 3 to change, 0 to delete.",
    ] {
        assert!(plan.contains(line), "{line} is not in\n{plan}");
    }
    estate.ok(&["delete", "sys/policies/acl/app-webapp"]);
    let plan = estate.plan(2);
    assert!(plan.contains("  + acl policy sys/policies/acl/app-webapp"), "{plan}");
    assert!(estate.apply().contains("Apply complete: 1 added, 3 changed, 0 deleted."));
}

#[test]
fn what_others_made_survives_and_what_is_no_longer_declared_goes() {
    let estate = Estate::of(SMALL);
    estate.apply();
    estate.ok(&["write", "aws/roles/by-hand", "credential_type=iam_user", "policy_arns=arn:aws:iam::aws:policy/X"]);
    let plan = estate.plan(0);
    assert!(plan.contains("Not ours and left alone: 1 object (aws/roles/by-hand)."), "{plan}");
    estate.file("estate.hcl", "aws \"aws\" {}\nauth \"approle\" {}\n");
    let plan = estate.plan(2);
    assert!(plan.contains("lease: 1h -> 0s"), "{plan}");
    assert!(plan.contains("Plan: 0 to add, 0 to change, 4 to delete."), "{plan}");
    estate.apply();
    estate.ok(&["read", "aws/roles/by-hand"]);
    assert_ne!(estate.run(&["read", "aws/roles/webapp"]).code, 0);
}

#[test]
fn a_flag_lowers_the_limit_and_never_raises_what_the_environment_says() {
    let estate = Estate::of(SMALL);
    estate.apply();
    estate.file("estate.hcl", &SMALL[..SMALL.find("app ").unwrap()]);
    for (environment, flag, code, told) in [
        ("", "2", 3, "3 objects would be deleted, and 2 may be"),
        ("", "3", 2, "3 to delete"),
        ("  max_deletes = 3", "0", 3, "3 objects would be deleted, and 0 may be"),
        ("  max_deletes = 2", "2", 3, "and 2 may be"),
        ("  max_deletes = 2", "3", 1, "more than the environment `local` allows: max_deletes = 2"),
    ] {
        estate.limits(environment);
        for command in [&["plan"][..], &["apply", "--auto-approve"]] {
            if command.len() > 1 && code == 2 {
                continue;
            }
            let output = estate.run(&[command, &["--max-deletes", flag]].concat());
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(output.code == code && said.contains(told), "{environment} {flag}: {}", output.normal());
        }
    }
    // Six would be more than who says nothing may delete.
    estate.limits("");
    let apps = ["a", "b"].map(|name| SMALL[SMALL.find("app ").unwrap()..].replace("webapp", name)).concat();
    estate.file("estate.hcl", &format!("{SMALL}{apps}"));
    estate.apply();
    estate.file("estate.hcl", SMALL);
    let refused = estate.plan(3);
    assert!(
        refused.contains("6 objects would be deleted, and 5 may be") && refused.contains("`--max-deletes 6`"),
        "{refused}"
    );
    assert_eq!(estate.run(&["plan", "--max-deletes", "3", "--target", "*a"]).code, 2);
    estate.ok(&["apply", "--auto-approve", "--max-deletes", "6"]);
}

#[test]
fn kinds_have_limits_of_their_own_by_count_and_by_share() {
    let estate = Estate::of(SMALL);
    let apps = ["a", "b", "c"].map(|name| SMALL[SMALL.find("app ").unwrap()..].replace("webapp", name)).concat();
    estate.file("estate.hcl", &format!("{SMALL}{apps}"));
    estate.apply();
    estate.file("estate.hcl", &format!("{SMALL}{}", &apps[apps.find("app \"b\"").unwrap()..]));
    for (limit, code, told) in [
        ("limit \"aws role\" {\n deletes = \"25%\"\n }", 2, "3 to delete"),
        ("limit \"aws role\" {\n deletes = 1\n }", 2, "3 to delete"),
        ("limit \"aws lease\" {\n deletes = 0\n }", 2, "3 to delete"),
        (
            "limit \"aws role\" {\n deletes = \"24%\"\n }",
            3,
            "1 of 4 objects of the kind aws role would be deleted, and 24% may be (environments.hcl:4): aws/roles/a",
        ),
        (
            "limit \"acl policy\" {\n deletes = 0\n }",
            3,
            "1 of 4 objects of the kind acl policy would be deleted, and 0 may be",
        ),
        ("limit \"aws rolle\" {\n deletes = 0\n }", 1, "did you mean `aws role`?"),
        ("limit \"aws role\" {\n deletes = \"120%\"\n }", 1, "a count or a percentage"),
        ("limit \"aws role\" {\n deletes = -1\n }", 1, "a count or a percentage"),
        ("limit \"aws role\" {\n delete = 1\n }", 1, "did you mean `deletes`?"),
        ("limit \"aws role\" {\n }", 1, "deletes"),
    ] {
        estate.limits(limit);
        let output = estate.run(&["plan"]);
        let said = format!("{}{}", output.stdout, output.stderr);
        assert!(output.code == code && said.contains(told), "{limit}: {}", output.normal());
    }
    // What is left out is not counted; of a saved plan the share is that of all that is ours.
    estate.limits("limit \"aws role\" {\n deletes = \"10%\"\n }");
    assert_eq!(estate.run(&["plan", "--exclude", "aws/roles/*"]).code, 2);
    estate.limits("limit \"aws role\" {\n deletes = \"25%\"\n }");
    assert_eq!(estate.run(&["plan", "--out", "a.plan"]).code, 2);
    let applied = estate.ok(&["apply", "a.plan"]);
    assert!(applied.contains("3 deleted"), "{applied}");
}

#[test]
fn limits_refuse_and_say_what_to_do() {
    let estate = Estate::of(SMALL);
    estate.apply();
    estate.limits("  max_deletes = 2");
    estate.file("estate.hcl", &SMALL[..SMALL.find("app ").unwrap()]);
    let plan = estate.plan(3);
    assert!(plan.contains("Refused: 3 objects would be deleted, and 2 may be:"), "{plan}");
    assert!(plan.contains("max_deletes = 3"), "{plan}");
    let refused = estate.run(&["apply", "--auto-approve"]);
    assert_eq!(refused.code, 3, "{}", refused.normal());
    estate.ok(&["read", "aws/roles/webapp"]);
    estate.limits("");
    estate.file(
        "estate.hcl",
        &SMALL.replace(
            "app \"webapp\" {\n  role \"webapp\" {",
            "app \"webapp\" {\n  role \"webapp\" {\n    protect = true",
        ),
    );
    estate.apply();
    estate.file("estate.hcl", &SMALL[..SMALL.find("app ").unwrap()]);
    let plan = estate.plan(3);
    assert!(plan.contains("Refused: aws/roles/webapp is protected"), "{plan}");
    estate.file("estate.hcl", SMALL);
    assert!(estate.apply().contains("No changes."), "protection is taken back without a change in the engine");
    estate.file("estate.hcl", &SMALL[..SMALL.find("app ").unwrap()]);
    estate.apply();
}

#[test]
fn what_exists_and_is_not_ours_is_adopted_only_when_asked() {
    let estate = Estate::of("aws \"aws\" {}\n");
    estate.apply();
    estate.ok(&["write", "aws/roles/webapp", "credential_type=iam_user", "user_path=/by-hand/"]);
    estate.file("estate.hcl", SMALL);
    let plan = estate.plan(3);
    assert!(plan.contains("  = aws role aws/roles/webapp"), "{plan}");
    assert!(plan.contains("user_path: \"/by-hand/\" -> \"/apps/\""), "{plan}");
    assert_eq!(estate.run(&["apply", "--auto-approve"]).code, 3);
    assert_eq!(estate.run(&["plan", "--adopt"]).code, 2);
    let applied = estate.ok(&["apply", "--auto-approve", "--adopt"]);
    assert!(applied.contains("1 adopted."), "{applied}");
    estate.plan(0);
}

#[test]
fn what_is_taken_over_can_be_named() {
    let estate = Estate::of("aws \"aws\" {}\n");
    estate.apply();
    for role in ["one", "two"] {
        estate.ok(&["write", &format!("aws/roles/{role}"), "credential_type=iam_user", "user_path=/by-hand/"]);
    }
    let role = |name: &str| {
        format!(
            "role \"{name}\" {{\n  mount = \"aws\"\n  policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}}\n"
        )
    };
    estate.file("estate.hcl", &format!("aws \"aws\" {{}}\n{}{}", role("one"), role("two")));
    let refused = estate.run(&["plan", "--adopt=aws/roles/on*"]);
    assert_eq!(refused.code, 3, "{}", refused.normal());
    assert!(
        refused.stdout.contains("aws/roles/two") && refused.stdout.contains("`--adopt=PATTERN` those at such paths")
    );
    assert!(!refused.stdout.contains("not ours: aws/roles/one"), "{}", refused.normal());
    // What is not there is nothing that could be meant.
    let spaced = estate.run(&["plan", "--adopt", "aws/roles/on*"]);
    assert!(spaced.code == 1 && spaced.stderr.contains("--adopt=aws/roles/on*"), "{}", spaced.normal());
    let typo = estate.run(&["plan", "--adopt=aws/roles/onne"]);
    assert_eq!(typo.code, 1, "{}", typo.normal());
    assert!(typo.stderr.contains("--adopt `aws/roles/onne` matches nothing"), "{}", typo.normal());
    assert!(typo.stderr.contains("did you mean `aws/roles/one`?"), "{}", typo.normal());
    // With the other left out, the first becomes ours; saved, it is that and no more.
    let one = ["--adopt=aws/roles/on*", "--target", "aws/roles/one"];
    let saved = estate.run(&[&["plan", "--out", "one.plan"][..], &one].concat());
    assert_eq!(saved.code, 2, "{}", saved.normal());
    let applied = estate.ok(&["apply", "one.plan", "--auto-approve"]);
    assert!(applied.contains("1 adopted."), "{applied}");
    assert_eq!(estate.run(&["plan"]).code, 3, "the second is nobody's still");
    let both = estate.ok(&["apply", "--auto-approve", "--adopt=*/one", "--adopt=*/two"]);
    assert!(both.contains("1 adopted."), "{both}");
    estate.plan(0);
}

#[test]
fn adopting_a_login_leaves_what_nobody_declared_and_forgetting_leaves_all_of_it() {
    let estate = Estate::of("aws \"aws\" {}\nauth \"approle\" {\n  type = \"approle\"\n}\n");
    estate.apply();
    let path = "auth/approle/role/app-webapp";
    estate.ok(&["write", path, "token_ttl=60", "token_num_uses=7", "bind_secret_id=true"]);
    let app = "app \"webapp\" {\n  role \"webapp\" {\n    mount = \"aws\"\n    policy_arns = [\n      \
               \"arn:aws:iam::aws:policy/ReadOnlyAccess\",\n    ]\n  }\n  login \"approle\" {\n    token_ttl = \"2h\"\n  }\n}\n";
    estate.file("app.hcl", app);
    assert_eq!(estate.run(&["plan"]).code, 3);
    let adopted = estate.ok(&["apply", "--auto-approve", "--adopt"]);
    assert!(
        adopted.contains("! as it is, since nobody declares it: token_no_default_policy, token_num_uses"),
        "{adopted}"
    );
    assert!(adopted.contains("! no ledger on this engine has it"), "{adopted}");
    estate.plan(0);
    let field = |name: &str| estate.ok(&["read", "--field", name, path]).trim().to_owned();
    assert_eq!((field("token_no_default_policy"), field("token_num_uses")), ("false".to_owned(), "7".to_owned()));
    // A login that we make goes without `default`.
    estate.file("other.hcl", &app.replace("webapp", "other"));
    estate.apply();
    assert_eq!(
        estate.ok(&["read", "--field", "token_no_default_policy", "auth/approle/role/app-other"]).trim(),
        "true"
    );

    let refused = estate.run(&["forget", path, "aws/roles/none"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("nothing was forgotten: aws/roles/none is not in the ledger of"),
        "{}",
        refused.stderr
    );
    assert_eq!(
        estate.ok(&["forget", &format!("/{path}")]),
        format!("Forgotten: {path}. It stays in the engine as it is.\n")
    );
    assert!(
        estate.plan(3).contains(&format!("1 declared object exists already and was not made from these files: {path}"))
    );
    std::fs::remove_file(estate.env.dir().join("estate/app.hcl")).unwrap();
    estate.apply();
    assert_eq!(field("token_num_uses"), "7");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let estate = Estate::of(SMALL);
    let asked = estate.run(&["apply"]);
    assert_eq!(asked.code, 1, "{}", asked.normal());
    assert!(asked.stderr.contains("--auto-approve"), "{}", asked.stderr);
    assert_ne!(estate.run(&["read", "aws/roles/webapp"]).code, 0);
}

#[test]
fn a_changed_secret_is_seen_and_never_shown() {
    let root = "aws \"aws\" {\n  root {\n    access_key = \"AKIAIOSFODNN7EXAMPLE\"\n    secret_key = \"secret:env:ROOT_SECRET\"\n  }\n}\n";
    let mut estate = Estate::of(root);
    estate.apply();
    estate.env.set("ROOT_SECRET", "swordfish-swordfish-swordfish-swordfish");
    let plan = estate.plan(2);
    assert!(plan.contains("secret_key: (sensitive) -> (sensitive)"), "{plan}");
    let json = estate.run(&["plan", "--json"]);
    let parsed: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(parsed["changes"][0]["fields"][0]["sensitive"], Value::Bool(true));
    assert_eq!(parsed["exit_code"], 2);
    let applied = estate.apply();
    for text in [plan, json.stdout, applied] {
        assert!(!text.contains("swordfish") && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_plan_needs_no_secret_and_an_apply_those_that_it_writes() {
    let root = |region: &str| {
        format!(
            "aws \"aws\" {{\n  region = \"{region}\"\n  root {{\n    access_key = \"secret:env:ROOT_KEY\"\n    \
             secret_key = \"secret:env:ROOT_SECRET\"\n  }}\n}}\n"
        )
    };
    let mut estate = Estate::of(&root("eu-west-1"));
    let (key, secret) = ("AKIAIOSFODNN7EXAMPLE", "swordfish-swordfish-swordfish-swordfish");
    for name in ["ROOT_KEY", "ROOT_SECRET"] {
        estate.env.set(name, "");
    }
    // Nothing is there yet: it is planned, and not applied without its secrets.
    let plan = estate.plan(2);
    assert!(plan.contains("secret_key: (sensitive)") || plan.contains("(sensitive)"), "{plan}");
    let refused = estate.run(&["apply", "--auto-approve"]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(
        refused.stderr.contains("secrets are missing") && refused.stderr.contains("ROOT_SECRET"),
        "{}",
        refused.stderr
    );
    assert_ne!(estate.run(&["read", "aws/config/root"]).code, 0, "nothing was written");
    estate.env.set("ROOT_KEY", key);
    estate.env.set("ROOT_SECRET", secret);
    estate.apply();
    for name in ["ROOT_KEY", "ROOT_SECRET"] {
        estate.env.set(name, "");
    }
    let plan = estate.plan(0);
    assert!(plan.contains("not checked: secret_key of aws/config/root (") && plan.contains("ROOT_SECRET"), "{plan}");
    assert!(plan.contains("not checked: access_key of aws/config/root ("), "{plan}");
    // What needs none of them is applied; its ledger keeps what it knew.
    let more = "role \"r\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  iam_groups = [\"g\"]\n}\n";
    let file = estate.env.write("estate/more.hcl", more);
    estate.apply();
    std::fs::remove_file(file).unwrap();
    estate.apply();
    // What writes them needs them.
    estate.file("estate.hcl", &root("eu-west-2"));
    estate.plan(2);
    let refused = estate.run(&["apply", "--auto-approve"]);
    assert_eq!(refused.code, 1, "{}", refused.normal());
    assert!(refused.stderr.contains("secrets are missing"), "{}", refused.stderr);
    estate.env.set("ROOT_KEY", key);
    estate.env.set("ROOT_SECRET", secret);
    let plan = estate.plan(2);
    assert!(plan.contains("region") && !plan.contains("secret_key:"), "{plan}");
    estate.apply();
    estate.plan(0);
}

/// A mount's key changes, by the files or back after a change by hand, while a lease of it is out.
#[test]
fn a_mount_leaves_the_account_of_its_leases_only_when_told_to() {
    let root = |key: &str| {
        format!(
            "aws \"aws\" {{\n  root {{\n    access_key = \"{key}\"\n    secret_key = \"secret:env:ROOT_SECRET\"\n  }}\n}}\n\
             role \"r\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_arns = \
             [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}}\n"
        )
    };
    let mut estate = Estate::of(&root(leasehold::sandbox::ROOT_ACCESS_KEY));
    estate.env.set("ROOT_SECRET", leasehold::sandbox::ROOT_SECRET);
    estate.apply();
    estate.file("estate.hcl", &root("AKIAQNZGKJQYZZZZZZZZ"));
    assert!(!estate.plan(2).contains("--allow-account-change"), "no lease, no question");
    estate.file("estate.hcl", &root(leasehold::sandbox::ROOT_ACCESS_KEY));
    estate.ok(&["read", "aws/creds/r"]);
    estate.plan(0);
    estate.file("estate.hcl", &root("AKIAQNZGKJQYZZZZZZZZ"));
    let plan = estate.plan(3);
    assert!(plan.contains("would lead aws/ to another AWS account"), "{plan}");
    assert!(plan.contains("1 lease is out, which can't be revoked from there"), "{plan}");
    assert!(plan.contains("--allow-account-change"), "{plan}");
    let refused = estate.run(&["apply", "--auto-approve"]);
    assert_eq!(refused.code, 3, "{}", refused.normal());
    let key = |estate: &Estate| estate.ok(&["read", "-field=access_key", "aws/config/root"]);
    assert_eq!(key(&estate).trim(), leasehold::sandbox::ROOT_ACCESS_KEY);
    assert_eq!(estate.run(&["plan", "--allow-account-change"]).code, 2);
    estate.ok(&["apply", "--auto-approve", "--allow-account-change"]);
    assert_eq!(key(&estate).trim(), "AKIAQNZGKJQYZZZZZZZZ");
    // Two keys that name one account are no question.
    estate.file("estate.hcl", &root("AKIAQNZGKJQYZZZZZZZ7"));
    estate.plan(2);
}

#[test]
fn an_apply_that_is_killed_is_finished_by_the_next() {
    for lines in [1, 3, 5] {
        let estate = Estate::of(SMALL);
        let mut command = estate.env.command(&["-C", "estate", "apply", "--auto-approve"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let progress = BufReader::new(child.stderr.take().unwrap()).lines().take(lines).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(progress, lines);
        estate.apply();
    }
}

#[test]
fn the_tutorials_first_plan_reads_well() {
    let env = TestEnv::new();
    env.copy_tree("examples/tutorial", "tutorial");
    let plan = env.run(&["plan", "tutorial"]);
    assert_eq!(plan.code, 2, "{}", plan.normal());
    insta::assert_snapshot!(plan.normal());
    env.ok(&["apply", "tutorial", "--auto-approve"]);
    let plan = env.run(&["plan", "tutorial"]);
    insta::assert_snapshot!(plan.normal());
}
