use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{Binding, Engine, Error, KeyRead, Permissions, Saved};
use crate::object::testing::object;
use crate::object::{Object, acl_policy};
use crate::plan::testing;

/// A plan of one change, as its file has it.
fn text() -> String {
    let policy = json!("# \",\n  \\\"sha256\\\": \\\"\npath \"a\" {}");
    let desired: Vec<Object> = vec![object(&acl_policy::KIND, "sys/policies/acl/p", &[("policy", policy)])];
    let plan = testing::all_new(&desired);
    let binding = Binding {
        made: "2026-01-01T00:00:00Z".to_owned(),
        estate: None,
        engine: Engine { cluster_id: "e".to_owned(), namespace: None },
        word: Permissions::default(),
        files: BTreeMap::from([("a.hcl".to_owned(), "00".repeat(32))]),
    };
    Saved::of(&plan, binding, &desired, &BTreeMap::new(), KeyRead::Known).text().expect("it is written")
}

#[test]
fn what_is_written_reads_back() {
    let text = text();
    let saved = Saved::read(text.as_bytes()).expect("it is read");
    assert_eq!(saved.text().expect("it is written"), text);
    assert_eq!(saved.changes().count(), 1);
}

#[test]
fn no_byte_can_be_another_nor_missing_nor_one_more() {
    let text = text();
    for at in 0..text.len() {
        for other in [b' ', b'\n', b'0', b'"', b'a', 0xff, text.as_bytes()[at] ^ 0x20] {
            let mut bytes = text.clone().into_bytes();
            if bytes[at] != other {
                bytes[at] = other;
                assert!(Saved::read(&bytes).is_err(), "byte {at} is {other}");
            }
        }
        let mut bytes = text.clone().into_bytes();
        bytes.remove(at);
        assert!(Saved::read(&bytes).is_err(), "byte {at} is gone");
        bytes = text.clone().into_bytes();
        bytes.insert(at, b' ');
        assert!(Saved::read(&bytes).is_err(), "a blank before byte {at}");
        assert!(Saved::read(&text.as_bytes()[..at]).is_err(), "only {at} bytes");
    }
}

/// A digest can be made anew by whoever wants to; what it vouches for then still has to be a plan.
#[test]
fn what_fits_its_digest_and_is_no_plan_is_refused() {
    let sealed = |change: fn(&mut Saved)| {
        let mut saved = Saved::read(text().as_bytes()).expect("it is read");
        change(&mut saved);
        Saved::read(saved.text().expect("it is written").as_bytes())
    };
    assert!(sealed(|_| ()).is_ok());
    type Case = (fn(&mut Saved), &'static str);
    let changes: [Case; 5] = [
        (|saved| saved.environment = "prod".to_owned(), "its plan is another"),
        (|saved| saved.digest = "0".repeat(64), "its plan is another"),
        (|saved| saved.plan["refusals"] = json!([{"reason": "x"}]), "its plan is refused"),
        (|saved| saved.objects.clear(), "from what its changes were computed"),
        (|saved| saved.plan["changes"] = json!({}), "from what its changes were computed"),
    ];
    for (change, part) in changes {
        let error = sealed(change).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    }
    let newer = sealed(|saved| saved.leasehold_plan = 7).expect_err("a newer format");
    assert!(matches!(newer, Error::Newer { format: 7, .. }), "{newer}");
}

proptest! {
    #[test]
    fn whatever_bytes_there_are_they_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Saved::read(&bytes).is_err());
    }

    #[test]
    fn texts_that_look_like_a_plan_are_no_plan(middle in "[\\[\\]{}\",: a-z0-9\n]{0,200}") {
        let text = format!("{{\n  \"leasehold_plan\": 1{middle},\n  \"sha256\": \"00\"\n}}\n");
        prop_assert!(Saved::read(text.as_bytes()).is_err());
    }
}
