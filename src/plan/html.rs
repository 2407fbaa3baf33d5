//! The plan as one HTML file: what is refused and who gains what first, then leases, the graph of what changes, and each
//! object, folded. Nothing is loaded, and texts from files and engines are escaped.

use std::collections::{BTreeMap, HashMap};

use super::change::{Change, ChangeAction};
use super::outstanding::{LeaseFate, Outstanding};
use super::refusal::Refusal;
use super::rename::Half;
use super::text::files_of;
use super::value::Plan;
use crate::review::escape::html as safe;
use crate::review::page::{Section, listed, searchable};
use crate::review::state::graph::{Fate, Graph};
use crate::review::words_of_duration;
use crate::text::count_of;

/// Up to so many graphs are shown open.
const GRAPHS_OPEN_MAX: usize = 3;

/// Up to so many objects are shown open.
const OBJECTS_OPEN_MAX: usize = 5;

/// How many graphs a page has: more of them nobody looks at, and each app's objects are there.
const GRAPHS_MAX: usize = 500;

impl Plan {
    /// The plan as a page. `graphs` are those of the apps that it touches.
    pub fn html(&self, graphs: &[Graph]) -> String {
        let (mut anchors, mut shown) = (HashMap::new(), Vec::new());
        for (index, change) in self.changes.iter().enumerate() {
            match self.renamed_of(change) {
                Some(Half::Old) => continue,
                Some(Half::New(old)) => drop(anchors.insert(old.path.as_str(), index)),
                None => {}
            }
            anchors.insert(change.path.as_str(), index);
            shown.push((index, change));
        }
        Html { plan: self, anchors, shown }.page(graphs)
    }
}

/// A page that is being written.
struct Html<'p> {
    plan: &'p Plan,
    /// Where objects are told, by their paths.
    anchors: HashMap<&'p str, usize>,
    /// What is told, with its place.
    shown: Vec<(usize, &'p Change)>,
}

impl Html<'_> {
    fn page(&self, graphs: &[Graph]) -> String {
        let title = format!("Plan for {}", self.plan.environment);
        let sections = [
            self.refused_section(),
            self.access_section(),
            self.leases_section(),
            self.graphs_section(graphs),
            self.objects_section(),
            self.configured_section(),
            self.left_out_section(),
            self.notes_section(),
        ];
        let sections: Vec<Section> = sections.into_iter().flatten().collect();
        searchable(&title, &self.head(), &sections)
    }

    fn head(&self) -> String {
        let configured = self.plan.configured_words();
        let (class, verdict) = match (self.plan.refusals.is_empty(), self.plan.changes.is_empty()) {
            (true, true) if configured.is_some() => ("look", "Nothing is applied.".to_owned()),
            (false, _) => ("stop", "Refused: it can't be applied as it is.".to_owned()),
            (true, true) => {
                let objects = count_of(self.plan.unchanged, "object is", "objects are");
                ("good", format!("No changes. {objects} as declared."))
            }
            (true, false) => {
                let gains = self.plan.review.as_ref().map_or(0, |review| review.gains().count());
                let gains = match gains {
                    0 => "Nobody gains access.".to_owned(),
                    1 => "1 gain of access needs a reviewer.".to_owned(),
                    gains => format!("{gains} gains of access need a reviewer."),
                };
                ("look", format!("{} {gains}", self.plan.summary()))
            }
        };
        let mut out = format!("<p class=\"verdict {class}\">{}</p>\n", safe(&verdict));
        out.extend(configured.map(|words| format!("<p>{}</p>\n", safe(&words))));
        if class == "stop" {
            out.push_str(&format!("<p>{}</p>\n", safe(&self.plan.summary().to_string())));
        }
        out.push_str(&format!("<p class=\"details\">From {}.", safe(&files_of(self.plan.commit.as_deref()))));
        if !self.plan.changes.is_empty() {
            out.push_str(&format!(" Digest <code>{}</code>", safe(&self.plan.digest())));
            let review = self.plan.review_digest.iter().map(|digest| format!(", review <code>{}</code>", safe(digest)));
            out.push_str(&format!("{}.", review.collect::<String>()));
        }
        out + "</p>\n"
    }

    fn refused_section(&self) -> Option<Section> {
        let one = |refusal: &Refusal| {
            format!(
                "<div class=\"item finding stop\">{}<ul class=\"details\"><li>{}</li></ul></div>\n",
                safe(&refusal.to_string()),
                safe(&refusal.hint())
            )
        };
        listed("refused", "Refused", &self.plan.refusals, one)
    }

    fn access_section(&self) -> Option<Section> {
        let review = self.plan.review.as_ref().filter(|_| !self.plan.changes.is_empty())?;
        Some(Section {
            id: "access",
            title: "Access",
            count: Some(review.findings.len() + review.violations.len()),
            body: review.html(),
        })
    }

    /// Leases that are out, and keys.
    fn leases_section(&self) -> Option<Section> {
        let mut rows = Vec::new();
        for change in &self.plan.changes {
            let path = format!("<td>{}</td>", self.linked(&change.path));
            if let Some(keys) = &change.keys {
                rows.push(format!("{path}<td class=\"number\"></td><td>{}</td><td></td>", safe(&keys.to_string())));
            }
            let told = change.leases.as_ref().filter(|leases| leases.count() != Some(0));
            rows.extend(told.map(|leases| lease_row(&path, leases)));
        }
        if rows.is_empty() {
            return None;
        }
        let count = rows.len();
        let rows: Vec<String> = rows.into_iter().map(|row| format!("<tr class=\"item\">{row}</tr>\n")).collect();
        let body = format!(
            "<div class=\"scroll\">\n<table>\n<thead><tr><th>object</th><th class=\"number\">leases out</th><th>what becomes of them</th>\
             <th>for at most</th></tr></thead>\n<tbody>\n{}</tbody>\n</table>\n</div>\n",
            rows.concat()
        );
        Some(Section { id: "leases", title: "Leases and keys", count: Some(count), body })
    }

    fn graphs_section(&self, graphs: &[Graph]) -> Option<Section> {
        if graphs.is_empty() {
            return None;
        }
        let mut body =
            "<p class=\"details legend\">Who may get what, of each app that is touched: <b class=\"new\">+</b> new, \
                        <b class=\"changed\">~</b> changed, <b class=\"gone\">-</b> gone.</p>\n"
                .to_owned();
        for graph in graphs.iter().take(GRAPHS_MAX) {
            let counts = [(Fate::New, "new"), (Fate::Changed, "changed"), (Fate::Gone, "gone")];
            let counts = counts.map(|(fate, word)| (graph.count(fate), word));
            let counts: Vec<String> =
                counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
            let open = if graphs.len() <= GRAPHS_OPEN_MAX { " open" } else { "" };
            body.push_str(&format!(
                "<details class=\"item\"{open}><summary>{} <span class=\"place\">{}</span></summary>\n<div \
                 class=\"scroll\">{}</div></details>\n",
                safe(&graph.title),
                counts.join(", "),
                graph.svg_on_page(|node| self.anchor(node.path.as_deref()?))
            ));
        }
        if graphs.len() > GRAPHS_MAX {
            body.push_str(&format!("<p>And {} more apps.</p>\n", graphs.len() - GRAPHS_MAX));
        }
        Some(Section { id: "graph", title: "Graph", count: Some(graphs.len()), body })
    }

    /// Each object, by the app that it is of.
    fn objects_section(&self) -> Option<Section> {
        let mut apps: BTreeMap<Option<&str>, Vec<&(usize, &Change)>> = BTreeMap::new();
        for one in &self.shown {
            apps.entry(one.1.app.as_deref()).or_default().push(one);
        }
        let mut body = String::new();
        for (app, changes) in apps {
            let title = app.map_or_else(|| "shared".to_owned(), |app| format!("app {app}"));
            body.push_str(&format!("<div class=\"group\">\n<h3>{}</h3>\n", safe(&title)));
            changes.into_iter().for_each(|(index, change)| body.push_str(&self.entry(*index, change)));
            body.push_str("</div>\n");
        }
        let count = self.shown.len();
        (count > 0).then_some(Section { id: "objects", title: "Objects", count: Some(count), body })
    }

    /// An object and what becomes of it, behind its name.
    fn entry(&self, index: usize, change: &Change) -> String {
        let half = self.plan.renamed_of(change);
        let (marker, name) = match half {
            Some(Half::New(old)) => {
                ('>', format!("<code>{}</code> &rarr; <code>{}</code>", safe(&old.path), safe(&change.path)))
            }
            _ => (change.action.marker(), format!("<code>{}</code>", safe(&change.path))),
        };
        let why = match (change.action, &change.absence) {
            (ChangeAction::Adopt, _) => ", exists and is not ours".to_owned(),
            (ChangeAction::Delete | ChangeAction::Forget, Some(absence)) => format!(", {absence}"),
            (ChangeAction::Delete | ChangeAction::Forget, None) => ", no longer declared".to_owned(),
            _ => String::new(),
        };
        let lines = lines_html(&self.plan.body_of(change));
        format!(
            "<details class=\"item {action}\" id=\"o{index}\"{open}><summary><span class=\"mark\">{}</span> <span \
             class=\"kind\">{}</span> {name} <span class=\"place\">{action}, {}</span></summary>\n<pre>{lines}</pre></details>\n",
            safe(&marker.to_string()),
            change.kind.name,
            safe(&format!("{}{why}", change.place)),
            action = change.action.word(),
            open = if self.shown.len() <= OBJECTS_OPEN_MAX { " open" } else { "" },
        )
    }

    fn configured_section(&self) -> Option<Section> {
        listed("configured", "To be written in the server's configuration", &self.plan.configured, |one| {
            let change = &one.change;
            format!(
                "<div class=\"item\">{} <code>{}</code> <span class=\"place\">{}</span><ul class=\"details\"><li>{}</li></ul>\
                 <pre>{}</pre></div>\n",
                change.kind.name,
                safe(&change.path),
                safe(&change.place.to_string()),
                safe(one.what()),
                safe(&one.stanza)
            )
        })
    }

    fn left_out_section(&self) -> Option<Section> {
        listed("left-out", "Not selected", self.plan.left_out(), |one| {
            format!("<p class=\"item\">{} {} <code>{}</code></p>\n", one.action.word(), one.kind.name, safe(&one.path))
        })
    }

    fn notes_section(&self) -> Option<Section> {
        let mut notes = self.plan.notes.clone();
        if !self.plan.unmanaged.is_empty() {
            let objects = count_of(self.plan.unmanaged.len(), "object is", "objects are");
            notes.push(format!("{objects} there that are not ours, and left alone"));
        }
        listed("notes", "Notes", &notes, |note| format!("<p class=\"item\">{}</p>\n", safe(note)))
    }

    /// The address on the page of what is told of an object.
    fn anchor(&self, path: &str) -> Option<String> {
        self.anchors.get(path).map(|index| format!("#o{index}"))
    }

    fn linked(&self, path: &str) -> String {
        let code = format!("<code>{}</code>", safe(path));
        self.anchor(path).map_or(code.clone(), |anchor| format!("<a href=\"{anchor}\">{code}</a>"))
    }
}

fn lease_row(path: &str, leases: &Outstanding) -> String {
    let count = leases.count().map_or_else(|| "not known".to_owned(), |count| count.to_string());
    let fate = match leases.fate {
        LeaseFate::Revoked => "revoked by this",
        LeaseFate::Stay => "stay until they end",
        LeaseFate::KeepOlder => "keep what they were issued with until they end",
        LeaseFate::Out => "out from before this change",
    };
    let folders = leases.folders.iter().flatten().filter(|(name, _)| **name != leases.prefix);
    let folders = folders.map(|(name, folder)| format!("<li><code>{}</code> {}</li>", safe(name), folder.leases));
    let folders: String = folders.collect();
    let folders = if folders.is_empty() { folders } else { format!("<ul class=\"details\">{folders}</ul>") };
    let longest = leases.seconds_max().filter(|_| leases.fate != LeaseFate::Revoked).map(words_of_duration);
    format!(
        "{path}<td class=\"number\">{count}</td><td>{fate}{folders}</td><td>{}</td>",
        safe(&longest.unwrap_or_default())
    )
}

/// What becomes of an object, each line coloured by its mark.
pub(crate) fn lines_html(text: &str) -> String {
    text.lines().map(line).collect()
}

fn line(line: &str) -> String {
    // What is added or taken away has its mark where context has a space.
    let (class, shown) = match line.strip_prefix("        ").or_else(|| line.strip_prefix("      ")) {
        Some(rest) if line.starts_with("        +") => ("added", rest),
        Some(rest) if line.starts_with("        -") => ("removed", rest),
        Some(rest) if line.starts_with("      ! ") => ("told", rest),
        Some(rest) => ("", rest),
        None => ("", line),
    };
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<span{class}>{}</span>", safe(shown))
}
