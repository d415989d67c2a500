//! What a transport looks at: whether a body asks for a fresh token, what is hidden in it, and the body of a call.

use b24_offline_core::{
    Call, CallId, Connector, Millis, NotSent, is_expired, request_body, without_secrets,
    without_token,
};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{each, text};
use crate::dice::Dice;
use crate::feed::Feed;
use crate::spoil;
use crate::tally::Tally;
use crate::tree::Tree;

const TOKEN: &str = "canary-1234-token";

pub(super) fn play(setup: u64, feed: &mut Feed, tally: &mut Tally) -> Result<(), String> {
    let mut setup = Dice::new(setup);
    each(feed, tally, &mut make, &mut |input, tally| {
        let input = text(input);
        let status = [200, 200, 302, 401, 403, 502][setup.below(6)];
        let look = || (is_expired(status, &input), without_token(status, &input, TOKEN));
        let (expired, shown) = tally.weigh(input.len(), look)?;
        if !(200..300).contains(&status) && shown.contains(TOKEN) {
            return Err(format!("a refusal shows the token: {shown}"));
        }
        let told = told(&shown);
        if told.iter().any(|words| words.contains(TOKEN)) {
            return Err(format!("an error shows the token: {shown}"));
        }
        if without_secrets(&input, &[TOKEN]).contains(TOKEN) {
            return Err(format!("a secret stays in {input}"));
        }
        body(&input)?;
        Ok(expired || shown == input)
    })
}

/// The words of a success that may come among notices.
fn told(shown: &str) -> Vec<String> {
    let Ok(Value::Object(answer)) = serde_json::from_str(shown) else { return Vec::new() };
    let batch = answer.get("result").and_then(|result| result.get("result_error"));
    [answer.get("error_description"), batch].into_iter().flatten().map(Value::to_string).collect()
}

/// A call with these parameters: refused, or one body with the token of this call and no other.
fn body(params: &str) -> Result<(), String> {
    let call = Call {
        id: CallId(1),
        method: "crm.deal.update".into(),
        params: params.into(),
        connector: Connector::new("warehouse").ok(),
        timeout: Millis::seconds(65),
    };
    match request_body(&call, TOKEN) {
        Err(NotSent::Refused { .. }) => Ok(()),
        Err(other) => Err(format!("refused by {other:?}")),
        Ok(body) => {
            let read: Result<IgnoredAny, _> = serde_json::from_str(&body);
            read.map_err(|error| format!("{error} in {body}"))?;
            // numbers and halves of characters that a library does not take stay as they were given
            let Ok(body) = serde_json::from_str::<Value>(&body) else { return Ok(()) };
            let right = body["auth"] == TOKEN && body["auth_connector"] == "warehouse";
            if right { Ok(()) } else { Err(format!("another token or connector: {body}")) }
        }
    }
}

fn make(dice: &mut Dice) -> Vec<u8> {
    let words = || Tree::text(format!("bad token {TOKEN} of \"x\""));
    let value = match dice.below(4) {
        0 => Tree::map([("error", Tree::text("expired_token")), ("error_description", words())]),
        1 => Tree::map([("error", Tree::text("X")), ("error_description", words())]),
        2 => Tree::map([
            ("id", 7.into()),
            ("auth", Tree::text("mine")),
            ("auth_connector", Tree::text("mine")),
            ("fields", Tree::map([("TITLE", words())])),
        ]),
        _ => {
            let error = Tree::map([("error", Tree::text("X")), ("error_description", words())]);
            let batch = Tree::map([
                ("result", Tree::map([("a", words())])),
                ("result_error", Tree::map([("b", error)])),
            ]);
            Tree::map([("result", batch), ("error_description", words())])
        }
    };
    spoil::spoilt(value, dice)
}
