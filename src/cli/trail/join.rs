//! Credentials of a cluster's audit file and the ledger beside it: from which commit, and by which review, their role was.

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
    let filled = ask(&context, issued).await;
    context.close().await;
    if let Err(error) = filled {
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
    for issuance in issued.iter_mut().filter(|issuance| issuance.elsewhere) {
        let Some(path) = role_of(&issuance.credential.lease_id) else { continue };
        let wrote = |run: &&Run| run.objects.iter().any(|(object, _, became)| *object == path && became == "applied");
        let credential = &mut issuance.credential;
        // The newest first. Both are RFC 3339 in UTC, to the second or finer.
        let seconds = |time: &str| time.get(..19).map(str::to_owned);
        let mut of_role = runs.iter().filter(wrote).peekable();
        if of_role.peek().is_none() {
            // It was written by an apply that the history does not hold any more, or not with all its objects.
            if let Some(owned) = ledger.owned().get(&path) {
                credential.commit.clone_from(&owned.commit);
                credential.review.clone_from(&owned.review);
                credential.plan.clone_from(&owned.plan);
                credential.source = Some(owned.place.to_string());
            }
            continue;
        }
        if let Some(run) = of_role.find(|run| seconds(&run.since) <= seconds(&issuance.time)) {
            credential.commit.clone_from(&run.commit);
            credential.review.clone_from(&run.review);
            credential.plan = Some(run.plan.clone());
        }
    }
    Ok(())
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
    use super::role_of;

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
