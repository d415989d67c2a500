//! Why the machine can't go on, typed, with one sentence each.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::id::{Connector, EventName};

/// Why the machine can't go on; each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Failure {
    /// The token is unknown or its refresh was refused.
    SignInAgain {
        /// The portal's or the host's words; no secrets.
        why: String,
    },
    /// A webhook was used where only an application's token will do (F21).
    Webhook,
    /// The user of the token is no administrator (F21).
    NotAdministrator,
    /// The application lacks a permission.
    ScopeMissing {
        /// For which method.
        method: String,
    },
    /// The plan lacks `rest_offline_extended` (F11).
    PlanWithoutReservation,
    /// The plan lacks `rest_auth_connector` (F24).
    PlanWithoutConnector {
        /// The configured connector.
        connector: Connector,
    },
    /// A binding has the same connector in another spelling.
    ConnectorSpelling {
        /// The configured connector.
        wanted: Connector,
        /// The bound one.
        bound: String,
    },
    /// The portal does not know an event.
    UnknownEvent {
        /// The event.
        event: EventName,
        /// The portal's words.
        why: String,
    },
    /// What answers at the address is not a portal.
    NotAPortal {
        /// What came instead.
        why: String,
    },
    /// The portal was deleted, renamed or moved.
    PortalGone {
        /// How that was seen.
        why: String,
    },
    /// The journal can't be written.
    Journal {
        /// The host's words.
        why: String,
    },
}

impl Failure {
    /// The exit code of the `listen` programs.
    ///
    /// ```
    /// use b24_offline_core::Failure;
    /// assert_eq!(Failure::SignInAgain { why: "refused".into() }.exit_code(), 3);
    /// ```
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::NotAPortal { .. } | Failure::Journal { .. } => 1,
            Failure::Webhook | Failure::ConnectorSpelling { .. } | Failure::UnknownEvent { .. } => {
                2
            }
            Failure::SignInAgain { .. } => 3,
            Failure::NotAdministrator
            | Failure::ScopeMissing { .. }
            | Failure::PlanWithoutReservation
            | Failure::PlanWithoutConnector { .. } => 4,
            Failure::PortalGone { .. } => 6,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::SignInAgain { why } => {
                write!(f, "sign in again: {why}; nothing is lost, the next start carries on")
            }
            Failure::Webhook => f.write_str(
                "the portal refuses event.* to a webhook; use the OAuth token of an application",
            ),
            Failure::NotAdministrator => f.write_str(
                "the token's user may not use the queue; sign in as an administrator of the portal",
            ),
            Failure::ScopeMissing { method } => write!(
                f,
                "the application may not call {method}; add the missing scope to the application \
                 and sign in again"
            ),
            Failure::PlanWithoutReservation => f.write_str(
                "the portal's plan has no reservation (rest_offline_extended is off), and without \
                 it and without a durable journal changes would be lost; name a journal and the mode \
                 auto or delete, or choose a plan that has it",
            ),
            Failure::PlanWithoutConnector { connector } => write!(
                f,
                "the portal's plan has no connectors (rest_auth_connector is off); start without \
                 the connector '{connector}' or choose a plan that has them"
            ),
            Failure::ConnectorSpelling { wanted, bound } => write!(
                f,
                "the application is bound with the connector '{bound}', which differs from \
                 '{wanted}' only in spelling; use '{bound}', or unbind it first"
            ),
            Failure::UnknownEvent { event, why } => {
                write!(f, "the portal does not know the event {event} ({why}); check its name")
            }
            Failure::NotAPortal { why } => write!(
                f,
                "what answers there is not a portal's REST address ({why}); check the endpoint, it \
                 looks like https://portal.example/rest/"
            ),
            Failure::PortalGone { why } => write!(
                f,
                "the portal is gone or has moved ({why}); check its address and sign in again there"
            ),
            Failure::Journal { why } => {
                write!(f, "the journal can't be written ({why}); nothing more is reserved")
            }
        }
    }
}
