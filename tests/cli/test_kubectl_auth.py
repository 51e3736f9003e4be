"""kubectl auth, create token, --as."""

import pytest

from tests.cli.scene import Terminal

READER = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: User, name: bob, apiGroup: rbac.authorization.k8s.io}]
"""


@pytest.fixture
def terminal():
    found = Terminal()
    assert found("create -f -", READER) == (
        "rolebinding.rbac.authorization.k8s.io/readers created\n"
    )
    return found


def test_the_answer_is_the_exit_code_too(terminal):
    assert (terminal("auth can-i list pods --as bob"), terminal.code) == ("yes\n", 0)
    assert (terminal("auth can-i delete pods --as bob"), terminal.code) == ("no\n", 1)
    assert (terminal("auth can-i delete pods --as bob -q"), terminal.code) == ("", 1)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("list po", "yes\n"),
        ("get pods/web --subresource=log", "yes\n"),
        ("get pods --subresource=exec", "no\n"),
        ("list pods -A", "no\n"),
        ("list pods -n kube-system", "no\n"),
        ("list deployments.apps", "yes\n"),
        ("get /version", "yes\n"),
        ("get /metrics", "no\n"),
        ("list nodes", "Warning: resource 'nodes' is not namespace scoped\n\nno\n"),
        (
            "list clusterroles",
            "Warning: resource 'clusterroles' is not namespace scoped in group"
            " 'rbac.authorization.k8s.io'\n\nno\n",
        ),
        ("get foo", "Warning: the server doesn't have a resource type 'foo'\n\nno\n"),
        ("frob pods", "Warning: verb 'frob' is not a known verb\n\nno\n"),
    ],
)
def test_can_i(terminal, line, text):
    assert terminal(f"auth can-i {line} --as bob") == text


def test_two_words_are_needed(terminal):
    assert terminal("auth can-i list") == (
        "error: you must specify two arguments: verb resource or verb resource/resourceName.\n"
        "See 'kubectl auth can-i -h' for help and examples.\n"
    )


def test_the_list_is_sorted_by_verbs(terminal):
    lines = terminal("auth can-i --list --as ann").splitlines()
    wide = f"{'selfsubjectreviews.authentication.k8s.io':<48}{'[]':<20}{'[]':<17}[create]"
    heading = f"{'Resources':<48}{'Non-Resource URLs':<20}{'Resource Names':<17}Verbs"
    assert lines[:2] == [heading, wide]
    assert lines[4].split() == ["[/api/*]", "[]", "[get]"]
    assert terminal("auth can-i --list --no-headers").splitlines()[0].split() == [
        "*.*", "[]", "[]", "[*]",
    ]  # fmt: skip


def test_who_am_i(terminal):
    assert terminal("auth whoami --as bob --as-group dev --as-group ops --as-uid 17") == (
        "ATTRIBUTE   VALUE\n"
        "Username    bob\n"
        "UID         17\n"
        "Groups      [dev ops system:authenticated]\n"
    )
    assert terminal("auth whoami -o jsonpath={.status.userInfo.username}") == "kubernetes-admin"


def test_as_may_stand_before_the_command(terminal):
    assert terminal("--as eve get pods") == (
        'Error from server (Forbidden): pods is forbidden: User "eve" cannot list resource "pods"'
        ' in API group "" in the namespace "default"\n'
    )


def test_a_token_is_one_line(terminal):
    terminal("create serviceaccount robot")
    text = terminal("create token robot --duration 10m --audience vault")
    assert terminal.code == 0 and text.count(".") == 2 and text.endswith("\n")
    seconds = "-o jsonpath={.spec.expirationSeconds}"
    assert terminal(f"create token robot --duration 10m {seconds}") == "600"
    assert terminal("create token nobody") == (
        'error: failed to create token: serviceaccounts "nobody" not found\n'
    )


def test_a_group_alone_is_nobody(terminal):
    assert terminal("get pods --as-group dev") == (
        "error: requesting uid, groups or user-extra for k8s-ref without impersonating a user\n"
    )
