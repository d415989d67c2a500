"""The calls of `drain.py` by b24pysdk."""

from b24pysdk import Client

from drain import CONNECTOR, FIELDS, pages
from test_b24pysdk import signed_in


class Portal:
    def __init__(self):
        self.token = signed_in()
        self.client = Client(self.token)

    def reserve(self, limit):
        get = self.client.event.offline.get
        return get(clear=False, limit=limit, auth_connector=CONNECTOR).result

    def one_by_one(self, ids):
        return (self.client.crm.deal.get(int(deal)).result for deal in ids)

    def by_batch(self, ids):
        lists = [
            ("crm.deal.list", {"filter": {"@ID": page}, "select": FIELDS, "start": -1})
            for page in pages(ids)
        ]
        answers = self.token.call_batch(lists)["result"]["result"]
        answers = answers.values() if isinstance(answers, dict) else answers
        return [deal for page in answers for deal in page]

    def clear(self, process_id):
        # the typed call has no connector
        params = {"process_id": process_id, "auth_connector": CONNECTOR}
        self.token.call_method("event.offline.clear", params)
