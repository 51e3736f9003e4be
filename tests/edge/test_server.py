"""The socket in front of the API server: real TLS, real certificates, a real port."""

import json
import ssl
from http.client import HTTPSConnection
from urllib.parse import urlsplit

import pytest

from k8s_ref.edge.server import CONTROL, LARGEST
from tests.edge.live import Live

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


class Caller:
    """Who talks to a live cluster, with a certificate of his own or none."""

    def __init__(self, live, user=None, groups=()):
        authority = live.serving.authority
        self.place = urlsplit(live.url)
        self.tls = ssl.create_default_context(cadata=authority.pem.decode())
        if user is not None:
            pair = authority.client(user, groups)
            file = live.folder / f"{user}.pem"
            file.write_bytes(pair.certificate + pair.key)
            self.tls.load_cert_chain(file)

    def open(self, method, path, body=None, headers=None):
        """The answer, whose body is still to be read, and its connection."""
        host, port = self.place.hostname, self.place.port
        connection = HTTPSConnection(host, port, context=self.tls, timeout=20)
        connection.request(method, path, body, headers or {})
        return connection.getresponse(), connection

    def call(self, method, path, body=None, **headers):
        """Code and text of the answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer, connection = self.open(method, path, body, named)
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def told(self, method, path, body=None, **headers):
        """Code and message of the Status."""
        code, text = self.call(method, path, body, **headers)
        return code, json.loads(text)["message"]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with Live(tmp_path_factory.mktemp("live"), nodes=1, speed=50) as served:
        yield served


@pytest.fixture(scope="module")
def admin(live):
    return Caller(live, "kubernetes-admin", ("system:masters",))


def test_a_certificate_says_who_asks(live, admin):
    assert admin.call("GET", PODS)[0] == 200
    assert Caller(live, "bob", ("devs",)).told("GET", PODS) == (
        403,
        'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the'
        ' namespace "default"',
    )


def test_whoever_shows_nothing_is_anonymous_and_may_see_who_is_well(live):
    code, message = Caller(live).told("GET", PODS)
    assert (code, 'User "system:anonymous"' in message) == (403, True)
    assert Caller(live).call("GET", "/livez") == (200, "ok")


def test_names_of_headers_do_not_care_about_case_and_a_header_may_stand_twice(live, admin):
    place = admin.place
    connection = HTTPSConnection(place.hostname, place.port, context=admin.tls, timeout=20)
    connection.putrequest("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/view")
    connection.putheader("IMPERSONATE-User", "bob")
    for group in ("system:masters", "devs"):
        connection.putheader("Impersonate-GROUP", group)
    connection.endheaders()
    assert connection.getresponse().status == 200
    connection.close()


def test_answers_are_not_to_be_kept_and_say_what_they_are(admin):
    answer, connection = admin.open("GET", PODS)
    assert answer.headers["Cache-Control"] == "no-cache, private"
    assert answer.headers["Content-Type"] == "application/json"
    connection.close()


def test_what_did_not_change_is_not_sent_again(admin):
    wanted = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    first, connection = admin.open("GET", "/apis", None, wanted)
    first.read()
    connection.close()
    known = {**wanted, "If-None-Match": first.headers["ETag"]}
    again, connection = admin.open("GET", "/apis", None, known)
    assert (again.status, again.read(), again.headers["Content-Type"]) == (304, b"", None)
    connection.close()


def test_a_body_of_three_megabytes_is_read_and_one_byte_more_is_too_much(admin):
    def filled(size):
        bare = json.dumps({"metadata": {"name": "large"}, "data": {"a": ""}})
        return bare.replace('""', '"' + "x" * (size - len(bare)) + '"')

    code, message = admin.told("POST", MAPS, filled(LARGEST + 1))
    assert (code, message) == (413, "Request entity too large: limit is 3145728")
    # It is read, and then found too large for a ConfigMap.
    code, message = admin.told("POST", MAPS, filled(LARGEST))
    assert (code, message.startswith('ConfigMap "large" is invalid: ')) == (422, True)


def test_a_watch_tells_what_happens_and_closes_after_timeout_seconds(live, admin):
    answer, connection = admin.open("GET", f"{MAPS}?watch=1&timeoutSeconds=1&resourceVersion=0")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    admin.call("POST", MAPS, json.dumps({"metadata": {"name": "seen"}}))
    events = [json.loads(line) for line in answer]
    connection.close()
    assert ("ADDED", "seen") in [(e["type"], e["object"]["metadata"]["name"]) for e in events]
    live.until(lambda: not live.serving.edge.streams)


def test_a_watcher_who_goes_away_leaves_nothing_behind(live, admin):
    server = live.cluster.server
    cache = server.registry("secrets").cache
    before = len(cache.watches)
    _, connection = admin.open("GET", "/api/v1/secrets?watch=1")
    live.until(lambda: len(cache.watches) == before + 1)
    connection.close()
    live.until(lambda: len(cache.watches) == before)
    assert not live.serving.edge.streams


# -- the console


def test_lines_of_the_console_move_the_clock_and_time_goes_on_from_there(live, admin):
    before = live.cluster.loop.seconds
    assert admin.call("POST", CONTROL, "run 1h") == (200, "run 1h\n")
    there = live.cluster.loop.seconds
    assert there >= before + 3600
    live.until(lambda: live.cluster.loop.seconds > there + 1)


def test_a_line_that_is_none_is_named(admin):
    code, text = admin.call("POST", CONTROL, "jump 3s")
    assert (code, text.startswith("line 1: 'jump' is not a verb of the console")) == (400, True)


def test_only_who_holds_the_cluster_may_move_its_clock(live, admin):
    assert Caller(live).call("POST", CONTROL, "run 1s") == (401, "Unauthorized\n")
    refused = (403, "only system:masters may do this\n")
    assert Caller(live, "bob", ("devs",)).call("POST", CONTROL, "run 1s") == refused
    assert admin.call("GET", CONTROL)[0] == 405


def test_while_the_api_server_is_down_nobody_is_answered_and_the_console_starts_it(live, admin):
    answer, connection = admin.open("GET", f"{MAPS}?watch=1")
    assert admin.call("POST", CONTROL, "stop kube-apiserver")[0] == 200
    answer.read()
    connection.close()
    assert admin.call("GET", PODS) == (503, "the API server is down\n")
    assert admin.call("POST", CONTROL, "start kube-apiserver")[0] == 200
    live.until(lambda: admin.call("GET", PODS)[0] == 200)
