//! The graph for Mermaid, which GitHub and GitLab draw in Markdown. Source: Mermaid, "Flowcharts syntax".

use super::{Column, Edge, Graph};
use crate::text::one_line;

impl Graph {
    /// The graph as a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let mut out = format!("flowchart LR\n  accTitle: {}\n", plain(&self.title));
        for (index, node) in self.nodes.iter().enumerate() {
            let (open, close) = match node.column {
                Column::Login => ("([", "])"),
                Column::App => ("[", "]"),
                Column::Policy => ("{{", "}}"),
                Column::Role => ("[[", "]]"),
                Column::IamRole => ("[/", "/]"),
                Column::Resource => ("[(", ")]"),
            };
            let lines = [vec![node.name.clone()], node.lines()].concat();
            let label: Vec<String> = lines.iter().map(|line| entities(line)).collect();
            out.push_str(&format!("  n{index}{open}\"{}\"{close}\n", label.join("<br/>")));
        }
        for Edge { from, to, word, .. } in &self.edges {
            out.push_str(&format!("  n{from} -->|{word}| n{to}\n"));
        }
        out
    }
}

/// Everything but letters, digits and a few signs as an entity: labels are HTML inside Mermaid's own syntax.
fn entities(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in one_line(text).chars() {
        match c {
            c if c.is_alphanumeric() || matches!(c, ' ' | '/' | '.' | '-' | '_' | ',') => safe.push(c),
            c => safe.push_str(&format!("#{};", u32::from(c))),
        }
    }
    safe
}

/// A title has no entities, and ends with its line.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, ' ' | '/' | '.' | '-' | '_' | ',') { c } else { ' ' })
        .collect()
}
