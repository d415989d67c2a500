//! What is seen of calls and answers.

use b24_offline_core::{Call, Reply};
use b24_offline_emulator::Outcome;
use std::collections::BTreeSet;

use super::{PAUSE, REST, Witness, is_clean};
use crate::journal::Journal;
use crate::law::Law;
use crate::marks::Mark;
use crate::wire::{Digest, Named};

impl Witness {
    /// A call is handed out.
    pub(crate) fn called(
        &mut self,
        call: &Call,
        digest: &Digest,
        journal: Option<&Journal>,
        now: u64,
    ) {
        if digest.reserving() > 0 && self.unknown_since.is_some() {
            self.broken(Law::LateSafe, "a get was repeated before a sweep had looked");
        }
        if now < self.paused_until {
            self.broken(Law::Polite, "a request followed a refused one at once");
        }
        let method = |name: &String| self.limited.get(name).is_some_and(|until| now < *until);
        let early = digest.methods.iter().chain([&call.method]).find(|name| method(name)).cloned();
        if let Some(name) = early {
            self.broken(
                Law::Polite,
                format!("{name} was called before its operating time was over"),
            );
        }
        for deletion in &digest.deletions {
            self.deletes(*deletion, journal);
        }
        for clear in &digest.clears {
            self.clears(clear, journal);
        }
        for error in &digest.errors {
            self.errs(error, journal, now);
        }
        for write in &digest.written {
            if !self.once.insert(write.clone()) {
                self.broken(Law::LateSafe, format!("the write {write} was sent twice"));
            }
        }
    }

    pub(super) fn deletes(
        &mut self,
        deletion: (Option<u64>, Option<u64>),
        journal: Option<&Journal>,
    ) {
        let (Some(first), Some(last)) = deletion else {
            self.broken(Law::ClearByName, format!("a deletion without both bounds: {deletion:?}"));
            return;
        };
        self.marks.met(Mark::Deletion);
        let unknown = |id: &u64| !journal.is_some_and(|journal| journal.names(*id));
        if let Some(id) = (first..=last).find(unknown) {
            let what = format!("record {id} was deleted before the journal knew it");
            self.broken(Law::NoEarlyDelete, what);
        }
    }

    pub(super) fn clears(&mut self, clear: &Named, journal: Option<&Journal>) {
        if clear.ids.is_empty() || !clear.messages.is_empty() || clear.process.is_empty() {
            self.broken(Law::ClearByName, format!("a clear of {} names no ids", clear.process));
        }
        for id in &clear.ids {
            let parked = journal.is_some() && self.parked.values().any(|ids| ids.contains(id));
            if !self.judged.contains(id) && !parked {
                self.broken(Law::NoEarlyDelete, format!("record {id} was cleared and never done"));
            }
        }
    }

    pub(super) fn errs(&mut self, error: &Named, journal: Option<&Journal>, now: u64) {
        if error.messages.is_empty() || error.process.is_empty() {
            self.broken(Law::ClearByName, "an error names no records");
        }
        let messages: BTreeSet<&String> = error.messages.iter().collect();
        for message in messages {
            let Some(object) = journal.and_then(|journal| journal.registered(message)) else {
                self.broken(Law::WriteAhead, "an error was sent before its intent was durable");
                return;
            };
            self.rests.insert(object.to_owned(), now + REST);
            if !self.once.insert(format!("{} {message}", error.process)) {
                self.broken(Law::LateSafe, format!("the error of {object} was sent twice"));
            }
        }
    }

    /// A call met the portal, or did not.
    pub(crate) fn met(&mut self, digest: &Digest, outcome: &Outcome) {
        let lost = match outcome {
            Outcome::NoAnswer { executed, .. } => *executed,
            Outcome::CutBody { .. } | Outcome::Giant { .. } => true,
            Outcome::Answer { .. } | Outcome::Refused => false,
        };
        if lost {
            let asked = [
                (Mark::GetLost, digest.reserving() > 0),
                (Mark::DeletionLost, !digest.deletions.is_empty()),
                (Mark::ClearLost, !digest.clears.is_empty()),
                (Mark::ErrorLost, !digest.errors.is_empty()),
                (Mark::SweepLost, digest.sweeps > 0),
                (Mark::ReadLost, digest.reads > 0),
                (Mark::WriteLost, digest.writes > 0),
                (Mark::BindLost, digest.binds > 0),
            ];
            asked.into_iter().for_each(|(mark, met)| self.marks.met_if(mark, met));
        }
        match outcome {
            Outcome::CutBody { .. } => self.marks.met(Mark::CutBody),
            Outcome::Giant { .. } => self.marks.met(Mark::GiantAnswer),
            Outcome::Refused => self.marks.met(Mark::Refused),
            Outcome::Answer { status, body, .. } => {
                let html = body.starts_with('<');
                self.marks.met_if(Mark::HtmlAnswer, html);
                self.marks.met_if(Mark::CutJson, !html && !body.ends_with('}'));
                self.marks.met_if(Mark::QueryLimit, *status == 503 && body.contains("QUERY_LIMIT"));
                self.marks.met_if(Mark::Overload, *status == 503 && body.contains("OVERLOAD"));
                self.marks.met_if(Mark::OperatingBatch, *status == 429);
            }
            Outcome::NoAnswer { .. } => {}
        }
        self.marks.met_if(Mark::SweptInPages, digest.sweeps > 2 && digest.gets == 0);
    }

    /// A machine gets the answer to a call.
    pub(crate) fn answered(
        &mut self,
        call: u64,
        method: &str,
        digest: &Digest,
        reply: &Reply,
        now: u64,
    ) {
        let clean = is_clean(reply);
        let (not_sent, body) = match reply {
            Reply::NotSent(_) => (true, ""),
            Reply::Unknown { .. } => (false, ""),
            Reply::Answer { body, .. } => (false, body.as_str()),
        };
        let refused = body.starts_with("{\"error\"") && body.ends_with('}');
        if clean && digest.sweeps > 0 {
            self.swept = self.swept.max(call);
        }
        // an answer that comes after its call was given up tells nothing new
        if digest.reserving() > 0 && !clean && !not_sent && !refused {
            self.unknown_since = Some(call);
        }
        if self.unknown_since.is_some_and(|since| self.swept > since) {
            self.unknown_since = None;
        }
        if not_sent || refused || body.contains("\"error\":") {
            for named in &digest.errors {
                for message in &named.messages {
                    self.once.remove(&format!("{} {message}", named.process));
                }
            }
            for write in &digest.written {
                self.once.remove(write);
            }
        }
        if refused && body.contains("QUERY_LIMIT_EXCEEDED") {
            self.paused_until = now + PAUSE;
        }
        if body.contains("OPERATION_TIME_LIMIT") {
            self.limit(method, digest, body, now);
        }
    }

    /// The machine may have given the call up before: its answer bound it to nothing.
    pub(crate) fn in_doubt(&mut self) {
        self.paused_until = 0;
        self.limited.clear();
        self.unknown_since = None;
    }

    pub(super) fn limit(&mut self, method: &str, digest: &Digest, body: &str, now: u64) {
        let answer: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let until = now + 990;
        if answer["error"].is_string() {
            self.limited.insert(method.to_owned(), until);
            return;
        }
        let Some(errors) = answer["result"]["result_error"].as_object() else { return };
        for (name, error) in errors {
            let place = name.trim_start_matches('c').parse::<usize>().ok();
            let called = place.and_then(|place| digest.methods.get(place));
            if let (Some(called), true) = (called, error["error"] == "OPERATION_TIME_LIMIT") {
                self.marks.met(Mark::OperatingLimit);
                self.limited.insert(called.clone(), until);
            }
        }
    }
}
