//! Who may log in as an app, from where, with what, and for how long.
//!
//! Source: Vault API, "AppRole auth method: create/update AppRole", and "Tokens".

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::effective::{App, Side, SideObject};
use super::{Finding, Kind, Subject, words};

/// What changes in an app's logins.
pub(super) fn changes(before: (&Side<'_>, &App<'_, '_>), after: (&Side<'_>, &App<'_, '_>)) -> Vec<Finding> {
    let subject = Subject::App(after.1.name.to_owned());
    let mut findings = Vec::new();
    let old: Vec<&SideObject<'_>> = before.1.logins().collect();
    for login in after.1.logins() {
        match old.iter().find(|other| other.path == login.path) {
            Some(other) => changed(&subject, (before.0, other), (after.0, login), &mut findings),
            None => findings.push(added(&subject, after.0, login)),
        }
    }
    for login in old.iter().filter(|login| after.1.logins().all(|other| other.path != login.path)) {
        let what = format!("nobody logs in through {} any more", mount(login));
        findings.push(Finding::new(Kind::Login, &subject, what).at(login.declared_at()));
    }
    findings
}

/// A login that was not there.
pub(super) fn added(subject: &Subject, side: &Side<'_>, login: &SideObject<'_>) -> Finding {
    let what = format!("may log in by AppRole at {}: {}", mount(login), summary(side, login));
    Finding::new(Kind::Login, subject, what).gain().at(login.declared_at())
}

/// `auth/approle`.
fn mount<'a>(login: &SideObject<'a>) -> &'a str {
    login.path.rsplit_once("/role/").map_or(login.path, |(mount, _)| mount)
}

/// A login in a line.
fn summary(side: &Side<'_>, login: &SideObject<'_>) -> String {
    let mut parts = Vec::new();
    if login.flag("bind_secret_id") {
        let uses = login.number("secret_id_num_uses");
        let uses = if uses == 0 { "any number of logins".to_owned() } else { words::count(uses as usize, "login") };
        let ttl = words::duration_or_ever(Some(login.number("secret_id_ttl")));
        parts.push(format!("a secret id is good for {uses}, {ttl}"));
    } else {
        parts.push("no secret id is needed".to_owned());
    }
    let networks: Vec<String> =
        login.texts("secret_id_bound_cidrs").into_iter().chain(login.texts("token_bound_cidrs")).collect();
    parts.push(if networks.is_empty() {
        "from any address".to_owned()
    } else {
        format!("from {}", words::listed(&networks))
    });
    let terms = side.token_terms(login);
    parts.push(format!("tokens live {}", words::duration_or_ever(terms.max)));
    parts.join("; ")
}

/// A change of one field in words: what is now, what was, and whether anybody gains by it.
struct Said {
    now: String,
    was: String,
    gains: bool,
    field: &'static str,
}

fn changed(
    subject: &Subject,
    (old_side, old): (&Side<'_>, &SideObject<'_>),
    (new_side, new): (&Side<'_>, &SideObject<'_>),
    findings: &mut Vec<Finding>,
) {
    let fields = old.differing(new);
    let mut said: Vec<Said> = Vec::new();
    for field in &fields {
        said.extend(match *field {
            "bind_secret_id" => Some(bind(old, new)),
            "secret_id_bound_cidrs" => Some(networks(old, new, field, ["log in", "logins"])),
            "token_bound_cidrs" => Some(networks(old, new, field, ["use its tokens", "tokens"])),
            "secret_id_num_uses" => {
                Some(limit(old, new, field, "a secret id is good for", |uses| words::count(uses as usize, "login")))
            }
            "token_num_uses" => {
                Some(limit(old, new, field, "a token is good for", |uses| words::count(uses as usize, "request")))
            }
            "secret_id_ttl" => Some(limit(old, new, field, "a secret id lives", words::duration)),
            "token_no_default_policy" => Some(default_policy(new)),
            "token_type" => Some(Said {
                now: format!("its tokens are of the type {}", new.text(field)),
                was: old.text(field).into_owned(),
                gains: false,
                field,
            }),
            "local_secret_ids" | "role_id" => Some(made_anew(new, field)),
            // The terms are told together, policies by what they permit.
            _ => None,
        });
    }
    said.extend(terms(old_side, old, new_side, new));
    said.extend(policies(old, new));
    for Said { now, was, gains, field } in said {
        let mut finding = Finding::new(Kind::Login, subject, now).gains(gains).at(new.place_of(field));
        finding.was = (!was.is_empty()).then_some(was);
        findings.push(finding);
    }
}

fn bind(old: &SideObject<'_>, new: &SideObject<'_>) -> Said {
    let _ = old;
    match new.flag("bind_secret_id") {
        true => Said {
            now: "a login needs a secret id now".to_owned(),
            was: "the role id alone was enough".to_owned(),
            gains: false,
            field: "bind_secret_id",
        },
        false => {
            let networks: Vec<String> =
                new.texts("secret_id_bound_cidrs").into_iter().chain(new.texts("token_bound_cidrs")).collect();
            let from = if networks.is_empty() { "any address".to_owned() } else { words::listed(&networks) };
            Said {
                now: format!("anyone who knows the role id may now log in, from {from}: no secret id is needed"),
                was: "a secret id was needed".to_owned(),
                gains: true,
                field: "bind_secret_id",
            }
        }
    }
}

fn networks(old: &SideObject<'_>, new: &SideObject<'_>, field: &'static str, [act, noun]: [&str; 2]) -> Said {
    let [before, after] = [old, new].map(|login| login.texts(field));
    let list = |networks: &BTreeSet<String>| words::listed(&networks.iter().collect::<Vec<_>>());
    let was = if before.is_empty() { "any address".to_owned() } else { list(&before) };
    let beyond: BTreeSet<String> = after
        .iter()
        .filter(|network| !before.is_empty() && !before.iter().any(|outer| contains(outer, network)))
        .cloned()
        .collect();
    let (now, gains) = if after.is_empty() {
        (format!("any address may now {act}"), true)
    } else if beyond.is_empty() {
        (format!("{noun} are limited to {}", list(&after)), false)
    } else {
        (format!("{} may now {act}", list(&beyond)), true)
    };
    Said { now, was, gains, field }
}

/// A number that limits, where 0 is no limit.
fn limit(
    old: &SideObject<'_>,
    new: &SideObject<'_>,
    field: &'static str,
    text: &str,
    shown: impl Fn(i64) -> String,
) -> Said {
    let [before, after] = [old.number(field), new.number(field)];
    let none = if field.ends_with("_uses") { "any number" } else { "for ever" };
    let show = |number: i64| if number == 0 { none.to_owned() } else { shown(number) };
    let gains = before != 0 && (after == 0 || after > before);
    Said { now: format!("{text} {}", show(after)), was: show(before), gains, field }
}

fn default_policy(new: &SideObject<'_>) -> Said {
    let without = new.flag("token_no_default_policy");
    Said {
        now: if without {
            "its tokens no longer have the policy default".to_owned()
        } else {
            "its tokens have the policy default as well, whatever the engine's operator put into it".to_owned()
        },
        was: String::new(),
        gains: !without,
        field: "token_no_default_policy",
    }
}

fn made_anew(new: &SideObject<'_>, field: &'static str) -> Said {
    match field {
        "role_id" => Said {
            now: "it logs in with another role id".to_owned(),
            was: String::new(),
            // Without a secret id, the role id is all that it takes.
            gains: !new.flag("bind_secret_id"),
            field,
        },
        _ => Said {
            now: format!(
                "its secret ids {} in this cluster",
                if new.flag("local_secret_ids") { "stay" } else { "do not stay" }
            ),
            was: String::new(),
            gains: false,
            field,
        },
    }
}

/// How long tokens live, if that changes, by whichever field.
fn terms(old_side: &Side<'_>, old: &SideObject<'_>, new_side: &Side<'_>, new: &SideObject<'_>) -> Option<Said> {
    let (before, after) = (old_side.token_terms(old), new_side.token_terms(new));
    if before == after {
        return None;
    }
    let shown = |terms: super::lifetime::TokenTerms| match terms.max {
        Some(max) if max == terms.ttl => words::duration(max),
        Some(max) => format!("{}, at most {} with renewals", words::duration(terms.ttl), words::duration(max)),
        None => format!("{}, and may be renewed for ever", words::duration(terms.ttl)),
    };
    let longer = after.ttl > before.ttl || after.max.unwrap_or(i64::MAX) > before.max.unwrap_or(i64::MAX);
    let differing = old.differing(new);
    let field = ["token_max_ttl", "token_ttl", "token_period", "token_explicit_max_ttl"]
        .into_iter()
        .find(|field| differing.contains(field))
        .unwrap_or("token_ttl");
    Some(Said { now: format!("its tokens live {}", shown(after)), was: shown(before), gains: longer, field })
}

/// The policies of its tokens by name; what they permit is compared elsewhere.
fn policies(old: &SideObject<'_>, new: &SideObject<'_>) -> Option<Said> {
    let [before, after] = [old, new].map(|login| login.texts("token_policies"));
    if before == after {
        return None;
    }
    let list = |names: &BTreeSet<String>| words::listed(&names.iter().collect::<Vec<_>>());
    Some(Said {
        now: format!("its tokens have the policies {}", list(&after)),
        was: list(&before),
        gains: false,
        field: "token_policies",
    })
}

/// Whether a network lies within another.
fn contains(outer: &str, inner: &str) -> bool {
    let (Some(outer), Some(inner)) = (network(outer), network(inner)) else { return outer == inner };
    outer.bits == inner.bits && outer.prefix <= inner.prefix && outer.start(outer.prefix) == inner.start(outer.prefix)
}

struct Network {
    address: u128,
    prefix: u32,
    /// Bits of an address of its family.
    bits: u32,
}

impl Network {
    fn start(&self, prefix: u32) -> u128 {
        self.address.checked_shr(self.bits - prefix).unwrap_or(0)
    }
}

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let (address, bits) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse().ok())?;
    (prefix <= bits).then_some(Network { address, prefix, bits })
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn networks_lie_within_wider_ones_of_their_family() {
        for (outer, inner, expected) in [
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.1.0.0/16", "10.0.0.0/8", false),
            ("10.0.0.0/8", "11.0.0.0/8", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::/32", true),
            ("2001:db8::/32", "2001:db9::/32", false),
            ("odd", "odd", true),
            ("odd", "10.0.0.1", false),
        ] {
            assert_eq!(contains(outer, inner), expected, "{outer} {inner}");
        }
    }
}
