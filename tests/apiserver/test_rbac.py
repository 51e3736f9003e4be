"""Roles and bindings."""

import pytest

from k8s_ref.apiserver.authorization import Attributes
from k8s_ref.apiserver.rbac import aggregated, allows
from k8s_ref.apiserver.request import service_account
from tests.apiserver.callers import GROUP, RBAC, Server, known, rule


@pytest.fixture
def server():
    return Server()


def may(server, user, verb, resource, namespace="default", name="", group=""):
    plural, _, sub = resource.partition("/")
    words = Attributes(user, verb, group, plural, sub, namespace, name)
    return server.access.authorization.authorize(words)


@pytest.mark.parametrize(
    ("resources", "asked", "fits"),
    [
        ("pods", "pods", True),
        ("pods", "pods/log", False),
        ("pods/log", "pods/log", True),
        ("*", "pods/log", True),
        ("*/scale", "deployments/scale", True),
        ("*/scale", "deployments", False),
        ("pods/*", "pods/log", False),
    ],
)
def test_a_rule_names_resources_and_subresources(resources, asked, fits):
    plural, _, sub = asked.partition("/")
    words = Attributes(known("bob"), "get", "", plural, sub, "default", "x")
    assert allows(rule("get", resources), words) is fits


@pytest.mark.parametrize(
    ("urls", "path", "fits"),
    [("/healthz", "/healthz", True), ("/api/*", "/api/v1", True), ("/api", "/api/v1", False),
     ("*", "/metrics", True)],
)  # fmt: skip
def test_a_rule_about_paths_may_end_with_a_star(urls, path, fits):
    about = {"verbs": ["get"], "nonResourceURLs": [urls]}
    assert allows(about, Attributes(known("bob"), "get", path=path)) is fits


def test_a_yes_names_the_binding_the_role_and_the_subject(server):
    server.allow("reader", rule("get,list", "pods"), namespace="default")
    decision = may(server, known("bob"), "list", "pods")
    assert decision.reason == (
        'RBAC: allowed by RoleBinding "reader/default" of Role "reader" to User "bob"'
    )
    assert not may(server, known("bob"), "list", "pods", "kube-system").allowed


def test_a_binding_of_a_namespace_ends_there_whatever_role_it_refers_to(server):
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"}
    subject = {"kind": "User", "name": "bob", "apiGroup": GROUP}
    path = f"{RBAC}/namespaces/default/rolebindings"
    server.make(path, metadata={"name": "views"}, roleRef=reference, subjects=[subject])
    assert may(server, known("bob"), "list", "pods", "default").allowed
    assert not may(server, known("bob"), "list", "pods", "kube-system").allowed
    assert not may(server, known("bob"), "list", "pods", "").allowed


def test_a_rule_with_names_is_about_these_objects_alone(server):
    server.allow("one", rule("get", "configmaps", names="c1"), namespace="default")
    path = "/api/v1/namespaces/default/configmaps"
    assert [server.as_bob("GET", f"{path}{end}")[0] for end in ("/c1", "/other", "")] == [
        404,
        403,
        403,
    ]


def test_a_group_and_an_account_can_be_subjects(server):
    account = {"kind": "ServiceAccount", "name": "robot"}
    group = {"kind": "Group", "name": "dev", "apiGroup": GROUP}
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"}
    server.make(
        f"{RBAC}/namespaces/default/rolebindings",
        metadata={"name": "readers"},
        roleRef=reference,
        subjects=[account, group],
    )
    assert may(server, known("ann", "dev"), "list", "pods").allowed
    robot = may(server, service_account("robot", "default"), "list", "pods")
    assert robot.reason.endswith('to ServiceAccount "robot/default"')
    assert not may(server, service_account("robot", "other"), "list", "pods").allowed


def test_a_binding_to_a_role_that_is_missing_says_so(server):
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "nope"}
    subject = {"kind": "User", "name": "bob", "apiGroup": GROUP}
    body = {"metadata": {"name": "b"}, "roleRef": reference, "subjects": [subject]}
    server.make(f"{RBAC}/clusterrolebindings", **body)
    message = server.as_bob("GET", "/api/v1/pods")[1]["message"]
    assert message.endswith(
        'at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io "nope" not found'
    )


# -- nobody grants what he does not hold


ROLES = f"{RBAC}/namespaces/default/roles"
BINDINGS = f"{RBAC}/namespaces/default/rolebindings"


def maker(server, *more):
    """Bob may write roles and bindings, and what else is said."""
    write = rule("create,update,patch,get", "roles,rolebindings", GROUP)
    server.allow("maker", write, *more, namespace="default")


def role(*rules, name="esc"):
    return {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": {"name": name},
            "rules": list(rules)}  # fmt: skip


def bound(name, kind="ClusterRole"):
    reference = {"apiGroup": GROUP, "kind": kind, "name": name}
    return {"apiVersion": f"{GROUP}/v1", "kind": "RoleBinding", "metadata": {"name": "esc"},
            "roleRef": reference}  # fmt: skip


def test_a_role_with_more_than_its_author_has_is_refused_with_what_he_lacks(server):
    maker(server, rule("get", "pods"))
    code, answer = server.as_bob("POST", ROLES, role(rule("get,list", "pods,secrets")))
    assert code == 403
    assert answer["message"] == (
        'roles.rbac.authorization.k8s.io "esc" is forbidden: user "bob"'
        ' (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently'
        ' held:\n{APIGroups:[""], Resources:["pods"], Verbs:["list"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
    )


def test_what_one_holds_one_may_grant(server):
    maker(server, rule("get,list", "*"))
    wanted = role(rule("get", "pods"), rule("list", "secrets", names="a,b"))
    assert server.as_bob("POST", ROLES, wanted)[0] == 201


def test_a_right_to_one_object_is_not_a_right_to_all(server):
    maker(server, rule("get", "secrets", names="a"))
    assert server.as_bob("POST", ROLES, role(rule("get", "secrets")))[0] == 403
    assert server.as_bob("POST", ROLES, role(rule("get", "secrets", names="b")))[0] == 403
    assert server.as_bob("POST", ROLES, role(rule("get", "secrets", names="a")))[0] == 201


def test_an_update_is_looked_at_too(server):
    maker(server)
    assert server.as_bob("POST", ROLES, role())[0] == 201
    assert server.as_bob("PUT", f"{ROLES}/esc", role(rule("get", "pods")))[0] == 403


def test_escalate_lets_one_write_any_role(server):
    maker(server, rule("escalate", "roles", GROUP))
    assert server.as_bob("POST", ROLES, role(rule("*", "*")))[0] == 201


def test_a_binding_gives_what_its_role_gives(server):
    maker(server)
    code, answer = server.as_bob("POST", BINDINGS, bound("system:kube-dns"))
    assert (code, answer["message"]) == (
        403,
        'rolebindings.rbac.authorization.k8s.io "esc" is forbidden: user "bob"'
        ' (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently'
        ' held:\n{APIGroups:[""], Resources:["endpoints"], Verbs:["list" "watch"]}\n'
        '{APIGroups:[""], Resources:["services"], Verbs:["list" "watch"]}',
    )


def test_bind_lets_one_bind_this_role_without_holding_it(server):
    maker(server, rule("bind", "clusterroles", GROUP, "view"))
    assert server.as_bob("POST", BINDINGS, bound("edit"))[0] == 403
    assert server.as_bob("POST", BINDINGS, bound("view"))[0] == 201


def test_a_role_that_is_missing_cannot_be_bound_by_whoever_may_not_bind_it(server):
    maker(server)
    code, answer = server.as_bob("POST", BINDINGS, bound("nope", "Role"))
    assert (code, answer["message"]) == (404, 'roles.rbac.authorization.k8s.io "nope" not found')


def test_only_whoever_may_do_everything_makes_roles_of_roles(server):
    server.allow("maker", rule("create", "clusterroles", GROUP))
    selector = {"matchLabels": {"a": "b"}}
    body = {"metadata": {"name": "sum"}, "aggregationRule": {"clusterRoleSelectors": [selector]}}
    code, answer = server.as_bob("POST", f"{RBAC}/clusterroles", body)
    assert (code, answer["message"]) == (
        403,
        'clusterroles.rbac.authorization.k8s.io "sum" is forbidden: must have cluster-admin'
        " privileges to use the aggregationRule",
    )


def test_the_garbage_collector_may_touch_what_it_could_not_grant(server):
    maker(server)
    server.make(ROLES, **role(rule("*", "*"), name="big"))
    path, patch = f"{ROLES}/big", {"metadata": {"finalizers": ["example.com/x"]}}
    kind = "application/merge-patch+json"
    call = server.call
    done = call("PATCH", path, patch, impersonate_user="bob", content_type=kind)
    assert done[0] == 200
    other = {"metadata": {"labels": {"a": "b"}}}
    assert call("PATCH", path, other, impersonate_user="bob", content_type=kind)[0] == 403


def test_a_sum_of_roles_has_each_rule_once():
    labelled = {"labels": {"into": "sum"}}
    get = rule("get", "pods")
    roles = {
        "b": {"metadata": {"name": "b", **labelled}, "rules": [get, rule("list", "pods")]},
        "a": {"metadata": {"name": "a", **labelled}, "rules": [get]},
        "sum": {
            "metadata": {"name": "sum", **labelled},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"into": "sum"}}]},
            "rules": [rule("delete", "pods")],
        },
    }
    assert aggregated(roles["sum"], roles) == [get, rule("list", "pods")]
