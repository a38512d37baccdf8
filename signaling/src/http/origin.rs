//! The check of a WebSocket request's `Origin`.

use axum::http::{HeaderMap, header};
use signaling_protocol::{Refusal, RefusalCode};

/// Refuses a socket that a page of another site opens in a visitor's name (RFC 6455 section 10.2).
/// Programs send no Origin and pass.
pub(super) fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, rest)| !host.is_empty() && rest == host);
    if own || allowed.iter().any(|one| one == origin) {
        Ok(())
    } else {
        Err(Refusal::new(RefusalCode::NotAllowed, "the page's origin is not allowed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "meet.example:8443".parse().expect("a host"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("an origin"));
        }
        headers
    }

    #[test]
    fn only_own_pages_allowed_pages_and_programs_open_sockets() {
        let allowed = ["https://portal.example".to_owned()];
        for (origin, may) in [
            (None, true),
            (Some("https://meet.example:8443"), true),
            (Some("https://portal.example"), true),
            (Some("https://evil.example"), false),
            (Some("https://meet.example:8443.evil.example"), false),
            (Some("null"), false),
        ] {
            assert_eq!(check_origin(&headers(origin), &allowed).is_ok(), may, "{origin:?}");
        }
    }
}
