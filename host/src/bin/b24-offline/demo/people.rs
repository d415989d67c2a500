//! The people of the portal: what they change, decided by a seed.

use b24_offline::ObjectId;
use b24_offline_emulator::Portal;
use serde_json::{Value, json};

/// A kind of objects that people work with.
#[derive(Debug)]
pub(crate) struct Kind {
    /// As the queue names it.
    pub(crate) name: &'static str,
    /// What the names of its events begin with.
    pub(crate) stem: &'static str,
    title: &'static str,
    /// Of 100 new objects so many are of this kind.
    share: u64,
}

const fn kind(name: &'static str, stem: &'static str, title: &'static str, share: u64) -> Kind {
    Kind { name, stem, title, share }
}

pub(crate) const KINDS: [Kind; 8] = [
    kind("crm.deal", "ONCRMDEAL", "TITLE", 25),
    kind("crm.contact", "ONCRMCONTACT", "NAME", 20),
    kind("crm.lead", "ONCRMLEAD", "TITLE", 15),
    kind("crm.company", "ONCRMCOMPANY", "TITLE", 10),
    kind("crm.item:1220", "ONCRMDYNAMICITEM", "title", 10),
    kind("tasks.task", "ONTASK", "TITLE", 10),
    kind("crm.activity", "ONCRMACTIVITY", "SUBJECT", 5),
    kind("crm.quote", "ONCRMQUOTE", "TITLE", 5),
];

/// The first change of all makes this object, which the target never takes and nobody touches
/// again.
pub(crate) const REFUSED: (&str, &str) = ("crm.company", "1");

impl Kind {
    /// The events of adding, updating and deleting.
    pub(crate) fn events(&self) -> [String; 3] {
        ["ADD", "UPDATE", "DELETE"].map(|action| format!("{}{action}", self.stem))
    }
}

/// One change that was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) object: ObjectId,
    /// The object's version since.
    pub(crate) version: u64,
}

/// Makes changes until a number of them is reached. The same seed makes the same changes.
#[derive(Debug)]
pub(crate) struct People {
    random: u64,
    wanted: u64,
    made: u64,
    living: Vec<(&'static Kind, String)>,
}

impl People {
    pub(crate) fn new(seed: u64, wanted: u64) -> People {
        People { random: seed, wanted, made: 0, living: Vec::new() }
    }

    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    pub(crate) fn are_done(&self) -> bool {
        self.made == self.wanted
    }

    /// Makes the next change; nothing when all are made.
    pub(crate) fn change(&mut self, portal: &mut Portal, now: u64) -> Option<Made> {
        if self.are_done() {
            return None;
        }
        let made = match self.below(100) {
            _ if self.made == 0 => self.create_refused(portal, now),
            45..97 if self.living.len() > 50 => self.update(portal, now),
            97.. if self.living.len() > 50 => self.delete(portal, now),
            _ => self.create(portal, now),
        }?;
        self.made += 1;
        Some(made)
    }

    fn create_refused(&self, portal: &mut Portal, now: u64) -> Option<Made> {
        let (kind, id) = REFUSED;
        let fields = json!({ "ID": id, "TITLE": "A company without a customer number" });
        portal.create(kind, fields, now)?;
        Some(Made { object: ObjectId::new(kind, id), version: 1 })
    }

    fn create(&mut self, portal: &mut Portal, now: u64) -> Option<Made> {
        let mut drawn = self.below(100);
        let kind = KINDS.iter().find(|kind| {
            let fits = drawn < kind.share;
            drawn = drawn.saturating_sub(kind.share);
            fits
        })?;
        let id = portal.create(kind.name, self.fields(kind), now)?;
        self.living.push((kind, id.clone()));
        Some(Made { object: ObjectId::new(kind.name, id), version: 1 })
    }

    fn update(&mut self, portal: &mut Portal, now: u64) -> Option<Made> {
        let place = self.place();
        let (kind, id) = self.living.get(place)?.clone();
        let version = portal.change(kind.name, &id, self.fields(kind), now)?;
        Some(Made { object: ObjectId::new(kind.name, id), version })
    }

    fn delete(&mut self, portal: &mut Portal, now: u64) -> Option<Made> {
        let place = self.place();
        let (kind, id) = self.living.swap_remove(place);
        let version = portal.delete(kind.name, &id, now)?;
        Some(Made { object: ObjectId::new(kind.name, id), version })
    }

    fn fields(&self, kind: &Kind) -> Value {
        json!({ kind.title: format!("As of change {}", self.made + 1) })
    }

    /// One of the living.
    fn place(&mut self) -> usize {
        let count = u64::try_from(self.living.len()).unwrap_or(u64::MAX);
        usize::try_from(self.below(count)).unwrap_or_default()
    }

    /// A number below `bound`, by SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use b24_offline_emulator::Settings;

    use super::*;

    fn portal_after(seed: u64) -> Portal {
        let mut portal = Portal::new(Settings::default(), 0);
        KINDS.iter().flat_map(Kind::events).for_each(|event| {
            portal.bind(&event, "");
        });
        let mut people = People::new(seed, 2_000);
        while people.change(&mut portal, 0).is_some() {}
        portal
    }

    #[test]
    fn every_change_is_recorded_and_every_kind_occurs() {
        assert_eq!(KINDS.iter().map(|kind| kind.share).sum::<u64>(), 100);
        let portal = portal_after(1);
        assert_eq!(portal.audit().changes, 2_000);
        for kind in &KINDS {
            let of_kind =
                |record: &&b24_offline_emulator::Record| record.event_name.starts_with(kind.stem);
            let queue = portal.queue();
            let events: std::collections::BTreeSet<_> =
                queue.iter().filter(of_kind).map(|record| &record.event_name).collect();
            assert_eq!(events.len(), 3, "{events:?}");
        }
        assert_eq!(portal.version(REFUSED.0, REFUSED.1), Some(1));
    }

    #[test]
    fn the_seed_decides() {
        let queue = |seed| {
            let record = |record: b24_offline_emulator::Record| (record.id, record.message_id);
            portal_after(seed).queue().into_iter().map(record).collect::<Vec<_>>()
        };
        assert_eq!(queue(3), queue(3));
        assert_ne!(queue(3), queue(4));
    }
}
