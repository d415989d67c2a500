//! Forms and query strings with brackets, as the server unfolds them.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Key, Php, PhpArray};

/// Variables nested deeper than this are dropped (`max_input_nesting_level`).
const DEEPEST: usize = 64;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Unfolds `a[b][0]=1&a[]=2` into nested arrays. Every scalar is text.
///
/// After `most` variables the rest is cut without a word, as the server does with `max_input_vars` (1,000 by
/// default): a list of ids that is too long reaches the method shortened. A variable without a name is dropped;
/// dots and blanks in the outer name become `_`; a bracket that is never closed becomes `_`; bytes that are no
/// UTF-8 are replaced.
pub fn unfold(form: &str, most: usize) -> Php {
    let mut root = PhpArray::new();
    for pair in form.split('&').filter(|pair| !pair.is_empty()).take(most) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        put(&mut root, &decode(name), decode(value).into_owned());
    }
    Php::Array(root)
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

fn put(root: &mut PhpArray, name: &str, value: String) {
    let Some(path) = path(name) else { return };
    let mut steps = path.into_iter();
    let Some(first) = steps.next() else { return };
    let mut place = root.ensure(first);
    for step in steps {
        if place.as_array().is_none() {
            *place = Php::empty();
        }
        let Php::Array(array) = place else { return };
        place = array.ensure(step);
    }
    *place = Php::Text(value);
}

/// The keys on the way to a variable, `None` for "the next number".
fn path(name: &str) -> Option<Vec<Option<Key>>> {
    let name = name.trim_start_matches(' ');
    // the first byte is part of the name whatever it is
    let (outer, mut rest) = match name.bytes().skip(1).position(|byte| byte == b'[') {
        Some(before) => name.split_at(before + 1),
        None => (name, ""),
    };
    let mut outer = outer.replace(['.', ' ', '['], "_");
    if outer.is_empty() {
        return None;
    }
    if !rest.is_empty() && !rest.contains(']') {
        outer.push_str(&rest.replace(['.', ' ', '['], "_"));
        rest = "";
    }
    let mut keys = vec![Some(Key::from(outer.as_str()))];
    while let Some((step, after)) = rest.strip_prefix('[').and_then(|open| open.split_once(']')) {
        keys.push(if step.is_empty() { None } else { Some(Key::from(step)) });
        rest = after;
    }
    (keys.len() <= DEEPEST).then_some(keys)
}

/// Writes an array as a form, the way back of [`unfold`]. Null and empty arrays leave no trace, true is `1`,
/// false is `0`.
pub fn fold(value: &Php) -> String {
    let mut pairs = Vec::new();
    if let Some(array) = value.as_array() {
        for (key, inner) in array.iter() {
            fold_into(&mut pairs, &encode(&key.text()), inner);
        }
    }
    pairs.join("&")
}

fn fold_into(pairs: &mut Vec<String>, name: &str, value: &Php) {
    match value {
        Php::Null => {}
        Php::Bool(truth) => pairs.push(format!("{name}={}", u8::from(*truth))),
        Php::Int(_) | Php::Float(_) | Php::Text(_) => {
            pairs.push(format!("{name}={}", encode(&value.text())));
        }
        Php::Array(array) => {
            for (key, inner) in array.iter() {
                fold_into(pairs, &format!("{name}%5B{}%5D", encode(&key.text())), inner);
            }
        }
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}
