//! Files for what Terraform declares, with the proof that they are an estate, and what an engine has of it.
//!
//! Terraform says what shall be, an engine what is: where they differ, the files say what Terraform does, and the difference is
//! told. What the estate's own reader refuses is left out, as of an import from an engine.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Basis, propose};
use super::error::Error;
use super::imported::{Base, Imported, TAKING, changes_something, settle};
use crate::api::Client;
use crate::apply;
use crate::estate::Estate;
use crate::import::terraform::{Carried, Unplaced};
use crate::import::{Compared, Draft, Known, Report};
use crate::live;
use crate::text::count;

/// Drafts files for what Terraform declares and the estate does not, and compares them with an engine where one is given.
/// Writes nothing.
///
/// # Errors
/// [`Error::Undrafted`] and [`Error::Unsettled`] where no files come of it that are an estate; with an engine also
/// [`Error::Engine`] and [`Error::Git`].
pub async fn carried(
    into: Base<'_>,
    from: &str,
    carried: Carried,
    engine: Option<(&Client, Basis<'_>)>,
) -> Result<Imported, Error> {
    let Carried { objects, origins, mut others, unplaced, notes } = carried;
    let own = BTreeSet::new();
    let mut known = Known::new(&objects, into.declared, &others, &own);
    let (draft, estate) = settle(&mut known, into, async |_, estate| Ok(Ok(estate))).await?;
    drop(known);
    let mut report = Report {
        environment: into.declared.environment.name.clone(),
        address: from.to_owned(),
        is_terraforms: true,
        declared: draft.said.clone(),
        secrets: draft.secrets.clone(),
        unplaced,
        notes,
        ..Report::default()
    };
    for (path, why) in &draft.left {
        match origins.get(path) {
            Some((place, address)) => report.unplaced.push(Unplaced {
                place: place.clone(),
                address: address.clone(),
                why: format!("{path}: {why}"),
            }),
            None => drop(report.left.insert(path.clone(), why.clone())),
        }
    }
    report.unplaced.sort_by(|one, other| place_key(one).cmp(&place_key(other)));
    others.retain(|path, _| draft.shared.contains(path));
    report.others = others;
    if let Some((client, basis)) = engine.filter(|_| report.imported() > 0) {
        compare(&mut report, &draft, estate, client, basis).await?;
    }
    let files = draft.documents.into_iter().chain(draft.files).collect();
    Ok(Imported { files, report })
}

/// The order in which what is not carried over is told: by file and line, then by name.
fn place_key(unplaced: &Unplaced) -> (&str, usize, &str) {
    let (file, line) = unplaced.place.rsplit_once(':').unwrap_or((&unplaced.place, ""));
    (file, line.parse().unwrap_or_default(), &unplaced.address)
}

/// Asks an engine what it has of it.
async fn compare(
    report: &mut Report,
    draft: &Draft,
    estate: Estate,
    client: &Client,
    basis: Basis<'_>,
) -> Result<(), Error> {
    let proposal = match propose(estate, client, basis, TAKING).await {
        Ok(proposal) => proposal,
        // Something that no resource makes is not there, or this engine has no such thing at all: the files are an estate, and
        // can't be planned against it yet.
        Err(Error::Engine(error)) if is_elsewhere(&error) => {
            report.notes.push(format!("not compared with {}: {error}", client.address()));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let mut differing = BTreeMap::new();
    for change in proposal.plan.changes.iter().filter(|change| draft.said.contains_key(&change.path)) {
        differing.extend(changes_something(change).map(|what| (change.path.clone(), what)));
    }
    let foreign = proposal.plan.unmanaged.len();
    if foreign > 0 {
        let what = format!("beside them the engine has {}, which `leasehold import` adds", count(foreign, "object"));
        report.notes.push(what);
    }
    let same = draft.said.len() - differing.len();
    report.compared = Some(Compared { address: client.address().to_owned(), same, differing });
    Ok(())
}

fn is_elsewhere(error: &apply::Error) -> bool {
    matches!(error, apply::Error::Live(live::Error::Missing(_) | live::Error::Misplaced(_)))
}
