//! A program that drains the queue: machine, journal, user's code, and its request on its way.

use std::collections::BTreeMap;
use std::sync::Arc;

use b24_offline_core::{BatchId, CallId, Machine, Save, Wake};

use crate::invariant;
use crate::request::Request;
use crate::server::{Compare, Message, Term};
use crate::wire::Op;

/// A request on its way, and who asked.
#[derive(Debug, Clone)]
pub(crate) struct Flight {
    pub(crate) call: CallId,
    pub(crate) request: Request,
}

/// A change with the user's code.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) key: String,
    pub(crate) object: u8,
    pub(crate) version: u8,
}

/// A program that drains the queue.
#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    pub(crate) machine: Arc<Machine>,
    pub(crate) wake: Option<Wake>,
    pub(crate) journal: Arc<BTreeMap<String, String>>,
    pub(crate) is_durable: bool,
    pub(crate) flight: Option<Flight>,
    pub(crate) saves: Vec<Save>,
    pub(crate) batches: Vec<(BatchId, Vec<Given>)>,
    /// A `get` has an unknown outcome, and no sweep has looked since.
    pub(crate) blind: bool,
    /// Each `error` that was sent and perhaps executed.
    pub(crate) unsure: Vec<(u64, Message)>,
}

impl Consumer {
    /// Whether the object is with the user's code.
    pub(crate) fn delivers(&self, object: u8) -> bool {
        self.batches.iter().flat_map(|(_, given)| given).any(|given| given.object == object)
    }

    /// Whether the journal would drive or show the object without the portal's help.
    pub(crate) fn has_home(&self, object: u8) -> bool {
        self.journal.iter().any(|(key, value)| invariant::home(key, value) == Some(object))
    }
}

pub(crate) fn is_sweep(op: &Op) -> bool {
    let reserved = |term: &Term| matches!(term, Term::Process(Compare::Above, _));
    matches!(op, Op::List { filter, .. } if filter.iter().any(reserved))
}

pub(crate) fn note_unknown<'a>(consumer: &mut Consumer, mut ops: impl Iterator<Item = &'a Op>) {
    consumer.blind |= ops.any(Op::reserves);
}

pub(crate) fn note_errors(consumer: &mut Consumer, request: &Request) {
    for (_, op) in request.ops.iter() {
        if let Op::Error(process, messages) = op {
            let named = messages.iter().map(|message| (*process, *message));
            consumer.unsure.extend(named);
        }
    }
}
