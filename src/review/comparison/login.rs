//! Who may log in as an app, from where, with what, and for how long.
//!
//! Source: Vault API, "AppRole auth method: create/update AppRole", and "Tokens".

use std::collections::BTreeSet;

use crate::object::review::{BATCH, Binding, Said};
use crate::review::finding::{Finding, Subject, Topic};
use crate::review::state::{App, Side, SideObject};
use crate::review::words;
use crate::units::network::parse_canonical;

/// What changes in an app's logins.
pub(in crate::review) fn changes(before: (&Side<'_>, &App<'_, '_>), after: (&Side<'_>, &App<'_, '_>)) -> Vec<Finding> {
    let subject = after.1.subject();
    let mut findings = Vec::new();
    let old: Vec<&SideObject<'_>> = before.1.logins().collect();
    for login in after.1.logins() {
        match old.iter().find(|other| other.path == login.path) {
            Some(other) => changed(&subject, (before.0, other), (after.0, login), &mut findings),
            None => findings.push(added(&subject, after.0, login)),
        }
    }
    for login in old.iter().filter(|login| after.1.logins().all(|other| other.path != login.path)) {
        findings.push(gone(&subject, login));
    }
    findings
}

/// Whether the tokens of an app's logins live otherwise by what their mounts say.
pub(in crate::review) fn mounts_differ(
    before: (&Side<'_>, &Option<App<'_, '_>>),
    after: (&Side<'_>, &Option<App<'_, '_>>),
) -> bool {
    let (Some(old), Some(new)) = (before.1, after.1) else { return false };
    let said = |side: &Side<'_>, login: &SideObject<'_>| (side.token_terms(login), side.has_batch_tokens(login));
    let differs = |login: &SideObject<'_>| {
        let other = old.logins().find(|other| other.path == login.path);
        other.is_some_and(|other| said(before.0, other) != said(after.0, login))
    };
    new.logins().any(differs)
}

/// A login that is no more.
pub(in crate::review) fn gone(subject: &Subject, login: &SideObject<'_>) -> Finding {
    let what = format!("nobody logs in through {} any more", mount(login));
    Finding::new(Topic::Login, subject, what).at(login.declared_at())
}

/// A login that was not there.
pub(in crate::review) fn added(subject: &Subject, side: &Side<'_>, login: &SideObject<'_>) -> Finding {
    let method = login.kind.login_words().map_or(login.kind.name, |words| (words.method)(login));
    let what = format!("may log in by {method} at {}: {}", mount(login), summary(side, login));
    Finding::new(Topic::Login, subject, what).gain().at(login.declared_at())
}

/// `auth/approle`.
fn mount(login: &SideObject<'_>) -> String {
    login.kind.mount_prefix(login.path).unwrap_or_else(|| login.path.to_owned())
}

/// A login in a line.
fn summary(side: &Side<'_>, login: &SideObject<'_>) -> String {
    let mut parts: Vec<String> = login.kind.login_words().map(|words| (words.takes)(login)).into_iter().collect();
    parts.extend(bindings(login).iter().map(shown));
    parts.push(format!("from {}", addresses(&admitted(login))));
    let terms = side.token_terms(login);
    parts.push(format!("tokens live {}", words::duration_or_ever(terms.max)));
    if side.has_batch_tokens(login) {
        parts.push("they are batch tokens, which can't be revoked".to_owned());
    }
    if login.app.is_none() {
        let mut policies: Vec<String> = login.texts("token_policies").into_iter().collect();
        policies.extend((!login.flag("token_no_default_policy")).then(|| "default".to_owned()));
        let besides = "and those of who logs in";
        parts.push(match policies.is_empty() {
            true => "with the policies of who logs in".to_owned(),
            false => format!("with the policies {}, {besides}", words::listed(&policies)),
        });
    }
    parts.join("; ")
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
            "token_num_uses" => {
                let requests = |uses| words::count(uses as usize, "request");
                Some(Said::limit(field, (old, new), ["a token is good for", "any number of requests"], requests))
            }
            "token_no_default_policy" => Some(default_policy(new)),
            // Told by what it comes to, which the mount says as well.
            "token_type" => None,
            // The terms are told together, policies by what they permit.
            field => new.kind.login_words().and_then(|words| (words.said)(field, old, new, &addresses(&admitted(new)))),
        });
    }
    said.extend(bound(&bindings(old), &bindings(new)));
    said.extend(networks(old, new));
    said.extend(terms(old_side, old, new_side, new));
    said.extend(token_type([(old_side, old), (new_side, new)]));
    said.extend(policies(old, new));
    for Said { now, was, gains, field } in said {
        let mut finding = Finding::new(Topic::Login, subject, now).gains(gains).at(new.place_of(field));
        finding.was = (!was.is_empty()).then_some(was);
        findings.push(finding);
    }
}

/// Whether somebody can end the tokens.
fn token_type(sides: [(&Side<'_>, &SideObject<'_>); 2]) -> Option<Said> {
    let [was, is] = sides.map(|(side, login)| side.has_batch_tokens(login));
    let words = |batch| if batch { BATCH } else { "its tokens can be revoked" };
    (was != is).then(|| Said { now: words(is).to_owned(), was: words(was).to_owned(), gains: is, field: "token_type" })
}

/// What somebody else has to say of whoever logs in.
fn bindings(login: &SideObject<'_>) -> Vec<Binding> {
    let all = login.kind.login_words().map_or_else(Vec::new, |words| (words.bindings)(login));
    all.into_iter().filter(|binding| !binding.is_feared).collect()
}

/// `branch main`, `any branch`, `any branch like v*`.
fn shown(binding: &Binding) -> String {
    match (binding.values.as_slice(), binding.any) {
        ([], "") => format!("any {}", binding.what),
        ([], any) => any.to_owned(),
        (values, _) if binding.is_open() && values.iter().any(|value| value == "*") => format!("any {}", binding.what),
        (values, _) if binding.is_open() => match binding.in_words() {
            Some(texts) => words::listed(&texts),
            None => format!("any {} like {}", binding.what, words::listed(values)),
        },
        (values, _) => format!("{} {}", binding.before.unwrap_or(&binding.what), words::listed(values)),
    }
}

/// What is said of whoever may log in now and could not before, and of whoever could and may not. What only follows
/// from other bindings is no binding beside one that is declared.
fn bound(old: &[Binding], new: &[Binding]) -> Vec<Said> {
    let mut said = Vec::new();
    let find = |all: &[Binding], binding: &Binding| {
        let is_alike = |one: &&Binding| match binding.is_inferred {
            true => one.is_inferred && one.what == binding.what,
            false => !one.is_inferred && one.looks_at == binding.looks_at,
        };
        let alike: Vec<&Binding> = all.iter().filter(is_alike).collect();
        let same = alike.iter().find(|one| one.field == binding.field);
        same.or(alike.first()).map(|one| (*one).clone())
    };
    for binding in new {
        let open = || Some(Binding { values: Vec::new(), ..binding.clone() }).filter(|open| !open.is_inferred);
        let before = find(old, binding).or_else(open);
        said.extend(before.and_then(|before| rebound(&before, binding)));
    }
    for binding in old.iter().filter(|binding| !binding.is_inferred && find(new, binding).is_none()) {
        // Where something else says a branch, it is no login from any branch.
        let is_said = new.iter().any(|other| other.what == binding.what && !other.values.is_empty());
        let what = if is_said { format!("claim {}", binding.looks_at).into() } else { binding.what.clone() };
        said.extend(rebound(binding, &Binding { values: Vec::new(), what, ..binding.clone() }));
    }
    said
}

fn rebound(old: &Binding, new: &Binding) -> Option<Said> {
    // Without values, a binding with words for that takes something else, and not all.
    let takes_all = |binding: &Binding| binding.values.is_empty() && binding.any.is_empty();
    let beyond: Vec<String> = match takes_all(old) {
        true => Vec::new(),
        false => new.values.iter().filter(|value| !old.covers(new, value)).cloned().collect(),
    };
    let gains = !beyond.is_empty() || (new.values.is_empty() && !old.values.is_empty());
    let lost = old.values.iter().any(|value| !new.covers(old, value)) || (takes_all(old) && !new.values.is_empty());
    let now = match (gains, lost) {
        (true, _) if beyond.is_empty() => format!("{} may now log in", shown(new)),
        (true, _) => format!("{} may now log in", shown(&Binding { values: beyond, ..new.clone() })),
        (false, true) => format!("logins are limited to {}", shown(new)),
        (false, false) => return None,
    };
    let is_exact = !old.values.is_empty() && !old.is_open();
    let was = if is_exact { format!("only {}", shown(old)) } else { shown(old) };
    Some(Said { now, was, gains, field: new.field })
}

/// From where logins and requests are taken, where that changes.
fn networks(old: &SideObject<'_>, new: &SideObject<'_>) -> Vec<Said> {
    let tokens = "token_bound_cidrs";
    let field = secret_networks(new).filter(|field| old.texts(field) != new.texts(field)).unwrap_or(tokens);
    let logins = differing(admitted(old), admitted(new), field, ["log in", "logins"]);
    let used = differing(limited(old, tokens), limited(new, tokens), tokens, ["use its tokens", "its tokens"]);
    logins.into_iter().chain(used).collect()
}

fn differing(
    before: Option<BTreeSet<String>>,
    after: Option<BTreeSet<String>>,
    field: &'static str,
    [act, noun]: [&str; 2],
) -> Option<Said> {
    if before == after {
        return None;
    }
    let inside =
        |network: &String| before.as_ref().is_none_or(|before| before.iter().any(|outer| contains(outer, network)));
    let beyond = after
        .as_ref()
        .map(|after| after.iter().filter(|network| !inside(network)).cloned().collect::<BTreeSet<String>>());
    let (now, gains) = match beyond {
        None => (format!("any address may now {act}"), true),
        Some(beyond) if beyond.is_empty() => (format!("{noun} are limited to {}", addresses(&after)), false),
        beyond => (format!("{} may now {act}", addresses(&beyond)), true),
    };
    Some(Said { now, was: addresses(&before), gains, field })
}

/// A field's networks; `None` is any address.
fn limited(login: &SideObject<'_>, field: &str) -> Option<BTreeSet<String>> {
    let networks = login.texts(field);
    (!networks.is_empty()).then_some(networks)
}

/// From where a login is taken: engines look at the networks of secret ids and of tokens.
fn admitted(login: &SideObject<'_>) -> Option<BTreeSet<String>> {
    let secrets = secret_networks(login).and_then(|field| limited(login, field));
    match (secrets, limited(login, "token_bound_cidrs")) {
        (Some(one), Some(other)) => {
            let within = |networks: &BTreeSet<String>, outer: &BTreeSet<String>| {
                let inner = networks.iter().filter(|network| outer.iter().any(|outer| contains(outer, network)));
                inner.cloned().collect::<BTreeSet<String>>()
            };
            Some(within(&one, &other).union(&within(&other, &one)).cloned().collect())
        }
        (one, other) => one.or(other),
    }
}

/// The field of the networks of secrets, of a login that has secrets.
fn secret_networks(login: &SideObject<'_>) -> Option<&'static str> {
    Some(login.kind.login_words()?.secret.fields()?.networks)
}

fn addresses(networks: &Option<BTreeSet<String>>) -> String {
    match networks {
        None => "any address".to_owned(),
        Some(networks) if networks.is_empty() => "no address".to_owned(),
        Some(networks) => words::listed(&networks.iter().collect::<Vec<_>>()),
    }
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

/// How long tokens live, if that changes, by whichever field.
fn terms(old_side: &Side<'_>, old: &SideObject<'_>, new_side: &Side<'_>, new: &SideObject<'_>) -> Option<Said> {
    let (before, after) = (old_side.token_terms(old), new_side.token_terms(new));
    if before == after {
        return None;
    }
    let shown = |terms: crate::review::state::lifetime::TokenTerms| match terms.max {
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
    match (parse_canonical(outer), parse_canonical(inner)) {
        (Some(outer), Some(inner)) => outer.contains(&inner),
        _ => outer == inner,
    }
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
