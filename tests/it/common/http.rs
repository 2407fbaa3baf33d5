//! A plain HTTP/1.1 client of a few lines, so that the wire is tested by something that shares no code
//! with what is tested.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// An answer: the status, and the body as JSON (null when there is none).
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A server's address and the token to show it.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    pub(crate) token: String,
}

/// A value that is a text.
#[track_caller]
pub(crate) fn said(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text is expected, not {value}")).to_owned()
}

/// Status and error texts of an answer, as one line.
pub(crate) fn outcome(answer: &Answer) -> String {
    let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
    let errors: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
    format!("{} {}", answer.status, errors.join(" | ")).trim_end().to_owned()
}

impl Http {
    /// Sends one request on a connection of its own.
    pub(crate) fn try_send(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        self.try_send_with(method, path, body, &[])
    }

    /// As [`Http::try_send`], with more headers.
    pub(crate) fn try_send_with(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let mut all = vec![("Content-Type", "application/json")];
        all.extend(headers);
        self.try_send_as(method, path, body, &all)
    }

    /// As [`Http::try_send`], with these headers and no content type beside them.
    pub(crate) fn try_send_as(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> io::Result<Answer> {
        self.try_send_bytes(method, path, &body.map(Value::to_string).unwrap_or_default(), headers)
    }

    /// As [`Http::try_send_as`], with any body.
    pub(crate) fn try_send_bytes(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: {}\r\nX-Vault-Token: {}\r\nX-Vault-Request: true\r\nConnection: close\r\n\
             {more}Content-Length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "half an answer"))
    }

    /// As [`Http::try_send`], for a server that is there.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_send(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// GET that must answer 200; the whole body.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, None);
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        answer.body
    }

    /// POST that must succeed; the whole body.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.send("POST", path, Some(body));
        assert!((200..300).contains(&answer.status), "POST {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// The same server with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { address: self.address.clone(), token: token.to_owned() }
    }
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..split]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let header = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let mut body = answer[split + 4..].to_vec();
    if header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        body = dechunk(&body)?;
    } else if let Some(length) = header("content-length").and_then(|value| value.parse::<usize>().ok()) {
        if body.len() < length {
            return None;
        }
        body.truncate(length);
    }
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).ok()? };
    Some(Answer { status, body })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 2 + size + 2..)?;
    }
}
