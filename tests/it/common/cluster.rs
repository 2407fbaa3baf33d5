//! A cluster that stands before one engine: nodes with addresses of their own, each in a state that the test sets, and a
//! leadership that moves when the test says so, or at a request of its choice.
//!
//! What the nodes answer is what nodes of OpenBao 2.6.2 were seen to answer: `http/sys_health.go` (health), `http/handler.go`
//! (`forwardRequest`, `respondStandby`: 307, 500 and 503), `http/logical.go` (standbys that answer reads themselves); 472 and
//! 473 as Vault's API has them ("/sys/health").

use std::collections::HashMap;
use std::io::{BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};

use crate::between::forward;
use crate::fake::{Asked, read_request};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Active,
    /// A standby that sends to the active node what is asked of it.
    Redirects,
    /// A standby that hands on what is asked of it.
    Forwards,
    /// A standby that hands writes on and answers reads itself, from what there was before the last write to the same path,
    /// so many times after each.
    Behind(usize),
    /// It redirects to a host that nobody named.
    Misleads,
    Sealed,
    /// Of disaster recovery.
    Secondary,
    Uninitialized,
    /// It takes connections and never answers.
    Silent,
    /// Nobody is there.
    Gone,
}

/// How the active node ends to be it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fall {
    /// It becomes a standby of this sort before it does what it was asked.
    StepsDown(Part),
    /// It is gone before it does what it was asked.
    Dies,
    /// It does what it was asked, and is gone before it says so.
    DiesUnheard,
}

struct Node {
    address: SocketAddr,
    part: Part,
    streams: Vec<TcpStream>,
}

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    /// What was asked but for health, and of which node.
    asked: Vec<(usize, Asked)>,
    /// What was asked of the active node.
    acted: usize,
    /// At which of these requests leadership moves, how, and to whom.
    moves: Vec<(usize, Fall, usize)>,
    /// How often health was asked, by node.
    looks: Vec<Asked>,
    /// Who is to lead, and after how many questions; standbys lead to the one before for the first half of them.
    election: Option<Election>,
    /// What standbys that are behind answer, by line, and how often.
    old: HashMap<String, (usize, Vec<u8>)>,
}

/// An election.
#[derive(Clone, Copy)]
struct Election {
    left: usize,
    before: SocketAddr,
    next: usize,
}

/// How many questions of any sort an election takes.
const ELECTION: usize = 8;

/// It ends with the test's process.
pub(crate) struct Cluster {
    server: String,
    state: Arc<Mutex<State>>,
}

impl Cluster {
    /// Nodes before a server at `http://host:port`.
    pub(crate) fn start(server: &str, parts: &[Part]) -> Self {
        let server = server.trim_start_matches("http://").to_owned();
        let cluster = Self { server, state: Arc::default() };
        for part in parts {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let index = {
                let mut state = cluster.state();
                state.nodes.push(Node { address, part: *part, streams: Vec::new() });
                state.nodes.len() - 1
            };
            match part {
                Part::Gone => drop(listener),
                _ => cluster.listen(index, listener),
            }
        }
        cluster
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn listen(&self, index: usize, listener: TcpListener) {
        let (server, state) = (self.server.clone(), self.state.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                {
                    let mut state = state.lock().unwrap();
                    if state.nodes[index].part == Part::Gone {
                        // The listener goes with it.
                        return;
                    }
                    state.nodes[index].streams.push(stream.try_clone().unwrap());
                }
                let (server, state) = (server.clone(), state.clone());
                std::thread::spawn(move || {
                    let _ = serve(index, &stream, &server, &state);
                    // Its copy among the node's streams would keep it open.
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
    }

    /// `http://127.0.0.1:port` of a node.
    pub(crate) fn address(&self, index: usize) -> String {
        format!("http://{}", self.state().nodes[index].address)
    }

    /// Those of all nodes, in this order.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.state().nodes.iter().map(|node| format!("http://{}", node.address)).collect()
    }

    /// The same as a list of HCL.
    pub(crate) fn listed(&self) -> String {
        format!("{:?}", self.addresses())
    }

    /// Makes a node something else.
    pub(crate) fn set(&self, index: usize, part: Part) {
        let before = self.state().nodes[index].part;
        become_(&mut self.state(), index, part);
        if part == Part::Gone && before != Part::Gone {
            let address = self.state().nodes[index].address;
            wake(address);
        }
        if before == Part::Gone && part != Part::Gone {
            let address = self.state().nodes[index].address;
            // The one before it may be just leaving.
            let listener = (0..200).find_map(|_| {
                std::thread::sleep(Duration::from_millis(10));
                TcpListener::bind(address).ok()
            });
            self.listen(index, listener.expect("the port is free"));
        }
    }

    /// At the request after so many of those that reach the active node, that falls, and another one is active.
    pub(crate) fn move_after(&self, requests: usize, fall: Fall, to: usize) {
        let mut state = self.state();
        let at = state.acted + requests;
        state.moves.push((at, fall, to));
    }

    /// What was asked so far but for health, and of which node.
    pub(crate) fn asked(&self) -> Vec<(usize, Asked)> {
        self.state().asked.clone()
    }

    /// The questions for health.
    pub(crate) fn looks(&self) -> Vec<Asked> {
        self.state().looks.clone()
    }

    /// How many requests the active node got.
    pub(crate) fn acted(&self) -> usize {
        self.state().acted
    }
}

/// A listener sees only with a connection that it is to end.
fn wake(address: SocketAddr) {
    drop(TcpStream::connect(address));
}

fn become_(state: &mut State, index: usize, part: Part) {
    let node = &mut state.nodes[index];
    node.part = part;
    if part == Part::Gone {
        for stream in node.streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    if part == Part::Active {
        // Who becomes active has all that was committed.
        state.old.clear();
    }
}

/// What a node does with a request.
enum Way {
    Acts,
    /// It does it, and is gone.
    ActsUnheard,
    Answers(u16, Vec<(&'static str, String)>, String),
    /// What there was before.
    Old(Vec<u8>),
    Silent,
    Gone,
}

fn serve(index: usize, stream: &TcpStream, server: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = read_request(&mut reader)? {
        let mut client = stream;
        let way = way_of(index, &asked, server, state);
        match way {
            Way::Acts => {
                let before = old_of(&asked, server, state)?;
                let answer = forward(&asked, server)?;
                keep_old(before, state);
                client.write_all(&answer)?;
            }
            Way::ActsUnheard => {
                forward(&asked, server)?;
                return Ok(());
            }
            Way::Answers(status, headers, body) => {
                let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                write!(client, "HTTP/1.1 {status} x\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())?;
            }
            Way::Old(answer) => client.write_all(&answer)?,
            Way::Silent => loop {
                std::thread::park();
            },
            Way::Gone => return Ok(()),
        }
    }
    Ok(())
}

/// What is read at the path of a write before it, where there are nodes that will still say so.
fn old_of(asked: &Asked, server: &str, state: &Mutex<State>) -> std::io::Result<Option<(usize, String, Vec<u8>)>> {
    let lag = state.lock().unwrap().nodes.iter().find_map(|node| match node.part {
        Part::Behind(times) => Some(times),
        _ => None,
    });
    let (Some(lag), false) = (lag, asked.line.starts_with("GET")) else { return Ok(None) };
    let path = asked.line.split_once(' ').map_or("", |(_, path)| path);
    let own = |header: &&String| header.starts_with("x-vault-token:") || header.starts_with("host:");
    let headers = asked.headers.iter().filter(own).cloned().collect();
    let line = format!("GET {path}");
    let answer = forward(&Asked { line: line.clone(), headers, body: String::new() }, server)?;
    Ok(Some((lag, line, answer)))
}

fn keep_old(before: Option<(usize, String, Vec<u8>)>, state: &Mutex<State>) {
    if let Some((lag, line, answer)) = before {
        state.lock().unwrap().old.insert(line, (lag, answer));
    }
}

fn way_of(index: usize, asked: &Asked, server: &str, state: &Mutex<State>) -> Way {
    let mut state = state.lock().unwrap();
    elect(&mut state);
    let is_health = asked.line.starts_with("GET /v1/sys/health");
    if is_health && !asked.line.contains('?') {
        state.looks.push(asked.clone());
        let part = state.nodes[index].part;
        drop(state);
        return health(part, server);
    }
    state.asked.push((index, asked.clone()));
    let serves = !matches!(state.nodes[index].part, Part::Silent | Part::Gone | Part::Sealed);
    if asked.line.starts_with("GET /v1/sys/leader") && serves {
        let leader = active(&state).map(|active| format!("http://{active}")).unwrap_or_default();
        let is_self = state.nodes[index].part == Part::Active;
        let body = json!({"ha_enabled": true, "is_self": is_self, "leader_address": leader});
        return Way::Answers(200, vec![("content-type", "application/json".to_owned())], body.to_string());
    }
    match state.nodes[index].part {
        Part::Active => act(&mut state, index, asked),
        Part::Redirects => redirect(&state, asked),
        Part::Forwards => hand_on(&mut state, asked),
        Part::Behind(_) if asked.line.starts_with("GET") => match state.old.get_mut(&asked.line) {
            Some((times, answer)) if *times > 0 => {
                *times -= 1;
                Way::Old(answer.clone())
            }
            _ => Way::Acts,
        },
        Part::Behind(_) => hand_on(&mut state, asked),
        Part::Misleads => {
            let path = asked.line.split_once(' ').map_or("", |(_, path)| path);
            Way::Answers(307, vec![("location", format!("http://127.0.0.1:9{path}"))], String::new())
        }
        Part::Sealed => refused(503, "Vault is sealed"),
        Part::Secondary => refused(400, "path disabled in replication DR secondary mode"),
        Part::Uninitialized => refused(503, "Vault is sealed"),
        Part::Silent => Way::Silent,
        Part::Gone => Way::Gone,
    }
}

/// An election goes on.
fn elect(state: &mut State) {
    let Some(election) = &mut state.election else { return };
    election.left -= 1;
    if election.left == 0 {
        let next = election.next;
        state.election = None;
        become_(state, next, Part::Active);
    }
}

/// The active node gets a request, and may fall by it.
fn act(state: &mut State, index: usize, asked: &Asked) -> Way {
    let number = state.acted;
    state.acted += 1;
    let Some(place) = state.moves.iter().position(|(at, _, _)| *at == number) else { return Way::Acts };
    let (_, fall, to) = state.moves.remove(place);
    let part = match fall {
        Fall::StepsDown(part) => part,
        Fall::Dies | Fall::DiesUnheard => Part::Gone,
    };
    // The stream of this request has to last until its answer is not given.
    if part == Part::Gone {
        state.nodes[index].part = part;
        let address = state.nodes[index].address;
        std::thread::spawn(move || wake(address));
    } else {
        become_(state, index, part);
    }
    match fall {
        Fall::StepsDown(_) => become_(state, to, Part::Active),
        Fall::Dies | Fall::DiesUnheard => {
            let before = state.nodes[index].address;
            state.election = Some(Election { left: ELECTION, before, next: to });
        }
    }
    match fall {
        Fall::StepsDown(Part::Redirects) => redirect(state, asked),
        Fall::StepsDown(_) => hand_on(state, asked),
        Fall::Dies => Way::Gone,
        Fall::DiesUnheard => Way::ActsUnheard,
    }
}

/// Who is active, as far as a standby knows.
fn active(state: &State) -> Option<SocketAddr> {
    if let Some(election) = state.election {
        return (election.left > ELECTION / 2).then_some(election.before);
    }
    state.nodes.iter().find(|node| node.part == Part::Active).map(|node| node.address)
}

/// A standby hands a request on, unless who asks does not want that.
fn hand_on(state: &mut State, asked: &Asked) -> Way {
    if active(state).is_none() {
        return refused(500, "local node not active but active cluster node not found");
    }
    match asked.header("x-vault-no-request-forwarding") {
        Some(_) => redirect(state, asked),
        // It can't, so it leads.
        None if state.election.is_some() => redirect(state, asked),
        None => {
            state.acted += 1;
            Way::Acts
        }
    }
}

fn redirect(state: &State, asked: &Asked) -> Way {
    let path = asked.line.split_once(' ').map_or("", |(_, path)| path);
    match active(state) {
        Some(active) => Way::Answers(307, vec![("location", format!("http://{active}{path}"))], String::new()),
        None => refused(500, "local node not active but active cluster node not found"),
    }
}

fn refused(status: u16, what: &str) -> Way {
    Way::Answers(status, vec![("content-type", "application/json".to_owned())], json!({ "errors": [what] }).to_string())
}

fn health(part: Part, server: &str) -> Way {
    let (status, changed) = match part {
        Part::Active => (200, json!({"standby": false})),
        Part::Redirects | Part::Forwards | Part::Misleads | Part::Behind(_) => (429, json!({"standby": true})),
        Part::Secondary => (472, json!({"standby": false, "replication_dr_mode": "secondary", "cluster_id": null})),
        Part::Uninitialized => {
            (501, json!({"initialized": false, "sealed": true, "standby": true, "cluster_id": null}))
        }
        Part::Sealed => (503, json!({"sealed": true, "standby": true, "cluster_id": null})),
        Part::Silent => return Way::Silent,
        Part::Gone => return Way::Gone,
    };
    let asked =
        Asked { line: "GET /v1/sys/health".to_owned(), headers: vec![format!("host: {server}")], body: String::new() };
    let Ok(answer) = forward(&asked, server) else { return Way::Gone };
    let text = String::from_utf8_lossy(&answer).into_owned();
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let mut body: Value = serde_json::from_str(body).unwrap_or_else(|_| json!({}));
    for (key, value) in changed.as_object().unwrap() {
        body[key] = value.clone();
    }
    Way::Answers(status, vec![("content-type", "application/json".to_owned())], body.to_string())
}
