//! What a server is told, by flags and by its configuration file; flags win.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use super::args::{Args, AwsChoice};
use super::file;
use super::socket::Socket;
use crate::cli::error::CliError;
use crate::cli::global::{exactly, variable};
use crate::engine::{Auditing, KeyFile, KeyService, LeaseTtls, Seal};
use crate::text::one_line;

const DEFAULT_LISTEN: &str = "127.0.0.1:8200";

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What is asked of a development server.
#[derive(Clone, Debug, Default)]
pub(super) struct Dev {
    /// A certificate of its own, and for which names besides.
    pub(super) tls: Option<DevTlsWanted>,
    /// Its token is kept where commands look for one.
    pub(super) stores_token: bool,
    /// It begins with KV version 1.
    pub(super) kv_v1: bool,
}

/// A certificate that a development server makes.
#[derive(Clone, Debug)]
pub(super) struct DevTlsWanted {
    /// Where it is kept.
    pub(super) directory: Option<PathBuf>,
    /// For which names besides.
    pub(super) names: Vec<String>,
}

/// What a listener with TLS does about certificates of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientCertificates {
    /// It asks for one, which nobody has to show.
    Asked,
    /// It does not: nobody logs in by one, and no browser asks its user which to show.
    NotAsked,
}

/// Everything decided.
#[derive(Debug)]
pub(super) struct Settings {
    /// None where it listens on a socket alone.
    pub(super) listen: Option<String>,
    pub(super) socket: Option<Socket>,
    pub(super) ttls: LeaseTtls,
    pub(super) tls: Option<TlsFiles>,
    pub(super) client_certificates: ClientCertificates,
    /// None keeps everything in memory.
    pub(super) data: Option<PathBuf>,
    pub(super) audit_file: Option<PathBuf>,
    /// What audit devices may do.
    pub(super) auditing: Auditing,
    /// What opens the data directory; of a server that keeps nothing it means nothing.
    pub(super) seal: Seal,
    pub(super) key: KeyFile,
    pub(super) aws: AwsChoice,
    pub(super) log_level: String,
    /// Whether the log is JSON.
    pub(super) logs_json: bool,
    /// Where the number of the process is written.
    pub(super) pid_file: Option<PathBuf>,
    /// Whether there is a page for people.
    pub(super) ui: bool,
    /// What in the file has no effect.
    pub(super) notes: Vec<String>,
    pub(super) root_token: Option<String>,
    pub(super) dev: Dev,
}

impl Settings {
    /// Reads the file, lays the flags over it, and refuses what does not fit together.
    pub(super) fn new(args: Args) -> Result<Self, CliError> {
        let file = file::read(&args.config)?;
        let dev = dev(&args)?;
        if let Some(socket) = &file.socket {
            socket.check()?;
        }
        let ttls = ttls(file.default_lease_ttl, file.max_lease_ttl)?;
        let dev_listen = args.dev_listen_address.or_else(|| variable("DEV_LISTEN_ADDRESS")).filter(|_| args.dev);
        let listen = args.listen.or(dev_listen).or(file.address);
        // TLS says that there is a port.
        let is_default = file.socket.is_none() || args.tls_cert.is_some() || file.tls_cert_file.is_some();
        let listen = listen.or_else(|| is_default.then(|| DEFAULT_LISTEN.to_owned()));
        let files = match (file.tls_disable, args.tls_cert, args.tls_key) {
            (true, None, None) => (None, None),
            (_, certificate, key) => (certificate.or(file.tls_cert_file), key.or(file.tls_key_file)),
        };
        let tls = match files {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(CliError::new(1, "a TLS certificate and its key go together: one of the two is missing")),
        };
        let client_certificates = match file.tls_disable_client_certs {
            true => ClientCertificates::NotAsked,
            false => ClientCertificates::Asked,
        };
        if let Some(listen) =
            listen.as_deref().filter(|_| tls.is_none() && dev.tls.is_none() && !args.insecure_plain_http)
        {
            refuse_plain(listen)?;
        }
        let data = match (args.data_dir, file.data, file.storage_path) {
            (Some(flag), _, _) => Some(flag),
            (None, Some(_), Some(_)) => {
                return Err(CliError::new(
                    1,
                    "the configuration names the data directory twice: data, and storage \"file\"",
                ));
            }
            (None, data, storage) => data.or(storage),
        };
        file.rotation.check().map_err(|what| CliError::new(1, format!("audit \"file\": {what}")))?;
        let service =
            file.kms_key_id.map(|key_id| KeyService { key_id, region: file.kms_region, endpoint: file.kms_endpoint });
        let (seal, key) = seal(&file.seals, file.seal_path, file.seal_credential, service, data.as_deref())?;
        let root_token = args.dev_root_token_id.or_else(|| variable("DEV_ROOT_TOKEN_ID"));
        let root_token = root_token.filter(|token| !token.is_empty());
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
            socket: file.socket,
            ttls,
            tls,
            client_certificates,
            data,
            audit_file: args.audit_file.or(file.audit_path),
            auditing: Auditing { log_raw: file.allow_audit_log_raw, rotation: file.rotation, ..Auditing::default() },
            seal,
            key,
            aws: args.aws.or(file.aws).unwrap_or(AwsChoice::Aws),
            log_level: log_level(args.log_level.or(file.log_level))?,
            logs_json: logs_json(args.log_format.or(file.log_format))?,
            pid_file: file.pid_file,
            ui: args.ui || args.dev || file.ui,
            notes: file.notes,
            root_token: root_token.filter(|_| args.dev),
            dev,
        })
    }
}

/// What is asked of a development server, and of no other.
fn dev(args: &Args) -> Result<Dev, CliError> {
    let asked = [
        ("--dev-tls", args.dev_tls),
        ("--dev-no-store-token", args.dev_no_store_token),
        ("--dev-kv-v1", args.dev_kv_v1),
    ];
    if !args.dev {
        return match asked.iter().find(|(_, is_asked)| *is_asked) {
            Some((flag, _)) => Err(CliError::new(1, format!("{flag} is for a development server"))
                .hint("add --dev for a server in memory, or leave it out")),
            None => Ok(Dev::default()),
        };
    }
    if args.dev_tls && (args.tls_cert.is_some() || args.tls_key.is_some()) {
        return Err(CliError::new(1, "--dev-tls makes a certificate, and one is given: leave one of the two out"));
    }
    let wanted = || DevTlsWanted { directory: args.dev_tls_cert_dir.clone(), names: args.dev_tls_san.clone() };
    Ok(Dev { tls: args.dev_tls.then(wanted), stores_token: !args.dev_no_store_token, kv_v1: args.dev_kv_v1 })
}

/// How long leases last of mounts that say nothing of it.
fn ttls(default: Option<i64>, max: Option<i64>) -> Result<LeaseTtls, CliError> {
    let usual = LeaseTtls::default();
    let max = max.unwrap_or(usual.max);
    let default = default.unwrap_or(usual.default.min(max));
    if default > max {
        let what = format!("default_lease_ttl ({default} s) is longer than max_lease_ttl ({max} s)");
        return Err(CliError::new(1, what).hint("give max_lease_ttl too; without it leases last 768h at most"));
    }
    Ok(LeaseTtls { default, max })
}

/// What opens the data, by the blocks that say it.
fn seal(
    said: &[&str],
    path: Option<PathBuf>,
    credential: Option<String>,
    service: Option<KeyService>,
    data: Option<&Path>,
) -> Result<(Seal, KeyFile), CliError> {
    let needs = |key: &str, seal: &str| CliError::new(1, format!("seal \"{seal}\" needs {key}"));
    match said {
        [] => Ok((Seal::KeyFile, KeyFile::Beside)),
        ["shamir"] => Ok((Seal::Shamir, KeyFile::Beside)),
        ["file"] => {
            let path = path.ok_or_else(|| needs("path", "file"))?;
            let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            if data.is_some_and(|data| whole(&path).starts_with(whole(data))) {
                let what =
                    format!("{} is in the data directory, so that who reads the data reads the key", path.display());
                return Err(CliError::new(1, what).hint("name another place, or leave seal \"file\" out"));
            }
            Ok((Seal::KeyFile, KeyFile::At(path)))
        }
        ["credential"] => {
            let name = credential.ok_or_else(|| needs("name", "credential"))?;
            if name.is_empty() || name.starts_with('.') || name.contains('/') {
                return Err(CliError::new(1, format!("{name:?} is no name of a credential")));
            }
            let directory = exactly("CREDENTIALS_DIRECTORY").filter(|directory| !directory.is_empty());
            let directory = directory.ok_or_else(|| {
                CliError::new(1, "seal \"credential\" reads the directory in CREDENTIALS_DIRECTORY, which is not set")
                    .hint(format!(
                        "let the unit have LoadCredential={name}:FILE or LoadCredentialEncrypted={name}:FILE"
                    ))
            })?;
            Ok((Seal::KeyFile, KeyFile::Given(Path::new(&directory).join(name))))
        }
        ["awskms"] => {
            let service = service.filter(|service| !service.key_id.is_empty());
            let service = service.ok_or_else(|| needs("kms_key_id", "awskms"))?;
            if let Some(endpoint) =
                service.endpoint.as_deref().filter(|at| !at.starts_with("https://") && !is_local(at))
            {
                let what = format!("seal \"awskms\" would send the unseal key in clear to {}", one_line(endpoint));
                return Err(CliError::new(1, what).hint("give it an https address, or one on loopback"));
            }
            Ok((Seal::Kms, KeyFile::Wrapped(service)))
        }
        several => {
            let several = several.iter().map(|seal| format!("{seal:?}")).collect::<Vec<_>>().join(" and ");
            Err(CliError::new(1, format!("the configuration has more than one seal: {several}")))
        }
    }
}

/// Whether an address is plain HTTP to this machine.
fn is_local(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("http://").and_then(|rest| rest.split(['/', ':']).next());
    host.is_some_and(|host| host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

fn log_level(given: Option<String>) -> Result<String, CliError> {
    let level = given.unwrap_or_else(|| "info".to_owned()).to_ascii_lowercase();
    match level.as_str() {
        "error" | "warn" | "info" | "debug" | "trace" => Ok(level),
        _ => Err(CliError::new(1, format!("unknown log level {level:?}")).hint("error, warn, info, debug or trace")),
    }
}

fn logs_json(given: Option<String>) -> Result<bool, CliError> {
    match given.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("json") => Ok(true),
        None | Some("standard" | "") => Ok(false),
        Some(other) => Err(CliError::new(1, format!("unknown log format {other:?}")).hint("standard or json")),
    }
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
    use crate::engine::{KeyFile, Seal};

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
              rotate_bytes     = 104857600
              rotate_duration  = "24h"
              rotate_max_files = 30
            }
            allow_audit_log_raw = true
        "#;
        let from_file = settings(&[], file).unwrap();
        assert!(from_file.auditing.log_raw);
        let rotation = from_file.auditing.rotation;
        assert_eq!((rotation.bytes, rotation.age.as_secs(), rotation.max_files), (104_857_600, 86_400, 30));
        assert!(!settings(&["--data-dir", "/d"], "").unwrap().auditing.log_raw, "only who says so");
        assert_eq!(from_file.listen.as_deref(), Some("0.0.0.0:8200"));
        assert_eq!(from_file.tls.unwrap().key.to_str(), Some("/etc/k.pem"));
        assert_eq!(from_file.audit_file.unwrap().to_str(), Some("/var/log/trail.log"));
        assert_eq!((from_file.aws, from_file.log_level.as_str()), (AwsChoice::Sandbox, "warn"));
        let flags = ["--data-dir", "/data", "--listen", "127.0.0.1:1", "--aws", "aws", "--log-level", "DEBUG"];
        let from_flags = settings(&flags, file).unwrap();
        assert_eq!(from_flags.data.unwrap().to_str(), Some("/data"));
        assert_eq!((from_flags.listen.as_deref(), from_flags.aws), (Some("127.0.0.1:1"), AwsChoice::Aws));
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
    fn files_that_served_vault_are_read_or_every_key_in_the_way_is_named() {
        let file = |flag: &str| {
            format!(
                "storage \"file\" {{\n path = \"/d\"\n}}\nlistener \"tcp\" {{\n address = \"127.0.0.1:1\"\n tls_disable = {flag}\n}}\n"
            )
        };
        for flag in ["1", "true", "\"1\"", "\"true\"", "0", "\"false\""] {
            let read = settings(&[], &file(flag)).unwrap();
            assert_eq!((read.listen.as_deref(), read.data.unwrap().to_str()), (Some("127.0.0.1:1"), Some("/d")));
        }
        let error = settings(&[], &file("\"perhaps\"")).unwrap_err().message;
        assert!(error.contains("server.hcl:6: listener.tcp.tls_disable is true or false"), "{error}");
        for json in [
            r#"{"storage": {"file": {"path": "/d"}}, "listener": {"tcp": {"address": "127.0.0.1:1", "tls_disable": true}}}"#,
            r#" {"storage": [{"file": [{"path": "/d"}]}], "listener": [{"tcp": {"address": "127.0.0.1:1"}}]}"#,
        ] {
            assert_eq!(settings(&[], json).unwrap().listen.as_deref(), Some("127.0.0.1:1"));
        }
        for shamir in [
            "seal \"shamir\" {}",
            "seal \"shamir\" {\n}",
            r#"{"seal": {"shamir": {}}}"#,
            r#"{"seal": [{"shamir": [{}]}]}"#,
        ] {
            assert_eq!(settings(&["--data-dir", "/d"], shamir).unwrap().seal, Seal::Shamir, "{shamir}");
        }
        assert_eq!(settings(&["--data-dir", "/d"], "").unwrap().seal, Seal::KeyFile);
        let elsewhere = settings(&["--data-dir", "/d"], "seal \"file\" {\n path = \"/k/unseal.key\"\n}").unwrap();
        assert_eq!((elsewhere.seal, elsewhere.key), (Seal::KeyFile, KeyFile::At("/k/unseal.key".into())));
        let vaults = "ui = true\ndisable_mlock = true\nlistener \"tcp\" {\n telemetry {\n  x = 1\n }\n}\ntelemetry {}\n\
                      data = \"/a\"\ndata_dir = 1\nstorage \"raft\" {\n path = \"/b\"\n}\n";
        let error = settings(&[], vaults).unwrap_err().message;
        let told: Vec<&str> = error
            .lines()
            .map(|line| line.split_once("server.hcl").unwrap().1.trim_end_matches(" is not taken by this server"))
            .collect();
        let expected = [
            ":4: the key listener.tcp.telemetry",
            ":10: the key data_dir",
            ":11: the key storage.raft is not taken by this server (one server keeps its data in storage \"file\" { path }; \
             several are a cluster of OpenBao or Vault)",
        ];
        assert_eq!(told, expected);
        let taken = "ui = true\ndisable_mlock = true\napi_addr = \"https://x:8200\"\ntelemetry {\n  disable_hostname = true\n}\n\
                     backend \"file\" {\n path = \"/d\"\n}\nlog_format = \"json\"\npid_file = \"/run/l.pid\"\n";
        let read = settings(&[], taken).unwrap();
        let notes: Vec<&str> = read.notes.iter().map(|note| note.split_once("server.hcl").unwrap().1).collect();
        assert_eq!(
            notes,
            [
                ":3: api_addr has no effect: one server redirects nobody",
                ":4: telemetry has no effect: Prometheus reads sys/metrics, which is always served, and nothing is sent \
                 anywhere",
            ]
        );
        assert_eq!((read.data.unwrap().to_str(), read.logs_json), (Some("/d"), true));
        assert!(read.ui);
        for (flags, file, ui) in [
            (&["--data-dir", "/d"][..], "", false),
            (&["--data-dir", "/d"], "ui = false\n", false),
            (&["--data-dir", "/d"], "ui = \"1\"\n", true),
            (&["--data-dir", "/d", "--ui"], "ui = false\n", true),
            (&["--dev"], "", true),
        ] {
            let read = settings(flags, file).unwrap();
            assert_eq!((read.ui, read.notes), (ui, Vec::new()), "{flags:?} {file}");
        }
        let twice =
            "listener \"tcp\" {\n address = \"127.0.0.1:1\"\n}\nlistener \"tcp\" {\n address = \"127.0.0.1:2\"\n}\n";
        let error = settings(&["--data-dir", "/d"], twice).unwrap_err().message;
        assert!(error.contains("server.hcl:5: listener.tcp.address is given twice"), "{error}");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (flags, file, what) in [
            (&[][..], "", "no data directory"),
            (&["--dev", "--data-dir", "/d"], "", "keeps nothing"),
            (&["--data-dir", "/d", "--tls-cert", "/c"], "", "go together"),
            (&["--data-dir", "/d", "--log-level", "loud"], "", "unknown log level"),
            (&["--data-dir", "/d", "--log-format", "xml"], "", "unknown log format"),
            (&["--data-dir", "/d"], "dta = \"x\"", "server.hcl:1: the key dta is not taken"),
            (&["--data-dir", "/d"], "\nlistener \"pipe\" {}", "server.hcl:2: the key listener.pipe is not taken"),
            (&["--data-dir", "/d"], "listener \"unix\" {\n address = \"x\"\n}", "a whole path"),
            (
                &["--data-dir", "/d"],
                "listener \"unix\" {\n address = \"/x\"\n socket_mode = \"9\"\n}",
                "socket_mode \"9\" is no mode",
            ),
            (
                &["--data-dir", "/d"],
                "seal {}",
                "server.hcl:1: the key seal is not taken by this server (it has a label",
            ),
            (&["--data-dir", "/d"], "listener {\n}", "it has a label: listener \"tcp\""),
            (&["--data-dir", "/d"], "default_lease_ttl = \"soon\"", "server.hcl:1: default_lease_ttl is a duration"),
            (&["--data-dir", "/d"], "default_lease_ttl = \"2h\"\nmax_lease_ttl = 3600", "longer than max_lease_ttl"),
            (&["--data-dir", "/d"], "seal \"gcpckms\" {}", "server.hcl:1: the key seal.gcpckms is not taken"),
            (&["--data-dir", "/d"], "seal \"awskms\" {}", "seal \"awskms\" needs kms_key_id"),
            (&["--data-dir", "/d"], "seal \"shamir\" {\n x = 1\n}", "server.hcl:2: the key seal.shamir.x is not taken"),
            (&["--data-dir", "/d"], "seal = \"shamir\"", "seal"),
            (&["--data-dir", "/d"], "seal \"file\" {}", "needs path"),
            (&["--data-dir", "/d"], "seal \"file\" {\n path = \"/d/x/k\"\n}", "in the data directory"),
            (&["--data-dir", "/d"], "seal \"credential\" {}", "needs name"),
            (&["--data-dir", "/d"], "seal \"credential\" {\n name = \"../k\"\n}", "no name of a credential"),
            (&["--data-dir", "/d"], "seal \"shamir\" {}\nseal \"file\" {\n path = \"/k\"\n}", "more than one seal"),
            (
                &["--data-dir", "/d"],
                "audit \"file\" {\n rotate_bytes = 10\n}",
                "rotate_bytes must be 0 or at least 65536",
            ),
            (
                &["--data-dir", "/d"],
                "audit \"file\" {\n rotate_max_files = 3\n}",
                "it takes rotate_bytes or rotate_duration",
            ),
            (
                &["--data-dir", "/d"],
                "audit \"file\" {\n rotate_duration = \"soon\"\n}",
                "server.hcl:2: audit.file.rotate_duration is a duration",
            ),
            (&["--data-dir", "/d"], "audit \"file\" {\n rotate_bytes = \"1MB\"\n}", "rotate_bytes is a whole number"),
            (&[], "data = \"a\"\nstorage \"file\" {\n path = \"b\"\n}", "twice"),
        ] {
            let error = settings(flags, file).unwrap_err();
            let told = format!("{} {}", error.message, error.hints.join(" "));
            assert!(told.contains(what), "{what}: {told}");
        }
        assert!(settings(&["--dev"], "").is_ok());
        let socket =
            settings(&["--data-dir", "/d"], "listener \"unix\" {\n address = \"/run/l\"\n tls_disable = 1\n}").unwrap();
        assert_eq!((socket.listen, socket.socket.unwrap().path.to_str()), (None, Some("/run/l")));
        let both = "listener \"unix\" {\n address = \"/run/l\"\n}\nlistener \"tcp\" {\n address = \"127.0.0.1:1\"\n}";
        assert_eq!(settings(&["--data-dir", "/d"], both).unwrap().listen.as_deref(), Some("127.0.0.1:1"));
        let ttls = settings(&["--data-dir", "/d"], "default_lease_ttl = \"1h\"\nmax_lease_ttl = 7200").unwrap().ttls;
        assert_eq!((ttls.default, ttls.max), (3600, 7200));
        let ttls = settings(&["--data-dir", "/d"], "max_lease_ttl = \"1h\"\ndefault_lease_ttl = 0").unwrap().ttls;
        assert_eq!((ttls.default, ttls.max), (3600, 3600));
    }
}
