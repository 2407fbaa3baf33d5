//! The world of one test: a home of its own, no inherited environment, and processes that end with it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use leasehold::clock::Clock;
use leasehold::engine::{AwsTransport, Config, Engine, Storage};
use leasehold::secret::Secret;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A command that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A temporary home and the environment of the commands that run in it.
pub(crate) struct TestEnv {
    home: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

/// What a command printed, as it came, and its exit code.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
    home: PathBuf,
}

impl TestEnv {
    /// An empty home. Commands see `HOME`, `PATH` and what [`TestEnv::set`] adds, and run in the home.
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), variables: BTreeMap::new() }
    }

    /// The home, which is also the commands' working directory.
    pub(crate) fn dir(&self) -> &Path {
        self.home.path()
    }

    /// Sets an environment variable for the commands that follow.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// What the commands see of an environment variable.
    pub(crate) fn variable(&self, name: &str) -> &str {
        &self.variables[name]
    }

    /// Writes a file under the home, with its folders.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// All files below a directory of the home, by name.
    pub(crate) fn files(&self, dir: &str) -> BTreeMap<String, String> {
        fn look(dir: &Path, into: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { look(&path, into) } else { into.push(path) }
            }
        }
        let root = self.dir().join(dir);
        let mut paths = Vec::new();
        look(&root, &mut paths);
        let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
        paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
    }

    /// Copies a directory tree of the project (relative to its root) into the home under `name`, without the engines
    /// that somebody tried its estates with.
    pub(crate) fn copy_tree(&self, from: &str, name: &str) -> PathBuf {
        fn copy(from: &Path, to: &Path) {
            std::fs::create_dir_all(to).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let entry = entry.unwrap();
                if entry.file_name() == ".leasehold" {
                    continue;
                }
                let target = to.join(entry.file_name());
                match entry.file_type().unwrap().is_dir() {
                    true => copy(&entry.path(), &target),
                    false => drop(std::fs::copy(entry.path(), target).unwrap()),
                }
            }
        }
        let to = self.dir().join(name);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(from), &to);
        to
    }

    /// A command that is ready to run in this world.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leasehold"));
        command.args(arguments).current_dir(self.dir()).env_clear();
        command.env("HOME", self.dir()).env("PATH", "/usr/bin:/bin").envs(&self.variables);
        command
    }

    /// Runs `leasehold` with these arguments and nothing on stdin.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// Runs `leasehold` with these arguments and this text on stdin.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that does not read its input closes the pipe; that is its right.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = wait(child);
        Output {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap_or(-1),
            home: self.dir().to_owned(),
        }
    }

    /// The tutorial, applied; commands run inside it through `LEASEHOLD_DIR`.
    pub(crate) fn with_tutorial() -> Self {
        let mut env = Self::new();
        let estate = env.copy_tree("examples/tutorial", "estate");
        env.set("LEASEHOLD_DIR", estate.display().to_string());
        env.ok(&["apply", "--auto-approve"]);
        env
    }

    /// Runs a command on the estate in `estate`, and expects its exit code.
    #[track_caller]
    pub(crate) fn on_estate(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.run(&[&["-C", "estate"], arguments].concat());
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }

    /// Runs a command that must succeed, and answers its stdout.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.code, 0, "leasehold {}\n{}", arguments.join(" "), output.normal());
        output.stdout
    }

    /// Starts `leasehold server` with these arguments after `server`, waits until it says its address
    /// and its root token, and ends it when the guard is dropped.
    pub(crate) fn server(&self, arguments: &[&str]) -> Server {
        let mut all = vec!["server"];
        all.extend(arguments);
        let mut command = self.command(&all);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, receiver) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap());
        drop(std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))));
        let mut stderr = child.stderr.take().unwrap();
        let (address, exports) = (String::new(), Vec::new());
        let mut server = Server { child, address, aws_endpoint: None, exports, root_token: None, unseal_key: None };
        while let Ok(line) = receiver.recv_timeout(PATIENCE) {
            let export = line.trim().strip_prefix("export ").and_then(|export| export.split_once('='));
            server.exports.extend(export.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())));
            match line.trim().split_once(": ") {
                Some(("Api Address", address)) => server.address = address.trim().to_owned(),
                Some(("AWS Endpoint", address)) => server.aws_endpoint = Some(address.trim().to_owned()),
                Some(("Unseal Key", key)) => server.unseal_key = Some(key.trim().to_owned()),
                Some(("Root Token", token)) => server.root_token = Some(token.trim().to_owned()),
                _ => {}
            }
            if !server.address.is_empty() && (server.root_token.is_some() || line.contains("server started")) {
                // Nobody reads its log; a full pipe must not stop it.
                drop(std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink())));
                return server;
            }
        }
        let mut log = String::new();
        let _ = server.child.kill();
        let _ = stderr.read_to_string(&mut log);
        panic!("the server did not start:\n{log}");
    }
}

/// Waits for a process, and ends it when it hangs.
fn wait(child: Child) -> std::process::Output {
    let pid = rustix::process::Pid::from_child(&child);
    let (done, is_done) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if is_done.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(done);
    watchdog.join().unwrap();
    output
}

/// A `leasehold server` that ends with this guard.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub(crate) address: String,
    /// Where it serves its simulated AWS account, if it has one.
    pub(crate) aws_endpoint: Option<String>,
    /// The environment that it tells its users to set.
    pub(crate) exports: Vec<(String, String)>,
    /// Printed by a development server.
    pub(crate) root_token: Option<String>,
    /// Printed by a development server.
    pub(crate) unseal_key: Option<String>,
}

impl Server {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop (SIGTERM) and answers its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An engine in the test's own process that listens on loopback, with a clock the test may move.
pub(crate) struct InTestEngine {
    /// `http://127.0.0.1:port`.
    pub(crate) address: String,
    /// Its root token.
    pub(crate) root_token: String,
    /// What unseals it, where it is in memory.
    pub(crate) unseal_key: String,
    engine: Engine,
    runtime: tokio::runtime::Handle,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl InTestEngine {
    /// An engine in memory.
    pub(crate) fn start(clock: Clock, aws: AwsTransport) -> Self {
        let dev_root_token = Some(Secret::new("root"));
        let aws_key = Some(leasehold::sandbox::root_key());
        Self::start_with(Config { aws, aws_key, dev_root_token, ..Config::new(Storage::Memory, clock) })
    }

    /// An engine of any form.
    pub(crate) fn start_with(config: Config) -> Self {
        let (ready, is_ready) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let engine = Engine::open(config).await.unwrap();
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = format!("http://{}", listener.local_addr().unwrap());
                let token = engine.root_token().map(|token| token.expose().to_owned()).unwrap_or_default();
                ready.send((address, token, engine.clone(), tokio::runtime::Handle::current())).unwrap();
                engine.serve(listener, None, async { drop(stopped.await) }).await;
                engine.close().await;
            });
        });
        let (address, root_token, engine, runtime) = is_ready.recv().expect("the engine opens");
        let unseal_key = engine.unseal_key().map(|key| key.expose().to_owned()).unwrap_or_default();
        Self { address, root_token, unseal_key, engine, runtime, stop: Some(stop), thread: Some(thread) }
    }

    /// The address of another listener of it, with TLS, and the server's certificate: `localhost`, 127.0.0.1.
    pub(crate) fn with_tls(&self) -> (String, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_client_cert_verifier(leasehold::engine::client_certificates());
        let config = Arc::new(config.with_single_cert(vec![certificate.clone()], key).unwrap());
        let listener = self.runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let engine = self.engine.clone();
        // It ends with the runtime.
        drop(self.runtime.spawn(async move { engine.serve(listener, Some(config), std::future::pending()).await }));
        (address, certificate)
    }

    /// Waits until everything overdue was worked on; answers how many leases remain to be revoked.
    pub(crate) fn settle(&self, limit: Duration) -> usize {
        self.runtime.block_on(self.engine.settle(limit))
    }

    /// Sends a request, reads the beginning of its answer, and is gone.
    pub(crate) fn half_read(&self, request: &str) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        self.runtime.block_on(async {
            // Smaller than any answer that hands something out.
            let (mut client, server) = tokio::io::duplex(64);
            let engine = self.engine.clone();
            let serving = tokio::spawn(async move { engine.serve_stream(server, None).await });
            client.write_all(request.as_bytes()).await.unwrap();
            let mut begun = [0; 32];
            client.read_exact(&mut begun).await.unwrap();
            drop(client);
            serving.await.unwrap();
            String::from_utf8(begun.to_vec()).unwrap()
        })
    }

    /// What it found to be lost at its start.
    pub(crate) fn losses(&self) -> Vec<String> {
        self.engine.losses()
    }

    /// Closes and opens the trail's files, as SIGHUP does.
    pub(crate) fn reload(&self) {
        self.engine.reload();
    }

    /// Points the commands of a test at this engine, as root.
    pub(crate) fn serve(&self, env: &mut TestEnv) {
        env.set("LEASEHOLD_ADDR", &self.address).set("LEASEHOLD_TOKEN", &self.root_token);
    }
}

impl Drop for InTestEngine {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has already been printed.
            let _ = thread.join();
        }
    }
}

impl Output {
    /// Exit code, stdout and stderr with everything that differs from run to run replaced, for snapshots.
    pub(crate) fn normal(&self) -> String {
        let end = if self.stdout.is_empty() || self.stdout.ends_with('\n') { "" } else { " [no line end]\n" };
        let text = format!("exit code: {}\n--- stdout\n{}{end}--- stderr\n{}", self.code, self.stdout, self.stderr);
        normal(&text.replace(&self.home.display().to_string(), "[home]"))
    }
}

/// A text with ids, tokens, keys, times and ports replaced. Columns after them may move; the first
/// column of our tables never holds one.
pub(crate) fn normal(text: &str) -> String {
    const RULES: [(&str, &str); 10] = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[uuid]"),
        (r"hv[sb]\.[0-9A-Za-z_-]{20,}", "[token]"),
        (r"(/creds/[^/\s]+|/login)/[0-9A-Za-z]{20,}", "${1}/[lease]"),
        (r"AKIA[0-9A-Z]{16}", "[access key]"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", "[time]"),
        (r"127\.0\.0\.1:\d+", "[address]"),
        (r"\b(auth_)?(aws|kv|approle|token|system|cubbyhole|identity|ns)_[0-9a-f]{8}\b", "${1}${2}_[hex]"),
        (r"\b[0-9a-f]{40}\b", "[commit]"),
        (r#"(?m)(^|[\s'"=])[0-9A-Za-z+/]{40}($|[\s'"])"#, "${1}[secret]${2}"),
        (r"\b[0-9A-Za-z]{24}\b", "[accessor]"),
    ];
    RULES.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

#[test]
fn snapshots_show_nothing_that_differs_from_run_to_run() {
    let text = "aws/creds/webapp/5vQTjW7M0bYk3dJ9hEoL2sRn at 2026-01-02T03:04:05.678Z from http://127.0.0.1:4711";
    assert_eq!(normal(text), "aws/creds/webapp/[lease] at [time] from http://[address]");
}

/// Runs git in a directory, as nobody in particular, and answers its stdout.
#[track_caller]
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Puts everything in a directory under git, and answers the commit.
pub(crate) fn commit_all(directory: &Path) -> String {
    git(directory, &["init", "--quiet"]);
    git(directory, &["add", "--all"]);
    git(directory, &["commit", "--quiet", "--message", "the estate"]);
    git(directory, &["rev-parse", "HEAD"])
}
