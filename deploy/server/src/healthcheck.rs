//! `orange-meets healthcheck`: requests `/healthz`, for containers without a shell or curl.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use axum::http::Uri;

use crate::config::HealthcheckConfig;
use crate::local_address::local_address;

/// How long connecting, sending and receiving may take each; the caller limits the whole check.
const IO_TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than any status line.
const MAX_LINE_BYTES: u64 = 1024;

/// Why the server is not healthy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthcheckError {
    /// The URL is not a plain HTTP URL.
    #[error("{0} cannot be requested; give --url as http://host:port")]
    Url(String),
    /// The server does not answer.
    #[error("{authority} does not answer: {source}")]
    NoAnswer {
        /// Host and port.
        authority: String,
        /// Why.
        source: io::Error,
    },
    /// The status is not 200.
    #[error("{authority} answers {line:?}")]
    Unhealthy {
        /// Host and port.
        authority: String,
        /// The status line of the response.
        line: String,
    },
}

/// Requests the URL, or `/healthz` of the server on this machine.
///
/// # Errors
/// The server does not answer with status 200.
pub(crate) fn run(config: &HealthcheckConfig) -> Result<(), HealthcheckError> {
    let (authority, path) = match &config.url {
        Some(url) => parse(url)?,
        None => (local_address(config.http).to_string(), "/healthz".to_owned()),
    };
    let line = request_status_line(&authority, &path)
        .map_err(|source| HealthcheckError::NoAnswer { authority: authority.clone(), source })?;
    if line.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(HealthcheckError::Unhealthy { authority, line })
    }
}

/// Returns authority and path.
fn parse(url: &str) -> Result<(String, String), HealthcheckError> {
    let bad = || HealthcheckError::Url(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(bad()) };
    let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
    let path = if uri.path() == "/" { "/healthz" } else { uri.path() };
    Ok((authority, path.to_owned()))
}

fn request_status_line(authority: &str, path: &str) -> io::Result<String> {
    let address = authority
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, IO_TIMEOUT)?;
    stream.set_read_timeout(Some(IO_TIMEOUT))?;
    stream.set_write_timeout(Some(IO_TIMEOUT))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = Vec::new();
    BufReader::new(stream.take(MAX_LINE_BYTES)).read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener};
    use std::thread::{self, JoinHandle};

    /// Starts a server that answers one request; returns its URL, and the request once it is served.
    fn server(answer: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).expect("a request");
            stream.write_all(answer.as_bytes()).expect("it is sent");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (url, served)
    }

    fn check(url: &str) -> Result<(), HealthcheckError> {
        let http = SocketAddr::from(([127, 0, 0, 1], 1));
        run(&HealthcheckConfig { config: None, url: Some(url.to_owned()), http })
    }

    #[test]
    fn a_server_that_answers_200_is_healthy() {
        let (url, served) = server("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n");
        check(&url).expect("healthy");
        let request = served.join().expect("served");
        assert!(request.starts_with("GET /healthz HTTP/1.1\r\n"), "{request}");
    }

    #[test]
    fn another_status_and_no_answer_are_different_errors() {
        let (url, _served) = server("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        let error = check(&format!("{url}/healthz")).expect_err("unhealthy");
        assert!(error.to_string().contains("503"), "{error}");

        let (url, _served) = server("");
        assert!(matches!(check(&url), Err(HealthcheckError::Unhealthy { .. })));

        let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let error = check(&format!("http://{closed}")).expect_err("a closed port");
        assert!(matches!(error, HealthcheckError::NoAnswer { .. }), "{error}");
    }

    #[test]
    fn only_plain_http_urls_are_accepted() {
        for url in ["https://meet.example", "meet.example", "", "http://"] {
            assert!(matches!(check(url), Err(HealthcheckError::Url(_))), "{url}");
        }
    }
}
