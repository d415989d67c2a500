//! What `event.get` and `event.bind` say: which bindings are there, which had vanished, and since when.

use crate::check;
use crate::defect::Defect;
use crate::failure::Failure;
use crate::id::EventName;
use crate::json::Raw;
use crate::machine::{Machine, PhaseState};
use crate::notice::Notice;
use crate::ordered::Set;
use crate::time::Timestamp;

/// Bindings that had vanished.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rebind {
    /// Told, and to be bound again.
    pub(crate) due: Set<EventName>,
    /// Those of them that an `event.bind` did not surely bind at once: the gap is longer than was told.
    late: Set<EventName>,
    /// A sweep has begun, and which are there is not known since.
    pub(crate) unseen: bool,
}

impl Rebind {
    /// An `event.bind` has no answer, or was refused for now.
    pub(crate) fn missed(&mut self, event: &EventName) {
        if self.due.contains(event) {
            self.late.insert(event.clone());
        }
    }
}

impl Machine {
    pub(crate) fn bindings_known(&mut self, result: Raw<'_>) {
        let connector = self.config.connector.as_ref();
        let Some(found) = check::bindings(result, &self.config.events, connector) else {
            self.trouble("event.get", "event.get gave an answer of another shape".into());
            return;
        };
        if let (Some(bound), Some(wanted)) = (found.misspelt, self.config.connector.clone()) {
            self.fail(Failure::ConnectorSpelling { wanted, bound });
            return;
        }
        self.rebind.unseen = false;
        let checking = self.phase == PhaseState::Checking;
        if !checking && self.phase != PhaseState::Running {
            return;
        }
        if checking && !found.strange.is_empty() {
            self.notice(Notice::StrangeBindings { events: found.strange });
        }
        let there = |event: &&EventName| !found.missing.contains(event);
        let there: Vec<EventName> = self.rebind.due.iter().filter(there).cloned().collect();
        for event in there {
            self.is_bound(&event);
        }
        if !self.has(Defect::IgnoreLostBindings) {
            self.report_vanished(&found.missing);
        }
        if !checking {
            self.tell_of_outage();
        }
        if found.missing.is_empty() {
            self.ledger.set_seen(self.asked_at(), !checking);
        }
        if checking {
            self.check.missing = Some(found.missing);
            self.check_complete();
        }
    }

    /// Bindings that were there before and are not now. Told when it is seen: the answer to the new
    /// binding may be lost.
    fn report_vanished(&mut self, missing: &[EventName]) {
        let known = |event: &&EventName| {
            self.ledger.bound().contains(event) && !self.rebind.due.contains(*event)
        };
        let events: Vec<EventName> = missing.iter().filter(known).cloned().collect();
        self.rebind.due.extend(events.iter().cloned());
        self.report_lost(events);
    }

    fn report_lost(&mut self, events: Vec<EventName>) {
        if events.is_empty() {
            return;
        }
        let until = self.book.clock.wall();
        // a clock that was set back tells nothing of when that was
        let since = self.ledger.seen().filter(|since| *since <= until);
        self.notice(Notice::BindingsLost { events, since, until });
    }

    /// `event.bind` says so, in whatever words.
    pub(crate) fn bound(&mut self, event: &EventName, now: bool) {
        self.is_bound(event);
        if let Some(missing) = &mut self.check.missing {
            missing.retain(|missing| missing != event);
            if now {
                self.check.bound.push(event.clone());
            }
            if missing.is_empty() && self.phase == PhaseState::Checking {
                self.ledger.set_seen(self.asked_at(), false);
            }
        }
        self.check_complete();
    }

    fn is_bound(&mut self, event: &EventName) {
        if !self.rebind.due.remove(event) || !self.rebind.due.is_empty() {
            return;
        }
        let late = std::mem::take(&mut self.rebind.late);
        self.report_lost(late.into_iter().collect());
        if self.phase == PhaseState::Running {
            self.ledger.set_seen(self.asked_at(), false);
        }
    }

    /// When the round whose answer is at hand was sent, by the host's clock.
    fn asked_at(&self) -> Timestamp {
        let took = self.together.sent.until(self.now());
        Timestamp(self.book.clock.wall().0.saturating_sub(took.0))
    }
}

#[cfg(feature = "view")]
#[path = "view/bindings.rs"]
mod view;
