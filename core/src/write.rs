//! The user's own writes: sent with the connector on the outer call, so that they do not come back.

use crate::id::WriteId;
use crate::json::Value;
use crate::ordered::Set;
use crate::wire::request;

/// Writes that wait for a request, and those in one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writes {
    queue: Vec<Write>,
    open: Set<WriteId>,
    turns: u64,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Write {
    pub(crate) id: WriteId,
    pub(crate) method: String,
    pub(crate) params: Value,
    /// It means the same inside a batch.
    pub(crate) batched: bool,
    turn: u64,
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
        if matches!(params, Value::Object(fields) if fields.keys().any(auth)) {
            return Some("auth and auth_connector are put on the call by the host; leave them out");
        }
        None
    }

    pub(crate) fn add(&mut self, id: WriteId, method: String, params: Value) {
        self.open.insert(id);
        let batched = request::fits_a_batch(&params) && !method.eq_ignore_ascii_case("batch");
        self.turns = self.turns.saturating_add(1);
        self.queue.push(Write { id, method, params, batched, turn: self.turns });
    }

    /// The next writes for a batch, at most `most`: none overtakes an earlier one, but for those
    /// whose method is held back.
    pub(crate) fn take(&mut self, most: usize, limited: &dyn Fn(&str) -> bool) -> Vec<Write> {
        if self.is_sending() {
            return Vec::new();
        }
        let mut taken = Vec::new();
        let mut left = Vec::new();
        for write in std::mem::take(&mut self.queue) {
            let waits = limited(&write.method);
            let in_turn = left.iter().all(|earlier: &Write| limited(&earlier.method));
            if taken.len() < most && write.batched && !waits && in_turn {
                taken.push(write);
            } else {
                left.push(write);
            }
        }
        self.queue = left;
        taken
    }

    /// The next write that goes alone, when it is its turn and nothing else is on its way.
    pub(crate) fn take_alone(&mut self, limited: &dyn Fn(&str) -> bool) -> Option<Write> {
        if self.is_sending() {
            return None;
        }
        let at = self.queue.iter().position(|write| !limited(&write.method))?;
        let alone = self.queue.get(at).is_some_and(|write| !write.batched);
        alone.then(|| self.queue.remove(at))
    }

    fn is_sending(&self) -> bool {
        self.open.len() > self.queue.len()
    }

    /// It was surely not executed, and will be sent again, in its place.
    pub(crate) fn put_back(&mut self, write: Write) {
        let at = self.queue.iter().position(|other| other.turn > write.turn);
        self.queue.insert(at.unwrap_or(self.queue.len()), write);
    }

    pub(crate) fn close(&mut self, id: WriteId) {
        self.open.remove(&id);
    }

    /// Whether a write for a batch is next.
    pub(crate) fn has_next(&self, limited: &dyn Fn(&str) -> bool) -> bool {
        let next = self.queue.iter().find(|write| !limited(&write.method));
        !self.is_sending() && next.is_some_and(|write| write.batched)
    }

    /// Every open write, and whether it is on its way.
    pub(crate) fn drain(&mut self) -> Vec<(WriteId, bool)> {
        let queued: Set<WriteId> =
            std::mem::take(&mut self.queue).into_iter().map(|write| write.id).collect();
        let open = std::mem::take(&mut self.open);
        open.into_iter().map(|id| (id, !queued.contains(&id))).collect()
    }
}

#[cfg(feature = "view")]
#[path = "view/write.rs"]
mod view;
