//! The graph for Graphviz. Source: Graphviz, "The DOT language".

use super::{Column, Edge, Graph};
use crate::text::one_line;

impl Graph {
    /// The graph in the DOT language.
    pub fn dot(&self) -> String {
        let mut out = format!(
            "digraph leasehold {{\n  label={};\n  labelloc=t;\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n",
            quoted(&self.title)
        );
        for (index, node) in self.nodes.iter().enumerate() {
            let shape = match node.column {
                Column::Login => "ellipse",
                Column::App => "box",
                Column::Policy => "note",
                Column::Role => "component",
                Column::IamRole => "hexagon",
                Column::Resource => "folder",
            };
            let label = [vec![node.name.clone()], node.lines()].concat().join("\n");
            out.push_str(&format!("  n{index} [shape={shape}, label={}];\n", quoted(&label)));
        }
        for Edge { from, to, word, .. } in &self.edges {
            out.push_str(&format!("  n{from} -> n{to} [label={}];\n", quoted(word)));
        }
        out.push_str("}\n");
        out
    }
}

/// A double-quoted string; a line feed in it becomes DOT's escape for one.
fn quoted(text: &str) -> String {
    let lines: Vec<String> =
        text.split('\n').map(|line| one_line(line).replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", lines.join("\\n"))
}
