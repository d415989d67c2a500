//! A pair of OAuth tokens kept in a file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Client, StatusCode};
use serde_json::{Map, Value};
use thiserror::Error;
use url::Url;

use crate::auth::{AuthError, AuthSource};
use crate::endpoint::{Endpoint, EndpointError};
use crate::http::{HttpError, HttpSettings, body, cause};
use crate::secret::Secret;

mod store;

const FIELDS: [&str; 5] =
    ["access_token", "refresh_token", "client_id", "client_secret", "oauth_url"];

/// The authorisation of an application in a JSON file: `access_token`, `refresh_token`,
/// `client_id`, `client_secret`, `oauth_url` (the address of the token endpoint), optionally
/// `expires_at` (Unix seconds); other fields are kept as they are.
///
/// A renewed pair is written back atomically with mode 0600, and the old one stays in the file
/// until then. A file that another process has renewed is taken over instead of renewing twice.
#[derive(Debug, Clone)]
pub struct OAuthFile {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    endpoint: Endpoint,
    oauth_url: Url,
    client: Client,
    max_answer: u64,
    pair: Mutex<Pair>,
    /// Held while the token endpoint is asked.
    renewing: tokio::sync::Mutex<()>,
}

/// The file's content, and whether the file already has it.
struct Pair {
    document: Map<String, Value>,
    stored: bool,
    /// The tokens of the pair before this one: calls with them may still be under way.
    previous: Vec<Secret>,
}

impl Pair {
    /// Makes the document's pair the previous one.
    fn remember(&mut self) {
        let fields = ["access_token", "refresh_token"];
        self.previous = fields.map(|field| Secret::new(text(&self.document, field))).to_vec();
    }
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pair {{ stored: {} }}", self.stored)
    }
}

/// An auth file that is not used, in a sentence that says why and what to do.
#[derive(Debug, Error)]
pub enum AuthFileError {
    /// Missing or unreadable.
    #[error("the auth file {path} can't be read ({why}); name the JSON file with the tokens")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        why: std::io::Error,
    },
    /// A folder, or something else that is no file.
    #[error("the auth file {path} is no file; name the JSON file with the tokens")]
    NoFile {
        /// What was named.
        path: PathBuf,
    },
    /// Every user of the machine may read the tokens.
    #[error(
        "the auth file {path} is open to every user of this machine; close it with: \
         chmod 600 '{path}'"
    )]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// Not a JSON object.
    #[error(
        "the auth file {path} is not a JSON object (see line {line}, column {column}); it needs {}",
        FIELDS.join(", ")
    )]
    NotJson {
        /// The file.
        path: PathBuf,
        /// Where the reader stopped, from 1.
        line: usize,
        /// Where in that line, from 1.
        column: usize,
    },
    /// A field is missing, empty or no text.
    #[error("the auth file {path} lacks the field '{field}', which must be a text; add it")]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: &'static str,
    },
    /// The address of the token endpoint can't be used.
    #[error("the auth file {path}: {why}")]
    OAuthUrl {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: EndpointError,
    },
    /// HTTP can't be spoken.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl OAuthFile {
    /// Reads the file for the application's portal at `endpoint`.
    ///
    /// # Errors
    /// [`AuthFileError`] when the file is missing, no file, unreadable, open to all users (on Unix), without
    /// one of its fields, or names a token endpoint that would leak the secrets.
    ///
    /// ```
    /// use b24_offline::{AuthSource, Endpoint, HttpSettings, OAuthFile};
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("auth.json");
    /// # std::fs::write(&path, r#"{"access_token": "a", "refresh_token": "r", "client_id": "i",
    /// #    "client_secret": "s", "oauth_url": "https://oauth.example/oauth/token/"}"#).unwrap();
    /// # #[cfg(unix)]
    /// # std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    /// let endpoint = Endpoint::parse("https://portal.example/rest/").unwrap();
    /// let auth = OAuthFile::open(&path, &endpoint, &HttpSettings::default()).unwrap();
    /// assert_eq!(auth.base_url().as_str(), "https://portal.example/rest/");
    /// ```
    pub fn open(
        path: impl AsRef<Path>,
        endpoint: &Endpoint,
        http: &HttpSettings,
    ) -> Result<OAuthFile, AuthFileError> {
        let given = path.as_ref();
        // a link stays a link: the file that it names is the one replaced
        let path = given
            .canonicalize()
            .map_err(|why| AuthFileError::Unreadable { path: given.to_owned(), why })?;
        let document = store::read(&path)?;
        let oauth_url = endpoint
            .sibling(text(&document, "oauth_url"), "oauth_url")
            .map_err(|why| AuthFileError::OAuthUrl { path: path.clone(), why })?;
        let client = http.client(&oauth_url)?;
        let pair = Mutex::new(Pair { document, stored: true, previous: Vec::new() });
        let (endpoint, max_answer) = (endpoint.clone(), http.max_answer);
        let renewing = tokio::sync::Mutex::default();
        let inner = Inner { path, endpoint, oauth_url, client, max_answer, pair, renewing };
        Ok(OAuthFile { inner: Arc::new(inner) })
    }

    /// Replaces the tokens, those before the last renewal too, and the client secret in a text that
    /// is to be shown, should a portal have repeated them.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.inner.redact(text)
    }
}

impl AuthSource for OAuthFile {
    fn base_url(&self) -> &Url {
        self.inner.endpoint.url()
    }

    async fn token(&self) -> Result<Secret, AuthError> {
        if !self.inner.pair().stored {
            self.inner.clone().store().await?;
        }
        Ok(Secret::new(text(&self.inner.pair().document, "access_token")))
    }

    async fn refresh(&self) -> Result<(), AuthError> {
        // on its own, so that a caller that gives up does not lose a pair that was just made
        let stale = text(&self.inner.pair().document, "access_token").to_owned();
        let renewal = tokio::spawn(self.inner.clone().renew(stale));
        let stopped = |_| AuthError::Network { why: "the token's renewal was stopped".into() };
        renewal.await.map_err(stopped)?
    }

    async fn settled(&self) {
        let _turn = self.inner.renewing.lock().await;
    }
}

impl Inner {
    fn pair(&self) -> MutexGuard<'_, Pair> {
        self.pair.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn redact(&self, shown: &str) -> String {
        let pair = self.pair();
        let hidden = ["access_token", "refresh_token", "client_secret"];
        let mut secrets = pair.previous.clone();
        secrets.extend(hidden.map(|field| Secret::new(text(&pair.document, field))));
        let secrets: Vec<&str> = secrets.iter().map(Secret::reveal).collect();
        b24_offline_core::without_secrets(shown, &secrets)
    }

    async fn renew(self: Arc<Self>, stale: String) -> Result<(), AuthError> {
        let _turn = self.renewing.lock().await;
        let renewed = text(&self.pair().document, "access_token") != stale;
        if renewed || self.taken_over() {
            return Ok(());
        }
        match self.ask().await {
            Ok(answer) => {
                self.take(answer);
                self.clone().store().await
            }
            // two processes may have used the same refresh token: the other one has the new pair
            Err(AuthError::SignInAgain { .. }) if self.taken_over() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes the file's pair if it is another one than ours.
    fn taken_over(&self) -> bool {
        let Ok(document) = store::read(&self.path) else { return false };
        let mut pair = self.pair();
        let other =
            pair.stored && text(&document, "access_token") != text(&pair.document, "access_token");
        if other {
            pair.remember();
            pair.document = document;
        }
        other
    }

    async fn ask(&self) -> Result<Map<String, Value>, AuthError> {
        let network = not_renewed;
        let response = self.client.post(self.oauth_url.clone());
        let response = response
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .timeout(std::time::Duration::from_secs(60))
            .body(self.form())
            .send()
            .await
            .map_err(|error| network(cause(&error.without_url())))?;
        let status = response.status();
        let body = body(response, self.max_answer)
            .await
            .map_err(|_| network("the answer was cut or too large".into()))?;
        self.answered(status, &body)
    }

    /// A renewed pair, or what the token endpoint says instead.
    fn answered(&self, status: StatusCode, body: &[u8]) -> Result<Map<String, Value>, AuthError> {
        let answer = match serde_json::from_slice::<Map<String, Value>>(body) {
            Ok(answer) if !text(&answer, "access_token").is_empty() => return Ok(answer),
            Ok(answer) => answer,
            Err(_) => return Err(not_renewed(format!("HTTP {} without JSON", status.as_u16()))),
        };
        let (code, words) = (text(&answer, "error"), text(&answer, "error_description"));
        let why = self.redact(&format!("{code} {words}")).replace(char::is_control, " ");
        let why: String = why.trim().chars().take(300).collect();
        let for_now = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
        if for_now || code.is_empty() {
            return Err(not_renewed(format!("HTTP {} {why}", status.as_u16()).trim().to_owned()));
        }
        Err(AuthError::SignInAgain { why: format!("the renewal of the token was refused: {why}") })
    }

    fn form(&self) -> String {
        let pair = self.pair();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token");
        for field in ["client_id", "client_secret", "refresh_token"] {
            form.append_pair(field, text(&pair.document, field));
        }
        form.finish()
    }

    fn take(&self, answer: Map<String, Value>) {
        let mut pair = self.pair();
        pair.remember();
        for field in ["access_token", "refresh_token"] {
            if !text(&answer, field).is_empty() {
                pair.document.insert(field.into(), text(&answer, field).into());
            }
        }
        let lives = answer.get("expires_in");
        let lives = lives.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok()));
        match lives {
            Some(seconds) => {
                let expires_at = unix_seconds().saturating_add(seconds);
                pair.document.insert("expires_at".into(), expires_at.into());
            }
            None => {
                pair.document.remove("expires_at");
            }
        }
        pair.stored = false;
    }

    async fn store(self: Arc<Self>) -> Result<(), AuthError> {
        let work = tokio::task::spawn_blocking(move || {
            let mut pair = self.pair();
            let outcome = store::write(&self.path, &pair.document);
            pair.stored = outcome.is_ok();
            outcome.map_err(|error| AuthError::Network {
                why: format!(
                    "the renewed token can't be stored in {} ({error}); make room or make its \
                     folder writable",
                    self.path.display()
                ),
            })
        });
        let stopped = |_| AuthError::Network { why: "storing the token was stopped".into() };
        work.await.map_err(stopped)?
    }
}

/// What the fuzzing of the decoders needs; no part of the interface.
#[cfg(feature = "fuzz")]
#[doc(hidden)]
impl OAuthFile {
    /// Reads what an auth file holds.
    pub fn check(content: &[u8]) -> Result<(), AuthFileError> {
        store::parse(Path::new("auth.json"), content).map(drop)
    }

    /// Takes what the token endpoint answered, without storing it.
    pub fn take_answer(&self, status: u16, body: &[u8]) -> Result<(), AuthError> {
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let answer = self.inner.answered(status, body)?;
        self.inner.take(answer);
        Ok(())
    }
}

fn not_renewed(why: String) -> AuthError {
    AuthError::Network { why: format!("the token could not be renewed ({why})") }
}

fn text<'a>(document: &'a Map<String, Value>, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
