//! The plan for people.
//!
//! Grouped by app, because that is how access is reviewed; only what changes is opened, and how much stays
//! is counted. Texts from files and engines are escaped, so that a name cannot move the cursor, hide a line
//! or turn the reading direction around. Colour never carries meaning alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::change::{Change, ChangeAction, FieldChange, Renamed, Shown, Summary};
use super::escape::{escape, short};
use super::rename::Half;
use super::value::{Plan, PutBack};
use crate::object::Shape;
use crate::review::{self, Colour};
use crate::text::{count, count_of};
use crate::units::duration;

/// Lines of unchanged text around a changed line.
const CONTEXT_LINES: usize = 3;

/// How many unmanaged objects are named before they are only counted.
const UNMANAGED_SHOWN_MAX: usize = 5;

impl Plan {
    /// The plan as text, ending with the summary line.
    pub fn text(&self, colour: Colour) -> String {
        let mut page = Page::new(colour);
        page.head(self);
        let mut groups: BTreeMap<Option<&str>, Vec<&Change>> = BTreeMap::new();
        for change in &self.changes {
            groups.entry(change.app.as_deref()).or_default().push(change);
        }
        for (app, changes) in groups {
            let title = app.map_or_else(|| "shared".to_owned(), |app| format!("app {}", escape(app)));
            page.line("");
            page.painted(Style::new().bold(), &title);
            for change in changes {
                match self.renamed_of(change) {
                    Some(Half::New(old)) => page.rename(change, old),
                    Some(Half::Old) => {}
                    None => page.change(change),
                }
            }
        }
        page.configured(self);
        page.access(self);
        page.foot(self);
        page.out
    }
}

impl Plan {
    /// What its objects are as, in words.
    fn origin(&self) -> String {
        let commits = match &self.put_back {
            None => return format!("from {}", files_of(self.commit.as_deref())),
            Some(PutBack { commits, .. }) => commits.values().map(Option::as_deref).collect::<BTreeSet<_>>(),
        };
        let named: Vec<String> = commits.into_iter().map(files_of).collect();
        format!("as applied last, from {}", named.join(" and "))
    }

    /// What becomes of an object, below its title, in plain lines; of one that gets another name both halves, at the new one.
    pub(super) fn body_of(&self, change: &Change) -> String {
        let mut page = Page::new(Colour::Never);
        match self.renamed_of(change) {
            Some(Half::New(old)) => page.renamed_body(change, old),
            Some(Half::Old) => {}
            None => page.body(change),
        }
        page.out
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan: {}.", self.counts())
    }
}

impl Summary {
    /// How many objects are added, changed and deleted, and taken over or forgotten if any are.
    pub(super) fn counts(&self) -> String {
        let also = |count: usize, word: &str| if count > 0 { format!(", {count} to {word}") } else { String::new() };
        let [rename, adopt, forget] = [(self.rename, "rename"), (self.adopt, "adopt"), (self.forget, "forget")]
            .map(|(count, word)| also(count, word));
        format!("{} to add, {} to change, {} to delete{rename}{adopt}{forget}", self.add, self.change, self.delete)
    }
}

/// A page that is being written.
pub(crate) struct Page {
    pub(crate) out: String,
    colour: Colour,
}

impl Page {
    pub(crate) fn new(colour: Colour) -> Self {
        Self { out: String::new(), colour }
    }

    pub(crate) fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    pub(crate) fn painted(&mut self, style: Style, text: &str) {
        match self.colour {
            Colour::Never => self.line(text),
            // Writing to a string cannot fail.
            Colour::Always => drop(writeln!(self.out, "{style}{text}{style:#}")),
        }
    }

    pub(super) fn head(&mut self, plan: &Plan) {
        self.line(&format!("Environment {}, {}.", escape(&plan.environment), plan.origin()));
    }

    /// What is to be written in the server's configuration.
    pub(super) fn configured(&mut self, plan: &Plan) {
        if plan.configured.is_empty() {
            return;
        }
        self.line("");
        self.painted(Style::new().bold(), "in the server's configuration");
        for one in &plan.configured {
            self.change(&one.change);
            self.stanza(one.what(), &one.stanza);
        }
    }

    /// What is to be written there, below what it is about.
    pub(crate) fn stanza(&mut self, what: &str, stanza: &str) {
        self.line(&format!("      ! {what}:"));
        for line in stanza.lines() {
            self.line(format!("          {}", escape(line)).trim_end());
        }
    }

    /// Who gains and loses what by the changes.
    fn access(&mut self, plan: &Plan) {
        let Some(review) = &plan.review else { return };
        self.review(review);
        self.line("");
        self.line(&format!("Review {}.", review.digest()));
    }

    pub(crate) fn review(&mut self, review: &review::Environment) {
        self.out.push_str(&review.text(self.colour));
    }

    /// Fields that change, below their object.
    pub(crate) fn changed_fields(&mut self, fields: &[FieldChange]) {
        fields.iter().for_each(|field| self.changed_field(field));
    }

    /// Something that gets another name: what else becomes of it, and what both halves do to people.
    fn rename(&mut self, new: &Change, old: &Change) {
        let title = format!(
            "  > {} {} -> {}  ({}, renamed)",
            new.kind.name,
            escape(&old.path),
            escape(&new.path),
            escape(&new.place.to_string()),
        );
        self.painted(style(ChangeAction::Update), &title);
        self.renamed_body(new, old);
    }

    /// What becomes of an object that gets another name, below its title.
    fn renamed_body(&mut self, new: &Change, old: &Change) {
        if let Some(Renamed::From { fields, .. }) = &new.renamed {
            self.changed_fields(fields);
        }
        for effect in new.told().chain(old.told()) {
            self.line(&format!("      ! {}", escape(&effect)));
        }
    }

    fn change(&mut self, change: &Change) {
        let why = match (&change.absence, &change.renamed) {
            (Some(absence), _) => absence.to_string(),
            (None, Some(Renamed::To(new))) => format!("renamed to {}", escape(new)),
            (None, _) => "no longer declared".to_owned(),
        };
        let verb = match change.action {
            ChangeAction::Create | ChangeAction::Update => String::new(),
            ChangeAction::Adopt => ", exists and is not ours".to_owned(),
            ChangeAction::Delete if change.fields.is_empty() => format!(", {why}"),
            ChangeAction::Delete => format!(", {why}: back to the engine's defaults"),
            ChangeAction::Forget => format!(", {why}: forget"),
        };
        let title = format!(
            "  {} {} {}  ({}{verb})",
            change.action.marker(),
            change.kind.name,
            escape(&change.path),
            escape(&change.place.to_string()),
        );
        self.painted(style(change.action), &title);
        self.body(change);
    }

    /// What becomes of an object, below its title.
    fn body(&mut self, change: &Change) {
        for field in &change.fields {
            match change.action {
                ChangeAction::Create => self.new_field(field),
                ChangeAction::Update | ChangeAction::Adopt | ChangeAction::Delete | ChangeAction::Forget => {
                    self.changed_field(field);
                }
            }
        }
        if matches!(change.action, ChangeAction::Update | ChangeAction::Adopt) && change.fields_unchanged > 0 {
            let fields = count(change.fields_unchanged, "unchanged field");
            self.painted(Style::new().dimmed(), &format!("      ({fields} hidden)"));
        }
        for effect in change.told() {
            self.line(&format!("      ! {}", escape(&effect)));
        }
    }

    fn new_field(&mut self, field: &FieldChange) {
        match &field.after {
            Shown::Value(value) if is_document(field.shape) => {
                self.line(&format!("      {} =", field.name));
                for line in document(field.shape, value).lines() {
                    self.line(format!("          {}", escape(line)).trim_end());
                }
            }
            after => self.line(&format!("      {} = {}", field.name, side(field.shape, after))),
        }
    }

    fn changed_field(&mut self, field: &FieldChange) {
        match (&field.before, &field.after) {
            (Shown::Value(before), Shown::Value(after)) if is_document(field.shape) => {
                self.line(&format!("      {}:", field.name));
                self.line_diff(&document(field.shape, before), &document(field.shape, after));
            }
            (Shown::Value(Value::Array(before)), Shown::Value(Value::Array(after))) => {
                self.line(&format!("      {}:", field.name));
                self.items(before, after);
            }
            (before, after) => self.line(&format!(
                "      {}: {} -> {}",
                field.name,
                side(field.shape, before),
                side(field.shape, after)
            )),
        }
    }

    fn items(&mut self, before: &[Value], after: &[Value]) {
        let old: Vec<String> = before.iter().map(|item| inline(Shape::Text, item)).collect();
        let new: Vec<String> = after.iter().map(|item| inline(Shape::Text, item)).collect();
        let lines = |items: Vec<String>| items.into_iter().map(|item| item + "\n").collect::<String>();
        self.line_diff(&lines(old), &lines(new));
    }

    fn line_diff(&mut self, before: &str, after: &str) {
        let diff = TextDiff::from_lines(before, after);
        for (index, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
            if index > 0 {
                self.line("          ...");
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                let text = escape(change.value().trim_end_matches('\n'));
                match change.tag() {
                    ChangeTag::Equal => self.line(format!("          {text}").trim_end()),
                    ChangeTag::Delete => {
                        self.painted(style(ChangeAction::Delete), format!("        - {text}").trim_end());
                    }
                    ChangeTag::Insert => {
                        self.painted(style(ChangeAction::Create), format!("        + {text}").trim_end());
                    }
                }
            }
        }
    }

    fn foot(&mut self, plan: &Plan) {
        self.line("");
        self.notes(plan, usize::MAX);
        self.refusals(plan, usize::MAX);
        self.left_out(plan);
        plan.configured_words().iter().for_each(|words| self.line(words));
        if plan.changes.is_empty() {
            let objects = count_of(plan.unchanged, "object is", "objects are");
            let selected = if plan.selected.is_some() { " of what is selected" } else { "" };
            self.line(&format!("No changes{selected}. {objects} as declared."));
        } else {
            self.line(&format!("Digest {}.", plan.digest()));
            self.painted(Style::new().bold(), &plan.summary().to_string());
        }
    }

    /// The end of a page that does not show all.
    pub(super) fn foot_of_many(&mut self, plan: &Plan, notes: usize, refusals: usize) {
        self.line("");
        self.notes(plan, notes);
        self.refusals(plan, refusals);
        if let Some(digest) = &plan.review_digest {
            self.line(&format!("Review {digest}."));
        }
        self.left_out(plan);
        plan.configured_words().iter().for_each(|words| self.line(words));
        self.line(&format!("Digest {}.", plan.digest()));
        self.line("This sums up a long plan: --verbose shows all of it.");
        self.painted(Style::new().bold(), &plan.summary().to_string());
    }

    /// How much is not done, since it is not selected.
    fn left_out(&mut self, plan: &Plan) {
        if let Some(words) = plan.left_out_words() {
            self.line(&words);
        }
    }

    fn notes(&mut self, plan: &Plan, most: usize) {
        for note in plan.notes.iter().take(most) {
            self.line(&format!("Note: {}", escape(note)));
        }
        if plan.notes.len() > most {
            self.line(&format!("And {} more notes.", plan.notes.len() - most));
        }
        if !plan.unmanaged.is_empty() {
            let objects = count(plan.unmanaged.len(), "object");
            let shown: Vec<String> =
                plan.unmanaged.iter().take(UNMANAGED_SHOWN_MAX).map(|object| escape(&object.path)).collect();
            let more = if plan.unmanaged.len() > shown.len() { ", ..." } else { "" };
            self.line(&format!("Not ours and left alone: {objects} ({}{more}).", shown.join(", ")));
        }
    }

    fn refusals(&mut self, plan: &Plan, most: usize) {
        for refusal in plan.refusals.iter().take(most) {
            self.painted(style(ChangeAction::Delete), &format!("Refused: {}", escape(&refusal.to_string())));
            self.line(&format!("  = help: {}", escape(&refusal.hint())));
        }
        if plan.refusals.len() > most {
            self.painted(style(ChangeAction::Delete), &format!("Refused for {} reasons in all.", plan.refusals.len()));
        }
    }
}

fn style(action: ChangeAction) -> Style {
    let colour = match action {
        ChangeAction::Create => AnsiColor::Green,
        ChangeAction::Update => AnsiColor::Yellow,
        ChangeAction::Adopt => AnsiColor::Cyan,
        ChangeAction::Delete => AnsiColor::Red,
        ChangeAction::Forget => AnsiColor::BrightBlack,
    };
    colour.on_default()
}

/// Which files these are: those of a commit, or none of git's.
pub(crate) fn files_of(commit: Option<&str>) -> String {
    commit.map_or_else(|| "files outside git".to_owned(), |commit| format!("commit {}", short(commit)))
}

fn side(shape: Shape, side: &Shown) -> String {
    match side {
        Shown::Absent => "(none)".to_owned(),
        Shown::Sensitive => "(sensitive)".to_owned(),
        Shown::Unknown => "(unknown)".to_owned(),
        Shown::Value(value) => inline(shape, value),
    }
}

/// A value on one line, escaped.
pub fn show(shape: Shape, value: &Value) -> String {
    inline(shape, value)
}

fn inline(shape: Shape, value: &Value) -> String {
    match (shape, value) {
        (Shape::Seconds, Value::Number(number)) => number.as_i64().map_or_else(|| number.to_string(), duration::shown),
        (_, Value::Null) => "(none)".to_owned(),
        (_, Value::Array(items)) => {
            let items: Vec<String> = items.iter().map(|item| inline(Shape::Text, item)).collect();
            format!("[{}]", items.join(", "))
        }
        (_, Value::Object(map)) => {
            let pairs: Vec<String> =
                map.iter().map(|(key, value)| format!("{} = {}", escape(key), inline(Shape::Text, value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        (_, scalar) => escape(&scalar.to_string()),
    }
}

fn is_document(shape: Shape) -> bool {
    matches!(shape, Shape::PolicyDocument | Shape::Rules(_))
}

/// A value of many lines, ending with a newline unless it is empty.
fn document(shape: Shape, value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let mut text = match shape {
        Shape::PolicyDocument => serde_json::from_str::<Value>(text)
            .and_then(|document| serde_json::to_string_pretty(&document))
            .unwrap_or_else(|_| text.to_owned()),
        _ => text.to_owned(),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::{Colour, escape};
    use crate::object::testing::{leaf, object};
    use crate::object::{
        FieldValue, Live, Object, Owned, Place, Progress, acl_policy, approle_role, aws_lease, aws_role, aws_root,
        mount,
    };
    use crate::plan::{Adopt, Input, Others, Plan, Selection, Unmanaged};
    use crate::secret::Secret;

    fn placed(mut object: Object, app: Option<&str>, file: &str, line: u32) -> Object {
        object.app = app.map(str::to_owned);
        object.place = Place { file: Arc::from(file), line, column: 1 };
        object
    }

    fn policy(actions: Value) -> Value {
        let statement = json!({"Sid": "Files", "Effect": "Allow", "Action": actions, "Resource": "arn:aws:s3:::b/*"});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]});
        let canonical =
            crate::object::field::normalise(crate::object::Shape::PolicyDocument, &json!(document.to_string()));
        canonical.expect("a policy")
    }

    fn desired() -> Vec<Object> {
        let mut root = object(&aws_root::KIND, "aws/config/root", &[("region", json!("eu-west-1"))]);
        root.fields.insert("secret_key", leaf(FieldValue::Secret(Secret::new("hunter2"))));
        let role =
            [("policy_document", policy(json!(["s3:GetObject", "s3:PutObject"]))), ("iam_groups", json!(["a", "c"]))];
        vec![
            placed(object(&mount::KIND, "sys/mounts/aws", &[("type", json!("aws"))]), None, "engine.hcl", 1),
            placed(root, None, "engine.hcl", 3),
            placed(
                object(&aws_lease::KIND, "aws/config/lease", &[("lease", json!(3600)), ("lease_max", json!(7200))]),
                None,
                "engine.hcl",
                7,
            ),
            placed(object(&aws_role::KIND, "aws/roles/webapp", &role), Some("webapp"), "apps/webapp.hcl", 4),
            placed(
                object(
                    &acl_policy::KIND,
                    "sys/policies/acl/app-webapp",
                    &[("policy", json!("path \"aws/creds/webapp\" {\n  capabilities = [\"read\"]\n}"))],
                ),
                Some("webapp"),
                "apps/webapp.hcl",
                1,
            ),
            placed(
                object(
                    &approle_role::KIND,
                    "auth/approle/role/app-webapp",
                    &[("token_ttl", json!(1200)), ("token_policies", json!(["app-webapp"]))],
                ),
                Some("webapp"),
                "apps/webapp.hcl",
                9,
            ),
        ]
    }

    fn plan(desired: &[Object], live: Vec<Live>, owned: &BTreeMap<String, Owned>) -> Plan {
        let live: HashMap<String, Live> = live.into_iter().map(|live| (live.path.clone(), live)).collect();
        Plan::new(&Input {
            environment: "local",
            commit: Some("0123456789abcdef0123456789abcdef01234567-dirty"),
            desired,
            absent: &[],
            today: "2026-11-25",
            live: &live,
            owned,
            key: None,
            key_hidden: false,
            adopt: Adopt::Refuse,
            adopt_from: &[],
            others: Others::NotAsked,
            nameless: false,
            shared: &[],
            max_deletes: 0,
            limits: &[],
            unmanaged: &[Unmanaged { kind: "aws role", path: "aws/roles/by-hand".to_owned() }],
            unlisted: &[],
            notes: Vec::new(),
            taking: &Default::default(),
            guardrails: &[],
            selection: Selection::All,
        })
    }

    fn owned(object: &Object) -> (String, Owned) {
        let owned = Owned {
            kind: object.kind,
            app: object.app.clone(),
            place: object.place.clone(),
            commit: None,
            fingerprint: crate::object::fingerprint::of(object),
            secrets: BTreeMap::new(),
            apart: std::collections::BTreeMap::new(),
            state: Progress::Applied,
            protect: false,
            guardrails: None,
            review: None,
            plan: None,
            found: None,
            besides: None,
            partly: Vec::new(),
            replaces: None,
            revokes: false,
            on_change: crate::object::OnChange::Keep,
            adopted: BTreeMap::new(),
            from: None,
            keys: None,
            key_last: None,
        };
        (object.path.clone(), owned)
    }

    fn live(object: &Object, changes: &[(&'static str, Value)]) -> Live {
        let mut fields: BTreeMap<&'static str, Value> =
            object.kind.fields.iter().map(|field| (field.name, object.value(field.name))).collect();
        fields.extend(changes.iter().cloned());
        Live {
            kind: object.kind,
            path: object.path.clone(),
            fields,
            apart: BTreeMap::new(),
            documents: BTreeMap::new(),
            hidden: std::collections::BTreeSet::new(),
            others: serde_json::Map::new(),
        }
    }

    #[test]
    fn a_first_plan_reads_well() {
        insta::assert_snapshot!(plan(&desired(), Vec::new(), &BTreeMap::new()).text(Colour::Never));
    }

    #[test]
    fn a_later_plan_shows_what_changes_and_what_that_does() {
        let all = desired();
        let mut owned: BTreeMap<String, Owned> = all.iter().map(owned).collect();
        owned.remove("auth/approle/role/app-webapp");
        let role =
            live(&all[3], &[("policy_document", policy(json!("s3:GetObject"))), ("iam_groups", json!(["a", "b"]))]);
        let acl = live(&all[4], &[("policy", json!("path \"aws/creds/*\" {\n  capabilities = [\"read\"]\n}"))]);
        let login = live(&all[5], &[("token_ttl", json!(60))]);
        let gone = placed(object(&aws_role::KIND, "aws/roles/old", &[]), Some("old"), "apps/old.hcl", 2);
        // Somebody changed it since.
        let (path, written) = self::owned(&gone);
        owned.insert(path, Owned { fingerprint: String::new(), ..written });
        let lives =
            vec![live(&all[0], &[]), live(&all[2], &[("lease", json!(1800))]), role, acl, login, live(&gone, &[])];
        let kept: Vec<Object> = all.into_iter().filter(|object| object.path != "aws/config/root").collect();
        let plan = plan(&kept, lives, &owned);
        insta::assert_snapshot!(plan.text(Colour::Never));
        insta::assert_snapshot!("a_later_plan_as_markdown", plan.markdown());
    }

    #[test]
    fn an_empty_plan_says_so() {
        let kept = vec![desired().remove(0)];
        let owned = kept.iter().map(owned).collect();
        let lives = vec![live(&kept[0], &[])];
        let plan = plan(&kept, lives, &owned);
        insta::assert_snapshot!(plan.text(Colour::Never));
        assert!(
            plan.markdown().starts_with("<!-- leasehold-plan local -->\n### Plan for `local`: no changes\n\nFrom ")
        );
    }

    #[test]
    fn colour_only_adds_escapes_to_the_same_text() {
        let plan = plan(&desired(), Vec::new(), &BTreeMap::new());
        let painted = plan.text(Colour::Always);
        assert!(painted.contains("\u{1b}[32m  + aws role"));
        assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plan.text(Colour::Never));
    }

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        for (text, safe) in [
            ("plain é 漢字", "plain é 漢字"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\rb\nc", "a\\rb\\nc"),
            ("admin\u{202e}nimda", "admin\\u{202e}nimda"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\tb", "a    b"),
        ] {
            assert_eq!(escape(text), safe);
        }
        let desired = [placed(
            object(&aws_role::KIND, "aws/roles/x\u{1b}[2J", &[("iam_groups", json!(["g\u{1b}[31m\u{202e}"]))]),
            Some("evil\u{7}"),
            "a\u{1b}.hcl",
            1,
        )];
        let text = plan(&desired, Vec::new(), &BTreeMap::new()).text(Colour::Never);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
    }
}
