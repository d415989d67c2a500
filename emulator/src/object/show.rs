//! How an object looks in an answer.

use super::kinds::{KindRule, Style};
use crate::php::{Key, Php, PhpArray};

/// Multiple fields: a list shows them only when they are named.
const MULTIPLE: [&str; 5] = ["PHONE", "EMAIL", "WEB", "IM", "LINK"];
/// What only `get` shows.
const ONLY_GET: [&str; 2] = ["CONTACT_IDS", "OBSERVER_IDS"];

/// The `select` of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Select {
    names: Vec<String>,
}

impl Select {
    pub(crate) fn parse(given: Option<&Php>) -> Select {
        let names = match given {
            Some(Php::Array(array)) => array.values().map(Php::text).collect(),
            Some(Php::Text(text)) => vec![text.clone()],
            _ => Vec::new(),
        };
        Select { names }
    }

    fn takes(&self, rule: &KindRule, name: &str) -> bool {
        if name == rule.id_field || self.names.iter().any(|wanted| wanted == name) {
            return !ONLY_GET.contains(&name);
        }
        let everything = self.names.is_empty() || self.names.iter().any(|wanted| wanted == "*");
        let custom = name.starts_with("UF_");
        match rule.style {
            Style::Camel | Style::Task => everything,
            Style::Upper if custom => self.names.iter().any(|wanted| wanted == "UF_*"),
            Style::Upper => everything && !MULTIPLE.contains(&name) && !ONLY_GET.contains(&name),
        }
    }
}

impl KindRule {
    /// The object as `get` answers it.
    pub(crate) fn whole(&self, fields: &PhpArray) -> Php {
        self.shown(fields, |_| true)
    }

    /// The object as a list answers it.
    pub(crate) fn selected(&self, fields: &PhpArray, select: &Select) -> Php {
        self.shown(fields, |name| select.takes(self, name))
    }

    fn shown(&self, fields: &PhpArray, takes: impl Fn(&str) -> bool) -> Php {
        let mut shown = PhpArray::with_capacity(fields.len());
        for (key, value) in fields.iter() {
            let name = key.as_text();
            if !takes(&name) {
                continue;
            }
            match self.style {
                // the keys are those of an array, so none is there twice
                Style::Upper => shown.append(key.clone(), textual(value)),
                Style::Camel => shown.append(key.clone(), value.clone()),
                Style::Task => shown.set(Key::from(camel(&name).as_str()), textual(value)),
            }
        }
        shown.into()
    }
}

/// Numbers as text, at any depth.
fn textual(value: &Php) -> Php {
    match value {
        Php::Int(_) | Php::Float(_) => Php::Text(value.text()),
        Php::Array(array) => {
            Php::Array(array.iter().map(|(key, inner)| (key.clone(), textual(inner))).collect())
        }
        Php::Null | Php::Bool(_) | Php::Text(_) => value.clone(),
    }
}

/// The fields of a lead, deal, contact, company or quote as `crm.item.*` shows them: names in camelCase, whole
/// numbers as numbers. Own fields keep what follows `UF_CRM_` as it is: `UF_CRM_1_A` is `ufCrm1_A`.
pub(crate) fn universal(fields: &PhpArray, select: Option<&Select>) -> Php {
    let mut shown = PhpArray::new();
    for (key, value) in fields.iter() {
        let name = key.text();
        let name = match name.strip_prefix("UF_CRM_") {
            Some(own) => format!("ufCrm{own}"),
            None => camel(&name),
        };
        let named = |select: &Select| {
            let names = &select.names;
            names.is_empty() || names.iter().any(|wanted| *wanted == name || wanted == "*")
        };
        if name == "id" || select.is_none_or(named) {
            let whole = value.as_str().filter(|text| matches!(Key::from(*text), Key::Index(_)));
            let value = whole.map_or_else(|| value.clone(), |_| Php::Int(value.int()));
            shown.set(Key::from(name.as_str()), value);
        }
    }
    shown.into()
}

/// The way back of [`universal`] for the keys of fields, filters and orders.
pub(crate) fn upper(fields: &PhpArray) -> PhpArray {
    let rename = |key: &Key| {
        let text = key.text();
        let name = text.trim_start_matches(|sign: char| !sign.is_ascii_alphanumeric());
        let sign = text.strip_suffix(name).unwrap_or_default();
        if let Some(own) = name.strip_prefix("ufCrm") {
            return format!("{sign}UF_CRM_{}", own.trim_start_matches('_'));
        }
        let mut written = sign.to_owned();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() {
                written.push('_');
            }
            written.push(letter.to_ascii_uppercase());
        }
        written
    };
    fields.iter().map(|(key, value)| (Key::from(rename(key).as_str()), value.clone())).collect()
}

/// `RESPONSIBLE_ID` as `responsibleId`.
pub(crate) fn camel(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else if upper {
            written.push(letter.to_ascii_uppercase());
            upper = false;
        } else {
            written.push(letter.to_ascii_lowercase());
        }
    }
    written
}
