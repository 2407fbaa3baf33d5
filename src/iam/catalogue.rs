//! The actions of all AWS services, with their access levels: dated, embedded, replaceable by a file.
//!
//! `policies/catalogue/make.py` makes the text, from data under the MIT licence, and says how it is written. AWS
//! adds actions every week, so an action that is not here is worth a warning and never an error.

use std::collections::HashSet;
use std::sync::{LazyLock, OnceLock};

use super::pattern::{Part, Pattern};
use super::policy::Scope;
use super::request::Request;

/// What AWS says an action does. Access level is not a risk rating: `secretsmanager:GetSecretValue` is a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
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

/// One action of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action<'a> {
    /// `s3`.
    pub service: &'a str,
    /// `GetObject`, as AWS spells it.
    pub name: &'a str,
    /// Its level.
    pub level: Level,
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

#[derive(Debug)]
struct Service {
    name: String,
    actions: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// `s3:getobject`: what patterns are matched with, and what the entries of a service are sorted by.
    key: Box<str>,
    name: Box<str>,
    level: Level,
}

const CODES: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Actions of a catalogue: some ten times today's.
const ACTIONS_MAX: usize = 300_000;

/// Bytes of a service's name, and of an action's: some twice today's. An entry of two bytes can repeat a name, so
/// that without this a small file could ask for all memory.
const NAME_MAX: usize = 128;

static TEXT: &str = include_str!("../../policies/catalogue/actions.txt");

// The text is part of the program and a test reads it; without it, there would be no actions to know.
static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::parse(TEXT).unwrap_or_else(|_| Catalogue {
        date: String::new(),
        source: String::new(),
        services: Vec::new(),
        globals: Vec::new(),
        multivalued: HashSet::new(),
    })
});

static CHOSEN: OnceLock<Catalogue> = OnceLock::new();

impl Catalogue {
    /// Bytes of a catalogue's file: some twenty times today's.
    pub const BYTES_MAX: usize = 4 << 20;

    /// The one that was chosen, else the one in the binary.
    pub fn current() -> &'static Self {
        CHOSEN.get().unwrap_or(&BUILT_IN)
    }

    /// Makes this the [`Catalogue::current`] one, for the life of the process. The first choice stays.
    pub fn choose(self) {
        // A second choice would change answers half way through.
        let _ = CHOSEN.set(self);
    }

    /// The one in the binary.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// How many bytes of the binary it takes.
    pub fn built_in_bytes() -> usize {
        TEXT.len()
    }

    /// Reads a catalogue from the text of a file.
    ///
    /// # Errors
    /// The line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > Self::BYTES_MAX {
            return Err(format!("the catalogue has more than {} MiB", Self::BYTES_MAX >> 20));
        }
        let mut catalogue = Self {
            date: String::new(),
            source: String::new(),
            services: Vec::new(),
            globals: Vec::new(),
            multivalued: HashSet::new(),
        };
        let mut verbs = Vec::new();
        let mut left = ACTIONS_MAX;
        for (index, line) in text.lines().enumerate() {
            let failed = |why: String| format!("line {}: {why}", index + 1);
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "" | "#" => {}
                "date" => catalogue.date = rest.to_owned(),
                "source" => catalogue.source = rest.to_owned(),
                "globals" => {
                    for key in rest.split(' ') {
                        let name = key.trim_end_matches('+');
                        catalogue.globals.push(name.to_owned());
                        if name != key {
                            catalogue.multivalued.insert(name.to_ascii_lowercase());
                        }
                    }
                }
                "multivalued" => catalogue.multivalued.extend(rest.split(' ').map(str::to_ascii_lowercase)),
                "verbs" => verbs = self::verbs(rest).map_err(failed)?,
                _ => {
                    let service = Service::parse(word, rest, &verbs, &mut left).map_err(failed)?;
                    catalogue.services.push(service);
                }
            }
        }
        if !is_date(&catalogue.date) {
            return Err("there is no line `date YYYY-MM-DD`".to_owned());
        }
        catalogue.services.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(pair) = catalogue.services.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(format!("the service {} stands twice", pair[0].name));
        }
        Ok(catalogue)
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
        (self.services.len(), self.services.iter().map(|service| service.actions.len()).sum())
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
        let index = service.actions.binary_search_by(|entry| (*entry.key).cmp(&key)).ok()?;
        Some(service.action(&service.actions[index]))
    }

    /// The actions that a statement's `Action` or `NotAction` covers, in the order of the catalogue.
    pub fn covered<'a>(&'a self, actions: &'a Scope) -> Vec<Action<'a>> {
        self.matching(actions).collect()
    }

    /// As [`Catalogue::covered`], one after the other.
    pub fn matching<'a>(&'a self, actions: &'a Scope) -> impl Iterator<Item = Action<'a>> {
        let nothing = Request::default();
        self.services.iter().flat_map(move |service| {
            // Of most services most policies say nothing.
            let near: Vec<&Pattern> =
                actions.patterns.iter().filter(|pattern| may_name(pattern, &service.name)).collect();
            let nothing = nothing.clone();
            let none = near.is_empty() && !actions.negated;
            let entries = if none { &[][..] } else { service.actions.as_slice() };
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
            let near = nearest(&lower, self.services.iter().map(|service| service.name.as_str()));
            return Some(Unknown { service: true, near: near.map(str::to_owned) });
        };
        let near = match pattern.literal() {
            Some(_) => nearest(name, known.actions.iter().map(|entry| &*entry.name)),
            None => None,
        };
        Some(Unknown { service: false, near: near.map(|name| format!("{}:{name}", known.name)) })
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

fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let found = found.to_ascii_lowercase();
    let scored = known.map(|name| (strsim::jaro_winkler(&found, &name.to_ascii_lowercase()), name));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > 0.85).map(|(_, name)| name)
}

impl Service {
    fn parse(name: &str, entries: &str, verbs: &[(String, Level)], left: &mut usize) -> Result<Self, String> {
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return Err(format!("`{name}` is not a service"));
        }
        if name.len() > NAME_MAX {
            return Err(format!("a service has a name of more than {NAME_MAX} bytes"));
        }
        let mut actions = Vec::new();
        let mut noun = String::new();
        for entry in entries.split(' ').filter(|entry| !entry.is_empty()) {
            let failed = || format!("`{entry}` is not an entry");
            let (spelt, held) = entry.split_once(':').ok_or_else(failed)?;
            let shared = spelt.chars().next().and_then(|code| CODES.find(code)).ok_or_else(failed)?;
            let kept = noun.get(..shared).ok_or_else(failed)?;
            noun = format!("{kept}{}", spelt.get(1..).unwrap_or_default());
            if !noun.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
                return Err(failed());
            }
            let mut held = held.chars().peekable();
            while let Some(code) = held.next() {
                let sign = held.peek().copied().and_then(level_of_sign);
                if sign.is_some() {
                    held.next();
                }
                let (verb, level) = match (code, sign) {
                    ('-', Some(level)) => ("", level),
                    (code, sign) => {
                        let known = CODES.find(code).and_then(|index| verbs.get(index)).ok_or_else(failed)?;
                        (known.0.as_str(), sign.unwrap_or(known.1))
                    }
                };
                if verb.len() + noun.len() > NAME_MAX {
                    return Err(format!("an action has a name of more than {NAME_MAX} bytes"));
                }
                *left = left.checked_sub(1).ok_or_else(|| format!("more than {ACTIONS_MAX} actions"))?;
                let action = [verb, noun.as_str()].concat();
                let mut key = [name, ":", action.as_str()].concat();
                key.make_ascii_lowercase();
                actions.push(Entry { key: key.into_boxed_str(), name: action.into_boxed_str(), level });
            }
        }
        actions.sort_by(|a, b| a.key.cmp(&b.key));
        actions.dedup_by(|a, b| a.key == b.key);
        Ok(Self { name: name.to_owned(), actions })
    }

    fn action<'a>(&'a self, entry: &'a Entry) -> Action<'a> {
        Action { service: &self.name, name: &entry.name, level: entry.level }
    }
}

fn verbs(text: &str) -> Result<Vec<(String, Level)>, String> {
    let verb = |text: &str| {
        let (verb, level) = text.split_once(':')?;
        let level = match level {
            "R" => Level::Read,
            "W" => Level::Write,
            "L" => Level::List,
            "T" => Level::Tagging,
            "P" => Level::PermissionsManagement,
            _ => return None,
        };
        verb.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| (verb.to_owned(), level))
    };
    text.split(' ').map(|text| verb(text).ok_or_else(|| format!("`{text}` is not a verb with its level"))).collect()
}

fn level_of_sign(sign: char) -> Option<Level> {
    Some(match sign {
        '=' => Level::Read,
        '!' => Level::Write,
        '/' => Level::List,
        '%' => Level::Tagging,
        '^' => Level::PermissionsManagement,
        _ => return None,
    })
}

fn is_date(text: &str) -> bool {
    let shape = |(index, byte): (usize, u8)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(shape)
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
    use super::{CREDENTIALS, Catalogue, Level};
    use crate::iam::compare::{Case, scope};

    #[test]
    fn the_built_in_one_is_dated_and_small() {
        let catalogue = Catalogue::built_in();
        let (services, actions) = catalogue.size();
        assert!(services > 440 && actions > 20_000, "{services} {actions}");
        assert!(catalogue.date() >= "2026-01-01" && Catalogue::built_in_bytes() < 300_000);
    }

    #[test]
    fn actions_are_found_in_any_case_with_their_level() {
        let catalogue = Catalogue::built_in();
        for (asked, name, level) in [
            ("s3:getobject", "GetObject", Level::Read),
            ("S3:PutObject", "PutObject", Level::Write),
            ("iam:PutUserPolicy", "PutUserPolicy", Level::PermissionsManagement),
            ("ec2:CreateTags", "CreateTags", Level::Tagging),
            ("s3:ListBucket", "ListBucket", Level::List),
            ("sts:AssumeRole", "AssumeRole", Level::Write),
            ("execute-api:Invoke", "Invoke", Level::Write),
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
    fn a_file_that_is_no_catalogue_is_told_by_its_line() {
        for (text, why) in [
            ("", "there is no line `date YYYY-MM-DD`"),
            ("date 2026-01-01\nverbs Get:X\n", "line 2: `Get:X` is not a verb with its level"),
            ("date 2026-01-01\nverbs Get:R\nS3 ABucket:A\n", "line 3: `S3` is not a service"),
            ("date 2026-01-01\nverbs Get:R\ns3 ABucket:B\n", "line 3: `ABucket:B` is not an entry"),
            ("date 2026-01-01\nverbs Get:R\ns3 CBucket:A\n", "line 3: `CBucket:A` is not an entry"),
            ("date 2026-01-01\nverbs Get:R\ns3 A\u{e9}:A\n", "line 3: `A\u{e9}:A` is not an entry"),
            ("date 2026-01-01\ns3\ns3\n", "the service s3 stands twice"),
        ] {
            assert_eq!(Catalogue::parse(text).map(|catalogue| catalogue.size()), Err(why.to_owned()));
        }
        let small = Catalogue::parse("date 2026-01-01\nverbs Get:R\ns3 ABucket:A GPolicy:A!-^\n").expect("a catalogue");
        assert_eq!(small.size(), (1, 3));
        assert_eq!(small.find("s3:GetBucketPolicy").map(|action| action.level), Some(Level::Write));
    }

    #[test]
    fn a_small_file_asks_for_little_memory() {
        let long = "n".repeat(129);
        let many = "A".repeat(200_000);
        for (line, why) in [
            (format!("x A{long}:A"), "line 3: an action has a name of more than 128 bytes"),
            (format!("x A{}:{many}", "n".repeat(2_000_000)), "line 3: an action has a name of more than 128 bytes"),
            (format!("{long} ABucket:A"), "line 3: a service has a name of more than 128 bytes"),
        ] {
            let read = Catalogue::parse(&format!("date 2026-01-01\nverbs Get:R\n{line}\n"));
            assert_eq!(read.map(|catalogue| catalogue.size()), Err(why.to_owned()));
        }
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
}
