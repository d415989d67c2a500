//! The user's writes.

use super::{Write, Writes};
use crate::view::{Frame, Sink, View};

impl View for Writes {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Writes { queue, open, turns: _, gave_way } = self;
        queue.view(frame, to);
        gave_way.view(frame, to);
        to.number(open.len() as u64);
        for id in open.iter() {
            to.number(id.0);
        }
    }
}

impl View for Write {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Write { id, method, params, batched, object, turn: _ } = self;
        to.number(id.0);
        to.text(method);
        to.text(&params.to_string());
        batched.view(frame, to);
        object.is_some().view(frame, to);
        if let Some(object) = object {
            to.object(object);
        }
    }
}
