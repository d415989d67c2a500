//! The steps that the world can take.

use crate::server::Message;

/// One step. Numbers are places in the world's lists, so that a path can be gone again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// An object changes.
    Change(Message),
    /// Another tool puts a free record into the error lane.
    ErrorByAnother(usize),
    /// The portal executes the request of this consumer, or its next part.
    Execute(usize),
    /// The answer reaches the consumer.
    Answer(usize),
    /// The oldest save of the consumer's journal is durable, and the machine hears of it.
    Saved(usize),
    /// The user's code of a consumer judges a change of a batch.
    Judge(usize, usize, usize, Judged),
    /// The consumer's clock shows the time at which it wanted to wake.
    Tick(usize),
    /// A long time passes: everything that waits for a time is due.
    Leap,
    /// The consumer is killed after so many of its saves became durable, and started again.
    Crash(usize, usize),
    /// Something goes wrong with the consumer's request.
    Fault(usize, Fault),
    /// A request whose answer nobody waits for is executed, or its next part.
    Late(usize),
    /// The user drives the parked objects again.
    Redrive(usize),
    /// So much time passes that what is reserved is about to outlive its life.
    Age,
    /// The portal deletes what has outlived its life.
    Expire,
    /// The portal's plan gains or loses `rest_offline_extended`.
    Plan(bool),
}

/// What the user's code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// It is in the target.
    Done,
    /// Once more.
    Retry,
    /// Never.
    Reject,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It could not be sent.
    NotSent,
    /// It is lost on its way, and nobody knows.
    Lost,
    /// No answer comes; it may be executed within the portal's 60 s.
    Late,
    /// It is executed and answered, and may be executed once more within 60 s.
    Twice,
    /// It dies after so many sub-calls, without an answer.
    Cut(usize),
    /// It dies after so many sub-calls; those are answered.
    CutAnswered(usize),
    /// It dies in this sub-call, a `get` that deletes: it has marked and not deleted (F7).
    Half(usize),
    /// It was executed, its answer is lost.
    AnswerLost,
    /// It was executed, but this sub-call is answered with a failure of the server's.
    ServerFailed(usize),
}
