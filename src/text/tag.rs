//! What the keys and values of AWS tags are made of. Pure.

/// Whether a tag may have this character: letters, numbers and separators, and a few signs.
///
/// # Source
/// AWS IAM API reference, "Tag" (`[\p{L}\p{Z}\p{N}_.:/=+\-@]*`); STS says the same of session tags. The marks of some
/// scripts, which are alphabetic and no letters by their category, pass here.
pub fn takes(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::takes;

    #[test]
    fn whatever_iam_takes_passes_and_of_the_rest_some_marks_do() {
        let taken = Regex::new(r"\A[\p{L}\p{Z}\p{N}_.:/=+\-@]\z").expect("it is a pattern");
        let odd = Regex::new(r"\A[\p{M}\p{So}\p{Cn}]\z").expect("it is a pattern");
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = c.to_string();
            assert!(takes(c) == taken.is_match(&text) || (takes(c) && odd.is_match(&text)), "{c:?}");
        }
    }
}
