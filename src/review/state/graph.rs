//! Who may get what, as a graph: logins, apps, the policies of their tokens, roles, the roles of accounts that
//! sessions are of, and the resources that they reach.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{App, Role, Side, Unknown, Via};
use crate::acl::{Acl, Capability, compare};
use crate::guardrail::Who;
use crate::iam::policy::{Effect, Policy};
use crate::object::review::Way;
use crate::object::{Place, policy_path};
use crate::review::describe;

mod between;
mod dot;
mod mermaid;
mod svg;

/// How many resources of one service a role leads to before the rest is only counted.
const RESOURCES_MAX: usize = 24;

/// How many lines a node shows of what there is to know about it.
const LINES_MAX: usize = 3;

/// A graph in columns; every edge leads to the right.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// What it shows: the environment and its engine.
    pub title: String,
    /// Its nodes; there is one for each column and key.
    pub nodes: Vec<Node>,
    /// From node to node.
    pub edges: Vec<Edge>,
    /// By column and key.
    known: HashMap<(Column, String), usize>,
    drawn: HashSet<(usize, usize)>,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// A way to log in, a user, a group.
    Login,
    /// An app.
    App,
    /// An ACL policy of an app's tokens.
    Policy,
    /// A role of an AWS engine.
    Role,
    /// A role of the account that sessions are of.
    IamRole,
    /// A resource of an AWS service, or several by a pattern.
    Resource,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its column.
    pub column: Column,
    /// Its name: `webapp`, `aws/webapp`; the service of a resource, which stands below.
    pub name: String,
    /// What tells it from the others of its column.
    key: String,
    /// More about it, for those who look closely.
    pub detail: Vec<String>,
    /// The path of the object that it is, where it is one.
    pub path: Option<String>,
    /// What becomes of it, where two states are compared.
    pub fate: Fate,
}

/// From one node to another.
#[derive(Clone, Debug)]
pub struct Edge {
    /// From where, by index.
    pub from: usize,
    /// To where.
    pub to: usize,
    /// What it is.
    pub word: &'static str,
    /// What becomes of it, where two states are compared.
    pub fate: Fate,
}

/// What becomes of a part of a graph from one state to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is the same on both sides.
    #[default]
    Same,
    /// It is there on both, and is another.
    Changed,
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
}

impl Graph {
    /// The graph of a side; of one app alone, if it is named.
    pub fn of(side: &Side<'_>, title: &str, only: Option<&str>) -> Self {
        let mut graph = Self { title: title.to_owned(), ..Self::default() };
        let apps: Vec<App<'_, '_>> = match only {
            Some(name) => side.app(name).into_iter().collect(),
            None => side.apps().collect(),
        };
        // Most people have nothing to do with roles.
        for app in apps.into_iter().filter(|app| only.is_some() || !app.who().is_person() || !app.roles().is_empty()) {
            let detail: Vec<String> = app.owner().map(|owner| format!("owner {owner}")).into_iter().collect();
            let node = match (app.who(), app.place()) {
                (Who::Login, place) => {
                    let detail = place.map(place_words).into_iter().collect();
                    graph.object(Column::Login, app.name, detail, app.name)
                }
                (Who::User | Who::Group, place) => {
                    let detail = place.map(place_words).into_iter().collect();
                    graph.object(Column::Login, &app.subject().to_string(), detail, app.name)
                }
                (Who::App, _) => graph.node(Column::App, app.name, detail),
            };
            for login in app.logins().filter(|_| app.who() == Who::App) {
                let detail = vec![place_words(&login.declared_at())];
                let from = graph.object(Column::Login, login.path, detail, login.path);
                graph.edge(from, node, "logs in");
            }
            let policies = graph.policies(side, &app, node);
            for (role, via) in app.roles() {
                let detail = vec![place_words(&role.object.declared_at())];
                let to = graph.object(Column::Role, &role.label(), detail, role.object.path);
                let paths: Vec<String> = role.at.issued_at().collect();
                let leading: Vec<usize> = policies
                    .iter()
                    .filter(|(_, acl)| paths.iter().any(|path| is_read(acl, path)))
                    .map(|(index, _)| *index)
                    .collect();
                let word = match via {
                    Via::Own => "own",
                    Via::Grant => "granted",
                    Via::Acl => "readable",
                };
                // Where no policy by itself lets it be read, the app leads there all the same.
                let from = if leading.is_empty() { vec![node] } else { leading };
                from.into_iter().for_each(|from| graph.edge(from, to, word));
                graph.below(side, role, to);
            }
        }
        graph
    }

    /// The policies of an app's tokens, with what each permits.
    fn policies(&mut self, side: &Side<'_>, app: &App<'_, '_>, from: usize) -> Vec<(usize, Acl)> {
        let mut found = Vec::new();
        for name in app.policies() {
            let text = side.acl_policy(&name);
            // Every engine has it, and it leads to no role.
            if name == "default" && text.is_none() {
                continue;
            }
            let detail = match side.object(&policy_path(&name)) {
                Some(object) => place_words(&object.declared_at()),
                None => "not declared".to_owned(),
            };
            let to = self.object(Column::Policy, &name, vec![detail], &policy_path(&name));
            self.edge(from, to, "its tokens have");
            let acl = text.and_then(|text| Acl::of_texts([(name.as_str(), text.as_ref())]).ok());
            found.extend(acl.map(|acl| (to, acl)));
        }
        found
    }

    /// What a role leads to: of one that makes users, what they may do; of one that opens sessions, the roles that these
    /// are of, and what those may do.
    fn below(&mut self, side: &Side<'_>, role: &Role<'_>, from: usize) {
        let sessions = &role.access_fields.sessions;
        if role.way() != Some(Way::RoleSession) {
            let unknown = side.unknown(role).iter().map(ToString::to_string).collect();
            self.services(&side.role_access(role).identity, unknown, from);
            return;
        }
        for arn in role.object.texts(sessions.roles) {
            let Some(known) = side.iam_role(&arn) else {
                let to = self.node(Column::IamRole, &arn, vec!["not declared".to_owned()]);
                self.edge(from, to, "sessions of");
                continue;
            };
            let to = self.node(Column::IamRole, &arn, vec![place_words(&known.place)]);
            self.edge(from, to, "sessions of");
            let mut policies: Vec<Arc<Policy<Place>>> = known.policy.iter().cloned().collect();
            let mut unknown = Vec::new();
            for arn in &known.policy_arns {
                match side.managed_policy(arn) {
                    Some(managed) => policies.push(Arc::clone(&managed.policy)),
                    None => unknown.push(Unknown::ManagedPolicy(arn.clone()).to_string()),
                }
            }
            self.services(&policies, unknown, to);
        }
    }

    fn services(&mut self, policies: &[Arc<Policy<Place>>], unknown: Vec<String>, from: usize) {
        let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let statements = policies.iter().flat_map(|policy| &policy.statements);
        for statement in statements.filter(|one| one.effect == Effect::Allow) {
            let resources = describe::patterns(&statement.resources);
            // All but some are none that could be named.
            let resources = match statement.resources.negated {
                true => vec![describe::scope(true, &resources)],
                false => resources,
            };
            let names: Vec<String> = match statement.actions.negated {
                true => vec!["all services".to_owned()],
                false => describe::patterns(&statement.actions)
                    .iter()
                    .map(|action| match action.split_once(':') {
                        Some((service, _)) => service.to_ascii_lowercase(),
                        None => "all services".to_owned(),
                    })
                    .collect(),
            };
            for name in names {
                services.entry(name).or_default().extend(resources.iter().cloned());
            }
        }
        for unknown in unknown {
            let to = self.node(Column::Resource, &unknown, Vec::new());
            self.edge(from, to, "may use");
        }
        for (service, resources) in services {
            for resource in resources.iter().take(RESOURCES_MAX) {
                self.resource(from, &service, format!("{service} {resource}"), resource.clone());
            }
            // Which these are is another thing for each role.
            if let Some(more) = resources.len().checked_sub(RESOURCES_MAX).filter(|more| *more > 0) {
                let whose = self.nodes[from].key.clone();
                self.resource(from, &service, format!("{service} more of {whose}"), format!("and {more} more"));
            }
        }
    }

    fn resource(&mut self, from: usize, service: &str, key: String, words: String) {
        let to = self.keyed(Column::Resource, &key, service, vec![words]);
        self.edge(from, to, "may use");
    }

    fn node(&mut self, column: Column, name: &str, detail: Vec<String>) -> usize {
        self.keyed(column, name, name, detail)
    }

    fn keyed(&mut self, column: Column, key: &str, name: &str, detail: Vec<String>) -> usize {
        *self.known.entry((column, key.to_owned())).or_insert_with(|| {
            let (name, key) = (name.to_owned(), key.to_owned());
            self.nodes.push(Node { column, name, key, detail, path: None, fate: Fate::Same });
            self.nodes.len() - 1
        })
    }

    /// The same of a node that is an object.
    fn object(&mut self, column: Column, name: &str, detail: Vec<String>, path: &str) -> usize {
        let index = self.node(column, name, detail);
        self.nodes[index].path = Some(path.to_owned());
        index
    }

    fn edge(&mut self, from: usize, to: usize, word: &'static str) {
        if self.drawn.insert((from, to)) {
            self.edges.push(Edge { from, to, word, fate: Fate::Same });
        }
    }
}

/// Whether credentials are issued to who reads, or writes to, a path.
fn is_read(acl: &Acl, path: &str) -> bool {
    compare::permits(acl, path).iter().any(|one| matches!(one, Capability::Read | Capability::Update))
}

/// Where something is declared; what no file declares is told as such.
fn place_words(place: &Place) -> String {
    if place.line == 0 { "in the engine".to_owned() } else { place.to_string() }
}

impl Node {
    /// What is written under the name.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.detail.iter().take(LINES_MAX).cloned().collect();
        if self.detail.len() > LINES_MAX {
            lines.push(format!("and {} more", self.detail.len() - LINES_MAX));
        }
        lines
    }
}
