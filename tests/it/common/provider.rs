//! An issuer at which people log in with a browser: `tests/jwt/issuer.py`, a process of its own, and the person.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;

use super::python::{end, python, serve};

/// The issuer's client.
pub(crate) const CLIENT: (&str, &str) = ("engine", "client-secret/+ü");

/// The issuer, ended with the value.
pub(crate) struct Provider {
    child: Child,
    /// `http://127.0.0.1:PORT`: the issuer's name, too.
    pub(crate) address: String,
}

impl Provider {
    /// Starts the issuer and waits until it says where it listens.
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jwt/issuer.py");
        let (child, address) = serve(Command::new(python()).arg(script));
        Self { child, address }
    }

    /// How it behaves from now on: what `issuer.py` says.
    pub(crate) fn set(&self, settings: &Value) {
        assert_eq!(self.send("POST", "/settings", &settings.to_string()).0, 200);
    }

    /// All that was asked, but for the settings.
    pub(crate) fn asked(&self) -> Vec<Value> {
        let (_, _, body) = self.send("GET", "/asked", "");
        serde_json::from_str(&body).expect("JSON")
    }

    /// What a person does who is sent to an address: logs in, and is sent back. Answers where to, with its parameters.
    #[track_caller]
    pub(crate) fn log_in(&self, url: &str) -> Back {
        let (at, query) = url.split_once('?').expect("a query");
        assert_eq!(at, format!("{}/authorize", self.address));
        let (status, head, body) = self.send("POST", "/authorize", query);
        assert_eq!(status, 302, "{body}");
        let location = head.lines().find_map(|line| line.strip_prefix("Location: ")).expect("somewhere to go");
        let (to, query) = location.split_once('?').expect("a query");
        Back { to: to.to_owned(), query: query.to_owned() }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}", body.len());
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, head.to_owned(), body.to_owned())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Where a browser comes back to.
pub(crate) struct Back {
    /// Without its parameters.
    pub(crate) to: String,
    /// Its parameters, as they are sent.
    pub(crate) query: String,
}

impl Back {
    /// A parameter.
    #[track_caller]
    pub(crate) fn parameter(&self, name: &str) -> &str {
        let parts = self.query.split('&').filter_map(|part| part.split_once('='));
        parts.into_iter().find(|(key, _)| *key == name).expect("it is there").1
    }
}
