//! Why a template does not compile, or fails.

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// It is longer than this many bytes.
    #[error("the template is longer than {0} bytes")]
    Long(usize),
    /// It prints more than this many bytes.
    #[error("the template prints more than {0} bytes")]
    PrintsMuch(usize),
    /// A word that begins or ends nothing here.
    #[error("unexpected {{{{{0}}}}}")]
    Unexpected(&'static str),
    /// A second `else` of one condition.
    #[error("unexpected {{{{else}}}} after {{{{else}}}}")]
    SecondElse,
    /// What stands behind an `else`, and is no condition.
    #[error("unexpected {0:?} after else")]
    AfterElse(String),
    /// The template ends before a condition does.
    #[error("unexpected end of the template inside {{{{{0}}}}}")]
    Ends(Within),
    /// A string that does not end.
    #[error("unterminated {0}")]
    Unterminated(&'static str),
    /// An action that does not end.
    #[error("unclosed action")]
    UnclosedAction,
    /// What nests deeper than it may.
    #[error("{what} are nested deeper than {max}")]
    Nested {
        /// What nests.
        what: &'static str,
        /// How deep it may.
        max: usize,
    },
    /// A word of Go's templates that is not known here.
    #[error("{{{{{0}}}}} is not supported in a username template")]
    Unsupported(String),
    /// A parenthesis that nothing opened.
    #[error("unexpected \")\"")]
    UnopenedParenthesis,
    /// A parenthesis that nothing closes.
    #[error("unclosed left parenthesis")]
    UnclosedParenthesis,
    /// An action without a value where one is needed.
    #[error("missing value in an action")]
    NoValueInAction,
    /// A pipeline without a value.
    #[error("missing value")]
    NoValue,
    /// A function that there is not.
    #[error("function {0:?} not defined")]
    UnknownFunction(String),
    /// A field that there is not.
    #[error("can't evaluate field {0}: there are .Type, .DisplayName and .PolicyName")]
    UnknownField(String),
    /// Something is called that is no function.
    #[error("can't give argument to non-function")]
    NoFunction,
    /// What is no number.
    #[error("bad number {0:?}")]
    BadNumber(String),
    /// A character that means nothing in an action.
    #[error("unexpected {0:?} in an action")]
    UnexpectedCharacter(char),
    /// An escape that Go does not know, after its backslash.
    #[error("bad escape \\{0}")]
    BadEscape(String),
    /// A function failed.
    #[error("error calling {name}: {error}")]
    Call {
        /// The function.
        name: String,
        /// Why.
        error: CallError,
    },
}

/// In which part of a condition a template ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// In a body under a condition.
    If,
    /// In the body under no condition.
    Else,
}

impl std::fmt::Display for Within {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::If => "if",
            Self::Else => "else",
        })
    }
}

/// Why a function fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// There is no chance to be had.
    #[error("the random generator failed")]
    NoChance,
    /// It does not take this many arguments.
    #[error("wrong number of arguments: {0}")]
    Arguments(usize),
    /// An argument is no number.
    #[error("expected a number, got {0:?}")]
    NoNumber(String),
    /// A length out of its range.
    #[error("the length {found} must be between 1 and {max}")]
    Length {
        /// The length.
        found: i64,
        /// The longest.
        max: usize,
    },
    /// No room for a hash.
    #[error("the length must be greater than 8")]
    ShortHash,
    /// An argument that is not coded in this way.
    #[error("the input is not {0} of a text")]
    Coded(&'static str),
    /// A format ends where a verb should stand.
    #[error("the format ends in %")]
    FormatEnds,
    /// A format has this verb, and no value for it.
    #[error("a value for %{0} is missing")]
    FormatLacks(char),
    /// A value that this verb does not print.
    #[error("the verb %{verb} does not fit {value:?}")]
    FormatMisfits {
        /// The verb.
        verb: char,
        /// The value.
        value: String,
    },
}
