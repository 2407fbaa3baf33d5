//! Files for what was found, as far as nothing of it was refused before.

use std::collections::{BTreeMap, BTreeSet};

use super::apps::{App, apps};
use super::block::{Attribute, Block, Item};
use super::files::{File, Names, page};
use super::known::{Blamed, Known};
use super::words::{Secret, Speaker};
use crate::estate::{Problem, Severity};
use crate::layout::Syntax;
use crate::object::{Class, Home, KINDS, Kind, Live, policy_path};

/// What would be written.
#[derive(Debug, Default)]
pub struct Draft {
    /// Declarations.
    pub files: Vec<File>,
    /// What they name by `file:`.
    pub documents: Vec<File>,
    /// What somebody has to give.
    pub secrets: Vec<Secret>,
    /// What is declared: its path, and the file.
    pub said: BTreeMap<String, String>,
    /// What of it stands as `object`, and why.
    pub objects: BTreeMap<String, String>,
    /// What is not, and why.
    pub left: BTreeMap<String, String>,
    /// What is only referred to.
    pub shared: BTreeSet<String>,
    /// How many people only the engine made.
    pub by_engine: usize,
    /// Lines of files with the object that each is of; a line may be of several, of which the last is the innermost.
    lines: Vec<(String, std::ops::RangeInclusive<u32>, String)>,
    /// The apps, by the lines that are of them.
    apps: BTreeMap<String, String>,
}

/// Before the object of a path, the sign of an app.
const APP: &str = "app ";

impl Draft {
    /// Drafts the files of what is known; `taken` says whether the estate has a file of a name.
    pub fn new(known: &Known<'_>, syntax: Syntax, taken: &dyn Fn(&str) -> bool) -> Self {
        let mut drafting = Drafting::new(known, taken);
        drafting.mounts();
        let apps = apps(&drafting.speaker.objects, known);
        drafting.apps(apps);
        drafting.rest();
        drafting.done(syntax)
    }

    /// Which objects are to blame for what is wrong with the files, and why; of an app the name. Nothing for what is wrong
    /// with other files.
    pub fn blame(&self, problems: &[Problem]) -> Vec<(Blamed, String)> {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        errors.filter_map(|problem| Some((self.blamed(problem)?, problem.what.clone()))).collect()
    }

    fn blamed(&self, problem: &Problem) -> Option<Blamed> {
        problem.labels.iter().find_map(|label| {
            let within =
                self.lines.iter().filter(|(file, lines, _)| *file == label.file && lines.contains(&label.line));
            let (.., of) = within.min_by_key(|(_, lines, _)| lines.end() - lines.start())?;
            Some(match of.strip_prefix(APP) {
                Some(name) => Blamed::App(name.to_owned()),
                None => Blamed::Object(of.clone()),
            })
        })
    }

    /// The app whose policy an object is, if it follows from one.
    pub fn app_of(&self, path: &str) -> Option<&str> {
        self.apps.get(path).map(String::as_str)
    }
}

struct Drafting<'a> {
    known: &'a Known<'a>,
    speaker: Speaker<'a>,
    draft: Draft,
    /// Blocks by the file that they go into, without its ending.
    blocks: BTreeMap<(String, String), Vec<Block>>,
    /// What is declared by which word and labels at the top level.
    labels: BTreeMap<(String, Vec<String>), String>,
}

impl<'a> Drafting<'a> {
    fn new(known: &'a Known<'a>, taken: &'a dyn Fn(&str) -> bool) -> Self {
        let mut draft = Draft::default();
        let new = known.found.iter().filter(|live| known.is_new(&live.path));
        let (by_engine, new): (Vec<&Live>, Vec<&Live>) = new.partition(|live| known.is_by_itself(live));
        draft.by_engine = by_engine.len();
        let mut objects = BTreeMap::new();
        for live in new {
            match known.why(&live.path).filter(|_| !is_mount(live)) {
                Some(why) => drop(draft.left.insert(live.path.clone(), why.to_owned())),
                None => drop(objects.insert(live.path.as_str(), live)),
            }
        }
        let names = Names { taken, given: BTreeSet::new() };
        let speaker = Speaker { objects, names, documents: Vec::new(), secrets: Vec::new(), said: BTreeSet::new() };
        Self { known, speaker, draft, blocks: BTreeMap::new(), labels: BTreeMap::new() }
    }

    fn add(&mut self, folder: &str, file: &str, block: Block) {
        self.blocks.entry((folder.to_owned(), file.to_owned())).or_default().push(block);
    }

    /// What is left out is not said of anything any more.
    fn leave(&mut self, path: &str, why: impl Into<String>) {
        self.speaker.objects.remove(path);
        self.draft.left.entry(path.to_owned()).or_insert(why.into());
    }

    /// Secrets engines and auth methods. Of one that is another's, or that can't be declared, it is said that it is there, so
    /// that what it holds can be declared.
    fn mounts(&mut self) {
        let found: &'a [Live] = self.known.found;
        // In the order of creation.
        for live in KINDS.iter().flat_map(|kind| found.iter().filter(move |live| live.kind == *kind && is_mount(live)))
        {
            let Some(mount) = live.mount().filter(|_| !self.known.is_declared(&live.path)) else { continue };
            let refused = self.known.refused.get(&live.path).map_or(0, Vec::len);
            let is_anothers = self.known.others.contains_key(&live.path);
            let prefix = live.kind.below(&live.path).unwrap_or_default();
            let below: Vec<String> = self
                .speaker
                .objects
                .keys()
                .filter(|path| path.starts_with(&prefix))
                .map(|path| (*path).to_owned())
                .collect();
            if mount.words().is_none() {
                self.leave(&live.path, format!("no word declares what is of the type {}", mount.mount_type));
                continue;
            }
            if refused > usize::from(!is_anothers) {
                let path = &live.path;
                below
                    .iter()
                    .for_each(|below| self.leave(below, format!("it is below {path}, which can't be declared")));
                let why = self.known.why(path).unwrap_or_default().to_owned();
                if !is_anothers {
                    self.leave(path, why);
                }
                continue;
            }
            if refused == 0 && !is_anothers {
                if let Some(block) = self.speaker.mount(live) {
                    self.add("", "engines", block);
                }
                continue;
            }
            let settings: Vec<String> = mount.settings().map(|(_, path)| path).collect();
            let refused = self.known.why(&live.path).map(str::to_owned);
            for path in settings.iter().filter(|path| below.contains(path)) {
                self.leave(path, format!("{}, which is not declared, has to say it", live.path));
            }
            if let Some(why) = refused {
                self.leave(&live.path, why);
            } else if below.iter().all(|path| settings.contains(path)) {
                continue;
            }
            if let Some(block) = self.speaker.shared(live) {
                self.draft.shared.insert(live.path.clone());
                self.add("", "engines", block);
            }
        }
    }

    fn apps(&mut self, apps: Vec<App<'a>>) {
        for app in apps {
            // What is of no app has other lines.
            let mut block = Block::new("app", &[&app.name], &format!("{APP}{}", app.name));
            if !app.grants.is_empty() {
                block = block.with("grants", app.grants.clone());
            }
            if let Some(policies) = &app.policies {
                let of = app.logins.first().map(|live| live.path.clone()).unwrap_or_default();
                let (key, value) = ("policies".to_owned(), policies.clone().into());
                block.items.push(Item::Value(Attribute { key, value, of }));
            }
            for live in &app.roles {
                let one = self.speaker.object(live);
                block.items.extend(one.map(Item::Block));
            }
            for live in &app.logins {
                let one = self.speaker.login_of(live, &app.name);
                block.items.extend(one.map(Item::Block));
            }
            if let Some(path) = app.derived() {
                self.speaker.said.insert(path.clone());
                self.draft.apps.insert(path, app.name.clone());
            }
            self.add("apps", &app.name, block);
            self.policies(&app);
        }
    }

    /// The policies that only an app's tokens have stand beside it.
    fn policies(&mut self, app: &App<'a>) {
        let users = |name: &String| self.known.users.get(name).copied().unwrap_or_default();
        let own = app.policies.iter().flatten().filter(|name| users(name) == app.logins.len());
        let own: Vec<&'a Live> =
            own.filter_map(|name| self.speaker.objects.get(policy_path(name).as_str()).copied()).collect();
        for live in own {
            if !self.speaker.said.contains(&live.path)
                && let Some(block) = self.speaker.object(live)
            {
                self.add("apps", &app.name, block);
            }
        }
    }

    /// What is in no app and no mount.
    fn rest(&mut self) {
        let objects: Vec<&'a Live> = self.speaker.objects.values().copied().collect();
        for live in objects.into_iter().filter(|live| !is_mount(live)) {
            if self.speaker.said.contains(&live.path) {
                continue;
            }
            if let Some(mount) = live.kind.mount_path(&live.path).filter(|_| live.kind.class == Class::Config) {
                let place = self.known.declared.object(&mount).map(|object| object.place.to_string());
                let place = place.map_or_else(|| mount.clone(), |place| format!("{mount} ({place})"));
                self.leave(&live.path, format!("it belongs into the declaration of {place}, which is not touched"));
                continue;
            }
            let block = match live.kind.class {
                Class::Login => self.speaker.login(live),
                _ => self.speaker.object(live),
            };
            if let Home::Anywhere = live.kind.home {
                let why = "no word declares what this engine has";
                self.draft.objects.insert(live.path.clone(), why.to_owned());
            }
            let label = block.as_ref().map(|block| (block.word.clone(), block.labels.clone()));
            if let Some(other) = label.as_ref().and_then(|label| self.labels.get(label)) {
                let why = format!("{other} has its name, and at the top level names are unique, whatever the mount");
                self.speaker.unsay(&live.path);
                self.leave(&live.path, why);
                continue;
            }
            self.labels.extend(label.map(|label| (label, live.path.clone())));
            match block {
                Some(block) => self.add("", file_of(live.kind), block),
                None => self.leave(&live.path, "no declaration is for it alone"),
            }
        }
        let unsaid: Vec<String> = self.speaker.objects.keys().map(|path| (*path).to_owned()).collect();
        for path in unsaid {
            if !self.speaker.said.contains(&path) && !self.draft.shared.contains(&path) && self.known.is_new(&path) {
                self.leave(&path, "no word says what it has");
            }
        }
    }

    fn done(mut self, syntax: Syntax) -> Draft {
        let mut draft = self.draft;
        for ((folder, file), blocks) in self.blocks {
            let name = self.speaker.names.free(&folder, &file, syntax.ending());
            let page = page(&blocks, syntax);
            for (lines, of) in &page.lines {
                if self.speaker.said.contains(of) {
                    draft.said.entry(of.clone()).or_insert_with(|| name.clone());
                }
                if let Some(app) = of.strip_prefix(APP) {
                    let derived = draft.apps.iter().filter(|(_, name)| *name == app).map(|(path, _)| path.clone());
                    draft.said.extend(derived.map(|path| (path, name.clone())).collect::<Vec<_>>());
                }
                draft.lines.push((name.clone(), lines.clone(), of.clone()));
            }
            draft.files.push(File { name, text: page.text });
        }
        for document in self.speaker.documents {
            let lines = 1..=u32::MAX;
            draft.lines.push((document.name.clone(), lines, document.of));
            draft.documents.push(File { name: document.name, text: document.text });
        }
        draft.secrets = self.speaker.secrets;
        draft
    }
}

/// Whether something is mounted below it.
fn is_mount(live: &Live) -> bool {
    live.kind.below(&live.path).is_some()
}

/// The file of what has none of its own.
fn file_of(kind: &Kind) -> &'static str {
    match kind.class {
        Class::Audit | Class::Mount => "engines",
        Class::Policy => "policies",
        Class::Other if matches!(kind.home, Home::Anywhere) => "objects",
        Class::Config | Class::Other => "server",
        Class::Role => "roles",
        Class::Login => "logins",
        Class::Person => "people",
    }
}
