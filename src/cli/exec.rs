//! `leasehold exec`: a command that has an app's credential while it runs.
//!
//! The credential is the command's own: made for it, in its environment and nowhere else, renewed while it runs where the
//! engine does that, and ended with it, together with the token that it was asked for with. Between these moments nothing
//! is held open, so that an embedded engine is free for others. Should this process be killed, lease and token end by
//! themselves.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use futures_util::future::select_all;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Heard, SignalKind, signal};

use super::app::{AppArgs, Asked};
use super::context::Context;
use super::error::CliError;
use super::global::{self, Global};
use super::output;
use crate::keeper::{Held, Renewal};

/// Arguments of `leasehold exec`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  leasehold exec webapp -- aws s3 ls\n  leasehold exec webapp --login approle -- ./server     on a host without the estate\n\nThe exit code is the command's own, 128 and the signal's number if one ended it, 127 if there is no such\ncommand. The command does not see the variables that leasehold takes secrets of its own from (LEASEHOLD_TOKEN,\nBAO_TOKEN, VAULT_TOKEN, LEASEHOLD_SECRET_ID, LEASEHOLD_PASSWORD, LEASEHOLD_JWT) unless --pass names\nthem, nor AWS_PROFILE and what else would lead its SDK to another credential."
)]
pub(crate) struct Args {
    #[command(flatten)]
    app: AppArgs,
    /// Leave the command this variable, though leasehold takes a secret of its own from it; may be repeated
    #[arg(long, value_name = "VARIABLE", value_parser = global::secret_variables().collect::<Vec<_>>())]
    pass: Vec<String>,
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
    (SignalKind::window_change(), Signal::WINCH),
];

/// Variables of AWS that the command does not inherit: they would lead its SDK to another credential than the one it was
/// given.
const OF_AWS: &[&str] =
    &["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_form()?;
    let wanted = args.app.wanted(&Context::open(global)?)?;
    let source = Asked { wanted, global: global.clone() };
    let mut held = Held::ask(&source).await?;
    let outcome = match Signals::listen() {
        Ok(signals) => attend(&args, signals, &mut held, &source).await,
        Err(error) => Err(error),
    };
    // Whatever became of the command, its credential ends now.
    if let Err(trouble) = held.end(&source).await {
        let error = CliError::from(trouble);
        let lease = held.issued.credential.lease_id();
        let error = match held.issued.credential.is_leased() {
            true => error.hint(format!("the credential ends with its lease; or leasehold lease revoke {lease}")),
            false => error.hint("the token ends by itself; the key of a static role ends with neither"),
        };
        output::failure(&error);
    }
    outcome
}

/// Starts the command, and sees to it until it has ended.
async fn attend(args: &Args, mut signals: Signals, held: &mut Held, source: &Asked) -> Result<u8, CliError> {
    let mut child = start(args, held)?;
    let mut failing = false;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let ended = ended.map_err(|error| CliError::new(1, format!("the command could not be waited for: {error}")))?;
                return Ok(code(ended));
            }
            signal = signals.next() => pass_on(&child, signal),
            () = due(held) => {
                let mut renewal = std::pin::pin!(renew(held, source, &mut failing));
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

fn start(args: &Args, held: &Held) -> Result<Child, CliError> {
    let [program, arguments @ ..] = &args.command[..] else { return Err(CliError::new(1, "no command is named")) };
    let mut command = Command::new(program);
    command.args(arguments);
    // What leasehold takes as a secret of its own would tell the command more than it needs.
    let ours = global::secret_variables().filter(|name| !args.pass.iter().any(|passed| passed == name));
    for name in ours.chain(OF_AWS.iter().copied()) {
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

/// Passes a signal on, unless the command has had it: a terminal sends what its keys stand for, and that its size is another, to
/// all that runs in the foreground.
fn pass_on(child: &Child, signal: Signal) {
    let of_terminal = [Signal::INT, Signal::QUIT, Signal::WINCH].contains(&signal);
    let in_foreground = || rustix::termios::tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == getpgrp());
    if of_terminal && in_foreground() {
        return;
    }
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended just now.
        let _ = kill_process(pid, signal);
    }
}

/// Asks for more time, and tells where there is none.
async fn renew(held: &mut Held, source: &Asked, failing: &mut bool) {
    match held.renew(source).await {
        Renewal::Longer => *failing = false,
        Renewal::Last(left) => {
            let seconds = left.as_secs();
            output::say(&format!("warning: the command's credential ends in {seconds} s; it can't be renewed further"));
        }
        Renewal::Refused(error) => {
            output::say("warning: the command's credential can't be renewed:");
            output::failure(&error.into());
        }
        Renewal::Failed(error) if !std::mem::replace(failing, true) => {
            output::say("warning: the command's credential could not be renewed yet:");
            output::failure(&error.into());
        }
        Renewal::Failed(_) => {}
    }
}

/// Waits until it is time to renew.
async fn due(held: &Held) {
    match held.renewed_at() {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
