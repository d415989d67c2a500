//! Where inputs come from: made by chance and remembered, or kept from an earlier run.

use crate::dice::Dice;

/// Inputs one after the other.
#[derive(Debug)]
pub(crate) enum Feed {
    /// Made, and remembered in the order of the making.
    Made { dice: Dice, given: Vec<Vec<u8>> },
    /// Kept: nothing is left after the last.
    Kept { parts: Vec<Vec<u8>>, next: usize },
}

impl Feed {
    pub(crate) fn made(dice: Dice) -> Feed {
        Feed::Made { dice, given: Vec::new() }
    }

    pub(crate) fn kept(parts: Vec<Vec<u8>>) -> Feed {
        Feed::Kept { parts, next: 0 }
    }

    /// The next input; nothing when those that were kept are used up.
    pub(crate) fn next(&mut self, make: impl FnOnce(&mut Dice) -> Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Feed::Made { dice, given } => {
                let part = make(dice);
                given.push(part.clone());
                Some(part)
            }
            Feed::Kept { parts, next } => {
                *next += 1;
                parts.get(*next - 1).cloned()
            }
        }
    }

    /// What was given so far.
    pub(crate) fn into_parts(self) -> Vec<Vec<u8>> {
        match self {
            Feed::Made { given, .. } => given,
            Feed::Kept { parts, .. } => parts,
        }
    }
}
