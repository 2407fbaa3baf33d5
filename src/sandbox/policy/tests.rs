//! Tables for each family of operators, and for what statements and policies say together.
//!
//! # Source
//! The pages of the IAM User Guide that each test names.

use serde_json::{Value, json};

use super::Verdict::{Allowed, Denied, Silent, Unsure};
use super::{
    Blank, Foreign, Forks, Letters, Policies, Request, Several, SeveralNegated, Star, Unresolved, Verdict, judge,
};

const PLAIN: Forks = Forks {
    star: Star::Anywhere,
    unresolved: Unresolved::MatchesNothing,
    several: Several::AnyMatches,
    several_negated: SeveralNegated::NoneMatches,
    blank: Blank::IsValue,
    blank_variable: Blank::IsValue,
    foreign: Foreign::Differs,
    letters: Letters::Ascii,
};

fn document(statements: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// `Allowed` if a condition holds, `Silent` if not, `Unsure` if that can't be told.
fn met(condition: &Value, context: &[(&str, &[&str])], forks: Forks) -> Verdict {
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    let mut request = Request::new("s3:GetObject", "arn:aws:s3:::b/k");
    for (key, values) in context {
        request.set(key, values.iter().copied());
    }
    let identity = [document(&json!([statement]))];
    judge(Policies { identity: &identity, ..Policies::default() }, &request, forks)
}

/// One operator with its policy values, the value of the request if one is sent, and the answer.
type Row<'a> = (&'a str, Value, Option<&'a str>, Verdict);

fn check(rows: &[Row<'_>]) {
    for (operator, values, sent, expected) in rows {
        let sent: Vec<&str> = sent.iter().copied().collect();
        let given = met(&json!({*operator: {"k:v": values}}), &[("K:V", &sent)], PLAIN);
        assert_eq!(given, *expected, "{operator} {values} for {sent:?}");
    }
}

#[test]
fn strings() {
    // "String condition operators"; "If the key is not present ... the condition is false ... not matched ... true".
    check(&[
        ("StringEquals", json!("a"), Some("a"), Allowed),
        ("StringEquals", json!("a"), Some("A"), Silent),
        ("StringEquals", json!("a*"), Some("ab"), Silent),
        ("StringEquals", json!(["b", "a"]), Some("a"), Allowed),
        ("StringEquals", json!(5), Some("5"), Allowed),
        ("StringEquals", json!(true), Some("true"), Allowed),
        ("StringEquals", json!([]), Some("a"), Unsure),
        ("StringNotEquals", json!([]), None, Unsure),
        ("StringEquals", json!("a"), None, Silent),
        ("StringEquals", json!(null), Some("a"), Unsure),
        ("StringNotEquals", json!("a"), Some("a"), Silent),
        ("StringNotEquals", json!("a"), None, Allowed),
        ("StringNotEquals", json!(["a", "b"]), Some("b"), Silent),
        ("StringNotEquals", json!(["a", "b"]), Some("c"), Allowed),
        ("StringEqualsIgnoreCase", json!("aÉ"), Some("AÉ"), Allowed),
        ("StringEqualsIgnoreCase", json!("aÉ"), Some("Aé"), Silent),
        ("StringNotEqualsIgnoreCase", json!("a"), Some("A"), Silent),
        ("StringLike", json!("a*c?e"), Some("abbcde"), Allowed),
        ("StringLike", json!("a*c?e"), Some("abbce"), Silent),
        ("StringLike", json!("?"), Some("é"), Allowed),
        ("StringLike", json!(""), Some(""), Allowed),
        ("StringLike", json!("A*"), Some("ab"), Silent),
        ("StringNotLike", json!("a*"), Some("ab"), Silent),
        ("StringNotLike", json!("a*"), None, Allowed),
        ("StringLike", json!("*"), Some(""), Allowed),
        ("StringLike", json!("a*b*c"), Some("aXbXbXc"), Allowed),
        ("StringLike", json!("a*b*c"), Some("aXcXb"), Silent),
        ("stringequals", json!("a"), Some("a"), Unsure),
        ("StringEqualsAlways", json!("a"), Some("a"), Unsure),
    ]);
}

#[test]
fn numbers() {
    // "Numeric condition operators": "comparing a key to an integer or decimal value".
    check(&[
        ("NumericEquals", json!("10"), Some("10.00"), Allowed),
        ("NumericEquals", json!(10), Some("010"), Allowed),
        ("NumericEquals", json!("-0"), Some("0.0"), Allowed),
        ("NumericNotEquals", json!("10"), Some("10"), Silent),
        ("NumericNotEquals", json!("10"), None, Allowed),
        ("NumericLessThan", json!("0.30000000000000000001"), Some("0.3"), Allowed),
        ("NumericLessThan", json!("0.3"), Some("0.30000000000000000001"), Silent),
        ("NumericLessThan", json!("123456789012345678901"), Some("123456789012345678900"), Allowed),
        ("NumericLessThan", json!("-1"), Some("-1.5"), Allowed),
        ("NumericLessThan", json!("1"), Some("-1"), Allowed),
        ("NumericLessThanEquals", json!("9"), Some("10"), Silent),
        ("NumericGreaterThan", json!("9"), Some("10"), Allowed),
        ("NumericGreaterThanEquals", json!(["20", "10"]), Some("10"), Allowed),
        ("NumericLessThan", json!("1e3"), Some("5"), Unsure),
        ("NumericLessThan", json!("five"), Some("5"), Unsure),
        ("NumericLessThan", json!("${k:v}"), Some("5"), Unsure),
        ("NumericNotEquals", json!(".5"), Some("5"), Unsure),
        ("NumericEquals", json!(["five", "5"]), Some("5"), Unsure),
        ("NumericNotEquals", json!(["five", "5"]), Some("5"), Unsure),
        ("NumericEquals", json!("+5"), Some("5"), Unsure),
        ("NumericLessThan", json!("5"), Some("four"), Silent),
        ("NumericNotEquals", json!("5"), Some("four"), Allowed),
    ]);
}

#[test]
fn dates() {
    // "Date condition operators"; W3C, "Date and Time Formats".
    const AFTER: &str = "DateGreaterThan";
    check(&[
        ("DateEquals", json!("2026-01-01T00:00:00Z"), Some("2026-01-01T02:00+02:00"), Allowed),
        ("DateEquals", json!("1767225600"), Some("2026-01-01T00:00:00Z"), Allowed),
        ("DateEquals", json!(1_767_225_600), Some("2026-01-01T00:00:00.000Z"), Allowed),
        ("DateEquals", json!("2024-02-29T00:00:00Z"), Some("1709164800"), Allowed),
        ("DateEquals", json!("2000-03-01T00:00:00Z"), Some("951868800"), Allowed),
        ("DateEquals", json!("0000-01-01T00:00:00Z"), Some("-62167219200"), Allowed),
        ("DateEquals", json!("2026-01-01"), Some("1767225600"), Allowed),
        ("DateEquals", json!("2026-02"), Some("2026-02-01T00:00:00Z"), Allowed),
        ("DateEquals", json!("253402300799"), Some("9999-12-31T23:59:59Z"), Allowed),
        ("DateLessThan", json!("1969-12-31T23:59:59.75Z"), Some("-1"), Allowed),
        ("DateLessThan", json!("-1"), Some("1969-12-31T23:59:58.999Z"), Allowed),
        ("DateLessThan", json!("1969-12-31T23:59:58.75Z"), Some("1969-12-31T23:59:58.7Z"), Allowed),
        ("DateNotEquals", json!("1767225600"), Some("2026-01-01T00:00:00Z"), Silent),
        ("DateNotEquals", json!("1767225600"), None, Allowed),
        (AFTER, json!("2026-01-01T00:00:00.1Z"), Some("2026-01-01T00:00:00.10000000000000000001Z"), Allowed),
        (AFTER, json!("2026-01-01T00:00:00.1Z"), Some("2026-01-01T00:00:00.1000Z"), Silent),
        ("DateGreaterThanEquals", json!("2026-01-01T00:00:00.1Z"), Some("2026-01-01T00:00:00.1000Z"), Allowed),
        ("DateLessThan", json!("2026-01-01T00:00:00Z"), Some("2025-12-31T23:59:59.999Z"), Allowed),
        ("DateLessThanEquals", json!("2026-01-01T00:00:00-00:30"), Some("2026-01-01T00:30:00Z"), Allowed),
    ]);
    let unreadable = [
        "2030",
        "2030-01T00:00Z",
        "2030-01-",
        "253402300800",
        "-62167219201",
        "1767225600.5",
        "2030-01-01T00:00:00",
        "2030-01-01T00:00",
        "2030-1-1",
        "2030-01-01t00:00:00z",
        "2030-01-01T",
        "99999-01-01T00:00:00Z",
        "2030-02-29T00:00:00Z",
        "2030-13-01T00:00:00Z",
        "2030-00-01T00:00:00Z",
        "2030-01-00T00:00:00Z",
        "2030-01-01T24:00:00Z",
        "2030-01-01T00:60:00Z",
        "2030-01-01T00:00:60Z",
        "2030-01-01T00:00:00.Z",
        "2030-01-01T00:00:00+0200",
        "2030-01-01T00:00:00:00Z",
        "2030-01-01-01T00:00:00Z",
        "2030-*-01T00:00:00Z",
        "",
    ];
    for text in unreadable {
        check(&[("DateLessThan", json!(text), Some("2026-01-01T00:00:00Z"), Unsure)]);
    }
}

#[test]
fn booleans_and_binary() {
    // "Boolean condition operators", "Binary condition operators".
    check(&[
        ("Bool", json!("true"), Some("true"), Allowed),
        ("Bool", json!(false), Some("false"), Allowed),
        ("Bool", json!("true"), Some("false"), Silent),
        ("Bool", json!("true"), None, Silent),
        ("Bool", json!("yes"), Some("true"), Unsure),
        ("Bool", json!("TRUE"), Some("true"), Unsure),
        ("Bool", json!("true"), Some("TRUE"), Silent),
        ("Bool", json!("${k:v}"), Some("true"), Unsure),
        ("BinaryEquals", json!("QmluYXJ5"), Some("QmluYXJ5"), Allowed),
        ("BinaryEquals", json!("QmluYXJ5"), Some("QmluYXJ6"), Silent),
        ("BinaryEquals", json!("%"), Some("QmluYXJ5"), Unsure),
    ]);
}

#[test]
fn addresses() {
    // "IP address condition operators".
    check(&[
        ("IpAddress", json!("203.0.113.0/24"), Some("203.0.113.255"), Allowed),
        ("IpAddress", json!("203.0.113.0/24"), Some("203.0.114.0"), Silent),
        ("IpAddress", json!("203.0.113.7"), Some("203.0.113.7"), Allowed),
        ("IpAddress", json!("203.0.113.7"), Some("203.0.113.6"), Silent),
        ("IpAddress", json!("0.0.0.0/0"), Some("203.0.113.7"), Allowed),
        ("IpAddress", json!("0.0.0.0/0"), Some("2001:db8::1"), Silent),
        ("IpAddress", json!("2001:DB8:1234:5678::/64"), Some("2001:db8:1234:5678:1::"), Allowed),
        ("IpAddress", json!("2001:DB8:1234:5678::/64"), Some("2001:db8:1234:5679::"), Silent),
        ("IpAddress", json!(["10.0.0.0/8", "203.0.113.0/24"]), Some("203.0.113.9"), Allowed),
        ("NotIpAddress", json!("203.0.113.0/24"), Some("203.0.113.9"), Silent),
        ("NotIpAddress", json!("203.0.113.0/24"), None, Allowed),
        ("NotIpAddress", json!("203.0.113.0/33"), Some("203.0.113.9"), Unsure),
        ("NotIpAddress", json!("203.0.113.0/33"), None, Unsure),
        ("IpAddress", json!("203.0.113.0/33"), None, Unsure),
        ("IpAddress", json!("203.0.113/24"), Some("203.0.113.9"), Unsure),
        ("IpAddress", json!("203.0.113.0/+8"), Some("203.0.113.9"), Unsure),
        ("IpAddress", json!("203.0.113.0/255.255.255.0"), Some("203.0.113.9"), Unsure),
    ]);
}

#[test]
fn arns() {
    // "Amazon Resource Name (ARN) condition operators"; the first two rows are that page's example.
    const SENT: &str = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
    check(&[
        ("ArnLike", json!("arn:aws:someservice:*:111122223333:finance/*"), Some(SENT), Silent),
        ("StringLike", json!("arn:aws:someservice:*:111122223333:finance/*"), Some(SENT), Allowed),
        ("ArnEquals", json!("arn:aws:sns:*:1:t?"), Some("arn:aws:sns:eu-west-1:1:t1"), Allowed),
        ("ArnLike", json!("arn:aws:sns:*:1:*"), Some("arn:aws:sns:eu-west-1:1:t:x:y"), Allowed),
        ("ArnNotLike", json!("arn:aws:iam::*:user/a"), Some("arn:aws:iam::1:user/a"), Silent),
        ("ArnNotEquals", json!("arn:aws:iam::*:user/a"), Some("arn:aws:iam::1:user/A"), Allowed),
        ("ArnNotEquals", json!("arn:aws:iam::*:user/a"), None, Allowed),
        ("ArnNotLike", json!("arn:aws:iam:*:user/a"), Some("arn:aws:iam::1:user/a"), Unsure),
        ("ArnLike", json!("*"), Some("arn:aws:iam::1:user/a"), Unsure),
        ("ArnLike", json!("${k:v}"), Some("arn:aws:iam::1:user/a"), Allowed),
    ]);
}

#[test]
fn presence() {
    // "...IfExists condition operators", "Condition operator to check existence of condition keys".
    check(&[
        ("Null", json!("true"), None, Allowed),
        ("Null", json!(true), Some("a"), Silent),
        ("Null", json!("false"), Some("a"), Allowed),
        ("Null", json!("false"), None, Silent),
        ("Null", json!("maybe"), None, Unsure),
        ("NullIfExists", json!("true"), None, Unsure),
        ("ForAnyValue:Null", json!("true"), None, Unsure),
        ("StringEqualsIfExists", json!("a"), None, Allowed),
        ("StringEqualsIfExists", json!("a"), Some("b"), Silent),
        ("StringNotEqualsIfExists", json!("a"), None, Allowed),
        ("StringNotEqualsIfExists", json!("a"), Some("a"), Silent),
        ("NumericLessThanIfExists", json!("5"), None, Allowed),
        ("DateLessThanIfExists", json!("5"), None, Allowed),
        ("BoolIfExists", json!("true"), Some("false"), Silent),
        ("BinaryEqualsIfExists", json!("QQ=="), None, Allowed),
        ("IpAddressIfExists", json!("10.0.0.0/8"), None, Allowed),
        ("ArnLikeIfExists", json!("arn:aws:iam::1:user/a"), None, Allowed),
        ("ForAnyValue:StringEqualsIfExists", json!("a"), None, Allowed),
    ]);
}

#[test]
fn sets() {
    // "Single-valued vs. multivalued context keys"; the first rows are the tables of "Evaluation logic for multiple
    // values with condition set operators".
    let fields = json!(["PostDateTime", "Message", "Tags"]);
    let rows: [(&str, Value, &[&str], Verdict); 14] = [
        ("ForAllValues:StringEquals", fields.clone(), &["PostDateTime", "UserName"], Silent),
        ("ForAllValues:StringEquals", fields.clone(), &["PostDateTime", "Tags"], Allowed),
        ("ForAnyValue:StringEquals", json!(["ID", "PostDateTime"]), &["UserName", "Message", "PostDateTime"], Allowed),
        ("ForAnyValue:StringEquals", json!(["ID", "PostDateTime"]), &["UserName"], Silent),
        ("ForAllValues:StringEquals", fields.clone(), &[], Allowed),
        ("ForAnyValue:StringEquals", fields.clone(), &[], Silent),
        ("ForAllValues:StringNotEquals", fields.clone(), &["UserName", "Tags"], Silent),
        ("ForAllValues:StringNotEquals", fields.clone(), &["UserName"], Allowed),
        ("ForAnyValue:StringNotEquals", fields.clone(), &["UserName", "Tags"], Allowed),
        ("ForAnyValue:StringNotEquals", fields, &["Tags"], Silent),
        ("ForAnyValue:StringNotEquals", json!("a"), &[], Silent),
        ("ForAllValues:NumericLessThan", json!("5"), &["4", "5"], Silent),
        ("ForAnyValue:IpAddress", json!("10.0.0.0/8"), &["1.1.1.1", "10.0.0.1"], Allowed),
        ("ForAllValues:ArnLike", json!("arn:aws:iam::*:user/*"), &["arn:aws:iam::1:user/a"], Allowed),
    ];
    for (operator, values, sent, expected) in rows {
        let given = met(&json!({operator: {"k:v": values}}), &[("k:v", sent)], PLAIN);
        assert_eq!(given, expected, "{operator} {values} for {sent:?}");
    }
    let both: &[(&str, &[&str])] = &[("k:v", &["a", "b"])];
    let (equals, not_equals) = (json!({"StringEquals": {"k:v": "a"}}), json!({"StringNotEquals": {"k:v": "a"}}));
    assert_eq!(met(&equals, both, PLAIN), Allowed);
    assert_eq!(met(&equals, both, Forks { several: Several::AllMatch, ..PLAIN }), Silent);
    assert_eq!(met(&not_equals, both, PLAIN), Silent);
    assert_eq!(met(&not_equals, both, Forks { several_negated: SeveralNegated::SomeDoesNot, ..PLAIN }), Allowed);
}

#[test]
fn keys_and_operators_are_all_needed() {
    // "Conditions with multiple context keys or values".
    let context: &[(&str, &[&str])] = &[("k:a", &["1"]), ("k:b", &["2"])];
    for (condition, expected) in [
        (json!({}), Allowed),
        (json!({"StringEquals": {"k:a": "1", "k:b": "2"}}), Allowed),
        (json!({"StringEquals": {"k:a": "1", "k:b": "3"}}), Silent),
        (json!({"StringEquals": {"k:a": "1"}, "NumericLessThan": {"k:b": "2"}}), Silent),
        (json!({"StringEquals": {"k:a": "2"}, "Unheard": {"k:b": "2"}}), Silent),
        (json!({"StringEquals": {"k:a": "1"}, "Unheard": {"k:b": "2"}}), Unsure),
        (json!("always"), Unsure),
    ] {
        assert_eq!(met(&condition, context, PLAIN), expected, "{condition}");
    }
}

#[test]
fn variables() {
    // "Variables and tags".
    let context: &[(&str, &[&str])] = &[("aws:username", &["a*"]), ("k:v", &["a*"]), ("k:many", &["x", "y"])];
    let spoils = Forks { unresolved: Unresolved::SpoilsStatement, ..PLAIN };
    for (operator, value, expected) in [
        ("StringEquals", "${aws:username}", Allowed),
        ("StringEquals", "${AWS:UserName}", Allowed),
        ("StringEquals", "a${*}", Allowed),
        ("StringLike", "a${*}", Allowed),
        ("StringLike", "${?}*", Silent),
        ("StringLike", "${aws:username}${aws:username}", Silent),
        ("StringNotLike", "a${$}", Allowed),
        ("StringEquals", "${aws:none, 'a*'}", Allowed),
        ("StringEquals", "${aws:username, 'b'}", Allowed),
        ("StringLike", "${k:none, 'a'}*", Allowed),
        ("StringEquals", "${k:many}", Unsure),
        ("StringEquals", "${k:many, 'a*'}", Unsure),
        ("StringEquals", "${k:none, 'a}'}", Unsure),
        ("StringLike", "${k:none, 'a*'}", Unsure),
        ("StringEquals", "${k:no ne}", Unsure),
        ("StringEquals", "${k:Ü}", Unsure),
        ("StringEquals", "${k:ü}", Silent),
        ("StringEquals", "${k:none}", Silent),
        ("StringLike", "*${k:none}*", Silent),
        ("StringEquals", "${aws:username", Unsure),
        ("StringEquals", "${}", Unsure),
        ("StringEquals", "${k:none,'a*'}", Unsure),
        ("StringEquals", "${k:none, 'a*}", Unsure),
        ("StringNotEquals", "${a${b}}", Unsure),
        ("StringNotEquals", "$a", Allowed),
    ] {
        let condition = json!({operator: {"k:v": value}});
        assert_eq!(met(&condition, context, PLAIN), expected, "{condition}");
        assert_eq!(met(&condition, context, spoils), expected, "{condition}");
    }
    let unless = Forks { unresolved: Unresolved::SpoilsUnlessIfExists, ..PLAIN };
    for (operator, values, expected) in [
        ("StringNotEquals", json!(["${k:none}", "b"]), [Allowed, Silent, Silent]),
        ("StringEquals", json!(["${k:none}", "a*"]), [Allowed, Silent, Silent]),
        ("StringEqualsIfExists", json!(["${k:none}", "a*"]), [Allowed, Silent, Allowed]),
    ] {
        let condition = json!({operator: {"k:v": values}});
        assert_eq!([PLAIN, spoils, unless].map(|forks| met(&condition, context, forks)), expected, "{condition}");
    }
}

#[test]
fn what_the_pages_leave_open_of_values() {
    let context: &[(&str, &[&str])] =
        &[("k:v", &["É"]), ("k:empty", &[""]), ("k:number", &["five"]), ("k:arn", &["arn:aws:iam::1:user/a:b"])];
    let null = Forks { blank: Blank::IsNull, ..PLAIN };
    let null_variable = Forks { blank_variable: Blank::IsNull, ..PLAIN };
    let fails = Forks { foreign: Foreign::Fails, ..PLAIN };
    let letters = Forks { letters: Letters::All, ..PLAIN };
    for (condition, forks, plain, other) in [
        (json!({"Null": {"k:empty": "true"}}), null, Silent, Allowed),
        (json!({"ForAllValues:StringEquals": {"k:empty": "a"}}), null, Silent, Allowed),
        (json!({"ForAnyValue:StringEquals": {"k:empty": ""}}), null, Allowed, Silent),
        (json!({"StringEquals": {"k:empty": ""}}), null, Allowed, Allowed),
        (json!({"StringEquals": {"k:empty": "${k:empty}"}}), null_variable, Allowed, Silent),
        (json!({"StringEquals": {"k:v": "${k:empty, 'É'}"}}), null_variable, Silent, Allowed),
        (json!({"NumericNotEquals": {"k:number": "5"}}), fails, Allowed, Silent),
        (json!({"ArnNotEquals": {"k:number": "arn:aws:iam::1:user/a"}}), fails, Allowed, Silent),
        (json!({"StringEqualsIgnoreCase": {"k:v": "é"}}), letters, Silent, Allowed),
        (json!({"ArnEquals": {"k:arn": "${k:arn}"}}), PLAIN, Allowed, Allowed),
        (json!({"ArnEquals": {"k:arn": "${k:number}"}}), PLAIN, Unsure, Unsure),
        (json!({"ArnEquals": {"k:arn": "arn:aws:iam::${k:arn}:user/*"}}), PLAIN, Unsure, Unsure),
        (json!({"Null": {"k:Ü": "true"}}), PLAIN, Unsure, Unsure),
    ] {
        assert_eq!((met(&condition, context, PLAIN), met(&condition, context, forks)), (plain, other), "{condition}");
    }
}

fn verdict(statements: &Value, action: &str, resource: &str, forks: Forks) -> Verdict {
    let mut request = Request::new(action, resource);
    request.set("aws:username", ["bob"]);
    judge(Policies { identity: &[document(statements)], ..Policies::default() }, &request, forks)
}

#[test]
fn actions_and_resources() {
    // "Action", "NotAction", "Resource", "NotResource".
    let key = "arn:aws:s3:::b/a:c";
    for (elements, expected) in [
        (json!({"Action": "s3:getobject", "Resource": "*"}), Allowed),
        (json!({"Action": "S3:Get*", "Resource": "*"}), Allowed),
        (json!({"Action": ["s3:Put*", "s3:?etObject"], "Resource": "*"}), Allowed),
        (json!({"Action": "s3:GetObjectAcl", "Resource": "*"}), Silent),
        (json!({"NotAction": "s3:Put*", "Resource": "*"}), Allowed),
        (json!({"NotAction": ["s3:Put*", "s3:Get*"], "Resource": "*"}), Silent),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::b/*"}), Allowed),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::B/*"}), Silent),
        (json!({"Action": "*", "NotResource": "arn:aws:s3:::c/*"}), Allowed),
        (json!({"Action": "*", "NotResource": ["arn:aws:s3:::c/*", "arn:aws:s3:::b*"]}), Silent),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::${x:y, 'b'}/*"}), Allowed),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::b/a${aws:none}:c"}), Silent),
        (json!({"Action": "*", "Resource": "arn:aws:${aws:username}:::b/*"}), Unsure),
        (json!({"Action": "*", "Resource": "arn:aws:${aws:none}:::b/*"}), Unsure),
        (json!({"Action": "*", "NotResource": "arn:aws:${aws:none}:::b/*"}), Unsure),
        (json!({"Action": "*", "Resource": "arn:aws:s3:::b/${aws:username"}), Unsure),
        (json!({"Action": "*", "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b/${aws:username"]}), Unsure),
        (json!({"Action": "*", "Resource": "${aws:username}"}), Unsure),
        (json!({"Action": "*", "Resource": "arn:${*}:s3:::b/*"}), Unsure),
        (json!({"Action": "*", "NotAction": "*", "Resource": "*"}), Unsure),
        (json!({"Action": "*"}), Unsure),
        (json!({"Action": "*", "Resource": "*", "Principal": "*"}), Unsure),
        (json!({"Action": "s3:Put*", "Resource": "*", "Principal": "*"}), Silent),
        (json!({"Action": [5], "Resource": "*"}), Unsure),
        (json!("Allow"), Unsure),
    ] {
        let mut statement = elements.clone();
        if let Some(statement) = statement.as_object_mut() {
            statement.insert("Effect".to_owned(), json!("Allow"));
        }
        assert_eq!(verdict(&statement, "s3:GetObject", key, PLAIN), expected, "{elements}");
    }
    let segmented = Forks { star: Star::InSegment, ..PLAIN };
    let five = Forks { star: Star::InFirstFive, ..PLAIN };
    for (pattern, anywhere, in_segment, in_first_five) in [
        ("arn:aws:s3:::b/*", Allowed, Allowed, Allowed),
        ("arn:aws:s3*", Allowed, Allowed, Allowed),
        ("arn:*:b/a:c", Allowed, Allowed, Allowed),
        ("arn:aws:s3*b/a:c", Allowed, Silent, Silent),
        ("arn:aws:s3:::*c", Allowed, Silent, Allowed),
        ("arn:aws:s3:::b/a?c", Allowed, Silent, Allowed),
    ] {
        let statement = json!({"Effect": "Allow", "Action": "*", "Resource": pattern});
        assert_eq!(verdict(&statement, "s3:GetObject", key, PLAIN), anywhere, "{pattern}");
        assert_eq!(verdict(&statement, "s3:GetObject", key, segmented), in_segment, "{pattern}");
        assert_eq!(verdict(&statement, "s3:GetObject", key, five), in_first_five, "{pattern}");
    }
    let statement = json!({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::${k:none}"});
    assert_eq!(verdict(&statement, "s3:GetObject", key, PLAIN), Allowed);
    let spoils = Forks { unresolved: Unresolved::SpoilsStatement, ..PLAIN };
    assert_eq!(verdict(&statement, "s3:GetObject", key, spoils), Silent);
}

#[test]
fn versions() {
    // "Version": in the language of 2008 variables are literal text.
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:username}"});
    for (version, resource, expected) in [
        (json!("2012-10-17"), "arn:aws:s3:::bob", Allowed),
        (json!("2008-10-17"), "arn:aws:s3:::bob", Silent),
        (json!("2008-10-17"), "arn:aws:s3:::${aws:username}", Allowed),
        (json!("2026-01-01"), "arn:aws:s3:::bob", Unsure),
        (json!(2012), "arn:aws:s3:::bob", Unsure),
    ] {
        let identity = [json!({"Version": version, "Statement": statement})];
        let mut request = Request::new("s3:GetObject", resource);
        request.set("aws:username", ["bob"]);
        let given = judge(Policies { identity: &identity, ..Policies::default() }, &request, PLAIN);
        assert_eq!(given, expected, "{version} {resource}");
    }
}

#[test]
fn policies_together() {
    // "Policy evaluation logic".
    let one = |effect: &str, condition: Value| {
        document(&json!({"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}))
    };
    let (allow, deny) = (one("Allow", json!({})), one("Deny", json!({})));
    let unreadable = json!({"NumericEquals": {"k:v": "many"}});
    let (perhaps, perhaps_not) = (one("Allow", unreadable.clone()), one("Deny", unreadable.clone()));
    let either = one("allow", json!({}));
    let nothing = json!({"Version": "2012-10-17"});
    let mut request = Request::new("s3:GetObject", "*");
    request.set("k:v", ["5"]);
    type Kind<'a> = Option<&'a [&'a Value]>;
    let rows: [(Kind<'_>, Kind<'_>, Kind<'_>, Verdict); 16] = [
        (Some(&[]), None, None, Silent),
        (Some(&[&allow]), None, None, Allowed),
        (Some(&[&allow, &deny]), None, None, Denied),
        (Some(&[&deny]), None, None, Denied),
        (Some(&[&nothing, &allow]), None, None, Allowed),
        (Some(&[&allow]), Some(&[]), None, Silent),
        (Some(&[&allow]), Some(&[&allow]), Some(&[&allow]), Allowed),
        (Some(&[&allow]), Some(&[&allow]), Some(&[&nothing]), Silent),
        (Some(&[&allow]), Some(&[&allow]), Some(&[&allow, &deny]), Denied),
        (Some(&[&nothing]), Some(&[&allow]), Some(&[&allow]), Silent),
        (Some(&[&perhaps]), None, None, Unsure),
        (Some(&[&perhaps, &allow]), None, None, Allowed),
        (Some(&[&allow, &perhaps_not]), None, None, Unsure),
        (Some(&[&perhaps_not]), None, None, Silent),
        (Some(&[&allow, &either]), None, None, Unsure),
        (Some(&[&perhaps, &deny]), None, None, Denied),
    ];
    for (number, (identity, boundary, session, expected)) in rows.into_iter().enumerate() {
        let [identity, boundary, session] = [identity, boundary, session]
            .map(|kind| kind.map(|all| all.iter().map(|one| (*one).clone()).collect::<Vec<_>>()));
        let policies = Policies {
            identity: identity.as_deref().unwrap_or_default(),
            boundary: boundary.as_deref(),
            session: session.as_deref(),
        };
        assert_eq!(judge(policies, &request, PLAIN), expected, "row {number}");
    }
}

#[test]
fn of_keys_that_are_not_known_nothing_is_told() {
    let mut request = Request::partly_known("s3:GetObject", "arn:aws:s3:::b", &["k:absent"]);
    request.set("k:sent", ["a"]);
    request.set("k:empty", [""; 0]);
    for (condition, expected) in [
        (json!({"StringEquals": {"K:Sent": "a"}}), Allowed),
        (json!({"Null": {"k:absent/x": "true"}}), Allowed),
        (json!({"Null": {"k:empty": "true"}}), Allowed),
        (json!({"Null": {"k:other": "true"}}), Unsure),
        (json!({"StringEqualsIfExists": {"k:other": "a"}}), Unsure),
        (json!({"ForAllValues:StringNotEquals": {"k:other": "a"}}), Unsure),
        (json!({"StringNotEquals": {"k:sent": "${k:other, 'b'}"}}), Unsure),
        (json!({"StringNotEquals": {"k:sent": "${k:absent, 'b'}"}}), Allowed),
    ] {
        let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
        let identity = [document(&statement)];
        let given = judge(Policies { identity: &identity, ..Policies::default() }, &request, PLAIN);
        assert_eq!(given, expected, "{condition}");
    }
}

#[test]
fn every_fork_is_taken() {
    let all: Vec<Forks> = Forks::all().collect();
    assert_eq!(all.len(), 51);
    for (number, forks) in all.iter().enumerate() {
        assert!(!all[..number].contains(forks), "{forks:?}");
    }
}
