//! A proposal to a saved plan, and back: with the files, the engine and the ledger that are here and now.
//!
//! Of the engine only what the plan changes is read again, and what it left out as not selected. The rest is taken to be
//! as declared, which it was when the plan was made: what became of it since is another plan's. So guardrails are asked
//! again too, with today's exceptions.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::demand::{self, Shown};
use super::engine::{Basis, Only, Proposal, Unreviewed, Word, hold_against, look, propose_part};
use super::error::Error;
use crate::api::Client;
use crate::estate::{Estate, Sources};
use crate::live;
use crate::object::{Live, fingerprint};
use crate::plan::saved::{Binding, Engine, KeyRead, Now, Opened, Permissions, Saved};
use crate::plan::{Adopt, Asked};

/// The digests of an estate's files, by name.
pub fn files(sources: &Sources) -> BTreeMap<String, String> {
    sources.texts().map(|(name, source)| (name, fingerprint::of_text(&source.text))).collect()
}

/// What there is to save of a proposal. `made` is the time, as RFC 3339 has it.
///
/// # Errors
/// [`Error::Engine`], [`Error::Nameless`].
pub async fn save(
    proposal: &Proposal,
    sources: &Sources,
    client: &Client,
    word: Word<'_>,
    made: String,
) -> Result<Saved, Error> {
    let binding = Binding {
        made,
        estate: proposal.estate.environment.estate.clone(),
        engine: engine(client).await?,
        word: Permissions {
            adopt: word.adopt != Adopt::Refuse,
            adopt_from: word.adopt_from.to_vec(),
            allow_account_change: word.account_change,
            allow_older: word.older,
            max_deletes: word.max_deletes,
        },
        files: files(sources),
    };
    let ledger = &proposal.ledger;
    let key = if ledger.is_key_hidden() { KeyRead::Hidden } else { KeyRead::Known };
    Ok(Saved::of(&proposal.plan, binding, &proposal.estate.objects, ledger.owned(), key))
}

/// The plan that was saved, if files, engine and ledger still are what it was made from and for.
///
/// # Errors
/// [`Error::Unfit`], [`Error::Nameless`], and those of [`super::propose`].
pub async fn reopen(
    opened: &Opened,
    estate: Estate,
    sources: &Sources,
    client: &Client,
    basis: Basis<'_>,
) -> Result<Proposal, Error> {
    let saved = &opened.plan;
    saved.is_of_files(&files(sources))?;
    saved.is_of_engine(&engine(client).await?)?;
    let said = &saved.word;
    let word = Word {
        adopt: if said.adopt { Adopt::Take } else { Adopt::Refuse },
        adopt_from: &said.adopt_from,
        account_change: said.allow_account_change,
        older: said.allow_older,
        max_deletes: said.max_deletes,
        asked: &Asked::default(),
    };
    let changed: BTreeSet<String> = saved.objects.keys().cloned().collect();
    // Of what was not selected only the engine tells what it is.
    let read: BTreeSet<String> = saved.left_out().map(str::to_owned).chain(changed.iter().cloned()).collect();
    let only = Only { read: Some(&read), changed: &changed };
    let Unreviewed { mut plan, estate, part, missing, ledger, live } =
        propose_part(estate, client, basis, word, Some(only)).await?;
    let desired = part.as_deref().unwrap_or_default();
    saved.fits(Now { plan: &plan, owned: ledger.owned(), live: &live, desired })?;
    let shown = Shown { dir: basis.dir, commit: plan.commit.as_deref(), saved: Some(opened) };
    let unmet = demand::unmet(&estate.environment.demands, shown)?;
    hold_against(&mut plan, unmet, basis.purpose);
    let plan = plan.approved(saved, |plan| {
        let known: HashSet<&str> = read.iter().map(String::as_str).collect();
        let rest = estate.objects.iter().filter(|object| !known.contains(object.path.as_str()));
        let rest: Vec<Live> = rest.map(crate::object::Object::as_live).collect();
        let before: Vec<&Live> = live.values().chain(&rest).collect();
        look(&estate, plan, &ledger, &before, basis.today)
    });
    Ok(Proposal { plan, estate, part, missing, ledger, live })
}

/// Which engine a client speaks with.
async fn engine(client: &Client) -> Result<Engine, Error> {
    let cluster_id = live::engine_id(client).await?;
    let cluster_id = cluster_id.ok_or_else(|| Error::Nameless { address: client.address().to_owned() })?;
    let namespace = client.namespace().map(|name| name.trim_matches('/')).filter(|name| !name.is_empty());
    Ok(Engine { cluster_id, namespace: namespace.map(str::to_owned) })
}
