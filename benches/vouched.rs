//! Logins for which somebody else vouches: a cluster that reviews tokens and an issuer of tokens, both served on loopback by
//! this process; the STS of the sandbox, which checks the signature of each request; and an authority of TLS certificates,
//! each login over a connection of its own.
//!
//! What they cost is in the figures, as it is where they run elsewhere: the CPU of engine, clients and of who vouches together.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use leasehold::clock::Clock;
use leasehold::sandbox::{self, Account};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{World, body, measure, report};
use crate::null_iam::NullIam;
use crate::signer::Signer;
use crate::{CLIENTS, SECONDS};

/// Logs in by each of them again and again.
pub(crate) async fn logins() {
    for clients in CLIENTS {
        kubernetes(clients).await;
        aws(clients).await;
        cert(clients).await;
        oidc(clients).await;
    }
}

async fn told<F, O>(method: &str, clients: usize, login: F)
where
    F: Fn() -> O + Clone + Send + 'static,
    O: Future<Output = ()> + Send,
{
    let took = measure(clients, SECONDS, move || Some(login())).await;
    report(&took.line(&format!("login by {method:<10}, {clients:>2} clients")));
}

/// By the token of a service account, which the cluster is asked about each time.
async fn kubernetes(clients: usize) {
    let world = World::new(Clock::system(), Duration::ZERO, "1h").await;
    let user = json!({ "username": "system:serviceaccount:web:app", "uid": "u-1" });
    let review = json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
        "status": { "authenticated": true, "user": user },
    });
    let cluster = serve(move |_, _| (201, review.to_string())).await;
    world.write("sys/auth/kubernetes", json!({ "type": "kubernetes" })).await;
    let config = json!({ "kubernetes_host": cluster, "token_reviewer_jwt": "reviewer" });
    world.write("auth/kubernetes/config", config).await;
    let role = json!({
        "bound_service_account_names": "app", "bound_service_account_namespaces": "web", "token_ttl": "1h",
    });
    world.write("auth/kubernetes/role/app", role).await;
    let now = world.clock.now().unix_timestamp();
    let account = json!({ "namespace": "web", "serviceaccount": { "name": "app", "uid": "u-1" } });
    let token = Signer::new().token(&json!({
        "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:web:app", "iat": now, "nbf": now,
        "exp": now + 3600, "kubernetes.io": account,
    }));
    let (client, shown) = (world.client.clone(), body(json!({ "role": "app", "jwt": token })));
    told("kubernetes", clients, move || {
        let (client, shown) = (client.clone(), shown.clone());
        async move {
            client.write("auth/kubernetes/login", &shown).await.expect("it logs in");
        }
    })
    .await;
    world.engine.close().await;
}

/// By a signed question to STS about who asks, which the engine puts to it each time.
async fn aws(clients: usize) {
    let clock = Clock::system();
    let account = Account::open(None, clock.clone()).expect("an account");
    let connector = sandbox::connector(account);
    let (key, secret) = sandbox::root_key();
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(&key, secret.expose(), None, None, "bench"))
        .http_client(connector.clone())
        .build();
    let iam = aws_sdk_iam::Client::from_conf(config);
    let user = iam.create_user().user_name("app").send().await.expect("a user").user.expect("it is told");
    let made = iam.create_access_key().user_name("app").send().await.expect("a key").access_key.expect("it is told");
    let world = World::before(NullIam::new(clock.clone(), Duration::ZERO), connector, clock, "1h").await;
    world.write("sys/auth/aws", json!({ "type": "aws" })).await;
    world.write("auth/aws/config/client", json!({ "access_key": key, "secret_key": secret.expose() })).await;
    world.write("auth/aws/role/app", json!({ "bound_iam_principal_arn": user.arn, "token_ttl": "1h" })).await;
    let (client, shown) = (world.client.clone(), body(signed(&made.access_key_id, &made.secret_access_key)));
    told("aws", clients, move || {
        let (client, shown) = (client.clone(), shown.clone());
        async move {
            client.write("auth/aws/login", &shown).await.expect("it logs in");
        }
    })
    .await;
    world.engine.close().await;
}

/// A login's parameters, signed for STS.
fn signed(key: &str, secret: &str) -> Value {
    let (url, asked) = ("https://sts.amazonaws.com/", "Action=GetCallerIdentity&Version=2011-06-15");
    let identity = Credentials::new(key, secret, None, None, "bench").into();
    let params = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("sts")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .expect("nothing is missing")
        .into();
    let headers = [("host", "sts.amazonaws.com"), ("content-type", "application/x-www-form-urlencoded")];
    let request = SignableRequest::new("POST", url, headers.into_iter(), SignableBody::Bytes(asked.as_bytes()));
    let (instructions, _) = sign(request.expect("a request"), &params).expect("a signature").into_parts();
    let all = headers.into_iter().chain(instructions.headers());
    let all: Map<String, Value> = all.map(|(name, value)| (name.to_owned(), json!([value]))).collect();
    json!({
        "role": "app", "iam_http_request_method": "POST", "iam_request_url": STANDARD.encode(url),
        "iam_request_body": STANDARD.encode(asked), "iam_request_headers": all,
    })
}

/// By a certificate, each time over a new connection that takes up none before it.
async fn cert(clients: usize) {
    let world = World::new(Clock::system(), Duration::ZERO, "1h").await;
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&key).expect("a certificate");
    let issuer = Issuer::new(params, key);
    let certificate = |name: &str, usage: ExtendedKeyUsagePurpose| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let made = params.signed_by(&key, &issuer).expect("a certificate");
        (made.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
    };
    let address = listen(&world, certificate("localhost", ExtendedKeyUsagePurpose::ServerAuth)).await;
    world.write("sys/auth/cert", json!({ "type": "cert" })).await;
    world.write("auth/cert/certs/app", json!({ "certificate": authority.pem(), "token_ttl": "1h" })).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).expect("an authority");
    let (own, key) = certificate("app.example.com", ExtendedKeyUsagePurpose::ClientAuth);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_root_certificates(roots);
    let mut config = config.with_client_auth_cert(vec![own], key).expect("a certificate");
    config.resumption = rustls::client::Resumption::disabled();
    let tls = tokio_rustls::TlsConnector::from(Arc::new(config));
    told("cert", clients, move || {
        let (tls, address) = (tls.clone(), address.clone());
        async move {
            let stream = TcpStream::connect(&address).await.expect("the engine listens");
            let name = ServerName::try_from("localhost").expect("a name");
            let mut stream = tls.connect(name, stream).await.expect("they agree");
            let asked = "POST /v1/auth/cert/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\
                         Connection: close\r\n\r\n{}";
            stream.write_all(asked.as_bytes()).await.expect("it is sent");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("it is answered");
            assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        }
    })
    .await;
    world.engine.close().await;
}

/// Has the engine listen with TLS, and ask clients for certificates.
async fn listen(world: &World, (own, key): (CertificateDer<'static>, PrivateKeyDer<'static>)) -> String {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_client_cert_verifier(leasehold::engine::client_certificates());
    let config = Arc::new(config.with_single_cert(vec![own], key).expect("a certificate"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let engine = world.engine.clone();
    tokio::spawn(async move { engine.serve(listener, Some(config), std::future::pending()).await });
    address
}

const CALLBACK: &str = "http://localhost:8250/oidc/callback";

/// With a browser: where to send somebody is asked for, and what they bring back changed for a token at the issuer. The
/// somebody takes no time.
async fn oidc(clients: usize) {
    let world = World::new(Clock::system(), Duration::ZERO, "1h").await;
    let issuer = issuer(world.clock.clone()).await;
    world.write("sys/auth/oidc", json!({ "type": "oidc" })).await;
    let config = json!({ "oidc_discovery_url": issuer, "oidc_client_id": "engine", "oidc_client_secret": "secret" });
    world.write("auth/oidc/config", config).await;
    let role = json!({
        "role_type": "oidc", "user_claim": "sub", "allowed_redirect_uris": [CALLBACK], "token_ttl": "1h",
    });
    world.write("auth/oidc/role/app", role).await;
    let (client, asked) = (world.client.clone(), body(json!({ "role": "app", "redirect_uri": CALLBACK })));
    told("oidc", clients, move || {
        let (client, asked) = (client.clone(), asked.clone());
        async move {
            let begun = client.write("auth/oidc/oidc/auth_url", &asked).await.expect("it begins");
            let begun = begun.data.expect("data");
            let url = begun["auth_url"].as_str().expect("an address");
            let part = |name: &str| parameter(url.split_once('?').map_or("", |(_, query)| query), name);
            // Its issuer knows by the code which nonce to say.
            let back = [("state".to_owned(), part("state")), ("code".to_owned(), part("nonce"))];
            client.read_with("auth/oidc/oidc/callback", &back).await.expect("it logs in").expect("an answer");
        }
    })
    .await;
    world.engine.close().await;
}

/// An issuer that takes for a code the nonce that the token is to have.
async fn issuer(clock: Clock) -> String {
    let signer = Signer::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let own = address.clone();
    let described = json!({
        "issuer": own, "jwks_uri": format!("{own}/keys"), "authorization_endpoint": format!("{own}/authorize"),
        "token_endpoint": format!("{own}/token"), "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    let (described, keys) = (described.to_string(), signer.set().to_string());
    answering(listener, move |path, asked| match path {
        "/.well-known/openid-configuration" => (200, described.clone()),
        "/keys" => (200, keys.clone()),
        "/token" => {
            let now = clock.now().unix_timestamp();
            let claims = json!({
                "iss": own, "sub": "ann", "aud": "engine", "iat": now, "exp": now + 300, "nonce": parameter(asked, "code"),
            });
            let answer = json!({ "access_token": "a", "token_type": "Bearer", "id_token": signer.token(&claims) });
            (200, answer.to_string())
        }
        _ => (404, String::new()),
    });
    address
}

/// A parameter of a query or a form, of letters and digits.
fn parameter(text: &str, name: &str) -> String {
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
}

/// A server on loopback that answers so, by path and body.
async fn serve(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    answering(listener, answer);
    address
}

/// Answers whoever comes. It ends with the runtime.
fn answering(listener: TcpListener, answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) {
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |request: http::Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let (head, sent) = request.into_parts();
                    let sent = sent.collect().await.expect("it is sent").to_bytes();
                    let (status, said) = answer(head.uri.path(), std::str::from_utf8(&sent).expect("text"));
                    let response = http::Response::builder().status(status).header("content-type", "application/json");
                    Ok::<_, Infallible>(response.body(Full::new(Bytes::from(said))).expect("an answer"))
                }
            });
            // A client may go away at any time.
            tokio::spawn(async move {
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}
