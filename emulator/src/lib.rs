//! An emulator of a Bitrix24 portal: a pure, seeded, deterministic model of its offline-event queue and of all that
//! a client of the queue meets: methods, objects, tokens, limits, faults. No I/O, no clock, no threads.
//!
//! ```
//! use b24_offline_emulator::{Portal, Request, Settings};
//! use serde_json::json;
//!
//! let now = 1_700_000_000_000; // milliseconds since the epoch, an argument everywhere
//! let mut portal = Portal::new(Settings::default(), now);
//! let tokens = portal.issue_token("1"); // user 1 is an administrator
//! portal.bind("ONCRMDEALADD", ""); // or by the method event.bind
//! portal.create("crm.deal", json!({"TITLE": "A deal"}), now);
//!
//! let get = Request::call("event.offline.get", json!({"clear": 0, "auth": tokens.access_token}));
//! let answer = portal.handle(&get, now).json().unwrap();
//! assert_eq!(answer["result"]["events"][0]["EVENT_DATA"]["FIELDS"]["ID"], "1");
//! ```
//!
//! The facts F1 to F35 that the documentation here refers to are those of the project's protocol reference; where the
//! official documentation and the server's source differ, [`Personality`] chooses.
//!
//! # Map
//! - [`Portal`]: [`Portal::new`], [`Portal::handle`], [`Portal::advance`], [`Portal::next_event`]; people's acts
//!   [`Portal::create`], [`Portal::change`], [`Portal::delete`], [`Portal::restore`], [`Portal::record_event`],
//!   [`Portal::schedule`]; set-up of users, tokens, webhooks, bindings; [`Portal::inject`] for faults;
//!   [`Portal::delivered`], [`Portal::parked`], [`Portal::audit`], [`Portal::queue`] for judging a client.
//! - [`Settings`]: personality, plan, limits, costs. [`Request`], [`Outcome`]: what goes in and out.
//! - [`Php`]: values as the server holds them, [`unfold`] and [`fold`] for forms with brackets.
//! - [`Fault`], [`FaultKind`]: what can be made to go wrong. [`Notification`]: what the portal would send.
//! - Inside: `hit` (one HTTP request), `call` (one method), `batch`, `offline` (`event.offline.*`), `binding`, `queue`
//!   (the table), `object` (kinds, get, list, writes), `life` (from a change to the queues), `limit`, `oauth`,
//!   `schedule`, `notify`, `audit`.
//!
//! # Objects and versions
//! Kinds are named after the stem of their retrieval method: `crm.deal`, `crm.item:1220`, `tasks.task`, `user`. Each
//! object has a version that begins at 1 and grows by one with each change, deletion and restoration; it stands among
//! the object's fields as [`VERSION_FIELD`] (text) or, in kinds written in camelCase, [`VERSION_FIELD_CAMEL`]
//! (a number; a task's answers show it as `version`, as text).
//!
//! # Where the facts are silent
//! - The bucket (F29) is checked before a request is counted, so 51 requests pass at once and the 52nd is blocked; it
//!   leaks once a second, counted from the first request; a blocked request does not count.
//! - A batch that exceeds 60 s (F31) has executed the sub-call that met the limit and none after it, and what it
//!   changed is recorded.
//! - `event.offline.error` touches records with ERROR 0 alone (F16): a reserved copy with ERROR 1 stays.
//! - Of two copies that a two-step marking (F13) would bring under one key (F2), the later mark wins.
//! - A robot within the application's own call (F25) is a foreign change for the documented portal.
//! - `calendar.event.getbyid` answers `false`, `user.get`, `sonet_group.get` and `log.blogpost.get` an empty list for an
//!   object that does not exist; `tasks.task.get` answers HTTP 400 with the code `1048584`.
//! - A licence error is HTTP 403 with `WRONG_LICENSE`; only `clear=0` needs `rest_offline_extended` (F11).
//! - Sub-calls may carry their own `auth`: it is ignored, as their `auth_connector` is (F24).

mod audit;
mod batch;
mod binding;
mod call;
mod error;
mod fault;
mod hit;
mod life;
mod limit;
mod notify;
mod oauth;
mod object;
mod offline;
mod php;
mod portal;
mod queue;
mod random;
mod request;
mod schedule;
#[cfg(feature = "server")]
pub mod server;
mod settings;
mod system;
mod time;

pub use audit::{Audit, LostChange, Record, Reservation, Sight};
pub use binding::Binding;
pub use fault::{Deed, Fault, FaultKind, Intrusion, Robot, Shape};
pub use notify::Notification;
pub use oauth::{Application, Tokens};
pub use object::{VERSION_FIELD, VERSION_FIELD_CAMEL};
pub use php::{Key, Php, PhpArray, fold, unfold};
pub use portal::Portal;
pub use request::{Outcome, Request};
pub use settings::{Charge, Costs, Feature, Limits, Operating, Personality, Plan, Settings};
