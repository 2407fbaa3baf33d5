//! What is said of one credential where its role leaves a choice: which IAM role a session is of, for how long it lives and
//! what it is called. What the estate tells of the role is held against it before anybody logs in.
//!
//! Source: Vault API, "AWS secrets engine: generate credentials": `role_arn`, `ttl` and `role_session_name`, which a read
//! takes in its query.

use clap::builder::NonEmptyStringValueParser;
use serde::Deserialize;
use serde_json::Value;

use super::super::error::CliError;
use crate::estate::Estate;
use crate::object::review::Way;
use crate::object::{Object, RolePath};
use crate::text::did_you_mean;
use crate::units::duration;

/// The flags.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ChoiceArgs {
    /// Which of the role's IAM roles the session is of [env, without an estate: LEASEHOLD_ROLE_ARN]
    #[arg(long, value_name = "ARN", value_parser = NonEmptyStringValueParser::new())]
    pub(super) role_arn: Option<String>,
    /// How long the session lives, such as 15m; the engine may give less [env, without an estate: LEASEHOLD_TTL]
    #[arg(long, value_name = "DURATION", value_parser = NonEmptyStringValueParser::new())]
    pub(super) ttl: Option<String>,
    /// What the session is called in AWS [env, without an estate: LEASEHOLD_SESSION_NAME]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(super) session_name: Option<String>,
}

/// A duration as files have it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged, expecting = "seconds, or a duration such as 15m, was expected")]
pub(in crate::cli) enum Written {
    /// A number.
    Seconds(i64),
    /// With its unit.
    Text(String),
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seconds(seconds) => seconds.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Choice {
    role_arn: Option<String>,
    /// Whole seconds.
    ttl: Option<i64>,
    session_name: Option<String>,
}

/// Words for each, as flags and as files have them.
const ROLE_ARN: &str = "--role-arn (role_arn in a file)";
const TTL: &str = "--ttl (ttl in a file)";
const SESSION_NAME: &str = "--session-name (role_session_name in a file)";

impl Choice {
    /// What flags, variables or a file say.
    ///
    /// # Errors
    /// What is no duration, and what is empty.
    pub(in crate::cli) fn of(
        role_arn: Option<String>,
        ttl: Option<&str>,
        session_name: Option<String>,
    ) -> Result<Self, CliError> {
        for (flag, said) in [(ROLE_ARN, &role_arn), (SESSION_NAME, &session_name)] {
            if said.as_ref().is_some_and(|said| said.trim().is_empty()) {
                return Err(CliError::new(1, format!("{flag} is empty")).hint("leave it out"));
            }
        }
        let seconds = |text: &str| {
            let wrong = |why: &str| CliError::new(1, format!("{TTL} is {text:?}: {why}"));
            match duration::parse(text) {
                Ok(seconds) if seconds > 0 => Ok(seconds),
                Ok(_) => Err(wrong("no session lives so long").hint("seconds, or a duration such as 15m")),
                Err(why) => Err(wrong(&why).hint("seconds, or a duration such as 15m")),
            }
        };
        Ok(Self { role_arn, ttl: ttl.map(seconds).transpose()?, session_name })
    }

    /// What goes with the request for the credential.
    pub(super) fn parameters(&self) -> Vec<(String, String)> {
        let ttl = self.ttl.map(|seconds| seconds.to_string());
        let all = [("role_arn", &self.role_arn), ("ttl", &ttl), ("role_session_name", &self.session_name)];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }

    /// The words for what is said; nothing where nothing is.
    pub(super) fn said(&self) -> Option<&'static str> {
        match self {
            Self { role_arn: Some(_), .. } => Some(ROLE_ARN),
            Self { session_name: Some(_), .. } => Some(SESSION_NAME),
            Self { ttl: Some(_), .. } => Some(TTL),
            Self { role_arn: None, ttl: None, session_name: None } => None,
        }
    }

    /// The flags for all that is said; nothing where nothing is.
    pub(super) fn flags(&self) -> Option<String> {
        let said = [
            (self.role_arn.is_some(), "--role-arn"),
            (self.ttl.is_some(), "--ttl"),
            (self.session_name.is_some(), "--session-name"),
        ];
        let said: Vec<&str> = said.into_iter().filter_map(|(is_said, flag)| is_said.then_some(flag)).collect();
        (!said.is_empty()).then(|| said.join(", "))
    }

    /// Holds it against a role as the estate has it.
    ///
    /// # Errors
    /// What the role leaves no choice of, and the choice that it leaves and nobody made.
    pub(super) fn check(&self, role: &RolePath, estate: &Estate) -> Result<(), CliError> {
        let Some(object) = estate.object(&role.path()) else { return Ok(()) };
        let way = object.kind.access_fields().and_then(|access| {
            let made = object.value(access.made);
            access.way(made.as_str().unwrap_or_default())
        });
        let refused = |said: &str, label: &str, what: &str| {
            Err(CliError::new(1, format!("{said} is for {what}, and {label} is another"))
                .hint(format!("leave it out; the role is declared at {}", object.place)))
        };
        let (label, of_role) = (role.label(), self.role_arn.as_ref().map(|_| ROLE_ARN));
        let of_role = of_role.or(self.session_name.as_ref().map(|_| SESSION_NAME));
        match (way, self.said(), of_role) {
            (Some(Way::RoleSession), ..) => self.check_arn(&label, object),
            (Some(Way::User | Way::Standing), Some(said), _) => refused(said, &label, "a role that opens sessions"),
            (Some(Way::Federated | Way::OwnSession), _, Some(said)) => {
                refused(said, &label, "a role of the type assumed_role")
            }
            _ => Ok(()),
        }
    }

    fn check_arn(&self, label: &str, object: &Object) -> Result<(), CliError> {
        let field = object.kind.access_fields().map_or("", |access| access.sessions.roles);
        let arns = texts(&object.value(field));
        match &self.role_arn {
            None if arns.len() > 1 => {
                Err(CliError::new(1, format!("sessions of {label} are of one of several IAM roles")).hint(named(&arns)))
            }
            Some(asked) if !arns.contains(asked) => {
                let failure = CliError::new(1, format!("{label} opens no sessions of {asked}"));
                let near = did_you_mean(asked, arns.iter().map(String::as_str));
                let failure = near.into_iter().fold(failure, CliError::hint);
                Err(failure.hint(named(&arns)).hint(format!("they are declared at {}", object.place)))
            }
            _ => Ok(()),
        }
    }
}

/// How one of a role's IAM roles is named: which there are, where that is known.
pub(super) fn named(arns: &[String]) -> String {
    match arns {
        [] => format!("name one of its role_arns with {ROLE_ARN}"),
        arns => format!("name one with {ROLE_ARN}: {}", arns.join(", ")),
    }
}

/// The texts of a list.
pub(super) fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::Choice;

    #[test]
    fn what_is_said_goes_with_the_request_as_vault_takes_it() {
        let choice = Choice::of(Some("arn".to_owned()), Some("15m"), Some("me".to_owned())).expect("it is one");
        let expected = [("role_arn", "arn"), ("ttl", "900"), ("role_session_name", "me")];
        assert_eq!(choice.parameters(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(Choice::default().parameters(), []);
        for (arn, ttl, name) in
            [(None, Some("x"), None), (None, Some("0"), None), (None, Some("-5m"), None), (None, Some(""), None)]
        {
            let error = Choice::of(arn, ttl, name).expect_err("no duration");
            assert!(error.hints[0].contains("15m"), "{error:?}");
        }
        assert!(Choice::of(Some(" ".to_owned()), None, None).is_err());
    }
}
