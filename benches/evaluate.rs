//! One request judged under a policy of 20 statements: nanoseconds, once the policy is parsed.
//!
//! Run with `cargo bench --bench evaluate`.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use leasehold::iam::evaluate::Decision;
use leasehold::iam::json;
use leasehold::iam::policy::{Policy, PolicySet};
use leasehold::iam::reading::Reading;
use leasehold::iam::request::Request;

/// How often the median is taken of.
const SAMPLES: usize = 501;
/// Evaluations in one sample: the clock itself takes tens of nanoseconds.
const BATCH: u32 = 200;

fn main() {
    let set = PolicySet::identity(vec![policy()]);
    for (what, action, resource, expected) in [
        ("allowed by the first statement", "s3:GetObject", "arn:aws:s3:::bucket-00/a/b", Decision::Allowed),
        (
            "allowed by the last one",
            "sqs:SendMessage",
            "arn:aws:sqs:eu-west-1:123456789012:queue-18",
            Decision::Allowed,
        ),
        ("allowed through a variable", "sns:Publish", "arn:aws:sns:eu-west-1:123456789012:bob-02", Decision::Allowed),
        ("denied by a statement", "s3:DeleteBucket", "arn:aws:s3:::bucket-00", Decision::ExplicitlyDenied),
        ("allowed by none, service known", "s3:PutObject", "arn:aws:s3:::other/a/b", Decision::ImplicitlyDenied),
        ("allowed by none, service unknown", "ec2:RunInstances", "*", Decision::ImplicitlyDenied),
    ] {
        let request = request(action, resource);
        for reading in [Reading::CROSSING, Reading::SEGMENTED] {
            assert_eq!(set.evaluate(&request, reading).decision, expected, "{action}");
            let (median, low, high) = measure(&set, &request, reading);
            report(&format!("{what:<34} {reading:<10?} {median:>6.0} ns ({low:.0} to {high:.0})"));
        }
    }
}

/// Nineteen that allow, some with a condition, every third with a variable, and one that denies. Together
/// they are about as long as IAM lets the policies of a user be.
fn policy() -> Arc<Policy<Range<usize>>> {
    let mut text = String::from(r#"{"Version":"2012-10-17","Statement":["#);
    for number in 0..19 {
        let (actions, resource) = match number % 3 {
            0 => (r#""s3:GetObject""#, format!("arn:aws:s3:::bucket-{number:02}/*")),
            1 => (r#""dynamodb:*Item""#, format!("arn:aws:dynamodb:*:*:table/{number:02}-*")),
            _ => (r#""sns:Pub*""#, format!("arn:aws:sns:*:*:${{aws:username}}-{number:02}")),
        };
        let (actions, resource) = match number {
            18 => (r#""sqs:*""#, "arn:aws:sqs:*:123456789012:queue-18".to_owned()),
            _ => (actions, resource),
        };
        let condition = match number % 12 {
            0 => r#","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
            6 => r#","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#,
            _ => "",
        };
        let _ = write!(text, r#"{{"Effect":"Allow","Action":[{actions}],"Resource":"{resource}"{condition}}},"#);
    }
    text.push_str(r#"{"Effect":"Deny","Action":["s3:Delete*","s3:PutBucket*"],"Resource":"*"}]}"#);
    let policy = Policy::new(&json::parse(&text).expect("JSON")).expect("a policy");
    assert_eq!(policy.statements.len(), 20);
    Arc::new(policy)
}

fn request(action: &str, resource: &str) -> Request {
    let context = [("aws:username", "bob"), ("aws:sourceip", "203.0.113.7"), ("aws:securetransport", "true")];
    let context = context.map(|(key, value)| (key.to_owned(), vec![value.to_owned()]));
    Request { action: action.to_owned(), resource: resource.to_owned(), context: context.into() }
}

/// The median of all samples, and what nine of ten lie between.
fn measure(set: &PolicySet<Range<usize>>, request: &Request, reading: Reading) -> (f64, f64, f64) {
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..BATCH {
                black_box(black_box(set).evaluate(black_box(request), reading));
            }
            started.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    (samples[SAMPLES / 2], samples[SAMPLES / 20], samples[SAMPLES - 1 - SAMPLES / 20])
}

fn report(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
