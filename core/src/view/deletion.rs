//! Records on their way out of the queue.

use super::{Deletion, Listed, Unsure};
use crate::view::{Frame, Sink, View};

impl View for Deletion {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // rows that can't be read are only told of, and a portal that does not do what it says is not modelled
        let Deletion {
            listed,
            unsure,
            checked,
            many,
            strange: _,
            gone: _,
            returned: _,
            rested: _,
            rests_until: _,
        } = self;
        to.number(listed.len() as u64);
        for (id, Listed { key, record, stage }) in listed.iter() {
            id.view(frame, to);
            key.view(frame, to);
            record.view(frame, to);
            to.number(*stage as u64);
        }
        to.number(unsure.len() as u64);
        for (id, Unsure { key, record, until }) in unsure.iter() {
            id.view(frame, to);
            key.view(frame, to);
            record.view(frame, to);
            frame.due(*until, to);
        }
        checked.is_some().view(frame, to);
        frame.due(self.holds_until(), to);
        many.view(frame, to);
    }
}
