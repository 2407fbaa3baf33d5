//! The plan as a comment on a pull request.
//!
//! Verdict, what is refused and who gains access come first, the objects are folded, and what there is too much of is
//! counted: it stays below what GitHub takes, whatever the plan. The first line is a marker that readers don't see: a step
//! of a pipeline finds its earlier comment by it and writes over it. Texts from files and engines are escaped.

use super::change::{Change, ChangeAction};
use super::rename::Half;
use super::summary::weight;
use super::text::files_of;
use super::value::Plan;
use crate::review::escape::{code, html, markdown as plain};
use crate::review::{Finding, Topic};
use crate::text::count_of;

/// Bytes of fields that are shown of one object.
const FIELDS_BYTES_MAX: usize = 4_000;

/// Bytes of each part. Together, and with what stands between, they stay below 65,536, which is what GitHub takes.
const CHANGES_BYTES_MAX: usize = 20_000;
const ACCESS_BYTES_MAX: usize = 8_000;
const PART_BYTES_MAX: usize = 5_000;

impl Plan {
    /// The plan as Markdown, below 60,000 bytes.
    pub fn markdown(&self) -> String {
        let environment = &self.environment;
        let verdict = match (self.changes.is_empty(), self.refusals.is_empty()) {
            (true, true) => self.configured_words().unwrap_or_else(|| "no changes".to_owned()),
            (_, false) => "refused".to_owned(),
            (false, true) => self.summary().counts(),
        };
        let mut out =
            format!("<!-- leasehold-plan {environment} -->\n### Plan for {}: {verdict}\n\n", code(environment));
        out.push_str(&format!("From {}.", plain(&files_of(self.commit.as_deref()))));
        out.push_str(&match (self.changes.is_empty(), self.refusals.is_empty()) {
            (true, _) => format!(" {} as declared.\n", count_of(self.unchanged, "object is", "objects are")),
            (false, false) => format!(" {}\n", self.summary()),
            (false, true) => "\n".to_owned(),
        });
        if let Some(words) = self.left_out_words() {
            out.push_str(&format!("\n{}\n", plain(&words)));
        }
        section("Refused", PART_BYTES_MAX, &self.refusals, &mut out, |refusal| {
            format!("- {}; {}\n", plain(&refusal.to_string()), plain(&refusal.hint()))
        });
        self.access_of(&mut out);
        let going = |change: &&Change| {
            matches!(change.action, ChangeAction::Delete | ChangeAction::Adopt | ChangeAction::Forget)
        };
        let going: Vec<&Change> =
            self.changes.iter().filter(going).filter(|change| self.renamed_of(change).is_none()).collect();
        section("Going away, or not ours", PART_BYTES_MAX, &going, &mut out, |change| {
            let why = change.absence.as_ref().map(|why| format!(", {}", plain(&why.to_string()))).unwrap_or_default();
            format!("- {} {} {}{why}\n", change.action.word(), change.kind.name, code(&change.path))
        });
        let effects: Vec<(&Change, String)> =
            self.changes.iter().flat_map(|change| change.told().map(move |effect| (change, effect))).collect();
        section("What it does besides", PART_BYTES_MAX, &effects, &mut out, |(change, effect)| {
            format!("- {}: {}\n", code(&change.path), plain(effect))
        });
        let shown: Vec<&Change> =
            self.changes.iter().filter(|change| !matches!(self.renamed_of(change), Some(Half::Old))).collect();
        section("Changes", CHANGES_BYTES_MAX, &shown, &mut out, |change| match self.renamed_of(change) {
            Some(Half::New(old)) => self.renamed_entry(change, old),
            _ => self.folded(change),
        });
        section("To be written in the server's configuration", PART_BYTES_MAX, &self.configured, &mut out, |one| {
            let (path, place) = (code(&one.change.path), code(&one.change.place.to_string()));
            let what = format!("- {} {path} ({place}): {}\n\n", one.change.kind.name, one.what());
            format!("{what}{}\n", fenced(&one.stanza, "  "))
        });
        section("Not selected", PART_BYTES_MAX, self.left_out(), &mut out, |left_out| {
            format!("- {} {} {}\n", left_out.action.word(), left_out.kind.name, code(&left_out.path))
        });
        let mut notes: Vec<String> = self.notes.clone();
        if !self.unmanaged.is_empty() {
            notes.push(format!(
                "{} there that are not ours, and left alone",
                count_of(self.unmanaged.len(), "object is", "objects are")
            ));
        }
        section("Notes", PART_BYTES_MAX, &notes, &mut out, |note| format!("- {}\n", plain(note)));
        if !self.changes.is_empty() {
            out.push_str(&format!("\nDigest {}", code(&self.digest())));
            let review = self.review_digest.as_ref().map(|digest| format!(", review {}", code(digest)));
            out.push_str(&format!("{}.\n", review.unwrap_or_default()));
        }
        out
    }

    /// An object and what becomes of it, behind its name.
    fn folded(&self, change: &Change) -> String {
        let name = format!("<code>{}</code>", html(&change.path));
        behind(change, change.action.marker(), &name, &self.body_of(change))
    }

    /// The same of one that gets another name.
    fn renamed_entry(&self, new: &Change, old: &Change) -> String {
        let names = format!("<code>{}</code> -&gt; <code>{}</code>", html(&old.path), html(&new.path));
        behind(new, '>', &names, &self.body_of(new))
    }

    /// Who gains and loses what, the weightiest first.
    fn access_of(&self, out: &mut String) {
        let Some(review) = self.review.as_ref().filter(|_| !self.changes.is_empty()) else { return };
        let mut gains: Vec<&Finding> = review.gains().collect();
        gains.sort_by_key(|finding| std::cmp::Reverse(weight(finding)));
        let line = |finding: &&Finding| {
            let unsure = finding.cannot_tell.as_ref().map(|why| format!(" (can't tell: {})", plain(why)));
            format!(
                "- {}: {}{}\n",
                code(&finding.subject.to_string()),
                plain(&finding.what),
                unsure.unwrap_or_default()
            )
        };
        if gains.is_empty() {
            out.push_str("\nNobody gains access.\n");
        }
        section("Access gained", ACCESS_BYTES_MAX, &gains, out, line);
        let is_lost = |finding: &&Finding| matches!(finding.topic, Topic::AccessLost | Topic::AccessNarrowed);
        let lost: Vec<&Finding> = review.findings.iter().filter(is_lost).collect();
        section("Access lost", PART_BYTES_MAX, &lost, out, line);
    }
}

fn behind(change: &Change, marker: char, name: &str, body: &str) -> String {
    let kind = change.kind.name;
    let marker = html(&marker.to_string());
    let app = change.app.as_ref().map(|app| format!("app {app}, ")).unwrap_or_default();
    let of = html(&format!("{app}{}", change.place));
    format!("<details><summary>{marker} {kind} {name} ({of})</summary>\n\n{}\n</details>\n\n", fenced(body, ""))
}

/// Some of many, under a title, and how many more there are. It takes no more than `bytes_max` with all that is shown:
/// what would go beyond is left out whole.
pub(crate) fn section<T>(title: &str, bytes_max: usize, all: &[T], out: &mut String, one: impl Fn(&T) -> String) {
    if all.is_empty() {
        return;
    }
    out.push_str(&format!("\n**{title}**\n\n"));
    let (start, mut shown) = (out.len(), 0);
    for item in all {
        let item = one(item);
        if out.len() - start + item.len() > bytes_max {
            break;
        }
        out.push_str(&item);
        shown += 1;
    }
    match all.len() - shown {
        0 => {}
        more if shown == 0 => out.push_str(&format!("- {more}, too long to be shown here\n")),
        more => out.push_str(&format!("- and {more} more\n")),
    }
}

/// A block of changed lines, cut where it is long. Its fence is longer than any in it.
pub(crate) fn fenced(text: &str, indent: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut lines = String::new();
    for line in text.lines() {
        if lines.len() + line.len() > FIELDS_BYTES_MAX {
            lines.push_str(&format!("{indent}...\n"));
            break;
        }
        // What is added or taken away is coloured where its mark comes first.
        let line = line.strip_prefix("        ").or_else(|| line.strip_prefix("      ")).unwrap_or(line);
        lines.push_str(&format!("{indent}{line}\n"));
    }
    format!("{indent}{fence}diff\n{lines}{indent}{fence}\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::object::testing::object;
    use crate::object::{Object, acl_policy, aws_role};
    use crate::plan::{ChangeAction, Refusal, testing};

    #[test]
    fn it_fits_into_a_comment_whatever_is_planned() {
        let tags = json!({ "tag": "x".repeat(900) });
        let role = |number: usize| {
            let groups = json!([format!("g{number} ```` </details> @all")]);
            let path = format!("aws/roles/{number}-{}", "y".repeat(60));
            object(&aws_role::KIND, &path, &[("iam_groups", groups), ("iam_tags", tags.clone())])
        };
        let mut desired: Vec<Object> = (0..2_000).map(role).collect();
        let rules = "path \"a\" {}\n".repeat(2_000);
        desired.push(object(&acl_policy::KIND, "sys/policies/acl/p", &[("policy", json!(rules))]));
        let mut plan = testing::all_new(&desired);
        for (at, change) in plan.changes.iter_mut().enumerate() {
            change.effects = vec!["what it does\nand more ".repeat(40); 3];
            change.action =
                [ChangeAction::Create, ChangeAction::Update, ChangeAction::Adopt, ChangeAction::Delete][at % 4];
        }
        plan.notes = vec!["a note".repeat(20); 2_000];
        plan.notes.insert(0, "n".repeat(100_000));
        let place = plan.changes[0].place.clone();
        let refusal = |number| Refusal::Protected { path: format!("aws/roles/r{number}"), place: place.clone() };
        plan.refusals = (0..2_000).map(refusal).collect();
        let text = plan.markdown();
        assert!(text.len() < 60_000 && text.len() > 30_000, "{}", text.len());
        assert_eq!(text.matches("\n- and ").count(), 4, "{text}");
        assert!(text.contains("- 2001, too long to be shown here"), "{text}");
        let outside = text.matches("<details>").count();
        assert_eq!(text.lines().filter(|line| *line == "</details>").count(), outside);
        assert!(text.contains("`````diff"), "the fence is longer than what is in it");
    }
}
