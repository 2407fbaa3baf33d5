//! A bare copy of one branch of a remote repository, kept up to date for who looks again and again.
//!
//! What is fetched is done by the `git` program: it knows the remote's credentials, host keys and proxies as whoever set
//! it up does, and libgit2 is built here without TLS and ssh. What is read afterwards is read as of any repository. The
//! copy's `HEAD` is the branch, so that what asks for the commit, its signature, the branch or what came before it is
//! answered as in a clone that has it checked out.
//!
//! Whoever has the copy lets nobody else at it: then a lock in it is left from a fetch that was killed.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use git2::{Reference, Repository};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::error::Error;

/// How long one fetch may take.
const FETCH_LIMIT: Duration = Duration::from_secs(300);

/// How much is read of what git says.
const SAID_BYTES_MAX: u64 = 16 << 10;

/// How much of that is told.
const SAID_CHARS_MAX: usize = 600;

/// Over what is fetched: no program that a remote's name could name.
const PROTOCOLS: &str = "file:git:http:https:ssh";

/// Variables that would lead git to another repository.
const ELSEWHERE: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_CONFIG",
];

/// A branch of a repository somewhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    url: String,
    branch: String,
}

impl Remote {
    /// A repository, by a URL or a path, and one of its branches.
    ///
    /// # Errors
    /// [`Error::Remote`]: no branch's name; a URL that holds a password, which others would read among the arguments of
    /// programs.
    pub fn new(url: &str, branch: &str) -> Result<Self, Error> {
        let refused = |what: String, hint: &str| Err(Error::Remote { what, hint: hint.to_owned() });
        let is_plain = !url.is_empty() && !url.starts_with('-') && !url.contains(char::is_control);
        if !is_plain {
            return refused(
                "the remote is no repository's address".to_owned(),
                "name it as git does: https://..., ssh://..., git@host:path or a path",
            );
        }
        let authority =
            url.split_once("://").map(|(scheme, rest)| (scheme, rest.split(['/', '?']).next().unwrap_or(rest)));
        if let Some((scheme, user)) = authority.and_then(|(scheme, at)| Some((scheme, at.rsplit_once('@')?.0)))
            && (user.contains(':') || scheme.starts_with("http"))
        {
            return refused(
                "the remote's address holds a user or a password, which every process on the machine could read"
                    .to_owned(),
                "leave it out, and give it to git: a credential helper, or http.extraHeader in its configuration",
            );
        }
        if !Reference::is_valid_name(&format!("refs/heads/{branch}")) || branch.starts_with('-') {
            return refused(
                format!("`{}` is not the name of a branch", branch.escape_debug()),
                "name a branch, such as main",
            );
        }
        Ok(Self { url: url.to_owned(), branch: branch.to_owned() })
    }

    /// As people know it.
    pub fn name(&self) -> String {
        format!("{} ({})", self.url, self.branch)
    }
}

/// A bare copy of a remote's branch.
#[derive(Debug)]
pub struct Mirror {
    directory: PathBuf,
    remote: Remote,
}

impl Mirror {
    /// The copy in a directory, made there if there is none. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`Error::Git`].
    pub fn open(directory: &Path, remote: Remote) -> Result<Self, Error> {
        let failed = |source| Error::git(directory, source);
        let repository = match Repository::open_bare(directory) {
            Ok(repository) => repository,
            Err(_) => Repository::init_bare(directory).map_err(failed)?,
        };
        remove_locks(directory);
        repository.set_head(&format!("refs/heads/{}", remote.branch)).map_err(failed)?;
        Ok(Self { directory: directory.to_owned(), remote })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Fetches the branch, and answers the commit that it is at. A branch that was pushed anew with another history is
    /// taken as it is. `hidden` are variables that git does not inherit.
    ///
    /// # Errors
    /// [`Error::Fetch`].
    pub async fn fetch(&self, hidden: &[&str]) -> Result<String, Error> {
        remove_locks(&self.directory);
        let failed = |why: String| Error::Fetch { remote: self.remote.name(), why };
        let branch = format!("refs/heads/{}", self.remote.branch);
        let mut command = Command::new("git");
        // In the foreground, so that nothing runs on in the copy when this has ended.
        command.args(["-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false", "fetch"]);
        command.args(["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--"]);
        command.arg(&self.remote.url).arg(format!("+{branch}:{branch}"));
        for name in ELSEWHERE.iter().chain(hidden) {
            command.env_remove(name);
        }
        command.env("GIT_DIR", &self.directory).env("GIT_TERMINAL_PROMPT", "0").env("GIT_ALLOW_PROTOCOL", PROTOCOLS);
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(format!("the program git did not start: {error}")))?;
        let stderr = child.stderr.take();
        let run = async {
            let mut said = Vec::new();
            if let Some(stderr) = stderr {
                // What can't be read of it is not told; whether it worked the exit code says.
                let _ = stderr.take(SAID_BYTES_MAX).read_to_end(&mut said).await;
            }
            (child.wait().await, said)
        };
        let Ok((ended, said)) = tokio::time::timeout(FETCH_LIMIT, run).await else {
            return Err(failed(format!("it took more than {} s", FETCH_LIMIT.as_secs())));
        };
        let ended = ended.map_err(|error| failed(error.to_string()))?;
        if !ended.success() {
            return Err(failed(words(&said)));
        }
        let repository =
            Repository::open_bare(&self.directory).map_err(|source| Error::git(&self.directory, source))?;
        let commit = repository.refname_to_id(&branch).map_err(|source| Error::git(&self.directory, source))?;
        Ok(commit.to_string())
    }
}

/// What git said, on one line.
fn words(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let told: String = lines.join("; ").chars().take(SAID_CHARS_MAX).collect();
    if told.is_empty() { "git said nothing".to_owned() } else { told }
}

/// Removes the locks that a fetch which was killed has left.
fn remove_locks(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            // Locks are beside references and the files of the repository itself.
            Ok(kind) if kind.is_dir() && !path.ends_with("objects") => remove_locks(&path),
            Ok(kind) if kind.is_file() && path.extension().is_some_and(|ending| ending == "lock") => {
                // The next fetch tells of one that can't be removed.
                let _ = std::fs::remove_file(&path);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Remote, words};

    #[test]
    fn addresses_with_secrets_and_what_is_none_are_refused() {
        for (url, branch, part) in [
            ("https://ada:pw@git.example.com/estate", "main", "user or a password"),
            ("https://token@git.example.com/estate", "main", "user or a password"),
            ("ssh://ada:pw@git.example.com/estate", "main", "user or a password"),
            ("--upload-pack=x", "main", "no repository's address"),
            ("", "main", "no repository's address"),
            ("/srv/estate.git", "a..b", "not the name of a branch"),
            ("/srv/estate.git", "-b", "not the name of a branch"),
            ("/srv/estate.git", "", "not the name of a branch"),
        ] {
            let refused = Remote::new(url, branch).expect_err(url).to_string();
            assert!(refused.contains(part) && !refused.contains("pw"), "{url}: {refused}");
        }
        for url in [
            "https://git.example.com/a@b/estate.git",
            "ssh://git@git.example.com/estate.git",
            "git@git.example.com:estate.git",
            "/srv/estate.git",
            "file:///srv/estate.git",
        ] {
            assert_eq!(Remote::new(url, "release/1").expect(url).name(), format!("{url} (release/1)"));
        }
    }

    #[test]
    fn what_git_says_is_one_line() {
        assert_eq!(words(b"fatal: a\n  hint: b\n\n"), "fatal: a; hint: b");
        assert_eq!(words(b""), "git said nothing");
    }
}
