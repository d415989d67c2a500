//! What the answers of a round say together: nothing of it is left between two steps.

use super::Together;
use crate::view::{Frame, Sink, View};

impl View for Together {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Together {
            looks,
            empty: _,
            cleared: _,
            refuted: _,
            filled: _,
            looked_errored: _,
            pages,
            total: _,
            strange: _,
            sent: _,
            failed: _,
            expired: _,
            troubled: _,
        } = self;
        looks.view(frame, to);
        pages.len().view(frame, to);
    }
}
