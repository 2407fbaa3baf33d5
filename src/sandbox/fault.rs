//! Faults to order, and the record of what was asked: what tests and benchmarks judge an engine by.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::Refusal;

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

    /// Ends all faults, limits and delays. The call log stays.
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

    /// What happens to a call of `action`, if anything.
    pub(super) fn take(&self, action: &str) -> Option<Effect> {
        let mut rules = self.rules();
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

impl Effect {
    /// The refusal that an effect answers with, if it does.
    pub(super) fn refusal(&self, action: &str) -> Option<Refusal> {
        match self {
            Self::Throttle => Some(Refusal::throttled()),
            Self::FailBefore | Self::FailAfter => Some(Refusal::injected(500, "ServiceFailure", "injected failure")),
            Self::Deny => Some(Refusal::denied(format!("injected: not authorized to perform: iam:{action}"))),
            Self::DropBefore | Self::DropAfter | Self::Hang | Self::Delay(_) => None,
        }
    }
}
