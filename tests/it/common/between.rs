//! What stands between a client and a server, and loses things: a network, a balancer, a server that is overloaded.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;

use crate::bao::{self, BadHour};
use crate::fake::{Asked, read_request};

/// How long nothing comes before a wave of requests is over, and is let through.
const WAVE_QUIET: Duration = Duration::from_millis(150);

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is answered with a status, and does not reach the server.
    Refused(u16),
    /// The same, with `Retry-After` in seconds.
    RefusedFor(u16, u32),
    /// The connection breaks, and it does not reach the server.
    Lost,
    /// The server does it, and a status that says otherwise is answered.
    Belied(u16),
    /// The server does it, and the connection breaks.
    Unanswered,
    /// Nothing is answered until the end, or until it is let go: then the connection breaks. It does not reach the server.
    Stuck,
    /// The server does it, and nothing is answered until the end, or until it is let go: then the connection breaks.
    Held,
    /// The server does it, and what somebody else asks next, before it is answered.
    Overtaken,
}

struct Rule {
    /// What its line begins with: one of these.
    requests: Vec<String>,
    times: usize,
    fault: Option<Fault>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    asked: Vec<Asked>,
    held: Arc<Notify>,
    /// What waits without end until it is let go.
    parked: Vec<std::thread::Thread>,
    /// How often what waits was let go.
    let_go: usize,
    under_way: usize,
    /// Where requests wait for the end of their wave, if waves are counted.
    waves: Option<mpsc::Sender<mpsc::Sender<()>>>,
    /// What somebody asks with a body, with the token of whom he overtakes.
    next: Option<(String, String)>,
    /// Whether lists tell names alone.
    names_alone: bool,
    /// The requests of each wave so far.
    rounds: Vec<usize>,
    /// Whether the server is to be met as OpenBao is.
    openbao: bool,
    /// Where it has a bad hour besides.
    hour: Option<BadHour>,
}

/// What is done with a request.
enum Way {
    Through,
    /// It is answered here: the server behind would do it.
    Answered(u16, String),
    /// It is told here.
    Told(u16, Value),
    Met(Fault),
}

/// It ends with the test's process.
pub(crate) struct Between {
    /// `http://127.0.0.1:port`.
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

impl Between {
    /// In front of a server at `http://host:port`.
    pub(crate) fn start(server: &str) -> Self {
        Self::start_with(server, State::default())
    }

    /// In front of an engine of ours, so that both together are as OpenBao.
    pub(crate) fn start_as_openbao(server: &str, hour: Option<BadHour>) -> Self {
        Self::start_with(server, State { openbao: true, hour, ..State::default() })
    }

    fn start_with(server: &str, state: State) -> Self {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (server, shared) = (server.clone(), shared.clone());
                // A client that goes away in the middle is its own business.
                std::thread::spawn(move || drop(carry(&stream, &server, &shared)));
            }
        });
        Self { address, state }
    }

    /// The next `times` requests whose line begins with `request` (`PUT /v1/aws/config/root`) meet a fault.
    pub(crate) fn fault(&self, request: &str, times: usize, fault: Fault) {
        let rule = Rule { requests: vec![request.to_owned()], times, fault: Some(fault) };
        self.state.lock().unwrap().rules.push(rule);
    }

    /// From the `after`-th such request on, each meets a fault.
    pub(crate) fn fault_after(&self, request: &str, after: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        let rule = |times, fault| Rule { requests: vec![request.to_owned()], times, fault };
        state.rules.extend([rule(after, None), rule(usize::MAX, Some(fault))]);
    }

    /// The one after `before` such requests meets a fault.
    pub(crate) fn fault_once(&self, request: &str, before: usize, fault: Fault) {
        let mut state = self.state.lock().unwrap();
        let rule = |times, fault| Rule { requests: vec![request.to_owned()], times, fault };
        state.rules.extend([rule(before, None), rule(1, Some(fault))]);
    }

    /// After the next such request, and before its answer, somebody asks this with a body.
    pub(crate) fn overtake(&self, request: &str, next: &str, body: &serde_json::Value) {
        self.state.lock().unwrap().next = Some((next.to_owned(), body.to_string()));
        self.fault(request, 1, Fault::Overtaken);
    }

    /// The one after `before` requests that write meets a fault.
    pub(crate) fn fault_write(&self, before: usize, fault: Fault) {
        let requests = ["PUT", "POST", "DELETE"].map(str::to_owned).to_vec();
        let rule = |times, fault| Rule { requests: requests.clone(), times, fault };
        self.state.lock().unwrap().rules.extend([rule(before, None), rule(1, Some(fault))]);
    }

    /// Returns when a request waits without end.
    pub(crate) async fn held(&self) {
        let held = self.state.lock().unwrap().held.clone();
        held.notified().await;
    }

    /// Breaks the connections of all that waits without end.
    pub(crate) fn let_go(&self) {
        let mut state = self.state.lock().unwrap();
        state.let_go += 1;
        std::mem::take(&mut state.parked).iter().for_each(std::thread::Thread::unpark);
    }

    /// From now on answers come only when nothing more is asked without them: each such wave is a round.
    pub(crate) fn count_rounds(&self) {
        let (sender, waiting) = mpsc::channel::<mpsc::Sender<()>>();
        self.state.lock().unwrap().waves = Some(sender);
        let state = self.state.clone();
        std::thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                let mut wave = vec![first];
                while let Ok(next) = waiting.recv_timeout(WAVE_QUIET) {
                    wave.push(next);
                }
                state.lock().unwrap().rounds.push(wave.len());
                drop(wave);
            }
        });
    }

    /// The requests of each round since the last time.
    pub(crate) fn rounds(&self) -> Vec<usize> {
        std::mem::take(&mut self.state.lock().unwrap().rounds)
    }

    /// Takes the objects out of lists: most servers answer names alone.
    pub(crate) fn lists_tell_names_alone(&self) {
        self.state.lock().unwrap().names_alone = true;
    }

    /// Takes all faults away.
    pub(crate) fn heal(&self) {
        self.state.lock().unwrap().rules.clear();
    }

    /// Returns when nothing is under way but what waits without end.
    pub(crate) async fn quiet(&self) {
        while self.state.lock().unwrap().under_way > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// What was asked so far, but for what is stuck.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }
}

/// What is done with a request.
fn way_of(state: &Mutex<State>, asked: &Asked) -> Way {
    let state = &mut *state.lock().unwrap();
    if state.openbao
        && let Some((status, what)) = bao::refusal(asked)
    {
        state.asked.push(asked.clone());
        return Way::Answered(status, what);
    }
    let rule = state.rules.iter_mut().find(|rule| rule.times > 0 && is_meant(rule, asked));
    if rule.is_none()
        && state.openbao
        && let Some(told) = bao::told(asked)
    {
        state.asked.push(asked.clone());
        return Way::Told(200, told);
    }
    let fault = match rule {
        Some(rule) => {
            rule.times -= 1;
            rule.fault
        }
        None => state.hour.as_mut().and_then(|hour| hour.fault_of(asked)),
    };
    if fault != Some(Fault::Stuck) {
        state.asked.push(asked.clone());
    }
    fault.map_or(Way::Through, Way::Met)
}

fn is_meant(rule: &Rule, asked: &Asked) -> bool {
    rule.requests.iter().any(|request| asked.line.starts_with(request))
}

fn carry(stream: &TcpStream, server: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let ours_behind = state.lock().unwrap().openbao;
    while let Some(mut asked) = read_request(&mut reader)? {
        state.lock().unwrap().under_way += 1;
        let waves = state.lock().unwrap().waves.clone();
        if let Some(waves) = waves {
            let (wave, over) = mpsc::channel();
            waves.send(wave).unwrap();
            // It ends with the wave.
            let _ = over.recv();
        }
        let way = way_of(state, &asked);
        if ours_behind {
            // It has none, and stands for the whole of one.
            asked.headers.retain(|header| !header.starts_with("x-vault-namespace:"));
        }
        let goes_on = go(stream, way, &asked, server, state);
        state.lock().unwrap().under_way -= 1;
        if !goes_on? {
            break;
        }
    }
    Ok(())
}

/// Answers a request; whether the connection goes on.
fn go(mut client: &TcpStream, way: Way, asked: &Asked, server: &str, state: &Mutex<State>) -> std::io::Result<bool> {
    match way {
        Way::Through => {
            let answer = forward(asked, server)?;
            let (names_alone, openbao) = {
                let state = state.lock().unwrap();
                (state.names_alone, state.openbao)
            };
            let answer = if names_alone { hiding("\"key_info\"", "\"key_none\"", &answer) } else { answer };
            let answer = if openbao { hiding(bao::OUR_NAME, bao::OTHER_NAME, &answer) } else { answer };
            client.write_all(&answer)?;
        }
        Way::Told(status, told) => {
            let body = if told.is_null() { String::new() } else { told.to_string() };
            write!(client, "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
        }
        Way::Answered(status, what) => answer(client, status, "", &what)?,
        Way::Met(Fault::Refused(status)) => refuse(client, status, "")?,
        Way::Met(Fault::RefusedFor(status, seconds)) => {
            refuse(client, status, &format!("retry-after: {seconds}\r\n"))?;
        }
        Way::Met(Fault::Belied(status)) => {
            forward(asked, server)?;
            refuse(client, status, "")?;
        }
        Way::Met(Fault::Stuck) => {
            hold(state);
            return Ok(false);
        }
        Way::Met(Fault::Held) => {
            forward(asked, server)?;
            hold(state);
            return Ok(false);
        }
        Way::Met(Fault::Overtaken) => {
            let answer = forward(asked, server)?;
            let next = state.lock().unwrap().next.take();
            if let Some((line, body)) = next {
                let own = |header: &&String| header.starts_with("x-vault-token:") || header.starts_with("host:");
                let mut headers: Vec<String> = asked.headers.iter().filter(own).cloned().collect();
                headers.push(format!("content-length: {}", body.len()));
                let done = forward(&Asked { line, headers, body }, server)?;
                assert!(done.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&done));
            }
            client.write_all(&answer)?;
        }
        Way::Met(Fault::Lost) => return Ok(false),
        Way::Met(Fault::Unanswered) => {
            forward(asked, server)?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Says that a request waits, and lets it, until it is let go.
fn hold(state: &Mutex<State>) {
    let began = {
        let mut state = state.lock().unwrap();
        state.under_way -= 1;
        state.parked.push(std::thread::current());
        state.held.notify_one();
        state.let_go
    };
    loop {
        std::thread::park();
        let mut state = state.lock().unwrap();
        if state.let_go > began {
            state.under_way += 1;
            return;
        }
    }
}

fn refuse(client: &TcpStream, status: u16, header: &str) -> std::io::Result<()> {
    answer(client, status, header, "a fault of the test")
}

fn answer(mut client: &TcpStream, status: u16, header: &str, what: &str) -> std::io::Result<()> {
    let body = serde_json::json!({ "errors": [what] }).to_string();
    write!(client, "HTTP/1.1 {status} x\r\n{header}content-length: {}\r\n\r\n{body}", body.len())
}

/// An answer in which a key is none that a client knows; as long as before.
fn hiding(known: &str, unknown: &str, answer: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(answer).replacen(known, unknown, 1).into_bytes()
}

/// Asks the server on a connection of its own, and answers what it said, with its length.
pub(crate) fn forward(asked: &Asked, server: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server)?;
    let mut request = format!("{} HTTP/1.1\r\nconnection: close\r\n", asked.line);
    for header in asked.headers.iter().filter(|header| !header.starts_with("connection:")) {
        request.push_str(&format!("{header}\r\n"));
    }
    stream.write_all(format!("{request}\r\n{}", asked.body).as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    // The client may go on with its connection.
    let text = String::from_utf8_lossy(&answer).replacen("connection: close\r\n", "", 1);
    Ok(text.into_bytes())
}
