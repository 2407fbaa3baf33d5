//! What the check of policy documents finds, and what it leaves alone.

use crate::iam::{document, json};

fn findings(text: &str) -> Vec<(String, String, bool)> {
    let parsed = json::parse(text).expect("JSON");
    document::check(&parsed)
        .into_iter()
        .map(|finding| (text[finding.span].to_owned(), finding.what, finding.fatal))
        .collect()
}

fn in_statement(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

#[test]
fn a_sound_document_has_no_findings() {
    for statement in [
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
        r#"{"Sid":"A1","Effect":"Deny","NotAction":["iam:*","sts:Get?allerIdentity"],"NotResource":["arn:aws:s3:::b/*"]}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b","Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a",1,true]},"Null":{"s3:prefix":"true"}}}"#,
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}/*"}"#,
    ] {
        assert_eq!(findings(&in_statement(statement)), [], "{statement}");
    }
}

#[test]
fn problems_are_found_where_they_are() {
    for (statement, at, what) in [
        (r#"{"Effect":"allow","Action":"*","Resource":"*"}"#, "\"allow\"", "`Effect` is `Allow` or `Deny`"),
        (r#"{"Action":"*","Resource":"*"}"#, "{", "no `Effect`"),
        (r#"{"Effect":"Allow","Resource":"*"}"#, "{", "neither `Action` nor `NotAction`"),
        (r#"{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}"#, "\"NotAction\"", "has both"),
        (r#"{"Effect":"Allow","Actions":"*","Resource":"*"}"#, "\"Actions\"", "no element `Actions`"),
        (r#"{"Effect":"Allow","Action":"s3","Resource":"*"}"#, "\"s3\"", "not an action"),
        (r#"{"Effect":"Allow","Action":"s3: Get","Resource":"*"}"#, "\"s3: Get\"", "not an action"),
        (r#"{"Effect":"Allow","Action":["*",1],"Resource":"*"}"#, "1", "expected text, found a number"),
        (r#"{"Effect":"Allow","Action":"*","Resource":"bucket"}"#, "\"bucket\"", "not a resource"),
        (r#"{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}"#, "\"Principal\"", "no place"),
        (r#"{"Sid":"a b","Effect":"Allow","Action":"*","Resource":"*"}"#, "\"a b\"", "a Sid has"),
        (r#"{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}"#, "\"Effect\"", "stands twice"),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEqual":{}}}"#,
            "\"StringEqual\"",
            "not a condition operator",
        ),
        (r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{}}"#, "{}", "no condition here"),
        (r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{}}}"#, "{}", "no condition here"),
        (
            r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::\\${aws:username}"}"#,
            "\"arn",
            "has a `\\` before",
        ),
        (r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::ł"}"#, "\"arn", "U+0142"),
        (r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#, "[]", "matches nothing"),
    ] {
        let text = in_statement(statement);
        let found = findings(&text);
        assert!(
            found.iter().any(|(span, found, _)| span.starts_with(at) && found.contains(what)),
            "{statement}: {found:?}"
        );
    }
}

#[test]
fn versions_matter_when_there_are_variables() {
    let statement = |resource: &str| format!(r#"[{{"Effect":"Allow","Action":"*","Resource":"{resource}"}}]"#);
    for (version, resource, fatal) in [
        ("", "*", Some(false)),
        ("", "arn:aws:s3:::${aws:username}", Some(true)),
        (r#""Version":"2008-10-17","#, "*", Some(false)),
        (r#""Version":"2008-10-17","#, "arn:aws:s3:::${aws:username}", Some(true)),
        (r#""Version":"2013-10-17","#, "*", Some(true)),
        (r#""Version":"2012-10-17","#, "arn:aws:s3:::${aws:username}", None),
    ] {
        let text = format!(r#"{{{version}"Statement":{}}}"#, statement(resource));
        assert_eq!(findings(&text).first().map(|finding| finding.2), fatal, "{text}");
    }
}

#[test]
fn a_document_near_or_over_the_limit_is_told() {
    let sized = |count: usize| {
        let resources: Vec<String> = (0..count).map(|n| format!("\"arn:aws:s3:::bucket-{n:03}/*\"")).collect();
        in_statement(&format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":[{}]}}"#, resources.join(",")))
    };
    assert_eq!(findings(&sized(10)), []);
    assert!(findings(&sized(62)).iter().any(|(_, what, fatal)| !fatal && what.contains("of the 2048")));
    assert!(findings(&sized(90)).iter().any(|(_, what, fatal)| *fatal && what.contains("IAM allows 2048")));
}

#[test]
fn statements_share_no_sid() {
    let one = r#"{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}"#;
    assert!(findings(&in_statement(&format!("{one},{one}"))).iter().any(|(_, what, _)| what.contains("Sid `A`")));
    assert!(!findings(r#"{"Version":"2012-10-17","Statement":[]}"#).is_empty());
    assert!(!findings(r#"{"Version":"2012-10-17"}"#).is_empty());
    assert!(!findings("[]").is_empty());
}

fn codes(statement: &str) -> Vec<(&'static str, bool)> {
    let json = json::parse(&in_statement(statement)).expect("JSON");
    document::check(&json).into_iter().map(|finding| (finding.code, finding.fatal)).collect()
}

#[test]
fn what_iam_takes_but_its_author_may_not_mean_is_a_warning() {
    let on = |rest: &str| format!(r#"{{"Effect":"Allow",{rest}}}"#);
    for (statement, code) in [
        (r#""Action":"iam:PassRole","Resource":"*""#, "PASS_ROLE_WITH_STAR_IN_RESOURCE"),
        (r#""Action":["s3:GetObject","IAM:pass*"],"Resource":["*"]"#, "PASS_ROLE_WITH_STAR_IN_RESOURCE"),
        (r#""Action":"*","Resource":"*""#, "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE"),
        (r#""NotAction":"s3:*","Resource":"*""#, "PASS_ROLE_WITH_NOT_ACTION_AND_STAR_IN_RESOURCE"),
        (r#""NotAction":"iam:*","Resource":"*""#, "ALLOW_NOT_ACTION_WITH_STAR_IN_RESOURCE"),
        (r#""Action":"s3:GetObject","NotResource":"arn:aws:s3:::b/*""#, "ALLOW_WITH_NOT_RESOURCE"),
        (r#""Action":"s3:GetObjekt","Resource":"*""#, "INVALID_ACTION"),
        (r#""Action":"s3:Zz*","Resource":"*""#, "INVALID_ACTION"),
        (r#""Action":"s33:GetObject","Resource":"*""#, "INVALID_SERVICE_IN_ACTION"),
        (r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username""#, "MISSING_BRACE_IN_VARIABLE"),
        (
            r#""Action":"s3:GetObject","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"a"}}"#,
            "ALLOW_FOR_ALL_VALUES_WITHOUT_NULL_CHECK",
        ),
        (
            r#""Action":"s3:GetObject","Resource":"*","Condition":{"NumericLessThan":{"s3:max-keys":"ten"}}"#,
            "TYPE_MISMATCH_NUMBER",
        ),
        (
            r#""Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["::1/200"]}}"#,
            "TYPE_MISMATCH_IP_RANGE",
        ),
    ] {
        let found = codes(&on(statement));
        assert!(found.contains(&(code, false)) && found.iter().all(|(_, fatal)| !fatal), "{statement}: {found:?}");
    }
}

#[test]
fn what_is_narrowed_is_no_warning() {
    for statement in [
        r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/app"}"#,
        r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}"#,
        r#"{"Effect":"Deny","Action":"iam:PassRole","Resource":"*"}"#,
        r#"{"Effect":"Deny","NotAction":"s3:*","NotResource":"arn:aws:s3:::b"}"#,
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":"a"},"Null":{"aws:tagkeys":false}}}"#,
    ] {
        assert_eq!(codes(statement), [], "{statement}");
    }
}

#[test]
fn what_iam_refuses_is_fatal() {
    for (statement, code) in [
        (r#"{"Effect":"Allow","Action":"s*:Get","Resource":"*"}"#, "INVALID_SERVICE_IN_ACTION"),
        (r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#, "MISSING_ACTION"),
        (r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":[]}"#, "MISSING_RESOURCE"),
        (
            r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:iam:eu-west-1::user/a"}"#,
            "ARN_REGION_NOT_ALLOWED",
        ),
        (
            r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"soon"}}}"#,
            "TYPE_MISMATCH_DATE",
        ),
    ] {
        let found = codes(statement);
        assert!(found.contains(&(code, true)), "{statement}: {found:?}");
    }
}

#[test]
fn a_near_miss_of_an_action_is_named_with_the_day_of_the_catalogue() {
    let text = in_statement(r#"{"Effect":"Allow","Action":"s3:GetObjekt","Resource":"*"}"#);
    let finding = document::check(&json::parse(&text).expect("JSON")).remove(0);
    let date = crate::iam::catalogue::Catalogue::current().date();
    assert_eq!(finding.what, format!("AWS had no action `s3:GetObjekt` on {date}"));
    assert_eq!(finding.hint.as_deref(), Some("did you mean `s3:GetObject`?"));
    assert_eq!(&text[finding.span], "\"s3:GetObjekt\"");
}

#[test]
fn each_sort_of_policy_has_its_size() {
    use document::PolicyType;
    let wide = |length: usize, space: usize| {
        let bare = in_statement(r#"{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::FILL"}"#);
        let fill = "b".repeat(length + "FILL".len() - bare.len());
        format!("{}{}", bare.replace("FILL", &fill), " ".repeat(space))
    };
    for (policy_type, max) in [
        (PolicyType::UserInline, 2048),
        (PolicyType::GroupInline, 5120),
        (PolicyType::RoleInline, 10_240),
        (PolicyType::Managed, 6144),
        (PolicyType::Session, 2048),
    ] {
        assert!(document::parse_as(&wide(max, 0), policy_type).is_ok(), "{policy_type:?}");
        let findings = document::parse_as(&wide(max + 1, 0), policy_type).expect_err("too large");
        assert_eq!(findings[0].code, "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA");
        assert!(findings[0].what.contains(&format!("IAM allows {max} in")), "{}", findings[0].what);
        // White space counts in a session policy only.
        assert_eq!(
            document::parse_as(&wide(max, 1), policy_type).is_err(),
            policy_type == PolicyType::Session,
            "{policy_type:?}"
        );
    }
}

#[test]
fn keys_are_taken_as_they_are_filled() {
    let condition = |condition: &str| {
        in_statement(&format!(r#"{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#))
    };
    for (text, what) in [
        (r#""StringEquals":{"aws:TagKeys":"a"}"#, "`aws:TagKeys` has several values"),
        (r#""StringEquals":{"dynamodb:Attributes":"a"}"#, "`dynamodb:Attributes` has several values"),
        (r#""ForAnyValue:StringEquals":{"aws:RequestedRegion":"a"}"#, "`aws:RequestedRegion` has one value"),
        (r#""StringEquals":{"aws:RequestedRegoin":"a"}"#, "no global condition key `aws:RequestedRegoin`"),
    ] {
        let found = findings(&condition(text));
        assert!(found.len() == 1 && found[0].1.contains(what) && !found[0].2, "{text}: {found:?}");
    }
    for text in [
        r#""ForAnyValue:StringEquals":{"aws:TagKeys":"a"}"#,
        r#""Null":{"aws:TagKeys":"true"}"#,
        r#""StringEquals":{"AWS:principaltag/team":"a","s3:prefix":"b"}"#,
        r#""ForAnyValue:StringEquals":{"myservice:keys":"a"}"#,
    ] {
        assert_eq!(findings(&condition(text)), [], "{text}");
    }
}
#[test]
fn what_no_request_can_match_is_told() {
    let on = |effect: &str, actions: &str, resources: &str| {
        findings(&in_statement(&format!(r#"{{"Effect":"{effect}","Action":{actions},"Resource":{resources}}}"#)))
    };
    for (actions, resources, what) in [
        (r#""s3:GetObject""#, r#""arn:aws:s3:::bucket1:*""#, "`s3:GetObject` can't have this resource: "),
        (r#""s3:ListBucket""#, r#""arn:aws:s3:::bucket1/*""#, "`s3:ListBucket` can't have this resource: "),
        (r#""s3:PutObject""#, r#""arn:aws:s3:::bucket1""#, "`s3:PutObject` can't have this resource: "),
        (
            r#""ec2:DescribeInstances""#,
            r#""arn:aws:ec2:eu-west-1:111122223333:instance/*""#,
            "`ec2:DescribeInstances` can't have this resource: ",
        ),
        (
            r#"["s3:GetObject","s3:PutObject*"]"#,
            r#"["arn:aws:s3:::a","arn:aws:iam::*:role/*"]"#,
            "`s3:GetObject`, `s3:PutObject*` can't have any of these resources: ",
        ),
    ] {
        for (effect, does) in [("Allow", "allows"), ("Deny", "denies")] {
            let found = on(effect, actions, resources);
            let told = format!("{what}the statement {does} nothing");
            assert!(matches!(&found[..], [(_, told_now, false)] if *told_now == told), "{actions}: {found:?}");
        }
    }
    let part = on("Allow", r#"["s3:GetObject","s3:ListBucket"]"#, r#""arn:aws:s3:::a/*""#);
    assert_eq!(part[0].1, "`s3:ListBucket` can't have this resource: the statement allows nothing of it");
    for (actions, resources) in [
        (r#"["s3:GetObject","s3:ListBucket"]"#, r#"["arn:aws:s3:::a","arn:aws:s3:::a/*"]"#),
        (r#""s3:GetObject""#, r#"["arn:aws:s3:::a","arn:aws:s3:::a/*"]"#),
        (r#""s3:*""#, r#""arn:aws:s3:::a""#),
        (r#""ec2:DescribeInstances""#, r#""*""#),
        (r#""ec2:*""#, r#""arn:aws:ec2:*""#),
        (r#""s3:GetObject""#, r#""${aws:PrincipalTag/bucket}""#),
        (r#""s3:GetObject""#, r#""arn:aws:s3:::${aws:PrincipalTag/bucket}""#),
        (r#""rds:StartDBInstance""#, r#""arn:aws:rds:*:db:a""#),
    ] {
        assert_eq!(on("Allow", actions, resources), [], "{actions} {resources}");
    }
}

#[test]
fn what_is_malformed_is_told_once() {
    for resource in [
        "bucket/*",
        "arn:aws:s3::bucket",
        "arn:amazon:s3:::b",
        "arn:aws:S3:::b",
        "arn:aws:iam:eu-west-1:111122223333:role/a",
        "arn:aws:s3:::b/${aws:username",
        "arn:aws:s3:::b/${ aws:username }",
        "arn:aws:s3:::b/${aws:username,'b'}",
        "arn:aws:s3:::b/${aws:${x}}",
    ] {
        let statement = format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"{resource}"}}"#);
        let found = findings(&in_statement(&statement));
        assert_eq!(found.len(), 1, "{resource}: {found:?}");
    }
}

/// Each with whether its action can't have its resource, as far as AWS's service reference is to be trusted.
#[test]
fn a_resource_that_the_reference_may_lack_is_left() {
    for (action, resource, told) in [
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:sqlworkbench!*", false),
        ("logs:GetLogEvents", "arn:aws:logs:*:*:/aws-glue/*", false),
        ("ssmmessages:OpenDataChannel", "arn:aws:ssm:*:*:session/*", false),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:sqlworkbench!a", true),
        ("iam:ListRoles", "arn:aws:iam::*:role/a", true),
        ("ec2:DescribeInstances", "arn:aws:ec2:*:*:instance/*", true),
        ("s3:GetObject", "arn:aws:s3:::b", true),
        ("s3:ListBucket", "arn:aws:s3:::b/*", true),
        ("s3:GetObject", "arn:aws:sqs:*:*:q", true),
    ] {
        let statement = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#);
        let found = findings(&in_statement(&statement));
        let mismatch = found.iter().any(|(_, what, _)| what.contains("can't have"));
        assert_eq!(mismatch, told, "{action} {resource}: {found:?}");
    }
}
