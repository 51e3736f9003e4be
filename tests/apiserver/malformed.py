"""Malformed requests: what a client could send that is wrong, or right in an unusual way.

A seeded chance picks a place, a method, options, headers and a body.  Bodies begin as good objects
(those that are stored, those written down here, those grown from the schema) and are then spoiled
a little: what is only nearly good gets furthest into a server.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from k8s_ref.apiserver.http import HTTPRequest
from k8s_ref.machinery import schema
from k8s_ref.machinery.kinds import Kind
from k8s_ref.machinery.meta import copy
from tests.apiserver.widgets import definition, widget
from tests.harness import pod, replicaset

ADMIN = ("kubernetes-admin", ("system:masters",))
CERTIFICATES = [ADMIN] * 80 + [
    None, ("bob", ()), ("", ()), ("system:node:node-1", ("system:nodes",)),
    ("\N{SNOWMAN}" * 300, ("", "a\nb")), ("system:anonymous", ("system:unauthenticated",)),
]  # fmt: skip
METHODS = ("GET",) * 5 + ("POST",) * 7 + ("PUT",) * 5 + ("PATCH",) * 7 + ("DELETE",) * 3
ODD_METHODS = ("HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "", "FOO", "POST ", "\N{SNOWMAN}")
NAMESPACES = ("default",) * 24 + ("shop", "kube-system", "missing", "UPPER", "..", "%2e", "a" * 300)
NAMES = ("web", "w1", "a-new-one", "UPPER", "a.b", "x" * 64, "y" * 254, "-", "..", "%00", "\0",
         "\N{SNOWMAN}", "a b", "a:b", "*", "status")  # fmt: skip
TEXTS = (
    "", "web", "web", "default", "nginx:1.27", "Always", "None", "TCP", "*", "-1", "0", "a/b",
    "example.com/a", "Widget", "1.2.3.4", "::1", "10.0.0.0/8", "50%", "1e9Gi", "$(A)", "\0", "\x7f",
    "\n", "\ud800", "\udc00a", "\N{SNOWMAN}", "\N{GRINNING FACE}" * 40, "x" * 300, "y" * 70_000,
    "<&>",
    "\u2028", "2024-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
    "2024-02-30T00:00:00Z", "aGk=", "%s", "{}", "null", "true", "../../etc", "v1", "apps/v1",
    "system:node:node-1", "spec.nodeName", ".spec.size", "{.metadata.name}", "[", "(a+)+$", "P1D",
)  # fmt: skip
NUMBERS = (0, 1, 1, 2, 3, -1, 80, 65536, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63),
           10**30, 0.5, -0.0, 1e308, 1e-320, 3.0)  # fmt: skip
QUANTITIES = ("1", "100m", "1Gi", "0", "-1", "1e3", "1n", "9223372036854775807", "1e400", "0.1u",
              "1" * 400, 5, 0.5)  # fmt: skip
QUERIES: dict[str, tuple[str, ...]] = {
    "limit": ("1", "3", "0", "-1", "x", "1e3", "9" * 30, "9" * 5000, "", " 1",
        "\N{FULLWIDTH DIGIT ONE}"),
    "continue": ("", "x", "e30", "bnVsbA", "W10", "IjEi", "eyJydiI6MSwic3RhcnQiOiJhIn0",
                 "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NSwic3RhcnQiOiIuLi8uLi8ifQ",
                 "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Ii0xIiwic3RhcnQiOm51bGx9", "/w",
                 "\N{SNOWMAN}",
                 "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6OTk5OTksInN0YXJ0IjoiYSJ9", "===", "A" * 5000),
    "resourceVersion": ("0", "1", "5", "", "-1", "x", "999999999", "9" * 30, "9" * 5000, "1.5",
        "00",
                        "\N{SUPERSCRIPT TWO}"),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "", "exact", "\0"),
    "sendInitialEvents": ("true", "false", "", "maybe"),
    "allowWatchBookmarks": ("true", "1", "false", "maybe", ""),
    "watch": ("true", "1", "false", "0", "maybe", ""),
    "timeoutSeconds": ("1", "0", "-1", "x", "1e9", "nan", "inf", "", "9" * 400),
    "timeout": ("1s", "0", "x", "-1s", "34s", "9" * 400 + "s"),
    "labelSelector": ("app=web", "app", "!app", "app in (a,b)", "app notin ()", "a in (", "=",
        ",", "a==b",
                      "a!=b", "a>1", "a<x", "a>1,a<5", "\0", "-=-", "x/y/z=1", "a" * 300,
                      "app=web,,"),
    "fieldSelector": ("metadata.name=web", "spec.nodeName=node-1", "status.phase!=Running", "a",
        "a=b=c",
                      "=", "metadata.name=a\\,b", "metadata.name=\\", "spec.color=red", ",,",
                      "\0=\0"),
    "dryRun": ("All", "", "all", "None", "\N{SNOWMAN}"),
    "fieldManager": ("me", "", "x" * 129, "\0", "\N{SNOWMAN}", "a b", "\u2028"),
    "fieldValidation": ("Strict", "Warn", "Ignore", "", "strict"),
    "force": ("true", "false", "1", "", "maybe"),
    "propagationPolicy": ("Foreground", "Background", "Orphan", "", "orphan"),
    "gracePeriodSeconds": ("0", "1", "-1", "x", "9" * 30, "9" * 5000, ""),
    "orphanDependents": ("true", "false", "maybe", ""),
    "includeObject": ("None", "Object", "Metadata", "all", ""),
    "pretty": ("true", "", "maybe"),
    "container": ("web", "", "missing", "\0"),
    "tailLines": ("1", "-1", "x", "0", "9" * 30, "9" * 5000),
    "sinceSeconds": ("1", "0", "-1", "x", "9" * 30),
    "limitBytes": ("1", "0", "-1", "x", "9" * 30), "sinceTime": ("2024-01-01T00:00:00Z", "x", ""),
    "follow": ("true", "x", ""), "previous": ("true", "x"), "timestamps": ("true", "x"),
    "stream": ("All", "Stdout", "x"), "command": ("ls", "", "\0"), "stdout": ("true", "x"),
    "stdin": ("true", "1"), "tty": ("true", "x"), "ports": ("80", "x", "80,443", "", "-1",
        "9" * 5000),
    "path": ("/", "../..", "\0"), "verbose": ("", "1"), "exclude": ("etcd", "\0"),
    "hash": ("x", "\0"),
}  # fmt: skip
ACCEPTS = (
    "application/json", "application/yaml",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/vnd.kubernetes.protobuf, */*", "", "application/vnd.kubernetes.protobuf",
    "text/plain",
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io", "application/json;as=Table",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    "application/json;as=Nothing,*/*",
    "application/yaml;as=Table;v=v1;g=meta.k8s.io", "application/json;stream=watch", ";;;,,,=",
    "*/*;q=x",
    "application/json;q=0", "application/*;q=nan,application/yaml;q=inf", "\0", "\udcff",
    "a" * 5000,
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
)  # fmt: skip
JSON, YAML, PROTOBUF = (
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf",
)  # fmt: skip
JSON_PATCH, MERGE, STRATEGIC, APPLY = (
    "application/json-patch+json", "application/merge-patch+json",
    "application/strategic-merge-patch+json", "application/apply-patch+yaml",
)  # fmt: skip
PATCHES = (JSON_PATCH, MERGE, STRATEGIC, STRATEGIC, APPLY, APPLY)
TYPES = ("", "text/plain", "application/json; charset=utf-8", "application/json;;",
    "APPLICATION/JSON",
         "application/x-www-form-urlencoded", "multipart/form-data", "\0", "application/cbor",
         "application/apply-patch+cbor", JSON, YAML, PROTOBUF, *PATCHES)  # fmt: skip
HEADERS: dict[str, tuple[str, ...]] = {
    "impersonate-user": ("bob", "", "system:serviceaccount:default:default", "system:anonymous",
        "\udcff",
                         "system:serviceaccount:a:b:c", "system:node:node-1"),
    "impersonate-group": ("a\nb", "", "system:masters", "system:authenticated"),
    "impersonate-uid": ("1", "", "\udcff"), "impersonate-extra-scopes": ("a\nb", ""),
    "impersonate-extra-%zz": ("x",), "impersonate-extra-": ("x",), "impersonate-nothing": ("x",),
    "authorization": ("Bearer x", "Bearer", "Bearer a.b.c", "Basic eDp4", "Bearer \udcff", "",
        "bearer  ",
                      "Bearer eyJhbGciOiJIUzI1NiJ9.e30.", "Bearer bnVsbA.bnVsbA.bnVsbA"),
    "user-agent": ("kubectl/v1.32", "", "/", "\udcff\udcfe", "x" * 5000, "\N{SNOWMAN}/1", "a\tb/1"),
    "if-none-match": ("*", '"x"', "", "\udcff"), "accept-encoding": ("gzip", "x"),
    "upgrade": ("websocket", "SPDY/3.1"), "connection": ("upgrade",), "content-encoding": ("gzip",),
    "x-remote-user": ("admin",), "audit-id": ("x" * 5000, "\udcff"), "content-length": ("-1", "x"),
}  # fmt: skip
PLACES = (
    "/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/apis/example.com/v1",
    "/version",
    "/healthz", "/livez", "/readyz", "/livez/ping", "/readyz/etcd", "/healthz/missing", "/metrics",
    "/openapi/v2", "/openapi/v3", "/openapi/v3/api/v1", "/openapi/v3/apis/apps/v1", "/openapi/v3/x",
    "/openapi/v3/apis/example.com/v1", "/logs", "/debug/pprof", "/.well-known/openid-configuration",
    "/openid/v1/jwks", "", "//", "/api/v1/", "/api/v1//pods", "/apis/apps/v2/deployments", "*",
    "/\0",
    "/api/v1/namespaces/default/pods/web/log/x", "/api/v1/proxy/namespaces/default/pods/web",
    "/api/v1/watch/pods", "/api/v1/namespaces/default/services/web:80/proxy/a/../b?c",
    "/api/v1/namespaces/default/pods/https:web:x/proxy/", "/" + "a/" * 3000,
)  # fmt: skip
PROTOBUFS = [
    base64.b64decode(row["body"])
    for row in json.loads((Path(__file__).parent / "protobuf_bodies.json").read_text("utf-8"))
]
YAMLS = (
    "", "---", "--- \n...", "a: &x [*x]", "&a [*a, *a]", "!!python/object:os.system x",
    "!!binary x", "? a",
    "? [a, b]\n: c", "? {a: b}\n: c", "{<<: [1]}", "{<<: x, a: b}", "- a", "a: b: c", "\ta: b",
    "a: 'b",
    "1: 2", "~: ~", "true: false", "a: .nan", "a: .inf", "a: 0x1F", "a: 2001-01-01", "a: !!set {b}",
    "a: !!timestamp x", "a: !!float x", "a: !!int x", "=: a", "a: =", "%YAML 9.9\n---\na: b",
    "\ufeffa: b",
    "a: |9\n b", "a: \"\\ud800\"", "a: \"\\x00\"", "[" * 3000, "{a: " * 3000, "- " * 3000, "a: *b",
    "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]", "!!omap [a: b]", "!x {a: b}", "!<",
    "@",
    "metadata: {name: !!binary aGk=}", "metadata: {name: 2001-01-01}", "a: 1:30:00", "a: 1e400",
    "a: " + "9" * 5000,
)  # fmt: skip
JSONS = (
    b"", b"null", b"[]", b"0", b'"x"', b"{}", b"{", b"nope", b"\xff\xfe", b"\xef\xbb\xbf{}",
    b'{"a":NaN}',
    b'{"a":1e999}', b"[" * 5000, b'{"a":' * 5000, b'{"metadata":' * 200 + b"{}" + b"}" * 200,
    b'{"a":1,"a":2}', b'{"kind":"Pod","kind":"Node"}', b'{"metadata":[]}', b'{"metadata":"x"}',
    b'{"metadata":{"labels":[]}}', b'{"a":"\\ud800"}', b'{"\\udfff":1}', b'{"a":"\xed\xa0\x80"}',
    b"{}{}",
    b'{"a":' + b"9" * 5000 + b"}", b"-" + b"9" * 5000, b'{"a":1.}', b"\0", b" " * 70_000,
    b'{"":""}',
    b'{"apiVersion":1}', b'{"kind":{}}', b'{"spec":null,"metadata":null}',
    b"x" * (3 * 1024 * 1024 + 1),
)  # fmt: skip

DATA = yaml.safe_load((Path(__file__).parent / "malformed.yaml").read_text("utf-8"))
GOOD: dict[str, Any] = DATA["good"]


def gizmos() -> dict[str, Any]:
    """A definition that uses all that a schema can say, served in two versions."""
    made = copy(definition("gizmos", "Gizmo", shortNames=[]))
    (version,) = made["spec"]["versions"]
    version["schema"]["openAPIV3Schema"] = copy(DATA["schema"])
    version.update(additionalPrinterColumns=[
        {"name": name, "type": type_, "jsonPath": f".spec.{path}"}
        for name, type_, path in (
            ("Name", "string", "name"), ("When", "date", "when"), ("Share", "number", "share"),
            ("Free", "integer", "free.a"), ("Tags", "string", "tags[*]"),
            ("Parts", "boolean", "parts[0].size"),
        )
    ])  # fmt: skip
    del version["selectableFields"], version["subresources"]["scale"]
    older = {**copy(version), "name": "v1alpha1", "storage": False}
    return {**made, "spec": {**made["spec"], "versions": [version, older]}}


MADE: dict[str, Callable[[], Any]] = {
    "Pod": pod,
    "ReplicaSet": lambda: replicaset(replicas=1),
    "CustomResourceDefinition": lambda: {**definition("gadgets", "Gadget")},
    "Widget": widget,
    "Gizmo": lambda: DATA["gizmo"],
}


class Malformed:
    """Makes requests one after the other; ``server`` is asked for what there is."""

    def __init__(self, seed: str, server: Callable[[], Any]) -> None:
        self.chance, self.server = random.Random(seed), server

    def request(self) -> HTTPRequest:
        """The next request."""
        chance = self.chance
        method = self.pick(METHODS) if self.often(0.98) else self.pick(ODD_METHODS)
        if self.often(0.08):
            path, kind, body, content_type = self.pick(PLACES), None, self.pick(JSONS), JSON
        else:
            kind = self.kind(method)
            path, subresource, old = self.place(kind, method)
            content_type, body = self.body(kind, method, path, subresource, old)
        if self.often(0.06):
            path = self.bent(path)
        headers = {"content-type": self.pick(TYPES) if self.often(0.04) else content_type}
        for name in chance.sample(sorted(HEADERS), k=self.few(0.08)):
            headers[name] = self.pick(HEADERS[name])
        if self.often(0.4):
            headers["accept"] = self.pick(ACCEPTS if self.often(0.2) else ACCEPTS[:4])
        query = self.query(method, content_type)
        return HTTPRequest(method, path, query, headers, body, self.pick(CERTIFICATES))

    # -- chance

    def often(self, likely: float) -> bool:
        return self.chance.random() < likely

    def pick(self, things: Any) -> Any:
        return self.chance.choice(things)

    def few(self, likely: float) -> int:
        """Mostly none, seldom many."""
        count = 0
        while count < 4 and self.often(likely):
            count += 1
        return count

    # -- where

    def kind(self, method: str) -> Kind:
        kinds = list(self.server().kinds)
        if self.often(0.4):
            kinds = [kind for kind in kinds if kind.kind in GOOD or kind.kind in MADE]
        if method != "POST" and self.often(0.9):
            registries = self.server().registries
            kinds = [
                kind
                for kind in kinds
                if kind.gvk in registries and registries[kind.gvk].cache.objects
            ]
        return self.pick(kinds)

    def place(self, kind: Kind, method: str) -> tuple[str, str, Any]:
        """A path, what of it is a subresource, and the object that is stored there."""
        registry = self.server().registries.get(kind.gvk)
        known = sorted(registry.cache.objects) if registry is not None else []
        namespace, name = self.pick(NAMESPACES), self.pick(NAMES)
        if known and self.often(0.9):
            namespace, _, name = self.pick(known).rpartition("/")
        old = (
            registry.cache.objects.get(f"{namespace}/{name}" if kind.namespaced else name)
            if registry
            else None
        )
        subresource = ""
        if kind.subresources and self.often(0.3):
            subresource = self.pick(kind.subresources).name
        elif self.often(0.02):
            subresource = self.pick(("status", "scale", "log", "finalize", "token", "x"))
        if not subresource and self.often(0.95 if method == "POST" else 0.05):
            name = ""
        where = "" if method == "GET" and not name and self.often(0.5) else namespace
        return kind.path(where, name, subresource if name else ""), subresource if name else "", old

    def bent(self, path: str) -> str:
        """A path that is not quite right any more."""
        parts = path.split("/")
        at = self.chance.randrange(len(parts))
        parts[at : at + self.chance.randrange(2)] = [self.pick((*NAMES, "", "pods", "v1"))]
        return "/".join(parts)

    def query(self, method: str, content_type: str) -> dict[str, list[str]]:
        chance = self.chance
        names = chance.sample(sorted(QUERIES), k=self.few(0.45))
        query = {
            name: [self.pick(QUERIES[name]) for _ in range(1 + self.few(0.05))] for name in names
        }
        if content_type == APPLY and self.often(0.9):
            query["fieldManager"] = [self.pick(("me", "you", "kubectl"))]
            if self.often(0.5):
                query["force"] = ["true"]
        if method == "GET" and self.often(0.15):
            query["watch"] = ["true"]
        return query

    # -- what

    def body(
        self, kind: Kind, method: str, path: str, subresource: str, old: Any
    ) -> tuple[str, bytes]:
        """Content type and body."""
        if method == "PATCH":
            return self.patch(kind, old)
        if method == "GET" or (method == "DELETE" and self.often(0.6)):
            return JSON, b""
        if self.often(0.05):
            return self.pick(
                ((JSON, self.pick(JSONS)), (YAML, self.pick(YAMLS).encode("utf-8", "replace")))
            )
        if self.often(0.06):
            return PROTOBUF, self.flipped(self.pick(PROTOBUFS))
        return self.written(self.spoiled(*self.good(kind, method, path, subresource, old)))

    def good(
        self, kind: Kind, method: str, path: str, subresource: str, old: Any
    ) -> tuple[Any, schema.Node | None]:
        """An object that could be sent there, and its schema."""
        name = "DeleteOptions" if method == "DELETE" else kind.kind
        found = kind.subresource(subresource)
        if found is not None and method != "DELETE":
            name = found.kind
        node = schema.struct_of(kind)
        if name != kind.kind:
            node = None
        if old is not None and name == kind.kind and self.often(0.7):
            obj = copy(old)
        elif name in MADE:
            obj = copy(MADE[name]())
        elif name in GOOD and self.often(0.8):
            obj = copy(GOOD[name])
        else:
            obj = self.grown(node, 0) if node else {}
        self._named(obj, kind, path, name)
        return obj, node

    def _named(self, obj: Any, kind: Kind, path: str, name: str) -> None:
        """Metadata that goes with the path, mostly."""
        if name == "DeleteOptions":
            return
        meta = obj["metadata"] = (
            obj.get("metadata") if isinstance(obj.get("metadata"), dict) else {}
        )
        parts = path.split("/")
        at = parts.index(kind.plural, 3) if kind.plural in parts[3:] else len(parts)
        wanted = parts[at + 1] if len(parts) > at + 1 else self.pick(NAMES[:4])
        if name != "CustomResourceDefinition" or len(parts) > at + 1:
            meta["name"] = wanted
        elif name == "APIService":
            meta["name"] = "v1.example.net"
        if kind.namespaced and "namespaces" in parts[3:]:
            meta["namespace"] = parts[parts.index("namespaces") + 1]
        if name == kind.kind and self.often(0.9):
            obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
        if self.often(0.1):
            meta.pop("name", None)
            meta["generateName"] = self.pick(("web-", "", "X", "a" * 300))

    def grown(self, node: schema.Node | None, depth: int) -> Any:
        """A value that a schema has room for."""
        likely = 0.5 / (depth + 1) if depth < 8 else 0.0
        if isinstance(node, schema.Struct):
            return {
                name: self.grown(field.node, depth + 1)
                for name, field in sorted(node.fields.items())
                if (field.required and depth < 12) or self.often(likely)
            }
        if isinstance(node, schema.ListOf):
            return [
                self.grown(node.items, depth + 1) for _ in range(self.few(0.5) if depth < 9 else 0)
            ]
        if isinstance(node, schema.MapOf):
            return {self.text(): self.grown(node.items, depth + 1) for _ in range(self.few(0.4))}
        if isinstance(node, schema.Text) and node.enum and self.often(0.9):
            return self.pick(node.enum)
        make = _LEAVES.get(type(node))
        return make(self) if make else self.odd()

    def text(self) -> str:
        return self.pick(TEXTS[:16]) if self.often(0.8) else self.pick(TEXTS)

    def odd(self) -> Any:
        """Any JSON."""
        makes: tuple[Callable[[], Any], ...] = (
            self.text, lambda: self.pick(TEXTS), lambda: self.pick(NUMBERS),
            lambda: self.pick((True, False)),
            lambda: None, list, dict, lambda: [self.odd()], lambda: {self.text(): self.odd()},
            self.deep,
            lambda: self.pick(QUANTITIES),
        )  # fmt: skip
        return self.pick(makes)()

    def deep(self) -> Any:
        """Something inside of something, a long way down."""
        found: Any = {}
        for _ in range(self.pick((3, 50, 300))):
            found = [found] if self.often(0.5) else {"a": found}
        return found

    def spoiled(self, obj: Any, node: schema.Node | None) -> Any:
        """The object with a few places changed."""
        for _ in range(self.few(0.6)):
            places = list(_places(obj, node))
            if not places:
                break
            # As many places near the top as far below.
            depth = self.pick(sorted({place[0] for place in places}))
            _, holder, key, inner = self.pick([place for place in places if place[0] == depth])
            self._spoil(holder, key, inner)
        return obj

    def _spoil(self, holder: Any, key: Any, node: schema.Node | None) -> None:
        value, chance = holder[key], self.chance.random()
        if chance < 0.4 and node is not None:
            holder[key] = self.grown(node, 2)
        elif chance < 0.55:
            holder[key] = self.odd()
        elif chance < 0.65:
            holder[key] = None
        elif chance < 0.75:
            del holder[key]
        elif chance < 0.85 and isinstance(value, list):
            value.extend(copy(value[:1]) or [self.odd()])
        else:
            holder[key] = self._other(value, node)

    def _other(self, value: Any, node: schema.Node | None) -> Any:
        """Something like this value."""
        if isinstance(value, dict):
            known = node.fields if isinstance(node, schema.Struct) else {}
            name = self.pick(sorted(known) or ["a"]) if self.often(0.8) else self.text()
            more = self.grown(known[name].node, 2) if name in known else self.odd()
            return {**value, name: more}
        if isinstance(value, str):
            end = self.text()
            return self.pick((value + end, value.upper(), value * 30, value[:-1], end))
        if isinstance(value, int | float):
            return self.pick((*NUMBERS, value + 1, str(value)))
        return value

    def written(self, obj: Any) -> tuple[str, bytes]:
        """As JSON, rarely as YAML, rarely not quite whole."""
        if self.often(0.1):
            text = yaml.safe_dump(obj, allow_unicode=self.often(0.5))
            return YAML, self.cut(text.encode("utf-8", "surrogatepass"))
        text = json.dumps(obj, ensure_ascii=self.often(0.7))
        if self.often(0.05):
            text = text.replace('"name":', '"name":"x","name":').replace("{", '{"kind":"Pod",', 1)
        return JSON, self.cut(text.encode("utf-8", "surrogatepass"))

    def cut(self, data: bytes) -> bytes:
        return self.flipped(data) if self.often(0.02) else data

    def flipped(self, data: bytes) -> bytes:
        """Some bytes are others, or the end is missing."""
        found = bytearray(data)
        for _ in range(self.few(0.7)):
            if found:
                at = self.chance.randrange(len(found))
                found[at] = self.chance.randrange(256)
        return bytes(found[: self.chance.randrange(len(found) + 1)] if self.often(0.3) else found)

    # -- patches

    def patch(self, kind: Kind, old: Any) -> tuple[str, bytes]:
        content_type = self.pick(PATCHES)
        if self.often(0.05):
            return content_type, self.pick(JSONS)
        base = copy(old) if old is not None else self.good(kind, "POST", "", "", None)[0]
        if content_type == JSON_PATCH:
            return content_type, self._json(
                [self.operation(base) for _ in range(1 + self.few(0.5))]
            )
        node = schema.struct_of(kind)
        if content_type == APPLY:
            return content_type, self.configuration(kind, base, node)
        part = self.spoiled(base, node)
        part = {name: item for name, item in part.items() if self.often(0.4)}
        if content_type == STRATEGIC:
            self.direct(part)
        return content_type, self._json(part)

    def configuration(self, kind: Kind, base: Any, node: schema.Node | None) -> bytes:
        """What somebody applies."""
        for name in ("managedFields", "resourceVersion", "uid", "creationTimestamp"):
            if self.often(0.95):
                base["metadata"].pop(name, None)
        base = {**base, "apiVersion": kind.api_version, "kind": kind.kind}
        part = self.spoiled(base, node)
        if self.often(0.7):
            return self._json(part)
        text = yaml.safe_dump(part, allow_unicode=True)
        return self.cut(text.encode("utf-8", "surrogatepass"))

    def _json(self, value: Any) -> bytes:
        text = json.dumps(value, ensure_ascii=self.often(0.7))
        return self.cut(text.encode("utf-8", "surrogatepass"))

    def operation(self, obj: Any) -> Any:
        """One step of a JSON patch."""
        places = ["", "/", "/-", "/a", "a", "/metadata/labels/-", "/~2", "/spec/containers/9",
                  "/spec/containers/00", "/spec/containers/-1", "/metadata/name", "/metadata",
                  "/spec"]  # fmt: skip
        places += list(_pointers(obj))
        step = {
            "op": self.pick(("add", "add", "remove", "replace", "replace", "move", "copy", "test",
                "x", 1)),
            "path": self.pick(places), "value": self.odd(), "from": self.pick(places),
        }  # fmt: skip
        if self.often(0.1):
            step.pop(self.pick(sorted(step)))
        if self.often(0.05):
            step[self.pick(sorted(step) or ["op"])] = self.odd()
        return self.odd() if self.often(0.02) else step

    def direct(self, part: Any) -> None:
        """Put directives into a strategic merge patch."""
        places = [holder[key] for _, holder, key, _ in _places(part, None)] + [part]
        for _ in range(self.few(0.5)):
            found = self.pick(places)
            name, value = self.pick((
                ("$patch", "delete"), ("$patch", "replace"), ("$patch", "merge"),
                ("$patch", self.odd()),
                ("$retainKeys", ["name"]), ("$retainKeys", self.odd()),
                ("$deleteFromPrimitiveList/args", ["a"]),
                ("$deleteFromPrimitiveList/finalizers", self.odd()),
                ("$setElementOrder/", self.odd()),
                ("$setElementOrder/containers", [{"name": "web"}]),
                ("$setElementOrder/ports", self.odd()),
                ("$setElementOrder/finalizers", ["a"]), ("$x", 1),
            ))  # fmt: skip
            if isinstance(found, dict):
                found[name] = value
            elif isinstance(found, list):
                found.append({name: value})


_LEAVES: dict[type[Any], Callable[[Malformed], Any]] = {
    schema.Text: Malformed.text,
    schema.Boolean: lambda made: made.pick((True, False)),
    schema.Number: lambda made: made.pick(NUMBERS),
    schema.Integer: lambda made: made.pick(NUMBERS[:8] if made.often(0.8) else NUMBERS),
    schema.IntOrString: lambda made: made.pick(
        (0, 1, -1, 80, "50%", "web", "", "-5%", "1e3%", "%")
    ),
    schema.Quantity: lambda made: made.pick(QUANTITIES),
    schema.Time: lambda made: made.pick(TEXTS[33:37]),
    schema.Bytes: lambda made: made.pick(("", "aGk=", "aGk", "\ud800", "//79")),
}


def _places(
    value: Any, node: schema.Node | None, depth: int = 0
) -> Iterator[tuple[int, Any, Any, schema.Node | None]]:
    """Every place of a value: how deep it is, who holds it under which key, its schema."""
    if depth > 40:
        return
    if isinstance(value, dict):
        for key in value:
            inner = None
            if isinstance(node, schema.Struct) and key in node.fields:
                inner = node.fields[key].node
            elif isinstance(node, schema.MapOf):
                inner = node.items
            yield depth, value, key, inner
            yield from _places(value[key], inner, depth + 1)
    elif isinstance(value, list):
        inner = node.items if isinstance(node, schema.ListOf) else None
        for key, item in enumerate(value):
            yield depth, value, key, inner
            yield from _places(item, inner, depth + 1)


def _pointers(value: Any, begin: str = "", depth: int = 0) -> Iterator[str]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        path = f"{begin}/{str(key).replace('~', '~0').replace('/', '~1')}"
        yield path
        if depth < 8:
            yield from _pointers(item, path, depth + 1)
