//! Round after round, until somebody ends it.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::credentials::Running;
use super::receiver::deliver;
use super::round::{self, Control, Ended};
use super::settings::Settings;
use super::signals::{Signals, Told};
use super::unkept;
use crate::api::random_unit;
use crate::cli::error::{CliError, INTERRUPTED};
use crate::cli::output;
use crate::clock::Clock;
use crate::plan::short;
use crate::watch::{Memory, Mode, Moment, Outcome, Pace, Round, Shown, serve, told};

/// How soon it is seen that somebody suspends it or lets it go on.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// Findings that are told of one round.
const FINDINGS_TOLD_MAX: usize = 20;

/// What comes after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Round,
    End,
}

/// A loop that runs.
struct Turns {
    settings: Settings,
    signals: Signals,
    state: Memory,
    started: Moment,
    /// Why the state could not be kept.
    unkept: Option<String>,
    undelivered: u64,
    /// The log of credentials.
    log: Option<Running>,
    /// What others are shown.
    shown: watch::Sender<Option<Shown>>,
}

/// Makes rounds until it is told to end, or one.
pub(super) async fn run(settings: Settings) -> Result<u8, CliError> {
    let signals = Signals::listen()?;
    let name = settings.source.name();
    let state = settings.store.read_for(&settings.environment, &name).map_err(|error| unkept(&error))?;
    let (shown, seen) = watch::channel(None);
    let served = served(&settings, seen).await?;
    if !settings.once {
        begin(&settings, &name);
    }
    let started = Moment::of(Clock::system().now());
    let (log, writing) = match settings.log.clone() {
        Some((path, from)) => {
            let (log, writing) = Running::start(path, from, settings.near(), settings.store.directory()).await?;
            (Some(log), Some(writing))
        }
        None => (None, None),
    };
    let mut turns = Turns { settings, signals, state, started, unkept: None, undelivered: 0, log, shown };
    let outcome = match writing {
        None => Box::pin(turns.run()).await,
        Some(mut writing) => {
            let outcome = tokio::select! {
                outcome = Box::pin(turns.run()) => outcome,
                // It ends when it is stopped, and that is below.
                () = &mut writing => Ok(0),
            };
            if let Some(log) = turns.log.take() {
                log.end(writing).await;
            }
            outcome
        }
    };
    if let Some(served) = served {
        served.abort();
    }
    outcome
}

/// Serves what others are shown, where that is said.
async fn served(
    settings: &Settings,
    seen: watch::Receiver<Option<Shown>>,
) -> Result<Option<JoinHandle<Infallible>>, CliError> {
    let Some(address) = &settings.listen else { return Ok(None) };
    let failed = |error: std::io::Error| CliError::new(1, format!("cannot listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    output::say(&format!("Serving http://{local}/, /metrics and /healthz."));
    Ok(Some(tokio::spawn(serve(listener, seen, Clock::system()))))
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

impl Turns {
    async fn run(&mut self) -> Result<u8, CliError> {
        loop {
            self.publish();
            if let Some(told) = suspended(&self.settings) {
                output::say(&format!("{told}: no round is made."));
                if self.settings.once || self.resumed().await == Next::End {
                    return Ok(0);
                }
                output::say("No longer suspended.");
                self.publish();
            }
            let (ended, is_last) = self.turn().await?;
            let Ended { round, drift, exit_code } = ended;
            self.state = self.state.clone().after(&round);
            tell(&round, &self.state, self.settings.once);
            // Before it is kept and told, so that who reads it there or is told finds it here.
            self.publish();
            self.keep();
            self.deliver(&round).await;
            if self.settings.once {
                if let Some(drift) = drift {
                    output::data(&drift.page(output::colour(), false))?;
                }
                return match self.unkept.take() {
                    Some(why) => Err(CliError::new(1, why)),
                    None => Ok(exit_code),
                };
            }
            drop(drift);
            if is_last {
                return Ok(0);
            }
            let pace = Pace { interval: self.settings.interval };
            let pause = pace.pause(round.outcome, self.state.failures, random_unit());
            drop(round);
            if self.waited(pause).await == Next::End {
                return Ok(0);
            }
        }
    }

    /// Keeps what is known. A loop that can't goes on, and says so to all who look.
    fn keep(&mut self) {
        self.unkept = self.settings.store.write(&self.state).err().map(|error| {
            output::failure(&unkept(&error));
            error.to_string()
        });
        if self.unkept.is_some() {
            self.publish();
        }
    }

    /// Why credentials are not logged.
    fn unlogged(&self) -> Option<String> {
        let why = self.log.as_ref()?.trouble.borrow().clone()?;
        Some(format!("credentials are not logged: {why}"))
    }

    fn publish(&self) {
        self.shown.send_replace(Some(Shown {
            state: self.state.clone(),
            mode: self.settings.mode,
            interval: self.settings.interval,
            started: self.started,
            suspended: suspended(&self.settings),
            unkept: self.unkept.clone().or_else(|| self.unlogged()),
            undelivered: self.undelivered,
        }));
    }

    /// Publishes that credentials are logged again, or not any more.
    fn published(&mut self) {
        if let Some(log) = &mut self.log {
            log.trouble.mark_unchanged();
        }
        self.publish();
    }

    /// Whoever says that a round is to be made may have moved the log of credentials away.
    fn reopen(&self) {
        if let Some(log) = &self.log {
            log.reopen();
        }
    }

    /// Tells news. What was taken is kept after that: one who is killed in between tells it twice rather than never.
    async fn deliver(&mut self, round: &Round) {
        let before = self.state.told.clone();
        self.undelivered += deliver(&self.settings.receivers, &mut self.state, round).await;
        if self.state.told != before {
            self.keep();
        }
    }

    /// Makes a round. Whether it is the last one that somebody wants.
    async fn turn(&mut self) -> Result<(Ended, bool), CliError> {
        let control = Control::default();
        let known = self.state.standing.as_ref().map_or(&[][..], |standing| &standing.findings);
        let mut round = Box::pin(round::run(&self.settings, known, &control));
        let mut asked = 0;
        loop {
            let told = tokio::select! {
                ended = &mut round => return Ok((ended, asked > 0)),
                told = self.signals.told() => told,
            };
            if told == Told::Now {
                if let Some(log) = &self.log {
                    log.reopen();
                }
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
                    let what = "stopped at once: what was being written may or may not have arrived";
                    return Err(
                        CliError::new(INTERRUPTED, what).hint("start it again: it finds out, and goes on from there")
                    );
                }
                _ => return Err(CliError::new(INTERRUPTED, "stopped: nothing was written in this round")),
            }
        }
    }

    /// Waits until it is time for the next round, or somebody says so.
    async fn waited(&mut self, pause: Duration) -> Next {
        let until = Instant::now() + pause;
        loop {
            let look = until.min(Instant::now() + LOOK_PAUSE);
            tokio::select! {
                told = self.signals.told() => match told {
                    Told::End => return Next::End,
                    Told::Now => {
                        self.reopen();
                        return Next::Round;
                    }
                },
                () = tokio::time::sleep_until(look) => {
                    if self.log.as_ref().is_some_and(|log| log.trouble.has_changed().unwrap_or(false)) {
                        self.published();
                    }
                    // What suspends it is told where rounds begin.
                    if Instant::now() >= until || suspended(&self.settings).is_some() {
                        return Next::Round;
                    }
                }
            }
        }
    }

    /// Waits until it is no longer suspended.
    async fn resumed(&mut self) -> Next {
        while suspended(&self.settings).is_some() {
            tokio::select! {
                told = self.signals.told() => match told {
                    Told::End => return Next::End,
                    Told::Now => {
                        self.reopen();
                        output::say("It is suspended: `leasehold watch resume` lets it go on.");
                    }
                },
                () = tokio::time::sleep(LOOK_PAUSE) => {}
            }
        }
        Next::Round
    }
}

/// That it is suspended, in words. What can't be understood of that is taken for it.
fn suspended(settings: &Settings) -> Option<String> {
    match settings.store.suspension() {
        Ok(suspension) => suspension.map(|suspension| output::one_line(&suspension.to_string()).into_owned()),
        Err(error) => Some(format!("taken for suspended, since {error}")),
    }
}

/// Says what a round came to.
fn tell(round: &Round, state: &Memory, once: bool) {
    let at = round.commit.as_deref().map(|commit| format!(" at {}", short(commit))).unwrap_or_default();
    let parts = told(round.found.as_ref().map_or([0; 3], |found| found.counts), round.made);
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
    if round.outcome == Outcome::Failed && state.failures > 1 {
        output::say(&format!("  {} rounds in a row have failed", state.failures));
    }
}
