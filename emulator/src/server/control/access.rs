//! Who may call the portal: tokens, users, webhooks, bindings.

use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::json;

use super::answer::{Answer, Asked, done, told};
use crate::server::connection::Peer;
use crate::server::state::Shared;

/// The user who is there from the beginning.
fn administrator() -> String {
    "1".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    #[serde(default = "administrator")]
    user: String,
}

/// A new pair of tokens in the form of an auth file, for the scheme over which it was asked for.
pub(super) async fn token(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    Asked(asked): Asked<Token>,
) -> Answer {
    let oauth_url = format!("{}/oauth/token/", shared.origin(peer.secure));
    shared.with_portal(|portal, _| {
        let tokens = portal.issue_token(&asked.user);
        let application = portal.application();
        told(json!({
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires_at": tokens.expires_at,
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "oauth_url": oauth_url,
        }))
    })
}

pub(super) async fn expire(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| portal.expire_tokens());
    done()
}

pub(super) async fn revoke(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| portal.revoke_tokens());
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    name: String,
    #[serde(default)]
    administrator: bool,
}

pub(super) async fn user(State(shared): State<Shared>, Asked(asked): Asked<User>) -> Answer {
    let id = shared.with_portal(|portal, _| portal.add_user(&asked.name, asked.administrator));
    told(json!({ "id": id }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rights {
    user: String,
    administrator: bool,
}

pub(super) async fn rights(State(shared): State<Shared>, Asked(asked): Asked<Rights>) -> Answer {
    shared.with_portal(|portal, _| portal.set_administrator(&asked.user, asked.administrator));
    done()
}

pub(super) async fn webhook(
    State(shared): State<Shared>,
    Extension(peer): Extension<Peer>,
    Asked(asked): Asked<Token>,
) -> Answer {
    let code = shared.with_portal(|portal, _| portal.add_webhook(&asked.user));
    let origin = shared.origin(peer.secure);
    told(json!({ "url": format!("{origin}/rest/{}/{code}/", asked.user) }))
}

pub(super) async fn bindings(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| told(portal.bindings()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bind {
    event: String,
    #[serde(default)]
    connector: String,
}

pub(super) async fn bind(State(shared): State<Shared>, Asked(asked): Asked<Bind>) -> Answer {
    let bound = shared.with_portal(|portal, _| portal.bind(&asked.event, &asked.connector));
    told(json!({ "bound": bound }))
}

pub(super) async fn unbind(State(shared): State<Shared>) -> Answer {
    shared.with_portal(|portal, _| portal.remove_bindings());
    done()
}
