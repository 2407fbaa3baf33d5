//! Small estates that were once judged wrongly, each with the answer that it must have.

use crate::env::{Output, TestEnv};

fn run(case: &str, command: &str) -> Output {
    let env = TestEnv::new();
    env.copy_tree(&format!("tests/data/cases/{case}"), "estate");
    env.run(&["-C", "estate", command])
}

#[test]
fn a_role_for_one_service_is_no_way_through_another() {
    let output = run("13-passrole-passed-to-service", "plan");
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(!output.stdout.contains("GUARDRAILS") && !output.stdout.contains("ec2-run"), "{}", output.stdout);
}

#[test]
fn each_statement_that_can_allow_nothing_is_told() {
    let output = run("19-resource-that-fits-no-action", "validate");
    assert_eq!(output.code, 0, "{}", output.stderr);
    let told: Vec<_> = output.stderr.lines().filter(|line| line.starts_with("warning[RESOURCE_MISMATCH]")).collect();
    for action in ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "ec2:DescribeInstances"] {
        assert_eq!(told.iter().filter(|line| line.contains(action)).count(), 1, "{action}: {}", output.stderr);
    }
    assert_eq!(told.len(), 4, "{}", output.stderr);
}

#[test]
fn an_escape_is_taken_off_in_policy_files_too() {
    let output = run("12-dollar-dollar-in-json-file", "plan");
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(output.stdout.contains("arn:aws:s3:::b/${aws:username}/*"), "{}", output.stdout);
    assert!(!output.stdout.contains("$${"), "{}", output.stdout);
}

#[test]
fn what_our_engine_does_not_serve_in_a_policy_is_told() {
    let expires = "path \"aws/creds/r\" {\n  capabilities = [\"read\"]\n  expiration = \"2027-01-01T00:00:00Z\"\n}\n";
    let scan = "path \"aws/creds/r\" {\n  capabilities = [\"read\", \"scan\"]\n}\n";
    for (what, text) in [("`expiration` in policies", expires), ("capability `scan`", scan)] {
        let mut estates = vec![("policy \"p\" {\n  file = \"file:p.policy\"\n}\n".to_owned(), "p.policy:")];
        // What a declared `path` block has no word for is said in a file.
        if !text.starts_with('{') && text != expires {
            estates.push((format!("policy \"p\" {{\n{text}}}\n"), "estate.hcl:"));
        }
        for (estate, place) in estates {
            let env = TestEnv::new();
            env.write("estate/estate.hcl", &format!("environment \"local\" {{\n  engine = \"embedded\"\n}}\n{estate}"));
            env.write("estate/p.policy", text);
            let output = env.run(&["-C", "estate", "validate"]);
            assert_eq!(output.code, 0, "{}", output.normal());
            let told = output.stderr.matches(&format!("leasehold's engine serves no {what}")).count();
            assert_eq!(told, 1, "{}", output.normal());
            assert!(output.stderr.contains(place), "{}", output.stderr);
            assert_ne!(env.run(&["-C", "estate", "validate", "--strict"]).code, 0);
        }
    }
}

#[test]
fn what_is_wrong_in_the_file_of_a_policy_is_shown_where_it_stands() {
    for (text, place) in [
        ("path \"a\" {\n  capabilities = [\"read\", \"raed\"]\n}\n", "p.policy:2:27"),
        // The same capability as an escape spells it.
        ("path \"a\" {\n  capabilities = [\"read\",\n    \"r\\u0061ed\"]\n}\n", "p.policy:3:5"),
        ("path \"a\" {\n  capabilities = \"read\"\n}\n", "p.policy:2:18"),
        ("path \"a\" {\n  capabilities = [\"read\"]\n  capabilities = []\n}\n", "p.policy:3:3"),
        ("path \"a\" {\n  policy = \"reed\"\n}\n", "p.policy:2:12"),
        ("path \"a\" {\n  capabilities = []\n  capabilites = []\n}\n", "p.policy:3:3"),
        ("path \"a\" {\n  allowed_parameters = {\n    x = \"1\"\n  }\n}\n", "p.policy:3:9"),
        ("path \"a\" {\n  capabilities = []\n  expiration = \"2027-01-01\"\n}\n", "p.policy:3:3"),
        ("{\"path\": {\"a\": {\n  \"capabilities\": [\"raed\"]}}}", "p.policy:2:20"),
    ] {
        let env = TestEnv::new();
        let policy =
            "environment \"local\" {\n  engine = \"embedded\"\n}\npolicy \"p\" {\n  file = \"file:p.policy\"\n}\n";
        env.write("estate/estate.hcl", policy);
        env.write("estate/p.policy", text);
        let output = env.run(&["-C", "estate", "validate"]);
        assert!(output.stderr.contains(&format!("--> {place}\n")), "{place}: {text}{}", output.normal());
    }
}

/// The errors of an estate, one a line.
fn errors(output: &Output) -> Vec<&str> {
    output.stderr.lines().filter(|line| line.starts_with("error")).collect()
}

#[test]
fn the_file_of_a_policy_may_end_in_hcl_and_be_of_hcl_1() {
    for case in ["01-acl-file-hcl", "02-acl-file-hcl1"] {
        let output = run(case, "validate");
        assert_eq!(output.code, 0, "{case}: {}", output.normal());
        assert!(output.stdout.contains("valid: 2 files, 1 environment"), "{}", output.stdout);
    }
}

/// Naming a file must not take declarations out of the estate; what is no declaration is checked as a policy, whoever
/// names it.
#[test]
fn only_what_declares_nothing_is_the_file_of_a_policy() {
    let guard = "guardrail \"g\" {\n  deny {\n    actions = [\"iam:*\"]\n  }\n}\n";
    let broken_guard = guard.replace(" {\n  deny", "\n{\n  deny");
    let rules = "path \"aws/creds/a\" {\n  capabilities = [\"read\"]\n}\n";
    let by_block = "policy \"q\" {\n  file = \"file:acl/q.hcl\"\n}\n";
    let by_variable = "policy \"q\" {\n  file = \"file:acl/${var.file}.hcl\"\n}\n";
    let by_override = "policy \"q\" {\n  file = \"file:acl/p.policy\"\n}\nenvironment \"prod\" {\n  address = \"https://prod.example.com\"\n  var {\n    file = \"q\"\n  }\n  override {\n    policy \"q\" {\n      file = \"file:acl/q.hcl\"\n    }\n  }\n}\n";
    let elsewhere = "policy \"q\" {\n  file = \"file:acl/p.policy\"\n}\n";
    for (declared, text, told) in [
        (by_block, rules, None),
        (by_variable, rules, None),
        (by_override, rules, None),
        (by_block, guard, Some("a policy has `path \"...\" { ... }` blocks only")),
        (by_block, broken_guard.as_str(), Some("this is not HCL")),
        (by_override, "path \"a\" {\n  capabilities = [\"raed\"]\n}\n", Some("`raed` is not a capability")),
        (by_variable, "path \"a\" {\n", Some("this is not HCL")),
        (elsewhere, rules, Some("`path` is not a kind of declaration")),
    ] {
        let env = TestEnv::new();
        let local = "environment \"local\" {\n  engine = \"embedded\"\n  var {\n    file = \"q\"\n  }\n}\naws \"aws\" {}\nrole \"a\" {\n  policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}\n";
        env.write("estate/estate.hcl", &format!("{local}{declared}"));
        env.write("estate/acl/p.policy", rules);
        env.write("estate/acl/q.hcl", text);
        let output = env.run(&["-C", "estate", "validate"]);
        let shown = output.normal();
        match told {
            None => assert_eq!(output.code, 0, "{declared}{text}{shown}"),
            Some(told) => {
                assert_eq!(output.code, 1, "{declared}{text}{shown}");
                assert!(errors(&output).iter().any(|line| line.contains(told)), "{declared}{text}{shown}");
            }
        }
        if text == guard {
            assert!(!shown.contains("`guardrail` is not a kind"), "{shown}");
        }
    }
}

#[test]
fn a_statement_without_its_label_is_told_once_with_the_right_form() {
    let output = run("07-statement-without-label", "validate");
    assert_eq!(errors(&output), ["error: `statement` needs a label"], "{}", output.stderr);
    for part in
        ["role.hcl:4:3", "statement \"ReadOnly\"", "condition = { StringLike = { \"s3:prefix\" = [\"home/\"] } }"]
    {
        assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
    }
    // What is in it is written as elsewhere, too, and only follows from that.
    let env = TestEnv::new();
    env.write("local.hcl", "environment \"local\" {\n  engine = \"embedded\"\n}\naws \"aws\" {}\n");
    let condition = "    condition {\n      test = \"StringLike\"\n      variable = \"s3:prefix\"\n      values = [\"home/\"]\n    }\n";
    env.write(
        "role.hcl",
        &format!("role \"a\" {{\n  statement {{\n    actions = [\"s3:ListBucket\"]\n    resources = [\"*\"]\n{condition}{condition}  }}\n}}\n"),
    );
    assert_eq!(errors(&env.run(&["validate"])), ["error: `statement` needs a label"]);
}

/// Every block that has a label, without it, in both syntaxes: one error, and none that only follows.
#[test]
fn a_block_without_its_label_is_told_once() {
    let engine = "environment \"local\" {\n  engine = \"embedded\"\n}\naws \"aws\" {}\nauth \"approle\" {}\n";
    let role = "    policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n";
    let app = |inner: &str| format!("{engine}app \"a\" {{\n{inner}}}\n");
    let test = "test \"t\" {\n  app = \"a\"\n  deny {\n    action   = \"s3:GetObject\"\n    resource = \"*\"\n  }\n}\n";
    let login = "  login \"approle\" {}\n";
    for (kind, hcl) in [
        ("environment", "environment {\n  engine = \"embedded\"\n}\n".to_owned()),
        (
            "aws",
            engine.replace("aws \"aws\" {}", "aws {\n  region = \"eu-west-1\"\n}")
                + "role \"r\" {\n  mount = \"aws\"\n"
                + role
                + "}\n",
        ),
        ("role", app(&format!("  role {{\n{role}  }}\n{login}"))),
        ("login", app(&format!("  role \"a\" {{\n{role}  }}\n  login {{\n    token_ttl = \"1h\"\n  }}\n"))),
        ("app", format!("{engine}app {{\n  owner = \"x\"\n  role \"a\" {{\n{role}  }}\n{login}}}\n{test}")),
        ("path", format!("{engine}policy \"p\" {{\n  path {{\n    capabilities = [\"read\"]\n  }}\n}}\n")),
        (
            "statement",
            app(&format!(
                "  role \"a\" {{\n    statement {{\n    }}\n    statement {{\n      sid = \"a\"\n    }}\n  }}\n{login}"
            )),
        ),
        (
            "role",
            app(&format!(
                "  role {{\n    statement \"a\" {{\n      actions = [\"s3:*\"]\n    }}\n  }}\n  role \"b\" {{\n{role}  }}\n{login}"
            )),
        ),
        ("policy", format!("{engine}policy {{\n  path \"sys/x\" {{\n    capabilities = [\"read\"]\n  }}\n}}\n")),
    ] {
        let output = {
            let env = TestEnv::new();
            env.write("estate/estate.hcl", &hcl);
            env.run(&["-C", "estate", "validate"])
        };
        let told = errors(&output);
        let blocks = hcl.matches(&format!("{kind} {{\n")).count();
        assert_eq!(told, vec![format!("error: `{kind}` needs a label"); blocks], "{hcl}{}", output.stderr);
    }
    for (kind, yaml) in [
        ("app", "app: {owner: x}\n"),
        ("role", "app: {a: {role: {policy_arns: [arn:aws:iam::aws:policy/ReadOnlyAccess]}, login: {approle: {}}}}\n"),
        ("path", "policy: {p: {path: {capabilities: [read]}}}\n"),
    ] {
        let env = TestEnv::new();
        let engine = "environment: {local: {engine: embedded}}\naws: {aws: {}}\nauth: {approle: {}}\n";
        env.write("estate/estate.yaml", &format!("{engine}{yaml}"));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(errors(&output), [format!("error: `{kind}` needs a label")], "{yaml}{}", output.stderr);
    }
}

#[test]
fn what_only_follows_from_another_error_is_not_told() {
    for (case, told) in [
        ("08-follow-up-account-id", "error: expected text, found a number"),
        (
            "09-follow-up-no-environment",
            "error: this is not YAML: tabs disallowed within this context (block indentation)",
        ),
    ] {
        let output = run(case, "validate");
        assert_eq!(errors(&output), [told], "{}", output.stderr);
        let output = run(case, "plan");
        assert_eq!(errors(&output), [told], "{}", output.stderr);
    }
    let engine =
        "environment \"local\" {\n  engine = \"embedded\"\n  var {\n    account = BAD\n  }\n}\naws \"aws\" {}\n";
    let role = "role \"r\" {\n  mount = \"aws\"\n  credential_type = \"iam_user\"\n  policy_document = \"file:p.json\"\n  permissions_boundary_arn = \"arn:aws:iam::${var.account}:policy/p\"\n}\n";
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::${var.account}:role/x"}]}"#;
    let good = format!("{}{role}", engine.replace("BAD", "\"111122223333\""));
    for (estate, told) in [
        (format!("{}{role}", engine.replace("BAD", "11112222333")), "expected text, found a number"),
        (format!("{}{role}", engine.replace("BAD", "\"1111\"")), "`1111` is not an account id"),
        (format!("{}{role}", engine.replace("BAD", "account")), "`account` is a bare word"),
        (good.replace("mount = \"aws\"", "mount = aws"), "`aws` is a bare word"),
        (good.replace("\"file:p.json\"", "file(\"p.json\")"), "the estate has no functions, operators or loops"),
        (good.replace("\"embedded\"", "embedded"), "`embedded` is a bare word"),
        (good.replace("environment \"local\" {", "environment \"local\" }"), "this is not HCL"),
    ] {
        let env = TestEnv::new();
        env.write("estate/estate.hcl", &estate);
        env.write("estate/p.json", document);
        let output = env.run(&["-C", "estate", "validate"]);
        let errors = errors(&output);
        assert!(errors.len() == 1 && errors[0].contains(told), "{estate}{}", output.stderr);
    }
    for (yaml, told) in [
        ("environment: {local: {engine: embedded}}\n---\naws: {}\n", "a second document starts here"),
        ("environment: !x {local: {engine: embedded}}\n", "tags are not understood"),
        ("environment: {local: {engine: embedded, engine: embedded}}\n", "`engine` is declared twice"),
    ] {
        let env = TestEnv::new();
        env.write("estate/estate.yaml", yaml);
        for arguments in
            [&["-C", "estate", "validate"][..], &["-C", "estate", "-e", "prod", "validate"], &["-C", "estate", "plan"]]
        {
            let output = env.run(arguments);
            let errors = errors(&output);
            assert!(errors.len() == 1 && errors[0].contains(told), "{yaml}{}", output.stderr);
        }
    }
}

#[test]
fn a_file_of_another_encoding_is_named_as_what_it_is() {
    let output = run("10-policy-utf16", "validate");
    assert_eq!(
        errors(&output),
        ["error: `iam/p.json` can't be read: this file is UTF-16, and files are read as UTF-8"]
    );
    assert!(output.stderr.contains("help: save it as UTF-8"), "{}", output.stderr);
    assert!(!output.stderr.contains("named relative"), "{}", output.stderr);
    let env = TestEnv::new();
    let utf16: Vec<u8> = "\u{feff}environment \"local\" {}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(env.write("estate/estate.hcl", ""), utf16).unwrap();
    let output = env.run(&["-C", "estate", "validate"]);
    assert_eq!(errors(&output), ["error: this file is UTF-16, and files are read as UTF-8"], "{}", output.stderr);
    assert!(output.stderr.contains("help: save it as UTF-8"), "{}", output.stderr);
}

#[test]
fn the_hint_for_a_scalar_says_how_it_is_written() {
    let output = run("11-yaml-hints", "validate");
    let hints: Vec<_> = output.stderr.lines().filter_map(|line| line.trim().strip_prefix("= help: ")).collect();
    assert_eq!(hints, ["write 10", "write true"], "{}", output.stderr);
    for (number, truth, hints) in [
        ("\"10\"", "\"true\"", ["write it without quotes", "write it without quotes, in lower case"]),
        ("1_000", "off", ["write 1000", "write false"]),
        ("\"+7\"", "1", ["write 7", "write true"]),
        ("\" 5\"", "No", ["write 5", "write false"]),
    ] {
        let env = TestEnv::new();
        env.copy_tree("tests/data/cases/11-yaml-hints", "estate");
        let yaml = std::fs::read_to_string(env.dir().join("estate/all.yaml")).unwrap();
        env.write(
            "estate/all.yaml",
            &yaml.replace(": 010", &format!(": {number}")).replace(": yes", &format!(": {truth}")),
        );
        let output = env.run(&["-C", "estate", "validate"]);
        let told: Vec<_> = output.stderr.lines().filter_map(|line| line.trim().strip_prefix("= help: ")).collect();
        assert_eq!(told, hints, "{}", output.stderr);
    }
}

/// An estate with a login and the settings of a method, of which one line is another.
fn with_logins(from: &str, to: &str) -> Output {
    let estate = r#"environment "local" {
  engine = "embedded"
}
aws "aws" {
  region = "eu-west-1"
  principal_arn = "arn:aws:iam::123456789012:user/engine"
}
auth "kubernetes" {
  config {
    kubernetes_host = "https://k.example.com"
  }
}
auth "jwt" {
  config {
    oidc_discovery_url = "https://issuer.example.com"
  }
}
iam_role "deploy" {
  arn = "arn:aws:iam::123456789012:role/deploy"
  statement "Main" {
    actions = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/*"]
  }
}
app "web" {
  role "web" {
    role_arns = ["arn:aws:iam::123456789012:role/deploy"]
    default_sts_ttl = "1h"
  }
  login "kubernetes" {
    service_accounts = ["web"]
    namespaces = ["web"]
    token_ttl = "1h"
  }
  login "jwt" {
    bound_audiences = ["web"]
    token_ttl = "1h"
  }
}
"#;
    let changed = estate.replace(from, to);
    assert!(from.is_empty() || changed != estate, "{from}");
    let env = TestEnv::new();
    env.write("estate/estate.hcl", &changed);
    env.run(&["-C", "estate", "validate"])
}

#[test]
fn what_only_follows_from_a_wrong_key_or_value_is_not_told() {
    let output = with_logins("", "");
    assert_eq!(output.code, 0, "{}", output.normal());
    for (from, to, told, hint) in [
        ("namespaces = ", "namespace = ", "has no key `namespace`", "did you mean `namespaces`?"),
        ("namespaces = [\"web\"]", "namespaces = 3", "expected", ""),
        ("kubernetes_host =", "kubernetes_hosts =", "has no key `kubernetes_hosts`", "did you mean `kubernetes_host`?"),
        (
            "oidc_discovery_url",
            "oidc_discovery_ur",
            "has no key `oidc_discovery_ur`",
            "did you mean `oidc_discovery_url`?",
        ),
        (
            "login \"kubernetes\"",
            "login \"kubernets\"",
            "the auth method `kubernets` is not declared",
            "did you mean `kubernetes`?",
        ),
        ("  statement \"Main\"", "  trust = \"{}\"\n  statement \"Main\"", "the policy has no `Statement`", ""),
        // The name that a key has on the wire.
        (
            "service_accounts",
            "bound_service_account_names",
            "has no key `bound_service_account_names`",
            "did you mean `service_accounts`?",
        ),
        ("  arn = ", "  arns = ", "has no key `arns`", "did you mean `arn`?"),
    ] {
        let output = with_logins(from, to);
        let errors = errors(&output);
        assert!(errors.len() == 1 && errors[0].contains(told), "{to}: {}", output.stderr);
        assert!(output.stderr.contains(hint), "{to}: {}", output.stderr);
    }
    // What is told of a key stands at the key, whatever its name is on the wire.
    let output = with_logins("service_accounts = [\"web\"]", "service_accounts = []");
    assert!(output.stderr.contains("no service account could log in"), "{}", output.stderr);
    assert!(output.stderr.contains("estate.hcl:31:24"), "{}", output.stderr);
}

#[test]
fn what_batch_tokens_cannot_be_is_told_before() {
    let login = "bound_audiences = [\"web\"]\n    token_ttl = \"1h\"";
    let batch = |more: &str| format!("{login}\n    token_type = \"batch\"\n    {more}");
    let role = |more: &str| format!("token_role \"ci\" {{\n  token_type = \"batch\"\n  {more}\n}}\napp \"web\" {{");
    let whole = "orphan = true\n  renewable = false";
    for (from, to, told) in [
        (login, batch("token_num_uses = 3"), Some("batch tokens are not counted")),
        (login, batch("token_period = \"1h\""), Some("batch tokens are not periodic")),
        (login, batch(""), None),
        ("app \"web\" {", role(whole), None),
        ("app \"web\" {", role("orphan = true"), Some("can't let them be renewed")),
        ("app \"web\" {", role("renewable = false"), Some("has to be for orphans")),
        ("app \"web\" {", role(&format!("{whole}\n  token_period = \"1h\"")), Some("can't give them a period")),
        ("app \"web\" {", role(&format!("{whole}\n  token_num_uses = 3")), Some("can't count their uses")),
    ] {
        let output = with_logins(from, &to);
        let errors = errors(&output);
        let as_told = told.map_or(errors.is_empty(), |told| errors.len() == 1 && errors[0].contains(told));
        assert!(as_told, "{to}: {}", output.stderr);
    }
}

#[test]
fn what_an_engine_refuses_of_a_method_is_told_before() {
    let (host, issuer) =
        ("kubernetes_host = \"https://k.example.com\"", "oidc_discovery_url = \"https://issuer.example.com\"");
    let with = |line: &str, more: &str| format!("{line}\n    {more}");
    for (from, to, told, place) in [
        (host, "kubernetes_host = \"k:443\"".to_owned(), "`k:443` can't be asked", "10:23"),
        (host, with(host, "kubernetes_ca_cert = \"nope\""), "no certificate in the CA's text", "11:26"),
        (host, with(host, "pem_keys = [\"x\"]"), "public key 1 is none", "11:16"),
        (issuer, "oidc_discovery_url = \"ftp://a\"".to_owned(), "`ftp://a` can't be asked", "15:26"),
        (issuer, "jwks_url = \"issuer\"".to_owned(), "`issuer` can't be asked", "15:16"),
        (issuer, "jwt_validation_pubkeys = [\"x\"]".to_owned(), "public key 1 is none", "15:30"),
        (issuer, with(issuer, "oidc_discovery_ca_pem = \"x\""), "no certificate in the CA's text", "16:29"),
        (issuer, with(issuer, "jwt_supported_algs = [\"none\"]"), "`none` is no algorithm", "16:26"),
        ("bound_audiences", "user_claim = \"\"\n    bound_audiences".to_owned(), "no claim says who logs in", "36:18"),
    ] {
        let output = with_logins(from, &to);
        let errors = errors(&output);
        assert!(errors.len() == 1 && errors[0].contains(told), "{to}: {}", output.stderr);
        assert!(output.stderr.contains(&format!("estate.hcl:{place}")), "{to}: {}", output.stderr);
    }
}

#[test]
fn hints_are_in_the_syntax_of_the_file() {
    let env = TestEnv::new();
    env.write("estate/env.yaml", "environment: { local: { engine: embedded } }\naws: { aws: { region: eu-west-1 } }\n");
    env.write("estate/app.yaml", "auth: { kubernetes: { config: {} } }\napp: { web: { policies: [default] } }\n");
    let output = env.run(&["-C", "estate", "validate"]);
    for hint in ["kubernetes_host: \"https://kubernetes.default.svc\"", "add login: { approle: { ... } }"] {
        assert!(output.stderr.contains(&format!("= help: {hint}")), "{hint}: {}", output.stderr);
    }
}

#[test]
fn what_iam_would_refuse_at_each_credential_is_told_before() {
    for (case, told, place) in [
        ("15-tag-keys-case", "IAM takes `team` for a tag that is there already", "app.hcl:7:37"),
        (
            "16-username-template-too-long",
            "names of 98 characters for the role `aws/shop`, and IAM takes 64",
            "engine.hcl:6:23",
        ),
        ("17-creds-hint-on-iam-refusal", "IAM takes no `&` in the value of a tag", "app.hcl:7:32"),
    ] {
        let output = run(case, "validate");
        let errors = errors(&output);
        assert!(errors.len() == 1 && errors[0].contains(told), "{}", output.stderr);
        assert!(output.stderr.contains(place), "{}", output.stderr);
    }
}

/// The simulated account, which has IAM's rules for itself, and `validate` say the same of a role.
#[test]
fn validate_and_iam_agree_on_roles() {
    use std::fmt::Write as _;
    let names = |count: usize, prefix: &str| (0..count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let tags = |pairs: &[(&str, &str)]| serde_json::json!({ "iam_tags": pairs.iter().copied().collect::<std::collections::BTreeMap<_, _>>() });
    let many = |count: usize| {
        let pairs = names(count, "k").into_iter().map(|key| (key, "v".to_owned()));
        serde_json::json!({ "iam_tags": pairs.collect::<std::collections::BTreeMap<_, _>>() })
    };
    let mut rows: Vec<(serde_json::Value, bool)> = vec![
        (tags(&[("team", "a b_.:/=+-@\u{e9}")]), true),
        (tags(&[("Team", "a"), ("team", "b")]), false),
        (tags(&[("team", "a&b")]), false),
        (tags(&[("te;am", "a")]), false),
        (tags(&[("aws:team", "a")]), false),
        (tags(&[("AWS:team", "a")]), false),
        (tags(&[("Leasehold:Lease", "a")]), false),
        (tags(&[("k", &"v".repeat(256))]), true),
        (tags(&[("k", &"v".repeat(257))]), false),
        (tags(&[(&"k".repeat(128), "v")]), true),
        (tags(&[(&"k".repeat(129), "v")]), false),
        (many(43), true),
        (many(51), false),
        (serde_json::json!({"user_path": "/a/b/"}), true),
        (serde_json::json!({"user_path": "/a//b/"}), false),
        (serde_json::json!({"iam_groups": ["no group"]}), false),
    ];
    // One more than what fits beside the engine's own, of which two are missing by hand: it has no app and no commit.
    rows.push((many(44), false));
    let mut env = TestEnv::new();
    let server = env.server(&["--dev", "--listen", "127.0.0.1:0", "--aws", "sandbox"]);
    env.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", server.root_token.clone().unwrap());
    env.ok(&["secrets", "enable", "aws"]);
    for (role, good) in rows {
        let mut written = role.clone();
        written["credential_type"] = "iam_user".into();
        written["policy_arns"] = serde_json::json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
        let by_hand = env.run_with_input(&["write", "aws/roles/r", "-"], &written.to_string());
        // A write merges, so the tags of the last one have to go.
        let issued = by_hand.code == 0 && env.run(&["read", "aws/creds/r"]).code == 0;
        env.run(&["delete", "aws/roles/r"]);
        let fields = role.as_object().unwrap();
        let mut hcl = String::new();
        for (name, value) in fields {
            match value.as_object() {
                Some(map) => {
                    let pairs = map.iter().map(|(key, value)| format!("\"{key}\" = {value}")).collect::<Vec<_>>();
                    writeln!(hcl, "    {name} = {{ {} }}", pairs.join(", ")).unwrap();
                }
                None => writeln!(hcl, "    {name} = {value}").unwrap(),
            }
        }
        let engine = "environment \"local\" {\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n}\naws \"aws\" {}\nauth \"approle\" {}\n";
        env.write("estate/estate.hcl", &format!("{engine}app \"r\" {{\n  role \"r\" {{\n    policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n{hcl}  }}\n  login \"approle\" {{}}\n}}\n"));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(output.code == 0, good, "{role}: {}", output.normal());
        if role != many(44) {
            assert_eq!(issued, good, "{role}: {}", by_hand.normal());
        }
    }
}

#[test]
fn a_username_template_is_compiled_and_rendered() {
    for (template, told) in [
        ("vault-{{.PolicyName}}-{{random 20}}", None),
        ("{{ printf \"v-%s-%s\" (unix_time) (random 40) | truncate 64 }}", None),
        ("vault-{{random 20}", Some("error: this template does not compile in leasehold's engine: ")),
        (
            "vault-{{nope}}",
            Some("error: this template does not compile in leasehold's engine: function \"nope\" not defined"),
        ),
        ("{{.PolicyName}}/{{random 20}}", Some("error: this template makes names with `/` for the role `aws/shop`")),
        (
            "{{ if (eq .Type \"STS\") }}{{random 20}}{{ end }}",
            Some("error: this template makes an empty name for the role `aws/shop`"),
        ),
        ("{{random 65}}", Some("error: this template makes names of 65 characters for the role `aws/shop`")),
        (
            "vault-{{.DisplayName}}-{{random 52}}",
            Some("error: this template makes names of 66 characters for the role `aws/shop`"),
        ),
        ("{{truncate_sha256 8 .PolicyName}}", Some("error: this template fails for the role `aws/shop`")),
        (
            "vault-{{.PolicyName}}",
            Some("warning: this template makes the same name for each credential for the role `aws/shop`"),
        ),
    ] {
        let env = TestEnv::new();
        env.copy_tree("tests/data/cases/16-username-template-too-long", "estate");
        let engine = std::fs::read_to_string(env.dir().join("estate/engine.hcl")).unwrap();
        let line = engine.lines().find(|line| line.contains("username_template")).unwrap();
        let written = format!("  username_template = {}", serde_json::json!(template));
        env.write("estate/engine.hcl", &engine.replace(line, &written));
        let output = env.run(&["-C", "estate", "validate"]);
        let lines: Vec<_> =
            output.stderr.lines().filter(|line| line.starts_with("error") || line.starts_with("warning")).collect();
        match told {
            None => assert_eq!((output.code, lines.len()), (0, 0), "{template}: {}", output.stderr),
            Some(told) => {
                assert!(lines.len() == 1 && lines[0].starts_with(told), "{template}: {}", output.stderr);
                assert_eq!(output.code, i32::from(told.starts_with("error")), "{}", output.stderr);
            }
        }
    }
}

#[test]
fn what_aws_refuses_points_at_the_role() {
    let env = TestEnv::new();
    env.copy_tree("tests/data/cases/17-creds-hint-on-iam-refusal", "estate");
    let app = std::fs::read_to_string(env.dir().join("estate/app.hcl")).unwrap();
    let nobodys = app.replace("a&b", "a").replace("iam::aws:policy/ReadOnlyAccess", "iam::000000000000:policy/none");
    env.write("estate/app.hcl", &nobodys);
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    let output = env.run(&["-C", "estate", "creds", "shop"]);
    assert_eq!(output.code, 2, "{}", output.normal());
    assert!(output.stderr.contains("help: what the role asks of AWS is declared at app.hcl:3"), "{}", output.stderr);
    assert!(!output.stderr.contains("leasehold apply"), "{}", output.stderr);
}

#[test]
fn a_mount_and_a_type_may_be_left_out_where_there_is_one_answer() {
    let estate = |mounts: &str| {
        format!(
            "environment \"local\" {{\n  engine = \"embedded\"\n  aws    = \"sandbox\"\n}}\n{mounts}auth \"approle\" {{}}\napp \"shop\" {{\n  role \"shop\" {{\n    policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n  }}\n  login \"approle\" {{\n    token_ttl = \"2h\"\n  }}\n}}\n"
        )
    };
    let env = TestEnv::new();
    env.write("estate/estate.hcl", &estate("aws \"cloud\" {}\n"));
    env.ok(&["-C", "estate", "apply", "--auto-approve"]);
    assert_eq!(env.run(&["-C", "estate", "plan"]).code, 0);
    env.ok(&["-C", "estate", "creds", "shop"]);
    assert!(env.ok(&["-C", "estate", "read", "cloud/roles/shop"]).contains("iam_user"));
    for (mounts, told, hint) in [
        ("", "error: role \"shop\" needs an AWS engine, and none is declared", "declare it"),
        ("aws \"b\" {}\naws \"a\" {}\n", "error: role \"shop\" needs `mount`", "one of `a`, `b`"),
    ] {
        env.write("estate/estate.hcl", &estate(mounts));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(errors(&output), [told], "{}", output.stderr);
        assert!(output.stderr.contains(hint), "{}", output.stderr);
    }
}

#[test]
fn an_app_whose_policies_omit_its_own_credentials_is_warned_of() {
    let estate = |policies: &str| {
        format!(
            "environment \"local\" {{\n  engine = \"embedded\"\n}}\naws \"aws\" {{}}\nauth \"approle\" {{}}\npolicy \"all\" {{\n  path \"aws/creds/*\" {{\n    capabilities = [\"read\"]\n  }}\n}}\npolicy \"none\" {{\n  path \"aws/creds/shop\" {{\n    capabilities = [\"deny\"]\n  }}\n}}\npolicy \"list\" {{\n  path \"aws/creds/shop\" {{\n    capabilities = [\"list\"]\n  }}\n}}\napp \"shop\" {{\n  role \"shop\" {{\n    policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n  }}\n  login \"approle\" {{\n    token_ttl = \"1h\"\n  }}\n  policies = {policies}\n}}\n"
        )
    };
    for (policies, warned) in [
        ("[\"all\"]", false),
        // The longer path counts, whatever the shorter one allows.
        ("[\"list\", \"all\"]", true),
        ("[\"default\"]", true),
        ("[\"list\"]", true),
        ("[\"all\", \"none\"]", true),
        ("[]", true),
    ] {
        let env = TestEnv::new();
        env.write("estate/estate.hcl", &estate(policies));
        let output = env.run(&["-C", "estate", "validate"]);
        assert_eq!(output.code, 0, "{}", output.normal());
        let told = output.stderr.contains("warning: app \"shop\" may not read `aws/creds/shop` by these policies");
        assert_eq!(told, warned, "{policies}: {}", output.stderr);
    }
}

/// On disk and in a commit alike.
#[test]
fn files_of_other_programs_are_told_and_can_be_left_out() {
    let env = TestEnv::new();
    env.write("estate/estate.hcl", "environment \"local\" {\n  engine = \"embedded\"\n}\naws \"aws\" {}\n");
    env.write("estate/docker-compose.yml", "version: \"3\"\nservices:\n  web:\n    image: nginx\n");
    env.write("estate/charts/app/values.yaml", "{{ template }}\n");
    let estate = env.dir().join("estate");
    crate::env::commit_all(&estate);
    let output = env.run(&["-C", "estate", "validate"]);
    assert_eq!(errors(&output).len(), 3, "{}", output.stderr);
    assert!(output.stderr.contains("`services` is not a kind of declaration"), "{}", output.stderr);
    assert!(output.stderr.contains(".leaseholdignore"), "{}", output.stderr);
    env.write("estate/.leaseholdignore", "# another program's\ndocker-compose.yml\ncharts/\n");
    let output = env.run(&["-C", "estate", "validate"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{}", output.normal());
    assert!(output.stdout.contains("1 file (.leaseholdignore leaves out 2)"), "{}", output.stdout);
    crate::env::git(&estate, &["add", "--all"]);
    crate::env::git(&estate, &["commit", "--quiet", "--message", "left out"]);
    std::fs::remove_file(estate.join(".leaseholdignore")).unwrap();
    let output = env.run(&["-C", "estate", "review", "HEAD..HEAD"]);
    assert_eq!(output.code, 0, "{}", output.normal());
    let output = env.run(&["-C", "estate", "review", "HEAD~1..HEAD"]);
    assert_eq!(output.code, 1, "{}", output.normal());
    env.write("estate/.leaseholdignore", "docker-compose.yml\ncharts/\n!estate.hcl\n");
    let output = env.run(&["-C", "estate", "validate"]);
    assert_eq!(errors(&output).len(), 1, "{}", output.stderr);
    assert!(output.stderr.contains("line 3: a pattern can't take back"), "{}", output.stderr);
}
