//! Files of the trail that the engine rotates by itself: by size and age, with the chain carried on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use leasehold::clock::Clock;
use leasehold::engine::{Auditing, Config, Storage};
use leasehold::trail::Rotation;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::env::{InTestEngine, TestEnv};
use crate::http::{Http, said};
use crate::wire_aws::{START, refused};

/// An engine on disk whose trail is rotated.
struct World {
    env: TestEnv,
    clock: Clock,
    rotation: Rotation,
    engine: Option<InTestEngine>,
    http: Http,
}

impl World {
    fn new(rotation: Rotation) -> Self {
        let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(START).unwrap());
        let http = Http { address: String::new(), token: String::new() };
        let mut world = Self { env: TestEnv::new(), clock, rotation, engine: None, http };
        world.start();
        world
    }

    fn start(&mut self) {
        self.engine = None;
        let storage = Storage::Disk { directory: self.env.dir().join("data") };
        let (trail, auditing) = (Some(self.trail()), Auditing { rotation: self.rotation, ..Auditing::default() });
        let engine = InTestEngine::start_with(Config { trail, auditing, ..Config::new(storage, self.clock.clone()) });
        self.http =
            Http { address: engine.address.trim_start_matches("http://").to_owned(), token: engine.root_token.clone() };
        self.engine = Some(engine);
    }

    fn stop(&mut self) {
        self.engine = None;
    }

    fn trail(&self) -> PathBuf {
        self.env.dir().join("trail.log")
    }

    fn ask(&self) {
        self.http.post("cubbyhole/a", &json!({ "n": 1 }));
    }

    /// What `leasehold trail verify` says of a file.
    #[track_caller]
    fn verified(&self, file: &str, code: i32) -> String {
        let output = self.env.run(&["trail", "verify", "--file", file]);
        assert_eq!(output.code, code, "{}", output.normal());
        output.stdout + &output.stderr
    }
}

/// The files that were rotated away, oldest first.
fn parts(trail: &Path) -> Vec<PathBuf> {
    let name = format!("{}.", trail.file_name().unwrap().to_str().unwrap());
    let entries = std::fs::read_dir(trail.parent().unwrap()).unwrap().map(|entry| entry.unwrap());
    let is_part = |name_of: &str| name_of.strip_prefix(&name).is_some_and(|rest| rest.len() == 20);
    let mut parts: Vec<PathBuf> = entries
        .filter(|entry| entry.file_type().unwrap().is_file() && is_part(entry.file_name().to_str().unwrap()))
        .map(|entry| entry.path())
        .collect();
    parts.sort();
    parts
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(line: &Value) -> u64 {
    line["chain"]["seq"].as_u64().unwrap()
}

fn events(file: &Path) -> Vec<String> {
    lines(file).iter().filter(|line| line["type"] == "system").map(|line| line["event"].to_string()).collect()
}

#[test]
fn a_device_s_file_is_rotated_by_its_size_and_the_chain_goes_on() {
    let mut world = World::new(Rotation::default());
    let file = world.env.dir().join("audit.log");
    let options = json!({ "file_path": file, "rotate_bytes": "65536", "mode": "0640" });
    let device = json!({ "type": "file", "options": options });
    assert_eq!(world.http.send("PUT", "sys/audit/file", Some(&device)).status, 204);
    while parts(&file).len() < 3 {
        world.ask();
    }
    world.stop();
    let all: Vec<PathBuf> = parts(&file).into_iter().chain([file.clone()]).collect();
    for (before, after) in all.iter().zip(&all[1..]) {
        let last = number(lines(before).last().unwrap());
        assert!(before.to_str().unwrap().ends_with(&format!(".{last:020}")), "{}", before.display());
        assert!((30_000..=65_536).contains(&std::fs::metadata(before).unwrap().len()), "{}", before.display());
        let first = &lines(after)[0];
        assert_eq!((&first["event"]["name"], &first["event"]["reason"]), (&json!("trail-rotated"), &json!("size")));
        let name = before.file_name().unwrap().to_str().unwrap();
        assert_eq!(said(&first["event"]["detail"]), format!("goes on from {name}"));
        assert_eq!(number(first), last + 1);
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(after).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o640);
    }
    let told = world.verified("audit.log", 0);
    let count = number(lines(&file).last().unwrap());
    assert!(told.starts_with(&format!("audit.log with 3 files before it: {count} lines, unbroken")), "{told}");
    // One of them alone says what it goes on from, and without it the others don't hold.
    let one = parts(&file)[1].clone();
    assert!(world.verified(one.file_name().unwrap().to_str().unwrap(), 0).contains("goes on from line"));
    std::fs::remove_file(one).unwrap();
    assert!(world.verified("audit.log", 1).contains("expected line"), "a file in the middle is missed");
}

#[test]
fn the_engine_s_own_trail_is_rotated_by_its_age_and_old_files_go() {
    let rotation = Rotation { age: Duration::from_secs(3600), max_files: 2, ..Rotation::default() };
    let mut world = World::new(rotation);
    let trail = world.trail();
    world.ask();
    for hour in 0..4 {
        world.clock.advance(Duration::from_secs(3599));
        world.ask();
        assert_eq!(parts(&trail).len(), hour.min(2), "not yet");
        world.clock.advance(Duration::from_secs(1));
        world.ask();
    }
    let left = parts(&trail);
    assert_eq!(left.len(), 2, "{left:?}");
    let told = events(&trail).concat();
    assert!(told.contains("was removed (rotate_max_files = 2)") && told.contains("\"age\""), "{told}");
    // A restart does not make it younger.
    world.clock.advance(Duration::from_secs(3599));
    world.start();
    world.ask();
    assert_eq!(parts(&trail), left);
    world.clock.advance(Duration::from_secs(1));
    world.ask();
    assert_eq!(parts(&trail)[0], left[1]);
    // Who reads the trail over the API is told all that there is.
    let (mut after, mut numbers, mut begins) = (0, Vec::new(), Vec::new());
    loop {
        let page = world.http.get(&format!("sys/leasehold/trail?limit=3&after={after}"))["data"].clone();
        let lines = page["lines"].as_array().unwrap().iter();
        numbers.extend(lines.map(|line| number(&serde_json::from_str(line.as_str().unwrap()).unwrap())));
        begins.extend(page["begins"].as_u64());
        after = page["after"].as_u64().unwrap();
        if page["more"] != true || numbers.len() > 1_000 {
            break;
        }
    }
    let first = number(&lines(&parts(&trail)[0])[0]);
    assert_eq!(begins, [first]);
    assert_eq!(numbers, (first..=after).collect::<Vec<u64>>());
    world.stop();
    let told = world.verified("trail.log", 0);
    assert!(told.starts_with("trail.log with 2 files before it: ") && told.contains("goes on from line"), "{told}");
}

#[test]
fn a_kill_in_a_rotation_leaves_one_chain_and_a_cut_is_still_seen() {
    let rotation = Rotation { bytes: 65_536, ..Rotation::default() };
    let mut world = World::new(rotation);
    let trail = world.trail();
    world.ask();
    world.stop();
    // The file has got its other name, and the new one is not there yet.
    let last = number(lines(&trail).last().unwrap());
    let part = PathBuf::from(format!("{}.{last:020}", trail.display()));
    std::fs::rename(&trail, &part).unwrap();
    world.start();
    world.ask();
    world.stop();
    assert_eq!(number(&lines(&trail)[0]), last + 1);
    assert!(!events(&trail).concat().contains("trail-lines-missing"), "{:?}", events(&trail));
    assert!(world.verified("trail.log", 0).contains("with 1 file before it"));
    // What was noted down last is in there, and somebody cuts it off.
    let last = number(lines(&trail).last().unwrap());
    let text = std::fs::read_to_string(&trail).unwrap();
    let cut: String = text.split_inclusive('\n').take(text.lines().count() - 1).collect();
    std::fs::write(format!("{}.{last:020}", trail.display()), cut).unwrap();
    std::fs::remove_file(&trail).unwrap();
    world.start();
    world.ask();
    world.stop();
    let told = events(&trail).concat();
    assert!(told.contains("trail-lines-missing") && told.contains(&format!("line {last} with hash")), "{told}");
}

#[test]
fn where_a_rotation_does_not_work_the_trail_goes_on_in_its_file() {
    let world = World::new(Rotation { bytes: 65_536, ..Rotation::default() });
    let trail = world.trail();
    // All names that it could get are taken.
    for last in 1..400 {
        std::fs::create_dir(format!("{}.{last:020}", trail.display())).unwrap();
    }
    while std::fs::metadata(&trail).unwrap().len() < 80_000 {
        world.ask();
    }
    assert_eq!(world.http.send("GET", "sys/health", None).status, 200);
    assert!(!events(&trail).concat().contains("trail-rotated"));
}

#[test]
fn a_rotation_that_means_nothing_is_refused_in_words() {
    let world = World::new(Rotation::default());
    for (options, what) in [
        (json!({ "rotate_bytes": "100" }), "rotate_bytes must be 0 or at least 65536"),
        (json!({ "rotate_bytes": "-1" }), "not less than 0"),
        (json!({ "rotate_bytes": "64MB" }), "rotate_bytes"),
        (json!({ "rotate_duration": "1s" }), "rotate_duration must be 0 or at least 1m"),
        (json!({ "rotate_duration": "daily" }), "rotate_duration"),
        (json!({ "rotate_max_files": "3" }), "it takes rotate_bytes or rotate_duration"),
    ] {
        let mut options = options;
        options["file_path"] = json!(world.env.dir().join("audit.log"));
        let device = json!({ "type": "file", "options": options });
        refused(&world.http.send("PUT", "sys/audit/file", Some(&device)), 400, what);
    }
}
