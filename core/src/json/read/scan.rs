//! Following a text value by value, eight bytes at a time where nothing has to be looked at.

use super::{Raw, Value};
use crate::ordered::Map;

/// The bytes at which a pass ends.
#[derive(Clone, Copy)]
struct Stops {
    /// Everything below it.
    below: u8,
    /// These, once the bits of `fold` are set.
    bytes: [u8; 3],
    fold: u8,
}

impl Stops {
    /// What a text ends at, or is not plain at.
    const TEXT: Stops = Stops { below: b' ', bytes: [b'"', b'\\', b'"'], fold: 0 };
    /// A text begins, or a level begins or ends; outside of texts. The brackets differ from the braces in one bit.
    const LEVELS: Stops = Stops { below: 0, bytes: [b'"', b'{', b'}'], fold: 0x20 };

    fn has(self, byte: u8) -> bool {
        byte < self.below || self.bytes.contains(&(byte | self.fold))
    }

    /// Where in eight bytes the first of them is: the lowest bit that is set is the highest of that byte. Bits
    /// above it tell nothing.
    fn within(self, eight: u64) -> u64 {
        let each = |byte| u64::from_le_bytes([byte; 8]);
        let below = |eight: u64, byte| eight.wrapping_sub(each(byte)) & !eight & each(0x80);
        let [a, b, c] = self.bytes.map(|byte| below((eight | each(self.fold)) ^ each(byte), 1));
        below(eight, self.below) | a | b | c
    }
}

/// Follows a text value by value.
pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// How many levels more may be opened.
    pub(super) depth: usize,
    pub(super) too_deep: bool,
    /// The text is right: what is not looked at is passed over, level by level no more.
    pub(super) checked: bool,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, fits: impl Fn(u8) -> bool) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().position(|byte| !fits(*byte)).unwrap_or(rest.len());
        self.at += count;
        count > 0
    }

    /// Goes past all bytes that are none of these.
    fn pass(&mut self, stops: Stops) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        for eight in rest.chunks_exact(8) {
            let found = stops.within(eight.try_into().map_or(0, u64::from_le_bytes));
            self.at += (found.trailing_zeros() / 8) as usize;
            if found != 0 {
                return;
            }
        }
        self.skip(|byte| !stops.has(byte));
    }

    pub(super) fn white(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    }

    fn digits(&mut self) -> Option<()> {
        self.skip(|byte| byte.is_ascii_digit()).then_some(())
    }

    /// Goes past this byte, if it is the next one.
    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    pub(super) fn value(&mut self) -> Option<Raw<'a>> {
        self.white();
        let start = self.at;
        match self.peek()? {
            b'"' => self.string()?,
            b'{' | b'[' if self.checked => self.leap()?,
            b'{' => self.object(&mut |_, _| {})?,
            b'[' => self.list(&mut |_| {})?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        }
        self.text.get(start..self.at).map(Raw)
    }

    /// Passes over a list or an object that was checked: only texts and brackets tell where it ends.
    fn leap(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            self.pass(Stops::LEVELS);
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => open = open.saturating_add(1),
                _ => open = open.saturating_sub(1),
            }
            self.at += 1;
            if open == 0 {
                return Some(());
            }
        }
    }

    fn word(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let word = ["null", "true", "false"].into_iter().find(|word| rest.starts_with(word))?;
        self.at += word.len();
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.eat(b'-');
        if self.eat(b'0').is_none() {
            self.digits()?;
        }
        if self.eat(b'.').is_some() {
            self.digits()?;
        }
        if self.eat(b'e').or_else(|| self.eat(b'E')).is_some() {
            let _ = self.eat(b'+').or_else(|| self.eat(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.eat(b'"')?;
        loop {
            self.pass(Stops::TEXT);
            if self.eat(b'"').is_some() {
                return Some(());
            }
            self.eat(b'\\')?;
            let escape = self.peek()?;
            self.at += 1;
            match escape {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                b'u' => {
                    let code = self.text.as_bytes().get(self.at..self.at + 4)?;
                    if !code.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    self.at += 4;
                }
                _ => return None,
            }
        }
    }

    pub(super) fn object(&mut self, each: &mut dyn FnMut(Raw<'a>, Raw<'a>)) -> Option<()> {
        self.members(b'{', b'}', &mut |scanner| {
            each(scanner.name()?, scanner.value()?);
            Some(())
        })
    }

    /// The name of a field and the colon behind it.
    fn name(&mut self) -> Option<Raw<'a>> {
        self.white();
        let start = self.at;
        self.string()?;
        let name = self.text.get(start..self.at)?;
        self.white();
        self.eat(b':')?;
        Some(Raw(name))
    }

    /// The next value with all that is in it, in one pass: what is nested is not looked at once for each level.
    pub(super) fn build(&mut self) -> Option<Value> {
        self.white();
        match self.peek()? {
            b'[' => {
                let mut values = Vec::new();
                self.members(b'[', b']', &mut |scanner| {
                    values.push(scanner.build()?);
                    Some(())
                })?;
                Some(Value::List(values))
            }
            b'{' => {
                let mut fields = Map::new();
                self.members(b'{', b'}', &mut |scanner| {
                    fields.insert(scanner.name()?.text()?, scanner.build()?);
                    Some(())
                })?;
                Some(Value::Object(fields))
            }
            _ => self.value()?.scalar(),
        }
    }

    pub(super) fn list(&mut self, each: &mut dyn FnMut(Raw<'a>)) -> Option<()> {
        self.members(b'[', b']', &mut |scanner| {
            each(scanner.value()?);
            Some(())
        })
    }

    fn members(
        &mut self,
        open: u8,
        close: u8,
        member: &mut dyn FnMut(&mut Scanner<'a>) -> Option<()>,
    ) -> Option<()> {
        self.eat(open)?;
        let Some(depth) = self.depth.checked_sub(1) else {
            self.too_deep = true;
            return None;
        };
        self.depth = depth;
        self.white();
        if self.eat(close).is_none() {
            loop {
                member(self)?;
                self.white();
                if self.eat(close).is_some() {
                    break;
                }
                self.eat(b',')?;
            }
        }
        self.depth += 1;
        Some(())
    }
}
