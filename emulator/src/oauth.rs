//! The application's authorisation: tokens, their life and rotation (F34).

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::php::Php;
use crate::random::Random;
use crate::settings::Settings;
use crate::time::DAY;

/// The life of an access token in milliseconds.
const ACCESS_LIFE: u64 = 3_600_000;
/// The life of a refresh token in milliseconds.
const REFRESH_LIFE: u64 = 180 * DAY;

/// The application that is installed on the portal.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Application {
    /// Its public name at the OAuth server.
    pub client_id: String,
    /// Its secret at the OAuth server.
    pub client_secret: String,
    /// The secret in the portal's notifications (F27).
    pub application_token: String,
}

impl fmt::Debug for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Application({})", self.client_id)
    }
}

/// A pair of tokens.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// Goes into each call as `auth`.
    pub access_token: String,
    /// Is exchanged for a new pair, once.
    pub refresh_token: String,
    /// When the access token ends, in seconds since the epoch.
    pub expires_at: u64,
    /// The user for whom the application acts.
    pub user: String,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tokens(of user {} until {})", self.user, self.expires_at)
    }
}

#[derive(Clone)]
struct Grant {
    user: String,
    until: u64,
}

/// What an access token is worth.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Valid(String),
    Expired,
    Unknown,
}

#[derive(Clone)]
pub(crate) struct OAuth {
    pub(crate) application: Application,
    access: BTreeMap<String, Grant>,
    refresh: BTreeMap<String, Grant>,
    codes: BTreeMap<String, String>,
}

impl OAuth {
    pub(crate) fn new(random: &mut Random) -> OAuth {
        let application = Application {
            client_id: format!("local.{}", random.code()),
            client_secret: random.code(),
            application_token: random.code(),
        };
        OAuth {
            application,
            access: BTreeMap::new(),
            refresh: BTreeMap::new(),
            codes: BTreeMap::new(),
        }
    }

    pub(crate) fn issue(&mut self, user: &str, random: &mut Random, now: u64) -> Tokens {
        let tokens = Tokens {
            access_token: random.code(),
            refresh_token: random.code(),
            expires_at: (now + ACCESS_LIFE) / 1_000,
            user: user.to_owned(),
        };
        let grant = |life| Grant { user: user.to_owned(), until: now + life };
        self.access.insert(tokens.access_token.clone(), grant(ACCESS_LIFE));
        self.refresh.insert(tokens.refresh_token.clone(), grant(REFRESH_LIFE));
        tokens
    }

    pub(crate) fn code(&mut self, user: &str, random: &mut Random) -> String {
        let code = random.code();
        self.codes.insert(code.clone(), user.to_owned());
        code
    }

    pub(crate) fn standing(&self, token: &str, now: u64) -> Standing {
        match self.access.get(token) {
            Some(grant) if now < grant.until => Standing::Valid(grant.user.clone()),
            Some(_) => Standing::Expired,
            None => Standing::Unknown,
        }
    }

    /// Ends all access tokens; they answer `expired_token` from now on.
    pub(crate) fn expire(&mut self) {
        self.access.values_mut().for_each(|grant| grant.until = 0);
    }

    /// Forgets all tokens: the application was removed or its right withdrawn.
    pub(crate) fn revoke(&mut self) {
        self.access.clear();
        self.refresh.clear();
        self.codes.clear();
    }

    /// Answers `/oauth/token/`: the user for whom a new pair is issued, or status, code and text of the error.
    pub(crate) fn grant(
        &mut self,
        params: &Php,
        now: u64,
    ) -> Result<String, (u16, &'static str, &'static str)> {
        let text = |name: &str| params.get(name).map(Php::text).unwrap_or_default();
        if text("client_id") != self.application.client_id
            || text("client_secret") != self.application.client_secret
        {
            return Err((401, "invalid_client", "Client authentication failed"));
        }
        let invalid = (400, "invalid_grant", "Invalid authorization data");
        match text("grant_type").as_str() {
            "refresh_token" => {
                let grant = self.refresh.remove(&text("refresh_token")).ok_or(invalid)?;
                if now < grant.until { Ok(grant.user) } else { Err(invalid) }
            }
            "authorization_code" => self.codes.remove(&text("code")).ok_or(invalid),
            _ => Err((400, "invalid_request", "Unknown grant_type")),
        }
    }
}

impl Tokens {
    /// The answer of the OAuth server.
    pub(crate) fn answer(&self, settings: &Settings, member: &str) -> Php {
        Php::map([
            ("access_token", Php::from(self.access_token.as_str())),
            ("expires", Php::from(self.expires_at)),
            ("expires_in", Php::Int(3_600)),
            ("scope", Php::from(settings.scopes.join(","))),
            ("domain", Php::from(settings.domain.as_str())),
            ("server_endpoint", Php::from(settings.endpoint())),
            ("client_endpoint", Php::from(settings.endpoint())),
            ("status", Php::from("L")),
            ("member_id", Php::from(member)),
            ("user_id", Php::Int(Php::from(self.user.as_str()).int())),
            ("refresh_token", Php::from(self.refresh_token.as_str())),
        ])
    }
}
