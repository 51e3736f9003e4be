"""Health and version: what probes and clients ask first."""

import json

import pytest

from k8s_ref.apiserver.health import answer, checks_of, paths
from tests.harness import ControlPlane

FINE = {"ping": lambda: "", "etcd": lambda: "", "informer-sync": lambda: ""}
SICK = {**FINE, "etcd": lambda: "no connection"}


def ask(path, checks=FINE, **query):
    """Code and text of an answer."""
    document = answer(path, {name: [value] for name, value in query.items()}, checks)
    return document.code, document.body.decode()


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez/ping", "/livez/"])
def test_all_is_well_in_one_word(path):
    assert ask(path) == (200, "ok")


def test_each_check_has_a_line_for_who_wants_to_see_them():
    lines = "[+]ping ok\n[+]etcd ok\n"
    assert ask("/livez", verbose="") == (200, f"{lines}livez check passed\n")
    ready = f"{lines}[+]informer-sync ok\nreadyz check passed\n"
    assert ask("/readyz", verbose="true") == (200, ready)


def test_what_is_wrong_is_named_but_why_is_not_for_everybody():
    text = "[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n"
    assert ask("/livez", SICK) == (500, text)
    assert ask("/livez/etcd", SICK) == (500, "internal server error: no connection\n")


def test_a_check_can_be_left_out():
    assert ask("/livez", SICK, exclude="etcd") == (200, "ok")
    text = (
        "[+]ping ok\n[+]etcd excluded: ok\n"
        'warn: some health checks cannot be excluded: no matches for "a","b"\n'
        "livez check passed\n"
    )
    assert ask("/livez", SICK, exclude="etcd,b,a", verbose="") == (200, text)


def test_a_check_nobody_knows_is_not_found():
    assert ask("/livez/nope") == (404, "404 page not found\n")
    assert ask("/livez/informer-sync") == (404, "404 page not found\n")
    assert answer("/healthy", {}, FINE) is None


def test_a_server_is_ready_when_it_has_made_what_every_cluster_has():
    plane = ControlPlane()
    checks = checks_of(plane.server)
    assert ask("/readyz", checks)[0] == 200
    assert "/livez/poststarthook/rbac/bootstrap-roles" in paths(checks)
    assert "/livez/informer-sync" not in paths(checks)


def test_what_has_started_has_started_whatever_is_deleted_later():
    plane, hook = ControlPlane(), "/livez/poststarthook/rbac/bootstrap-roles"
    roles = plane.server.registry("clusterroles").cache.objects
    view = roles.pop("view")
    checks = checks_of(plane.server)
    assert ask(hook, checks) == (500, "internal server error: not finished\n")
    roles["view"] = view
    assert ask(hook, checks) == (200, "ok")
    del roles["view"]
    assert ask(hook, checks) == (200, "ok")


def test_the_version_has_every_field_strict_clients_insist_on():
    found = json.loads(answer("/version/", {}, {}).body)
    assert (found["major"], found["minor"]) == ("1", "36")
    assert found["gitVersion"].startswith("v1.36.")
    needed = ["buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform"]
    assert {*needed} <= {*found}
    assert all(isinstance(value, str) for value in found.values())
