//! A login that is only in the tests: what one costs. This file, its `mod` line, and its line in `KINDS`.
//!
//! Somebody says a word, and an issuer that the method believes vouches for it: so the method has settings, too. The
//! engine's side of it is `engine/backend/table/trial_login.rs`.

use serde_json::{Map, Value};

use super::call::{Call, Lacks};
use super::field::{Field, Shape, Told};
use super::home::{Home, METHODS};
use super::kind::live::Live;
use super::kind::object::Object;
use super::kind::words::{ANYTHING, Block, Key, Objection};
use super::kind::{Changed, Class, Delete, Kind, Leases, Special, Update};
use super::review::{LoginSecret, LoginWords, Remarks, Reviewed, Said, UNBOUND, UNTOLD, Values as _};
use super::token_fields;
use super::wire::{pick, post};

static FIELDS: [Field; 1 + token_fields::FIELDS] =
    token_fields::after([field("word", Shape::Text, "\"\"", "What has to be said.")]);

static CONFIG_FIELDS: &[Field] = &[
    field("issuer", Shape::Text, "\"\"", "Whom the method believes."),
    field("audience", Shape::Text, "\"\"", "For whom it has to be said. Ledgers were kept before there was this."),
];

const fn field(name: &'static str, shape: Shape, default: &'static str, doc: &'static str) -> Field {
    Field { name, shape, default, told: Told::Readable, immutable: false, doc }
}

/// `login "trial-login" { ... }` in an app.
static LOGIN: Block = Block {
    word: "login",
    label: Some("The auth method, where `mount` does not say another."),
    doc: "A login with a word.",
    keys: &token_fields::keys_after::<1, { 1 + token_fields::KEYS }>(&KIND, [Key::field(&KIND, "word")]),
    check: |login| {
        let objection = || Objection { key: "word", what: "there is no word".to_owned(), hint: "add word = \"...\"" };
        login.text("word").is_empty().then(objection).into_iter().collect()
    },
};

/// `config { ... }` in the method's declaration.
static CONFIG_BLOCK: Block = Block {
    word: "config",
    label: None,
    doc: "Whom the method believes.",
    keys: &[Key::field(&CONFIG, "issuer"), Key::field(&CONFIG, "audience")],
    check: ANYTHING,
};

static WORDS: LoginWords = LoginWords {
    method: |_| "a word",
    way: |_| None,
    takes: |login| format!("it says {}", login.text("word")),
    secret: LoginSecret::None,
    bindings: UNBOUND,
    alias: UNTOLD,
    said: |field, old, new, from| {
        let now = format!("it says {} from {from} now", new.text("word"));
        (field == "word").then(|| Said { now, was: old.text("word"), gains: true, field })
    },
};

/// Logins by a word.
pub(super) static KIND: Kind = Kind {
    name: "trial login",
    class: Class::Login,
    home: Home::Below { table: &METHODS, mount_type: "trial-login", folder: "map", witness: "token_policies" },
    leases: Leases::Issued(&["login"]),
    reviewed: Reviewed::Login(&WORDS),
    words: &LOGIN,
    fields: &FIELDS,
    update: Update::Merge,
    delete: Delete::ByPath,
    parse: |data| Ok(pick(data, &FIELDS.iter().map(|field| field.name).collect::<Vec<_>>())),
    write,
    special: Special {
        effect: |_, change| matches!(change, Changed::Deleted(_)).then(|| "the word is forgotten".to_owned()),
        ..Special::NONE
    },
};

/// Whom a method believes.
pub(super) static CONFIG: Kind = Kind {
    name: "trial config",
    class: Class::Config,
    home: Home::Setting { table: &METHODS, mount_type: "trial-login", path: "config" },
    leases: Leases::OfMount,
    reviewed: Reviewed::Fields(&Remarks { account: &["issuer", "audience"], ..Remarks::NONE }),
    words: &CONFIG_BLOCK,
    fields: CONFIG_FIELDS,
    update: Update::Merge,
    delete: Delete::Forget("it stays until the mount goes"),
    parse: |data| Ok::<Map<String, Value>, Lacks>(data.clone()),
    write,
    special: Special { later: &["audience"], ..Special::NONE },
};

fn write(object: &Object, _live: Option<&Live>) -> Vec<Call> {
    vec![post(object.path.clone(), object.kind.fields.iter().map(|field| (field.name, object.value(field.name))))]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use crate::api::{Client, Options as ClientOptions, Target};
    use crate::apply::{self, Options};
    use crate::clock::Clock;
    use crate::engine::{Config, Engine, Storage};
    use crate::estate::{self, Estate, Sources};
    use crate::plan::{Asked, ChangeAction};
    use crate::proposal::{Basis, Proposal, Purpose, Word, propose};
    use crate::review::state::{Context, Side};
    use crate::review::{self, Colour};
    use crate::secret::Secret;

    const ESTATE: &str = r#"
environment "local" { engine = "embedded" }
aws "aws" {}
auth "trial-login" {
  config { issuer = "https://issuer.example" }
}
app "web" {
  role "web" { policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess"] }
  login "trial-login" {
    word      = "open"
    token_ttl = "1h"
  }
}
"#;

    fn load(text: &str) -> Result<Estate, String> {
        let sources = Sources::from_texts([("estate.hcl".to_owned(), text.to_owned())], []);
        estate::load(&sources, None).map_err(|problems| {
            let told = problems.iter().map(|problem| format!("{} ({:?})", problem.what, problem.hint));
            told.collect::<Vec<_>>().join("; ")
        })
    }

    struct World {
        client: Client,
        clock: Clock,
        /// Where the files would be: outside git.
        dir: tempfile::TempDir,
    }

    impl World {
        async fn new() -> Self {
            let clock = Clock::system();
            let engine = Engine::open(Config::new(Storage::Memory, clock.clone())).await.expect("an engine");
            let token = engine.root_token().expect("a token");
            let target = Target::Stream(Arc::new(move || {
                let (ours, theirs) = tokio::io::duplex(64 << 10);
                let engine = engine.clone();
                tokio::spawn(async move { engine.serve_stream(theirs, None).await });
                ours
            }));
            Self {
                client: Client::new(target, ClientOptions::new(Some(token))).expect("a client"),
                clock,
                dir: tempfile::tempdir().expect("a directory"),
            }
        }

        async fn propose(&self, estate: Estate) -> Proposal {
            let (asked, purpose) = (Asked::default(), Purpose::Apply);
            let basis = Basis { dir: self.dir.path(), shared: false, today: "2026-11-25", purpose };
            propose(estate, &self.client, basis, Word::cautious(&asked)).await.expect("a plan")
        }

        /// Applies; answers what was planned as text, and what was done.
        async fn apply(&self, estate: Estate) -> (String, Vec<(ChangeAction, String)>) {
            let mut proposal = self.propose(estate).await;
            let (plan, desired, ledger) = proposal.parts();
            let options =
                Options { clock: &self.clock, stop: &AtomicBool::new(false), lock: None, progress: &|_, _| {} };
            let applied = apply::run(&self.client, plan, desired, ledger, &options).await;
            let applied = applied.expect("applied");
            assert_eq!(applied.report.exit_code(), 0, "{}", plan.text(Colour::Never));
            applied.record(&self.client, ledger, &self.clock).await.expect("recorded");
            let changes = proposal.plan.changes.iter().map(|change| (change.action, change.path.clone())).collect();
            (proposal.plan.text(Colour::Never), changes)
        }

        /// Logs in by a word; what the token may read is answered.
        async fn log_in(&self, word: &str) -> Result<Client, String> {
            let body = serde_json::json!({"word": word});
            let anybody = self.client.without_token();
            let answer = anybody.write("auth/trial-login/login/app-web", body.as_object().expect("a map")).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let token =
                answer.auth.and_then(|auth| Some(auth.get("client_token")?.as_str()?.to_owned())).expect("a token");
            Ok(self.client.with_token(Secret::new(token)))
        }
    }

    fn findings(before: &Side<'_>, after: &Side<'_>) -> String {
        let reviewed = review::Environment::new("local", Some(before), Some(after), &[], Vec::new());
        let told = reviewed.findings.iter().map(|finding| {
            format!(
                "{}: {}{}",
                finding.subject,
                finding.what,
                finding.was.as_ref().map_or(String::new(), |was| format!(" (was: {was})"))
            )
        });
        told.collect::<Vec<_>>().join("\n")
    }

    /// What it issued is found by its name, and so what a change of it touches.
    #[test]
    fn its_leases_are_below_its_name() {
        let path = "auth/trial-login/map/app-web";
        assert_eq!(super::KIND.lease_prefixes(path), ["auth/trial-login/login/app-web"]);
        assert_eq!(super::CONFIG.lease_prefixes("auth/trial-login/config"), ["auth/trial-login"]);
    }

    #[tokio::test]
    async fn a_login_of_one_file_and_one_line_is_planned_applied_and_reviewed() {
        let world = World::new().await;
        let first = || load(ESTATE).expect("an estate");
        let (text, changes) = world.apply(first()).await;
        let created: Vec<&str> = changes.iter().map(|(_, path)| path.as_str()).collect();
        // What it stands on comes before it: its method, whom that believes, its policy.
        let order = [
            "sys/auth/trial-login",
            "sys/mounts/aws",
            "auth/trial-login/config",
            "sys/policies/acl/app-web",
            "aws/roles/web",
            "auth/trial-login/map/app-web",
        ];
        assert_eq!(created, order, "{text}");
        assert!(world.propose(first()).await.plan.is_empty(), "a second plan is empty");

        // Who says the word is whom the app's policy is for; who doesn't is nobody.
        let web = world.log_in("open").await.expect("a token");
        assert!(web.read("auth/token/lookup-self").await.expect("an answer").is_some());
        assert!(web.read("aws/roles/web").await.is_err(), "its policy is no more than what it needs");
        assert!(world.log_in("sesame").await.expect_err("no token").contains("that is not the word"));

        // Somebody adds one by hand: it is listed, and counts as not ours.
        let body = serde_json::json!({"word": "sesame", "token_policies": ["root"]});
        let body = body.as_object().expect("a map");
        world.client.write("auth/trial-login/map/by-hand", body).await.expect("written");
        let plan = world.propose(first()).await.plan;
        let unmanaged: Vec<_> = plan.unmanaged.iter().filter(|object| object.kind == "trial login").collect();
        let paths: Vec<&str> = unmanaged.iter().map(|object| object.path.as_str()).collect();
        assert_eq!(paths, ["auth/trial-login/map/by-hand"]);

        let second = load(&ESTATE.replace("\"open\"", "\"close\"").replace("issuer.example", "other.example"))
            .expect("an estate");
        let context = Context::default();
        let before = world.propose(first()).await;
        let side = Side::of_live(before.live.values(), &before.estate.objects, before.ledger.owned(), context);
        let told = findings(&side, &Side::of_estate(&second));
        assert!(told.contains("app web: it says close from any address now (was: open)"), "{told}");
        assert!(told.contains("auth/trial-login/config: issuer of the trial config changed"), "{told}");
        let told = findings(&Side::default(), &Side::of_estate(&second));
        let added = "may log in by a word at auth/trial-login: it says close; from any address; tokens live";
        assert!(told.contains(added), "{told}");
        let (_, changes) = world.apply(second).await;
        let updated = ["auth/trial-login/config", "auth/trial-login/map/app-web"];
        assert_eq!(changes, updated.map(|path| (ChangeAction::Update, path.to_owned())));

        // It goes before what it stands on. What is not ours keeps its mount.
        let rest = "environment \"local\" { engine = \"embedded\" }\naws \"aws\" {}\nauth \"trial-login\" {}\n";
        let third = || load(rest).expect("an estate");
        let (text, changes) = world.apply(third()).await;
        assert_eq!(changes.first(), Some(&(ChangeAction::Delete, "auth/trial-login/map/app-web".to_owned())), "{text}");
        assert!(text.contains("the word is forgotten"), "{text}");
        let live = world.client.read("auth/trial-login/map/app-web").await.expect("an answer");
        assert!(live.is_none() && world.propose(third()).await.plan.is_empty());
        let none = load("environment \"local\" { engine = \"embedded\" }\naws \"aws\" {}\n").expect("an estate");
        let refused = world.propose(none).await.plan;
        assert!(
            refused.text(Colour::Never).contains("auth/trial-login/map/by-hand"),
            "{}",
            refused.text(Colour::Never)
        );
        assert!(!refused.refusals.is_empty());
    }

    #[test]
    fn its_words_are_known_in_its_blocks_only() {
        for (text, with, expected) in [
            ("word      =", "wrod      =", "login \"trial-login\" has no key `wrod` (Some(\"did you mean `word`?\"))"),
            ("word      = \"open\"", "", "there is no word (Some(\"add word = \\\"...\\\"\"))"),
            ("word      =", "bind_secret_id = true\nword =", "login \"trial-login\" has no key `bind_secret_id`"),
            ("issuer =", "isuer =", "config of auth \"trial-login\" has no key `isuer`"),
            ("auth \"trial-login\" {", "auth \"approle\" {", "auth \"approle\" has no key `config`"),
            ("auth \"trial-login\" {", "auth \"trial\" {", "`trial` is not an auth method that can be declared"),
        ] {
            let told = load(&ESTATE.replace(text, with)).expect_err(with);
            assert!(told.contains(expected), "{told}");
        }
    }
}
