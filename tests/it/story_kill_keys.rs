//! The real server is killed just before every system call by which it changes a file while its keys begin or change: a
//! store that begins with shares, other shares of the unseal key, and other shares of a recovery key. Whoever got an
//! answer has what it says; who got none has what was there before, or where new shares were brought back, those.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::env::{Server, TestEnv};
use crate::http::{Http, said};
use crate::traced::Traced;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    Init,
    Rekey,
    Recovery,
}

const SCENES: [Scene; 3] = [Scene::Init, Scene::Rekey, Scene::Recovery];

/// What a scene begins with.
struct Before {
    data: PathBuf,
    /// The one share of its key.
    share: String,
    token: String,
}

/// What somebody has in hand after it.
#[derive(Default)]
struct After {
    /// The new share, once it was answered.
    share: Option<String>,
    /// Whether it was said to be in force.
    in_force: bool,
}

impl Scene {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Init | Self::Rekey => &["--config", "seal.hcl"],
            Self::Recovery => &[],
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Init | Self::Rekey => "sys/rekey",
            Self::Recovery => "sys/rekey-recovery-key",
        }
    }

    /// Does it, as far as the server lives.
    fn act(self, http: &Http, before: &Before) -> After {
        let mut after = After::default();
        let put = |path: &str, body: &Value| Some(http.try_send("PUT", path, Some(body)).ok()?.body);
        let one = json!({ "secret_shares": 1, "secret_threshold": 1, "require_verification": true });
        let mut steps = || {
            if self == Self::Init {
                after.share = Some(said(&put("sys/init", &one)?["keys"][0]));
                after.in_force = true;
                return None;
            }
            if self == Self::Rekey {
                put("sys/unseal", &json!({ "key": before.share }))?;
            }
            let nonce = said(&put(&format!("{}/init", self.path()), &one)?["nonce"]);
            let made = put(&format!("{}/update", self.path()), &json!({ "key": before.share, "nonce": nonce }))?;
            let share = said(&made["keys"][0]);
            let nonce = said(&made["verification_nonce"]);
            after.share = Some(share.clone());
            let verified = put(&format!("{}/verify", self.path()), &json!({ "key": share, "nonce": nonce }))?;
            after.in_force = verified["complete"] == true;
            Some(())
        };
        steps();
        after
    }

    /// Whether a share is one of the key that people have.
    fn opens(self, http: &Http, share: &str) -> bool {
        match self {
            Self::Init | Self::Rekey => {
                let open = http.send("PUT", "sys/unseal", Some(&json!({ "key": share }))).body["sealed"] == false;
                if open {
                    let mut http = http.clone();
                    // Nobody may need it: what began with this scene has another token.
                    http.token.clear();
                    assert_eq!(http.get("sys/health")["sealed"], false);
                }
                open
            }
            Self::Recovery => {
                let begun = http.send("PUT", "sys/generate-root/attempt", Some(&json!({})));
                let asked = json!({ "key": share, "nonce": begun.body["nonce"] });
                let made = http.send("PUT", "sys/generate-root/update", Some(&asked)).body["complete"] == true;
                http.send("DELETE", "sys/generate-root/attempt", None);
                made
            }
        }
    }
}

fn server(env: &TestEnv, scene: Scene, data: &Path) -> (Server, Http) {
    let flags = ["--listen", "127.0.0.1:0", "--aws", "sandbox", "--data-dir", data.to_str().unwrap()];
    let server = env.server(&[&flags, scene.flags()].concat());
    let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token: String::new() };
    (server, http)
}

/// The directory that a scene begins with.
fn before(env: &TestEnv, scene: Scene) -> Before {
    let data = env.dir().join(format!("{scene:?}"));
    if scene == Scene::Init {
        return Before { data, share: String::new(), token: String::new() };
    }
    let (server, http) = server(env, scene, &data);
    let one = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let (share, token) = match scene {
        Scene::Recovery => {
            let token = std::fs::read_to_string(data.join("root-token")).unwrap().trim().to_owned();
            let made = http.with_token(&token).send("PUT", "sys/rekey-recovery-key/init", Some(&one));
            (said(&made.body["keys"][0]), token)
        }
        Scene::Init | Scene::Rekey => {
            let begun = http.send("PUT", "sys/init", Some(&one)).body;
            (said(&begun["keys"][0]), said(&begun["root_token"]))
        }
    };
    assert_eq!(server.stop(), Some(0));
    Before { data, share, token }
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else { return };
    std::fs::create_dir_all(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in entries.map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Runs a scene up to its end or to the kill; answers how many calls there were, how many before it began, and whether
/// it was killed.
fn run(env: &TestEnv, scene: Scene, before: &Before, data: &Path, at: usize) -> (usize, usize, bool, After) {
    let traced = Traced::start_with(env, data, at, scene.flags());
    let began = traced.calls().len();
    let address = traced.address.as_deref().map(|address| address.trim_start_matches("http://").to_owned());
    let http = address.map(|address| Http { address, token: before.token.clone() });
    let after = http.map(|http| scene.act(&http, before)).unwrap_or_default();
    let (calls, killed) = traced.end();
    (calls.len(), began, killed, after)
}

/// What is wrong with what is there after a kill.
fn judge(env: &TestEnv, scene: Scene, before: &Before, data: &Path, after: &After) -> Result<(), String> {
    let (_server, http) = server(env, scene, data);
    let http = http.with_token(&before.token);
    let new = || after.share.as_deref().is_some_and(|share| scene.opens(&http, share));
    let old = || !before.share.is_empty() && scene.opens(&http, &before.share);
    match (after.in_force, scene) {
        (true, _) if !new() => Err("the new share was said to be in force, and is not".to_owned()),
        // A store that began and whose answer was lost opens nothing of anybody's: it begins anew elsewhere.
        (true, _) | (false, Scene::Init) => Ok(()),
        (false, _) if old() || new() => Ok(()),
        (false, _) => Err("neither the old share opens it nor the new one".to_owned()),
    }
}

#[test]
fn killed_while_its_keys_change_it_opens_by_the_old_shares_or_the_new_ones() {
    let env = TestEnv::new();
    env.write("seal.hcl", "seal \"shamir\" {}\n");
    let mut wrong = Vec::new();
    for scene in SCENES {
        let before = before(&env, scene);
        let whole = env.dir().join(format!("{scene:?}-whole"));
        copy(&before.data, &whole);
        let (calls, began, killed, after) = run(&env, scene, &before, &whole, 0);
        assert!(!killed && after.in_force && calls > began + 5, "{scene:?}: {began} of {calls}");
        judge(&env, scene, &before, &whole, &after).unwrap();
        let mut reached = HashSet::new();
        for at in began + 1..=calls {
            let data = env.dir().join(format!("{scene:?}-{at}"));
            copy(&before.data, &data);
            let (_, _, killed, after) = run(&env, scene, &before, &data, at);
            let judged = judge(&env, scene, &before, &data, &after);
            wrong.extend(judged.err().map(|what| format!("{scene:?}, killed at call {at}: {what}")));
            if killed {
                reached.insert((at, after.share.is_some(), after.in_force));
            }
            std::fs::remove_dir_all(&data).unwrap();
        }
        let told = format!("{scene:?}: killed at {} of {} calls that change a file", reached.len(), calls - began);
        writeln!(std::io::stdout(), "{told}").unwrap();
        assert!(reached.len() * 10 >= (calls - began) * 7, "{told}");
        // Some of the kills came before an answer and some after.
        assert!(reached.iter().any(|(_, has_share, _)| !has_share), "{told}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
