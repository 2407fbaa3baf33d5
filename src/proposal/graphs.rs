//! Who may get what by a plan, as graphs of what it changes.

use std::collections::{BTreeMap, HashSet};

use super::engine::{Proposal, with_sides};
use crate::guardrail::Who;
use crate::object::Live;
use crate::review::state::Side;
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
        let titles = |side: &Side<'_>| -> BTreeMap<(Who, String), String> {
            side.apps().map(|app| ((app.who(), app.name.to_owned()), app.subject().to_string())).collect()
        };
        let mut named = titles(before);
        named.append(&mut titles(after));
        let graph = |((_, name), title): ((Who, String), String)| {
            let only = Some(name.as_str());
            let (before, after) = (Graph::of(before, &title, only), Graph::of(after, &title, only));
            let graph = Graph::between(&before, &after, |path| touched.contains(path));
            graph.is_changed().then_some(graph)
        };
        named.into_iter().filter_map(graph).collect()
    })
}
