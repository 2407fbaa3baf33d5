//! Who calls, where it is not the account itself: a user, or the session of a role or a user.

use super::error::Refusal;
use super::identity::Caller;
use super::state::{Of, Role, Session, State, User};

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Principal<'a> {
    /// A user.
    User(&'a User),
    /// A session, and its role.
    Session(&'a Session, &'a Role),
    /// A session, and its user.
    OfUser(&'a Session, &'a User),
}

impl<'a> Principal<'a> {
    /// Who a caller is; none of the account itself.
    ///
    /// # Errors
    /// `NoSuchEntity` or `InvalidClientTokenId` when it is gone by now.
    pub(super) fn of(state: &'a State, caller: &Caller) -> Result<Option<Self>, Refusal> {
        Ok(match caller {
            Caller::Root => None,
            Caller::User(name) => Some(Self::User(state.user(name)?)),
            Caller::Session(key_id) => {
                let session = state.session(key_id).ok_or_else(Refusal::unknown_key)?;
                let found = match session.of {
                    Of::Role => state.role_of(session).map(|role| Self::Session(session, role)),
                    Of::FederatedUser | Of::User => state.user_of(session).map(|user| Self::OfUser(session, user)),
                };
                Some(found.ok_or_else(Refusal::unknown_key)?)
            }
        })
    }

    /// What GetCallerIdentity tells, and what errors name.
    pub(super) fn arn(self) -> String {
        match self {
            Self::User(user) => user.arn(),
            Self::Session(session, _) => session.arn(),
            Self::OfUser(session, user) => match session.of {
                Of::FederatedUser => session.arn(),
                Of::Role | Of::User => user.arn(),
            },
        }
    }

    /// The ARN that policies name it by: of a session, that of its role.
    pub(super) fn principal_arn(self) -> String {
        match self {
            Self::User(user) => user.arn(),
            Self::Session(_, role) => role.arn(),
            Self::OfUser(..) => self.arn(),
        }
    }

    /// The id behind [`Principal::principal_arn`].
    pub(super) fn principal_id(self) -> &'a str {
        match self {
            Self::User(user) => &user.id,
            Self::Session(_, role) => &role.id,
            Self::OfUser(_, user) => &user.id,
        }
    }

    /// The permissions boundary.
    pub(super) fn boundary(self) -> Option<&'a str> {
        match self {
            Self::User(user) => user.boundary.as_deref(),
            Self::Session(_, role) => role.boundary.as_deref(),
            Self::OfUser(_, user) => user.boundary.as_deref(),
        }
    }
}
