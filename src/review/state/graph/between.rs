//! What of a graph is another than it was.

use std::collections::HashSet;

use super::{Column, Edge, Fate, Graph, Node};

impl Graph {
    /// The graph of a state with what of it was not so before, and with what is not so any more. Nodes that are objects of
    /// which `is_changed` says so, by their paths, are changed though they have the same name.
    pub fn between(before: &Self, after: &Self, is_changed: impl Fn(&str) -> bool) -> Self {
        let mut graph = after.clone();
        for node in &mut graph.nodes {
            let was = before.known.get(&(node.column, node.key.clone())).map(|index| &before.nodes[*index]);
            node.fate = match was {
                None => Fate::New,
                // Of those that are only counted there are more or less.
                Some(was) if node.column == Column::Resource && node.detail != was.detail => Fate::Changed,
                Some(_) if node.path.as_deref().is_some_and(&is_changed) => Fate::Changed,
                Some(_) => Fate::Same,
            };
        }
        let mut at = Vec::new();
        for node in &before.nodes {
            let (known, index) =
                (graph.nodes.len(), graph.keyed(node.column, &node.key, &node.name, node.detail.clone()));
            if index == known {
                graph.nodes[index] = Node { fate: Fate::Gone, ..node.clone() };
            }
            at.push(index);
        }
        let was: Vec<(usize, usize)> = before.edges.iter().map(|edge| (at[edge.from], at[edge.to])).collect();
        let known: HashSet<(usize, usize)> = was.iter().copied().collect();
        for edge in &mut graph.edges {
            edge.fate = if known.contains(&(edge.from, edge.to)) { Fate::Same } else { Fate::New };
        }
        for (edge, (from, to)) in before.edges.iter().zip(was) {
            if graph.drawn.insert((from, to)) {
                graph.edges.push(Edge { from, to, word: edge.word, fate: Fate::Gone });
            }
        }
        graph
    }

    /// Whether anything of it is another than it was.
    pub fn is_changed(&self) -> bool {
        let mut fates = self.nodes.iter().map(|node| node.fate).chain(self.edges.iter().map(|edge| edge.fate));
        fates.any(|fate| fate != Fate::Same)
    }

    /// How many of its nodes become what.
    pub fn count(&self, fate: Fate) -> usize {
        self.nodes.iter().filter(|node| node.fate == fate).count()
    }
}

impl Fate {
    /// A character that says it.
    pub fn marker(self) -> Option<char> {
        match self {
            Self::Same => None,
            Self::Changed => Some('~'),
            Self::New => Some('+'),
            Self::Gone => Some('-'),
        }
    }

    /// Its name, for style sheets.
    pub fn id(self) -> Option<&'static str> {
        match self {
            Self::Same => None,
            Self::Changed => Some("changed"),
            Self::New => Some("new"),
            Self::Gone => Some("gone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Column, Fate, Graph};

    fn graph(names: &[(Column, &str, &[&str])], edges: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::default();
        for (column, name, detail) in names {
            graph.object(*column, name, detail.iter().map(|line| (*line).to_owned()).collect(), name);
        }
        edges.iter().for_each(|(from, to)| graph.edge(*from, *to, "leads to"));
        graph
    }

    #[test]
    fn what_comes_goes_and_changes_is_told_of_nodes_and_edges() {
        let before = graph(
            &[
                (Column::App, "a", &[]),
                (Column::Role, "old", &[]),
                (Column::Role, "r", &[]),
                (Column::Resource, "x", &["s3"]),
            ],
            &[(0, 1), (0, 2), (2, 3)],
        );
        let after = graph(
            &[
                (Column::App, "a", &[]),
                (Column::Role, "r", &[]),
                (Column::Role, "new", &[]),
                (Column::Resource, "x", &["s3"]),
            ],
            &[(0, 1), (0, 2), (1, 3), (2, 3)],
        );
        let both = Graph::between(&before, &after, |path| path == "r");
        let nodes: Vec<(&str, Fate)> = both.nodes.iter().map(|node| (node.name.as_str(), node.fate)).collect();
        assert_eq!(
            nodes,
            [("a", Fate::Same), ("r", Fate::Changed), ("new", Fate::New), ("x", Fate::Same), ("old", Fate::Gone),]
        );
        let edges: Vec<(usize, usize, Fate)> = both.edges.iter().map(|edge| (edge.from, edge.to, edge.fate)).collect();
        assert_eq!(
            edges,
            [(0, 1, Fate::Same), (0, 2, Fate::New), (1, 3, Fate::Same), (2, 3, Fate::New), (0, 4, Fate::Gone),]
        );
        assert!(both.is_changed() && !Graph::between(&after, &after, |_| false).is_changed());
    }
}
