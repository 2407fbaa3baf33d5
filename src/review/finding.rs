//! One thing that a change does: about whom, which access, and what proves it.

use serde_json::{Map, Value, json};

use crate::iam::request::Request;
use crate::object::{Place, name_of_person};

/// One thing that a change does.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What it is about.
    pub topic: Topic,
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
    /// A login that is no app's, by its path.
    Login(String),
    /// A user, by its path: whoever logs in so.
    User(String),
    /// A group, by its path: who is in it.
    Group(String),
    /// A role that no app may have, as `mount/role`.
    Role(String),
    /// An ACL policy that no app has.
    Policy(String),
    /// A role of an AWS account, by its ARN.
    IamRole(String),
    /// A mount or another part of the engine, by its path.
    Engine(String),
    /// A file.
    File(String),
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
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
    /// Access ends by itself on another day than before.
    End,
    /// How much of the size limit of inline policies is used.
    PolicySize,
    /// Who may log in, and how.
    Login,
    /// Who may assume a role of an account.
    Trust,
    /// What tokens may do in the engine.
    Acl,
    /// Something else of the engine.
    Engine,
    /// What may never be granted.
    Guardrail,
    /// What is looked at, by tests or by drift.
    Checks,
    /// Where an environment is applied.
    Environment,
}

impl Topic {
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
            Self::End => "end-moved",
            Self::PolicySize => "policy-size",
            Self::Login => "login-changed",
            Self::Trust => "trust-changed",
            Self::Acl => "acl-changed",
            Self::Engine => "engine-changed",
            Self::Guardrail => "guardrail-changed",
            Self::Checks => "checks-changed",
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
            Self::End => "The day on which access ends by itself was set, moved or taken back",
            Self::LeaseTerms => "Credentials or tokens live longer or shorter",
            Self::PolicySize => "An inline policy is close to its size limit",
            Self::Login => "Who may log in, or how, changed",
            Self::Trust => "Who may assume a role of an AWS account changed",
            Self::Acl => "What tokens may do in the engine changed",
            Self::Engine => "Something else of the engine changed",
            Self::Guardrail => "What may never be granted changed",
            Self::Checks => "What the estate's tests prove, or drift looks at, changed",
            Self::Environment => "Where an environment is applied changed",
        }
    }

    /// Every sort.
    pub const ALL: [Self; 23] = [
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
        Self::End,
        Self::PolicySize,
        Self::Login,
        Self::Trust,
        Self::Acl,
        Self::Engine,
        Self::Guardrail,
        Self::Checks,
        Self::Environment,
    ];
}

impl Finding {
    /// A finding with nothing but its topic, its subject and what happens.
    pub(crate) fn new(topic: Topic, subject: &Subject, what: impl Into<String>) -> Self {
        Self {
            topic,
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
            Self::Login(path) => write!(f, "login {path}"),
            Self::User(path) => write!(f, "user {}", name_of_person(path)),
            Self::Group(path) => write!(f, "group {}", name_of_person(path)),
            Self::Role(name) => write!(f, "role {name}"),
            Self::Policy(name) => write!(f, "policy {name}"),
            Self::IamRole(arn) => write!(f, "IAM role {arn}"),
            Self::Engine(path) | Self::File(path) => f.write_str(path),
        }
    }
}

impl Subject {
    /// It, for programs.
    pub fn json(&self) -> Value {
        let (sort, name) = match self {
            Self::App(name) => ("app", name),
            Self::Login(path) => ("login", path),
            Self::User(path) => ("user", path),
            Self::Group(path) => ("group", path),
            Self::Role(name) => ("role", name),
            Self::Policy(name) => ("policy", name),
            Self::IamRole(arn) => ("iam-role", arn),
            Self::Engine(path) => ("engine", path),
            Self::File(path) => ("file", path),
        };
        json!({ "type": sort, "name": name })
    }
}

/// What a finding says, without places, examples, and whatever else depends on how the two sides were read.
pub(super) fn fact(finding: &Finding) -> Value {
    json!({
        "kind": finding.topic.id(),
        "gains": finding.gains,
        "subject": finding.subject.json(),
        "role": finding.role,
        "what": finding.what,
        "was": finding.was,
        "cannot_tell": finding.cannot_tell.is_some(),
        "access": finding.access.as_ref().map_or(Value::Null, access),
    })
}

/// What an access says.
pub(super) fn access(access: &Access) -> Value {
    let key = |name: &str, negated: bool| if negated { format!("not_{name}") } else { name.to_owned() };
    let mut value = Map::new();
    value.insert(key("actions", access.actions_negated), json!(access.actions));
    value.insert(key("resources", access.resources_negated), json!(access.resources));
    value.insert("conditions".to_owned(), json!(access.conditions));
    value.insert("statement".to_owned(), json!(access.statement));
    Value::Object(value)
}
