//! What `leasehold server` takes on its command line.

use std::path::PathBuf;

/// Which AWS credentials are issued in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AwsChoice {
    /// Amazon's
    Aws,
    /// A simulated account inside this process
    Sandbox,
}

/// Arguments of `leasehold server`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Read settings from this file, HCL or JSON, or from all *.hcl and *.json in this directory; of several, later
    /// ones win, and flags win over all
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) config: Vec<PathBuf>,
    /// Listen on this address [default: 127.0.0.1:8200, unless a socket is configured]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) listen: Option<String>,
    /// Serve TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    /// Serve plain HTTP also where others can reach it: every token crosses the network in clear
    #[arg(long)]
    pub(super) insecure_plain_http: bool,
    /// Keep the engine's data in this directory
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Write the trail to this file [default: trail.log in the data directory]
    #[arg(long, value_name = "FILE")]
    pub(super) audit_file: Option<PathBuf>,
    /// Which AWS credentials are issued in [default: aws]
    #[arg(long, value_enum)]
    pub(super) aws: Option<AwsChoice>,
    /// Serve a page for people at /ui/; a development server always does
    #[arg(long)]
    pub(super) ui: bool,
    /// How much to log to stderr: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
    /// How to log: standard, or json with an object a line [default: standard]
    #[arg(long, value_name = "FORMAT")]
    pub(super) log_format: Option<String>,
    /// Serve from memory with a printed root token, for trying; everything is gone when it stops
    #[arg(long)]
    pub(super) dev: bool,
    /// The root token of a development server [env: LEASEHOLD_DEV_ROOT_TOKEN_ID, BAO_.., VAULT_..]
    #[arg(long, value_name = "TOKEN")]
    pub(super) dev_root_token_id: Option<String>,
    /// Where a development server listens [env: LEASEHOLD_DEV_LISTEN_ADDRESS, BAO_.., VAULT_..; default: 127.0.0.1:8200]
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) dev_listen_address: Option<String>,
    /// Serve TLS with a certificate that a development server makes for localhost, and say whom to trust for it
    #[arg(long)]
    pub(super) dev_tls: bool,
    /// Keep that certificate's files in this directory [default: one that goes with the server]
    #[arg(long, value_name = "DIR", requires = "dev_tls")]
    pub(super) dev_tls_cert_dir: Option<PathBuf>,
    /// A name or an address that the certificate is for besides
    #[arg(long, value_name = "NAME", requires = "dev_tls")]
    pub(super) dev_tls_san: Vec<String>,
    /// Leave a development server's root token out of ~/.leasehold-token, where commands look for one
    #[arg(long)]
    pub(super) dev_no_store_token: bool,
    /// Begin a development server with version 1 of KV at secret/, not 2
    #[arg(long)]
    pub(super) dev_kv_v1: bool,
}
