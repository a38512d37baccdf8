//! A test ACME server (RFC 8555) over HTTPS on loopback, for one account and one domain. It validates
//! by TLS-ALPN-01 (RFC 8737), accepts every nonce once and signs the requested certificate. It does
//! not verify the signatures of requests.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::tls_alpn::challenge_digest;

const TOKEN: &str = "a-token-of-the-acme-server";

/// A running ACME server.
#[derive(Clone)]
pub struct AcmeServer {
    /// The directory's URL.
    pub url: String,
    /// The root certificate of the server itself and of the certificates it issues.
    pub root: CertificateDer<'static>,
    state: Arc<Mutex<OrderState>>,
}

struct OrderState {
    base: String,
    domain: String,
    /// The address that stands for the domain's port 443.
    server: SocketAddr,
    issuer: Issuer<'static, KeyPair>,
    root: String,
    nonces: HashSet<String>,
    thumbprint: String,
    /// The result of the validation; `None` before it.
    validated: Option<bool>,
    issued: Option<String>,
    orders: usize,
    /// The validity of the next certificate in seconds.
    lifetime: u64,
}

impl AcmeServer {
    /// Starts it for one domain, whose port 443 is at the address `server`. Writes its root
    /// certificate to the file `root`.
    pub async fn start(domain: &str, server: SocketAddr, root: &Path) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = params.self_signed(&key).expect("signed");
        std::fs::write(root, authority.pem()).expect("written");
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let own = own.signed_by(&key, &issuer).expect("signed");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![own.into()], PrivateKeyDer::from(key))
            .expect("a certificate");
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("https://localhost:{}", tcp.local_addr().expect("bound").port());
        let state = OrderState {
            base: base.clone(),
            domain: domain.to_owned(),
            server,
            issuer,
            root: authority.pem(),
            nonces: HashSet::new(),
            thumbprint: String::new(),
            validated: None,
            issued: None,
            orders: 0,
            lifetime: 90 * 24 * 3600,
        };
        let state = Arc::new(Mutex::new(state));
        let acme = Self { url: format!("{base}/directory"), root: authority.into(), state };
        let router = Router::new().fallback(answer).with_state(acme.clone());
        let listener = TlsListener { tcp, tls: TlsAcceptor::from(Arc::new(tls)) };
        tokio::spawn(async move { axum::serve(listener, router).await });
        acme
    }

    /// Returns the number of orders.
    pub fn orders(&self) -> usize {
        self.state.lock().expect("no panic").orders
    }

    /// Sets the validity of certificates from now on.
    pub fn set_validity(&self, seconds: u64) {
        self.state.lock().expect("no panic").lifetime = seconds;
    }
}

async fn answer(State(acme): State<AcmeServer>, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let request = serde_json::from_slice::<Value>(&body).ok();
    let part = |name: &str| {
        let text = request.as_ref()?[name].as_str()?;
        serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    };
    let (protected, payload) = (part("protected"), part("payload").unwrap_or_default());
    if let Some(protected) = &protected {
        let mut state = acme.state.lock().expect("no panic");
        let nonce = protected["nonce"].as_str().expect("a nonce");
        assert!(state.nonces.remove(nonce), "an issued nonce, used once");
        assert_eq!(protected["url"], format!("{}{path}", state.base), "RFC 8555 section 6.4");
        if let Some(jwk) = protected.get("jwk") {
            state.thumbprint = thumbprint(jwk);
        }
    }
    if path == "/challenge" {
        // The client polls for the result.
        tokio::spawn(validate(acme.clone()));
    }
    let mut state = acme.state.lock().expect("no panic");
    let nonce = format!("nonce-{}-{}", state.nonces.len(), nanos());
    state.nonces.insert(nonce.clone());
    let (status, location, body) = state.step(&path, &payload);
    let headers = [("replay-nonce", nonce), ("location", format!("{}{location}", state.base))];
    (status, headers, body).into_response()
}

async fn validate(acme: AcmeServer) {
    let (server, domain, expected) = {
        let state = acme.state.lock().expect("no panic");
        let authorization = format!("{TOKEN}.{}", state.thumbprint);
        (state.server, state.domain.clone(), Sha256::digest(authorization))
    };
    let digest = challenge_digest(server, &domain).await;
    let validated = digest.is_ok_and(|digest| digest == expected[..]);
    acme.state.lock().expect("no panic").validated = Some(validated);
}

impl OrderState {
    fn step(&mut self, path: &str, payload: &Value) -> (StatusCode, &'static str, String) {
        let url = |path: &str| format!("{}/{path}", self.base);
        let ok = |body: Value| (StatusCode::OK, "", body.to_string());
        match path {
            "/directory" => ok(json!({
                "newNonce": url("nonce"), "newAccount": url("account"), "newOrder": url("order"),
                "revokeCert": url("revoke"), "keyChange": url("key-change"),
            })),
            "/nonce" => ok(json!({})),
            "/account" => {
                assert_eq!(payload["termsOfServiceAgreed"], true);
                (StatusCode::CREATED, "/account", json!({ "status": "valid" }).to_string())
            }
            "/order" if payload.get("identifiers").is_some() => {
                let wanted = json!([{ "type": "dns", "value": self.domain }]);
                assert_eq!(payload["identifiers"], wanted);
                self.orders += 1;
                (self.validated, self.issued) = (None, None);
                (StatusCode::CREATED, "/order", self.order().to_string())
            }
            "/order" => (StatusCode::OK, "/order", self.order().to_string()),
            "/authorization" | "/challenge" => {
                let status = self.status(["pending", "valid", "invalid"]);
                let problem = json!({ "detail": "wrong certificate" });
                let challenge = json!({
                    "type": "tls-alpn-01", "url": url("challenge"), "token": TOKEN,
                    "status": status,
                    "error": if self.validated == Some(false) { problem } else { Value::Null },
                });
                let authorization = json!({
                    "identifier": { "type": "dns", "value": self.domain },
                    "status": status, "challenges": [challenge.clone()],
                });
                ok(if path == "/challenge" { challenge } else { authorization })
            }
            "/finalize" => {
                assert_eq!(self.validated, Some(true), "signed only after the validation");
                let request = payload["csr"].as_str().expect("a request");
                let request = URL_SAFE_NO_PAD.decode(request).expect("base64");
                self.issued = Some(self.sign(&CertificateSigningRequestDer::from(request)));
                (StatusCode::OK, "/order", self.order().to_string())
            }
            "/certificate" => (StatusCode::OK, "", self.issued.clone().expect("issued")),
            other => panic!("no such page: {other}"),
        }
    }

    fn order(&self) -> Value {
        let url = |path: &str| format!("{}/{path}", self.base);
        let status = self.status(["pending", "ready", "invalid"]);
        json!({
            "status": if self.issued.is_some() { "valid" } else { status },
            "identifiers": [{ "type": "dns", "value": self.domain }],
            "authorizations": [url("authorization")],
            "finalize": url("finalize"),
            "certificate": self.issued.as_ref().map(|_| url("certificate")),
        })
    }

    fn status(&self, [pending, valid, invalid]: [&'static str; 3]) -> &'static str {
        match self.validated {
            None => pending,
            Some(true) => valid,
            Some(false) => invalid,
        }
    }

    fn sign(&self, request: &CertificateSigningRequestDer<'_>) -> String {
        let mut request = CertificateSigningRequestParams::from_der(request).expect("a request");
        let now = date_time_ymd(1970, 1, 1) + since_unix_epoch();
        request.params.not_before = now - Duration::from_secs(1);
        request.params.not_after = now + Duration::from_secs(self.lifetime);
        let certificate = request.signed_by(&self.issuer).expect("signed");
        format!("{}{}", certificate.pem(), self.root)
    }
}

/// Returns the thumbprint of a key (RFC 7638).
fn thumbprint(jwk: &Value) -> String {
    let members = format!(
        r#"{{"crv":{},"kty":{},"x":{},"y":{}}}"#,
        jwk["crv"], jwk["kty"], jwk["x"], jwk["y"]
    );
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

fn since_unix_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after the epoch")
}

fn nanos() -> u128 {
    since_unix_epoch().as_nanos()
}

struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.tcp).await;
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}
