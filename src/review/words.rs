//! Plain words for scopes, conditions, networks, counts and durations.

use crate::iam::policy::{Condition, Quantifier, Test};
pub(super) use crate::text::{count, thousands};
use crate::units::duration;

/// How many examples are listed before the rest is only counted.
const SHOWN_MAX: usize = 4;

/// How many actions or resources of a finding are listed.
const LISTED_MAX: usize = 12;

/// `a, b and c`; `a, b, c, d and 3 more` past a few.
pub(super) fn listed<T: AsRef<str>>(items: &[T]) -> String {
    listed_up_to(items, SHOWN_MAX, "and")
}

/// As [`listed`], for what a reviewer should see more of.
pub(super) fn listed_at_length<T: AsRef<str>>(items: &[T]) -> String {
    listed_up_to(items, LISTED_MAX, "and")
}

/// `a, b or c`, all of them.
fn either<T: AsRef<str>>(items: &[T]) -> String {
    listed_up_to(items, usize::MAX, "or")
}

fn listed_up_to<T: AsRef<str>>(items: &[T], max: usize, word: &str) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    if items.len() > max {
        let (shown, rest) = items.split_at(max);
        return format!("{} and {} more", shown.join(", "), rest.len());
    }
    match items.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, others)) => format!("{} {word} {last}", others.join(", ")),
    }
}

/// A duration: `8h`.
pub fn duration(seconds: i64) -> String {
    duration::shown(seconds)
}

/// A duration where 0 or `None` is no end.
pub(super) fn duration_or_ever(seconds: Option<i64>) -> String {
    match seconds {
        Some(seconds) if seconds > 0 => duration(seconds),
        _ => "for ever".to_owned(),
    }
}

/// `8 times as long`, where it says something.
pub(super) fn times_as_long(before: i64, after: i64) -> Option<String> {
    if before <= 0 || after <= before {
        return None;
    }
    let tenths = after.saturating_mul(10) / before;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => Some(format!("{whole} times as long")),
        (whole, tenth) if whole < 10 => Some(format!("{whole}.{tenth} times as long")),
        (whole, _) => Some(format!("{whole} times as long")),
    }
}

/// A condition in words: `aws:sourceip is in 10.0.0.0/8`.
pub(super) fn condition(condition: &Condition) -> String {
    let Condition { operator, key, values } = condition;
    let texts: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
    if operator.test == Test::Null {
        let absent = texts.iter().any(|text| text.eq_ignore_ascii_case("true"));
        let present = texts.iter().any(|text| text.eq_ignore_ascii_case("false"));
        return match (absent, present) {
            (true, true) => format!("{key} is absent or present"),
            (true, false) => format!("{key} is absent"),
            (false, true) => format!("{key} is present"),
            (false, false) => format!("{key} is {} (Null)", either(&texts)),
        };
    }
    let subject = match operator.quantifier {
        None => key.clone(),
        Some(Quantifier::ForAnyValue) => format!("some value of {key}"),
        Some(Quantifier::ForAllValues) => format!("every value of {key}"),
    };
    let absent = match (operator.quantifier, operator.if_exists) {
        (Some(Quantifier::ForAllValues), _) => ", or there is none",
        (_, true) => ", or it is absent",
        (_, false) => "",
    };
    format!("{subject} {}{absent}", comparison(operator.test, &texts))
}

fn comparison(test: Test, values: &[&str]) -> String {
    let verb = match test {
        Test::StringEquals
        | Test::NumericEquals
        | Test::DateEquals
        | Test::Bool
        | Test::BinaryEquals
        | Test::StringEqualsIgnoreCase => "is",
        Test::StringNotEquals | Test::NumericNotEquals | Test::DateNotEquals | Test::StringNotEqualsIgnoreCase => {
            "is not"
        }
        Test::StringLike | Test::ArnLike | Test::ArnEquals => "is like",
        Test::StringNotLike | Test::ArnNotLike | Test::ArnNotEquals => "is not like",
        Test::NumericLessThan => "is less than",
        Test::NumericLessThanEquals => "is at most",
        Test::NumericGreaterThan => "is more than",
        Test::NumericGreaterThanEquals => "is at least",
        Test::DateLessThan => "is before",
        Test::DateLessThanEquals => "is not after",
        Test::DateGreaterThan => "is after",
        Test::DateGreaterThanEquals => "is not before",
        Test::IpAddress => "is in",
        Test::NotIpAddress => "is not in",
        Test::Null => "is",
    };
    let case = match test {
        Test::StringEqualsIgnoreCase | Test::StringNotEqualsIgnoreCase => " (upper or lower case)",
        _ => "",
    };
    let values: Vec<&str> = values.iter().map(|value| if value.is_empty() { "\"\"" } else { value }).collect();
    format!("{verb} {}{case}", either(&values))
}

#[cfg(test)]
mod tests {
    use super::{condition, listed, thousands, times_as_long};
    use crate::iam::json;
    use crate::iam::policy::Policy;

    #[test]
    fn conditions_read_as_sentences() {
        for (text, expected) in [
            (
                r#"{"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.1"]}}"#,
                "aws:sourceip is in 10.0.0.0/8 or 192.0.2.1",
            ),
            (r#"{"StringEquals": {"aws:PrincipalTag/team": "web"}}"#, "aws:principaltag/team is web"),
            (r#"{"StringLikeIfExists": {"s3:prefix": "a/*"}}"#, "s3:prefix is like a/*, or it is absent"),
            (r#"{"Bool": {"aws:SecureTransport": false}}"#, "aws:securetransport is false"),
            (r#"{"Null": {"aws:TokenIssueTime": "true"}}"#, "aws:tokenissuetime is absent"),
            (
                r#"{"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}"#,
                "every value of aws:tagkeys is a, or there is none",
            ),
            (r#"{"ForAnyValue:StringNotLike": {"aws:TagKeys": "a*"}}"#, "some value of aws:tagkeys is not like a*"),
            (r#"{"StringEquals": {"s3:delimiter": ""}}"#, "s3:delimiter is \"\""),
        ] {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{text}}}}}"#
            );
            let policy = Policy::new(&json::parse(&text).expect("JSON")).expect("a policy");
            assert_eq!(condition(&policy.statements[0].conditions[0]), expected);
        }
    }

    #[test]
    fn lists_and_numbers_are_short() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f"]), "a, b, c, d and 2 more");
        assert_eq!([thousands(7), thousands(1512), thousands(1_000_000)], ["7", "1,512", "1,000,000"]);
        assert_eq!(times_as_long(3600, 28_800).as_deref(), Some("8 times as long"));
        assert_eq!(times_as_long(3600, 5400).as_deref(), Some("1.5 times as long"));
        assert_eq!(times_as_long(3600, 3600), None);
    }
}
