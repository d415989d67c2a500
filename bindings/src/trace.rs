//! Inputs and steps as JSON, the same on every host: for recorded traces and for logs of what happened.

use b24_offline_core::{Config, Input, JournalContents, Step};
use serde::de::DeserializeOwned;

use crate::say::TextError;

/// An input from its JSON.
#[uniffi::export]
pub fn input_from_json(text: &str) -> Result<Input, TextError> {
    read(text)
}

/// A configuration from its JSON.
#[uniffi::export]
pub fn config_from_json(text: &str) -> Result<Config, TextError> {
    read(text)
}

/// A journal from its JSON.
#[uniffi::export]
pub fn journal_from_json(text: &str) -> Result<JournalContents, TextError> {
    read(text)
}

/// A step as JSON.
#[uniffi::export]
pub fn step_to_json(step: &Step) -> String {
    serde_json::to_string(step).unwrap_or_default()
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, TextError> {
    serde_json::from_str(text).map_err(|error| TextError::Json(error.to_string()))
}
