//! The machine as an object of JavaScript.

use b24_offline_core::{Config, Input, JournalContents, Status, Step, Timestamp};
use tsify::Ts;
use wasm_bindgen::prelude::*;

use crate::shape::{self, MOST};
use crate::{given, named};

/// The state machine that drains one queue, as [`b24_offline_core::Machine`] describes it. Times are
/// milliseconds since 1970.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Machine {
    inner: b24_offline_core::Machine,
}

#[wasm_bindgen]
impl Machine {
    /// Opens the machine on what the host found in its journal. The first input is `"tick"`. `seed` feeds
    /// the jitter of back-offs: the same seed and inputs give the same steps.
    ///
    /// # Errors
    /// `ConfigError` when the configuration can't work or the journal is another queue's.
    #[wasm_bindgen(constructor)]
    pub fn new(
        config: Ts<Config>,
        journal: Ts<JournalContents>,
        seed: u64,
        now: f64,
    ) -> Result<Machine, JsValue> {
        let config = shape::config(config.js_value())?;
        let journal = shape::journal(journal.js_value())?;
        let inner = b24_offline_core::Machine::open(config, journal, seed, timestamp(now)?)
            .map_err(|error| named("ConfigError", &error.to_string()))?;
        Ok(Machine { inner })
    }

    /// Takes one input and answers with one complete step.
    ///
    /// # Errors
    /// `Misuse` when the host broke the contract; nothing has changed then.
    pub fn handle(&mut self, input: Ts<Input>, now: f64) -> Result<Ts<Step>, JsValue> {
        let (input, now) = (shape::input(input.js_value())?, timestamp(now)?);
        let step = self.inner.handle(input, now);
        given(&step.map_err(|error| named("Misuse", &error.to_string()))?)
    }

    /// How it is doing.
    ///
    /// # Errors
    /// None that a host could meet.
    pub fn status(&self) -> Result<Ts<Status>, JsValue> {
        given(&self.inner.status())
    }
}

fn timestamp(millis: f64) -> Result<Timestamp, JsValue> {
    if !(0.0..=MOST).contains(&millis) {
        return Err(named("WrongShape", "a time must be milliseconds since 1970, not negative"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the range above only fractions are cut off"
    )]
    let whole = millis as u64;
    Ok(Timestamp(whole))
}
