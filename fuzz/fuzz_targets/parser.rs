//! Any bytes: reading ends without a panic, and what is read prints to a text that reads the same.
#![no_main]
#![allow(dead_code, missing_docs, unused_imports)]

#[path = "../../src/acl/mod.rs"]
mod acl;
#[path = "../../src/iam/mod.rs"]
mod iam;
#[path = "../../src/text/mod.rs"]
mod text;
#[path = "../../src/units/mod.rs"]
mod units;

use libfuzzer_sys::fuzz_target;

use iam::policy::Policy;
use iam::{document, json};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(parsed) = json::parse(text) {
        let compact = parsed.compact();
        let again = json::parse(&compact).expect("what is printed reads");
        assert_eq!(again.compact(), compact, "printing changes nothing more");
        let fatal = document::check(&parsed).iter().any(|finding| finding.fatal);
        match Policy::new(&parsed) {
            Ok(policy) => {
                assert!(!fatal, "a policy was made of a document that is refused");
                let same = Policy::new(&again).expect("the printed policy is one");
                assert_eq!(same.statements.len(), policy.statements.len());
            }
            Err(_) => assert!(fatal, "a document was refused without a reason"),
        }
    }
    if let Ok(canonical) = document::canonical(text) {
        assert_eq!(document::canonical(&canonical).as_ref(), Ok(&canonical), "the canonical form is a fixed point");
    }
    if let Ok(rules) = acl::document::parse(text) {
        let acl = acl::Acl::compile([("fuzzed", rules.as_slice())]);
        assert!(acl::compare::compare(&acl, &acl).is_equal());
    }
});
