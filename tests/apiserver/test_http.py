"""HTTP as values: what clients send, and the bytes they are sent back."""

import json

import pytest
import yaml

from k8s_ref.apiserver.encoding import Encoder, Representation, negotiate
from k8s_ref.apiserver.http import CHUNK, Handler, HTTPRequest, HTTPResponse
from k8s_ref.machinery.errors import NotAcceptable
from tests.apiserver.callers import ADMIN
from tests.harness import ControlPlane, pod

MAPS = "/api/v1/namespaces/default/configmaps"
AS = "application/json;as={};v=v1;g=meta.k8s.io"
BETA = AS.format("Table").replace("v=v1", "v=v1beta1")


class Door(ControlPlane):
    """An API server, and clients who speak HTTP to it."""

    def __init__(self, *documents, **options):
        super().__init__(**options)
        self.handler = Handler(self.server, documents)

    def ask(self, method, path, body=None, certificate=ADMIN, query=None, **headers):
        """The whole answer."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        wanted = {name: [value] for name, value in (query or {}).items()}
        return self.do(
            self.handler.serve(HTTPRequest(method, path, wanted, named, sent, certificate))
        )

    def told(self, *args, **more):
        """Code and body of the answer."""
        answer = self.ask(*args, **more)
        return answer.code, json.loads(answer.body)

    def watch(self, path=MAPS, **query):
        """A stream of events."""
        return self.ask("GET", path, query={"watch": "1", **query}).stream

    def lines(self, stream):
        """What is there of a stream."""
        return [json.loads(line) for line in self.do(stream.next()).splitlines()]

    def make(self, name, **more):
        """A ConfigMap."""
        return self.told("POST", MAPS, {"metadata": {"name": name}, **more})


@pytest.fixture
def door():
    return Door()


def test_what_is_created_comes_back_as_one_line_of_json(door):
    answer = door.ask("POST", MAPS, {"metadata": {"name": "one"}, "data": {"a": "<b>"}})
    assert (answer.code, answer.content_type) == (201, "application/json")
    assert answer.body.endswith(b'"data":{"a":"\\u003cb\\u003e"}}\n')
    assert json.loads(answer.body)["metadata"]["name"] == "one"


def test_the_agent_is_who_the_trace_says_it_was(door):
    door.ask("POST", MAPS, {"metadata": {"name": "one"}}, user_agent="helm/3.1 (linux)")
    assert door.loop.trace[-1].actor == "helm"


# -- refusals


def test_a_refusal_is_a_status(door):
    code, status = door.told("GET", f"{MAPS}/two")
    assert (code, status["kind"], status["reason"]) == (404, "Status", "NotFound")


def test_a_token_that_is_none_is_unauthorized(door):
    code, status = door.told("GET", MAPS, certificate=None, authorization="Bearer nonsense")
    assert (code, status["message"]) == (401, "Unauthorized")


def test_whoever_may_not_ask_is_not_told_what_is_wrong_with_the_question(door):
    assert door.told("POST", MAPS, b"{", certificate=("bob", ()))[0] == 403
    assert door.told("POST", MAPS, b"{")[0] == 400


def test_whoever_may_not_look_is_not_told_that_nobody_lives_there(door):
    assert door.told("GET", "/nowhere", certificate=("bob", ()))[0] == 403
    assert door.told("GET", "/nowhere")[0] == 404


def test_whoever_has_to_try_again_is_told_when(door):
    answer = door.ask("GET", MAPS, query={"resourceVersion": "9999"})
    assert (answer.code, answer.headers) == (504, [("Retry-After", "1")])


def test_a_fault_of_the_server_does_not_end_it(door):
    def broken(http):
        raise ZeroDivisionError("oh")

    door.handler.documents = (broken,)
    code, status = door.told("GET", "/anywhere")
    assert (code, status["reason"]) == (500, "InternalError")
    assert "ZeroDivisionError: oh" in status["message"]
    assert door.told("GET", MAPS)[0] == 200


def test_a_warning_is_a_header(door):
    answer = door.ask("POST", MAPS, {"metadata": {"name": "one"}, "dato": {}})
    assert answer.code == 201
    assert answer.headers == [("Warning", '299 - "unknown field \\"dato\\""')]


def test_the_first_document_that_knows_the_path_answers():
    def first(http):
        return HTTPResponse(200, b"first") if http.path == "/a" else None

    def second(http):
        return HTTPResponse(200, b"second")

    door = Door(first, second)
    assert [door.ask("GET", path).body for path in ("/a", "/b")] == [b"first", b"second"]


def test_somebody_may_watch_how_requests_are_answered(door):
    seen = []
    door.handler.observe = lambda request, code, seconds: seen.append((request.verb, code, seconds))
    times = iter([1.0, 3.5])
    door.handler.clock = lambda: next(times)
    door.told("GET", f"{MAPS}/two")
    assert seen == [("get", 404, 2.5)]


# -- looks


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", Representation()),
        ("*/*", Representation()),
        ("application/yaml", Representation("application/yaml")),
        (AS.format("Table"), Representation(turned="Table")),
        (BETA, Representation(version="v1beta1", turned="Table")),
        (AS.format("Table").replace("v=v1", "v=v2") + ",application/json", Representation()),
        (AS.format("Chair") + ", application/json", Representation()),
        ("application/yaml;q=0.5, application/json", Representation()),
        ("application/vnd.kubernetes.protobuf,application/json", Representation()),
    ],
)  # fmt: skip
def test_the_first_look_this_server_has_is_taken(accept, expected):
    assert negotiate(accept) == expected


def test_a_look_it_does_not_have_is_refused(door):
    with pytest.raises(NotAcceptable):
        negotiate("text/html")
    assert door.told("GET", MAPS, accept=AS.format("Chair"))[0] == 406


def test_a_table_has_rows_with_the_metadata_or_what_was_asked_for(door):
    door.make("one", data={"a": "1"})
    about = {"accept": AS.format("Table")}
    _, table = door.told("GET", f"{MAPS}/one", **about)
    (row,) = table["rows"]
    assert (table["kind"], row["cells"][:2]) == ("Table", ["one", 1])
    assert (row["object"]["kind"], "data" in row["object"]) == ("PartialObjectMetadata", False)
    _, table = door.told("GET", f"{MAPS}/one", query={"includeObject": "Object"}, **about)
    assert table["rows"][0]["object"]["data"] == {"a": "1"}
    _, table = door.told("GET", f"{MAPS}/one", query={"includeObject": "None"}, **about)
    assert table["rows"][0].get("object") is None


def test_metadata_alone(door):
    door.make("one", data={"a": "1"})
    _, found = door.told("GET", MAPS, accept=AS.format("PartialObjectMetadataList"))
    assert (found["kind"], found["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert [set(item) for item in found["items"]] == [{"kind", "apiVersion", "metadata"}] * len(
        found["items"]
    )


def test_a_refusal_is_never_a_table(door):
    assert door.told("GET", f"{MAPS}/two", accept=AS.format("Table"))[1]["kind"] == "Status"


def test_yaml_is_as_good_as_json(door):
    door.make("one")
    answer = door.ask("GET", f"{MAPS}/one", accept="application/yaml")
    assert (answer.content_type, yaml.safe_load(answer.body)["kind"]) == (
        "application/yaml",
        "ConfigMap",
    )


def test_an_object_that_did_not_change_is_encoded_once():
    encoder, obj = Encoder(lambda: 0), pod()
    assert encoder.object(obj) is encoder.object(obj)
    assert encoder.object(dict(obj)) is not encoder.object(obj)


# -- watches


def test_a_watch_is_a_line_for_each_event(door):
    stream = door.watch(resourceVersion=str(door.server.storage.revision))
    door.make("one")
    door.ask("DELETE", f"{MAPS}/one")
    events = door.lines(stream)
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [
        ("ADDED", "one"),
        ("DELETED", "one"),
    ]


def test_a_piece_has_so_many_lines_and_no_more(door):
    stream = door.watch(resourceVersion=str(door.server.storage.revision))
    for number in range(CHUNK + 1):
        door.make(f"map-{number}")
    assert [len(door.lines(stream)) for _ in range(2)] == [CHUNK, 1]


def test_the_time_a_watch_may_last_is_the_clients(door):
    query = {"watch": "1", "timeoutSeconds": "7"}
    assert door.ask("GET", MAPS, query=query).seconds == 7


def test_bookmarks_come_every_minute_to_those_who_like_them(door):
    streams = [door.watch(allowWatchBookmarks=like) for like in ("true", "false")]
    door.make("one")
    for stream in streams:
        door.lines(stream)
    door.loop.run(60)
    (mark,) = door.lines(streams[0])
    version = str(door.server.storage.revision)
    assert (mark["type"], mark["object"]["metadata"]) == ("BOOKMARK", {"resourceVersion": version})
    assert streams[1].watch.take() is None
    streams[0].stop()
    door.loop.run(60)
    assert not streams[0].watch.backlog


def test_whoever_falls_too_far_behind_is_told_in_the_stream_and_it_ends():
    door = Door(ring=4)
    since = door.server.storage.revision
    stream = door.watch(resourceVersion=str(since))
    for number in range(9):
        door.make(f"map-{number}")
    (event,) = door.lines(stream)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert event["object"]["message"].startswith(f"too old resource version: {since} (")
    assert door.do(stream.next()) is None


def test_a_watch_may_show_tables(door):
    about = {"watch": "1", "resourceVersion": str(door.server.storage.revision)}
    stream = door.ask("GET", MAPS, query=about, accept=AS.format("Table")).stream
    door.make("one")
    (event,) = door.lines(stream)
    assert (event["object"]["kind"], event["object"]["rows"][0]["cells"][0]) == ("Table", "one")


# -- what only HTTP shows


def test_a_watch_that_begins_too_early_begins_and_says_so(door):
    small = Door(ring=2)
    for number in range(9):
        small.make(f"map-{number}")
    answer = small.ask("GET", MAPS, query={"watch": "1", "resourceVersion": "1"})
    assert (answer.code, answer.body) == (200, b"")
    (event,) = small.lines(answer.stream)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert event["object"]["message"].startswith("too old resource version: 1 (")
    assert small.do(answer.stream.next()) is None


@pytest.mark.parametrize(("said", "watches"), [("true", 1), ("maybe", 1), ("0", 0), ("False", 0)])
def test_whatever_is_not_no_is_a_watch(door, said, watches):
    answer = door.ask("GET", MAPS, query={"watch": said})
    assert (answer.stream is not None) == bool(watches)


def test_a_watch_tells_only_of_what_its_selector_finds(door):
    stream = door.watch(labelSelector="app=web")
    door.make("other")
    door.told("POST", MAPS, {"metadata": {"name": "web", "labels": {"app": "web"}}})
    assert [event["object"]["metadata"]["name"] for event in door.lines(stream)] == ["web"]
    named = door.watch(fieldSelector="metadata.name=other", resourceVersion="0")
    assert [event["object"]["metadata"]["name"] for event in door.lines(named)] == ["other"]


def test_a_table_shows_objects_in_one_of_three_ways(door):
    code, body = door.told("GET", MAPS, query={"includeObject": "Foo"}, accept=AS.format("Table"))
    assert (code, body["message"]) == (
        400,
        'Unable to convert to Table as requested: includeObject: Invalid value: "Foo":'
        " must be 'Metadata', 'Object', 'None', or empty",
    )


def test_who_accepts_nothing_there_is_is_told_what_there_is(door):
    code, body = door.told("GET", MAPS, accept="text/csv")
    assert (code, body["details"]) == (406, {})
    assert body["message"].startswith("406: Not Acceptable\n\nAvailable representations: app")
    code, body = door.told("GET", MAPS, accept=AS.format("Foo"))
    assert "details" not in body
    assert body["message"].startswith("only the following media types are accepted: app")


LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


def test_a_put_makes_a_lease_but_no_config_map(door):
    assert door.told("PUT", f"{LEASES}/l", {"metadata": {"name": "l"}, "spec": {}})[0] == 201
    assert door.told("PUT", f"{LEASES}/l", {"metadata": {"name": "l"}, "spec": {}})[0] == 200
    versioned = {"metadata": {"name": "m", "resourceVersion": "7"}, "spec": {}}
    assert door.told("PUT", f"{LEASES}/m", versioned)[0] == 404
    assert door.told("PUT", f"{MAPS}/m", {"metadata": {"name": "m"}})[0] == 404


def test_nobody_may_say_that_a_namespace_ends(door):
    path = "/api/v1/namespaces/default"
    namespace = door.told("GET", path)[1]
    namespace["status"] = {"phase": "Terminating"}
    code, body = door.told("PUT", f"{path}/status", namespace)
    assert (code, body["message"]) == (
        422,
        'Namespace "default" is invalid: status.Phase: Invalid value: "Terminating":'
        " may only be 'Active' if `deletionTimestamp` is empty",
    )


def test_a_request_for_a_certificate_says_who_sent_it(door):
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    spec = {"request": "YQ==", "signerName": "example.com/s", "usages": ["client auth"]}
    sent = {"metadata": {"name": "c"}, "spec": {**spec, "username": "somebody else"}}
    code, made = door.told("POST", path, sent)
    assert (code, made["spec"]["username"]) == (201, ADMIN[0])
    assert "system:masters" in made["spec"]["groups"]
    made["spec"]["username"] = "somebody else"
    assert door.told("PUT", f"{path}/c", made)[1]["spec"]["username"] == ADMIN[0]


def test_a_claim_grows_only_if_its_class_lets_it(door):
    path = "/api/v1/namespaces/default/persistentvolumeclaims"
    classes = "/apis/storage.k8s.io/v1/storageclasses"
    for name in ("fixed", "grows"):
        class_ = {"metadata": {"name": name}, "provisioner": "example.com/p"}
        door.told("POST", classes, {**class_, "allowVolumeExpansion": name == "grows"})
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": name}
        spec["resources"] = {"requests": {"storage": "1Gi"}}
        claim = door.told("POST", path, {"metadata": {"name": name}, "spec": spec})[1]
        claim["spec"]["resources"]["requests"]["storage"] = "2Gi"
        code, body = door.told("PUT", f"{path}/{name}", claim)
        assert code == (200 if name == "grows" else 403)
        assert name == "grows" or "only dynamically provisioned pvc can be" in body["message"]


def test_a_job_selects_its_pods_by_its_own_uid(door):
    pods = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    job = {"metadata": {"name": "j"}, "spec": {"template": {"spec": pods}}}
    path = "/apis/batch/v1/namespaces/default/jobs"
    made = door.told("POST", path, job)[1]
    uid = made["metadata"]["uid"]
    assert made["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = {
        "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": "j",
        "controller-uid": uid, "job-name": "j",
    }  # fmt: skip
    assert made["spec"]["template"]["metadata"]["labels"] == made["metadata"]["labels"] == labels
    said = door.told("POST", path, {**job, "spec": {**job["spec"], "selector": {}}})[0]
    assert said == 409


def test_a_daemon_set_counts_the_versions_of_its_template(door):
    path = "/apis/apps/v1/namespaces/default/daemonsets"
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    made = door.told("POST", path, {"metadata": {"name": "d"}, "spec": spec})[1]
    note = "deprecated.daemonset.template.generation"
    assert made["metadata"]["annotations"] == {note: "1"}
    made["spec"]["template"]["spec"]["containers"][0]["image"] = "j"
    assert door.told("PUT", f"{path}/d", made)[1]["metadata"]["annotations"] == {note: "2"}
