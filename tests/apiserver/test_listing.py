"""Pages, versions and the options of lists and watches; recorded from a 1.36 API server."""

import json

import pytest

from k8s_ref.apiserver.listing import decode_token, encode_token
from k8s_ref.apiserver.request import parse
from k8s_ref.machinery.errors import BadRequest
from k8s_ref.machinery.kinds import KINDS
from tests.harness import ControlPlane

PATH = "/api/v1/namespaces/default/configmaps"


class Listed(ControlPlane):
    """Nine ConfigMaps, and the API as a path and a query."""

    def __init__(self):
        super().__init__()
        for number in range(9):
            self.put(f"page{number}")

    def put(self, name):
        meta = {"name": name, "namespace": "default", "labels": {"odd": str(int(name[-1]) % 2)}}
        self.do(self.api.create("configmaps", {"metadata": meta}))

    def get(self, path=PATH, **query):
        query = {name.rstrip("_"): str(value) for name, value in query.items()}
        return self.do(self.server.handle(parse(KINDS, "GET", path, query)))

    def names(self, **query):
        return [item["metadata"]["name"] for item in self.get(**query).body["items"]]


@pytest.fixture
def plane():
    return Listed()


@pytest.fixture(scope="module")
def still():
    return Listed()


def test_pages_put_together_are_the_list(plane):
    found, token = [], ""
    while True:
        page = plane.get(limit=2, **({"continue": token} if token else {})).body
        found += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        assert page["metadata"].get("remainingItemCount", 0) == 9 - len(found)
        if not token:
            break
    assert found == [f"page{number}" for number in range(9)]


def test_all_pages_are_cut_from_one_revision(plane):
    first = plane.get(limit=2).body["metadata"]
    plane.do(plane.api.delete("configmaps", "default/page4"))
    plane.put("page10")
    rest = plane.get(limit=100, continue_=first["continue"]).body
    assert [i["metadata"]["name"] for i in rest["items"]] == [f"page{n}" for n in range(2, 9)]
    assert rest["metadata"]["resourceVersion"] == first["resourceVersion"]


def test_a_page_counts_what_the_selector_lets_pass_and_not_what_remains(plane):
    page = plane.get(limit=2, labelSelector="odd=1").body
    assert [item["metadata"]["name"] for item in page["items"]] == ["page1", "page3"]
    assert "remainingItemCount" not in page["metadata"]
    assert plane.names(labelSelector="odd=1", continue_=page["metadata"]["continue"]) == [
        "page5", "page7",
    ]  # fmt: skip


def test_a_list_whose_revision_is_forgotten_may_go_on_without_fitting_together(plane):
    token = plane.get(limit=2).body["metadata"]["continue"]
    plane.do(plane.api.delete("configmaps", "default/page4"))
    plane.store.compact(plane.store.revision)
    refused = plane.get(limit=2, continue_=token)
    assert (refused.code, refused.body["reason"]) == (410, "Expired")
    assert refused.body["message"].startswith("The provided continue parameter is too old to disp")
    token = refused.body["metadata"]["continue"]
    assert decode_token(token) == ("page1\0", -1)
    assert plane.names(continue_=token) == [f"page{n}" for n in (2, 3, 5, 6, 7, 8)]


def test_a_list_may_be_asked_for_as_it_was(plane):
    before = plane.get().body["metadata"]["resourceVersion"]
    plane.do(plane.api.delete("configmaps", "default/page4"))
    exact = {"resourceVersion": before, "resourceVersionMatch": "Exact"}
    assert len(plane.names(**exact)) == 9
    assert len(plane.names(resourceVersion=before, resourceVersionMatch="NotOlderThan")) == 8
    plane.store.compact(plane.store.revision)
    refused = plane.get(**exact)
    assert refused.body["message"] == "The resourceVersion for the provided list is too old."


def test_a_list_from_the_cache_has_no_pages(still):
    assert len(still.names(limit=2, resourceVersion=0)) == 9


REFUSED = [
    ({"limit": "abc"}, 400, 'strconv.ParseInt: parsing "abc": invalid syntax'),
    ({"continue": "abc"}, 400, "invalid continue token: continue key is not valid: invalid"
     " character 'i' looking for beginning of value"),
    ({"continue": "x"}, 400, "invalid continue token: continue key is not valid: illegal base64"
     " data at input byte 0"),
    ({"continue": encode_token("a", 5), "resourceVersion": "5"}, 400,
     "specifying resource version is not allowed when using continue"),
    ({"resourceVersion": "abc"}, 400, 'invalid resource version: resourceVersion: Invalid value:'
     ' "abc": strconv.ParseUint: parsing "abc": invalid syntax'),
    ({"resourceVersionMatch": "Exact"}, 422, 'ListOptions.meta.k8s.io "" is invalid:'
     " resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion"
     " is provided"),
    ({"resourceVersion": "0", "resourceVersionMatch": "Exact"}, 422, 'ListOptions.meta.k8s.io ""'
     ' is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for'
     ' resourceVersion "0"'),
    ({"sendInitialEvents": "true"}, 422, 'ListOptions.meta.k8s.io "" is invalid:'
     " sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"),
    ({"fieldSelector": "data.a=b"}, 400, '"data.a" is not a known field selector: only'
     ' "metadata.name", "metadata.namespace"'),
    ({"watch": "1", "resourceVersion": "abc"}, 500, 'resourceVersion: Invalid value: "abc":'
     ' strconv.ParseUint: parsing "abc": invalid syntax'),
    ({"watch": "1", "resourceVersionMatch": "NotOlderThan"}, 422, 'ListOptions.meta.k8s.io "" is'
     " invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch"
     " unless sendInitialEvents is provided"),
    ({"watch": "1", "sendInitialEvents": "true"}, 422, 'ListOptions.meta.k8s.io "" is invalid:'
     " resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch"
     " to NotOlderThan"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "code", "message"), REFUSED)
def test_options_that_make_no_sense_are_refused(still, query, code, message):
    refused = still.get(**query)
    assert (refused.code, refused.body["message"]) == (code, message)


def test_a_version_that_has_not_happened_is_waited_for_in_vain(still):
    for path in (PATH, f"{PATH}/page1"):
        refused = still.get(path, resourceVersion=999999)
        assert (refused.code, refused.body["reason"]) == (504, "Timeout")
        now = still.store.revision
        why = f"Timeout: Too large resource version: 999999, current: {now}"
        assert refused.body["message"] == why


def test_a_watch_may_say_when_it_has_told_what_there_was(plane):
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    stream = plane.get(watch="1", allowWatchBookmarks="true", **query).stream
    events = [plane.do(stream.next()) for _ in range(10)]
    assert [event.type for event in events] == ["ADDED"] * 9 + ["BOOKMARK"]
    meta = events[-1].object["metadata"]
    assert meta["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert meta["resourceVersion"] == str(plane.store.revision)


def test_a_token_is_opaque_and_ours():
    assert json.loads(b'{"v":"meta.k8s.io/v1","rv":7,"start":"a"}') and decode_token(
        encode_token("a/b\0", 7)
    ) == ("a/b\0", 7)
    with pytest.raises(BadRequest, match="invalid continue token"):
        decode_token("e30")


def test_a_collection_is_deleted_by_selector(plane):
    request = parse(KINDS, "DELETE", PATH, {"labelSelector": "odd=1"})
    answer = plane.do(plane.server.handle(request))
    assert (answer.body["kind"], len(answer.body["items"])) == ("ConfigMapList", 4)
    assert plane.names() == [f"page{n}" for n in (0, 2, 4, 6, 8)]
