//! How the control API reads and answers: JSON both ways, errors as `{"error": text}`.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::server::wire::LONGEST_BODY;

/// What a control call answers.
pub(super) type Answer = Result<Json<Value>, Refusal>;

/// Why a control call was not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    /// The body says something that makes no sense.
    pub(super) fn bad(text: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::BAD_REQUEST, text: text.into() }
    }

    /// The body names something that is not there.
    pub(super) fn missing(text: impl Into<String>) -> Refusal {
        Refusal { status: StatusCode::NOT_FOUND, text: text.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.text }))).into_response()
    }
}

/// A JSON body, whatever its content type says; no body is `{}`.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _state: &S) -> Result<Asked<T>, Refusal> {
        let body = to_bytes(request.into_body(), LONGEST_BODY)
            .await
            .map_err(|_| Refusal::bad("the body is too long or did not come whole"))?;
        let body = if body.is_empty() { b"{}" } else { body.as_ref() };
        serde_json::from_slice(body).map(Asked).map_err(|error| Refusal::bad(error.to_string()))
    }
}

/// The answer of a call that has nothing to tell.
pub(super) fn done() -> Answer {
    Ok(Json(json!({ "done": true })))
}

/// An answer that is made of a value.
pub(super) fn told(value: impl serde::Serialize) -> Answer {
    serde_json::to_value(value).map(Json).map_err(|error| Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        text: error.to_string(),
    })
}
