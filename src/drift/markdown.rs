//! Drift as an issue or a comment.

use super::{Drift, Fate};
use crate::plan::{Page, short};
use crate::review::Colour;
use crate::review::escape::{code, markdown as plain};

/// The marker by which a later run finds the issue or comment of an earlier one. Readers don't see it.
const MARKER: &str = "<!-- leasehold-drift -->";

/// Bytes of fields that are shown of one object: GitHub takes 65,536 in all.
const FIELDS_BYTES_MAX: usize = 4_000;

/// Objects that are named of each sort.
const SHOWN_MAX: usize = 100;

impl Drift {
    /// What drifted, as Markdown.
    pub fn markdown(&self) -> String {
        let mut out = format!("{MARKER}\n### Drift in {}\n\n{}\n", code(&self.environment), self.summary());
        section("Changed behind our back", &self.changed, &mut out, |changed, out| {
            let gone = if matches!(changed.fate, Fate::Gone) { ", is gone" } else { "" };
            let wrote = changed.commit.as_ref().map(|commit| format!(", written from {}", code(&short(commit))));
            let both = match (changed.pending, changed.beside_files) {
                (true, _) if changed.agreed => "; the files say the same since, and that is not applied",
                (true, true) => "; the files say something else about it, too; shown beside the files",
                (true, false) => "; the files say something else about it, too",
                (false, _) => "",
            };
            let (kind, path, place) = (changed.kind.name, code(&changed.path), code(&changed.place.to_string()));
            out.push_str(&format!("- {kind} {path}{gone} ({place}{}){both}\n", wrote.unwrap_or_default()));
            if let Fate::Differs(fields) = &changed.fate {
                let mut page = Page::new(Colour::Never);
                page.changed_fields(fields);
                out.push_str(&fenced(&page.out));
            }
        });
        if let Some(review) = self.review.as_ref().filter(|review| !review.findings.is_empty()) {
            let gains: Vec<_> = review.gains().collect();
            section("Access gained by that", &gains, &mut out, |finding, out| {
                let unsure = finding.cannot_tell.as_ref().map(|why| format!(" (can't tell: {})", plain(why)));
                out.push_str(&format!("- {}: {}", code(&finding.subject.to_string()), plain(&finding.what)));
                out.push_str(&format!("{}\n", unsure.unwrap_or_default()));
            });
            if gains.is_empty() {
                out.push_str("\nNobody gains access by that.\n");
            }
        }
        let title = if self.refusals.is_empty() {
            "Committed, not yet applied"
        } else {
            "Not applied, and an apply is refused"
        };
        section(title, &self.pending, &mut out, |pending, out| {
            let both = if pending.changed { ", and changed behind our back" } else { "" };
            let (path, place) = (code(&pending.path), code(&pending.place.to_string()));
            out.push_str(&format!("- {} {} {path} ({place}{both})\n", pending.action.word(), pending.kind.name));
        });
        section("An apply of these files is refused", &self.refusals, &mut out, |refusal, out| {
            out.push_str(&format!("- {}; {}\n", plain(&refusal.to_string()), plain(&refusal.hint())));
        });
        section("Not ours", &self.foreign, &mut out, |foreign, out| {
            let declared =
                foreign.declared.as_ref().map(|place| format!(" (declared at {})", code(&place.to_string())));
            out.push_str(&format!("- {} {}{}\n", foreign.kind, code(&foreign.path), declared.unwrap_or_default()));
        });
        section("Notes", &self.notes, &mut out, |note, out| out.push_str(&format!("- {}\n", plain(note))));
        out
    }
}

fn section<T>(title: &str, all: &[T], out: &mut String, one: impl Fn(&T, &mut String)) {
    if all.is_empty() {
        return;
    }
    out.push_str(&format!("\n**{title}**\n\n"));
    all.iter().take(SHOWN_MAX).for_each(|item| one(item, out));
    if all.len() > SHOWN_MAX {
        out.push_str(&format!("- and {} more\n", all.len() - SHOWN_MAX));
    }
}

/// A block of code in a list, cut where it is long. Its fence is longer than any in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut lines = String::new();
    for line in text.lines() {
        if lines.len() + line.len() > FIELDS_BYTES_MAX {
            lines.push_str("  ...\n");
            break;
        }
        lines.push_str(&format!("  {}\n", line.strip_prefix("      ").unwrap_or(line)));
    }
    format!("  {fence}diff\n{lines}  {fence}\n")
}
