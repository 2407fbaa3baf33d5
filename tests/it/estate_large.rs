//! A large estate: 10,000 roles of 1,000 apps, a file each.

use crate::env::TestEnv;

const APPS: usize = 1_000;
const ROLES_EACH: usize = 10;

fn app(number: usize, bucket: &str) -> String {
    let role = |role: usize| {
        format!(
            "  role \"r-{number}-{role}\" {{\n    statement \"Read\" {{\n      actions   = [\"s3:GetObject\"]\n      \
             resources = [\"arn:aws:s3:::{bucket}-{number}/{role}/*\"]\n    }}\n  }}\n"
        )
    };
    let roles: String = (0..ROLES_EACH).map(role).collect();
    format!("app \"app-{number}\" {{\n{roles}  login \"approle\" {{\n    token_ttl = \"1h\"\n  }}\n}}\n")
}

#[test]
fn ten_thousand_roles_in_a_thousand_files_are_applied_and_then_there_is_nothing_to_do() {
    let env = TestEnv::new();
    let engine = "environment \"local\" {\n  engine = \"embedded\"\n  aws = \"sandbox\"\n}\naws \"aws\" {}\nauth \"approle\" {}\n";
    env.write("estate/engine.hcl", engine);
    for number in 0..APPS {
        env.write(&format!("estate/apps/{number:04}.hcl"), &app(number, "data"));
    }
    let valid = env.on_estate(&["validate"], 0);
    let said = valid.stdout + &valid.stderr;
    // A role each, of each app a login and its policy, and the two mounts.
    assert!(said.contains("1,001 files, 1 environment, 1,000 apps, 12,002 objects"), "{said}");
    let applied = env.on_estate(&["apply", "--auto-approve"], 0).stdout;
    assert!(applied.contains("Apply complete: 12002 added, 0 changed, 0 deleted."), "{applied}");
    let nothing = env.on_estate(&["plan"], 0).stdout;
    assert!(nothing.contains("No changes. 12,002 objects are as declared."), "{nothing}");
    env.write("estate/apps/0700.hcl", &app(700, "other"));
    let one = env.on_estate(&["plan"], 2).stdout;
    assert!(one.contains("app app-700") && one.contains("Plan: 0 to add, 10 to change, 0 to delete."), "{one}");
    assert!(!one.contains("app-701"), "{one}");
}
