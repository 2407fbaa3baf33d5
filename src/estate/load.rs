//! Files to an estate, for one environment or for each.
//!
//! Files become one tree; the environment's overrides are laid over it and its variables put in; then its declarations
//! are lowered.

mod drift;
mod environment;
mod kind;
mod limit;
mod policy_files;
mod require;

use std::collections::HashSet;

use super::declared::{EngineChoice, Environment, Estate};
use super::interpolate::{Replaced, Variables};
use super::lower::{Lowering, check_file};
use super::problem::{Draft, Problem, Severity};
use super::schema::Reader;
use super::source::Sources;
use super::tree::{self, Content, Map};
use super::{hcl, value, yaml};
use crate::object::Place;
use crate::spread;
use crate::text::did_you_mean;

/// Reads declarations and lowers them for one environment: the named one, else the only one, else the one
/// named `local`.
///
/// # Errors
/// Everything that is wrong with them, in the order of the files.
pub fn load(sources: &Sources, environment: Option<&str>) -> Result<Estate, Vec<Problem>> {
    let mut parsed = Parsed::new(sources);
    let chosen = environment::choose(&parsed.declarations, environment, parsed.incomplete);
    // Not copied: the tree of a large estate is the most that a plan holds in memory.
    let declarations = std::mem::take(&mut parsed.declarations);
    let (estate, mut problems) = match chosen {
        Ok(name) => parsed.lower(declarations, name.as_deref()),
        Err(problem) => {
            let (_, mut problems) = parsed.lower(declarations, None);
            // What stands above it in the list is about the files, this is about the command.
            problems.push(problem);
            (None, problems)
        }
    };
    sort(&mut problems);
    match estate {
        Some(mut estate) if problems.iter().all(|problem| problem.severity == Severity::Warning) => {
            estate.warnings = problems;
            Ok(estate)
        }
        _ => Err(problems),
    }
}

/// The environment that [`load`] would choose, whatever is wrong with declarations that do not say which engine it has.
///
/// # Errors
/// Everything that is wrong with the files, if that leaves open which environment is meant, or what it is.
pub fn environment(sources: &Sources, environment: Option<&str>) -> Result<Environment, Vec<Problem>> {
    let parsed = Parsed::new(sources);
    // Of several, `local` is meant. A file that could not be read may hold any other.
    let meant = environment.unwrap_or("local");
    let certain = !parsed.incomplete || parsed.environments().any(|name| name == meant);
    let chosen = environment::choose(&parsed.declarations, environment, parsed.incomplete).ok().flatten();
    let mut reader = Reader::new(sources);
    let declared = environment::all(&mut reader, &parsed.declarations);
    let mut declared = declared.into_iter().map(|(environment, ..)| environment);
    match declared.find(|environment| Some(&environment.name) == chosen.as_ref()) {
        Some(environment) if certain && reader.problems.is_empty() => Ok(environment),
        _ => load(sources, environment).map(|estate| estate.environment),
    }
}

/// Reads declarations and lowers them for each of their environments, or for the named one, in the order of their
/// declaration. An environment that is not declared is left out: the other side of a change may have it.
///
/// # Errors
/// Everything that is wrong with them, in the order of the files.
pub fn load_each(sources: &Sources, environment: Option<&str>) -> Result<Vec<Estate>, Vec<Problem>> {
    let mut parsed = Parsed::new(sources);
    let names = parsed.environments().filter(|name| environment.is_none_or(|wanted| wanted == *name));
    let mut names: Vec<Option<String>> = names.map(|name| Some(name.to_owned())).collect();
    if names.is_empty() {
        // Nothing to answer, but what is wrong with the files is told.
        names.push(None);
    }
    let (mut estates, mut problems) = (Vec::new(), Vec::new());
    for (left, name) in names.iter().enumerate().rev() {
        // The last one takes the tree instead of a copy of it.
        let declarations = match left {
            0 => std::mem::take(&mut parsed.declarations),
            _ => parsed.declarations.clone(),
        };
        let (estate, found) = parsed.lower(declarations, name.as_deref());
        estates.extend(estate.map(|mut estate| {
            estate.warnings.clone_from(&found);
            sort(&mut estate.warnings);
            estate
        }));
        problems.extend(found);
    }
    estates.reverse();
    sort(&mut problems);
    let sound = problems.iter().all(|problem| problem.severity == Severity::Warning);
    if sound { Ok(estates) } else { Err(problems) }
}

/// The warnings about the files of all these environments, in the order of the files, each once.
pub fn warnings(estates: &[Estate]) -> Vec<Problem> {
    let mut all: Vec<Problem> = estates.iter().flat_map(|estate| estate.warnings.iter().cloned()).collect();
    sort(&mut all);
    all
}

/// What a check of all environments found.
pub struct Checked {
    /// Everything that is wrong or worth knowing.
    pub problems: Vec<Problem>,
    /// The environments that were checked.
    pub environments: Vec<String>,
    /// Files that hold declarations.
    pub files: usize,
    /// Objects of the first environment.
    pub objects: usize,
    /// Apps of the estate.
    pub apps: usize,
    /// Tests of the estate.
    pub tests: usize,
}

/// Checks the estate for every environment it declares, or for one; answers it for each as well, unless something is wrong.
pub fn check(sources: &Sources, environment: Option<&str>) -> (Checked, Vec<Estate>) {
    let mut parsed = Parsed::new(sources);
    let declared: Vec<String> = parsed.environments().map(str::to_owned).collect();
    let (problems, environments) = (Vec::new(), Vec::new());
    let mut checked = Checked { problems, environments, files: parsed.files, objects: 0, apps: 0, tests: 0 };
    let wanted = match environment {
        Some(_) => match environment::choose(&parsed.declarations, environment, parsed.incomplete) {
            Ok(name) => name.into_iter().collect(),
            Err(problem) => {
                checked.problems.push(problem);
                Vec::new()
            }
        },
        None => declared,
    };
    if wanted.is_empty() {
        checked.problems.extend(parsed.lower(parsed.declarations.clone(), None).1);
        if environment.is_none() {
            checked.problems.extend(environment::choose(&parsed.declarations, None, parsed.incomplete).err());
        }
    }
    let mut estates = Vec::with_capacity(wanted.len());
    for (index, name) in wanted.iter().enumerate() {
        // The last one takes the tree instead of a copy of it.
        let declarations = match index + 1 == wanted.len() {
            true => std::mem::take(&mut parsed.declarations),
            false => parsed.declarations.clone(),
        };
        let (estate, problems) = parsed.lower(declarations, Some(name));
        if let (0, Some(estate)) = (index, &estate) {
            (checked.objects, checked.apps) = (estate.objects.len(), estate.apps.len());
            checked.tests = estate.tests.len();
        }
        estates.extend(estate.map(|estate| Estate { warnings: problems.clone(), ..estate }));
        checked.problems.extend(problems);
    }
    checked.environments = wanted;
    sort(&mut checked.problems);
    let is_sound = checked.problems.iter().all(|problem| problem.severity == Severity::Warning);
    (checked, if is_sound { estates } else { Vec::new() })
}

/// Brings problems into the order of the files, errors before warnings, each once.
fn sort(problems: &mut Vec<Problem>) {
    let key = |problem: &Problem| {
        let at = problem.labels.first().map(|label| (label.file.clone(), label.line, label.column));
        // A problem that no file has comes last: it is nearest to where people look.
        (problem.severity, at.is_none(), at, problem.what.clone())
    };
    problems.sort_by_cached_key(key);
    let mut seen = HashSet::new();
    problems.retain(|problem| seen.insert(key(problem)));
}

/// The files as one tree, before an environment is chosen.
struct Parsed<'s> {
    sources: &'s Sources,
    declarations: Map,
    problems: Vec<Draft>,
    /// What is wrong with the files of policies that were found among the declarations.
    policy_files: Vec<Draft>,
    /// How many files hold declarations.
    files: usize,
    /// Whether a file is missing from the tree, so that what seems dangling may only be unread.
    incomplete: bool,
}

/// The kinds of declarations.
pub(crate) const DECLARATIONS: &[&str] = &[
    "environment",
    "aws",
    "kv",
    "transit",
    "auth",
    "role",
    "static_role",
    "app",
    "login",
    "policy",
    "token_role",
    "user",
    "group",
    "audit",
    "managed_policy",
    "iam_role",
    "iam_user",
    "password_policy",
    "quota",
    "object",
    "test",
    "guardrail",
];

/// What to do about a name that is none of [`DECLARATIONS`].
fn kind_hint(kind: &str) -> String {
    match kind {
        "path" => {
            let named = "policy \"name\" { file = \"file:acl/name.hcl\" }";
            format!("rules stand in a `policy`, or in a file that one names: {named}")
        }
        "statement" => "a statement stands in a `role`, a `managed_policy`, an `iam_role` or an `iam_user`".to_owned(),
        _ => did_you_mean(kind, DECLARATIONS.iter().copied()).unwrap_or_else(|| {
            let known = value::listed(DECLARATIONS);
            format!("known are {known}; a file that is no part of the estate is named in .leaseholdignore")
        }),
    }
}

/// What is wrong with texts as YAML, whatever they say: keys that stand twice among it, with both places.
pub fn yaml_problems(sources: &Sources) -> Vec<Problem> {
    let mut drafts = Vec::new();
    for (index, file) in sources.files().iter().enumerate() {
        yaml::parse(&file.text, index as u32, &mut drafts);
    }
    drafts.into_iter().map(|draft| sources.finish(draft)).collect()
}

/// The names of the files that declare something: all but those with the rules of a policy.
pub(crate) fn declaring(sources: &Sources) -> HashSet<String> {
    let policies = policy_files::find(sources, &parse_all(sources));
    let files = sources.files().iter().enumerate().filter(|(index, _)| !policies.contains(index));
    files.map(|(_, file)| file.name.to_string()).collect()
}

/// A file's tree, unless it can't be understood, and what is wrong with it.
type ParsedFile = (Option<Map>, Vec<Draft>);

/// Below this many bytes in all files another thread costs more than it saves.
const BYTES_ALONE: u64 = 256 << 10;

/// Parses the files, in their order; those of a large estate on all processors.
fn parse_all(sources: &Sources) -> Vec<ParsedFile> {
    let files = sources.files();
    let parse = |index: usize| {
        let file = &files[index];
        let mut problems = Vec::new();
        let parse = if file.name.ends_with(".hcl") { hcl::parse } else { yaml::parse };
        let tree = parse(&file.text, index as u32, &mut problems);
        (tree, problems)
    };
    let numbers: Vec<usize> = (0..files.len()).collect();
    let least = if sources.total_bytes < BYTES_ALONE { usize::MAX } else { 1 };
    spread::each(&numbers, least, |number| parse(*number))
}

impl<'s> Parsed<'s> {
    fn new(sources: &'s Sources) -> Self {
        let mut parsed = Self {
            sources,
            declarations: Map::new(),
            problems: Vec::new(),
            policy_files: Vec::new(),
            files: 0,
            incomplete: !sources.problems.is_empty(),
        };
        let files = parse_all(sources);
        let policies = policy_files::find(sources, &files);
        for (index, (tree, mut problems)) in files.into_iter().enumerate() {
            if policies.contains(&index) {
                let source = &sources.files()[index];
                if !source.text.trim().is_empty() {
                    parsed.policy_files.extend(check_file(&source.text, index as u32).problems);
                }
                continue;
            }
            parsed.files += 1;
            parsed.incomplete |= problems.iter().any(Draft::leaves_out);
            parsed.problems.append(&mut problems);
            match tree {
                Some(mut map) => {
                    parsed.strangers(&mut map);
                    tree::merge(&mut parsed.declarations, map, &mut parsed.problems);
                }
                None => parsed.incomplete = true,
            }
        }
        for (kind, entry) in &parsed.declarations {
            // The policy that names the file may be in one that could not be read.
            if !(DECLARATIONS.contains(&kind.as_str()) || kind == "path" && parsed.incomplete) {
                let draft = Draft::error(entry.key_span, format!("`{kind}` is not a kind of declaration"));
                parsed.problems.push(draft.hint(kind_hint(kind)));
            }
        }
        parsed
    }

    /// Takes out what is of no kind and no block either, such as the `version` of a file that is another program's.
    fn strangers(&mut self, map: &mut Map) {
        map.retain(|kind, entry| {
            let stays = DECLARATIONS.contains(&kind.as_str())
                || matches!(entry.value.content, Content::Map(_) | Content::Broken);
            if !stays {
                let draft = Draft::error(entry.key_span, format!("`{kind}` is not a kind of declaration"));
                self.problems.push(draft.hint(kind_hint(kind)));
            }
            stays
        });
    }

    /// The names of the environments, in the order of their declaration.
    fn environments(&self) -> impl Iterator<Item = &str> {
        let declared = self.declarations.get("environment").and_then(|entry| match &entry.value.content {
            Content::Map(map) => Some(map),
            _ => None,
        });
        declared.into_iter().flat_map(|map| map.keys().map(String::as_str))
    }

    /// Lowers the declarations for an environment; without one, only to find problems.
    fn lower(&self, mut declarations: Map, environment: Option<&str>) -> (Option<Estate>, Vec<Problem>) {
        let mut reader = Reader::new(self.sources);
        reader.problems.clone_from(&self.problems);
        let known_before = reader.problems.len();
        let environments = environment::all(&mut reader, &declarations);
        let chosen = environments.iter().find(|(declared, ..)| Some(declared.name.as_str()) == environment);
        declarations.shift_remove("environment");
        let mut variables = Variables::default();
        if let Some((_, vars, over)) = chosen {
            variables.clone_from(vars);
            if let Some(over) = over {
                let mut unmatched = Vec::new();
                tree::overlay(&mut declarations, over, &mut unmatched);
                if !self.incomplete {
                    reader.problems.append(&mut unmatched);
                }
            }
        }
        let mut came = Replaced::default();
        variables.apply(&mut declarations, &mut came);
        // A text with an unknown variable is checked no further: what else is wrong with it follows from that. The
        // same holds of what was not understood.
        let mut unknown = came.unknown;
        if !self.problems.is_empty() {
            tree::broken(&self.declarations, &mut unknown);
            tree::broken(&declarations, &mut unknown);
        }
        let is_ours = chosen.is_some_and(|(declared, ..)| matches!(declared.engine, EngineChoice::Embedded { .. }));
        let mut lowering = Lowering::new(reader, variables, self.incomplete, is_ours);
        lowering.run(&declarations);
        let found = lowering.reader.problems.split_off(known_before);
        let found = found.into_iter().filter(|draft| draft.span().is_none_or(|span| !unknown.contains(&span)));
        // Last, so that what is told of a file that is used stays, which says where.
        lowering
            .reader
            .problems
            .extend(came.problems.into_iter().chain(found).chain(self.policy_files.iter().cloned()));
        let problems = lowering.finish_problems();
        let names: Vec<(String, Place)> =
            environments.iter().map(|(declared, ..)| (declared.name.clone(), declared.place.clone())).collect();
        let estate = chosen.map(|(declared, ..)| lowering.estate(names, declared.clone()));
        (estate, problems)
    }
}

#[cfg(test)]
mod tests;
