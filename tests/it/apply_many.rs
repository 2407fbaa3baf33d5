//! How much is asked of an engine by an apply of many changes.

use leasehold::plan::Adopt;

use crate::apply::{World, many};
use crate::between::Between;

/// What is asked for a hundred changes, below the logins' folder: writes and deletes, lists, and reads of single ones.
fn asked_for_logins(between: &Between, before: usize) -> (usize, usize, usize) {
    let asked = between.asked().split_off(before);
    let of = |methods: &[&str], below: &str| {
        let begins = |line: &str| {
            methods.iter().any(|method| line.starts_with(&format!("{method} /v1/auth/approle/role/{below}")))
        };
        asked.iter().filter(|asked| begins(&asked.line)).count()
    };
    (of(&["PUT", "POST", "DELETE"], "app-"), of(&["LIST", "GET"], "?"), of(&["GET"], "app-"))
}

#[tokio::test(flavor = "multi_thread")]
async fn many_in_one_folder_are_looked_at_by_the_page() {
    let mut world = World::new();
    let between = world.part();
    let none = many(600)[..1].to_vec();
    // A list of names alone tells what is not there, and nothing else.
    for (desired, names_alone, reads) in
        [(many(600), false, 0), (many(1200), false, 0), (many(600), true, 200), (none, true, 100)]
    {
        if names_alone {
            between.lists_tell_names_alone();
        }
        let mut prepared = world.prepare(&desired, Adopt::Refuse).await;
        let before = between.asked().len();
        let report = world.apply(&mut prepared, &desired).await;
        assert_eq!(report.exit_code(), 0, "{}", report.problems(&desired));
        assert_eq!(asked_for_logins(&between, before), (100, 8, reads));
        assert_eq!(world.prepare(&desired, Adopt::Refuse).await.plan.exit_code(), 0);
    }
}
