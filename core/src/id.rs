//! Newtypes for everything that names something, so that no id can be mistaken for another.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::error::InvalidValue;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        #[cfg_attr(feature = "tsify", derive(tsify::Tsify))]
        pub struct $name(pub u64);

        #[cfg(feature = "uniffi")]
        uniffi::custom_newtype!($name, u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// Pairs an [`Effect::Call`](crate::Effect::Call) with its [`Input::Replied`](crate::Input::Replied).
    CallId
);
number_id!(
    /// Pairs an [`Effect::Deliver`](crate::Effect::Deliver) with its [`Input::Judged`](crate::Input::Judged).
    BatchId
);
number_id!(
    /// Pairs an [`Effect::Save`](crate::Effect::Save) with its [`Input::Saved`](crate::Input::Saved).
    SaveId
);
number_id!(
    /// Pairs an [`Input::Write`](crate::Input::Write) with its [`Effect::Written`](crate::Effect::Written).
    /// The host chooses it; it must not be in use by another open write.
    WriteId
);
number_id!(
    /// The `ID` of a record in the queue: unique in a portal, kept while the record is free and
    /// while it is reserved (F2).
    RecordId
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "tsify", derive(tsify::Tsify))]
        pub struct $name(String);

        #[cfg(feature = "uniffi")]
        uniffi::custom_type!($name, String);

        impl $name {
            /// Checks the text and wraps it.
            ///
            /// # Errors
            /// [`InvalidValue`] when the text is outside the range that the type's page gives.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidValue> {
                let text = text.into();
                let check: fn(String) -> Result<String, InvalidValue> = $check;
                check(text).map($name)
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidValue;
            fn try_from(text: String) -> Result<Self, InvalidValue> {
                $name::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// The id of a reservation: 32 characters made by the portal (F7). Never empty, because an
    /// empty `process_id` means the whole free queue (F8, F15).
    ProcessId,
    |text| {
        if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
            return Err(InvalidValue::ProcessId);
        }
        Ok(text)
    }
);
text_id!(
    /// `MESSAGE_ID` of a record: names the object and the event, not one change (F1).
    MessageId,
    |text| {
        if text.is_empty() || text.len() > 128 || text.chars().any(char::is_control) {
            return Err(InvalidValue::MessageId);
        }
        Ok(text)
    }
);
text_id!(
    /// The source key of a queue (`auth_connector`, F23): 1 to 255 bytes, no control characters,
    /// no white space at either end.
    ///
    /// ```
    /// use b24_offline_core::Connector;
    /// assert!(Connector::new("warehouse").is_ok());
    /// assert!(Connector::new("").is_err());
    /// ```
    Connector,
    |text| {
        if text.is_empty() {
            return Err(InvalidValue::ConnectorEmpty);
        }
        if text.len() > 255 {
            return Err(InvalidValue::ConnectorTooLong { bytes: text.len() });
        }
        if text.chars().any(char::is_control) || text.trim().len() != text.len() {
            return Err(InvalidValue::ConnectorCharacters);
        }
        Ok(text)
    }
);
text_id!(
    /// The name of an event, in upper case as the portal writes it (F3): ASCII letters, digits and
    /// `_`, at most 100 characters. Lower case is accepted and raised.
    ///
    /// ```
    /// use b24_offline_core::EventName;
    /// assert_eq!(EventName::new("OnCrmDealUpdate").unwrap().as_str(), "ONCRMDEALUPDATE");
    /// ```
    EventName,
    |text| {
        let fits = !text.is_empty()
            && text.len() <= 100
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'.'));
        if !fits {
            return Err(InvalidValue::EventName { text: text.chars().take(100).collect() });
        }
        if text.eq_ignore_ascii_case("ONOFFLINEEVENT") {
            return Err(InvalidValue::EventOfTheQueue);
        }
        Ok(text.to_ascii_uppercase())
    }
);

/// An object of the portal: the stem of its retrieval method and its id.
///
/// `kind` is for example `crm.deal`, `crm.item:1220` for an item of the dynamic type 1220, or the
/// event's own name where no rule knows how to read the object; `id` is empty there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct ObjectId {
    /// The stem of the retrieval method.
    pub kind: String,
    /// The id as text, whatever the portal wrote it as.
    pub id: String,
}

impl ObjectId {
    /// Puts the two halves together.
    ///
    /// ```
    /// use b24_offline_core::ObjectId;
    /// assert_eq!(ObjectId::new("crm.deal", "7").to_string(), "crm.deal 7");
    /// ```
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        ObjectId { kind: kind.into(), id: id.into() }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}
