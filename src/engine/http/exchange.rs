//! One request and its answer.
//!
//! Whoever waits for an answer gets it, or what was made for the answer is taken back: the client may go
//! away while its request is read, worked on or answered, and each of the three is noticed here or in
//! [`super::visit`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::answer::{Payload, Transport, render};
use super::visit::{Answer, Full, Open, STRANGER_BYTES_MAX, STRANGER_REQUESTS_MAX, Visit};
use super::{bulk, parse, ui};
use crate::engine::kernel::random;
use crate::engine::opening::Opening;
use crate::engine::pipeline::{self, Delivery};
use crate::engine::setup::Limits;
use crate::engine::wire::error::Error;
use crate::engine::wire::presented::Presented;
use crate::engine::wire::request::Request;

/// Bytes of a body that is too large which are read all the same, so that its sender, who reads the answer
/// only after that, gets to know why. As large as any body that Vault takes.
const DRAIN_BYTES_MAX: u64 = 32 << 20;

/// The same for who has no valid token: reading on holds memory, and a body of that size is no mistake.
const STRANGER_DRAIN_BYTES_MAX: u64 = 64 << 10;

/// What a connection's requests need to know.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) opening: Arc<Opening>,
    pub(super) limits: Limits,
    pub(super) peer: Option<SocketAddr>,
    pub(super) transport: Transport,
    pub(super) presented: Presented,
    pub(super) visit: Arc<Visit>,
}

/// Answers one request.
pub(super) async fn answer(
    connection: Connection,
    request: http::Request<Incoming>,
) -> Result<http::Response<Answer>, Infallible> {
    let (transport, visit) = (connection.transport, connection.visit.clone());
    if request.version() < http::Version::HTTP_2 {
        visit.written().await;
    }
    let mut open = visit.open(head_bytes(&request));
    if connection.limits.page
        && let Some(page) = ui::answer(request.method(), request.uri().path(), transport)
    {
        return Ok(page.map(|bytes| visit.answer(Payload::Bytes(bytes), None)));
    }
    let (id, result) = match random::uuid() {
        Ok(id) => (id.clone(), respond(connection, &mut open, id, request).await),
        Err(error) => (String::new(), Err(error)),
    };
    let (result, handed) = match result {
        Ok(answer) => (Ok(answer.response), answer.handed),
        Err(error) => (Err(error), None),
    };
    Ok(render(&id, result, transport).map(|bytes| visit.answer(bytes, handed)))
}

/// What a head takes in memory, about.
fn head_bytes(request: &http::Request<Incoming>) -> usize {
    let uri = request.uri().path().len() + request.uri().query().map_or(0, str::len);
    request.headers().iter().fold(uri, |sum, (name, value)| sum + name.as_str().len() + value.len() + 32)
}

async fn respond(
    connection: Connection,
    open: &mut Open,
    id: String,
    request: http::Request<Incoming>,
) -> Result<pipeline::Answer, Error> {
    let (parts, mut body) = request.into_parts();
    // Whoever sends it gets no body, so nothing may be made for it. Health checks ask like that.
    if parts.method == http::Method::HEAD && parts.uri.path() != "/v1/sys/health" {
        return Err(Error::UnsupportedOperation);
    }
    if let Some(full) = open.full() {
        connection.allow(full, &parts, busy)?;
    }
    let request = match bulk::is_one(&parts) {
        true => {
            let request = parse(&connection, id, &parts, &Bytes::new())?;
            let place = connection.opening.place_for(&request);
            if place.is_some() {
                connection.visit.recognise();
            }
            bulk::take(place.as_deref(), connection.limits.read_time_max, request, &mut body).await?
        }
        false => {
            let bytes = whole(&connection, open, &parts, &mut body).await?;
            parse(&connection, id, &parts, &bytes)?
        }
    };
    drop((parts, body));
    open.work();
    work(connection, request).await
}

fn parse(connection: &Connection, id: String, parts: &Parts, body: &Bytes) -> Result<Request, Error> {
    let request = parse::parse(&|path| connection.opening.folded(path), id, parts, body, connection.peer)?;
    Ok(Request { presented: connection.presented.clone(), ..request })
}

/// A body, within its limits.
async fn whole(connection: &Connection, open: &mut Open, parts: &Parts, body: &mut Incoming) -> Result<Bytes, Error> {
    let read_time_max = connection.limits.read_time_max;
    match tokio::time::timeout(read_time_max, read(connection, open, parts, body)).await {
        Ok(body) => Ok(Bytes::from(body?)),
        Err(_) => Err(Error::Invalid("the request body did not arrive in time".to_owned())),
    }
}

/// Runs a request in a task of its own.
async fn work(connection: Connection, request: Request) -> Result<pipeline::Answer, Error> {
    let Connection { opening, limits, visit, .. } = connection;
    let delivery = Arc::new(Delivery::new(move || visit.recognise()));
    let waiting = Waiting(delivery.clone());
    let entered = opening.enter();
    let mut task = tokio::spawn({
        let delivery = delivery.clone();
        async move { Box::pin(opening.handle(entered, &request, &delivery)).await }
    });
    let ended = match tokio::time::timeout(limits.request_time_max, &mut task).await {
        Ok(ended) => ended,
        // The task goes on to its end: what it began is finished, what it made for the client is undone.
        Err(_) if delivery.give_up() => {
            return Err(Error::Server("the request took too long and goes on without an answer".to_owned()));
        }
        // Its last step has begun, and what it makes will be the client's.
        Err(_) => task.await,
    };
    drop(waiting);
    ended.unwrap_or_else(|panic| Err(Error::Internal(format!("the request ended in a panic: {panic}"))))
}

/// That a client waits. Dropped before its request has ended, it tells that the client has gone.
struct Waiting(Arc<Delivery>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Connection {
    /// Lets a connection go on that holds more than one without a token may, if a valid one came with this
    /// request; `refusal` says what it may not.
    fn allow(&self, full: Full, parts: &Parts, refusal: fn(Full) -> Error) -> Result<(), Error> {
        if full == Full::Everybody {
            return Err(refusal(full));
        }
        let remote = self.peer.map(|peer| peer.ip().to_canonical());
        match (parse::token(&parts.headers)?, self.opening.core()) {
            (Some(token), Some(core)) if core.tokens.is_valid(&core, &token, remote) => {
                self.visit.recognise();
                Ok(())
            }
            _ => Err(refusal(full)),
        }
    }
}

fn busy(full: Full) -> Error {
    Error::Busy(match full {
        Full::Everybody => "too much at a time on one connection: send the request again later".to_owned(),
        Full::Stranger => format!(
            "too much at a time on one connection without a valid token (more than {STRANGER_REQUESTS_MAX} requests \
             or {STRANGER_BYTES_MAX} bytes): send the request again later"
        ),
    })
}

fn too_large(full: Full) -> Error {
    match full {
        Full::Everybody => busy(full),
        Full::Stranger => Error::TooLarge(format!(
            "request body too large: without a valid token, all requests of a connection have at most \
             {STRANGER_BYTES_MAX} bytes at a time"
        )),
    }
}

/// Reads a body. One that is too large is read to its end as well, within limits, and thrown away.
async fn read(connection: &Connection, open: &mut Open, parts: &Parts, body: &mut Incoming) -> Result<Vec<u8>, Error> {
    let bytes_max = connection.limits.body_bytes_max;
    let over = || Error::TooLarge(format!("request body too large: this server takes at most {bytes_max} bytes"));
    let said = body.size_hint().lower();
    // Who asks first has sent nothing yet, and sends nothing when refused.
    let asks = parts.headers.contains_key(http::header::EXPECT);
    if said > DRAIN_BYTES_MAX || (asks && said > bytes_max as u64) {
        return Err(over());
    }
    let (mut bytes, mut total, mut refusal) = (Vec::new(), 0, None);
    let mut drain_bytes_max = DRAIN_BYTES_MAX;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::Invalid("the request body could not be read".to_owned()))?;
        let Ok(data) = frame.into_data() else { continue };
        total += data.len() as u64;
        if refusal.is_none() {
            open.hold(data.len());
            if total > bytes_max as u64 {
                refusal = Some(over());
            } else if let Some(full) = open.full()
                && let Err(error) = connection.allow(full, parts, too_large)
            {
                (refusal, drain_bytes_max) = (Some(error), STRANGER_DRAIN_BYTES_MAX);
            } else {
                bytes.extend_from_slice(&data);
                continue;
            }
            open.let_go(bytes.len() + data.len());
            bytes = Vec::new();
        }
        if total.max(said) > drain_bytes_max {
            break;
        }
    }
    refusal.map_or(Ok(bytes), Err)
}
