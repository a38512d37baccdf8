//! The static web client, embedded, and the headers that fence it in.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;
use tower_http::compression::CompressionLayer;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web-client/dist"]
#[allow_missing = true]
struct Files;

/// Nothing from elsewhere, no inline script, WASM and our own workers only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; \
    script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
    media-src 'self' blob:; connect-src 'self'; worker-src 'self'; font-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types app-worker";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()",
    ),
];

/// Adds the web client to the service, and the security headers to every response.
pub(crate) fn with_web_client(service: Router) -> Router {
    let files = Router::new().fallback(serve_file).layer(CompressionLayer::new());
    service.fallback_service(files).layer(middleware::from_fn(fence))
}

async fn fence(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn serve_file(method: Method, uri: Uri) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    match Files::get(path) {
        Some(file) => respond(path, file),
        // A room link is one path segment without a dot: the page itself reads it.
        None if !path.contains(['.', '/']) => match Files::get("index.html") {
            Some(page) => respond("index.html", page),
            None => (
                StatusCode::SERVICE_UNAVAILABLE,
                "This server was built without the web client: run `make build`.\n",
            )
                .into_response(),
        },
        None => (StatusCode::NOT_FOUND, "There is no such page.\n").into_response(),
    }
}

fn respond(path: &str, file: rust_embed::EmbeddedFile) -> Response {
    // The bundler puts a hash of the content into the names below assets/.
    let caching = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    (
        [(header::CONTENT_TYPE, kind.to_string()), (header::CACHE_CONTROL, caching.to_owned())],
        file.data,
    )
        .into_response()
}
