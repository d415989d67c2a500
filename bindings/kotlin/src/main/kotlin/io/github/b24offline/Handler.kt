package io.github.b24offline

import io.github.b24offline.core.Batch
import io.github.b24offline.core.Change
import io.github.b24offline.core.Judgement
import io.github.b24offline.core.Verdict
import io.github.b24offline.core.Verdicts
import io.github.b24offline.ffi.completeVerdicts
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.asFlow
import kotlinx.coroutines.flow.flatMapMerge
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.toList

/**
 * Receives batches of changes. A lambda is one: `Handler { batch -> … }`; [each] makes one of a lambda for single
 * changes.
 *
 * Up to four batches are handled side by side, no object in two of them, on threads that may be blocked. A
 * handler that throws, leaves changes unnamed or names others has those changes given to it again.
 */
public fun interface Handler {
    /**
     * Makes the changes safe in the other system, and says which of them are. It takes as long as it takes;
     * meanwhile its objects are not delivered again.
     */
    public suspend fun handle(batch: Batch): Verdicts

    /**
     * Called when the verdicts of a batch have been taken: the place to start what should follow. It should
     * return at once.
     */
    public fun judged(batch: Batch, verdicts: Verdicts) {}
}

/** The handler failed on some changes only; the others have their verdicts. */
public class SomeFailed(
    /** The verdicts of the others. */
    public val named: List<Judgement>,
    /** How many changes failed. */
    public val failed: Int,
    cause: Throwable,
) : Exception("the handler failed on some changes", cause)

/**
 * Makes a handler of a lambda that judges one change. One after the other of a batch is given to it; [atOnce]
 * raises that. What it throws is a failure of its change only.
 */
public fun each(atOnce: Int = 1, judge: suspend (Change) -> Verdict): Handler {
    require(atOnce >= 1) { "at least one change at once must be judged, not $atOnce" }
    return Handler { batch ->
        val outcomes = outcomes(batch, atOnce, judge)
        val named = outcomes.mapNotNull { it.getOrNull() }
        val failures = outcomes.mapNotNull { it.exceptionOrNull() }
        if (failures.isNotEmpty()) throw SomeFailed(named, failures.size, failures.first())
        Verdicts.Some(named)
    }
}

@OptIn(kotlinx.coroutines.ExperimentalCoroutinesApi::class)
private suspend fun outcomes(
    batch: Batch,
    atOnce: Int,
    judge: suspend (Change) -> Verdict,
): List<Result<Judgement>> =
    batch.changes.asFlow()
        .flatMapMerge(atOnce) { change -> flow { emit(attempt { judgement(change, judge(change)) }) } }
        .toList()

private fun judgement(change: Change, verdict: Verdict): Judgement {
    require(verdict !is Verdict.Reject || isText(verdict.reason)) { "the reason of a reject is no text" }
    return Judgement(change.key, verdict)
}

/** What a handler throws is its failure, a time limit of its own too; being cancelled from outside is not. */
private suspend fun <T> attempt(work: suspend () -> T): Result<T> =
    try {
        // in a scope of its own: one that cancels itself, or whose child fails, fails alone
        Result.success(coroutineScope { work() })
    } catch (error: Throwable) {
        currentCoroutineContext().ensureActive()
        Result.failure(error)
    }

/** Lets the handler judge a batch; whatever it does, each change gets exactly one verdict. */
internal suspend fun judge(handler: Handler, batch: Batch, report: (Report) -> Unit): Verdicts {
    val outcome = attempt { completeVerdicts(batch, handler.handle(copyOf(batch))) }
    outcome.getOrNull()?.let { complete ->
        complete.wrong?.let { report(Report.HandlerFailed(batch.changes.size, it)) }
        return complete.verdicts
    }
    val error = outcome.exceptionOrNull()
    val named = (error as? SomeFailed)?.let { attempt { completeVerdicts(batch, Verdicts.Some(it.named)).verdicts } }
    if (error is SomeFailed && named?.isSuccess == true) {
        report(Report.HandlerFailed(error.failed, thrown(error.cause)))
        return named.getOrThrow()
    }
    report(Report.HandlerFailed(batch.changes.size, thrown(named?.exceptionOrNull() ?: error)))
    return Verdicts.All(Verdict.Retry(null), emptyList())
}

/** Lists of its own: what a handler does to its batch changes no other one. */
private fun copyOf(batch: Batch): Batch =
    batch.copy(changes = batch.changes.map { it.copy(events = it.events.toList()) })

private fun thrown(error: Throwable?): String =
    asText("it threw ${error?.javaClass?.simpleName}" + error?.message?.let { ": $it" }.orEmpty())
