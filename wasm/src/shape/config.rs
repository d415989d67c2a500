//! The configuration.

use b24_offline_core::{
    Absence, BatchSize, Config, Consumers, Durability, Limits, ManyMethod, Mode, OnReject,
    OneMethod, Parent, Retrieve, Retry, Rule, Until, UpdateMethod,
};
use wasm_bindgen::JsValue;

use super::fields::{Field, whole};

pub(crate) fn config(value: JsValue) -> Result<Config, JsValue> {
    whole(value, |config| {
        let retry = config.get("retry");
        Some(Config {
            portal: config.text("portal"),
            connector: config.get("connector").if_any(Field::as_connector),
            events: config.events("events"),
            rules: config.get("rules").as_list(read_rule),
            retrieve: config.one_of(
                "retrieve",
                &[("list", Retrieve::List), ("get", Retrieve::Get), ("none", Retrieve::None)],
            )?,
            consumers: consumers(&config.get("consumers"))?,
            on_reject: config.one_of(
                "on_reject",
                &[("park", OnReject::Park), ("register", OnReject::Register)],
            )?,
            journal: config.one_of(
                "journal",
                &[("durable", Durability::Durable), ("none", Durability::None)],
            )?,
            mode: config.one_of(
                "mode",
                &[("auto", Mode::Auto), ("reserve", Mode::Reserve), ("delete", Mode::Delete)],
            )?,
            limits: config.one_of(
                "limits",
                &[
                    ("standard", Limits::Standard),
                    ("enterprise", Limits::Enterprise),
                    ("off", Limits::Off),
                ],
            )?,
            batch_size: batch_size(&config.get("batch_size"))?,
            poll: config.millis("poll"),
            sweep: config.millis("sweep"),
            retry: Retry {
                first_delay: retry.millis("first_delay"),
                attempts: retry.small("attempts"),
            },
            until: config
                .one_of("until", &[("stopped", Until::Stopped), ("empty", Until::Empty)])?,
        })
    })
}

fn consumers(field: &Field<'_>) -> Option<Consumers> {
    let (name, inner) = field.variant();
    match name.as_str() {
        "sole" => Some(Consumers::Sole),
        "shared" => Some(Consumers::Shared { lease: inner.millis("lease") }),
        other => field.unknown(other),
    }
}

fn batch_size(field: &Field<'_>) -> Option<BatchSize> {
    let (name, inner) = field.variant();
    match name.as_str() {
        "adaptive" => Some(BatchSize::Adaptive),
        "fixed" => Some(BatchSize::Fixed(inner.as_small())),
        other => field.unknown(other),
    }
}

pub(crate) fn rule(value: JsValue) -> Result<Rule, JsValue> {
    whole(value, read_rule)
}

fn read_rule(rule: &Field<'_>) -> Option<Rule> {
    Some(Rule {
        kind: rule.text("kind"),
        events: rule.events("events"),
        deleted: rule.events("deleted"),
        id: rule.texts("id"),
        parent: rule.get("parent").if_any(parent),
        one: rule.get("one").if_any(one),
        many: rule.get("many").if_any(many),
        update: rule.get("update").if_any(update),
    })
}

fn parent(field: &Field<'_>) -> Option<Parent> {
    let (name, inner) = field.variant();
    let id = inner.texts("id");
    match name.as_str() {
        "type" => Some(Parent::Type { id }),
        "owner" => Some(Parent::Owner { id }),
        other => field.unknown(other),
    }
}

fn one(method: &Field<'_>) -> Option<OneMethod> {
    let absences = [("error", Absence::Error), ("empty_answer", Absence::EmptyAnswer)];
    Some(OneMethod {
        method: method.text("method"),
        id: method.text("id"),
        parent: method.maybe_text("parent"),
        params: method.text("params"),
        answer: method.maybe_text("answer"),
        id_field: method.maybe_text("id_field"),
        absence: method.one_of("absence", &absences)?,
    })
}

fn many(method: &Field<'_>) -> Option<ManyMethod> {
    Some(ManyMethod {
        method: method.text("method"),
        ids: method.text("ids"),
        parent: method.maybe_text("parent"),
        params: method.text("params"),
        answer: method.maybe_text("answer"),
        id_field: method.maybe_text("id_field"),
    })
}

fn update(method: &Field<'_>) -> Option<UpdateMethod> {
    Some(UpdateMethod {
        method: method.text("method"),
        id: method.text("id"),
        parent: method.maybe_text("parent"),
        fields: method.text("fields"),
    })
}
