//! How a rule describes itself: where it is written, its words, and what it is judged by.
//!
//! The words are said once and read twice: by the estate, which checks what people write, and from the wire, where a
//! rule is its block with the same keys. What is not described here is refused on both ways.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::hearing::Hearing;
use crate::guardrail::violation::Judged;

/// What every rule has. A value of the type is what one guardrail says of it; in JSON it is an object of its words.
pub(in crate::guardrail) trait Judge: Serialize + DeserializeOwned {
    /// Where it is written.
    const BLOCK: Block;
    /// Its keys.
    const WORDS: &'static [Word];
    /// What it is judged by.
    const SCOPE: Scope;

    /// Adds what the subject breaks. Asked only of subjects in scope.
    fn judge<S: Clone>(&self, hearing: &Hearing<'_, '_, S>, judged: &mut Vec<Judged>);
}

/// What a rule is judged by, and so who is judged, and whether the engine judges it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What each role may do.
    Roles,
    /// What each role may do, and what the roles of an app may do together.
    RolesAndApps,
    /// What each role says besides its policies.
    Terms,
    /// The logins of each app.
    Logins,
}

impl Scope {
    /// Whether a single role can break it. Such rules go to the engine, which knows the role of a credential and not
    /// what else its app has.
    pub fn is_about_roles(self) -> bool {
        match self {
            Self::Roles | Self::RolesAndApps | Self::Terms => true,
            Self::Logins => false,
        }
    }

    /// Whether an app can break it.
    pub fn is_about_apps(self) -> bool {
        match self {
            Self::RolesAndApps | Self::Logins => true,
            Self::Roles | Self::Terms => false,
        }
    }

    /// Whether it asks what somebody may do, so that all policies have to be known.
    pub fn asks_access(self) -> bool {
        match self {
            Self::Roles | Self::RolesAndApps => true,
            Self::Terms | Self::Logins => false,
        }
    }
}

/// Where a rule is written, and the name of what holds it on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// `deny` of `deny { ... }`, or `escalation` of `use = "builtin:escalation"`.
    pub name: &'static str,
    /// What it is for, in one line.
    pub doc: &'static str,
    /// How it comes into a guardrail.
    pub holds: Holds,
    /// What a block says that has none of the keys it needs, as in `deny of guardrail "a" would deny everything`, and
    /// what to do.
    pub without: Option<Without>,
}

impl Block {
    /// Whether it is written as a block of a guardrail.
    pub fn is_written(&self) -> bool {
        self.holds != Holds::BuiltIn
    }
}

/// What a block of a guardrail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// One rule.
    One,
    /// A rule for each of its keys.
    Several,
    /// A rule that `use` takes. Its keys stand in the guardrail itself.
    BuiltIn,
}

/// What is told of a block that says too little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Without {
    /// It needs one of these keys; with none here, any at all.
    pub keys: &'static [&'static str],
    /// What it does without: `would deny everything`.
    pub what: &'static str,
    /// What to do, if there is more to say.
    pub hint: Option<&'static str>,
}

impl Without {
    /// Whether a block that has these keys says enough.
    pub fn is_met(&self, has: impl Fn(&str) -> bool, is_empty: bool) -> bool {
        if self.keys.is_empty() { !is_empty } else { self.keys.iter().any(|key| has(key)) }
    }
}

/// The block of all demands: each of its keys is a rule.
pub(super) const REQUIRE: Block = Block {
    name: "require",
    doc: "What each role, or each login, has to have.",
    holds: Holds::Several,
    without: Some(Without { keys: &[], what: "demands nothing", hint: None }),
};

/// One key of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The key.
    pub key: &'static str,
    /// What it is for, in one line.
    pub doc: &'static str,
    /// What stands there.
    pub shape: Shape,
    /// Whether an empty list is taken, as if the key was not there.
    pub may_be_empty: bool,
    /// Whether the wire has it also where nothing is said.
    always: bool,
}

/// A word.
pub(super) const fn word(key: &'static str, shape: Shape, doc: &'static str) -> Word {
    Word { key, doc, shape, may_be_empty: false, always: false }
}

impl Word {
    /// Takes an empty list.
    pub(super) const fn or_empty(self) -> Self {
        Self { may_be_empty: true, ..self }
    }

    /// Stands on the wire also where nothing is said. Only for the words of the first engines: ledgers hold digests of
    /// that form. A new word is left out, so that an older engine refuses those guardrails that have it, and no others.
    pub(super) const fn always(self) -> Self {
        Self { always: true, ..self }
    }

    /// Whether a value says nothing.
    pub(super) fn is_nothing(&self, value: &Value) -> bool {
        *value == self.shape.nothing()
    }

    /// What the wire has where nothing is said.
    pub(super) fn unsaid(&self) -> Option<Value> {
        self.always.then(|| self.shape.nothing())
    }
}

/// What stands under a key, and how it is checked.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Patterns of actions.
    Actions,
    /// Patterns of resources.
    Resources,
    /// Condition keys.
    ConditionKeys,
    /// Some of these.
    Choices(&'static [&'static str]),
    /// Names, each of which is looked at.
    Names(fn(&str) -> Result<(), Complaint>),
    /// A text that is looked at.
    Text(fn(&str) -> Result<(), Complaint>),
    /// A pattern of ARNs of managed policies.
    PolicyArn,
    /// A duration, as seconds.
    Seconds,
    /// True or false.
    Flag,
}

impl Shape {
    /// What says nothing.
    fn nothing(self) -> Value {
        match self {
            Self::Actions | Self::Resources | Self::ConditionKeys | Self::Choices(_) | Self::Names(_) => {
                Value::Array(Vec::new())
            }
            Self::Text(_) | Self::PolicyArn | Self::Seconds => Value::Null,
            Self::Flag => Value::Bool(false),
        }
    }
}

/// What is wrong with a text, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: String,
}
