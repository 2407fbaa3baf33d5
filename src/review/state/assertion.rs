//! `test` blocks: what must hold of an app, proved or refuted.
//!
//! `allow` is one request, judged by the evaluator. `deny`, `never` and `at_most` are about every request, so
//! they are searches for one that breaks them: what passes is proved. What can't be told fails.

mod junit;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{App, Role, Side, Unknown};
use crate::acl::{self, Acl};
use crate::estate::{Assertion, Estate, Test};
use crate::iam::compare::{Proof, compare, reach};
use crate::iam::evaluate::Decision;
use crate::iam::policy::{Effect, Policy, PolicySet, Statement};
use crate::iam::reading::Reading;
use crate::iam::request::Request;
use crate::object::Place;
use crate::review::{describe, words};

/// What tokens may always do: look after themselves, and after what they were given.
const SELF_CARE: &[&str] = &[
    "auth/token/lookup-self",
    "auth/token/renew-self",
    "auth/token/revoke-self",
    "sys/leases/renew",
    "sys/leases/lookup",
    "sys/renew",
    "sys/capabilities-self",
    "cubbyhole/*",
];

/// The tests of one environment, run.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// The environment.
    pub environment: String,
    /// Each test, in the order of the files.
    pub tests: Vec<Outcome>,
    /// How much of what is allowed the tests are about; `None` where only some of them ran.
    pub coverage: Option<Coverage>,
}

/// Which statements the `allow` assertions exercise: those that match a request which is allowed, as one of
/// them says. A statement for which there is none may be broader than anybody needs.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// How many statements allow something, each counted once, however many roles have it.
    pub statements: usize,
    /// Those that no assertion exercises, as role, name and place.
    pub uncovered: Vec<(String, Option<String>, Place)>,
}

/// A statement by its place and its index in its document: in a document on one line all places are the same.
type Key = (Place, usize);

/// One test, run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    /// Each assertion.
    pub assertions: Vec<Asserted>,
}

/// One assertion, judged.
#[derive(Clone, Debug)]
pub struct Asserted {
    /// What it says: `deny s3:PutObject on arn:aws:s3:::raw/*`.
    pub what: String,
    /// Where it stands.
    pub place: Place,
    /// Why it does not hold, in lines; `None` if it does.
    pub failure: Option<Vec<String>>,
}

impl Outcome {
    /// Whether all of it holds.
    pub fn passed(&self) -> bool {
        self.assertions.iter().all(|asserted| asserted.failure.is_none())
    }
}

impl Outcomes {
    /// Runs the tests of an estate whose names hold `filter`.
    pub fn of(estate: &Estate, filter: &str) -> Self {
        let side = Side::of_estate(estate);
        let mut exercised = BTreeSet::new();
        let chosen = estate.tests.iter().filter(|test| test.name.contains(filter));
        let tests: Vec<Outcome> = chosen.map(|test| Run::new(&side, test).outcome(test, &mut exercised)).collect();
        let coverage = filter.is_empty().then(|| Coverage::of(&side, &exercised));
        Self { environment: estate.environment.name.clone(), tests, coverage }
    }

    /// How many tests passed, and how many did not.
    pub fn counts(&self) -> (usize, usize) {
        let passed = self.tests.iter().filter(|test| test.passed()).count();
        (passed, self.tests.len() - passed)
    }
}

impl Coverage {
    fn of(side: &Side<'_>, exercised: &BTreeSet<Key>) -> Self {
        let mut seen = BTreeSet::new();
        let mut uncovered = Vec::new();
        for role in side.roles() {
            for (key, statement) in allows(&side.role_access(role)) {
                if !exercised.contains(&key) && !seen.contains(&key) {
                    uncovered.push((role.label(), statement.sid.clone(), statement.span.clone()));
                }
                seen.insert(key);
            }
        }
        Self { statements: seen.len(), uncovered }
    }

    /// How many statements some assertion exercises.
    pub fn exercised(&self) -> usize {
        self.statements - self.uncovered.len()
    }
}

fn allows(set: &PolicySet<Place>) -> impl Iterator<Item = (Key, &Statement<Place>)> {
    let statements = set.identity.iter().flat_map(|policy| policy.statements.iter().enumerate());
    statements.filter(|(_, one)| one.effect == Effect::Allow).map(|(index, one)| ((one.span.clone(), index), one))
}

/// What one test is about.
struct Run<'s, 'a> {
    side: &'s Side<'a>,
    app: Option<App<'s, 'a>>,
    roles: Vec<&'s Role<'a>>,
    access: Vec<PolicySet<Place>>,
}

impl<'s, 'a> Run<'s, 'a> {
    fn new(side: &'s Side<'a>, test: &Test) -> Self {
        let app = side.app(&test.app);
        let roles: Vec<&Role<'a>> = app.iter().flat_map(App::roles).map(|(role, _)| role).collect();
        let access = roles.iter().map(|role| side.role_access(role)).collect();
        Self { side, app, roles, access }
    }

    fn outcome(&self, test: &Test, exercised: &mut BTreeSet<Key>) -> Outcome {
        let judged = test.assertions.iter().map(|(assertion, place)| {
            let (what, failure) = match assertion {
                Assertion::Allow(request) => {
                    (format!("allow {}", self::request(request)), self.allow(request, exercised))
                }
                Assertion::Never(region) => (named(region), self.never(region)),
                Assertion::AtMost(policy) => (format!("at_most {}", policy.span.file), self.at_most(policy)),
                Assertion::Acl { path, capabilities } => {
                    (format!("acl {path}: {}", can(capabilities)), self.acl(path, capabilities))
                }
                Assertion::AclOnly(paths) => (format!("acl_only {}", words::listed(paths)), self.acl_only(paths)),
            };
            Asserted { what, place: place.clone(), failure }
        });
        Outcome { name: test.name.clone(), place: test.place.clone(), assertions: judged.collect() }
    }

    /// What is not known and may allow more: of the app's roles, and of the policies of its tokens, which may let
    /// it read others.
    fn unknown(&self) -> Vec<String> {
        let all = self.roles.iter().flat_map(|role| self.side.unknown(role).iter().map(move |one| (role, one)));
        let roles = all.filter(|(_, unknown)| !unknown.only_limits()).map(|(role, unknown)| not_known(role, unknown));
        let policies = self.undeclared().into_iter();
        let policies = policies.map(|name| format!("the policy {name} of its tokens is not declared"));
        roles.chain(policies).chain(self.unsettled()).collect()
    }

    /// Users as whom its tokens may act, or may not.
    fn unsettled(&self) -> impl Iterator<Item = String> {
        let methods = self.app.iter().flat_map(App::unsettled);
        methods.map(|method| format!("users have names at {method}, and which one its login has only the engine knows"))
    }

    fn undeclared(&self) -> Vec<String> {
        self.app.iter().flat_map(App::undeclared_policies).collect()
    }

    /// Why nothing can be proved, if it can't.
    fn unproved(&self) -> Option<Vec<String>> {
        let unknown = self.unknown();
        if unknown.is_empty() {
            return None;
        }
        let arns = self.roles.iter().flat_map(|role| self.side.unknown(role));
        let declared = arns.into_iter().find_map(|unknown| match unknown {
            Unknown::ManagedPolicy(arn) => Some(("managed_policy", arn.clone())),
            Unknown::AssumedRole(arn) => Some(("iam_role", arn.clone())),
            Unknown::Signer(who) if who.starts_with("arn:") => Some(("iam_user", who.clone())),
            Unknown::User(name) => Some(("iam_user", format!("arn:aws:iam::ACCOUNT:user/{name}"))),
            _ => None,
        });
        let hint = declared.map(|(word, arn)| {
            format!("declare what it allows: {word} \"NAME\" {{ arn = \"{arn}\", policy_document = ... }}")
        });
        let head = "it can't be proved:".to_owned();
        Some(std::iter::once(head).chain(unknown).chain(hint).collect())
    }

    fn allow(&self, request: &Request, exercised: &mut BTreeSet<Key>) -> Option<Vec<String>> {
        let mut reasons = Vec::new();
        let mut unsure = Vec::new();
        let mut allowed = false;
        for (role, set) in self.roles.iter().zip(&self.access) {
            let verdict = set.evaluate(request, Reading::CROSSING);
            let everywhere = set.allows(request, Reading::SEGMENTED);
            let limits = self.side.unknown(role).iter().filter(|unknown| limits(unknown));
            let limits: Vec<String> = limits.map(|unknown| not_known(role, unknown)).collect();
            match verdict.decision {
                Decision::Allowed if !everywhere => reasons.push(format!(
                    "{}: it depends on whether a `*` inside a segment of an ARN matches a colon, which AWS does not say",
                    role.label()
                )),
                Decision::Allowed if !limits.is_empty() => unsure.extend(limits),
                Decision::Allowed => {
                    allowed = true;
                    let by = |one: &Statement<Place>| verdict.by.iter().any(|by| std::ptr::eq(*by, one));
                    exercised.extend(allows(set).filter(|(_, one)| by(one)).map(|(key, _)| key));
                }
                Decision::ExplicitlyDenied => reasons
                    .extend(verdict.by.iter().map(|one| format!("{}: denied by {}", role.label(), statement(one)))),
                Decision::ImplicitlyDenied => reasons.push(match verdict.by.first() {
                    Some(one) => {
                        let narrow = if self.is_narrowed(set, request) { "session policy" } else { "permissions boundary" };
                        format!("{}: {} allows it, and the {narrow} does not", role.label(), statement(one))
                    }
                    None => format!("{}: no statement allows it", role.label()),
                }),
            }
        }
        match (allowed, unsure.is_empty()) {
            (true, _) => None,
            (false, false) => Some([vec!["it can't be proved:".to_owned()], unsure, reasons].concat()),
            (false, true) if self.roles.is_empty() => Some(vec!["the app has no role".to_owned()]),
            (false, true) => Some([vec!["it is not allowed:".to_owned()], reasons, self.unknown()].concat()),
        }
    }

    /// Whether the session policies keep out what everything else allows.
    fn is_narrowed(&self, set: &PolicySet<Place>, request: &Request) -> bool {
        let wide = PolicySet { session: None, ..set.clone() };
        set.session.is_some() && wide.allows(request, Reading::CROSSING)
    }

    fn never(&self, region: &Statement<()>) -> Option<Vec<String>> {
        match reach(&self.access, region, &[]) {
            Some(proof) => Some(self.refuted(&proof)),
            None => self.unproved(),
        }
    }

    fn at_most(&self, ceiling: &Arc<Policy<Place>>) -> Option<Vec<String>> {
        let ceiling = [PolicySet::identity(vec![Arc::clone(ceiling)])];
        let comparison = compare(&ceiling, &self.access);
        let shown = comparison.gains.iter().find(|gain| matches!(gain.proof, Proof::Witness(_)));
        match shown.or(comparison.gains.first()) {
            Some(gain) => Some(self.refuted(&gain.proof)),
            None => self.unproved(),
        }
    }

    /// Why an assertion about every request does not hold.
    fn refuted(&self, proof: &Proof) -> Vec<String> {
        let request = match proof {
            Proof::Witness(request) => request,
            Proof::CannotTell(why) => return vec![format!("it can't be proved: {why}")],
        };
        let mut lines = vec![format!("allowed, for example {}", self::request(request))];
        let readings = [Reading::CROSSING, Reading::SEGMENTED];
        let by = self.roles.iter().zip(&self.access).find_map(|(role, set)| {
            let reading = readings.into_iter().find(|reading| set.allows(request, *reading))?;
            let verdict = set.evaluate(request, reading);
            verdict.by.first().map(|one| format!("by {} of the role {}", statement(one), role.label()))
        });
        lines.extend(by);
        let limits = self.roles.iter().flat_map(|role| {
            let unknown = self.side.unknown(role).iter().filter(|unknown| limits(unknown));
            unknown.map(|unknown| not_known(role, unknown))
        });
        lines.extend(limits);
        lines
    }

    /// The rules of the app's tokens.
    fn rules(&self) -> Result<Acl, Vec<String>> {
        if let Some(name) = self.undeclared().first() {
            return Err(vec![format!("it can't be proved: the policy {name} of its tokens is not declared")]);
        }
        if let Some(why) = self.unsettled().next() {
            return Err(vec![format!("it can't be proved: {why}")]);
        }
        let names = self.app.iter().flat_map(App::policies);
        let texts: Vec<(String, String)> =
            names.filter_map(|name| Some((name.clone(), self.side.acl_policy(&name)?.into_owned()))).collect();
        Acl::of_texts(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))
            .map_err(|(name, error)| vec![format!("it can't be proved: the policy {name} does not parse: {error}")])
    }

    fn acl(&self, path: &str, capabilities: &[String]) -> Option<Vec<String>> {
        let acl = match self.rules() {
            Ok(acl) => acl,
            Err(why) => return Some(why),
        };
        let mut has: Vec<String> = acl::compare::permits(&acl, path).iter().map(|one| one.name().to_owned()).collect();
        has.sort_unstable();
        (has != capabilities).then(|| vec![format!("the app's tokens have there: {}", can(&has))])
    }

    fn acl_only(&self, paths: &[String]) -> Option<Vec<String>> {
        let acl = match self.rules() {
            Ok(acl) => acl,
            Err(why) => return Some(why),
        };
        let inside: Vec<String> = paths.iter().cloned().chain(SELF_CARE.iter().map(|one| (*one).to_owned())).collect();
        let outside = acl::compare::only(&acl, &inside)?;
        let capabilities: Vec<String> = outside.capabilities.iter().map(|one| one.name().to_owned()).collect();
        let sure = if outside.certain { "the app's tokens have" } else { "the app's tokens may have" };
        Some(vec![format!("{sure} {} on {}", can(&capabilities), outside.path)])
    }
}

/// Whether what is not known may take away what the rest allows.
fn limits(unknown: &Unknown) -> bool {
    unknown.only_limits() || matches!(unknown, Unknown::CredentialType(_))
}

fn not_known(role: &Role<'_>, unknown: &Unknown) -> String {
    format!("{unknown} of the role {} is not known", role.label())
}

fn can(capabilities: &[String]) -> String {
    if capabilities.is_empty() { "nothing".to_owned() } else { capabilities.join(", ") }
}

/// A request in words: `s3:GetObject on arn:aws:s3:::a/b with aws:x = y`.
pub fn request(request: &Request) -> String {
    let mut text = format!("{} on {}", request.action, request.resource);
    for (index, (key, values)) in request.context.iter().enumerate() {
        let word = if index == 0 { "with" } else { "and" };
        text.push_str(&format!(" {word} {key} = {}", values.join(", ")));
    }
    text
}

/// A statement by name and place.
pub(in crate::review) fn statement(statement: &Statement<Place>) -> String {
    match &statement.sid {
        Some(sid) => format!("statement \"{sid}\" ({})", statement.span),
        None => format!("the statement at {}", statement.span),
    }
}

fn named(region: &Statement<()>) -> String {
    let word = region.sid.as_deref().unwrap_or("never");
    let access = describe::access(region, &region.actions, &region.resources);
    let mut text = format!("{word} {}", access.sentence());
    if !access.conditions.is_empty() {
        text.push_str(&format!(" where {}", access.conditions.join(", and ")));
    }
    text
}
