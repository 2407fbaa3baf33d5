//! `leasehold drift`.

use std::collections::HashSet;
use std::path::PathBuf;

use futures_util::stream::{self, StreamExt as _};

use super::context::{Context, Warnings};
use super::error::CliError;
use super::global::Format;
use super::plan::{Proposal, Word, colour, failed, propose};
use super::{Global, output};
use crate::acl;
use crate::api::Client;
use crate::apply::{self, Prepared};
use crate::drift::{self, Drift, Input};
use crate::live;
use crate::object::{Object, acl_policy, auth_mount, mount};
use crate::plan::{Adopt, Plan};
use crate::review::Environment;
use crate::review::effective::{self, Side};

/// Policies that are read at one time.
const READS_AT_ONCE: usize = 16;

/// Arguments of `leasehold drift`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Forms (--format): text, json, markdown. It needs no secret, and no more than policies/acl/plan.hcl grants.

Exit codes: 0 no drift, 5 something was changed behind our back or is not ours, 2 the files were not applied yet and \
nothing else, 1 an error.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one]
    dir: Option<PathBuf>,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(&[Format::Text, Format::Json, Format::Markdown])?;
    let context = Context::open(global)?.at(args.dir).telling(Warnings::Untold);
    let outcome = find(&context).await;
    context.close().await;
    // Two and five say what was found, and nothing else.
    let drift = outcome.map_err(|error| CliError { exit_code: 1, ..error })?;
    output::data(&match format {
        Format::Json => format!("{:#}\n", drift.json()),
        Format::Markdown => drift.markdown(),
        _ => drift.text(colour()),
    })?;
    Ok(drift.exit_code())
}

async fn find(context: &Context) -> Result<Drift, CliError> {
    let word = Word { adopt: Adopt::Refuse, adopt_from: &[], account_change: true, older: true };
    let Proposal { estate, client, mut prepared, .. } = propose(context, word).await?;
    leave_to_others(context, &client, &mut prepared).await?;
    let Prepared { plan, ledger, mut live } = prepared;
    let policies = policies_on(&estate.objects, &client, &plan).await.map_err(|error| failed(context, &error))?;
    let (desired, owned) = (&estate.objects, ledger.owned());
    let mut drift = Drift::of(Input { plan: &plan, desired, owned, live: &live, policies: &policies });
    if !drift.changed.is_empty() {
        let known = effective::Context { managed_policies: &estate.managed_policies };
        live.retain(|path, _| owned.contains_key(path));
        let last = drift::last_applied(desired, owned, &live);
        let before = Side::of_live(&last, desired, owned, known);
        let after = Side::of_live(&live, desired, owned, known);
        drift.review = Some(Environment::new(&drift.environment, Some(&before), Some(&after), &[], Vec::new()));
    }
    Ok(drift)
}

/// Takes out what other estates on the engine have made.
async fn leave_to_others(context: &Context, client: &Client, prepared: &mut Prepared) -> Result<(), CliError> {
    match prepared.ledger.readable_others(client).await {
        Ok(Some(others)) => {
            let anothers = |path: &String| others.iter().any(|other| other.owned().contains_key(path));
            prepared.plan.unmanaged.retain(|object| !anothers(&object.path));
            Ok(())
        }
        Ok(None) => {
            let note = "this token may not list the ledgers of other estates, so what they made counts as not ours";
            prepared.plan.notes.push(note.to_owned());
            Ok(())
        }
        Err(error) => Err(failed(context, &apply::Error::Ledger(error))),
    }
}

/// The undeclared policies that grant something on a declared mount.
async fn policies_on(desired: &[Object], client: &Client, plan: &Plan) -> Result<HashSet<String>, apply::Error> {
    let mounts: Vec<String> = desired
        .iter()
        .filter_map(|object| match object.kind.name {
            name if name == mount::KIND.name => Some(format!("{}/", object.path.strip_prefix("sys/mounts/")?)),
            name if name == auth_mount::KIND.name => Some(format!("auth/{}/", object.path.strip_prefix("sys/auth/")?)),
            _ => None,
        })
        .collect();
    let policies = plan.unmanaged.iter().filter(|object| object.kind == acl_policy::KIND.name);
    let mut read = stream::iter(policies.map(|object| async move {
        (object.path.clone(), live::read_one(client, &acl_policy::KIND, &object.path).await)
    }))
    .buffer_unordered(READS_AT_ONCE);
    let mut found = HashSet::new();
    while let Some((path, policy)) = read.next().await {
        let Some(policy) = policy.map_err(apply::Error::Live)? else { continue };
        let text = policy.fields.get("policy").and_then(|value| value.as_str()).unwrap_or_default();
        // What can't be read may grant anything.
        let grants = match acl::document::parse_with_templates(text) {
            Ok(rules) => rules.iter().any(|rule| {
                !rule.capabilities.has(acl::Capability::Deny) && mounts.iter().any(|mount| may_meet(&rule.path, mount))
            }),
            Err(_) => true,
        };
        if grants {
            found.insert(path);
        }
    }
    Ok(found)
}

/// Whether a rule's path may be one below a mount: as far as both are spelt out, they agree.
fn may_meet(pattern: &str, mount: &str) -> bool {
    if let Some(start) = pattern.strip_suffix('*')
        && !start.contains('+')
    {
        return start.starts_with(mount) || mount.starts_with(start);
    }
    let mut segments = pattern.split('/');
    mount.trim_end_matches('/').split('/').all(|part| match segments.next() {
        Some("+") => true,
        Some(segment) => segment == part || segment.strip_suffix('*').is_some_and(|start| part.starts_with(start)),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::may_meet;

    #[test]
    fn a_rule_meets_a_mount_as_far_as_both_are_spelt_out() {
        for (pattern, meets) in [
            ("aws/creds/x", true),
            ("aws/*", true),
            ("a*", true),
            ("*", true),
            ("+/creds/x", true),
            ("aws/+/x", true),
            ("awsome/x", false),
            ("secret/data/x", false),
            ("auth/approle/role/x", false),
            ("+", true),
        ] {
            assert_eq!(may_meet(pattern, "aws/"), meets, "{pattern}");
        }
        assert!(may_meet("auth/approle/role/x", "auth/approle/") && !may_meet("auth/token/create", "auth/approle/"));
    }
}
