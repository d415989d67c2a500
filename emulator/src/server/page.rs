//! A small page that shows the portal's state and does a few things on it.

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use axum::routing::get;

/// Only what comes from here, and nothing inline: what the portal holds is shown as text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";

pub(super) fn routes() -> Router {
    let file = |content_type, text| get(move || async move { respond(content_type, text) });
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page/index.html")))
        .route("/page/style.css", file("text/css; charset=utf-8", include_str!("page/style.css")))
        .route(
            "/page/script.js",
            file("text/javascript; charset=utf-8", include_str!("page/script.js")),
        )
}

fn respond(content_type: &'static str, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
