//! When to look at the queue, and for how much.

use super::Reserve;
use crate::view::{Frame, Sink, View};

impl View for Reserve {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Reserve {
            size,
            most,
            adapts: _,
            within,
            backlog,
            poll_at,
            nudged,
            // tells only how far the next look is
            idle: _,
            after_sweep,
            // compared where a run ends by itself; the machine says how
            last_unknown: _,
            last_busy: _,
            last_empty: _,
            latest_empty: _,
        } = self;
        size.view(frame, to);
        most.view(frame, to);
        within.view(frame, to);
        backlog.view(frame, to);
        frame.due(*poll_at, to);
        nudged.view(frame, to);
        after_sweep.view(frame, to);
    }
}
