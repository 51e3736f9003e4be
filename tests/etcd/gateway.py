"""A real etcd, asked through its JSON gateway in the words of our own requests.

Revisions and numbers of leases are counted from where a run began, so runs can follow each other
on one etcd; values are text.
"""

import base64
import http.client
import json
import socket
import urllib.error
import urllib.request

from k8s_ref.etcd.kv import DeleteRangeRequest, PutRequest, RangeRequest
from k8s_ref.etcd.mvcc import Event, KeyValue

TARGETS = {"create_revision": "CREATE", "mod_revision": "MOD"}
RESULTS = {"=": "EQUAL", "!=": "NOT_EQUAL", "<": "LESS", ">": "GREATER"}


class Refused(Exception):  # noqa: N818
    """What etcd answered instead of doing it."""


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def decoded(text):
    return base64.b64decode(text or "").decode()


class Gateway:
    """Revision 1 is the one etcd had when this object was made."""

    def __init__(self, url):
        self.url = url
        self.base = int(self.ask("kv/range", {"key": encoded("x")})["header"]["revision"]) - 1

    def ask(self, path, body):
        request = urllib.request.Request(f"{self.url}/v3/{path}", json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["error"]) from None

    @property
    def revision(self):
        return self.local(self.ask("kv/range", {"key": encoded("x")})["header"]["revision"])

    def local(self, revision):
        return int(revision) - self.base

    def actual(self, revision):
        return revision + self.base if revision else 0

    def kv(self, found):
        """One version of a key as we write it; the previous of a new key is nothing."""
        if not found:
            return None
        return KeyValue(
            decoded(found["key"]),
            decoded(found["value"]) if "value" in found else None,
            self.local(found["create_revision"]) if "create_revision" in found else 0,
            self.local(found["mod_revision"]),
            int(found.get("version", 0)),
            int(found.get("lease", 0)),
        )

    # -- requests and answers, as plain tuples

    def op(self, op):
        if isinstance(op, RangeRequest):
            return {"request_range": self.range_body(op)}
        if isinstance(op, PutRequest):
            return {"request_put": self.put_body(op)}
        return {"request_delete_range": self.delete_body(op)}

    def range_body(self, request):
        return {
            "key": encoded(request.key),
            "range_end": encoded(request.end),
            "limit": request.limit,
            "revision": self.actual(request.revision),
            "sort_order": request.sort_order.upper() or "NONE",
            "sort_target": TARGETS.get(request.sort_target, request.sort_target.upper()),
            "keys_only": request.keys_only,
            "count_only": request.count_only,
            **{
                name: self.actual(getattr(request, name))
                for name in request._fields
                if name.startswith(("min_", "max_"))
            },
        }

    def put_body(self, request):
        body = {
            "key": encoded(request.key),
            "lease": request.lease,
            "prev_kv": True,
            "ignore_value": request.ignore_value,
            "ignore_lease": request.ignore_lease,
        }
        return body if request.value is None else {**body, "value": encoded(request.value)}

    def delete_body(self, request):
        return {"key": encoded(request.key), "range_end": encoded(request.end), "prev_kv": True}

    def condition(self, condition):
        target = TARGETS.get(condition.target, condition.target.upper())
        operand = condition.operand
        if condition.target == "value":
            operand = encoded(operand)
        elif target in ("CREATE", "MOD"):
            operand = self.actual(operand)
        return {
            "key": encoded(condition.key),
            "target": target,
            "result": RESULTS[condition.result],
            condition.target: operand,
        }

    def answer(self, op, found):
        """The answer of one operation: (kvs, more, count), the previous or all the previous."""
        if isinstance(op, RangeRequest):
            kvs = [self.kv(kv) for kv in found.get("kvs", ())]
            return kvs, found.get("more", False), int(found.get("count", 0))
        if isinstance(op, PutRequest):
            return self.kv(found.get("prev_kv"))
        return [self.kv(kv) for kv in found.get("prev_kvs", ())]

    def do(self, op):
        """One request of its own: the revision afterwards, and the answer."""
        ((path, body),) = {
            RangeRequest: {"kv/range": self.range_body},
            PutRequest: {"kv/put": self.put_body},
            DeleteRangeRequest: {"kv/deleterange": self.delete_body},
        }[type(op)].items()
        found = self.ask(path, body(op))
        return self.local(found["header"]["revision"]), self.answer(op, found)

    def txn(self, conditions, success, failure):
        """The revision, whether the conditions held, and the answers."""
        body = {
            "compare": [self.condition(one) for one in conditions],
            "success": [self.op(op) for op in success],
            "failure": [self.op(op) for op in failure],
        }
        found = self.ask("kv/txn", body)
        succeeded = found.get("succeeded", False)
        branch = success if succeeded else failure
        answers = [
            self.answer(op, next((v for v in said.values() if isinstance(v, dict)), {}))
            for op, said in zip(branch, found.get("responses", ()), strict=True)
        ]
        return self.local(found["header"]["revision"]), succeeded, answers

    def compact(self, revision):
        self.ask("kv/compaction", {"revision": self.actual(revision)})

    def grant(self, ttl, number):
        found = self.ask("lease/grant", {"TTL": ttl, "ID": number})
        return int(found["TTL"])

    def revoke(self, number):
        found = self.ask("lease/revoke", {"ID": number})
        return self.local(found["header"]["revision"])

    def keys(self, number):
        found = self.ask("lease/timetolive", {"ID": number, "keys": True})
        return sorted(decoded(key) for key in found.get("keys", ()))


class GatewayWatch:
    """The stream of a watch; used as a context."""

    def __init__(self, gateway, first, end, since):
        body = {
            "key": encoded(first),
            "range_end": encoded(end),
            "start_revision": gateway.actual(since + 1),
            "prev_kv": True,
        }
        self.gateway = gateway
        address = gateway.url.removeprefix("http://")
        self.connection = http.client.HTTPConnection(address, timeout=30)
        self.connection.request("POST", "/v3/watch", json.dumps({"create_request": body}))
        self.stream = self.connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        # Closing a response that never ends would read on until its end.
        self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def until(self, revision):
        """All events up to a revision; a watch that is behind compaction says ``canceled``."""
        events = []
        while not events or events[-1].kv.mod_revision < revision:
            result = json.loads(self.stream.readline())["result"]
            if result.get("canceled"):
                return "canceled"
            events += [self._event(event) for event in result.get("events", ())]
        return events

    def _event(self, event):
        kv, old = self.gateway.kv(event["kv"]), self.gateway.kv(event.get("prev_kv"))
        return Event(kv._replace(version=0) if event.get("type") == "DELETE" else kv, old)
