//! Condition keys: global ones that AWS does not have, and operators for sets where they do not belong, or lack.

use super::{Checker, Member};
use crate::iam::catalogue::Catalogue;
use crate::iam::operator::{Operator, Test};
use crate::iam::pattern::{Pattern, Syntax, is_cased};
use crate::text::did_you_mean;

/// The code of what can't be the name of a key.
pub(super) const SHAPE_CODE: &str = "INVALID_CONDITION_KEY";

/// What to write instead of a text that can't be a condition key. What follows a `/` is the name of a tag, which may
/// have blanks.
pub(super) fn misshapen(text: &str) -> Option<&'static str> {
    let fixed = text.split('/').next().unwrap_or_default();
    let shaped = text.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
    if text.contains("${") {
        return Some("a key has no variables: write its name out");
    }
    (!shaped || fixed.contains(char::is_whitespace)).then_some("a key is written SERVICE:KEY, such as aws:SourceVpce")
}

impl<S: Clone> Checker<S> {
    /// Warns of what is odd about the keys of one operator.
    pub(super) fn condition_keys(&mut self, operator: Operator, keys: &[Member<S>]) {
        for key in keys {
            if let Some(hint) = misshapen(&key.key) {
                let what = format!("`{}` is not a condition key: no request has it", key.key);
                self.warn(SHAPE_CODE, &key.key_span, what, Some(hint.to_owned()));
            }
            if is_cased(&key.key) {
                let what =
                    format!("`{}`: whether case matters beyond ASCII is not told, so it counts against you", key.key);
                self.warn(SHAPE_CODE, &key.key_span, what, Some("write the name of the tag in lower case".to_owned()));
            }
            self.known_key(&key.key_span, &key.key);
            self.quantifier(operator, key);
        }
    }

    /// Warns of a key that AWS does not have, as far as the catalogue knows them.
    pub(super) fn known_key(&mut self, span: &S, key: &str) {
        let lower = key.to_ascii_lowercase();
        let catalogue = Catalogue::current();
        let (known, date) = (catalogue.global_keys(), catalogue.date());
        let is = |known: &String| {
            let known = known.to_ascii_lowercase();
            known == lower || (known.ends_with('/') && lower.starts_with(&known))
        };
        if lower.starts_with("aws:") && !known.is_empty() && !known.iter().any(is) {
            let names: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = format!("AWS had no global condition key `{key}` on {date}");
            self.warn("INVALID_GLOBAL_CONDITION_KEY", span, what, did_you_mean(key, names.iter().copied()));
        }
    }

    /// Warns of a key of a service that AWS does not have. In documents it is left: who compares tokens of an identity
    /// provider has keys by the provider's name.
    pub(super) fn known_service_of_key(&mut self, span: &S, key: &str) {
        let (lower, catalogue) = (key.to_ascii_lowercase(), Catalogue::current());
        let service = lower.split_once(':').map_or(lower.as_str(), |(service, _)| service);
        let pattern = Pattern::new(&format!("{service}:*"), Syntax { wildcards: true, variables: false });
        if !service.contains('.')
            // Those of SAML federation have no service.
            && !matches!(service, "aws" | "saml")
            && let Some(unknown) = catalogue.unknown(&pattern).filter(|unknown| unknown.service)
        {
            let what = format!("AWS had no service `{service}` on {}, which `{key}` would be of", catalogue.date());
            let hint = unknown.near.as_deref().map(crate::text::meant);
            self.warn("INVALID_SERVICE_CONDITION_KEY", span, what, hint);
        }
    }

    fn quantifier(&mut self, operator: Operator, key: &Member<S>) {
        let lower = key.key.to_ascii_lowercase();
        let several = Catalogue::current().is_multivalued(&lower);
        match operator.quantifier {
            None if several && operator.test != Test::Null => {
                let what = format!("`{}` has several values, and the operator does not say how to take them", key.key);
                let hint = format!("write `ForAnyValue:{operator}` or `ForAllValues:{operator}`");
                self.warn("MISSING_QUALIFIER", &key.key_span, what, Some(hint));
            }
            Some(_) if operator.test == Test::Null => {
                let what = format!("`{operator}`: what `Null` does with a set operator is not told");
                let hint = Some("write `Null`".to_owned());
                self.warn("SET_OPERATOR_WITH_NULL", &key.key_span, what, hint);
            }
            // Of the keys of services it is not certain which have one value.
            Some(_) if !several && lower.starts_with("aws:") => {
                let what = format!("`{}` has one value, and `{operator}` is for several", key.key);
                let hint = Some(format!("write `{}`", Operator { quantifier: None, ..operator }));
                self.warn("SET_OPERATOR_WITH_SINGLE_VALUED_KEY", &key.key_span, what, hint);
            }
            _ => {}
        }
    }
}
