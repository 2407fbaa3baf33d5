//! Days as estates write them: `2027-03-31`, of the Gregorian calendar. A day begins at midnight of UTC, so that a run in
//! CI and one at a desk agree.

use time::{Date, Month};

/// A day that there is, of a text like `2027-03-31`; `None` for any other text. Days in this form have the order of their
/// texts.
pub fn parse(text: &str) -> Option<Date> {
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u16>().ok())?;
    let (year, rest) = text.split_at_checked(4)?;
    let (month, day) = rest.strip_prefix('-')?.split_once('-')?;
    if month.len() != 2 || day.len() != 2 {
        return None;
    }
    let [year, month, day] = [number(year)?, number(month)?, number(day)?];
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()
}

/// How many days there are from one day to another; negative if that came before. `None` where one of them is no day.
pub fn from_to(from: &str, to: &str) -> Option<i64> {
    Some((parse(to)? - parse(from)?).whole_days())
}

#[cfg(test)]
mod tests {
    use super::{from_to, parse};

    #[test]
    fn a_day_is_one_that_there_is_in_one_form() {
        for (text, is) in [
            ("2027-03-31", true),
            ("2028-02-29", true),
            ("2027-02-29", false),
            ("2027-04-31", false),
            ("2027-13-01", false),
            ("2027-00-01", false),
            ("2027-01-00", false),
            ("2027-1-01", false),
            ("2027-01-1", false),
            ("27-01-01", false),
            ("2027/01/01", false),
            ("2027-01-01T00:00:00Z", false),
            ("+027-01-01", false),
            ("2027-+1-01", false),
            ("2027-01", false),
            ("é027-01-01", false),
            ("", false),
        ] {
            assert_eq!(parse(text).is_some(), is, "{text}");
        }
        assert_eq!(from_to("2027-12-31", "2028-03-01"), Some(61));
        assert_eq!(from_to("2027-03-31", "2027-03-31"), Some(0));
        assert_eq!(from_to("2027-03-31", "2027-03-17"), Some(-14));
        assert_eq!(from_to("2027-03-31", "soon"), None);
    }
}
