//! One condition, ready to be asked.

use super::glob::{Colons, Glob, Variables};
use crate::iam::condition::value_matches;
use crate::iam::operator::Test;
use crate::iam::pattern::Pattern;
use crate::iam::policy::Condition;
use crate::iam::reading::{Mistyped, Reading};
use crate::iam::value::{self, Type};

/// A condition, with its values as patterns where they are texts.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    /// The condition.
    pub(super) condition: Condition,
    /// Its values, where they are texts.
    pub(super) globs: Vec<Glob>,
    /// Whether a variable decides how many segments an ARN has, which patterns can't follow.
    pub(super) opaque: bool,
    /// Whether it is a negation that does not hold for what is not of its type.
    pub(super) fails: bool,
}

/// What is compared with what: texts and ARNs both as patterns.
pub(super) fn family(test: Test) -> Type {
    match test.value_type() {
        Type::Arn => Type::Text,
        other => other,
    }
}

impl Atom {
    /// A condition, ready to be asked.
    pub(super) fn new(condition: &Condition, reading: Reading, variables: &mut Variables) -> Self {
        let test = condition.operator.test;
        let arn = test.value_type() == Type::Arn;
        let colons = if arn { Colons::Arn } else { Colons::Crossed };
        let fold = matches!(test, Test::StringEqualsIgnoreCase | Test::StringNotEqualsIgnoreCase);
        let fold = fold.then_some(reading.case);
        // What does not have the segments of an ARN matches none.
        let fits = |value: &&Pattern| !arn || value.is_arn();
        let values = condition.values.iter().filter(|_| family(test) == Type::Text);
        let opaque = values.clone().any(|value| !fits(&value) && value.has_variable());
        let mut globs: Vec<Glob> = values.filter(fits).map(|value| Glob::new(value, colons, fold, variables)).collect();
        let fails = test.is_negated() && reading.mistyped == Mistyped::Fails;
        if arn && fails {
            globs.extend(Glob::no_arn());
        }
        Self { condition: condition.clone(), globs, opaque, fails }
    }

    pub(super) fn family(&self) -> Type {
        family(self.condition.operator.test)
    }

    /// Whether a condition of existence holds for a key that is there.
    pub(super) fn is_for_present_keys(&self) -> bool {
        self.condition.values.iter().any(|value| value.text.eq_ignore_ascii_case("false"))
    }

    /// Whether one of the policy's values matches a text, or keeps a negation from holding for it.
    pub(super) fn has(&self, text: &str, reading: Reading) -> bool {
        let test = self.condition.operator.test;
        self.fails && !value::is_of_type(test, text)
            || self.condition.values.iter().any(|value| value_matches(test, value, text, reading))
    }

    /// What a present key is asked, as (whether of all values, whether they shall match).
    pub(super) fn asks(&self, holds: bool, reading: Reading) -> (bool, bool) {
        let negated = self.condition.operator.test.is_negated();
        let all = self.condition.wants_all(reading);
        // "Not for all" is "for some not", and the other way round.
        if holds { (all, !negated) } else { (!all, negated) }
    }
}
