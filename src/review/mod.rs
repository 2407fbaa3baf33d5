//! What a change of an estate means: who gains, loses and keeps which access, and on what terms.
//!
//! Pure: two sides in, a value out, and texts of that value. A gain is never missed: what can't be told
//! counts as one. What is proved is shown by a request that was denied before and is allowed now.

mod access;
mod acl;
pub mod assertion;
mod blocked;
mod changes;
mod describe;
pub mod effective;
pub(crate) mod escape;
pub mod graph;
pub mod holder;
mod html;
mod json;
pub mod judgement;
mod lease;
pub mod lifetime;
mod login;
mod markdown;
mod rules;
mod sarif;
mod section;
mod text;
mod unknown;
mod user;
mod within;
mod words;

use serde_json::Value;

pub use self::markdown::MARKER;
pub use self::text::Colour;
pub use self::words::duration as words_of_duration;
use crate::guardrail;
pub use crate::guardrail::Judged;
use crate::iam::request::Request;
use crate::object::{Place, fingerprint};

/// A change, reviewed.
#[derive(Clone, Debug)]
pub struct Review {
    /// What it is compared with.
    pub before: Revision,
    /// What is reviewed.
    pub after: Revision,
    /// The estate's directory in its repository, with forward slashes; empty for the root.
    pub directory: String,
    /// The day of the action catalogue.
    pub catalogue: String,
    /// How many files differ; `None` where no files are compared.
    pub files: Option<usize>,
    /// Each environment, in the order of their declaration.
    pub environments: Vec<Environment>,
}

/// A state of the world, by name.
#[derive(Clone, Debug)]
pub struct Revision {
    /// As it was asked for: `main`, `live`.
    pub name: String,
    /// The commit that it is, if it is one.
    pub commit: Option<String>,
}

/// What a change means in one environment.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// On which side it is declared.
    pub presence: Presence,
    /// How many apps there are after the change.
    pub apps: usize,
    /// How many roles there are after the change.
    pub roles: usize,
    /// What the change does.
    pub findings: Vec<Finding>,
    /// What was not looked at, and may matter.
    pub not_evaluated: Vec<String>,
    /// Guardrails that are violated after the change.
    pub violations: Vec<Judged>,
}

/// On which side something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// On both.
    Both,
    /// Only before: it is taken away.
    Before,
    /// Only after: it is new.
    After,
}

/// One thing that a change does.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Its sort.
    pub kind: Kind,
    /// Whether somebody may do more, or for longer, than before.
    pub gains: bool,
    /// Whom it is about.
    pub subject: Subject,
    /// The role that it comes through, as `mount/role`.
    pub role: Option<String>,
    /// What happens, as a clause without a place: `s3:PutObject on arn:aws:s3:::a/*`.
    pub what: String,
    /// What it was before, where that says more.
    pub was: Option<String>,
    /// The access itself, where it is about access to AWS.
    pub access: Option<Access>,
    /// A request that shows it.
    pub witness: Option<Request>,
    /// Why it can't be told, where it can't.
    pub cannot_tell: Option<String>,
    /// What else a reader should know, in sentences without places.
    pub notes: Vec<String>,
    /// Where it is declared.
    pub place: Option<Place>,
    /// Other places that belong to it, each with what stands there.
    pub also: Vec<(String, Place)>,
}

/// Access to AWS, in words.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Whether it is everything but these actions.
    pub actions_negated: bool,
    /// The actions, as patterns.
    pub actions: Vec<String>,
    /// How many actions of the catalogue they cover.
    pub count: usize,
    /// How many of each level, the weightiest first.
    pub levels: Vec<(&'static str, usize)>,
    /// Whether the catalogue knows of a request that this could be: an action with a resource that it can have.
    pub possible: bool,
    /// Whether it is everything but these resources.
    pub resources_negated: bool,
    /// The resources, as patterns.
    pub resources: Vec<String>,
    /// Under which conditions, in words.
    pub conditions: Vec<String>,
    /// The name of its statement.
    pub statement: Option<String>,
    /// Actions among several that manage permissions.
    pub risky: Vec<String>,
    /// Actions whose answer holds a secret or a credential.
    pub credentials: Vec<String>,
}

/// Whom a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An app.
    App(String),
    /// A role that no app may have, as `mount/role`.
    Role(String),
    /// An ACL policy that no app has.
    Policy(String),
    /// A mount or another part of the engine, by its path.
    Engine(String),
    /// A file.
    File(String),
}

/// The sort of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Actions that could not be done on anything before.
    AccessGained,
    /// Actions that may be done on more than before.
    AccessWidened,
    /// Actions that may be done under other conditions than before.
    ConditionChanged,
    /// Access that may be more, and can't be told offline.
    AccessUnknown,
    /// Actions that can't be done any more.
    AccessLost,
    /// Actions that may be done on less than before.
    AccessNarrowed,
    /// A permissions boundary came, went or was swapped.
    BoundaryChanged,
    /// A statement moved to another role of the same app.
    StatementMoved,
    /// The text differs, the access does not.
    TextOnly,
    /// Tags, path or another attribute of the users that AWS policies may look at.
    AttributesChanged,
    /// An app that was not there before.
    AppAdded,
    /// An app that is no more.
    AppRemoved,
    /// An app with another name.
    AppRenamed,
    /// Leases or tokens live longer or shorter.
    LeaseTerms,
    /// How much of the size limit of inline policies is used.
    PolicySize,
    /// Who may log in, and how.
    Login,
    /// What tokens may do in the engine.
    Acl,
    /// Something else of the engine.
    Engine,
    /// What may never be granted.
    Guardrail,
    /// Where an environment is applied.
    Environment,
}

impl Kind {
    /// Its name in machine-readable reports. Stable.
    pub fn id(self) -> &'static str {
        match self {
            Self::AccessGained => "access-gained",
            Self::AccessWidened => "access-widened",
            Self::ConditionChanged => "condition-changed",
            Self::AccessUnknown => "access-unknown",
            Self::AccessLost => "access-lost",
            Self::AccessNarrowed => "access-narrowed",
            Self::BoundaryChanged => "boundary-changed",
            Self::StatementMoved => "statement-moved",
            Self::TextOnly => "text-only",
            Self::AttributesChanged => "attributes-changed",
            Self::AppAdded => "app-added",
            Self::AppRemoved => "app-removed",
            Self::AppRenamed => "app-renamed",
            Self::LeaseTerms => "lease-terms",
            Self::PolicySize => "policy-size",
            Self::Login => "login-changed",
            Self::Acl => "acl-changed",
            Self::Engine => "engine-changed",
            Self::Guardrail => "guardrail-changed",
            Self::Environment => "environment-changed",
        }
    }

    /// What a finding of this sort is, in a line.
    pub fn describe(self) -> &'static str {
        match self {
            Self::AccessGained => "An app may do something in AWS that it could not do before",
            Self::AccessWidened => "An app may do something in AWS on more resources than before",
            Self::ConditionChanged => "An app may do something in AWS under other conditions than before",
            Self::AccessUnknown => "An app may be able to do more in AWS; it can't be told offline",
            Self::AccessLost => "An app can't do something in AWS any more",
            Self::AccessNarrowed => "An app may do something in AWS on fewer resources than before",
            Self::BoundaryChanged => "The permissions boundary of a role was set, removed or swapped",
            Self::StatementMoved => "A statement moved between roles of one app",
            Self::TextOnly => "The text differs and the access does not",
            Self::AttributesChanged => "Attributes of IAM users changed that policies elsewhere may look at",
            Self::AppAdded => "An app is new",
            Self::AppRemoved => "An app is no longer declared",
            Self::AppRenamed => "An app has another name",
            Self::LeaseTerms => "Credentials or tokens live longer or shorter",
            Self::PolicySize => "An inline policy is close to its size limit",
            Self::Login => "Who may log in, or how, changed",
            Self::Acl => "What tokens may do in the engine changed",
            Self::Engine => "Something else of the engine changed",
            Self::Guardrail => "What may never be granted changed",
            Self::Environment => "Where an environment is applied changed",
        }
    }

    /// Every sort.
    pub const ALL: [Self; 20] = [
        Self::AccessGained,
        Self::AccessWidened,
        Self::ConditionChanged,
        Self::AccessUnknown,
        Self::AccessLost,
        Self::AccessNarrowed,
        Self::BoundaryChanged,
        Self::StatementMoved,
        Self::TextOnly,
        Self::AttributesChanged,
        Self::AppAdded,
        Self::AppRemoved,
        Self::AppRenamed,
        Self::LeaseTerms,
        Self::PolicySize,
        Self::Login,
        Self::Acl,
        Self::Engine,
        Self::Guardrail,
        Self::Environment,
    ];
}

impl Finding {
    /// A finding with nothing but its sort, its subject and what happens.
    pub(crate) fn new(kind: Kind, subject: &Subject, what: impl Into<String>) -> Self {
        Self {
            kind,
            gains: false,
            subject: subject.clone(),
            role: None,
            what: what.into(),
            was: None,
            access: None,
            witness: None,
            cannot_tell: None,
            notes: Vec::new(),
            place: None,
            also: Vec::new(),
        }
    }

    pub(crate) fn gain(self) -> Self {
        self.gains(true)
    }

    pub(crate) fn gains(self, gains: bool) -> Self {
        Self { gains, ..self }
    }

    pub(crate) fn role(self, role: impl Into<String>) -> Self {
        Self { role: Some(role.into()), ..self }
    }

    pub(crate) fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    pub(crate) fn was(self, was: impl Into<String>) -> Self {
        Self { was: Some(was.into()), ..self }
    }

    pub(crate) fn cannot_tell(self, why: impl Into<String>) -> Self {
        Self { gains: true, cannot_tell: Some(why.into()), ..self }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn also(mut self, what: impl Into<String>, place: Place) -> Self {
        self.also.push((what.into(), place));
        self
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::App(name) => write!(f, "app {name}"),
            Self::Role(name) => write!(f, "role {name}"),
            Self::Policy(name) => write!(f, "policy {name}"),
            Self::Engine(path) | Self::File(path) => f.write_str(path),
        }
    }
}

impl Revision {
    /// A name, with the commit in short where it says more: `main (4f1c2ab)`.
    pub fn label(&self) -> String {
        match &self.commit {
            Some(commit) if !commit.starts_with(&self.name) || self.name.is_empty() => {
                format!("{} ({})", self.name, commit.get(..7).unwrap_or(commit))
            }
            Some(commit) => commit.get(..7).unwrap_or(commit).to_owned(),
            None => self.name.clone(),
        }
    }
}

impl Environment {
    /// Compares two states of one environment; a side that does not declare it is `None`. `files` are those that
    /// differ.
    pub fn new(
        name: &str,
        before: Option<&effective::Side<'_>>,
        after: Option<&effective::Side<'_>>,
        files: &[String],
        violations: Vec<Judged>,
    ) -> Self {
        let nothing = effective::Side::default();
        let presence = match (before, after) {
            (None, Some(_)) => Presence::After,
            (Some(_), None) => Presence::Before,
            _ => Presence::Both,
        };
        let (before, after) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
        let (mut findings, not_evaluated) = changes::findings(before, after);
        changes::untouched(files, &mut findings);
        Self {
            name: name.to_owned(),
            presence,
            apps: after.apps().count(),
            roles: after.roles().count(),
            findings,
            not_evaluated,
            violations,
        }
    }

    /// The findings that somebody gains by.
    pub fn gains(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.gains)
    }

    /// The violations that the change introduces and that stop it.
    pub fn stops(&self) -> impl Iterator<Item = &Judged> {
        self.violations
            .iter()
            .filter(|judged| judged.introduced && judged.violation.severity == guardrail::Severity::Deny)
    }

    /// The SHA-256 of what is found here, in hexadecimal digits: without places, files and commits, so that
    /// the same change has the same digest when commits are compared and when an engine is compared with files.
    pub fn digest(&self) -> String {
        fingerprint::of_value(&self.facts())
    }

    /// What is found, in an order that does not depend on files.
    fn facts(&self) -> Value {
        let mut findings: Vec<(String, Value)> = self
            .findings
            .iter()
            // How a text is written is not seen of a live object, nor what it was guarded by.
            .filter(|finding| {
                !matches!(finding.kind, Kind::TextOnly | Kind::PolicySize | Kind::Guardrail | Kind::Environment)
            })
            .map(|finding| {
                let value = json::fact(finding);
                (value.to_string(), value)
            })
            .collect();
        findings.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut violations: Vec<String> = self
            .violations
            .iter()
            .filter(|judged| judged.introduced)
            .map(|judged| {
                format!("{}\n{}\n{}", judged.violation.guardrail, judged.violation.subject, judged.violation.key)
            })
            .collect();
        violations.sort_unstable();
        serde_json::json!({
            "findings": findings.into_iter().map(|(_, value)| value).collect::<Vec<_>>(),
            "violations": violations,
        })
    }
}

impl Review {
    /// The digest over all its environments.
    pub fn digest(&self) -> String {
        let digests =
            self.environments.iter().map(|environment| (environment.name.clone(), environment.digest().into()));
        fingerprint::of_value(&Value::Object(digests.collect()))
    }

    /// 3 if the change introduces the violation of a guardrail that denies, else 2 if anybody gains anything,
    /// else 0.
    pub fn exit_code(&self) -> u8 {
        if self.environments.iter().any(|environment| environment.stops().next().is_some()) {
            3
        } else if self.environments.iter().any(|environment| environment.gains().next().is_some()) {
            2
        } else {
            0
        }
    }
}
