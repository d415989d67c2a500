//! The search for reservations that nobody owns.

use super::{Gap, Run, Sweep};
use crate::view::{Frame, Sink, View};

impl View for Sweep {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Sweep { period: _, due, again, look, run, full, completed, completed_from: _ } = self;
        frame.due(*due, to);
        for at in [again, look] {
            to.number(u64::from(at.is_some()));
            if let Some(at) = at {
                frame.due(*at, to);
            }
        }
        run.view(frame, to);
        full.view(frame, to);
        // the first one is special
        (*completed > 0).view(frame, to);
    }
}

impl View for Run {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // when it began is asked of the leases
        let Run { gaps, from_round: _, began: _, everything, strange, untold: _, told: _, counted } =
            self;
        everything.view(frame, to);
        strange.view(frame, to);
        gaps.view(frame, to);
        counted.view(frame, to);
    }
}

impl View for Gap {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Gap { above, below, last, pages, done } = self;
        to.process(above);
        to.number(u64::from(below.is_some()));
        if let Some(below) = below {
            to.process(below);
        }
        to.record(*last);
        pages.view(frame, to);
        done.view(frame, to);
    }
}
