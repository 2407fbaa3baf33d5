//! The transport against a small server that answers from a script.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};

use super::{encode_path, encode_query};
use crate::api::{Addresses, Client, Error, Options, Origin, Target, TlsOptions};
use crate::secret::Secret;

/// What the server saw: method, path with query, headers, body.
type Seen = Arc<Mutex<Vec<(String, String, http::HeaderMap, Vec<u8>)>>>;
/// What it answers, in turn; then 200 with an empty object for ever.
type Script = Arc<Mutex<VecDeque<Response<Full<Bytes>>>>>;

fn reply(status: u16, body: &str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from(body.to_owned()))).unwrap()
}

async fn handle(seen: Seen, script: Script, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    seen.lock().unwrap().push((parts.method.to_string(), parts.uri.to_string(), parts.headers, body));
    script.lock().unwrap().pop_front().unwrap_or_else(|| reply(200, "{}"))
}

/// A client of an in-memory server, what the server sees, and how many connections were made.
fn memory(answers: Vec<Response<Full<Bytes>>>, options: Options) -> (Client, Seen, Arc<Mutex<u32>>) {
    let (seen, script, connections) = (Seen::default(), Script::default(), Arc::new(Mutex::new(0)));
    script.lock().unwrap().extend(answers);
    let (seen_by, counted) = (seen.clone(), connections.clone());
    let open = move || {
        *counted.lock().unwrap() += 1;
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (seen, script) = (seen_by.clone(), script.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let (seen, script) = (seen.clone(), script.clone());
                async move { Ok::<_, std::convert::Infallible>(handle(seen, script, request).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service).await;
        });
        ours
    };
    let client = Client::new(Target::Stream(Arc::new(open)), options).unwrap();
    (client, seen, connections)
}

fn options() -> Options {
    Options::new(Some(Secret::new("hvs.token")))
}

#[tokio::test]
async fn a_read_sends_token_and_marker_and_reads_the_envelope() {
    let (client, seen, _) = memory(vec![reply(200, r#"{"data":{"a":"b"}}"#)], options());
    let answer = client.read("aws/roles/x").await.unwrap().unwrap();
    assert_eq!(answer.data.unwrap()["a"], "b");
    let seen = seen.lock().unwrap();
    let (method, uri, headers, _) = &seen[0];
    assert_eq!((method.as_str(), uri.as_str()), ("GET", "/v1/aws/roles/x"));
    assert_eq!(headers["x-vault-token"], "hvs.token");
    assert_eq!(headers["x-vault-request"], "true");
    assert!(headers.get("x-leasehold-commit").is_none());
}

#[tokio::test]
async fn verbs_paths_and_bodies_are_those_of_the_api() {
    let (client, seen, connections) =
        memory(vec![reply(204, ""), reply(204, ""), reply(404, r#"{"errors":[]}"#)], options());
    let origin =
        Origin { commit: Some("abc".to_owned()), app: Some("webapp".to_owned()), source: None, ..Origin::default() };
    let body: Map<String, Value> = json!({"k": "v"}).as_object().unwrap().clone();
    assert_eq!(client.with_origin(origin).write("aws/roles/x", &body).await.unwrap().status, 204);
    client.delete("aws/roles/x").await.unwrap();
    assert!(client.list("aws/roles").await.unwrap().is_none());
    let seen = seen.lock().unwrap();
    assert_eq!((seen[0].0.as_str(), seen[0].3.as_slice()), ("PUT", br#"{"k":"v"}"#.as_slice()));
    assert_eq!(seen[0].2["x-leasehold-commit"], "abc");
    assert_eq!(seen[0].2["x-leasehold-app"], "webapp");
    assert_eq!((seen[1].0.as_str(), seen[1].1.as_str()), ("DELETE", "/v1/aws/roles/x"));
    assert_eq!((seen[2].0.as_str(), seen[2].1.as_str()), ("GET", "/v1/aws/roles/?list=true"));
    assert_eq!(*connections.lock().unwrap(), 1, "the connection is kept alive");
}

fn told(status: u16, retry_after: &str) -> Response<Full<Bytes>> {
    let mut busy = reply(status, r#"{"errors":["busy"]}"#);
    busy.headers_mut().insert("retry-after", retry_after.parse().unwrap());
    busy
}

#[tokio::test]
async fn a_read_is_sent_again_after_not_now() {
    let (client, seen, _) = memory(vec![told(429, "0"), told(503, "0"), reply(200, "{}")], options());
    client.read("a").await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 3);
    let (client, seen, _) = memory(vec![told(429, "0"), told(429, "0"), told(429, "0")], options());
    assert_eq!(client.read("a").await.unwrap_err().code(), Some(429));
    assert_eq!(seen.lock().unwrap().len(), 3, "two retries and no more");
}

#[test]
fn the_wait_is_the_one_told_within_bounds_or_doubles() {
    let trouble = |status: u16, after: Option<&str>| {
        let (parts, _) = after.map_or_else(|| reply(status, ""), |after| told(status, after)).into_parts();
        super::Trouble::of(
            &Ok(super::Reply { status: parts.status, headers: parts.headers, body: Bytes::new() }),
            false,
        )
    };
    let wait = |status, after, attempt| trouble(status, after).delay(attempt).as_millis();
    for _ in 0..100 {
        assert!((7_000..=7_100).contains(&wait(429, Some("7"), 0)));
        assert!((30_000..=30_100).contains(&wait(503, Some("100000"), 0)));
        assert!((50..=100).contains(&wait(503, Some("Wed, 21 Oct 2026 07:28:00 GMT"), 0)));
        for (attempt, most) in [(0, 100), (2, 400), (40, 30_000)] {
            assert!((most / 2..=most).contains(&wait(429, None, attempt)));
        }
    }
    assert_eq!([200, 404, 400, 403].map(|status| trouble(status, None)), [super::Trouble::None; 4]);
    assert_eq!([500, 502, 504].map(|status| trouble(status, None)), [super::Trouble::Lost; 3]);
    assert_eq!(trouble(412, None), super::Trouble::Elsewhere);
    assert!((500..=1_000).contains(&super::Trouble::Elsewhere.delay(40).as_millis()));
}

#[tokio::test]
async fn a_patient_client_waits_for_a_busy_server() {
    for status in [429, 503] {
        for writes in [true, false] {
            let (client, seen, _) = memory((0..5).map(|_| told(status, "0")).collect(), options());
            match writes {
                true => drop(client.patient().write("a", &Map::new()).await.unwrap()),
                false => drop(client.patient().read("a").await.unwrap()),
            }
            assert_eq!(seen.lock().unwrap().len(), 6);
        }
    }
    let (client, seen, _) = memory(vec![told(429, "0")], Options { retries: 0, ..options() });
    assert_eq!(client.patient().read("a").await.unwrap_err().code(), Some(429), "who wants no retries gets none");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_patient_client_waits_for_a_mount_that_is_being_set_up() {
    let told = || {
        let text =
            "Upgrading from non-versioned to versioned data. This backend will be unavailable for a brief period";
        reply(400, &format!("{{\"errors\": [\"{text}\"]}}"))
    };
    let (client, seen, _) = memory(vec![told(), told(), reply(200, "{}")], options());
    client.patient().write("secret/config", &Map::new()).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 3);
}

/// How many times as fast as the world's is the time of these tests.
const HASTE: u32 = 50;

/// A server that lets so many requests through each second and answers 429 to the others, without `Retry-After`.
fn with_quota(a_second: usize) -> Client {
    let taken = Arc::new(Mutex::new((std::time::Instant::now(), 0)));
    let open = move || {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let taken = taken.clone();
        tokio::spawn(async move {
            let service = service_fn(move |_| {
                let (since, count) = &mut *taken.lock().unwrap();
                if since.elapsed() >= Duration::from_secs(1) / HASTE {
                    (*since, *count) = (std::time::Instant::now(), 0);
                }
                *count += 1;
                let busy = *count > a_second;
                async move { Ok::<_, std::convert::Infallible>(if busy { reply(429, "{}") } else { reply(200, "{}") }) }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service).await;
        });
        ours
    };
    let mut client = Client::new(Target::Stream(Arc::new(open)), options()).unwrap().patient();
    Arc::get_mut(&mut client.transport).unwrap().haste = HASTE;
    client
}

#[tokio::test]
async fn a_quota_only_slows() {
    use futures_util::stream::{self, StreamExt as _};
    let client = with_quota(20);
    let begun = std::time::Instant::now();
    let answers: Vec<_> = stream::iter((0..3000).map(|_| client.read("a"))).buffer_unordered(64).collect().await;
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(refused, 0, "of 3000");
    // 150 at best.
    assert!(begun.elapsed() < Duration::from_secs(600) / HASTE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_lets_nothing_through_is_given_up_once_for_all() {
    let client = with_quota(0);
    let begun = std::time::Instant::now();
    let answers = futures_util::future::join_all((0..100).map(|_| client.read("a"))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(|error| error.code() == Some(429))));
    assert!(begun.elapsed() < Duration::from_secs(300) / HASTE, "{:?}", begun.elapsed());
}

#[test]
fn what_is_sent_again_depends_on_what_may_have_been_done() {
    use super::Method::{Delete, List, Read, Write};
    use super::Patience::{Little, Waits, Whole};
    use super::Trouble::{self, Elsewhere, Lost, NoConnection, NotNow};
    let origin = Origin::default();
    let again = |method, patience, trouble: Trouble, attempt, waited| {
        let request = super::Request {
            method,
            path: "a",
            query: &[],
            body: None,
            token: None,
            origin: &origin,
            patience,
            wrap_ttl: None,
        };
        trouble.sends_again(&request, attempt, Duration::from_secs(waited), 2)
    };
    for method in [Read, List, Write, Delete] {
        let reads = matches!(method, Read | List);
        for patience in [Little, Waits, Whole] {
            let waits = patience != Little;
            assert!(!again(method, patience, Trouble::None, 0, 0));
            assert!(again(method, patience, NoConnection, 1, 0) && !again(method, patience, NoConnection, 2, 0));
            assert_eq!(again(method, patience, Lost, 0, 0), patience == Whole && reads);
            assert!(!again(method, patience, Lost, 4, 0));
            assert_eq!(again(method, patience, NotNow(None), 0, 0), waits || reads);
            // The patient are so by time, others by number.
            assert_eq!(again(method, patience, NotNow(None), 2, 60), waits);
            assert_eq!(again(method, patience, NotNow(None), 0, 61), reads && !waits);
            // Nobody acted, so a write is as good as a read.
            assert_eq!(again(method, patience, Elsewhere, 1, 61), !waits);
            assert_eq!(again(method, patience, Elsewhere, 2, 60), waits);
        }
    }
}

#[tokio::test]
async fn what_was_lost_is_asked_again_by_the_patient_where_asking_does_nothing() {
    for status in [500, 502, 504] {
        let answers = || vec![reply(status, "{}"), reply(200, "{}")];
        let (client, seen, _) = memory(answers(), options());
        client.patient().read("a").await.unwrap();
        assert_eq!(seen.lock().unwrap().len(), 2);
        let (client, seen, _) = memory(answers(), options());
        assert_eq!(client.patient().write("a", &Map::new()).await.unwrap_err().code(), Some(status));
        assert_eq!(seen.lock().unwrap().len(), 1);
        let (client, seen, _) = memory(answers(), options());
        assert_eq!(client.read("a").await.unwrap_err().code(), Some(status), "it may issue something");
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_write_and_a_sealed_engine_are_not_asked_twice() {
    let (client, seen, _) = memory(vec![reply(503, "{}"), reply(503, r#"{"errors":["Vault is sealed"]}"#)], options());
    assert_eq!(client.write("a", &Map::new()).await.unwrap_err().code(), Some(503));
    assert_eq!(client.read("a").await.unwrap_err().code(), Some(503));
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_standby_leads_to_the_active_node_of_the_same_scheme_and_request_only() {
    let cases = [
        ("http://other/v1/a", true),
        ("https://other/v1/a", false),
        ("http://other/v1/b", false),
        ("http://other/v1/a?x=1", false),
        ("/v1/a", false),
    ];
    for (location, followed) in cases {
        let mut away = reply(307, "");
        away.headers_mut().insert("location", location.parse().unwrap());
        let (client, seen, _) = memory(vec![away, reply(200, "{}")], options());
        let answer = client.read("a").await;
        assert_eq!(answer.is_ok(), followed, "{location}");
        assert_eq!(seen.lock().unwrap().len(), if followed { 2 } else { 1 }, "{location}");
    }
}

#[tokio::test]
async fn what_is_behind_is_waited_for_and_told_how_far_it_has_to_be() {
    let told = |index: &str| {
        let mut answer = reply(204, "");
        let index = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, index);
        answer.headers_mut().insert("x-vault-index", index.parse().unwrap());
        answer
    };
    let answers = vec![told("v1:c:7:0:m"), told("v1:c:5:0:m"), told("odd"), reply(412, "{}"), reply(412, "{}")];
    let (client, seen, _) = memory(answers, options());
    for _ in 0..3 {
        client.write("a", &Map::new()).await.unwrap();
    }
    client.read("a").await.unwrap();
    let seen = seen.lock().unwrap();
    let shown: Vec<Option<&http::HeaderValue>> =
        seen.iter().map(|(_, _, headers, _)| headers.get("x-vault-index")).collect();
    assert_eq!(shown.len(), 6, "412 is asked again");
    assert_eq!(shown[0], None);
    assert!(shown[1..].iter().all(|index| *index == shown[1]), "the newest is shown, whatever came after it");
}

#[tokio::test]
async fn a_standby_that_leads_in_a_circle_or_nowhere_is_told_as_that() {
    let leads = |location: &str| {
        let mut away = reply(307, "");
        away.headers_mut().insert("location", location.parse().unwrap());
        away
    };
    let answers = (0..3).flat_map(|_| [leads("http://b/v1/a"), leads("http://embedded/v1/a")]).collect();
    let (client, seen, _) = memory(answers, options());
    let error = client.read("a").await.unwrap_err().to_string();
    assert_eq!(
        error,
        "http://embedded says that http://b is the active node, and that one says that it is http://embedded"
    );
    assert_eq!(seen.lock().unwrap().len(), 6, "each time from the beginning");
    let (client, _, _) =
        memory(vec![leads("http://b/v1/a"), leads("http://c/v1/a"), leads("http://c/v1/a")], options());
    client.write("a", &Map::new()).await.unwrap();
}

#[tokio::test]
async fn a_node_that_does_not_act_is_asked_again_whatever_is_asked() {
    let text = |text: &str| format!("{{\"errors\": [\"{text}\"]}}");
    for (status, said) in [
        (500, "local node not active but active cluster node not found"),
        (503, "no active Vault instance found"),
        (500, "Vault is in standby mode"),
    ] {
        let (client, seen, _) = memory(vec![reply(status, &text(said)), reply(200, "{}")], options());
        client.write("a", &Map::new()).await.unwrap();
        assert_eq!(seen.lock().unwrap().len(), 2, "{said}");
    }
}

#[tokio::test]
async fn errors_do_not_show_token_query_or_body() {
    let (client, _, _) = memory(vec![reply(500, "hvs.token in a body")], options());
    let error = client.read_with("a", &[("secret".to_owned(), "hunter2".to_owned())]).await.unwrap_err();
    for text in [format!("{error}"), format!("{error:?}"), format!("{client:?}")] {
        assert!(!text.contains("hvs.token") && !text.contains("hunter2"), "{text}");
    }
    let client = client.with_token(Secret::new("line\nbreak"));
    assert!(matches!(client.read("a").await.unwrap_err(), Error::Header { .. }));
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let kept: Arc<Mutex<Vec<tokio::io::DuplexStream>>> = Arc::default();
    let open = move || {
        let (ours, theirs) = tokio::io::duplex(1 << 10);
        kept.lock().unwrap().push(theirs);
        ours
    };
    let options = Options { timeout: Duration::from_millis(20), ..options() };
    let client = Client::new(Target::Stream(Arc::new(open)), options).unwrap();
    assert!(matches!(client.read("a").await.unwrap_err(), Error::Timeout { .. }));
}

#[tokio::test]
async fn nobody_listening_names_the_address() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target =
        Target::Network { addresses: Addresses::one(&format!("http://{free}")).unwrap(), tls: TlsOptions::default() };
    let client = Client::new(target, Options { retries: 1, ..options() }).unwrap();
    let error = client.read("a").await.unwrap_err();
    assert!(error.to_string().contains(&format!("could not connect to http://{free}: Connection refused")), "{error}");
}

#[test]
fn paths_and_queries_are_encoded() {
    assert_eq!(encode_path("/aws/roles/a b?c#d%é"), "aws/roles/a%20b%3Fc%23d%25%C3%A9");
    assert_eq!(encode_path("sys/leases/lookup/aws/creds/x/"), "sys/leases/lookup/aws/creds/x/");
    assert_eq!(
        encode_query(&[("a".to_owned(), "b&c".to_owned()), ("d".to_owned(), "e/f".to_owned())]),
        "?a=b%26c&d=e%2Ff"
    );
}

/// A TLS server on loopback with a certificate of its own, and that certificate as PEM.
async fn tls_server(made: rcgen::CertifiedKey<rcgen::KeyPair>) -> (std::net::SocketAddr, String) {
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request| async {
                    let (seen, script) = (Seen::default(), Script::default());
                    Ok::<_, std::convert::Infallible>(handle(seen, script, request).await)
                });
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, made.cert.pem())
}

#[tokio::test]
async fn certificates_are_checked_unless_told_otherwise() {
    let made = rcgen::generate_simple_self_signed(vec!["vault.test".to_owned()]).unwrap();
    let (address, pem) = tls_server(made).await;
    let with = |tls: TlsOptions| {
        let target = Target::Network { addresses: Addresses::one(&format!("https://{address}")).unwrap(), tls };
        Client::new(target, options()).unwrap()
    };
    let trusted = TlsOptions { ca_cert_pem: Some(pem), ..TlsOptions::default() };
    let named = TlsOptions { server_name: Some("vault.test".to_owned()), ..trusted.clone() };
    assert!(with(named).read("a").await.unwrap().is_some());
    let wrong_name = with(trusted).read("a").await.unwrap_err();
    assert!(matches!(wrong_name, Error::Tls { .. }), "{wrong_name:?}");
    let unchecked = TlsOptions { skip_verify: true, ..TlsOptions::default() };
    assert!(with(unchecked).read("a").await.unwrap().is_some());
}

/// As `openssl req -x509` makes it: its own CA, of this many days.
fn own_ca(days: i64) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(vec!["vault.test".to_owned()]).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = parameters.not_before + time::Duration::days(days);
    rcgen::CertifiedKey { cert: parameters.self_signed(&signing_key).unwrap(), signing_key }
}

#[tokio::test]
async fn a_certificate_that_is_given_may_be_its_own_ca() {
    const AGES: i64 = 30_000;
    let ask = async |made: rcgen::CertifiedKey<rcgen::KeyPair>, given: Option<String>, name: &str| {
        let (address, pem) = tls_server(made).await;
        let ca_cert_pem = Some(given.unwrap_or(pem));
        let tls = TlsOptions { ca_cert_pem, server_name: Some(name.to_owned()), ..TlsOptions::default() };
        let target = Target::Network { addresses: Addresses::one(&format!("https://{address}")).unwrap(), tls };
        Client::new(target, options()).unwrap().read("a").await.map(drop)
    };
    assert!(ask(own_ca(AGES), None, "vault.test").await.is_ok());
    for (what, refused) in [
        ("another name", ask(own_ca(AGES), None, "other.test").await),
        ("not the one given", ask(own_ca(AGES), Some(own_ca(AGES).cert.pem()), "vault.test").await),
        ("expired", ask(own_ca(1), None, "vault.test").await),
    ] {
        assert!(matches!(refused, Err(Error::Tls { .. })), "{what}: {refused:?}");
    }
}

#[test]
fn a_missing_ca_file_is_named() {
    let tls = TlsOptions { ca_cert: Some("/nonexistent/ca.pem".into()), ..TlsOptions::default() };
    let target = Target::Network { addresses: Addresses::one("https://vault").unwrap(), tls };
    let error = Client::new(target, options()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/ca.pem"), "{error}");
}
