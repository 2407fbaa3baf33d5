//! Bodies that are files: what is fetched goes straight into one, and what is sent comes straight from one. Sent once, and
//! never again: whoever asked knows whether that is worth it.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use tokio::fs::File;
use tokio::io::{AsyncRead as _, ReadBuf};

use super::{BODY_BYTES_MAX, Request, Transport, base, body_of, encode_path, no_connection, parse_uri};
use crate::api::answer::{self, Answer, Asked, Error};

/// How long a server may take until it begins to answer: it reads all that is there, or writes all of it.
const HEAD_LIMIT: Duration = Duration::from_secs(15 * 60);
/// How much of a file is in memory at a time.
const PIECE: usize = 64 << 10;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server did not answer with one.
    #[error(transparent)]
    Api(#[from] Error),
    /// It could not be kept.
    #[error("it could not be written: {0}")]
    Kept(#[source] std::io::Error),
}

impl Transport {
    /// Reads what a path answers, into a file; how many bytes it has.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(in crate::api) async fn fetch(
        &self,
        request: &Request<'_>,
        into: &mut (dyn Write + Send),
    ) -> Result<u64, FetchError> {
        let (url, answer) = self.ask(request, &self.http, Full::new(body_of(request))).await?;
        let asked = Asked { method: request.method.name(), url: &url };
        let (parts, mut body) = answer.into_parts();
        if parts.status.as_u16() >= 300 {
            self.answered(asked, parts.status.as_u16(), body).await?;
            let problem = format!("the server answered {}, and no file", parts.status);
            return Err(Error::Body { method: asked.method, url, problem }.into());
        }
        let mut bytes = 0;
        loop {
            let frame = tokio::time::timeout(self.timeout, body.frame()).await;
            let Some(frame) = frame.map_err(|_| self.silent(asked))? else { return Ok(bytes) };
            let frame = frame.map_err(|source| broken(asked, source.into()))?;
            let Ok(data) = frame.into_data() else { continue };
            bytes += data.len() as u64;
            into.write_all(&data).map_err(FetchError::Kept)?;
        }
    }

    /// Sends a file as the body of a request.
    ///
    /// # Errors
    /// [`Error`], of any kind.
    pub(in crate::api) async fn send_file(
        &self,
        request: &Request<'_>,
        file: std::fs::File,
        bytes: u64,
    ) -> Result<Answer, Error> {
        let http = HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(self.connector.clone());
        let (url, answer) = self.ask(request, &http, Sent { file: File::from_std(file), left: bytes }).await?;
        let asked = Asked { method: request.method.name(), url: &url };
        self.answered(asked, answer.status().as_u16(), answer.into_body()).await
    }

    async fn ask<B>(
        &self,
        request: &Request<'_>,
        http: &HttpClient<super::Connector, B>,
        body: B,
    ) -> Result<(String, http::Response<Incoming>), Error>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let node = self.node().await?;
        let url = format!("{}/v1/{}", base(&node.address), encode_path(request.path));
        let mut sent = http::Request::new(body);
        *sent.method_mut() = request.method.http();
        *sent.uri_mut() = parse_uri(&url)?;
        *sent.headers_mut() = self.headers_of(request)?;
        sent.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
        if node.acts_itself {
            let name = HeaderName::from_static("x-vault-no-request-forwarding");
            sent.headers_mut().insert(name, HeaderValue::from_static("true"));
        }
        let asked = Asked { method: request.method.name(), url: &url };
        let answer = match tokio::time::timeout(HEAD_LIMIT, http.request(sent)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_connect() => return Err(no_connection(&node.address, error)),
            Ok(Err(error)) => return Err(broken(asked, error.into())),
            Err(_) => return Err(self.silent(asked)),
        };
        Ok((url, answer))
    }

    /// Reads an answer that is no file.
    async fn answered(&self, asked: Asked<'_>, status: u16, body: Incoming) -> Result<Answer, Error> {
        let collected = tokio::time::timeout(self.timeout, Limited::new(body, BODY_BYTES_MAX).collect()).await;
        let collected = collected.map_err(|_| self.silent(asked))?.map_err(|source| broken(asked, source))?;
        answer::parse(asked, status, &collected.to_bytes())
    }

    fn silent(&self, asked: Asked<'_>) -> Error {
        Error::Timeout { method: asked.method, url: asked.url.to_owned(), seconds: self.timeout.as_secs() }
    }
}

fn broken(asked: Asked<'_>, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Broken { method: asked.method, url: asked.url.to_owned(), source }
}

/// A file that is sent, piece by piece.
struct Sent {
    file: File,
    left: u64,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let most = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        if most == 0 {
            return Poll::Ready(None);
        }
        let mut bytes = vec![0; most];
        let mut into = ReadBuf::new(&mut bytes);
        if let Err(error) = ready!(Pin::new(&mut self.file).poll_read(context, &mut into)) {
            return Poll::Ready(Some(Err(error)));
        }
        let read = into.filled().len();
        if read == 0 {
            let shorter = std::io::Error::other("the file became shorter while it was sent");
            return Poll::Ready(Some(Err(shorter)));
        }
        bytes.truncate(read);
        self.left -= read as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
