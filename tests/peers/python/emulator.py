"""What the tests of both Python SDKs share: the emulator's control API, over plain HTTP."""

import json
import os
import urllib.request

HTTP = os.environ["B24_HTTP"]
"""Host and port of the portal without TLS."""

HTTPS = os.environ["B24_HTTPS"]
"""Host and port of the portal with TLS; its certificate is named by REQUESTS_CA_BUNDLE."""

SOURCE = os.environ["B24_PERSONALITY"] == "source"
"""Whether the portal follows the server's source where that differs from the documentation."""

EVENT = "ONCRMDEALUPDATE"


def control(path, body=None):
    """Calls `/control/<path>`: GET without a body, else POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://{HTTP}/control/{path}", data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def rows(connector):
    """The records of one queue as the portal's table holds them."""
    return [row for row in control("queue") if row["CONNECTOR"] == connector]


def changed_deals(count):
    """New deals, each changed once by a person. Answers their ids as text."""
    ids = control("objects/create", {"kind": "crm.deal", "count": count})["ids"]
    control("objects/change", {"kind": "crm.deal", "ids": ids, "fields": {"TITLE": "by a person"}})
    return ids


def ids_in(events):
    """The ids of the objects that events name."""
    return [event["EVENT_DATA"]["FIELDS"]["ID"] for event in events]


def webhook_parts():
    """User and code of a new webhook."""
    user, code = control("webhooks", {})["url"].rstrip("/").split("/")[-2:]
    return user, code
