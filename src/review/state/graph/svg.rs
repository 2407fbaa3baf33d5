//! The graph as a picture that needs no other program: columns, each node where its neighbours are.

use super::{Column, Graph, Node};
use crate::review::escape::xml;

const COLUMNS: [(Column, &str); 6] = [
    (Column::Login, "login"),
    (Column::App, "app"),
    (Column::Policy, "policies of its tokens"),
    (Column::Role, "role"),
    (Column::IamRole, "IAM role"),
    (Column::Service, "AWS"),
];

/// Widths and heights in pixels. A character of the font is taken to be this wide.
const CHARACTER: usize = 7;
const CHARACTER_BOLD: usize = 8;
const BOX_WIDTH: usize = 250;
const COLUMN_GAP: usize = 90;
const LINE: usize = 16;
const BOX_GAP: usize = 14;
const TOP: usize = 80;
const MARGIN: usize = 20;

/// How many times columns are ordered to and fro.
const ROUNDS: usize = 4;

/// A node's box.
#[derive(Clone, Copy, Default)]
struct Place {
    x: usize,
    y: usize,
    height: usize,
}

impl Graph {
    /// The graph as a self-contained SVG document.
    pub fn svg(&self) -> String {
        let columns = self.columns();
        let places = self.places(&columns);
        let bottom = places.iter().map(|place| place.y + place.height).max().unwrap_or(TOP);
        let (width, height) =
            (MARGIN * 2 + columns.len() * BOX_WIDTH + (columns.len() - 1) * COLUMN_GAP, bottom + MARGIN);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"{MARGIN}\" y=\"32\" font-size=\"16\" font-weight=\"bold\">{title}</text>\n",
            title = xml(&self.title)
        );
        for (index, (_, name)) in columns.iter().enumerate() {
            let x = MARGIN + index * (BOX_WIDTH + COLUMN_GAP);
            out.push_str(&format!("<text x=\"{x}\" y=\"64\" font-size=\"14\" fill=\"#57606a\">{name}</text>\n"));
        }
        for (from, to, word) in &self.edges {
            out.push_str(&edge(places[*from], places[*to], word, &self.nodes[*from], &self.nodes[*to]));
        }
        for (node, place) in self.nodes.iter().zip(&places) {
            out.push_str(&boxed(node, *place));
        }
        out.push_str("</svg>\n");
        out
    }

    /// The columns that are drawn: where no role opens sessions, none is kept for whom they are of.
    fn columns(&self) -> Vec<(Column, &'static str)> {
        let has = |column: Column| self.nodes.iter().any(|node| node.column == column);
        COLUMNS.into_iter().filter(|(column, _)| *column != Column::IamRole || has(*column)).collect()
    }

    /// Columns are ordered one after the other by the middle of each node's neighbours in the column beside it, to
    /// and fro, so that edges cross little. Source: Sugiyama, Tagawa, Toda, "Methods for visual understanding of
    /// hierarchical system structures".
    fn places(&self, columns: &[(Column, &str)]) -> Vec<Place> {
        let mut order: Vec<Vec<usize>> = columns
            .iter()
            .map(|(column, _)| (0..self.nodes.len()).filter(|index| self.nodes[*index].column == *column).collect())
            .collect();
        let (mut left, mut right) = (vec![Vec::new(); self.nodes.len()], vec![Vec::new(); self.nodes.len()]);
        for (from, to, _) in &self.edges {
            right[*from].push(*to);
            left[*to].push(*from);
        }
        let mut places = vec![Place::default(); self.nodes.len()];
        (0..columns.len()).for_each(|column| self.stack(column, &order[column], &mut places, &[]));
        for _ in 0..ROUNDS {
            for (column, nodes) in order.iter_mut().enumerate() {
                sort(nodes, &left, &places);
                self.stack(column, nodes, &mut places, &[]);
            }
            for (column, nodes) in order.iter_mut().enumerate().rev() {
                sort(nodes, &right, &places);
                self.stack(column, nodes, &mut places, &[]);
            }
        }
        (0..columns.len()).for_each(|column| self.stack(column, &order[column], &mut places, &left));
        places
    }

    /// Puts a column's nodes below each other, none above the middle of its neighbours.
    fn stack(&self, column: usize, nodes: &[usize], places: &mut [Place], neighbours: &[Vec<usize>]) {
        let mut free = TOP;
        for index in nodes {
            let height = LINE * (1 + self.nodes[*index].lines().len()) + 12;
            let wanted = neighbours.get(*index).and_then(|neighbours| middle(neighbours, places));
            let y = free.max(wanted.unwrap_or(TOP).saturating_sub(height / 2));
            places[*index] = Place { x: MARGIN + column * (BOX_WIDTH + COLUMN_GAP), y, height };
            free = y + height + BOX_GAP;
        }
    }
}

/// Orders a column by the middles of neighbours; a node without any stays where it is.
fn sort(nodes: &mut [usize], neighbours: &[Vec<usize>], places: &[Place]) {
    nodes.sort_by_key(|index| middle(&neighbours[*index], places).unwrap_or(places[*index].center()));
}

fn middle(nodes: &[usize], places: &[Place]) -> Option<usize> {
    let sum: usize = nodes.iter().map(|node| places[*node].center()).sum();
    sum.checked_div(nodes.len())
}

impl Place {
    fn center(self) -> usize {
        self.y + self.height / 2
    }
}

fn edge(from: Place, to: Place, word: &str, start: &Node, end: &Node) -> String {
    let (x1, y1) = (from.x + BOX_WIDTH, from.center());
    let (x2, y2) = (to.x, to.center());
    let middle = (x1 + x2) / 2;
    format!(
        "<path d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#8c959f\">\
         <title>{} {word} {}</title></path>\n",
        xml(&start.name),
        xml(&end.name)
    )
}

fn boxed(node: &Node, place: Place) -> String {
    let Place { x, y, height } = place;
    let fill = match node.column {
        Column::Login => "#ddf4ff",
        Column::App => "#dafbe1",
        Column::Policy => "#fbefff",
        Column::Role => "#fff8c5",
        Column::IamRole => "#ffebe9",
        Column::Service => "#f6f8fa",
    };
    // A line feed that is escaped would be shown as such.
    let title: Vec<String> = std::iter::once(&node.name).chain(&node.detail).map(|line| xml(line)).collect();
    let mut out = format!(
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{BOX_WIDTH}\" height=\"{height}\" rx=\"6\" \
         fill=\"{fill}\" stroke=\"#57606a\"/>\n",
        title.join("\n")
    );
    let lines = [vec![node.name.clone()], node.lines()].concat();
    for (index, line) in lines.iter().enumerate() {
        let (weight, wide) = match index {
            0 => (" font-weight=\"bold\"", CHARACTER_BOLD),
            _ => (" fill=\"#57606a\"", CHARACTER),
        };
        let (x, y) = (x + 8, y + LINE * (index + 1));
        out.push_str(&format!("<text x=\"{x}\" y=\"{y}\"{weight}>{}</text>\n", xml(&fitted(line, wide))));
    }
    out.push_str("</g>\n");
    out
}

/// As much of a text as fits into a box.
fn fitted(text: &str, character: usize) -> String {
    let most = (BOX_WIDTH - 16) / character;
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}
