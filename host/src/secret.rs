//! Text that must never be shown.

use std::fmt;

/// A token or a client secret: `Debug` prints `…`, and there is no `Display`.
///
/// ```
/// use b24_offline::Secret;
/// let token = Secret::new("abc");
/// assert_eq!(format!("{token:?}"), "…");
/// assert_eq!(token.reveal(), "abc");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the place that sends or stores it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Replaces every secret in a text with `…`, as a portal's words may repeat what it was sent.
/// Secrets of fewer than 8 characters are left, because they could be parts of ordinary words.
pub(crate) fn without(text: &str, secrets: &[Secret]) -> String {
    secrets
        .iter()
        .filter(|secret| secret.0.len() >= 8)
        .fold(text.to_owned(), |text, secret| text.replace(secret.reveal(), "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_a_text_are_replaced() {
        let secrets = [Secret::new("canary-1234"), Secret::new("a")];
        assert_eq!(without("bad canary-1234 at a", &secrets), "bad … at a");
    }
}
