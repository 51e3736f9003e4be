"""What the compact kubectl says about kinds and their fields."""

import pytest

from k8s_ref import Cluster

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, kind: CronTab, shortNames: [ct]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {cron: {type: string, description: When.}}}
"""


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster(nodes=0)
    cluster.apply(CRD)
    cluster.run(1)
    return cluster


def test_a_field_is_explained_in_the_language_one_asks_for(cluster):
    assert "镜像" in cluster.kubectl("explain pod.spec.containers.image --lang zh")
    assert "The image to run" in cluster.kubectl("explain pod.spec.containers.image")
    refused = cluster.kubectl("explain pod --lang fr")
    assert refused.strip() == "error: --lang must be one of en, zh"


def test_a_custom_resource_is_explained_by_its_own_definition(cluster):
    text = cluster.kubectl("explain ct.spec.cron")
    assert text.splitlines() == [
        "GROUP:      stable.example.com",
        "KIND:       CronTab",
        "VERSION:    v1",
        "",
        "FIELD: cron <string>",
        "",
        "",
        "DESCRIPTION:",
        "    When.",
        "    ",
        "",
    ]


def test_a_kind_is_explained_in_the_version_one_asks_for(cluster):
    assert "VERSION:    v2" in cluster.kubectl("explain hpa")
    assert "VERSION:    v1" in cluster.kubectl("explain hpa --api-version=autoscaling/v1")
    for version, refusal in {
        "apps/v1": "GVR (apps/v1, Resource=pods) not found in OpenAPI schema",
        "v9": 'couldn\'t find resource for "/v9, Resource=pods"',
    }.items():
        printed = cluster.kubectl(f"explain pod --api-version={version}")
        assert printed.strip() == f"error: {refusal}"


def test_the_versions_of_all_groups_are_listed(cluster):
    versions = cluster.kubectl("api-versions").split()
    assert versions == sorted(versions)
    assert {"v1", "apps/v1", "autoscaling/v1", "autoscaling/v2", "stable.example.com/v1"} <= {
        *versions
    }


def test_the_version_of_the_server_says_that_it_is_not_the_original(cluster):
    assert cluster.kubectl("version").splitlines()[1] == "Server Version: v1.36.0+k8s-ref"
