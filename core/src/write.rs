//! The user's own writes: sent with the connector on the outer call, so that they do not come back.

use crate::id::{ObjectId, WriteId};
use crate::json::Value;
use crate::ordered::Set;
use crate::outer::is_method;
use crate::wire::request;

/// Writes that wait for a request, and those in one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writes {
    queue: Vec<Write>,
    open: Set<WriteId>,
    turns: u64,
    /// A round went while a write waited that goes alone: the next request is the write's.
    pub(crate) gave_way: bool,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Write {
    pub(crate) id: WriteId,
    pub(crate) method: String,
    pub(crate) params: Value,
    /// It means the same inside a batch.
    pub(crate) batched: bool,
    /// What it changes, where that is known.
    pub(crate) object: Option<ObjectId>,
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
        if !is_method(&lower) {
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

    pub(crate) fn add(
        &mut self,
        id: WriteId,
        method: String,
        params: Value,
        object: Option<ObjectId>,
    ) {
        self.open.insert(id);
        let batched = request::fits_a_batch(&params) && !method.eq_ignore_ascii_case("batch");
        self.turns = self.turns.saturating_add(1);
        self.queue.push(Write { id, method, params, batched, object, turn: self.turns });
    }

    /// Those that wait, in their order.
    pub(crate) fn queue(&self) -> &[Write] {
        &self.queue
    }

    /// The place of the first write that does not wait and is not behind another one of its object.
    pub(crate) fn next(&self, waits: &dyn Fn(&Write) -> bool) -> Option<usize> {
        let mut earlier: Vec<&ObjectId> = Vec::new();
        self.queue.iter().position(|write| {
            let object = write.object.as_ref();
            let goes = !waits(write) && object.is_none_or(|object| !earlier.contains(&object));
            earlier.extend(object);
            goes
        })
    }

    /// Takes the write at a place that `next` gave.
    pub(crate) fn take(&mut self, at: usize) -> Option<Write> {
        (at < self.queue.len()).then(|| self.queue.remove(at))
    }

    pub(crate) fn is_sending(&self) -> bool {
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
