//! The table of condition operators, row by row. Source: IAM User Guide, "Condition operators".

use super::{instant, number};
use crate::iam::json;
use crate::iam::policy::Policy;
use crate::iam::request::Request;

/// Whether `operator` with `values` (JSON) on the key `k` holds, when `k` has these values.
fn holds(operator: &str, values: &str, sent: Option<&[&str]>) -> bool {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"K":{values}}}}}}}}}"#
    );
    let policy = Policy::of_checked(&json::parse(&text).expect("JSON"));
    let mut request = Request::default();
    request.context.insert("aws:username".to_owned(), vec!["b*b".to_owned()]);
    if let Some(sent) = sent {
        request.context.insert("k".to_owned(), sent.iter().map(|value| (*value).to_owned()).collect());
    }
    policy.statements[0].conditions[0].holds(&request)
}

#[test]
fn each_operator_compares_as_its_family_does() {
    for (operator, values, sent, expected) in [
        ("StringEquals", r#""a""#, "a", true),
        ("StringEquals", r#""a""#, "A", false),
        ("StringEquals", r#""a*""#, "ab", false),
        ("StringEquals", r#"["a","b"]"#, "b", true),
        ("StringEquals", r#""${aws:username}""#, "b*b", true),
        ("StringNotEquals", r#""a""#, "a", false),
        ("StringNotEquals", r#"["a","b"]"#, "b", false),
        ("StringNotEquals", r#"["a","b"]"#, "c", true),
        ("StringEqualsIgnoreCase", r#""aB""#, "Ab", true),
        ("StringNotEqualsIgnoreCase", r#""aB""#, "Ab", false),
        ("StringLike", r#""a*c?""#, "abbcd", true),
        ("StringLike", r#""a*c?""#, "Abbcd", false),
        ("StringLike", r#""${aws:username}""#, "bxb", false),
        ("StringLike", r#""x${*}y""#, "x*y", true),
        ("StringLike", r#""x${*}y""#, "xzy", false),
        ("StringNotLike", r#""a*""#, "ab", false),
        ("NumericEquals", "10", "10.0", true),
        ("NumericEquals", "9007199254740993", "9007199254740992", false),
        ("NumericNotEquals", "10", "10.5", true),
        ("NumericLessThan", "10", "9.99", true),
        ("NumericLessThan", "-1", "-2", true),
        ("NumericLessThanEquals", "10", "10", true),
        ("NumericGreaterThan", "9", "10", true),
        ("NumericGreaterThanEquals", "10", "9", false),
        ("NumericEquals", "10", "ten", false),
        ("DateEquals", r#""2026-01-01T00:00:00Z""#, "1767225600", true),
        ("DateEquals", r#""2026-01-01""#, "2026-01-01T01:00:00+01:00", true),
        ("DateNotEquals", r#""2026""#, "2026-01-01T00:00Z", false),
        ("DateLessThan", r#""2026-01-02""#, "2026-01-01T23:59:59.999Z", true),
        ("DateLessThanEquals", r#""2026-01-02""#, "2026-01-02T00:00:00Z", true),
        ("DateGreaterThan", r#""2026-01-02""#, "2026-01-02T00:00:00Z", false),
        ("DateGreaterThanEquals", r#""2026-01-02""#, "2026-01-02", true),
        ("Bool", "true", "TRUE", true),
        ("Bool", r#""false""#, "true", false),
        ("Bool", r#""x""#, "x", false),
        ("BinaryEquals", r#""QUI=""#, "QUI=", true),
        ("BinaryEquals", r#""QUI=""#, "QUM=", false),
        ("IpAddress", r#""203.0.113.0/24""#, "203.0.113.255", true),
        ("IpAddress", r#""203.0.113.0/24""#, "203.0.114.0", false),
        ("IpAddress", r#""203.0.113.9""#, "203.0.113.9", true),
        ("IpAddress", r#""2001:db8::/32""#, "2001:db8:1::1", true),
        ("IpAddress", r#""0.0.0.0/0""#, "2001:db8::1", false),
        ("NotIpAddress", r#""203.0.113.0/24""#, "203.0.113.1", false),
        ("ArnEquals", r#""arn:aws:sns:*:1:*""#, "arn:aws:sns:eu-west-1:1:topic:sub", true),
        ("ArnLike", r#""arn:aws:sns:*:topic""#, "arn:aws:sns:eu-west-1:1:topic", false),
        ("ArnLike", r#""arn:aws:s3:::b*""#, "arn:aws:s3:::bucket/key", true),
        ("ArnLike", r#""*""#, "arn:aws:s3:::bucket", false),
        ("ArnNotEquals", r#""arn:aws:s3:::b*""#, "arn:aws:s3:::bucket", false),
        ("ArnNotLike", r#""arn:aws:s3:::b*""#, "arn:aws:s3:::c", true),
    ] {
        assert_eq!(holds(operator, values, Some(&[sent])), expected, "{operator} {values} {sent}");
    }
}

#[test]
fn an_absent_key_meets_what_is_negated_and_nothing_else() {
    for (operator, expected) in [
        ("StringEquals", false),
        ("StringLike", false),
        ("StringNotEquals", true),
        ("StringNotLike", true),
        ("StringNotEqualsIgnoreCase", true),
        ("NumericLessThan", false),
        ("NumericNotEquals", true),
        ("DateGreaterThan", false),
        ("DateNotEquals", true),
        ("Bool", false),
        ("BinaryEquals", false),
        ("IpAddress", false),
        ("NotIpAddress", true),
        ("ArnLike", false),
        ("ArnNotLike", true),
        ("StringEqualsIfExists", true),
        ("StringNotEqualsIfExists", true),
        ("ForAllValues:StringEquals", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringNotEquals", false),
        ("ForAnyValue:StringEqualsIfExists", true),
    ] {
        for sent in [None, Some(&[][..])] {
            assert_eq!(holds(operator, r#""1""#, sent), expected, "{operator}");
        }
    }
    assert!(holds("Null", "true", None) && !holds("Null", "true", Some(&["x"])));
    assert!(!holds("Null", r#""false""#, None) && holds("Null", r#""false""#, Some(&["x"])));
}

#[test]
fn sets_are_compared_by_their_prefix() {
    for (operator, values, sent, expected) in [
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a", "b"][..], true),
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a", "c"], false),
        ("ForAllValues:StringNotEquals", r#"["a"]"#, &["b", "c"], true),
        ("ForAllValues:StringNotEquals", r#"["a"]"#, &["b", "a"], false),
        ("ForAnyValue:StringEquals", r#"["a"]"#, &["b", "a"], true),
        ("ForAnyValue:StringEquals", r#"["a"]"#, &["b"], false),
        ("ForAnyValue:StringNotEquals", r#"["a"]"#, &["a", "b"], true),
        ("ForAnyValue:StringNotEquals", r#"["a"]"#, &["a"], false),
        ("StringEquals", r#"["a"]"#, &["b", "a"], true),
        ("StringNotEquals", r#"["a"]"#, &["b", "a"], false),
    ] {
        assert_eq!(holds(operator, values, Some(sent)), expected, "{operator} {values} {sent:?}");
    }
}

#[test]
fn numbers_and_dates_are_read_strictly() {
    for text in ["1", "-1.50", "+0", ".5", "5.", "00012"] {
        assert!(number(text).is_some(), "{text}");
    }
    for text in ["", ".", "-", "1e3", "0x1", "1.2.3", " 1"] {
        assert!(number(text).is_none(), "{text}");
    }
    for text in ["2026", "2026-02", "2026-02-28", "2026-02-28T10:00Z", "2026-02-28T10:00:00.5-08:00", "1767225600"] {
        assert!(instant(text).is_some(), "{text}");
    }
    for text in ["", "2026-2", "2026-02-30", "2026-02-28T25:00Z", "2026-02-28T10:00", "yesterday"] {
        assert!(instant(text).is_none(), "{text}");
    }
}
