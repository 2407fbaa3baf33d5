//! How many requests go at once, and in a second: by flag and by variable, for all that a command sends.

use std::time::Instant;

use crate::remote::Remote;
use crate::servers::Sort;

fn at_most(remote: &mut Remote, arguments: &[&str], code: i32) -> usize {
    let between = remote.server.part();
    remote.at(&between.address);
    between.count_rounds();
    let output = remote.env.run(arguments);
    assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
    between.rounds().into_iter().max().unwrap_or_default()
}

#[test]
fn no_more_requests_are_under_way_than_somebody_says() {
    let mut remote = Remote::new(Sort::Ours);
    remote.env.set("LEASEHOLD_DIR", remote.estate.display().to_string());
    assert!(at_most(&mut remote, &["plan"], 2) > 3);
    assert_eq!(at_most(&mut remote, &["plan", "--parallelism", "1"], 2), 1);
    assert_eq!(at_most(&mut remote, &["apply", "--auto-approve", "-parallelism=3"], 0), 3);
    remote.env.set("LEASEHOLD_PARALLELISM", "2");
    assert_eq!(at_most(&mut remote, &["drift"], 0), 2);
}

#[test]
fn no_more_requests_are_sent_in_a_second_than_somebody_says() {
    let mut remote = Remote::new(Sort::Ours);
    let between = remote.server.part();
    remote.at(&between.address);
    remote.env.set("LEASEHOLD_DIR", remote.estate.display().to_string()).set("VAULT_RATE_LIMIT", "100:1");
    let began = Instant::now();
    assert_eq!(remote.env.run(&["plan"]).code, 2);
    let (seconds, requests) = (began.elapsed().as_secs_f64(), between.asked().len());
    assert!(requests > 10 && seconds >= (requests - 1) as f64 / 100.0, "{requests} in {seconds} s");
}

#[test]
fn a_pace_that_is_none_is_told() {
    let mut remote = Remote::new(Sort::Ours);
    remote.env.set("LEASEHOLD_DIR", remote.estate.display().to_string());
    for (flag, told) in [
        ("--parallelism=0", "--parallelism is \"0\""),
        ("--parallelism=many", "a number from 1 to 64"),
        ("--rate-limit=1", "requests per second, 2 at least"),
        ("--rate-limit=5:", "--rate-limit is \"5:\""),
    ] {
        let output = remote.env.run(&["plan", flag]);
        assert!(output.code == 1 && output.stderr.contains(told), "{flag}: {}", output.normal());
    }
}
