//! Accepts TLS connections, with the handshakes in tasks of their own.

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
use super::certificate::ACME_TLS_PROTOCOL;

/// Concurrent handshakes; further connections wait in the kernel. A silent peer uses one of them for
/// [`HANDSHAKE_TIMEOUT`].
const MAX_HANDSHAKES: usize = 512;
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that may wait for `accept`.
const READY_CAPACITY: usize = 64;

type Connection = (TlsStream<TcpStream>, SocketAddr);

/// A listener on which a slow handshake does not delay other connections.
pub(crate) struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<Connection>,
    accepting: AbortHandle,
}

impl TlsListener {
    /// Starts to accept connections, with TLS 1.2 and 1.3 (RFC 8446), and HTTP/1.1 inside, which
    /// WebSockets need.
    ///
    /// # Errors
    /// The TLS configuration is invalid, or the socket has no local address.
    pub(crate) fn start(tcp: TcpListener, certificate: Arc<Certificate>) -> io::Result<Self> {
        let address = tcp.local_addr()?;
        let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"http/1.1".to_vec(), ACME_TLS_PROTOCOL.to_vec()];
        let (ready_sender, ready) = mpsc::channel(READY_CAPACITY);
        let accepting =
            tokio::spawn(accept(tcp, TlsAcceptor::from(Arc::new(config)), ready_sender));
        Ok(Self { address, ready, accepting: accepting.abort_handle() })
    }
}

async fn accept(mut tcp: TcpListener, tls: TlsAcceptor, ready: mpsc::Sender<Connection>) {
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    while let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await {
        // Retries after a pause if no file descriptors are left.
        let (stream, peer) = Listener::accept(&mut tcp).await;
        let (tls, ready) = (tls.clone(), ready.clone());
        tokio::spawn(async move {
            let handshake = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await;
            // The permit is held until the connection is queued, so that unserved connections
            // cannot pile up in memory.
            if let Ok(Ok(stream)) = handshake
                // A validation connection of ACME is complete after the handshake.
                && stream.get_ref().1.alpn_protocol() != Some(ACME_TLS_PROTOCOL)
            {
                let _ = ready.send((stream, peer)).await;
            }
            drop(permit);
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
