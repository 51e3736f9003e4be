"""Calls over HTTP without a socket, for tests of who may do what."""

import json

from k8s_ref.apiserver.http import Handler, HTTPRequest
from k8s_ref.apiserver.request import User
from tests.harness import ControlPlane

ADMIN = ("kubernetes-admin", ("system:masters",))
RBAC = "/apis/rbac.authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"


class Server(ControlPlane):
    """An API server and whoever calls it from outside."""

    def __init__(self):
        super().__init__()
        self.handler = Handler(self.server)
        self.access = self.server.access

    def call(self, method, path, body=None, certificate=ADMIN, query=None, **headers):
        """Code and body of the answer; ``impersonate_user`` is a header."""
        text = json.dumps(body).encode() if body is not None else b""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        wanted = {name: [value] for name, value in (query or {}).items()}
        asked = HTTPRequest(method, path, wanted, named, text, certificate)
        answer = self.do(self.handler.serve(asked))
        return answer.code, json.loads(answer.body)

    def as_bob(self, method, path, body=None, query=None):
        """A call that the administrator makes as bob."""
        return self.call(method, path, body, query=query, impersonate_user="bob")

    def make(self, path, **body):
        """Create as the administrator."""
        code, made = self.call("POST", path, body)
        assert code == 201, made
        return made

    def account(self, name="default", namespace="default"):
        """A ServiceAccount."""
        meta = {"name": name, "namespace": namespace}
        return self.do(self.api.create("serviceaccounts", {"metadata": meta}))

    def allow(self, name, *rules, namespace="", user="bob"):
        """Give bob a role with these rules, in a namespace or everywhere."""
        cluster = "" if namespace else "cluster"
        where = f"{RBAC}/namespaces/{namespace}" if namespace else RBAC
        kind = "Role" if namespace else "ClusterRole"
        self.make(f"{where}/{cluster}roles", metadata={"name": name}, rules=list(rules))
        reference = {"apiGroup": GROUP, "kind": kind, "name": name}
        subject = {"apiGroup": GROUP, "kind": "User", "name": user}
        path = f"{where}/{cluster}rolebindings"
        self.make(path, metadata={"name": name}, roleRef=reference, subjects=[subject])


def rule(verbs, resources, groups="", names=""):
    """A rule, with commas between the words."""
    made = {
        "verbs": verbs.split(","),
        "apiGroups": groups.split(","),
        "resources": resources.split(","),
    }
    return {**made, "resourceNames": names.split(",")} if names else made


def known(name, *groups):
    """A user who showed who he is."""
    return User(name, (*groups, "system:authenticated"))
