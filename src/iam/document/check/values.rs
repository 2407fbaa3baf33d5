//! Values of conditions: whether they say what AWS's pages define for their operator.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Policy elements: Variables and
//! tags". IAM refuses a bad date; anything else it takes, and what it makes of it is not to be known. The reader is
//! the evaluator's own: what has no finding here, it reads.

use crate::iam::operator::Test;
use crate::iam::pattern::{Odd, Pattern, Syntax, variables};
use crate::iam::value::{self, Type};

/// A problem of one value.
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) what: String,
    pub(super) hint: Option<&'static str>,
    pub(super) fatal: bool,
}

/// The problem of a value with its operator, if it has one. What is wrong with variables alone is told elsewhere.
pub(super) fn problem(test: Test, text: &str) -> Option<Problem> {
    let name = test.name();
    let kind = test.value_type();
    let has_variables = matches!(kind, Type::Text | Type::Arn);
    if !has_variables && text.contains("${") {
        let what =
            format!("`{name}` does not take policy variables: whether `{text}` is compared as it stands is not told");
        let hint = Some("write the value, or compare it with a string operator");
        return Some(Problem { code: "INVALID_VARIABLE_FOR_OPERATOR", what, hint, fatal: kind == Type::Date });
    }
    if matches!(test, Test::StringEquals | Test::StringNotEquals) && text.contains(['*', '?']) && !text.contains("${") {
        let what = format!("`{name}` has no wildcards: `{text}` is compared as it stands; `StringLike` has them");
        return Some(Problem { code: "WILDCARD_WITHOUT_LIKE_OPERATOR", what, hint: None, fatal: false });
    }
    let pattern = Pattern::new(text, Syntax { wildcards: has_variables, variables: has_variables });
    if value::is_read(test, &pattern) || pattern.is_odd() {
        return None;
    }
    let (code, policy_type, hint) = match kind {
        Type::Bool | Type::Existence => ("TYPE_MISMATCH_BOOLEAN", "`true` or `false`", None),
        Type::Binary => ("TYPE_MISMATCH_BINARY", "base64", None),
        Type::Network => ("TYPE_MISMATCH_IP_RANGE", "an address or a range such as `203.0.113.0/24`", None),
        Type::Number => ("TYPE_MISMATCH_NUMBER", "a number such as `1000` or `2.5`", None),
        Type::Arn => {
            let hint = Some("write all six segments, `arn:aws:iam::*:role/*`, or use `StringLike`");
            ("TYPE_MISMATCH_ARN", "an ARN segment by segment", hint)
        }
        Type::Date | Type::Text => {
            let hint = Some("write a date with its zone, or all digits of seconds since 1970");
            ("TYPE_MISMATCH_DATE", "a date such as `2030-01-31T12:00:00Z`", hint)
        }
    };
    let fatal = kind == Type::Date && !is_taken_as_date(text);
    let what = match fatal {
        true => format!("`{name}` compares {policy_type}, which `{text}` is not"),
        false => {
            format!("`{name}` compares {policy_type}: what IAM makes of `{text}` is not told, so it counts against you")
        }
    };
    Some(Problem { code, what, hint, fatal })
}

/// What is wrong with the variables of a text, which may have wildcards, if something is. A blank around a name is told
/// as a spelling.
pub(super) fn variable_problem(text: &str, wildcards: bool) -> Option<(&'static str, String)> {
    variables(text, wildcards).find_map(|(at, odd)| {
        let (code, what) = match odd {
            Some(Odd::Unclosed) => {
                ("MISSING_BRACE_IN_VARIABLE", format!("a variable in `{text}` has no closing brace"))
            }
            Some(Odd::Unnamed) => ("EMPTY_VARIABLE", format!("a variable in `{text}` has no name")),
            Some(Odd::Spaced) => {
                ("UNSUPPORTED_SPACE_IN_VARIABLE", format!("the name of a variable in `{text}` has a space"))
            }
            Some(Odd::Unquoted) => {
                let what = format!("the default of a variable in `{text}` is not in single quotes");
                ("MISSING_QUOTE_IN_VARIABLE", what)
            }
            Some(Odd::Misnamed) => {
                let what = format!("the name of a variable in `{text}` has characters that no key has");
                ("INVALID_VARIABLE_NAME", what)
            }
            Some(Odd::Unseparated) => {
                let what = format!("the default of a variable in `{text}` stands behind a comma and a space, and last");
                ("INVALID_DEFAULT_OF_VARIABLE", what)
            }
            Some(Odd::Requoted) => {
                let what = format!("the default of a variable in `{text}` has a quote or a brace in it");
                ("INVALID_DEFAULT_OF_VARIABLE", what)
            }
            Some(Odd::Wild) => {
                let what = format!("whether the wildcard in the default of a variable in `{text}` is one is not told");
                ("INVALID_DEFAULT_OF_VARIABLE", what)
            }
            Some(Odd::Cased) => {
                let what =
                    format!("whether case matters beyond ASCII in the name of a variable in `{text}` is not told");
                ("INVALID_VARIABLE_NAME", what)
            }
            Some(Odd::Padded) | None => {
                if !text.starts_with("arn:") || colons_outside(&text[..at]) >= 5 {
                    return None;
                }
                let what = format!("a variable stands before the resource in `{text}`: there, IAM takes it literally");
                ("VARIABLE_UNSUPPORTED_IN_ELEMENT", what)
            }
        };
        Some((code, what))
    })
}

/// The colons of a text that do not stand in a variable.
fn colons_outside(text: &str) -> usize {
    let inside = |piece: &str| piece.split_once('}').map_or(0, |(key, _)| key.matches(':').count());
    text.matches(':').count() - text.split("${").skip(1).map(inside).sum::<usize>()
}

/// A number of digits only, in a range.
fn within(text: &str, min: i64, max: i64) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse().is_ok_and(|number: i64| (min..=max).contains(&number))
}

/// What IAM stores as a date, whatever it makes of it: seconds since 1970, or year, month, day, hour, minute and
/// second as far as they are given. The years are those of Java's `Date`.
fn is_taken_as_date(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if !lower.contains(['t', '-']) {
        return within(&lower, 0, i64::MAX);
    }
    let (date, time) = lower.split_once('t').unwrap_or((&lower, ""));
    let (oldest, date) = date.strip_prefix('-').map_or((None, date), |date| (Some(292_275_054), date));
    let mut parts = date.split('-');
    let year = parts.next().is_some_and(|year| within(year, 0, oldest.unwrap_or(292_278_993)));
    let month = parts.next().is_none_or(|month| within(month, 1, 12));
    let day = parts.next().is_none_or(|day| within(day, 1, 31));
    year && month && day && parts.next().is_none() && (time.is_empty() || is_time(time))
}

fn is_time(time: &str) -> bool {
    let (clock, zone) = match time.find(['z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, ""),
    };
    let zone_ok = matches!(zone, "" | "z") || {
        let (hours, minutes) = zone[1..].split_once(':').map_or((&zone[1..], "00"), |parts| parts);
        !zone.starts_with('z')
            && hours.len() == 2
            && within(hours, 0, 23)
            && minutes.len() == 2
            && within(minutes, 0, 59)
    };
    let mut parts = clock.split(':');
    let hours = parts.next().is_some_and(|hours| within(hours, 0, 23));
    let minutes = parts.next().is_none_or(|minutes| within(minutes, 0, 59));
    let seconds = parts.next().is_none_or(|seconds| {
        let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
        within(whole, 0, 59) && within(fraction, 0, 999_999_999)
    });
    zone_ok && hours && minutes && seconds && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{problem, variable_problem};
    use crate::iam::operator::Test;

    #[test]
    fn values_are_of_the_type_that_is_compared() {
        for (test, sound, unsound) in [
            (Test::Bool, &["true", "false"][..], &["yes", "1", "", "False"][..]),
            (Test::Null, &["true", "false"], &["null"]),
            (Test::NumericLessThan, &["1", "-2.5"], &["ten", "", "inf", "NaN", "1,5", "1e3", "+1", ".5", "5."]),
            (Test::BinaryEquals, &["QUJD", "QUI=", ""], &["QUI", "Q===", "a b="]),
            (
                Test::IpAddress,
                &["203.0.113.0/24", "203.0.113.7", "2001:db8::/32", "0.0.0.0/0"],
                &["203.0.113.0/33", "203.0.113", "2001:db8::/129", "203.0.113.0/", "203.0.113.0/+8", "*"],
            ),
            (
                Test::DateLessThan,
                &["2030-01-31T12:00:00Z", "2030-01-31", "1893456000", "2030-01-31T12:00:00.5+02:00"],
                &[
                    "tomorrow",
                    "2030-13-01",
                    "2030-01-31T25:00Z",
                    "9223372036854775808",
                    "2030-1-1-1",
                    "2030-01-01T1:1:1+1",
                    "2030",
                    "01T",
                    "2030-01-01T00:00:00",
                    "2030-1-1",
                    "99999-01-01T00:00:00Z",
                ],
            ),
            (Test::StringEquals, &["anything", "${aws:username}"], &["a*"]),
            (Test::StringLike, &["a*"], &[]),
            (Test::ArnLike, &["arn:aws:iam::*:role/*", "${aws:PrincipalArn}"], &["*", "arn:aws:iam:1:role/a"]),
        ] {
            for text in sound {
                assert!(problem(test, text).is_none(), "{} {text}", test.name());
            }
            for text in unsound {
                assert!(problem(test, text).is_some(), "{} {text}", test.name());
            }
        }
    }

    #[test]
    fn only_a_bad_date_is_refused() {
        assert!(problem(Test::DateEquals, "soon").is_some_and(|problem| problem.fatal));
        for test in [Test::Bool, Test::NumericEquals, Test::IpAddress, Test::BinaryEquals] {
            assert!(problem(test, "${aws:x} ?").is_some_and(|problem| !problem.fatal));
        }
    }

    #[test]
    fn variables_are_whole_and_where_they_may_be() {
        for (text, code) in [
            ("arn:aws:s3:::b/${aws:username}/*", None),
            ("arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}", None),
            ("arn:aws:s3:::b/${*}${$}", None),
            ("${aws:username}", None),
            ("arn:aws:s3:::b/${aws:username", Some("MISSING_BRACE_IN_VARIABLE")),
            ("a${}", Some("EMPTY_VARIABLE")),
            ("a${aws: username}", Some("UNSUPPORTED_SPACE_IN_VARIABLE")),
            ("a${aws:username, none}", Some("MISSING_QUOTE_IN_VARIABLE")),
            ("a${aws:username, '}", Some("MISSING_QUOTE_IN_VARIABLE")),
            ("a${aws:username,'b'}", Some("INVALID_DEFAULT_OF_VARIABLE")),
            ("a${aws:username,  'b'}", Some("INVALID_DEFAULT_OF_VARIABLE")),
            ("a${aws:username, 'b'c'}", Some("INVALID_DEFAULT_OF_VARIABLE")),
            ("a${aws:username, 'b*'}", Some("INVALID_DEFAULT_OF_VARIABLE")),
            ("a${aws:${x}}", Some("INVALID_VARIABLE_NAME")),
            ("a${aws:*}", Some("INVALID_VARIABLE_NAME")),
            ("a${aws:PrincipalTag/\u{dc}}", Some("INVALID_VARIABLE_NAME")),
            ("a${aws:PrincipalTag/\u{fc}}", None),
            ("arn:aws:iam::${aws:PrincipalAccount}:role/a", Some("VARIABLE_UNSUPPORTED_IN_ELEMENT")),
        ] {
            assert_eq!(variable_problem(text, true).map(|problem| problem.0), code, "{text}");
        }
    }
}
