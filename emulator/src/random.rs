//! The portal's randomness: one seeded sequence (SplitMix64).

#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 32 letters and digits, the form of a process_id (F7).
    pub(crate) fn code(&mut self) -> String {
        const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let letter = |random: &mut Random| {
            let place = usize::try_from(random.next() % 36).unwrap_or_default();
            LETTERS.get(place).copied().map_or('0', char::from)
        };
        (0..32).map(|_| letter(self)).collect()
    }
}
