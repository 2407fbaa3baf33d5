//! The condition operators.

use super::pattern::Syntax;

/// A condition operator with its suffix and its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    /// What is compared, and how.
    pub test: Test,
    /// `IfExists`: an absent key is a match.
    pub if_exists: bool,
    /// `ForAllValues:` or `ForAnyValue:`.
    pub quantifier: Option<Quantifier>,
}

/// How the values of a key with several are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// Every value of the request matches some value of the policy; true of none.
    ForAllValues,
    /// Some value of the request matches some value of the policy.
    ForAnyValue,
}

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        /// What a condition operator compares. Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is named as IAM names it")]
        pub enum Test { $($name),* }

        impl Test {
            /// Every operator.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As documents spell it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

tests!(
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    NumericEquals,
    NumericNotEquals,
    NumericLessThan,
    NumericLessThanEquals,
    NumericGreaterThan,
    NumericGreaterThanEquals,
    DateEquals,
    DateNotEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    BinaryEquals,
    IpAddress,
    NotIpAddress,
    ArnEquals,
    ArnLike,
    ArnNotEquals,
    ArnNotLike,
    Null,
);

impl Test {
    /// Whether it asks that no value matches.
    pub fn is_negated(self) -> bool {
        matches!(
            self,
            Self::StringNotEquals
                | Self::StringNotEqualsIgnoreCase
                | Self::StringNotLike
                | Self::NumericNotEquals
                | Self::DateNotEquals
                | Self::NotIpAddress
                | Self::ArnNotEquals
                | Self::ArnNotLike
        )
    }

    /// The operator without its "not": what a value is compared by.
    pub fn positive(self) -> Self {
        match self {
            Self::StringNotEquals => Self::StringEquals,
            Self::StringNotEqualsIgnoreCase => Self::StringEqualsIgnoreCase,
            Self::StringNotLike => Self::StringLike,
            Self::NumericNotEquals => Self::NumericEquals,
            Self::DateNotEquals => Self::DateEquals,
            Self::NotIpAddress => Self::IpAddress,
            Self::ArnNotEquals => Self::ArnEquals,
            Self::ArnNotLike => Self::ArnLike,
            other => other,
        }
    }

    /// What is special in its values. Wildcards: the `Like` operators and all of the ARN's. Variables: strings
    /// and ARNs only.
    pub(super) fn syntax(self, variables: bool) -> Syntax {
        let name = self.name();
        let arn = name.starts_with("Arn");
        Syntax { wildcards: arn || name.ends_with("Like"), variables: variables && (arn || name.starts_with("String")) }
    }
}

impl Operator {
    /// Reads an operator as documents spell it.
    pub fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = match (text.strip_prefix("ForAllValues:"), text.strip_prefix("ForAnyValue:")) {
            (Some(rest), _) => (Some(Quantifier::ForAllValues), rest),
            (_, Some(rest)) => (Some(Quantifier::ForAnyValue), rest),
            _ => (None, text),
        };
        let find = |name: &str| Test::ALL.iter().copied().find(|test| test.name() == name);
        if let Some(test) = find(rest) {
            return Some(Self { test, if_exists: false, quantifier });
        }
        let test = find(rest.strip_suffix("IfExists")?).filter(|test| *test != Test::Null)?;
        Some(Self { test, if_exists: true, quantifier })
    }
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.quantifier {
            Some(Quantifier::ForAllValues) => "ForAllValues:",
            Some(Quantifier::ForAnyValue) => "ForAnyValue:",
            None => "",
        })?;
        f.write_str(self.test.name())?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}
