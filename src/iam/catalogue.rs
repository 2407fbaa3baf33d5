//! The actions of all AWS services, with their access levels and resources: dated, embedded, replaceable by a file.
//!
//! `policies/catalogue/make.py` makes the text, from data under the MIT licence, and says how it is written. AWS
//! adds actions every week, so an action that is not here is worth a warning and never an error. A text that can't be
//! read is an error, and never a catalogue of fewer actions: a guardrail on a level would let them pass.

mod parse;
mod resources;
mod shape;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, OnceLock};

use serde::{Deserialize, Serialize};

pub use self::parse::Unreadable;
pub use self::resources::Fit;
use self::resources::Resources;
use super::pattern::{Part, Pattern};
use super::request::Request;
use super::scope::Scope;
use crate::text::nearest_of_many;

/// What AWS says an action does. Access level is not a risk rating: `secretsmanager:GetSecretValue` is a read. Files spell
/// one as `permissions-management`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLevel {
    /// It lists resources.
    List,
    /// It reads what is in a resource.
    Read,
    /// It creates, changes or deletes.
    Write,
    /// It changes tags only.
    Tagging,
    /// It grants or changes permissions.
    PermissionsManagement,
}

impl AccessLevel {
    /// It in words: `permissions management`.
    pub fn words(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Write => "write",
            Self::Tagging => "tagging",
            Self::PermissionsManagement => "permissions management",
        }
    }
}

/// One action of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action<'a> {
    /// `s3`.
    pub service: &'a str,
    /// `GetObject`, as AWS spells it.
    pub name: &'a str,
    /// Its level.
    pub level: AccessLevel,
}

/// A catalogue of actions.
#[derive(Debug)]
pub struct Catalogue {
    date: String,
    source: String,
    services: Vec<Service>,
    /// The global condition keys, as AWS spells them; one that ends in `/` has a name behind it.
    globals: Vec<String>,
    /// Condition keys with several values, in lower case; one that ends in `/` stands for all that begin so.
    multivalued: HashSet<String>,
}

/// One service. Its actions and their resources are read when they are asked for: of most services nobody asks.
#[derive(Debug)]
struct Service {
    name: String,
    /// Its actions as the text has them, and the verbs that it names by one letter each.
    text: Box<str>,
    verbs: Arc<[(String, AccessLevel)]>,
    actions: OnceLock<Vec<Entry>>,
    /// The line about its resources.
    line: Option<(usize, Box<str>)>,
    resources: OnceLock<Option<Resources>>,
}

#[derive(Debug)]
struct Entry {
    /// `s3:getobject`: what patterns are matched with, and what the entries of a service are sorted by.
    key: Box<str>,
    name: Box<str>,
    level: AccessLevel,
}

/// Actions of a catalogue: some ten times today's.
const ACTIONS_MAX: usize = 300_000;

const CODES: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static TEXT: &str = include_str!("../../policies/catalogue/actions.txt");

/// What SHA-256 makes of [`TEXT`] as the tests read it, to its end.
const TEXT_SHA256: &str = "6baf7254d803365e551abf695c4720d2d5ece8d134747de30ed663c6461ede2a";

// The text is part of the program, so that this is the same in every run, and the tests read it. If it could not be
// read, nothing that asks for it may go on: with no actions, a guardrail on a level would let everything pass.
static BUILT_IN: LazyLock<Result<Catalogue, Unreadable>> = LazyLock::new(|| Catalogue::parse_lazily(TEXT));

/// The catalogue that a text of the program says, or none at all: whoever asks is stopped, now and each time after.
fn part_of_program(read: &Result<Catalogue, Unreadable>) -> &Catalogue {
    match read {
        Ok(catalogue) => catalogue,
        Err(bad) => panic!("the catalogue of actions in this program can't be read: {bad}"),
    }
}

static CHOSEN: OnceLock<Catalogue> = OnceLock::new();

impl Catalogue {
    /// Bytes of a catalogue's file: some twenty times today's.
    pub const BYTES_MAX: usize = 4 << 20;

    /// The one that was chosen, else the one in the binary.
    pub fn current() -> &'static Self {
        CHOSEN.get().unwrap_or_else(|| Self::built_in())
    }

    /// Makes this the [`Catalogue::current`] one, for the life of the process. The first choice stays.
    pub fn choose(self) {
        // A second choice would change answers half way through.
        let _ = CHOSEN.set(self);
    }

    /// The one in the binary.
    pub fn built_in() -> &'static Self {
        part_of_program(&BUILT_IN)
    }

    /// Reads of the one in the binary what is read before anybody asks for a service.
    ///
    /// # Errors
    /// The line that is not understood, or what is missing.
    pub fn check_built_in() -> Result<(), &'static Unreadable> {
        BUILT_IN.as_ref().map(drop)
    }

    /// The text of the one in the binary, and what SHA-256 made of it when the tests read it to its end: whoever compares
    /// them need not read it all.
    pub fn built_in_text() -> (&'static str, &'static str) {
        (TEXT, TEXT_SHA256)
    }

    /// How many bytes of the binary it takes.
    pub fn built_in_bytes() -> usize {
        TEXT.len()
    }

    /// The day of its data: `2026-09-26`.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// Where its data are from: a package and its version.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How many services and actions there are.
    pub fn size(&self) -> (usize, usize) {
        (self.services.len(), self.services.iter().map(|service| service.actions().len()).sum())
    }

    /// Whether AWS fills a condition key (in lower case) with several values.
    pub fn is_multivalued(&self, key: &str) -> bool {
        let begins = || key.split_once('/').is_some_and(|(start, _)| self.multivalued.contains(&format!("{start}/")));
        self.multivalued.contains(key) || begins()
    }

    /// The global condition keys, as AWS spells them; one that ends in `/` has a name behind it.
    pub fn global_keys(&self) -> &[String] {
        &self.globals
    }

    /// An action by `service:Name`, without regard to case.
    pub fn find(&self, action: &str) -> Option<Action<'_>> {
        let key = action.to_ascii_lowercase();
        let service = self.service(key.split_once(':')?.0)?;
        let actions = service.actions();
        let index = actions.binary_search_by(|entry| (*entry.key).cmp(&key)).ok()?;
        actions.get(index).map(|entry| service.action(entry))
    }

    /// The actions that a statement's `Action` or `NotAction` covers, in the order of the catalogue.
    pub fn covered<'a>(&'a self, actions: &'a Scope) -> Vec<Action<'a>> {
        self.matching(actions).collect()
    }

    /// As [`Catalogue::covered`], one after the other.
    pub fn matching<'a>(&'a self, actions: &'a Scope) -> impl Iterator<Item = Action<'a>> {
        Self::matching_among(self.services.iter(), actions)
    }

    /// As [`Self::matching`], of one service.
    pub fn matching_of<'a>(&'a self, service: &str, actions: &'a Scope) -> impl Iterator<Item = Action<'a>> + use<'a> {
        let own = self.services.iter().find(|known| known.name.eq_ignore_ascii_case(service));
        Self::matching_among(own.into_iter(), actions)
    }

    fn matching_among<'a>(
        services: impl Iterator<Item = &'a Service>,
        actions: &'a Scope,
    ) -> impl Iterator<Item = Action<'a>> {
        let nothing = Request::default();
        services.flat_map(move |service| {
            // Of most services most policies say nothing.
            let near: Vec<&Pattern> =
                actions.patterns.iter().filter(|pattern| may_name(pattern, &service.name)).collect();
            let nothing = nothing.clone();
            let none = near.is_empty() && !actions.negated;
            let entries = if none { &[][..] } else { service.actions() };
            entries
                .iter()
                .filter(move |entry| {
                    near.iter().any(|pattern| pattern.matches(&entry.key, &nothing)) != actions.negated
                })
                .map(|entry| service.action(entry))
        })
    }

    /// What is odd about a pattern of actions that covers none of the catalogue; `None` if it covers some.
    pub fn unknown(&self, pattern: &Pattern) -> Option<Unknown> {
        let scope = Scope { negated: false, patterns: vec![pattern.clone()] };
        if self.matching(&scope).next().is_some() {
            return None;
        }
        let (service, name) = pattern.text.split_once(':').unwrap_or((&pattern.text, ""));
        let lower = service.to_ascii_lowercase();
        let Some(known) = self.service(&lower) else {
            let near = nearest_of_many(&lower, self.services.iter().map(|service| service.name.as_str()));
            return Some(Unknown { service: true, near: near.map(str::to_owned) });
        };
        let names = known.actions().iter().map(|entry| &*entry.name);
        let near = match (pattern.literal(), name.strip_suffix('*')) {
            (Some(_), _) => nearest_of_many(name, names).map(str::to_owned),
            // A beginning is as near as it is to the beginnings of names.
            (None, Some(start)) if !start.contains(['*', '?']) => {
                nearest_of_many(start, names.filter_map(|name| name.get(..start.len() + 1)))
                    .map(|near| format!("{near}*"))
            }
            (None, _) => None,
        };
        Some(Unknown { service: false, near: near.map(|name| format!("{}:{name}", known.name)) })
    }

    /// Whether there is a service of this name, in lower case.
    pub fn has_service(&self, name: &str) -> bool {
        self.service(name).is_some()
    }

    fn service(&self, name: &str) -> Option<&Service> {
        let index = self.services.binary_search_by(|service| service.name.as_str().cmp(name)).ok()?;
        self.services.get(index)
    }
}

/// Why a pattern covers no action of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Whether it is the service that is not known.
    pub service: bool,
    /// What is nearest to it in the catalogue, if anything is near.
    pub near: Option<String>,
}

/// Whether a pattern, in lower case, may match an action of a service.
fn may_name(pattern: &Pattern, service: &str) -> bool {
    match pattern.parts.first() {
        Some(Part::Literal(text)) => match text.split_once(':') {
            Some((named, _)) => named == service,
            None => service.starts_with(text.as_str()),
        },
        _ => true,
    }
}

impl Service {
    /// Its actions. Only those of the text in the program are read as late as this, and if they could not be, whoever asks
    /// is stopped: see [`part_of_program`].
    fn actions(&self) -> &[Entry] {
        let read = || {
            let mut left = ACTIONS_MAX;
            match self.read(&mut left) {
                Ok(actions) => actions,
                Err(bad) => panic!("the actions of {} in this program can't be read: {bad}", self.name),
            }
        };
        self.actions.get_or_init(read)
    }

    /// What its actions can have as resources; `None` if its catalogue does not say.
    fn resources(&self) -> Option<&Resources> {
        let read = || Resources::parse(&self.name, &self.line.as_ref()?.1, self.actions().len()).ok();
        self.resources.get_or_init(read).as_ref()
    }

    fn action<'a>(&'a self, entry: &'a Entry) -> Action<'a> {
        Action { service: &self.name, name: &entry.name, level: entry.level }
    }
}

/// Actions that answer with a secret or a credential, whatever their level. Source: the API references of the
/// services named.
const CREDENTIALS: &[&str] = &[
    "chime:createapikey",
    "codeartifact:getauthorizationtoken",
    "codepipeline:pollforjobs",
    "cognito-identity:getcredentialsforidentity",
    "cognito-identity:getopenidtoken",
    "cognito-identity:getopenidtokenfordeveloperidentity",
    "connect:getfederationtoken",
    "ec2:getpassworddata",
    "ecr-public:getauthorizationtoken",
    "ecr:getauthorizationtoken",
    "eks-auth:assumeroleforpodidentity",
    "gamelift:requestuploadcredentials",
    "iam:createaccesskey",
    "iam:createloginprofile",
    "iam:createservicespecificcredential",
    "iam:resetservicespecificcredential",
    "iam:updateaccesskey",
    "iam:updateloginprofile",
    "lightsail:getbucketaccesskeys",
    "lightsail:getinstanceaccessdetails",
    "lightsail:getrelationaldatabasemasteruserpassword",
    "rds-db:connect",
    "redshift-serverless:getcredentials",
    "redshift:getclustercredentials",
    "redshift:getclustercredentialswithiam",
    "secretsmanager:batchgetsecretvalue",
    "secretsmanager:getsecretvalue",
    "ssm:getparameter",
    "ssm:getparameterhistory",
    "ssm:getparameters",
    "ssm:getparametersbypath",
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:assumeroot",
    "sts:getfederationtoken",
    "sts:getsessiontoken",
];

impl Action<'_> {
    /// Whether its answer holds a secret or a credential.
    pub fn returns_credentials(&self) -> bool {
        let key = format!("{}:{}", self.service, self.name.to_ascii_lowercase());
        CREDENTIALS.binary_search(&key.as_str()).is_ok()
    }
}

impl std::fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessLevel, CREDENTIALS, Catalogue};
    use crate::iam::compare::{Case, scope};

    #[test]
    fn the_built_in_one_is_dated_and_small() {
        let catalogue = Catalogue::built_in();
        let (services, actions) = catalogue.size();
        assert!(services > 440 && actions > 20_000, "{services} {actions}");
        assert!(catalogue.date() >= "2026-01-01" && Catalogue::built_in_bytes() < 400_000);
    }

    #[test]
    fn actions_are_found_in_any_case_with_their_level() {
        let catalogue = Catalogue::built_in();
        for (asked, name, level) in [
            ("s3:getobject", "GetObject", AccessLevel::Read),
            ("S3:PutObject", "PutObject", AccessLevel::Write),
            ("iam:PutUserPolicy", "PutUserPolicy", AccessLevel::PermissionsManagement),
            ("ec2:CreateTags", "CreateTags", AccessLevel::Tagging),
            ("s3:ListBucket", "ListBucket", AccessLevel::List),
            ("sts:AssumeRole", "AssumeRole", AccessLevel::Write),
            ("execute-api:Invoke", "Invoke", AccessLevel::Write),
        ] {
            let found = catalogue.find(asked).expect(asked);
            assert_eq!((found.name, found.level), (name, level));
        }
        for asked in ["s3:GetObjekt", "s4:GetObject", "s3", ":", ""] {
            assert!(catalogue.find(asked).is_none(), "{asked}");
        }
    }

    #[test]
    fn wildcards_expand_against_it() {
        let catalogue = Catalogue::built_in();
        let names = |patterns: &[&str]| -> Vec<String> {
            catalogue.covered(&scope(patterns, Case::Lowered)).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            names(&["s3:GetBucketP*"]),
            ["s3:GetBucketPolicy", "s3:GetBucketPolicyStatus", "s3:GetBucketPublicAccessBlock"]
        );
        assert_eq!(names(&["sts:?etCallerIdentity", "STS:getcalleridentity"]), ["sts:GetCallerIdentity"]);
        assert_eq!(names(&["*"]).len(), catalogue.size().1);
        assert_eq!(names(&["nothing:*"]).len(), 0);
        let mut all_but = scope(&["s3:*"], Case::Lowered);
        all_but.negated = true;
        let covered = catalogue.covered(&all_but);
        assert_eq!(covered.len() + names(&["s3:*"]).len(), catalogue.size().1);
    }

    #[test]
    fn what_is_unknown_has_a_near_miss() {
        let catalogue = Catalogue::built_in();
        let near = |text: &str| catalogue.unknown(&scope(&[text], Case::Lowered).patterns[0]).map(|odd| odd.near);
        assert_eq!(near("s3:GetObjekt"), Some(Some("s3:GetObject".to_owned())));
        assert_eq!(near("dynamodbb:GetItem"), Some(Some("dynamodb".to_owned())));
        assert_eq!(near("s3:Zz*"), Some(None));
        assert_eq!(near("s3:Get*"), None);
    }

    #[test]
    fn keys_with_several_values_are_known() {
        let catalogue = Catalogue::built_in();
        for (key, several) in [
            ("aws:tagkeys", true),
            ("aws:principalorgpaths", true),
            ("aws:principalservicenameslist", true),
            ("dynamodb:attributes", true),
            ("events:metadata/team", true),
            ("aws:sourceip", false),
            ("aws:principaltag/team", false),
            ("s3:prefix", false),
        ] {
            assert_eq!(catalogue.is_multivalued(key), several, "{key}");
        }
        assert!(catalogue.global_keys().iter().any(|key| key == "aws:PrincipalTag/"));
    }

    #[test]
    fn credentials_are_sorted_and_known() {
        assert!(CREDENTIALS.is_sorted());
        let unknown: Vec<_> =
            CREDENTIALS.iter().filter(|action| Catalogue::built_in().find(action).is_none()).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn a_catalogue_that_can_not_be_read_is_no_empty_one() {
        for text in ["", "date 2026-01-01", "date 2026-01-01\nsize 0 0\nglobals a\nmultivalued b"] {
            assert!(
                std::panic::catch_unwind(|| super::part_of_program(&Catalogue::parse_lazily(text)).size()).is_err(),
                "{text}"
            );
        }
        // What is about one service is read when it is asked for: then is the time.
        let broken = "date 2026-01-01\nsize 1 1\nglobals a\nmultivalued b\nverbs Get:R\ns3 ABucket:B\n";
        let catalogue = Catalogue::parse_lazily(broken).expect("its lines are whole");
        assert!(std::panic::catch_unwind(|| catalogue.find("s3:GetBucket")).is_err());
    }
}
