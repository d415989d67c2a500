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
