//! Fingerprints: whether something is the same as before, without keeping it.

use std::fmt;

use crate::change::State;

/// FNV-1a of 128 bits over texts: tells accidents apart, is no protection against malice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(u128);

impl Fingerprint {
    pub(crate) fn new() -> Fingerprint {
        Fingerprint(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }

    /// With one more text, told apart from its neighbours.
    pub(crate) fn and(self, text: &str) -> Fingerprint {
        // the last byte is in no UTF-8 text; the prime is 2^88 + 0x13b
        let hash = text.bytes().chain([0xff]).fold(self.0, |hash, byte| {
            let hash = hash ^ u128::from(byte);
            (hash << 88).wrapping_add(hash.wrapping_mul(0x13b))
        });
        Fingerprint(hash)
    }

    /// Of what a reading says of an object; `None` where nothing was read.
    pub(crate) fn of(state: State, data: Option<&str>) -> Option<Fingerprint> {
        let read = state != State::Unread;
        read.then(|| Fingerprint::new().and(state.name()).and(data.unwrap_or_default()))
    }
}

#[cfg(feature = "view")]
impl Fingerprint {
    pub(crate) fn number(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a_and_tells_where_a_text_ends() {
        // the published value of "a", before the byte that ends a text
        let a = 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964_u128 ^ 0xff;
        let ended = (a << 88).wrapping_add(a.wrapping_mul(0x13b));
        assert_eq!(Fingerprint::new().and("a"), Fingerprint(ended));
        assert_ne!(Fingerprint::new().and("ab").and("c"), Fingerprint::new().and("a").and("bc"));
        assert_eq!(Fingerprint::new().to_string().len(), 32);
    }

    #[test]
    fn a_state_is_part_of_it_and_nothing_read_has_none() {
        let gone = Fingerprint::of(State::Gone, None);
        assert_ne!(gone, Fingerprint::of(State::Present, None));
        assert_eq!(Fingerprint::of(State::Unread, Some("x")), None);
    }
}
