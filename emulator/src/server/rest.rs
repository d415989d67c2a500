//! `/rest/…` and `/oauth/token/`: everything that a portal has as well.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::any;

use super::connection::Peer;
use super::state::Shared;
use super::wire;
use crate::request::Request;

pub(super) fn routes(shared: Shared) -> Router {
    // everything that is not under /control/ is the portal's to answer, doubled slashes included
    Router::new().fallback(any(answer)).with_state(shared)
}

async fn answer(State(shared): State<Shared>, request: HttpRequest) -> Response<Body> {
    let mut response = if wire::is_preflight(request.method()) {
        Response::new(Body::empty())
    } else {
        carry(shared, request).await
    };
    wire::allow_origins(response.headers_mut());
    response
}

async fn carry(shared: Shared, request: HttpRequest) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = wire::merged_slashes(parts.uri.path());
    if !path.starts_with("/rest/") && !path.starts_with("/oauth/token") {
        return plain(StatusCode::NOT_FOUND, "A portal answers under /rest/ and /oauth/token/.");
    }
    let Ok(body) = to_bytes(body, wire::LONGEST_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long or did not come whole.");
    };
    let source = parts.extensions.get::<Peer>().map(|peer| peer.address.ip().to_string());
    let request = Request {
        params: wire::parameters(&parts.uri, &parts.headers, &body, shared.variables()),
        source: source.unwrap_or_default(),
        path,
    };
    let outcome = shared.handle(method(&request.path), &request);
    let mut response = wire::respond(outcome).await;
    if response.status().is_redirection()
        && let Ok(place) = HeaderValue::from_str(&request.path)
    {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

/// The method that a path names, for the log: never the code of a webhook.
fn method(path: &str) -> String {
    if path.starts_with("/oauth/") {
        return "oauth".to_owned();
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".json").unwrap_or(name).to_ascii_lowercase()
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}
