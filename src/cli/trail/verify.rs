//! `leasehold trail verify`: the hash chain of a file, or of what an engine tells.

use serde_json::json;

use super::source::{self, Source, Told, Trail};
use crate::cli::audit_files::unreadable;
use crate::cli::error::CliError;
use crate::cli::format::Format;
use crate::cli::forms;
use crate::cli::global::Global;
use crate::cli::output;
use crate::text::count;
use crate::trail::chain::{self, Checking, Head, Report};

/// Arguments of `leasehold trail verify`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    source: Source,
    /// A head that an earlier check printed; fails unless that line is still there, so that a cut end is
    /// found too
    #[arg(long, value_name = "NUMBER:HASH", value_parser = parse_head)]
    head: Option<Head>,
}

/// Runs the command and answers the exit code.
pub(super) async fn run(args: Args, global: &Global) -> Result<u8, CliError> {
    global.no_field()?;
    let format = global.format(forms::TABLE)?;
    let mut files_before = 0;
    let (name, report) = match args.source.find(global).await? {
        Trail::File(path) => {
            let (lines, before) = source::open(&path)?;
            let report = chain::verify(lines, args.head.as_ref());
            files_before = before;
            (path.display().to_string(), report.map_err(|error| unreadable(&path, &error))?)
        }
        Trail::Engine(mut told) => {
            let name = told.name();
            let report = of_engine(&mut told, args.head).await;
            told.close().await;
            (name, report?)
        }
    };
    let name = output::printable(&name).into_owned();
    if report.fault_count > 0 {
        return Err(CliError::new(1, faults(&name, &report)));
    }
    output::data(&match format {
        Format::Json => {
            let Report { lines, first_seq, first_prev, head, .. } = &report;
            format!(
                "{:#}\n",
                json!({ "trail": name, "files_before": files_before, "lines": lines, "first": first_seq, "goes_on_from": first_prev, "head": head })
            )
        }
        _ => text(&name, files_before, &report),
    })?;
    Ok(0)
}

/// Checks all lines that an engine tells. Its own word for the last one is held against them: who answers for a trail that
/// was cut would have to say so.
async fn of_engine(told: &mut Told, noted: Option<Head>) -> Result<Report, CliError> {
    let mut checking = Checking::new(noted);
    loop {
        let part = told.next(false, false).await?;
        part.lines.iter().for_each(|line| checking.line(line.as_bytes()));
        if !part.more {
            let report = checking.report();
            let last = report.head.as_ref().map_or(0, |head| head.seq);
            return match report.fault_count == 0 && part.head.seq != last {
                true => Err(CliError::new(
                    1,
                    format!(
                        "{} says that line {} is its last, and told lines up to {last}",
                        told.name(),
                        part.head.seq
                    ),
                )),
                false => Ok(report),
            };
        }
    }
}

fn faults(name: &str, report: &Report) -> String {
    let mut message = format!("the trail {name} does not hold: {} faults", report.fault_count);
    for fault in &report.faults {
        message += &format!("\n  line {}: {}", fault.line, fault.what);
    }
    let left_out = report.fault_count - report.faults.len() as u64;
    if left_out > 0 {
        message += &format!("\n  and {left_out} more");
    }
    message
}

fn text(name: &str, files_before: usize, report: &Report) -> String {
    let before = match files_before {
        0 => String::new(),
        _ => format!(" with {} before it", count(files_before, "file")),
    };
    let mut text = format!("{name}{before}: {} lines, unbroken\n", report.lines);
    if let (Some(seq @ 2..), Some(prev)) = (report.first_seq, &report.first_prev) {
        text += &format!("goes on from line {} with hash {prev} of the file before\n", seq - 1);
    }
    if let Some(head) = &report.head {
        text += &format!("head {}:{}\n", head.seq, head.hash);
    }
    text
}

fn parse_head(text: &str) -> Result<Head, String> {
    let (seq, hash) = text.split_once(':').ok_or("expected NUMBER:HASH, as `trail verify` prints it")?;
    let seq = seq.parse().map_err(|_| format!("{seq:?} is not a line number"))?;
    if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("the hash is not 64 hexadecimal digits".to_owned());
    }
    Ok(Head { seq, hash: hash.to_ascii_lowercase() })
}

#[cfg(test)]
mod tests {
    use super::parse_head;

    #[test]
    fn heads_are_a_number_and_a_hash() {
        assert_eq!(parse_head(&format!("7:{}", "aB".repeat(32))).unwrap().seq, 7);
        for text in ["7", "x:00", "7:00", &format!("7:{}", "x".repeat(64))] {
            assert!(parse_head(text).is_err(), "{text}");
        }
    }
}
