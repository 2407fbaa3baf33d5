//! Which forms each command prints in: what it checks --format against, and what its help says of it. The first is that
//! of who asks for none.

use clap::{Command, ValueEnum as _};

use super::format::Format;

/// Of commands that print an engine's answer.
pub(crate) const ANSWER: &[Format] = &[Format::Table, Format::Json, Format::Yaml];
/// Of commands that print for people, and JSON for programs.
pub(crate) const TABLE: &[Format] = &[Format::Table, Format::Json];
/// Of `plan`.
pub(crate) const PLAN: &[Format] = &[Format::Table, Format::Json, Format::Markdown, Format::Junit, Format::Html];
/// As of tables, of those whose words for people are no table.
pub(crate) const TEXT: &[Format] = &[Format::Text, Format::Json];
/// Of `access`.
pub(crate) const ACCESS: &[Format] = &[Format::Text, Format::Table, Format::Json];
/// Of `drift`.
pub(crate) const DRIFT: &[Format] =
    &[Format::Text, Format::Json, Format::Markdown, Format::Sarif, Format::Junit, Format::Html];
/// Of `review`.
pub(crate) const REVIEW: &[Format] = &[Format::Text, Format::Json, Format::Markdown, Format::Sarif, Format::Html];
/// Of `graph`.
pub(crate) const GRAPH: &[Format] = &[Format::Dot, Format::Mermaid, Format::Svg];
/// Of `creds`.
pub(crate) const CREDS: &[Format] = &[Format::Table, Format::Json, Format::Yaml, Format::Env, Format::Process];
/// Of commands that print for people only.
pub(crate) const NONE: &[Format] = &[Format::Table];

/// The forms of a command, by its name and those of the commands above it.
fn of(command: &[&str]) -> &'static [Format] {
    match command {
        ["adopt" | "apply" | "path-help" | "validate"] | ["trail", "verify"] => TABLE,
        ["plan"] => PLAN,
        ["explain" | "history" | "import" | "render" | "test"] | ["watch", "status"] => TEXT,
        ["access", ..] => ACCESS,
        ["drift"] => DRIFT,
        ["review"] => REVIEW,
        ["graph"] => GRAPH,
        ["creds"] => CREDS,
        [
            "agent" | "completions" | "convert" | "exec" | "fmt" | "forget" | "init" | "man" | "schema" | "server"
            | "ui" | "unlock" | "version",
        ]
        | ["print" | "sandbox" | "watch", ..]
        | ["auth", "help"]
        | ["policy", "fmt"] => NONE,
        _ => ANSWER,
    }
}

/// Lets the help of each command say which forms it takes. The flag is one for all of them, so that it may stand
/// before and after a command; this is for a command whose subcommands have it already.
pub(crate) fn describe(command: &mut Command) {
    describe_below(command, &mut Vec::new());
}

fn describe_below(command: &mut Command, path: &mut Vec<String>) {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let (forms, is_all) = (of(&names), names.is_empty());
    *command = std::mem::take(command).mut_args(|arg| match arg.get_long() {
        Some("format") if is_all => {
            arg.value_name("FORM").help("The form of the output, as the help of the command names them [env: LEASEHOLD_FORMAT, BAO_FORMAT, VAULT_FORMAT]")
        }
        Some("format") if forms.len() == 1 => arg.hide(true),
        Some("format") => {
            let words: Vec<&str> = forms.iter().map(|form| form.name()).collect();
            let variables = "[env: LEASEHOLD_FORMAT, BAO_FORMAT, VAULT_FORMAT; default: ";
            let listed = words.join(", ");
            let read = move |text: &str| Format::from_str(text, true).map_err(|_| format!("it is one of: {listed}"));
            arg.value_name(words.join("|")).value_parser(read).help(format!("The form of the output {variables}{}]", words[0]))
        }
        _ => arg,
    });
    for below in command.get_subcommands_mut() {
        path.push(below.get_name().to_owned());
        describe_below(below, path);
        path.pop();
    }
}
