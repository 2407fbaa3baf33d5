//! Which rule decides, by table and against a slow matcher that is easy to believe.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Acl, Capabilities, glob};
use crate::acl::Capability;
use crate::acl::document::{Rule, parse};

fn acl(policies: &[&str]) -> Acl {
    let parsed: Vec<(String, Vec<Rule>)> =
        policies.iter().enumerate().map(|(index, text)| (format!("p{index}"), parse(text).unwrap())).collect();
    Acl::compile(parsed.iter().map(|(name, rules)| (name.as_str(), rules.as_slice())))
}

/// `path=letters` pairs, to keep tables readable: `r`ead, `u`pdate, `c`reate, `l`ist, `d`eny, `s`udo.
fn rules(short: &str) -> Acl {
    let text: String = short
        .split_whitespace()
        .map(|pair| {
            let (path, letters) = pair.split_once('=').unwrap();
            let names: Vec<String> = letters
                .chars()
                .map(|letter| match letter {
                    'r' => "\"read\"",
                    'u' => "\"update\"",
                    'c' => "\"create\"",
                    'l' => "\"list\"",
                    'd' => "\"deny\"",
                    's' => "\"sudo\"",
                    other => panic!("{other}"),
                })
                .map(str::to_owned)
                .collect();
            format!("path \"{path}\" {{ capabilities = [{}] }}\n", names.join(","))
        })
        .collect();
    acl(&[&text])
}

fn read(acl: &Acl, path: &str) -> bool {
    acl.decide(Capability::Read, path, &Map::new()).allowed
}

fn list(acl: &Acl, path: &str) -> bool {
    acl.decide(Capability::List, path, &Map::new()).allowed
}

#[test]
fn names_that_a_backend_reads_in_any_case_match_in_any_case() {
    let about = |short: &str, path: &str| read(&rules(short).about(path, &(2..3)), path);
    for (short, path, allowed) in [
        ("a/role/MyRole=r", "a/role/myrole", true),
        ("a/role/*=r a/role/MyRole=d", "a/role/myrole", false),
        ("a/role/MyRole=r a/role/myROLE=d", "a/role/myrole", false),
        ("a/+/MyR*=r a/role/myr*=d", "a/role/myrole", false),
        // The rest of a path is read as it stands.
        ("a/Role/myrole=r", "a/role/myrole", false),
        ("a/role/MyRole/X=r", "a/role/myrole/x", false),
        ("a/role/MyRole/X=r", "a/role/myrole/X", true),
        ("b/role/MyRole=r", "a/role/myrole", false),
    ] {
        assert_eq!(about(short, path), allowed, "{short}: {path}");
    }
}

#[test]
fn exactly_one_rule_decides_a_read() {
    for (short, path, allowed) in [
        // A3
        ("aws/creds/*=r aws/creds/prod=d", "aws/creds/prod", false),
        ("aws/creds/*=r aws/creds/prod=d", "aws/creds/dev", true),
        // A4: the later first wildcard is the more specific one
        ("aws/+/prod=r aws/creds/*=d", "aws/creds/prod", false),
        ("aws/+/prod=d aws/creds/*=r", "aws/creds/prod", true),
        // a + that is part of a segment is text, and text is more specific
        ("a+b/c/+=d a+b/c*=r", "a+b/c/d", false),
        ("a+b/c/+=r a+b/*=d", "a+b/c/d", true),
        ("+a/+/c=r +a/b/*=d", "+a/b/c", false),
        // exact beats everything, in both directions
        ("a/b=r a/*=d a/+=d", "a/b", true),
        ("a/b=d a/*=r a/+=r", "a/b", false),
        // the longest prefix
        ("a/*=r a/b*=d", "a/bc", false),
        ("a/*=d a/b*=r", "a/bc", true),
        ("*=r", "anything/at/all", true),
        ("a*=r", "a", true),
        ("a/*=r", "a", false),
        // same first wildcard: the rule without `*` wins
        ("a/+=r a/*=d", "a/b", true),
        ("a/+/*=d a/+/c=r", "a/b/c", true),
        // fewer plus segments
        ("a/+/+/d=r a/+/c/d=d", "a/b/c/d", false),
        // longer pattern
        ("a/+/c*=d a/+/*=r", "a/b/cd", false),
        // segments are counted
        ("a/+=r", "a/b/c", false),
        ("a/+=r", "a", false),
        ("a/+/c=r", "a/b/c", true),
        ("+/b=r", "a/b", true),
        ("+=r", "a", true),
        ("a/+/c*=r", "a/b/cc/d/e", true),
        ("a/+/*=r", "a/b", false),
        // neither character means anything elsewhere
        ("a*b=r", "axb", false),
        ("a*b=r", "a*b", true),
        ("a+/b=r", "ax/b", false),
        ("a+/b=r", "a+/b", true),
        // a rule without the capability is a no, not a reason to look further
        ("a/b=u a/*=r", "a/b", false),
        // no rule
        ("a=r", "b", false),
        ("a=r", "a/", false),
    ] {
        assert_eq!(read(&rules(short), path), allowed, "{short} on {path}");
    }
}

#[test]
fn a_list_may_be_granted_with_or_without_the_slash() {
    for (short, path, allowed) in [
        ("a/b/=l", "a/b/", true),
        ("a/b=l", "a/b/", true),
        ("a/b/*=l", "a/b/", true),
        ("a/+=l", "a/b/", true),
        ("a/+/=l", "a/b/", true),
        ("a/b/=d a/b=l", "a/b/", false),
        ("a/b/=l a/b=d", "a/b/", true),
        ("a/*=l a/b=d", "a/b/", false),
        // a more specific deny on the path without its slash
        ("a/*=l a/+=d", "a/b/", false),
        ("+/*=l a/+=d", "a/b/", false),
        ("a/*=l +/b=d", "a/b/", true),
        // a deny that is less specific does not count, an allow is never added this way
        ("a/b/*=l a/+=d", "a/b/", true),
        ("a/*=d a/+=l", "a/b/", false),
        ("a/*=r a/+=l", "a/b/", false),
    ] {
        assert_eq!(list(&rules(short), path), allowed, "{short} on {path}");
    }
}

#[test]
fn the_rules_of_one_path_are_merged_over_policies() {
    let read_a = "path \"a\" { capabilities = [\"read\"] }";
    let update_a = "path \"a\" { capabilities = [\"update\", \"sudo\"] }";
    let deny_a = "path \"a\" { capabilities = [\"deny\"] }";
    assert_eq!(acl(&[read_a, update_a]).capabilities("a"), ["read", "sudo", "update"]);
    for order in [[read_a, deny_a, update_a], [deny_a, read_a, update_a], [read_a, update_a, deny_a]] {
        assert_eq!(acl(&order).capabilities("a"), ["deny"]);
    }
    let decision = acl(&[read_a, update_a]).decide(Capability::Read, "a", &Map::new());
    assert_eq!((decision.allowed, decision.sudo), (true, true));
    assert_eq!(decision.granting, ["p0", "p1"]);
}

#[test]
fn parameters_are_checked() {
    let check = |stanza: &str, data: Value| {
        let acl = acl(&[&format!("path \"a\" {{ capabilities = [\"update\"]\n {stanza} }}")]);
        let Value::Object(data) = data else { panic!("an object") };
        acl.decide(Capability::Update, "a", &data).allowed
    };
    for (stanza, data, allowed) in [
        ("required_parameters = [\"ttl\"]", json!({}), false),
        ("required_parameters = [\"ttl\"]", json!({"x": 1}), false),
        ("required_parameters = [\"ttl\"]", json!({"ttl": 1}), true),
        ("allowed_parameters = { \"ttl\" = [\"1h\"] }", json!({"ttl": "2h"}), false),
        ("allowed_parameters = { \"ttl\" = [\"1h\"] }", json!({"ttl": "1h"}), true),
        ("allowed_parameters = { \"ttl\" = [\"1h\"] }", json!({}), true),
        ("allowed_parameters = { \"ttl\" = [\"1h\"] }", json!({"x": "1h"}), false),
        ("allowed_parameters = { \"ttl\" = [\"1h\"], \"*\" = [] }", json!({"x": 1, "ttl": "1h"}), true),
        ("allowed_parameters = { \"ttl\" = [\"1h\"], \"*\" = [] }", json!({"ttl": "2h"}), false),
        ("allowed_parameters = { \"ttl\" = [] }", json!({"ttl": {"any": []}}), true),
        ("allowed_parameters = { \"TTL\" = [] }", json!({"ttl": 1}), true),
        ("allowed_parameters = { \"TTL\" = [] }", json!({"TTL": 1}), false),
        ("allowed_parameters = { \"n\" = [5, true, \"a*\"] }", json!({"n": 5}), true),
        ("allowed_parameters = { \"n\" = [5, true, \"a*\"] }", json!({"n": "abc"}), true),
        ("allowed_parameters = { \"n\" = [5, true, \"a*\"] }", json!({"n": false}), false),
        ("denied_parameters = { \"arn\" = [] }", json!({"arn": "x"}), false),
        ("denied_parameters = { \"arn\" = [] }", json!({"ARN": "x"}), false),
        ("denied_parameters = { \"arn\" = [] }", json!({"ttl": "x"}), true),
        ("denied_parameters = { \"arn\" = [\"*:root\"] }", json!({"arn": "a:user"}), true),
        ("denied_parameters = { \"arn\" = [\"*:root\"] }", json!({"arn": "a:root"}), false),
        ("denied_parameters = { \"*\" = [] }", json!({"x": 1}), false),
        ("denied_parameters = { \"*\" = [] }", json!({}), true),
    ] {
        assert_eq!(check(stanza, data.clone()), allowed, "{stanza} with {data}");
    }
}

#[test]
fn a_rule_with_a_wrapping_ttl_asks_for_a_wrapped_answer() {
    let rule = |says: &str| format!("path \"a\" {{ capabilities = [\"read\"] {says} }}");
    for (rules, wrap_ttl, allowed) in [
        (vec![""], None, true),
        (vec![""], Some(5), true),
        (vec!["min_wrapping_ttl = \"1m\""], None, false),
        (vec!["min_wrapping_ttl = \"1m\""], Some(59), false),
        (vec!["min_wrapping_ttl = \"1m\""], Some(60), true),
        (vec!["max_wrapping_ttl = 60"], None, false),
        (vec!["max_wrapping_ttl = 60"], Some(60), true),
        (vec!["max_wrapping_ttl = 60"], Some(61), false),
        // Of several, the least of each counts.
        (vec!["min_wrapping_ttl = 60", "min_wrapping_ttl = 30"], Some(30), true),
        (vec!["max_wrapping_ttl = 60", ""], None, false),
        (vec!["min_wrapping_ttl = 60", "max_wrapping_ttl = 30"], Some(45), false),
    ] {
        let texts: Vec<String> = rules.iter().map(|says| rule(says)).collect();
        let acl = acl(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let decision = acl.decide_wrapped(Capability::Read, "a", &Map::new(), wrap_ttl);
        assert_eq!(decision.allowed, allowed, "{rules:?} wrapped for {wrap_ttl:?}");
    }
}

#[test]
fn merged_parameter_lists_absorb() {
    let any = "path \"a\" { capabilities = [\"read\"] allowed_parameters = { \"x\" = [] } }";
    let one = "path \"a\" { capabilities = [\"read\"] allowed_parameters = { \"x\" = [\"1\"] } }";
    let two = "path \"a\" { capabilities = [\"read\"] allowed_parameters = { \"x\" = [\"2\"], \"y\" = [] } }";
    let ask = |policies: &[&str], data: Value| {
        let Value::Object(data) = data else { panic!("an object") };
        acl(policies).decide(Capability::Read, "a", &data).allowed
    };
    assert!(ask(&[one, two], json!({"x": "1"})));
    assert!(ask(&[one, two], json!({"x": "2", "y": "z"})));
    assert!(!ask(&[one, two], json!({"x": "3"})));
    assert!(ask(&[one, any], json!({"x": "3"})));
    assert!(ask(&[any, one], json!({"x": "3"})));
}

#[test]
fn capabilities_are_named_in_order() {
    let acl = rules("a=rlcu b=d c/=l");
    assert_eq!(acl.capabilities("a"), ["create", "list", "read", "update"]);
    assert_eq!(acl.capabilities("/a"), ["create", "list", "read", "update"]);
    assert_eq!(acl.capabilities("b"), ["deny"]);
    assert_eq!(acl.capabilities("none"), ["deny"]);
    assert_eq!(Acl::root().capabilities("a"), ["root"]);
}

#[test]
fn a_star_is_a_wildcard_only_at_the_ends() {
    for (pattern, text, matches) in [
        ("a", "a", true),
        ("a*", "ab", true),
        ("*a", "ba", true),
        ("*a*", "bab", true),
        ("*", "", true),
        ("**", "x", true),
        ("a*b", "axb", false),
    ] {
        assert_eq!(glob(pattern, text), matches, "{pattern} on {text}");
    }
}

/// Whether `pattern` matches, letter by letter and segment by segment.
fn slow_match(pattern: &str, path: &str) -> bool {
    let (body, prefix) = pattern.strip_suffix('*').map_or((pattern, false), |body| (body, true));
    let wanted: Vec<&str> = body.split('/').collect();
    let given: Vec<&str> = path.split('/').collect();
    if !wanted.contains(&"+") {
        return if prefix { path.starts_with(body) } else { path == body };
    }
    if given.len() < wanted.len() || !prefix && given.len() != wanted.len() {
        return false;
    }
    wanted.iter().enumerate().all(|(index, want)| {
        if prefix && index + 1 == wanted.len() {
            given[index].starts_with(want)
        } else {
            *want == "+" || *want == given[index]
        }
    })
}

/// Whether pattern `a` is more specific than `b`, rule by rule of Vault's documentation.
fn slow_beats(a: &str, b: &str) -> bool {
    let facts = |pattern: &str| {
        let body = pattern.trim_end_matches('*').to_owned();
        let plus = body.split('/').filter(|segment| *segment == "+").count();
        let first = if plus > 0 { body.find('+').unwrap() } else { body.len() };
        (first, pattern.ends_with('*'), plus, body)
    };
    let (a, b) = (facts(a), facts(b));
    if a.0 != b.0 {
        return a.0 > b.0;
    }
    if a.1 != b.1 {
        return b.1;
    }
    if a.2 != b.2 {
        return a.2 < b.2;
    }
    if a.3.len() != b.3.len() {
        return a.3.len() > b.3.len();
    }
    a.3 > b.3
}

/// The pattern that decides, by comparing every pair.
fn slow_winner<'a>(patterns: &[&'a str], path: &str) -> Option<&'a str> {
    let wild: Vec<&str> = patterns
        .iter()
        .copied()
        .filter(|pattern| pattern.ends_with('*') || pattern.split('/').any(|segment| segment == "+"))
        .filter(|pattern| slow_match(pattern, path))
        .collect();
    wild.iter().copied().find(|a| wild.iter().all(|b| a == b || slow_beats(a, b)))
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof![Just("a"), Just("b"), Just("ab"), Just("+")];
    (prop::collection::vec(segment, 1..4), prop_oneof![Just(""), Just("*"), Just("/"), Just("/*")])
        .prop_map(|(segments, end)| segments.join("/") + end)
        .prop_filter("a forbidden spelling", |pattern| !pattern.contains("+*"))
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("ab")], 1..5).prop_map(|s| s.join("/"))
}

fn rule(pattern: &str, deny: bool) -> Rule {
    let all = [Capability::Read, Capability::List, Capability::Update];
    Rule::new(pattern, Capabilities::of(if deny { &[Capability::Deny] } else { &all }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_matcher_agrees_with_the_slow_one(
        patterns in prop::collection::btree_map(pattern(), any::<bool>(), 0..8),
        path in path(),
    ) {
        let rules: Vec<Rule> = patterns.iter().map(|(pattern, deny)| rule(pattern, *deny)).collect();
        let acl = Acl::compile([("p", rules.as_slice())]);
        let names: Vec<&str> = patterns.keys().map(String::as_str).collect();
        let expected = if names.contains(&path.as_str()) { Some(path.as_str()) } else { slow_winner(&names, &path) };
        prop_assert_eq!(read(&acl, &path), expected.is_some_and(|winner| !patterns[winner]));

        // A list of the folder: nothing that the most specific rule of either spelling denies gets through.
        let folder = format!("{path}/");
        let listed = list(&acl, &folder);
        for exact in [&folder, &path] {
            if let Some(deny) = patterns.get(exact.as_str()) {
                prop_assert_eq!(listed, !deny);
                return Ok(());
            }
        }
        match (slow_winner(&names, &folder), slow_winner(&names, &path)) {
            (None, None) => prop_assert!(!listed),
            (Some(winner), None) | (None, Some(winner)) => prop_assert_eq!(listed, !patterns[winner]),
            (Some(a), Some(b)) => {
                let overridden = patterns[b] && a != b && slow_beats(b, a);
                prop_assert_eq!(listed, !patterns[a] && !overridden);
            }
        }
    }
}
