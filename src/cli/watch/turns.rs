//! Round after round, until somebody ends it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::round::{self, Control, Ended};
use super::settings::Settings;
use super::signals::{Signals, Told};
use super::unkept;
use crate::api::random_unit;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::plan::short;
use crate::watch::{Mode, Moment, Outcome, Pace, Round, State};

/// How soon it is seen that somebody suspends it or lets it go on.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// Findings that are told of one round.
const FINDINGS_TOLD_MAX: usize = 20;

/// What a shell answers for a process that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// What comes after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Round,
    End,
}

/// Makes rounds until it is told to end, or one.
pub(super) async fn run(settings: Settings) -> Result<u8, CliError> {
    let mut signals = Signals::listen()?;
    let name = settings.source.name();
    let mut state = settings.store.read_for(&settings.environment, &name).map_err(|error| unkept(&error))?;
    if !settings.once {
        begin(&settings, &name);
    }
    loop {
        if let Some(told) = suspended(&settings) {
            output::say(&format!("{told}: no round is made."));
            if settings.once || resumed(&settings, &mut signals).await == Next::End {
                return Ok(0);
            }
            output::say("No longer suspended.");
        }
        let (ended, is_last) = turn(&settings, &state, &mut signals).await?;
        let Ended { round, drift, exit_code } = ended;
        state = state.after(&round);
        let kept = settings.store.write(&state);
        tell(&round, &state, settings.once);
        if settings.once {
            if let Some(drift) = drift {
                output::data(&drift.page(output::colour(), false))?;
            }
            return kept.map(|()| exit_code).map_err(|error| unkept(&error));
        }
        drop(drift);
        if let Err(error) = kept {
            output::failure(&unkept(&error));
        }
        if is_last {
            return Ok(0);
        }
        let pause = Pace { interval: settings.interval }.pause(round.outcome, state.failures, random_unit());
        drop(round);
        if waited(&settings, pause, &mut signals).await == Next::End {
            return Ok(0);
        }
    }
}

fn begin(settings: &Settings, name: &str) {
    let doing = match settings.mode {
        Mode::Report => "Reporting on",
        Mode::Apply => "Applying to",
    };
    output::say(&format!(
        "{doing} environment {}, from {}, every {} s.",
        output::one_line(&settings.environment),
        output::one_line(name),
        settings.interval.as_secs()
    ));
}

/// That it is suspended, in words. What can't be understood of that is taken for it.
fn suspended(settings: &Settings) -> Option<String> {
    match settings.store.suspension() {
        Ok(suspension) => suspension.map(|suspension| output::one_line(&suspension.to_string()).into_owned()),
        Err(error) => Some(format!("taken for suspended, since {error}")),
    }
}

/// Makes a round. Whether it is the last one that somebody wants.
async fn turn(settings: &Settings, state: &State, signals: &mut Signals) -> Result<(Ended, bool), CliError> {
    let control = Control::default();
    let mut round = Box::pin(round::run(settings, state.standing.as_ref(), &control));
    let mut asked = 0;
    loop {
        let told = tokio::select! {
            ended = &mut round => return Ok((ended, asked > 0)),
            told = signals.told() => told,
        };
        if told == Told::Now {
            output::say("A round is being made.");
            continue;
        }
        asked += 1;
        let writes = control.writes.load(Ordering::Relaxed);
        match asked {
            1 => output::say("Ending after this round; once more stops it."),
            2 if writes => {
                control.stop.store(true, Ordering::Relaxed);
                output::say("Stopping after what is being written now; once more stops at once.");
            }
            _ if writes => {
                return Err(CliError::new(
                    INTERRUPTED,
                    "stopped at once: what was being written may or may not have arrived",
                )
                .hint("start it again: it finds out, and goes on from there"));
            }
            _ => return Err(CliError::new(INTERRUPTED, "stopped: nothing was written in this round")),
        }
    }
}

/// Says what a round came to.
fn tell(round: &Round, state: &State, once: bool) {
    let at = round.commit.as_deref().map(|commit| format!(" at {}", short(commit))).unwrap_or_default();
    let mut parts = Vec::new();
    if let Some(found) = &round.found {
        let [changed, not_ours, pending] = found.counts;
        for (count, words) in
            [(changed, "changed behind our back"), (pending, "not yet applied"), (not_ours, "not ours")]
        {
            if count > 0 {
                parts.push(format!("{count} {words}"));
            }
        }
    }
    for (count, word) in [(round.made.added, "added"), (round.made.changed, "changed"), (round.made.deleted, "deleted")]
    {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    output::say(&format!("{} {}{at} in {:.1} s{parts}", round.ended, round.outcome.word(), round.seconds));
    if let Some(why) = &round.why {
        why.lines().for_each(|line| output::say(&format!("  {}", output::printable(line))));
    }
    if once {
        return;
    }
    let new = |since: Moment| since >= round.began;
    let found = round.found.iter().flat_map(|found| &found.findings);
    for finding in found.filter(|finding| finding.calls && new(finding.since)).take(FINDINGS_TOLD_MAX) {
        output::say(&format!("  {}: {}", output::one_line(&finding.path), output::one_line(&finding.what)));
    }
    if round.outcome != Outcome::Failed || state.failures < 2 {
        return;
    }
    output::say(&format!("  {} rounds in a row have failed", state.failures));
}

/// Waits until it is time for the next round, or somebody says so.
async fn waited(settings: &Settings, pause: Duration, signals: &mut Signals) -> Next {
    let until = Instant::now() + pause;
    loop {
        let look = until.min(Instant::now() + LOOK_PAUSE);
        tokio::select! {
            told = signals.told() => match told {
                Told::End => return Next::End,
                Told::Now => return Next::Round,
            },
            () = tokio::time::sleep_until(look) => {
                // What suspends it is told where rounds begin.
                if Instant::now() >= until || suspended(settings).is_some() {
                    return Next::Round;
                }
            }
        }
    }
}

/// Waits until it is no longer suspended.
async fn resumed(settings: &Settings, signals: &mut Signals) -> Next {
    while suspended(settings).is_some() {
        tokio::select! {
            told = signals.told() => match told {
                Told::End => return Next::End,
                Told::Now => output::say("It is suspended: `leasehold watch resume` lets it go on."),
            },
            () = tokio::time::sleep(LOOK_PAUSE) => {}
        }
    }
    Next::Round
}
