"""A queue drained by one SDK, for `cargo xtask bench`: `drain.py <SDK> <way>`.

The loop is the documentation's: reserve, read, hand over, clear. `naive` reserves the default 50 records and reads object
by object. `best` is what somebody writes who knows the limits: 2,500 records reserved at once, their deals read by one
batch of 50 lists. A call that fails is told on standard error, and the loop goes on with the next reservation, as a
program that is started again would.

Each delivered deal is one line on standard output, as `listen --jsonl` writes it.
"""

import importlib
import json
import sys

CONNECTOR = "warehouse"
PAGE = 50
MOST = 2500
FAILURES = 5
FIELDS = ["*", "UF_*"]
"""What a list is asked for, to give what a single read gives."""


def pages(ids):
    """Ids by as many as one list answers."""
    return [ids[at : at + PAGE] for at in range(0, len(ids), PAGE)]


def main():
    sdk, way = sys.argv[1:]
    portal = importlib.import_module(f"drain_{sdk}").Portal()
    limit, read = {"naive": (PAGE, portal.one_by_one), "best": (MOST, portal.by_batch)}[way]
    failures = 0
    while True:
        try:
            package = portal.reserve(limit)
            if not package["events"]:
                return
            # one object may have several records
            ids = list(dict.fromkeys(event["EVENT_DATA"]["FIELDS"]["ID"] for event in package["events"]))
            for deal in read(ids):
                hand_over(deal)
            portal.clear(package["process_id"])
        except Exception as error:
            failures += 1
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            if failures == FAILURES:
                raise


def hand_over(deal):
    named = {"kind": "crm.deal", "id": deal["ID"]}
    print(json.dumps({"object": named, "state": "present", "data": deal}))


if __name__ == "__main__":
    main()
