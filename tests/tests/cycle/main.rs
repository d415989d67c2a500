//! The breaker of indirect cycles: an automation rule of the portal answers our writes with changes of its own.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod held;
mod slowed;
mod untouched;

use b24_offline_core::*;
use b24_offline_emulator::{Fault, FaultKind, Operating, Personality, Robot, Settings};
use b24_offline_tests::scene::{DEALS, all, bound_at, change, config, deals, make, nothing_lost};
use b24_offline_tests::{Script, World};
use serde_json::json;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const BOTH: [Personality; 2] = [Personality::Documented, Personality::Source];

/// A world with some deals, and everything that happened in it.
struct Scene {
    world: World,
    ids: Vec<String>,
    /// When each delivery was made, and of which object.
    deliveries: Vec<(u64, ObjectId)>,
    writes: u64,
    /// How many writes the user's code makes for each delivery of these objects.
    answers: fn(&ObjectId) -> u64,
}

impl Scene {
    fn new(personality: Personality, count: usize, set: fn(&mut Config)) -> Scene {
        let mut config = config(&format!("{DEALS} ONCRMCONTACTADD ONCRMCONTACTUPDATE"));
        config.poll = Millis(100);
        config.limits = Limits::Off;
        set(&mut config);
        let operating = Operating { limit_ms: u64::MAX, ..Operating::default() };
        let limits = match config.limits {
            Limits::Off => b24_offline_emulator::Limits::Off,
            Limits::Standard | Limits::Enterprise => b24_offline_emulator::Limits::Standard,
        };
        let settings = Settings { personality, limits, operating, ..Settings::default() };
        let mut world = bound_at(settings, config);
        let ids = deals(&mut world, count);
        let answers: fn(&ObjectId) -> u64 = |_| 1;
        Scene { world, ids, deliveries: Vec::new(), writes: 0, answers }
    }

    /// An automation rule changes each deal so many milliseconds after our write.
    fn robot(&mut self, delay_ms: u64) {
        let fields = json!({ "COMMENTS": "by a rule" });
        let robot = Robot { kind: "crm.deal".into(), times: u64::MAX, delay_ms, fields };
        self.world.portal.add_robot(robot);
    }

    fn write(&mut self, object: &ObjectId, title: &str) -> WriteId {
        self.writes += 1;
        let write = WriteId(self.writes);
        let params = json!({ "id": object.id, "fields": { "TITLE": title } }).to_string();
        let method = format!("{}.update", object.kind);
        self.world.give(Input::Write { write, method, params });
        write
    }

    /// Lets time pass; the user's code writes to what it is given.
    fn pass(&mut self, millis: u64) {
        let end = self.world.now() + millis;
        while self.step(end) {}
    }

    fn step(&mut self, end: u64) -> bool {
        let seen = self.world.deliveries.len();
        let more = self.world.step(end);
        let new: Vec<Change> = self.world.deliveries[seen..].to_vec();
        for change in new {
            self.deliveries.push((self.world.now(), change.object.clone()));
            for n in 0..(self.answers)(&change.object) {
                self.write(&change.object, &format!("{} {n}", change.key));
            }
        }
        more
    }

    fn until_ended(&mut self, most: u64) -> Option<Phase> {
        let end = self.world.now() + most;
        while !matches!(self.world.phase(), Some(Phase::Ended(_))) && self.step(end) {}
        self.world.phase()
    }

    fn deal(&self, n: usize) -> ObjectId {
        ObjectId::new("crm.deal", self.ids[n].as_str())
    }

    fn times(&self, object: &ObjectId) -> Vec<u64> {
        let of_it = self.deliveries.iter().filter(|(_, delivered)| delivered == object);
        of_it.map(|(at, _)| *at).collect()
    }

    /// The most deliveries of an object within any 20 s.
    fn densest(&self, object: &ObjectId) -> usize {
        let times = self.times(object);
        let within =
            |start: u64| times.iter().filter(|at| (start..start + 20_000).contains(*at)).count();
        times.iter().map(|start| within(*start)).max().unwrap_or(0)
    }

    /// The delays that were told of an object, rounded to seconds.
    fn told(&self, object: &ObjectId) -> Vec<u64> {
        let told = |notice: &Notice| {
            let Notice::Cycle { object: slowed, delay } = notice else { return None };
            (slowed == object).then_some((delay.0 + 500) / 1_000)
        };
        self.world.notices.iter().filter_map(told).collect()
    }

    fn results(&self, write: WriteId) -> Vec<&WriteResult> {
        let of_it = self.world.written.iter().filter(|written| written.write == write);
        of_it.map(|written| &written.result).collect()
    }

    /// Every write has exactly one result.
    fn answered_once(&self) {
        for write in 1..=self.writes {
            assert_eq!(self.results(WriteId(write)).len(), 1, "write {write}");
        }
    }
}
