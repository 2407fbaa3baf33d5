//! Vault's spelling of flags, `-format=json`, beside ours, `--format json`.
//!
//! Vault's command line comes from Go, where one dash and two are the same. Before clap sees the
//! arguments, a long flag with one dash gets its second one. What the long flags are, and which of them
//! take a value, is asked of clap's own description of the command, so there is no list to keep.
//! Everything else passes untouched: values, `-`, short flags, numbers, `k=v`, and what follows `--`.

use std::ffi::OsString;

use clap::Command;

/// Rewrites `argv`, program name first, for `command`.
pub(crate) fn expand(command: &mut Command, argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    // Without this, global flags are not yet known to the subcommands.
    command.build();
    let mut command: &Command = command;
    let mut expanded = Vec::new();
    let mut argv = argv.into_iter();
    expanded.extend(argv.next());
    while let Some(argument) = argv.next() {
        let Some(text) = argument.to_str() else {
            expanded.push(argument);
            continue;
        };
        if text == "--" {
            expanded.push(argument);
            expanded.extend(argv.by_ref());
            break;
        }
        match flag(command, text) {
            Flag::None => {
                if let Some(below) = command.find_subcommand(text) {
                    command = below;
                }
                expanded.push(argument);
            }
            Flag::Untouched => expanded.push(argument),
            Flag::Off => {}
            Flag::Is(text) => expanded.push(text.into()),
            Flag::TakesNext(text) => {
                expanded.push(text.into());
                expanded.extend(argv.next());
            }
        }
    }
    expanded
}

/// What an argument is to a command.
#[derive(Debug, PartialEq, Eq)]
enum Flag {
    /// Not a flag.
    None,
    /// A flag that clap shall judge as it stands.
    Untouched,
    /// A switch set to false, which is how it is without being named.
    Off,
    /// A whole flag, in clap's spelling.
    Is(String),
    /// A flag in clap's spelling whose value is the next argument.
    TakesNext(String),
}

fn flag(command: &Command, text: &str) -> Flag {
    let dashes = text.len() - text.trim_start_matches('-').len();
    let body = &text[dashes..];
    if dashes == 0 || body.is_empty() {
        return Flag::None;
    }
    if dashes > 2 || body.starts_with(|first: char| first.is_ascii_digit()) {
        return Flag::Untouched;
    }
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    match long(command, name) {
        Some(takes) => spelled(name, value, takes),
        None if dashes == 2 => Flag::Untouched,
        None => short(command, text, body),
    }
}

/// Whether the command has this long flag, and if so, whether it takes a value.
fn long(command: &Command, name: &str) -> Option<Value> {
    let known = |arg: &&clap::Arg| {
        arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
    };
    command.get_arguments().find(known).map(|arg| match arg.get_num_args() {
        _ if !arg.get_action().takes_values() => Value::Never,
        Some(number) if number.min_values() == 0 => Value::Perhaps,
        _ => Value::Always,
    })
}

/// Whether a flag has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Never,
    /// Only behind an equals sign.
    Perhaps,
    Always,
}

fn spelled(name: &str, value: Option<&str>, takes: Value) -> Flag {
    match (takes, value) {
        (Value::Always | Value::Perhaps, Some(value)) => Flag::Is(format!("--{name}={value}")),
        (Value::Always, None) => Flag::TakesNext(format!("--{name}")),
        (Value::Never | Value::Perhaps, None) => Flag::Is(format!("--{name}")),
        // Go's switches may be given a truth value (Go, package flag, "Command line flag syntax").
        (Value::Never, Some("1" | "t" | "T" | "true" | "TRUE" | "True")) => Flag::Is(format!("--{name}")),
        (Value::Never, Some("0" | "f" | "F" | "false" | "FALSE" | "False")) => Flag::Off,
        (Value::Never, Some(_)) => Flag::Untouched,
    }
}

/// A single dash, and no long flag of that name: short flags if they can be, else a long flag that clap
/// shall reject with a suggestion. A value may be attached to the first letter only, lest a misspelt
/// `-feild` be read as `-f -e ild`.
fn short(command: &Command, text: &str, body: &str) -> Flag {
    let takes_value = |letter: char| match command.get_arguments().find(|arg| arg.get_short() == Some(letter)) {
        Some(arg) => Some(arg.get_action().takes_values()),
        None => matches!(letter, 'h' | 'V').then_some(false),
    };
    match body.chars().next().map(takes_value) {
        Some(Some(true)) if body.chars().count() == 1 => Flag::TakesNext(text.to_owned()),
        Some(Some(true)) => Flag::Untouched,
        _ if body.chars().count() == 1 || body.chars().all(|letter| takes_value(letter) == Some(false)) => {
            Flag::Untouched
        }
        _ => Flag::Is(format!("-{text}")),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command};

    use super::expand;

    fn command() -> Command {
        let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        Command::new("leasehold")
            .arg(Arg::new("format").long("format").global(true))
            .arg(Arg::new("env").long("env").short('e').global(true))
            .arg(switch("no-color").global(true))
            .subcommand(
                Command::new("write")
                    .arg(switch("force").short('f'))
                    .arg(Arg::new("field").long("field"))
                    .arg(Arg::new("path"))
                    .arg(Arg::new("data").num_args(0..)),
            )
            .subcommand(
                Command::new("lease")
                    .subcommand(Command::new("revoke").arg(switch("prefix")).arg(switch("sync")).arg(Arg::new("id"))),
            )
            .subcommand(Command::new("server").arg(switch("dev").alias("development")))
    }

    #[track_caller]
    fn check(given: &str, expected: &str) {
        let argv = std::iter::once("leasehold").chain(given.split(' ')).map(Into::into);
        let expanded = expand(&mut command(), argv);
        let expanded: Vec<_> = expanded[1..].iter().map(|argument| argument.to_str().unwrap()).collect();
        assert_eq!(expanded.join(" "), expected, "given {given}");
    }

    #[test]
    fn one_dash_becomes_two_where_the_command_has_the_flag() {
        check("write -format=json a", "write --format=json a");
        check("write -format json a", "write --format json a");
        check("-format=json write a", "--format=json write a");
        check("write a -field=x", "write a --field=x");
        check("lease revoke -prefix aws/creds", "lease revoke --prefix aws/creds");
        check("server -dev", "server --dev");
        check("server -development", "server --development");
        check("write --format=json -no-color a", "write --format=json --no-color a");
    }

    #[test]
    fn what_is_not_a_long_flag_stays() {
        for given in [
            "write a -",
            "write -f a",
            "write a k=-",
            "write a k=v=w",
            "write a -1",
            "write a -3.5",
            "write -e local a",
            "write -elocal a",
            "write -e=local a",
            "write -h",
            "write a ---x",
            "write -x a",
        ] {
            check(given, given);
        }
    }

    #[test]
    fn values_are_never_taken_for_flags() {
        check("write -field -force a", "write --field -force a");
        check("write -e -force a", "write -e -force a");
        check("write -- -format=json", "write -- -format=json");
        check("write -field -- -force", "write --field -- --force");
    }

    #[test]
    fn a_flag_belongs_to_its_command() {
        check("lease revoke -force x", "lease revoke --force x");
        check("server -prefix", "server --prefix");
        check("write revoke -sync", "write revoke --sync");
    }

    #[test]
    fn switches_may_have_a_truth_value() {
        check("lease revoke -sync=true x", "lease revoke --sync x");
        check("lease revoke --sync=1 x", "lease revoke --sync x");
        check("lease revoke -sync=false x", "lease revoke x");
        check("lease revoke -sync=maybe x", "lease revoke -sync=maybe x");
    }

    #[test]
    fn a_misspelt_flag_is_left_to_clap_in_its_long_form() {
        check("write -frmat=json a", "write --frmat=json a");
        check("write -feild=x a", "write --feild=x a");
    }

    #[test]
    #[cfg(unix)]
    fn arguments_that_are_not_text_pass() {
        use std::os::unix::ffi::OsStringExt;
        let odd = std::ffi::OsString::from_vec(vec![b'-', 0xff]);
        let argv = ["leasehold".into(), "write".into(), odd.clone()];
        assert_eq!(expand(&mut command(), argv)[2], odd);
    }
}
