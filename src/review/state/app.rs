//! An app of one side: what it is, and which credentials it may have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use super::object::SideObject;
use super::person;
use super::readable::{self, Policies};
use super::side::{AppFacts, Role, Side, Via};
use crate::acl::template;
use crate::guardrail::Who;
use crate::iam::policy::PolicySet;
use crate::object::Place;
use crate::review::finding::Subject;

/// An app of one side, or somebody else who has credentials: whoever logs in by a login that is no app's, a user, who is in a
/// group.
#[derive(Clone, Copy, Debug)]
pub struct App<'s, 'a> {
    side: &'s Side<'a>,
    /// Its name.
    pub name: &'a str,
    facts: &'s AppFacts<'a>,
}

impl<'a> Side<'a> {
    /// All apps by name, and by their paths the logins that are no app's, users and groups.
    pub fn apps(&self) -> impl Iterator<Item = App<'_, 'a>> {
        self.apps.iter().map(|(name, facts)| App { side: self, name, facts })
    }

    /// The app of this name, or the login that is no app's, the user or the group at this path.
    pub fn app(&self, name: &str) -> Option<App<'_, 'a>> {
        self.apps.get_key_value(name).map(|(name, facts)| App { side: self, name, facts })
    }
}

impl<'s, 'a> App<'s, 'a> {
    /// The side that it is of.
    pub fn side(&self) -> &'s Side<'a> {
        self.side
    }

    /// Of what sort it is.
    pub fn who(&self) -> Who {
        self.facts.who
    }

    /// What findings about it are about.
    pub fn subject(&self) -> Subject {
        let name = self.name.to_owned();
        match self.who() {
            Who::App => Subject::App(name),
            Who::Login => Subject::Login(name),
            Who::User => Subject::User(name),
            Who::Group => Subject::Group(name),
        }
    }

    /// Who answers for it.
    pub fn owner(&self) -> Option<&'a str> {
        self.facts.owner
    }

    /// Where it is declared, where that is known.
    pub fn place(&self) -> Option<&'a Place> {
        self.facts.place.or_else(|| self.object()?.place)
    }

    /// What it is in the engine, unless it is an app, which is several things.
    pub fn object(&self) -> Option<&'s SideObject<'a>> {
        self.side.object(self.name).filter(|_| self.who() != Who::App)
    }

    /// The objects that it has policies by though no login says so: itself and the groups that it is in, if it is a user or
    /// a group; else those of the users that have a login's name as an alias.
    pub(in crate::review) fn given(&self) -> Vec<SideObject<'a>> {
        if self.who().is_person() {
            return person::given(self.side, self.name);
        }
        let users = person::behind(self.side, self.logins());
        users.into_iter().flat_map(|user| person::given(self.side, user)).collect()
    }

    /// The methods of its logins at which users have names, where only the engine knows which name a login has there.
    pub(in crate::review) fn unsettled(&self) -> Vec<String> {
        if self.who().is_person() { Vec::new() } else { person::unsettled(self.side, self.logins()) }
    }

    /// Its logins.
    pub fn logins(&self) -> impl Iterator<Item = &'s SideObject<'a>> + use<'s, 'a> {
        let side = self.side;
        self.facts.logins.iter().filter_map(|path| side.object(path))
    }

    /// The paths of the shared roles that are granted to it.
    pub fn grants(&self) -> impl Iterator<Item = &'s str> + use<'s, 'a> {
        self.facts.grants.iter().map(String::as_str)
    }

    /// The names of the ACL policies that its tokens have, `default` among them where a login says so.
    pub fn policies(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for object in self.given() {
            names.extend(object.kind.person().into_iter().flat_map(|person| object.texts(person.policies)));
        }
        for login in self.logins() {
            names.extend(login.texts("token_policies"));
            if !login.flag("token_no_default_policy") {
                names.insert("default".to_owned());
            }
        }
        names
    }

    /// Policies of its tokens whose rules this side does not have, so that they may permit anything. The engine's
    /// own `default` lets tokens look after themselves.
    pub fn undeclared_policies(&self) -> Vec<String> {
        let names = self.policies().into_iter();
        names.filter(|name| name != "default" && self.side.acl_policy(name).is_none()).collect()
    }

    /// The roles whose credentials it may have, by path: its own, those granted to it, and whatever the
    /// ACL policies of its tokens let it read.
    pub fn roles(&self) -> Vec<(&'s Role<'a>, Via)> {
        let mut found: BTreeMap<&str, (&'s Role<'a>, Via)> = BTreeMap::new();
        let own = self.facts.own.iter().map(|path| (*path, Via::Own));
        let grants = self.facts.grants.iter().map(|path| (path.as_str(), Via::Grant));
        for (path, via) in own.chain(grants) {
            if let Some(role) = self.side.role(path) {
                found.entry(role.object.path).or_insert((role, via));
            }
        }
        let known: BTreeSet<&str> = found.keys().copied().collect();
        let readable = self.facts.readable.get_or_init(|| self.read_by_policy(&known));
        for role in readable.iter().filter_map(|path| self.side.role(path)) {
            found.entry(role.object.path).or_insert((role, Via::Acl));
        }
        found.into_values().collect()
    }

    /// What its credentials may do: one set for each of [`App::roles`], in the same order.
    pub fn access(&self) -> Vec<PolicySet<Place>> {
        self.roles().into_iter().map(|(role, _)| self.side.role_access(role)).collect()
    }

    /// The same as [`Side::role_sets`] has it, of all its roles.
    pub fn sets(&self) -> Vec<PolicySet<Place>> {
        self.roles().into_iter().flat_map(|(role, _)| self.side.role_sets(role)).collect()
    }

    /// The paths of the roles that its policies let it read, beside these.
    fn read_by_policy(&self, known: &BTreeSet<&str>) -> Vec<String> {
        let texts = self.texts(self.side);
        let read = || {
            let found = readable::readable(self.side, &texts, |selector| self.known(selector), known);
            found.into_iter().map(str::to_owned).collect::<Vec<String>>()
        };
        // People are many, and most of them have the same policies.
        if !known.is_empty() || !readable::templates(&texts).is_empty() {
            return read();
        }
        let mut all = self.side.read.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(self.policies()).or_insert_with(read).clone()
    }

    /// Its policies that are declared, with their texts.
    pub(in crate::review) fn texts(&self, side: &Side<'_>) -> Policies {
        let names = self.policies().into_iter();
        names.filter_map(|name| Some((name.clone(), side.acl_policy(&name)?.into_owned()))).collect()
    }

    /// What a template in a policy stands for at this app's logins; nothing where only the engine knows. Accessors are
    /// the engine's own: that of a method is known by its type, so this is of an app that has one login.
    fn known(&self, selector: &str) -> Option<String> {
        if let Some(user) = self.object().filter(|_| self.who().is_person()) {
            return person::known(self.side, user, selector);
        }
        let (accessor, field) = selector.strip_prefix("identity.entity.aliases.")?.split_once('.')?;
        let mut logins = self.logins();
        let (login, None) = (logins.next()?, logins.next()) else { return None };
        let (_, name) = login.path.rsplit_once('/')?;
        let of_method = format!("auth_{}_", login.kind.mount_type()?);
        let words = login.kind.login_words().filter(|_| accessor.starts_with(&of_method))?;
        (words.alias)(login, name, field)
    }

    /// The templated paths of its policies by which it may read a role's credentials, where only the engine knows whose.
    pub(in crate::review) fn open_paths(&self, side: &Side<'_>) -> Vec<String> {
        let stands = |selector: &str| self.known(selector);
        let may_match =
            |path: &str| side.roles().any(|role| role.at.issued_at().any(|at| template::may_match(path, &at, stands)));
        let unknown = |path: &String| !template::is_settled(path, stands) && may_match(path);
        readable::templates(&self.texts(side)).into_iter().filter(unknown).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::estate::{self, Estate, Sources};
    use crate::review::state::{Side, Via};

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
    fn an_app_has_its_own_roles_and_those_granted_to_it() {
        let estate = estate();
        let side = Side::of_estate(&estate);
        let app = side.app("webapp").expect("an app");
        let roles: Vec<_> = app.roles().into_iter().map(|(role, via)| (role.label(), via)).collect();
        assert_eq!(roles, [("aws/reader".to_owned(), Via::Grant), ("aws/webapp".to_owned(), Via::Own)]);
        let access = app.access();
        assert_eq!((access[0].identity.len(), access[1].identity.len()), (0, 1));
        assert_eq!(&*access[1].identity[0].statements[0].span.file, "estate.hcl");
        assert_eq!(app.policies().into_iter().collect::<Vec<_>>(), ["app-webapp"]);
        let terms = side.lease_terms("aws");
        let tokens: Vec<_> = app.logins().map(|login| side.token_terms(login)).collect();
        assert_eq!((terms.default, terms.max, tokens[0].ttl, tokens[0].max), (3600, 7200, 1800, Some(3600)));
    }
}
