//! A mount's own key, in an estate and in an engine that rotates it; and what an engine holds beside the fields that an
//! estate can declare. Neither is lost by an apply.

use serde_json::{Value, json};

use crate::between::{Between, Fault};
use crate::env::{Output, TestEnv};
use crate::wire_aws::World;

/// An estate on a server whose mount `aws/` signs as an IAM user of its own.
struct Seeded {
    env: TestEnv,
    world: World,
}

impl Seeded {
    fn new() -> Self {
        let world = World::bare();
        world.behind(async |iam| {
            iam.create_user().user_name("engine").send().await.unwrap();
            let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
            let put = iam.put_user_policy().user_name("engine").policy_name("all").policy_document(all);
            put.send().await.unwrap();
        });
        let pair = new_key(&world);
        let mut env = TestEnv::new();
        let environment = format!(
            "environment \"prod\" {{\n  address = \"http://{}\"\n  secrets = [\"env:*\"]\n}}\n",
            world.root.address
        );
        env.write("estate/environments.hcl", &environment);
        env.set("LEASEHOLD_TOKEN", world.root.token.clone()).set("ROOT_KEY", pair.0).set("ROOT_SECRET", pair.1);
        Self { env, world }
    }

    /// Declares the mount, and a role.
    fn declare(&self, aws: &str) {
        let role = "role \"r\" {\n  mount = \"aws\"\n  policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]\n}\n";
        self.env.write("estate/estate.hcl", &format!("aws \"aws\" {{\n{aws}\n}}\n{role}"));
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.env.run(&[&["-C", "estate"], arguments].concat());
        assert_eq!(output.code, code, "{arguments:?}: {}", output.normal());
        output
    }

    #[track_caller]
    fn plan(&self, code: i32) -> String {
        self.run(&["plan"], code).stdout
    }

    #[track_caller]
    fn apply(&self) {
        self.run(&["apply", "--auto-approve"], 0);
    }

    /// Says that the key that the engine has is meant.
    #[track_caller]
    fn take(&self) -> String {
        self.run(&["apply", "--auto-approve", "--adopt"], 0).stdout
    }

    /// Somebody puts a key there.
    fn put_by_hand(&self, key: &str) {
        let mut root = self.root();
        root["access_key"] = json!(key);
        root["secret_key"] = json!("a secret");
        self.world.root.post("aws/config/root", &root);
    }

    fn root(&self) -> Value {
        self.world.root.get("aws/config/root")["data"].clone()
    }

    fn key(&self) -> String {
        self.root()["access_key"].as_str().unwrap().to_owned()
    }

    /// The engine makes itself a new key; answers its id.
    fn rotate(&self) -> String {
        let rotated = self.world.root.post("aws/config/rotate-root", &json!({}));
        rotated["data"]["access_key"].as_str().unwrap().to_owned()
    }

    /// Its key is `key`, and AWS takes it.
    #[track_caller]
    fn signs_with(&self, key: &str) {
        assert_eq!(self.key(), key);
        let lease = self.world.root.get("aws/creds/r")["lease_id"].clone();
        self.world.root.post("sys/leases/revoke", &json!({ "lease_id": lease, "sync": true }));
    }
}

/// A further key of the engine's user: its id and its secret.
fn new_key(world: &World) -> (String, String) {
    let mut pair = (String::new(), String::new());
    world.behind(async |iam| {
        let key = iam.create_access_key().user_name("engine").send().await.unwrap().access_key.unwrap();
        pair = (key.access_key_id, key.secret_access_key);
    });
    pair
}

/// A key of nobody here.
const FOREIGN: &str = "AKIAIOSFODNN7EXAMPLE";

const ROOT: &str = "root {\n  access_key = \"secret:env:ROOT_KEY\"\n  secret_key = \"secret:env:ROOT_SECRET\"\n";

#[test]
fn a_rotated_key_outlives_every_apply() {
    let mut estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let new = estate.rotate();
    // It is told once as what nobody of ours did, and by every plan as what stays.
    let drift = estate.run(&["drift"], 5).stdout;
    assert!(drift.contains("access_key") && drift.contains(&new), "{drift}");
    let plan = estate.plan(0);
    assert!(plan.contains(&format!("keeps the access key {new} that the engine has: it is not AKIA")), "{plan}");
    assert!(plan.contains("on_rotate = \"replace\""), "{plan}");
    estate.apply();
    estate.signs_with(&new);
    // Until somebody takes it.
    estate.run(&["drift"], 5);
    estate.take();
    estate.run(&["drift"], 0);
    // Nothing of it is a change of access.
    let review = estate.run(&["review", "--against", "live"], 0).stdout;
    assert!(!review.contains("access_key"), "{review}");
    // Also for who can't read the key.
    estate.env.set("ROOT_KEY", "").set("ROOT_SECRET", "");
    assert!(estate.plan(0).contains("keeps the access key"));
    estate.apply();
    // Also when it is rotated again, and when none is declared any more.
    let new = estate.rotate();
    estate.run(&["drift"], 5);
    for aws in [format!("{ROOT}  on_rotate = \"keep\"\n}}"), String::new(), "max_retries = -1".to_owned()] {
        estate.declare(&aws);
        let adopt = estate.env.run(&["-C", "estate", "apply", "--auto-approve", "--adopt"]);
        assert_eq!(adopt.code, 0, "{}", adopt.normal());
        estate.signs_with(&new);
        estate.plan(0);
    }
}

#[test]
fn what_would_take_a_kept_key_away_is_refused() {
    let mut estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let new = estate.rotate();
    for aws in [format!("region = \"eu-west-1\"\n{ROOT}}}"), "region = \"eu-west-1\"".to_owned()] {
        estate.declare(&aws);
        let plan = estate.plan(3);
        let why = format!("region can't be changed without taking the access key {new} from the engine");
        assert!(plan.contains(&why), "{plan}");
        estate.run(&["apply", "--auto-approve"], 3);
        estate.signs_with(&new);
    }
    // Meant in so many words, the declared key is written.
    let region = format!("region = \"eu-west-1\"\n{ROOT}  on_rotate = \"replace\"\n}}");
    estate.declare(&region);
    let plan = estate.plan(2);
    assert!(plan.contains(&format!("access_key: \"{new}\" -> \"AKIA")), "{plan}");
    let pair = new_key(&estate.world);
    estate.env.set("ROOT_KEY", &pair.0).set("ROOT_SECRET", &pair.1);
    estate.apply();
    estate.signs_with(&pair.0);
    estate.plan(0);
}

#[test]
fn a_key_that_the_files_change_is_written_unless_it_is_set_once() {
    let mut estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let first = estate.key();
    let pair = new_key(&estate.world);
    estate.env.set("ROOT_KEY", &pair.0).set("ROOT_SECRET", &pair.1);
    estate.declare(&format!("{ROOT}  on_rotate = \"keep\"\n}}"));
    let plan = estate.plan(0);
    assert!(plan.contains("since on_rotate is \"keep\"") && plan.contains(&pair.0), "{plan}");
    estate.apply();
    estate.signs_with(&first);
    estate.declare(&format!("{ROOT}}}"));
    assert!(estate.plan(2).contains(&format!("access_key: \"{first}\" -> \"{}\"", pair.0)));
    estate.apply();
    estate.signs_with(&pair.0);
    estate.run(&["drift"], 0);
}

#[test]
fn what_was_set_by_hand_beside_a_rotated_key_is_told_until_it_is_declared() {
    let estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let mut root = estate.root();
    root["secret_key"] = json!(estate.env.variable("ROOT_SECRET"));
    root["sts_region"] = json!("eu-west-3");
    root["sts_fallback_endpoints"] = json!(["https://sts.example.com"]);
    root["sts_fallback_regions"] = json!(["eu-west-3"]);
    estate.world.root.post("aws/config/root", &root);
    let plan = estate.plan(2);
    for field in ["sts_region", "sts_fallback_endpoints", "sts_fallback_regions"] {
        assert!(plan.contains(field), "{field}: {plan}");
    }
    estate.declare(&format!("region = \"eu-west-1\"\nsts_region = \"eu-west-3\"\n{ROOT}}}"));
    estate.apply();
    let after = estate.root();
    assert_eq!((&after["region"], &after["sts_region"]), (&json!("eu-west-1"), &json!("eu-west-3")));
    assert_eq!(after["sts_fallback_endpoints"], json!([]));
}

/// How drift shows that a key was replaced.
fn replaced(before: &str, after: &str) -> String {
    format!("access_key: {before} -> \"{after}\"")
}

#[test]
fn a_key_put_by_hand_is_told_until_somebody_takes_it() {
    let estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let first = estate.key();
    estate.put_by_hand(FOREIGN);
    for _ in 0..2 {
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains(&replaced(&format!("\"{first}\""), FOREIGN)), "{drift}");
        // Applies leave it there, and do not take it for ours.
        let said = estate.run(&["apply", "--auto-approve"], 0).stdout;
        assert!(said.contains("leasehold drift tells it until") && said.contains("--adopt"), "{said}");
    }
    let said = estate.take();
    assert!(said.contains("from now on it counts as the engine's own"), "{said}");
    let drift = estate.run(&["drift"], 0).stdout;
    assert!(drift.contains("0 changed behind our back"), "{drift}");
    // The one that is put there next is told beside the one that was taken.
    let next = "AKIAI44QH8DHBEXAMPLE";
    estate.put_by_hand(next);
    let drift = estate.run(&["drift"], 5).stdout;
    assert!(drift.contains(&replaced(&format!("\"{FOREIGN}\""), next)), "{drift}");
}

#[test]
fn what_is_changed_beside_a_key_by_hand_is_no_change_of_the_files() {
    let estate = Seeded::new();
    estate.declare(&format!("region = \"eu-west-1\"\n{ROOT}}}"));
    estate.apply();
    let mut root = estate.root();
    (root["access_key"], root["secret_key"], root["region"]) = (json!(FOREIGN), json!("s"), json!("eu-north-1"));
    estate.world.root.post("aws/config/root", &root);
    let drift = estate.run(&["drift"], 5).stdout;
    assert!(drift.contains("1 changed behind our back") && drift.contains("0 committed"), "{drift}");
}

#[test]
fn a_key_that_nobody_declares_and_somebody_puts_there_is_told_too() {
    let estate = Seeded::new();
    estate.declare("region = \"eu-west-1\"");
    estate.apply();
    estate.put_by_hand(FOREIGN);
    for _ in 0..2 {
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains(&replaced("(none)", FOREIGN)), "{drift}");
        estate.apply();
    }
    estate.take();
    estate.run(&["drift"], 0);
}

#[test]
fn a_key_that_came_while_a_write_was_lost_is_told() {
    let mut estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let between = Between::start(&estate.world.root.address);
    between.fault_after("PUT /v1/aws/config/root", 0, Fault::Lost);
    let pair = new_key(&estate.world);
    estate.env.set("ROOT_KEY", &pair.0).set("ROOT_SECRET", &pair.1);
    estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
    // Which of the two it has from us is not known, and this is neither.
    estate.put_by_hand(FOREIGN);
    for _ in 0..2 {
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains(&replaced("(unknown)", FOREIGN)), "{drift}");
        estate.apply();
    }
    estate.take();
    estate.run(&["drift"], 0);
}

#[test]
fn a_key_that_a_lost_write_was_to_replace_is_not_ours() {
    let mut estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let first = (estate.env.variable("ROOT_KEY").to_owned(), estate.env.variable("ROOT_SECRET").to_owned());
    let rotated = estate.rotate();
    let between = Between::start(&estate.world.root.address);
    between.fault_after("PUT /v1/aws/config/root", 0, Fault::Lost);
    let pair = new_key(&estate.world);
    estate.env.set("ROOT_KEY", &pair.0).set("ROOT_SECRET", &pair.1);
    estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
    // The files go back to the one that AWS has deleted.
    estate.env.set("ROOT_KEY", &first.0).set("ROOT_SECRET", &first.1);
    let drift = estate.run(&["drift"], 5).stdout;
    assert!(drift.contains(&rotated), "{drift}");
    let plan = estate.run(&["plan"], 0).stdout;
    assert!(plan.contains(&format!("AWS may have deleted {}", first.0)), "{plan}");
    estate.apply();
    estate.signs_with(&rotated);
    // The lost one is written when it is asked for again.
    estate.env.set("ROOT_KEY", &pair.0).set("ROOT_SECRET", &pair.1);
    estate.apply();
    estate.signs_with(&pair.0);
    estate.run(&["drift"], 0);
}

#[test]
fn what_was_changed_beside_a_key_while_a_write_of_another_was_lost_is_told() {
    for is_rotated in [false, true] {
        let mut estate = Seeded::new();
        estate.declare(&format!("{ROOT}}}"));
        estate.apply();
        if is_rotated {
            estate.rotate();
            estate.take();
        }
        let between = Between::start(&estate.world.root.address);
        between.fault_after("PUT /v1/aws/config/root", 0, Fault::Lost);
        for key in [None, Some("AKIAIOSFODNN8EXAMPLE")] {
            let pair = key.map_or_else(|| new_key(&estate.world), |key| (key.to_owned(), "a secret".to_owned()));
            estate.env.set("ROOT_KEY", &pair.0).set("ROOT_SECRET", &pair.1);
            estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
            // It is as it was: nobody did anything.
            let drift = estate.run(&["drift"], 2).stdout;
            assert!(drift.contains("0 changed behind our back, 1 committed and not yet applied"), "{drift}");
        }
        let mut root = estate.root();
        root["sts_endpoint"] = json!("https://sts.example.com");
        estate.world.root.post("aws/config/root", &root);
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains("sts_endpoint") && drift.contains("1 changed behind our back"), "{drift}");
    }
}

#[test]
fn drift_shows_the_key_before_the_last_rotation_and_not_the_first() {
    let estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let mut before = estate.key();
    for _ in 0..3 {
        let after = estate.rotate();
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains(&replaced(&format!("\"{before}\""), &after)), "{drift}");
        estate.take();
        before = after;
    }
    // Also where another key is declared since: what the files say is another matter.
    let mut estate = estate;
    let after = estate.rotate();
    estate.env.set("ROOT_KEY", FOREIGN).set("ROOT_SECRET", "a secret");
    let drift = estate.run(&["drift"], 5).stdout;
    assert!(drift.contains(&replaced(&format!("\"{before}\""), &after)), "{drift}");
    assert!(drift.contains("1 changed behind our back, 1 committed and not yet applied"), "{drift}");
}

#[test]
fn a_new_key_in_the_files_after_a_rotation_is_a_change_of_the_files() {
    let mut estate = Seeded::new();
    estate.declare(&format!("{ROOT}}}"));
    estate.apply();
    let old = (estate.env.variable("ROOT_KEY").to_owned(), estate.env.variable("ROOT_SECRET").to_owned());
    let rotated = estate.rotate();
    let pair = new_key(&estate.world);
    // Set once, it is not written, and nobody says that AWS has deleted it.
    estate.env.set("ROOT_KEY", &pair.0).set("ROOT_SECRET", &pair.1);
    estate.declare(&format!("{ROOT}  on_rotate = \"keep\"\n}}"));
    let plan = estate.plan(0);
    let why = format!("since on_rotate is \"keep\"; {} is not written", pair.0);
    assert!(plan.contains(&why) && !plan.contains("AWS may have deleted"), "{plan}");
    // The old one is not written, the new one is.
    estate.declare(&format!("{ROOT}}}"));
    estate.env.set("ROOT_KEY", &old.0).set("ROOT_SECRET", &old.1);
    let plan = estate.plan(0);
    assert!(plan.contains(&format!("AWS may have deleted {}", old.0)), "{plan}");
    estate.env.set("ROOT_KEY", &pair.0).set("ROOT_SECRET", &pair.1);
    let plan = estate.plan(2);
    assert!(plan.contains(&format!("access_key: \"{rotated}\" -> \"{}\"", pair.0)), "{plan}");
    estate.apply();
    estate.signs_with(&pair.0);
    estate.plan(0);
    estate.run(&["drift"], 0);
}

/// Of a secret that no read tells, an engine tells at least that there is one.
#[test]
fn a_secret_set_by_hand_is_in_the_plan_that_takes_it_away() {
    let estate = Seeded::new();
    let ca = rcgen::generate_simple_self_signed(vec!["cluster.example".to_owned()]).unwrap().cert.pem();
    let declare = |more: &str| {
        let config = format!(
            "kubernetes_host = \"https://127.0.0.1:9\"\n    kubernetes_ca_cert = {ca:?}\n    disable_local_ca_jwt = true"
        );
        let auth = format!("auth \"pods\" {{\n  type = \"kubernetes\"\n  config {{\n    {config}\n{more}\n  }}\n}}\n");
        estate.env.write("estate/auth.hcl", &auth);
    };
    estate.declare("");
    declare("");
    estate.apply();
    let path = "auth/pods/config";
    let mut config = estate.world.root.get(path)["data"].clone();
    config.as_object_mut().unwrap().remove("token_reviewer_jwt_set");
    config["token_reviewer_jwt"] = json!("e30.e30.e30");
    estate.world.root.post(path, &config);
    let plan = estate.plan(2);
    assert!(plan.contains("token_reviewer_jwt"), "{plan}");
    let drift = estate.run(&["drift"], 5).stdout;
    assert!(drift.contains("CHANGED BEHIND OUR BACK\n  kubernetes config auth/pods/config"), "{drift}");
    assert!(drift.contains("Drift: 1 changed behind our back, 0 committed and not yet applied"), "{drift}");
    declare("    issuer = \"https://issuer.example\"");
    assert!(estate.plan(2).contains("token_reviewer_jwt"));
    estate.apply();
    assert_eq!(estate.world.root.get(path)["data"]["token_reviewer_jwt_set"], false);
    estate.plan(0);
}

/// What an apply was about to write when it ended, somebody else has written since: it is forgotten, and stays.
#[test]
fn what_is_forgotten_and_stays_is_no_lost_access() {
    let estate = Seeded::new();
    estate.declare("");
    let between = Between::start(&estate.world.root.address);
    let environment =
        format!("environment \"prod\" {{\n  address = \"{}\"\n  secrets = [\"env:*\"]\n}}\n", between.address);
    estate.env.write("estate/environments.hcl", &environment);
    between.fault_after("PUT /v1/aws/roles/r", 0, Fault::Lost);
    estate.run(&["apply", "--auto-approve"], 1);
    between.heal();
    let admin = json!({"credential_type": "iam_user", "policy_arns": ["arn:aws:iam::aws:policy/AdministratorAccess"]});
    estate.world.root.post("aws/roles/r", &admin);
    estate.env.write("estate/estate.hcl", "aws \"aws\" {\n}\n");
    let plan = estate.plan(2);
    assert!(plan.contains("what is there now is not ours: that stays"), "{plan}");
    assert!(!plan.contains("LOST"), "{plan}");
}

/// The key of an auth method: its writes leave out what they do not name.
mod of_a_method {
    use serde_json::{Value, json};

    use super::{Between, FOREIGN, Fault, Seeded, replaced};

    const OWN: &str = "AKIAOWNEXAMPLE000001";

    /// Declares an `aws` method with this in its `config`.
    fn declared(config: &str) -> Seeded {
        let mut estate = Seeded::new();
        estate.env.set("OWN_SECRET", "a secret of ours");
        declare(&estate, config);
        estate.apply();
        estate
    }

    fn declare(estate: &Seeded, config: &str) {
        let block = if config.is_empty() { String::new() } else { format!("  config {{\n{config}\n  }}\n") };
        estate.env.write("estate/estate.hcl", &format!("auth \"aws\" {{\n{block}}}\n"));
    }

    fn own(more: &str) -> String {
        format!("    access_key = \"{OWN}\"\n    secret_key = \"secret:env:OWN_SECRET\"\n{more}")
    }

    fn put_by_hand(estate: &Seeded) {
        let key = json!({ "access_key": FOREIGN, "secret_key": "a secret" });
        estate.world.root.post("auth/aws/config/client", &key);
    }

    fn config(estate: &Seeded) -> Value {
        estate.world.root.get("auth/aws/config/client")["data"].clone()
    }

    #[test]
    fn one_that_nobody_declares_stays_and_what_is_beside_it_is_written() {
        let estate = declared("    sts_region = \"eu-west-1\"");
        put_by_hand(&estate);
        let plan = estate.plan(0);
        assert!(
            plan.contains(&format!("keeps the access key {FOREIGN} that the engine has: none is declared")),
            "{plan}"
        );
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains(&replaced("(none)", FOREIGN)), "{drift}");
        declare(&estate, "    sts_region = \"eu-north-1\"");
        estate.plan(2);
        estate.apply();
        assert_eq!(
            (&config(&estate)["access_key"], &config(&estate)["sts_region"]),
            (&json!(FOREIGN), &json!("eu-north-1"))
        );
        // A write beside it does not say that it is meant; this does.
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains(&replaced("(none)", FOREIGN)), "{drift}");
        estate.take();
        estate.run(&["drift"], 0);
        // What is not declared any more is left with it.
        declare(&estate, "");
        let plan = estate.plan(2);
        assert!(plan.contains(&format!("would take the access key {FOREIGN} away")), "{plan}");
        estate.apply();
        assert_eq!(config(&estate)["access_key"], FOREIGN);
    }

    #[test]
    fn one_that_is_not_the_one_that_was_written_stays_until_somebody_says_what_it_is() {
        let estate = declared(&own(""));
        put_by_hand(&estate);
        let plan = estate.plan(0);
        assert!(plan.contains(&format!("AWS may have deleted {OWN}")), "{plan}");
        assert!(plan.contains("on_rotate = \"replace\" in `config`"), "{plan}");
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains(&replaced(&format!("\"{OWN}\""), FOREIGN)), "{drift}");
        declare(&estate, &own("    max_retries = 3"));
        estate.apply();
        assert_eq!((&config(&estate)["access_key"], &config(&estate)["max_retries"]), (&json!(FOREIGN), &json!(3)));
        declare(&estate, &own("    on_rotate = \"keep\""));
        estate.apply();
        estate.run(&["drift"], 0);
        assert_eq!(config(&estate)["access_key"], FOREIGN);
        declare(&estate, &own("    on_rotate = \"replace\""));
        estate.apply();
        assert_eq!(config(&estate)["access_key"], OWN);
        // Ours goes with what declared it.
        declare(&estate, "");
        estate.apply();
        assert_eq!(config(&estate)["access_key"], "");
        estate.run(&["drift"], 0);
    }

    #[test]
    fn one_that_is_beside_a_lost_write_is_nobodys_but_whose_it_was() {
        for (word, is_taken) in [("", false), ("", true), ("    on_rotate = \"keep\"\n", true)] {
            let estate = declared(&own(word));
            put_by_hand(&estate);
            if is_taken {
                estate.take();
            }
            let between = Between::start(&estate.world.root.address);
            between.fault_after("PUT /v1/auth/aws/config/client", 0, Fault::Lost);
            for retries in [3, 4] {
                declare(&estate, &own(&format!("{word}    max_retries = {retries}")));
                estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
                let code = if is_taken { 2 } else { 5 };
                let drift = estate.run(&["drift"], code).stdout;
                assert!(is_taken || drift.contains(&replaced(&format!("\"{OWN}\""), FOREIGN)), "{drift}");
            }
            let plan = estate.plan(2);
            assert!(!plan.contains(&format!("-> \"{OWN}\"")), "{plan}");
            estate.apply();
            let held = config(&estate);
            assert_eq!((&held["access_key"], &held["max_retries"]), (&json!(FOREIGN), &json!(4)), "{word}");
            estate.run(&["drift"], if is_taken { 0 } else { 5 });
        }
        // Of nobody's declaring it is told still, and stays when what is beside it goes.
        let estate = declared("    max_retries = 1");
        put_by_hand(&estate);
        let between = Between::start(&estate.world.root.address);
        between.fault_after("PUT /v1/auth/aws/config/client", 0, Fault::Lost);
        declare(&estate, "    max_retries = 2");
        estate.run(&["apply", "--auto-approve", "--address", &between.address], 1);
        estate.apply();
        let drift = estate.run(&["drift"], 5).stdout;
        assert!(drift.contains(&replaced("(none)", FOREIGN)), "{drift}");
    }

    #[test]
    fn its_id_may_be_a_reference_as_that_in_root() {
        let mut estate = Seeded::new();
        estate.env.set("OWN_SECRET", "a secret of ours").set("OWN_KEY", OWN);
        declare(&estate, &own("").replace(&format!("\"{OWN}\""), "\"secret:env:OWN_KEY\""));
        estate.apply();
        assert_eq!(config(&estate)["access_key"], OWN);
        estate.plan(0);
        estate.run(&["drift"], 0);
    }

    #[test]
    fn one_is_adopted_with_what_is_beside_it() {
        let estate = declared("");
        put_by_hand(&estate);
        declare(&estate, "    sts_region = \"eu-west-1\"");
        estate.take();
        assert_eq!(
            (&config(&estate)["access_key"], &config(&estate)["sts_region"]),
            (&json!(FOREIGN), &json!("eu-west-1"))
        );
        estate.run(&["drift"], 0);
        estate.plan(0);
    }
}
