//! The real server is killed just before every system call by which it changes a file: of a first start, of a later
//! one, of an issue, of a revoke, of cutting sessions off, and of making, rotating and deleting a static role, with the
//! sandbox as AWS and its journal beside the engine's data.
//!
//! Between two such calls nothing outside of the process changes, so these are all the moments there are. After each
//! kill the server is started again, and is judged from outside: it starts, its root token opens it, every IAM user and
//! every policy that cuts sessions off belongs to a lease, the key of a static role works, no more than one key of its
//! user is unknown, what a client received is in the trail, and the trail's chain holds.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use leasehold::trail::chain;
use serde_json::{Value, json};

use crate::env::TestEnv;
use crate::http::{Answer, Http, said};
use crate::traced::Traced;

/// At least so many of a hundred calls must have been killed at.
const SHARE_MIN: usize = 90;

/// What is done to a server, and what it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scene {
    FirstStart,
    LaterStart,
    Issue,
    Revoke,
    CutOff,
    StaticWrite,
    StaticRotate,
    StaticDelete,
}

const SCENES: [Scene; 8] = [
    Scene::FirstStart,
    Scene::LaterStart,
    Scene::Issue,
    Scene::Revoke,
    Scene::CutOff,
    Scene::StaticWrite,
    Scene::StaticRotate,
    Scene::StaticDelete,
];

impl Scene {
    /// What is asked of the server once it has started.
    fn act(self, http: &Http, lease: &str) -> Option<Answer> {
        match self {
            Self::FirstStart | Self::LaterStart => None,
            Self::Issue => http.try_send("GET", "aws/creds/app", None).ok(),
            Self::Revoke => http.try_send("PUT", "sys/leases/revoke", Some(&json!({ "lease_id": lease }))).ok(),
            Self::CutOff => http.try_send("PUT", "sys/leases/revoke-force/aws/creds/session", Some(&json!({}))).ok(),
            Self::StaticWrite => {
                let body = json!({ "username": "newcomer", "rotation_period": "24h" });
                http.try_send("POST", "aws/static-roles/newcomer", Some(&body)).ok()
            }
            Self::StaticRotate => http.try_send("POST", "aws/rotate-role/robot", Some(&json!({}))).ok(),
            Self::StaticDelete => http.try_send("DELETE", "aws/static-roles/robot", None).ok(),
        }
    }
}

/// A data directory of an engine with a role and one lease, to be copied.
struct Template {
    data: PathBuf,
    lease: String,
}

/// Each call with how many like it came before it: what one run's calls and another's have in common.
fn numbered(calls: &[String]) -> Vec<(String, usize)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    calls
        .iter()
        .map(|call| {
            let count = seen.entry(call.as_str()).or_default();
            *count += 1;
            (call.clone(), *count)
        })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn client(data: &Path, address: &str) -> Http {
    let token = std::fs::read_to_string(data.join("root-token")).unwrap_or_default().trim().to_owned();
    Http { address: address.trim_start_matches("http://").to_owned(), token }
}

fn template(env: &TestEnv) -> Template {
    let data = env.dir().join("template");
    let account = data.join("sandbox");
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}"#;
    let trust = format!("AssumeRolePolicyDocument={trust}");
    env.ok(&["sandbox", "call", "--data-dir", account.to_str().unwrap(), "CreateRole", "RoleName=deploy", &trust]);
    for user in ["UserName=robot", "UserName=newcomer"] {
        env.ok(&["sandbox", "call", "--data-dir", account.to_str().unwrap(), "CreateUser", user]);
    }
    let server = env.server(&["--listen", "127.0.0.1:0", "--aws", "sandbox", "--data-dir", data.to_str().unwrap()]);
    let http = client(&data, &server.address);
    http.post("sys/mounts/aws", &json!({ "type": "aws", "options": { "emergency_revocation": "true" } }));
    http.post(
        "aws/roles/app",
        &json!({ "credential_type": "iam_user", "policy_document": json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::kill/*" }],
        }).to_string() }),
    );
    let lease = said(&http.get("aws/creds/app")["lease_id"]);
    let role = "arn:aws:iam::123456789012:role/deploy";
    http.post("aws/roles/session", &json!({ "credential_type": "assumed_role", "role_arns": role }));
    http.get("aws/creds/session");
    http.post("aws/static-roles/robot", &json!({ "username": "robot", "rotation_period": "24h" }));
    assert_eq!(server.stop(), Some(0));
    Template { data, lease }
}

/// A directory for one run: as the scene begins.
fn fresh(env: &TestEnv, scene: Scene, template: &Template, name: &str) -> PathBuf {
    let data = env.dir().join(format!("{scene:?}-{name}"));
    if scene != Scene::FirstStart {
        copy(&template.data, &data);
    }
    data
}

/// Runs a scene up to its end or to the kill; answers its calls, how many came before the act, whether it was killed,
/// and what the client got.
fn run(
    env: &TestEnv,
    scene: Scene,
    template: &Template,
    data: &Path,
    at: usize,
) -> (Vec<String>, usize, bool, Option<Answer>) {
    let traced = Traced::start(env, data, at);
    let before = if matches!(scene, Scene::FirstStart | Scene::LaterStart) { 0 } else { traced.calls().len() };
    let answer = traced.address.as_deref().and_then(|address| scene.act(&client(data, address), &template.lease));
    let (calls, killed) = traced.end();
    (calls, before, killed, answer)
}

/// The lease tag of every user in the sandbox's journal.
fn leases_of_users(data: &Path) -> BTreeSet<String> {
    let journal = std::fs::read_to_string(data.join("sandbox/account.jsonl")).unwrap_or_default();
    let mut users: HashMap<String, String> = HashMap::new();
    // A last line without an end was being written.
    for line in journal.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let entry: Value = serde_json::from_str(line).expect("the journal's own lines");
        let Some([name, user]) = entry["user"].as_array().map(Vec::as_slice) else { continue };
        let tags = user["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
        match tags.iter().find(|tag| tag["key"] == "leasehold:lease") {
            Some(tag) => users.insert(said(name), said(&tag["value"])),
            None => users.remove(&said(name)),
        };
    }
    users.into_values().collect()
}

/// The leases of the policies that cut sessions off, by the sandbox's journal: their names end like the leases' ids.
fn leases_of_cuts(data: &Path) -> BTreeSet<String> {
    let journal = std::fs::read_to_string(data.join("sandbox/account.jsonl")).unwrap_or_default();
    let mut cuts = BTreeSet::new();
    for line in journal.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let entry: Value = serde_json::from_str(line).expect("the journal's own lines");
        let Some([_, role]) = entry["role"].as_array().map(Vec::as_slice) else { continue };
        let names = role["inline"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let names = names.filter_map(|name| name.strip_prefix("leasehold-revoked-"));
        cuts = names.map(|name| format!("aws/emergency/deploy/{name}")).collect();
    }
    cuts
}

/// The access keys of a user, by the sandbox's journal.
fn keys_of(data: &Path, user: &str) -> BTreeSet<String> {
    let journal = std::fs::read_to_string(data.join("sandbox/account.jsonl")).unwrap_or_default();
    let mut keys = BTreeSet::new();
    for line in journal.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        let entry: Value = serde_json::from_str(line).expect("the journal's own lines");
        let Some([name, found]) = entry["user"].as_array().map(Vec::as_slice) else { continue };
        if name == user {
            keys = found["keys"].as_array().into_iter().flatten().map(|key| said(&key["id"])).collect();
        }
    }
    keys
}

/// What is wrong with the static role of a user: the key that is handed out has to work, and what nobody knows is one key
/// at most. `told` are the keys that the trail says were made.
fn judge_static(http: &Http, data: &Path, user: &str, told: &BTreeSet<String>) -> Result<(), String> {
    let served = http.send("GET", &format!("aws/static-creds/{user}"), None);
    let keys = keys_of(data, user);
    if served.status == 200 && !keys.contains(&said(&served.body["data"]["access_key"])) {
        return Err(format!("{} is handed out for {user}, and AWS has {keys:?}", served.body["data"]["access_key"]));
    }
    match keys.difference(told).count() {
        0 | 1 => Ok(()),
        _ => Err(format!("{user} has {keys:?}, of which the trail knows {told:?}")),
    }
}

/// Starts the server again after a kill and answers what is wrong with it.
fn judge(env: &TestEnv, scene: Scene, template: &Template, data: &Path, answer: Option<&Answer>) -> Result<(), String> {
    let data_dir = data.to_str().unwrap();
    let started = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        env.server(&["--listen", "127.0.0.1:0", "--aws", "sandbox", "--data-dir", data_dir])
    }));
    let server = started.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())?;
    let http = client(data, &server.address);
    let looked = http.send("GET", "auth/token/lookup-self", None);
    if looked.status != 200 {
        return Err(format!("the root token {:?} does not open it: {} {}", http.token, looked.status, looked.body));
    }
    let lease_is_there =
        |id: &str| http.send("PUT", "sys/leases/lookup", Some(&json!({ "lease_id": id }))).status == 200;
    for lease in leases_of_users(data) {
        // The engine cleans up behind the kill meanwhile: the user goes first, then the lease.
        if !lease_is_there(&lease) && leases_of_users(data).contains(&lease) {
            return Err(format!("the user of {lease} has no lease"));
        }
    }
    for cut in leases_of_cuts(data) {
        if !lease_is_there(&cut) && leases_of_cuts(data).contains(&cut) {
            return Err(format!("the policy of {cut} has no lease: nobody will remove it"));
        }
    }
    let trail = data.join("trail.log");
    let report = chain::verify(BufReader::new(std::fs::File::open(&trail).unwrap()), None).unwrap();
    if report.fault_count > 0 {
        return Err(format!("the trail does not hold: {:?}", report.faults));
    }
    let lines: Vec<Value> =
        std::fs::read_to_string(&trail).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    if let Some(line) = lines.iter().find(|line| line["event"]["name"] == "trail-lines-missing") {
        return Err(format!("nobody cut the trail, and it is said that somebody did: {line}"));
    }
    let told = |lease: &str, kind: &str, event: Option<&str>| {
        lines.iter().any(|line| {
            line["credential"]["lease_id"] == lease
                && line["type"] == kind
                && event.is_none_or(|event| line["event"]["name"] == event)
        })
    };
    let made = lines.iter().filter(|line| line["event"]["name"] == "static-key-made");
    let made: BTreeSet<String> = made.map(|line| said(&line["credential"]["access_key_id"])).collect();
    for user in ["robot", "newcomer"] {
        judge_static(&http, data, user, &made)?;
    }
    match (scene, answer) {
        (Scene::StaticWrite | Scene::StaticRotate, Some(answer)) if answer.status == 200 => {
            let user = if scene == Scene::StaticWrite { "newcomer" } else { "robot" };
            let key = said(&http.get(&format!("aws/static-creds/{user}"))["data"]["access_key"]);
            let keys = keys_of(data, user);
            let many = if scene == Scene::StaticWrite { 1 } else { 2 };
            if keys.len() != many || !keys.is_subset(&made) {
                return Err(format!("{key} was said to be made, and AWS has {keys:?}, the trail {made:?}"));
            }
        }
        (Scene::StaticDelete, Some(answer)) if answer.status == 204 => {
            let keys = keys_of(data, "robot");
            if !keys.is_empty() || http.send("GET", "aws/static-roles/robot", None).status != 404 {
                return Err(format!("robot was said to be deleted, and AWS has {keys:?}"));
            }
        }
        // Else the key is there till the role is taken up again, if it was not deleted by then.
        (Scene::LaterStart | Scene::Issue | Scene::Revoke | Scene::CutOff | Scene::StaticRotate, _)
            if http.send("GET", "aws/static-creds/robot", None).status != 200 =>
        {
            return Err("the static role robot has no key".to_owned());
        }
        (Scene::Issue, Some(answer)) if answer.status == 200 => {
            let lease = said(&answer.body["lease_id"]);
            if !told(&lease, "response", None) {
                return Err(format!("{lease} was handed out and is not in the trail"));
            }
            if !lease_is_there(&lease) {
                return Err(format!("{lease} was handed out and has no lease"));
            }
        }
        (Scene::Revoke, Some(answer)) if answer.status == 204 => {
            let lease = &template.lease;
            if leases_of_users(data).contains(lease) || lease_is_there(lease) {
                return Err(format!("{lease} was said to be revoked and is there"));
            }
            if !told(lease, "system", Some("lease-revoked")) {
                return Err(format!("{lease} was revoked and the trail does not say so"));
            }
        }
        (Scene::CutOff, Some(answer)) if answer.status == 200 => {
            let cuts = leases_of_cuts(data);
            let [cut] = cuts.iter().collect::<Vec<_>>()[..] else {
                return Err(format!("sessions were said to be cut off, and the policies are {cuts:?}"));
            };
            if !told(cut, "system", Some("sessions-cut-off")) {
                return Err(format!("{cut} cut sessions off and the trail does not say so"));
            }
        }
        _ => {}
    }
    Ok(())
}

/// One kill that is to be done, and the call that it should come at, as far as the calls keep their order.
#[derive(Clone)]
struct Kill {
    scene: Scene,
    at: usize,
    call: (String, usize),
}

/// What the kills came to.
#[derive(Default)]
struct Outcome {
    reached: HashSet<(Scene, (String, usize))>,
    wrong: Vec<String>,
    kills: usize,
}

/// Does these kills, several at a time.
fn kill_at_all(env: &TestEnv, template: &Template, kills: Vec<Kill>, outcome: &Mutex<Outcome>) {
    let queue = Mutex::new(kills);
    let worker = || {
        loop {
            let Some(Kill { scene, at, .. }) = queue.lock().unwrap().pop() else { return };
            let number = {
                let mut outcome = outcome.lock().unwrap();
                outcome.kills += 1;
                outcome.kills
            };
            let data = fresh(env, scene, template, &number.to_string());
            let (calls, _, killed, answer) = run(env, scene, template, &data, at);
            let call = numbered(&calls).pop();
            let judged = judge(env, scene, template, &data, answer.as_ref());
            std::fs::remove_dir_all(&data).unwrap();
            let mut outcome = outcome.lock().unwrap();
            if let Err(what) = judged {
                outcome.wrong.push(format!("{scene:?}, killed at call {at} {call:?}: {what}"));
            }
            outcome.reached.extend(call.filter(|_| killed).map(|call| (scene, call)));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(worker);
        }
    });
}

#[test]
fn killed_at_every_call_that_changes_a_file_it_starts_again_with_nothing_orphaned() {
    let env = TestEnv::new();
    let template = template(&env);
    let mut kills = Vec::new();
    for scene in SCENES {
        let data = fresh(&env, scene, &template, "whole");
        let (calls, before, killed, _) = run(&env, scene, &template, &data, 0);
        assert!(!killed && calls.len() > before + 10, "{scene:?} {calls:?}");
        let calls = numbered(&calls).into_iter().enumerate().skip(before);
        kills.extend(calls.map(|(index, call)| Kill { scene, at: index + 1, call }));
    }

    let outcome = Mutex::default();
    let mut left = kills.clone();
    // Store, trail and sandbox work at once, so that their calls change places: some take another try.
    for _ in 0..3 {
        kill_at_all(&env, &template, left.clone(), &outcome);
        let reached = &outcome.lock().unwrap().reached;
        left.retain(|kill| !reached.contains(&(kill.scene, kill.call.clone())));
    }

    let outcome = outcome.into_inner().unwrap();
    let of = |kills: &[Kill], scene| kills.iter().filter(|kill| kill.scene == scene).count();
    let told: Vec<String> = SCENES
        .iter()
        .map(|scene| {
            let all = of(&kills, *scene);
            format!("{scene:?}: killed at {} of {all} calls that change a file", all - of(&left, *scene))
        })
        .collect();
    let told = told.join("\n");
    writeln!(std::io::stdout(), "{told}").unwrap();
    assert!(
        outcome.wrong.is_empty(),
        "{} of {} kills:\n{}\n{told}",
        outcome.wrong.len(),
        outcome.kills,
        outcome.wrong.join("\n")
    );
    assert!((kills.len() - left.len()) * 100 >= kills.len() * SHARE_MIN, "too few calls were killed at\n{told}");
}
