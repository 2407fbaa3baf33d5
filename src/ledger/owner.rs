//! Whose a ledger is, and where it lies.

/// The mount, without its slash.
pub const MOUNT: &str = "leasehold";

/// The owner's name in the ledger. Names of estates and environments have no dot.
pub fn owner(estate: Option<&str>, environment: &str) -> String {
    let environment = segment(environment);
    estate.map_or_else(|| environment.clone(), |estate| format!("{}.{environment}", segment(estate)))
}

/// An owner's name for people.
pub fn describe(owner: &str) -> String {
    match owner.split_once('.') {
        Some((estate, environment)) => format!("the estate `{estate}`, environment `{environment}`"),
        None => format!("an estate without a name, environment `{owner}`"),
    }
}

/// A name as one segment of a path, without a dot.
fn segment(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => segment.push(char::from(byte)),
            other => segment.push_str(&format!("~{other:02x}")),
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::{describe, owner, segment};

    #[test]
    fn owners_have_names_that_cannot_be_mixed_up() {
        assert_eq!(owner(None, "prod"), "prod");
        assert_eq!(owner(Some("pay"), "prod"), "pay.prod");
        assert_ne!(owner(Some("a.b"), "c"), owner(Some("a"), "b.c"));
        assert_eq!(describe("pay.prod"), "the estate `pay`, environment `prod`");
    }

    #[test]
    fn an_environments_name_is_one_segment() {
        for (name, path) in [("prod", "prod"), ("eu/prod", "eu~2fprod"), ("..", "~2e~2e"), ("a b", "a~20b")] {
            assert_eq!(segment(name), path);
        }
    }
}
