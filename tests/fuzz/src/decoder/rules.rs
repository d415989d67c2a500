//! A user's rules as their JSON gives them, what is read by them and what is written back.

use b24_offline_core::{
    Absence, Change, JournalContents, ManyMethod, ObjectId, OneMethod, Origin, Parent, Rule, State,
    UpdateMethod, why_not_written_back, write_back,
};

use super::text;
use crate::dice::Dice;
use crate::feed::Feed;
use crate::portal::EVENTS;
use crate::session::{Session, config};
use crate::spoil;
use crate::tally::Tally;
use crate::tree::Tree;

/// So many rules are made from one setup.
const RULES: usize = 8;

pub(super) fn play(setup: u64, feed: &mut Feed, tally: &mut Tally) -> Result<(), String> {
    let mut dice = Dice::new(setup);
    for _ in 0..RULES {
        let Some(input) = feed.next(|dice| spoil::spoilt(rule(dice), dice)) else { return Ok(()) };
        let accepted = one(&text(&input), setup, &mut dice, tally)?;
        tally.count(accepted);
    }
    Ok(())
}

/// Whether the rule was taken; if so, objects are read and written by it.
fn one(input: &str, setup: u64, dice: &mut Dice, tally: &mut Tally) -> Result<bool, String> {
    let read = || serde_json::from_str::<Rule>(input);
    let Ok(rule) = tally.weigh(input.len(), read)? else { return Ok(false) };
    written_back(&rule, input, tally)?;
    let mut config = config(dice);
    config.rules = vec![rule];
    let contents = JournalContents::default();
    let opened = Session::open(config, contents, setup, Some((tally, input.len())))?;
    let Some(mut session) = opened else { return Ok(false) };
    if dice.one_in(3) {
        session.honest(10, true)?;
    }
    Ok(true)
}

fn written_back(rule: &Rule, input: &str, tally: &mut Tally) -> Result<(), String> {
    let change = Change {
        key: "5@t".into(),
        object: ObjectId::new(rule.kind.as_str(), "7"),
        events: Vec::new(),
        state: State::Present,
        data: Some(r#"{"ID":"7","TITLE":"a&b"}"#.into()),
        changed_at: "t".into(),
        attempt: 1,
        origin: Origin::Fresh,
    };
    let rules = std::slice::from_ref(rule);
    let call = tally.weigh(input.len(), || write_back(&change, "TITLE", rules))?;
    let Some(call) = call else {
        let why = why_not_written_back(&change, "TITLE");
        return why.map(drop).ok_or_else(|| "no call, and nothing to tell".into());
    };
    let params: serde_json::Value =
        serde_json::from_str(&call.params).map_err(|error| error.to_string())?;
    if params.is_object() { Ok(()) } else { Err(format!("no object: {}", call.params)) }
}

fn rule(dice: &mut Dice) -> Tree {
    let path = |dice: &mut Dice| {
        dice.pick(&["id", "FILTER.ID", "filter.@ID", "a..b", "", "id.id", "FIELDS.ID", "."])
            .to_owned()
    };
    let rule = Rule {
        kind: dice.pick(&["crm.deal", "my.kind", "user", "k"]).into(),
        events: b24_offline_core::EventName::new(dice.pick(&EVENTS)).into_iter().collect(),
        deleted: Vec::new(),
        id: vec!["FIELDS.ID".into(), path(dice), "ID".into()],
        parent: [
            None,
            Some(Parent::Type { id: vec!["FIELDS.ENTITY_TYPE_ID".into()] }),
            Some(Parent::Owner { id: vec![path(dice)] }),
        ][dice.below(3)]
        .clone(),
        one: Some(OneMethod {
            method: "my.kind.get".into(),
            id: path(dice),
            parent: dice.one_in(2).then(|| path(dice)),
            params: "{\"select\":[\"*\"]}".into(),
            answer: dice.one_in(2).then(|| "item".into()),
            id_field: dice.one_in(2).then(|| "ID".into()),
            absence: if dice.one_in(2) { Absence::Error } else { Absence::EmptyAnswer },
        }),
        many: dice.one_in(2).then(|| ManyMethod {
            method: "my.kind.list".into(),
            ids: path(dice),
            parent: None,
            params: "{}".into(),
            answer: None,
            id_field: None,
        }),
        update: Some(UpdateMethod {
            method: "my.kind.update".into(),
            id: path(dice),
            parent: None,
            fields: path(dice),
        }),
    };
    serde_json::to_value(&rule).map_or(Tree::List(Vec::new()), Tree::from)
}
