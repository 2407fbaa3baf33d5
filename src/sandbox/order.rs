//! An order for faults, as a client gives it under `/_sandbox/faults`: one fault, or limits on pages, calls and what is
//! seen, or a second account.
//!
//! An order is carried out whole or refused. One that is taken and does nothing, such as a fault of an action that does
//! not exist, would leave a test that proves nothing.

use std::time::Duration;

use super::action;
use super::fault::{Effect, Fault, Faults};

/// The body of an order.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    action: Option<String>,
    effect: Option<String>,
    after: Option<u64>,
    times: Option<u64>,
    delay_millis: Option<u64>,
    page_max: Option<usize>,
    visible_after_millis: Option<u64>,
    hidden_millis: Option<u64>,
    calls_per_second: Option<usize>,
    #[serde(default)]
    second_account: bool,
}

/// Carries out the order in a body.
///
/// # Errors
/// If it is not understood, in words; then nothing of it was carried out.
pub(super) fn carry_out(faults: &Faults, body: &[u8]) -> Result<(), String> {
    let order: Order = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let fault = order.fault()?;
    if order.page_max == Some(0) {
        return Err("page_max is at least 1: a list in pages of nothing has no end".to_owned());
    }
    if fault.is_none() && !order.has_limit() {
        return Err("nothing is ordered: give an action and an effect, or a limit".to_owned());
    }
    if let Some(items) = order.page_max {
        faults.limit_pages(items);
    }
    if let Some(millis) = order.visible_after_millis {
        faults.delay_visibility(Duration::from_millis(millis));
    }
    if let Some(millis) = order.hidden_millis {
        faults.hide_users(Duration::from_millis(millis));
    }
    if let Some(calls) = order.calls_per_second {
        faults.limit_calls(calls);
    }
    if order.second_account {
        faults.open_second_account();
    }
    if let Some(fault) = fault {
        faults.inject(fault);
    }
    Ok(())
}

impl Order {
    fn has_limit(&self) -> bool {
        self.page_max.is_some()
            || self.visible_after_millis.is_some()
            || self.hidden_millis.is_some()
            || self.calls_per_second.is_some()
            || self.second_account
    }

    /// The fault, if one is ordered.
    fn fault(&self) -> Result<Option<Fault>, String> {
        let (action, effect) = match (&self.action, &self.effect) {
            (Some(action), Some(effect)) => (action, effect),
            (None, None) if self.after.is_none() && self.times.is_none() && self.delay_millis.is_none() => {
                return Ok(None);
            }
            _ => return Err("a fault needs both an action and an effect".to_owned()),
        };
        if action != "*" && !["iam", "sts"].iter().any(|service| action::find(service, action).is_some()) {
            return Err(format!("the sandbox has no action {action:?}: no call would have the fault"));
        }
        if self.times == Some(0) {
            return Err("times is at least 1; without it the fault is there until it is ended".to_owned());
        }
        let effect = self.effect(effect)?;
        Ok(Some(Fault { action: action.clone(), effect, after: self.after.unwrap_or_default(), times: self.times }))
    }

    fn effect(&self, name: &str) -> Result<Effect, String> {
        let at_once = match name {
            "delay" | "late" => {
                let millis = self.delay_millis.ok_or_else(|| format!("{name:?} needs delay_millis"))?;
                let later = Duration::from_millis(millis);
                return Ok(if name == "late" { Effect::Late(later) } else { Effect::Delay(later) });
            }
            "throttle" => Effect::Throttle,
            "fail-before" => Effect::FailBefore,
            "fail-after" => Effect::FailAfter,
            "deny" => Effect::Deny,
            "drop-before" => Effect::DropBefore,
            "drop-after" => Effect::DropAfter,
            "hang" => Effect::Hang,
            "not-found" => Effect::NotFound,
            other => {
                return Err(format!(
                    "unknown effect {other:?}: one of throttle, fail-before, fail-after, deny, drop-before, drop-after, \
                     hang, delay, late, not-found"
                ));
            }
        };
        match self.delay_millis {
            Some(_) => Err(format!("delay_millis means nothing to {name:?}: it is for delay and late")),
            None => Ok(at_once),
        }
    }
}
