//! `leasehold trail`.

mod follow;
mod join;
mod listen;
mod printer;
mod source;
mod verify;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) use self::follow::Tail;
pub(super) use self::join::filled;
pub(super) use self::listen::{Came, Listener};
pub(super) use self::source::Told;
use self::source::{Source, Trail};
use super::audit_files::unreadable;
use super::error::CliError;
use super::format::Format;
use super::forms;
use super::global::Global;
use super::output;
use crate::clock::Clock;
use crate::plan;
use crate::text::one_line;
use crate::trail::query::{Following, Issuance, issuances};
use crate::units::duration;

/// Arguments of `leasehold trail`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Subcommand>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    chosen: Chosen,
    /// Only credentials issued since then: a time (2026-11-23T20:00:00Z), a day (2026-11-23), or how long
    /// ago (90m, 24h, 7d)
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Print one JSON object per credential and line, as --format json does
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
    /// Print credentials as they are issued, renewed and revoked, also after the file was rotated
    Follow(FollowArgs),
    /// Check the trail's hash chain: any edited, removed or moved line is found
    Verify(verify::Args),
}

#[derive(Debug, clap::Args)]
struct FollowArgs {
    #[command(flatten)]
    source: Source,
    /// Take what audit devices of the type `socket` write, at HOST:PORT or unix:/PATH; it asks nobody who he is
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["file", "data_dir"])]
    listen: Option<String>,
    #[command(flatten)]
    chosen: Chosen,
    /// Begin with what happened since then, as `leasehold trail --since` takes it [default: now]
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Print one JSON object per line, as --format json does
    #[arg(long)]
    json: bool,
}

/// Runs the command and answers the exit code.
pub(crate) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    match args.action {
        Some(Subcommand::Verify(args)) => verify::run(args, global).await,
        Some(Subcommand::Follow(args)) => follow::run(args, global).await,
        None => show(args, global).await,
    }
}

async fn show(args: Args, global: &Global) -> Result<u8, CliError> {
    let now = Clock::system().now();
    global.no_field()?;
    let asked = global.format(forms::ANSWER)?;
    let format = if args.json { Format::Json } else { asked };
    let since = args.since.as_deref().map(|since| parse_since(since, now)).transpose()?;
    let (name, mut found) = match args.source.find(global).await? {
        Trail::File(path) => {
            let found = issuances(source::open(&path)?.0, now).map_err(|error| unreadable(&path, &error))?;
            (path.display().to_string(), found)
        }
        Trail::Engine(mut told) => {
            let name = told.name();
            let found = of_engine(&mut told).await;
            told.close().await;
            (name, found?.all(now))
        }
    };
    found
        .issued
        .retain(|issuance| args.chosen.has(issuance) && since.is_none_or(|since| is_since(&issuance.time, since)));
    join::fill(global, &mut found.issued).await;
    output::data(&match format {
        Format::Json => json_lines(&found.issued)?,
        Format::Yaml => yaml(&found.issued)?,
        _ => table(&found.issued),
    })?;
    if found.unreadable_lines == 0 {
        return Ok(0);
    }
    let name = output::printable(&name).into_owned();
    Err(CliError::new(1, format!("{} lines of {name} could not be read and were left out", found.unreadable_lines))
        .hint("`leasehold trail verify` says which, and what is wrong with them"))
}

/// All that an engine tells of credentials.
async fn of_engine(told: &mut Told) -> Result<Following, CliError> {
    let mut following = Following::default();
    loop {
        let part = told.next(true, false).await?;
        for line in &part.lines {
            following.line(line.as_bytes()).for_each(|_| ());
        }
        if !part.more {
            return Ok(following);
        }
    }
}

/// Which credentials are meant.
#[derive(Debug, clap::Args)]
struct Chosen {
    /// Only credentials of this app
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Only credentials of this role
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
}

impl Chosen {
    fn has(&self, issuance: &Issuance) -> bool {
        let credential = &issuance.credential;
        self.app.as_ref().is_none_or(|app| credential.app.as_ref() == Some(app))
            && self.role.as_ref().is_none_or(|role| credential.role == *role)
    }
}

/// Whether a line's time is so late. One that can't be read is shown rather than hidden.
fn is_since(time: &str, since: OffsetDateTime) -> bool {
    OffsetDateTime::parse(time, &Rfc3339).map_or(true, |time| time >= since)
}

fn json_lines(issued: &[Issuance]) -> Result<String, CliError> {
    let mut text = String::new();
    for issuance in issued {
        text += &json_line(issuance)?;
    }
    Ok(text)
}

fn json_line(issuance: &Issuance) -> Result<String, CliError> {
    let text = serde_json::to_string(issuance)
        .map_err(|error| CliError::new(1, format!("a credential could not be written as JSON: {error}")))?;
    Ok(text + "\n")
}

fn yaml(issued: &(impl serde::Serialize + ?Sized)) -> Result<String, CliError> {
    serde_yaml::to_string(issued)
        .map_err(|error| CliError::new(1, format!("credentials could not be written as YAML: {error}")))
}

/// What the columns of the table are.
const HEADER: [&str; 7] = ["TIME", "APP", "ROLE", "ACCESS KEY", "USER", "LEASE", "COMMIT"];

fn table(issued: &[Issuance]) -> String {
    let rows: Vec<[String; 7]> = std::iter::once(HEADER.map(str::to_owned)).chain(issued.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// What the table says of a credential.
fn row(issuance: &Issuance) -> [String; 7] {
    let credential = &issuance.credential;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    [
        to_the_second(&issuance.time),
        or_dash(&credential.app),
        credential.role.clone(),
        or_dash(&credential.access_key_id),
        match (credential.iam_user.as_str(), &credential.session) {
            ("", Some(session)) => session.clone(),
            ("", None) => "-".to_owned(),
            (user, _) => user.to_owned(),
        },
        issuance.state.word().to_owned(),
        credential.commit.as_deref().map_or_else(|| "-".to_owned(), plan::short),
    ]
    // The file may hold anything; a terminal should not be told what to do by it.
    .map(|cell| one_line(&cell).into_owned())
}

/// A time without its fraction; `--json` has it whole.
fn to_the_second(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

/// A time, a day, or how long before `now`.
fn parse_since(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, CliError> {
    let day = || format!("{text}T00:00:00Z");
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339).or_else(|_| OffsetDateTime::parse(&day(), &Rfc3339)) {
        return Ok(time);
    }
    let ago = || {
        let seconds = duration::parse(text).ok().filter(|seconds| *seconds >= 0 && !text.trim().is_empty())?;
        now.checked_sub(time::Duration::seconds(seconds))
    };
    ago().ok_or_else(|| {
        CliError::new(1, format!("--since {text:?} is neither a time nor a duration"))
            .hint("write a time (2026-11-23T20:00:00Z), a day (2026-11-23) or how long ago (90m, 24h, 7d)")
    })
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::macros::datetime;

    use super::{parse_since, table};
    use crate::trail::query::issuances;

    const NOW: OffsetDateTime = datetime!(2026-11-23 20:00 UTC);

    #[test]
    fn since_takes_times_days_and_durations() {
        for (text, expected) in [
            ("2026-11-23T19:00:00Z", Some(datetime!(2026-11-23 19:00 UTC))),
            ("2026-11-23", Some(datetime!(2026-11-23 0:00 UTC))),
            ("90m", Some(datetime!(2026-11-23 18:30 UTC))),
            ("2d", Some(datetime!(2026-11-21 20:00 UTC))),
            ("yesterday", None),
            ("-5h", None),
            ("é", None),
            ("", None),
            ("99999999999999d", None),
        ] {
            assert_eq!(parse_since(text, NOW).ok(), expected, "{text}");
        }
    }

    #[test]
    fn the_table_aligns_and_shows_no_control_characters() {
        let line = |app: &str, role: &str, commit: &str| {
            format!(
                r#"{{"time":"2026-11-23T19:00:00.123Z","type":"response","credential":{{{app}"role":"{role}","lease_id":"{role}","access_key_id":"AKIA1","iam_user":"vault-u","ttl":1,"expire_time":"2026-11-23T21:00:00Z"{commit}}}}}"#
            ) + "\n"
        };
        let trail = line("\"app\":\"webapp\",", "webapp", ",\"commit\":\"0123456789abcdef-dirty\"")
            + &line("", "red\\u001b[31m", "");
        let found = issuances(trail.as_bytes(), NOW).unwrap();
        insta::assert_snapshot!(table(&found.issued), @r"
        TIME                  APP     ROLE           ACCESS KEY  USER     LEASE   COMMIT
        2026-11-23T19:00:00Z  webapp  webapp         AKIA1       vault-u  active  0123456789ab-dirty
        2026-11-23T19:00:00Z  -       red\u{1b}[31m  AKIA1       vault-u  active  -
        ");
    }
}
