//! The Query protocol: a form in, XML out, errors as AWS shapes them.

use std::sync::PoisonError;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::account::Account;
use super::action::{self, Context};
use super::authorize;
use super::error::Refusal;
use super::fault::{Call, Effect};
use super::identity::{ACCOUNT_ID, Caller, ROOT_ACCESS_KEY, ROOT_SECRET, SECOND_ROOT_ACCESS_KEY, Which};
use super::params::Params;
use super::signature::{Authorization, Signed};
use super::state::{LastUsed, no_such_user};
use super::verified::Verified;
use super::xml::Xml;

/// The largest body that is read, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The header with a session's token.
const TOKEN: &str = "x-amz-security-token";

/// Marks every answer.
const MARK: (&str, &str) = ("x-leasehold-sandbox", "simulated AWS account");

/// A request, however it came.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The header of requests that an engine passes on, and did not sign itself.
const RELAYED: &str = "x-relayed";

impl Account {
    /// Answers one request; `None` when the connection is to end without an answer.
    pub(super) async fn answer(&self, request: Incoming) -> Option<Response<Bytes>> {
        let request_id = self.next_request_id();
        let verified = match self.verify(&request) {
            Ok(verified) => verified,
            Err(refusal) => {
                tracing::debug!(code = refusal.code, "sandbox: simulated AWS call refused");
                return Some(failure("iam", &refusal, &request_id));
            }
        };
        self.happen_late();
        let received = self.clock.now();
        let effect = self.faults.take(&verified.name, self.now_millis());
        let happens = effect.as_ref().is_none_or(Effect::happens);
        let result = if happens { Some(self.perform(&verified)) } else { None };
        let (service, name) = (verified.service.clone(), verified.name.clone());
        let user = verified.params.get("UserName").unwrap_or_default();
        let refusal = effect.as_ref().and_then(|effect| effect.refusal(&name, user));
        let answered = effect.as_ref().is_none_or(Effect::is_answered);
        let outcome = match (&result, &refusal) {
            (Some(Ok(_)), _) => "ok",
            (Some(Err(refusal)), _) | (None, Some(refusal)) => refusal.code,
            (None, None) => "none",
        };
        tracing::debug!(service, action = name, outcome, answered, "sandbox: simulated AWS call");
        self.log(&verified, outcome, answered);
        match effect {
            Some(Effect::Hang) => std::future::pending().await,
            Some(Effect::Delay(delay)) => self.clock.sleep_until(received + delay).await,
            Some(Effect::Late(delay)) => self.happen_at(received + delay, verified),
            _ => {}
        }
        if !answered {
            return None;
        }
        Some(match (refusal, result) {
            (Some(refusal), _) | (None, Some(Err(refusal))) => failure(&service, &refusal, &request_id),
            (None, Some(Ok(xml))) => success(&service, &name, &xml, &request_id),
            (None, None) => failure(&service, &Refusal::service_failure("nothing happened"), &request_id),
        })
    }

    /// Has a call happen at a later time, when anybody next asks for anything.
    fn happen_at(&self, time: time::OffsetDateTime, verified: Verified) {
        let millis = i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        self.late.lock().unwrap_or_else(PoisonError::into_inner).push((millis, verified));
    }

    /// Does what was to happen by now, in the order of its time. Nobody hears of the outcome but the log.
    pub(super) fn happen_late(&self) {
        let now = self.now_millis();
        let mut due: Vec<_> = {
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            if late.iter().all(|(at, _)| *at > now) {
                return;
            }
            late.extract_if(.., |(at, _)| *at <= now).collect()
        };
        due.sort_by_key(|(at, _)| *at);
        for (_, verified) in due {
            let outcome = self.perform(&verified).err().map_or("ok", |refusal| refusal.code);
            tracing::debug!(action = verified.name, outcome, "sandbox: a simulated AWS call takes effect late");
        }
    }

    fn verify(&self, request: &Incoming) -> Result<Verified, Refusal> {
        let form = if request.method == "GET" {
            request.query.as_str()
        } else {
            std::str::from_utf8(&request.body).map_err(|_| Refusal::validation("the request is not UTF-8"))?
        };
        let mut params = Params::parse(form)?;
        let authorization = Authorization::read(&request.headers)?;
        let (which, caller, secret) = self.secret_of(authorization.key_id)?;
        self.check_token(which, &caller, request.headers.get(TOKEN).map(HeaderValue::as_bytes))?;
        let signed = Signed {
            method: &request.method,
            path: &request.path,
            query: &request.query,
            headers: &request.headers,
            body: &request.body,
        };
        // A key that was adopted has no secret: nobody says what it is.
        if !secret.is_empty() {
            authorization.verify(&signed, &secret)?;
        }
        let service = authorization.service;
        let name = params.get("Action").ok_or_else(|| Refusal::unknown_service(service))?.to_owned();
        let action = action::find(authorization.service, &name).ok_or_else(|| Refusal::unknown_action(&name))?;
        // The simulation knows one number; that of the second account is put in its place at the door.
        if which == Which::Second {
            params.renumber(which.id(), ACCOUNT_ID);
        }
        Ok(Verified {
            which,
            caller,
            key_id: authorization.key_id.to_owned(),
            region: authorization.region.to_owned(),
            service: authorization.service.to_owned(),
            name,
            action,
            params,
        })
    }

    /// The same for an engine in this process, which may come with a key that nobody made: its own. What it passes on of
    /// somebody who logs in says so.
    pub(super) async fn answer_engine(&self, request: Incoming) -> Option<Response<Bytes>> {
        if !request.headers.contains_key(RELAYED)
            && let Ok(authorization) = Authorization::read(&request.headers)
            && let Err(refusal) = self.adopt(authorization.key_id)
        {
            tracing::warn!(code = refusal.code, "sandbox: a key could not be taken");
        }
        self.answer(request).await
    }

    /// Whose an access key is, in which account, and its secret.
    pub(super) fn secret_of(&self, id: &str) -> Result<(Which, Caller, String), Refusal> {
        let accounts = if self.faults.has_second_account() {
            &[(Which::First, ROOT_ACCESS_KEY), (Which::Second, SECOND_ROOT_ACCESS_KEY)][..]
        } else {
            &[(Which::First, ROOT_ACCESS_KEY)]
        };
        let now = self.now_millis();
        let visible_after = self.visible_after_millis();
        for &(which, root) in accounts {
            if id == root {
                return Ok((which, Caller::Root, ROOT_SECRET.to_owned()));
            }
            let inner = self.lock_of(which);
            let found = inner.state.key(id).filter(|(_, key)| key.active && now - key.created >= visible_after);
            if let Some((user, key)) = found {
                return Ok((which, Caller::User(user.name.clone()), key.secret.clone()));
            }
            if let Some(session) = inner.state.session(id) {
                return Ok((which, Caller::Session(id.to_owned()), session.secret.clone()));
            }
        }
        Err(Refusal::unknown_key())
    }

    /// A session's key works with its token alone, until it expires; a key that never ends comes without one.
    pub(super) fn check_token(&self, which: Which, caller: &Caller, token: Option<&[u8]>) -> Result<(), Refusal> {
        let Caller::Session(key_id) = caller else {
            return if token.is_none() { Ok(()) } else { Err(Refusal::unknown_key()) };
        };
        let inner = self.lock_of(which);
        let session = inner.state.session(key_id).ok_or_else(Refusal::unknown_key)?;
        let is_its = token.is_some_and(|token| {
            aws_lc_rs::constant_time::verify_slices_are_equal(token, session.token.as_bytes()).is_ok()
        });
        match is_its {
            false => Err(Refusal::unknown_key()),
            true if session.expires <= self.now_millis() => Err(Refusal::expired()),
            true => Ok(()),
        }
    }

    /// Does what was asked, and writes down what changed.
    pub(super) fn perform(&self, verified: &Verified) -> Result<String, Refusal> {
        let id = verified.which.id();
        match (verified.which, self.perform_as_first(verified)) {
            (Which::First, result) => result,
            (Which::Second, Ok(xml)) => Ok(xml.replace(ACCOUNT_ID, id)),
            (Which::Second, Err(refusal)) => {
                Err(Refusal { message: refusal.message.replace(ACCOUNT_ID, id), ..refusal })
            }
        }
    }

    fn perform_as_first(&self, verified: &Verified) -> Result<String, Refusal> {
        let context = Context {
            now: self.now_millis(),
            caller: verified.caller.clone(),
            page_max: self.faults.page_max(),
            visible_after: self.visible_after_millis(),
        };
        let mut inner = self.lock_of(verified.which);
        if let Some(name) = verified.params.get("UserName").filter(|_| verified.name != "CreateUser")
            && let Ok(user) = inner.state.user(name)
            && context.now - user.created < self.hidden_for_millis()
        {
            return Err(no_such_user(name));
        }
        if let Caller::User(_) = context.caller {
            let used = LastUsed { at: context.now, service: verified.service.clone(), region: verified.region.clone() };
            inner.state.key_used(&verified.key_id, used);
        }
        let (service, name, params) = (&verified.service, &verified.name, &verified.params);
        authorize::check(&inner.state, &context.caller, service, name, params, context.now)?;
        let result = (verified.action)(&mut inner.state, &context, &verified.params);
        inner.record().map_err(|error| {
            tracing::error!(%error, "the sandbox's journal could not be written");
            Refusal::service_failure(format!("the sandbox's journal could not be written: {error}"))
        })?;
        result.map(Xml::finish)
    }

    fn log(&self, verified: &Verified, outcome: &str, answered: bool) {
        self.faults.log_call(Call {
            number: 0,
            unix_millis: self.now_millis(),
            service: verified.service.clone(),
            action: verified.name.clone(),
            params: verified.params.public(),
            access_key_id: verified.key_id.clone(),
            outcome: outcome.to_owned(),
            answered,
        });
    }
}

fn namespace(service: &str) -> &'static str {
    if service == "sts" {
        "https://sts.amazonaws.com/doc/2011-06-15/"
    } else {
        "https://iam.amazonaws.com/doc/2010-05-08/"
    }
}

fn success(service: &str, action: &str, result: &str, request_id: &str) -> Response<Bytes> {
    let body = format!(
        "<{action}Response xmlns=\"{}\"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>",
        namespace(service)
    );
    answer(200, body, request_id)
}

fn failure(service: &str, refusal: &Refusal, request_id: &str) -> Response<Bytes> {
    let mut error = Xml::default();
    error.element("Error", |xml| {
        xml.text("Type", if refusal.status < 500 { "Sender" } else { "Receiver" });
        xml.text("Code", refusal.code).text("Message", &refusal.message);
    });
    error.text("RequestId", request_id);
    let body = format!("<ErrorResponse xmlns=\"{}\">{}</ErrorResponse>", namespace(service), error.finish());
    answer(refusal.status, body, request_id)
}

fn answer(status: u16, body: String, request_id: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    headers.insert(MARK.0, HeaderValue::from_static(MARK.1));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
