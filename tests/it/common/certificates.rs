//! Certificates that the tests make, and clients that show them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use serde_json::Value;
use time::OffsetDateTime;

/// A moment, in seconds since 1970.
pub(crate) fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// Somebody who signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, and those that lead from it to a root.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) pem: String,
}

/// What a CA's certificate says, before somebody changes it.
pub(crate) fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// What a client's certificate says, before somebody changes it.
pub(crate) fn client(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if !name.is_empty() {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// An email address among the names of a certificate.
pub(crate) fn email(text: &str) -> SanType {
    SanType::Rfc822Name(text.try_into().unwrap())
}

/// A URI among them.
pub(crate) fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A DNS name among them.
pub(crate) fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

impl Authority {
    /// One that signed itself.
    pub(crate) fn new(params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        Self { pem: own.pem(), chain: vec![own.der().clone()], issuer: Issuer::new(params, key) }
    }

    /// One that this one signed.
    pub(crate) fn below(&self, params: CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let own = params.signed_by(&key, &self.issuer).unwrap();
        let chain = [own.der().clone()].into_iter().chain(self.chain.iter().cloned()).collect();
        Self { pem: own.pem(), chain, issuer: Issuer::new(params, key) }
    }

    /// A client's certificate, without those between it and the root.
    pub(crate) fn signs(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let own = params.signed_by(&key, &self.issuer).unwrap();
        Identity { chain: vec![own.der().clone()], pem: own.pem(), key }
    }
}

/// Somebody with a certificate and its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) pem: String,
    pub(crate) key: KeyPair,
}

impl Identity {
    /// One whose certificate signed itself.
    pub(crate) fn alone(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        Self { chain: vec![own.der().clone()], pem: own.pem(), key }
    }

    /// With the certificates that lead to a root.
    pub(crate) fn through(mut self, authority: &Authority) -> Self {
        self.chain.extend(authority.chain.iter().cloned());
        self
    }

    /// What it shows, and the key that it shows it with.
    fn certified(&self) -> CertifiedKey {
        certified(self.chain.clone(), &self.key)
    }
}

/// Certificates with a key that need not be theirs.
pub(crate) fn certified(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> CertifiedKey {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let signer = rustls::crypto::aws_lc_rs::default_provider().key_provider.load_private_key(key).unwrap();
    CertifiedKey::new(chain, signer)
}

/// Shows it whatever the server asks for.
#[derive(Debug)]
struct Shows(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// A client of an engine's TLS listener. What it showed once is shown again by the sessions that it keeps.
#[derive(Clone)]
pub(crate) struct TlsClient {
    address: String,
    config: Arc<ClientConfig>,
}

impl TlsClient {
    /// One that believes the server's certificate, and shows an identity or none.
    pub(crate) fn new(address: &str, server: &CertificateDer<'static>, who: Option<&Identity>) -> Self {
        Self::with(address, server, who.map(Identity::certified), &rustls::version::TLS13)
    }

    /// One of a version of TLS that shows any certificates.
    pub(crate) fn with(
        address: &str,
        server: &CertificateDer<'static>,
        who: Option<CertifiedKey>,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(server.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let config = config.with_root_certificates(roots).with_client_cert_resolver(Arc::new(Shows(who.map(Arc::new))));
        Self { address: address.to_owned(), config: Arc::new(config) }
    }

    /// The same that shows somebody else, with the sessions of this one.
    pub(crate) fn as_somebody_else(&self, who: Option<&Identity>) -> Self {
        let mut config = (*self.config).clone();
        config.client_auth_cert_resolver = Arc::new(Shows(who.map(|who| Arc::new(who.certified()))));
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// Sends a request over a connection of its own: the status, the answer, and whether the connection was taken up again.
    ///
    /// # Errors
    /// The connection doesn't come about.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> std::io::Result<(u16, Value, HandshakeKind)> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(self.config.clone(), name).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(&self.address)?);
        let body = body.to_string();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes())?;
        let mut answer = Vec::new();
        // A server may end without saying so; what it said is whole all the same.
        if let Err(error) = stream.read_to_end(&mut answer)
            && answer.is_empty()
        {
            return Err(error);
        }
        let text = String::from_utf8(answer).unwrap();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(format!("no answer: {text:?}")))?;
        let body = text.split_once("\r\n\r\n").map(|(_, body)| serde_json::from_str(body).unwrap_or_default());
        let kind = stream.conn.handshake_kind().unwrap();
        Ok((status, body.unwrap_or_default(), kind))
    }
}
