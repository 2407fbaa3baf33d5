//! The table of condition operators, row by row. Source: IAM User Guide, "Condition operators".

use crate::iam::json;
use crate::iam::policy::Policy;
use crate::iam::reading::{Case, Empty, EmptyVariable, Mistyped, Reading, Several, SeveralNegated, Truth, Unresolved};
use crate::iam::request::Request;

/// Whether `operator` with `values` (JSON) on the key `k` holds, when `k` has these values.
fn holds(operator: &str, values: &str, sent: Option<&[&str]>) -> bool {
    truth(operator, values, sent, Reading::default()) == Truth::Yes
}

fn truth(operator: &str, values: &str, sent: Option<&[&str]>, reading: Reading) -> Truth {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"K":{values}}}}}}}}}"#
    );
    let policy = Policy::of_checked(&json::parse(&text).expect("JSON"));
    let mut request = Request::default();
    request.context.insert("aws:username".to_owned(), vec!["b*b".to_owned()]);
    request.context.insert("v:empty".to_owned(), vec![String::new()]);
    request.context.insert("v:arn".to_owned(), vec!["arn:aws:iam::1:role/a".to_owned()]);
    request.context.insert("v:many".to_owned(), vec!["a".to_owned(), "b".to_owned()]);
    if let Some(sent) = sent {
        request.context.insert("k".to_owned(), sent.iter().map(|value| (*value).to_owned()).collect());
    }
    policy.statements[0].conditions[0].holds(&request, reading)
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
        ("DateNotEquals", r#""2026-01""#, "2026-01-01T00:00Z", false),
        ("DateLessThan", r#""2026-01-02""#, "2026-01-01T23:59:59.999Z", true),
        ("DateLessThanEquals", r#""2026-01-02""#, "2026-01-02T00:00:00Z", true),
        ("DateGreaterThan", r#""2026-01-02""#, "2026-01-02T00:00:00Z", false),
        ("DateGreaterThanEquals", r#""2026-01-02""#, "2026-01-02", true),
        ("Bool", "true", "TRUE", false),
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
        ("ArnLike", r#""arn:aws:sns:*::topic""#, "arn:aws:sns:eu-west-1:1:topic", false),
        ("ArnLike", r#""arn:aws:s3:::b*""#, "arn:aws:s3:::bucket/key", true),
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
            let value = match operator {
                _ if operator.contains("Ip") => r#""192.0.2.1""#,
                _ if operator.contains("Arn") => r#""arn:aws:s3:::b""#,
                "Bool" => "true",
                "BinaryEquals" => r#""QUI=""#,
                _ => r#""1""#,
            };
            assert_eq!(holds(operator, value, sent), expected, "{operator}");
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

/// Each with a value that is not defined for it, and one that is and does not match `sent`.
#[test]
fn what_no_page_defines_is_unknown_also_under_a_negation() {
    for (test, odd, sound, sent) in [
        ("DateLessThan", "2030-01-01T00:00:00", "2020-01-01", "2026-01-01"),
        ("DateNotEquals", "2030", "2026-01-01", "2026-01-01"),
        ("NumericLessThanEquals", "1e3", "1", "5"),
        ("NumericNotEquals", "${aws:username}", "5", "5"),
        ("IpAddress", "203.0.113.0/33", "192.0.2.0/24", "203.0.113.1"),
        ("NotIpAddress", "203.0.113.0/33", "203.0.113.0/24", "203.0.113.1"),
        ("Bool", "${aws:username}", "true", "false"),
        ("BinaryEquals", "QUI", "QUI=", "QUM="),
        ("ArnLike", "*", "arn:aws:s3:::b", "arn:aws:s3:::c"),
        ("ArnNotLike", "arn:aws:iam:1:role/a", "arn:aws:s3:::c", "arn:aws:s3:::c"),
        ("StringLike", "${aws:username", "b", "a"),
        ("StringNotEquals", "${aws:username, bob}", "a", "a"),
        ("StringEquals", "${v:none,'a'}", "b", "a"),
        ("StringNotEquals", "${v:none,  'a'}", "a", "a"),
        ("StringEquals", "${v:none, 'a'b'}", "b", "a"),
        ("StringEquals", "${ v:none }", "b", "a"),
        ("StringNotEquals", "${a${v:none}}", "a", "a"),
        ("StringNotEquals", "${**}", "a", "a"),
        ("StringEquals", "${}", "b", "a"),
        ("StringNotEquals", "${v:none, a}", "a", "a"),
        ("StringLike", "${v:none, 'a*'}", "b", "a"),
        ("StringEquals", "${aws:PrincipalTag/\u{dc}}", "b", "a"),
        ("StringNotEquals", "${v:many}", "c", "c"),
        ("StringEquals", "${v:many, 'a'}", "b", "a"),
        ("ArnNotEquals", "${aws:username}", "arn:aws:s3:::c", "arn:aws:s3:::c"),
        ("ArnEquals", "${aws:username}", "arn:aws:s3:::b", "arn:aws:s3:::c"),
        ("ArnNotEquals", "arn:aws:iam::${v:arn}:role/a", "arn:aws:s3:::c", "arn:aws:s3:::c"),
        ("NumericNotEquals", "+1", "5", "5"),
        ("NumericEquals", ".5", "4", "5"),
        ("NumericEquals", "5.", "4", "5"),
        ("Bool", "TRUE", "true", "false"),
        ("Null", "False", "true", "a"),
    ] {
        let (odd, sound) = (format!("{odd:?}"), format!("{sound:?}"));
        let asked = |values: &str| truth(test, values, Some(&[sent]), Reading::default());
        assert_eq!(asked(&odd), Truth::Unknown, "{test} {odd}");
        assert_eq!(asked(&sound), Truth::No, "{test} {sound}");
        // Nor is what AWS makes of the values beside it, matching or not.
        assert_eq!(asked(&format!("[{odd},{sound}]")), Truth::Unknown, "{test} {odd} {sound}");
    }
    assert_eq!(truth("ArnEquals", r#""${v:arn}""#, Some(&["arn:aws:iam::1:role/a"]), Reading::default()), Truth::Yes);
    assert_eq!(truth("StringEquals", "[]", Some(&["a"]), Reading::default()), Truth::Unknown);
    assert_eq!(truth("ForAnyValue:Null", "true", None, Reading::default()), Truth::Unknown);
}

#[test]
fn forks_are_read_both_ways() {
    let of = |operator: &str, values: &str, sent: &[&str], reading: Reading| {
        truth(operator, values, Some(sent), reading) == Truth::Yes
    };
    let usual = Reading::default();
    let all = Reading { several: Several::All, ..usual };
    assert!(of("StringEquals", r#""a""#, &["a", "b"], usual) && !of("StringEquals", r#""a""#, &["a", "b"], all));
    let some = Reading { several_negated: SeveralNegated::Some, ..usual };
    assert!(!of("StringNotEquals", r#""a""#, &["a", "b"], usual) && of("StringNotEquals", r#""a""#, &["a", "b"], some));
    let spoils = Reading { unresolved: Unresolved::Spoils, ..usual };
    let absent = r#""${aws:PrincipalTag/team}""#;
    assert!(of("StringNotEquals", absent, &["a"], usual) && !of("StringNotEquals", absent, &["a"], spoils));
    assert!(!of("StringEquals", absent, &["a"], usual) && !of("StringEquals", absent, &["a"], spoils));
    // What looks like a variable and is none has no value that could be missing.
    let odd = truth("StringNotEquals", r#""a${}""#, Some(&["b"]), spoils);
    assert_eq!(odd, Truth::Unknown);
    let default = r#""${aws:PrincipalTag/team, 'none'}""#;
    assert!(of("StringNotEquals", default, &["a"], usual) && of("StringNotEquals", default, &["a"], spoils));
}

/// A fork, and whether a condition holds in the usual reading and in the other.
#[test]
fn each_fork_tells_what_it_is_about() {
    let usual = Reading::default();
    let spoils = Reading { unresolved: Unresolved::Spoils, ..usual };
    let unless = Reading { unresolved: Unresolved::SpoilsUnlessIfExists, ..usual };
    let empty = Reading { empty: Empty::NoValue, ..usual };
    let variable = Reading { empty_variable: EmptyVariable::NoValue, ..usual };
    let fails = Reading { mistyped: Mistyped::Fails, ..usual };
    let unicode = Reading { case: Case::Unicode, ..usual };
    for (operator, values, sent, reading, expected) in [
        ("StringEquals", r#"["a","${v:none}"]"#, Some("a"), spoils, (true, false)),
        ("StringEquals", r#"["a","${v:none}"]"#, Some("a"), unless, (true, false)),
        ("StringEqualsIfExists", r#"["a","${v:none}"]"#, Some("a"), spoils, (true, false)),
        ("StringEqualsIfExists", r#"["a","${v:none}"]"#, Some("a"), unless, (true, true)),
        ("StringEqualsIfExists", r#""${v:none}""#, None, spoils, (true, false)),
        ("StringNotEqualsIfExists", r#""${v:none}""#, Some("a"), unless, (true, true)),
        ("ForAllValues:StringEquals", r#""a""#, Some(""), empty, (false, true)),
        ("ForAnyValue:StringEquals", r#""""#, Some(""), empty, (true, false)),
        ("ForAnyValue:StringNotEquals", r#""a""#, Some(""), empty, (true, false)),
        ("Null", r#""true""#, Some(""), empty, (false, true)),
        ("Null", "false", Some(""), empty, (true, false)),
        ("StringLike", r#""*""#, Some(""), empty, (true, true)),
        ("StringEquals", r#""${v:empty}""#, Some(""), variable, (true, false)),
        ("StringNotEquals", r#""${v:empty}""#, Some(""), variable, (false, true)),
        ("StringEquals", r#""${v:empty, 'd'}""#, Some("d"), variable, (false, true)),
        ("NumericNotEquals", "5", Some("five"), fails, (true, false)),
        ("DateNotEquals", r#""2026-01-01""#, Some("today"), fails, (true, false)),
        ("NotIpAddress", r#""192.0.2.1""#, Some("192.0.2.0/24"), fails, (true, false)),
        ("ArnNotLike", r#""arn:aws:s3:::b""#, Some("b"), fails, (true, false)),
        ("NumericLessThan", "5", Some("+1"), fails, (false, false)),
        ("Bool", "true", Some("TRUE"), fails, (false, false)),
        ("StringEqualsIgnoreCase", r#""\u00c9""#, Some("\u{e9}"), unicode, (false, true)),
        ("StringEqualsIgnoreCase", r#""k""#, Some("\u{212a}"), unicode, (false, true)),
        ("StringNotEqualsIgnoreCase", r#""s""#, Some("\u{17f}"), unicode, (true, false)),
        ("StringEqualsIgnoreCase", r#""i""#, Some("\u{130}"), unicode, (false, true)),
        ("StringEqualsIgnoreCase", r#""a""#, Some("A"), unicode, (true, true)),
    ] {
        let sent = sent.map(|value| [value]);
        let asked = |reading| truth(operator, values, sent.as_ref().map(|sent| &sent[..]), reading) == Truth::Yes;
        assert_eq!((asked(usual), asked(reading)), expected, "{operator} {values} {sent:?} {reading:?}");
    }
}

#[test]
fn the_case_of_a_key_beyond_ascii_is_in_doubt() {
    let truth = |key: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*",
                "Condition":{{"Null":{{"{key}":"true"}}}}}}}}"#
        );
        let policy = Policy::of_checked(&json::parse(&text).expect("JSON"));
        policy.statements[0].conditions[0].holds(&Request::default(), Reading::default())
    };
    assert_eq!(truth("aws:PrincipalTag/\u{fc}"), Truth::Yes);
    assert_eq!(truth("aws:PrincipalTag/\u{dc}"), Truth::Unknown);
}
