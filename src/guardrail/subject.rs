//! What is judged: one role, or one of those who have credentials of roles.

use std::collections::BTreeSet;

use super::violation::Violator;
use crate::iam::policy::PolicySet;

/// Of what sort somebody is who has credentials of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// An app.
    #[default]
    App,
    /// Whoever logs in by a login that is no app's: its name is its path.
    Login,
    /// A user, however they log in: its name is its path.
    User,
    /// Who is in a group: its name is its path.
    Group,
}

impl Who {
    /// `app`, `login`, `user`, `group`.
    pub fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Login => "login",
            Self::User => "user",
            Self::Group => "group",
        }
    }

    /// Whether it is somebody whom policies are given whatever they log in by.
    pub fn is_person(self) -> bool {
        matches!(self, Self::User | Self::Group)
    }
}

/// One role, or one of those who have credentials of roles.
#[derive(Clone, Debug)]
pub struct Subject<'a, S> {
    /// `aws/deploy`, or the app's name.
    pub name: &'a str,
    /// Its roles as `mount/role`: itself, if it is one.
    pub roles: Vec<String>,
    /// The apps that have the role: itself, if it is one.
    pub apps: Vec<String>,
    /// What it may do: one set for each of its roles.
    pub access: &'a [PolicySet<S>],
    /// Of what sort it is, unless it is a role.
    pub who: Who,
    /// What a role says besides; `None` for an app.
    pub terms: Option<Terms>,
    /// The logins of an app.
    pub logins: Vec<Login>,
    /// Where it is declared: `file:line`.
    pub place: Option<String>,
}

impl<S> Subject<'_, S> {
    /// Who it is in a verdict.
    pub fn violator(&self) -> Violator {
        match self.terms {
            Some(_) => Violator::Role(self.name.to_owned()),
            None => match self.who {
                Who::App => Violator::App(self.name.to_owned()),
                Who::Login => Violator::Login(self.name.to_owned()),
                Who::User => Violator::User(self.name.to_owned()),
                Who::Group => Violator::Group(self.name.to_owned()),
            },
        }
    }
}

/// What a role says besides its policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Its permissions boundary; empty is none. Several where its sessions can be of several IAM roles with others.
    pub permissions_boundaries: BTreeSet<String>,
    /// The IAM path of its users; empty and `/` are the engine's own.
    pub user_path: String,
    /// Its credential type.
    pub credential_type: String,
    /// How long a credential lives at most, in seconds.
    pub max_ttl: i64,
}

/// What has to be said of whoever logs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// What it is: `branch`, `namespace`, `audience`.
    pub what: String,
    /// What it may be; nothing here is anything, or what has no name.
    pub values: Vec<String>,
    /// Whether it may be more than the values that are written.
    pub is_open: bool,
}

/// What a login says. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Its path: `auth/approle/role/app-webapp`.
    pub path: String,
    /// How long its tokens live at most; `None` is for ever.
    pub max_token_ttl: Option<i64>,
    /// How long a secret id lives; 0 is for ever.
    pub secret_id_ttl: i64,
    /// Whether it is by a password, which is good until it is changed.
    pub password: bool,
    /// Whether a login needs a secret id.
    pub bind_secret_id: bool,
    /// What somebody who vouches for it has to say of whoever logs in.
    pub bound: Vec<Bound>,
    /// Whether logins, or the tokens that come of them, are bound to networks.
    pub bound_cidrs: bool,
    /// Where it is declared.
    pub place: Option<String>,
}
