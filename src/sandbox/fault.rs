//! Faults to order, and the record of what was asked: what tests and benchmarks judge an engine by.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::Refusal;
use super::state::no_such_user;

/// How many calls the log keeps; older ones are forgotten.
pub const CALLS_KEPT_MAX: usize = 100_000;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The action it happens to, such as `CreateUser`; `*` is any.
    pub action: String,
    /// What happens.
    pub effect: Effect,
    /// How many calls of that action pass first.
    pub after: u64,
    /// How many times it happens; `None` is until [`Faults::clear`].
    pub times: Option<u64>,
}

impl Fault {
    /// A fault that happens once, to the next call of `action`.
    pub fn once(action: &str, effect: Effect) -> Self {
        Self { action: action.to_owned(), effect, after: 0, times: Some(1) }
    }

    /// A fault that happens to every call of `action`.
    pub fn always(action: &str, effect: Effect) -> Self {
        Self { times: None, ..Self::once(action, effect) }
    }

    /// The same fault, after `calls` calls of the action have passed.
    #[must_use]
    pub fn after(self, calls: u64) -> Self {
        Self { after: calls, ..self }
    }
}

/// What a [`Fault`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// 400 `Throttling`, without effect.
    Throttle,
    /// 500 `ServiceFailure`, without effect.
    FailBefore,
    /// 500 `ServiceFailure`, but the action has happened.
    FailAfter,
    /// 403 `AccessDenied`.
    Deny,
    /// The connection ends without an answer, without effect.
    DropBefore,
    /// The connection ends without an answer, but the action has happened.
    DropAfter,
    /// There is never an answer, and no effect.
    Hang,
    /// The answer comes this much later, by the account's clock.
    Delay(Duration),
    /// The connection ends without an answer, and the action happens this much later, by the account's clock.
    Late(Duration),
    /// 404 `NoSuchEntity` for the user of the call, without effect: it can't be seen yet.
    NotFound,
}

/// One call, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Counts from 1 over the life of the process.
    pub number: u64,
    /// Unix time in milliseconds, by the account's clock.
    pub unix_millis: i64,
    /// `iam` or `sts`.
    pub service: String,
    /// The action.
    pub action: String,
    /// The parameters but passwords, `Action` and `Version` included.
    pub params: Vec<(String, String)>,
    /// Who signed; empty when nobody did.
    pub access_key_id: String,
    /// `ok`, or AWS's error code.
    pub outcome: String,
    /// Whether the answer was sent. A dropped answer may have had its effect: see `outcome`.
    pub answered: bool,
}

impl Call {
    /// A parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// The faults of one account and its call log.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Rules>,
    calls: Mutex<VecDeque<Call>>,
    number: AtomicU64,
}

#[derive(Debug, Default)]
struct Rules {
    faults: Vec<Fault>,
    page_max: Option<usize>,
    visible_after: Duration,
    hidden_for: Duration,
    /// How many calls a second are let through, and when the last of them were, in Unix milliseconds.
    calls_per_second: Option<usize>,
    let_through: VecDeque<i64>,
    second_account: bool,
}

impl Faults {
    /// Adds a fault. When several fit a call, the one that was added first happens.
    pub fn inject(&self, fault: Fault) {
        self.rules().faults.push(fault);
    }

    /// Makes lists come in pages of at most `items`, whatever is asked.
    pub fn limit_pages(&self, items: usize) {
        self.rules().page_max = Some(items);
    }

    /// Hides new users from reads and deletions, and refuses new access keys, until they are this old.
    pub fn delay_visibility(&self, age: Duration) {
        self.rules().visible_after = age;
    }

    /// Hides new users from every call, also from those that change them, until they are this old.
    pub fn hide_users(&self, age: Duration) {
        self.rules().hidden_for = age;
    }

    /// Throttles what goes beyond so many calls in any second of the account's clock. What is throttled does not
    /// count.
    pub fn limit_calls(&self, per_second: usize) {
        self.rules().calls_per_second = Some(per_second);
    }

    /// Opens a second account of its own users behind the same endpoint, [`super::SECOND_ACCOUNT_ID`], which
    /// [`super::SECOND_ROOT_ACCESS_KEY`] leads to.
    pub fn open_second_account(&self) {
        self.rules().second_account = true;
    }

    /// Ends all faults, limits and delays, and closes the second account. The call log stays.
    pub fn clear(&self) {
        *self.rules() = Rules::default();
    }

    /// The last [`CALLS_KEPT_MAX`] calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.log().iter().cloned().collect()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.log().clear();
    }

    /// What happens to a call of `action` at `now` (Unix milliseconds), if anything.
    pub(super) fn take(&self, action: &str, now: i64) -> Option<Effect> {
        let mut rules = self.rules();
        if rules.is_over_limit(now) {
            return Some(Effect::Throttle);
        }
        let at = rules.faults.iter_mut().position(|fault| {
            let fits = fault.action == "*" || fault.action == action;
            if fits && fault.after > 0 {
                fault.after -= 1;
                return false;
            }
            fits
        })?;
        let fault = &mut rules.faults[at];
        let effect = fault.effect.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                rules.faults.remove(at);
            }
        }
        Some(effect)
    }

    /// The largest page.
    pub(super) fn page_max(&self) -> usize {
        self.rules().page_max.unwrap_or(usize::MAX)
    }

    /// How old an entity must be to be seen.
    pub(super) fn visible_after(&self) -> Duration {
        self.rules().visible_after
    }

    /// How old a user must be for any call to find it.
    pub(super) fn hidden_for(&self) -> Duration {
        self.rules().hidden_for
    }

    /// Whether there is a second account.
    pub(super) fn has_second_account(&self) -> bool {
        self.rules().second_account
    }

    /// Logs a call; its number is filled in.
    pub(super) fn log_call(&self, call: Call) {
        let mut log = self.log();
        if log.len() >= CALLS_KEPT_MAX {
            log.pop_front();
        }
        let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
        log.push_back(Call { number, ..call });
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, VecDeque<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    /// Whether a call at `now` is one too many; if not, it counts.
    fn is_over_limit(&mut self, now: i64) -> bool {
        let Some(limit) = self.calls_per_second else { return false };
        while self.let_through.front().is_some_and(|&at| at <= now - 1000) {
            self.let_through.pop_front();
        }
        let over = self.let_through.len() >= limit;
        if !over {
            self.let_through.push_back(now);
        }
        over
    }
}

impl Effect {
    /// Whether the action happens before the call ends.
    pub(super) fn happens(&self) -> bool {
        match self {
            Self::FailAfter | Self::DropAfter | Self::Delay(_) => true,
            Self::Throttle | Self::FailBefore | Self::Deny | Self::DropBefore | Self::Hang => false,
            Self::Late(_) | Self::NotFound => false,
        }
    }

    /// Whether an answer is sent.
    pub(super) fn is_answered(&self) -> bool {
        !matches!(self, Self::DropBefore | Self::DropAfter | Self::Hang | Self::Late(_))
    }

    /// The refusal that an effect answers a call about `user` with, if it does.
    pub(super) fn refusal(&self, action: &str, user: &str) -> Option<Refusal> {
        match self {
            Self::NotFound => Some(no_such_user(user)),
            Self::Throttle => Some(Refusal::throttled()),
            Self::FailBefore | Self::FailAfter => Some(Refusal::injected(500, "ServiceFailure", "injected failure")),
            Self::Deny => Some(Refusal::denied(format!("injected: not authorized to perform: iam:{action}"))),
            Self::DropBefore | Self::DropAfter | Self::Hang | Self::Delay(_) | Self::Late(_) => None,
        }
    }
}
