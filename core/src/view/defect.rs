//! What a defective machine remembers.

use super::Memory;
use crate::view::{Frame, Sink, View};

#[cfg(feature = "defect")]
impl View for Memory {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Memory { seen, failed, read } = self;
        to.begin_set();
        for message in seen.iter() {
            to.begin_item();
            to.message(message.as_str());
        }
        to.end_set();
        to.begin_set();
        for (message, failed) in failed.iter() {
            to.begin_item();
            to.message(message.as_str());
            failed.view(frame, to);
        }
        to.end_set();
        to.begin_set();
        for (key, (state, data)) in read.iter() {
            to.begin_item();
            key.view(frame, to);
            state.view(frame, to);
            to.data(data.as_deref().unwrap_or_default());
        }
        to.end_set();
    }
}

#[cfg(not(feature = "defect"))]
impl View for Memory {
    fn view(&self, _: &Frame, _: &mut dyn Sink) {
        let Memory {} = self;
    }
}
