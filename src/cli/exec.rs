//! `leasehold exec`: a command that has an app's credential while it runs.
//!
//! The credential is the command's own: made for it, in its environment and nowhere else, renewed while it runs where the
//! engine does that, and ended with it, together with the token that it was asked for with. Between these moments nothing
//! is held open, so that an embedded engine is free for others. Should this process be killed, lease and token end by
//! themselves.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use futures_util::future::select_all;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use serde_json::{Map, json};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Heard, SignalKind, signal};
use tokio::time::Instant;

use super::app::{AppArgs, Issued, Wanted};
use super::context::Context;
use super::error::CliError;
use super::global::Global;
use super::output;
use super::request::body;
use crate::api::{self, Client};

/// Arguments of `leasehold exec`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold exec webapp -- aws s3 ls\n  leasehold exec webapp --login approle -- ./server     on a host without the estate\n\nThe exit code is the command's own, 128 and the signal's number if one ended it, 127 if there is no such\ncommand. The command does not see LEASEHOLD_SECRET_ID, LEASEHOLD_PASSWORD, LEASEHOLD_TOKEN and AWS_PROFILE."
)]
pub(crate) struct Args {
    #[command(flatten)]
    app: AppArgs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What is passed on to the command: what asks a process to do or to stop something.
const PASSED_ON: &[(SignalKind, Signal)] = &[
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::interrupt(), Signal::INT),
    (SignalKind::quit(), Signal::QUIT),
    (SignalKind::terminate(), Signal::TERM),
    (SignalKind::user_defined1(), Signal::USR1),
    (SignalKind::user_defined2(), Signal::USR2),
];

/// Variables of ours and of AWS that the command does not inherit: they would tell it more than it needs, or lead its SDK to
/// another credential than the one it was given.
const TAKEN_OUT: &[&str] = &[
    "LEASEHOLD_SECRET_ID",
    "LEASEHOLD_PASSWORD",
    "LEASEHOLD_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
];

/// The shortest time between two tries to renew.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest time until a renewal that failed is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    let context = Context::open(global)?;
    let asked = ask(&args, &context).await;
    context.close().await;
    let (wanted, issued) = asked?;
    let mut held = Held::new(wanted, issued);
    let outcome = match Signals::listen() {
        Ok(signals) => attend(&args.command, signals, &mut held, global).await,
        Err(error) => Err(error),
    };
    // Whatever became of the command, its credential ends now.
    if let Err(error) = held.end(global).await {
        output::failure(&error);
    }
    outcome
}

async fn ask(args: &Args, context: &Context) -> Result<(Wanted, Issued), CliError> {
    let wanted = args.app.wanted(context)?;
    let client = wanted.client(context).await?;
    let issued = wanted.issue(&client, context).await?;
    Ok((wanted, issued))
}

/// Starts the command, and sees to it until it has ended.
async fn attend(command: &[OsString], mut signals: Signals, held: &mut Held, global: &Global) -> Result<u8, CliError> {
    let mut child = start(command, held)?;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let ended = ended.map_err(|error| CliError::new(1, format!("the command could not be waited for: {error}")))?;
                return Ok(code(ended));
            }
            signal = signals.next() => pass_on(&child, signal),
            () = held.due() => {
                let mut renewal = std::pin::pin!(held.renew(global));
                // The engine may take its time, and whoever asks the command to stop shall not wait for it.
                loop {
                    tokio::select! {
                        () = &mut renewal => break,
                        signal = signals.next() => pass_on(&child, signal),
                    }
                }
            }
        }
    }
}

fn start(command: &[OsString], held: &Held) -> Result<Child, CliError> {
    let [program, arguments @ ..] = command else { return Err(CliError::new(1, "no command is named")) };
    let mut command = Command::new(program);
    command.args(arguments);
    for name in TAKEN_OUT {
        command.env_remove(name);
    }
    for (name, value) in held.issued.credential.variables() {
        command.env(name, value.expose());
    }
    command.spawn().map_err(|error| {
        let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
        CliError::new(code, format!("{} could not be run: {error}", program.display()))
    })
}

fn code(ended: ExitStatus) -> u8 {
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

/// What is heard in the place of the command.
struct Signals(Vec<(Heard, Signal)>);

impl Signals {
    fn listen() -> Result<Self, CliError> {
        let heard = PASSED_ON.iter().map(|(kind, which)| Ok((signal(*kind)?, *which)));
        let heard: std::io::Result<Vec<_>> = heard.collect();
        heard.map(Self).map_err(|error| CliError::new(1, format!("cannot listen for signals: {error}")))
    }

    async fn next(&mut self) -> Signal {
        let next = self.0.iter_mut().map(|(heard, which)| {
            Box::pin(async move {
                heard.recv().await;
                *which
            })
        });
        select_all(next).await.0
    }
}

/// Passes a signal on, unless the command has had it: a terminal sends what its keys stand for to all that runs in the
/// foreground.
fn pass_on(child: &Child, signal: Signal) {
    let of_keys = signal == Signal::INT || signal == Signal::QUIT;
    let in_foreground = || rustix::termios::tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == getpgrp());
    if of_keys && in_foreground() {
        return;
    }
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended just now.
        let _ = kill_process(pid, signal);
    }
}

/// A credential that a command has, and until when.
struct Held {
    wanted: Wanted,
    issued: Issued,
    /// When lease or token end, whichever is first.
    ends: Instant,
    /// When it is renewed; `None` where that is not possible any more.
    renewed_at: Option<Instant>,
    /// Whether the last try failed.
    failing: bool,
}

impl Held {
    fn new(wanted: Wanted, issued: Issued) -> Self {
        let now = Instant::now();
        let ends = now + left(issued.credential.lease_seconds(), issued.token_ttl);
        let renewable = issued.credential.is_renewable();
        let mut held = Self { wanted, issued, ends, renewed_at: None, failing: false };
        held.renewed_at = renewable.then(|| held.after_two_thirds(now));
        held
    }

    fn after_two_thirds(&self, now: Instant) -> Instant {
        now + (self.ends.saturating_duration_since(now) * 2 / 3).max(PAUSE_MIN)
    }

    /// Waits until it is time to renew.
    async fn due(&self) {
        match self.renewed_at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Asks for more time for token and lease.
    async fn renew(&mut self, global: &Global) {
        let asked = Instant::now();
        let given = with_token(global, self, async |client, held| {
            let token_ttl = match held.issued.token_ttl {
                0 => 0,
                _ => {
                    let renewed = client.write("auth/token/renew-self", &Map::new()).await?;
                    renewed.auth.unwrap_or_default().get("lease_duration").and_then(|ttl| ttl.as_i64()).unwrap_or(0)
                }
            };
            let lease = body(json!({ "lease_id": held.issued.credential.lease_id() }));
            let renewed = client.write("sys/leases/renew", &lease).await?;
            Ok(left(renewed.lease_duration, token_ttl))
        });
        match given.await {
            Ok(given) => {
                let before = std::mem::replace(&mut self.ends, asked + given);
                self.failing = false;
                self.renewed_at = (self.ends > before + PAUSE_MIN).then(|| self.after_two_thirds(asked));
                if self.renewed_at.is_none() {
                    let seconds = self.ends.saturating_duration_since(asked).as_secs();
                    output::say(&format!(
                        "warning: the command's credential ends in {seconds} s; it can't be renewed further"
                    ));
                }
            }
            Err(error) => {
                let now = Instant::now();
                if !std::mem::replace(&mut self.failing, true) {
                    output::say("warning: the command's credential could not be renewed yet:");
                    output::failure(&error);
                }
                let pause = (self.ends.saturating_duration_since(now) / 10).clamp(PAUSE_MIN, PAUSE_MAX);
                self.renewed_at = (now < self.ends).then(|| now + pause);
            }
        }
    }

    /// Ends the token, and the lease with it.
    async fn end(&self, global: &Global) -> Result<(), CliError> {
        let lease = self.issued.credential.lease_id();
        let ended = with_token(global, self, async |client, _| {
            match client.write("auth/token/revoke-self", &Map::new()).await {
                // It has ended by itself, and all that was asked for with it.
                Err(error) if error.denial() == Some(api::Denial::Ended) => Ok(()),
                answered => answered.map(drop),
            }
        });
        ended.await.map_err(|error| {
            let what =
                format!("the command's credential could not be ended; it ends with its lease: {}", error.message);
            CliError { message: what, ..error }.hint(format!("leasehold lease revoke {lease}"))
        })
    }
}

/// How long lease and token are there; a token of 0 seconds has no end.
fn left(lease: i64, token: i64) -> Duration {
    let seconds = if token > 0 { lease.min(token) } else { lease };
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// Does something with the app's token, and closes what was opened for it.
async fn with_token<T>(
    global: &Global,
    held: &Held,
    work: impl AsyncFnOnce(Client, &Held) -> Result<T, api::Error>,
) -> Result<T, CliError> {
    let context = Context::open(global)?;
    let outcome = match held.wanted.client(&context).await {
        Ok(client) => {
            let client = client.with_token(held.issued.token.clone());
            work(client, held).await.map_err(|error| CliError::api("Error at the engine", &error))
        }
        Err(error) => Err(error),
    };
    context.close().await;
    outcome
}
