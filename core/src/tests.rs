//! Tests of parts whose own files have no room for them.

mod cycle;
pub(crate) mod deletion;
mod errors;
mod journal;
mod ledger;
mod machine;
mod round;
mod sweep;
mod words;
mod writes;

use crate::id::{ObjectId, ProcessId};
use crate::record::Key;

pub(crate) fn process(name: &str) -> ProcessId {
    ProcessId::new(name).unwrap()
}

/// The key of a deal.
pub(crate) fn deal(id: u64) -> Key {
    ObjectId::new("crm.deal", id.to_string()).into()
}
