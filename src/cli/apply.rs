//! `leasehold apply`.

mod progress;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use self::progress::{Events, Progress};
use super::app::RunArgs;
use super::context::{Context, Proposed, Warnings, Workplace, owner_of};
use super::error::{CliError, INTERRUPTED};
use super::format::Format;
use super::forms;
use super::global::Global;
use super::lock::{self, LockArgs, Locking};
use super::selection::{SelectionArgs, is_no_pattern};
use super::{output, saved};
use crate::api::Client;
use crate::apply::{self, Event, Options, Report, Step};
use crate::clock::Clock;
use crate::ledger::lock::Lock;
use crate::plan::saved::Opened;
use crate::plan::{Adopt, Asked, Change, EVERYTHING, Plan, escape};
use crate::proposal::{Proposal, Purpose, Word};
use crate::text::count;

/// Arguments of `leasehold apply`.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "\
A saved plan asks nothing. It is applied with the files that it was made from, in the current directory or the one that
-C names, and says itself what it may do.

Ctrl-C once finishes what is being written and stops there; apply again to go on.

One apply at a time: a second one of the same estate is refused, and told who is at it, or waits (--lock-timeout).

Exit codes: 0 done, 1 an error or not everything was done, 3 the plan is refused, \
4 something changed since the plan was made and was left alone, or another apply is at it.")]
pub(crate) struct Args {
    /// The estate's directory [default: the current one], or a plan that `leasehold plan --out` saved, which is applied as
    /// it is
    #[arg(value_name = "DIR|FILE")]
    target: Option<PathBuf>,
    /// Apply without asking
    #[arg(long)]
    auto_approve: bool,
    /// Apply files of a commit that came before one that was applied
    #[arg(long)]
    allow_older: bool,
    /// Apply the plan that has this digest, as `leasehold plan` printed it, and no other; nobody is asked
    #[arg(long, value_name = "DIGEST")]
    expect: Option<String>,
    /// Show all of a plan of more than 30 changes, and what becomes of each
    #[arg(long)]
    verbose: bool,
    /// Tell what happens as events, a line of JSON each, as --format json does; nobody is asked then
    #[arg(long)]
    json: bool,
    /// Take warnings about the files for errors
    #[arg(long)]
    strict: bool,
    /// Take over declared objects that exist and that no estate has, and make them as declared; root keys stay as the
    /// engine has them, and count as meant. With `--adopt=PATTERN` only those whose paths are like it; may be repeated
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, require_equals = true, default_missing_value = EVERYTHING)]
    adopt: Vec<String>,
    /// Take over declared objects of this owner, as `leasehold ledger list` names it; may be repeated
    #[arg(long, value_name = "OWNER")]
    adopt_from: Vec<String>,
    /// Lead a mount to another AWS account, though leases of it are out
    #[arg(long)]
    allow_account_change: bool,
    /// Delete at most so many objects: fewer than the environment's `max_deletes`, or any number where it sets none
    #[arg(long, value_name = "N")]
    max_deletes: Option<u32>,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    login: RunArgs,
    #[command(flatten)]
    lock: LockArgs,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let is_asked = args.json || global.format(forms::TABLE)? == Format::Json;
    let args = Args { json: is_asked, ..args };
    if let Some(expected) = &args.expect
        && (expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(CliError::new(1, format!("--expect takes a digest, and `{}` is none", escape(expected)))
            .hint("`leasehold plan` prints it: 64 hexadecimal digits"));
    }
    is_no_pattern(args.target.as_deref(), &args.adopt)?;
    let context = Context::open(global)?.telling(Warnings::of(args.strict)).logging_in(args.login.way()?);
    let (context, outcome) = match args.target.clone() {
        Some(file) if !file.is_dir() && file.exists() => {
            let opened = saved::read(&file)?;
            let context = context.in_environment(&opened.plan.environment);
            let outcome = carry_out(&context, &args, Source::Saved(&opened)).await;
            (context, outcome)
        }
        dir => {
            let context = context.at(dir);
            let outcome = carry_out(&context, &args, Source::Files).await;
            (context, outcome)
        }
    };
    let clock = context.clock().clone();
    context.close().await;
    if let Some(events) = args.events(&clock) {
        match &outcome {
            Ok(Ended { exit_code, report }) => {
                events.tell(&Event::End { exit_code: *exit_code, report: report.as_ref() });
            }
            Err(error) => events.failed(error),
        }
    }
    let exit_code = outcome?.exit_code;
    match Events::were_lost() {
        true => {
            Err(CliError::new(1, "not all events could be written to stdout: what was done is in `leasehold history`"))
        }
        false => Ok(exit_code),
    }
}

/// How an apply ended.
struct Ended {
    exit_code: u8,
    /// What became of the plan, where something was begun.
    report: Option<Report>,
}

impl Ended {
    /// Before anything was begun.
    fn early(exit_code: u8) -> Self {
        Self { exit_code, report: None }
    }
}

/// What `leasehold drift --repair` says of how it is done.
pub(crate) struct Repairing {
    pub(crate) auto_approve: bool,
    pub(crate) allow_account_change: bool,
    pub(crate) verbose: bool,
    pub(crate) lock: LockArgs,
}

/// Puts back what was changed behind our back, as an apply of what was applied last.
pub(crate) async fn repair(context: &Context, said: Repairing) -> Result<u8, CliError> {
    let Repairing { auto_approve, allow_account_change, verbose, lock } = said;
    let args = Args { auto_approve, allow_account_change, verbose, lock, ..Args::default() };
    carry_out(context, &args, Source::Applied).await.map(|ended| ended.exit_code)
}

/// Where a plan comes from.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// The estate's files.
    Files,
    /// What was applied last.
    Applied,
    /// A file that holds just that plan.
    Saved(&'a Opened),
}

impl Source<'_> {
    /// What the lock says of it.
    fn operation(self) -> &'static str {
        match self {
            Self::Applied => "repair",
            Self::Files | Self::Saved(_) => "apply",
        }
    }

    /// What to do when it was stopped in the middle.
    fn hint(self) -> &'static str {
        match self {
            Self::Saved(_) => "make a new plan: it finds out, and holds what is left",
            Self::Files => "apply again: it finds out, and goes on from there",
            Self::Applied => "say it again: it finds out, and goes on from there",
        }
    }
}

/// Carries out a plan that nobody else changes meanwhile, and gives the lock back, whatever the outcome.
async fn carry_out(context: &Context, args: &Args, source: Source<'_>) -> Result<Ended, CliError> {
    if let Source::Saved(opened) = source {
        is_told_alone(args, opened)?;
        context.is_for(opened)?;
    }
    let workplace = context.workplace().await?;
    let environment = &workplace.estate.environment;
    let owner = owner_of(environment);
    let locking = Locking::new(context, &workplace.client, owner, source.operation(), &args.lock)?;
    let mut lock = None;
    let outcome = Box::pin(carry_out_alone(context, args, source, workplace, &locking, &mut lock)).await;
    if let Some(lock) = lock {
        lock::free(lock).await;
    }
    outcome
}

/// The same. The lock is taken once there is something to write: what is refused or is not approved keeps nobody waiting.
/// Who had it since this plan was begun may have done something else: then it is planned anew, under the lock.
async fn carry_out_alone(
    context: &Context,
    args: &Args,
    source: Source<'_>,
    mut workplace: Workplace,
    locking: &Locking<'_>,
    lock: &mut Option<Lock>,
) -> Result<Ended, CliError> {
    let mut seen = locking.wait().await?;
    let mut approved: Option<String> = None;
    let asked = args.selection.asked();
    loop {
        let mut proposed = match source {
            Source::Applied => {
                let proposed = context.repair(workplace, args.allow_account_change).await?;
                let left = proposed.proposal.plan.put_back.iter().flat_map(|put_back| &put_back.left);
                left.for_each(|(path, why)| output::say(&format!("Not put back: {}: {why}.", escape(path))));
                proposed
            }
            Source::Files => context.propose(workplace, args.word(&asked), Purpose::Apply).await?,
            Source::Saved(opened) => Box::pin(context.reopen(workplace, opened)).await.inspect_err(|error| {
                if let Some(events) = args.events(context.clock()).filter(|_| error.exit_code == 4) {
                    events.tell(&Event::Unfit(&opened.plan.plan));
                }
            })?,
        };
        let digest = proposed.proposal.plan.digest();
        if approved.as_deref() != Some(&digest)
            && let Some(code) = approve(context, args, source, &proposed.proposal)?
        {
            return Ok(Ended::early(code));
        }
        let (plan, desired, ledger) = proposed.proposal.parts();
        if lock.is_none() && apply::has_work(plan, desired, ledger) {
            *lock = locking.take(ledger, seen.take()).await?;
            if lock.is_none() {
                output::say("Somebody else has applied since this was begun: planning anew.");
                *lock = Some(locking.take_when_free(ledger).await?);
                approved = Some(digest);
                workplace = context.workplace().await?;
                continue;
            }
        }
        return finish(context, args, source, &mut proposed, lock.as_ref()).await;
    }
}

/// Refuses flags that are for making a plan, where it is made, and another plan than is expected.
fn is_told_alone(args: &Args, opened: &Opened) -> Result<(), CliError> {
    let saved = &opened.plan;
    let said = [
        ("--adopt", !args.adopt.is_empty()),
        ("--adopt-from", !args.adopt_from.is_empty()),
        ("--allow-account-change", args.allow_account_change),
        ("--allow-older", args.allow_older),
        ("--max-deletes", args.max_deletes.is_some()),
    ];
    if let Some((flag, _)) = said.into_iter().chain(args.selection.said()).find(|(_, is_said)| *is_said) {
        return Err(CliError::new(1, format!("{flag} is for making a plan, and this one is made"))
            .hint("give it to `leasehold plan --out`: what is approved with a plan holds for it"));
    }
    if args.expect.as_ref().is_some_and(|expected| !expected.eq_ignore_ascii_case(&saved.digest)) {
        return Err(CliError::new(4, format!("this is not the plan that is expected: its digest is {}", saved.digest))
            .hint("name the file of the plan that was approved"));
    }
    Ok(())
}

impl Args {
    /// Of an apply that takes these objects over, and does nothing else.
    pub(crate) fn adopting(
        paths: Vec<String>,
        auto_approve: bool,
        verbose: bool,
        login: RunArgs,
        lock: LockArgs,
    ) -> Self {
        Self {
            target: None,
            auto_approve,
            allow_older: false,
            expect: None,
            verbose,
            json: false,
            strict: false,
            adopt: paths.clone(),
            adopt_from: Vec::new(),
            allow_account_change: false,
            max_deletes: None,
            login,
            selection: SelectionArgs::of(paths),
            lock,
        }
    }

    /// Who is told of events.
    fn events<'a>(&self, clock: &'a Clock) -> Option<Events<'a>> {
        self.json.then_some(Events(clock))
    }

    /// What was said that the plan may do.
    fn word<'a>(&'a self, asked: &'a Asked) -> Word<'a> {
        Word {
            adopt: Adopt::like(&self.adopt),
            adopt_from: &self.adopt_from,
            account_change: self.allow_account_change,
            older: self.allow_older,
            max_deletes: self.max_deletes,
            asked,
        }
    }
}

/// Shows a plan and has it approved. An exit code is the end of it: it is refused, or there is nothing to do.
fn approve(context: &Context, args: &Args, source: Source<'_>, proposal: &Proposal) -> Result<Option<u8>, CliError> {
    let plan = &proposal.plan;
    let events = args.events(context.clock());
    if let Some(events) = events {
        events.tell(&Event::Plan(plan));
    }
    let line = |text: &str| if events.is_some() { Ok(()) } else { output::line(text) };
    match source {
        Source::Saved(opened) => {
            output::say(&format!("Applying {}.", opened.plan.title()));
            refused(plan);
            if opened.plan.objects.is_empty() {
                line("The plan is empty: there is nothing to apply.")?;
                tell_left(plan);
                return Ok(Some(plan.exit_code()));
            }
        }
        Source::Applied if plan.is_empty() && plan.configured.is_empty() => {
            line("Nothing is to be put back.")?;
            return Ok(Some(plan.exit_code_without_changes()));
        }
        Source::Files | Source::Applied => match args.expect.as_deref().filter(|_| !plan.is_empty()) {
            Some(expected) => expect(plan, expected)?,
            None if events.is_some() => {}
            None => output::data(&plan.page(output::colour(), args.verbose))?,
        },
    }
    if !plan.refusals.is_empty() {
        return Ok(Some(plan.exit_code()));
    }
    let missing: Vec<&str> = proposal.missing_to_write().map(|missing| missing.problem.as_str()).collect();
    if !missing.is_empty() {
        return Err(CliError::new(1, format!("secrets are missing\n{}", missing.join("\n"))));
    }
    let is_said = matches!(source, Source::Saved(_)) || args.auto_approve || args.expect.is_some();
    if !is_said && !plan.is_empty() {
        if events.is_some() {
            return Err(CliError::new(1, "nothing was applied: nobody is asked in JSON")
                .hint("apply a saved plan, or say --expect DIGEST or --auto-approve")
                .hint(
                    "to be asked, --format table: JSON was said by --json, --format or a variable such as VAULT_FORMAT",
                ));
        }
        confirm(plan)?;
    }
    Ok(None)
}

/// Carries out a plan that was approved.
async fn finish(
    context: &Context,
    args: &Args,
    source: Source<'_>,
    proposed: &mut Proposed,
    lock: Option<&Lock>,
) -> Result<Ended, CliError> {
    let Proposed { proposal, client, .. } = proposed;
    let plan = &proposal.plan;
    let stop = AtomicBool::new(false);
    let progress = Progress::new(args.events(context.clock()), plan.changes.len(), args.verbose || !plan.is_long());
    tokio::select! {
        outcome = Box::pin(run_to_the_end(context, client, proposal, lock, &stop, &progress)) => outcome,
        () = interrupted(&stop, &progress) => {
            progress.finish();
            Err(CliError::new(INTERRUPTED, "stopped at once: what was being written may or may not have arrived")
                .hint(source.hint()))
        }
    }
}

/// Tells what a saved plan left to the server's configuration.
fn tell_left(plan: &Plan) {
    let (objects, was) = (count(plan.left_there, "object"), if plan.left_there == 1 { "was" } else { "were" });
    if plan.left_there > 0 {
        output::say(&format!("{objects} {was} to be written in the server's configuration when the plan was made."));
    }
}

/// Refuses another plan than the one that was reviewed.
fn expect(plan: &Plan, expected: &str) -> Result<(), CliError> {
    let digest = plan.digest();
    if digest.eq_ignore_ascii_case(expected) {
        // It was shown where it was reviewed. What refuses it was not.
        refused(plan);
        return Ok(());
    }
    let what = format!("this is not the plan that is expected: its digest is {digest}");
    let hint = if plan.review_digest.as_deref().is_some_and(|review| review.eq_ignore_ascii_case(expected)) {
        "that is the digest of its review; --expect takes the one in the plan's last lines"
    } else {
        "files or engine have changed since the other was made: look at a new plan"
    };
    Err(CliError::new(4, what).hint(hint))
}

/// Tells why a plan is refused, where it is.
fn refused(plan: &Plan) {
    plan.refusals.iter().for_each(|refusal| output::say(&format!("Refused: {}", escape(&refusal.to_string()))));
}

fn confirm(plan: &Plan) -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        let then = if plan.put_back.is_some() { "say it again" } else { "apply it" };
        return Err(CliError::new(1, "nothing was applied: there is no terminal to ask on")
            .hint(format!("look at the plan, then {then} with --auto-approve")));
    }
    output::ask(&format!("\nApply this to environment {}? Only `yes` applies it: ", escape(&plan.environment)));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    match (read, answer.trim()) {
        (Ok(_), "yes") => Ok(()),
        _ => Err(CliError::new(1, "nothing was applied: the answer was not `yes`")),
    }
}

/// Carries the plan out, tells what became of it, and only then writes that into the ledger: a ledger that can't be
/// written must not hide what was done.
async fn run_to_the_end(
    context: &Context,
    client: &Client,
    proposal: &mut Proposal,
    lock: Option<&Lock>,
    stop: &AtomicBool,
    progress: &Progress<'_>,
) -> Result<Ended, CliError> {
    let (plan, desired, ledger) = proposal.parts();
    let show = |change: &Change, step: &Step<'_>| progress.goes_on(change, step);
    let options = Options { clock: context.clock(), stop, lock, progress: &show };
    let applied = apply::run(client, plan, desired, ledger, &options).await;
    progress.finish();
    let applied = applied.map_err(|error| context.unproposed(error.into()))?;
    let problems = applied.report.problems(desired);
    if !problems.is_empty() {
        output::say(problems.trim_end());
    }
    if !matches!(progress, Progress::Events(_)) {
        output::line(&applied.report.summary())?;
    }
    if let Some(words) = plan.left_out_words() {
        output::say(&words);
    }
    plan.configured_words().iter().for_each(|words| output::say(words));
    tell_left(plan);
    let ended = Ended { exit_code: applied.report.exit_code(), report: Some(applied.report.clone()) };
    context.recorded(applied.record(client, ledger, context.clock()).await)?;
    Ok(ended)
}

/// Asks the apply to stop at the first signal, and returns at the second.
async fn interrupted(stop: &AtomicBool, progress: &Progress<'_>) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Signals then do what they do by default.
        return std::future::pending().await;
    };
    for first in [true, false] {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if first {
            stop.store(true, Ordering::Relaxed);
            progress.say("Stopping after what is being written now; once more stops at once.");
        }
    }
}
