"""Affinity between Pods: company that is wanted, company that is not, and from both sides."""

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.machinery.meta import with_path
from k8s_ref.scheduler.cache import PodInfo, Snapshot
from k8s_ref.scheduler.cluster_events import ClusterEvent
from k8s_ref.scheduler.framework import Code, CycleState
from k8s_ref.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from tests.harness import pod
from tests.scheduler.plane import Scheduled, decide, node

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def term(app, key=ZONE, **more):
    return {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}, **more}


def labelled(name="web", app="web", wants=(), avoids=(), prefers=(), dislikes=(), **spec):
    """A Pod with affinity; ``prefers`` and ``dislikes`` are pairs of weight and term."""

    def rules(required, weighted):
        preferred = [{"weight": n, "podAffinityTerm": one} for n, one in weighted]
        return {REQUIRED: list(required), PREFERRED: preferred}

    affinity = {"podAffinity": rules(wants, prefers), "podAntiAffinity": rules(avoids, dislikes)}
    return with_path(pod(name, affinity=affinity, **spec), ("metadata", "labels"), {"app": app})


def zoned(*zones):
    """Nodes a, b, c, … in these zones."""
    labels = ({ZONE: zone} if zone else {} for zone in zones)
    return [node(name, labels=one) for name, one in zip("abcdef", labels, strict=False)]


def fitting(obj, nodes, pods=()):
    return [info.name for info in decide(obj, nodes, pods).feasible]


def points(obj, nodes, pods=()):
    """The weights of the nodes and their points, by name; None if nobody prefers anything."""
    decision = decide(obj, nodes, pods)
    order = sorted(range(len(nodes)), key=lambda index: decision.feasible[index].name)
    for scores in decision.scores:
        if scores.plugin == "InterPodAffinity":
            return [scores.raw[i] for i in order], [scores.normalized[i] for i in order]
    return None


# -- required


def test_a_pod_goes_where_its_company_is():
    plane = Scheduled(*zoned("x", "x", "y"))
    plane.create(labelled("db", app="db", nodeName="c"), labelled(wants=[term("db")]))
    assert plane.node_of() == "c"


def test_company_anywhere_in_the_zone_will_do_and_on_the_machine_only_there():
    nodes, db = zoned("x", "x", "y"), labelled("db", app="db", nodeName="a")
    assert fitting(labelled(wants=[term("db")]), nodes, [db]) == ["a", "b"]
    assert fitting(labelled(wants=[term("db", HOST)]), nodes, [db]) == ["a"]


def test_one_pod_must_meet_all_terms():
    nodes = zoned("x", "y", "z")
    both = with_path(labelled("both", nodeName="c"), ("metadata", "labels", "tier"), "front")
    pods = [labelled("one", nodeName="a"), labelled("two", app="other", nodeName="b"), both]
    front = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"tier": "front"}}}
    assert fitting(labelled(app="new", wants=[term("web"), front]), nodes, pods) == ["c"]


def test_the_first_of_a_group_is_let_in_where_the_label_is():
    nodes = zoned("x", "", "y")
    assert fitting(labelled(wants=[term("web")]), nodes) == ["a", "c"]
    assert fitting(labelled(wants=[term("db")]), nodes) == []
    second = labelled("second", wants=[term("web")])
    assert fitting(second, nodes, [labelled(nodeName="c")]) == ["c"]


def test_a_pod_avoids_others_and_others_avoid_it():
    nodes, pest = zoned("x", "y"), labelled("pest", app="pest", nodeName="a")
    assert fitting(labelled(avoids=[term("pest")]), nodes, [pest]) == ["b"]
    lonely = labelled("lonely", app="lonely", avoids=[term("web")], nodeName="a")
    assert fitting(labelled(), nodes, [lonely]) == ["b"]


def test_the_three_reasons_and_whether_evicting_would_help():
    def verdict(obj, *pods):
        return decide(obj, zoned("x"), pods).statuses["a"]

    missing = verdict(labelled(wants=[term("db")]))
    assert missing.code is Code.UNSCHEDULABLE_AND_UNRESOLVABLE
    assert str(missing) == "node(s) didn't match pod affinity rules"
    unwanted = verdict(labelled(avoids=[term("db")]), labelled("db", app="db", nodeName="a"))
    assert unwanted.code is Code.UNSCHEDULABLE
    assert str(unwanted) == "node(s) didn't match pod anti-affinity rules"
    lonely = labelled("lonely", app="lonely", avoids=[term("web")], nodeName="a")
    assert verdict(labelled(), lonely).code is Code.UNSCHEDULABLE
    reason = "node(s) didn't satisfy existing pods anti-affinity rules"
    assert str(verdict(labelled(), lonely)) == reason


# -- namespaces


def elsewhere(obj, namespace):
    return with_path(obj, ("metadata", "namespace"), namespace)


def test_a_term_means_the_pods_own_namespace_unless_it_says_so():
    nodes, db = zoned("x", "y"), elsewhere(labelled("db", app="db", nodeName="a"), "data")
    assert fitting(labelled(wants=[term("db")]), nodes, [db]) == []
    named = labelled(wants=[term("db", namespaces=["data"])])
    assert fitting(named, nodes, [db]) == ["a"]
    assert fitting(labelled(wants=[term("db", namespaceSelector={})]), nodes, [db]) == ["a"]


def test_namespaces_are_chosen_by_their_labels_from_both_sides():
    plane = Scheduled(*zoned("x", "y", "z"))
    kind, where = {"apiVersion": "v1", "kind": "Namespace"}, {"matchLabels": {"team": "data"}}
    labels = {"team": "data"}
    plane.do(plane.api.create("namespaces", {**kind, "metadata": {"name": "d", "labels": labels}}))
    db = elsewhere(labelled("db", app="db", nodeName="b"), "d")
    plane.create(db, labelled(wants=[term("db", namespaceSelector=where)]))
    assert plane.node_of() == "b"
    minding = term("pest", namespaceSelector=where)
    plane.create(
        labelled("lonely", app="lonely", avoids=[minding], nodeName="a"),
        labelled("other", app="other", avoids=[minding], nodeName="c"),
        elsewhere(labelled("pest", app="pest"), "d"),
    )
    assert plane.do(plane.api.get("pods", "d/pest"))["spec"]["nodeName"] == "b"


def test_label_keys_stand_for_the_pods_own_values():
    def revision(name, value, **more):
        return with_path(labelled(name, **more), ("metadata", "labels", "hash"), value)

    nodes, old = zoned("x", "y"), revision("old", "1", nodeName="a")
    avoids = [term("web", matchLabelKeys=["hash"])]
    assert fitting(revision("new", "2", avoids=avoids), nodes, [old]) == ["a", "b"]
    assert fitting(revision("new", "1", avoids=avoids), nodes, [old]) == ["b"]
    avoids = [term("web", mismatchLabelKeys=["hash"])]
    assert fitting(revision("new", "2", avoids=avoids), nodes, [old]) == ["b"]


# -- preferred


def test_preferences_of_the_newcomer_add_up_by_weight_over_pods():
    nodes = zoned("x", "y", "z", "")
    pods = [labelled(f"w{n}", nodeName="a") for n in range(2)]
    pods += [labelled("pest", app="pest", nodeName="c")]
    obj = labelled("new", app="new", prefers=[(10, term("web"))], dislikes=[(30, term("pest"))])
    assert points(obj, nodes, pods) == ([20, 0, -30, 0], [100, 60, 0, 60])


def test_pods_that_are_there_already_pull_and_push_too():
    nodes = zoned("x", "y", "z")
    pods = [
        labelled("a", app="a", wants=[term("web")], nodeName="a"),
        labelled("b", app="b", prefers=[(5, term("web"))], nodeName="b"),
        labelled("c", app="c", dislikes=[(5, term("web"))], nodeName="c"),
    ]
    assert points(labelled(), nodes, pods) == ([1, 5, -5], [60, 100, 0])


def test_without_any_preference_nothing_is_scored():
    assert points(labelled(), zoned("x", "y"), [labelled("other", nodeName="a")]) is None


# -- what may help


def test_only_what_matters_wakes_a_pod():
    plugin, waiting = InterPodAffinity(), labelled(wants=[term("db")], avoids=[term("pest")])

    def helps(event, old, new):
        return plugin.events()[event](PodInfo.of(waiting), old, new)

    added, gone = ClusterEvent.ASSIGNED_POD_ADD, ClusterEvent.ASSIGNED_POD_DELETE
    db, pest, other = (labelled(app, app=app, nodeName="a") for app in ("db", "pest", "other"))
    assert (helps(added, None, db), helps(added, None, pest)) == (True, False)
    assert (helps(gone, db, None), helps(gone, pest, None)) == (False, True)
    assert helps(gone, labelled("lonely", app="lonely", avoids=[term("web")]), None)
    assert helps(ClusterEvent.ASSIGNED_POD_LABEL, other, db)
    assert not helps(ClusterEvent.ASSIGNED_POD_LABEL, db, other)
    x, y, bare = zoned("x", "y", "")
    assert helps(ClusterEvent.NODE_ADD, None, x)
    assert not helps(ClusterEvent.NODE_ADD, None, bare)
    assert helps(ClusterEvent.NODE_LABEL, x, y)
    assert not helps(
        ClusterEvent.NODE_LABEL, x, with_path(x, ("metadata", "labels", "disk"), "ssd")
    )


def test_a_pod_waits_for_company_and_gets_it():
    plane = Scheduled(*zoned("x", "y"))
    plane.create(labelled(wants=[term("db")]))
    plane.create(labelled("other", app="other", nodeName="a"))
    plane.loop.run(20)
    assert plane.node_of() is None
    plane.create(labelled("db", app="db", nodeName="b"))
    plane.loop.run(20)
    assert plane.node_of() == "b"


# -- against the definition

APPS = st.sampled_from(["p", "q"])
TERMS = st.lists(st.tuples(APPS, st.sampled_from([ZONE, HOST])), max_size=2)
PLACED = st.lists(st.tuples(APPS, TERMS, st.integers(0, 3)), max_size=5)
ZONES = st.lists(st.sampled_from(["", "x", "y"]), min_size=4, max_size=4)


def together(key, one, other):
    labels = [obj["metadata"]["labels"].get(key) for obj in (one, other)]
    return labels[0] is not None and labels[0] == labels[1]


def allowed(app, wants, avoids, target, nodes, placed):
    """The definition, Pod by Pod."""
    for other, their_avoids, where in placed:
        if any(app == theirs and together(k, target, nodes[where]) for theirs, k in their_avoids):
            return False
        if any(mine == other and together(k, target, nodes[where]) for mine, k in avoids):
            return False
    meeting = [
        nodes[i] for other, _, i in placed if wants and all(mine == other for mine, _ in wants)
    ]
    if not all(key in target["metadata"]["labels"] for _, key in wants):
        return False
    counted = [(key, spot) for spot in meeting for _, key in wants if together(key, spot, spot)]
    if not counted and all(mine == app for mine, _ in wants):
        return True
    return all(any(together(key, target, spot) for spot in meeting) for _, key in wants)


@given(APPS, TERMS, TERMS, ZONES, PLACED)
def test_a_pod_fits_exactly_where_the_definition_says(app, wants, avoids, zones, placed):
    nodes = zoned(*zones)

    def obj(name, app, wants, avoids, **spec):
        rules = {"wants": [term(*one) for one in wants], "avoids": [term(*one) for one in avoids]}
        return labelled(name, app=app, **rules, **spec)

    pods = [
        obj(f"p{n}", other, (), theirs, nodeName="abcd"[where])
        for n, (other, theirs, where) in enumerate(placed)
    ]
    expected = [
        target["metadata"]["name"]
        for target in nodes
        if allowed(app, wants, avoids, target, nodes, placed)
    ]
    assert sorted(fitting(obj("new", app, wants, avoids), nodes, pods)) == expected


@given(APPS, TERMS, TERMS, ZONES, PLACED)
def test_a_pod_more_or_less_is_the_same_as_counting_again(app, wants, avoids, zones, placed):
    plugin, nodes = InterPodAffinity(), zoned(*zones)
    rules = {"wants": [term(*one) for one in wants], "avoids": [term(*one) for one in avoids]}
    new = PodInfo.of(labelled("new", app=app, **rules))
    pods = [
        labelled(f"p{n}", app=other, avoids=[term(*one) for one in theirs], nodeName="abcd"[where])
        for n, (other, theirs, where) in enumerate(placed)
    ]
    with_all, without = CycleState(), CycleState()
    full, less = Snapshot.of(nodes, pods), Snapshot.of(nodes, pods[1:])
    plugin.pre_filter(with_all, new, full)
    plugin.pre_filter(without, new, less)
    was = dict(with_all[plugin.name].counts)
    if pods:
        changed, first = with_all.clone(), PodInfo.of(pods[0])
        plugin.remove_pod(changed, new, first, full.get(pods[0]["spec"]["nodeName"]))
        assert changed[plugin.name].counts == without[plugin.name].counts
        assert with_all[plugin.name].counts == was
        plugin.add_pod(changed, new, first, full.get(pods[0]["spec"]["nodeName"]))
        assert changed[plugin.name].counts == was
