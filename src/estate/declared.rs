//! What an estate says, once it is read: for one environment, with the place of everything.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::problem::Problem;
use crate::guardrail::Guardrail;
use crate::iam::policy::{Policy, Statement};
use crate::iam::request::Request;
use crate::object::{Absent, Kind, Object, Place, Renames, RolePath, Shared};
use crate::ssh::PublicKey;
use crate::units::address::Addresses;

/// What the files of one directory declare for one environment.
#[derive(Debug)]
pub struct Estate {
    /// All environments of the estate, by name, with where they are declared.
    pub environments: Vec<(String, Place)>,
    /// The chosen one.
    pub environment: Environment,
    /// What its engine shall hold, in the order of declaration.
    pub objects: Vec<Object>,
    /// Where each object stands in that list, by its path.
    pub(super) by_path: HashMap<String, usize>,
    /// What it shall not hold.
    pub absent: Vec<Absent>,
    /// What somebody else has and is referred to: mounts, users and groups.
    pub shared: Vec<Shared>,
    /// The apps.
    pub apps: Vec<App>,
    /// Where the rules of each ACL policy stand, with the pattern of each, by the policy's path.
    pub rules: HashMap<String, Vec<(String, Place)>>,
    /// What managed policies say, as far as the estate tells.
    pub managed_policies: Vec<ManagedPolicy>,
    /// What roles of AWS accounts are, as far as the estate tells.
    pub iam_roles: Vec<IamPrincipal>,
    /// What users of AWS accounts are that no engine makes, as far as the estate tells.
    pub iam_users: Vec<IamPrincipal>,
    /// Whom AWS takes each AWS engine for, by the path of its mount, as far as the estate tells.
    pub principals: BTreeMap<String, String>,
    /// What is asserted about apps.
    pub tests: Vec<Test>,
    /// What may never be granted, the default guardrail among them unless it is switched off.
    pub guardrails: Vec<Guardrail>,
    /// Those that are declared, by name, with their places, also those that are switched off.
    pub named_guardrails: Vec<(String, Place)>,
    /// What the author should know though nothing is wrong.
    pub warnings: Vec<Problem>,
}

impl Estate {
    /// Puts objects as they were settled with an engine in the places of those at the same paths.
    pub fn settle(&mut self, objects: &[Object]) {
        for object in objects {
            if let Some(at) = self.by_path.get(&object.path).and_then(|&at| self.objects.get_mut(at)) {
                at.clone_from(object);
            }
        }
    }

    /// Puts objects as they were said once in the places of those at the same paths, or beside the others. What the files
    /// say since of names that things had before and of what is not to be there is no part of that time.
    pub fn put_back(&mut self, objects: impl IntoIterator<Item = Object>) {
        self.absent.clear();
        for object in &mut self.objects {
            object.renamed_from = None;
        }
        for object in objects {
            match self.by_path.get(&object.path).and_then(|&at| self.objects.get_mut(at)) {
                Some(at) => *at = object,
                None => {
                    self.by_path.insert(object.path.clone(), self.objects.len());
                    self.objects.push(object);
                }
            }
        }
    }

    /// Calls what it declares by the names that it gets, to compare it with what is called so.
    pub fn call_as(&mut self, renames: &Renames) {
        if renames.is_empty() {
            return;
        }
        for object in &mut self.objects {
            renames.object(object);
        }
        self.by_path = self.objects.iter().enumerate().map(|(at, object)| (object.path.clone(), at)).collect();
        let rules = std::mem::take(&mut self.rules).into_iter();
        self.rules =
            rules.map(|(path, rules)| (renames.path(&path).map(str::to_owned).unwrap_or(path), rules)).collect();
        for app in &mut self.apps {
            for policy in &mut app.policies {
                *policy = renames.policy(policy).to_owned();
            }
            for role in app.roles.iter_mut().chain(&mut app.grants) {
                let named = renames.path(&role.path()).and_then(|path| Some(role.kind.name_of(path)?.to_owned()));
                role.name = named.unwrap_or_else(|| role.name.clone());
            }
        }
    }

    /// The object of a path.
    pub fn object(&self, path: &str) -> Option<&Object> {
        let indexed = self.by_path.get(path).and_then(|index| self.objects.get(*index));
        // The list is public, so it may have changed since.
        indexed.filter(|object| object.path == path).or_else(|| self.objects.iter().find(|object| object.path == path))
    }

    /// What a role's own policy document says, each statement with its place. `None` when the role has none.
    pub fn policy(&self, role_path: &str) -> Option<Policy<Place>> {
        let role = self.object(role_path)?;
        let leaf = role.fields.get(role.kind.access_fields()?.document)?;
        leaf.document.as_ref()?.policy(&leaf.place).ok()
    }
}

/// The document of a managed policy, which a role names by its ARN. It is declared for reviews, and applied
/// nowhere.
#[derive(Clone, Debug)]
pub struct ManagedPolicy {
    /// Its label in the estate.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it says.
    pub policy: Arc<Policy<Place>>,
    /// Where it is declared.
    pub place: Place,
}

/// A role of an AWS account, which a role of the estate names by its ARN so that its credentials are sessions of it, or a
/// user of one, whose key a static role hands out or an engine signs with. It is declared for reviews, and applied
/// nowhere.
#[derive(Clone, Debug)]
pub struct IamPrincipal {
    /// Its label in the estate.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What its inline policies say together, if it has any.
    pub policy: Option<Arc<Policy<Place>>>,
    /// The managed policies that are attached to it, by their ARNs.
    pub policy_arns: Vec<String>,
    /// The managed policy that bounds it, by its ARN.
    pub boundary: Option<String>,
    /// How long its sessions live at most, in seconds, where that is declared.
    pub max_session: Option<i64>,
    /// Who may assume it, as [`iam::trust`](crate::iam::trust) reads that, where it is declared.
    pub trust: Option<Arc<Policy<Place>>>,
    /// Where it is declared.
    pub place: Place,
}

/// A `test` block: what must hold of one app.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// The app.
    pub app: String,
    /// What must hold, in the order of the file.
    pub assertions: Vec<(Assertion, Place)>,
    /// Where it is declared.
    pub place: Place,
}

/// One thing that must hold.
#[derive(Clone, Debug)]
pub enum Assertion {
    /// `allow`: this one request is allowed.
    Allow(Request),
    /// `deny` and `never`: no request that matches is allowed. The statement's effect does not matter; `deny`
    /// names one action and one resource, perhaps with wildcards and a context, `never` any number. Its Sid is
    /// the word of the file, `deny` or `never`. Policy variables in its resources are variables, as in a document
    /// of 2012.
    ///
    /// A key of the context with one value is the condition `StringEquals`. One with several is met by requests
    /// with exactly these values: `ForAllValues:StringEquals` of all, and `ForAnyValue:StringEquals` of each.
    Never(Statement<()>),
    /// `at_most`: nothing is allowed that this policy does not allow.
    AtMost(Arc<Policy<Place>>),
    /// `acl`: the app's tokens have these capabilities on this path of the engine.
    Acl {
        /// The API path: `aws/creds/webapp`.
        path: String,
        /// What they may do there, sorted; empty is nothing.
        capabilities: Vec<String>,
    },
    /// `acl_only`: apart from looking after themselves, the app's tokens may do nothing on any other path than
    /// these, which may hold `+` and end in `*`.
    AclOnly(Vec<String>),
}

/// Where an estate is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// The estate's name in the engine's ledger, where several estates share the engine.
    pub estate: Option<String>,
    /// Which engine it is.
    pub engine: EngineChoice,
    /// The namespace of a server that has them, without slashes around it; `None` for the root one.
    pub namespace: Option<String>,
    /// From which variables and files beside the estate secrets may be taken, as patterns with `*`: `env:NAME`, `file:PATH`.
    /// `None` is none of a server's estate, and all of an embedded engine's.
    pub secrets: Option<Vec<String>>,
    /// How many objects one apply may delete; `None` is no limit set here.
    pub max_deletes: Option<u32>,
    /// How many of single kinds it may delete.
    pub limits: Vec<Limit>,
    /// What it demands of what is applied to it.
    pub demands: Demands,
    /// What it says of drift.
    pub drift: DriftRules,
    /// Where it is declared.
    pub place: Place,
}

/// What an environment says of drift.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriftRules {
    /// What is not counted as not ours.
    pub ignored: Vec<Ignored>,
    /// How much what is found matters.
    pub weighed: Vec<Weighed>,
}

/// Objects that are nobody's here, and that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Their paths, with wildcards.
    pub pattern: String,
    /// Their kind, if only one is meant.
    pub kind: Option<&'static Kind>,
    /// Why.
    pub reason: String,
    /// Where it is declared.
    pub place: Place,
}

/// How much findings about objects matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed {
    /// The paths of the objects, with wildcards.
    pub pattern: String,
    /// Their kind, if only one is meant.
    pub kind: Option<&'static Kind>,
    /// How much.
    pub level: Level,
    /// Where it is declared.
    pub place: Place,
}

/// How much a finding matters. What matters more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It is told, and no more.
    Note,
    /// It is drift, and no error.
    Warning,
    /// It is an error.
    Error,
}

impl Level {
    const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Error];

    /// How it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The one that a word means.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }
}

/// How many objects one plan may delete when the environment does not say (`max_deletes`).
pub const MAX_DELETES_DEFAULT: u32 = 5;

/// How many objects of one kind one apply may delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The kind.
    pub kind: &'static Kind,
    /// How many.
    pub deletes: Deletes,
    /// Where it is declared.
    pub place: Place,
}

/// A number of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletes {
    /// So many.
    Count(u32),
    /// So much of each hundred that are ours.
    Percent(u8),
}

impl Deletes {
    /// Whether that lets so many go of so many.
    pub fn allows(self, count: usize, of: usize) -> bool {
        match self {
            Self::Count(allowed) => count <= usize::try_from(allowed).unwrap_or(usize::MAX),
            Self::Percent(percent) => count.saturating_mul(100) <= of.saturating_mul(usize::from(percent)),
        }
    }
}

impl std::fmt::Display for Deletes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// What an environment demands of what is applied to it. Nothing, unless it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// A saved plan that one of the signers signed.
    pub signed_plan: bool,
    /// A commit that one of the signers signed.
    pub signed_commit: bool,
    /// Files that are as their commit has them.
    pub clean: bool,
    /// This branch.
    pub branch: Option<String>,
    /// Whose signatures count.
    pub signers: Vec<PublicKey>,
}

/// The engine of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineChoice {
    /// A server at this URL, or a cluster with nodes at these.
    Address(Addresses),
    /// Our own engine, in process.
    Embedded {
        /// Its data directory, relative to the estate's root unless absolute.
        data: PathBuf,
        /// Which AWS it talks to.
        aws: AwsChoice,
        /// Where the key is that unseals its data.
        key: KeyChoice,
    },
}

/// Where the key is that unseals an embedded engine's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChoice {
    /// In the data directory.
    Beside,
    /// In a file that somebody else makes: absolute, or below `~/`.
    File(PathBuf),
    /// In the data directory, wrapped by this key of AWS KMS: its id, ARN or alias.
    Service(String),
}

/// Which AWS an embedded engine talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsChoice {
    /// The real one, or the endpoint that the engine's root configuration names.
    Aws,
    /// The simulated account inside the binary.
    Sandbox,
}

/// An app: who logs in how, and what it may get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The roles declared inside it.
    pub roles: Vec<RolePath>,
    /// The shared roles granted to it.
    pub grants: Vec<RolePath>,
    /// How it proves its identity.
    pub logins: Vec<Login>,
    /// The ACL policies of its tokens: the derived one, or those that it names.
    pub policies: Vec<String>,
    /// Where it is declared.
    pub place: Place,
}

/// A login of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// How somebody logs in: the method's type, such as `approle`, or, of one with several ways, which of them.
    pub method: String,
    /// Where it is mounted, without `auth/`: `approle`.
    pub mount: String,
    /// The role to log in with: `app-webapp`.
    pub role_name: String,
    /// Where it is declared.
    pub place: Place,
}
