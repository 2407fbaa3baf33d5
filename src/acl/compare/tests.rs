//! Comparison by table, and against a search of all short paths and small requests.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ASKED, Budget, Difference, Extent, compare, compare_within, only, only_within, permits, readable_roles};
use crate::acl::{Acl, Capability};

/// `path=letters` pairs: `r`ead, `u`pdate, `c`reate, `D`elete, `l`ist, `p`atch, `s`udo, `d`eny.
fn document(short: &str) -> String {
    let stanza = |pair: &str| {
        let (path, letters) = pair.split_once('=').unwrap();
        let name = |letter| match letter {
            'r' => "\"read\"",
            'u' => "\"update\"",
            'c' => "\"create\"",
            'D' => "\"delete\"",
            'l' => "\"list\"",
            'p' => "\"patch\"",
            's' => "\"sudo\"",
            'd' => "\"deny\"",
            other => panic!("{other}"),
        };
        let names: Vec<&str> = letters.chars().map(name).collect();
        format!("path \"{path}\" {{ capabilities = [{}] }}\n", names.join(","))
    };
    short.split_whitespace().map(stanza).collect()
}

fn of(texts: &[&str]) -> Acl {
    Acl::of_texts(texts.iter().map(|text| ("p", *text))).unwrap()
}

fn rules(short: &str) -> Acl {
    of(&[&document(short)])
}

fn show(differences: &[Difference]) -> String {
    let line = |one: &Difference| {
        let extent = if one.extent == Extent::Constraints { " constraints" } else { "" };
        let certain = if one.certain { "" } else { " ?" };
        format!("{} {} at {}{extent}{certain}", one.path, one.capabilities.join(","), one.witness)
    };
    differences.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn differences_are_named_by_the_rule_that_makes_them() {
    for (old, new, gains, losses) in [
        ("", "secret/data/+/x=r", "secret/data/+/x read at secret/data/y/x", ""),
        ("a/*=r", "a/*=ru", "a/* update at a/x", ""),
        ("a/*=r", "a/b=r", "", "a/* read at a/x"),
        // a rule can take away: the exact one decides alone
        ("a/*=r", "a/*=r a/b=u", "a/b update at a/b", "a/b read at a/b"),
        ("a/*=r a/b=d", "a/*=r", "a/b read at a/b", ""),
        ("a/*=r a/+/c=d", "a/*=r", "a/+/c read at a/x/c", ""),
        // shadowed rules change nothing
        ("a/b=r a/*=r", "a/*=r", "", ""),
        ("a/+=r a/*=r", "a/+=r a/*=r a/b=r", "", ""),
        ("a/*=d a/b=r", "a/b=r", "", ""),
        // sudo counts where something else goes with it
        ("a=r", "a=rs", "a sudo at a", ""),
        ("a=r", "a=r b=s", "", ""),
        ("", "a=us", "a update,sudo at a", ""),
        ("a=rs", "a=d", "", "a read,sudo at a"),
        // a list is of the folder, granted with or without the slash
        ("a=l", "a/=l", "", ""),
        ("a/*=l", "a/*=l a/+=d", "", "a/+ list at a"),
    ] {
        let comparison = compare(&rules(old), &rules(new));
        assert_eq!(
            (show(&comparison.gains).as_str(), show(&comparison.losses).as_str()),
            (gains, losses),
            "{old} -> {new}"
        );
        let back = compare(&rules(new), &rules(old));
        assert_eq!((back.gains, back.losses), (comparison.losses, comparison.gains), "{new} -> {old}");
    }
}

/// The examples of "Policies", section "Priority matching" in Vault's documentation: of two patterns, the one that
/// decides for a path. So a deny there is a loss, and a deny by the other one is none.
#[test]
fn the_documented_priorities_decide() {
    for (winner, loser, path) in [
        // the first wildcard stands later
        ("secret/foo/*", "secret/*", "secret/foo/x"),
        ("secret/foo/+", "secret/+/bar", "secret/foo/bar"),
        ("secret/bar/*", "secret/+/*", "secret/bar/x"),
        // no `*` at the end
        ("secret/+/bar", "secret/+/*", "secret/x/bar"),
        // fewer `+`
        ("secret/+/a/b", "secret/+/+/b", "secret/x/a/b"),
        // longer
        ("secret/+/abc*", "secret/+/a*", "secret/x/abcx"),
        // the exact one before all
        ("secret/a", "secret/+", "secret/a"),
    ] {
        let both = rules(&format!("{winner}=r {loser}=r"));
        let denied = compare(&both, &rules(&format!("{winner}=d {loser}=r")));
        assert!(denied.gains.is_empty() && !denied.losses.is_empty(), "{winner} before {loser}");
        assert!(permits(&both, path).contains(&Capability::Read));
        assert!(permits(&rules(&format!("{winner}=d {loser}=r")), path).is_empty(), "{winner} before {loser}");
        assert!(!permits(&rules(&format!("{winner}=r {loser}=d")), path).is_empty(), "{winner} before {loser}");
    }
}

#[test]
fn the_same_permissions_written_differently_do_not_differ() {
    let one = r#"path "a/*" { capabilities = ["read", "list"] allowed_parameters = { "x" = ["1", "2"], "y" = [] } }
                 path "b" { capabilities = ["deny", "read"] }"#;
    for texts in [
        vec![
            "# about b\npath \"b\" { policy = \"deny\" }",
            r#"path "a/*" { capabilities = ["list"] allowed_parameters = { "Y" = [], "x" = ["2"] } }"#,
            r#"path "/a/*" { capabilities = ["read"] allowed_parameters = { "x" = ["1", "2"] } }"#,
        ],
        vec![
            r#"{"path": {"b": {"capabilities": ["deny"]}, "a/*": {"capabilities": ["list", "read"],
                "allowed_parameters": {"y": [], "x": ["1", "2"]}}}}"#,
        ],
        // a rule that another one makes needless
        vec![
            one,
            "path \"a/b\" { capabilities = [\"list\", \"read\"] allowed_parameters = { y = [] x = [\"2\", \"1\"] } }",
        ],
    ] {
        assert!(compare(&of(&[one]), &of(&texts)).is_equal(), "{texts:?}");
    }
}

#[test]
fn constraints_are_compared() {
    let rule = |stanza: &str| of(&[&format!("path \"a\" {{ capabilities = [\"update\"]\n {stanza} }}")]);
    let (none, certain) = ("", "a update at a constraints");
    for (old, new, gains) in [
        ("", "required_parameters = [\"ttl\"]", none),
        ("required_parameters = [\"ttl\"]", "", certain),
        ("required_parameters = [\"a\", \"b\"]", "required_parameters = [\"b\", \"a\"]", none),
        ("required_parameters = [\"a\"]", "required_parameters = [\"b\"]", certain),
        ("allowed_parameters = { x = [\"a*\"] }", "allowed_parameters = { x = [\"ab\", \"a*\"] }", none),
        ("allowed_parameters = { x = [\"a*\"] }", "allowed_parameters = { x = [\"abc*\"] }", none),
        ("allowed_parameters = { x = [\"abc*\"] }", "allowed_parameters = { x = [\"a*\"] }", certain),
        ("allowed_parameters = { x = [\"*b*\"] }", "allowed_parameters = { x = [\"*ab\", \"b\"] }", none),
        ("allowed_parameters = { x = [1] }", "allowed_parameters = { x = [1.0] }", none),
        ("allowed_parameters = { x = [1] }", "allowed_parameters = { x = [\"1\"] }", certain),
        ("allowed_parameters = { x = [] }", "allowed_parameters = { x = [], y = [] }", certain),
        ("allowed_parameters = { x = [], y = [] }", "allowed_parameters = { x = [] }", none),
        ("allowed_parameters = { x = [1], \"*\" = [] }", "allowed_parameters = { \"*\" = [] }", certain),
        ("denied_parameters = { x = [] }", "denied_parameters = { x = [\"a\"] }", certain),
        ("denied_parameters = { x = [\"a\"] }", "denied_parameters = { x = [] }", none),
        ("denied_parameters = { x = [\"a*\"] }", "denied_parameters = { x = [\"*\"] y = [] }", none),
        ("denied_parameters = { x = [] }", "denied_parameters = { \"*\" = [] }", none),
        // what is denied need not be repeated where it is not allowed
        ("denied_parameters = { x = [\"a*\"] }", "allowed_parameters = { x = [\"b\", 1] }", none),
        ("denied_parameters = { x = [] }", "allowed_parameters = { y = [] }", none),
        ("", "min_wrapping_ttl = \"1m\"", none),
        ("min_wrapping_ttl = \"1m\"", "", certain),
        ("max_wrapping_ttl = \"2m\"", "min_wrapping_ttl = \"1m\" max_wrapping_ttl = \"2m\"", none),
        ("max_wrapping_ttl = \"1m\"", "max_wrapping_ttl = \"2m\"", certain),
        ("min_wrapping_ttl = \"2m\"", "min_wrapping_ttl = \"1m\"", certain),
        ("max_wrapping_ttl = \"1m\"", "min_wrapping_ttl = \"1s\" max_wrapping_ttl = \"1m\"", none),
        ("allowed_parameters = { x = [\"a*\", \"*\"] }", "denied_parameters = { x = [1, true, false] }", certain),
    ] {
        assert_eq!(show(&compare(&rule(old), &rule(new)).gains), gains, "{old} -> {new}");
    }
}

#[test]
fn a_witness_carries_the_parameters_that_show_it() {
    let old = of(&[
        "path \"a\" { capabilities = [\"update\"] required_parameters = [\"r\"] denied_parameters = { x = [\"s*\"] } }",
    ]);
    let new = of(&["path \"a\" { capabilities = [\"update\"] required_parameters = [\"r\"] }"]);
    let gains = compare(&old, &new).gains;
    assert_eq!(Value::Object(gains[0].data.clone()), json!({"r": "s", "X": "s"}));
}

#[test]
fn a_witness_says_how_long_the_answer_is_wrapped_that_shows_it() {
    let rule = |says: &str| of(&[&format!("path \"a\" {{ capabilities = [\"read\"] {says} }}")]);
    for (old, new, wrap_ttl) in [
        ("max_wrapping_ttl = 60", "max_wrapping_ttl = 120", Some(61)),
        ("min_wrapping_ttl = 120", "min_wrapping_ttl = 60", Some(60)),
        ("max_wrapping_ttl = 60", "", None),
    ] {
        let gains = compare(&rule(old), &rule(new)).gains;
        assert_eq!((gains.len(), gains[0].wrap_ttl), (1, wrap_ttl), "{old} to {new}");
    }
}

#[test]
fn the_policy_root_may_do_everything() {
    assert_eq!(show(&compare(&rules("a=r"), &Acl::root()).losses), "");
    let gains = show(&compare(&rules("a=r"), &Acl::root()).gains);
    assert!(gains.starts_with("* create,read,update,delete,list,sudo,patch at x;"), "{gains}");
    assert!(compare(&Acl::root(), &rules("*=crulDsp")).is_equal());
    assert_eq!(permits(&Acl::root(), "any").len(), 7);
}

#[test]
fn identity_templates_are_compared_as_they_are_written() {
    let (old, new) = (rules("kv/*=r kv/{{identity.entity.id}}/*=r"), rules("kv/*=r kv/{{identity.entity.id}}/*=ru"));
    assert_eq!(show(&compare(&old, &new).gains), "kv/{{identity.entity.id}}/* update at kv/{{identity.entity.id}}/x ?");
    assert!(compare(&new, &new).is_equal());
}

#[test]
fn nothing_outside_of_given_paths_is_proved() {
    for (policy, allowed, outside) in [
        ("aws/creds/a=r", "aws/creds/a", None),
        ("aws/creds/a=r auth/token/lookup-self=r", "aws/creds/+ auth/token/lookup-self", None),
        ("aws/creds/a=r", "aws/creds/b", Some("aws/creds/a")),
        ("aws/*=r aws/config/*=d", "aws/creds/*", Some("aws/config")),
        ("aws/+/a=r aws/creds/*=d", "aws/roles/*", Some("aws/x/a")),
        ("aws/creds/*=d", "", None),
        ("a/*=l", "a a/*", None),
        ("aws/creds/+=r", "aws/creds/*", None),
        ("aws/creds/*=r", "aws/creds/+", Some("aws/creds/x/x")),
    ] {
        let allowed: Vec<String> = allowed.split_whitespace().map(str::to_owned).collect();
        let found = only(&rules(policy), &allowed);
        assert_eq!(found.as_ref().map(|found| found.path.as_str()), outside, "{policy} within {allowed:?}");
        assert!(found.is_none_or(|found| found.certain && !found.capabilities.is_empty()));
    }
    assert!(only(&Acl::root(), &["*".to_owned()]).is_none());
    assert_eq!(only(&Acl::root(), &[]).map(|found| found.path).as_deref(), Some("x"));
}

#[test]
fn a_role_is_readable_by_read_or_update() {
    let acl = rules("aws/creds/a=r aws/creds/b=u aws/creds/c=l aws/creds/+=d aws/sts/*=u");
    let roles = ["aws/creds/a", "aws/creds/b", "aws/creds/c", "aws/creds/d", "aws/sts/e"];
    assert_eq!(readable_roles(&acl, roles), ["aws/creds/a", "aws/creds/b", "aws/sts/e"]);
}

/// Rules whose matches combine in more ways than any budget covers.
fn hostile(count: usize) -> String {
    let rule = |number: usize| {
        let segments: Vec<String> = (0..24)
            .map(|at| if number >> (at % 12) & 1 == 1 { "+".to_owned() } else { format!("s{}", (number * 7 + at) % 3) })
            .collect();
        format!("path \"{}/*\" {{ capabilities = [\"read\"] }}\n", segments.join("/"))
    };
    (1..=count).map(rule).collect()
}

#[test]
fn hostile_policies_end_in_i_cannot_tell() {
    let old = hostile(1500);
    let new = old.clone() + &document("s0/s1/+/s2=u");
    let mut budget = Budget::new(300_000);
    let comparison = compare_within(&of(&[&old]), &of(&[&new]), &mut budget);
    assert!(show(&comparison.gains).ends_with("* read,update at  ?"), "{}", show(&comparison.gains));
    assert!(budget.spend(1).is_break(), "the whole budget is spent, and no more");
    // Equal texts are equal, whatever they say.
    let mut budget = Budget::new(0);
    assert!(compare_within(&of(&[&old]), &of(&[&old]), &mut budget).is_equal());
    let outside = only_within(&of(&[&old]), &["+/*".to_owned()], &mut Budget::new(300_000)).unwrap();
    assert_eq!((outside.path.as_str(), outside.certain), ("*", false));
}

#[test]
fn a_large_ordinary_policy_is_within_the_budget() {
    let rule = |number: usize| {
        format!("aws/creds/team-{number}=ru secret/data/team-{number}/*=rl secret/+/team-{number}/x=d ")
    };
    let old: String = (0..300).map(rule).collect();
    let comparison = compare(&rules(&old), &rules(&(old.clone() + "secret/data/team-7/y=D")));
    assert_eq!(show(&comparison.gains), "secret/data/team-7/y delete at secret/data/team-7/y");
    assert_eq!(show(&comparison.losses), "secret/data/team-7/y read,list at secret/data/team-7/y");
}

fn pattern() -> impl Strategy<Value = String> {
    let segment = prop_oneof![Just("a"), Just("b"), Just("ab"), Just("+")];
    (prop::collection::vec(segment, 1..4), prop_oneof![Just(""), Just("*"), Just("/"), Just("/*")])
        .prop_map(|(segments, end)| segments.join("/") + end)
        .prop_filter("a forbidden spelling", |pattern| !pattern.contains("+*"))
}

fn policy() -> impl Strategy<Value = String> {
    let letters =
        prop_oneof![Just("r"), Just("l"), Just("rl"), Just("rs"), Just("ls"), Just("d"), Just("u"), Just("rul")];
    prop::collection::vec((pattern(), letters), 0..6)
        .prop_map(|rules| rules.iter().map(|(path, letters)| format!("{path}={letters} ")).collect())
}

/// Every path of up to four segments that the patterns above can tell apart, with and without a `/` at its end.
fn every_path() -> Vec<String> {
    let mut all = Vec::new();
    let mut last = vec![String::new()];
    for _ in 0..4 {
        let longer = last.iter().flat_map(|path| {
            ["a", "b", "ab", "ax", "bx", "abx", "z"]
                .map(|s| if path.is_empty() { s.to_owned() } else { format!("{path}/{s}") })
        });
        last = longer.collect();
        all.extend(last.iter().flat_map(|path| [path.clone(), format!("{path}/")]));
    }
    all
}

/// What is permitted on a path, by asking about each request: the capability, and whether `sudo` goes with it.
fn asked(acl: &Acl, path: &str) -> Vec<(Capability, bool)> {
    let ask = |capability: Capability| {
        let folder = capability == Capability::List && !path.ends_with('/');
        let path = if folder { format!("{path}/") } else { path.to_owned() };
        let decision = acl.decide(capability, &path, &Map::new());
        decision.allowed.then_some((capability, decision.sudo))
    };
    ASKED.iter().filter_map(|asked| ask(asked.0)).collect()
}

/// The capabilities that the second permits and the first does not.
fn gained(old: &[(Capability, bool)], new: &[(Capability, bool)]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for &(capability, sudo) in new {
        if !old.iter().any(|(other, _)| *other == capability) {
            names.push(capability.name());
        }
        if sudo && !old.contains(&(capability, true)) {
            names.push("sudo");
        }
    }
    names
}

/// Whether a request about `path` is one that a rule with this pattern can decide.
fn concerns(pattern: &str, path: &str) -> bool {
    let acl = rules(&format!("{pattern}=rl"));
    !asked(&acl, path).is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_search_of_all_short_paths_finds_the_same(old in policy(), new in policy()) {
        let sides = [rules(&old), rules(&new)];
        let comparison = compare(&sides[0], &sides[1]);
        for (from, to, differences) in [(0, 1, &comparison.gains), (1, 0, &comparison.losses)] {
            for one in differences {
                prop_assert!(one.certain);
                let flipped = gained(&asked(&sides[from], &one.witness), &asked(&sides[to], &one.witness));
                prop_assert!(one.capabilities.iter().all(|name| flipped.contains(name)), "{one:?} of {flipped:?}");
                prop_assert!(concerns(&one.path, &one.witness), "{one:?}");
            }
        }
        for path in every_path() {
            let [old, new] = [asked(&sides[0], &path), asked(&sides[1], &path)];
            for (from, to, differences) in [(&old, &new, &comparison.gains), (&new, &old, &comparison.losses)] {
                for name in gained(from, to) {
                    let told = |one: &Difference| one.capabilities.contains(&name) && concerns(&one.path, &path);
                    prop_assert!(differences.iter().any(told), "{name} on {path} is not in {differences:?}");
                }
            }
        }
        prop_assert!(compare(&sides[1], &sides[1]).is_equal());
    }

    #[test]
    fn only_is_a_proof(policy in policy(), allowed in prop::collection::vec(pattern(), 0..4)) {
        let acl = rules(&policy);
        let inside = |path: &str| allowed.iter().any(|pattern| concerns(pattern, path));
        match only(&acl, &allowed) {
            Some(outside) => prop_assert!(outside.certain && !asked(&acl, &outside.path).is_empty()),
            None => for path in every_path() {
                prop_assert!(asked(&acl, &path).is_empty() || inside(&path), "{path}");
            },
        }
    }
}

fn constraint() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("\"a\""),
        Just("\"a*\""),
        Just("\"*b\""),
        Just("\"ab\""),
        Just("\"*\""),
        Just("\"*a*\""),
        Just("1"),
        Just("true"),
    ];
    let list = prop::collection::vec(value, 0..3).prop_map(|values| format!("[{}]", values.join(",")));
    let lists = prop::collection::btree_map(prop_oneof![Just("n"), Just("m"), Just("*")], list, 0..3)
        .prop_map(|lists| lists.iter().map(|(name, list)| format!("\"{name}\" = {list}\n")).collect::<String>());
    let required = prop_oneof![Just(""), Just("\"n\""), Just("\"m\""), Just("\"n\",\"z\"")];
    let wrapping = prop_oneof![
        3 => Just(""),
        1 => Just("min_wrapping_ttl = 2"),
        1 => Just("max_wrapping_ttl = 2"),
        1 => Just("min_wrapping_ttl = 2 max_wrapping_ttl = 3"),
    ];
    (lists.clone(), lists, required, wrapping).prop_map(|(allowed, denied, required, wrapping)| {
        format!(
            "path \"a\" {{ capabilities = [\"update\"]\n allowed_parameters = {{ {allowed} }}\n \
             denied_parameters = {{ {denied} }}\n required_parameters = [{required}] {wrapping} }}"
        )
    })
}

/// Every request of up to three parameters, of these names and values.
fn every_request() -> Vec<Map<String, Value>> {
    let values = [
        json!("a"),
        json!("ab"),
        json!("aab"),
        json!("b"),
        json!("ba"),
        json!("x"),
        json!(1),
        json!(2),
        json!(true),
        json!(null),
    ];
    let mut all = vec![Map::new()];
    for name in ["n", "m", "z", "N"] {
        let more: Vec<_> = all
            .iter()
            .filter(|data| data.len() < 3)
            .flat_map(|data| {
                values.iter().map(|value| {
                    let mut data = data.clone();
                    data.insert(name.to_owned(), value.clone());
                    data
                })
            })
            .collect();
        all.extend(more);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_search_of_all_small_requests_finds_no_gain_that_is_missed(old in constraint(), new in constraint()) {
        let (old, new) = (of(&[&old]), of(&[&new]));
        let gains = compare(&old, &new).gains;
        let allowed = |acl: &Acl, data: &Map<String, Value>, wrap_ttl| {
            acl.decide_wrapped(Capability::Update, "a", data, wrap_ttl).allowed
        };
        for one in gains.iter().filter(|one| one.certain) {
            prop_assert!(allowed(&new, &one.data, one.wrap_ttl) && !allowed(&old, &one.data, one.wrap_ttl), "{one:?}");
        }
        if gains.is_empty() {
            let wraps = [None, Some(1), Some(2), Some(3), Some(4)];
            let requests = every_request().into_iter().flat_map(|data| wraps.map(|wrap_ttl| (data.clone(), wrap_ttl)));
            let missed = { requests }.find(|(data, wrap)| allowed(&new, data, *wrap) && !allowed(&old, data, *wrap));
            prop_assert_eq!(missed, None);
        }
        prop_assert!(compare(&new, &new).is_equal());
    }
}

#[test]
fn what_only_other_engines_understand_is_compared_too() {
    let rule = |more: &str| of(&[&format!("path \"a\" {{ capabilities = [\"read\"] {more} }}")]);
    let expires = "expiration = \"2027-01-01T00:00:00Z\"";
    for (old, new, gains) in [
        ("", expires, ""),
        (expires, expires, ""),
        (expires, "", "a read at a constraints ?"),
        (expires, "expiration = \"2028-01-01T00:00:00Z\"", "a read at a constraints ?"),
        ("mfa_methods = [\"x\"]", "pagination_limit = 5", "a read at a constraints ?"),
        // It says to which events one may subscribe: more of them is more.
        ("", "subscribe_event_types = [\"*\"]", "a read at a constraints ?"),
    ] {
        assert_eq!(show(&compare(&rule(old), &rule(new)).gains), gains, "{old:?} to {new:?}");
    }
    let scans = of(&["path \"a/*\" { capabilities = [\"scan\", \"list\"] }"]);
    assert_eq!(show(&compare(&rules("a/*=l"), &scans).gains), "a/* scan at a");
    assert_eq!(show(&compare(&scans, &Acl::root()).losses), "");
    assert_eq!(show(&compare(&Acl::root(), &scans).gains), "");
    // Rules of one path in two policies: which of them has the key decides what it holds back.
    let two = |first: &str, second: &str| of(&[first, second]);
    let limited = format!("path \"a\" {{ capabilities = [\"read\"] {expires} }}");
    let old = two(&limited, "path \"a\" { capabilities = [\"update\"] }");
    let new = two(&limited, "path \"a\" { capabilities = [\"read\", \"update\"] }");
    assert_eq!(show(&compare(&old, &new).gains), "a read,update at a constraints ?");
}
