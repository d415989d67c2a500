//! The objects in hand.

use super::{Entry, Lane, Reservation, Saved};
use crate::view::{Frame, Sink, View, by_object};

impl View for Lane {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // places and index are made from the entries
        let Lane { entries, placed: _, parked: _, index: _, reservations, verifies: _, broken: _ } =
            self;
        by_object(entries.iter(), frame, to);
        reservations.view(frame, to);
    }
}

impl View for Entry {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Entry { work, parked, journalled } = self;
        work.view(frame, to);
        parked.view(frame, to);
        journalled.view(frame, to);
    }
}

impl View for Reservation {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Reservation { saved, records } = self;
        match saved {
            Saved::No => to.number(0),
            Saved::Pending(save) => {
                to.number(1);
                to.local(save.0);
            }
            Saved::Yes => to.number(2),
        }
        to.number(records.len() as u64);
        for (id, changed_at) in records.iter() {
            id.view(frame, to);
            to.time(changed_at);
        }
    }
}
