//! The graph as a picture that needs no other program: columns, each node where its neighbours are.

use super::{Column, Edge, Graph, Node};
use crate::review::escape::xml;

const COLUMNS: [(Column, &str); 6] = [
    (Column::Login, "login"),
    (Column::App, "app"),
    (Column::Policy, "policies of its tokens"),
    (Column::Role, "role"),
    (Column::IamRole, "IAM role"),
    (Column::Resource, "AWS"),
];

/// How small a picture by itself gets in a small window, in percent: below that nobody could read it, and it is scrolled.
const LEAST_PERCENT: usize = 75;

/// Widths and heights in pixels. A character of the font is taken to be this wide.
const CHARACTER: usize = 7;
const CHARACTER_BOLD: usize = 8;
const LINE: usize = 16;
const BOX_GAP: usize = 14;
const TOP: usize = 80;
const MARGIN: usize = 20;

/// How wide columns are drawn.
#[derive(Clone, Copy)]
struct Widths {
    /// A box.
    boxes: usize,
    /// What is between two columns.
    gap: usize,
    /// What is left and right of all.
    margin: usize,
    /// What is above the boxes.
    top: usize,
}

/// Of a picture by itself.
const ALONE: Widths = Widths { boxes: 250, gap: 90, margin: MARGIN, top: TOP };

/// Of one on a page, which is to fit five columns.
const ON_PAGE: Widths = Widths { boxes: 208, gap: 40, margin: 4, top: 32 };

impl Widths {
    fn x(self, column: usize) -> usize {
        self.margin + column * (self.boxes + self.gap)
    }

    fn all(self, columns: usize) -> usize {
        self.margin * 2 + columns * self.boxes + columns.saturating_sub(1) * self.gap
    }
}

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
    /// The graph as a self-contained SVG document, which fits the window that it is opened in.
    pub fn svg(&self) -> String {
        let columns = self.columns();
        let places = self.places(&columns, ALONE);
        let bottom = places.iter().map(|place| place.y + place.height).max().unwrap_or(TOP);
        let (width, height) = (ALONE.all(columns.len()), bottom + MARGIN);
        let [least_width, least_height] = [width, height].map(|length| length * LEAST_PERCENT / 100);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"100%\" \
             style=\"min-width:{least_width}px;min-height:{least_height}px\" preserveAspectRatio=\"xMidYMin meet\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"{MARGIN}\" y=\"32\" font-size=\"16\" font-weight=\"bold\">{title}</text>\n",
            title = xml(&self.title)
        );
        self.draw(&columns, &places, ALONE, |_| None, &mut out);
        out.push_str("</svg>\n");
        out
    }

    /// The graph as a part of a page in HTML. The page's style gives its colours, by classes; nodes lead to where `link` says.
    pub(crate) fn svg_on_page(&self, link: impl Fn(&Node) -> Option<String>) -> String {
        let columns = self.columns();
        let places = self.places(&columns, ON_PAGE);
        let bottom = places.iter().map(|place| place.y + place.height).max().unwrap_or_default();
        let (width, height) = (ON_PAGE.all(columns.len()), bottom + ON_PAGE.margin);
        let mut out = format!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-size=\"12\" role=\"group\" \
             aria-label=\"{}\">\n",
            xml(&self.title)
        );
        self.draw(&columns, &places, ON_PAGE, link, &mut out);
        out.push_str("</svg>\n");
        out
    }

    fn draw(
        &self,
        columns: &[(Column, &str)],
        places: &[Place],
        widths: Widths,
        link: impl Fn(&Node) -> Option<String>,
        out: &mut String,
    ) {
        for (index, (_, name)) in columns.iter().enumerate() {
            let (x, y) = (widths.x(index), widths.top - 16);
            out.push_str(&format!("<text x=\"{x}\" y=\"{y}\" font-size=\"14\" fill=\"#57606a\">{name}</text>\n"));
        }
        for one in &self.edges {
            let [from, to] = [one.from, one.to].map(|index| (&self.nodes[index], places[index]));
            out.push_str(&edge(one, from, to, widths));
        }
        for (node, place) in self.nodes.iter().zip(places) {
            let shown = boxed(node, *place, widths);
            out.push_str(&match link(node) {
                Some(link) => format!("<a href=\"{}\">{shown}</a>\n", xml(&link)),
                None => shown,
            });
        }
    }

    /// The columns that are drawn: where no role opens sessions, none is kept for whom they are of.
    fn columns(&self) -> Vec<(Column, &'static str)> {
        let has = |column: Column| self.nodes.iter().any(|node| node.column == column);
        COLUMNS.into_iter().filter(|(column, _)| *column != Column::IamRole || has(*column)).collect()
    }

    /// Columns are ordered one after the other by the middle of each node's neighbours in the column beside it, to
    /// and fro, so that edges cross little. Source: Sugiyama, Tagawa, Toda, "Methods for visual understanding of
    /// hierarchical system structures".
    fn places(&self, columns: &[(Column, &str)], widths: Widths) -> Vec<Place> {
        let mut order: Vec<Vec<usize>> = columns
            .iter()
            .map(|(column, _)| (0..self.nodes.len()).filter(|index| self.nodes[*index].column == *column).collect())
            .collect();
        let (mut left, mut right) = (vec![Vec::new(); self.nodes.len()], vec![Vec::new(); self.nodes.len()]);
        for Edge { from, to, .. } in &self.edges {
            right[*from].push(*to);
            left[*to].push(*from);
        }
        let mut places = vec![Place::default(); self.nodes.len()];
        (0..columns.len()).for_each(|column| self.stack(column, &order[column], &mut places, &[], widths));
        for _ in 0..ROUNDS {
            for (column, nodes) in order.iter_mut().enumerate() {
                sort(nodes, &left, &places);
                self.stack(column, nodes, &mut places, &[], widths);
            }
            for (column, nodes) in order.iter_mut().enumerate().rev() {
                sort(nodes, &right, &places);
                self.stack(column, nodes, &mut places, &[], widths);
            }
        }
        (0..columns.len()).for_each(|column| self.stack(column, &order[column], &mut places, &left, widths));
        places
    }

    /// Puts a column's nodes below each other, none above the middle of its neighbours.
    fn stack(&self, column: usize, nodes: &[usize], places: &mut [Place], neighbours: &[Vec<usize>], widths: Widths) {
        let mut free = widths.top;
        for index in nodes {
            let height = LINE * (1 + self.nodes[*index].lines().len()) + 12;
            let wanted = neighbours.get(*index).and_then(|neighbours| middle(neighbours, places));
            let y = free.max(wanted.unwrap_or(widths.top).saturating_sub(height / 2));
            places[*index] = Place { x: widths.x(column), y, height };
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

fn edge(edge: &Edge, from: (&Node, Place), to: (&Node, Place), widths: Widths) -> String {
    let ((start, from), (end, to)) = (from, to);
    let (x1, y1) = (from.x + widths.boxes, from.center());
    let (x2, y2) = (to.x, to.center());
    let middle = (x1 + x2) / 2;
    format!(
        "<path d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#8c959f\"{}>\
         <title>{} {} {}</title></path>\n",
        class(edge.fate.id()),
        xml(&start.name),
        edge.word,
        xml(&end.name)
    )
}

/// The attribute of these classes; none of none.
fn class<'c>(classes: impl IntoIterator<Item = &'c str>) -> String {
    let classes: Vec<&str> = classes.into_iter().collect();
    if classes.is_empty() { String::new() } else { format!(" class=\"{}\"", classes.join(" ")) }
}

fn boxed(node: &Node, place: Place, widths: Widths) -> String {
    let Place { x, y, height } = place;
    let width = widths.boxes;
    let (name, fill) = match node.column {
        Column::Login => ("login", "#ddf4ff"),
        Column::App => ("app", "#dafbe1"),
        Column::Policy => ("policy", "#fbefff"),
        Column::Role => ("role", "#fff8c5"),
        Column::IamRole => ("iam-role", "#ffebe9"),
        Column::Resource => ("resource", "#f6f8fa"),
    };
    // A line feed that is escaped would be shown as such.
    let title: Vec<String> = std::iter::once(&node.name).chain(&node.detail).map(|line| xml(line)).collect();
    let mut out = format!(
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\" \
         fill=\"{fill}\" stroke=\"#57606a\"{}/>\n",
        title.join("\n"),
        class(std::iter::once(name).chain(node.fate.id()))
    );
    let marked = node.fate.marker().map(|marker| format!("{marker} {}", node.name));
    let lines = [vec![marked.unwrap_or_else(|| node.name.clone())], node.lines()].concat();
    for (index, line) in lines.iter().enumerate() {
        let (weight, wide) = match index {
            0 => (" font-weight=\"bold\"", CHARACTER_BOLD),
            _ => (" fill=\"#57606a\"", CHARACTER),
        };
        let (x, y) = (x + 8, y + LINE * (index + 1));
        let line = xml(&fitted(line, width, wide));
        out.push_str(&format!("<text x=\"{x}\" y=\"{y}\"{weight}>{line}</text>\n"));
    }
    out.push_str("</g>\n");
    out
}

/// As much of a text as fits into a box of this width: its end says more than its middle.
fn fitted(text: &str, width: usize, character: usize) -> String {
    let (most, all) = ((width - 16) / character, text.chars().count());
    if all <= most {
        return text.to_owned();
    }
    let head = most / 3;
    let tail = text.chars().skip(all - (most - 1 - head));
    text.chars().take(head).chain(['\u{2026}']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn what_is_too_long_keeps_its_beginning_and_its_end() {
        assert_eq!(fitted("auth/x", 96, 8), "auth/x");
        let cut = fitted("auth/approle/role/app-webapp", 136, 8);
        assert_eq!((cut.as_str(), cut.chars().count()), ("auth/\u{2026}pp-webapp", 15));
    }
}
