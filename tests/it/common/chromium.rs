//! A real browser that is told what to do, and asked what it sees.
//!
//! It is spoken to over two pipes, which need no port. Source: Chrome DevTools Protocol; Chromium's
//! `--remote-debugging-pipe`, which reads from descriptor 3 and writes to 4, each message ending with a zero byte.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The browser of the distribution.
pub(crate) fn chromium() -> PathBuf {
    let names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
    let places = ["/usr/bin", "/usr/local/bin", "/snap/bin"];
    let all = places.iter().flat_map(|place| names.iter().map(move |name| PathBuf::from(place).join(name)));
    all.into_iter().find(|path| path.exists()).expect(
        "this test needs Chromium, and there is none: apt-get install -y --no-install-recommends chromium (.ci/run does)",
    )
}

/// What every run of it is told.
pub(crate) const ALWAYS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-dev-shm-usage",
];

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    asked: u64,
    session: Option<String>,
    /// What the page told since the last look.
    events: Vec<Value>,
}

impl Browser {
    /// Starts one that keeps what it has in this directory.
    pub(crate) fn start(home: &Path) -> Self {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1"])
            .arg(chromium())
            .args(ALWAYS)
            .args(["--remote-debugging-pipe", "--window-size=1280,900", "about:blank"])
            .arg(format!("--user-data-dir={}", home.join("profile").display()))
            .env("HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self { child, input, messages, asked: 0, session: None, events: Vec::new() };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attached = browser.call("Target.attachToTarget", &json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Tells it something, and answers what comes of that.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{method}: {error}"));
            if message["id"] == self.asked {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    /// Opens a file, until all of it is there.
    pub(crate) fn open(&mut self, file: &Path) {
        self.visit(&format!("file://{}", file.display()));
    }

    /// Opens an address, until all of it is there.
    pub(crate) fn visit(&mut self, url: &str) {
        self.events.clear();
        self.call("Page.navigate", &json!({"url": url}));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.messages.recv_timeout(PATIENCE).expect("the page is loaded");
            self.events.push(event);
        }
    }

    /// The value of an expression on the page.
    #[track_caller]
    pub(crate) fn ask(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Presses a key, and types a text after it.
    pub(crate) fn press(&mut self, key: &str, text: &str) {
        for event in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", &json!({"type": event, "key": key}));
        }
        if !text.is_empty() {
            self.call("Input.insertText", &json!({"text": text}));
        }
    }

    /// Makes the window this wide, on a screen that is light or dark.
    pub(crate) fn look(&mut self, width: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// The page on paper, as PDF.
    pub(crate) fn print(&mut self) -> Vec<u8> {
        let printed = self.call("Page.printToPDF", &json!({}));
        base64::engine::general_purpose::STANDARD.decode(printed["data"].as_str().unwrap()).unwrap()
    }

    /// A picture of the page, as far as it fits below each other in a window of this height.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        let taken = self.call("Page.captureScreenshot", &json!({"captureBeyondViewport": true}));
        base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    /// What went wrong on the page, and what it asked for: addresses, and complaints.
    pub(crate) fn told(&self) -> (Vec<String>, Vec<String>) {
        let of = |method: &'static str| self.events.iter().filter(move |event| event["method"] == method);
        let asked = of("Network.requestWillBeSent").map(|event| event["params"]["request"]["url"].to_string());
        let complaints =
            of("Runtime.exceptionThrown").chain(of("Log.entryAdded")).chain(of("Runtime.consoleAPICalled"));
        (asked.collect(), complaints.map(ToString::to_string).collect())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.session = None;
        // It ends its own processes; one that hangs is ended.
        let close = json!({"id": self.asked + 1, "method": "Browser.close"});
        drop(self.input.write_all(format!("{close}\0").as_bytes()));
        for _ in 0..100 {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
