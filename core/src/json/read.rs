//! Reading: one pass that checks the grammar and cuts out values.

mod scan;

use std::borrow::Cow;

use super::Value;
use crate::ordered::Map;
use scan::Scanner;

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
