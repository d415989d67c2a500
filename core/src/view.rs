//! The canonical view: everything of a machine that decides, and nothing else, for the comparison of two machines.
//!
//! Only the model check turns the feature `view` on (`tests/model`). A [`Sink`] takes the view as a row of
//! marked values and renames ids as it likes. Every part is taken apart without `..`, so a new field does not
//! compile before somebody has said here whether it decides.
//!
//! What is left out, and why two machines that differ only in it behave alike:
//! - sums, round numbers, the next id, what is told to people: nothing is decided by them (a run that ends by
//!   itself compares round numbers; these comparisons are in the view);
//! - randomness: it only stretches spans of time by up to a quarter;
//! - times: of each only whether it has come. Two machines may differ in which of two later moments comes
//!   first; whoever explores them must let each of them come (the model check leaps);
//! - lengths of back-offs and how often something failed in a row, where only the length depends on it;
//! - indexes that can be made anew from what is in the view;
//! - how many of twelve sweeps there were since the last that listed everything: that one is another way to the
//!   same end;
//! - the configuration and its rules: they never change.

mod parts;

use crate::clock::Moment;
use crate::config::Until;
use crate::fingerprint::Fingerprint;
use crate::id::{EventName, ObjectId, ProcessId, RecordId};
use crate::journal::{self, Decoded, JournalEntry, ObjectState};
use crate::machine::Machine;
use crate::ordered::{Map, Set};
use crate::record::Key;

/// Takes a view. Ids come marked, so that they can be renamed in the same way as the server's.
pub trait Sink {
    /// A plain number, a flag, or which of several kinds comes next.
    fn number(&mut self, number: u64);
    /// A text that is compared as it is.
    fn text(&mut self, text: &str);
    /// The ID of a record.
    fn record(&mut self, id: RecordId);
    /// A process_id; empty where a span of them begins at the least.
    fn process(&mut self, id: &str);
    /// A MESSAGE_ID.
    fn message(&mut self, id: &str);
    /// A `TIMESTAMP_X`.
    fn time(&mut self, text: &str);
    /// An object's name.
    fn object(&mut self, object: &ObjectId);
    /// What was read of an object: JSON text.
    fn data(&mut self, text: &str);
    /// The fingerprint of what was delivered of an object: that of [`of_data`].
    fn print(&mut self, print: u128);
    /// Another's reservation, and the fingerprint of its rows as they were last seen: that of [`of_rows`].
    fn watched(&mut self, id: &str, seen: Option<u128>);
    /// The id of a call, a batch or a save: of this machine alone.
    fn local(&mut self, id: u64);
    /// Items follow whose order means nothing.
    fn begin_set(&mut self);
    /// The next item of a set follows.
    fn begin_item(&mut self);
    /// The set is complete.
    fn end_set(&mut self);
}

/// By what times and rounds are judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) now: Moment,
    /// When the round on its way was sent.
    pub(crate) sent: Option<Moment>,
    /// How often the user's code has succeeded.
    pub(crate) successes: u64,
    /// Round numbers are compared at the end of an emptied queue only.
    pub(crate) ends: bool,
}

impl Frame {
    pub(crate) fn due(&self, at: Moment, to: &mut dyn Sink) {
        to.number(u64::from(at <= self.now));
    }
}

/// What has a canonical form.
pub(crate) trait View {
    fn view(&self, frame: &Frame, to: &mut dyn Sink);
}

impl Machine {
    /// Writes everything that decides, in canonical order.
    pub fn view(&self, to: &mut dyn Sink) {
        let frame = Frame {
            now: self.now(),
            sent: self.round_sent(),
            successes: self.handler.successes,
            ends: self.config.until == Until::Empty,
        };
        View::view(self, &frame, to);
    }

    /// The parked objects with their records.
    #[must_use]
    pub fn parked_objects(&self) -> Vec<(ObjectId, Vec<RecordId>)> {
        let keys = self.lane.parked_keys().into_iter();
        keys.filter_map(|key| {
            let parked = self.lane.parked(&key)?;
            Some((key.object(), parked.records.keys().copied().collect()))
        })
        .collect()
    }
}

/// The fingerprint of an object that is present.
#[must_use]
pub fn of_data(data: &str) -> Option<u128> {
    Fingerprint::of(crate::State::Present, Some(data)).map(Fingerprint::number)
}

/// The fingerprint of a reservation: ID and `TIMESTAMP_X` of its rows, by ID.
pub fn of_rows(rows: impl Iterator<Item = (RecordId, String)>) -> u128 {
    let add =
        |print: Fingerprint, (id, at): (RecordId, String)| print.and(&id.to_string()).and(&at);
    rows.fold(Fingerprint::new(), add).number()
}

/// Writes what a journal's entry means to the next machine that opens it.
pub fn journal_entry(entry: &JournalEntry, to: &mut dyn Sink) {
    let frame = Frame { now: Moment(0), sent: None, successes: 0, ends: false };
    match journal::decode(entry) {
        None => to.number(0),
        Some(Decoded::Queue(queue)) => {
            to.number(1);
            queue.view(&frame, to);
        }
        Some(Decoded::Reservation(process)) => {
            to.number(2);
            to.process(process.as_str());
        }
        Some(Decoded::Object(object)) => {
            to.number(3);
            object.view(&frame, to);
        }
    }
}

/// The object whose home an entry is: it is driven or shown from there even if the portal forgets it.
#[must_use]
pub fn home(entry: &JournalEntry) -> Option<ObjectId> {
    match journal::decode(entry)? {
        Decoded::Object(object) if object.state != ObjectState::Retrying => {
            Some(object.open()?.0.object())
        }
        Decoded::Object(_) | Decoded::Queue(_) | Decoded::Reservation(_) => None,
    }
}

impl View for bool {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        to.number(u64::from(*self));
    }
}

impl View for u32 {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        to.number(u64::from(*self));
    }
}

impl View for usize {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        to.number(*self as u64);
    }
}

impl View for EventName {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        to.text(self.as_str());
    }
}

impl View for ProcessId {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        to.process(self.as_str());
    }
}

impl View for RecordId {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        to.record(*self);
    }
}

impl<T: View> View for Option<T> {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        to.number(u64::from(self.is_some()));
        if let Some(value) = self {
            value.view(frame, to);
        }
    }
}

impl<T: View> View for Vec<T> {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        to.number(self.len() as u64);
        for value in self {
            value.view(frame, to);
        }
    }
}

impl<K: View, V: View> View for Map<K, V> {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        to.number(self.len() as u64);
        for (key, value) in self.iter() {
            key.view(frame, to);
            value.view(frame, to);
        }
    }
}

impl<T: View> View for Set<T> {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        to.number(self.len() as u64);
        for value in self.iter() {
            value.view(frame, to);
        }
    }
}

impl View for Key {
    fn view(&self, _: &Frame, to: &mut dyn Sink) {
        match self {
            Key::Object(object) => to.object(object),
            Key::Record { kind, record } => {
                to.text(kind);
                to.record(*record);
            }
        }
    }
}

/// What is ordered by an object's name: the names may be exchanged, so the order means nothing.
pub(crate) fn by_object<'a, V: View + 'a>(
    items: impl Iterator<Item = (&'a Key, &'a V)>,
    frame: &Frame,
    to: &mut dyn Sink,
) {
    to.begin_set();
    for (key, value) in items {
        to.begin_item();
        key.view(frame, to);
        value.view(frame, to);
    }
    to.end_set();
}

/// Objects in no order.
pub(crate) fn objects<'a>(keys: impl Iterator<Item = &'a Key>, frame: &Frame, to: &mut dyn Sink) {
    to.begin_set();
    for key in keys {
        to.begin_item();
        key.view(frame, to);
    }
    to.end_set();
}
