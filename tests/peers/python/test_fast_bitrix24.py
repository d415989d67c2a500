"""fast_bitrix24 against the emulator, over plain HTTP.

Its plain `call()` packs everything into a batch; `call(…, raw=True)` and `call_batch` send what they are given.
"""

import json
import unittest
import urllib.parse
import urllib.request

from aiohttp import ClientResponseError
from fast_bitrix24 import BitrixAsync
from fast_bitrix24.server_response import ErrorInServerResponseException

from emulator import EVENT, HTTP, changed_deals, control, ids_in, rows, webhook_parts


class Tokens:
    """What an application gives the SDK as `token_func`: the first token, later refreshed ones."""

    def __init__(self):
        self.auth = control("token", {})
        self.asked = 0

    async def __call__(self):
        self.asked += 1
        if self.asked > 1:
            self.refresh()
        return self.auth["access_token"]

    def refresh(self):
        names = ("client_id", "client_secret", "refresh_token")
        form = {"grant_type": "refresh_token"} | {name: self.auth[name] for name in names}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(self.auth["oauth_url"], data=body, timeout=10) as answer:
            self.auth |= json.load(answer)


class FastBitrix24(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.connector = "fast." + self.id().rsplit(".", 1)[-1]
        self.tokens = Tokens()

        async def token_func():
            return await self.tokens()

        self.portal = BitrixAsync(f"http://{HTTP}/rest/", token_func=token_func, verbose=False)
        self.assertIs(await self.raw("event.bind", event=EVENT, event_type="offline"), True)

    async def raw(self, method, **params):
        """One call as it is, with the connector; answers its `result`."""
        params |= {"auth_connector": self.connector}
        return (await self.portal.call(method, params, raw=True))["result"]

    async def test_binding_shows_and_binding_twice_is_an_error(self):
        bound = (await self.portal.call("event.get", {}, raw=True))["result"]
        self.assertIn({"event": EVENT, "connector_id": self.connector, "offline": 1}, bound)
        with self.assertRaises(ClientResponseError) as raised:
            await self.raw("event.bind", event=EVENT, event_type="offline")
        self.assertEqual(raised.exception.status, 400)

    async def test_get_without_reservation_takes_the_records_away(self):
        ids = changed_deals(3)
        package = await self.raw("event.offline.get")
        self.assertEqual(sorted(ids_in(package["events"])), sorted(ids))
        self.assertIsNone(package["process_id"])
        self.assertEqual(rows(self.connector), [])

    async def test_get_with_reservation_and_clear(self):
        ids = changed_deals(3)
        package = await self.raw("event.offline.get", clear=0)
        self.assertEqual(sorted(ids_in(package["events"])), sorted(ids))
        self.assertEqual((await self.raw("event.offline.get", clear=0))["events"], [])
        records = [event["ID"] for event in package["events"]]
        process_id = package["process_id"]
        self.assertIs(await self.raw("event.offline.clear", process_id=process_id, id=records), True)
        self.assertEqual(rows(self.connector), [])

    async def test_list_pages_by_batches_of_starts(self):
        changed_deals(120)
        records = await self.portal.get_all(
            "event.offline.list", {"auth_connector": self.connector, "filter": {"ERROR": 0}}
        )
        # the first page names the connector outside; the SDK asks for the others in a batch, where the connector
        # is ignored, so they come from the queue without a source, which is empty
        self.assertEqual(len(records), 50)

    async def test_list_of_objects_comes_whole(self):
        ids = changed_deals(120)
        deals = await self.portal.get_all("crm.deal.list", {"filter": {"@ID": ids}, "select": ["ID"]})
        self.assertEqual(sorted(deal["ID"] for deal in deals), sorted(ids))

    async def test_batch_with_the_connector_outside(self):
        [deal] = changed_deals(1)
        answer = await self.portal.call_batch(
            {
                "halt": 0,
                "cmd": {
                    "take": "event.offline.get?clear=0",
                    "read": f"crm.deal.get?id={deal}",
                    "settle": "event.offline.clear?process_id=$result[take][process_id]"
                    "&id[]=$result[take][events][0][ID]",
                },
                "auth_connector": self.connector,
            }
        )
        self.assertEqual(ids_in(answer["take"]["events"]), [deal])
        self.assertEqual(answer["read"]["TITLE"], "by a person")
        self.assertIs(answer["settle"], True)
        self.assertEqual(rows(self.connector), [])

    async def test_one_failing_call_hides_a_whole_batch(self):
        [deal] = changed_deals(1)
        commands = {"a": f"crm.deal.get?id={deal}", "b": "crm.deal.get?id=999999"}
        with self.assertRaises(ErrorInServerResponseException):
            await self.portal.call_batch({"halt": 0, "cmd": commands})

    async def test_plain_call_loses_the_connector_and_the_change_comes_back(self):
        [deal] = changed_deals(1)
        await self.raw("event.offline.get")
        write = {"id": deal, "fields": {"TITLE": "by the app"}}
        await self.raw("crm.deal.update", **write)
        self.assertEqual(rows(self.connector), [])
        await self.portal.call("crm.deal.update", write | {"auth_connector": self.connector})
        self.assertEqual(len(rows(self.connector)), 1)

    async def test_an_expired_token_is_asked_for_anew(self):
        await self.raw("event.get")
        control("token/expire", {})
        self.assertIsInstance(await self.raw("event.get"), list)
        self.assertEqual(self.tokens.asked, 2)

    async def test_a_webhook_is_refused(self):
        user, code = webhook_parts()
        webhook = BitrixAsync(f"http://{HTTP}/rest/{user}/{code}/", verbose=False)
        with self.assertRaises(ClientResponseError) as raised:
            await webhook.call("event.offline.get", {}, raw=True)
        self.assertEqual(raised.exception.status, 403)


if __name__ == "__main__":
    unittest.main()
