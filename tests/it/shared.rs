//! A mount that one estate has and another refers to: each has its own roles and logins below it, and nobody takes what is
//! the other's.

use serde_json::json;

use crate::env::{Output, Server, TestEnv};
use crate::http::Http;

struct World {
    env: TestEnv,
    http: Http,
    _server: Server,
}

const MOUNTS: &str = "aws \"aws\" {\n  region = \"eu-west-1\"\n  lease {\n    default = \"1h\"\n    max = \"2h\"\n  }\n}\n\
                      auth \"people\" {\n  type = \"userpass\"\n}\n";

const REFERRED: &str =
    "aws \"aws\" {\n  shared = true\n}\nauth \"people\" {\n  type = \"userpass\"\n  shared = true\n}\n";

const APP: &str = r#"app "web" {
  role "web" {
    iam_groups = ["g"]
  }
  login "people" {
    password  = "secret:env:WEB"
    token_ttl = "1h"
  }
}
user "ann" {
  aliases = { people = "ann" }
}
"#;

impl World {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let server = env.server(&["--data-dir", "data", "--listen", "127.0.0.1:0", "--aws=sandbox"]);
        let token = std::fs::read_to_string(env.dir().join("data/root-token")).unwrap().trim().to_owned();
        for estate in ["platform", "team"] {
            let address = &server.address;
            let head = format!(
                "environment \"prod\" {{\n  estate = \"{estate}\"\n  address = \"{address}\"\n  secrets = [\"env:*\"]\n}}\n"
            );
            env.write(&format!("{estate}/environments.hcl"), &head);
        }
        env.set("LEASEHOLD_TOKEN", token.clone());
        env.set("WEB", "for-web");
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        Self { env, http, _server: server }
    }

    fn declare(&self, estate: &str, text: &str) {
        self.env.write(&format!("{estate}/estate.hcl"), text);
    }

    #[track_caller]
    fn run(&self, estate: &str, arguments: &[&str], code: i32) -> String {
        let output: Output = self.env.run(&[&["-C", estate], arguments].concat());
        assert_eq!(output.code, code, "{estate} {arguments:?}: {}", output.normal());
        output.stdout + &output.stderr
    }

    #[track_caller]
    fn apply(&self, estate: &str) -> String {
        let said = self.run(estate, &["apply", "--auto-approve"], 0);
        self.run(estate, &["plan"], 0);
        said
    }

    /// Both estates, applied.
    fn settled() -> Self {
        let world = Self::new();
        world.declare("platform", MOUNTS);
        world.declare("team", &format!("{REFERRED}{APP}"));
        world.apply("platform");
        world.apply("team");
        world
    }

    fn is_there(&self, path: &str) -> bool {
        self.http.send("GET", path, None).status == 200
    }
}

#[test]
fn two_estates_share_a_mount_and_each_keeps_to_its_own() {
    let world = World::new();
    world.declare("platform", MOUNTS);
    world.declare("team", &format!("{REFERRED}{APP}"));
    let said = world.run("team", &["plan"], 1);
    assert!(
        said.contains("sys/mounts/aws (estate.hcl:1) is shared, and")
            && said.contains("has none: its owner has to make it first"),
        "{said}"
    );
    world.apply("platform");
    let plan = world.run("team", &["plan"], 2);
    for said in
        ["+ aws role aws/roles/web", "+ userpass user auth/people/users/app-web", "aliases = {people = \"ann\"}"]
    {
        assert!(plan.contains(said), "{said}: {plan}");
    }
    assert!(
        !plan.contains("sys/mounts/aws") && !plan.contains("sys/auth/people") && !plan.contains("config/"),
        "{plan}"
    );
    world.apply("team");
    // What the other has is no business of either.
    for estate in ["platform", "team"] {
        world.run(estate, &["drift"], 0);
    }
    world.declare("platform", &MOUNTS.replace("max = \"2h\"", "max = \"3h\""));
    world.apply("platform");
    world.run("team", &["drift"], 0);
    // What nobody has is counted, as below a mount of one's own.
    world.http.post("aws/roles/stray", &json!({ "credential_type": "iam_user", "iam_groups": ["g"] }));
    for estate in ["platform", "team"] {
        let drift = world.run(estate, &["drift"], 5);
        assert!(
            drift.contains("aws role aws/roles/stray") && drift.contains("0 committed and not yet applied, 1 not ours"),
            "{drift}"
        );
    }
}

#[test]
fn a_mount_does_not_go_while_somebody_elses_is_below_it_nor_with_who_refers_to_it() {
    let world = World::settled();
    world.declare("platform", "policy \"p\" {\n  path \"x/*\" {\n    capabilities = [\"read\"]\n  }\n}\n");
    let refused = world.run("platform", &["plan"], 3);
    assert!(refused.contains("sys/mounts/aws") && refused.contains("aws/roles/web (the estate `team`"), "{refused}");
    world.declare("platform", MOUNTS);
    // Adopting takes roles that are nobody's, and no mount.
    world.http.post("aws/roles/more", &json!({ "credential_type": "iam_user", "iam_groups": ["g"] }));
    let more = "role \"more\" {\n  mount      = \"aws\"\n  iam_groups = [\"g\"]\n}\n";
    world.declare("team", &format!("{REFERRED}{APP}{more}"));
    let adopted = world.run("team", &["apply", "--auto-approve", "--adopt"], 0);
    assert!(adopted.contains("= aws role aws/roles/more") && !adopted.contains("sys/mounts/aws"), "{adopted}");
    world.run("platform", &["plan"], 0);
    // All of the team's goes, and nothing of the other's.
    world.declare("team", REFERRED);
    let gone = world.apply("team");
    assert!(gone.contains("- aws role aws/roles/web") && !gone.contains("sys/mounts/aws"), "{gone}");
    assert!(world.is_there("aws/config/lease") && !world.is_there("aws/roles/web"));
    world.run("platform", &["drift"], 0);
}

#[test]
fn a_mount_is_handed_over_by_referring_to_it() {
    let world = World::settled();
    // The team takes it over, which the platform has to have let go.
    world.declare("platform", REFERRED);
    let plan = world.run("platform", &["plan"], 2);
    for path in ["sys/mounts/aws", "aws/config/lease", "sys/auth/people"] {
        assert!(plan.contains(&format!("{path}  (")), "{path}: {plan}");
    }
    assert!(plan.contains("it is somebody else's from now on (estate.hcl:1): it stays as it is"), "{plan}");
    assert!(plan.contains("0 to delete") && plan.contains("4 to forget"), "{plan}");
    world.apply("platform");
    assert!(world.is_there("aws/roles/web") && world.is_there("aws/config/lease"));
    world.declare("team", &format!("{MOUNTS}{APP}"));
    world.run("team", &["plan"], 3);
    world.run("team", &["apply", "--auto-approve", "--adopt"], 0);
    for estate in ["platform", "team"] {
        world.run(estate, &["plan"], 0);
        world.run(estate, &["drift"], 0);
    }
}

#[test]
fn people_of_another_estate_are_in_groups_of_ones_own() {
    let world = World::settled();
    let bob = "user \"bob\" {\n  aliases = { people = \"bob\" }\n}\ngroup \"dev\" {\n}\n";
    world.declare("platform", &format!("{MOUNTS}{bob}"));
    let of_team = "group \"web\" {\n  members = [\"ann\", \"bob\"]\n  groups  = [\"dev\"]\n}\n\
                   user \"bob\" {\n  shared = true\n}\ngroup \"dev\" {\n  shared = true\n}\n";
    world.declare("team", &format!("{REFERRED}{APP}{of_team}"));
    let said = world.run("team", &["plan"], 1);
    assert!(said.contains("identity/entity/name/bob (estate.hcl") && said.contains("has none"), "{said}");
    world.apply("platform");
    let plan = world.apply("team");
    assert!(plan.contains("members = [\"ann\", \"bob\"]") && plan.contains("member_groups = [\"dev\"]"), "{plan}");
    for path in ["entity identity/entity/name/bob", "group identity/group/name/dev"] {
        assert!(!plan.contains(path), "{plan}");
    }
    for estate in ["platform", "team"] {
        world.run(estate, &["drift"], 0);
    }
    // They stay the platform's when the team has nothing to do with them any more.
    world.declare("team", &format!("{REFERRED}{APP}"));
    world.apply("team");
    assert!(world.is_there("identity/entity/name/bob") && world.is_there("identity/group/name/dev"));
    world.run("platform", &["plan"], 0);
}

#[test]
fn a_mount_of_another_type_is_not_taken_for_the_shared_one() {
    let world = World::settled();
    world.declare("team", "auth \"people\" {\n  type = \"jwt\"\n  shared = true\n}\n");
    let said = world.run("team", &["plan"], 1);
    assert!(said.contains("sys/auth/people (estate.hcl:1) is shared, and of the type userpass at"), "{said}");
}

#[test]
fn what_is_the_owners_to_say_is_not_said_beside_shared() {
    let env = TestEnv::new();
    for (text, said) in [
        (
            "aws \"aws\" {\n shared = true\n region = \"eu-west-1\"\n}",
            "`region` of aws \"aws\" is for whoever has it to say",
        ),
        ("aws \"aws\" {\n shared = true\n lease {\n default = \"1h\"\n }\n}", "`lease` of aws \"aws\""),
        ("auth \"jwt\" {\n shared = true\n config {\n }\n}", "`config` of auth \"jwt\""),
        ("auth \"jwt\" {\n shared = true\n description = \"x\"\n}", "`description` of auth \"jwt\""),
        ("auth \"x\" {\n shared = true\n}", "`x` is not an auth method"),
        ("user \"u\" {\n shared = true\n disabled = true\n}", "`disabled` of user \"u\""),
        ("group \"g\" {\n shared = true\n policies = [\"default\"]\n}", "`policies` of group \"g\""),
        ("auth \"jwt\" {\n shared = \"yes\"\n}", "true or false"),
        ("auth \"jwt\" {\n shard = true\n}", "did you mean `shared`?"),
    ] {
        env.write("estate/estate.hcl", &format!("environment \"l\" {{\n engine = \"embedded\"\n}}\n{text}\n"));
        let output = env.run(&["validate", "-C", "estate"]);
        let all = output.stdout.clone() + &output.stderr;
        assert!(output.code == 1 && all.contains(said), "{text}\n{said}\n{all}");
    }
    let known = "aws \"aws\" {\n  shared = true\n  principal_arn = \"arn:aws:iam::111122223333:user/engine\"\n}\n";
    env.write("estate/estate.hcl", &format!("environment \"l\" {{\n  engine = \"embedded\"\n}}\n{known}"));
    env.ok(&["validate", "-C", "estate"]);
}
