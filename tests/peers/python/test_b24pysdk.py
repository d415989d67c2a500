"""b24pysdk against the emulator, over TLS: the SDK knows no other scheme.

The SDK's typed calls are used wherever they can do the thing. They cannot carry a connector on `clear`, `error` and
`unbind`, nor on the outer call of a batch; there its raw `call_method` is used.
"""

import unittest

from b24pysdk import Client
from b24pysdk.api.requesters.bitrix_oauth_requester import BitrixOAuthRequester
from b24pysdk.credentials import BitrixApp, BitrixToken
from b24pysdk.errors import BitrixAPIError, BitrixAPIWrongAuthType

from emulator import (
    EVENT,
    HTTPS,
    SOURCE,
    changed_deals,
    control,
    ids_in,
    rows,
    webhook_parts,
)

# the SDK has the address of the cloud's OAuth server built in and no option for another one
BitrixOAuthRequester._OAUTH_TOKEN_URL = f"https://{HTTPS}/oauth/token/"


def signed_in():
    """A token of an administrator, as an application would have stored it."""
    auth = control("token", {})
    app = BitrixApp(client_id=auth["client_id"], client_secret=auth["client_secret"])
    return BitrixToken(
        domain=HTTPS,
        auth_token=auth["access_token"],
        refresh_token=auth["refresh_token"],
        bitrix_app=app,
    )


class B24PySdk(unittest.TestCase):
    def setUp(self):
        self.connector = "py." + self.id().rsplit(".", 1)[-1]
        self.token = signed_in()
        self.client = Client(self.token)
        bound = self.client.event.bind(
            EVENT, event_type="offline", auth_connector=self.connector
        ).result
        self.assertIs(bound, True)

    def reserve(self, **options):
        return self.client.event.offline.get(
            clear=False, auth_connector=self.connector, **options
        ).result

    def test_binding_shows_and_binding_twice_is_an_error(self):
        wanted = {"event": EVENT, "connector_id": self.connector, "offline": 1}
        self.assertIn(wanted, self.client.event.get().result)
        with self.assertRaises(BitrixAPIError) as raised:
            self.client.event.bind(
                EVENT, event_type="offline", auth_connector=self.connector
            ).result
        self.assertEqual(raised.exception.error, "ERROR_CORE")
        self.assertIn("already binded", str(raised.exception))

    def test_unbinding_counts(self):
        # the typed `unbind` has no connector and so leaves this queue's binding where it is
        self.client.event.unbind(EVENT, event_type="offline").result
        names = [held.get("connector_id") for held in self.client.event.get().result]
        self.assertIn(self.connector, names)
        answer = self.token.call_method(
            "event.unbind",
            {"event": EVENT, "event_type": "offline", "auth_connector": self.connector},
        )
        self.assertEqual(answer["result"], {"count": 1})

    def test_get_without_reservation_takes_the_records_away(self):
        ids = changed_deals(3)
        package = self.client.event.offline.get(auth_connector=self.connector).result
        self.assertEqual(sorted(ids_in(package["events"])), sorted(ids))
        self.assertIsNone(package["process_id"])
        self.assertEqual(rows(self.connector), [])

    def test_get_with_reservation_hides_the_records_until_they_are_cleared(self):
        ids = changed_deals(3)
        package = self.reserve()
        self.assertEqual(sorted(ids_in(package["events"])), sorted(ids))
        self.assertEqual(len(package["process_id"]), 32)
        self.assertEqual(self.reserve()["events"], [])
        again = self.reserve(process_id=package["process_id"])
        self.assertEqual(again["process_id"], package["process_id"])
        self.assertEqual(len(again["events"]), 3)

    def test_typed_events_stumble_over_a_real_message_id(self):
        changed_deals(1)
        answer = self.client.event.offline.list(auth_connector=self.connector)
        self.assertEqual(len(answer.result[0]["MESSAGE_ID"]), 32)
        with self.assertRaises(ValueError):
            answer.values[0].message_id

    def test_clear_by_ids_clears_just_these(self):
        changed_deals(3)
        package = self.reserve()
        process_id, records = package["process_id"], [event["ID"] for event in package["events"]]
        # the typed `clear` has no connector: it answers true and clears nothing here
        self.assertIs(
            self.client.event.offline.clear(process_id, bitrix_id=map(int, records)).result, True
        )
        self.assertEqual(len(rows(self.connector)), 3)
        for _ in range(2):  # clearing twice is harmless
            answer = self.token.call_method(
                "event.offline.clear",
                {
                    "process_id": process_id,
                    "id": records[:2],
                    "auth_connector": self.connector,
                },
            )
            self.assertIs(answer["result"], True)
        self.assertEqual([str(row["ID"]) for row in rows(self.connector)], records[2:])

    def test_list_reads_without_reserving_and_pages_by_50(self):
        changed_deals(60)
        offline = self.client.event.offline
        first = offline.list(auth_connector=self.connector)
        self.assertEqual(len(first.result), 50)
        self.assertEqual((first.response.total, first.response.next), (60, 50))
        rest = offline.list(start=50, auth_connector=self.connector)
        self.assertEqual(len(rest.result), 10)
        self.assertIsNone(rest.response.next)
        self.reserve(limit=7)
        reserved = offline.list(filter={">PROCESS_ID": ""}, auth_connector=self.connector)
        self.assertEqual(reserved.response.total, 7)

    def test_batch_judges_each_call_alone(self):
        [deal] = changed_deals(1)
        answer = self.token.call_batch(
            {
                "there": ("crm.deal.get", {"id": deal}),
                "missing": ("crm.deal.get", {"id": 999_999}),
                "many": ("crm.deal.list", {"filter": {"@ID": [deal]}, "select": ["ID", "TITLE"]}),
            }
        )["result"]
        self.assertEqual(answer["result"]["there"]["TITLE"], "by a person")
        self.assertEqual(answer["result"]["many"], [{"ID": deal, "TITLE": "by a person"}])
        self.assertEqual(list(answer["result_error"]), ["missing"])
        self.assertEqual(answer["result_total"], {"many": 1})

    def test_a_raw_batch_carries_the_connector_outside(self):
        [deal] = changed_deals(1)
        package = self.reserve()
        answer = self.token.call_method(
            "batch",
            {
                "halt": 0,
                "cmd": {
                    "write": f"crm.deal.update?id={deal}&fields[TITLE]=by+the+app",
                    "settle": "event.offline.clear?process_id={}&id[]={}".format(
                        package["process_id"], package["events"][0]["ID"]
                    ),
                },
                "auth_connector": self.connector,
            },
        )["result"]
        self.assertEqual(answer["result"], {"write": True, "settle": True})
        # the write is our own, so nothing came back, and the record is cleared
        self.assertEqual(rows(self.connector), [])

    def test_a_connector_inside_a_batch_is_ignored(self):
        [deal] = changed_deals(1)
        self.reserve()
        inside = {"id": deal, "fields": {"TITLE": "x"}, "auth_connector": self.connector}
        self.token.call_batch({"write": ("crm.deal.update", inside)})
        self.assertEqual(len(rows(self.connector)), 2)

    def test_without_a_connector_the_own_change_comes_back_or_not(self):
        # the documentation says that it does, the server's source skips it
        control("bindings", {"event": "ONCRMLEADADD"})
        before = len(rows(""))
        self.token.call_method("crm.lead.add", {"fields": {"TITLE": "by the app"}})
        self.assertEqual(len(rows("")) - before, 0 if SOURCE else 1)

    def test_a_filter_on_the_time_is_documented_and_refused_by_the_source(self):
        changed_deals(1)
        options = {"filter": {">TIMESTAMP_X": "2020-01-01T00:00:00+00:00"}}
        if SOURCE:
            with self.assertRaises(BitrixAPIError) as raised:
                self.reserve(**options)
            self.assertEqual(raised.exception.error, "ERROR_ARGUMENT")
        else:
            self.assertEqual(len(self.reserve(**options)["events"]), 1)

    def test_an_expired_token_is_refreshed_and_the_call_repeated(self):
        before = (self.token.auth_token, self.token.refresh_token)
        control("token/expire", {})
        self.assertIsInstance(self.client.event.get().result, list)
        self.assertNotEqual(self.token.auth_token, before[0])
        self.assertNotEqual(self.token.refresh_token, before[1])

    def test_a_webhook_is_refused(self):
        webhook = BitrixToken(domain=HTTPS, auth_token="/".join(webhook_parts()))
        with self.assertRaises(BitrixAPIWrongAuthType):
            webhook.call_method("event.offline.get", {})


if __name__ == "__main__":
    unittest.main()
