//! AWS as an outsider sees it: the account's endpoint, looked at with boto3.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::python::python;

/// A policy that allows an action on everything.
pub(crate) fn allow(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}).to_string()
}

/// The error code of a call, or `ok`.
pub(crate) fn code<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

/// An account to look at, and the keys to look with.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    pub(crate) endpoint: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl Aws {
    /// Every user below an IAM path, with policies, tags, groups and keys.
    pub(crate) fn users(&self, path_prefix: &str) -> Vec<Value> {
        match self.look(&["users", &self.endpoint, path_prefix], &self.access_key, &self.secret_key) {
            Value::Array(users) => users,
            other => panic!("users are a list, not {other}"),
        }
    }

    /// Every user below an IAM path, with nothing but its tags: for many users.
    pub(crate) fn owners(&self, path_prefix: &str) -> Vec<Value> {
        match self.look(&["owners", &self.endpoint, path_prefix], &self.access_key, &self.secret_key) {
            Value::Array(users) => users,
            other => panic!("users are a list, not {other}"),
        }
    }

    /// Who a key belongs to: an ARN, or the code of AWS's refusal.
    pub(crate) fn whoami(&self, access_key: &str, secret_key: &str) -> String {
        let answer = self.look(&["whoami", &self.endpoint], access_key, secret_key);
        answer.as_str().expect("an ARN or a code").to_owned()
    }

    /// Makes a role that the account may assume and that may do one thing; answers its ARN.
    pub(crate) fn role(&self, name: &str, action: &str) -> String {
        let answer = self.look(&["role", &self.endpoint, name, action], &self.access_key, &self.secret_key);
        answer.as_str().expect("an ARN").to_owned()
    }

    /// Makes a user that may do this one thing.
    pub(crate) fn user(&self, name: &str, action: &str) {
        self.look(&["user", &self.endpoint, name, action], &self.access_key, &self.secret_key);
    }

    /// The access keys of users, by their names.
    pub(crate) fn keys(&self, names: &[String]) -> Value {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.look(&[&["keys", &self.endpoint], &names[..]].concat(), &self.access_key, &self.secret_key)
    }

    /// What the account says to whatever credential boto3 finds in these variables.
    pub(crate) fn tried(&self, variables: &[(&str, &str)]) -> Value {
        self.look_with(&["tried", &self.endpoint], variables)
    }

    /// Who the AWS CLI is, by whatever credential it finds in these variables: an ARN, or the code of AWS's refusal.
    pub(crate) fn who_the_cli_is(&self, variables: &[(&str, &str)]) -> String {
        let output = Command::new(python())
            .args(["-m", "awscli", "--region", "us-east-1", "--endpoint-url", &self.endpoint])
            .args(["sts", "get-caller-identity", "--query", "Arn", "--output", "text"])
            .env_clear()
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(variables.iter().copied())
            .output()
            .expect("python runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.success() {
            true => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            false => said
                .split_once("An error occurred (")
                .and_then(|(_, rest)| rest.split_once(')'))
                .map_or(said.clone(), |(code, _)| code.to_owned()),
        }
    }

    fn look(&self, arguments: &[&str], access_key: &str, secret_key: &str) -> Value {
        let key = [("AWS_ACCESS_KEY_ID", access_key), ("AWS_SECRET_ACCESS_KEY", secret_key)];
        self.look_with(arguments, &key)
    }

    fn look_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Value {
        let output = Command::new(python())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/look.py"))
            .args(arguments)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .envs(variables.iter().copied())
            .output()
            .expect("python runs");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

/// A `leasehold sandbox` process that ends with this guard.
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) aws: Aws,
}

impl Sandbox {
    /// Serves an account on loopback; it is kept in `data_dir`, or in memory.
    pub(crate) fn start(env: &TestEnv, data_dir: Option<&Path>) -> Self {
        let mut command = env.command(&["sandbox", "--listen", "127.0.0.1:0"]);
        if let Some(data_dir) = data_dir {
            command.arg("--data-dir").arg(data_dir);
        }
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let mut said = |label: &str| {
            lines
                .find_map(|line| line.strip_prefix(label).map(|rest| rest.trim().to_owned()))
                .unwrap_or_else(|| panic!("the sandbox says its {label}"))
        };
        let aws = Aws { endpoint: said("Endpoint "), access_key: said("Root key "), secret_key: said("Root secret ") };
        drop(std::thread::spawn(move || lines.for_each(drop)));
        Self { child, aws }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
