package io.github.b24offline

import io.github.b24offline.core.Failure
import io.github.b24offline.ffi.failureSentence

/** Why a queue did not do what it was asked, in a sentence that says what to do. */
public sealed class QueueException(message: String) : Exception(message) {
    /** The run can't go on without a person; nothing is lost. */
    public class Failed(
        /** What is in the way. */
        public val failure: Failure,
    ) : QueueException(failureSentence(failure))

    /** It was closed. */
    public class Closed internal constructor() :
        QueueException("the queue is closed; open another one on the same journal, which carries on without loss")

    /** It runs, or has run. */
    public class RunTwice internal constructor() :
        QueueException("the queue is run once only; open another one on the same journal")

    /** The parameters of a write are not the JSON text of an object; it was not tried. */
    public class Params(method: String) :
        QueueException("the parameters of $method are not the JSON text of an object")

    /** A name holds half of a surrogate pair; it was not tried. */
    public class NotText internal constructor(what: String) :
        QueueException("$what is no text, as it holds half of a surrogate pair; name it in whole characters")

    /** The queue has ended, or ended before there was a result: the write was perhaps executed. */
    public class Ended(method: String) :
        QueueException("the queue ended before the result of $method was known")
}
