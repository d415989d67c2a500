//! The control API: what tests and demonstrations need beside REST.
//!
//! Every route answers JSON. A body is JSON, whatever its content type says, and may be left out where nothing has to
//! be said. An error is `{"error": text}` with 400 (the body makes no sense) or 404 (what it names is not there).
//! Names that the body should not hold are refused. What `done` answers is `{"done": true}`. Times are milliseconds
//! since 1970-01-01 UTC. The API counts as no request of the application: no bucket, no token, no fault concerns it.
//!
//! | route | body | what it does and answers |
//! |---|---|---|
//! | `GET /control/` | | what is here: `{"routes": ["GET /control/", …]}` |
//! | `POST /control/token` | `{"user": "1"}` | a new pair of tokens for that user, `1` (the administrator) if left out, in the form of an auth file: `{"access_token", "refresh_token", "expires_at", "client_id", "client_secret", "oauth_url"}`; `oauth_url` has the scheme of this call |
//! | `POST /control/token/expire` | | all access tokens are expired from now on; done |
//! | `POST /control/token/revoke` | | all tokens are worthless, refresh tokens too; done |
//! | `POST /control/users` | `{"name": "Ann", "administrator": false}` | a new user: `{"id": "2"}` |
//! | `POST /control/users/rights` | `{"user": "1", "administrator": false}` | gives or takes administrator's rights; done |
//! | `POST /control/webhooks` | `{"user": "1"}` | a new webhook: `{"url": "http://localhost:8080/rest/1/…/"}` |
//! | `GET /control/bindings` | | all bindings (F20): `[{"event", "connector", "handler", "min_timeout"}]` |
//! | `POST /control/bindings` | `{"event": "ONCRMDEALUPDATE", "connector": "erp"}` | binds offline without a call: `{"bound": true}`, `false` if it was bound |
//! | `DELETE /control/bindings` | | removes all, as a new installation of the application does; done |
//! | `POST /control/objects/create` | `{"kind": "crm.deal", "count": 100, "fields": {"TITLE": "x"}}` | people make objects, one if `count` is left out, at most 1,000,000: `{"ids": ["1", …]}` |
//! | `POST /control/objects/change` | `{"kind": "crm.deal", "ids": ["1"], "fields": {…}}` | people change objects, named by `ids`, or the `count` of them with the lowest ids: `{"versions": [2]}` |
//! | `POST /control/objects/delete` | `{"kind": "crm.deal", "count": 10}` | people delete objects, named in the same way: `{"versions": […]}` |
//! | `POST /control/objects/restore` | `{"kind": "crm.deal", "ids": ["1"]}` | people take objects back from the bin: `{"versions": […]}` |
//! | `POST /control/events` | `{"event": "ONCRMDEALUPDATE", "data": false}` | records an event with any data; done |
//! | `GET /control/faults` | | the faults that wait: a list of [`Fault`](crate::Fault) |
//! | `POST /control/faults` | `{"method": "event.offline.get", "after": 0, "count": 1, "kind": {"answer_lost": {"hang_ms": 50}}}` | one more; the kinds are those of [`FaultKind`](crate::FaultKind); done |
//! | `DELETE /control/faults` | | forgets them, and the automation rules; done |
//! | `POST /control/robots` | `{"kind": "crm.deal", "times": 3, "delay_ms": 0, "fields": {…}}` | an automation rule ([`Robot`](crate::Robot)); done |
//! | `GET /control/clock` | | `{"now", "offset", "frozen"}` |
//! | `POST /control/clock` | `{"advance": 3600000}` or `{"offset": 0, "frozen": 1800000000000}` | turns the clock forward, or sets it ([`Clock`](super::Clock)); it never goes back. What became due happens at once. Answers as above |
//! | `GET /control/settings` | | the [`Settings`](crate::Settings) as they stand |
//! | `POST /control/settings` | `{"plan": {"offline_extended": "off"}}` | another [`Plan`](crate::Plan) from now on; answers as above |
//! | `POST /control/delivered` | `{"object": {"kind": "crm.deal", "id": "1"}, "state": "present", "data": {"VERSION": "3"}}` | tells the audit of deliveries: lines as `b24-offline listen --jsonl` writes them, or an array of such: `{"counted": 1}` |
//! | `POST /control/parked` | the same | tells it of parked objects: `{"counted": 1}` |
//! | `GET /control/audit` | | the figures: an [`Audit`](crate::Audit) |
//! | `GET /control/queue` | | all records: a list of [`Record`](crate::Record) |
//! | `GET /control/requests` | | the last 10,000 requests: `[{"number": 1, "at": …, "method": "batch", "status": 200}]`, status `null` where no answer came |
//! | `GET /control/notifications` | | the last 10,000 notifications (F27, F28); those to `http://` handlers were posted as well |
//!
//! ```text
//! curl -s -d '{"kind": "crm.deal", "count": 3}' http://localhost:8080/control/objects/create
//! {"ids":["1","2","3"]}
//! ```

mod access;
mod answer;
mod objects;
mod portal;
mod reports;

use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use super::state::Shared;

/// All routes, in the order of the table above.
const ROUTES: [&str; 29] = [
    "GET /control/",
    "POST /control/token",
    "POST /control/token/expire",
    "POST /control/token/revoke",
    "POST /control/users",
    "POST /control/users/rights",
    "POST /control/webhooks",
    "GET /control/bindings",
    "POST /control/bindings",
    "DELETE /control/bindings",
    "POST /control/objects/create",
    "POST /control/objects/change",
    "POST /control/objects/delete",
    "POST /control/objects/restore",
    "POST /control/events",
    "GET /control/faults",
    "POST /control/faults",
    "DELETE /control/faults",
    "POST /control/robots",
    "GET /control/clock",
    "POST /control/clock",
    "GET /control/settings",
    "POST /control/settings",
    "POST /control/delivered",
    "POST /control/parked",
    "GET /control/audit",
    "GET /control/queue",
    "GET /control/requests",
    "GET /control/notifications",
];

pub(super) fn routes(shared: Shared) -> Router {
    Router::new()
        .route("/control/", get(async || Json(json!({ "routes": ROUTES }))))
        .route("/control/token", post(access::token))
        .route("/control/token/expire", post(access::expire))
        .route("/control/token/revoke", post(access::revoke))
        .route("/control/users", post(access::user))
        .route("/control/users/rights", post(access::rights))
        .route("/control/webhooks", post(access::webhook))
        .route("/control/bindings", get(access::bindings).post(access::bind).delete(access::unbind))
        .route("/control/objects/create", post(objects::create))
        .route("/control/objects/change", post(objects::change))
        .route("/control/objects/delete", post(objects::delete))
        .route("/control/objects/restore", post(objects::restore))
        .route("/control/events", post(objects::event))
        .route(
            "/control/faults",
            get(portal::faults).post(portal::inject).delete(portal::clear_faults),
        )
        .route("/control/robots", post(portal::robot))
        .route("/control/clock", get(portal::clock).post(portal::turn))
        .route("/control/settings", get(portal::settings).post(portal::change))
        .route("/control/delivered", post(reports::delivered))
        .route("/control/parked", post(reports::parked))
        .route("/control/audit", get(reports::audit))
        .route("/control/queue", get(reports::queue))
        .route("/control/requests", get(reports::requests))
        .route("/control/notifications", get(reports::notifications))
        .with_state(shared)
}
