"""A second API server behind the first."""

import json
from typing import Any

import pytest

from k8s_ref.apiserver import discovery
from k8s_ref.apiserver.aggregation import Aggregator
from k8s_ref.apiserver.http import Handler, HTTPRequest, HTTPResponse
from k8s_ref.apiserver.request import Request, User
from k8s_ref.apiserver.server import APIServer
from k8s_ref.etcd.client import Embedded
from k8s_ref.etcd.lease import Lessor
from k8s_ref.etcd.mvcc import Store
from k8s_ref.machinery.errors import ApiError, Forbidden, Invalid, NotFound
from k8s_ref.machinery.meta import condition_of
from tests.apiserver.widgets import definition
from tests.harness import ControlPlane

FLAVOR = {
    "name": "flavors",
    "singularName": "flavor",
    "namespaced": True,
    "kind": "Flavor",
    "verbs": ["get", "list"],
    "shortNames": ["fl"],
}
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": "food.example.com/v1",
    "resources": [FLAVOR, {**FLAVOR, "name": "flavors/status", "verbs": ["get"]}],
}
SERVICE = {
    "metadata": {"name": "kitchen", "namespace": "default"},
    "spec": {"type": "ExternalName", "externalName": "kitchen.example.com"},
}
API_SERVICE: dict[str, Any] = {
    "metadata": {"name": "v1.food.example.com"},
    "spec": {
        "group": "food.example.com",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 10,
        "insecureSkipTLSVerify": True,
        "service": {"name": "kitchen", "namespace": "default"},
    },
}


class Kitchen:
    """A server that has nothing in common with the first but the conventions of the API."""

    def __init__(self) -> None:
        self.seen: list[HTTPRequest] = []
        self.code = 200

    async def serve(self, http: HTTPRequest) -> HTTPResponse:
        self.seen.append(http)
        if self.code != 200:
            return HTTPResponse(self.code)
        if http.path == "/apis/food.example.com/v1":
            return HTTPResponse(200, json.dumps(RESOURCES).encode())
        meta = {"name": http.path.rpartition("/")[2], "namespace": "default"}
        flavor = {"apiVersion": "food.example.com/v1", "kind": "Flavor", "metadata": meta}
        if not http.path.endswith("/flavors"):
            return HTTPResponse(200, json.dumps(flavor).encode())
        flavors = {"kind": "FlavorList", "metadata": {"resourceVersion": "7"}, "items": [flavor]}
        return HTTPResponse(200, json.dumps(flavors).encode())


class Plane(ControlPlane):
    """A control plane with a kitchen behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.kitchen = Kitchen()
        self.behind: dict[str, Any] = {"default/kitchen": self.kitchen.serve}
        self.aggregator = Aggregator(self.server, lambda key, port: self.behind.get(key))
        self.do(self.aggregator.start())
        self.do(self.api.create("services", SERVICE))

    def available(self, name: str) -> tuple[str, str, str]:
        found = condition_of(self.do(self.api.get("apiservices", name)), "Available")
        assert found is not None
        return found["status"], found["reason"], found["message"]


@pytest.fixture
def plane() -> Any:
    made: Any = Plane()
    made.do(made.api.create("apiservices", API_SERVICE))
    made.loop.run(0)
    return made


def ask(plane: Any, path: str, user: User | None = None) -> HTTPResponse:
    user = user or User("admin", ("system:masters",))
    http = HTTPRequest("GET", path, certificate=(user.name, user.groups))
    answer: HTTPResponse = plane.do(Handler(plane.server).serve(http))
    return answer


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"group": "other.example.com"}, 'metadata.name: Invalid value: "v1.food.example.com": must'
         ' be `spec.version+"."+spec.group`: "v1.other.example.com"'),
        ({"versionPriority": 0},
         "spec.versionPriority: Invalid value: 0: must be positive and less than 1000"),
        ({"service": {"name": "kitchen"}}, "spec.service.namespace: Required value"),
        ({"service": None}, "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may"
         " not have insecureSkipTLSVerify"),
        ({"caBundle": "YQ=="}, "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if"
         " caBundle is present"),
    ],
)  # fmt: skip
def test_a_bad_api_service_is_refused(changes: Any, expected: str) -> None:
    plane: Any = Plane()
    bad = {**API_SERVICE, "spec": {**API_SERVICE["spec"], **changes}}
    with pytest.raises(Invalid) as refused:
        plane.do(plane.api.create("apiservices", bad))
    assert [str(cause) for cause in refused.value.causes] == [expected]


def test_what_is_served_here_is_registered_as_local(plane: Any) -> None:
    service = plane.do(plane.api.get("apiservices", "v1.apps"))
    assert service["spec"] == {
        "group": "apps",
        "version": "v1",
        "groupPriorityMinimum": 17800,
        "versionPriority": 15,
    }
    assert plane.available("v1.") == ("True", "Local", "Local APIServices are always available")
    assert len(plane.do(plane.api.list("apiservices"))["items"]) == 22


def test_a_group_of_custom_resources_is_registered_as_long_as_it_is_served(plane: Any) -> None:
    plane.do(plane.api.create("crds", definition()))
    plane.loop.run(0)
    service = plane.do(plane.api.get("apiservices", "v1.example.com"))
    assert (service["spec"]["groupPriorityMinimum"], service["spec"]["versionPriority"]) == (
        1000,
        100,
    )
    plane.do(plane.api.delete("crds", "widgets.example.com"))
    plane.loop.run(10)
    with pytest.raises(NotFound):
        plane.do(plane.api.get("apiservices", "v1.example.com"))


def test_a_server_that_answers_is_available(plane: Any) -> None:
    assert plane.available("v1.food.example.com") == ("True", "Passed", "all checks passed")
    assert plane.kitchen.seen[0].headers["x-remote-user"] == "system:kube-aggregator"


def test_its_resources_can_be_asked_for_like_any_others(plane: Any) -> None:
    assert plane.server.kinds["fl"].plural == "flavors"
    flavor = plane.do(plane.api.get("flavors", "default/salt"))
    assert flavor["metadata"]["name"] == "salt"
    assert (
        plane.kitchen.seen[-1].path == "/apis/food.example.com/v1/namespaces/default/flavors/salt"
    )
    row = plane.server.kinds["flavors"]
    assert (row.short_names, row.subresource("status").verbs) == (("fl",), ("get",))
    groups = {g["metadata"].get("name"): g for g in discovery.groups(plane.server.kinds)}
    group = groups["food.example.com"]
    assert group["versions"][0]["resources"][0]["resource"] == "flavors"
    assert plane.aggregator.aggregated_groups() == []


def test_a_group_whose_server_never_answered_is_listed_as_stale() -> None:
    plane: Any = Plane()
    plane.behind.clear()
    plane.do(plane.api.create("apiservices", API_SERVICE))
    plane.loop.run(0)
    [group] = plane.aggregator.aggregated_groups()
    assert group["versions"] == [{"version": "v1", "freshness": "Stale"}]


def test_a_request_is_sent_on_with_the_name_of_the_user(plane: Any) -> None:
    path = "/apis/food.example.com/v1/namespaces/default/flavors/salt"
    bob = User("bob", ("system:masters", "dev"))
    answer = ask(plane, path, bob)
    assert answer.code == 200 and json.loads(answer.body)["kind"] == "Flavor"
    sent = plane.kitchen.seen[-1]
    assert sent.headers["x-remote-user"] == "bob"
    assert sent.headers["x-remote-group"] == "system:masters,dev,system:authenticated"
    assert sent.certificate == ("front-proxy-client", ())


def test_whoever_may_not_ask_is_refused_before_anything_is_sent(plane: Any) -> None:
    before = len(plane.kitchen.seen)
    request = Request("list", plane.server.kinds["flavors"], "default", user=User("eve"))
    assert plane.do(plane.server.handle(request)).body["reason"] == Forbidden.reason
    assert ask(plane, "/apis/food.example.com/v1/flavors", User("eve")).code == 403
    assert len(plane.kitchen.seen) == before


def test_the_other_server_believes_the_first_and_nobody_else() -> None:
    other: Any = ControlPlane()
    headers = {"x-remote-user": "bob", "x-remote-group": "system:masters"}
    authenticate = other.server.access.authenticator.authenticate
    assert authenticate(headers, ("front-proxy-client", ())).name == "bob"
    assert authenticate(headers, ("eve", ())).name == "eve"


@pytest.mark.parametrize(
    ("service", "reason", "message"),
    [
        (None, "ServiceNotFound", 'service/kitchen in "default" is not present'),
        ({"ports": [{"port": 80}]}, "ServicePortError",
         'service/kitchen in "default" is not listening on port 443'),
        ({"ports": [{"port": 443}]}, "EndpointsNotFound",
         'cannot find endpointslices for service/kitchen in "default"'),
    ],
)  # fmt: skip
def test_what_is_missing_on_the_way_is_said(service: Any, reason: str, message: str) -> None:
    plane: Any = Plane()
    plane.do(plane.api.delete("services", "default/kitchen"))
    if service is not None:
        plane.do(plane.api.create("services", {**SERVICE, "spec": service}))
    plane.do(plane.api.create("apiservices", API_SERVICE))
    plane.loop.run(0)
    assert plane.available("v1.food.example.com") == ("False", reason, message)


def test_a_server_that_does_not_answer_is_not_available_until_it_does(plane: Any) -> None:
    plane.kitchen.code = 500
    plane.loop.run(30)
    url = "https://kitchen.example.com:443/apis/food.example.com/v1"
    assert plane.available("v1.food.example.com") == (
        "False",
        "FailedDiscoveryCheck",
        f"failing or missing response from {url}: bad status from {url}: 500",
    )
    answer = ask(plane, "/apis/food.example.com/v1/flavors")
    assert (answer.code, answer.body) == (503, b"service unavailable\n")
    with pytest.raises(ApiError, match="currently unable to handle the request"):
        plane.do(plane.api.list("flavors"))
    plane.kitchen.code = 200
    plane.loop.run(5)
    assert plane.available("v1.food.example.com")[0] == "True"
    assert plane.do(plane.api.list("flavors"))["items"]


def test_nobody_behind_the_service_is_said_too(plane: Any) -> None:
    plane.behind.clear()
    plane.loop.run(30)
    assert plane.available("v1.food.example.com")[2].endswith("connect: connection refused")


def test_an_api_service_that_goes_takes_its_kinds_along(plane: Any) -> None:
    plane.do(plane.api.delete("apiservices", "v1.food.example.com"))
    plane.loop.run(0)
    assert plane.server.kinds.find("flavors") is None
    assert plane.aggregator.aggregated_groups() == []


def second_server(plane: Any) -> APIServer:
    """Another API server with a store of its own, that serves flavors."""
    store = Store()
    server = APIServer(Embedded(store, Lessor(plane.loop, store)), plane.loop)
    plane.do(server.start())
    crd = definition("flavors", "Flavor", shortNames=["fl"])
    crd["metadata"]["name"], crd["spec"]["group"] = "flavors.food.example.com", "food.example.com"
    plane.do(server.handle(Request("create", server.kinds["crds"], body=crd)))
    plane.loop.run(0)

    def discover(http: HTTPRequest) -> HTTPResponse | None:
        found = discovery.answer(http.path, http.headers.get("accept", ""), server.kinds)
        return HTTPResponse(found.code, found.body, found.content_type) if found else None

    plane.behind["default/kitchen"] = Handler(server, [discover]).serve
    return server


def test_a_second_api_server_stands_behind_the_first() -> None:
    plane: Any = Plane()
    second = second_server(plane)
    plane.do(plane.api.create("apiservices", API_SERVICE))
    plane.loop.run(0)
    flavor = {"metadata": {"name": "salt", "namespace": "default"}, "spec": {"size": 3}}
    watch = plane.do(plane.api.watch("flavors"))
    made = plane.do(plane.api.create("flavors", flavor))
    assert made["spec"] == {"size": 3, "color": "red"}
    assert "default/salt" in second.registry("flavors").cache.objects
    event = plane.do(watch.next())
    assert (event.type, event.object["metadata"]["name"]) == ("ADDED", "salt")
    scale = plane.do(plane.api.get("flavors", "default/salt", "scale"))
    assert scale["spec"]["replicas"] == 3
    with pytest.raises(Invalid, match=r"spec\.size in body should be greater than or equal to 1"):
        plane.do(plane.api.patch("flavors", "default/salt", {"spec": {"size": 0}}))
    plane.do(plane.api.delete("flavors", "default/salt"))
    assert plane.do(watch.next()).type == "DELETED"
    watch.stop()
