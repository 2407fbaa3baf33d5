//! The pace against a simulated account: time is a number, and every call is counted.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Ended, Next, Pace};
use crate::engine::lease::Lane;

/// An account that answers after `latency` and lets `limit` calls through in any second; or none, until `back`.
struct Account {
    limit: usize,
    latency: Duration,
    back: Duration,
    let_through: VecDeque<Duration>,
    calls: usize,
    throttled: usize,
}

impl Account {
    fn new(limit: usize) -> Self {
        let (let_through, latency) = (VecDeque::new(), Duration::from_millis(30));
        Self { limit, latency, back: Duration::ZERO, let_through, calls: 0, throttled: 0 }
    }

    fn asked(&mut self, now: Duration) -> Ended {
        self.calls += 1;
        if now < self.back {
            return Ended::Silent;
        }
        while self.let_through.front().is_some_and(|&at| at + Duration::from_secs(1) <= now) {
            self.let_through.pop_front();
        }
        if self.let_through.len() >= self.limit {
            self.throttled += 1;
            return Ended::Throttled;
        }
        self.let_through.push_back(now);
        Ended::Answered
    }
}

/// Who works on a lease: its lane, its number, and how many of its calls are left.
type Work = (Lane, usize, usize);

/// Works on `work` until nothing is left or the time is up; tells each lease's end to `done`.
fn run(account: &mut Account, work: &[Work], until: Duration, mut done: impl FnMut(Work, Duration)) -> Duration {
    let mut pace: Pace<Work> = Pace::new();
    let mut queue: VecDeque<Work> = work.iter().copied().collect();
    let mut ends: BTreeMap<(Duration, usize), (Duration, Work, Ended)> = BTreeMap::new();
    let (mut now, mut sequence, mut begun) = (Duration::ZERO, 0, 0_usize);
    while now < until {
        while begun < pace.width() {
            let Some(next) = queue.pop_front() else { break };
            begun += 1;
            pace.enter(next.0, next);
        }
        let wait = loop {
            match pace.next(now) {
                Next::Go(_, who) => {
                    let how = account.asked(now);
                    sequence += 1;
                    ends.insert((now + account.latency, sequence), (now, who, how));
                }
                Next::Wait(at) => break Some(at),
                Next::Idle => break None,
            }
        };
        let ended = ends.first_key_value().map(|(key, _)| *key);
        match (ended, wait) {
            (Some(key), wait) if wait.is_none_or(|at| key.0 <= at) => {
                now = key.0;
                let (began, who, how) = ends.remove(&key).unwrap();
                let was_out = pace.is_out();
                pace.ended(who.0, began, now, how);
                if pace.is_out() && !was_out {
                    for who in pace.send_away() {
                        begun -= 1;
                        queue.push_front(who);
                    }
                }
                match (how, who) {
                    (Ended::Answered, (lane, lease, calls)) if calls > 1 => pace.enter(lane, (lane, lease, calls - 1)),
                    (Ended::Answered, who) => {
                        begun -= 1;
                        done(who, now);
                    }
                    (Ended::Throttled, who) => pace.enter(who.0, who),
                    (_, who) => {
                        begun -= 1;
                        queue.push_back(who);
                    }
                }
            }
            (_, Some(at)) => now = at.max(now + Duration::from_micros(1)),
            (_, None) => return now,
        }
    }
    now
}

fn leases(lane: Lane, count: usize) -> Vec<Work> {
    (0..count).map(|lease| (lane, lease, 3)).collect()
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_backlog_is_worked_off_at_the_speed_that_aws_allows() {
    for (limit, count) in [(2, 300), (5, 2000), (20, 2000), (100, 5000), (1000, 20_000)] {
        let mut account = Account::new(limit);
        let mut order = Vec::new();
        let took = run(&mut account, &leases(Lane::Backlog, count), HOUR, |(_, lease, _), _| order.push(lease));
        assert_eq!(order.len(), count, "{limit} calls a second: all of them");
        let ideal = (count * 3) as f64 / limit as f64;
        let over = took.as_secs_f64() / ideal;
        let calls = account.calls as f64 / count as f64;
        assert!(over < 1.2, "{limit} calls a second: {over:.2} times the ideal, {calls:.2} calls a lease");
        assert!(calls < 4.0, "{limit} calls a second: {calls:.2} calls a lease, {} throttled", account.throttled);
        let worst = order.iter().enumerate().map(|(at, &lease)| lease.abs_diff(at)).max().unwrap();
        assert!(worst <= 256, "{limit} calls a second: oldest first, not {worst} out of turn");
    }
}

#[test]
fn an_account_that_answers_is_used_with_many_places() {
    let mut account = Account::new(usize::MAX);
    let took = run(&mut account, &leases(Lane::Backlog, 5000), HOUR, |_, _| {});
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(account.calls, 15_000);
}

#[test]
fn an_outage_costs_few_calls_and_its_end_is_noticed() {
    let mut account = Account::new(5);
    account.back = Duration::from_secs(180);
    let mut first = None;
    let took = run(&mut account, &leases(Lane::Backlog, 2000), HOUR, |_, now| {
        first.get_or_insert(now);
    });
    let over = (took - account.back).as_secs_f64() / 1200.0;
    let calls = account.calls as f64 / 2000.0;
    assert!(over < 1.2 && calls < 4.0, "{over:.2} times the ideal, {calls:.2} calls a lease");
    assert!(first.unwrap() < account.back + Duration::from_secs(12), "{first:?}");
}

#[test]
fn what_is_waited_for_is_not_behind_the_backlog_and_the_backlog_gets_something() {
    for waited in [Lane::Issue, Lane::Revoke, Lane::Bulk] {
        let mut account = Account::new(5);
        let mut work = leases(Lane::Backlog, 2000);
        // From the tenth second on, so to say, ten others come along.
        for lease in 0..10 {
            work.insert(20 + lease, (waited, 10_000 + lease, 3));
        }
        let mut last = Duration::ZERO;
        let mut behind = 0;
        run(&mut account, &work, Duration::from_secs(120), |(lane, ..), now| {
            if lane == waited {
                last = now;
            } else if last < now {
                behind += 1;
            }
        });
        assert!(last > Duration::ZERO && last < Duration::from_secs(40), "{waited:?}: {last:?}");
        assert!(behind > 50, "{waited:?}: {behind}");
    }
}

#[test]
fn what_hangs_leaves_places_for_what_is_waited_for() {
    let mut pace: Pace<usize> = Pace::new();
    for who in 0..1000 {
        pace.enter(if who % 2 == 0 { Lane::Backlog } else { Lane::Bulk }, who);
    }
    let later = std::iter::from_fn(|| match pace.next(Duration::ZERO) {
        Next::Go(lane, _) => Some(lane),
        Next::Wait(_) | Next::Idle => None,
    })
    .count();
    assert_eq!(later, 24, "three quarters of the places to begin with");
    pace.enter(Lane::Issue, 0);
    pace.enter(Lane::Revoke, 1);
    assert_eq!(pace.next(Duration::ZERO), Next::Go(Lane::Issue, 0));
    assert_eq!(pace.next(Duration::ZERO), Next::Go(Lane::Revoke, 1));
    assert_eq!(pace.next(Duration::ZERO), Next::Idle);
}

#[test]
fn a_limit_that_is_raised_is_found_and_one_that_is_lowered_too() {
    let mut account = Account::new(5);
    let mut pace: Pace<()> = Pace::new();
    let mut done = [0_usize; 3];
    let mut now = Duration::ZERO;
    for (phase, limit, seconds) in [(0, 5, 60), (1, 200, 120), (2, 5, 60)] {
        account.limit = limit;
        let end = now + Duration::from_secs(seconds);
        while now < end {
            pace.enter(Lane::Backlog, ());
            match pace.next(now) {
                Next::Go(lane, ()) => {
                    let how = account.asked(now);
                    done[phase] += usize::from(how == Ended::Answered);
                    let began = now;
                    now += Duration::from_millis(1);
                    pace.ended(lane, began, now, how);
                }
                Next::Wait(at) => now = at.max(now),
                Next::Idle => unreachable!("one call at a time has a place"),
            }
        }
    }
    assert!(done[0] > 60 * 5 * 8 / 10, "{done:?}");
    assert!(done[1] > 60 * 200, "{done:?}: found within a minute or so");
    assert!(done[2] > 60 * 5 * 8 / 10 && account.throttled < account.calls / 10, "{done:?} {}", account.throttled);
}
