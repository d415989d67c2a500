//! Ordered maps and sets, made for a small program: what is generic here is little more than a table of
//! slots, and the order of the slots is kept by code that is there once for all types. `BTreeMap` comes as
//! six to nine kilobytes for each pair of types, and a browser loads all of them
//! (`docs/decisions/0009-ordered-maps-of-our-own.md`).

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

/// At most so many slots in one chunk: an insertion moves no more than these.
const MOST: usize = 128;

/// The slots of a map in the order of their keys. It knows nothing of what is in them.
#[derive(Debug, Clone, Default)]
struct Order {
    /// None of them is empty.
    chunks: Vec<Vec<usize>>,
    len: usize,
    /// Slots that were left and may be used again.
    free: Vec<usize>,
}

/// Where in the order a slot is, or would be.
#[derive(Debug, Clone, Copy)]
struct Place {
    chunk: usize,
    at: usize,
}

/// How the key in a slot compares with the one that is looked for.
type Against<'a> = &'a dyn Fn(usize) -> Ordering;

impl Order {
    /// The place and slot of a key, or the place where it would be.
    fn find(&self, against: Against<'_>) -> Result<(Place, usize), Place> {
        let before = |chunk: &Vec<usize>| chunk.last().is_some_and(|last| against(*last).is_lt());
        let chunk = self.chunks.partition_point(before);
        let Some(slots) = self.chunks.get(chunk) else {
            let at = self.chunks.last().map_or(0, Vec::len);
            return Err(Place { chunk: chunk.saturating_sub(1), at });
        };
        match slots.binary_search_by(|slot| against(*slot)) {
            Ok(at) => Ok((Place { chunk, at }, slots.get(at).copied().unwrap_or_default())),
            Err(at) => Err(Place { chunk, at }),
        }
    }

    /// Gives a slot that is free to a new key; `slots` are there.
    fn insert(&mut self, place: Place, slots: usize) -> usize {
        let slot = self.free.pop().unwrap_or(slots);
        self.len += 1;
        let Some(chunk) = self.chunks.get_mut(place.chunk) else {
            self.chunks.push(vec![slot]);
            return slot;
        };
        chunk.insert(place.at, slot);
        if chunk.len() > MOST {
            let half = chunk.split_off(MOST / 2);
            self.chunks.insert(place.chunk + 1, half);
        }
        slot
    }

    fn remove(&mut self, place: Place) {
        let Some(chunk) = self.chunks.get_mut(place.chunk) else { return };
        self.free.push(chunk.remove(place.at));
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(place.chunk);
        }
    }

    fn iter(&self) -> Slots<'_> {
        Slots { chunks: &self.chunks, at: 0 }
    }
}

/// The slots, in order.
#[derive(Debug, Clone)]
struct Slots<'a> {
    chunks: &'a [Vec<usize>],
    at: usize,
}

impl Iterator for Slots<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let (chunk, rest) = self.chunks.split_first()?;
        let slot = chunk.get(self.at).copied();
        self.at += 1;
        if self.at >= chunk.len() {
            (self.chunks, self.at) = (rest, 0);
        }
        slot
    }
}

/// Entries lie apart from the table: what moves them about is the same code for all types.
type Slotted<K, V> = Vec<Option<Box<(K, V)>>>;

/// A map in the order of its keys, for up to some hundred thousand entries.
#[derive(Clone)]
pub(crate) struct Map<K, V> {
    slots: Slotted<K, V>,
    order: Order,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map { slots: Vec::new(), order: Order::default() }
    }
}

impl<K, V> Map<K, V> {
    pub(crate) fn new() -> Self {
        Map::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.len == 0
    }

    fn entry(&self, slot: usize) -> Option<&(K, V)> {
        self.slots.get(slot)?.as_deref()
    }

    pub(crate) fn iter(&self) -> Iter<'_, K, V> {
        Iter { slots: &self.slots, order: self.order.iter() }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// In no particular order.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.slots.iter_mut().flatten().map(|entry| &mut entry.1)
    }

    /// The entry with the least key.
    pub(crate) fn first(&self) -> Option<&(K, V)> {
        self.entry(self.order.iter().next()?)
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }
}

impl<K: Ord, V> Map<K, V> {
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<(Place, usize), Place>
    where
        K: Borrow<Q>,
    {
        self.order.find(&|slot| match self.entry(slot) {
            Some((present, _)) => present.borrow().cmp(key),
            None => Ordering::Equal,
        })
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (_, slot) = self.find(key).ok()?;
        self.entry(slot).map(|(_, value)| value)
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (_, slot) = self.find(key).ok()?;
        self.slots.get_mut(slot)?.as_mut().map(|entry| &mut entry.1)
    }

    pub(crate) fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Whether the key is new.
    pub(crate) fn insert(&mut self, key: K, value: V) -> bool {
        let found = self.find(&key);
        let entry = Some(Box::new((key, value)));
        let (slot, is_new) = match found {
            Ok((_, slot)) => (slot, false),
            Err(place) => (self.order.insert(place, self.slots.len()), true),
        };
        match self.slots.get_mut(slot) {
            Some(place) => *place = entry,
            None => self.slots.push(entry),
        }
        is_new
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (place, slot) = self.find(key).ok()?;
        self.order.remove(place);
        let entry = self.slots.get_mut(slot)?.take();
        if self.is_empty() {
            // what a long queue needed is given back
            *self = Map::new();
        }
        entry.map(|entry| entry.1)
    }

    /// Changes the value of a key, which begins as the type's default.
    pub(crate) fn change<R>(&mut self, key: K, change: impl FnOnce(&mut V) -> R) -> R
    where
        V: Default,
    {
        if let Some(value) = self.get_mut(&key) {
            return change(value);
        }
        let mut value = V::default();
        let result = change(&mut value);
        self.insert(key, value);
        result
    }

    pub(crate) fn extend(&mut self, entries: impl IntoIterator<Item = (K, V)>) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K, V> IntoIterator for Map<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> IntoIter<K, V> {
        let order: Vec<usize> = self.order.iter().collect();
        IntoIter { slots: self.slots, order: order.into_iter() }
    }
}

/// What a map holds, in order.
pub(crate) struct Iter<'a, K, V> {
    slots: &'a [Option<Box<(K, V)>>],
    order: Slots<'a>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.slots.get(self.order.next()?)?.as_deref()?;
        Some((&entry.0, &entry.1))
    }
}

/// The entries of a map, in order.
pub(crate) struct IntoIter<K, V> {
    slots: Slotted<K, V>,
    order: std::vec::IntoIter<usize>,
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.slots.get_mut(self.order.next()?)?.take().map(|entry| *entry)
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Map::new();
        map.extend(entries);
        map
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for Map<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A set in the order of its members.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Set<T>(Map<T, ()>);

impl<T> Default for Set<T> {
    fn default() -> Self {
        Set(Map::new())
    }
}

impl<T> Set<T> {
    pub(crate) fn new() -> Self {
        Set::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.keys()
    }

    /// The least member.
    pub(crate) fn first(&self) -> Option<&T> {
        self.0.first().map(|(member, ())| member)
    }
}

impl<T: Ord> Set<T> {
    pub(crate) fn contains<Q: Ord + ?Sized>(&self, member: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains_key(member)
    }

    /// Whether it is new.
    pub(crate) fn insert(&mut self, member: T) -> bool {
        self.0.insert(member, ())
    }

    /// Whether it was there.
    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, member: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.remove(member).is_some()
    }

    pub(crate) fn extend(&mut self, members: impl IntoIterator<Item = T>) {
        for member in members {
            self.insert(member);
        }
    }
}

impl<T: Ord> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let mut set = Set::new();
        set.extend(members);
        set
    }
}

impl<T> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = std::iter::Map<IntoIter<T, ()>, fn((T, ())) -> T>;

    fn into_iter(self) -> Self::IntoIter {
        let member: fn((T, ())) -> T = |(member, ())| member;
        self.0.into_iter().map(member)
    }
}

impl<T: fmt::Debug> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests;
