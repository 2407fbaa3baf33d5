//! Drift as a page that stands alone, in the frame of plans and reviews.

use super::{Aside, Changed, Drift, Extent, Fate, Foreign, Pending, Rule};
use crate::plan::{Page, Refusal, files_of, lines_html, short};
use crate::review::Colour;
use crate::review::escape::html as safe;
use crate::review::page::{Section, listed, searchable};

/// Up to so many changed objects are shown open.
const OPEN_MAX: usize = 5;

impl Drift {
    /// What drifted, as HTML.
    pub fn html(&self) -> String {
        let title = format!("Drift in {}", self.environment);
        let class = match self.extent() {
            Extent::Clean => "good",
            Extent::Pending => "look",
            Extent::Drift => "stop",
        };
        let files = files_of(self.commit.as_deref());
        let head = format!(
            "<p class=\"verdict {class}\">{}</p>\n<p class=\"details\">Compared with what was applied last, and with {}.</p>\n",
            safe(&self.summary()),
            safe(&files)
        );
        let pending = match self.refusals.is_empty() {
            true => "Committed, not yet applied",
            false => "Not applied, and an apply is refused",
        };
        let refusal = |refusal: &Refusal| {
            let (what, hint) = (safe(&refusal.to_string()), safe(&refusal.hint()));
            format!("<div class=\"item finding stop\">{what}<ul class=\"details\"><li>{hint}</li></ul></div>\n")
        };
        let open = if self.changed.len() <= OPEN_MAX { " open" } else { "" };
        let sections = [
            listed("changed", "Changed behind our back", &self.changed, |one| {
                changed(one, open, &self.level_words(Rule::Changed, &one.path))
                    + &self.told_html(Rule::Changed, &one.path)
            }),
            self.access_section(),
            listed("pending", pending, &self.pending, pending_line),
            listed("refused", "Why an apply is refused", &self.refusals, refusal),
            listed("not-ours", "Not ours", &self.foreign, |one| {
                foreign_line(one, &self.level_words(Rule::NotOurs, &one.path))
                    + &self.told_html(Rule::NotOurs, &one.path)
            }),
            listed("accepted", "Accepted until a day", &self.accepted, Aside::html),
            listed("ignored", "Ignored, as the estate says", &self.ignored, Aside::html),
            listed("notes", "Notes", &self.notes, |note| format!("<p class=\"item\">{}</p>\n", safe(note))),
        ];
        let sections: Vec<Section> = sections.into_iter().flatten().collect();
        searchable(&title, &head, &sections)
    }

    /// What audit files tell of a finding, below it.
    fn told_html(&self, rule: Rule, path: &str) -> String {
        let lines = self.told_of(rule, path);
        lines.iter().map(|line| format!("<p class=\"item details\">{}</p>\n", safe(line))).collect()
    }

    fn access_section(&self) -> Option<Section> {
        let review = self.review.as_ref().filter(|review| !review.findings.is_empty())?;
        let (id, title) = ("access", "What that does to access");
        Some(Section { id, title, count: Some(review.findings.len()), body: review.html() })
    }
}

fn changed(changed: &Changed, open: &str, level: &str) -> String {
    let (what, mark, fields) = match &changed.fate {
        Fate::Gone => (", is gone", '-', String::new()),
        Fate::Differs(fields) => {
            let mut page = Page::new(Colour::Never);
            page.changed_fields(fields);
            ("", '~', page.out)
        }
    };
    let wrote = changed.commit.as_ref().map(|commit| format!(", written from commit {}", short(commit)));
    let remark = changed.remark().map(|remark| format!("<p class=\"details\">{}</p>\n", safe(&remark)));
    format!(
        "<details class=\"item {}\"{open}><summary><span class=\"mark\">{mark}</span> <span class=\"kind\">{}</span> \
         <code>{}</code>{what}{level} <span class=\"place\">{}</span></summary>\n{}<pre>{}</pre></details>\n",
        if mark == '-' { "delete" } else { "update" },
        changed.kind.name,
        safe(&changed.path),
        safe(&format!("{}{}", changed.place, wrote.unwrap_or_default())),
        remark.unwrap_or_default(),
        lines_html(&fields)
    )
}

fn pending_line(pending: &Pending) -> String {
    let both = if pending.changed { ", and changed behind our back" } else { "" };
    format!(
        "<p class=\"item\">{} {} <code>{}</code> <span class=\"place\">{}{both}</span></p>\n",
        pending.action.word(),
        pending.kind.name,
        safe(&pending.path),
        safe(&pending.place.to_string())
    )
}

fn foreign_line(foreign: &Foreign, level: &str) -> String {
    let declared = foreign.declared.as_ref().map(|place| format!("declared at {place}, and not made from these files"));
    format!(
        "<p class=\"item\">{} <code>{}</code>{level} <span class=\"place\">{}</span></p>\n",
        safe(foreign.kind),
        safe(&foreign.path),
        safe(&declared.unwrap_or_default())
    )
}
