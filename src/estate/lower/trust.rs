//! Whether the engine may assume the roles that its own roles name, by the trust policies that are declared of them.
//!
//! Each question is put to the trust policy as a search for a request: who asks, with which external id and tags, is
//! fixed as far as the estate says it, and all else (addresses, second factors) is free. So what is told to be refused is
//! refused whatever the request is. And whether a user whose keys an engine makes anew is not the one that it signs as.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::assert::requests_with;
use super::{Lowering, iam_role::texts};
use crate::estate::declared::IamPrincipal;
use crate::estate::problem::Draft;
use crate::estate::schema::Block;
use crate::estate::value;
use crate::iam::arn::Arn;
use crate::iam::compare::{Case, reach, scope};
use crate::iam::pattern::{Pattern, Syntax};
use crate::iam::policy::{Condition, Effect, Operator, PolicySet, Statement, Test};
use crate::iam::trust::{self, PRINCIPAL};
use crate::object::{Object, Place, RolePath, roles};

/// What AWS is asked when a session is made.
struct Asked<'a> {
    principal: Option<&'a str>,
    /// Empty where none is given.
    external_id: String,
    tags: BTreeMap<String, String>,
}

/// What of it is fixed in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fixed {
    Principal,
    ExternalId,
    Tags,
    /// What no request of an engine has.
    Without,
}

const ALL: [Fixed; 4] = [Fixed::Principal, Fixed::ExternalId, Fixed::Tags, Fixed::Without];

impl Lowering<'_> {
    /// `principal_arn` of an AWS engine: the IAM user or role that it signs as.
    pub(super) fn principal(&mut self, block: &Block<'_>) {
        let Some((arn, span)) = self.reader.text(block, "principal_arn") else { return };
        match value::principal_arn(arn, span) {
            Ok(()) => drop(self.principals.insert(block.label.to_owned(), arn.to_owned())),
            Err(draft) => self.reader.report(draft),
        }
    }

    /// Sessions that AWS would refuse because of a declared trust policy. After all roles are known.
    pub(super) fn check_trust(&mut self) {
        let mut drafts = Vec::new();
        for object in &self.objects {
            let Some(access) = roles().find(|kind| *kind == object.kind).and_then(|kind| kind.access_fields()) else {
                continue;
            };
            let (fields, arns) = (&access.sessions, texts(&object.value(access.sessions.roles)));
            let mount = RolePath::of(object.kind, &object.path).map(|at| at.mount).unwrap_or_default();
            let asked = Asked {
                principal: self.principals.get(mount).map(String::as_str),
                external_id: object.value(fields.external_id).as_str().unwrap_or_default().to_owned(),
                tags: tags(object, fields.tags),
            };
            for known in self.iam_roles.iter().filter(|known| arns.contains(&known.arn)) {
                let span = |field: &'static str| self.term_spans.get(&(object.path.clone(), field)).copied();
                let Some(written) = span(fields.roles) else { continue };
                if asked.principal.is_none() && known.trust.is_some() {
                    let what = format!(
                        "whether the engine may assume {} can't be told: who it is to AWS is not known",
                        known.arn
                    );
                    let hint =
                        format!("say it: aws \"{mount}\" {{ principal_arn = \"arn:aws:iam::ACCOUNT:user/NAME\" }}");
                    drafts.push(Draft::warning(written, what).hint(hint));
                }
                drafts.extend(asked.refused(known).map(|(why, what, hint)| {
                    let field = match why {
                        Fixed::Principal | Fixed::Without => fields.roles,
                        Fixed::ExternalId => fields.external_id,
                        Fixed::Tags => fields.tags,
                    };
                    Draft::error(span(field).unwrap_or(written), what).hint(hint)
                }));
            }
        }
        drafts.into_iter().for_each(|draft| self.reader.report(draft));
    }
}

impl Lowering<'_> {
    /// Static roles of the engine's own user: it would delete the key that it signs with. After all roles are known.
    pub(super) fn check_own_users(&mut self) {
        let mut drafts = Vec::new();
        for object in &self.objects {
            let Some(access) = roles().find(|kind| *kind == object.kind).and_then(|kind| kind.access_fields()) else {
                continue;
            };
            let user = access.standing.user;
            let mount = RolePath::of(object.kind, &object.path).map(|at| at.mount).unwrap_or_default();
            let own = self.principals.get(mount).filter(|arn| is_user(arn)).and_then(|arn| arn.rsplit('/').next());
            let (Some(own), Some(span)) = (own, self.term_spans.get(&(object.path.clone(), user))) else { continue };
            // IAM has one user of a name in an account, whatever its path and its letters' case.
            if object.value(user).as_str().is_some_and(|name| name.eq_ignore_ascii_case(own)) {
                let what = format!("{own} is the user that {mount} signs as: its keys are not for a static role");
                let hint = "its own key is made anew by `leasehold write -force MOUNT/config/rotate-root`";
                drafts.push(Draft::error(*span, what).hint(hint));
            }
        }
        drafts.into_iter().for_each(|draft| self.reader.report(draft));
    }
}

impl Asked<'_> {
    /// What a role's trust policy refuses for certain, by which of what is asked, and what helps.
    fn refused(&self, role: &IamPrincipal) -> Option<(Fixed, String, String)> {
        let set = PolicySet::identity(vec![Arc::clone(role.trust.as_ref()?)]);
        let may = |action: &str, fixed: &[Fixed]| {
            let asked = Statement {
                sid: None,
                effect: Effect::Allow,
                actions: scope(&[action], Case::Lowered),
                resources: scope(&[&role.arn], Case::Kept),
                conditions: self.conditions(&set, fixed),
                span: (),
            };
            reach(std::slice::from_ref(&set), &asked, &[]).is_some()
        };
        let arn = &role.arn;
        if !may(ASSUME, &ALL) {
            // What lets it through once it is not asked for is what it fails by.
            let by = ALL.into_iter().find(|left| {
                let others: Vec<Fixed> = ALL.into_iter().filter(|one| one != left).collect();
                may(ASSUME, &others)
            });
            let (what, hint) = match (by, self.principal) {
                (Some(Fixed::ExternalId), _) if self.external_id.is_empty() => (
                    format!("{arn} asks for an external id, and none is set"),
                    "set external_id to what its trust policy has as sts:ExternalId",
                ),
                (Some(Fixed::ExternalId), _) => (
                    format!("{arn} asks for another external id"),
                    "set external_id to what its trust policy has as sts:ExternalId",
                ),
                (Some(Fixed::Without), _) => (
                    format!("{arn} asks for what no request of an engine has: a second factor or a source identity"),
                    "have its trust policy allow sts:AssumeRole without aws:MultiFactorAuthPresent and sts:SourceIdentity",
                ),
                (Some(Fixed::Tags), _) => {
                    (format!("{arn} asks for other session tags"), "set session_tags as its trust policy asks for them")
                }
                (_, Some(principal)) => (
                    format!("{arn} does not trust the engine, {principal}"),
                    "have its trust policy allow sts:AssumeRole to it",
                ),
                (_, None) => (format!("{arn} can't be assumed"), "have its trust policy allow sts:AssumeRole"),
            };
            return Some((by.unwrap_or(Fixed::Principal), what, hint.to_owned()));
        }
        if !self.tags.is_empty() && !may(TAG, &ALL) {
            let what = format!("{arn} does not let its sessions be tagged");
            let hint = "have its trust policy allow sts:TagSession too, or leave session_tags out";
            return Some((Fixed::Tags, what, hint.to_owned()));
        }
        None
    }

    /// What is known of the request, as conditions.
    fn conditions(&self, trust: &PolicySet<Place>, fixed: &[Fixed]) -> Vec<Condition> {
        let mut conditions = Vec::new();
        if let Some(arn) = self.principal.filter(|_| fixed.contains(&Fixed::Principal)) {
            conditions.push(condition(Test::StringLike, PRINCIPAL, trust::caller(arn)));
            // A session has some name, and none that is as the rest of an ARN: names have no colons.
            conditions.push(condition(Test::StringNotLike, PRINCIPAL, trust::beyond_names()));
            conditions.push(is("aws:principalarn", arn));
            conditions.extend(Arn::account_of(arn).map(|account| is("aws:principalaccount", account)));
            if !is_user(arn) {
                // Source: IAM User Guide, "AWS global condition context keys": sessions of roles have none.
                conditions.push(given("aws:username", ""));
            } else if !arn.ends_with(":root")
                && let Some(name) = arn.rsplit('/').next()
            {
                conditions.push(is("aws:username", name));
            }
            conditions.push(is("aws:principaltype", if is_user(arn) { "User" } else { "AssumedRole" }));
        }
        if fixed.contains(&Fixed::Without) {
            conditions.push(given("sts:sourceidentity", ""));
            // It asks over TLS, by itself, and is no service of AWS.
            for (key, value) in [
                ("aws:securetransport", "true"),
                ("aws:viaawsservice", "false"),
                ("aws:principalisawsservice", "false"),
            ] {
                conditions.push(condition(Test::Bool, key, plain(value)));
            }
            // The key of a user has none of the two; the session of a role may have been opened with a second factor.
            // Source: IAM User Guide, "AWS global condition context keys".
            if self.principal.is_some_and(is_user) {
                conditions.push(given("aws:multifactorauthpresent", ""));
                conditions.push(given("aws:multifactorauthage", ""));
                conditions.push(given("aws:tokenissuetime", ""));
            }
        }
        if fixed.contains(&Fixed::Tags) {
            let keys: Vec<String> = self.tags.keys().cloned().collect();
            let none = || vec![given(TAG_KEYS, "")];
            conditions.extend(if keys.is_empty() { none() } else { requests_with(TAG_KEYS, &keys) });
        }
        if fixed.contains(&Fixed::ExternalId) {
            conditions.push(given("sts:externalid", &self.external_id));
        }
        if fixed.contains(&Fixed::Tags) {
            let statements = trust.identity.iter().flat_map(|policy| &policy.statements);
            let keys = statements.flat_map(|statement| &statement.conditions).map(|condition| condition.key.as_str());
            let named: BTreeSet<&str> = keys.filter_map(|key| key.strip_prefix(REQUEST_TAG)).collect();
            for name in named {
                let tag = self.tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                conditions.push(given(&format!("{REQUEST_TAG}{name}"), tag.map_or("", |(_, value)| value)));
            }
        }
        conditions
    }
}

const ASSUME: &str = "sts:AssumeRole";
const TAG: &str = "sts:TagSession";
const REQUEST_TAG: &str = "aws:requesttag/";
const TAG_KEYS: &str = "aws:tagkeys";

/// Whether an ARN is that of an IAM user, or of the account's root.
fn is_user(arn: &str) -> bool {
    !arn.contains(":role/") && !arn.contains(":assumed-role/")
}

/// That a key has a value; an empty one: that it is not there.
fn given(key: &str, value: &str) -> Condition {
    if value.is_empty() { condition(Test::Null, key, plain("true")) } else { is(key, value) }
}

fn is(key: &str, value: &str) -> Condition {
    condition(Test::StringEquals, key, plain(value))
}

fn condition(test: Test, key: &str, value: Pattern) -> Condition {
    let operator = Operator { test, if_exists: false, quantifier: None };
    Condition { operator, key: key.to_owned(), values: vec![value] }
}

/// A value in which `*` is no wildcard.
fn plain(value: &str) -> Pattern {
    Pattern::new(value, Syntax { wildcards: false, variables: false })
}

fn tags(object: &Object, field: &str) -> BTreeMap<String, String> {
    let value = object.value(field);
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}
