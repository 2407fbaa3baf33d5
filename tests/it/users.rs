//! What a role decides of its users (whose account they are of, their tags, path and name) is a part of what they may
//! do: no review calls it nothing when a change of that may let policies allow more.

use serde_json::{Value, json};

use crate::env::{TestEnv, commit_all};

/// An estate, and what one of its roles may do.
struct State {
    /// More of the mount.
    mount: &'static str,
    /// The app's roles: name, what else it says, and whether it has the statements.
    roles: &'static [(&'static str, &'static str, bool)],
    /// Managed policies.
    managed: &'static str,
}

const PLAIN: State = State { mount: "", roles: &[("shop", "", true)], managed: "" };

impl State {
    fn write(&self, env: &TestEnv, statements: &Value) {
        let Self { mount, managed, .. } = self;
        let mut text = format!(
            "environment \"prod\" {{\n  address = \"https://vault.example.com:8200\"\n}}\n\
             aws \"aws\" {{\n{mount}\n}}\naws \"other\" {{}}\nauth \"approle\" {{}}\n{managed}\n\
             app \"shop\" {{\n  login \"approle\" {{}}\n"
        );
        for (name, more, has) in self.roles {
            let mount = if more.contains("mount") { "" } else { "mount = \"aws\"" };
            let document = if *has { "file:shop.json" } else { "file:little.json" };
            text += &format!(
                "  role \"{name}\" {{\n    {mount}\n    {more}\n    credential_type = \"iam_user\"\n    \
                 policy_document = \"{document}\"\n  }}\n"
            );
        }
        text.push_str("}\n");
        let little = json!([{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}]);
        for (file, statements) in [("shop.json", statements), ("little.json", &little)] {
            let document = json!({"Version": "2012-10-17", "Statement": statements});
            env.write(&format!("estate/{file}"), &document.to_string());
        }
        env.write("estate/estate.hcl", &text);
    }
}

/// What a change is about, the statements, what stands before and after it, and what has to be said.
type Change = (&'static str, Value, State, State, Option<&'static str>);

fn allow(condition: &Value) -> Value {
    json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}])
}

fn two(first: &'static [(&'static str, &'static str, bool)]) -> State {
    State { roles: first, ..PLAIN }
}

fn changes() -> Vec<Change> {
    let plain = || allow(&json!({}));
    let tagged = || allow(&json!({"StringEquals": {"aws:PrincipalTag/team": "web"}}));
    let named = || allow(&json!({"StringLike": {"aws:username": "*-admin-*"}}));
    let variable = || json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/${aws:username}/*"}]);
    let template = State { mount: "username_template = \"admin\"", ..PLAIN };
    let bounded = |tags| State {
        roles: tags,
        managed: "managed_policy \"edge\" {\n  arn = \"arn:aws:iam::111122223333:policy/edge\"\n  \
                  policy_document = \"file:shop.json\"\n}",
        ..PLAIN
    };
    vec![
        (
            "a role on another mount",
            plain(),
            PLAIN,
            two(&[("shop", "mount = \"other\"", true)]),
            Some("role aws/shop allowed it before, but in what may be another account"),
        ),
        (
            "a second role on another mount",
            plain(),
            PLAIN,
            two(&[("shop", "", true), ("more", "mount = \"other\"", true)]),
            Some("role aws/shop allowed it before, but in what may be another account"),
        ),
        (
            "a statement that moves between mounts",
            plain(),
            two(&[("shop", "", true), ("more", "mount = \"other\"", false)]),
            two(&[("shop", "", false), ("more", "mount = \"other\"", true)]),
            Some("role aws/shop allowed it before, but in what may be another account"),
        ),
        (
            "a statement that moves within a mount",
            plain(),
            two(&[("shop", "iam_tags = {team = \"ops\"}", true), ("more", "iam_tags = {team = \"web\"}", false)]),
            two(&[("shop", "iam_tags = {team = \"ops\"}", false), ("more", "iam_tags = {team = \"web\"}", true)]),
            None,
        ),
        (
            "a statement that moves to users with other tags and looks at them",
            tagged(),
            two(&[("shop", "iam_tags = {team = \"ops\"}", true), ("more", "iam_tags = {team = \"web\"}", false)]),
            two(&[("shop", "iam_tags = {team = \"ops\"}", false), ("more", "iam_tags = {team = \"web\"}", true)]),
            Some("but to users with other tags"),
        ),
        (
            "a statement that moves to users with other names and looks at them",
            named(),
            two(&[("shop", "", true), ("admin", "", false)]),
            two(&[("shop", "", false), ("admin", "", true)]),
            Some("but to users with other names"),
        ),
        ("a role with another name", plain(), PLAIN, two(&[("admin", "", true)]), None),
        (
            "a role with another name that its policy looks at",
            named(),
            PLAIN,
            two(&[("admin", "", true)]),
            Some("its own policy looks at the names"),
        ),
        ("a template for names", plain(), PLAIN, State { mount: template.mount, ..PLAIN }, None),
        (
            "a template for names that a condition looks at",
            named(),
            PLAIN,
            State { mount: template.mount, ..PLAIN },
            Some("the policies of aws/shop look at the names of users"),
        ),
        (
            "a template for names that a resource looks at",
            variable(),
            PLAIN,
            template,
            Some("look at the names of users"),
        ),
        (
            "tags that the boundary looks at",
            tagged(),
            bounded(&[("shop", "permissions_boundary_arn = \"arn:aws:iam::111122223333:policy/edge\"", false)]),
            bounded(&[(
                "shop",
                "permissions_boundary_arn = \"arn:aws:iam::111122223333:policy/edge\"\n    iam_tags = {team = \"web\"}",
                false,
            )]),
            Some("its own policy looks at the tags"),
        ),
        (
            "tags that a policy may look at that nobody declares",
            plain(),
            two(&[("shop", "policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]", true)]),
            two(&[(
                "shop",
                "policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n    iam_tags = {team = \"web\"}",
                true,
            )]),
            Some("may look at the tags, and its document is not known here"),
        ),
    ]
}

#[test]
fn what_a_role_decides_of_its_users_is_a_part_of_what_they_may_do() {
    let mut wrong = Vec::new();
    for (what, statements, before, after, said) in changes() {
        let env = TestEnv::new();
        for state in [before, after] {
            state.write(&env, &statements);
            commit_all(&env.dir().join("estate"));
        }
        let output = env.run(&["review", "HEAD~1..HEAD", "-C", "estate"]);
        let text = output.normal();
        let (code, told) = said.map_or((0, "Nothing is gained"), |said| (2, said));
        if output.code != code || !text.contains(told) {
            wrong.push(format!("{what}: exit {}, not {code} with {told:?}:\n{text}", output.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An engine gives an alias to whoever was written last: two who have one would take it from each other for ever.
#[test]
fn what_only_one_may_have_is_an_error_for_the_second() {
    const BASE: &str = "environment \"local\" {\n  engine = \"embedded\"\n}\naws \"aws\" {}\nauth \"userpass\" {}\n";
    for (declared, told) in [
        (
            "user \"ann\" {\n  aliases = { userpass = \"ann\" }\n}\nuser \"eve\" {\n  aliases = { userpass = \"Ann\" }\n}\n",
            "`ann` of auth/userpass is that of identity/entity/name/ann already",
        ),
        (
            "group \"a\" {\n  alias = { userpass = \"ops\" }\n}\ngroup \"b\" {\n  alias = { userpass = \"ops\" }\n}\n",
            "`ops` of auth/userpass is that of identity/group/name/a already",
        ),
        (
            "static_role \"a\" {\n  username = \"ci\"\n  rotation_period = \"24h\"\n}\nstatic_role \"b\" {\n  username = \"ci\"\n  \
             rotation_period = \"24h\"\n}\n",
            "the IAM user `ci` of aws is that of aws/static-roles/a already",
        ),
    ] {
        let env = crate::env::TestEnv::new();
        env.write("estate/a.hcl", &format!("{BASE}{declared}"));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(output.code, 1, "{declared}: {}", output.normal());
        let said = output.stdout.clone() + &output.stderr;
        assert!(said.contains(told) && said.contains("named here first"), "{declared}: {}", output.normal());
        // One that is to go has it no more.
        let label = declared.rfind(" {\n").map(|_| declared.rfind("\" {\n").unwrap() + 4).unwrap();
        let gone = format!("{}  absent = true\n{}", &declared[..label], &declared[label..]);
        env.write("estate/a.hcl", &format!("{BASE}{gone}"));
        let output = env.run(&["-C", "estate", "validate"]);
        assert!(!(output.stdout.clone() + &output.stderr).contains("already"), "{gone}: {}", output.normal());
    }
}
