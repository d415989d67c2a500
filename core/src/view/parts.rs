//! The parts that are open to the whole crate.

use super::{Frame, Sink, View};
use crate::change::State;
use crate::check::Check;
use crate::deletion::Run;
use crate::fingerprint::Fingerprint;
use crate::journal::{ObjectEntry, QueueEntry};
use crate::lane::{Parked, Stage, Tries, Way, Work};
use crate::ledger::AfterSave;
use crate::record::{EventData, Record};
use crate::retrieve::Reading;
use crate::round::{Ask, Asked, Listing, Round};
use crate::sweep::Page;

impl View for Record {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Record { id, process, message, event, changed_at, errored, deleted, kept, owner, data } =
            self;
        kept.view(frame, to);
        id.view(frame, to);
        process.view(frame, to);
        to.message(message.as_str());
        event.view(frame, to);
        to.time(changed_at);
        errored.view(frame, to);
        deleted.view(frame, to);
        owner.is_some().view(frame, to);
        if let Some(owner) = owner {
            to.text(owner);
        }
        match data {
            EventData::NotNeeded => to.number(0),
            EventData::Known(None) => to.number(1),
            EventData::Known(Some(data)) => {
                to.number(2);
                to.text(data);
            }
            EventData::ToBeListed => to.number(3),
        }
    }
}

impl View for Parked {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Parked { records, attempts } = self;
        records.view(frame, to);
        attempts.view(frame, to);
    }
}

impl View for Work {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Work {
            records,
            later,
            stage,
            tries,
            origin,
            way,
            registered,
            rested_by,
            delivered,
            // only a part of the idempotency key
            overtaken: _,
            done,
            differed,
        } = self;
        delivered.view(frame, to);
        done.view(frame, to);
        // from the second on only the delay grows
        (*differed).min(2).view(frame, to);
        records.view(frame, to);
        later.view(frame, to);
        stage.view(frame, to);
        tries.view(frame, to);
        to.number(*origin as u64);
        matches!(way, Way::One).view(frame, to);
        registered.view(frame, to);
        // whether a look that is on its way began after the rest
        let rested = *stage == Stage::Looking && frame.sent.is_some_and(|sent| *rested_by <= sent);
        rested.view(frame, to);
    }
}

impl View for Tries {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Tries { failed, most, unreadable, strikes, suspect, suspect_since, companions } = self;
        for number in [failed, most, unreadable, strikes, companions] {
            number.view(frame, to);
        }
        // failures before the last success are never looked at again
        let counts = *suspect_since == frame.successes;
        to.number(if counts { u64::from(*suspect) } else { 0 });
    }
}

impl View for State {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        to.number(*self as u64);
    }
}

impl View for Stage {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        match self {
            Stage::Unread => to.number(0),
            Stage::Reading => to.number(1),
            Stage::Ready { state, data } => {
                to.number(2);
                state.view(frame, to);
                to.data(data.as_deref().unwrap_or_default());
            }
            Stage::Delivered(batch) => {
                to.number(3);
                to.local(batch.0);
            }
            Stage::Waiting { until } => {
                to.number(4);
                frame.due(*until, to);
            }
            Stage::Intent => to.number(5),
            Stage::ErrorDue => to.number(6),
            Stage::Resting { until } => {
                to.number(7);
                frame.due(*until, to);
            }
            Stage::Looking => to.number(8),
        }
    }
}

impl View for Check {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Check { extended, connectors, missing, bound, not_a_portal, again, refused } = self;
        refused.view(frame, to);
        extended.view(frame, to);
        connectors.view(frame, to);
        missing.view(frame, to);
        bound.view(frame, to);
        not_a_portal.is_some().view(frame, to);
        again.view(frame, to);
    }
}

impl View for QueueEntry {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // when the queue was last seen is only told
        let QueueEntry { format, portal, connector, bound, seen: _, clean } = self;
        clean.view(frame, to);
        to.number(*format);
        to.text(portal);
        to.text(connector.as_deref().unwrap_or_default());
        bound.view(frame, to);
    }
}

impl View for ObjectEntry {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let ObjectEntry { state, kind, id, attempts, records } = self;
        to.number(*state as u64);
        let id = id.clone().unwrap_or_default();
        to.object(&crate::id::ObjectId { kind: kind.clone(), id });
        attempts.view(frame, to);
        records.view(frame, to);
    }
}

impl View for AfterSave {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        match self {
            AfterSave::Reservation(process) => {
                to.number(0);
                process.view(frame, to);
            }
            AfterSave::Intent(key) => {
                to.number(1);
                key.view(frame, to);
            }
            AfterSave::Clear(records) => {
                to.number(2);
                records.view(frame, to);
            }
            AfterSave::Delete(id) => {
                to.number(3);
                id.view(frame, to);
            }
            AfterSave::Opened => to.number(4),
        }
    }
}

impl View for Page {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Page { gap, number } = self;
        gap.view(frame, to);
        number.view(frame, to);
    }
}

impl View for Reading {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        match self {
            Reading::Many { kind, keys } => {
                to.number(0);
                to.text(kind);
                keys.view(frame, to);
            }
            Reading::One { key } => {
                to.number(1);
                key.view(frame, to);
            }
            Reading::Listed { keys } => {
                to.number(2);
                keys.view(frame, to);
            }
        }
    }
}

impl View for Round {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Round { asks, number: _, sent: _ } = self;
        asks.view(frame, to);
    }
}

impl View for Asked {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // name and method follow from the place and the ask
        let Asked { name: _, method: _, ask } = self;
        ask.view(frame, to);
    }
}

impl View for Ask {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        match self {
            Ask::Feature(feature) => {
                to.number(0);
                to.number(*feature as u64);
            }
            Ask::Bindings => to.number(1),
            Ask::Bind(event) => {
                to.number(2);
                event.view(frame, to);
            }
            Ask::Clear { process, ids } => {
                to.number(3);
                process.view(frame, to);
                ids.view(frame, to);
            }
            Ask::Error { key, process, messages } => {
                to.number(4);
                key.view(frame, to);
                process.view(frame, to);
                for message in messages {
                    to.message(message.as_str());
                }
            }
            Ask::Write(write) => {
                to.number(5);
                write.view(frame, to);
            }
            Ask::Read(reading) => {
                to.number(6);
                reading.view(frame, to);
            }
            Ask::Get { side, limit } => {
                to.number(7);
                to.number(*side as u64);
                limit.view(frame, to);
            }
            Ask::Lag => to.number(8),
            Ask::Sweep(page) => {
                to.number(9);
                page.view(frame, to);
            }
            Ask::List(listing) => {
                to.number(10);
                listing.view(frame, to);
            }
            Ask::Delete(run) => {
                to.number(12);
                run.view(frame, to);
            }
            Ask::Probe { process, ids } => {
                to.number(13);
                process.view(frame, to);
                ids.view(frame, to);
            }
        }
    }
}

impl View for Run {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Run { side, first, last } = self;
        to.number(*side as u64);
        first.view(frame, to);
        last.view(frame, to);
    }
}

impl View for Fingerprint {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        to.print(self.number());
    }
}

impl View for Listing {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        match self {
            Listing::Lane { side, page, limit } => {
                to.number(0);
                to.number(*side as u64);
                page.view(frame, to);
                limit.view(frame, to);
            }
            Listing::Oldest { page } => {
                to.number(1);
                page.view(frame, to);
            }
        }
    }
}
