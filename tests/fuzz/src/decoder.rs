//! The decoders, each with what it is given and what is checked.

mod answers;
mod auth;
mod handler;
mod journal;
mod params;
mod rules;
mod transport;

use crate::dice::Dice;
use crate::feed::Feed;
use crate::tally::Tally;

/// What is given nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoder {
    /// Whole answers of a portal.
    Answers,
    /// What stands in a batch's answer.
    Batch,
    /// Entries and whole journals at `Machine::open`.
    Journal,
    /// What a handler program prints.
    Handler,
    /// A user's rules, and what is read and written by them.
    Rules,
    /// The parameters of a user's writes.
    Params,
    /// What a transport looks at: bodies of answers and calls.
    Transport,
    /// The auth file of the native host.
    AuthFile,
    /// The answers of a token endpoint.
    Token,
}

impl Decoder {
    pub(crate) const ALL: [Decoder; 9] = [
        Decoder::Answers,
        Decoder::Batch,
        Decoder::Journal,
        Decoder::Handler,
        Decoder::Rules,
        Decoder::Params,
        Decoder::Transport,
        Decoder::AuthFile,
        Decoder::Token,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Decoder::Answers => "answers",
            Decoder::Batch => "batch",
            Decoder::Journal => "journal",
            Decoder::Handler => "handler-output",
            Decoder::Rules => "rules",
            Decoder::Params => "write-params",
            Decoder::Transport => "transport",
            Decoder::AuthFile => "auth-file",
            Decoder::Token => "token-answer",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Decoder> {
        Decoder::ALL.into_iter().find(|decoder| decoder.name() == name)
    }

    /// How many of a hundred inputs it gets.
    pub(crate) fn share(self) -> u64 {
        match self {
            Decoder::Answers => 16,
            Decoder::Batch => 16,
            Decoder::Journal => 8,
            Decoder::Handler => 20,
            Decoder::Rules => 3,
            Decoder::Params => 5,
            Decoder::Transport => 14,
            Decoder::AuthFile => 9,
            Decoder::Token => 9,
        }
    }

    /// Gives some inputs of a feed to the decoder.
    ///
    /// # Errors
    /// A sentence that says which promise was broken.
    pub(crate) fn play(self, setup: u64, feed: &mut Feed, tally: &mut Tally) -> Result<(), String> {
        match self {
            Decoder::Answers => answers::play(setup, feed, tally, answers::Mode::Whole),
            Decoder::Batch => answers::play(setup, feed, tally, answers::Mode::Parts),
            Decoder::Journal => journal::play(setup, feed, tally),
            Decoder::Handler => handler::play(setup, feed, tally),
            Decoder::Rules => rules::play(setup, feed, tally),
            Decoder::Params => params::play(setup, feed, tally),
            Decoder::Transport => transport::play(setup, feed, tally),
            Decoder::AuthFile => auth::file(feed, tally),
            Decoder::Token => auth::token(feed, tally),
        }
    }
}

/// How many inputs are given at once where the decoder has no memory.
const AT_ONCE: usize = 50;

/// Gives one input to a decoder; whether it was accepted.
type Take<'a> = &'a mut dyn FnMut(&[u8], &mut Tally) -> Result<bool, String>;

/// Inputs for a decoder without memory: `take` says whether one was accepted.
fn each(
    feed: &mut Feed,
    tally: &mut Tally,
    make: &mut dyn FnMut(&mut Dice) -> Vec<u8>,
    take: Take<'_>,
) -> Result<(), String> {
    for _ in 0..AT_ONCE {
        let Some(input) = feed.next(&mut *make) else { return Ok(()) };
        let accepted = take(&input, tally)?;
        tally.count(accepted);
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
