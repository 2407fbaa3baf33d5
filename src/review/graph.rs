//! Who may get what, as a graph: logins, apps, roles, and the services and resources that they reach.

use std::collections::BTreeMap;

use super::describe;
use super::effective::{Side, Via};
use crate::iam::policy::Effect;

mod dot;
mod mermaid;
mod svg;

/// How many resources of one service a role's node names before it only counts.
const RESOURCES_SHOWN_MAX: usize = 3;

/// A graph in four columns; every edge leads to the right.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Its nodes, by column and name.
    pub nodes: Vec<Node>,
    /// From node to node, by index, with what it is.
    pub edges: Vec<(usize, usize, &'static str)>,
    /// The environment.
    pub title: String,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// A way to log in.
    Login,
    /// An app.
    App,
    /// A role of an AWS engine.
    Role,
    /// An AWS service, with the resources that a role reaches there.
    Service,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its column.
    pub column: Column,
    /// Its name: `webapp`, `aws/webapp`, `s3`.
    pub name: String,
    /// More about it, for those who look closely.
    pub detail: Vec<String>,
}

impl Graph {
    /// The graph of a side; of one app alone, if it is named.
    pub fn of(side: &Side<'_>, title: &str, only: Option<&str>) -> Self {
        let mut graph = Self { title: title.to_owned(), ..Self::default() };
        for app in side.apps().filter(|app| only.is_none_or(|name| app.name == name)) {
            let detail = app.owner().map(|owner| format!("owner {owner}")).into_iter().collect();
            let node = graph.node(Column::App, app.name, detail);
            for login in app.logins() {
                let detail = vec![login.declared_at().to_string()];
                let from = graph.node(Column::Login, login.path, detail);
                graph.edge(from, node, "logs in");
            }
            for (role, via) in app.roles() {
                let detail = vec![role.object.declared_at().to_string()];
                let to = graph.node(Column::Role, &role.label(), detail);
                let word = match via {
                    Via::Own => "own",
                    Via::Grant => "granted",
                    Via::Acl => "readable",
                };
                graph.edge(node, to, word);
                graph.services(side, role, to);
            }
        }
        graph
    }

    fn services(&mut self, side: &Side<'_>, role: &super::effective::Role<'_>, from: usize) {
        let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let set = side.role_access(role);
        let statements = set.identity.iter().flat_map(|policy| &policy.statements);
        for statement in statements.filter(|one| one.effect == Effect::Allow) {
            let resources = describe::patterns(&statement.resources);
            let resources = describe::scope(statement.resources.negated, &resources);
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
                let known = services.entry(name).or_default();
                if !known.contains(&resources) {
                    known.push(resources.clone());
                }
            }
        }
        services.extend(side.unknown(role).iter().map(|unknown| (unknown.to_string(), Vec::new())));
        for (name, resources) in services {
            let to = self.node(Column::Service, &name, Vec::new());
            for resource in resources {
                if !self.nodes[to].detail.contains(&resource) {
                    self.nodes[to].detail.push(resource);
                }
            }
            self.edge(from, to, "may use");
        }
    }

    fn node(&mut self, column: Column, name: &str, detail: Vec<String>) -> usize {
        let known = self.nodes.iter().position(|node| node.column == column && node.name == name);
        known.unwrap_or_else(|| {
            self.nodes.push(Node { column, name: name.to_owned(), detail });
            self.nodes.len() - 1
        })
    }

    fn edge(&mut self, from: usize, to: usize, word: &'static str) {
        if !self.edges.contains(&(from, to, word)) {
            self.edges.push((from, to, word));
        }
    }
}

impl Node {
    /// What is written under the name.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.detail.iter().take(RESOURCES_SHOWN_MAX).cloned().collect();
        if self.detail.len() > RESOURCES_SHOWN_MAX {
            lines.push(format!("and {} more", self.detail.len() - RESOURCES_SHOWN_MAX));
        }
        lines
    }
}
