//! What a person may want to know, typed, with one sentence each.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::id::{Connector, EventName, ObjectId};
use crate::time::Millis;

/// Something that happened. `Display` gives one sentence without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Notice {
    /// The start-up check is through.
    Ready {
        /// How many events were bound just now.
        bound: u32,
        /// How many objects an earlier run has parked.
        parked: u64,
    },
    /// The application has offline bindings on this connector that nobody asked for.
    StrangeBindings {
        /// Their events.
        events: Vec<EventName>,
    },
    /// Bindings had vanished and were bound again.
    BindingsLost {
        /// Their events.
        events: Vec<EventName>,
    },
    /// A change is parked.
    Parked {
        /// The object.
        object: ObjectId,
        /// Its idempotency key.
        key: String,
        /// How many attempts it had.
        attempts: u32,
        /// The user's reason, or the portal's.
        reason: String,
    },
    /// A change is registered with `event.offline.error` and rests.
    Registered {
        /// The object.
        object: ObjectId,
        /// Its idempotency key.
        key: String,
        /// The user's reason, or the portal's.
        reason: String,
    },
    /// An object's data could not be read.
    Unreadable {
        /// The object.
        object: ObjectId,
        /// The portal's words.
        why: String,
    },
    /// Records without an owner were adopted.
    Adopted {
        /// How many.
        records: u64,
    },
    /// The user's code failed wholly several times in a row.
    HandlerDown,
    /// The user's code works again.
    HandlerUp,
    /// The portal can't be reached, or does not answer as it should.
    BackingOff {
        /// For how long.
        delay: Millis,
        /// Why.
        why: String,
    },
    /// The portal is reached again.
    Reached,
    /// A method has used up its operating time.
    MethodLimited {
        /// The method.
        method: String,
        /// For how long.
        delay: Millis,
    },
    /// A row of the queue has a shape that can't be read; it was left where it is.
    StrangeRecord {
        /// What is wrong.
        why: String,
    },
    /// The journal was damaged.
    JournalDamaged {
        /// How many entries could not be read.
        entries: u64,
        /// Whether it may have held the only copy of something.
        resync: bool,
    },
    /// The machine ends because it can't go on.
    Failed(Failure),
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "tsify", derive(tsify::Tsify), tsify(missing_as_null))]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look, the work goes on.
    Warning,
    /// The work has stopped.
    Error,
}

impl Notice {
    /// How loud it is.
    ///
    /// ```
    /// use b24_offline_core::{Notice, Severity};
    /// assert_eq!(Notice::HandlerDown.severity(), Severity::Warning);
    /// ```
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Notice::Ready { .. } | Notice::Adopted { .. } | Notice::HandlerUp | Notice::Reached => {
                Severity::Info
            }
            Notice::StrangeBindings { .. }
            | Notice::BindingsLost { .. }
            | Notice::Parked { .. }
            | Notice::Registered { .. }
            | Notice::Unreadable { .. }
            | Notice::HandlerDown
            | Notice::BackingOff { .. }
            | Notice::MethodLimited { .. }
            | Notice::StrangeRecord { .. }
            | Notice::JournalDamaged { .. } => Severity::Warning,
            Notice::Failed(_) => Severity::Error,
        }
    }
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn ready(f: &mut fmt::Formatter<'_>, bound: u32, parked: u64) -> fmt::Result {
    match bound {
        0 => f.write_str("ready: every event is bound")?,
        _ => write!(f, "ready: {} bound now", count(u64::from(bound), "event"))?,
    }
    match parked {
        0 => Ok(()),
        1 => f.write_str("; 1 object is parked"),
        _ => write!(f, "; {parked} objects are parked"),
    }
}

fn list(events: &[EventName]) -> String {
    let mut list = String::new();
    for event in events {
        list.push_str(if list.is_empty() { "" } else { ", " });
        list.push_str(event.as_str());
    }
    list
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Ready { bound, parked } => ready(f, *bound, *parked),
            Notice::StrangeBindings { events } => write!(
                f,
                "this queue also records {}, which nobody asked for here; unbind what is not needed",
                list(events)
            ),
            Notice::BindingsLost { events } => write!(
                f,
                "full resync needed: the bindings of {} had vanished and are bound again; changes \
                 made in between were not recorded",
                list(events)
            ),
            Notice::Parked { object, key, attempts, reason } => write!(
                f,
                "parked: {object} after {} ({reason}); it is delivered again with the object's next \
                 change, or when it is redriven [{key}]",
                count(u64::from(*attempts), "attempt")
            ),
            Notice::Registered { object, key, reason } => write!(
                f,
                "registered as an error: {object} ({reason}); it rests for 60 s and is driven once \
                 more [{key}]"
            ),
            Notice::Unreadable { object, why } => write!(f, "{object} could not be read: {why}"),
            Notice::Adopted { records } => {
                write!(f, "adopted: {} of reservations without an owner", count(*records, "record"))
            }
            Notice::HandlerDown => f.write_str(
                "the handler fails every change: one at a time is tried until one succeeds",
            ),
            Notice::HandlerUp => f.write_str("the handler works again"),
            Notice::BackingOff { delay, why } => {
                let tenths = delay.0.saturating_add(50) / 100;
                write!(f, "{why}; next try in {}.{} s", tenths / 10, tenths % 10)
            }
            Notice::Reached => f.write_str("the portal answers again"),
            Notice::MethodLimited { method, delay } => write!(
                f,
                "the portal limits {method} (operating time); it waits for {} s",
                delay.0.saturating_add(500) / 1_000
            ),
            Notice::StrangeRecord { why } => {
                write!(f, "a record of the queue can't be read and was left there: {why}")
            }
            Notice::JournalDamaged { entries, resync: false } => write!(
                f,
                "the journal was damaged ({entries} entries unreadable); the sweep finds again what \
                 they named"
            ),
            Notice::JournalDamaged { entries, resync: true } => write!(
                f,
                "resync may be needed: the journal was damaged ({entries} entries unreadable) and \
                 may have held the only trace of parked objects"
            ),
            Notice::Failed(failure) => failure.fmt(f),
        }
    }
}

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
                 it a lost answer would lose changes; choose a plan that has it",
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
