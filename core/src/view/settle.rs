//! What is to be cleared.

use super::Settle;
use crate::view::{Frame, Sink, View};

impl View for Settle {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        // whether it is due is asked of the machine
        let Settle { due, since, proven } = self;
        to.number(due.len() as u64);
        for (process, ids) in due.iter() {
            process.view(frame, to);
            to.number(ids.len() as u64);
            for (id, changed_at) in ids.iter() {
                id.view(frame, to);
                to.time(changed_at);
            }
        }
        since.is_some().view(frame, to);
        proven.view(frame, to);
    }
}
