//! A policy document of an object, with where each of its statements is written.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Place, Shape, field};
use crate::iam::json;
use crate::iam::parsed;
use crate::iam::policy::Policy;

/// A policy document. Objects that name the same file share what was read.
#[derive(Clone, Debug)]
pub struct Document {
    text: Arc<parsed::Document>,
    /// The places of its statements, in its order; none of what no file declares.
    places: Arc<[Place]>,
}

impl Document {
    /// A document that a file has.
    pub fn new(text: parsed::Document, places: Arc<[Place]>) -> Self {
        Self { text: Arc::new(text), places }
    }

    /// A document that no file has: an engine answered it.
    ///
    /// # Errors
    /// Why it can't be read.
    pub fn read(text: &str) -> Result<Self, String> {
        let json = json::parse(text).map_err(|malformed| format!("it is not JSON: {}", malformed.what))?;
        Ok(Self::new(parsed::Document::of(&json)?, Arc::from([])))
    }

    /// What is sent: as its author wrote it, without white space.
    pub fn wording(&self) -> &str {
        self.text.wording()
    }

    /// What is compared.
    pub fn canonical(&self) -> &str {
        self.text.canonical()
    }

    /// What it says; `whole` is the place of what has none of its own.
    ///
    /// # Errors
    /// Why IAM would refuse it.
    pub fn policy(&self, whole: &Place) -> Result<Policy<Place>, String> {
        let policy = self.text.policy().map_err(str::to_owned)?;
        let place = |index: Option<usize>| index.and_then(|index| self.places.get(index)).unwrap_or(whole).clone();
        Ok(policy.clone().map_spans(|index, ()| place(index)))
    }
}

/// The documents of many answers of an engine: roles often have the same one, word for word.
#[derive(Debug, Default)]
pub struct Documents {
    /// By wording; none of what has none.
    canonical: HashMap<String, Option<Value>>,
}

impl Documents {
    /// The canonical form of a value, as [`field::normalise`] has it; the value itself where it has none. Each wording
    /// of a document is parsed once.
    pub fn normalise(&mut self, shape: Shape, value: Value) -> Value {
        let wording = match &value {
            Value::String(wording) if shape == Shape::PolicyDocument => wording,
            value => return field::normalise(shape, value).unwrap_or_else(|_| value.clone()),
        };
        if let Some(known) = self.canonical.get(wording) {
            return known.clone().unwrap_or(value);
        }
        let canonical = field::normalise(shape, &value).ok();
        match (canonical, value) {
            (Some(canonical), Value::String(wording)) => {
                self.canonical.insert(wording, Some(canonical.clone()));
                canonical
            }
            (canonical, value) => {
                self.canonical.extend(value.as_str().map(|wording| (wording.to_owned(), None)));
                canonical.unwrap_or(value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Documents;
    use crate::object::aws_role;

    #[test]
    fn a_document_of_many_answers_is_parsed_once() {
        let mut documents = Documents::default();
        let mut read = |text: &str| {
            let answer = json!({"credential_type": "iam_user", "policy_document": text});
            let data = answer.as_object().expect("a map");
            let live = aws_role::KIND.live_among("aws/roles/a", data, &mut documents).expect("parses");
            let alone = aws_role::KIND.live("aws/roles/a", data).expect("parses");
            assert_eq!(live.fields, alone.fields);
            documents.canonical.len()
        };
        let wordings = [r#"{"Statement":"a"}"#, r#"{"Statement": "a"}"#, "{", ""];
        let parsed: Vec<usize> = wordings.iter().chain(&wordings).map(|text| read(text)).collect();
        assert_eq!(parsed, [1, 2, 3, 4, 4, 4, 4, 4]);
    }
}
