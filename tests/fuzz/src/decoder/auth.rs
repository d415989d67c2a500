//! The auth file of the native host, and the answers of its token endpoint.

use std::sync::OnceLock;

use b24_offline::{AuthError, AuthFileError, Endpoint, HttpSettings, OAuthFile};

use super::each;
use crate::dice::Dice;
use crate::feed::Feed;
use crate::spoil;
use crate::tally::Tally;
use crate::tree::Tree;

const SECRET: &str = "canary-1234-secret";

pub(super) fn file(feed: &mut Feed, tally: &mut Tally) -> Result<(), String> {
    each(feed, tally, &mut |dice| spoil::spoilt(document(), dice), &mut |input, tally| {
        let error = match tally.weigh(input.len(), || OAuthFile::check(input))? {
            Ok(()) => return Ok(true),
            Err(error) => error,
        };
        let typed = matches!(error, AuthFileError::NotJson { .. } | AuthFileError::Field { .. });
        let shown = format!("{error} {error:?}");
        if !typed || shown.contains(SECRET) || shown.len() > 1_000 {
            return Err(format!("an error of another kind: {shown}"));
        }
        Ok(false)
    })
}

pub(super) fn token(feed: &mut Feed, tally: &mut Tally) -> Result<(), String> {
    let auth = auth()?;
    each(feed, tally, &mut answer, &mut |input, tally| {
        let status = [200, 200, 200, 400, 401, 500, 503][input.len() % 7];
        let error = match tally.weigh(input.len(), || auth.take_answer(status, input))? {
            Ok(()) => return Ok(true),
            Err(error) => error,
        };
        let (AuthError::Network { why } | AuthError::SignInAgain { why }) = &error;
        let shown = format!("{error} {error:?}");
        if shown.contains(SECRET) || why.chars().count() > 400 || why.contains(char::is_control) {
            return Err(format!("an error shows too much: {shown}"));
        }
        Ok(false)
    })
}

fn document() -> Tree {
    Tree::map([
        ("access_token", Tree::text(SECRET)),
        ("refresh_token", Tree::text(SECRET)),
        ("client_id", Tree::text("local.1")),
        ("client_secret", Tree::text(SECRET)),
        ("oauth_url", Tree::text("https://oauth.example/oauth/token/")),
        ("expires_at", 1_795_000_000.into()),
        ("note", Tree::List(vec![Tree::text("kept")])),
    ])
}

fn answer(dice: &mut Dice) -> Vec<u8> {
    let value = if dice.one_in(2) {
        Tree::map([
            ("access_token", Tree::text("fresh-access-token")),
            ("refresh_token", Tree::text("fresh-refresh-token")),
            ("expires_in", 3_600.into()),
            ("scope", Tree::text("crm")),
        ])
    } else {
        let words = Tree::text(format!("wrong {SECRET}\r\n\u{1b}[2J"));
        Tree::map([("error", Tree::text("invalid_grant")), ("error_description", words)])
    };
    spoil::spoilt(value, dice)
}

/// One for all inputs: making the client takes longer than a thousand of them.
fn auth() -> Result<&'static OAuthFile, String> {
    static AUTH: OnceLock<Result<OAuthFile, String>> = OnceLock::new();
    AUTH.get_or_init(|| open().map_err(|error| error.to_string())).as_ref().map_err(String::clone)
}

fn open() -> anyhow::Result<OAuthFile> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("auth.json");
    std::fs::write(&path, document().write())?;
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let endpoint = Endpoint::parse("https://portal.example/rest/")?;
    Ok(OAuthFile::open(&path, &endpoint, &HttpSettings::default())?)
}
