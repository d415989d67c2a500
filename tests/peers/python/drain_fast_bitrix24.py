"""The calls of `drain.py` by fast_bitrix24."""

from fast_bitrix24 import Bitrix

from drain import CONNECTOR, FIELDS, pages
from emulator import HTTP
from test_fast_bitrix24 import Tokens


class Portal:
    def __init__(self):
        tokens = Tokens()

        async def token_func():
            return await tokens()

        # the pace is not what is measured: the portal has no bucket here
        self.portal = Bitrix(
            f"http://{HTTP}/rest/",
            token_func=token_func,
            verbose=False,
            request_pool_size=1_000_000,
            requests_per_second=1_000.0,
        )

    def raw(self, method, **params):
        return self.portal.call(method, params | {"auth_connector": CONNECTOR}, raw=True)["result"]

    def reserve(self, limit):
        return self.raw("event.offline.get", clear=0, limit=limit)

    def one_by_one(self, ids):
        return (self.raw("crm.deal.get", id=deal) for deal in ids)

    def by_batch(self, ids):
        # a list of parameters becomes batches of 50 calls, whose lists come back as one
        lists = [{"filter": {"@ID": page}, "select": FIELDS, "start": -1} for page in pages(ids)]
        return self.portal.call("crm.deal.list", lists)

    def clear(self, process_id):
        self.raw("event.offline.clear", process_id=process_id)
