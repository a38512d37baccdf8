//! Takes connections whose TLS handshake is done.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Certificate;
use super::certificate::ACME_TLS;

/// Handshakes at a time; more wait in the kernel. One that says nothing costs a place until
/// [`PATIENCE`] is over.
const HANDSHAKES: usize = 512;
/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections that may wait to be served.
const READY: usize = 64;

type Connection = (TlsStream<TcpStream>, SocketAddr);

/// A TCP listener behind which nobody waits for somebody else's handshake.
pub(crate) struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<Connection>,
    accepting: AbortHandle,
}

impl TlsListener {
    /// Speaks TLS 1.2 and 1.3 (RFC 8446), and HTTP/1.1 inside: WebSockets need no more.
    pub(crate) fn start(tcp: TcpListener, certificate: Arc<Certificate>) -> io::Result<Self> {
        let address = tcp.local_addr()?;
        let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"http/1.1".to_vec(), ACME_TLS.to_vec()];
        let (done, ready) = mpsc::channel(READY);
        let accepting = tokio::spawn(accept(tcp, TlsAcceptor::from(Arc::new(config)), done));
        Ok(Self { address, ready, accepting: accepting.abort_handle() })
    }
}

async fn accept(mut tcp: TcpListener, tls: TlsAcceptor, done: mpsc::Sender<Connection>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        // Waits a moment where the system has no descriptors left.
        let (stream, peer) = Listener::accept(&mut tcp).await;
        let (tls, done) = (tls.clone(), done.clone());
        tokio::spawn(async move {
            let handshake = timeout(PATIENCE, tls.accept(stream)).await;
            // The place is kept until the connection is handed on: who is not served holds up
            // others of its kind, and no memory.
            if let Ok(Ok(stream)) = handshake
                // Whoever asks for the proof has seen it now, and says nothing more.
                && stream.get_ref().1.alpn_protocol() != Some(ACME_TLS)
            {
                let _ = done.send((stream, peer)).await;
            }
            drop(place);
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> Connection {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
