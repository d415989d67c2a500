//! Makes a failing life small: happenings and settings are left out while it still fails.

use crate::law::Law;
use crate::life::live;
use crate::plan::{Happening, Manners, Plan, Settings};
use crate::world::{Keep, Maker};

/// At most so many lives are lived for it.
const MOST: u32 = 1_500;

struct Shrinker {
    maker: Maker,
    law: Law,
    lives: u32,
}

/// The smallest life found that breaks the same promise.
pub(crate) fn shrink(plan: &Plan, maker: Maker, law: Law) -> Plan {
    let mut shrinker = Shrinker { maker, law, lives: 0 };
    let mut smallest = plan.clone();
    loop {
        let before = smallest.clone();
        smallest = shrinker.fewer(smallest);
        smallest = shrinker.plainer(smallest);
        smallest = shrinker.shorter(smallest);
        if smallest == before || shrinker.lives >= MOST {
            return smallest;
        }
    }
}

impl Shrinker {
    fn fails(&mut self, plan: &Plan) -> bool {
        self.lives += 1;
        let life = live(plan, self.maker, Keep::default());
        self.lives <= MOST && life.breach.is_some_and(|breach| breach.law == self.law)
    }

    /// Leaves out happenings, many at a time first.
    fn fewer(&mut self, mut plan: Plan) -> Plan {
        let mut size = plan.happenings.len().max(1);
        while size > 0 {
            let mut from = 0;
            while from < plan.happenings.len() {
                let mut smaller = plan.clone();
                let to = (from + size).min(smaller.happenings.len());
                smaller.happenings.drain(from..to);
                if self.fails(&smaller) {
                    plan = smaller;
                } else {
                    from += size;
                }
            }
            size /= 2;
        }
        plan
    }

    /// Puts settings back to the plainest ones, one after another.
    fn plainer(&mut self, mut plan: Plan) -> Plan {
        let plain = Settings::default();
        let steps: [fn(&mut Settings, &Settings); 18] = [
            |settings, _| settings.manners = Manners::default(),
            |settings, _| settings.manners.flaky = 0,
            |settings, _| settings.manners.poison = 0,
            |settings, _| settings.manners.throwing = 0,
            |settings, _| settings.manners.hanging = 0,
            |settings, _| settings.manners.halves = false,
            |settings, _| settings.manners.slowness = 5,
            |settings, plain| settings.personality = plain.personality,
            |settings, plain| settings.retrieve = plain.retrieve,
            |settings, plain| settings.on_reject = plain.on_reject,
            |settings, plain| settings.journal = plain.journal,
            |settings, plain| settings.connector = plain.connector,
            |settings, plain| settings.size = plain.size,
            |settings, plain| settings.until_empty = plain.until_empty,
            |settings, plain| settings.operating_ms = plain.operating_ms,
            |settings, plain| settings.charge = plain.charge,
            |settings, plain| settings.disk = plain.disk,
            |settings, plain| settings.redrive = plain.redrive,
        ];
        for step in steps {
            let mut plainer = plan.clone();
            step(&mut plainer.settings, &plain);
            if plainer != plan && self.fails(&plainer) {
                plan = plainer;
            }
        }
        plan
    }

    /// Ends the life soon after the last happening, and moves happenings together.
    fn shorter(&mut self, plan: Plan) -> Plan {
        let last = plan.happenings.last().map_or(0, |happening| happening.at);
        let mut shorter = plan.clone();
        shorter.settings.span = (last + 1_000).min(plan.settings.span);
        let plan = if shorter != plan && self.fails(&shorter) { shorter } else { plan };
        let mut nearer = plan.clone();
        let half = |happening: &mut Happening| happening.at /= 2;
        nearer.happenings.iter_mut().for_each(half);
        nearer.settings.span /= 2;
        if nearer != plan && self.fails(&nearer) { nearer } else { plan }
    }
}
