//! What a server is told, by flags and by its configuration file; flags win.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Args;
use crate::cli::error::CliError;

const DEFAULT_LISTEN: &str = "127.0.0.1:8200";
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Which AWS credentials are issued in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AwsChoice {
    /// Amazon's
    Aws,
    /// A simulated account inside this process
    Sandbox,
}

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// Everything decided.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) listen: String,
    pub(super) tls: Option<TlsFiles>,
    /// None keeps everything in memory.
    pub(super) data: Option<PathBuf>,
    pub(super) audit_file: Option<PathBuf>,
    pub(super) aws: AwsChoice,
    pub(super) log_level: String,
    pub(super) root_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listener: Option<Listeners>,
    data: Option<PathBuf>,
    storage: Option<Storages>,
    audit: Option<Audits>,
    aws: Option<AwsChoice>,
    log_level: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listeners {
    tcp: Listener,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listener {
    address: Option<String>,
    tls_cert_file: Option<PathBuf>,
    tls_key_file: Option<PathBuf>,
    #[serde(default)]
    tls_disable: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Storages {
    file: PathBlock,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Audits {
    file: PathBlock,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PathBlock {
    path: PathBuf,
}

impl Settings {
    /// Reads the file, lays the flags over it, and refuses what does not fit together.
    pub(super) fn new(args: Args) -> Result<Self, CliError> {
        let file = args.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let listener = file.listener.map(|listeners| listeners.tcp);
        let listener =
            listener.unwrap_or(Listener { address: None, tls_cert_file: None, tls_key_file: None, tls_disable: false });
        let dev_listen = args.dev_listen_address.filter(|_| args.dev);
        let listen = args.listen.or(dev_listen).or(listener.address).unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
        let files = match (listener.tls_disable, args.tls_cert, args.tls_key) {
            (true, None, None) => (None, None),
            (_, certificate, key) => (certificate.or(listener.tls_cert_file), key.or(listener.tls_key_file)),
        };
        let tls = match files {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(CliError::new(1, "a TLS certificate and its key go together: one of the two is missing")),
        };
        if tls.is_none() && !args.insecure_plain_http {
            refuse_plain(&listen)?;
        }
        let data = match (args.data_dir, file.data, file.storage.map(|storage| storage.file.path)) {
            (Some(flag), _, _) => Some(flag),
            (None, Some(_), Some(_)) => {
                return Err(CliError::new(
                    1,
                    "the configuration names the data directory twice: data, and storage \"file\"",
                ));
            }
            (None, data, storage) => data.or(storage),
        };
        let root_token = args.dev_root_token_id.filter(|token| !token.is_empty());
        match (args.dev, &data) {
            (true, Some(_)) => {
                return Err(CliError::new(
                    1,
                    "a development server keeps nothing: leave out --dev or the data directory",
                ));
            }
            (false, None) => {
                return Err(CliError::new(1, "no data directory is given").hint(
                    "--data-dir DIR or data = \"DIR\" in the configuration file; or --dev for a server in memory",
                ));
            }
            _ => {}
        }
        Ok(Self {
            listen,
            tls,
            data,
            audit_file: args.audit_file.or(file.audit.map(|audit| audit.file.path)),
            aws: args.aws.or(file.aws).unwrap_or(AwsChoice::Aws),
            log_level: log_level(args.log_level.or(file.log_level))?,
            root_token: root_token.filter(|_| args.dev),
        })
    }
}

fn log_level(given: Option<String>) -> Result<String, CliError> {
    let level = given.unwrap_or_else(|| "info".to_owned()).to_ascii_lowercase();
    match level.as_str() {
        "error" | "warn" | "info" | "debug" | "trace" => Ok(level),
        _ => Err(CliError::new(1, format!("unknown log level {level:?}")).hint("error, warn, info, debug or trace")),
    }
}

fn read(path: &Path) -> Result<File, CliError> {
    let failed = |what: String| CliError::new(1, format!("{}: {what}", path.display()));
    let size = std::fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(failed(format!("a configuration file has at most {FILE_BYTES_MAX} bytes, this one {size}")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    hcl::from_str(&text).map_err(|e| failed(e.to_string()))
}

/// Tokens and credentials in clear may cross loopback only.
fn refuse_plain(listen: &str) -> Result<(), CliError> {
    let addresses: Vec<SocketAddr> = listen
        .to_socket_addrs()
        .map_err(|e| {
            CliError::new(1, format!("{listen:?} is no address to listen on: {e}"))
                .hint("HOST:PORT, as in 127.0.0.1:8200")
        })?
        .collect();
    let loopback = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(ip) => ip.is_loopback(),
        IpAddr::V6(ip) => ip.to_canonical().is_loopback(),
    };
    if addresses.iter().all(loopback) {
        return Ok(());
    }
    Err(CliError::new(1, format!("{listen} can be reached by others, and no TLS certificate is given"))
        .hint("give --tls-cert and --tls-key, or listen on 127.0.0.1")
        .hint("--insecure-plain-http serves it in clear all the same, for a network that encrypts by itself"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{AwsChoice, Settings};
    use crate::cli::error::CliError;
    use crate::cli::server::Args;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn settings(flags: &[&str], file: &str) -> Result<Settings, CliError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.hcl");
        std::fs::write(&path, file).unwrap();
        let mut argv = vec!["server", "--config", path.to_str().unwrap()];
        argv.extend(flags);
        Settings::new(Cli::parse_from(argv).args)
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = r#"
            data = "/var/lib/leasehold"
            aws  = "sandbox"
            log_level = "warn"
            listener "tcp" {
              address       = "0.0.0.0:8200"
              tls_cert_file = "/etc/c.pem"
              tls_key_file  = "/etc/k.pem"
            }
            audit "file" {
              path = "/var/log/trail.log"
            }
        "#;
        let from_file = settings(&[], file).unwrap();
        assert_eq!(from_file.listen, "0.0.0.0:8200");
        assert_eq!(from_file.tls.unwrap().key.to_str(), Some("/etc/k.pem"));
        assert_eq!(from_file.audit_file.unwrap().to_str(), Some("/var/log/trail.log"));
        assert_eq!((from_file.aws, from_file.log_level.as_str()), (AwsChoice::Sandbox, "warn"));
        let flags = ["--data-dir", "/data", "--listen", "127.0.0.1:1", "--aws", "aws", "--log-level", "DEBUG"];
        let from_flags = settings(&flags, file).unwrap();
        assert_eq!(from_flags.data.unwrap().to_str(), Some("/data"));
        assert_eq!((from_flags.listen.as_str(), from_flags.aws), ("127.0.0.1:1", AwsChoice::Aws));
        assert_eq!(from_flags.log_level, "debug");
    }

    #[test]
    fn plain_http_stays_on_loopback() {
        assert!(settings(&["--data-dir", "/d", "--listen", "127.0.0.1:0"], "").is_ok());
        assert!(settings(&["--data-dir", "/d", "--listen", "[::1]:0"], "").is_ok());
        let refused = settings(&["--data-dir", "/d", "--listen", "0.0.0.0:0"], "").unwrap_err();
        assert!(refused.message.contains("no TLS certificate"), "{}", refused.message);
        assert!(settings(&["--data-dir", "/d", "--listen", "0.0.0.0:0", "--insecure-plain-http"], "").is_ok());
        assert!(
            settings(&["--data-dir", "/d"], "listener \"tcp\" {\n address = \"0.0.0.0:1\"\n tls_disable = true\n}")
                .is_err()
        );
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (flags, file, what) in [
            (&[][..], "", "no data directory"),
            (&["--dev", "--data-dir", "/d"], "", "keeps nothing"),
            (&["--data-dir", "/d", "--tls-cert", "/c"], "", "go together"),
            (&["--data-dir", "/d", "--log-level", "loud"], "", "unknown log level"),
            (&["--data-dir", "/d"], "dta = \"x\"", "unknown field"),
            (&["--data-dir", "/d"], "listener \"unix\" {}", "unknown field"),
            (&[], "data = \"a\"\nstorage \"file\" {\n path = \"b\"\n}", "twice"),
        ] {
            let error = settings(flags, file).unwrap_err();
            assert!(error.message.contains(what), "{what}: {}", error.message);
        }
        assert!(settings(&["--dev"], "").is_ok());
    }
}
