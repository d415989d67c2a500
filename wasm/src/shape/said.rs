//! What the machine has handed out, given back to be put into words.

use b24_offline_core::{
    Batch, BatchId, Call, CallId, Change, End, Evidence, Failure, Mode, Notice, Origin, State,
    Timestamp, WriteResult,
};
use wasm_bindgen::JsValue;

use super::fields::{Field, whole};

pub(crate) fn batch(value: JsValue) -> Result<Batch, JsValue> {
    whole(value, |batch| {
        let changes = batch.get("changes").as_list(read_change);
        Some(Batch { id: BatchId(batch.number("id")), changes })
    })
}

pub(crate) fn change(value: JsValue) -> Result<Change, JsValue> {
    whole(value, read_change)
}

fn read_change(change: &Field<'_>) -> Option<Change> {
    let states = [("present", State::Present), ("gone", State::Gone), ("unread", State::Unread)];
    let origins = [
        ("fresh", Origin::Fresh),
        ("redriven", Origin::Redriven),
        ("recovered", Origin::Recovered),
    ];
    Some(Change {
        key: change.text("key"),
        object: change.object_id("object"),
        events: change.events("events"),
        state: change.one_of("state", &states)?,
        data: change.maybe_text("data"),
        changed_at: change.text("changed_at"),
        attempt: change.small("attempt"),
        origin: change.one_of("origin", &origins)?,
    })
}

pub(crate) fn call(value: JsValue) -> Result<Call, JsValue> {
    whole(value, |call| {
        Some(Call {
            id: CallId(call.number("id")),
            method: call.text("method"),
            params: call.text("params"),
            connector: call.get("connector").if_any(Field::as_connector),
            timeout: call.millis("timeout"),
        })
    })
}

pub(crate) fn write_result(value: JsValue) -> Result<WriteResult, JsValue> {
    whole(value, |result| {
        let (name, inner) = result.variant();
        Some(match name.as_str() {
            "done" => WriteResult::Done { result: inner.text("result") },
            "refused" => WriteResult::Refused {
                code: inner.text("code"),
                description: inner.text("description"),
            },
            "not_sent" => WriteResult::NotSent { why: inner.text("why") },
            "unknown" => WriteResult::Unknown,
            other => return result.unknown(other),
        })
    })
}

pub(crate) fn end(value: JsValue) -> Result<End, JsValue> {
    whole(value, |end| {
        let (name, inner) = end.variant();
        match name.as_str() {
            "empty" => Some(End::Empty),
            "stopped" => Some(End::Stopped),
            "failed" => read_failure(&inner).map(End::Failed),
            other => end.unknown(other),
        }
    })
}

pub(crate) fn notice(value: JsValue) -> Result<Notice, JsValue> {
    whole(value, read_notice)
}

fn read_notice(notice: &Field<'_>) -> Option<Notice> {
    let why = || notice.text("why");
    Some(match notice.text("notice").as_str() {
        "ready" => Notice::Ready { bound: notice.small("bound"), parked: notice.number("parked") },
        "strange_bindings" => Notice::StrangeBindings { events: notice.events("events") },
        "bindings_lost" => Notice::BindingsLost {
            events: notice.events("events"),
            since: notice.get("since").if_any(|since| Some(Timestamp(since.as_number()))),
            until: Timestamp(notice.number("until")),
        },
        "long_absence" => Notice::LongAbsence {
            since: Timestamp(notice.number("since")),
            until: Timestamp(notice.number("until")),
        },
        "journal_missing" => Notice::JournalMissing,
        "another_consumer" => Notice::AnotherConsumer(read_evidence(notice)?),
        "mode_changed" => Notice::ModeChanged {
            mode: notice.one_of("mode", &[("reserve", Mode::Reserve), ("delete", Mode::Delete)])?,
        },
        "aged" => Notice::Aged { records: notice.number("records") },
        "cycle" => {
            Notice::Cycle { object: notice.object_id("object"), delay: notice.millis("delay") }
        }
        "parked" => Notice::Parked {
            object: notice.object_id("object"),
            key: notice.text("key"),
            attempts: notice.small("attempts"),
            reason: notice.text("reason"),
        },
        "registered" => Notice::Registered {
            object: notice.object_id("object"),
            key: notice.text("key"),
            reason: notice.text("reason"),
        },
        "unreadable" => Notice::Unreadable { object: notice.object_id("object"), why: why() },
        "adopted" => Notice::Adopted { records: notice.number("records") },
        "handler_down" => Notice::HandlerDown,
        "handler_up" => Notice::HandlerUp,
        "backing_off" => Notice::BackingOff { delay: notice.millis("delay"), why: why() },
        "reached" => Notice::Reached,
        "method_limited" => {
            Notice::MethodLimited { method: notice.text("method"), delay: notice.millis("delay") }
        }
        "strange_record" => Notice::StrangeRecord { why: why() },
        "journal_damaged" => Notice::JournalDamaged {
            entries: notice.number("entries"),
            resync: notice.flag("resync"),
        },
        "failed" => Notice::Failed(read_failure(notice)?),
        other => return notice.unknown(other),
    })
}

fn read_evidence(notice: &Field<'_>) -> Option<Evidence> {
    let records = notice.number("records");
    Some(match notice.text("evidence").as_str() {
        "reserved" => Evidence::Reserved { records },
        "cleared" => Evidence::Cleared { records },
        other => return notice.unknown(other),
    })
}

pub(crate) fn failure(value: JsValue) -> Result<Failure, JsValue> {
    whole(value, read_failure)
}

fn read_failure(failure: &Field<'_>) -> Option<Failure> {
    let why = || failure.text("why");
    let connector = |name| failure.get(name).as_connector();
    Some(match failure.text("failure").as_str() {
        "sign_in_again" => Failure::SignInAgain { why: why() },
        "webhook" => Failure::Webhook,
        "not_administrator" => Failure::NotAdministrator,
        "scope_missing" => Failure::ScopeMissing { method: failure.text("method") },
        "plan_without_reservation" => Failure::PlanWithoutReservation,
        "plan_without_connector" => {
            Failure::PlanWithoutConnector { connector: connector("connector")? }
        }
        "connector_spelling" => Failure::ConnectorSpelling {
            wanted: connector("wanted")?,
            bound: failure.text("bound"),
        },
        "unknown_event" => {
            Failure::UnknownEvent { event: failure.get("event").as_event()?, why: why() }
        }
        "not_a_portal" => Failure::NotAPortal { why: why() },
        "portal_gone" => Failure::PortalGone { why: why() },
        "journal" => Failure::Journal { why: why() },
        other => return failure.unknown(other),
    })
}
