//! Audit files of engines: ours, OpenBao's and Vault's, as flags name them.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::CliError;
use super::output;
use crate::api::Client;
use crate::drift::{Attribution, Drift, Fate};
use crate::ledger::history::{self, KEPT, Run};
use crate::object::{Class, Kind, RolePath};
use crate::text::count;
use crate::trail::account::{Question, Reading};

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file, or what comes in at `-`.
///
/// # Errors
/// It can't be opened.
pub(crate) fn open(path: &Path) -> Result<Box<dyn BufRead>, CliError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, std::io::stdin())));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))
}

/// That a file could not be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> CliError {
    let name = output::printable(&path.display().to_string()).into_owned();
    CliError::new(1, format!("the audit file {name} could not be read: {error}"))
}

/// Tells of each finding what audit files have of it.
///
/// # Errors
/// A file that can't be read.
pub(crate) async fn attribute(
    drift: &mut Drift,
    client: &Client,
    owner: &str,
    files: &[PathBuf],
) -> Result<(), CliError> {
    if files.is_empty() {
        return Ok(());
    }
    let (ours, untold) = written(client, owner).await;
    drift.notes.extend(untold);
    let gone: HashSet<String> =
        drift.changed.iter().filter(|one| matches!(one.fate, Fate::Gone)).map(|one| one.path.clone()).collect();
    let questions = drift.acceptable().into_iter().map(|found| Question {
        // The older of the two paths of a policy.
        also: found
            .kind
            .name_of(&found.path)
            .filter(|_| found.kind.class == Class::Policy)
            .map(|name| format!("sys/policy/{name}")),
        creds: match (found.kind.class, RolePath::of(found.kind, &found.path)) {
            (Class::Role, Some(role)) => role.issued_at().collect(),
            _ => Vec::new(),
        },
        folds: folded(found.kind, &found.path),
        is_gone: gone.contains(&found.path),
        ours: ours.get(&found.path).copied(),
        path: found.path,
    });
    let namespace = client.namespace().unwrap_or_default().trim_matches('/').to_owned();
    let mut reading = Reading::new(questions.collect(), &namespace);
    for file in files {
        reading.read(open(file)?).map_err(|error| unreadable(file, &error))?;
    }
    let told = reading.end();
    if told.unreadable > 0 {
        let lines = count(usize::try_from(told.unreadable).unwrap_or(usize::MAX), "line");
        drift.notes.push(format!("warning: {lines} of the audit files could not be read, and may be about this"));
    }
    if told.cut {
        drift.notes.push("warning: the audit files have more credentials of these roles than are counted".to_owned());
    }
    drift.attribute(Attribution::of(told));
    Ok(())
}

/// How many bytes at the end of a path are a name that engines take in any case. Seen with OpenBao 2.6.2: policies, and the roles
/// and users of these methods.
fn folded(kind: &Kind, path: &str) -> usize {
    let is_folded = match kind.class {
        Class::Policy => true,
        Class::Login => matches!(kind.mount_type(), Some("approle" | "userpass")),
        _ => false,
    };
    kind.name_of(path).filter(|_| is_folded).map_or(0, str::len)
}

/// When each object was written last by an apply, as far as the history tells; and that it does not.
async fn written(client: &Client, owner: &str) -> (HashMap<String, OffsetDateTime>, Option<String>) {
    let runs = match history::read(client, owner, KEPT).await {
        Ok(history) => history.runs,
        Err(_) => {
            let untold = "when we wrote what drifted is not known here, so of several writes only the last one counts as the \
                          change: this token may not read the history";
            return (HashMap::new(), Some(untold.to_owned()));
        }
    };
    let mut written = HashMap::new();
    for Run { since, ended, objects, .. } in runs {
        let Ok(at) = OffsetDateTime::parse(ended.as_ref().unwrap_or(&since), &Rfc3339) else { continue };
        for (path, ..) in objects.into_iter().filter(|(_, _, became)| became == "applied") {
            let known = written.entry(path).or_insert(at);
            *known = at.max(*known);
        }
    }
    (written, None)
}
