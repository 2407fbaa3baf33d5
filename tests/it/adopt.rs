//! What is declared and there, and that nobody has: what it is, and how it is taken over alone; and whose all the rest is.

use serde_json::{Value, json};

use crate::env::Output;
use crate::remote::Remote;
use crate::servers::Sort;

struct World(Remote);

impl World {
    fn new(sort: Sort) -> Self {
        let mut remote = Remote::new(sort);
        remote.env.set("LEASEHOLD_DIR", remote.estate.display().to_string());
        Self(remote)
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.0.env.run(arguments);
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }

    fn by_hand(&self, path: &str, body: &Value) {
        self.0.http.post(path, body);
    }
}

#[test]
fn what_is_there_is_taken_over_and_nothing_else_is_done() {
    for sort in [Sort::Ours, Sort::OpenBao] {
        let world = World::new(sort);
        world.by_hand("sys/mounts/aws", &json!({ "type": "aws" }));
        world.by_hand("sys/auth/approle", &json!({ "type": "approle" }));
        world.by_hand("aws/roles/backup", &json!({ "credential_type": "iam_user", "iam_groups": ["by-hand"] }));
        // Nothing changes by looking.
        let listed = world.run(&["adopt"], 0);
        for path in ["sys/mounts/aws", "sys/auth/approle", "aws/roles/backup"] {
            assert!(listed.stdout.contains(path), "{}", listed.normal());
        }
        assert!(!listed.stdout.contains("aws/roles/webapp"), "{}", listed.normal());
        let told: Value = serde_json::from_str(&world.run(&["adopt", "--format", "json"], 0).stdout).unwrap();
        assert_eq!(told["objects"].as_array().map(Vec::len), Some(3), "{told}");
        assert_eq!(world.0.held("aws/roles/backup")["iam_groups"], json!(["by-hand"]));
        // What is named, and what it needs, is taken over: it becomes as declared. The rest is not made.
        let taken = world.run(&["adopt", "aws/roles/*", "sys/mounts/aws", "--auto-approve"], 0);
        assert!(taken.stdout.contains("0 deleted, 2 adopted."), "{}", taken.normal());
        assert!(world.0.held("aws/roles/backup")["policy_document"].to_string().contains("s3:PutObject"));
        assert_eq!(world.0.held("aws/roles/webapp"), Value::Null);
        let left: Value = serde_json::from_str(&world.run(&["adopt", "--format", "json"], 0).stdout).unwrap();
        assert_eq!(left["objects"][0]["path"], "sys/auth/approle", "{left}");
        let again = world.run(&["adopt", "aws/roles/backup", "--auto-approve"], 0);
        assert!(again.stdout.contains("Nothing is there to be taken over"), "{}", again.normal());
        let wrong = world.run(&["adopt", "aws/roles/nobody", "--auto-approve"], 1);
        assert!(wrong.stderr.contains("aws/roles/nobody"), "{}", wrong.normal());
        // Nobody is asked where nobody can answer.
        assert_ne!(world.0.env.run(&["adopt", "sys/auth/approle"]).code, 0);
        world.run(&["adopt", "*", "--auto-approve"], 0);
        assert!(world.run(&["adopt"], 0).stdout.contains("all that is declared and there is ours"));
        world.run(&["apply", "--auto-approve"], 0);
        world.run(&["plan"], 0);
    }
}

#[test]
fn whose_each_object_is_is_listed() {
    let world = World::new(Sort::Ours);
    world.run(&["apply", "--auto-approve"], 0);
    world.by_hand("aws/roles/by-hand", &json!({ "credential_type": "iam_user", "iam_groups": ["g"] }));
    let other = format!(
        "environment \"remote\" {{\n  address = \"{}\"\n  estate = \"other\"\n}}\npolicy \"theirs\" {{\n  path \"a/*\" \
         {{\n    capabilities = [\"read\"]\n  }}\n}}\n",
        world.0.server.address
    );
    world.0.env.write("other/estate.hcl", &other);
    world.run(&["-C", "other", "apply", "--auto-approve"], 0);
    let row = |text: &str, path: &str| {
        text.lines()
            .find(|line| line.starts_with(path))
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let managed = world.run(&["ledger", "list", "--managed"], 0).stdout;
    assert!(row(&managed, "aws/roles/webapp").unwrap().contains("aws role this estate apps/webapp.hcl:"), "{managed}");
    assert!(row(&managed, "sys/policies/acl/theirs").unwrap().contains("the estate `other`"), "{managed}");
    assert_eq!(row(&managed, "aws/roles/by-hand"), None, "{managed}");
    let unmanaged = world.run(&["ledger", "list", "--unmanaged"], 0).stdout;
    assert_eq!(
        row(&unmanaged, "aws/roles/by-hand").as_deref(),
        Some("aws/roles/by-hand aws role nobody -"),
        "{unmanaged}"
    );
    assert_eq!((row(&unmanaged, "aws/roles/webapp"), row(&unmanaged, "sys/policies/acl/theirs")), (None, None));
    let all = world.run(&["ledger", "list", "--managed", "--unmanaged", "--format", "json"], 0).stdout;
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(
        all["aws/roles/by-hand"],
        json!({ "kind": "aws role", "owner": null, "declared_at": null, "ours": false })
    );
    assert_eq!(all["sys/policies/acl/theirs"]["owner"], "other.remote");
    assert_eq!(all["aws/roles/webapp"]["ours"], true);
    // Whose ledgers there are is told as before.
    assert!(world.run(&["ledger", "list"], 0).stdout.contains("other.remote"));
}
