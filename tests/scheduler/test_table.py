"""The table decides exactly as asking every plugin about every node would."""

from random import Random

import pytest

from k8s_ref.machinery.meta import with_path
from k8s_ref.scheduler import schedule_one
from k8s_ref.scheduler.cache import Cache, NodeInfo, PodInfo, Snapshot
from k8s_ref.scheduler.framework import CycleState, Framework, Plugin
from k8s_ref.scheduler.profile import default_profile
from k8s_ref.scheduler.schedule_one import schedule_pod
from k8s_ref.scheduler.table import signature
from k8s_ref.sim.loop import Loop
from tests.harness import pod
from tests.scheduler.plane import asking, node, outcome

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
KINDS = ("plain", "plain", "picky", "port", "spread", "wish", "together", "apart", "prefers")
MIB = 1024 * 1024


class Services:
    """Knows one Service, so that some Pods have constraints by default."""

    def get(self, resource, key):
        return None

    def list(self, resource, namespace):
        service = {"spec": {"selector": {"app": "a"}}}
        return [service] if resource == "services" and namespace == "default" else []


class World:
    """A random cluster that changes at random, and two engines that decide about it."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.framework = Framework(default_profile(reader=Services()), Loop())
        self.cache = Cache()
        self.nodes, self.pods = [], {}
        self.made = self.start = self.fitted = 0
        for _ in range(self.random.randrange(1, 25)):
            self.add_node()

    # -- what happens

    def add_node(self):
        self.made += 1
        self.nodes.append(f"n{self.made}")
        self.set_node(self.nodes[-1])

    def set_node(self, name):
        pick = self.random.choice
        labels = {HOST: name, "disk": pick(["ssd", "hdd"])}
        if self.random.random() < 0.8:
            labels[ZONE] = pick(["a", "b", "c"])
        effect = pick(["NoSchedule", "PreferNoSchedule", "PreferNoSchedule"])
        taints = [{"key": pick(["gpu", "old"]), "effect": effect}] * pick([0, 0, 0, 1])
        cordon = {"unschedulable": True} if self.random.random() < 0.1 else {}
        obj = node(name, cpu=pick(["1", "2", "8"]), labels=labels, taints=taints, **cordon)
        images = [{"names": ["nginx:latest"], "sizeBytes": 300 * MIB}] * pick([0, 1])
        self.cache.set_node(with_path(obj, ("status", "images"), images))

    def change_node(self):
        if self.nodes:
            self.set_node(self.random.choice(self.nodes))

    def remove_node(self):
        if len(self.nodes) > 1:
            gone = self.random.choice(self.nodes)
            self.nodes.remove(gone)
            self.cache.remove_node(gone)

    def remove_pod(self):
        if self.pods:
            key = self.random.choice(sorted(self.pods))
            del self.pods[key]
            self.cache.remove_pod(key)

    def see_pod(self):
        """Another scheduler's Pod appears on a node, or one of ours gets other labels."""
        obj = self.new_pod()
        if self.pods and self.random.random() < 0.5:
            old = self.pods[self.random.choice(sorted(self.pods))]
            obj = with_path(old, ("metadata", "labels"), {"app": self.random.choice("abc")})
        elif self.nodes:
            obj = with_path(obj, ("spec", "nodeName"), self.random.choice(self.nodes))
        else:
            return
        self.pods[f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"] = obj
        self.cache.add_pod(obj)

    def promise(self):
        if self.nodes:
            info = PodInfo.of(self.new_pod())
            self.cache.nominate(info, self.random.choice(self.nodes))
            if self.random.random() < 0.7:
                self.cache.nominate(info, "")

    def new_pod(self):
        self.made += 1
        pick, kind = self.random.choice, self.random.choice(KINDS)
        requests = {"cpu": pick(["100m", "500m", "1", None]), "memory": pick([None, "256Mi"])}
        obj = asking(f"p{self.made}", priority=pick([0, 0, 5, 10]), **requests, **self.spec(kind))
        obj["metadata"] |= {
            "uid": f"u{self.made}",
            "namespace": pick(["default", "default", "other"]),
            "labels": {"app": pick("abc")},
        }
        return obj

    def spec(self, kind):
        pick = self.random.choice
        selector = {"matchLabels": {"app": pick("abc")}}
        term = {"topologyKey": pick([ZONE, HOST]), "labelSelector": selector}
        required, preferred = (
            f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred")
        )
        ssd = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
        weighted = [{"weight": pick([1, 50]), "podAffinityTerm": term}]
        action = "DoNotSchedule" if kind == "spread" else "ScheduleAnyway"
        spread = {"maxSkew": pick([1, 2]), "whenUnsatisfiable": action, **term}
        port = {"containerPort": 80, "hostPort": pick([80, 81])}
        return {
            "plain": {"tolerations": [{"operator": "Exists"}] * pick([0, 1])},
            "picky": {
                "nodeSelector": pick([{}, {"disk": "hdd"}]),
                "affinity": {"nodeAffinity": {preferred: [{"weight": 3, "preference": ssd}]}},
            },
            "port": {"containers": [{"name": "c", "image": "nginx", "ports": [port]}]},
            "spread": {"topologySpreadConstraints": [spread]},
            "wish": {"topologySpreadConstraints": [spread]},
            "together": {"affinity": {"podAffinity": {required: [term]}}},
            "apart": {"affinity": {"podAntiAffinity": {required: [term]}}},
            "prefers": {
                "affinity": {pick(["podAffinity", "podAntiAffinity"]): {preferred: weighted}}
            },
        }[kind]

    # -- what is decided

    def decide(self):
        obj = self.new_pod()
        info, nodes = PodInfo.of(obj), self.cache.snapshot()
        # Nothing remembered: what naive means.
        anew = Snapshot(nodes.nodes, nodes.nominated)
        fast = schedule_pod(self.framework, CycleState(), info, nodes, self.start)
        naive = schedule_pod(self.framework, CycleState(), info, anew, self.start, naive=True)
        assert outcome(fast) == outcome(naive)
        assert [n.name for n in fast.best] == [n.name for n in naive.best]
        seen = len(fast.feasible) + len(fast.statuses)
        self.start = (self.start + seen) % max(len(nodes), 1)
        if fast.feasible:
            self.fitted += 1
            where = self.random.choice(fast.best).name
            self.cache.assume(info, where)
            self.pods[info.key] = with_path(obj, ("spec", "nodeName"), where)


@pytest.mark.parametrize("seed", range(20))
def test_the_table_and_the_plain_loop_decide_the_same(seed, monkeypatch):
    # So that small clusters, too, are searched in part.
    monkeypatch.setattr(schedule_one, "MIN_FEASIBLE_NODES", 4)
    world = World(seed)
    changes = [world.add_node, world.change_node, world.remove_node, world.remove_pod]
    changes += [world.remove_pod, world.see_pod, world.promise]
    for _ in range(150):
        world.decide()
        if world.random.random() < 0.4:
            world.random.choice(changes)()
    assert world.fitted > 30


def test_equal_pods_share_a_table_whatever_their_names_labels_and_tokens():
    one, other = pod("one"), pod("other")
    other["metadata"]["labels"] = {"app": "other"}
    for obj in (one, other):
        token = {"name": f"kube-api-access-{obj['metadata']['name']}", "projected": {}}
        obj["spec"]["volumes"] = [token]
        obj["spec"]["containers"][0]["volumeMounts"] = [{"name": token["name"], "mountPath": "/x"}]
    assert signature(PodInfo.of(one)) == signature(PodInfo.of(other))
    assert signature(PodInfo.of(one)) != signature(PodInfo.of(asking(cpu="1")))


def test_a_plugin_is_asked_again_only_about_nodes_that_changed():
    asked = []

    class Curious(Plugin):
        name = "Curious"

        def filter(self, state, pod, node):
            asked.append(node.name)

    cache, framework = Cache(), Framework([(Curious(), 0)], Loop())
    for number in range(5):
        cache.set_node(node(f"n{number}"))
    for number in range(3):
        info = PodInfo.of(asking(f"p{number}"))
        schedule_pod(framework, CycleState(), info, cache.snapshot())
        cache.assume(info, "n3")
    assert asked == ["n0", "n1", "n2", "n3", "n4", "n3", "n3"]


def test_a_plugin_that_looks_at_domains_is_asked_once_for_each():
    asked = []

    class Zones(Plugin):
        name = "Zones"
        domain = True

        def domains(self, state, pod):
            return self.name, lambda node: node.labels.get(ZONE)

        def filter(self, state, pod, node):
            asked.append(node.labels.get(ZONE))

    cache, framework = Cache(), Framework([(Zones(), 0)], Loop())
    for number in range(6):
        cache.set_node(node(f"n{number}", labels={ZONE: "ab"[number % 2]}))
    decision = schedule_pod(framework, CycleState(), PodInfo.of(pod()), cache.snapshot())
    assert (len(decision.feasible), asked) == (6, ["a", "b"])


def test_a_sum_over_all_nodes_is_kept_up_to_date():
    cache = Cache()
    for number in range(4):
        cache.set_node(node(f"n{number}", labels={ZONE: "ab"[number % 2]}))

    def count(info: NodeInfo):
        return {info.labels[ZONE]: len(info.pods)} if info.pods else None

    def tally():
        return dict(cache.snapshot().tally("pods", count))

    assert tally() == {}
    cache.assume(PodInfo.of(asking("one")), "n0")
    cache.assume(PodInfo.of(asking("two")), "n1")
    cache.assume(PodInfo.of(asking("three")), "n2")
    assert tally() == {"a": 2, "b": 1}
    cache.remove_pod("default/two")
    assert tally() == {"a": 2}
    cache.set_node(node("n0", labels={ZONE: "b"}))
    assert tally() == {"a": 1, "b": 1}
    cache.remove_node("n2")
    assert tally() == {"b": 1}


def test_a_pod_whose_labels_change_counts_by_its_new_ones():
    cache = Cache()
    cache.set_node(node())
    obj = asking("web", nodeName="node-1")
    cache.add_pod(obj)

    def count(info: NodeInfo):
        return {pod.pod["metadata"]["labels"]["app"]: 1 for pod in info.pods.values()}

    assert dict(cache.snapshot().tally("apps", count)) == {"web": 1}
    cache.add_pod(with_path(obj, ("metadata", "labels"), {"app": "db"}))
    assert dict(cache.snapshot().tally("apps", count)) == {"db": 1}
