package io.github.b24offline.listen

/** What `--help` prints. */
internal const val HELP =
    """Drains the offline-event queue of a Bitrix24 portal and hands each change to a handler

Usage: listen.sh [OPTIONS] --endpoint <URL> --auth <FILE> --event <NAME> (--jsonl | --exec <COMMAND>)

Options:
  --endpoint <URL>          The portal's REST base, such as https://portal.example/rest/
  --allow-http              Lets --endpoint and the token endpoint be plain http, on addresses of this
                            machine only
  --auth <FILE>             JSON file with access_token, refresh_token, client_id, client_secret,
                            oauth_url; renewed tokens are written back
  --ca <FILE>               Further certificate authorities in PEM form, for a self-hosted portal or
                            the emulator [env: B24_OFFLINE_CA]
  --connector <NAME>        The source key: a queue of its own, which leaves out what is written with
                            the same key
  --event <NAME>            An event to record and deliver, such as ONCRMDEALUPDATE; repeat it for more
  --journal <PATH>          Where the journal lies (a text file); without it a restart drives parked
                            changes again
  --jsonl                   Writes each change as one JSON line to standard output; a line written
                            counts as done
  --exec <COMMAND>          Starts COMMAND through the shell for each batch, with the changes as JSON
                            lines on its standard input; see below for its answer
  --until-empty             Ends with 0 once nothing is left to do
  --poll <SECONDS>          How long an empty queue is left alone, 0.01 to 86400 [default: 5]; while
                            nothing comes, up to six times as long and at most a minute
  --sweep <SECONDS>         How long between two searches for reservations that nobody owns, 0.01 to
                            86400 [default: 300]
  --retry-delay <SECONDS>   The delay before a change's second attempt, at most 3600; it doubles with
                            each further one [default: 5]
  --attempts <N>            How many attempts a change has before it is rejected, 1 to 1000 [default: 5]
  --limits <LIMITS>         The portal's bucket of requests to keep to: standard (2/s and 50),
                            enterprise (5/s and 250), off [default: standard]
  --on-reject <ON_REJECT>   What becomes of a rejected change: park, or register with
                            event.offline.error first [default: park]
  --mode <MODE>             reserve, or delete (lossless, needs --journal); auto goes by the portal's
                            plan [default: auto]
  --retrieve <RETRIEVE>     How the data is read: list (many objects a call), get (one by one), none
                            [default: list]
  --batch-size <N>          The most records reserved at once, 1 to 2250 [default: adaptive]
  --write-back <FIELD>      Writes FIELD of each object back to the portal after its change was judged
                            done
  --log <LOG>               The form of the notices on standard error: text (one sentence a line), json
                            (one JSON object a line) [default: text]
  -h, --help                Prints this

A change on one line:
  {"key": "812@…", "object": {"kind": "crm.deal", "id": "123"},
   "events": ["ONCRMDEALUPDATE"], "state": "present", "data": {…}, "changed_at": "…",
   "attempt": 1, "origin": "fresh"}
The answer of --exec: exit code 0 and no output means all done. A line on standard output singles
out one change, all others are done; any other exit or output is a failed attempt of all of them,
and they are tried again as long as --attempts allows:
  {"key": "812@…", "verdict": "retry", "after": 60}
  {"key": "812@…", "verdict": "reject", "reason": "no such customer"}

SIGINT or SIGTERM stops in an orderly way: nothing new is reserved, the running handlers have 30 s,
what they judged is settled. A second signal, a second or more after the first, ends at once with 1.
Handlers that are given up get SIGTERM, their changes come again at the next start.

Examples:
  listen.sh --endpoint https://portal.example/rest/ --auth auth.json \
    --event ONCRMDEALADD --event ONCRMDEALUPDATE --journal queue.journal --jsonl
  listen.sh --endpoint https://portal.example/rest/ --auth auth.json \
    --event ONCRMCONTACTUPDATE --connector warehouse --journal queue.journal --exec ./to-warehouse

Exit codes: 0 done, 1 unexpected failure, 2 wrong usage or configuration, 3 sign in again,
4 rights or plan missing, 5 another process holds the journal, 6 the portal is gone or moved.
After any end the next start carries on without loss."""
