//! What the journal is to know.

use super::Ledger;
use crate::view::{Frame, Sink, View, by_object};

impl View for Ledger {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Ledger {
            durability: _,
            changes,
            after,
            open,
            queue,
            inherited,
            retrying,
            // only told of
            is_new: _,
            left: _,
            is_opened,
        } = self;
        is_opened.view(frame, to);
        // both are handed out with each step
        to.number(changes.len() as u64);
        after.view(frame, to);
        to.number(open.len() as u64);
        for (save, after) in open.iter() {
            to.local(save.0);
            after.view(frame, to);
        }
        queue.view(frame, to);
        inherited.view(frame, to);
        by_object(retrying.iter(), frame, to);
    }
}
