//! The flags that every command takes, and the environment variables behind them.
//!
//! Each connection setting is looked for in its flag, then `LEASEHOLD_*`, `BAO_*` and `VAULT_*`, in this order, which
//! is OpenBao's own for the last two. A variable that is set to nothing counts as not set, as it does for Vault.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::error::CliError;
use super::format::Format;
use super::forms;
use crate::api::{Options, RateLimit, TlsOptions};
use crate::iam::catalogue::Catalogue;
use crate::units::address::{Addresses, Wrong};
use crate::units::duration;

const HEADING: &str = "Global options";

/// Flags that every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Global {
    /// The estate's directory [env: LEASEHOLD_DIR; default: the current one]
    // The id is no command's argument, or clap would take the two for one and lose the flag behind the command.
    #[arg(id = "estate-dir", short = 'C', long = "dir", global = true, value_name = "DIR", help_heading = HEADING)]
    pub(crate) dir: Option<PathBuf>,
    /// The estate's environment [env: LEASEHOLD_ENV; default: the only one, or `local`]
    #[arg(short = 'e', long = "env", global = true, value_name = "ENV", help_heading = HEADING)]
    pub(crate) environment: Option<String>,
    /// The engine's address, or those of a cluster's nodes, separated by commas [env: LEASEHOLD_ADDR; one: BAO_ADDR, VAULT_ADDR]
    #[arg(long, global = true, value_name = "URL", help_heading = HEADING)]
    pub(crate) address: Option<String>,
    /// A PEM file of CA certificates to trust [env: LEASEHOLD_CACERT, BAO_CACERT, VAULT_CACERT]
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) ca_cert: Option<PathBuf>,
    /// A directory of such files [env: LEASEHOLD_CAPATH, BAO_CAPATH, VAULT_CAPATH]
    #[arg(long, global = true, value_name = "DIR", help_heading = HEADING)]
    pub(crate) ca_path: Option<PathBuf>,
    /// A PEM file with a client certificate [env: LEASEHOLD_CLIENT_CERT, BAO_CLIENT_CERT, VAULT_CLIENT_CERT]
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) client_cert: Option<PathBuf>,
    /// A PEM file with the client certificate's key [env: LEASEHOLD_CLIENT_KEY, BAO_CLIENT_KEY, VAULT_CLIENT_KEY]
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) client_key: Option<PathBuf>,
    /// The name in the engine's certificate [env: LEASEHOLD_TLS_SERVER_NAME, BAO_TLS_SERVER_NAME, VAULT_TLS_SERVER_NAME]
    #[arg(long, global = true, value_name = "NAME", help_heading = HEADING)]
    pub(crate) tls_server_name: Option<String>,
    /// Accept any certificate: only for trying [env: LEASEHOLD_SKIP_VERIFY, BAO_SKIP_VERIFY, VAULT_SKIP_VERIFY]
    #[arg(long, global = true, help_heading = HEADING)]
    pub(crate) tls_skip_verify: bool,
    /// The namespace, for servers that have them [env: LEASEHOLD_NAMESPACE, BAO_NAMESPACE, VAULT_NAMESPACE]
    #[arg(long, alias = "ns", global = true, value_name = "PATH", help_heading = HEADING)]
    pub(crate) namespace: Option<String>,
    /// One more HTTP header, as NAME=VALUE; may be repeated
    #[arg(long = "header", global = true, value_name = "NAME=VALUE", help_heading = HEADING)]
    pub(crate) headers: Vec<String>,
    /// The form of the output [env: LEASEHOLD_FORMAT, BAO_FORMAT, VAULT_FORMAT]
    // Of each command `forms` says which.
    #[arg(long, global = true, value_enum, ignore_case = true, value_name = "FORM", hide_possible_values = true, help_heading = HEADING)]
    pub(crate) format: Option<Format>,
    /// So many requests under way at once, at most [env: LEASEHOLD_PARALLELISM; default: up to 64]
    #[arg(long, global = true, value_name = "N", help_heading = HEADING)]
    pub(crate) parallelism: Option<String>,
    /// So many requests in a second, at most, as RATE or RATE:BURST [env: LEASEHOLD_RATE_LIMIT, BAO_RATE_LIMIT, VAULT_RATE_LIMIT]
    #[arg(long, global = true, value_name = "RATE", help_heading = HEADING)]
    pub(crate) rate_limit: Option<String>,
    /// Print only this field of the answer
    #[arg(long, global = true, value_name = "NAME", help_heading = HEADING)]
    pub(crate) field: Option<String>,
    /// Print the request as a line with curl, and do not send it
    #[arg(long, global = true, help_heading = HEADING)]
    pub(crate) output_curl_string: bool,
    /// Print the policy that the request needs, and do not send it
    #[arg(long, global = true, help_heading = HEADING)]
    pub(crate) output_policy: bool,
    /// A newer catalogue of AWS actions [env: LEASEHOLD_CATALOGUE; default: the one built in]
    #[arg(long, global = true, value_name = "FILE", help_heading = HEADING)]
    pub(crate) catalogue: Option<PathBuf>,
    /// No colours [env: NO_COLOR, LEASEHOLD_, BAO_ or VAULT_CLI_NO_COLOR]
    #[arg(long, global = true, help_heading = HEADING)]
    pub(crate) no_color: bool,
}

/// The variable of `--parallelism`.
const PARALLELISM: &str = "LEASEHOLD_PARALLELISM";

/// No command sends more at once by itself.
const PARALLELISM_MAX: usize = 64;

/// At less, an apply could not renew its lock between what else it sends.
const RATE_MIN: f64 = 2.0;

/// Where settings are looked for in the environment, in this order.
const PREFIXES: [&str; 3] = ["LEASEHOLD_", "BAO_", "VAULT_"];

/// The variable that may name several addresses.
const OWN_ADDRESS: &str = "LEASEHOLD_ADDR";

/// The variables that may hold a token, in the order in which they count.
pub(crate) const TOKENS: [&str; 3] = ["LEASEHOLD_TOKEN", "BAO_TOKEN", "VAULT_TOKEN"];

/// A secret that an app shows when it logs in, and where a command looks for it.
#[derive(Debug)]
pub(crate) struct OwnSecret {
    /// The variable that holds it.
    pub(crate) variable: &'static str,
    /// The variable that names a file which holds it.
    pub(crate) file_variable: &'static str,
    /// The key that names such a file in the file of an agent.
    pub(crate) file_key: &'static str,
}

/// The second half of an AppRole login.
pub(crate) static SECRET_ID: OwnSecret = OwnSecret {
    variable: "LEASEHOLD_SECRET_ID",
    file_variable: "LEASEHOLD_SECRET_ID_FILE",
    file_key: "secret_id_file",
};
/// A user's password.
pub(crate) static PASSWORD: OwnSecret =
    OwnSecret { variable: "LEASEHOLD_PASSWORD", file_variable: "LEASEHOLD_PASSWORD_FILE", file_key: "password_file" };
/// A token that somebody else signed.
pub(crate) static JWT: OwnSecret =
    OwnSecret { variable: "LEASEHOLD_JWT", file_variable: "LEASEHOLD_JWT_FILE", file_key: "jwt_file" };

/// The variables out of which leasehold takes secrets of its own: what it runs for somebody does not inherit them.
pub(crate) fn secret_variables() -> impl Iterator<Item = &'static str> {
    TOKENS.into_iter().chain([&SECRET_ID, &PASSWORD, &JWT].map(|own| own.variable))
}

/// Looks a setting up in the environment: `LEASEHOLD_<name>`, then `BAO_<name>`, then `VAULT_<name>`.
pub(crate) fn variable(name: &str) -> Option<String> {
    set(name).map(|(_, value)| value)
}

/// The variable of a setting that is set to something, and to what.
pub(crate) fn set(name: &str) -> Option<(String, String)> {
    PREFIXES.iter().map(|prefix| format!("{prefix}{name}")).find_map(|name| Some((name.clone(), exactly(&name)?)))
}

/// An environment variable that is set to something.
pub(crate) fn exactly(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Global {
    /// The output's form, one of `allowed`; the first of them unless told otherwise.
    ///
    /// # Errors
    /// When another form was asked for.
    pub(crate) fn format(&self, allowed: &[Format]) -> Result<Format, CliError> {
        let asked = match (self.format, set("FORMAT")) {
            (Some(format), _) => format,
            (None, None) => return Ok(allowed.first().copied().unwrap_or(Format::Table)),
            // A form in the environment is meant for Vault's commands; ours may not know it.
            (None, Some((variable, name))) => match Format::from_str(&name, true) {
                Ok(format) if allowed.contains(&format) => format,
                Ok(_) => return Ok(allowed.first().copied().unwrap_or(Format::Table)),
                Err(_) => {
                    return Err(CliError::new(1, format!("{variable} is {name:?}, which is no form of output"))
                        .hint("table, json or yaml"));
                }
            },
        };
        match allowed.contains(&asked) {
            true => Ok(asked),
            false => {
                let names: Vec<_> = allowed.iter().map(|format| format.name()).collect();
                Err(CliError::new(1, format!("this command has no output in the form {}", asked.name()))
                    .hint(format!("one of: {}", names.join(", "))))
            }
        }
    }

    /// Table, JSON or YAML: the forms of commands that print an engine's answer.
    pub(crate) fn answer_format(&self) -> Result<Format, CliError> {
        self.format(forms::ANSWER)
    }

    /// The form of a command that prints for people only, and no field of an answer.
    ///
    /// # Errors
    /// When a form or a field was asked for.
    pub(crate) fn no_form(&self) -> Result<(), CliError> {
        self.no_field()?;
        self.format(forms::NONE).map(drop)
    }

    /// For commands that print no engine's answer, and so no field of one.
    ///
    /// # Errors
    /// When a field was asked for.
    pub(crate) fn no_field(&self) -> Result<(), CliError> {
        match &self.field {
            Some(_) => Err(CliError::new(1, "this command has no fields: --field is for those that print an answer")
                .hint("--format json, where the command has it, and a tool such as jq take one out")),
            None => Ok(()),
        }
    }

    /// The addresses that were given by flag or environment, if any were. Vault's variables name one.
    ///
    /// # Errors
    /// What is no address.
    pub(crate) fn addresses(&self) -> Result<Option<Addresses>, CliError> {
        if let Some(flag) = self.flagged_addresses()? {
            return Ok(Some(flag));
        }
        match set("ADDR") {
            Some((variable, value)) if variable == OWN_ADDRESS => addresses(&value, &variable).map(Some),
            Some((variable, value)) => {
                let one = Addresses::one(&value).map_err(|wrong| unusable(&wrong, &variable));
                one.map(Some).map_err(|error| match value.contains(',') {
                    true => error.hint(format!("several are named in {OWN_ADDRESS} or with --address")),
                    false => error,
                })
            }
            None => Ok(None),
        }
    }

    /// Those that were given by flag.
    ///
    /// # Errors
    /// What is no address.
    pub(crate) fn flagged_addresses(&self) -> Result<Option<Addresses>, CliError> {
        self.address.as_deref().map(|flag| addresses(flag, "--address")).transpose()
    }

    /// Whether an address was given by flag or environment, good or not.
    pub(crate) fn names_address(&self) -> bool {
        self.address.is_some() || set("ADDR").is_some()
    }

    /// The namespace that was given by flag or environment, if one was.
    pub(crate) fn namespace(&self) -> Option<String> {
        self.namespace.clone().or_else(|| variable("NAMESPACE"))
    }

    /// The estate's environment that was asked for, if one was.
    pub(crate) fn environment(&self) -> Option<String> {
        self.environment.clone().or_else(|| exactly("LEASEHOLD_ENV"))
    }

    /// Reads the catalogue of AWS actions that was asked for, if one was.
    ///
    /// # Errors
    /// A file that can't be read or is no catalogue.
    pub(crate) fn choose_catalogue(&self) -> Result<(), CliError> {
        // A name that is no text is a name: passing over it would take another catalogue than was asked for.
        let named = || std::env::var_os("LEASEHOLD_CATALOGUE").filter(|name| !name.is_empty()).map(PathBuf::from);
        let Some(file) = self.catalogue.clone().or_else(named) else { return Ok(()) };
        let named = |line: Option<usize>, why: String| {
            let place = line.map_or_else(|| file.display().to_string(), |line| format!("{}:{line}", file.display()));
            CliError::new(1, format!("{place} can't be used as a catalogue of actions: {why}"))
                .hint("policies/catalogue/make.py makes one")
        };
        let mut text = String::new();
        // One byte more than a catalogue may have is enough to see that it is none.
        std::fs::File::open(&file)
            .and_then(|opened| opened.take(Catalogue::BYTES_MAX as u64 + 1).read_to_string(&mut text))
            .map_err(|error| named(None, error.to_string()))?;
        Catalogue::parse(&text).map_err(|bad| named(bad.line, bad.what))?.choose();
        Ok(())
    }

    /// How TLS is checked.
    pub(crate) fn tls(&self) -> Result<TlsOptions, CliError> {
        let file = |flag: &Option<PathBuf>, name| flag.clone().or_else(|| variable(name).map(PathBuf::from));
        let skip_verify = match set("SKIP_VERIFY") {
            _ if self.tls_skip_verify => true,
            None => false,
            Some((variable, text)) => {
                truth(&text).ok_or_else(|| CliError::new(1, format!("{variable} is {text:?}")).hint("true or false"))?
            }
        };
        Ok(TlsOptions {
            ca_cert: file(&self.ca_cert, "CACERT"),
            ca_cert_pem: variable("CACERT_BYTES"),
            ca_path: file(&self.ca_path, "CAPATH"),
            client_cert: file(&self.client_cert, "CLIENT_CERT"),
            client_key: file(&self.client_key, "CLIENT_KEY"),
            server_name: self.tls_server_name.clone().or_else(|| variable("TLS_SERVER_NAME")),
            skip_verify,
        })
    }

    /// What the client sends with each request; the token comes later.
    pub(crate) fn options(&self) -> Result<Options, CliError> {
        let mut options = Options::new(None);
        options.namespace = self.namespace();
        if let Some((variable, text)) = set("CLIENT_TIMEOUT") {
            options.timeout = seconds(&text).ok_or_else(|| {
                CliError::new(1, format!("{variable} is {text:?}"))
                    .hint("a positive number of seconds, or a duration such as 90s or 2m")
            })?;
        }
        if let Some((variable, text)) = set("MAX_RETRIES") {
            options.retries = text
                .parse()
                .map_err(|_| CliError::new(1, format!("{variable} is {text:?}")).hint("a whole number, 0 for none"))?;
        }
        let said = |flag: &Option<String>, name: &str, found: Option<(String, String)>| match flag {
            Some(text) => Some((name.to_owned(), text.clone())),
            None => found,
        };
        let own = exactly(PARALLELISM).map(|text| (PARALLELISM.to_owned(), text));
        if let Some((name, text)) = said(&self.parallelism, "--parallelism", own) {
            let many = text.parse().ok().filter(|many| (1..=PARALLELISM_MAX).contains(many));
            options.parallelism = Some(many.ok_or_else(|| {
                CliError::new(1, format!("{name} is {text:?}")).hint(format!("a number from 1 to {PARALLELISM_MAX}"))
            })?);
        }
        if let Some((name, text)) = said(&self.rate_limit, "--rate-limit", set("RATE_LIMIT")) {
            options.rate_limit = Some(rate(&text).ok_or_else(|| {
                CliError::new(1, format!("{name} is {text:?}")).hint(format!(
                    "requests per second, {RATE_MIN} at least, and how many may go at once: 20, or 20:40"
                ))
            })?);
        }
        for header in &self.headers {
            let Some((name, value)) = header.split_once('=') else {
                return Err(CliError::new(1, "a --header has no '='").hint("--header NAME=VALUE"));
            };
            options.headers.push((name.to_owned(), value.to_owned()));
        }
        Ok(options)
    }

    /// Whether colours are off by flag or by Vault's variable (`NO_COLOR` is looked at where it counts).
    pub(crate) fn no_color(&self) -> bool {
        self.no_color || variable("CLI_NO_COLOR").is_some()
    }
}

/// One or several addresses, as somebody wrote them somewhere.
///
/// # Errors
/// What is no address.
pub(crate) fn addresses(text: &str, place: &str) -> Result<Addresses, CliError> {
    Addresses::listed(text).map_err(|wrong| unusable(&wrong, place))
}

fn unusable(wrong: &Wrong, place: &str) -> CliError {
    CliError::new(1, format!("{wrong} ({place})")).hint(wrong.hint())
}

/// Go's truth values (`strconv.ParseBool`).
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A rate as `VAULT_RATE_LIMIT` has it.
fn rate(text: &str) -> Option<RateLimit> {
    let (rate, burst) = text.split_once(':').map_or((text, None), |(rate, burst)| (rate, Some(burst)));
    let rate: f64 = rate.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= RATE_MIN)?;
    let burst = match burst {
        Some(burst) => burst.parse().ok().filter(|burst| *burst > 0)?,
        // As many as in a second.
        None => rate.min(f64::from(u32::MAX)) as u32,
    };
    Some(RateLimit { rate, burst })
}

/// A duration that is not 0.
fn seconds(text: &str) -> Option<Duration> {
    let seconds = duration::parse(text).ok().and_then(|seconds| u64::try_from(seconds).ok())?;
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::{Format, Global, rate, seconds, truth};

    #[test]
    fn a_form_must_be_one_that_the_command_has() {
        let global = Global { format: Some(Format::Env), ..Global::default() };
        assert!(global.answer_format().unwrap_err().message.contains("env"));
        assert_eq!(global.format(&[Format::Table, Format::Env]).unwrap(), Format::Env);
    }

    #[test]
    fn timeouts_are_seconds_or_have_a_unit() {
        for (text, expected) in [
            ("60", Some(60)),
            ("90s", Some(90)),
            ("2m", Some(120)),
            ("1h", Some(3600)),
            ("0", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(seconds(text).map(|duration| duration.as_secs()), expected, "{text}");
        }
    }

    #[test]
    fn a_rate_is_as_vault_has_it() {
        for (text, expected) in [
            ("20", Some((20.0, 20))),
            ("2.5:40", Some((2.5, 40))),
            ("1", None),
            ("20:0", None),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("", None),
            ("20:x", None),
        ] {
            assert_eq!(rate(text).map(|limit| (limit.rate, limit.burst)), expected, "{text}");
        }
    }

    #[test]
    fn truth_is_what_go_takes_for_it() {
        assert_eq!([truth("1"), truth("False"), truth("yes")], [Some(true), Some(false), None]);
    }

    #[test]
    fn a_header_needs_a_value() {
        let global = Global { headers: vec!["X-A=1=2".to_owned()], ..Global::default() };
        assert_eq!(global.options().unwrap().headers, [("X-A".to_owned(), "1=2".to_owned())]);
        let global = Global { headers: vec!["secret".to_owned()], ..Global::default() };
        assert!(!global.options().unwrap_err().message.contains("secret"));
    }
}
