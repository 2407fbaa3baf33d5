//! What is known of a role's access, and what can't be told without asking AWS.

use std::collections::BTreeSet;

use crate::iam::policy::PolicySet;
use crate::object::Place;

/// What is not known about a role without asking AWS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unknown {
    /// What an attached managed policy says: its ARN.
    ManagedPolicy(String),
    /// What a group allows and denies: its name.
    Group(String),
    /// What a role of the account says that sessions are of: its ARN.
    AssumedRole(String),
    /// What a user of the account says whose key is handed out: its name.
    User(String),
    /// What whoever the engine signs as may do: its ARN, or of which mount it is the key.
    Signer(String),
    /// What the permissions boundary says: its ARN.
    Boundary(String),
    /// What narrows sessions: a managed policy by its ARN, or a group.
    Session(String),
    /// Which of several roles that sessions are of denies what, or is bounded by what.
    Apart,
    /// Its document, which IAM would refuse: why.
    Document(String),
    /// What credentials of this type may do: made in another way than those that are known.
    CredentialType(String),
}

impl Unknown {
    /// Whether it can only take away from what is known, and allows nothing itself.
    pub fn only_limits(&self) -> bool {
        matches!(self, Self::Boundary(_) | Self::Session(_) | Self::Apart)
    }

    /// Whether nothing can be evaluated because of it.
    pub fn is_opaque(&self) -> bool {
        matches!(self, Self::Document(_) | Self::CredentialType(_))
    }
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ManagedPolicy(arn) => write!(f, "the managed policy {arn}"),
            Self::Group(name) => write!(f, "the group {name}"),
            Self::AssumedRole(arn) => write!(f, "the IAM role {arn}"),
            Self::User(name) => write!(f, "the IAM user {name}"),
            Self::Signer(who) => write!(f, "the engine's own user ({who})"),
            Self::Boundary(arn) => write!(f, "the permissions boundary {arn}"),
            Self::Session(what) => write!(f, "the session policy {what}"),
            Self::Apart => write!(f, "the denials and boundaries of each of its IAM roles"),
            Self::Document(why) => write!(f, "a policy document that IAM would refuse ({why})"),
            Self::CredentialType(name) => write!(f, "credentials of the type {name}"),
        }
    }
}

/// A role's policies.
#[derive(Clone, Debug)]
pub(in crate::review) struct Known {
    /// The policies that are known, or the most that they allow where some of it can't be said.
    pub(in crate::review) set: PolicySet<Place>,
    /// What is not known.
    pub(in crate::review) unknown: BTreeSet<Unknown>,
    /// The managed policies that are attached, known or not, by their ARNs.
    pub(in crate::review) attached: BTreeSet<String>,
    /// The ARN of the permissions boundary; empty where there is none, or several roles have theirs.
    pub(in crate::review) boundary: String,
    /// The boundaries of several roles that sessions can be of, empty for one that has none or is not known.
    pub(in crate::review) boundaries: BTreeSet<String>,
    /// What sessions of each of several roles may do, with its denials and within its boundary; empty where the set says
    /// it as well.
    pub(in crate::review) each: Vec<PolicySet<Place>>,
    /// What is known and left out of the set. It says nothing but whether two of them are the same.
    pub(in crate::review) left_out: String,
}
