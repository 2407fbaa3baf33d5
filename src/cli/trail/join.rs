//! Credentials of a cluster's audit file and the ledger beside it: from which commit, and by which review, their role was.

use std::collections::HashMap;

use crate::cli::context::{Context, owner_of};
use crate::cli::error::CliError;
use crate::cli::global::Global;
use crate::cli::lock::failed;
use crate::cli::output;
use crate::ledger::Ledger;
use crate::ledger::history::{self, KEPT, Run};
use crate::object::{Class, KINDS};
use crate::trail::query::Issuance;

/// Says of each credential what its role was written from, as far as the engine is at hand. Where it is not, that is told.
pub(super) async fn fill(global: &Global, issued: &mut [Issuance]) {
    if !issued.iter().any(|issuance| issuance.elsewhere) {
        return;
    }
    let context = match Context::open(global) {
        Ok(context) => context,
        Err(error) => return untold(&error),
    };
    filled(&context, issued).await;
    context.close().await;
}

/// The same by an environment that is known.
pub(in crate::cli) async fn filled(context: &Context, issued: &mut [Issuance]) {
    if let Err(error) = ask(context, issued).await {
        untold(&error);
    }
}

fn untold(error: &CliError) {
    let why = output::one_line(error.message.lines().next().unwrap_or_default()).into_owned();
    output::say(&format!(
        "warning: an audit file of OpenBao or Vault does not tell commits, and the ledger is not at hand: {why}"
    ));
}

async fn ask(context: &Context, issued: &mut [Issuance]) -> Result<(), CliError> {
    let environment = context.chosen()?;
    let client = context.operator(&environment).await?.patient();
    let owner = owner_of(&environment);
    let (runs, ledger) = tokio::join!(history::read(&client, &owner, KEPT), Ledger::read(&client, &owner));
    let runs = runs.map_err(|error| failed(context, error))?.runs;
    let ledger = ledger.map_err(|error| failed(context, error))?;
    let applies = Applies::of(runs);
    let namespace = client.namespace().unwrap_or_default().trim_matches('/');
    // What is in another namespace is another engine's.
    for issuance in issued.iter_mut().filter(|issuance| issuance.elsewhere && issuance.namespace == namespace) {
        let Some(path) = role_of(&issuance.credential.lease_id) else { continue };
        let (owned, credential) = (ledger.owned().get(&path), &mut issuance.credential);
        match applies.before(&path, &issuance.time, owned.and_then(|owned| owned.plan.as_deref())) {
            Wrote::Run(run) => {
                // One that put objects of several commits back has none itself.
                let last = owned.filter(|owned| owned.plan.as_deref() == Some(&*run.plan));
                credential.commit = run.commit.clone().or_else(|| last?.commit.clone());
                credential.review.clone_from(&run.review);
                credential.plan = Some(run.plan.clone());
            }
            // An apply that the history does not hold any more.
            Wrote::Older => {
                if let Some(owned) = owned {
                    credential.commit.clone_from(&owned.commit);
                    credential.review.clone_from(&owned.review);
                    credential.plan.clone_from(&owned.plan);
                    credential.source = Some(owned.place.to_string());
                }
            }
            Wrote::Unknown => {}
        }
    }
    Ok(())
}

/// The applies of a history, the newest first, by what they wrote.
struct Applies {
    runs: Vec<Run>,
    by_path: HashMap<String, Vec<usize>>,
}

/// Who had written an object last at a time.
#[derive(Debug, PartialEq, Eq)]
enum Wrote<'a> {
    /// This apply.
    Run(&'a Run),
    /// None of those that there are.
    Older,
    /// One of several, or one that came later alone.
    Unknown,
}

impl Applies {
    fn of(runs: Vec<Run>) -> Self {
        let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, run) in runs.iter().enumerate() {
            for (path, ..) in run.objects.iter().filter(|(_, _, became)| became == "applied") {
                by_path.entry(path.clone()).or_default().push(at);
            }
        }
        Self { runs, by_path }
    }

    /// The apply that had written an object last at a time; `plan` wrote it last of all.
    fn before(&self, path: &str, time: &str, plan: Option<&str>) -> Wrote<'_> {
        // Both are RFC 3339 in UTC, to the second or finer.
        let is_before = |at: &usize| self.runs[*at].since.get(..19) <= time.get(..19);
        let all = self.by_path.get(path).map_or(&[][..], Vec::as_slice);
        let known = all.iter().copied().find(|at| is_before(at));
        // A large one names not all that it wrote.
        let newer = 0..known.unwrap_or(self.runs.len());
        let large = newer.into_iter().find(|at| is_before(at) && self.runs[*at].more > 0);
        match (large, known) {
            (Some(at), _) if plan == Some(self.runs[at].plan.as_str()) => Wrote::Run(&self.runs[at]),
            (Some(_), _) => Wrote::Unknown,
            (None, Some(at)) => Wrote::Run(&self.runs[at]),
            (None, None) if self.runs.iter().any(|run| plan == Some(run.plan.as_str())) => Wrote::Unknown,
            (None, None) => Wrote::Older,
        }
    }
}

/// The path of the role that a lease is of: its id begins with where it was read.
fn role_of(lease_id: &str) -> Option<String> {
    let (read, _) = lease_id.rsplit_once('/')?;
    KINDS.iter().filter(|kind| kind.class == Class::Role).find_map(|kind| {
        kind.issued_in().iter().find_map(|folder| {
            let (mount, name) = read.rsplit_once(&format!("/{folder}/"))?;
            Some(kind.path(mount, name))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Applies, Run, Wrote, role_of};

    fn run(since: &str, plan: &str, path: &str, more: usize) -> Run {
        let objects = vec![(path.to_owned(), "update".to_owned(), "applied".to_owned())];
        let mut run = Run::of(plan.to_owned(), None, None);
        (run.since, run.objects, run.more) = (since.to_owned(), objects, more);
        run
    }

    #[test]
    fn the_apply_before_a_credential_is_the_one_that_wrote_its_role() {
        let applies = Applies::of(vec![
            run("2026-11-25T12:00:00Z", "d", "aws/roles/r", 0),
            run("2026-11-25T11:00:00Z", "c", "aws/roles/other", 7),
            run("2026-11-25T10:00:00Z", "b", "aws/roles/r", 0),
            run("2026-11-25T09:00:00Z", "a", "aws/roles/other", 0),
        ]);
        let plan = |path: &str, time: &str, last: &str| match applies.before(path, time, Some(last)) {
            Wrote::Run(run) => run.plan.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!(plan("aws/roles/r", "2026-11-25T12:00:00.5Z", "d"), "d");
        assert_eq!(plan("aws/roles/r", "2026-11-25T10:30:00Z", "d"), "b");
        // The large one may have written it, too.
        assert_eq!(plan("aws/roles/r", "2026-11-25T11:30:00Z", "d"), "Unknown");
        assert_eq!(plan("aws/roles/r", "2026-11-25T11:30:00Z", "c"), "c");
        assert_eq!(plan("aws/roles/r", "2026-11-25T09:30:00Z", "d"), "Unknown");
        assert_eq!(plan("aws/roles/none", "2026-11-25T09:30:00Z", "before"), "Older");
    }

    #[test]
    fn a_lease_names_its_role() {
        for (lease, role) in [
            ("aws/creds/webapp/soU0", Some("aws/roles/webapp")),
            ("team/aws/sts/deploy/1xa4", Some("team/aws/roles/deploy")),
            ("database/other/x/1", None),
            ("nothing", None),
        ] {
            assert_eq!(role_of(lease).as_deref(), role, "{lease}");
        }
    }
}
