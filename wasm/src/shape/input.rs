//! What is given to the machine.

use b24_offline_core::{
    BatchId, CallId, Input, JournalCondition, JournalContents, JournalEntry, Judgement, Lost,
    Millis, NotSent, Redrive, Reply, SaveId, SaveOutcome, Verdict, Verdicts, WriteId,
};
use wasm_bindgen::JsValue;

use super::fields::{Field, whole};

pub(crate) fn journal(value: JsValue) -> Result<JournalContents, JsValue> {
    let conditions =
        [("intact", JournalCondition::Intact), ("salvaged", JournalCondition::Salvaged)];
    whole(value, |contents| {
        Some(JournalContents {
            entries: contents.get("entries").as_list(|entry| {
                Some(JournalEntry { key: entry.text("key"), value: entry.text("value") })
            }),
            condition: contents.one_of("condition", &conditions)?,
        })
    })
}

pub(crate) fn input(value: JsValue) -> Result<Input, JsValue> {
    whole(value, |input| {
        let (name, inner) = input.variant();
        Some(match name.as_str() {
            "tick" => Input::Tick,
            "nudge" => Input::Nudge,
            "replied" => Input::Replied {
                call: CallId(inner.number("call")),
                reply: reply(&inner.get("reply"))?,
            },
            "judged" => Input::Judged {
                batch: BatchId(inner.number("batch")),
                verdicts: read_verdicts(&inner.get("verdicts"))?,
            },
            "saved" => Input::Saved {
                save: SaveId(inner.number("save")),
                outcome: outcome(&inner.get("outcome"))?,
            },
            "write" => Input::Write {
                write: WriteId(inner.number("write")),
                method: inner.text("method"),
                params: inner.text("params"),
            },
            "redrive" => Input::Redrive(redrive(&inner)?),
            "stop" => Input::Stop,
            other => return input.unknown(other),
        })
    })
}

fn reply(field: &Field<'_>) -> Option<Reply> {
    let (name, inner) = field.variant();
    match name.as_str() {
        "answer" => Some(Reply::Answer {
            status: inner.get("status").as_status(),
            body: inner.text("body"),
        }),
        "not_sent" => not_sent(&inner).map(Reply::NotSent),
        "unknown" => {
            let ways = [
                ("timed_out", Lost::TimedOut),
                ("broken", Lost::Broken),
                ("too_large", Lost::TooLarge),
                ("not_the_portal", Lost::NotThePortal),
            ];
            inner.one_of("why", &ways).map(|why| Reply::Unknown { why })
        }
        other => field.unknown(other),
    }
}

fn not_sent(field: &Field<'_>) -> Option<NotSent> {
    let (name, inner) = field.variant();
    let why = inner.text("why");
    match name.as_str() {
        "network" => Some(NotSent::Network { why }),
        "sign_in_again" => Some(NotSent::SignInAgain { why }),
        "refused" => Some(NotSent::Refused { why }),
        other => field.unknown(other),
    }
}

fn outcome(field: &Field<'_>) -> Option<SaveOutcome> {
    let (name, inner) = field.variant();
    match name.as_str() {
        "done" => Some(SaveOutcome::Done),
        "failed" => Some(SaveOutcome::Failed { why: inner.text("why") }),
        other => field.unknown(other),
    }
}

fn redrive(field: &Field<'_>) -> Option<Redrive> {
    let (name, inner) = field.variant();
    match name.as_str() {
        "all" => Some(Redrive::All),
        "objects" => Some(Redrive::Objects(inner.as_list(|object| Some(object.as_object_id())))),
        other => field.unknown(other),
    }
}

pub(crate) fn verdicts(value: JsValue) -> Result<Verdicts, JsValue> {
    whole(value, read_verdicts)
}

fn read_verdicts(field: &Field<'_>) -> Option<Verdicts> {
    let (name, inner) = field.variant();
    match name.as_str() {
        "some" => Some(Verdicts::Some(inner.as_list(judgement))),
        "all" => Some(Verdicts::All {
            verdict: verdict(&inner.get("verdict"))?,
            except: inner.get("except").as_list(judgement),
        }),
        other => field.unknown(other),
    }
}

fn judgement(field: &Field<'_>) -> Option<Judgement> {
    Some(Judgement { key: field.text("key"), verdict: verdict(&field.get("verdict"))? })
}

fn verdict(field: &Field<'_>) -> Option<Verdict> {
    let (name, inner) = field.variant();
    match name.as_str() {
        "done" => Some(Verdict::Done),
        "retry" => {
            let after = inner.get("after").if_any(|after| Some(Millis(after.as_number())));
            Some(Verdict::Retry { after })
        }
        "reject" => Some(Verdict::Reject { reason: inner.text("reason") }),
        other => field.unknown(other),
    }
}
