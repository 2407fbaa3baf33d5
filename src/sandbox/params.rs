//! The parameters of a Query request: `Action=CreateUser&Tags.member.1.Key=...`.

use super::error::Refusal;
use crate::text::percent::decode_form;

/// How many parameters a request may have.
const PARAMETERS_MAX: usize = 1000;

/// Decoded parameters in the order of the request. A request has few, so looking through them is cheapest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes a form body or a query string.
    pub(super) fn parse(form: &str) -> Result<Self, Refusal> {
        let pairs: Option<Vec<_>> = form
            .split('&')
            .filter(|pair| !pair.is_empty())
            .take(PARAMETERS_MAX + 1)
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Some((decode_form(name).ok()?, decode_form(value).ok()?))
            })
            .collect();
        let pairs = pairs.ok_or_else(|| Refusal::validation("the request is not a well-formed form"))?;
        if pairs.len() > PARAMETERS_MAX {
            return Err(Refusal::validation(format!("the request has more than {PARAMETERS_MAX} parameters")));
        }
        Ok(Self(pairs))
    }

    /// Parameters that need no decoding.
    pub(super) fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// A parameter, if it was given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that must be given.
    pub(super) fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(&camel(name)))
    }

    /// The members of a list: `Name.member.1`, `Name.member.2`, ...; with `field`, `Name.member.1.Field`.
    pub(super) fn members(&self, name: &str, field: Option<&str>) -> Vec<&str> {
        (1..=PARAMETERS_MAX)
            .map_while(|index| match field {
                Some(field) => self.get(&format!("{name}.member.{index}.{field}")),
                None => self.get(&format!("{name}.member.{index}")),
            })
            .collect()
    }

    /// All pairs but passwords, for the call log.
    pub(super) fn public(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| name != "Password").cloned().collect()
    }

    /// Writes another account's number in place of `number`, wherever it stands.
    pub(super) fn renumber(&mut self, number: &str, other: &str) {
        for (_, value) in &mut self.0 {
            if value.contains(number) {
                *value = value.replace(number, other);
            }
        }
    }
}

/// `UserName` as AWS's messages write it: `userName`.
fn camel(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::Params;

    #[test]
    fn parameters_are_decoded_and_lists_gathered() {
        let params =
            Params::parse("Action=TagUser&Tags.member.1.Key=a+b&Tags.member.1.Value=%C3%A9&Tags.member.2.Key=c");
        let params = params.unwrap();
        assert_eq!(params.need("Action").unwrap(), "TagUser");
        assert_eq!(params.members("Tags", Some("Key")), ["a b", "c"]);
        assert_eq!(params.members("Tags", Some("Value")), ["é"]);
        assert!(params.need("UserName").unwrap_err().message.contains("Value null at 'userName'"));
        for form in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert!(Params::parse(form).is_err(), "{form}");
        }
    }
}
