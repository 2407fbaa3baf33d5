//! Policies compared with ones that differ from them in one place: median and worst, over some thousand pairs.
//!
//! Run with `cargo bench --bench compare`.

#![allow(clippy::expect_used, reason = "a benchmark that cannot run says so by failing")]

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use leasehold::iam::compare::{Difference, Proof, compare};
use leasehold::iam::json;
use leasehold::iam::policy::{Policy, PolicySet};

const PAIRS: usize = 3_000;

const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:Get*",
    "s3:PutObject",
    "s3:List*",
    "s3:*",
    "dynamodb:GetItem",
    "dynamodb:*Item",
    "kms:Decrypt",
    "sqs:SendMessage",
    "sns:Publish",
    "logs:*",
    "ec2:Describe*",
    "lambda:InvokeFunction",
    "secretsmanager:GetSecretValue",
];

const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::bucket-a",
    "arn:aws:s3:::bucket-a/*",
    "arn:aws:s3:::logs-*",
    "arn:aws:s3:::*/public/*",
    "arn:aws:s3:::home/${aws:username}/*",
    "arn:aws:dynamodb:eu-west-1:111122223333:table/orders",
    "arn:aws:dynamodb:*:*:table/*",
    "arn:aws:sqs:eu-west-1:111122223333:jobs",
    "arn:aws:logs:*:*:log-group:/app/*:*",
];

const CONDITIONS: &[&str] = &[
    "",
    "",
    "",
    r#""StringEquals":{"aws:RequestedRegion":"eu-west-1"}"#,
    r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#,
    r#""Bool":{"aws:SecureTransport":"true"}"#,
    r#""StringLike":{"s3:prefix":["home/${aws:username}/*","public/*"]}"#,
    r#""NumericLessThan":{"s3:max-keys":"100"}"#,
    r#""ForAllValues:StringEquals":{"aws:TagKeys":["team","env"]}"#,
    r#""Null":{"aws:TokenIssueTime":"false"}"#,
];

/// A small generator with a fixed seed: every run compares the same pairs.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % sides
    }

    fn pick(&mut self, list: &[&'static str]) -> &'static str {
        list[self.roll(list.len())]
    }
}

#[derive(Clone)]
struct Line {
    effect: &'static str,
    actions: Vec<&'static str>,
    resources: Vec<&'static str>,
    condition: &'static str,
}

fn line(dice: &mut Dice) -> Line {
    let several = |dice: &mut Dice, list| (0..=dice.roll(4)).map(|_| dice.pick(list)).collect();
    Line {
        effect: if dice.roll(8) == 0 { "Deny" } else { "Allow" },
        actions: several(dice, ACTIONS),
        resources: several(dice, RESOURCES),
        condition: dice.pick(CONDITIONS),
    }
}

fn set(lines: &[Line]) -> Vec<PolicySet<()>> {
    let statements: Vec<String> = lines
        .iter()
        .map(|line| {
            let condition = match line.condition {
                "" => String::new(),
                text => format!(r#","Condition":{{{text}}}"#),
            };
            format!(
                r#"{{"Effect":"{}","Action":{:?},"Resource":{:?}{condition}}}"#,
                line.effect, line.actions, line.resources
            )
        })
        .collect();
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let policy = Policy::of_checked(&json::parse(&text).expect("JSON")).map_spans(|_, _| ());
    vec![PolicySet::identity(vec![Arc::new(policy)])]
}

fn mutated(lines: &[Line], dice: &mut Dice) -> Vec<Line> {
    let mut lines = lines.to_vec();
    let at = dice.roll(lines.len());
    match dice.roll(6) {
        0 => lines[at].actions.push(dice.pick(ACTIONS)),
        1 => lines[at].resources.push(dice.pick(RESOURCES)),
        2 => lines[at].condition = dice.pick(CONDITIONS),
        3 => lines[at].effect = if lines[at].effect == "Allow" { "Deny" } else { "Allow" },
        4 => drop(lines.remove(at)),
        _ => lines.push(line(dice)),
    }
    lines
}

fn main() {
    let mut dice = Dice(42);
    let mut times = Vec::with_capacity(PAIRS);
    let mut unsure = 0;
    for _ in 0..PAIRS {
        let lines: Vec<Line> = (0..3 + dice.roll(18)).map(|_| line(&mut dice)).collect();
        let (old, new) = (set(&lines), set(&mutated(&lines, &mut dice)));
        let started = Instant::now();
        let found = black_box(compare(&old, &new));
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
        // One such finding is enough, whatever else is found.
        let untold = |list: &[Difference<'_, ()>]| list.iter().any(|one| matches!(one.proof, Proof::CannotTell(_)));
        unsure += usize::from(untold(&found.gains) || untold(&found.losses));
    }
    times.sort_by(f64::total_cmp);
    let _ = writeln!(
        std::io::stdout(),
        "comparison of {PAIRS} mutated pairs of 3 to 20 statements: median {:.3} ms, 99 % within {:.2} ms, worst {:.2} ms, \
         {unsure} can't be told",
        times[PAIRS / 2],
        times[PAIRS * 99 / 100],
        times[PAIRS - 1]
    );
}
