//! The map against the standard library's.

use super::*;
use crate::clock::Random;
use std::collections::BTreeMap;

/// Many turns of every change, with keys among so many, against the standard library's map.
fn is_like_a_btree(seed: u64, keys: u64, turns: u32) {
    let mut random = Random::new(seed);
    let mut map: Map<u64, u64> = Map::new();
    let mut model: BTreeMap<u64, u64> = BTreeMap::new();
    for turn in 0..turns {
        let (key, value) = (random.below(keys), random.below(1_000));
        match random.below(8) {
            0..=2 => assert_eq!(map.insert(key, value), model.insert(key, value).is_none()),
            // long ascents and descents, as records come and go
            3 if turn % 3 == 0 => {
                let more = || (key..key + 200).map(|key| (key, value));
                map.extend(more());
                model.extend(more());
            }
            3 | 4 => assert_eq!(map.remove(&key), model.remove(&key)),
            5 => {
                for gone in model.keys().copied().take(150).collect::<Vec<u64>>() {
                    assert_eq!(map.remove(&gone), model.remove(&gone));
                }
            }
            6 => {
                map.change(key, |old| *old += value);
                *model.entry(key).or_default() += value;
            }
            _ => {
                map.values_mut().for_each(|value| *value += 1);
                model.values_mut().for_each(|value| *value += 1);
            }
        }
        assert_eq!(map.get(&key), model.get(&key));
        assert_eq!(map.get_mut(&value), model.get_mut(&value));
        assert_eq!((map.len(), map.is_empty()), (model.len(), model.is_empty()));
        assert_eq!(map.first().map(|(key, _)| key), model.keys().next());
        assert!(map.iter().eq(model.iter()), "seed {seed}, turn {turn}");
    }
    assert_eq!(map.clone(), model.clone().into_iter().collect());
    assert_eq!(format!("{map:?}"), format!("{model:?}"));
    assert!(map.into_iter().eq(model));
}

#[test]
fn it_behaves_like_the_standard_librarys() {
    for seed in 0..40 {
        is_like_a_btree(seed, 1 + seed * seed * 3, 400);
    }
}

#[test]
fn its_chunks_stay_small_and_its_slots_are_used_again() {
    let mut map: Map<u64, u64> = (0..10_000).map(|key| (key, key)).collect();
    assert!(map.order.chunks.iter().all(|chunk| !chunk.is_empty() && chunk.len() <= MOST));
    for key in 0..9_000 {
        map.remove(&key);
        map.insert(key + 20_000, key);
    }
    assert_eq!(map.slots.len(), 10_000);
    map.into_values().zip(9_000..10_000).for_each(|(value, key)| assert_eq!(value, key));
}

#[test]
fn what_was_emptied_holds_no_memory() {
    let mut set: Set<u64> = (0..1_000).collect();
    (0..1_000).for_each(|member| assert!(set.remove(&member)));
    assert_eq!((set.0.slots.capacity(), set.first()), (0, None));
}
