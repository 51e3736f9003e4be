"""What admission adds to Pods, and whom it refuses; words as a 1.36 API server says them."""

import pytest

from k8s_ref.machinery.errors import Forbidden, Invalid
from tests.harness import ControlPlane, pod


@pytest.fixture
def plane():
    return ControlPlane()


def created(plane, obj=None, **spec):
    return plane.do(plane.api.create("pods", obj or pod(**spec)))["spec"]


def toleration(taint, seconds):
    return {
        "key": f"node.kubernetes.io/{taint}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": seconds,
    }


def priority_class(plane, name, value, **fields):
    return plane.do(
        plane.api.create("priorityclasses", {"metadata": {"name": name}, "value": value, **fields})
    )


def test_a_pod_stays_five_minutes_on_a_node_that_fell_silent(plane):
    both = [toleration("not-ready", 300), toleration("unreachable", 300)]
    assert created(plane)["tolerations"] == both


def test_a_pod_that_says_how_long_it_stays_is_believed(plane):
    own = [toleration("not-ready", 5)]
    assert created(plane, tolerations=own)["tolerations"] == [*own, toleration("unreachable", 300)]


@pytest.mark.parametrize("own", [{"operator": "Exists"}, {"key": "node.kubernetes.io/not-ready"}])
def test_a_toleration_of_every_effect_counts(plane, own):
    found = created(plane, tolerations=[{"operator": "Exists", **own}])["tolerations"]
    assert toleration("not-ready", 300) not in found


def test_a_pod_gets_the_token_of_its_account_in_every_container(plane):
    two = [{"name": name, "image": "nginx"} for name in ("a", "b")]
    spec = created(plane, containers=two, initContainers=[{"name": "i", "image": "nginx"}])
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert volume["projected"]["sources"][0] == {
        "serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}
    }
    mount = {
        "name": volume["name"],
        "readOnly": True,
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    }
    for container in (*spec["containers"], *spec["initContainers"]):
        assert container["volumeMounts"] == [mount]
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")


def test_a_pod_may_do_without_a_token(plane):
    assert "volumes" not in created(plane, automountServiceAccountToken=False)
    account = {"metadata": {"name": "shy", "namespace": "default"}}
    account["automountServiceAccountToken"] = False
    plane.do(plane.api.create("serviceaccounts", account))
    assert "volumes" not in created(plane, pod("other", serviceAccountName="shy"))


def test_a_pod_takes_over_the_pull_secrets_of_its_account(plane):
    account = {"metadata": {"name": "default", "namespace": "default"}}
    account["imagePullSecrets"] = [{"name": "registry"}]
    plane.do(plane.api.create("serviceaccounts", account))
    assert created(plane)["imagePullSecrets"] == [{"name": "registry"}]


def test_an_account_that_does_not_exist_is_refused(plane):
    words = r'^pods "web" is forbidden: error looking up service account default/nosuch: servicea'
    with pytest.raises(Forbidden, match=words):
        created(plane, serviceAccountName="nosuch")


def test_a_refusal_shows_how_a_generated_name_would_begin(plane):
    body = pod(serviceAccountName="nosuch")
    body["metadata"] = {"generateName": "web-", "namespace": "default"}
    with pytest.raises(Forbidden, match=r'^pods "web-" is forbidden'):
        created(plane, body)


def test_without_a_class_a_pod_is_as_important_as_any(plane):
    spec = created(plane)
    assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")
    assert "priorityClassName" not in spec


def test_the_class_of_a_pod_says_how_important_it_is(plane):
    priority_class(plane, "high", 1000, preemptionPolicy="Never")
    spec = created(plane, priorityClassName="high")
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")
    assert created(plane, pod("x", priorityClassName="system-node-critical"))["priority"] == (
        2_000_001_000
    )


def test_one_class_may_be_for_everybody_who_names_none(plane):
    priority_class(plane, "usual", 7, globalDefault=True)
    spec = created(plane)
    assert (spec["priority"], spec["priorityClassName"]) == (7, "usual")
    with pytest.raises(Forbidden, match="PriorityClass usual is already marked as default"):
        priority_class(plane, "other", 8, globalDefault=True)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"priorityClassName": "nosuch"}, "no PriorityClass with name nosuch was found"),
        (
            {"priority": 5},
            r"the integer value of priority \(5\) must not be provided in pod spec; priority"
            " admission controller computed 0 from the given PriorityClass name",
        ),
        (
            {"preemptionPolicy": "Never"},
            r"the string value of PreemptionPolicy \(Never\) must not be provided in pod spec;"
            " priority admission controller computed PreemptLowerPriority from the given",
        ),
    ],
)
def test_a_pod_may_not_choose_its_importance_itself(plane, spec, words):
    with pytest.raises(Forbidden, match=words):
        created(plane, **spec)


def test_users_may_define_classes_up_to_a_point(plane):
    with pytest.raises(Invalid, match="maximum allowed value of a user defined priority is 10000"):
        priority_class(plane, "huge", 2_000_000_000)
    with pytest.raises(Invalid, match="names with 'system-' prefix are reserved for system use"):
        priority_class(plane, "system-foo", 1)


def test_the_value_of_a_class_stays(plane):
    priority_class(plane, "high", 1000)
    with pytest.raises(Invalid, match="value: Forbidden: may not be changed in an update"):
        plane.do(plane.api.patch("priorityclasses", "high", {"value": 1}))
