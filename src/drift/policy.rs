//! Which ACL policies of nobody are findings: those that grant anything on a declared mount, on the server itself
//! (`sys/`), or on the ledger. The policies that ship with Leasehold grant all of that to the jobs that plan and apply.
//! They are known by what they say, whatever their names and wherever the estate's engines are mounted; one rule more
//! or less makes another policy of them, but for those at their end, of what not every estate has.

use std::collections::{BTreeMap, BTreeSet};

use crate::acl::Capability;
use crate::acl::document::{Rule, parse_with_templates};
use crate::object::{engines, methods};

/// The policies that ship, by the names of their files.
const SHIPPED: &[(&str, &str)] = &[
    ("policies/acl/plan.hcl", include_str!("../../policies/acl/plan.hcl")),
    ("policies/acl/apply.hcl", include_str!("../../policies/acl/apply.hcl")),
    ("policies/acl/trail.hcl", include_str!("../../policies/acl/trail.hcl")),
];

/// What stands in a shipped policy before the rules that may be taken out.
const OPTIONAL: &str = "# What follows is for what not every estate has";

/// Where the shipped policies have the name of a mount: what is before it, and whether it is an engine's.
const MOUNTED: &[(&str, bool)] = &[
    ("sys/mounts/", true),
    ("sys/auth/", false),
    ("sys/leases/lookup/", true),
    ("sys/leases/revoke-prefix/", true),
    ("auth/", false),
    ("", true),
];

/// What is mounted where policies of nobody are looked at.
#[derive(Clone, Debug, Default)]
pub struct Mounts {
    /// Below which paths a grant is a finding: `aws/`, `auth/approle/`.
    pub declared: BTreeSet<String>,
    /// At or below which paths a grant is a finding that lets anybody write: `identity/`, `auth/token/create/ci`.
    pub written: BTreeSet<String>,
    /// Secrets engines that some estate has: `aws`.
    pub engines: BTreeSet<String>,
    /// Of what type these are, where that is known.
    pub types: BTreeMap<String, String>,
    /// Secrets engines that are nobody's: `secret`.
    pub strange: BTreeSet<String>,
    /// Auth methods that some estate has: `approle`.
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
        let writes = [Capability::Create, Capability::Update, Capability::Patch, Capability::Delete];
        let writes = writes.into_iter().any(|capability| rule.capabilities.has(capability));
        let mut written = self.written.iter().filter(|_| writes);
        !rule.capabilities.has(Capability::Deny)
            && (ours.any(|mount| may_meet(&rule.path, mount)) || written.any(|path| may_meet(&rule.path, path)))
    }

    /// Whether these are the rules of a shipped policy, each that has to be there for at least one mount, and no others.
    fn is_shipped(&self, rules: &[Rule], shipped: &str) -> bool {
        let (needed, optional) = shipped.split_once(OPTIONAL).unwrap_or((shipped, ""));
        // What follows the marker on its line is of no language.
        let optional = optional.split_once('\n').map_or("", |(_, rest)| rest);
        let (Ok(needed), Ok(optional)) = (parse_with_templates(needed), parse_with_templates(optional)) else {
            return false;
        };
        let is_needed = |rule: &Rule, other: &Rule| self.of_mounts(other).contains(rule);
        let is_optional = |rule: &Rule, other: &Rule| rule == other || is_needed(rule, other);
        let is_known = |rule: &Rule| {
            needed.iter().any(|other| is_needed(rule, other)) || optional.iter().any(|other| is_optional(rule, other))
        };
        let is_there = |other: &Rule| rules.iter().any(|rule| is_needed(rule, other));
        rules.iter().all(is_known) && needed.iter().all(|other| self.is_about_nothing(other) || is_there(other))
    }

    /// Whether a rule of a shipped policy is about engines, and no estate has one: then it may be left out.
    fn is_about_nothing(&self, rule: &Rule) -> bool {
        self.engines.is_empty() && mounted(rule).is_some_and(|place| place.is_engine)
    }

    /// A rule of a shipped policy for each mount that it may be about.
    fn of_mounts(&self, rule: &Rule) -> Vec<Rule> {
        let Some(place) = mounted(rule) else { return vec![rule.clone()] };
        let mounts = if place.is_engine { &self.engines } else { &self.methods };
        let at = |mount: &str| Rule { path: format!("{}{mount}{}", place.before, place.after), ..rule.clone() };
        let is_of_type = |mount: &&String| {
            let of = self.types.get(*mount).filter(|_| place.is_engine);
            of.is_none_or(|of| of == place.name)
        };
        let mut rules: Vec<Rule> = mounts.iter().filter(is_of_type).map(|mount| at(mount)).collect();
        // Where nothing is mounted, the rule as it ships grants nothing.
        if place.is_engine && !mounts.contains(place.name) && !self.strange.contains(place.name) {
            rules.push(at(place.name));
        }
        rules
    }
}

/// Where a rule of a shipped policy has the name of a mount.
struct Mounted<'a> {
    before: &'static str,
    name: &'static str,
    after: &'a str,
    is_engine: bool,
}

fn mounted(rule: &Rule) -> Option<Mounted<'_>> {
    MOUNTED.iter().find_map(|(before, is_engine)| {
        let rest = rule.path.strip_prefix(before)?;
        let is_name =
            |name: &&str| rest.strip_prefix(name).is_some_and(|after| after.is_empty() || after.starts_with('/'));
        // They are called by their types there.
        let name = if *is_engine { engines().find(is_name)? } else { methods().find(is_name)? };
        Some(Mounted { before, name, after: &rest[name.len()..], is_engine: *is_engine })
    })
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
    use std::collections::{BTreeMap, BTreeSet};

    use super::{Mounts, OPTIONAL, SHIPPED, Verdict, may_meet};

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
        let written = set(&["identity/entity", "identity/group", "auth/token/create/ci"]);
        let strange = set(&["aws"]);
        Mounts {
            declared: set(&["aws/"]),
            written,
            engines: set(engines),
            strange,
            types: BTreeMap::new(),
            methods: set(methods),
            ledger: "leasehold",
        }
    }

    #[test]
    fn what_ships_is_known_for_mounts_that_an_estate_has_and_any_change_of_it_is_not() {
        let of_auditors = SHIPPED.iter().find(|(_, text)| !text.contains(OPTIONAL)).expect("one names no mount");
        let anywhere = mounts(&["team/aws"], &[]).judge(of_auditors.1);
        assert_eq!(anywhere, Verdict::Ships(of_auditors.0));
        for (name, text) in SHIPPED.iter().filter(|(_, text)| text.contains(OPTIONAL)) {
            let moved = text.replace("\"aws/", "\"team/aws/").replace("sys/mounts/aws", "sys/mounts/team/aws");
            let moved = moved.replace("approle", "machines");
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
            // Where nothing is mounted, its rules grant nothing, and may be left out.
            let vacant = Mounts { strange: BTreeSet::new(), ..mounts(&[], &[]) };
            let without: String = text.split_inclusive("\n}\n").filter(|block| !block.contains("aws")).collect();
            for (text, known) in [(*text, true), (&*moved, false), (&*without, true)] {
                let expected = if known { Verdict::Ships(name) } else { Verdict::Grants };
                assert_eq!(vacant.judge(text), expected, "{name}, nothing mounted");
            }
            // A store of secrets that is called as an engine of AWS is none.
            let mut store = mounts(&["aws"], &["approle"]);
            for (of, expected) in [("aws", Verdict::Ships(name)), ("kv", Verdict::Grants)] {
                store.types.insert("aws".to_owned(), of.to_owned());
                assert_eq!(store.judge(text), expected, "{name}, aws of the type {of}");
            }
            let here = mounts(&["aws"], &["approle"]);
            let more = |path: &str| format!("{text}\npath \"{path}\" {{\n  capabilities = [\"read\"]\n}}\n");
            for path in ["sys/raw/*", "aws/creds/*", "secret/config/root", "leasehold/data/+/key", "a/b"] {
                assert_eq!(here.judge(&more(path)), Verdict::Grants, "{name} {path}");
            }
            let blocks: Vec<&str> = text.split_inclusive("\n}\n").collect();
            let needed = text.split_once(OPTIONAL).unwrap().0.matches("\n}\n").count();
            for left_out in 0..blocks.len() {
                let rest = blocks.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, block)| *block);
                let expected = if left_out < needed { Verdict::Grants } else { Verdict::Ships(name) };
                assert_eq!(here.judge(&rest.collect::<String>()), expected, "{name} {}", blocks[left_out]);
            }
            assert!(needed < blocks.len());
            // AppRole is one of several ways to log in.
            let people = mounts(&["aws"], &["userpass"]);
            assert_eq!(people.judge(text), Verdict::Ships(name));
            assert_eq!(people.judge(&text.replace("auth/approle", "auth/ldap")), Verdict::Grants);
            // A method of another type stands wherever it is mounted.
            let elsewhere = text.replace("auth/jwt", "auth/github").replace("auth/cert", "auth/hosts");
            assert_eq!(mounts(&["aws"], &["approle", "github", "hosts"]).judge(&elsewhere), Verdict::Ships(name));
            assert_eq!(here.judge(&elsewhere), Verdict::Grants);
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
            ("identity/*", "update", Verdict::Grants),
            ("identity/*", "read", Verdict::Elsewhere),
            ("identity/entity/name/+", "update", Verdict::Grants),
            ("identity/group", "update", Verdict::Grants),
            // In the policy `default` of servers.
            ("identity/oidc/provider/+/authorize", "update", Verdict::Elsewhere),
            ("auth/token/create/ci", "update", Verdict::Grants),
            ("auth/token/create/+", "create", Verdict::Grants),
            ("auth/token/create/other", "update", Verdict::Elsewhere),
            ("auth/token/lookup", "update", Verdict::Elsewhere),
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
