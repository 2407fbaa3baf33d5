//! Every rule broken and kept, exceptions with their ends, and what a change introduces.

use std::sync::Arc;

use serde_json::{Value, json};

use super::rule::Wildcard;
use super::{
    Bound, Clause, DEFAULT, Deny, Escalation, Exception, Guardrail, Login, Rule, Severity, Subject, Terms, Who,
    expired, judge, paths, wire,
};
use crate::iam::catalogue::AccessLevel;
use crate::iam::catalogue::Catalogue;
use crate::iam::json;
use crate::iam::policy::{Policy, PolicySet};

const TODAY: &str = "2026-11-25";

fn set(statements: &str) -> PolicySet<()> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let policy = Policy::of_checked(&json::parse(&text).expect("JSON")).map_spans(|_, _| ());
    PolicySet::identity(vec![Arc::new(policy)])
}

fn allow(actions: &str, resources: &str) -> String {
    let list = |text: &str| serde_json::json!(text.split(' ').collect::<Vec<_>>());
    format!(r#"{{"Effect":"Allow","Action":{},"Resource":{}}}"#, list(actions), list(resources))
}

fn guardrail(rule: Rule) -> Guardrail {
    Guardrail { name: "g".to_owned(), rules: vec![Clause::of(rule)], ..Guardrail::default_one() }
}

fn require(demands: Value) -> Guardrail {
    let Value::Object(demands) = demands else { panic!("{demands}") };
    let clause = Clause::read("require", demands).expect("known");
    Guardrail { name: "g".to_owned(), rules: vec![clause], ..Guardrail::default_one() }
}

fn deny(rule: Deny) -> Guardrail {
    guardrail(Rule::Deny(rule))
}

fn role<'a>(access: &'a [PolicySet<()>], terms: Terms) -> Subject<'a, ()> {
    Subject {
        name: "aws/deploy",
        roles: vec!["aws/deploy".to_owned()],
        apps: vec!["deploy".to_owned()],
        access,
        who: Who::App,
        terms: Some(terms),
        logins: Vec::new(),
        place: None,
    }
}

fn app<'a>(access: &'a [PolicySet<()>], logins: Vec<Login>) -> Subject<'a, ()> {
    Subject { name: "deploy", terms: None, logins, ..role(access, Terms::default()) }
}

fn told(guardrails: &[Guardrail], subject: &Subject<'_, ()>) -> Vec<(String, Severity)> {
    let judged = judge(guardrails, None, subject, TODAY, &|()| None);
    judged.into_iter().map(|judged| (judged.violation.what, judged.violation.severity)).collect()
}

fn is_broken(guardrail: Guardrail, statements: &str) -> bool {
    !told(&[guardrail], &role(&[set(statements)], Terms::default())).is_empty()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn denied_access_is_found_and_its_absence_proved() {
    let jewels = || Deny { actions: texts(&["s3:*"]), resources: texts(&["arn:aws:s3:::pii-*"]), ..Deny::default() };
    let vpce = r#""Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#;
    let with_condition = |condition: &str| {
        allow("s3:GetObject", "arn:aws:s3:::pii-1").replace(r#""Effect""#, &format!(r#"{condition},"Effect""#))
    };
    for (rule, statements, broken) in [
        (jewels(), allow("s3:GetObject", "arn:aws:s3:::pii-1"), true),
        (jewels(), allow("s3:GetObject", "*"), true),
        (jewels(), allow("s3:GetObject", "arn:aws:s3:::public-*"), false),
        (jewels(), allow("ec2:*", "*"), false),
        (
            jewels(),
            format!(
                r#"{},{{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::pii-*"}}"#,
                allow("s3:GetObject", "*")
            ),
            false,
        ),
        (Deny { unless: texts(&["aws:SourceVpce"]), ..jewels() }, with_condition(vpce), false),
        (
            Deny { unless: texts(&["aws:SourceVpce"]), ..jewels() },
            with_condition(&vpce.replace("Equals", "NotEquals")),
            true,
        ),
        (Deny { unless: texts(&["aws:SourceVpce"]), ..jewels() }, allow("s3:GetObject", "arn:aws:s3:::pii-1"), true),
    ] {
        assert_eq!(is_broken(deny(rule.clone()), &statements), broken, "{rule:?} {statements}");
    }
}

#[test]
fn levels_and_wildcards_are_seen_in_the_statement() {
    let level = |level| Deny { levels: vec![level], wildcards: vec![Wildcard::Resource], ..Deny::default() };
    let wildcard = |wildcards: &[Wildcard]| Deny { wildcards: wildcards.to_vec(), ..Deny::default() };
    let not_action = r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#.to_owned();
    for (rule, statements, broken) in [
        (level(AccessLevel::Write), allow("s3:PutObject", "*"), true),
        (level(AccessLevel::Write), allow("s3:Get*", "*"), false),
        (level(AccessLevel::Write), allow("s3:*", "arn:aws:s3:::b"), false),
        (level(AccessLevel::PermissionsManagement), allow("s3:*", "*"), true),
        (level(AccessLevel::Tagging), allow("ec2:CreateTags", "*"), true),
        (wildcard(&[Wildcard::Action]), allow("s3:*", "arn:aws:s3:::b"), true),
        (wildcard(&[Wildcard::Action]), allow("s3:Get*", "*"), false),
        (wildcard(&[Wildcard::Action, Wildcard::Resource]), allow("s3:*", "arn:aws:s3:::b"), false),
        (wildcard(&[Wildcard::Action, Wildcard::Resource]), allow("*", "*"), true),
        (wildcard(&[Wildcard::Action]), allow("s3:?*", "*"), true),
        (wildcard(&[Wildcard::Resource]), allow("s3:GetObject", "arn:*"), true),
        (wildcard(&[Wildcard::Resource]), allow("s3:GetObject", "arn:aws:s3:::*"), false),
        (wildcard(&[Wildcard::NotAction]), not_action, true),
        (wildcard(&[Wildcard::NotAction]), allow("*", "*"), false),
        (
            wildcard(&[Wildcard::NotResource]),
            r#"{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::b"}"#.to_owned(),
            true,
        ),
    ] {
        assert_eq!(is_broken(deny(rule.clone()), &statements), broken, "{rule:?} {statements}");
    }
}

#[test]
fn what_is_required_of_roles_is_looked_for() {
    let good = Terms {
        permissions_boundaries: ["arn:aws:iam::111122223333:policy/app-ceiling".to_owned()].into(),
        user_path: String::new(),
        credential_type: "iam_user".to_owned(),
        max_ttl: 3600,
    };
    let demands = json!({
        "permissions_boundary": "arn:aws:iam::*:policy/app-ceiling",
        "path_prefix": "/leasehold/",
        "max_ttl": 43_200,
        "credential_types": ["iam_user"],
    });
    let access = [set(&allow("s3:GetObject", "*"))];
    let guardrails = [require(demands)];
    assert_eq!(told(&guardrails, &role(&access, good.clone())), []);
    // What the estate leaves out is "/" in the engine.
    assert_eq!(told(&guardrails, &role(&access, Terms { user_path: "/".to_owned(), ..good.clone() })), []);
    for (terms, what) in [
        (Terms { permissions_boundaries: [String::new()].into(), ..good.clone() }, "permissions boundary must be"),
        (
            Terms { permissions_boundaries: ["arn:aws:iam::1:policy/x".to_owned()].into(), ..good.clone() },
            "and is arn:aws",
        ),
        (
            Terms {
                permissions_boundaries: [String::new(), "arn:aws:iam::111122223333:policy/app-ceiling".to_owned()]
                    .into(),
                ..good.clone()
            },
            "of each of its IAM roles must be",
        ),
        (Terms { user_path: "/people/".to_owned(), ..good.clone() }, "must begin with /leasehold/"),
        (Terms { max_ttl: 86_400, ..good.clone() }, "may live 12h, and lives up to 24h"),
        (Terms { credential_type: "assumed_role".to_owned(), ..good }, "must be iam_user"),
    ] {
        let told = told(&guardrails, &role(&access, terms));
        assert!(told.len() == 1 && told[0].0.contains(what), "{told:?}");
    }
}

fn bound(values: &[&str], is_open: bool) -> Vec<Bound> {
    let values = values.iter().map(|&value| value.to_owned()).collect();
    vec![Bound { what: "branch".to_owned(), values, is_open }]
}

#[test]
fn what_is_required_of_logins_is_looked_for() {
    let good = Login {
        path: "auth/approle/role/app-deploy".to_owned(),
        max_token_ttl: Some(3600),
        secret_id_ttl: 86_400,
        bind_secret_id: true,
        password: false,
        bound: bound(&["main"], false),
        bound_cidrs: true,
        place: None,
    };
    let demands = json!({
        "max_token_ttl": 7200, "max_secret_id_ttl": 86_400, "bound_cidrs": true, "bind_secret_id": true,
        "bound_branch": true,
    });
    let guardrails = [require(demands)];
    assert_eq!(told(&guardrails, &app(&[], vec![good.clone()])), []);
    for (login, what) in [
        (Login { max_token_ttl: None, ..good.clone() }, "live for ever"),
        (Login { max_token_ttl: Some(9000), ..good.clone() }, "may live 2h, and live up to 2h30m"),
        (Login { secret_id_ttl: 0, ..good.clone() }, "secret ids may live 24h, and live for ever"),
        (Login { password: true, ..good.clone() }, "secrets may live 24h, and a password lives until it is changed"),
        (Login { bound_cidrs: false, ..good.clone() }, "any address may log in"),
        (Login { bound: bound(&[], true), ..good.clone() }, "it is bound to no branch"),
        (Login { bound: bound(&["main", "v*"], true), ..good.clone() }, "any branch like main or v* may log in"),
        (Login { bind_secret_id: false, ..good }, "no secret id is needed"),
    ] {
        let told = told(&guardrails, &app(&[], vec![login]));
        assert!(told.len() == 1 && told[0].0.contains(what), "{told:?}");
    }
}

#[test]
fn escalation_weighs_by_what_it_needs() {
    let default = [Guardrail::default_one()];
    assert_eq!(default[0].name, DEFAULT);
    for (statements, expected) in [
        (allow("s3:*", "*"), None),
        (allow("iam:PutUserPolicy", "*"), Some(Severity::Deny)),
        (allow("iam:PassRole lambda:CreateFunction lambda:InvokeFunction", "*"), Some(Severity::Deny)),
        (allow("iam:PassRole lambda:CreateFunction", "*"), None),
        (
            format!(
                "{},{}",
                allow("iam:PassRole", "arn:aws:iam::111122223333:role/one"),
                allow("lambda:CreateFunction lambda:InvokeFunction", "*")
            ),
            Some(Severity::Warn),
        ),
        (allow("lambda:UpdateFunctionCode", "*"), Some(Severity::Low)),
        (allow("lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:111122223333:function:mine"), None),
        (allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/one"), None),
        (allow("sts:AssumeRole", "arn:aws:iam::*:role/*"), Some(Severity::Deny)),
        (format!(r#"{},{{"Effect":"Deny","Action":"iam:*","Resource":"*"}}"#, allow("iam:PutUserPolicy", "*")), None),
    ] {
        let found = told(&default, &role(&[set(&statements)], Terms::default()));
        assert_eq!(found.first().map(|(_, severity)| *severity), expected, "{statements}: {found:?}");
    }
}

#[test]
fn a_name_that_nobody_gave_is_not_confined_however_it_is_spelt() {
    let default = [Guardrail::default_one()];
    for (resource, wide) in [
        ("*", true),
        ("arn:aws*", true),
        ("arn:aws:iam::1*", true),
        ("arn:aws:iam::*:role*", true),
        ("arn:aws:iam::111122223333:role/?*", true),
        ("arn:aws:iam::111122223333:role/*?", true),
        ("arn:aws:iam::111122223333:role/app-*", false),
        ("arn:aws:iam::111122223333:role/path/*", false),
        ("arn:aws:iam::111122223333:role/*-admin", false),
    ] {
        let found = told(&default, &role(&[set(&allow("sts:AssumeRole", resource))], Terms::default()));
        assert_eq!(!found.is_empty(), wide, "{resource}");
    }
}

#[test]
fn an_escalation_that_weighs_more_than_before_is_introduced() {
    let pass = |resource: &str| {
        let run = allow("lambda:CreateFunction lambda:InvokeFunction", "*");
        [set(&format!("{},{run}", allow("iam:PassRole", resource)))]
    };
    let (named, open) = (pass("arn:aws:iam::111122223333:role/one"), pass("*"));
    let judged = |before: &[PolicySet<()>], after: &[PolicySet<()>]| {
        let (before, after) = (role(before, Terms::default()), role(after, Terms::default()));
        let judged = judge(&[Guardrail::default_one()], Some(&before), &after, TODAY, &|()| None);
        judged.into_iter().map(|one| (one.violation.severity, one.introduced)).collect::<Vec<_>>()
    };
    assert_eq!(judged(&named, &open), [(Severity::Deny, true)]);
    assert_eq!(judged(&open, &open), [(Severity::Deny, false)]);
    assert_eq!(judged(&open, &named), [(Severity::Warn, false)]);
    // The order of an app's roles, and what one of them can do alone, hide nothing.
    let run = set(&allow("lambda:CreateFunction lambda:InvokeFunction", "*"));
    let [named_only, open_only] =
        ["arn:aws:iam::111122223333:role/one", "*"].map(|resource| set(&allow("iam:PassRole", resource)));
    for roles in [
        vec![named_only.clone(), open_only.clone(), run.clone()],
        vec![open_only.clone(), named_only, run],
        vec![named[0].clone(), open_only],
    ] {
        let told = told(&[Guardrail::default_one()], &app(&roles, Vec::new()));
        assert_eq!(told.first().map(|(_, severity)| *severity), Some(Severity::Deny), "{told:?}");
    }
}

#[test]
fn an_escalation_that_may_not_have_been_open_before_is_introduced() {
    let admin = allow("iam:PutUserPolicy", "*");
    let when = |effect: &str, condition: &str| {
        format!(r#"{{"Effect":"{effect}","Action":"iam:*","Resource":"*","Condition":{condition}}}"#)
    };
    let but = |condition: &str| format!("{admin},{}", when("Deny", condition));
    let odd = r#"{"DateLessThan":{"aws:CurrentTime":"2030-1-1"}}"#;
    let several = r#"{"StringEquals":{"aws:TagKeys":["a","b"]},"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}}"#;
    let sometimes = r#"{"StringEquals":{"aws:PrincipalTag/team":"web"}}"#;
    for (what, before, after, introduced) in [
        ("a denial that may hold goes", but(odd), admin.clone(), true),
        ("an allow that may not hold becomes one that does", when("Allow", odd), admin.clone(), true),
        ("another stands beside it", format!("{},{}", when("Allow", odd), allow("s3:*", "*")), admin.clone(), true),
        ("a doubt stays", but(odd), but(odd), false),
        ("a doubt stays beside what is new", but(odd), format!("{},{}", but(odd), allow("s3:*", "*")), false),
        ("a doubt comes", admin.clone(), but(odd), false),
        ("what was there by every reading", when("Allow", several), admin.clone(), false),
        ("what was there at times", when("Allow", sometimes), admin.clone(), false),
        ("a denial at times goes", but(sometimes), admin.clone(), false),
    ] {
        let (old, new) = ([set(&before)], [set(&after)]);
        let (old, new) = (role(&old, Terms::default()), role(&new, Terms::default()));
        let judged = judge(&[Guardrail::default_one()], Some(&old), &new, TODAY, &|()| None);
        let told: Vec<bool> = judged.iter().map(|one| one.introduced).collect();
        assert_eq!(told, [introduced], "{what}: {judged:?}");
    }
}

#[test]
fn two_roles_of_an_app_escalate_together_and_are_told_once() {
    let default = [Guardrail::default_one()];
    let pass = set(&allow("iam:PassRole", "*"));
    let run = set(&allow("lambda:CreateFunction lambda:InvokeFunction", "*"));
    assert_eq!(told(&default, &role(std::slice::from_ref(&pass), Terms::default())), []);
    let both = told(&default, &app(&[pass.clone(), run], Vec::new()));
    assert!(both.len() == 1 && both[0].0.contains("by its roles together"), "{both:?}");
    // What one role can do alone is told of that role.
    let alone = set(&allow("iam:PassRole lambda:CreateFunction lambda:InvokeFunction", "*"));
    assert_eq!(told(&default, &app(&[pass, alone], Vec::new())), []);
}

#[test]
fn paths_can_be_chosen() {
    let access = [set(&allow("iam:PutUserPolicy iam:CreateAccessKey", "*"))];
    let count = |escalation| told(&[guardrail(Rule::Escalation(escalation))], &role(&access, Terms::default())).len();
    assert_eq!(count(Escalation::default()), 2);
    assert_eq!(count(Escalation { paths: texts(&["key-mint"]), ..Escalation::default() }), 1);
    assert_eq!(count(Escalation { except_paths: texts(&["key-mint"]), ..Escalation::default() }), 1);
}

#[test]
fn exceptions_hold_for_whom_they_name_and_until_their_day() {
    let access = [set(&allow("iam:PutUserPolicy", "*"))];
    let exception = |roles: &[&str], apps: &[&str], expires: &str| Exception {
        roles: texts(roles),
        apps: texts(apps),
        reason: "SEC-412".to_owned(),
        owner: "secops".to_owned(),
        expires: expires.to_owned(),
        place: String::new(),
    };
    for (exception, exempt) in [
        (exception(&["deploy"], &[], "2027-02-01"), true),
        (exception(&["aws/dep*"], &[], "2026-11-26"), true),
        (exception(&["aws/dep*"], &[], TODAY), false),
        (exception(&["other"], &[], "2027-02-01"), false),
        (exception(&[], &["deploy"], "2027-02-01"), true),
        (exception(&["other"], &["deploy"], "2027-02-01"), false),
    ] {
        let ended = exception.expires.as_str() <= TODAY;
        let guardrails = [Guardrail { exceptions: vec![exception.clone()], ..Guardrail::default_one() }];
        let told = told(&guardrails, &role(&access, Terms::default()));
        assert_eq!(told.is_empty(), exempt, "{exception:?}");
        assert_eq!(expired(&guardrails, TODAY).len(), usize::from(ended));
    }
}

#[test]
fn guardrails_are_about_those_they_select() {
    let access = [set(&allow("iam:PutUserPolicy", "*"))];
    for (roles, apps, selected) in [
        (vec![], vec![], true),
        (vec!["aws/deploy"], vec![], true),
        (vec!["aws/web*"], vec![], false),
        (vec![], vec!["dep*"], true),
        (vec![], vec!["webapp"], false),
    ] {
        let guardrails = [Guardrail { roles: texts(&roles), apps: texts(&apps), ..Guardrail::default_one() }];
        assert_eq!(!told(&guardrails, &role(&access, Terms::default())).is_empty(), selected, "{roles:?} {apps:?}");
    }
}

#[test]
fn only_what_a_change_gains_is_introduced() {
    let rule = [deny(Deny { actions: texts(&["s3:*"]), resources: texts(&["arn:aws:s3:::pii-*"]), ..Deny::default() })];
    let introduced = |before: &str, after: &str| {
        let (old, new) = ([set(before)], [set(after)]);
        let (old, new) = (role(&old, Terms::default()), role(&new, Terms::default()));
        let judged = judge(&rule, Some(&old), &new, TODAY, &|()| None);
        judged.into_iter().map(|judged| judged.introduced).collect::<Vec<_>>()
    };
    let read = allow("s3:GetObject", "arn:aws:s3:::pii-1");
    assert_eq!(introduced("", &read), [true]);
    assert_eq!(introduced(&read, &read), [false]);
    assert_eq!(introduced(&read, &allow("s3:Get*", "arn:aws:s3:::pii-1")), [true]);
    assert_eq!(introduced(&allow("s3:*", "*"), &read), [false]);
    assert_eq!(introduced(&read, &format!("{read},{}", allow("ec2:*", "*"))), [false]);
}

#[test]
fn guardrails_read_back_as_they_are_sent() {
    let all = [
        Guardrail::default_one(),
        deny(Deny {
            levels: vec![AccessLevel::PermissionsManagement],
            wildcards: vec![Wildcard::NotAction],
            ..Deny::default()
        }),
        require(json!({ "max_ttl": 60 })),
    ];
    let text = serde_json::to_string(&all).expect("JSON");
    assert_eq!(serde_json::from_str::<Vec<Guardrail>>(&text).expect("reads"), all);
}

#[test]
fn the_wire_is_what_the_first_engines_take() {
    let all = [
        Guardrail::default_one(),
        deny(Deny { actions: texts(&["s3:*"]), ..Deny::default() }),
        require(json!({ "path_prefix": "/a/", "bound_cidrs": true })),
    ];
    // Ledgers hold digests of this: it may not change for what could be said then.
    assert_eq!(
        wire::value(all.iter()).expect("JSON").to_string(),
        concat!(
            r#"[{"name":"escalation","severity":"deny","rules":[{"escalation":{"paths":[],"except_paths":[]}}],"place":""},"#,
            r#"{"name":"g","severity":"deny","rules":[{"deny":{"actions":["s3:*"],"levels":[],"resources":[],"#,
            r#""wildcards":[],"unless":[]}}],"place":""},"#,
            r#"{"name":"g","severity":"deny","rules":[{"require":{"permissions_boundary":null,"path_prefix":"/a/","#,
            r#""max_ttl":null,"credential_types":[],"max_token_ttl":null,"max_secret_id_ttl":null,"#,
            r#""bound_cidrs":true,"bind_secret_id":false}}],"place":""}]"#,
        )
    );
}

#[test]
fn the_wire_refuses_what_it_does_not_know() {
    let read = |rest: &str| {
        use base64::Engine as _;
        wire::read(&base64::engine::general_purpose::STANDARD.encode(format!("[{{{rest}}}]")))
    };
    let whole = |rules: &str, more: &str| {
        read(&format!(r#""name":"g","severity":"deny","place":"","rules":[{rules}]{more}"#)).map_err(|e| e.to_string())
    };
    let good = r#"{"deny":{"actions":["s3:*"]}},{"require":{"max_ttl":60,"path_prefix":null}},{"escalation":{}}"#;
    assert!(whole(good, "").is_ok_and(|all| all[0].all_rules().count() == 3));
    for (rules, more, why) in [
        (r#"{"forbid":{}}"#, "", "unknown rule `forbid`"),
        (r#"{"deny":{"actors":["a"]}}"#, "", "unknown field `actors`"),
        (r#"{"deny":{"max_ttl":60}}"#, "", "unknown field `max_ttl` of `deny`"),
        (r#"{"require":{"max_age":null}}"#, "", "unknown field `max_age` of `require`"),
        (r#"{"require":{"max_age":60}}"#, "", "this program knows permissions_boundary, path_prefix, max_ttl"),
        (r#"{"escalation":{"actions":[]}}"#, "", "unknown field `actions`"),
        (r#"{"deny":{"levels":["godlike"]}}"#, "", "unknown variant `godlike`"),
        (r#"{"deny":{"wildcards":["principal"]}}"#, "", "unknown variant `principal`"),
        (r#"{"require":{"max_ttl":"1h"}}"#, "", "invalid type"),
        (r#"{"require":{"bound_cidrs":null}}"#, "", "invalid type"),
        (r#"{"require":{"max_ttl":60,"max_ttl":6000}}"#, "", "`max_ttl` stands twice"),
        (r#"{"require":{"max_ttl":60},"require":{}}"#, "", "`require` stands twice"),
        (r#"{"require":{"max_ttl":60},"deny":{}}"#, "", "an object with one key"),
        ("{}", "", "an object with one key"),
        (r#""deny""#, "", "invalid type"),
        ("", r#","until":"2030-01-01""#, "unknown field `until`"),
        ("", r#","rules":[]"#, "duplicate field `rules`"),
        (
            "",
            r#","exceptions":[{"reason":"r","owner":"o","expires":"2030-01-01","accounts":["1"]}]"#,
            "unknown field `accounts`",
        ),
    ] {
        let told = whole(rules, more).expect_err(rules);
        assert!(told.contains(why), "{rules} {more}: {told}");
    }
    assert!(read(r#""name":"g","severity":"fatal","place":"","rules":[]"#).is_err());
}

#[test]
fn no_two_rules_share_a_key_of_a_block() {
    for block in super::blocks() {
        let mut keys: Vec<_> = super::of_block(block.name).flat_map(|rule| rule.words).map(|word| word.key).collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count, "{keys:?}");
        assert!(super::of_block(block.name).all(|rule| rule.block == *block), "{}", block.name);
    }
}

#[test]
fn the_escalation_catalogue_is_sound() {
    let (date, all) = paths();
    assert!(date >= "2026-01-01" && all.len() > 50, "{date} {}", all.len());
    for (index, path) in all.iter().enumerate() {
        assert!(all[..index].iter().all(|other| other.id != path.id), "{} stands twice", path.id);
        assert!(!path.all_of.is_empty() || !path.any_of.is_empty(), "{}", path.id);
        for action in path.all_of.iter().chain(&path.any_of) {
            // Services that AWS has closed are gone from the catalogue, and not from accounts.
            let closed =
                ["codestar:", "datapipeline:", "glue:UpdateDevEndpoint"].iter().any(|one| action.starts_with(one));
            assert!(closed || Catalogue::built_in().find(action).is_some(), "{}: {action}", path.id);
        }
    }
}

/// PassRole on every role and RunInstances, with a condition on PassRole.
fn passes(condition: &str) -> String {
    format!(
        r#"{},{{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{{{condition}}}}}"#,
        allow("ec2:RunInstances", "*")
    )
}

#[test]
fn a_role_that_may_not_be_passed_to_the_service_opens_no_path() {
    let rule = || guardrail(Rule::Escalation(Escalation { paths: texts(&["ec2-run"]), except_paths: Vec::new() }));
    for (condition, broken) in [
        (r#""StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}"#, false),
        (r#""StringEquals":{"IAM:passedtoservice":["lambda.amazonaws.com","glue.amazonaws.com"]}"#, false),
        (r#""StringLike":{"iam:PassedToService":"lambda*"}"#, false),
        (r#""ForAnyValue:StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}"#, false),
        (r#""StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}"#, true),
        (r#""StringEquals":{"iam:PassedToService":"ec2.amazonaws.com.cn"}"#, true),
        (r#""StringEquals":{"iam:PassedToService":"ec2.eu-west-1.amazonaws.com"}"#, true),
        (r#""StringLike":{"iam:PassedToService":"*.amazonaws.com"}"#, true),
        (r#""StringEqualsIgnoreCase":{"iam:PassedToService":"EC2.amazonaws.com"}"#, true),
        (r#""StringNotEquals":{"iam:PassedToService":"lambda.amazonaws.com"}"#, true),
        (r#""StringNotLike":{"iam:PassedToService":"ec2.*"}"#, true),
        // Where the key is absent, these hold.
        (r#""StringEqualsIfExists":{"iam:PassedToService":"lambda.amazonaws.com"}"#, true),
        (r#""ForAllValues:StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}"#, true),
        (r#""Null":{"iam:PassedToService":"false"}"#, true),
        (r#""Null":{"iam:PassedToService":"true"}"#, true),
        (r#""StringNotLike":{"iam:PassedToService":"ec2.*"},"Null":{"iam:PassedToService":"false"}"#, false),
        // No ARN: what it does is not to be known.
        (r#""ArnLike":{"iam:PassedToService":"*"}"#, true),
        (r#""ArnLike":{"iam:AssociatedResourceArn":"arn:aws:lambda:*:*:function:*"}"#, false),
        (r#""StringLike":{"iam:AssociatedResourceARN":"arn:aws:lambda:*"}"#, false),
        (r#""ArnLike":{"iam:AssociatedResourceArn":"arn:aws:ec2:eu-west-1:*:instance/*"}"#, true),
        (r#""StringLike":{"iam:AssociatedResourceArn":"arn:*:instance/*"}"#, true),
        (r#""ArnLikeIfExists":{"iam:AssociatedResourceArn":"arn:aws:lambda:*:*:function:*"}"#, true),
        (
            r#""ArnLike":{"iam:AssociatedResourceArn":"arn:aws:ec2:*:*:*"},"StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}"#,
            false,
        ),
    ] {
        assert_eq!(is_broken(rule(), &passes(condition)), broken, "{condition}");
    }
    let denied = |condition: &str| {
        let deny = format!(r#"{{"Effect":"Deny","Action":"iam:PassRole","Resource":"*","Condition":{{{condition}}}}}"#);
        is_broken(rule(), &format!("{},{deny}", allow("iam:PassRole ec2:RunInstances", "*")))
    };
    assert!(!denied(r#""StringNotEquals":{"iam:PassedToService":"lambda.amazonaws.com"}"#));
    assert!(denied(r#""StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}"#));
    // AWS does not say that every service sends the key, so that this leaves requests without it.
    assert!(denied(r#""StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}"#));
}

#[test]
fn every_role_that_may_be_passed_elsewhere_opens_no_door_here() {
    let rule = guardrail(Rule::Escalation(Escalation { paths: texts(&["ec2-run"]), except_paths: Vec::new() }));
    let here = r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/app"}"#;
    let elsewhere = passes(r#""StringEquals":{"iam:PassedToService":"lambda.amazonaws.com"}"#);
    let told = told(&[rule], &role(&[set(&format!("{elsewhere},{here}"))], Terms::default()));
    assert_eq!(told.iter().map(|(_, severity)| *severity).collect::<Vec<_>>(), [Severity::Warn]);
}

#[test]
fn the_fix_is_not_what_is_there_already() {
    let rule = guardrail(Rule::Escalation(Escalation { paths: texts(&["ec2-run"]), except_paths: Vec::new() }));
    let fix = |statements: &str| {
        let access = [set(statements)];
        let judged = judge(std::slice::from_ref(&rule), None, &role(&access, Terms::default()), TODAY, &|()| None);
        judged[0].violation.fix.clone().expect("a fix")
    };
    let service = r#""StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}"#;
    let all = fix(&allow("iam:PassRole ec2:RunInstances", "*"));
    assert!(all.contains("name the roles") && all.contains("add a condition on iam:PassedToService"), "{all}");
    let wide = fix(&passes(service));
    assert!(wide.contains("name the roles") && !wide.contains("add a condition"), "{wide}");
    let named = passes(service)
        .replace(r#""iam:PassRole","Resource":"*""#, r#""iam:PassRole","Resource":"arn:aws:iam::111122223333:role/a""#);
    let named = fix(&named);
    assert!(!named.contains("name the roles") && !named.contains("add a condition"), "{named}");
}

#[test]
fn each_path_that_passes_a_role_names_its_service() {
    for path in paths().1 {
        let passes = path.all_of.iter().chain(&path.any_of).any(|action| action == "iam:PassRole");
        assert_eq!((!path.passed_to.is_empty(), !path.associated.is_empty()), (passes, passes), "{}", path.id);
    }
}
