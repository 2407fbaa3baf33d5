//! Audit files of engines: ours, OpenBao's and Vault's, as flags name them.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::error::CliError;
use super::output;
use crate::api::Client;
use crate::drift::{Attribution, Drift, Fate, Found, Rule};
use crate::ledger::history::{self, KEPT, Run};
use crate::object::{Class, Kind, RolePath};
use crate::text::count;
use crate::trail::account::{Question, Reading};
use crate::trail::parts;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file, or what comes in at `-`; with what an engine has rotated away before it, and how many files that is.
///
/// # Errors
/// It can't be opened.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn BufRead>, usize), CliError> {
    if path.as_os_str() == "-" {
        return Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, std::io::stdin())), 0));
    }
    parts::open(path).map_err(|error| unreadable(path, &error))
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
    let found = drift.acceptable();
    let (ours, untold) = written(client, owner, &found).await;
    drift.notes.extend(untold);
    let gone: HashSet<String> =
        drift.changed.iter().filter(|one| matches!(one.fate, Fate::Gone)).map(|one| one.path.clone()).collect();
    let questions = found.into_iter().map(|found| Question {
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
        reading.read(open(file)?.0).map_err(|error| unreadable(file, &error))?;
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

/// How many bytes at the end of a path are a name that engines take in any case.
fn folded(kind: &Kind, path: &str) -> usize {
    kind.name_of(path).filter(|_| kind.special.any_case).map_or(0, str::len)
}

/// When each object was written last by an apply, as far as the history tells; and of what it does not.
async fn written(client: &Client, owner: &str, found: &[Found]) -> (HashMap<String, OffsetDateTime>, Option<String>) {
    let Ok(history) = history::read(client, owner, KEPT).await else {
        let untold = "when we wrote what drifted is not known here, so of several writes only the last one counts as the \
                      change: this token may not read the history";
        return (HashMap::new(), Some(untold.to_owned()));
    };
    let (written, unnamed) = written_by(history.runs);
    // An apply that does not name all that it wrote may have written any of them.
    let is_known = |at: &OffsetDateTime| unnamed.is_none_or(|unnamed| unnamed <= *at);
    let ours =
        found.iter().filter_map(|one| Some((one.path.clone(), *written.get(&one.path).filter(|at| is_known(at))?)));
    let ours: HashMap<String, OffsetDateTime> = ours.collect();
    let untold = found.iter().filter(|one| one.rule == Rule::Changed && !ours.contains_key(&one.path)).count();
    let untold = (untold > 0 && unnamed.is_some()).then(|| {
        let objects = count(untold, "object");
        format!(
            "of {objects} it is not known when we wrote it last, so of several writes only the last one counts as the change: an \
             apply was of more objects than the history names"
        )
    });
    (ours, untold)
}

/// When each object was written last, by the history; and when the last apply was that does not name all that it wrote.
fn written_by(runs: Vec<Run>) -> (HashMap<String, OffsetDateTime>, Option<OffsetDateTime>) {
    let (mut written, mut unnamed) = (HashMap::new(), None);
    for Run { since, ended, objects, more, .. } in runs {
        let Ok(at) = OffsetDateTime::parse(ended.as_ref().unwrap_or(&since), &Rfc3339) else { continue };
        if more > 0 {
            unnamed = unnamed.max(Some(at));
        }
        for (path, ..) in objects.into_iter().filter(|(_, _, became)| became == "applied") {
            let known = written.entry(path).or_insert(at);
            *known = at.max(*known);
        }
    }
    (written, unnamed)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{Run, written_by};

    #[test]
    fn an_apply_that_does_not_name_all_is_told() {
        let run = |hour: u8, more: usize, path: &str| {
            let objects = [(path, "applied"), ("failed", "failed")];
            let mut run = Run::of(String::new(), None, None);
            run.ended = Some(format!("2026-11-25T{hour:02}:00:00Z"));
            run.objects =
                objects.map(|(path, became)| (path.to_owned(), "update".to_owned(), became.to_owned())).into();
            run.more = more;
            run
        };
        let (written, unnamed) = written_by(vec![run(10, 0, "b"), run(9, 32, "a"), run(8, 0, "a")]);
        assert_eq!(written.get("a"), Some(&datetime!(2026-11-25 09:00 UTC)));
        assert_eq!(written.get("b"), Some(&datetime!(2026-11-25 10:00 UTC)));
        assert_eq!((written.len(), unnamed), (2, Some(datetime!(2026-11-25 09:00 UTC))));
        assert_eq!(written_by(vec![run(8, 0, "a")]).1, None);
    }
}
