//! Audit devices of a server that takes them from its own configuration alone: compared, told with what is to be written
//! there, and never tried.

use serde_json::{Value, json};

use crate::between::{Between, Fault};
use crate::env::{InTestEngine, Output, TestEnv};
use crate::http::Http;
use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;

const TOLD: &str = "GET /v1/sys/config/state/sanitized";

/// An engine, what stands before it and does what OpenBao does, and an estate for the latter.
struct World {
    env: TestEnv,
    engine: InTestEngine,
    between: Between,
    logs: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let engine = InTestEngine::start(Clock::system(), AwsTransport::Network);
        let between = Between::start_as_openbao(&engine.address, None);
        let mut env = TestEnv::new();
        env.set("LEASEHOLD_TOKEN", &engine.root_token);
        let world = Self { env, engine, between, logs: tempfile::tempdir().unwrap() };
        world.env.write("estate/p.hcl", "policy \"p\" {\n  path \"a\" {\n    capabilities = [\"read\"]\n  }\n}\n");
        world.environment(&world.between.address);
        world
    }

    fn environment(&self, address: &str) {
        self.env.write("estate/e.hcl", &format!("environment \"prod\" {{\n  address = \"{address}\"\n}}\n"));
    }

    fn log(&self) -> String {
        self.logs.path().join("audit.log").display().to_string()
    }

    fn declare(&self, more: &str) {
        let text = format!("audit \"siem\" {{\n  file_path = \"{}\"\n{more}}}\n", self.log());
        self.env.write("estate/audit.hcl", &text);
    }

    fn by_hand(&self) -> Http {
        let address = self.engine.address.trim_start_matches("http://").to_owned();
        Http { address, token: self.engine.root_token.clone() }
    }

    /// What a server's configuration does.
    fn configure(&self, mode: Option<&str>) {
        self.by_hand().send("DELETE", "sys/audit/siem", None);
        let mut options = json!({ "file_path": self.log() });
        if let Some(mode) = mode {
            options["mode"] = mode.into();
        }
        self.by_hand().post("sys/audit/siem", &json!({ "type": "file", "options": options }));
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.env.run(&[&["-C", "estate"], arguments].concat());
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }

    /// How often somebody tried to make a device, or to take one away.
    fn tried(&self) -> usize {
        let is_tried = |line: &str| line.contains("/v1/sys/audit/") && !line.starts_with("GET");
        self.between.asked().iter().filter(|asked| is_tried(&asked.line)).count()
    }

    fn stanza(&self) -> String {
        format!("audit \"file\" \"siem\" {{\n            options {{\n              file_path = \"{}\"\n", self.log())
    }
}

const LEFT: &str = "1 object is to be written in the server's configuration.";

#[test]
fn what_is_to_be_written_there_is_told_and_nothing_is_tried() {
    let world = World::new();
    world.declare("");
    let plan = world.run(&["plan"], 2).stdout;
    for told in ["in the server's configuration\n  + audit device sys/audit/siem  (audit.hcl:1)", &world.stanza(), LEFT]
    {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    assert!(plan.contains("Plan: 1 to add, 0 to change, 0 to delete."), "{plan}");
    let applied = world.run(&["apply", "--auto-approve"], 2);
    assert!(applied.stdout.contains("Apply complete: 1 added"), "{}", applied.normal());
    assert!(applied.stderr.contains(LEFT), "{}", applied.normal());
    // What is left is told each time, and an apply has nothing to do.
    let plan = world.run(&["plan", "--out", "saved"], 2).stdout;
    assert!(plan.contains("No changes. 1 object is as declared.") && plan.contains(LEFT), "{plan}");
    assert!(world.run(&["apply", "--auto-approve"], 2).stdout.contains("Apply complete: 0 added"));
    let saved = world.run(&["apply", "saved"], 2);
    assert!(saved.stdout.contains("The plan is empty"), "{}", saved.normal());
    assert!(saved.stderr.contains("1 object was to be written"), "{}", saved.normal());
    let markdown = world.run(&["plan", "--format", "markdown"], 2).stdout;
    assert!(markdown.contains("**To be written in the server's configuration**"), "{markdown}");
    let page = world.run(&["plan", "--format", "html"], 2).stdout;
    assert!(
        page.contains("<h2>To be written in the server") && page.contains("audit &quot;file&quot; &quot;siem&quot; {"),
        "{page}"
    );
    assert!(
        page.contains("Nothing is applied.") && page.contains(LEFT.trim_end_matches('.').split('\'').next().unwrap()),
        "{page}"
    );
    let junit = world.run(&["plan", "--format", "junit"], 2).stdout;
    assert!(junit.contains("failures=\"1\"") && junit.contains("audit &quot;file&quot; &quot;siem&quot; {"), "{junit}");
    let json: Value = serde_json::from_str(&world.run(&["plan", "--json"], 2).stdout).unwrap();
    let one = &json["configured"][0];
    assert_eq!((&one["path"], &one["action"]), (&json!("sys/audit/siem"), &json!("create")), "{json}");
    assert!(one["stanza"].as_str().unwrap().starts_with("audit \"file\" \"siem\" {\n"), "{json}");
    assert_eq!((json["exit_code"].as_u64(), json["changes"].as_array().map(Vec::len)), (Some(2), Some(0)), "{json}");
    let drift = world.run(&["drift"], 2).stdout;
    assert!(drift.contains("COMMITTED, NOT YET APPLIED") && drift.contains(&world.stanza()), "{drift}");
    let drift: Value = serde_json::from_str(&world.run(&["drift", "--format", "json"], 2).stdout).unwrap();
    assert_eq!(drift["pending"][0]["stanza"], one["stanza"], "{drift}");
    assert_eq!(world.tried(), 0);
}

#[test]
fn what_is_there_as_declared_is_no_change_and_nobodys() {
    let world = World::new();
    world.declare("");
    world.configure(None);
    world.run(&["apply", "--auto-approve"], 0);
    assert!(world.run(&["plan"], 0).stdout.contains("No changes. 2 objects are as declared."));
    world.run(&["drift"], 0);
    let ledger = world.run(&["ledger", "show"], 0).stdout;
    assert!(ledger.contains("sys/policies/acl/p") && !ledger.contains("sys/audit"), "it is not ours: {ledger}");

    world.configure(Some("0640"));
    let plan = world.run(&["plan"], 2).stdout;
    for told in ["~ audit device sys/audit/siem", "mode: \"0640\" -> \"0600\"", "take it out there", &world.stanza()] {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    world.run(&["apply", "--auto-approve"], 2);
    world.run(&["drift"], 2);
    // Declared in parts only, it is left out of the rest.
    assert!(!world.run(&["plan", "--exclude", "sys/audit/*"], 0).stdout.contains(LEFT));

    std::fs::remove_file(world.env.dir().join("estate/audit.hcl")).unwrap();
    let plan = world.run(&["plan"], 0).stdout;
    assert!(plan.contains("Not ours and left alone") && plan.contains("sys/audit/siem"), "{plan}");
    assert_eq!(world.tried(), 0);
}

/// A server that took devices by its API once, and takes them from its configuration now.
#[test]
fn what_an_apply_has_made_before_stays_and_is_forgotten() {
    let world = World::new();
    world.declare("");
    world.environment(&world.engine.address);
    world.run(&["apply", "--auto-approve"], 0);
    world.environment(&world.between.address);
    assert!(world.run(&["plan"], 0).stdout.contains("No changes. 2 objects are as declared."));
    world.declare("  mode = \"0640\"\n");
    for _ in 0..2 {
        world.run(&["apply", "--auto-approve"], 2);
    }
    let drift = world.run(&["drift"], 2).stdout;
    assert!(drift.contains("0 changed behind our back, 1 committed and not yet applied"), "{drift}");
    std::fs::remove_file(world.env.dir().join("estate/audit.hcl")).unwrap();
    let plan = world.run(&["plan"], 2).stdout;
    for told in [". audit device sys/audit/siem", "no longer declared: forget", "stays until it is taken out there"] {
        assert!(plan.contains(told), "{told}: {plan}");
    }
    world.run(&["apply", "--auto-approve"], 0);
    world.run(&["plan"], 0);
    assert!(world.by_hand().get("sys/audit")["data"]["siem/"].is_object(), "it is there");
    assert_eq!(world.tried(), 0);
}

/// A token that may not know how they are taken: the server's refusal tells.
#[test]
fn a_refusal_tells_the_same_and_costs_nothing() {
    let world = World::new();
    world.declare("");
    world.between.fault(TOLD, 1000, Fault::Refused(403));
    let plan = world.run(&["plan"], 2).stdout;
    let unknown =
        "whether this server takes it by its API is not known: this token may not read sys/config/state/sanitized";
    assert!(plan.contains("+ audit device sys/audit/siem") && plan.contains(unknown), "{plan}");
    let applied = world.run(&["apply", "--auto-approve"], 2);
    for told in [
        "Left alone audit device sys/audit/siem (audit.hcl:1): this server takes it from its configuration alone",
        "write this there, and have it read anew",
        "    audit \"file\" \"siem\" {\n      options {",
    ] {
        assert!(applied.stderr.contains(told), "{told}: {}", applied.normal());
    }
    assert!(
        applied
            .stdout
            .contains("Apply incomplete: 1 added, 0 changed, 0 deleted, 1 left to the server's configuration."),
        "{}",
        applied.normal()
    );
    // A change makes a device anew: it is not taken away before the server was asked for the new one.
    world.environment(&world.engine.address);
    world.run(&["apply", "--auto-approve"], 0);
    world.environment(&world.between.address);
    world.declare("  mode = \"0640\"\n");
    let applied = world.run(&["apply", "--auto-approve"], 2);
    assert!(applied.stderr.contains("take it out there and have that read"), "{}", applied.normal());
    assert!(world.by_hand().get("sys/audit")["data"]["siem/"].is_object(), "it is there");
}
