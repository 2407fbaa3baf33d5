//! How fast one AWS account is asked, learned from what it answers.
//!
//! Pure: time comes in, and who may go comes out. Two limits hold at once. *Places* are calls in flight: one more
//! for each answer, half as many for a throttled one, so that a quick account is used and a slow one not buried.
//! The *rate* is calls per second: there is none until AWS throttles; then it is what AWS let through in the last
//! second, a little less, and it grows again, slowly up to where it was throttled and faster beyond. One cut is
//! made for all calls that were under way together.
//!
//! Who waits stands in a lane, first come first served; free turns go round the lanes by weight, so that a backlog
//! takes what is left over, and always something. While AWS answers nobody, what can be done later is sent away, but
//! for one call now and then that finds out when the outage is over.

use std::collections::VecDeque;
use std::time::Duration;

use crate::engine::lease::Lane;

/// The lanes, in the order of their declaration.
const LANES: [Lane; 4] = [Lane::Issue, Lane::Revoke, Lane::Bulk, Lane::Backlog];

/// The share of turns that each lane gets while all have somebody waiting.
const WEIGHTS: [f64; 4] = [4.0, 4.0, 2.0, 2.0];

/// Places to begin with, and at most.
const PLACES_FIRST: usize = 32;
const PLACES_MAX: usize = 256;

/// The first rate after a throttled call is not below this many calls per second, and none is ever below the other:
/// a few calls that happened to be few say little about what AWS allows.
const RATE_FIRST_MIN: f64 = 5.0;
const RATE_MIN: f64 = 0.5;

/// Of what AWS let through in the last second, and of the rate that it throttled.
const ACCEPTED_SHARE: f64 = 0.92;
const THROTTLED_SHARE: f64 = 0.7;

/// How soon after one cut another may follow: what was let through before it still counts against the limit.
const CUT_AGAIN: Duration = Duration::from_millis(200);

/// How much the rate grows in a second of use: below where it was last throttled, and beyond.
const GROWTH_NEAR: f64 = 0.01;
const GROWTH_BEYOND: f64 = 0.10;

/// How far beyond the last throttled rate slow growth goes.
const NEAR: f64 = 1.1;

/// How late a turn may be taken without its lateness being lost: what timers are coarse by.
const CATCH_UP: Duration = Duration::from_millis(20);

/// So many calls without an answer, one after the other, are an outage.
const SILENCES: u32 = 3;

/// How long after an unanswered call another one looks whether the outage is over: at first, and at most.
const PROBE_FIRST: Duration = Duration::from_secs(1);
const PROBE_MAX: Duration = Duration::from_secs(5);

/// How many answers of the last second are remembered.
const ACCEPTED_MAX: usize = 8192;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// AWS answered, whatever it said.
    Answered,
    /// AWS asked for fewer calls.
    Throttled,
    /// There was no answer, or one that AWS itself was not well.
    Silent,
    /// The call was not made.
    Unused,
}

/// The pace of one account; `W` is who waits.
#[derive(Debug)]
pub(super) struct Pace<W> {
    lanes: [VecDeque<W>; 4],
    /// How much each lane has had, over its weight.
    had: [f64; 4],
    places: usize,
    in_flight: usize,
    /// Those of them that can be made later.
    later_in_flight: usize,
    rate: Option<f64>,
    /// The rate that was last throttled.
    ceiling: f64,
    next: Duration,
    cut: Duration,
    grown: Duration,
    accepted: VecDeque<Duration>,
    silences: u32,
    probe_at: Duration,
    probing: bool,
}

/// What happens next to those who wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<W> {
    /// This one may go, from this lane.
    Go(Lane, W),
    /// Nobody may go before this time.
    Wait(Duration),
    /// Nobody waits, or nobody may go before a call has ended.
    Idle,
}

impl<W> Pace<W> {
    /// An account of which nothing is known.
    pub(super) fn new() -> Self {
        Self {
            lanes: std::array::from_fn(|_| VecDeque::new()),
            had: [0.0; 4],
            places: PLACES_FIRST,
            in_flight: 0,
            later_in_flight: 0,
            rate: None,
            ceiling: 0.0,
            next: Duration::ZERO,
            cut: Duration::ZERO,
            grown: Duration::ZERO,
            accepted: VecDeque::new(),
            silences: 0,
            probe_at: Duration::ZERO,
            probing: false,
        }
    }

    /// Somebody waits for a turn.
    pub(super) fn enter(&mut self, lane: Lane, who: W) {
        let lane = lane as usize;
        if self.lanes[lane].is_empty() {
            // Who had nothing for a while has not saved it up.
            let least = (0..4).filter(|&other| !self.lanes[other].is_empty()).map(|other| self.had[other]);
            let least = least.fold(f64::INFINITY, f64::min);
            if least.is_finite() {
                self.had[lane] = self.had[lane].max(least);
            }
        }
        self.lanes[lane].push_back(who);
    }

    /// Takes out who waits to do what can be done later.
    pub(super) fn send_away(&mut self) -> Vec<W> {
        let later = [Lane::Bulk, Lane::Backlog];
        later.into_iter().flat_map(|lane| std::mem::take(&mut self.lanes[lane as usize])).collect()
    }

    /// Whether AWS answers nobody.
    pub(super) fn is_out(&self) -> bool {
        self.silences >= SILENCES
    }

    /// How many leases are worth working on at once: few where calls are few, so that those that are begun end soon.
    pub(super) fn width(&self) -> usize {
        const SECONDS: f64 = 4.0;
        const WIDTH_OUT: usize = 2;
        match self.rate {
            _ if self.is_out() => WIDTH_OUT,
            // A small positive number.
            Some(rate) => ((rate * SECONDS) as usize).clamp(4, PLACES_MAX),
            None => self.places,
        }
    }

    /// The next one whose turn it is, if it is anybody's. Each turn given is ended by [`Pace::ended`].
    pub(super) fn next(&mut self, now: Duration) -> Next<W> {
        if self.in_flight >= self.places {
            return Next::Idle;
        }
        let out = self.is_out();
        let may_probe = out && !self.probing && now >= self.probe_at;
        // Some places are kept for what cannot be made later, should AWS leave the rest hanging.
        let full = self.later_in_flight >= (self.places * 3 / 4).max(1);
        let can_go = |lane: usize| lane < Lane::Bulk as usize || (!full && (!out || may_probe));
        let waiting = (0..4).filter(|&lane| !self.lanes[lane].is_empty());
        let (mut chosen, mut held_up) = (None::<usize>, false);
        for lane in waiting {
            if !can_go(lane) {
                held_up = true;
            } else if chosen.is_none_or(|best| self.had[lane] < self.had[best]) {
                chosen = Some(lane);
            }
        }
        let Some(lane) = chosen else {
            let probe = held_up && out && !self.probing && !full;
            return if probe { Next::Wait(self.probe_at) } else { Next::Idle };
        };
        if self.rate.is_some() && now < self.next {
            return Next::Wait(self.next);
        }
        let Some(who) = self.lanes[lane].pop_front() else { return Next::Idle };
        let later = lane >= Lane::Bulk as usize;
        self.probing |= may_probe && later;
        self.later_in_flight += usize::from(later);
        self.had[lane] += 1.0 / WEIGHTS[lane];
        self.in_flight += 1;
        if let Some(rate) = self.rate {
            let step = Duration::from_secs_f64(1.0 / rate);
            let late = CATCH_UP.max(step / 2);
            self.next = self.next.max(now.saturating_sub(late)) + step;
        }
        Next::Go(LANES[lane], who)
    }

    /// A call of a lane that began at `began` has ended now.
    pub(super) fn ended(&mut self, lane: Lane, began: Duration, now: Duration, how: Ended) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if matches!(lane, Lane::Bulk | Lane::Backlog) {
            self.later_in_flight = self.later_in_flight.saturating_sub(1);
        }
        match how {
            Ended::Unused => self.probing = false,
            Ended::Answered => {
                self.answer();
                self.accept(now);
                self.places = (self.places + 1).min(PLACES_MAX);
                self.grow(now);
            }
            Ended::Throttled => {
                self.answer();
                if began >= self.cut && now >= self.cut + CUT_AGAIN {
                    self.cut(now);
                }
            }
            Ended::Silent => {
                self.silences = self.silences.saturating_add(1);
                self.probing = false;
                if self.is_out() {
                    let doublings = (self.silences - SILENCES).min(8);
                    self.probe_at = now + (PROBE_FIRST * 2_u32.pow(doublings)).min(PROBE_MAX);
                    self.places = self.places.min(PLACES_FIRST);
                }
            }
        }
    }

    /// AWS is there.
    fn answer(&mut self) {
        self.silences = 0;
        self.probing = false;
    }

    fn accept(&mut self, now: Duration) {
        self.forget_before(now);
        if self.accepted.len() >= ACCEPTED_MAX {
            self.accepted.pop_front();
        }
        self.accepted.push_back(now);
    }

    fn forget_before(&mut self, now: Duration) {
        const WINDOW: Duration = Duration::from_secs(1);
        while self.accepted.front().is_some_and(|&at| at + WINDOW <= now) {
            self.accepted.pop_front();
        }
    }

    fn grow(&mut self, now: Duration) {
        let used = now.saturating_sub(self.grown).min(Duration::from_secs(1)).as_secs_f64();
        self.grown = now;
        if let Some(rate) = &mut self.rate {
            let growth = if *rate < self.ceiling * NEAR { GROWTH_NEAR } else { GROWTH_BEYOND };
            *rate *= 1.0 + growth * used;
        }
    }

    fn cut(&mut self, now: Duration) {
        self.forget_before(now);
        self.cut = now;
        self.grown = now;
        self.places = (self.places / 2).max(1);
        // A count, far below what a float holds exactly.
        let accepted = self.accepted.len() as f64 * ACCEPTED_SHARE;
        let (ceiling, rate) = match self.rate {
            None => (accepted, accepted.max(RATE_FIRST_MIN)),
            Some(rate) => (rate, accepted.min(rate * ACCEPTED_SHARE).max(rate * THROTTLED_SHARE)),
        };
        self.ceiling = ceiling;
        let rate = rate.max(RATE_MIN);
        self.rate = Some(rate);
        self.next = self.next.max(now + Duration::from_secs_f64(1.0 / rate));
    }
}

#[cfg(test)]
mod tests;
