//! Who may get what by a plan, as graphs of what it changes.

use std::collections::{BTreeSet, HashSet};

use super::engine::{Proposal, with_sides};
use crate::object::Live;
use crate::review::state::graph::Graph;

/// The graphs of the apps that a plan touches, of the state that it leads to, with what is another than now.
pub fn graphs(proposal: &Proposal) -> Vec<Graph> {
    let Proposal { estate, plan, ledger, live, .. } = proposal;
    if plan.is_empty() {
        return Vec::new();
    }
    let live: Vec<&Live> = live.values().collect();
    let touched: HashSet<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
    with_sides(estate, plan, ledger, &live, |before, after| {
        let mut names: BTreeSet<(bool, &str)> = before.apps().map(|app| (app.is_login(), app.name)).collect();
        names.extend(after.apps().map(|app| (app.is_login(), app.name)));
        let graph = |(is_login, name): (bool, &str)| {
            let title = format!("{} {name}", if is_login { "login" } else { "app" });
            let (before, after) = (Graph::of(before, &title, Some(name)), Graph::of(after, &title, Some(name)));
            let graph = Graph::between(&before, &after, |path| touched.contains(path));
            graph.is_changed().then_some(graph)
        };
        names.into_iter().filter_map(graph).collect()
    })
}
