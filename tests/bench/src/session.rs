//! What a machine was given while it drained a queue, to be given again to a machine without a portal.

use anyhow::{Context, Result, ensure};
use b24_offline_core::{
    BatchSize, Config, End, Input, JournalContents, Machine, Phase, Reply, Timestamp, Until,
};
use b24_offline_emulator::Personality;
use b24_offline_tests::scene::{DEALS, bound, config};
use b24_offline_tests::{Traces, World};
use serde::Deserialize;
use serde_json::Value;

/// No recorded drain takes longer on virtual time, in milliseconds.
const MOST: u64 = 3_600_000;

/// The inputs of one machine from its start to its end.
#[derive(Debug, Clone)]
pub struct Session {
    config: Config,
    seed: u64,
    began: Timestamp,
    /// Each with its time, in order.
    pub inputs: Vec<(Timestamp, Input)>,
    /// How many changes were drained.
    pub changes: u64,
}

#[derive(Deserialize)]
struct Opened {
    seed: u64,
    now: Timestamp,
}

impl Session {
    /// Drains so many new deals with these fields, in batches of this size.
    ///
    /// # Errors
    /// When the machine does not end with an empty queue.
    pub fn record(changes: u64, fields: &Value, batch_size: BatchSize) -> Result<Session> {
        let config = Config { until: Until::Empty, batch_size, ..config(DEALS) };
        let mut world = bound(Personality::Documented, config.clone());
        world.traces = Some(Traces::default());
        let now = world.now();
        for _ in 0..changes {
            world.portal.create("crm.deal", fields.clone(), now);
        }
        world.start();
        ensure!(world.until_ended(MOST), "the machine has not ended: {:?}", world.phase());
        ensure!(world.audit().lost.is_empty(), "something was lost");
        Session::read(config, &world, changes)
    }

    fn read(config: Config, world: &World, changes: u64) -> Result<Session> {
        let traces = world.traces.as_ref().and_then(|traces| traces.texts().first());
        let mut lines = traces.context("nothing was traced")?.lines().skip(2);
        let opened: Opened = serde_json::from_str(lines.next().context("a trace without a head")?)?;
        let mut inputs = Vec::new();
        while let (Some(now), Some(input), Some(_step)) = (lines.next(), lines.next(), lines.next())
        {
            inputs.push((serde_json::from_str(now)?, serde_json::from_str(input)?));
        }
        Ok(Session { config, seed: opened.seed, began: opened.now, inputs, changes })
    }

    /// The portal's answers.
    pub fn bodies(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().filter_map(|(_, input)| match input {
            Input::Replied { reply: Reply::Answer { body, .. }, .. } => Some(body.as_str()),
            Input::Tick
            | Input::Nudge
            | Input::Replied { .. }
            | Input::Judged { .. }
            | Input::Saved { .. }
            | Input::Write { .. }
            | Input::Redrive(_)
            | Input::Stop => None,
        })
    }

    /// Gives the inputs to a new machine and drops what it answers. Gives the machine back at its end.
    ///
    /// # Errors
    /// When the machine refuses something, or has not ended as it did then.
    pub fn replay(&self, inputs: Vec<(Timestamp, Input)>) -> Result<Machine> {
        let journal = JournalContents::default();
        let mut machine = Machine::open(self.config.clone(), journal, self.seed, self.began)?;
        for (now, input) in inputs {
            drop(machine.handle(input, now)?);
        }
        let phase = machine.status().phase;
        ensure!(phase == Phase::Ended(End::Empty), "the machine is at {phase:?}");
        Ok(machine)
    }
}

/// Parses each answer into a tree and drops it.
///
/// # Errors
/// When one is no JSON.
pub fn parse<'a>(bodies: impl Iterator<Item = &'a str>) -> Result<usize> {
    let mut parsed = 0;
    for body in bodies {
        let value: Value = serde_json::from_str(body)?;
        parsed += usize::from(value.is_object());
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_session_is_lived_again_to_its_end() {
        let session = Session::record(60, &json!({ "TITLE": "x" }), BatchSize::Fixed(50)).unwrap();
        assert!(session.bodies().count() >= 4);
        session.replay(session.inputs.clone()).unwrap();
        assert_eq!(parse(session.bodies()).unwrap(), session.bodies().count());
        let cut = session.inputs[..session.inputs.len() / 2].to_vec();
        assert!(session.replay(cut).unwrap_err().to_string().contains("the machine is at"));
    }
}
