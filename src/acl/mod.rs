//! The ACL policy language: what a token may do. Pure: texts in, values out; no file, no network, no clock.
//!
//! The engine asks it about each request; the reconciler compares what the policies of a token permit before
//! and after a change. Source: Vault, "Policies".

pub mod compare;
mod constraint;
pub mod document;
pub mod hcl;
pub mod matching;
mod paths;
mod reading;

pub use self::matching::{Acl, Capabilities, in_lower_case};

/// What a policy rule can allow on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Capability {
    /// `create`: a write of something that is not there.
    Create,
    /// `read`.
    Read,
    /// `update`: any other write.
    Update,
    /// `delete`.
    Delete,
    /// `list`.
    List,
    /// `sudo`: root-protected paths, beside the operation's own capability.
    Sudo,
    /// `deny`.
    Deny,
    /// `patch`.
    Patch,
    /// `scan`: a list of all that is below a folder. OpenBao's.
    Scan,
    /// `recover`: from a snapshot. Vault's.
    Recover,
    /// `subscribe`: to events. Vault's.
    Subscribe,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 11] = [
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Delete,
        Self::List,
        Self::Sudo,
        Self::Deny,
        Self::Patch,
        Self::Scan,
        Self::Recover,
        Self::Subscribe,
    ];

    /// As documents spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Sudo => "sudo",
            Self::Deny => "deny",
            Self::Patch => "patch",
            Self::Scan => "scan",
            Self::Recover => "recover",
            Self::Subscribe => "subscribe",
        }
    }

    /// Whether our own engine has requests that ask for it. Source of the others: Vault, "Policies", and OpenBao,
    /// "Policies".
    pub fn is_served(self) -> bool {
        !matches!(self, Self::Scan | Self::Recover | Self::Subscribe)
    }

    /// The capability that documents spell so.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == name)
    }

    /// Whether a rule's parameter lists apply to requests that ask for it.
    fn checks_parameters(self) -> bool {
        matches!(self, Self::Create | Self::Read | Self::Update | Self::Patch)
    }
}

/// What the policies of a token say about one request.
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Whether the request may go on.
    pub allowed: bool,
    /// Whether the path's rule also grants `sudo`.
    pub sudo: bool,
    /// The names of the policies that grant it.
    pub granting: Vec<String>,
}
