//! A server that answers from a table and remembers what it was asked: for what a real engine does not
//! do on demand, and for looking at requests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `GET /v1/sys/health`.
    pub(crate) line: String,
    /// In lower case: `x-vault-token: root`.
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

impl Asked {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| header.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// The server. It ends with the test's process.
pub(crate) struct FakeServer {
    /// `http://127.0.0.1:port`.
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl FakeServer {
    /// Answers `METHOD /v1/path` (without a query) with the status and the body of the first entry that
    /// matches; anything else with 404 and no errors.
    pub(crate) fn start(answers: &'static [(&'static str, u16, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let remembered = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let remembered = remembered.clone();
                // A client that goes away in the middle is its own business.
                std::thread::spawn(move || drop(serve(&stream, answers, &remembered)));
            }
        });
        Self { address, asked }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The last request.
    #[track_caller]
    pub(crate) fn last(&self) -> Asked {
        self.asked().pop().expect("something was asked")
    }
}

fn serve(stream: &TcpStream, answers: &[(&str, u16, &str)], remembered: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read_request(&mut reader)? {
        remembered.lock().unwrap().push(asked.clone());
        let path = asked.line.split('?').next().unwrap_or_default();
        let found = answers.iter().find(|(request, _, _)| *request == path);
        let (status, text) = found.map_or((404, r#"{"errors":[]}"#), |(_, status, text)| (*status, *text));
        let mut stream = stream;
        write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{text}", text.len())?;
    }
    Ok(())
}

/// The next request of a connection; none when it was closed.
pub(crate) fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) => headers.push(format!("{}: {value}", name.to_lowercase())),
            None => break,
        }
    }
    let length = headers.iter().find_map(|header| header.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    Ok(Some(Asked { line, headers, body: String::from_utf8(body).unwrap() }))
}
