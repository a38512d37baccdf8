//! Asks a running server whether it is well, for containers that have no shell to ask with.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use axum::http::Uri;

use crate::config::HealthcheckConfig;
use crate::reachable::reachable;

/// How long each step may take; whoever asks bounds the whole.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer than any status line.
const LINE_BYTES: u64 = 1024;

/// Why the server does not count as well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthcheckError {
    /// No URL that can be asked.
    #[error("{0} cannot be asked; give --url as http://host:port")]
    Url(String),
    /// No answer.
    #[error("{authority} does not answer: {source}")]
    Silent {
        /// Who was asked.
        authority: String,
        /// Why.
        source: io::Error,
    },
    /// Another answer than 200.
    #[error("{authority} answers {line:?}")]
    Unwell {
        /// Who was asked.
        authority: String,
        /// The first line of the answer.
        line: String,
    },
}

/// Succeeds if the server answers 200.
pub(crate) fn run(config: &HealthcheckConfig) -> Result<(), HealthcheckError> {
    let (authority, path) = match &config.url {
        Some(url) => parse(url)?,
        None => (reachable(config.http).to_string(), "/healthz".to_owned()),
    };
    let line = ask(&authority, &path)
        .map_err(|source| HealthcheckError::Silent { authority: authority.clone(), source })?;
    if line.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(HealthcheckError::Unwell { authority, line })
    }
}

fn parse(url: &str) -> Result<(String, String), HealthcheckError> {
    let bad = || HealthcheckError::Url(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(bad()) };
    let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
    let path = if uri.path() == "/" { "/healthz" } else { uri.path() };
    Ok((authority, path.to_owned()))
}

fn ask(authority: &str, path: &str) -> io::Result<String> {
    let address = authority
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = Vec::new();
    BufReader::new(stream.take(LINE_BYTES)).read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{SocketAddr, TcpListener};
    use std::thread::{self, JoinHandle};

    /// Answers one request, and gives it back.
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
    fn a_server_that_answers_200_is_well() {
        let (url, served) = server("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n");
        check(&url).expect("well");
        let request = served.join().expect("served");
        assert!(request.starts_with("GET /healthz HTTP/1.1\r\n"), "{request}");
    }

    #[test]
    fn any_other_answer_and_none_at_all_are_told_apart() {
        let (url, _served) = server("HTTP/1.1 503 Service Unavailable\r\n\r\n");
        let error = check(&format!("{url}/healthz")).expect_err("unwell");
        assert!(error.to_string().contains("503"), "{error}");

        let (url, _served) = server("");
        assert!(matches!(check(&url), Err(HealthcheckError::Unwell { .. })));

        let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
        let error = check(&format!("http://{nobody}")).expect_err("nobody is there");
        assert!(matches!(error, HealthcheckError::Silent { .. }), "{error}");
    }

    #[test]
    fn only_plain_http_can_be_asked() {
        for url in ["https://meet.example", "meet.example", "", "http://"] {
            assert!(matches!(check(url), Err(HealthcheckError::Url(_))), "{url}");
        }
    }
}
