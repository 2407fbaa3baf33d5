//! Files for what an engine has and nobody declares, with the proof that they say just that.
//!
//! The files are read as any estate's are, and planned as any plan is: an object that the estate's words refuse, or that a
//! plan would change, is left out and told, and all is drafted anew without it.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Basis, Proposal, Word, propose};
use super::error::Error;
use crate::api::Client;
use crate::drift::{Mounts, Verdict};
use crate::estate::{self, Estate, Sources};
use crate::import::{Blamed, Draft, File, Known, Report, Syntax};
use crate::ledger::{self, Ledger};
use crate::live::{self, Everything};
use crate::object::home::METHODS;
use crate::object::{Class, Live, Told, policy_name};
use crate::plan::{Adopt, Asked, Change, ChangeAction};
use crate::text::count;

/// Drafts until one is not refused. Each goes without all that the one before was refused for, and only what follows from that
/// is left for the next.
const DRAFTS_MAX: usize = 100;

/// What is there is taken over, whatever it is.
pub(super) const TAKING: Word<'static> = Word {
    adopt: Adopt::Take,
    adopt_from: &[],
    account_change: false,
    older: true,
    max_deletes: None,
    asked: &EVERYTHING,
};

static EVERYTHING: Asked = Asked { target: Vec::new(), exclude: Vec::new(), only_app: Vec::new() };

/// What is said where ledgers can't be read.
const OTHERS_HIDDEN: &str =
    "this token may not read the ledgers of other estates, so what they made counts as nobody's";

/// What is to be written, and what to tell of it.
#[derive(Debug)]
pub struct Imported {
    /// The files, those first that others name.
    pub files: Vec<File>,
    /// What came of it.
    pub report: Report,
}

/// What an import is made into.
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// The estate's files.
    pub sources: &'a Sources,
    /// What they declare for the environment.
    pub declared: &'a Estate,
    /// Whether the directory has a file of a name.
    pub taken: &'a dyn Fn(&str) -> bool,
    /// How the new files are written.
    pub syntax: Syntax,
}

/// Drafts files for what an engine has and the estate does not declare, and proves that a plan with them changes nothing.
/// Writes nothing.
///
/// # Errors
/// [`Error::Engine`], [`Error::Git`], and [`Error::Undrafted`] where no files come of it that are an estate.
pub async fn import(into: Base<'_>, client: &Client, basis: Basis<'_>) -> Result<Imported, Error> {
    let environment = &into.declared.environment;
    let owner = ledger::owner(environment.estate.as_deref(), &environment.name);
    let (found, ledger) = tokio::join!(live::everything(client, ledger::MOUNT), Ledger::read(client, &owner));
    let (found, ledger) = (found?, ledger?);
    let others = ledger.readable_others(client, ledger::owners(client).await).await?;
    let mut report =
        Report { environment: environment.name.clone(), address: client.address().to_owned(), ..Report::default() };
    let declared = environment.namespace.as_deref();
    if let Some(namespace) = client.namespace().filter(|name| Some(name.trim_matches('/')) != declared) {
        let what = format!(
            "the namespace `{namespace}` stands in no file: write `namespace` into the environment, or name it with \
             --namespace, as here"
        );
        report.notes.push(what);
    }
    if others.is_none() {
        report.notes.push(OTHERS_HIDDEN.to_owned());
    }
    let others = others_objects(others.unwrap_or_default(), &ledger, &found);
    let own = ours(&found);
    let mut known = Known::new(&found.objects, into.declared, &others, &own);
    let (draft, proposal) = settle(&mut known, into, async |draft, estate| {
        let proposal = propose(estate, client, basis, TAKING).await?;
        let refused = disproved(draft, &proposal);
        Ok(if refused.is_empty() { Ok(proposal) } else { Err(refused) })
    })
    .await?;
    drop(known);
    let Everything { hidden, unread, notes, .. } = found;
    tell(&mut report, &draft, &proposal, into.declared);
    report.others = others;
    report.hidden = hidden;
    report.left.extend(unread);
    report.notes.extend(notes);
    let files = draft.documents.into_iter().chain(draft.files).collect();
    Ok(Imported { files, report })
}

/// Drafts until a draft is an estate and passes a proof, which answers what of it is to be left out, and why.
pub(super) async fn settle<T>(
    known: &mut Known<'_>,
    into: Base<'_>,
    prove: impl AsyncFn(&Draft, Estate) -> Result<Result<T, Vec<(Blamed, String)>>, Error>,
) -> Result<(Draft, T), Error> {
    let environment = &into.declared.environment;
    let mut refused = Vec::new();
    for _ in 0..DRAFTS_MAX {
        known.refuse(refused);
        let draft = Draft::new(known, into.syntax, into.taken);
        let sources = with(into.sources, &draft);
        refused = match estate::load(&sources, Some(&environment.name)) {
            Ok(estate) => match prove(&draft, estate).await? {
                Ok(proof) => return Ok((draft, proof)),
                Err(refused) => refused,
            },
            Err(problems) => {
                let blamed = draft.blame(&problems);
                if blamed.is_empty() {
                    return Err(Error::Undrafted { problems, sources: Box::new(sources) });
                }
                blamed
            }
        };
    }
    let refused = refused.into_iter().map(|(_, why)| why).collect();
    Err(Error::Unsettled { drafts: DRAFTS_MAX, refused })
}

/// An estate's files with those of a draft.
fn with(sources: &Sources, draft: &Draft) -> Sources {
    let pair = |file: &File| (file.name.clone(), file.text.clone());
    sources.with(draft.files.iter().map(pair).collect(), draft.documents.iter().map(pair).collect())
}

/// What others have of what is there, with whose it is; but for what is this owner's too.
fn others_objects(others: Vec<Ledger>, ledger: &Ledger, found: &Everything) -> BTreeMap<String, String> {
    let live: BTreeMap<&str, &Live> = found.objects.iter().map(|live| (live.path.as_str(), live)).collect();
    let mut objects = BTreeMap::new();
    for other in &others {
        for (path, owned) in other.owned() {
            let is_theirs = live.get(path.as_str()).is_some_and(|live| owned.is_ours(Some(live)));
            if is_theirs && !ledger.owned().contains_key(path) {
                objects.insert(path.clone(), ledger::describe(other.owner()));
            }
        }
    }
    objects
}

/// The policies that ship with Leasehold, which nothing here names.
fn ours(found: &Everything) -> BTreeSet<String> {
    let mut mounts = Mounts { ledger: ledger::MOUNT, ..Mounts::default() };
    for live in &found.objects {
        let Some(mount) = live.mount() else { continue };
        mounts.declared.extend(live.kind.below(&live.path));
        let known = if mount.table == &METHODS { &mut mounts.methods } else { &mut mounts.engines };
        known.insert(mount.name.to_owned());
    }
    let named: BTreeSet<String> = found.objects.iter().flat_map(Live::policies).collect();
    let policies = found.objects.iter().filter(|live| live.kind.class == Class::Policy);
    let ships = policies.filter(|live| {
        let text = live.fields.get("policy").and_then(|text| text.as_str()).unwrap_or_default();
        let is_named = policy_name(&live.path).is_some_and(|name| named.contains(name));
        !is_named && matches!(mounts.judge(text), Verdict::Ships(_))
    });
    ships.map(|live| live.path.clone()).collect()
}

/// What of a draft a plan would not leave as it is, and why.
fn disproved(draft: &Draft, proposal: &Proposal) -> Vec<(Blamed, String)> {
    let changes = proposal.plan.changes.iter().filter(|change| draft.said.contains_key(&change.path));
    let changed = changes.filter_map(|change| Some((change.path.as_str(), changes_something(change)?)));
    let unsaid = draft.said.keys().filter_map(|path| {
        let fields: Vec<&str> = proposal.estate.object(path)?.adopted().map(|(name, _)| name).collect();
        (!fields.is_empty()).then(|| (path.as_str(), format!("no word says its {}", fields.join(", "))))
    });
    let blamed = |path: &str| match draft.app_of(path) {
        Some(app) => Blamed::App(app.to_owned()),
        None => Blamed::Object(path.to_owned()),
    };
    changed.chain(unsaid).map(|(path, why)| (blamed(path), why)).collect()
}

/// What a change would do to what is there, beside writing a secret that nobody can compare.
pub(super) fn changes_something(change: &Change) -> Option<String> {
    let is_hidden = |name: &str| change.kind.field(name).is_some_and(|field| field.told == Told::WriteOnly);
    let fields: Vec<&str> = change.fields.iter().map(|field| field.name).filter(|name| !is_hidden(name)).collect();
    match change.action {
        ChangeAction::Adopt | ChangeAction::Update if fields.is_empty() => None,
        ChangeAction::Adopt | ChangeAction::Update => Some(format!("a plan would change its {}", fields.join(", "))),
        other => Some(format!("a plan would {} it", other.word())),
    }
}

fn tell(report: &mut Report, draft: &Draft, proposal: &Proposal, declared: &Estate) {
    report.declared.clone_from(&draft.said);
    report.declared.retain(|path, _| !draft.objects.contains_key(path));
    report.objects.clone_from(&draft.objects);
    report.left.clone_from(&draft.left);
    report.secrets.clone_from(&draft.secrets);
    let ours = draft.said.keys().filter(|path| proposal.ledger.owned().contains_key(*path)).count();
    if ours > 0 {
        let what = format!(
            "{ours} of them are this environment's own by its ledger, and no file had them: a plan would have deleted them"
        );
        report.notes.push(what);
    }
    if draft.by_engine > 0 {
        let what = format!(
            "not imported: {} that the engine made for who logged in; nothing is said of them, and no group names them",
            count(draft.by_engine, "user")
        );
        report.notes.push(what);
    }
    let others: Vec<&str> = declared.environments.iter().map(|(name, _)| name.as_str()).collect();
    if others.len() > 1 && !draft.said.is_empty() {
        let what = format!(
            "the estate has the environments {}, and what was imported is declared for all of them",
            others.join(", ")
        );
        report.notes.push(what);
    }
    let pending = proposal.plan.changes.iter().filter(|change| !draft.said.contains_key(&change.path)).count();
    if pending > 0 {
        report.notes.push(format!("beside that, the estate's own files have {pending} changes that are not applied"));
    }
}
