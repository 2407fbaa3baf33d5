//! A plan of many changes, for people: what there is of each sort, what goes away, and who gains what, on one page.
//! All of it is in [`Plan::text`].

use std::collections::BTreeMap;

use super::change::{Change, ChangeAction, Summary};
use super::escape::escape;
use super::rename::Half;
use super::text::Page;
use super::value::Plan;
use crate::object::{KINDS, Kind};
use crate::review::{Access, Colour, Environment, Finding};

/// Up to so many changes are shown whole.
pub(crate) const WHOLE_MAX: usize = 30;

/// Lines of each part, so that all parts fit on a page of sixty.
const NAMED_MAX: usize = 8;
const RENAMED_MAX: usize = 4;
const EFFECTS_MAX: usize = 6;
const GAINS_MAX: usize = 10;
const NOTES_MAX: usize = 4;
const REFUSALS_MAX: usize = 4;

/// Characters of a line: what is longer is told elsewhere.
const LINE_CHARS_MAX: usize = 160;

impl Plan {
    /// The plan as people read it at its size: whole if it is small or that is asked for, else summed up.
    pub fn page(&self, colour: Colour, verbose: bool) -> String {
        match verbose || !self.is_long() {
            true => self.text(colour),
            false => self.summed_up(colour),
        }
    }

    /// Whether it is summed up unless somebody asks for all of it.
    pub fn is_long(&self) -> bool {
        self.changes.len() > WHOLE_MAX
    }

    fn summed_up(&self, colour: Colour) -> String {
        let mut page = Page::new(colour);
        page.head(self);
        page.line("");
        let (renames, single): (Vec<&Change>, Vec<&Change>) =
            self.changes.iter().partition(|change| self.renamed_of(change).is_some());
        page.counts(single.iter().map(|change| (change.kind, change.action)));
        let renamed: Vec<(&Change, &Change)> = renames
            .into_iter()
            .filter_map(|change| match self.renamed_of(change)? {
                Half::New(old) => Some((change, old)),
                Half::Old => None,
            })
            .collect();
        page.part("Getting another name", RENAMED_MAX, &renamed, |(new, old)| {
            format!("> {} {} -> {}", new.kind.name, escape(&old.path), escape(&new.path))
        });
        let named: Vec<&Change> = single
            .into_iter()
            .filter(|change| matches!(change.action, ChangeAction::Delete | ChangeAction::Adopt | ChangeAction::Forget))
            .collect();
        page.part("Going away, or not ours", NAMED_MAX, &named, |change| {
            let place = escape(&change.place.to_string());
            format!("{} {} {} ({place})", change.action.marker(), change.kind.name, escape(&change.path))
        });
        let effects: Vec<(&Change, String)> =
            self.changes.iter().flat_map(|change| change.told().map(move |effect| (change, effect))).collect();
        page.part("What it does besides", EFFECTS_MAX, &effects, |(change, effect)| {
            format!("! {}: {}", escape(&change.path), escape(effect))
        });
        if let Some(review) = &self.review {
            page.gains(review);
        }
        page.foot_of_many(self, NOTES_MAX, REFUSALS_MAX);
        page.out
    }
}

/// What is shown of many gains first: what manages permissions or hands out secrets, then what can't be told, then what
/// is about any resource, then what is many actions.
pub(super) fn weight(finding: &Finding) -> (bool, bool, bool, usize) {
    let access = finding.access.as_ref();
    let is_broad =
        |access: &Access| access.resources_negated || access.resources.iter().any(|resource| resource == "*");
    (
        access.is_some_and(Access::is_risky),
        finding.cannot_tell.is_some(),
        access.is_some_and(is_broad),
        access.map_or(0, |access| access.count),
    )
}

impl Page {
    /// How much is done to the objects of each kind, in the order of creation.
    pub(crate) fn counts(&mut self, changes: impl Iterator<Item = (&'static Kind, ChangeAction)>) {
        let mut actions: BTreeMap<&str, Vec<ChangeAction>> = BTreeMap::new();
        for (kind, action) in changes {
            actions.entry(kind.name).or_default().push(action);
        }
        for kind in KINDS {
            let Some(done) = actions.get(kind.name) else { continue };
            let Summary { add, change, delete, adopt, forget, .. } = Summary::of(done.iter().copied());
            let parts = [(add, "add"), (change, "change"), (delete, "delete"), (adopt, "adopt"), (forget, "forget")];
            let parts = parts.into_iter().filter(|(count, _)| *count > 0);
            let parts: Vec<String> = parts.map(|(count, word)| format!("{count} to {word}")).collect();
            self.line(&format!("  {}: {}", kind.name, parts.join(", ")));
        }
    }

    /// Who gains what, the weightiest first.
    pub(crate) fn gains(&mut self, review: &Environment) {
        let mut gains: Vec<_> = review.gains().collect();
        gains.sort_by_key(|finding| std::cmp::Reverse(weight(finding)));
        self.part("Access gained", GAINS_MAX, &gains, |finding| {
            let unsure = if finding.cannot_tell.is_some() { " (can't tell)" } else { "" };
            format!("{}: {}{unsure}", escape(&finding.subject.to_string()), escape(&finding.what))
        });
        if gains.is_empty() {
            self.line("");
            self.line("Nobody gains access.");
        }
    }

    /// Some of many, under a title; how many more there are.
    pub(crate) fn part<T>(&mut self, title: &str, most: usize, all: &[T], line: impl Fn(&T) -> String) {
        if all.is_empty() {
            return;
        }
        self.line("");
        self.line(&format!("{title}:"));
        for item in all.iter().take(most) {
            let line = line(item);
            let cut = line.char_indices().nth(LINE_CHARS_MAX).map(|(at, _)| format!("{}...", &line[..at]));
            self.line(&format!("  {}", cut.unwrap_or(line)));
        }
        if all.len() > most {
            self.line(&format!("  ... and {} more", all.len() - most));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::object::testing::object;
    use crate::object::{Object, acl_policy, aws_role};
    use crate::plan::{ChangeAction, Plan, Refusal, testing};
    use crate::review::Colour;

    fn plan(roles: usize) -> Plan {
        let group = |number: usize| json!([format!("g{number}")]);
        let role = |number| object(&aws_role::KIND, &format!("aws/roles/r{number}"), &[("iam_groups", group(number))]);
        let mut desired: Vec<Object> = (0..roles).map(role).collect();
        desired.push(object(&acl_policy::KIND, "sys/policies/acl/p", &[("policy", json!("path \"a\" {}"))]));
        testing::all_new(&desired)
    }

    #[test]
    fn small_plans_are_whole_and_large_ones_fit_on_a_page() {
        let small = plan(29);
        assert_eq!(small.page(Colour::Never, false), small.text(Colour::Never));
        let large = plan(30);
        assert_eq!(large.page(Colour::Never, true), large.text(Colour::Never));
        let page = large.page(Colour::Never, false);
        assert!(
            page.contains("  aws role: 30 to add\n  acl policy: 1 to add\n") || page.contains("aws role: 30 to add")
        );
        assert!(page.contains("--verbose") && page.ends_with("Plan: 31 to add, 0 to change, 0 to delete.\n"), "{page}");
    }

    #[test]
    fn the_page_has_sixty_lines_whatever_happens() {
        let mut plan = plan(500);
        for (at, change) in plan.changes.iter_mut().enumerate() {
            change.effects = vec!["what it does\nand more ".repeat(40); 3];
            change.action = [
                ChangeAction::Create,
                ChangeAction::Update,
                ChangeAction::Adopt,
                ChangeAction::Delete,
                ChangeAction::Forget,
            ][at % 5];
        }
        plan.notes = vec!["a note".to_owned(); 100];
        let place = plan.changes[0].place.clone();
        let refusal = |number| Refusal::Protected { path: format!("aws/roles/r{number}"), place: place.clone() };
        plan.refusals = (0..100).map(refusal).collect();
        let page = plan.page(Colour::Never, false);
        assert!(page.lines().count() <= 60, "{} lines\n{page}", page.lines().count());
        assert!(page.lines().all(|line| line.chars().count() < 200), "{page}");
        for part in ["... and", "more", "for 100 reasons in all"] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
