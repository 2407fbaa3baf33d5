//! An estate in a folder and the engine that it is for: the embedded one, or another where `LEASEHOLD_TEST_ADDR` and
//! `LEASEHOLD_TEST_TOKEN` name one. There a test takes away what it made.

use std::sync::{Mutex, MutexGuard, PoisonError};

use leasehold::api::{Addresses, Client, Options, Target, TlsOptions};
use leasehold::clock::Clock;
use leasehold::engine::AwsTransport;
use leasehold::secret::Secret;
use serde_json::{Map, Value};

use crate::env::{InTestEngine, Output, TestEnv};

/// The world of one test.
pub(crate) struct World {
    pub(crate) env: TestEnv,
    pub(crate) client: Client,
    pub(crate) runtime: tokio::runtime::Runtime,
    /// The mounts of the test.
    mounts: &'static [&'static str],
    engine: Option<InTestEngine>,
    _alone: Option<MutexGuard<'static, ()>>,
}

/// One test at a time has an engine that all share.
static SHARED: Mutex<()> = Mutex::new(());

impl World {
    /// An estate whose environment has this name; the test mounts at these paths.
    pub(crate) fn new(environment: &str, mounts: &'static [&'static str]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut env = TestEnv::new();
        let (engine, address, token, alone) = match std::env::var("LEASEHOLD_TEST_ADDR") {
            Ok(address) => {
                let token = std::env::var("LEASEHOLD_TEST_TOKEN").expect("LEASEHOLD_TEST_TOKEN");
                (None, address, token, Some(SHARED.lock().unwrap_or_else(PoisonError::into_inner)))
            }
            Err(_) => {
                let engine = InTestEngine::start(Clock::system(), AwsTransport::Network);
                let (address, token) = (engine.address.clone(), engine.root_token.clone());
                (Some(engine), address, token, None)
            }
        };
        env.set("LEASEHOLD_TOKEN", &*token);
        env.write(
            "estate/engine.hcl",
            &format!("environment \"{environment}\" {{\n  address = \"{address}\"\n  secrets = [\"env:*\"]\n}}\n"),
        );
        let target = Target::Network { addresses: Addresses::one(&address).unwrap(), tls: TlsOptions::default() };
        let client = Client::new(target, Options::new(Some(Secret::new(&*token)))).unwrap();
        let world = Self { env, client, runtime, mounts, engine, _alone: alone };
        world.unmount();
        world
    }

    /// Whether the engine is ours, or one of ours that is met as another.
    pub(crate) fn is_own(&self) -> bool {
        self.engine.is_some()
    }

    fn unmount(&self) {
        for mount in self.mounts {
            self.delete(&format!("sys/mounts/{mount}"));
        }
    }

    pub(crate) fn delete(&self, path: &str) {
        self.runtime.block_on(self.client.delete(path)).unwrap();
    }

    #[track_caller]
    pub(crate) fn write(&self, path: &str, body: &Value) {
        self.runtime.block_on(self.client.write(path, body.as_object().unwrap())).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Option<Map<String, Value>> {
        self.runtime.block_on(self.client.read(path)).unwrap().and_then(|answer| answer.data)
    }

    /// What the estate says besides where its engine is.
    pub(crate) fn declare(&self, text: &str) {
        self.env.write("estate/estate.hcl", text);
    }

    pub(crate) fn run(&mut self, arguments: &[&str]) -> Output {
        let mut all = vec!["-C", "estate"];
        all.extend(arguments);
        self.env.run(&all)
    }

    /// A plan with this exit code; both of its outputs.
    #[track_caller]
    pub(crate) fn plan(&mut self, code: i32) -> String {
        let output = self.run(&["plan"]);
        assert_eq!(output.code, code, "{}", output.normal());
        output.stdout + &output.stderr
    }

    /// Applies, and demands that there is nothing to do then, and no drift.
    #[track_caller]
    pub(crate) fn apply(&mut self) {
        let output = self.run(&["apply", "--auto-approve"]);
        assert_eq!(output.code, 0, "{}", output.normal());
        self.settled();
    }

    #[track_caller]
    pub(crate) fn settled(&mut self) {
        self.plan(0);
        let drift = self.run(&["drift"]);
        assert_eq!(drift.code, 0, "{}", drift.normal());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.engine.is_none() {
            // What is left of a test that failed goes with its mounts; the ledger forgets it then.
            self.unmount();
            self.declare("");
            let _ = self.run(&["apply", "--auto-approve"]);
        }
    }
}
