//! Which ACL policies of nobody are findings: those that grant anything on a declared mount, on the server itself
//! (`sys/`), or on the ledger. The policies that ship with Leasehold grant all of that to the jobs that plan and apply.
//! They are known by what they say, whatever their names and wherever the estate's engines are mounted; one rule more
//! or less makes another policy of them.

use std::collections::BTreeSet;

use crate::acl::Capability;
use crate::acl::document::{Rule, parse_with_templates};

/// The policies that ship, by the names of their files.
const SHIPPED: &[(&str, &str)] = &[
    ("policies/acl/plan.hcl", include_str!("../../policies/acl/plan.hcl")),
    ("policies/acl/apply.hcl", include_str!("../../policies/acl/apply.hcl")),
];

/// Where the shipped policies have the name of a mount: what is before it, and the name.
const MOUNTED: &[(&str, &str)] = &[("sys/mounts/", "aws"), ("", "aws"), ("sys/auth/", "approle"), ("auth/", "approle")];

/// What is mounted where policies of nobody are looked at.
#[derive(Clone, Debug, Default)]
pub struct Mounts {
    /// Below which paths a grant is a finding: `aws/`, `auth/approle/`.
    pub declared: BTreeSet<String>,
    /// AWS engines that some estate has: `aws`.
    pub engines: BTreeSet<String>,
    /// AppRole methods that some estate has: `approle`.
    pub methods: BTreeSet<String>,
    /// Where the ledger is.
    pub ledger: &'static str,
}

/// What a policy of nobody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It grants nothing of ours.
    Elsewhere,
    /// It grants something.
    Grants,
    /// It is one that ships with Leasehold, in this file.
    Ships(&'static str),
}

impl Mounts {
    /// Judges a policy by its text. What can't be read may grant anything.
    pub fn judge(&self, text: &str) -> Verdict {
        let Ok(rules) = parse_with_templates(text) else { return Verdict::Grants };
        if !rules.iter().any(|rule| self.is_granted(rule)) {
            return Verdict::Elsewhere;
        }
        let ships = SHIPPED.iter().find(|(_, shipped)| self.is_shipped(&rules, shipped));
        ships.map_or(Verdict::Grants, |(name, _)| Verdict::Ships(name))
    }

    /// Judges the policy that all tokens have, which engines make themselves: what it lets them do on the server is theirs to
    /// say, and a grant on what is ours was put there.
    pub fn judge_of_all(&self, text: &str) -> Verdict {
        let Ok(rules) = parse_with_templates(text) else { return Verdict::Grants };
        if rules.iter().any(|rule| self.is_ours(rule)) { Verdict::Grants } else { Verdict::Elsewhere }
    }

    fn is_granted(&self, rule: &Rule) -> bool {
        self.is_ours(rule) || !rule.capabilities.has(Capability::Deny) && may_meet(&rule.path, "sys/")
    }

    fn is_ours(&self, rule: &Rule) -> bool {
        let ledger = format!("{}/", self.ledger);
        let mut ours = self.declared.iter().map(String::as_str).chain([ledger.as_str()]);
        !rule.capabilities.has(Capability::Deny) && ours.any(|mount| may_meet(&rule.path, mount))
    }

    /// Whether these are the rules of a shipped policy, each for at least one mount, and no others.
    fn is_shipped(&self, rules: &[Rule], shipped: &str) -> bool {
        let Ok(shipped) = parse_with_templates(shipped) else { return false };
        let is_one_of = |rule: &Rule, other: &Rule| self.of_mounts(other).contains(rule);
        rules.iter().all(|rule| shipped.iter().any(|other| is_one_of(rule, other)))
            && shipped.iter().all(|other| rules.iter().any(|rule| is_one_of(rule, other)))
    }

    /// A rule of a shipped policy for each mount that it may be about.
    fn of_mounts(&self, rule: &Rule) -> Vec<Rule> {
        let place = MOUNTED.iter().find_map(|(before, name)| {
            let after = rule.path.strip_prefix(before)?.strip_prefix(name)?;
            (after.is_empty() || after.starts_with('/')).then_some((*before, *name, after))
        });
        let Some((before, name, after)) = place else { return vec![rule.clone()] };
        let mounts = if name == "aws" { &self.engines } else { &self.methods };
        mounts.iter().map(|mount| Rule { path: format!("{before}{mount}{after}"), ..rule.clone() }).collect()
    }
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
    use std::collections::BTreeSet;

    use super::{Mounts, SHIPPED, Verdict, may_meet};

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

    fn mounts(engines: &[&str], methods: &[&str]) -> Mounts {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        Mounts { declared: set(&["aws/"]), engines: set(engines), methods: set(methods), ledger: "leasehold" }
    }

    #[test]
    fn what_ships_is_known_for_mounts_that_an_estate_has_and_any_change_of_it_is_not() {
        for (name, text) in SHIPPED {
            let moved = text.replace("aws", "team/aws").replace("approle", "machines");
            for (engines, methods, plain, elsewhere) in [
                (&["aws"][..], &["approle"][..], true, false),
                (&["team/aws"], &["machines"], false, true),
                (&["aws", "team/aws"], &["approle", "machines"], true, true),
                // A mount that is no estate's may be anything, a store of secrets, say.
                (&[], &[], false, false),
            ] {
                let mounts = mounts(engines, methods);
                for (text, known) in [(*text, plain), (&*moved, elsewhere)] {
                    let expected = if known { Verdict::Ships(name) } else { Verdict::Grants };
                    assert_eq!(mounts.judge(text), expected, "{name} {engines:?}");
                }
            }
            let here = mounts(&["aws"], &["approle"]);
            let more = |path: &str| format!("{text}\npath \"{path}\" {{\n  capabilities = [\"read\"]\n}}\n");
            for path in ["sys/raw/*", "aws/creds/*", "secret/config/root", "leasehold/data/+/key", "a/b"] {
                assert_eq!(here.judge(&more(path)), Verdict::Grants, "{name} {path}");
            }
            let blocks: Vec<&str> = text.split_inclusive("\n}\n").collect();
            for left_out in 0..blocks.len() {
                let rest = blocks.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, block)| *block);
                assert_eq!(here.judge(&rest.collect::<String>()), Verdict::Grants, "{name} {}", blocks[left_out]);
            }
        }
    }

    #[test]
    fn what_grants_nothing_of_ours_is_elsewhere_and_what_can_not_be_read_may_grant_anything() {
        let here = mounts(&["aws"], &["approle"]);
        let one = |path: &str, can: &str| format!("path \"{path}\" {{\n  capabilities = [\"{can}\"]\n}}");
        for (path, can, expected) in [
            ("secret/*", "read", Verdict::Elsewhere),
            ("system/*", "read", Verdict::Elsewhere),
            ("leaseholder/*", "read", Verdict::Elsewhere),
            ("sys/*", "deny", Verdict::Elsewhere),
            ("sys/seal", "sudo", Verdict::Grants),
            ("sys/policies/acl/+", "update", Verdict::Grants),
            ("leasehold/data/*", "update", Verdict::Grants),
            ("aws/creds/x", "read", Verdict::Grants),
            ("+/{{identity.entity.id}}", "read", Verdict::Grants),
        ] {
            assert_eq!(here.judge(&one(path, can)), expected, "{path}");
        }
        for (path, can, expected) in [
            ("sys/capabilities-self", "update", Verdict::Elsewhere),
            ("auth/token/lookup-self", "read", Verdict::Elsewhere),
            ("aws/creds/+", "read", Verdict::Grants),
            ("aws/creds/+", "deny", Verdict::Elsewhere),
            ("leasehold/data/*", "update", Verdict::Grants),
        ] {
            assert_eq!(here.judge_of_all(&one(path, can)), expected, "{path}, of all tokens");
        }
        assert_eq!(here.judge("path {"), Verdict::Grants);
        assert_eq!(here.judge(""), Verdict::Elsewhere);
    }
}
