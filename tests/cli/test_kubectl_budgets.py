"""Quotas and budgets from words, and drains that respect them; words as kubectl 1.32 says them."""

import pytest

from k8s_ref import Cluster


@pytest.fixture(scope="module")
def cluster():
    cluster = Cluster(nodes=2)
    cluster.run(5)
    return cluster


WHY = "Cannot evict pod as it would violate the pod's disruption budget."
QUOTA = """\
apiVersion: v1
kind: ResourceQuota
metadata:
  creationTimestamp: null
  name: q
spec:
  hard:
    pods: "1"
  scopes:
  - BestEffort
status: {}
"""
BUDGET = """\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  creationTimestamp: null
  name: x
spec:
  minAvailable: 1
  selector:
    matchLabels:
      app: web
status:
  currentHealthy: 0
  desiredHealthy: 0
  disruptionsAllowed: 0
  expectedPods: 0
"""


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("quota q --hard=pods=1 --scopes=BestEffort --dry-run=client -o yaml", QUOTA),
        ("pdb x --selector=app=web --min-available=1 --dry-run=client -o yaml", BUDGET),
        (
            "pdb x --selector=a=b",
            "error: one of min-available or max-unavailable must be specified\n",
        ),
        ("pdb x --min-available=1", "error: a selector must be specified\n"),
        (
            "pdb x --selector=a=b --min-available=50% --max-unavailable=1",
            "error: min-available and max-unavailable cannot be both specified\n",
        ),
        (
            "quota q --hard=pods",
            "error: Invalid argument syntax pods, expected <resource>=<value>\n",
        ),
        ("quota q --hard=pods=9,requests.cpu=1", "resourcequota/q created\n"),
        (
            "poddisruptionbudget x --selector=a=b --max-unavailable=50%",
            "poddisruptionbudget.policy/x created\n",
        ),
    ],
)
def test_quotas_and_budgets_are_made_from_words(cluster, line, printed):
    assert cluster.kubectl(f"create {line}") == printed


def test_a_drain_asks_again_until_the_budget_lets_the_next_pod_go():
    cluster = Cluster(nodes=2)
    cluster.run(5)
    cluster.kubectl("cordon node-2")
    cluster.kubectl("create deployment web --image=nginx:1.27 --replicas=2")
    cluster.kubectl("create pdb web --selector=app=web --min-available=1")
    cluster.run(15)
    cluster.kubectl("uncordon node-2")
    first, second = sorted(pod["metadata"]["name"] for pod in cluster.at(
        cluster.store.revision).list("pods", "default"))  # fmt: skip
    assert cluster.kubectl("drain node-1").splitlines() == [
        "node/node-1 cordoned",
        f"evicting pod default/{first}",
        f"evicting pod default/{second}",
        f'error when evicting pods/"{second}" -n "default" (will retry after 5s): {WHY}',
        f"pod/{first} evicted",
        f"evicting pod default/{second}",
        f"pod/{second} evicted",
        "node/node-1 drained",
    ]


def test_a_budget_that_never_lets_go_runs_into_the_timeout():
    cluster = Cluster(nodes=1)
    cluster.run(5)
    cluster.kubectl("create deployment web --image=nginx:1.27")
    cluster.kubectl("create pdb web --selector=app=web --min-available=1")
    cluster.run(15)
    (name,) = [pod["metadata"]["name"] for pod in cluster.at(cluster.store.revision).list("pods")]
    told = cluster.kubectl("drain node-1 --timeout=7s").splitlines()
    retry = f'error when evicting pods/"{name}" -n "default" (will retry after 5s): {WHY}'
    late = f'error when evicting pods/"{name}" -n "default": global timeout reached: 7s'
    evicting = f"evicting pod default/{name}"
    assert told == [
        "node/node-1 cordoned", evicting, retry, evicting, retry, evicting,
        f'There are pending pods in node "node-1" when an error occurred: {late}',
        f"pod/{name}",
        f'error: unable to drain node "node-1" due to error: {late}, continuing command...',
        "There are pending nodes to be drained:", " node-1", late,
    ]  # fmt: skip
    assert cluster.kubectl("drain node-1 --disable-eviction").endswith("node/node-1 drained\n")
