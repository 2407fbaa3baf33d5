//! Texts that people mean as variables: `$${` is `${` behind every door, and what IAM takes literally is told.

use serde_json::Value;

use crate::env::TestEnv;

const BASE: &str = "environment \"local\" {\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n  var {\n    \
     bucket = \"raw\"\n  }\n}\naws \"aws\" {}\nauth \"approle\" {}\n";

/// A document with one resource.
fn document(resource: &str) -> String {
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\
         \"Resource\":\"{resource}\"}}]}}"
    )
}

/// Each way to give a document, with this resource.
fn doors(resource: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let role = |document: &str| {
        format!("role \"r\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n{document}\n}}\n")
    };
    let yaml = |document: &str| format!("role:\n  r:\n    mount: aws\n    credential_type: iam_user\n{document}\n");
    let statement =
        format!("  statement \"S\" {{\n    actions = [\"s3:GetObject\"]\n    resources = [\"{resource}\"]\n  }}");
    let text = document(resource);
    let quoted = serde_json::Value::from(text.clone()).to_string();
    let small = "app \"a\" {\n  login \"approle\" {}\n  role \"r\" {\n    mount = \"aws\"\n    credential_type = \"iam_user\"\n    \
         statement \"S\" {\n      actions = [\"s3:GetObject\"]\n      resources = [\"arn:aws:s3:::z/*\"]\n    }\n  }\n}\n";
    vec![
        ("file", vec![("a.hcl", role("  policy_document = \"file:iam/p.json\"")), ("iam/p.json", text.clone())]),
        ("file, named in YAML", vec![("a.yaml", yaml("    policy_document: file:iam/p.json")), ("iam/p.json", text.clone())]),
        ("text", vec![("a.hcl", role(&format!("  policy_document = {quoted}")))]),
        ("heredoc", vec![("a.hcl", role(&format!("  policy_document = <<-EOT\n    {text}\n  EOT")))]),
        ("YAML", vec![("a.yaml", yaml(&format!("    policy_document: |\n      {text}")))]),
        ("statement", vec![("a.hcl", role(&statement))]),
        (
            "YAML statement",
            vec![("a.yaml", yaml(&format!("    statement:\n      S: {{actions: [\"s3:GetObject\"], resources: [\"{resource}\"]}}")))],
        ),
        (
            "managed_policy",
            vec![
                ("a.hcl", "managed_policy \"m\" {\n  arn = \"arn:aws:iam::111122223333:policy/m\"\n  policy_document = \"file:iam/p.json\"\n}\n".to_owned()),
                ("iam/p.json", text.clone()),
            ],
        ),
        (
            "at_most",
            vec![
                ("a.hcl", format!("{small}test \"t\" {{\n  app = \"a\"\n  at_most = \"file:iam/p.json\"\n}}\n")),
                ("iam/p.json", text.clone()),
            ],
        ),
        ("at_most text", vec![("a.hcl", format!("{small}test \"t\" {{\n  app = \"a\"\n  at_most = {quoted}\n}}\n"))]),
    ]
}

fn estate_of(files: &[(&'static str, String)]) -> TestEnv {
    let env = TestEnv::new();
    env.write("base.hcl", BASE);
    for (name, text) in files {
        env.write(name, text);
    }
    env
}

/// The codes, what is said and what to do.
fn findings(env: &TestEnv) -> Vec<[String; 3]> {
    let output = env.run(&["validate", "--json"]);
    let json: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr));
    let all = json["diagnostics"].as_array().unwrap().iter();
    all.map(|one| ["code", "summary", "detail"].map(|key| one[key].as_str().unwrap_or_default().to_owned())).collect()
}

/// The resource as the engine gets it, where the document is a role's.
fn resource(env: &TestEnv) -> Option<String> {
    let plan: Value = serde_json::from_str(&env.run(&["plan", "--json"]).stdout).ok()?;
    let changes = plan["changes"].as_array()?;
    let role = changes.iter().find(|change| change["path"] == "aws/roles/r")?;
    let field = role["fields"].as_array()?.iter().find(|field| field["name"] == "policy_document")?.clone();
    let document: Value = match &field["after"] {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    Some(document["Statement"][0]["Resource"].as_str()?.to_owned())
}

#[test]
fn two_dollars_are_one_behind_every_door() {
    for (door, files) in doors("arn:aws:s3:::${var.bucket}/$${aws:username}/*") {
        let env = estate_of(&files);
        assert_eq!(findings(&env), Vec::<[String; 3]>::new(), "{door}");
        let is_role = files.iter().any(|(_, text)| text.starts_with("role"));
        let expected = is_role.then(|| "arn:aws:s3:::raw/${aws:username}/*".to_owned());
        if is_role {
            assert_eq!(resource(&env), expected, "{door}");
        }
    }
}

#[test]
fn a_variable_of_iam_stands_as_it_is_in_a_file_and_is_told_elsewhere() {
    for (door, files) in doors("arn:aws:s3:::b/${aws:username}/*") {
        let env = estate_of(&files);
        let found = findings(&env);
        if files.iter().any(|(name, _)| *name == "iam/p.json") {
            assert_eq!(found, Vec::<[String; 3]>::new(), "{door}");
            if files.iter().any(|(_, text)| text.starts_with("role")) {
                assert_eq!(resource(&env).as_deref(), Some("arn:aws:s3:::b/${aws:username}/*"), "{door}");
            }
        } else {
            assert!(
                found.iter().any(|[_, what, hint]| format!("{what} {hint}").contains("$${aws:username}")
                    || format!("{what} {hint}").contains("$${...}")),
                "{door}: {found:?}"
            );
        }
    }
}

/// What people write, as it stands in a file, with the code of what is said and what to write.
const SPELLINGS: &[(&str, &str, &str)] = &[
    ("$aws:username", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("{aws:username}", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("{{aws:username}}", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("{{ aws:username }}", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("$(aws:username)", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("%{aws:username}", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("&{aws:username}", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("#{aws:username}", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("<aws:username>", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("%aws:username%", "VARIABLE_TAKEN_LITERALLY", "${aws:username}"),
    ("${aws.username}", "INVALID_VARIABLE_NAME", "${aws:username}"),
    ("${aws:usrname}", "INVALID_GLOBAL_CONDITION_KEY", "aws:username"),
    ("${aws/username}", "INVALID_VARIABLE_NAME", "${aws:username}"),
    ("${username}", "INVALID_VARIABLE_NAME", "${aws:username}"),
    ("${ aws:username }", "UNSUPPORTED_SPACE_IN_VARIABLE", "${aws:username}"),
    ("${AWS::AccountId}", "INVALID_VARIABLE_NAME", "${aws:PrincipalAccount}"),
    ("${AWS::Region}", "INVALID_VARIABLE_NAME", "${aws:RequestedRegion}"),
    ("${AWS::StackName}", "INVALID_VARIABLE_NAME", "SERVICE:KEY"),
    ("$$${aws:username}", "VARIABLE_TAKEN_LITERALLY", "${$}"),
    ("${aws:username", "MISSING_BRACE_IN_VARIABLE", "${key}"),
    ("{aws:PrincipalTag/team}", "VARIABLE_TAKEN_LITERALLY", "${aws:PrincipalTag/team}"),
    ("$s3:prefix", "VARIABLE_TAKEN_LITERALLY", "${s3:prefix}"),
    ("$AWS:UserName", "VARIABLE_TAKEN_LITERALLY", "${AWS:UserName}"),
];

/// Where in a statement a variable may stand.
const PLACES: &[(&str, &str)] = &[
    ("Resource", "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::b/@/*\""),
    ("NotResource", "\"Action\":\"s3:GetObject\",\"NotResource\":\"arn:aws:s3:::b/@/*\""),
    (
        "Condition",
        "\"Action\":\"s3:GetObject\",\"Resource\":\"*\",\"Condition\":{\"StringLike\":{\"s3:prefix\":[\"home/@/*\"]}}",
    ),
    (
        "Condition on an ARN",
        "\"Action\":\"s3:GetObject\",\"Resource\":\"*\",\"Condition\":{\"ArnLike\":{\"aws:SourceArn\":\"arn:aws:s3:::b/@/*\"}}",
    ),
];

#[test]
fn what_is_meant_as_a_variable_and_taken_literally_is_told() {
    let env = TestEnv::new();
    env.write("base.hcl", BASE);
    let mut cases = Vec::new();
    for (index, (spelling, code, hint)) in SPELLINGS.iter().enumerate() {
        for (at, (place, elements)) in PLACES.iter().enumerate() {
            let name = format!("r{index}-{at}");
            let elements = elements.replace('@', spelling);
            env.write(
                &format!("iam/{name}.json"),
                &format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Deny\",{elements}}}]}}"),
            );
            env.write(
                &format!("{name}.hcl"),
                &format!(
                    "role \"{name}\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_document = \
                     \"file:iam/{name}.json\"\n}}\n"
                ),
            );
            cases.push((format!("iam/{name}.json"), *spelling, *place, *code, *hint));
        }
    }
    let output = env.run(&["validate", "--json"]);
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    let mut bad = Vec::new();
    for (file, spelling, place, code, hint) in cases {
        let said: Vec<String> = json["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["range"]["filename"] == file.as_str())
            .map(|one| format!("{} {}: {}", one["code"], one["summary"], one["detail"]))
            .collect();
        if !matches!(said.as_slice(), [one] if one.contains(code) && one.contains(hint)) {
            bad.push(format!("{spelling} in {place}: {said:?}"));
        }
    }
    assert!(bad.is_empty(), "{} of them:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn texts_that_are_no_variables_are_left_alone() {
    for text in [
        "arn:aws:lambda:eu-west-1:111122223333:function:f:$LATEST",
        "arn:aws:execute-api:eu-west-1:111122223333:a/$default/GET/",
        "arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}/${*}${?}${$}",
        "arn:aws:s3:::b/${saml:sub}/${cognito-identity.amazonaws.com:sub}/${s3:prefix}",
        "arn:aws:s3:::b/{year}/{a:b}/<id>/100%/$1/$a/(x)",
        "arn:aws:iot:eu-west-1:111122223333:topic/$aws/things/${iot:Connection.Thing.ThingName}/shadow",
    ] {
        let mut files = doors(text).swap_remove(0).1;
        files[1].1 = files[1].1.replace("\"Allow\"", "\"Deny\"").replace("s3:GetObject", "*");
        let env = estate_of(&files);
        assert_eq!(findings(&env), Vec::<[String; 3]>::new(), "{text}");
    }
}

#[test]
fn a_key_with_a_variable_is_told_in_a_file_too() {
    let document = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\
         \"Resource\":\"*\",\"Condition\":{\"StringEquals\":{\"aws:PrincipalTag/@\":\"x\"}}}]}";
    for (variable, said) in
        [("${var.bucket}", "nothing is replaced in keys"), ("${aws:username}", "is not a condition key")]
    {
        let mut files = doors("arn:aws:s3:::b").swap_remove(0).1;
        files[1].1 = document.replace('@', variable);
        let found = findings(&estate_of(&files));
        assert!(found.iter().any(|[_, what, _]| what.contains(said)), "{variable}: {found:?}");
    }
}

#[test]
fn an_acl_file_in_which_nothing_is_replaced_says_so() {
    let env = estate_of(&[
        ("a.hcl", "policy \"p\" {\n  file = \"file:acl/p.policy\"\n}\n".to_owned()),
        ("acl/p.policy", "path \"secret/${var.bucket}/*\" {\n  capabilities = [\"read\"]\n}\n".to_owned()),
    ]);
    let found = findings(&env);
    assert!(matches!(found.as_slice(), [[_, what, _]] if what.contains("nothing is replaced")), "{found:?}");
}

#[test]
fn all_warnings_are_shown() {
    let env = TestEnv::new();
    let mut text = BASE.to_owned();
    for role in 0..150 {
        text.push_str(&format!(
            "role \"r{role}\" {{\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  statement \"S\" {{\n    actions = \
             [\"s3:GetObjct\"]\n    resources = [\"*\"]\n  }}\n}}\n"
        ));
    }
    env.write("a.hcl", &text);
    let output = env.run(&["validate"]);
    assert_eq!(output.stderr.matches("warning[INVALID_ACTION]").count(), 150, "{}", output.stderr.len());
    // Elsewhere many are counted, and it is said where they are all shown.
    let plan = env.run(&["plan"]);
    assert!(plan.stderr.contains("`leasehold validate` shows all"), "{}", plan.stderr);
    // An error is never crowded out.
    env.write("b.hcl", "role \"z\" {\n  mount = \"none\"\n}\n");
    let output = env.run(&["validate"]);
    assert!(output.stderr.starts_with("error: "), "{}", output.stderr);
    assert_eq!(output.stderr.matches("warning[INVALID_ACTION]").count(), 150);
    let output = env.run(&["plan"]);
    assert!(output.stderr.contains("the mount `none` is not declared"), "{}", output.stderr);
}

/// A login that names a type goes to the one method of that type, by whatever name it has.
#[test]
fn a_login_finds_the_only_method_of_its_type() {
    let env = TestEnv::new();
    let head = "environment \"local\" {\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n}\naws \"aws\" {}\n";
    let app = "app \"a\" {\n  role \"a\" {\n    iam_groups = [\"g\"]\n  }\n  login \"approle\" {}\n}\n";
    let method = |name: &str| format!("auth \"{name}\" {{\n  type = \"approle\"\n}}\n");
    env.write("a.hcl", &format!("{head}{}{app}", method("machines")));
    let plan = env.run(&["plan"]);
    assert!(plan.stdout.contains("auth/machines/role/app-a"), "{}", plan.normal());
    for (methods, hint) in [
        (method("machines") + &method("robots"), "say at which it is: mount = \"machines\" or \"robots\""),
        (String::new(), "declare it: auth \"approle\" { type = \"approle\" }"),
        ("auth \"approles\" {\n  type = \"userpass\"\n}\n".to_owned(), "did you mean `approles`?"),
    ] {
        env.write("a.hcl", &format!("{head}{methods}{app}"));
        let output = env.run(&["validate"]);
        assert!(output.stderr.contains("the auth method `approle` is not declared"), "{}", output.stderr);
        assert!(output.stderr.contains(hint), "{hint}: {}", output.stderr);
    }
    // A method of that name is the one that is meant.
    env.write("a.hcl", &format!("{head}{}auth \"approle\" {{}}\n{app}", method("machines")));
    assert!(env.run(&["plan"]).stdout.contains("auth/approle/role/app-a"));
}

/// What IAM takes no tag for is told before a credential is asked for.
#[test]
fn tags_have_no_control_characters() {
    let env = TestEnv::new();
    for (tag, what) in [
        ("\"a\\tb\" = \"c\"", "IAM takes no tag `a\\tb`"),
        ("a = \"c\\u0085d\"", "in the value of a tag"),
        ("a = \"c\\nd\"", "in the value of a tag"),
    ] {
        env.write("a.hcl", &format!("aws \"aws\" {{}}\nrole \"r\" {{\n  mount = \"aws\"\n  iam_groups = [\"g\"]\n  iam_tags = {{\n    {tag}\n  }}\n}}\n"));
        let output = env.run(&["validate"]);
        assert!(output.code == 1 && output.stderr.contains(what), "{tag}: {}", output.stderr);
    }
}
