//! Two machines on one portal, filling one other system, under one clock.

use b24_offline_core::{Config, Connector, State};
use b24_offline_emulator::{Limits, Personality, Portal, Settings};
use std::mem;

use crate::handler::Target;
use crate::world::World;

/// Two consumers of one queue. Each has a world of its own; portal and target are in the one that moves.
#[derive(Debug)]
pub struct Pair {
    worlds: [World; 2],
    here: usize,
}

impl Pair {
    /// A portal of this personality where everything that the first configuration names is bound, and two
    /// machines to be started.
    #[must_use]
    pub fn new(personality: Personality, configs: [Config; 2]) -> Pair {
        // two machines call from one address
        let settings = Settings { personality, limits: Limits::Enterprise, ..Settings::default() };
        let mut number = 0;
        let mut pair = Pair {
            worlds: configs.map(|config| {
                number += 1000;
                let mut world = World::new(settings.clone(), config);
                world.seed = number;
                world
            }),
            here: 0,
        };
        let [first, second] = &mut pair.worlds;
        second.tokens = first.portal.issue_token("1");
        let connector = first.config.connector.as_ref().map_or("", Connector::as_str).to_owned();
        for event in first.config.events.clone() {
            first.portal.bind(event.as_str(), &connector);
        }
        pair
    }

    /// The world of one of the two, with portal and target, at the present time.
    pub fn at(&mut self, which: usize) -> &mut World {
        let which = which.min(1);
        if which != self.here {
            let [first, second] = &mut self.worlds;
            mem::swap(&mut first.portal, &mut second.portal);
            mem::swap(&mut first.target, &mut second.target);
            let now = first.now.max(second.now);
            (first.now, second.now) = (now, now);
            self.here = which;
        }
        &mut self.worlds[which]
    }

    fn here(&self) -> &World {
        &self.worlds[self.here]
    }

    /// The portal.
    #[must_use]
    pub fn portal(&self) -> &Portal {
        &self.here().portal
    }

    /// The other system.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.here().target
    }

    /// What one of the two has seen; its portal and target may be elsewhere.
    #[must_use]
    pub fn seen(&self, which: usize) -> &World {
        &self.worlds[which.min(1)]
    }

    /// The time, in milliseconds since the epoch.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.worlds.iter().map(World::now).max().unwrap_or_default()
    }

    /// Starts both.
    pub fn start(&mut self) {
        self.at(0).start();
        self.at(1).start();
    }

    /// Goes on to the next thing that happens, at most until `end`; `false` when there is none.
    pub fn step(&mut self, end: u64) -> bool {
        let next = |which: usize| self.worlds[which].next().unwrap_or(u64::MAX);
        let which = usize::from(next(1) < next(0));
        self.at(which).step(end)
    }

    /// Lets so many milliseconds pass.
    pub fn pass(&mut self, millis: u64) {
        let end = self.now() + millis;
        while self.step(end) {}
    }

    /// What of this kind differs between the portal and the other system, by id.
    #[must_use]
    pub fn differing(&self, kind: &str) -> Vec<String> {
        let (portal, target) = (self.portal(), self.target());
        let differs = |id: &String| {
            let there = target.objects.get(&(kind.to_owned(), id.clone()));
            there != Some(&(State::Present, portal.version(kind, id)))
        };
        portal.object_ids(kind).into_iter().filter(differs).collect()
    }
}
