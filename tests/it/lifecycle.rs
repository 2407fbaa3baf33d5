//! How long declarations hold: what is declared absent, and what ends on a day.

use std::path::PathBuf;

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use crate::env::{Output, TestEnv, commit_all};
use crate::remote::Remote;

const LOCAL: &str = "environment \"local\" {\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n  max_deletes = 20\n}\n";

const ENGINE: &str = "aws \"aws\" {}\nauth \"approle\" {}\n";

/// A day so many days from now, as estates write it.
fn day(days: i64) -> String {
    let date = (OffsetDateTime::now_utc() + Duration::days(days)).date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// An estate of its own, on its own engine.
struct Estate {
    env: TestEnv,
}

impl Estate {
    fn new(text: &str) -> Self {
        let estate = Self { env: TestEnv::new() };
        estate.env.write("estate/environment.hcl", LOCAL);
        estate.say(text);
        estate
    }

    fn say(&self, text: &str) {
        self.env.write("estate/estate.hcl", &format!("{ENGINE}{text}"));
    }

    fn dir(&self) -> PathBuf {
        self.env.dir().join("estate")
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> String {
        let output = self.env.run(&[&["-C", "estate"], arguments].concat());
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output.stdout + &output.stderr
    }

    #[track_caller]
    fn apply(&self, summary: &str) {
        let said = self.run(&["apply", "--auto-approve"], 0);
        assert!(said.contains(summary), "{said}");
        self.run(&["plan"], 0);
    }

    #[track_caller]
    fn changes(&self, code: i32) -> Vec<(String, String)> {
        let json: Value = serde_json::from_str(&self.run(&["plan", "--json"], code)).unwrap();
        let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
        json["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|change| (text(change, "action"), text(change, "path")))
            .collect()
    }
}

#[track_caller]
fn says(output: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(output.contains(part), "{part:?}: {output}"));
}

/// A role with a word of its own.
fn role(name: &str, more: &str) -> String {
    format!(
        "role \"{name}\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_arns = \
         [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n  {more}\n}}\n"
    )
}

/// An app with two roles and two logins; what each says besides.
fn app(more: &str, first: &str, second: &str, login: &str) -> String {
    format!(
        "app \"shop\" {{\n{more}\n{}{}  login \"approle\" {{\n    token_ttl = \"2h\"\n    {login}\n  }}\n}}\n",
        role("one", first),
        role("two", second)
    )
}

#[test]
fn what_is_declared_absent_goes_if_it_is_ours_and_then_is_nothing() {
    let estate = Estate::new(&role("old", ""));
    estate.apply("Apply complete: ");
    estate.say(&role("old", "absent = true"));
    says(&estate.run(&["plan"], 2), &["- aws role aws/roles/old  (estate.hcl:3, declared absent)", "1 to delete"]);
    assert_eq!(estate.run(&["drift"], 2).matches("aws/roles/old").count(), 1);
    estate.apply("0 added, 0 changed, 1 deleted");
    assert_eq!(estate.env.run(&["-C", "estate", "read", "aws/roles/old"]).code, 2);
    // Without it nothing else follows.
    estate.say("");
    estate.run(&["plan"], 0);

    // What is there and not ours is named, and stays, whoever asks.
    let by_hand = ["write", "aws/roles/old", "credential_type=iam_user", "policy_arns=arn:aws:iam::aws:policy/X"];
    estate.run(&by_hand, 0);
    estate.say(&role("old", "absent = true"));
    for arguments in [&["plan"][..], &["plan", "--adopt"], &["apply", "--auto-approve", "--adopt"]] {
        says(
            &estate.run(arguments, 3),
            &["Refused: 1 object is to be absent, there all the same, and not ours: aws/roles/old (estate.hcl:3)"],
        );
    }
    estate.run(&["plan", "--exclude", "aws/roles/old"], 0);
    estate.run(&["read", "aws/roles/old"], 0);
    // First it is made ours.
    estate.say(&role("old", ""));
    estate.run(&["apply", "--auto-approve", "--adopt"], 0);
    estate.say(&role("old", "absent = true"));
    estate.apply("0 added, 0 changed, 1 deleted");
    // What is protected does not go by this way either.
    estate.say(&role("old", "protect = true"));
    estate.apply("1 added");
    estate.say(&role("old", "absent = true"));
    says(&estate.run(&["plan"], 3), &["aws/roles/old is protected"]);
}

#[test]
fn an_app_goes_whole_and_a_mount_with_all_that_is_below_it() {
    let estate = Estate::new(&app("", "", "", ""));
    estate.apply("Apply complete: ");
    estate.say(&app("absent = true", "", "", ""));
    let gone: Vec<String> = estate.changes(2).into_iter().map(|(action, path)| format!("{action} {path}")).collect();
    assert_eq!(
        gone,
        [
            "delete auth/approle/role/app-shop",
            "delete aws/roles/one",
            "delete aws/roles/two",
            "delete sys/policies/acl/app-shop"
        ]
    );
    estate.apply("4 deleted");
    // One role of an app, and nobody may have its credentials any more.
    estate.say(&app("", "", "", ""));
    estate.apply("4 added");
    estate.say(&app("", "absent = true", "", ""));
    let plan = estate.run(&["plan"], 2);
    says(
        &plan,
        &["aws/roles/one  (estate.hcl:5, declared absent)", "path \"aws/creds/one\"", "1 to change, 1 to delete"],
    );
    estate.apply("0 added, 1 changed, 1 deleted");
    assert!(!estate.run(&["read", "sys/policies/acl/app-shop"], 0).contains("creds/one"));

    estate.env.write("estate/kv.hcl", "kv \"notes\" {\n  version = 2\n  max_versions = 3\n}\n");
    estate.apply("2 added");
    estate.env.write("estate/kv.hcl", "kv \"notes\" {\n  version = 2\n  max_versions = 3\n  absent = true\n}\n");
    estate.apply("deleted");
    assert!(!estate.run(&["secrets", "list"], 0).contains("notes/"));
}

#[test]
fn what_ends_on_a_day_is_absent_from_that_day_on() {
    let estate = Estate::new(&app("", &format!("expires = \"{}\"", day(1)), &format!("expires = \"{}\"", day(20)), ""));
    let first = estate.run(&["plan"], 2);
    says(&first, &[&format!("aws/roles/one ends on {}, in 1 day: from then on it counts as absent", day(1))]);
    assert!(!first.contains("aws/roles/two ends"), "{first}");
    says(&first, &[&format!("it ends on {}", day(20))]);
    estate.apply("Apply complete: ");
    // The day comes: a plan, drift and a review say so alike.
    estate.say(&app("", &format!("expires = \"{}\"", day(0)), &format!("expires = \"{}\"", day(20)), ""));
    let plan = estate.run(&["plan"], 2);
    says(
        &plan,
        &[
            &format!("- aws role aws/roles/one  (estate.hcl:5, expired on {})", day(0)),
            "path \"aws/creds/one\"",
            "Plan: 0 to add, 1 to change, 1 to delete.",
        ],
    );
    says(&estate.run(&["drift"], 2), &["aws/roles/one", "0 changed behind our back, 2 "]);
    estate.run(&["validate"], 0);
    estate.apply("0 added, 1 changed, 1 deleted");
    // A day of the past is as good, of all that it stands in: the app goes before its role would.
    estate.say(&app("expires = \"2020-02-29\"", "", &format!("expires = \"{}\"", day(20)), ""));
    says(&estate.run(&["plan"], 2), &["(estate.hcl:3, expired on 2020-02-29)"]);
    estate.apply("3 deleted");
    says(&estate.run(&["access", "what", "shop"], 1), &["shop"]);
}

#[test]
fn who_is_named_by_others_is_let_go_on_the_day() {
    let text = |ann: &str, role_ends: &str, tested: &str| {
        format!(
            "user \"ann\" {{\n  {ann}\n}}\nuser \"bob\" {{}}\ngroup \"ops\" {{\n  members = [\"ann\", \"bob\"]\n}}\n{}app \
             \"reports\" {{\n  grants = [\"aws/reader\"]\n  login \"approle\" {{\n    token_ttl = \"2h\"\n  }}\n}}\n{}guardrail \
             \"g\" {{\n  roles = [\"aws/reader\"]\n  apps = [\"shop\"]\n  deny {{\n    actions = [\"sqs:*\"]\n  }}\n}}\n{tested}",
            role("reader", role_ends),
            app(ann, "", "", ""),
        )
    };
    let tested = "test \"t\" {\n  app = \"shop\"\n  never {\n    actions = [\"sqs:*\"]\n  }\n}\n";
    let estate = Estate::new(&text("", "", tested));
    estate.apply("Apply complete: ");
    let ended = format!("expires = \"{}\"", day(0));
    estate.say(&text(&ended, &ended, tested));
    estate.run(&["validate", "--strict"], 0);
    estate.run(&["test"], 0);
    estate.apply("deleted");
    let (group, policy) =
        (estate.run(&["read", "identity/group/name/ops"], 0), estate.run(&["policy", "read", "app-reports"], 0));
    assert!(!policy.contains("creds/reader"), "{policy}");
    assert_eq!(group.matches('-').count(), estate.run(&["read", "identity/group/name/ops"], 0).matches('-').count());
    // Who is declared absent and named all the same is a mistake.
    estate.say(&text("absent = true", "absent = true", tested));
    says(
        &estate.run(&["validate"], 1),
        &[
            "`ann` is declared absent, and named here",
            "the role `aws/reader` is declared absent, and named here",
            "the app `shop` is declared absent, and named here",
        ],
    );
}

#[test]
fn what_can_not_be_is_told_at_once() {
    for (text, what) in [
        (role("r", "expires = \"tomorrow\""), "`tomorrow` is not a day"),
        (role("r", "expires = \"2027-02-29\""), "`2027-02-29` is not a day"),
        (role("r", "expires = \"2099-01-01\"\n  absent = true"), "it does not expire any more"),
        (role("r", "expires = \"2099-01-01\"\n  protect = true"), "says `protect` and `expires`"),
        (role("r", "absent = true\n  protect = true"), "says `protect` and `absent`"),
        (role("r", "expire = \"2099-01-01\""), "did you mean `expires`?"),
        (
            format!(
                "aws \"other\" {{\n  expires = \"2099-01-01\"\n}}\n{}",
                role("r", "").replace("\"aws\"", "\"other\"")
            ),
            "other/roles/r is below sys/mounts/other, which ends on 2099-01-01",
        ),
        (
            format!("aws \"other\" {{\n  absent = true\n}}\n{}", role("r", "").replace("\"aws\"", "\"other\"")),
            "other/roles/r is below sys/mounts/other, which is declared absent",
        ),
        ("aws \"other\" {\n  shared = true\n  absent = true\n}\n".to_owned(), "is for whoever has it to say"),
    ] {
        let estate = Estate::new(&text);
        says(&estate.run(&["validate"], 1), &[what]);
    }
    let both = |day: &str| {
        let expires = format!("expires = \"{day}\"");
        format!(
            "aws \"other\" {{\n  expires = \"2099-01-01\"\n}}\n{}",
            role("r", &expires).replace("\"aws\"", "\"other\"")
        )
    };
    Estate::new(&both("2099-01-01")).run(&["validate"], 0);
    Estate::new(&both("2098-12-31")).run(&["validate"], 0);
    says(&Estate::new(&both("2099-01-02")).run(&["validate"], 1), &["let it end by then"]);
}

#[test]
fn a_review_says_when_access_ends_and_that_a_day_was_moved() {
    let estate = Estate::new(&app("", "", "", ""));
    let review = |code: i32| -> Output {
        let output = estate.env.run(&["-C", "estate", "review", "HEAD~1..HEAD"]);
        assert_eq!(output.code, code, "{}", output.normal());
        output
    };
    let commit = |text: &str| {
        estate.say(text);
        commit_all(&estate.dir())
    };
    commit(&app("", "", "", ""));
    let more = role("three", "expires = \"2098-01-01\"");
    let with = |login: &str| app("", "", "", login).replacen("  login", &format!("{more}  login"), 1);
    commit(&with(""));
    says(&review(2).stdout, &["it ends on 2098-01-01"]);
    // The login ends before the role does, and with it whatever it is for.
    commit(&with("expires = \"2097-06-30\""));
    says(&review(0).stdout, &["ends on 2097-06-30", "it ended on 2098-01-01", "it did not end"]);
    commit(&with("expires = \"2097-12-31\""));
    says(&review(2).stdout, &["ends on 2097-12-31", "it ended on 2097-06-30"]);
    commit(&with(""));
    says(&review(2).stdout, &["does not end any more", "it ended on 2097-12-31"]);
    // On the day it is lost, though no file says anything else.
    commit(&with("expires = \"2020-01-01\""));
    says(&review(0).stdout, &["nobody logs in through auth/approle any more", "may no longer read aws/creds/one"]);
    let json = estate.env.run(&["-C", "estate", "review", "HEAD~2..HEAD~1", "--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(json["environments"][0]["findings"].to_string().contains("\"end-moved\""), "{json}");
}

#[test]
fn a_review_and_a_plan_of_the_same_change_have_one_digest_though_only_files_know_the_day() {
    let remote = Remote::new(crate::servers::Sort::Ours);
    let run = |arguments: &[&str]| remote.env.run(&[&["-C", "estate"], arguments].concat());
    commit_all(&remote.estate);
    assert_eq!(run(&["apply", "--auto-approve"]).code, 0);
    let file = remote.estate.join("apps/webapp.hcl");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("iam_tags", "expires = \"2099-01-01\"\n    iam_tags", 1)).unwrap();
    let document = remote.estate.join("iam/webapp.json");
    let text = std::fs::read_to_string(&document).unwrap();
    std::fs::write(&document, text.replace("s3:GetObject", "s3:PutObjectAcl")).unwrap();
    std::fs::remove_file(remote.estate.join("tests.hcl")).unwrap();
    commit_all(&remote.estate);
    let plan: Value = serde_json::from_str(&run(&["plan", "--json"]).stdout).unwrap();
    let review = run(&["review", "HEAD~1..HEAD", "--env", "remote", "--format", "json"]);
    let review: Value = serde_json::from_str(&review.stdout).unwrap();
    assert_eq!(plan["review"]["digest"], review["digest"]);
    assert!(plan["review"].to_string().contains("it ends on 2099-01-01"), "{plan}");
}

/// An app with a role and a login, and a policy of its own; each with what it was called before.
fn named(role_name: &str, policy: &str, login: &str, was: [&str; 3], document: &str) -> String {
    let was = was.map(|old| if old.is_empty() { String::new() } else { format!("renamed_from = \"{old}\"") });
    format!(
        "policy \"{policy}\" {{\n  {}\n  path \"aws/creds/{role_name}\" {{\n    capabilities = [\"read\"]\n  }}\n}}\napp \"shop\" \
         {{\n  policies = [\"{policy}\"]\n  role \"{role_name}\" {{\n    mount = \"aws\"\n    credential_type = \"iam_user\"\n    \
         {}\n    statement \"S\" {{\n      actions = [\"{document}\"]\n      resources = [\"arn:aws:s3:::b/*\"]\n    }}\n  }}\n  login \
         \"approle\" {{\n    name = \"{login}\"\n    token_ttl = \"2h\"\n    {}\n  }}\n}}\n",
        was[1], was[0], was[2]
    )
}

#[test]
fn a_rename_is_one_thing_that_loses_nobody_anything() {
    let estate = Estate::new(&named("old", "old-rules", "old-login", ["", "", ""], "s3:GetObject"));
    // Nothing may be deleted, and nothing is.
    estate.env.write("estate/environment.hcl", &LOCAL.replace("max_deletes = 20", "max_deletes = 0"));
    commit_all(&estate.dir());
    estate.apply("Apply complete: ");
    let before = estate.run(&["read", "-format=json", "aws/roles/old"], 0);
    estate.say(&named("new", "new-rules", "new-login", ["old", "old-rules", "old-login"], "s3:GetObject"));
    commit_all(&estate.dir());
    let plan = estate.run(&["plan"], 2);
    says(
        &plan,
        &[
            "  > aws role aws/roles/old -> aws/roles/new  (estate.hcl:11, renamed)",
            "  > acl policy sys/policies/acl/old-rules -> sys/policies/acl/new-rules",
            "  > approle role auth/approle/role/old-login -> auth/approle/role/new-login",
            "! its credentials are read at aws/creds/new from then on, and not at aws/creds/old",
            "Plan: 0 to add, 0 to change, 0 to delete, 3 to rename.",
        ],
    );
    assert!(!plan.contains("gains") && !plan.contains("loses") && !plan.contains("no longer declared"), "{plan}");
    let json: Value = serde_json::from_str(&estate.run(&["plan", "--json"], 2)).unwrap();
    assert_eq!(
        (&json["summary"]["rename"], &json["review"]["gained"]),
        (&Value::from(3), &Value::from(false)),
        "{json}"
    );
    let one = |path: &str| json["changes"].as_array().unwrap().iter().find(|change| change["path"] == path).unwrap();
    assert_eq!(one("aws/roles/new")["renamed_from"], "aws/roles/old");
    assert_eq!(one("aws/roles/old")["renamed_to"], "aws/roles/new");
    says(
        &estate.run(&["plan", "--format", "markdown"], 2),
        &["&gt; aws role <code>aws/roles/old</code> -&gt; <code>aws/roles/new</code>", "3 to rename"],
    );
    // A review of the commits has it the same way, with the same digest.
    let review: Value = serde_json::from_str(&estate.run(&["review", "HEAD~1..HEAD", "--format", "json"], 0)).unwrap();
    assert_eq!(review["digest"], json["review"]["digest"], "{review}\n{}", json["review"]);
    // One half does not go alone.
    let half: Value = serde_json::from_str(&estate.run(&["plan", "--json", "--target", "aws/roles/old"], 2)).unwrap();
    assert_eq!(half["changes"].as_array().unwrap().len(), 2, "{half}");
    says(
        &estate.run(&["plan", "--exclude", "aws/roles/old"], 3),
        &["are one rename, and --exclude leaves out the latter"],
    );

    estate.apply("Apply complete: 0 added, 0 changed, 0 deleted, 3 renamed.");
    let after = estate.run(&["read", "-format=json", "aws/roles/new"], 0);
    let data = |text: &str| serde_json::from_str::<Value>(text).unwrap()["data"]["policy_document"].clone();
    assert_eq!(data(&before), data(&after));
    assert_eq!(estate.env.run(&["-C", "estate", "read", "aws/roles/old"]).code, 2);
    // The word is done with, and may stay or go.
    estate.run(&["drift"], 0);
    estate.say(&named("new", "new-rules", "new-login", ["", "", ""], "s3:GetObject"));
    estate.run(&["plan"], 0);
}

#[test]
fn what_else_changes_with_a_rename_is_told_and_gained() {
    let estate = Estate::new(&named("old", "rules", "login", ["", "", ""], "s3:GetObject"));
    estate.apply("Apply complete: ");
    estate.say(&named("new", "rules", "login", ["old", "", ""], "s3:PutObject"));
    let plan = estate.run(&["plan"], 2);
    says(
        &plan,
        &[
            "> aws role aws/roles/old -> aws/roles/new",
            "\"s3:PutObject\"",
            "ACCESS GAINED",
            "s3:PutObject",
            "Plan: 0 to add, 1 to change, 0 to delete, 1 to rename.",
        ],
    );
    estate.apply("0 added, 1 changed, 0 deleted, 1 renamed");
}

#[test]
fn what_is_not_ours_is_not_renamed_and_what_was_not_there_is_made() {
    let text = role("new", "renamed_from = \"old\"");
    let estate = Estate::new("");
    estate.apply("Apply complete: ");
    let by_hand = ["write", "aws/roles/old", "credential_type=iam_user", "policy_arns=arn:aws:iam::aws:policy/X"];
    estate.run(&by_hand, 0);
    estate.say(&text);
    says(
        &estate.run(&["plan"], 3),
        &["aws/roles/new (estate.hcl:3) is to be what aws/roles/old was, and that is there and not ours"],
    );
    estate.run(&["delete", "aws/roles/old"], 0);
    says(&estate.run(&["plan"], 2), &["+ aws role aws/roles/new", "Plan: 1 to add"]);
    estate.apply("1 added");
    // By then it is somebody else's business what has the old name.
    estate.run(&by_hand, 0);
    says(&estate.run(&["plan"], 0), &["Not ours and left alone: 1 object (aws/roles/old)."]);
    says(&estate.run(&["drift"], 5), &["aws/roles/old"]);
    estate.run(&["delete", "aws/roles/old"], 0);

    // What somebody changed by hand is not lost by a rename either, nor what is protected.
    estate.say(&role("new", ""));
    estate.run(&["write", "aws/roles/new", "credential_type=iam_user", "policy_arns=arn:aws:iam::aws:policy/Y"], 0);
    estate.say(&role("newer", "renamed_from = \"new\""));
    says(&estate.run(&["plan"], 3), &["aws/roles/new", "is not as it was written"]);
    estate.say(&role("new", "protect = true"));
    estate.apply("1 changed");
    estate.say(&role("newer", "renamed_from = \"new\"\n  protect = true"));
    says(&estate.run(&["plan"], 3), &["aws/roles/new is protected"]);
}

#[test]
fn the_old_one_stays_until_the_new_one_is_there() {
    let mut remote = Remote::new(crate::servers::Sort::Ours);
    let file = remote.estate.join("apps/webapp.hcl");
    let run = |remote: &Remote, arguments: &[&str]| remote.env.run(&[&["-C", "estate"], arguments].concat());
    assert_eq!(run(&remote, &["apply", "--auto-approve"]).code, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("role \"webapp\" {", "role \"website\" {\n    renamed_from = \"webapp\""))
        .unwrap();
    // A token that may not write the new one.
    let rules = crate::remote::shipped("apply") + "\npath \"aws/roles/website\" {\n  capabilities = [\"deny\"]\n}\n";
    let root = remote.env.variable("LEASEHOLD_TOKEN").to_owned();
    remote.speak_as("narrow", &rules);
    let refused = run(&remote, &["apply", "--auto-approve"]);
    assert_ne!(refused.code, 0, "{}", refused.normal());
    assert_ne!(remote.held("aws/roles/webapp"), Value::Null, "{}", refused.normal());
    remote.env.set("LEASEHOLD_TOKEN", root);
    let applied = run(&remote, &["apply", "--auto-approve"]);
    assert_eq!(applied.code, 0, "{}", applied.normal());
    assert_eq!(remote.held("aws/roles/webapp"), Value::Null);
    assert_eq!(run(&remote, &["plan"]).code, 0);
}

#[test]
fn names_that_can_not_have_been_are_told() {
    for (text, what) in [
        (
            format!("{}{}", role("a", ""), role("b", "renamed_from = \"a\"")),
            "aws/roles/a is declared, so it has no other name now",
        ),
        (
            format!("{}{}", role("a", "renamed_from = \"c\""), role("b", "renamed_from = \"c\"")),
            "two have been aws/roles/c",
        ),
        (role("a", "renamed_from = \"x y\""), "`x y` can't have been its name"),
        (role("a", "renamed_from = \"a\""), "aws/roles/a is declared"),
        (
            "aws \"other\" {\n  renamed_from = \"third\"\n}\n".to_owned(),
            "engines revoke everything that was issued below a mount",
        ),
        ("auth \"jwt\" {\n  renamed_from = \"oidc\"\n}\n".to_owned(), "auth \"jwt\" can't be renamed"),
        ("user \"ann\" {\n  renamed_from = \"anna\"\n}\n".to_owned(), "user \"ann\" can't be renamed"),
    ] {
        let estate = Estate::new(&text);
        says(&estate.run(&["validate"], 1), &[what]);
    }
}
