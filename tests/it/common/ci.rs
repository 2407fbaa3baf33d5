//! Runs the shell of the jobs in `examples/ci`, each part on its own as a runner does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::env::TestEnv;

const BINARY: &str = env!("CARGO_BIN_EXE_leasehold");

/// A job of `examples/ci`, read from its file.
pub(crate) fn example(name: &str) -> Value {
    let path = format!("{}/examples/ci/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The shell of a job of GitHub's, a part a step.
pub(crate) fn github(job: &Value) -> Vec<String> {
    let steps = job["steps"].as_array().unwrap();
    steps.iter().filter_map(|step| Some(step["run"].as_str()?.to_owned())).collect()
}

/// The shell of the composite action for a command, a part a step.
pub(crate) fn action(command: &str) -> Vec<String> {
    let path = format!("{}/action.yml", env!("CARGO_MANIFEST_DIR"));
    let action: Value = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let is_meant = |step: &&Value| match step["if"].as_str() {
        Some(condition) => condition.starts_with(&format!("inputs.command == '{command}'")),
        None => true,
    };
    // What a step has from an input or from elsewhere comes by its variables: nobody writes a script into one.
    for step in steps {
        assert!(step["shell"] == "bash" && !step["run"].as_str().unwrap().contains("${{"), "{step}");
    }
    steps.iter().filter(is_meant).map(|step| step["run"].as_str().unwrap().to_owned()).collect()
}

/// The shell of a job of GitLab's: its lines are one script.
pub(crate) fn gitlab(job: &Value) -> Vec<String> {
    let lines = job["script"].as_array().unwrap();
    vec![lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n")]
}

/// A machine that runs jobs, on the files of a test.
pub(crate) struct Runner {
    home: PathBuf,
    variables: Vec<(String, String)>,
}

impl Runner {
    /// With these variables beside those that every job has. `gh` and `curl` write down what they are asked, and then do
    /// what `answers` does with it, in shell.
    pub(crate) fn new(env: &TestEnv, variables: &[(&str, &str)], answers: &str) -> Self {
        let home = env.dir().to_owned();
        let tools = home.join("tools");
        std::fs::create_dir_all(home.join("temp")).unwrap();
        std::fs::create_dir_all(&tools).unwrap();
        let stub = |name: &str| format!("#!/bin/sh\necho \"{name} $*\" >> \"$ASKED\"\n{answers}\n");
        // A machine that runs out of memory, say.
        let killed = "test -z \"$KILLED\" || test \"$1\" = --version || kill -9 $$";
        let leasehold = format!("#!/bin/sh\n{killed}\nexec {BINARY} \"$@\"\n");
        for (name, text) in [("gh", stub("gh")), ("curl", stub("curl")), ("leasehold", leasehold)] {
            std::fs::write(tools.join(name), text).unwrap();
            std::fs::set_permissions(tools.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { home, variables: variables.iter().map(text).collect() }
    }

    /// Runs a job in a folder of the test; answers the code of the first part that fails, and what was asked of others.
    pub(crate) fn run(&self, dir: &Path, parts: &[String]) -> (i32, String) {
        let path = format!("{}:{}", self.home.join("tools").display(), std::env::var("PATH").unwrap());
        for name in ["outputs", "asked"] {
            std::fs::write(self.home.join(name), "").unwrap();
        }
        let asked = || std::fs::read_to_string(self.home.join("asked")).unwrap();
        for part in parts {
            let given = std::fs::read_to_string(self.home.join("outputs")).unwrap();
            let code = given.lines().find_map(|line| line.strip_prefix("code=")).unwrap_or_default();
            let status = std::process::Command::new("bash")
                .args(["-e", "-c", part])
                .current_dir(dir)
                .env_clear()
                .env("PATH", &path)
                .env("HOME", &self.home)
                .envs([
                    ("CODE", code),
                    ("GITHUB_REPOSITORY", "o/r"),
                    ("CI_API_V4_URL", "https://gitlab.example.com/api/v4"),
                ])
                .env("GITHUB_OUTPUT", self.home.join("outputs"))
                .env("GITHUB_STEP_SUMMARY", self.home.join("github_step_summary"))
                .env("GITHUB_WORKSPACE", dir)
                .env("RUNNER_TEMP", self.home.join("temp"))
                .env("TMPDIR", self.home.join("temp"))
                .env("ASKED", self.home.join("asked"))
                .envs(self.variables.iter().map(|(name, value)| (name, value)))
                .status()
                .unwrap();
            if !status.success() {
                return (status.code().unwrap(), asked());
            }
        }
        (0, asked())
    }
}
