//! Bindings that had vanished.

use super::Rebind;
use crate::view::{Frame, Sink, View};

impl View for Rebind {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Rebind { due, late, unseen } = self;
        due.view(frame, to);
        late.view(frame, to);
        unseen.view(frame, to);
    }
}
