//! What was lost while the engine did not run is told at its start, and what was not is not.

use std::path::{Path, PathBuf};

use leasehold::clock::Clock;
use leasehold::engine::{Config, Storage};
use leasehold::trail::chain;
use serde_json::json;
use time::OffsetDateTime;

use crate::env::{InTestEngine, TestEnv};
use crate::http::Http;
use crate::wire_aws::START;

/// An engine's data directory, its trail and another device's file.
struct Home {
    home: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { home: tempfile::tempdir().unwrap() };
        let (engine, http) = home.start();
        let options = json!({ "file_path": home.at("second.log") });
        http.post("sys/audit/second", &json!({ "type": "file", "options": options }));
        for n in 0..5 {
            http.post(
                &format!("sys/policies/acl/p{n}"),
                &json!({ "policy": "path \"a\" { capabilities = [\"read\"] }" }),
            );
        }
        assert_eq!(engine.losses(), Vec::<String>::new());
        drop(engine);
        home
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn start(&self) -> (InTestEngine, Http) {
        let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
        let engine = InTestEngine::start_with(Config {
            trail: Some(self.at("trail.log")),
            ..Config::new(Storage::Disk { directory: self.at("data") }, clock)
        });
        let http =
            Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
        (engine, http)
    }
}

/// The first lines of a text.
fn lines(text: &str, count: usize) -> String {
    text.split_inclusive('\n').take(count).collect()
}

#[test]
fn a_trail_that_was_cut_or_removed_is_told_once() {
    let other = Home::new();
    let another = std::fs::read_to_string(other.at("trail.log")).unwrap();
    type Change<'a> = (&'a str, Box<dyn Fn(&Path, &str) + 'a>);
    let changes: Vec<Change<'_>> = vec![
        (
            "its last line cut off",
            Box::new(|file, text| std::fs::write(file, lines(text, text.lines().count() - 1)).unwrap()),
        ),
        ("its end torn off", Box::new(|file, text| std::fs::write(file, &text[..text.len() - 10]).unwrap())),
        ("all but one line cut off", Box::new(|file, text| std::fs::write(file, lines(text, 1)).unwrap())),
        ("emptied", Box::new(|file, _| std::fs::write(file, "").unwrap())),
        ("removed", Box::new(|file, _| std::fs::remove_file(file).unwrap())),
        ("replaced by another engine's", Box::new(|file, _| std::fs::write(file, &another).unwrap())),
    ];
    for device in ["trail.log", "second.log"] {
        for (what, change) in &changes {
            let home = Home::new();
            let file = home.at(device);
            let text = std::fs::read_to_string(&file).unwrap();
            let noted = chain::verify(text.as_bytes(), None).unwrap().head.unwrap();
            change(&file, &text);
            let (engine, http) = home.start();
            let losses = engine.losses();
            assert_eq!(losses.len(), 1, "{device} {what}: {losses:?}");
            assert!(losses[0].contains(&format!("--head {}:{}", noted.seq, noted.hash)), "{device} {what}: {losses:?}");
            http.get("sys/mounts");
            drop(engine);
            let told = std::fs::read_to_string(&file).unwrap();
            assert_eq!(told.matches("trail-lines-missing").count(), 1, "{device} {what}");
            let (engine, _) = home.start();
            assert_eq!(engine.losses(), Vec::<String>::new(), "{device} {what}: told again");
        }
    }
}

#[test]
fn a_trail_that_is_whole_is_not_said_to_be_cut() {
    let home = Home::new();
    let quiet = |what: &str| {
        let (engine, http) = home.start();
        assert_eq!(engine.losses(), Vec::<String>::new(), "{what}");
        http.get("sys/mounts");
        (engine, http)
    };
    drop(quiet("stopped in order"));
    // Rotated while it ran, and stopped before and after the new file had lines.
    let (engine, http) = quiet("again");
    std::fs::rename(home.at("trail.log"), home.at("trail.log.1")).unwrap();
    engine.reload();
    drop((engine, http));
    drop(quiet("rotated, and nothing written since"));
    let (engine, http) = quiet("rotated, and something written since");
    std::fs::rename(home.at("second.log"), home.at("second.log.1")).unwrap();
    engine.reload();
    http.get("sys/mounts");
    drop((engine, http));
    drop(quiet("the other one rotated"));
    let (engine, http) = quiet("before it is disabled");
    http.send("DELETE", "sys/audit/second", None);
    drop((engine, http));
    std::fs::remove_file(home.at("second.log")).unwrap();
    drop(quiet("disabled, and its file removed"));
}

#[test]
fn a_store_that_was_lost_or_damaged_is_told_with_what_to_do() {
    let env = TestEnv::new();
    let run = |data: &str| env.run(&["server", "--data-dir", data, "--listen", "127.0.0.1:0"]);
    let start = |data: &str| {
        let server = env.server(&["--data-dir", data, "--listen", "127.0.0.1:0"]);
        let token = std::fs::read_to_string(env.dir().join(data).join("root-token")).unwrap().trim().to_owned();
        let http = Http { address: server.address.trim_start_matches("http://").to_owned(), token };
        (server, http)
    };
    for (data, lose) in [
        ("removed", &(|file: &Path| std::fs::remove_file(file).unwrap()) as &dyn Fn(&Path)),
        ("removed, when the trail had been rotated", &|file| {
            std::fs::remove_file(file).unwrap();
            std::fs::write(file.with_file_name("trail.log"), "").unwrap();
        }),
        ("all removed but its key", &|file| {
            std::fs::remove_file(file).unwrap();
            std::fs::remove_file(file.with_file_name("trail.log")).unwrap();
        }),
        ("emptied", &|file| std::fs::write(file, "").unwrap()),
        ("another", &|file| {
            std::fs::write(file, "").unwrap();
            std::fs::write(file.with_file_name("root-token"), "").unwrap();
        }),
    ] {
        let (server, http) = start(data);
        http.post("sys/policies/acl/p", &json!({ "policy": "path \"a\" { capabilities = [\"read\"] }" }));
        assert_eq!(server.stop(), Some(0));
        lose(&env.dir().join(data).join("engine.db"));
        let refused = run(data);
        assert_eq!(refused.code, 1, "{data}");
        assert!(refused.stderr.contains("put the store back from a backup"), "{data}: {}", refused.stderr);
        // What it says works: begun anew.
        std::fs::remove_file(env.dir().join(data).join("unseal.key")).unwrap();
        let _ = std::fs::remove_file(env.dir().join(data).join("trail.log"));
        drop(start(data));
    }

    let (server, http) = start("flipped");
    http.post("sys/policies/acl/p", &json!({ "policy": "path \"a\" { capabilities = [\"read\"] }" }));
    assert_eq!(server.stop(), Some(0));
    let file = env.dir().join("flipped/engine.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(8).position(|window| window == b"policy/p").unwrap();
    bytes[at + 7] = b'q';
    std::fs::write(&file, bytes).unwrap();
    let refused = run("flipped");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("is damaged") && refused.stderr.contains("backup"), "{}", refused.stderr);
}

#[test]
fn a_command_with_the_embedded_engine_tells_it_too() {
    let env = TestEnv::new();
    let estate = env.copy_tree("examples/tutorial", "estate");
    let plan = || {
        let output = env.command(&["plan"]).current_dir(&estate).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(!plan().contains("warning"));
    assert!(!plan().contains("warning"));
    let trail = estate.join(".leasehold/local/trail.log");
    std::fs::write(&trail, lines(&std::fs::read_to_string(&trail).unwrap(), 1)).unwrap();
    let told = plan();
    assert!(told.contains("warning: the trail ") && told.contains("is not what this engine wrote"), "{told}");
    assert!(!plan().contains("warning"));
}

/// The data directory is named from where the command runs, and moves with the estate.
#[test]
fn a_trail_is_missed_however_its_directory_is_named() {
    let env = TestEnv::new();
    env.copy_tree("examples/tutorial", "estate");
    let plan = |at: &str, estate: &str| {
        let output = env.command(&["-C", estate, "plan"]).current_dir(env.dir().join(at)).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let whole = env.dir().join("estate").display().to_string();
    for (at, estate) in [("estate", "."), (".", "estate"), ("estate/iam", ".."), (".", whole.as_str()), (".", "moved")]
    {
        if estate == "moved" {
            std::fs::rename(env.dir().join("estate"), env.dir().join("moved")).unwrap();
        }
        let quiet = plan(at, estate);
        assert!(!quiet.contains("warning"), "{estate} from {at}: {quiet}");
        let trail = env.dir().join(at).join(estate).join(".leasehold/local/trail.log");
        std::fs::remove_file(trail).unwrap();
        // By another name than it was written under, where there is one.
        let told = if estate == "moved" { plan(".", "moved") } else { plan(".", &whole) };
        assert!(told.contains("is not what this engine wrote"), "{estate} from {at}: {told}");
    }
    plan(".", "moved");
    std::fs::rename(env.dir().join("moved"), env.dir().join("moved again")).unwrap();
    std::fs::remove_file(env.dir().join("moved again/.leasehold/local/trail.log")).unwrap();
    let told = plan(".", "moved again");
    assert!(told.contains("is not what this engine wrote"), "{told}");
}
