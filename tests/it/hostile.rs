//! Clients that mean harm, or have gone wrong: none of them has a token, and together they may neither lock
//! out who has one, nor take the server's memory, nor keep it from stopping.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper_util::rt::{TokioExecutor, TokioIo};
use leasehold::api::{Addresses, Client, Options, Target, TlsOptions};
use leasehold::secret::Secret;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::env::{Server, TestEnv};

/// More than the server has places for.
const CONNECTIONS: usize = 1100;
/// How long who has a token may have to wait. Far more than it takes, for machines that do much else.
const PATIENCE: Duration = Duration::from_secs(60);
/// The resident memory of a server of this build that serves nobody is some 40 MB.
const MEMORY_KB_MAX: usize = 250_000;

struct World {
    env: TestEnv,
    server: Server,
    host: String,
    certificate: std::path::PathBuf,
}

fn world() -> World {
    // This process holds the other end of each connection.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let env = TestEnv::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let certificate = env.write("c.pem", &made.cert.pem());
    let key = env.write("k.pem", &made.signing_key.serialize_pem());
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let server = env.server(&["--dev", "--listen", "127.0.0.1:0", "--tls-cert", "c.pem", "--tls-key", "k.pem"]);
    let host = server.address.trim_start_matches("https://").to_owned();
    World { env, server, host, certificate }
}

impl World {
    fn client(&self, token: Option<&str>) -> Client {
        let tls = TlsOptions { ca_cert: Some(self.certificate.clone()), ..TlsOptions::default() };
        let target = Target::Network { addresses: Addresses::one(&self.server.address).unwrap(), tls };
        Client::new(target, Options::new(token.map(Secret::new))).unwrap()
    }

    fn connector(&self, protocol: &str) -> Arc<TlsConnector> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_file(&self.certificate).unwrap()).unwrap();
        let mut config =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Arc::new(TlsConnector::from(Arc::new(config)))
    }

    /// The most memory that the server has had, in kB.
    fn memory_kb(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// What who has a token, and who asks for health, have to wait, each on connections of their own.
    async fn wait_as_a_client(&self) -> Duration {
        let token = self.server.root_token.as_deref();
        let mut worst = Duration::ZERO;
        for _ in 0..8 {
            let began = Instant::now();
            let asked = self.client(token);
            let read = tokio::time::timeout(PATIENCE, asked.read("auth/token/lookup-self")).await;
            read.expect("a client with a token was locked out").unwrap();
            let asked = self.client(None);
            let read = tokio::time::timeout(PATIENCE, asked.read("sys/health")).await;
            read.expect("health was locked out").unwrap();
            worst = worst.max(began.elapsed());
        }
        worst
    }
}

/// What a hostile connection does.
#[derive(Clone, Copy, Debug)]
enum Attack {
    /// Sends nothing.
    Silent,
    /// Sends most of a large head and no more.
    SlowHead,
    /// Sends most of a large body and no more.
    SlowBody,
    /// Asks and never reads an answer.
    NeverReads,
    /// HTTP/2: opens so many requests, and ends the body of none.
    OpenBodies(usize),
}

const ATTACKS: [Attack; 5] =
    [Attack::Silent, Attack::SlowHead, Attack::SlowBody, Attack::NeverReads, Attack::OpenBodies(40)];

/// Connects and attacks. What it answers keeps the attack up until it is dropped; none when the server
/// had none of it.
async fn attack(host: &str, connector: &TlsConnector, attack: Attack) -> Option<Box<dyn std::any::Any + Send>> {
    let connecting = async {
        let socket = TcpSocket::new_v4().ok()?;
        // So that little need be sent to one who reads nothing.
        socket.set_recv_buffer_size(4096).ok()?;
        let stream = socket.connect(host.parse().unwrap()).await.ok()?;
        connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.ok()
    };
    let mut stream = tokio::time::timeout(PATIENCE, connecting).await.ok()??;
    match attack {
        Attack::Silent => {}
        Attack::SlowHead => {
            let head = format!("GET /v1/sys/health HTTP/1.1\r\nHost: x\r\nX-A: {}", "a".repeat(60_000));
            send(&mut stream, head.as_bytes()).await;
        }
        Attack::SlowBody => {
            let head = "POST /v1/auth/approle/login HTTP/1.1\r\nHost: x\r\nX-Vault-Token: guess\r\nContent-Length: 1000000\r\n\r\n";
            send(&mut stream, head.as_bytes()).await;
            send(&mut stream, &vec![b' '; 200_000]).await;
        }
        Attack::NeverReads => {
            let asked = "GET /v1/sys/health HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
            send(&mut stream, asked.as_bytes()).await;
        }
        Attack::OpenBodies(count) => return open_bodies(stream, count).await,
    }
    Some(Box::new(stream))
}

/// Sends until it is sent, or until the other side takes no more.
async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    let sending = async {
        stream.write_all(bytes).await?;
        stream.flush().await
    };
    // However it ends, the attack goes on.
    let _ = tokio::time::timeout(Duration::from_secs(1), sending).await;
}

async fn open_bodies(stream: TlsStream<TcpStream>, count: usize) -> Option<Box<dyn std::any::Any + Send>> {
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
    let connection = tokio::spawn(connection);
    let mut requests = tokio::task::JoinSet::new();
    let (answered, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..count {
        let (mut sender, answered) = (sender.clone(), answered.clone());
        requests.spawn(async move {
            let request = http::Request::post("https://localhost/v1/auth/approle/login")
                .header("x-vault-token", "guess")
                .body(Endless(990))
                .unwrap();
            let answer = sender.send_request(request).await;
            let _ = answered.send(());
            drop(answered);
            // The answer, where there is one, is not read either.
            std::future::pending::<()>().await;
            drop(answer);
        });
    }
    drop(answered);
    // Until all are answered, or the server has had time to take what it takes.
    let all = async { while answers.recv().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_secs(3), all).await;
    Some(Box::new((sender, AbortOnDrop(connection.abort_handle()), requests)))
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A body of so many thousand bytes that then goes on for ever without any.
struct Endless(usize);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Pending;
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1000])))))
    }
}

/// One siege at a time: each is more than the machine likes.
static TURN: Mutex<()> = Mutex::new(());

/// Keeps `connections` attacks up, and answers what they and the clients met: how long the clients waited, how
/// much memory the server took, in kB, and how long it took to stop.
fn besiege(connections: usize, attacks: &[Attack]) -> (Duration, usize, Duration) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let world = world();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (waited, attackers) = runtime.block_on(async {
        let (http1, http2) = (world.connector("http/1.1"), world.connector("h2"));
        let turns = Arc::new(tokio::sync::Semaphore::new(256));
        let mut attackers = tokio::task::JoinSet::new();
        for kind in attacks.iter().cycle().take(connections).copied() {
            let connector = if matches!(kind, Attack::OpenBodies(_)) { http2.clone() } else { http1.clone() };
            let (host, turns) = (world.host.clone(), turns.clone());
            attackers.spawn(async move {
                let _turn = turns.acquire().await;
                attack(&host, &connector, kind).await
            });
        }
        let attackers = tokio::time::timeout(3 * PATIENCE, attackers.join_all()).await.expect("the attack begins");
        (world.wait_as_a_client().await, attackers)
    });
    let memory_kb = world.memory_kb();
    let began = Instant::now();
    let World { env, server, .. } = world;
    assert_eq!(server.stop(), Some(0));
    let stopped = began.elapsed();
    drop((attackers, runtime, env));
    (waited, memory_kb, stopped)
}

#[test]
fn who_has_a_token_is_served_beside_1100_connections_that_have_none() {
    use std::io::Write;
    let (waited, memory_kb, stopped) = besiege(CONNECTIONS, &ATTACKS);
    writeln!(std::io::stdout(), "waited {waited:?} at most, {memory_kb} kB, stopped in {stopped:?}").unwrap();
    assert!(memory_kb < MEMORY_KB_MAX, "{memory_kb} kB");
    assert!(stopped < PATIENCE, "stopping took {stopped:?}");
}

/// There was no limit on the time to take an answer, and nothing took a place back.
#[test]
fn who_never_reads_an_answer_keeps_no_place_from_others() {
    besiege(CONNECTIONS, &[Attack::NeverReads]);
}

#[test]
fn open_bodies_of_a_few_http2_connections_take_little_memory() {
    let (_, memory_kb, _) = besiege(4, &[Attack::OpenBodies(300)]);
    assert!(memory_kb < MEMORY_KB_MAX, "{memory_kb} kB");
}
