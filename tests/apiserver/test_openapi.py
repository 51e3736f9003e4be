"""OpenAPI: the schema as clients read it, and what kubectl explain prints of it."""

import json
from importlib import resources

import pytest
import yaml

from k8s_ref.apiserver.openapi import LANGUAGES, answer, document
from k8s_ref.cli.kubectl.explain import explained, heading, place
from k8s_ref.machinery import schema
from k8s_ref.machinery.kinds import KINDS, Kind

CRONTAB = {
    "type": "object",
    "description": "When to do what.",
    "properties": {
        "spec": {
            "type": "object",
            "description": "Spec of it.\nA second line.",
            "required": ["cron"],
            "properties": {
                "cron": {"type": "string"},
                "mode": {"type": "string", "enum": ["", "a", "b"]},
                "replicas": {"type": "integer", "enum": [1, 2, 3, 4, 5]},
                "any": {"x-kubernetes-preserve-unknown-fields": True},
                "steps": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"a": {"type": "string"}}},
                },
                "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
            },
        }
    },
}
WITH_CRONTAB = KINDS.with_kinds(
    [
        Kind(
            "stable.example.com", "v1", "CronTab", "crontabs", True, "crontab", ("ct",),
            definition={"versions": [{"name": "v1", "schema": {"openAPIV3Schema": CRONTAB}}]},
        )
    ]
)  # fmt: skip

PRINTED = """\
GROUP:      stable.example.com
KIND:       CronTab
VERSION:    v1

FIELD: spec <Object>


DESCRIPTION:
    Spec of it.
    A second line.
    
FIELDS:
  any	<Object>
    <no description>

  cron	<string> -required-
    <no description>

  limits	<map[string]integer>
    <no description>

  mode	<string>
  enum: "", a, b
    <no description>

  replicas	<integer>
  enum: 1, 2, 3, 4, ....
    <no description>

  steps	<[]Object>
    <no description>


"""  # noqa: W293
"""What kubectl 1.32.5 printed when a server published that schema."""

TAUGHT = (
    """
metadata.name metadata.namespace metadata.labels metadata.annotations
spec.restartPolicy spec.nodeName spec.nodeSelector spec.imagePullSecrets.name spec.hostNetwork
spec.volumes.name spec.volumes.emptyDir spec.volumes.hostPath.path spec.volumes.hostPath.type
spec.volumes.secret.secretName spec.volumes.secret.items.key spec.volumes.secret.items.path
spec.volumes.configMap.name spec.volumes.configMap.items.key spec.volumes.configMap.items.path
spec.dnsPolicy spec.dnsConfig.nameservers spec.dnsConfig.searches spec.dnsConfig.options.name
C.name C.image C.imagePullPolicy C.command C.args C.workingDir
C.volumeMounts.name C.volumeMounts.mountPath C.volumeMounts.readOnly
C.ports.name C.ports.containerPort C.ports.hostPort C.ports.protocol
C.env.name C.env.value C.env.valueFrom C.resources.limits C.resources.requests
C.lifecycle.postStart.exec.command C.lifecycle.preStop.httpGet.path
P.exec.command P.httpGet.path P.httpGet.port P.httpGet.host P.httpGet.scheme
P.httpGet.httpHeaders.name P.httpGet.httpHeaders.value P.tcpSocket.port
P.initialDelaySeconds P.timeoutSeconds P.periodSeconds P.successThreshold P.failureThreshold
C.readinessProbe C.startupProbe C.securityContext.privileged
""".replace("P.", "C.livenessProbe.")
    .replace("C.", "spec.containers.")
    .split()
)
"""The fields of a Pod that one has to know."""


def read(path, kinds=KINDS, **more):
    """The JSON at a path."""
    return json.loads(answer(path, {}, "application/json", kinds, **more).body)


def ask(url, kinds=KINDS, **more):
    """The answer to a URL with its query."""
    path, _, words = url.partition("?")
    query = {name: [value] for name, _, value in [words.partition("=")] if name}
    return answer(path, query, "application/json", kinds, **more)


def explain(words, *, kinds=KINDS, language="en", deep=False):
    """What is printed of a field."""
    kind, path = place(kinds, words)
    return heading(kind) + explained(document([kind], language), kind, path, deep)


def test_the_index_names_a_document_for_each_group_and_version_by_its_hash():
    paths = read("/openapi/v3")["paths"]
    assert {"api/v1", "apis/apps/v1", "apis/autoscaling/v1", "apis/autoscaling/v2"} <= {*paths}
    url = paths["apis/apps/v1"]["serverRelativeURL"]
    assert url.startswith("/openapi/v3/apis/apps/v1?hash=")
    found = ask(url)
    assert found.headers["Cache-Control"] == "public, immutable"
    assert found.headers["ETag"] == f'"{url.partition("=")[2]}"'
    assert found.body is ask(url).body, "it was made twice"


def test_without_a_hash_a_document_may_change_and_with_an_old_one_it_has_moved():
    plain = ask("/openapi/v3/apis/apps/v1")
    assert "Cache-Control" not in plain.headers
    again = ask("/openapi/v3/apis/apps/v1", if_none_match=plain.headers["ETag"])
    assert (again.code, again.body) == (304, b"")
    moved = ask("/openapi/v3/apis/apps/v1?hash=OLD")
    assert (moved.code, moved.body) == (301, b"")
    assert (
        moved.headers["Location"]
        == read("/openapi/v3")["paths"]["apis/apps/v1"]["serverRelativeURL"]
    )
    assert ask("/openapi/v3/apis/nope/v1").code == 404
    assert ask("/openapi") is None


def test_a_patch_tells_kubectl_what_it_may_send():
    paths = read("/openapi/v3/api/v1")["paths"]
    patch = paths["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert {"dryRun", "fieldValidation"} <= {each["name"] for each in patch["parameters"]}
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]
    gvk = {"group": "", "kind": "Pod", "version": "v1"}
    assert patch["x-kubernetes-group-version-kind"] == gvk
    assert patch["x-kubernetes-action"] == "patch"


def test_a_path_has_the_verbs_of_its_kind_and_no_others():
    paths = read("/openapi/v3/api/v1")["paths"]

    def methods(path):
        return sorted({*paths[path]} - {"parameters"})

    one = "/api/v1/namespaces/{namespace}/pods/{name}"
    assert methods("/api/v1/pods") == ["get"]
    assert methods("/api/v1/namespaces/{namespace}/pods") == ["delete", "get", "post"]
    assert methods(one) == ["delete", "get", "patch", "put"]
    assert methods(f"{one}/binding") == ["post"]
    assert methods(f"{one}/log") == ["get"]
    assert methods("/api/v1/namespaces") == ["get", "post"]
    assert methods("/api/v1/componentstatuses/{name}") == ["get"]
    assert paths[f"{one}/exec"]["get"]["x-kubernetes-action"] == "connect"
    assert [each["name"] for each in paths[one]["parameters"]] == ["name", "namespace"]
    everywhere = paths["/api/v1/pods"]["get"]["responses"]["200"]["content"]["application/json"]
    assert everywhere["schema"]["$ref"].endswith("io.k8s.api.core.v1.PodList")


def test_every_reference_of_every_document_leads_somewhere():
    for place_ in read("/openapi/v3", WITH_CRONTAB)["paths"]:
        text = ask(f"/openapi/v3/{place_}", WITH_CRONTAB).body.decode()
        known = {*json.loads(text)["components"]["schemas"]}
        wanted = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
        assert wanted <= known


def test_a_schema_says_what_merges_how_and_what_is_allowed():
    schemas = read("/openapi/v3/api/v1")["components"]["schemas"]
    spec = schemas["io.k8s.api.core.v1.PodSpec"]
    assert spec["required"] == ["containers"]
    containers = {**spec["properties"]["containers"], "description": ""}
    assert containers == {
        "description": "",
        "type": "array",
        "items": {"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"},
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge",
    }
    assert spec["properties"]["restartPolicy"]["enum"] == ["Always", "Never", "OnFailure"]
    affinity = spec["properties"]["affinity"]
    assert affinity["allOf"] == [{"$ref": "#/components/schemas/io.k8s.api.core.v1.Affinity"}]
    assert "description" in affinity
    port = schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]
    assert port["protocol"]["default"] == "TCP"
    assert schemas["io.k8s.api.core.v1.SecretReference"]["x-kubernetes-map-type"] == "atomic"
    int_or_string = schemas["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]
    assert int_or_string["format"] == "int-or-string"
    pod = schemas["io.k8s.api.core.v1.Pod"]
    assert pod["x-kubernetes-group-version-kind"] == [{"group": "", "kind": "Pod", "version": "v1"}]


def test_a_custom_resource_is_published_with_its_own_schema():
    place_ = "/openapi/v3/apis/stable.example.com/v1"
    found = read(place_, WITH_CRONTAB)
    crontab = found["components"]["schemas"]["com.example.stable.v1.CronTab"]
    assert crontab["properties"]["spec"] == CRONTAB["properties"]["spec"]
    assert crontab["properties"]["metadata"]["allOf"][0]["$ref"].endswith("meta.v1.ObjectMeta")
    one = found["paths"]["/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}"]
    assert "application/merge-patch+json" in one["patch"]["requestBody"]["content"]
    assert "application/strategic-merge-patch+json" not in one["patch"]["requestBody"]["content"]
    before, after = read("/openapi/v3")["paths"], read("/openapi/v3", WITH_CRONTAB)["paths"]
    assert {name for name in after if after[name] != before.get(name)} == {
        "apis/stable.example.com/v1"
    }


def test_the_old_document_is_thirty_odd_bytes_of_protobuf_or_a_little_json():
    wanted = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    found = answer("/openapi/v2", {}, wanted, KINDS)
    version = f"v{schema.release()}".encode()
    info = b"\n\nKubernetes\x12" + bytes([len(version)]) + version
    assert found.body == b"\n\x032.0\x12" + bytes([len(info)]) + info + b"B\x00J\x00"
    assert found.content_type.endswith("+protobuf")
    assert read("/openapi/v2")["swagger"] == "2.0"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", TAUGHT)
def test_every_field_of_a_pod_one_has_to_know_is_described(path, language):
    text = explain(f"pods.{path}", language=language)
    assert "<empty>" not in text
    described = text.partition("DESCRIPTION:\n")[2].partition("FIELDS:")[0]
    assert described.isascii() == (language == "en")


def test_descriptions_are_of_fields_that_exist_and_in_both_languages():
    text = resources.files("k8s_ref.apiserver").joinpath("fields.yaml").read_text("utf-8")
    known = {".".join(name.split(".")[-3:]): name for name in schema._document()["definitions"]}
    for struct, fields in yaml.safe_load(text).items():
        names = {"this", *schema.struct(known[struct]).fields} if struct != "any" else {*fields}
        assert {*fields} <= names, struct
        for name, about in fields.items():
            place_ = f"{struct}.{name}"
            assert list(about) == ["en", "zh"], place_
            assert about["en"].isascii() or "…" in about["en"], place_
            assert about["en"][-1] in ".?…", place_
            assert about["zh"][-1] in "。？…", place_


def test_explain_prints_what_kubectl_prints():
    assert explain("ct.spec", kinds=WITH_CRONTAB) == PRINTED


def test_explain_goes_through_lists_and_maps_and_stops_where_a_schema_contains_itself():
    assert "FIELD: a <string>" in explain("crontabs.spec.steps.a", kinds=WITH_CRONTAB)
    assert "FIELD: limits <map[string]Quantity>" in explain("po.spec.containers.resources.limits")
    assert "FIELD: port <IntOrString>" in explain("po.spec.containers.livenessProbe.httpGet.port")
    deep = explain("crd.spec.versions.schema.openAPIV3Schema", deep=True)
    assert deep.count("additionalItems") == 1


@pytest.mark.parametrize("words", ["po.nope", "po.spec.nope.name", "cm.data.x"])
def test_explain_knows_no_field_that_does_not_exist(words):
    with pytest.raises(ValueError, match=f'field "{words.rpartition(".")[2]}" does not exist'):
        explain(words)
