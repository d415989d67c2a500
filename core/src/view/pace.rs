//! How fast.

use super::{Bucket, Method, Pace, REQUEST};
use crate::view::{Frame, Sink, View};

impl View for Pace {
    fn view(&self, frame: &Frame, to: &mut dyn Sink) {
        let Pace { bucket, back_off, failures: _, methods } = self;
        if let Some(bucket) = bucket {
            let Bucket { level: _, capacity, leak_per_ms: _, seen: _ } = bucket;
            (bucket.level_at(frame.now) + REQUEST > *capacity).view(frame, to);
        }
        back_off.is_none_or(|until| until <= frame.now).view(frame, to);
        for (name, method) in methods.iter() {
            let Method { resets_at: _, blocked_until, rests_until, failures: _ } = method;
            if blocked_until.max(rests_until).is_some_and(|until| until > frame.now) {
                to.text(name);
            }
        }
    }
}
