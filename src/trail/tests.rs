//! The trail as its callers see it: devices on real files.

use std::io::BufReader;
use std::path::Path;

use serde_json::{Value, json};
use time::macros::datetime;

use super::chain::{Head, Report, verify};
use super::{DeviceOptions, Event, LineType, Record, Trail, TrailError};
use crate::clock::Clock;
use crate::secret::Secret;

fn trail() -> Trail {
    Trail::new(Clock::manual(datetime!(2026-11-23 20:00 UTC)))
}

fn options(path: &Path) -> DeviceOptions {
    DeviceOptions::new(path.to_owned(), Secret::new("salt"))
}

fn open(path: &Path) -> Trail {
    let trail = trail();
    trail.open_device("file/", options(path)).unwrap();
    trail
}

fn request(id: &str) -> Record {
    let request = json!({"id": id, "operation": "read", "data": {"secret": "s3cret"}});
    Record { request: request.as_object().cloned(), ..Record::new(datetime!(2026-11-23 20:00 UTC), LineType::Request) }
}

fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verified(path: &Path) -> Report {
    verify(BufReader::new(std::fs::File::open(path).unwrap()), None).unwrap()
}

fn ids(path: &Path) -> Vec<String> {
    lines(path).iter().filter_map(|line| line["request"]["id"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_durable_line_is_in_the_file_with_its_secret_hashed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sub/trail.log");
    let trail = open(&path);
    trail.append(&request("1")).durable().await.unwrap();
    let line = &lines(&path)[0];
    assert_eq!(line["request"]["data"]["secret"].as_str().map(str::to_owned), trail.hash("file/", "s3cret"));
    assert_eq!(trail.hash("other/", "s3cret"), None);
    assert_eq!(verified(&path).head, trail.head("file/"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn lines_keep_the_order_of_their_callers_and_the_chain_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trail.log");
    for round in 0..3 {
        let trail = open(&path);
        let tickets: Vec<_> = (0..50).map(|n| trail.append(&request(&format!("{round}-{n}")))).collect();
        for ticket in tickets {
            ticket.durable().await.unwrap();
        }
        trail.close();
        assert!(!trail.has_device());
    }
    let expected: Vec<String> = (0..3).flat_map(|round| (0..50).map(move |n| format!("{round}-{n}"))).collect();
    assert_eq!(ids(&path), expected);
    let report = verified(&path);
    assert_eq!((report.lines, report.fault_count, report.head.unwrap().seq), (150, 0, 150));
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off_and_told_about() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trail.log");
    open(&path).append(&request("whole")).durable().await.unwrap();
    let torn = std::fs::read_to_string(&path).unwrap() + "{\"time\":\"2026";
    std::fs::write(&path, torn).unwrap();
    open(&path).append(&request("after")).durable().await.unwrap();
    let lines = lines(&path);
    assert_eq!(lines[1]["event"]["name"], "trail-line-cut");
    assert_eq!(lines[1]["type"], "system");
    assert_eq!(ids(&path), ["whole", "after"]);
    assert_eq!(verified(&path).fault_count, 0);
}

#[tokio::test]
async fn only_a_torn_line_leaves_an_empty_chain() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trail.log");
    std::fs::write(&path, "\0\0\0\0").unwrap();
    open(&path).append(&request("1")).durable().await.unwrap();
    assert_eq!((verified(&path).fault_count, ids(&path)), (0, vec!["1".to_owned()]));
}

#[tokio::test]
async fn a_trail_with_something_else_behind_it_is_gone_on_with_and_the_break_shows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trail.log");
    open(&path).append(&request("1")).durable().await.unwrap();
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + "{\"type\":\"request\"}\n").unwrap();
    open(&path).append(&request("2")).durable().await.unwrap();
    assert_eq!(lines(&path)[2]["event"]["name"], "trail-restarted");
    assert_eq!(verified(&path).faults[0].line, 2);
}

#[tokio::test]
async fn a_file_that_is_no_trail_is_refused_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("f");
    // What a power cut leaves of a first line is none of them.
    let torn = ["", "\0\0\0", "{\"ti", "{\"time\":\"2026", "{\"time\":\"2026\0\0\0"];
    let others = [
        "x",
        "{\"time\":\"2026\"}",
        "x\n",
        "\0x",
        "{\"type\":\"request\"}\n",
        "{\"tim3",
        "YXNkZg==\n",
        "SQLite format 3\0",
        "\n",
        "a\nb\n\0",
    ];
    for (text, is_trail) in torn.iter().map(|text| (text, true)).chain(others.iter().map(|text| (text, false))) {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let opened = trail().open_device("a/", options(&path));
        assert_eq!(opened.is_ok(), is_trail, "{text:?}");
        if !is_trail {
            assert!(opened.unwrap_err().to_string().contains("is no trail"));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), *text);
            let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o644, "{text:?}");
        }
    }
}

#[tokio::test]
async fn a_device_that_cannot_write_fails_its_waiters_and_another_saves_them() {
    let trail = trail();
    trail.open_device("full/", options(Path::new("/dev/full"))).unwrap();
    let error = trail.append(&request("1")).durable().await.unwrap_err();
    assert!(matches!(error, TrailError::Write { .. }), "{error}");
    assert!(error.to_string().starts_with("the audit file /dev/full could not be written: "), "{error}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trail.log");
    trail.open_device("file/", options(&path)).unwrap();
    trail.append(&request("2")).durable().await.unwrap();
    assert_eq!(ids(&path), ["2"]);
    assert!(trail.close_device("file/"));
    assert!(!trail.close_device("file/"));
    assert!(trail.append(&request("3")).durable().await.is_err());
    assert_eq!(ids(&path), ["2"]);
}

#[tokio::test]
async fn without_devices_every_line_is_durable_at_once() {
    assert!(!trail().has_device());
    trail().append(&request("1")).durable().await.unwrap();
}

#[tokio::test]
async fn a_reload_follows_the_path_and_the_chain_crosses_the_rotation() {
    let directory = tempfile::tempdir().unwrap();
    let (path, old) = (directory.path().join("trail.log"), directory.path().join("trail.log.1"));
    let trail = open(&path);
    trail.append(&request("1")).durable().await.unwrap();
    std::fs::rename(&path, &old).unwrap();
    trail.append(&request("2")).durable().await.unwrap();
    trail.reload();
    trail.append(&request("3")).durable().await.unwrap();
    // A reload without a rotation goes on with the same file.
    trail.reload();
    trail.append(&request("4")).durable().await.unwrap();
    assert_eq!((ids(&old), ids(&path)), (vec!["1".into(), "2".into()], vec!["3".into(), "4".into()]));
    let (before, after) = (verified(&old), verified(&path));
    assert_eq!((after.fault_count, after.first_seq), (0, Some(3)));
    assert_eq!(before.head.map(|head: Head| head.hash), after.first_prev);
}

#[tokio::test]
async fn a_failed_reload_refuses_lines_until_one_works() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trail.log");
    let trail = open(&path);
    trail.append(&request("1")).durable().await.unwrap();
    std::fs::rename(&path, directory.path().join("old")).unwrap();
    std::fs::create_dir(&path).unwrap();
    trail.reload();
    assert!(trail.append(&request("2")).durable().await.is_err());
    std::fs::remove_dir(&path).unwrap();
    trail.reload();
    trail.append(&request("3")).durable().await.unwrap();
    assert_eq!(ids(&path), ["3"]);
}

#[tokio::test]
async fn paths_that_are_no_files_of_their_own_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("target");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let trail = trail();
    let refused = |name: &str, path: &Path| trail.open_device(name, options(path)).unwrap_err().to_string();
    assert!(refused("a/", &link).contains("could not be opened"));
    assert!(!target.exists());
    assert!(refused("a/", directory.path()).contains("directory"));
    assert!(refused("a/", Path::new("stdout")).contains("not supported"));
    trail.open_device("a/", options(&target)).unwrap();
    assert!(refused("a/", &directory.path().join("b")).contains("already open"));
    assert!(refused("b/", &target).contains("already being written"));
    assert_eq!(trail.device_names(), ["a/"]);
}

#[tokio::test]
async fn the_engines_own_device_is_not_closed_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let trail = trail();
    let built_in = DeviceOptions { built_in: true, ..options(&directory.path().join("trail.log")) };
    trail.open_device("trail/", built_in).unwrap();
    assert!(!trail.close_device("trail/"));
    let event = Event { name: "engine-opened".to_owned(), reason: "start".to_owned(), detail: None };
    trail.append(&Record::system(datetime!(2026-11-23 20:00 UTC), event, None)).durable().await.unwrap();
    trail.close();
    assert_eq!(lines(&directory.path().join("trail.log"))[0]["event"]["name"], "engine-opened");
}
