//! One state of the world: what it lets each app do, with places.
//!
//! It is built from objects alone (kind, path, app, field values), so the same code serves an estate at a
//! commit and the live objects of an engine. Nothing is copied, and a role's document is parsed when it is
//! first asked for.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, OnceLock};

use super::lifetime::{
    LeaseTerms, Limit, Limits, ROLE_SESSION_MAX, Source, TokenTerms, USER_SESSION_MAX, are_batch, credential,
};
use super::object::SideObject;
use super::unknown::Known;
use crate::estate::{Estate, IamPrincipal, ManagedPolicy};
use crate::guardrail::Who;
use crate::iam::arn::Arn;
use crate::object::home::ENGINES;
use crate::object::review::{AccessFields, Way};
use crate::object::{Class, Live, Object, Owned, Place, RolePath, policy_path, terms_of};

/// A ledger without an entry.
static NOTHING_OWNED: BTreeMap<String, Owned> = BTreeMap::new();

/// What an app's role is to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// It is declared in the app.
    Own,
    /// It is shared, and granted to the app.
    Grant,
    /// The ACL policies of the app's tokens let it be read.
    Acl,
}

/// A role of one side.
#[derive(Debug)]
pub struct Role<'a> {
    /// The object.
    pub object: SideObject<'a>,
    /// Where it is.
    pub at: RolePath<&'a str>,
    /// Which of its fields say what its credentials may do.
    pub access_fields: &'static AccessFields,
    pub(super) known: OnceLock<Known>,
}

impl<'a> Role<'a> {
    /// What it says of its sessions: how long they last, and at most; `None` where it makes none.
    fn session_limits(&self) -> Option<[Limit<'a>; 2]> {
        let terms = &self.access_fields.sessions.terms;
        let limits = || [terms.default, terms.max].map(|field| Limit::of(self.object, field));
        self.way().is_some_and(Way::is_session).then(limits)
    }
}

impl Role<'_> {
    /// `aws/webapp`.
    pub fn label(&self) -> String {
        self.at.label()
    }

    /// How its credentials are made; `None` where that is not known.
    pub fn way(&self) -> Option<Way> {
        self.access_fields.way(&self.object.text(self.access_fields.made))
    }
}

/// What is known of an app, or of somebody else who has credentials.
#[derive(Debug, Default)]
pub(super) struct AppFacts<'a> {
    pub(super) who: Who,
    pub(super) owner: Option<&'a str>,
    pub(super) place: Option<&'a Place>,
    /// Paths of the roles that are declared in it.
    pub(super) own: Vec<&'a str>,
    /// Paths of the roles that are granted to it.
    pub(super) grants: Vec<String>,
    /// Paths of its logins.
    pub(super) logins: Vec<&'a str>,
    /// Paths of the other roles that its policies let it read, once they were asked for.
    pub(super) readable: OnceLock<Vec<String>>,
}

/// The paths of the groups that name somebody, by the path of whom they name.
pub(super) type Memberships = BTreeMap<String, Vec<String>>;

/// The paths of the users that have an alias, by method and name.
pub(super) type Aliases = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// What is known besides the objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// What managed policies say.
    pub managed_policies: &'a [ManagedPolicy],
    /// What roles of AWS accounts are.
    pub iam_roles: &'a [IamPrincipal],
    /// What users of AWS accounts are that no engine makes.
    pub iam_users: &'a [IamPrincipal],
    /// Whom AWS takes each AWS engine for, by the path of its mount.
    pub principals: Option<&'a BTreeMap<String, String>>,
    /// What is written anew though no engine tells what it was.
    pub rewritten: Option<&'a Rewritten>,
}

/// Fields that no engine tells and that a plan writes, by the paths of their objects.
pub type Rewritten = BTreeMap<String, BTreeSet<&'static str>>;

impl<'a> From<&'a Estate> for Context<'a> {
    fn from(estate: &'a Estate) -> Self {
        Self {
            managed_policies: &estate.managed_policies,
            iam_roles: &estate.iam_roles,
            iam_users: &estate.iam_users,
            principals: Some(&estate.principals),
            rewritten: None,
        }
    }
}

/// One state of the world.
#[derive(Debug, Default)]
pub struct Side<'a> {
    objects: BTreeMap<&'a str, SideObject<'a>>,
    roles: BTreeMap<&'a str, Role<'a>>,
    pub(super) apps: BTreeMap<&'a str, AppFacts<'a>>,
    estate: Option<&'a Estate>,
    managed: HashMap<&'a str, &'a ManagedPolicy>,
    iam_roles: HashMap<&'a str, &'a IamPrincipal>,
    iam_users: &'a [IamPrincipal],
    principals: Option<&'a BTreeMap<String, String>>,
    pub(super) memberships: OnceLock<Memberships>,
    pub(super) aliases: OnceLock<Aliases>,
    /// The paths of the roles that policies let be read, by the names of the policies, of those that were asked for.
    pub(super) read: Mutex<HashMap<BTreeSet<String>, Vec<String>>>,
}

impl<'a> Side<'a> {
    /// What an estate declares.
    pub fn of_estate(estate: &'a Estate) -> Self {
        Self::of_estate_but(estate, HashMap::new(), &NOTHING_OWNED)
    }

    /// The same, but for objects that stay as an engine has them (or has them not), by their paths.
    pub fn of_estate_but(
        estate: &'a Estate,
        left: HashMap<&str, Option<&'a Live>>,
        owned: &'a BTreeMap<String, Owned>,
    ) -> Self {
        let declared = estate.objects.iter().filter(|object| !left.contains_key(object.path.as_str()));
        let staying = left.values().copied().flatten().map(|live| {
            let known = estate.object(&live.path).and_then(|object| object.app.as_deref());
            let app = known.or_else(|| owned.get(&live.path).and_then(|owned| owned.app.as_deref()));
            SideObject::live(live, app, None)
        });
        let mut side = Self::of_objects(declared.map(SideObject::from).chain(staying), estate.into());
        side.estate = Some(estate);
        for app in &estate.apps {
            // Nothing of it is there yet.
            if !left.is_empty() && !side.apps.contains_key(app.name.as_str()) {
                continue;
            }
            let facts = side.apps.entry(&app.name).or_default();
            facts.owner = app.owner.as_deref();
            facts.place = Some(&app.place);
            // Where a policy of it stays as it is, that says what it may have.
            if !app.policies.iter().any(|name| left.contains_key(policy_path(name).as_str())) {
                facts.grants = app.grants.iter().map(RolePath::path).collect();
            }
        }
        side
    }

    /// The estate that declares it, where that is one.
    pub fn estate(&self) -> Option<&'a Estate> {
        self.estate
    }

    /// What to say of something that this side has no more: it was taken out of files, or out of an engine.
    pub(in crate::review) fn absence(&self) -> &'static str {
        if self.estate.is_some() { "is no longer declared" } else { "is gone" }
    }

    /// What objects say, wherever they are from.
    pub fn of_objects(objects: impl IntoIterator<Item = SideObject<'a>>, context: Context<'a>) -> Self {
        let managed = context.managed_policies.iter().map(|policy| (policy.arn.as_str(), policy)).collect();
        let iam_roles = context.iam_roles.iter().map(|role| (role.arn.as_str(), role)).collect();
        let Context { iam_users, principals, .. } = context;
        let mut side = Self { managed, iam_roles, iam_users, principals, ..Self::default() };
        for object in objects {
            // Who logs in by a login that is no app's holds what its policies let read, and so do people: they are told by their
            // paths, as no app is called.
            let is_login = object.app.is_none() && object.kind.class == Class::Login;
            let who = object.person().or(is_login.then_some(Who::Login));
            if let Some(app) = object.app.or(who.map(|_| object.path)) {
                let facts = side.apps.entry(app).or_default();
                facts.who = who.unwrap_or_default();
                match object.kind.class {
                    Class::Role => facts.own.push(object.path),
                    Class::Login => facts.logins.push(object.path),
                    _ => {}
                }
            }
            if let (Some(at), Some(access_fields)) =
                (RolePath::of(object.kind, object.path), object.kind.access_fields())
            {
                side.roles.insert(object.path, Role { object, at, access_fields, known: OnceLock::new() });
            }
            side.objects.insert(object.path, object);
        }
        side
    }

    /// What an engine holds of the objects that are declared or owned.
    pub fn of_live(
        live: impl IntoIterator<Item = &'a Live>,
        declared: &'a [Object],
        owned: &'a BTreeMap<String, Owned>,
        context: Context<'a>,
    ) -> Self {
        let declared: HashMap<&str, &'a Object> =
            declared.iter().map(|object| (object.path.as_str(), object)).collect();
        let objects = live.into_iter().map(|live| {
            let known = declared.get(live.path.as_str()).and_then(|object| object.app.as_deref());
            let app = known.or_else(|| owned.get(&live.path).and_then(|owned| owned.app.as_deref()));
            let rewritten = context.rewritten.and_then(|rewritten| rewritten.get(&live.path));
            SideObject { rewritten, ..SideObject::live(live, app, None) }
        });
        Self::of_objects(objects, context)
    }

    /// All objects, by path.
    pub fn objects(&self) -> impl Iterator<Item = &SideObject<'a>> {
        self.objects.values()
    }

    /// The object at a path.
    pub fn object(&self, path: &str) -> Option<&SideObject<'a>> {
        self.objects.get(path)
    }

    /// All roles, by path.
    pub fn roles(&self) -> impl Iterator<Item = &Role<'a>> {
        self.roles.values()
    }

    /// The role at a path: `aws/roles/webapp`.
    pub fn role(&self, path: &str) -> Option<&Role<'a>> {
        self.roles.get(path)
    }

    /// The managed policies that are known.
    pub fn managed_policies(&self) -> impl Iterator<Item = &'a ManagedPolicy> {
        self.managed.values().copied()
    }

    /// The managed policy of this ARN, if it is known.
    pub fn managed_policy(&self, arn: &str) -> Option<&'a ManagedPolicy> {
        self.managed.get(arn).copied()
    }

    /// The roles of AWS accounts that are known.
    pub fn iam_roles(&self) -> impl Iterator<Item = &'a IamPrincipal> {
        self.iam_roles.values().copied()
    }

    /// The role of an AWS account of this ARN, if it is known.
    pub fn iam_role(&self, arn: &str) -> Option<&'a IamPrincipal> {
        self.iam_roles.get(arn).copied()
    }

    /// The users of AWS accounts that are known and that no engine makes.
    pub fn iam_users(&self) -> impl Iterator<Item = &'a IamPrincipal> {
        self.iam_users.iter()
    }

    /// Whom AWS takes an AWS engine for, by its ARN, if that is known.
    pub fn principal(&self, mount: &str) -> Option<&'a str> {
        self.principals?.get(mount).map(String::as_str)
    }

    /// Whom an engine signs as, if it is known and what it may do is declared.
    pub(in crate::review) fn signer(&self, mount: &str) -> Option<&'a IamPrincipal> {
        let arn = self.principal(mount)?;
        self.iam_users().find(|user| user.arn == arn)
    }

    /// The user that a static role of a mount hands out the key of: of the engine's own account, where that is known,
    /// else the only one of that name.
    pub(in crate::review) fn standing_user(&self, mount: &str, name: &str) -> Option<&'a IamPrincipal> {
        let account = self.principal(mount).and_then(Arn::account_of);
        let is_it = |user: &&IamPrincipal| {
            let own = user.arn.rsplit('/').next() == Some(name);
            own && account.is_none_or(|account| Arn::account_of(&user.arn) == Some(account))
        };
        let mut found = self.iam_users().filter(is_it);
        found.next().filter(|_| found.next().is_none())
    }

    /// The ACL policy of this name, as its text.
    pub fn acl_policy(&self, name: &str) -> Option<Cow<'a, str>> {
        let object = self.objects.get(policy_path(name).as_str())?;
        object.rules().map(|field| object.text(field))
    }

    /// What says how long credentials of a role live: sessions have limits of their own. `None` of what is under no lease
    /// and does not end.
    pub fn role_limits(&self, role: &Role<'a>) -> Option<Limits<'a>> {
        self.limits(role, self.longest_session(role))
    }

    /// The same, with sessions of at most so long.
    fn limits(&self, role: &Role<'a>, longest: Limit<'a>) -> Option<Limits<'a>> {
        let mount = self.mounted(role.at.mount);
        match role.session_limits() {
            Some(own) => Some(Limits::of_sessions(mount, own, longest)),
            None if role.way() == Some(Way::Standing) => None,
            None => Some(Limits::of_leases(mount, self.lease(role.at.mount))),
        }
    }

    /// The longest session that AWS makes of what a role names: as its roles of the account say, where all are declared.
    fn longest_session(&self, role: &Role<'a>) -> Limit<'a> {
        if role.way() != Some(Way::RoleSession) {
            return Limit::of_aws(USER_SESSION_MAX);
        }
        let arns = role.object.texts(role.access_fields.sessions.roles);
        let said = |arn: &String| {
            let known = self.iam_role(arn)?;
            Some(Limit { seconds: known.max_session?, source: Source::Principal(known) })
        };
        let said: Option<Vec<Limit<'a>>> = arns.iter().map(said).collect();
        let longest = said.into_iter().flatten().max_by_key(|limit| limit.seconds);
        longest.unwrap_or(Limit::of_aws(ROLE_SESSION_MAX))
    }

    /// On what terms credentials of a role are.
    pub fn role_terms(&self, role: &Role<'a>) -> LeaseTerms {
        self.role_limits(role).map_or(LeaseTerms::ENDLESS, |limits| limits.terms())
    }

    /// How long a credential of a role works at most: a session does not end with its token, and what is under no lease
    /// does not end at all.
    pub fn lifetime(&self, role: &Role<'a>, tokens: impl IntoIterator<Item = TokenTerms>) -> i64 {
        self.lifetime_of(role, self.role_terms(role), tokens)
    }

    /// The same as the engine knows it, which judges it too: what roles of the account say of their sessions it does not
    /// know.
    pub fn lifetime_in_engine(&self, role: &Role<'a>, tokens: impl IntoIterator<Item = TokenTerms>) -> i64 {
        let longest = match role.way() {
            Some(Way::RoleSession) => Limit::of_aws(ROLE_SESSION_MAX),
            _ => Limit::of_aws(USER_SESSION_MAX),
        };
        let terms = self.limits(role, longest).map_or(LeaseTerms::ENDLESS, |limits| limits.terms());
        self.lifetime_of(role, terms, tokens)
    }

    fn lifetime_of(&self, role: &Role<'a>, terms: LeaseTerms, tokens: impl IntoIterator<Item = TokenTerms>) -> i64 {
        let ends_with_token = role.session_limits().is_none() && terms != LeaseTerms::ENDLESS;
        if ends_with_token { credential(terms, tokens) } else { terms.max }
    }

    /// On what terms a mount leases.
    pub fn lease_terms(&self, mount: &str) -> LeaseTerms {
        Limits::of_leases(self.mounted(mount), self.lease(mount)).terms()
    }

    /// The secrets engine of this name.
    pub(in crate::review) fn mounted(&self, mount: &str) -> Option<&SideObject<'a>> {
        self.objects.get(ENGINES.entry(mount).as_str())
    }

    /// What says, of a mount, how long its leases live.
    pub(in crate::review) fn lease(&self, mount: &str) -> Option<&SideObject<'a>> {
        terms_of(mount).find_map(|path| self.objects.get(path.as_str()))
    }

    /// The longest lease that a mount allows of itself, whatever is said of what it issues.
    pub(super) fn lease_max_of_mount(&self, mount: &str) -> Limit<'a> {
        Limits::of_leases(self.mounted(mount), None).max()
    }

    /// What says how long the tokens of a login live, but for a period.
    pub(super) fn token_limits(&self, login: &SideObject<'a>) -> Limits<'a> {
        let mount = login.kind.mount_path(login.path);
        Limits::of_tokens(mount.and_then(|mount| self.objects.get(mount.as_str())), login)
    }

    /// How long the tokens of a login live.
    pub fn token_terms(&self, login: &SideObject<'_>) -> TokenTerms {
        let mount = login.kind.mount_path(login.path);
        TokenTerms::new(mount.and_then(|mount| self.objects.get(mount.as_str())), login)
    }

    /// Whether the tokens of a login are batch tokens, which nobody can revoke.
    pub fn has_batch_tokens(&self, login: &SideObject<'_>) -> bool {
        let mount = login.kind.mount_path(login.path);
        are_batch(mount.and_then(|mount| self.objects.get(mount.as_str())), login)
    }

    /// Where the rule with this pattern stands in an ACL policy, if a file declares it.
    pub(in crate::review) fn place_of_rule(&self, policy_path: &str, pattern: &str) -> Option<&'a Place> {
        let rules = self.estate?.rules.get(policy_path)?;
        rules.iter().find(|(known, _)| known == pattern).map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Side, SideObject};
    use crate::estate::{self, Estate, Sources};
    use crate::object::aws_role;
    use crate::review::state::Unknown;

    const ESTATE: &str = r#"
environment "local" {
  engine = "embedded"
}
aws "aws" {
  lease {
    default = "1h"
    max     = "2h"
  }
}
auth "approle" {}
role "reader" {
  mount                    = "aws"
  credential_type          = "iam_user"
  policy_arns              = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
  iam_groups               = ["people"]
  permissions_boundary_arn = "arn:aws:iam::111122223333:policy/edge"
}
app "webapp" {
  role "webapp" {
    mount           = "aws"
    credential_type = "iam_user"

    statement "Read" {
      actions   = ["s3:GetObject"]
      resources = ["*"]
    }
  }
  grants = ["aws/reader"]
  login "approle" {
    token_ttl     = "30m"
    token_max_ttl = "1h"
  }
}
"#;

    fn estate() -> Estate {
        let sources = Sources::from_texts([("estate.hcl".to_owned(), ESTATE.to_owned())], []);
        estate::load(&sources, None).map_err(|problems| format!("{problems:?}")).expect("an estate")
    }

    #[test]
    fn what_only_aws_knows_is_told() {
        let estate = estate();
        let side = Side::of_estate(&estate);
        let unknown: Vec<String> =
            side.unknown(side.role("aws/roles/reader").expect("a role")).iter().map(Unknown::to_string).collect();
        assert_eq!(
            unknown,
            [
                "the managed policy arn:aws:iam::aws:policy/ReadOnlyAccess",
                "the group people",
                "the permissions boundary arn:aws:iam::111122223333:policy/edge"
            ]
        );
        assert!(side.unknown(side.role("aws/roles/webapp").expect("a role")).is_empty());
    }

    #[test]
    fn a_live_role_reads_as_the_declared_one() {
        let estate = estate();
        let declared = Side::of_estate(&estate);
        let object = declared.object("aws/roles/webapp").expect("an object");
        let answer = json!({
            "credential_type": "iam_user", "policy_arns": null,
            "policy_document": estate.objects.iter().find(|object| object.path == "aws/roles/webapp")
                .expect("an object").wording("policy_document"),
        });
        let live = aws_role::KIND.live("aws/roles/webapp", answer.as_object().expect("a map")).expect("parses");
        let live = SideObject::live(&live, Some("webapp"), None);
        assert_eq!(object.differing(&live), Vec::<&str>::new());
        let side = Side::of_objects([live], super::Context::default());
        let app = side.app("webapp").expect("an app");
        let statement = &app.access()[0].identity[0].statements[0];
        assert_eq!((&*statement.span.file, statement.span.line), ("aws/roles/webapp", 0));
    }

    #[test]
    fn an_engines_document_that_iam_would_refuse_is_not_taken_for_nothing() {
        let answer = json!({"credential_type": "federation_token", "policy_document": "{\"Statement\": 1}"});
        let live = aws_role::KIND.live("aws/roles/odd", answer.as_object().expect("a map")).expect("parses");
        let side = Side::of_objects([SideObject::live(&live, None, None)], super::Context::default());
        let unknown = side.unknown(side.role("aws/roles/odd").expect("a role"));
        // Its document, what limits it, and whom it is a session of.
        assert_eq!(unknown.len(), 3, "{unknown:?}");
    }
}
