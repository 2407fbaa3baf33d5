//! What is wrong in a file, and where: spans while files are read, lines and columns once that is done.

use super::span::Span;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The estate can't be used.
    Error,
    /// Worth knowing.
    Warning,
}

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// A name of the problem that stays, where it has one: those of policy documents are IAM Access Analyzer's.
    pub code: Option<&'static str>,
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The places, the first of which is where the problem is. Empty for a problem with the directory.
    pub labels: Vec<Label>,
    /// Whether the text at the places may be a secret, and is shown as `***`.
    pub hidden: bool,
}

/// A place that belongs to a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Which file, relative to the root.
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// First column in characters, from 1.
    pub column: u32,
    /// Last line, from 1.
    pub end_line: u32,
    /// One past the last column.
    pub end_column: u32,
    /// What the place is, if more than one is shown.
    pub text: Option<String>,
    /// The bytes; empty when the file has no text to show.
    pub(crate) span: Option<Span>,
}

impl Label {
    /// The bytes of the place; empty when the file has no text to show.
    pub fn bytes(&self) -> std::ops::Range<u32> {
        self.span.map_or(0..0, |span| span.start..span.end)
    }
}

/// A problem before its spans are turned into lines and columns; cheap to make.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    severity: Severity,
    code: Option<&'static str>,
    what: String,
    hint: Option<String>,
    labels: Vec<(Span, Option<String>)>,
    hidden: bool,
    leaves_out: bool,
}

impl Draft {
    /// An error at a place.
    pub(crate) fn error(span: Span, what: impl Into<String>) -> Self {
        let (severity, labels) = (Severity::Error, vec![(span, None)]);
        Self { severity, code: None, what: what.into(), hint: None, labels, hidden: false, leaves_out: false }
    }

    /// A warning at a place.
    pub(crate) fn warning(span: Span, what: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, what) }
    }

    /// With a name that stays.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// With what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what to do about it, if something is known.
    pub(crate) fn hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// With its place shown as `***`, because a secret may stand there.
    pub(crate) fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Of a declaration that is not taken up, so that what names it is no further problem.
    pub(crate) fn leaving_out(mut self) -> Self {
        self.leaves_out = true;
        self
    }

    /// Whether a declaration is not taken up because of it.
    pub(crate) fn leaves_out(&self) -> bool {
        self.leaves_out
    }

    /// Where the problem is.
    pub(crate) fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.0)
    }

    /// Whether this is an error.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// With a word at its own place.
    pub(crate) fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.1 = Some(text.into());
        }
        self
    }

    /// With another place.
    pub(crate) fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, Some(text.into())));
        self
    }

    /// The finished problem, with the place of each span.
    pub(super) fn finish(self, place: impl Fn(Span) -> Label) -> Problem {
        let labels = self.labels.into_iter().map(|(span, text)| Label { text, ..place(span) });
        Problem {
            code: self.code,
            severity: self.severity,
            what: self.what,
            hint: self.hint,
            labels: labels.collect(),
            hidden: self.hidden,
        }
    }
}

impl Problem {
    /// A problem with a whole file or directory.
    pub fn with_file(file: &str, what: impl Into<String>) -> Self {
        let label =
            Label { file: file.to_owned(), line: 1, column: 1, end_line: 1, end_column: 1, text: None, span: None };
        Self {
            severity: Severity::Error,
            code: None,
            what: what.into(),
            hint: None,
            labels: vec![label],
            hidden: false,
        }
    }

    /// A problem with a line of a file whose text is not kept.
    pub(crate) fn with_line(file: &str, line: u32, what: impl Into<String>) -> Self {
        let mut problem = Self::with_file(file, format!("line {line}: {}", what.into()));
        problem.labels.iter_mut().for_each(|label| (label.line, label.end_line) = (line, line));
        problem
    }

    /// A problem that no file has.
    pub fn general(what: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code: None, what: what.into(), hint: None, labels: Vec::new(), hidden: false }
    }

    /// The same with what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
