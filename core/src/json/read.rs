//! Reading: one pass that checks the grammar and cuts out values.

use std::borrow::Cow;

use super::Value;
use crate::ordered::Map;

/// The deepest nesting that is taken anywhere.
const MOST_DEPTH: usize = 128;

/// The text of one value, checked, without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Raw<'a>(&'a str);

/// Why a text is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    NoJson,
    TooDeep,
}

impl<'a> Raw<'a> {
    /// The value that a whole text is.
    pub(crate) fn read(text: &'a str) -> Option<Raw<'a>> {
        Raw::within(text, MOST_DEPTH).ok()
    }

    /// The value that a whole text is, nested at most so deep.
    pub(crate) fn within(text: &'a str, depth: usize) -> Result<Raw<'a>, Broken> {
        let mut scanner = Scanner { text, at: 0, depth, too_deep: false, checked: false };
        let value = scanner.value();
        scanner.white();
        match value {
            Some(value) if scanner.at == text.len() => Ok(value),
            _ if scanner.too_deep => Err(Broken::TooDeep),
            _ => Err(Broken::NoJson),
        }
    }

    pub(crate) fn get(self) -> &'a str {
        self.0
    }

    pub(crate) fn is_null(self) -> bool {
        self.0 == "null"
    }

    pub(crate) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    fn scanner(self) -> Scanner<'a> {
        Scanner { text: self.0, at: 0, depth: MOST_DEPTH, too_deep: false, checked: true }
    }

    /// The fields of an object that have these names; `None` when it is no object. Of several with one name
    /// the last counts.
    pub(crate) fn fields<const N: usize>(self, names: [&str; N]) -> Option<[Option<Raw<'a>>; N]> {
        let mut found = [None; N];
        self.pick(&names, &mut found)?;
        Some(found)
    }

    fn pick(self, names: &[&str], found: &mut [Option<Raw<'a>>]) -> Option<()> {
        self.scanner().object(&mut |name, value| {
            let plain = name.inner();
            let mut at = names.iter().position(|wanted| plain == Some(*wanted));
            if at.is_none() && plain.is_some_and(|name| name.contains('\\')) {
                let name = name.plain();
                at = names.iter().position(|wanted| name.as_deref() == Some(*wanted));
            }
            if let Some(found) = at.and_then(|at| found.get_mut(at)) {
                *found = Some(value);
            }
        })
    }

    /// Every field of an object; `None` when it is none.
    pub(crate) fn map(self) -> Option<Map<String, Raw<'a>>> {
        let mut fields = Map::new();
        let mut whole = true;
        self.scanner().object(&mut |name, value| match name.text() {
            Some(name) => {
                fields.insert(name, value);
            }
            None => whole = false,
        })?;
        whole.then_some(fields)
    }

    /// The values of a list; `None` when it is none.
    pub(crate) fn list(self) -> Option<Vec<Raw<'a>>> {
        let mut values = Vec::new();
        self.scanner().list(&mut |value| values.push(value))?;
        Some(values)
    }

    fn inner(self) -> Option<&'a str> {
        self.0.strip_prefix('"')?.strip_suffix('"')
    }

    /// A text without its escapes; `None` for another kind, and for half of a pair of surrogates.
    pub(crate) fn text(self) -> Option<String> {
        self.plain().map(Cow::into_owned)
    }

    fn plain(self) -> Option<Cow<'a, str>> {
        let inner = self.inner()?;
        if !inner.contains('\\') {
            return Some(Cow::Borrowed(inner));
        }
        let mut parts = inner.split('\\');
        let mut text = parts.next()?.to_owned();
        while let Some(part) = parts.next() {
            let mut rest = part.chars();
            match rest.next() {
                Some('u') => text.push(escaped(part, &mut parts, &mut rest)?),
                Some('b') => text.push('\u{8}'),
                Some('f') => text.push('\u{c}'),
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some(itself) => text.push(itself),
                // a backslash stands between this empty part and the next one
                None => {
                    text.push('\\');
                    rest = parts.next()?.chars();
                }
            }
            text.push_str(rest.as_str());
        }
        Some(Cow::Owned(text))
    }

    /// A whole number, which PHP writes as a number or as a text.
    pub(crate) fn number(self) -> Option<u64> {
        self.inner().unwrap_or(self.0).parse().ok()
    }

    /// Seconds, as a number or as a text, in milliseconds.
    pub(crate) fn millis(self) -> Option<u64> {
        millis(self.inner().unwrap_or(self.0))
    }

    pub(crate) fn value(self) -> Option<Value> {
        self.scanner().build()
    }

    fn scalar(self) -> Option<Value> {
        Some(match self.0.as_bytes().first()? {
            b'n' => Value::Null,
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            b'"' => Value::Text(self.text()?),
            _ => Value::Number(self.0.to_owned()),
        })
    }
}

/// The character of `\uXXXX`, which `part` begins with, perhaps with that of the next part.
fn escaped<'a>(
    part: &'a str,
    parts: &mut impl Iterator<Item = &'a str>,
    rest: &mut std::str::Chars<'a>,
) -> Option<char> {
    let code = |part: &str| u32::from_str_radix(part.strip_prefix('u')?.get(..4)?, 16).ok();
    let first = code(part)?;
    *rest = part.get(5..)?.chars();
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first);
    }
    let next = parts.next().filter(|_| rest.as_str().is_empty())?;
    let second = code(next).filter(|second| (0xDC00..0xE000).contains(second))?;
    *rest = next.get(5..)?.chars();
    char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
}

/// A decimal number of seconds in milliseconds, rounded; the largest there are for what is larger.
fn millis(text: &str) -> Option<u64> {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (negative, number) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = whole.bytes().chain(fraction.bytes());
    let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let empty = whole.is_empty() || power.is_empty();
    if empty || !digits.clone().chain(power.bytes()).all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // how many of the digits stand before the point once it is moved to the milliseconds
    let most = 1_000;
    let down = exponent.starts_with('-');
    let exponent: i64 = exponent.parse().unwrap_or(if down { -most } else { most });
    let before = whole.len() as i64 + exponent.clamp(-most, most) + 3;
    let mut sum = 0u64;
    for (at, digit) in (1..).zip(digits.clone().map(|digit| u64::from(digit - b'0'))) {
        if at > before {
            sum = sum.saturating_add(u64::from(at == before + 1 && digit >= 5));
            break;
        }
        sum = sum.saturating_mul(10).saturating_add(digit);
    }
    for _ in digits.count() as i64..before {
        sum = sum.saturating_mul(10);
    }
    (!negative || sum == 0).then_some(sum)
}

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
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// How many levels more may be opened.
    depth: usize,
    too_deep: bool,
    /// The text is right: what is not looked at is passed over, level by level no more.
    checked: bool,
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

    fn white(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
    }

    fn digits(&mut self) -> Option<()> {
        self.skip(|byte| byte.is_ascii_digit()).then_some(())
    }

    /// Goes past this byte, if it is the next one.
    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    fn value(&mut self) -> Option<Raw<'a>> {
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

    fn object(&mut self, each: &mut dyn FnMut(Raw<'a>, Raw<'a>)) -> Option<()> {
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
    fn build(&mut self) -> Option<Value> {
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

    fn list(&mut self, each: &mut dyn FnMut(Raw<'a>)) -> Option<()> {
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
