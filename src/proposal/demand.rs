//! What an environment demands of what is applied to it, and what of that is not so.

use std::path::Path;

use super::error::Error;
use crate::estate::Demands;
use crate::git;
use crate::plan::saved::Opened;
use crate::ssh::{PublicKey, Signature};

/// What git signs commits for: ssh's namespace.
const COMMITS: &str = "git";

/// What there is to hold against an environment's demands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'a> {
    /// The estate's directory.
    pub(super) dir: &'a Path,
    /// Its commit, with `-dirty` behind it if files are changed.
    pub(super) commit: Option<&'a str>,
    /// The saved plan that is to be applied, if it is one.
    pub(super) saved: Option<&'a Opened>,
}

/// What is not as it is demanded, in words.
///
/// # Errors
/// [`Error::Git`].
pub(super) fn unmet(demands: &Demands, shown: Shown<'_>) -> Result<Vec<String>, Error> {
    let mut unmet = Vec::new();
    if demands.signed_plan {
        match shown.saved.map(|saved| saved.signer(&demands.signers)) {
            None => unmet.push(
                "only a saved plan that a signer signed is applied (`leasehold plan --out FILE --sign-key KEY`)"
                    .to_owned(),
            ),
            Some(Err(why)) => unmet.push(why.to_string()),
            Some(Ok(_)) => {}
        }
    }
    match shown.commit {
        None if demands.clean => unmet.push("the files are in no commit".to_owned()),
        Some(commit) if demands.clean && git::is_changed(commit) => {
            unmet.push("the files are not as their commit has them".to_owned());
        }
        _ => {}
    }
    if let Some(branch) = &demands.branch
        && !git::is_on_branch(shown.dir, branch)?
    {
        unmet.push(format!("the branch `{branch}` is not checked out"));
    }
    if demands.signed_commit {
        unmet.extend(unsigned(shown.dir, &demands.signers)?);
    }
    Ok(unmet)
}

/// Why the commit that is checked out counts as signed by none of these.
///
/// # Errors
/// [`Error::Git`].
pub fn unsigned(dir: &Path, signers: &[PublicKey]) -> Result<Option<String>, Error> {
    let Some(signed) = git::signature(dir)? else {
        return Ok(Some("the commit that is checked out is not signed".to_owned()));
    };
    let signature = match Signature::of_text(&signed.signature) {
        Ok(signature) => signature,
        Err(why) => return Ok(Some(format!("the commit's signature is none that counts here: {why}"))),
    };
    Ok(match signature.verify(COMMITS, &signed.text) {
        Err(why) => Some(format!("the commit's signature does not hold: {why}")),
        Ok(key) if !signers.contains(key) => {
            Some(format!("the commit is signed by {key}, who is no signer of this environment"))
        }
        Ok(_) => None,
    })
}
