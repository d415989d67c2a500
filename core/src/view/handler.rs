//! The user's code.

use super::{FAILURES, HANGS, Handler, Health, OpenBatch};
use crate::view::{Frame, Sink, View, objects};

impl View for Handler {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // when it last got something is asked of the machine
        let Handler { open, health, successes: _, last_delivered: _ } = self;
        to.number(open.len() as u64);
        for (id, batch) in open.iter() {
            to.local(id.0);
            batch.view(frame, to);
            let OpenBatch { since, .. } = batch;
            (self.is_down() && since.plus(HANGS) <= frame.now).view(frame, to);
        }
        match health {
            Health::Up { failures, objects: failed } => {
                to.number(0);
                (*failures).min(FAILURES).view(frame, to);
                objects(failed.iter(), frame, to);
            }
            Health::Down { probe, until, tries: _ } => {
                to.number(1);
                probe.view(frame, to);
                frame.due(*until, to);
            }
        }
    }
}

impl View for OpenBatch {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // the idempotency keys only pair verdicts with objects
        let OpenBatch { open, size, since: _, failed, succeeded } = self;
        objects(open.values(), frame, to);
        size.view(frame, to);
        objects(failed.iter(), frame, to);
        succeeded.view(frame, to);
    }
}
