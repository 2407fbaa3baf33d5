//! Who signs tokens: keys and tokens of an outside library, and a small OpenID Connect issuer that shows the keys.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::fake::{Asked, read_request};
use super::python::python;

/// What `tests/jwt/sign.py` makes of these keys (names with algorithms) and tokens (`key`, `claims`, `headers`).
pub(crate) fn signed(keys: &[(&str, &str)], tokens: &[Value]) -> Signed {
    let keys: BTreeMap<_, _> = keys.iter().copied().collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jwt/sign.py");
    let asked = json!({ "keys": keys, "tokens": tokens }).to_string();
    let output = Command::new(python()).arg(script).arg(asked).output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Signed(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// Keys and tokens.
pub(crate) struct Signed(Value);

impl Signed {
    pub(crate) fn token(&self, at: usize) -> &str {
        self.0["tokens"][at].as_str().expect("a token")
    }

    pub(crate) fn pem(&self, key: &str) -> &str {
        self.0["pem"][key].as_str().expect("a key")
    }

    /// A key set of these keys.
    pub(crate) fn set(&self, keys: &[&str]) -> Value {
        json!({ "keys": keys.iter().map(|key| self.0["jwks"][*key].clone()).collect::<Vec<_>>() })
    }
}

/// The server. It ends with the test's process.
pub(crate) struct Issuer {
    /// `http://127.0.0.1:port`: the issuer's name, too.
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What is answered at a path, and with which status.
    pages: BTreeMap<String, (u16, String)>,
    asked: Vec<Asked>,
}

impl Issuer {
    /// Shows its description, and this key set at `/keys`.
    pub(crate) fn start(keys: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let issuer = Self { address: address.clone(), state: state.clone() };
        let described = json!({ "issuer": address, "jwks_uri": format!("{address}/keys") });
        issuer.show("/.well-known/openid-configuration", 200, &described.to_string());
        issuer.show("/keys", 200, &keys.to_string());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = state.clone();
                // A client that goes away in the middle is its own business.
                std::thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        issuer
    }

    /// Answers this at a path from now on.
    pub(crate) fn show(&self, path: &str, status: u16, body: &str) {
        self.state.lock().unwrap().pages.insert(path.to_owned(), (status, body.to_owned()));
    }

    /// How often a path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|asked| path_of(asked) == path).count()
    }

    /// The last request.
    #[track_caller]
    pub(crate) fn last(&self) -> Asked {
        self.state.lock().unwrap().asked.last().cloned().expect("something was asked")
    }
}

fn path_of(asked: &Asked) -> &str {
    asked.line.split(' ').nth(1).unwrap_or_default()
}

fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let path = path_of(&request).to_owned();
        let (status, body) = {
            let mut state = state.lock().unwrap();
            let page = state.pages.get(&path).cloned().unwrap_or((404, String::new()));
            state.asked.push(request);
            page
        };
        write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
    Ok(())
}
