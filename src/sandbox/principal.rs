//! Who calls, where it is not the account itself: a user, or the session of a role.

use super::error::Refusal;
use super::identity::Caller;
use super::state::{Role, Session, State, User};

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Principal<'a> {
    /// A user.
    User(&'a User),
    /// A session, and its role.
    Session(&'a Session, &'a Role),
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
                let (session, role) = state.session(key_id).ok_or_else(Refusal::unknown_key)?;
                Some(Self::Session(session, role))
            }
        })
    }

    /// What GetCallerIdentity tells, and what errors name.
    pub(super) fn arn(self) -> String {
        match self {
            Self::User(user) => user.arn(),
            Self::Session(session, _) => session.arn(),
        }
    }

    /// The ARN that policies name it by: of a session, that of its role.
    pub(super) fn principal_arn(self) -> String {
        match self {
            Self::User(user) => user.arn(),
            Self::Session(_, role) => role.arn(),
        }
    }

    /// The id behind [`Principal::principal_arn`].
    pub(super) fn principal_id(self) -> &'a str {
        match self {
            Self::User(user) => &user.id,
            Self::Session(_, role) => &role.id,
        }
    }

    /// The permissions boundary.
    pub(super) fn boundary(self) -> Option<&'a str> {
        match self {
            Self::User(user) => user.boundary.as_deref(),
            Self::Session(_, role) => role.boundary.as_deref(),
        }
    }
}
