//! A policy document of an object, with where each of its statements is written.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::field::Shape;
use super::place::Place;
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
    pub fn read(text: &str) -> Result<Self, parsed::Error> {
        Ok(Self::new(parsed::Document::of(&parsed::json(text)?)?.unread(), Arc::from([])))
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
    pub fn policy(&self, whole: &Place) -> Result<Policy<Place>, parsed::Error> {
        let policy = self.text.policy()?;
        let place = |index: Option<usize>| index.and_then(|index| self.places.get(index)).unwrap_or(whole).clone();
        Ok(policy.clone().map_spans(|index, ()| place(index)))
    }
}

/// The documents of many answers of an engine: roles often have the same one, word for word.
#[derive(Debug, Default)]
pub struct Documents {
    /// By wording; none of what has no canonical form.
    read: HashMap<String, Option<Document>>,
}

impl Documents {
    /// The document that a field of this shape holds. Each wording is parsed once.
    pub fn read(&mut self, shape: Shape, value: &Value) -> Option<Document> {
        let wording = value.as_str().filter(|text| shape == Shape::PolicyDocument && !text.trim().is_empty())?;
        if let Some(known) = self.read.get(wording) {
            return known.clone();
        }
        let document = Document::read(wording).ok();
        self.read.insert(wording.to_owned(), document.clone());
        document
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
            documents.read.len()
        };
        let wordings = [r#"{"Statement":"a"}"#, r#"{"Statement": "a"}"#, "{", ""];
        let parsed: Vec<usize> = wordings.iter().chain(&wordings).map(|text| read(text)).collect();
        assert_eq!(parsed, [1, 2, 3, 3, 3, 3, 3, 3]);
    }
}
