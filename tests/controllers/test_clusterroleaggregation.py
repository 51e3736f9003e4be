"""Roles that are made of roles."""

import pytest

from k8s_ref import Cluster

CRONTABS = {"apiGroups": ["stable.example.com"], "resources": ["crontabs"], "verbs": ["get"]}


@pytest.fixture
def cluster():
    return Cluster(nodes=0)


def rules(cluster, name):
    return cluster.server.registry("clusterroles").cache.objects[name]["rules"]


def make(cluster, name="crontabs", **labels):
    labels = {f"rbac.authorization.k8s.io/{key.replace('_', '-')}": v for key, v in labels.items()}
    cluster.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name, "labels": labels},
            "rules": [CRONTABS],
        }
    )
    cluster.run(1)


def test_at_the_start_there_is_nothing_to_do(cluster):
    cluster.run(5)
    assert not cluster.trace.select(actor="clusterrole-aggregation-controller")


def test_a_role_for_viewers_is_part_of_view_edit_and_admin(cluster):
    make(cluster, aggregate_to_view="true")
    for name in ("view", "edit", "admin"):
        assert CRONTABS in rules(cluster, name)


def test_a_role_for_editors_is_not_for_viewers(cluster):
    make(cluster, aggregate_to_edit="true")
    assert CRONTABS not in rules(cluster, "view")
    assert CRONTABS in rules(cluster, "edit") and CRONTABS in rules(cluster, "admin")


def test_what_is_deleted_is_taken_out_again(cluster):
    before = rules(cluster, "admin")
    make(cluster, aggregate_to_view="true")
    cluster.kubectl("delete clusterrole crontabs")
    cluster.run(1)
    assert rules(cluster, "admin") == before


def test_whoever_writes_the_rules_by_hand_is_overruled(cluster):
    cluster.kubectl("""patch clusterrole view --type=merge -p '{"rules":[]}'""")
    cluster.run(1)
    assert len(rules(cluster, "view")) == 12
