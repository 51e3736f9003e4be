"""Roles and bindings that cannot be."""

import pytest

from tests.apiserver.callers import GROUP, RBAC, Server

PODS = {"apiGroups": [""], "resources": ["pods"]}
GET = {"verbs": ["get"]}


def binding(**more):
    return {"roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "r"}, **more}


CASES = [
    ("roles", {"rules": [PODS]},
     "rules[0].verbs: Required value: verbs must contain at least one value"),
    ("roles", {"rules": [{"resources": ["pods"], **GET}]},
     "rules[0].apiGroups: Required value: resource rules must supply at least one api group"),
    ("roles", {"rules": [{"nonResourceURLs": ["/x"], **GET}]},
     'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to'
     " non-resource URLs"),
    ("clusterroles", {"rules": [{"nonResourceURLs": ["/x"], **GET, **PODS}]},
     'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources'
     " and non-resource URLs"),
    ("clusterroles", {"aggregationRule": {}},
     "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector"
     " required if aggregationRule is non-nil"),
    ("rolebindings", {},
     '[roleRef.kind: Unsupported value: "": supported values: "Role", "ClusterRole", roleRef.name:'
     " Required value]"),
    ("rolebindings", {"roleRef": {"apiGroup": "x", "kind": "Role", "name": "a"}},
     f'roleRef.apiGroup: Unsupported value: "x": supported values: "{GROUP}"'),
    ("clusterrolebindings", binding(),
     'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'),
    ("rolebindings", binding(subjects=[{"kind": "User"}]), "subjects[0].name: Required value"),
    ("rolebindings", binding(subjects=[{"kind": "User", "name": "a", "apiGroup": "x"}]),
     f'subjects[0].apiGroup: Unsupported value: "x": supported values: "{GROUP}"'),
    ("clusterrolebindings",
     {"roleRef": {"kind": "ClusterRole", "name": "view"},
      "subjects": [{"kind": "ServiceAccount", "name": "a"}]},
     "subjects[0].namespace: Required value"),
]  # fmt: skip


@pytest.fixture
def server():
    return Server()


def path(plural):
    return f"{RBAC}/{plural if plural.startswith('cluster') else f'namespaces/default/{plural}'}"


@pytest.mark.parametrize(("plural", "body", "message"), CASES)
def test_what_cannot_be_is_refused_in_upstreams_words(server, plural, body, message):
    code, answer = server.call("POST", path(plural), {"metadata": {"name": "x"}, **body})
    assert (code, answer["message"].partition(" is invalid: ")[2]) == (422, message)


def test_a_name_has_no_slash_but_may_have_a_colon(server):
    server.make(path("roles"), metadata={"name": "system:x"})
    code, answer = server.call("POST", path("roles"), {"metadata": {"name": "a/b"}})
    why = "metadata.name: Invalid value: \"a/b\": may not contain '/'"
    assert code == 422 and answer["message"].endswith(why)


def test_users_and_groups_are_of_the_group_of_rbac(server):
    reference = {"kind": "Role", "name": "r"}
    subjects = [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]
    made = server.make(
        path("rolebindings"), metadata={"name": "b"}, roleRef=reference, subjects=subjects
    )
    assert made["roleRef"]["apiGroup"] == GROUP
    assert made["subjects"] == [{**subjects[0], "apiGroup": GROUP}, subjects[1]]


def test_a_binding_refers_to_one_role_for_ever(server):
    made = server.make(path("rolebindings"), metadata={"name": "b"}, **binding())
    made["roleRef"]["name"] = "other"
    code, answer = server.call("PUT", f"{path('rolebindings')}/b", made)
    assert (code, answer["message"].partition(" is invalid: ")[2]) == (
        422,
        f'roleRef: Invalid value: {{"APIGroup":"{GROUP}","Kind":"Role","Name":"other"}}: cannot'
        " change roleRef",
    )
