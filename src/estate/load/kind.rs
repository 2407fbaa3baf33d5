//! The kinds of objects, as an environment names them.

use crate::estate::problem::Draft;
use crate::estate::schema::Reader;
use crate::estate::span::Span;
use crate::object::{KINDS, Kind, kind};
use crate::text::did_you_mean;

/// The kind that a word names; what is none is reported.
pub(super) fn of_word(reader: &mut Reader<'_>, word: &str, span: Span) -> Option<&'static Kind> {
    let kind = kind(word);
    if kind.is_none() {
        let hint = did_you_mean(word, KINDS.iter().map(|kind| kind.name))
            .unwrap_or_else(|| "plans name the kind of each object, as in `+ aws role aws/roles/webapp`".to_owned());
        reader.report(Draft::error(span, format!("`{word}` is not a kind of objects")).hint(hint));
    }
    kind
}
