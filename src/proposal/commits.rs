//! Two commits, a commit and the files, or engine and files: who gains and loses what, and what guardrails say of it. Git
//! is read, nothing is checked out.

use std::borrow::Cow;
use std::path::Path;

use super::error::Error;
use super::reviewed::reviewed;
use crate::api::Client;
use crate::estate::{self, Estate, Problem, Sources};
use crate::git;
use crate::iam::catalogue::Catalogue;
use crate::ledger::{self, Ledger};
use crate::live;
use crate::object::{Live, Renames};
use crate::plan::keep_keys;
use crate::review::judgement::Scope;
use crate::review::state::{self, Side};
use crate::review::{Review, Revision};

/// A review of two sides, and what there is to say of the files after.
#[derive(Debug)]
pub struct Compared {
    /// The review.
    pub review: Review,
    /// What the author of the side after should know, though nothing is wrong.
    pub warnings: Vec<Problem>,
    /// The files of the side after.
    pub sources: Sources,
}

/// Reviews what a range of commits changes (`A..B`, `A...B`, or `A` for the files as they stand), for each environment
/// that either side declares, or for the named one.
///
/// # Errors
/// [`Error::Git`], [`Error::Invalid`], [`Error::NoEnvironment`].
pub fn between(
    dir: &Path,
    range: &str,
    environment: Option<&str>,
    scope: Scope,
    today: &str,
) -> Result<Compared, Error> {
    let (before, after) = git::range(dir, range)?;
    let as_of = |version: git::Version| git::Version { sources: version.sources.as_of(today), ..version };
    let (before, after) = (as_of(before), as_of(after));
    let (old, new) = std::thread::scope(|scope| {
        let old = scope.spawn(|| estates(&before, environment));
        let new = estates(&after, environment);
        // A panic there is a panic here.
        (old.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), new)
    });
    let (before, mut old) = valid(before, old)?;
    let (after, new) = valid(after, new)?;
    for estate in &mut old {
        if let Some(new) = find(&new, &estate.environment.name) {
            let renames = Renames::asked(&new.objects, |path| estate.object(path).is_some());
            estate.call_as(&renames);
        }
    }
    let files = before.sources.differing(&after.sources);
    let mut names: Vec<&str> = new.iter().map(|estate| estate.environment.name.as_str()).collect();
    let gone = old.iter().map(|estate| estate.environment.name.as_str()).filter(|name| find(&new, name).is_none());
    names.extend(gone);
    if names.is_empty() {
        return Err(Error::NoEnvironment { wanted: environment.map(str::to_owned) });
    }
    let environments = names.into_iter().map(|name| {
        let (before, estate) = (find(&old, name), find(&new, name));
        let (before, after) = (before.map(Side::of_estate), estate.map(Side::of_estate));
        reviewed(name, before.as_ref(), after.as_ref().zip(estate), &files, scope, today)
    });
    let review = Review {
        environments: environments.collect(),
        before: revision(&before),
        after: revision(&after),
        directory: git::directory(dir)?,
        catalogue: Catalogue::current().date().to_owned(),
        files: Some(files.len()),
    };
    // Guardrails and tests of the side before judge nothing any more.
    Ok(Compared { review, warnings: estate::warnings(&new), sources: after.sources })
}

/// Reviews what an apply of an estate's files would give, against what its engine holds. Writes nothing.
///
/// # Errors
/// [`Error::Git`], [`Error::Engine`].
pub async fn against_engine(
    mut estate: Estate,
    client: &Client,
    dir: &Path,
    scope: Scope,
    today: &str,
) -> Result<Review, Error> {
    let owner = ledger::owner(estate.environment.estate.as_deref(), &estate.environment.name);
    let (ledger, early) =
        tokio::join!(Ledger::read(client, &owner), live::Early::read(client, &estate.objects, &estate.shared));
    let ledger = ledger?;
    let snapshot = early.complete(client, &estate.objects, &estate.shared, &[], ledger.owned()).await?;
    keep_keys(&mut estate.objects, &snapshot.objects, ledger.owned());
    let known = state::Context::from(&estate);
    let is_there = |path: &str| ledger.owned().contains_key(path) && snapshot.objects.contains_key(path);
    let renames = Renames::asked(&estate.objects, is_there);
    let live: Vec<Cow<'_, Live>> =
        snapshot.objects.values().map(|live| renames.live(live).map_or(Cow::Borrowed(live), Cow::Owned)).collect();
    let before = Side::of_live(live.iter().map(Cow::as_ref), &estate.objects, ledger.owned(), known);
    let after = Side::of_estate(&estate);
    let mut reviewed = reviewed(&estate.environment.name, Some(&before), Some((&after, &estate)), &[], scope, today);
    reviewed.not_evaluated.extend(snapshot.notes);
    // Outside git there are files without a commit.
    let directory = git::directory_if_any(dir)?;
    Ok(Review {
        environments: vec![reviewed],
        before: Revision { name: "live".to_owned(), commit: None },
        after: Revision { name: "the files".to_owned(), commit: git::commit(dir)? },
        directory,
        catalogue: Catalogue::current().date().to_owned(),
        files: None,
    })
}

fn find<'e>(estates: &'e [Estate], name: &str) -> Option<&'e Estate> {
    estates.iter().find(|estate| estate.environment.name == name)
}

fn revision(side: &git::Version) -> Revision {
    Revision { name: side.name.clone(), commit: side.commit.clone() }
}

/// One side's estate for each of its environments.
fn estates(side: &git::Version, environment: Option<&str>) -> Result<Vec<Estate>, Vec<Problem>> {
    match side.missing {
        true => Ok(Vec::new()),
        false => estate::load_each(&side.sources, environment),
    }
}

fn valid(side: git::Version, estates: Result<Vec<Estate>, Vec<Problem>>) -> Result<(git::Version, Vec<Estate>), Error> {
    match estates {
        Ok(estates) => Ok((side, estates)),
        Err(problems) => {
            let revision = revision(&side);
            Err(Error::Invalid { problems, sources: Box::new(side.sources), revision })
        }
    }
}
