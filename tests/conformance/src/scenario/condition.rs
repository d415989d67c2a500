//! What a step waits for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::step::WITHIN;

/// What is waited for: all that is named has to hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Condition {
    /// At least so many changes were given to a handler or printed.
    pub handed: Option<usize>,
    /// At least so many changes are done.
    pub done: Option<usize>,
    /// At least so many handlers wait at gates.
    pub holding: Option<usize>,
    /// The portal's table has exactly so many records.
    pub records: Option<usize>,
    /// At least so many records are reserved.
    pub reserved: Option<u64>,
    /// Exactly so many events are bound.
    pub bound: Option<usize>,
    /// At least so many objects were announced as parked.
    pub parked: Option<usize>,
    /// A line on standard error has this text.
    pub notice: Option<String>,
    /// At least so many calls of methods have arrived, alone or in batches.
    pub calls: BTreeMap<String, u64>,
    /// Whether each fault has struck.
    pub faults_struck: bool,
    /// Seconds after which the test has failed.
    pub within: u64,
}

impl Default for Condition {
    fn default() -> Condition {
        Condition {
            handed: None,
            done: None,
            holding: None,
            records: None,
            reserved: None,
            bound: None,
            parked: None,
            notice: None,
            calls: BTreeMap::new(),
            faults_struck: false,
            within: WITHIN,
        }
    }
}
