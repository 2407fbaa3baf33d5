//! What a rule can allow, one by one and as sets.

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
    pub(super) fn checks_parameters(self) -> bool {
        matches!(self, Self::Create | Self::Read | Self::Update | Self::Patch)
    }
}

/// A set of [`Capability`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capabilities(u16);

impl Capabilities {
    /// The set of these.
    pub fn of(capabilities: &[Capability]) -> Self {
        let mut set = Self::default();
        set.add(capabilities);
        set
    }

    /// Adds these.
    pub fn add(&mut self, capabilities: &[Capability]) {
        for &capability in capabilities {
            self.0 |= 1_u16 << capability as u8;
        }
    }

    /// Adds all of another set.
    pub(super) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether the set holds `capability`.
    pub fn has(self, capability: Capability) -> bool {
        self.0 & (1_u16 << capability as u8) != 0
    }
}
