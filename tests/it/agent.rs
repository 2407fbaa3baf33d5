//! `leasehold agent`: unchanged SDKs of AWS get what it holds, and it holds something that lives.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::between::{Between, Fault};
use crate::env::{Server, TestEnv};

/// How long something may take that another process is about to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A development server with a simulated account, an app with a login of its own, and a host that has no estate.
struct World {
    server: Server,
    operator: TestEnv,
    host: TestEnv,
}

impl World {
    /// With leases of so long, which can be renewed for so long.
    fn new(lease: &str, most: &str) -> Self {
        let mut operator = TestEnv::new();
        let server = operator.server(&["-dev", "--aws=sandbox", "--listen", "127.0.0.1:0"]);
        operator.set("LEASEHOLD_ADDR", &server.address).set("LEASEHOLD_TOKEN", server.root_token.clone().unwrap());
        operator.ok(&["secrets", "enable", "aws"]);
        operator.ok(&["write", "aws/config/lease", &format!("lease={lease}"), &format!("lease_max={most}")]);
        let document =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}}"#;
        let document = format!("policy_document={document}");
        operator.ok(&["write", "aws/roles/web", "credential_type=iam_user", &document]);
        operator.ok(&["auth", "enable", "approle"]);
        operator.write("web.hcl", "path \"aws/creds/*\" { capabilities = [\"read\"] }\n");
        operator.ok(&["policy", "write", "web", "web.hcl"]);
        operator.ok(&["write", "auth/approle/role/app-web", "token_policies=web", "token_ttl=1h"]);
        let role_id = operator.ok(&["read", "-field=role_id", "auth/approle/role/app-web/role-id"]);
        let secret_id = operator.ok(&["write", "-f", "-field=secret_id", "auth/approle/role/app-web/secret-id"]);
        let host = TestEnv::new();
        let secret_id = host.write("secret-id", &secret_id);
        std::fs::set_permissions(&secret_id, PermissionsExt::from_mode(0o600)).unwrap();
        let mut world = Self { server, operator, host };
        world.host.set("LEASEHOLD_ADDR", &world.server.address);
        world.host.write("agent.yaml", &world.config(&role_id, "[]"));
        world.host.set("ROLE_ID", role_id);
        world
    }

    /// What a script prints that speaks to the simulated account.
    fn in_aws(&self, script: &str) -> String {
        let exports = self.server.exports.iter().filter(|(name, _)| name.starts_with("AWS_")).cloned();
        let made =
            Command::new(crate::python::python()).args(["-c", script]).env_clear().envs(exports).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// A role of sessions, `aws/session`, in the simulated account and at the mount.
    fn session_role(&self) {
        let arn = format!("role_arns={}", self.in_aws(MAKE_ROLE));
        self.operator.ok(&["write", "aws/roles/session", "credential_type=assumed_role", &arn]);
    }

    /// An agent's file, with the files that it writes for the app.
    fn config(&self, role_id: &str, files: &str) -> String {
        format!(
            "listen: 127.0.0.1:0\napps:\n  web:\n    login: approle\n    role_id: {role_id}\n    secret_id_file: \
             secret-id\n    files: {files}\n"
        )
    }

    fn agent(&self, more: &[&str]) -> Agent {
        Agent::start(&self.host, &[&["agent", "--config", "agent.yaml"], more].concat())
    }

    /// The users that the engine has made.
    fn users(&self) -> usize {
        let leases = self.operator.run(&["list", "-format=json", "sys/leases/lookup/aws/creds/web"]);
        serde_json::from_str::<Vec<String>>(&leases.stdout).map_or(0, |leases| leases.len())
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Running {
    fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.0)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An agent that runs, and where it says that clients find it.
struct Agent {
    child: Running,
    stderr: BufReader<ChildStderr>,
    uri: String,
    token_file: String,
}

impl Agent {
    fn start(host: &TestEnv, arguments: &[&str]) -> Self {
        let mut command = host.command(arguments);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut agent = Self { child: Running(child), stderr, uri: String::new(), token_file: String::new() };
        while agent.token_file.is_empty() {
            let line = agent.line();
            if let Some(uri) = line.strip_prefix("AWS_CONTAINER_CREDENTIALS_FULL_URI=") {
                uri.clone_into(&mut agent.uri);
            }
            if let Some(file) = line.strip_prefix("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=") {
                file.clone_into(&mut agent.token_file);
            }
        }
        agent
    }

    /// The next line that it says.
    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "it has ended");
        line.trim_end().to_owned()
    }

    /// Reads what it says until a line has this.
    fn says(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
        }
    }

    fn token(&self) -> String {
        std::fs::read_to_string(&self.token_file).unwrap()
    }

    /// Asks for a path, and shows this.
    fn ask_as(&self, method: &str, path: &str, token: &str) -> (u16, Value) {
        let address = self.uri.strip_prefix("http://").unwrap().split('/').next().unwrap();
        asked(TcpStream::connect(address).unwrap(), method, path, token)
    }

    fn ask(&self) -> (u16, Value) {
        self.ask_as("GET", "/credentials/web", &self.token())
    }

    /// What it holds, once that is so.
    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn(u16, &Value) -> bool) -> (u16, Value) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (status, body) = self.ask();
            if is_so(status, &body) {
                return (status, body);
            }
            assert!(Instant::now() < end, "{what}: {status} {body}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The environment of a client.
    fn client(&self, program: impl AsRef<std::ffi::OsStr>, endpoint: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "us-east-1");
        command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_ENDPOINT_URL", endpoint);
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &self.uri);
        command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &self.token_file);
        command
    }

    fn stop(&mut self) -> Option<i32> {
        rustix::process::kill_process(self.child.pid(), rustix::process::Signal::TERM).unwrap();
        self.child.0.wait().unwrap().code()
    }
}

fn asked(mut stream: impl Read + Write, method: &str, path: &str, token: &str) -> (u16, Value) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Makes a role of the account that the engine may assume.
const MAKE_ROLE: &str = r#"
import boto3, json
iam = boto3.client("iam")
trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}
document = json.dumps({"Version": "2012-10-17", "Statement": trust})
print(iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)["Role"]["Arn"])
"#;

#[test]
fn unchanged_clients_of_aws_get_what_it_holds() {
    let world = World::new("1h", "2h");
    world.session_role();
    let role_id = world.host.variable("ROLE_ID").to_owned();
    let second = "  session:\n    role: aws/session\n    login: approle\n    secret_id_file: secret-id\n";
    let both = format!("{}{second}    role_id: {role_id}\n", world.config(&role_id, "[]"));
    world.host.write("agent.yaml", &both);
    let mut agent = world.agent(&[]);
    agent.until("both are there", |status, _| {
        status == 200 && agent.ask_as("GET", "/credentials/session", &agent.token()).0 == 200
    });
    let endpoint = world.server.aws_endpoint.as_deref().unwrap();
    let client = "import boto3; print('I am', boto3.client('sts').get_caller_identity()['Arn'])";
    let cli = ["-m", "awscli", "sts", "get-caller-identity", "--query", "join(' ', ['I am', Arn])", "--output", "text"];
    // This very program, as the child that the next test is.
    let rust = ["--ignored", "--exact", "agent::a_client_with_the_sdk_of_rust", "--nocapture"];
    let [user, session] = ["user/leasehold/", "assumed-role/deploy/"];
    let base = agent.uri.rsplit_once('/').unwrap().0.to_owned();
    for (app, program, arguments, is) in [
        ("web", crate::python::python().to_owned(), &["-c", client][..], user),
        ("session", crate::python::python().to_owned(), &["-c", client], session),
        ("web", crate::python::python().to_owned(), &cli, user),
        ("session", crate::python::python().to_owned(), &cli, session),
        ("session", std::env::current_exe().unwrap(), &rust, session),
    ] {
        agent.uri = format!("{base}/{app}");
        let output = agent.client(program, endpoint).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("I am arn:aws:") && said.contains(is), "{app}: {said}");
    }
    assert_eq!(world.users(), 1, "all who ask for it share one");
    assert_eq!(agent.stop(), Some(0));
    assert_eq!(world.users(), 1, "what was handed out lives on");
}

/// Run by the test above, in an environment of its own.
#[test]
#[ignore = "it is the child of another test"]
fn a_client_with_the_sdk_of_rust() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let arn = runtime.block_on(async {
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
        let answer = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.unwrap();
        answer.arn().unwrap_or_default().to_owned()
    });
    let _ = writeln!(std::io::stdout(), "I am {arn}");
}

#[test]
fn nobody_gets_it_without_the_token_and_only_by_its_name() {
    let world = World::new("1h", "2h");
    let mut agent = world.agent(&[]);
    agent.says("web: a credential until");
    let token = agent.token();
    assert_eq!(std::fs::metadata(&agent.token_file).unwrap().permissions().mode() & 0o777, 0o600);
    let (status, body) = agent.ask();
    assert_eq!((status, body["Token"].as_str()), (200, Some("")), "{body}");
    assert!(body["AccessKeyId"].as_str().unwrap().starts_with("AKIA") && body["Expiration"].is_string(), "{body}");
    assert_eq!(agent.ask_as("GET", "/credentials", &token), (200, body), "there is only one");
    for (method, path, token, status) in [
        ("GET", "/credentials/web", "", 401),
        ("GET", "/credentials/web", &token[1..], 401),
        ("GET", "/credentials/none", "", 401),
        ("GET", "/credentials/none", &*token, 404),
        ("GET", "/", &*token, 404),
        ("POST", "/credentials/web", &*token, 405),
    ] {
        let (found, body) = agent.ask_as(method, path, token);
        assert_eq!(found, status, "{method} {path}: {body}");
        assert!(body["message"].is_string() && !body.to_string().contains("AKIA"), "{body}");
    }
    // Another agent on this host has the same token, so that clients need not be told anew.
    drop(agent);
    assert_eq!(world.agent(&[]).token(), token);
}

#[test]
fn who_has_no_token_keeps_nobody_else_waiting() {
    let world = World::new("1h", "2h");
    let mut agent = world.agent(&[]);
    agent.says("web: a credential until");
    let (address, token) = (agent.uri["http://".len()..].split('/').next().unwrap().to_owned(), agent.token());
    let connect = || {
        let stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    };
    let request = format!("GET /credentials/web HTTP/1.1\r\nHost: a\r\nAuthorization: {token}\r\n\r\n");
    let answers = |stream: &mut TcpStream| {
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = [0; 15];
        stream.read_exact(&mut head).expect("an answer");
        assert_eq!(&head, b"HTTP/1.1 200 OK");
        // The rest of it, so that the next one is read from its beginning.
        let mut rest = [0; 4096];
        while !rest.ends_with(b"}") && stream.read(&mut rest[..]).is_ok_and(|read| !rest[..read].ends_with(b"}")) {}
    };
    let mut known = connect();
    answers(&mut known);
    let idle: Vec<TcpStream> = (0..300).map(|_| connect()).collect();
    answers(&mut connect());
    answers(&mut known);
    drop(idle);
}

#[test]
fn it_renews_while_it_can_and_then_has_another() {
    let world = World::new("6s", "14s");
    let agent = world.agent(&[]);
    let (_, first) = agent.until("there is one", |status, _| status == 200);
    let (_, later) = agent.until("it is renewed", |_, body| body["Expiration"] != first["Expiration"]);
    assert_eq!(later["AccessKeyId"], first["AccessKeyId"]);
    let (status, second) = agent.until("it is replaced", |_, body| body["AccessKeyId"] != first["AccessKeyId"]);
    assert_eq!(status, 200, "before the first has ended: {second}");
    // One that somebody ends is replaced too, at the next renewal.
    world.operator.ok(&["lease", "revoke", "-prefix", "-sync", "aws/creds/web"]);
    let (status, third) = agent.until("it has another", |_, body| {
        body["AccessKeyId"].is_string() && body["AccessKeyId"] != second["AccessKeyId"]
    });
    assert_eq!(status, 200, "{third}");
}

/// Nobody tells an agent that a lease was ended in an emergency: of a session that it can't renew, and of a user that is gone
/// hours before its renewal.
#[test]
fn what_somebody_ended_is_handed_on_no_more() {
    let world = World::new("1h", "2h");
    world.session_role();
    // One whose token is there for two requests: the first is its credential.
    let login = ["token_policies=web", "token_ttl=1h", "token_num_uses=2"];
    world.operator.ok(&[&["write", "auth/approle/role/app-few"], &login[..]].concat());
    let few = world.operator.ok(&["read", "-field=role_id", "auth/approle/role/app-few/role-id"]);
    let secret_id = world.operator.ok(&["write", "-f", "-field=secret_id", "auth/approle/role/app-few/secret-id"]);
    let secret_id = world.host.write("few", &secret_id);
    std::fs::set_permissions(&secret_id, PermissionsExt::from_mode(0o600)).unwrap();
    let role_id = world.host.variable("ROLE_ID").to_owned();
    let app = |name: &str, role: &str, role_id: &str, secret_id: &str| {
        format!(
            "  {name}:\n    role: {role}\n    login: approle\n    role_id: {role_id}\n    secret_id_file: {secret_id}\n"
        )
    };
    let apps = [
        app("web", "aws/web", &role_id, "secret-id"),
        app("session", "aws/session", &role_id, "secret-id"),
        app("few", "aws/session", &few, "few"),
    ];
    let head = "listen: 127.0.0.1:0\nlook_every: 1s\napps:\n";
    world.host.write("agent.yaml", &format!("{head}{}", apps.concat()));
    let agent = world.agent(&[]);
    let held = |app: &str| agent.ask_as("GET", &format!("/credentials/{app}"), &agent.token());
    let key = |app: &str| held(app).1["AccessKeyId"].as_str().map(str::to_owned);
    let names = ["web", "session", "few"];
    agent.until("all are there", |_, _| names.iter().all(|app| held(app).0 == 200));
    let before = names.map(key);
    world.operator.ok(&["lease", "revoke", "-prefix", "-sync", "aws/creds/web"]);
    let lease = world.operator.ok(&["list", "-format=json", "sys/leases/lookup/aws/creds/session"]);
    assert_eq!(serde_json::from_str::<Vec<String>>(&lease).unwrap().len(), 2);
    let is_another = |app: &str, before: &Option<String>| key(app).is_some_and(|key| Some(key) != *before);
    agent.until("another user", |_, _| is_another("web", &before[0]));
    // Nobody looked with the token that has no use for it.
    assert_eq!((key("session"), key("few")), (before[1].clone(), before[2].clone()));
    let output = world.operator.run(&["lease", "revoke", "-force", "-prefix", "aws/creds/session"]);
    assert_eq!(output.code, 0, "{}", output.normal());
    agent.until("another session", |_, _| is_another("session", &before[1]));
    assert_eq!(world.users(), 1);
}

/// The key of a static role is under no lease: what AWS has no more is told by the engine's having another.
#[test]
fn a_key_that_was_rotated_away_is_handed_on_no_more() {
    let world = World::new("1h", "2h");
    world.in_aws("import boto3\nboto3.client('iam').create_user(UserName='legacy')");
    world.operator.ok(&["write", "aws/static-roles/legacy", "username=legacy", "rotation_period=48h"]);
    world.operator.write("web.hcl", "path \"aws/static-creds/*\" { capabilities = [\"read\"] }\n");
    world.operator.ok(&["policy", "write", "web", "web.hcl"]);
    let role_id = world.host.variable("ROLE_ID").to_owned();
    let config = world.config(&role_id, "[]").replace("web:\n", "web:\n    role: aws/static-creds/legacy\n");
    world.host.write("agent.yaml", &format!("look_every: 1s\n{config}"));
    let mut agent = world.agent(&[]);
    let (_, first) = agent.until("there is one", |status, _| status == 200);
    for _ in 0..2 {
        world.operator.ok(&["write", "-f", "aws/rotate-role/legacy"]);
    }
    agent.until("the key that is there now", |_, answer| answer["AccessKeyId"] != first["AccessKeyId"]);
    let said = agent.says("was ended before its time");
    assert!(said.contains("its role has another key now, or is gone"), "{said}");
}

#[test]
fn who_may_not_look_is_told_once_and_keeps_what_it_has() {
    let world = World::new("1h", "2h");
    let login = ["token_policies=web", "token_ttl=1h", "token_no_default_policy=true"];
    world.operator.ok(&[&["write", "auth/approle/role/app-web"], &login[..]].concat());
    let role_id = world.host.variable("ROLE_ID").to_owned();
    world.host.write("agent.yaml", &format!("look_every: 1s\n{}", world.config(&role_id, "[]")));
    let mut agent = world.agent(&[]);
    let (_, first) = agent.until("there is one", |status, _| status == 200);
    let said = agent.says("can't be told");
    assert!(said.contains("and it is not asked again") && said.contains("403"), "{said}");
    assert_eq!(agent.ask().1["AccessKeyId"], first["AccessKeyId"]);
    for (text, part) in [("look_every: 0s", "is less than a second"), ("look_every: soon", "invalid duration")] {
        world.host.write("wrong.yaml", &format!("{text}\n{}", world.config(&role_id, "[]")));
        let output = world.host.run(&["agent", "--config", "wrong.yaml"]);
        assert!(output.code == 1 && output.stderr.contains(part), "{text}: {}", output.stderr);
    }
}

#[test]
fn while_the_engine_is_away_it_serves_what_lives() {
    let mut world = World::new("6s", "1h");
    let between = Between::start(&world.server.address);
    world.host.set("LEASEHOLD_ADDR", &between.address).set("LEASEHOLD_MAX_RETRIES", "0");
    let mut agent = world.agent(&[]);
    let (_, first) = agent.until("there is one", |status, _| status == 200);
    between.fault("PUT /v1/auth/token/renew-self", usize::MAX, Fault::Refused(503));
    between.fault("POST /v1/auth/token/renew-self", usize::MAX, Fault::Refused(503));
    between.fault("PUT /v1/auth/approle/login", usize::MAX, Fault::Refused(503));
    between.fault("POST /v1/auth/approle/login", usize::MAX, Fault::Refused(503));
    agent.says("could not be renewed yet");
    let (status, same) = agent.ask();
    assert_eq!((status, &same["AccessKeyId"]), (200, &first["AccessKeyId"]), "{same}");
    let (_, none) = agent.until("it has ended", |status, _| status == 503);
    assert!(none["message"].as_str().unwrap().contains("there is no credential: "), "{none}");
    between.heal();
    agent.until("there is another", |status, body| status == 200 && body["AccessKeyId"] != first["AccessKeyId"]);
}

#[test]
fn files_are_for_whom_they_are_said_to_be() {
    let world = World::new("1h", "2h");
    let files = "[{path: out/credentials, form: shared_credentials, profile: web}, {path: out/env, form: env, mode: \
                 '0640'}, {path: out/json, form: process}]";
    let role_id = world.host.variable("ROLE_ID").to_owned();
    world.host.write("agent.yaml", &world.config(&role_id, files));
    std::fs::create_dir(world.host.dir().join("out")).unwrap();
    let output = world.host.run(&["agent", "--config", "agent.yaml", "--once"]);
    assert_eq!((output.code, output.stdout.as_str()), (0, ""), "{}", output.normal());
    assert!(output.stderr.contains("web: a credential until"), "{}", output.stderr);
    let read = |name: &str| std::fs::read_to_string(world.host.dir().join("out").join(name)).unwrap();
    let mode = |name: &str| std::fs::metadata(world.host.dir().join("out").join(name)).unwrap().permissions().mode();
    let (shared, env) = (read("credentials"), read("env"));
    assert!(shared.starts_with("[web]\naws_access_key_id = AKIA") && shared.lines().count() == 3, "{shared}");
    assert!(env.starts_with("AWS_ACCESS_KEY_ID=AKIA") && env.contains("\nAWS_SECRET_ACCESS_KEY="), "{env}");
    assert_eq!(serde_json::from_str::<Value>(&read("json")).unwrap()["Version"], json!(1));
    assert_eq!([mode("credentials") & 0o777, mode("env") & 0o777], [0o600, 0o640]);
    assert!(!output.stderr.contains("AKIA"), "{}", output.stderr);
    for (change, told) in [
        (("role_id: ", "role: "), "names no role"),
        (("listen: 127", "listen: 0"), "not on loopback"),
        (("form: env", "form: ini"), "unknown variant `ini`"),
        (("'0640'", "'0999'"), "octal digits"),
        (("login: approle", "login: kerberos"), "one of: approle"),
        (("files:", "fils:"), "unknown field `fils`"),
    ] {
        world.host.write("wrong.yaml", &world.config(&role_id, files).replace(change.0, change.1));
        let output = world.host.run(&["agent", "--config", "wrong.yaml"]);
        assert_eq!(output.code, 1, "{change:?}: {}", output.normal());
        assert!(output.stderr.contains(told), "{change:?}: {}", output.stderr);
    }
    world.host.write("agent.yaml", &world.config("wrong", files));
    let output = world.host.run(&["agent", "--config", "agent.yaml", "--once"]);
    assert_eq!(output.code, 2, "{}", output.normal());
}

#[test]
fn one_app_that_fails_does_not_stop_the_others() {
    let world = World::new("1h", "2h");
    let role_id = world.host.variable("ROLE_ID").to_owned();
    let app = |name: &str, role_id: &str, files: &str| {
        format!(
            "  {name}:\n    login: approle\n    login_role: app-web\n    role: aws/web\n    role_id: {role_id}\n    \
                 secret_id_file: secret-id\n    files: [{files}]\n"
        )
    };
    let file = |path: &str| format!("{{path: {path}, form: env}}");
    let config = |apps: &[String]| world.host.write("several.yaml", &format!("apps:\n{}", apps.concat()));
    let once = || world.host.run(&["agent", "--config", "several.yaml", "--once"]);
    let files = format!("{}, {}", file("none/b"), file("b"));
    config(&[app("a", "wrong", &file("a")), app("b", &role_id, &files), app("c", &role_id, &file("c"))]);
    let output = once();
    assert_eq!(output.code, 2, "{}", output.normal());
    for told in ["a: Error logging in as app-web", "b: none/b could not be written", "c: a credential until"] {
        assert!(output.stderr.contains(told), "{told}: {}", output.stderr);
    }
    let there = |name: &str| world.host.dir().join(name).exists();
    assert_eq!([there("a"), there("b"), there("c")], [false, true, true]);

    config(&[app("a", &role_id, &file("a")), app("b", &role_id, &file("b")), app("a", &role_id, &file("c"))]);
    let output = once();
    assert_eq!(output.code, 1, "{}", output.normal());
    for told in ["several.yaml:2:3", "several.yaml:16:3", "first here"] {
        assert!(output.stderr.contains(told), "{told}: {}", output.stderr);
    }
    for (apps, told) in [
        ([app("a", &role_id, &file("x")), app("b", &role_id, &file("./x"))], "./x would be written for a and for b"),
        ([app("a", &role_id, &format!("{0}, {0}", file("x"))), String::new()], "x stands twice among the files of a"),
    ] {
        config(&apps);
        let output = once();
        assert!(output.code == 1 && output.stderr.contains(told), "{told}: {}", output.normal());
    }
    world.host.write("several.yaml", &format!("apps:\n{}", app("a", &role_id, &file("a")).replace("secret-id", "no")));
    let output = once();
    assert!(output.stderr.contains("secret_id_file: no is not there"), "{}", output.stderr);
}

#[test]
fn a_socket_is_for_its_owner_and_goes_with_the_agent() {
    let world = World::new("1h", "2h");
    let socket = world.host.dir().join("agent.sock");
    let listen = format!("--listen=unix:{}", socket.display());
    let start = || {
        let mut command = world.host.command(&["agent", "--config", "agent.yaml", &listen]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let child = Running(child);
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        lines.find(|line| line.contains("a credential until")).expect("it has one");
        child
    };
    let mut child = start();
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let token = std::fs::read_to_string(world.host.dir().join(".leasehold-agent-token")).unwrap();
    let (status, body) = asked(UnixStream::connect(&socket).unwrap(), "GET", "/credentials/web", &token);
    assert_eq!(status, 200, "{body}");
    let taken = world.host.run(&["agent", "--config", "agent.yaml", &listen]);
    assert!(taken.code == 1 && taken.stderr.contains("cannot listen on"), "{}", taken.normal());
    // One that was killed leaves its socket, which does not stand in the way of the next.
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    assert!(socket.exists());
    let mut child = start();
    rustix::process::kill_process(child.pid(), rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
    assert!(!socket.exists());
}
