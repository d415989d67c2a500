//! The user's own writes: sent with the connector on the outer call, so that they do not come back.

use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};

use crate::id::WriteId;
use crate::wire::request;

/// Writes that wait for a request, and those in one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writes {
    queue: VecDeque<Write>,
    open: BTreeSet<WriteId>,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Write {
    pub(crate) id: WriteId,
    pub(crate) method: String,
    pub(crate) params: Value,
    /// It means the same inside a batch.
    pub(crate) batched: bool,
}

impl Writes {
    pub(crate) fn is_open(&self, id: WriteId) -> bool {
        self.open.contains(&id)
    }

    pub(crate) fn open_count(&self) -> u64 {
        self.open.len() as u64
    }

    /// Why a write is refused without asking the portal.
    pub(crate) fn objection(method: &str, params: &Value) -> Option<&'static str> {
        let lower = method.to_ascii_lowercase();
        if lower.is_empty() || lower.contains(['?', '&', '#', '/', '\\', ' ']) {
            return Some("the name of the method has characters that no method has");
        }
        if lower.starts_with("event.") {
            return Some(
                "event.* belongs to the queue itself; what it does is asked for by inputs",
            );
        }
        let auth = |name: &String| {
            name.eq_ignore_ascii_case("auth") || name.eq_ignore_ascii_case("auth_connector")
        };
        if params.as_object().is_some_and(|map| map.keys().any(auth)) {
            return Some("auth and auth_connector are put on the call by the host; leave them out");
        }
        None
    }

    pub(crate) fn add(&mut self, id: WriteId, method: String, params: Value) {
        self.open.insert(id);
        let batched = request::fits_a_batch(&params) && !method.eq_ignore_ascii_case("batch");
        self.queue.push_back(Write { id, method, params, batched });
    }

    /// The next writes of one form, at most `most`, none whose method is held back.
    pub(crate) fn take(
        &mut self,
        batched: bool,
        most: usize,
        limited: impl Fn(&str) -> bool,
    ) -> Vec<Write> {
        let mut taken = Vec::new();
        let mut left = VecDeque::new();
        for write in std::mem::take(&mut self.queue) {
            if taken.len() < most && write.batched == batched && !limited(&write.method) {
                taken.push(write);
            } else {
                left.push_back(write);
            }
        }
        self.queue = left;
        taken
    }

    /// It was surely not executed, and will be sent again.
    pub(crate) fn put_back(&mut self, write: Write) {
        self.queue.push_front(write);
    }

    pub(crate) fn close(&mut self, id: WriteId) {
        self.open.remove(&id);
    }

    pub(crate) fn has_queued(&self, batched: bool, limited: impl Fn(&str) -> bool) -> bool {
        self.queue.iter().any(|write| write.batched == batched && !limited(&write.method))
    }

    /// Every open write, and whether it is on its way.
    pub(crate) fn drain(&mut self) -> Vec<(WriteId, bool)> {
        let queued: BTreeSet<WriteId> =
            std::mem::take(&mut self.queue).into_iter().map(|write| write.id).collect();
        let open = std::mem::take(&mut self.open);
        open.into_iter().map(|id| (id, !queued.contains(&id))).collect()
    }
}
