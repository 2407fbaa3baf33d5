//! The changes that AWS made to its managed policies, compared: what patterns prove is proved, and what is shown is so.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use leasehold::iam::compare::{Difference, Proof, compare};
use leasehold::iam::json;
use leasehold::iam::policy::{Policy, PolicySet};
use leasehold::iam::reading::{Doubt, Reading};
use serde_json::Value;

use crate::python;

/// Up to so many characters nothing that patterns prove may be left open. IAM takes 6,144 of a customer.
const LENGTH_MAX: &str = "12000";

/// Every so many pairs, for a build without optimisation. `cargo bench --bench versions` compares all.
const STEP: usize = 4;

type Sets = Vec<PolicySet<()>>;

fn sets(document: &Value) -> Sets {
    let json = json::parse(document.as_str().expect("a text")).expect("JSON");
    vec![PolicySet::identity(vec![Arc::new(Policy::of_checked(&json).map_spans(|_, _| ()))])]
}

/// How many differences one direction has, and how many of them can't be told.
#[derive(Default)]
struct Count {
    shown: usize,
    untold: usize,
}

impl Count {
    /// Every witness must flip: in one reading allowed `here` for sure, and for sure not `there`.
    fn of(found: &[Difference<'_, ()>], here: &Sets, there: &Sets) -> Result<Self, String> {
        let mut count = Self::default();
        let allows = |sets: &Sets, request, reading| sets.iter().any(|set| set.allows(request, reading));
        for one in found {
            match &one.proof {
                Proof::Witness(request) => {
                    count.shown += 1;
                    let flips = Reading::all().into_iter().any(|reading| {
                        allows(here, request, reading.doubting(Doubt::Withholds))
                            && !allows(there, request, reading.doubting(Doubt::Grants))
                    });
                    if !flips {
                        return Err(format!("no difference: {request:?}"));
                    }
                }
                Proof::CannotTell(_) => count.untold += 1,
            }
        }
        Ok(count)
    }
}

/// What one pair came to, or what is wrong with it.
fn judged(pair: &Value, total: &mut [Count; 2]) -> Result<bool, String> {
    let (old, new) = (sets(&pair["old"]), sets(&pair["new"]));
    let found = compare(&old, &new);
    let counts = [Count::of(&found.gains, &new, &old)?, Count::of(&found.losses, &old, &new)?];
    let mut untold = false;
    for ((count, total), (key, word)) in counts.iter().zip(total).zip([("narrower", "gained"), ("wider", "lost")]) {
        if pair[key] == Value::Bool(true) && count.shown + count.untold > 0 {
            let (shown, open) = (count.shown, count.untold);
            return Err(format!("patterns prove that nothing is {word}: {shown} shown, {open} can't be told"));
        }
        total.shown += usize::from(count.shown > 0);
        total.untold += usize::from(count.untold > 0);
        untold |= count.untold > 0;
    }
    Ok(untold)
}

#[test]
fn what_patterns_prove_of_awss_own_changes_is_proved() {
    let archive = python::managed_versions();
    let pairs = python::script("versions.py", &[archive.as_os_str(), LENGTH_MAX.as_ref()]);
    assert!(pairs.len() > 3_000, "{} pairs", pairs.len());
    let proved = |key: &str| pairs.iter().filter(|pair| pair[key] == Value::Bool(true)).count();
    assert!(proved("narrower") > 150 && proved("wider") > 2_500, "{} and {}", proved("narrower"), proved("wider"));
    let (mut wrong, mut total, mut untold) = (String::new(), [Count::default(), Count::default()], 0);
    let mut worst = (Duration::ZERO, "");
    for pair in pairs.iter().step_by(STEP) {
        let name = pair["name"].as_str().expect("a name");
        let started = Instant::now();
        match judged(pair, &mut total) {
            Ok(open) => untold += usize::from(open),
            Err(what) => drop(writeln!(wrong, "{name}: {what}")),
        }
        worst = worst.max((started.elapsed(), name));
    }
    let [gains, losses] = total;
    let printed = writeln!(
        std::io::stdout(),
        "{} of {} pairs: {} gain, {} lose, {untold} can't be told ({} gains, {} losses), worst {:?} ({})",
        pairs.len().div_ceil(STEP),
        pairs.len(),
        gains.shown,
        losses.shown,
        gains.untold,
        losses.untold,
        worst.0,
        worst.1
    );
    assert!(printed.is_ok());
    assert!(wrong.is_empty(), "{wrong}");
}
