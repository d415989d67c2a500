//! The user's code, and the two systems that it fills: one takes every change, one each key once.

use b24_offline_core::{Batch, Change, Judgement, Millis, State, Verdict, Verdicts};
use b24_offline_emulator::{Portal, Sight};
use std::collections::{BTreeMap, BTreeSet};

use crate::plan::Manners;
use crate::random::{Random, mix};
use crate::witness::{Object, object_of};

/// The user's code.
#[derive(Debug)]
pub(crate) struct UsersCode {
    pub(crate) manners: Manners,
    /// Every change fails.
    pub(crate) down: bool,
    random: Random,
    seed: u64,
    open: BTreeMap<u64, Open>,
    failures: BTreeMap<Object, u64>,
    /// What was shown of an object under a key, and which version that was.
    seen: BTreeMap<String, (Sight, Option<u64>)>,
    /// What each object is in a system that takes every change.
    pub(crate) target: BTreeMap<Object, (State, Option<u64>)>,
    /// The same in one that takes each idempotency key once.
    pub(crate) inbox: BTreeMap<Object, (State, Option<u64>)>,
    keys: BTreeSet<String>,
}

/// A batch in the user's code: verdicts by part.
#[derive(Debug)]
struct Open {
    batch: Batch,
    parts: BTreeMap<usize, Verdicts>,
}

/// The part that is judged when what hangs is let go.
const HUNG: usize = 9;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    Plain,
    Flaky,
    Poison,
    Throwing,
    Hanging,
}

/// What the data of a change shows.
fn sight(change: &Change) -> Sight {
    match change.state {
        State::Gone => Sight::Gone,
        State::Unread => Sight::Unread,
        State::Present => version(change).map_or(Sight::Unread, Sight::Version),
    }
}

/// The version stands among the object's fields, as text or as a number.
fn version(change: &Change) -> Option<u64> {
    let data = change.data.as_deref()?;
    let rest = ["\"VERSION\":", "\"version\":"].iter().find_map(|name| data.split_once(name))?.1;
    let rest = rest.strip_prefix('"').unwrap_or(rest);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest[..digits].parse().ok()
}

impl UsersCode {
    pub(crate) fn new(manners: Manners, seed: u64) -> UsersCode {
        UsersCode {
            manners,
            down: false,
            random: Random::new(mix(seed, 3)),
            seed,
            open: BTreeMap::new(),
            failures: BTreeMap::new(),
            seen: BTreeMap::new(),
            target: BTreeMap::new(),
            inbox: BTreeMap::new(),
            keys: BTreeSet::new(),
        }
    }

    fn nature(&self, change: &Change) -> Nature {
        let text = change.object.kind.bytes().chain(change.object.id.bytes());
        let number = text.fold(self.seed, |hash, byte| mix(hash, u64::from(byte))) % 100;
        let mut end = 0;
        let mut below = |share: u64| {
            end += share;
            number < end
        };
        if below(self.manners.hanging) {
            Nature::Hanging
        } else if below(self.manners.poison) {
            Nature::Poison
        } else if below(self.manners.throwing) {
            Nature::Throwing
        } else if below(self.manners.flaky) {
            Nature::Flaky
        } else {
            Nature::Plain
        }
    }

    /// Takes a batch; gives its parts and when each is judged.
    pub(crate) fn take(&mut self, batch: &Batch, portal: &Portal) -> Vec<(usize, u64)> {
        for change in &batch.changes {
            let version = match change.state {
                State::Present => version(change),
                State::Gone | State::Unread => {
                    portal.version(&change.object.kind, &change.object.id)
                }
            };
            self.seen.insert(change.key.clone(), (sight(change), version));
        }
        let again = Verdict::Retry { after: None };
        let whole = |verdict| Verdicts::All { verdict, except: Vec::new() };
        let throws = batch.changes.iter().any(|change| self.nature(change) == Nature::Throwing);
        let mut parts = BTreeMap::new();
        if self.down || throws {
            parts.insert(0, whole(again));
        } else {
            self.judge(batch, &mut parts);
        }
        let slowness = self.manners.slowness.max(1);
        let scheduled: Vec<usize> = parts.keys().copied().filter(|part| *part != HUNG).collect();
        self.open.insert(batch.id.0, Open { batch: batch.clone(), parts });
        let mut delay = 0;
        scheduled
            .into_iter()
            .map(|part| {
                delay += self.random.within(1, slowness);
                (part, delay)
            })
            .collect()
    }

    fn judge(&mut self, batch: &Batch, parts: &mut BTreeMap<usize, Verdicts>) {
        let mut judgements = Vec::new();
        let mut hung = Vec::new();
        for change in &batch.changes {
            let key = change.key.clone();
            match self.nature(change) {
                Nature::Hanging => hung.push(Judgement { key, verdict: Verdict::Done }),
                Nature::Poison => {
                    let reason = "no such account".to_owned();
                    judgements.push(Judgement { key, verdict: Verdict::Reject { reason } });
                }
                Nature::Flaky => {
                    let verdict = self.flaky(change);
                    judgements.push(Judgement { key, verdict });
                }
                Nature::Plain | Nature::Throwing => {
                    judgements.push(Judgement { key, verdict: Verdict::Done });
                }
            }
        }
        let halves = self.manners.halves && judgements.len() > 1;
        if halves {
            let second = judgements.split_off(judgements.len() / 2);
            parts.insert(0, Verdicts::Some(judgements));
            parts.insert(1, Verdicts::Some(second));
        } else if !judgements.is_empty() {
            parts.insert(0, Verdicts::Some(judgements));
        }
        if !hung.is_empty() {
            parts.insert(HUNG, Verdicts::Some(hung));
        }
    }

    fn flaky(&mut self, change: &Change) -> Verdict {
        let failed = self.failures.entry(object_of(change)).or_default();
        if *failed < 2 {
            *failed += 1;
            let after = self.random.once_in(3).then(|| Millis(self.random.spread(10, 60_000)));
            return Verdict::Retry { after };
        }
        *failed = self.random.below(3);
        Verdict::Done
    }

    pub(crate) fn verdicts(&self, batch: &Batch, part: usize) -> Verdicts {
        let open = self.open.get(&batch.id.0).and_then(|open| open.parts.get(&part));
        open.cloned().unwrap_or(Verdicts::Some(Vec::new()))
    }

    pub(crate) fn verdict(&self, batch: &Batch, part: usize, change: &Change) -> Option<Verdict> {
        self.open.get(&batch.id.0)?.parts.get(&part)?.of(&change.key).cloned()
    }

    pub(crate) fn over(&mut self, batch: &Batch, part: usize) {
        if let Some(open) = self.open.get_mut(&batch.id.0) {
            open.parts.remove(&part);
            if open.parts.is_empty() {
                self.open.remove(&batch.id.0);
            }
        }
    }

    /// How many changes hang.
    pub(crate) fn hanging(&self) -> usize {
        let hung = self.open.values().filter_map(|open| open.parts.get(&HUNG));
        hung.map(|verdicts| match verdicts {
            Verdicts::Some(named) => named.len(),
            Verdicts::All { .. } => 0,
        })
        .sum()
    }

    pub(crate) fn hangs(&self) -> bool {
        self.open.values().any(|open| open.parts.contains_key(&HUNG))
    }

    pub(crate) fn hanging_batches(&self) -> usize {
        self.open.values().filter(|open| open.parts.contains_key(&HUNG)).count()
    }

    /// What hangs is let go; nothing hangs any more.
    pub(crate) fn release(&mut self) -> Vec<(Batch, usize)> {
        self.manners.hanging = 0;
        let hung = self.open.values().filter(|open| open.parts.contains_key(&HUNG));
        hung.map(|open| (open.batch.clone(), HUNG)).collect()
    }

    /// The process ends.
    pub(crate) fn leave(&mut self) {
        self.open.clear();
    }

    /// Nothing fails any more; what hangs still does.
    pub(crate) fn calm(&mut self) {
        self.down = false;
        let hanging = self.manners.hanging;
        self.manners = Manners { hanging, slowness: 1_000, ..Manners::default() };
    }

    /// What was seen of the object when it was last delivered under this key.
    pub(crate) fn seen(&self, key: &str) -> Sight {
        self.seen.get(key).map_or(Sight::Unread, |(sight, _)| *sight)
    }

    /// Puts a change into the other systems; `false` when its key was there before.
    pub(crate) fn apply(&mut self, change: &Change, portal: &mut Portal, now: u64) -> bool {
        let object = object_of(change);
        let seen = self.seen.get(&change.key).and_then(|(_, version)| *version);
        let state = (change.state, seen);
        self.target.insert(object.clone(), state);
        portal.delivered(&change.object.kind, &change.object.id, sight(change), now);
        let new = self.keys.insert(change.key.clone());
        if new {
            self.inbox.insert(object, state);
        }
        new
    }

    /// Another consumer reads an object and puts it into the other system.
    pub(crate) fn apply_elsewhere(&mut self, kind: &str, id: &str, portal: &mut Portal, now: u64) {
        let version = portal.version(kind, id);
        let exists = portal.exists(kind, id);
        let state = if exists { State::Present } else { State::Gone };
        self.target.insert((kind.to_owned(), id.to_owned()), (state, version));
        let sight = match version.filter(|_| exists) {
            Some(version) => Sight::Version(version),
            None => Sight::Gone,
        };
        portal.delivered(kind, id, sight, now);
    }

    pub(crate) fn words(change: &Change) -> String {
        let events: Vec<&str> = change.events.iter().map(|event| event.as_str()).collect();
        format!(
            "{} {:?} [{}] {} attempt {} {:?}",
            change.object,
            sight(change),
            change.key,
            events.join("+"),
            change.attempt,
            change.origin
        )
    }
}
