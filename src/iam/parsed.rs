//! A policy document as a value: read once, however often it is sent, compared and reviewed.

use std::ops::Range;
use std::sync::OnceLock;

use super::document::canonical_value;
use super::json::{self, Json};
use super::policy::Policy;

/// Why a document can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is no JSON, and why.
    #[error("it is not JSON: {0}")]
    NoJson(String),
    /// It has no canonical form, and why.
    #[error("{0}")]
    NoCanonicalForm(String),
    /// IAM would refuse it, and what for.
    #[error("{0}")]
    Refused(String),
    /// IAM would refuse it.
    #[error("it is not valid")]
    Invalid,
}

/// A text as JSON.
///
/// # Errors
/// [`Error::NoJson`].
pub fn json(text: &str) -> Result<Json<Range<usize>>, Error> {
    json::parse(text).map_err(|malformed| Error::NoJson(malformed.what))
}

/// What a document says, if IAM would take it.
///
/// # Errors
/// [`Error::Refused`], [`Error::Invalid`].
pub fn policy<S: Clone>(json: &Json<S>) -> Result<Policy<S>, Error> {
    Policy::new(json).map_err(|findings| {
        let fatal = findings.into_iter().find(|finding| finding.fatal);
        fatal.map_or(Error::Invalid, |finding| Error::Refused(finding.what))
    })
}

/// A policy document with its two forms and what it says.
#[derive(Debug)]
pub struct Document {
    wording: String,
    canonical: String,
    /// Its canonical form as JSON; none where few of many will be asked what they say, and it is read again then.
    tree: Option<Json<()>>,
    policy: OnceLock<Result<Policy<()>, Error>>,
}

impl Document {
    /// The document that a JSON value is.
    ///
    /// # Errors
    /// [`Error::NoCanonicalForm`].
    pub fn of<S>(json: &Json<S>) -> Result<Self, Error> {
        let canonical = canonical_value(json).map_err(Error::NoCanonicalForm)?;
        let (tree, text) = (Some(Json::from(&canonical)), canonical.to_string());
        Ok(Self { wording: json.compact(), canonical: text, tree, policy: OnceLock::new() })
    }

    /// The same, for one of many, few of which will be asked what they say: it takes less memory until then.
    #[must_use]
    pub fn unread(self) -> Self {
        Self { tree: None, ..self }
    }

    /// As its author wrote it, without white space: what is sent.
    pub fn wording(&self) -> &str {
        &self.wording
    }

    /// The canonical form: what is compared.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// What its canonical form says, once checked however often it is asked for. Its statements are in the order of
    /// the wording.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Invalid`].
    pub fn policy(&self) -> Result<&Policy<()>, Error> {
        let read = || match &self.tree {
            Some(tree) => policy(tree),
            None => json(&self.canonical).and_then(|tree| policy(&tree)).map(|policy| policy.map_spans(|_, _| ())),
        };
        self.policy.get_or_init(read).as_ref().map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::Document;
    use crate::iam::json;
    use crate::iam::policy::Policy;

    #[test]
    fn what_is_read_when_it_is_asked_for_says_the_same() {
        let wording = r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}"#;
        let document = || Document::of(&json::parse(wording).expect("JSON")).expect("a form");
        let (read, unread) = (document(), document().unread());
        assert_eq!(format!("{:?}", read.policy()), format!("{:?}", unread.policy()));
        let refused = Document::of(&json::parse(r#"{"Statement": 1}"#).expect("JSON")).expect("a form");
        assert!(refused.unread().policy().is_err());
    }

    #[test]
    fn what_it_says_is_what_its_canonical_text_says() {
        for text in [
            r#"{"Statement":{"Resource":["arn:aws:s3:::b/*","arn:aws:s3:::a/*"],"Action":"s3:Get*","Effect":"Allow"},"Version":"2012-10-17"}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotAction":["s3:*"],"Resource":"*",
                "Condition":{"NumericLessThan":{"s3:max-keys":[1.50,10]},"Bool":{"aws:SecureTransport":false}}}]}"#,
        ] {
            let document = Document::of(&json::parse(text).expect("JSON")).expect("a document");
            let parsed = json::parse(document.canonical()).expect("JSON");
            let policy = Policy::new(&parsed).expect("a policy").map_spans(|_, _| ());
            assert_eq!(format!("{:?}", document.policy().expect("a policy")), format!("{policy:?}"));
            assert_eq!(document.wording(), json::parse(text).expect("JSON").compact());
        }
        let odd = Document::of(&json::parse(r#"{"Statement": 1}"#).expect("JSON")).expect("a document");
        assert!(odd.policy().is_err());
    }
}
