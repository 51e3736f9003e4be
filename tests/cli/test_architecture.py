"""The architecture picture: what it shows is what runs, in two languages."""

import re
from xml.etree import ElementTree

import pytest

from k8s_ref import Cluster
from k8s_ref.cluster import CONTROLLERS

API = "kube-apiserver"
WEB = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "web", "image": "nginx:1.27"}]},
}
SVG = "{http://www.w3.org/2000/svg}"


def after(seconds, **options):
    return Cluster(**options).run(seconds)


def edges(picture):
    return [tuple(line.split(" -> ")) for line in repr(picture).splitlines() if " -> " in line]


def boxes(picture):
    """What is drawn as a box: a rectangle with a title."""
    groups = ElementTree.fromstring(picture.svg()).iter(f"{SVG}g")
    return [g.findtext(f"{SVG}title") for g in groups if g.find(f"{SVG}rect") is not None]


def words(svg, language):
    """All that a reader of this language sees."""
    other = {"en": "k8s-zh", "zh": "k8s-en"}[language]

    def told(element):
        inner = "".join(told(child) + (child.tail or "") for child in element)
        return "" if element.get("class") == other else (element.text or "") + inner

    return [told(text) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_same_seed_gives_the_same_bytes():
    first, second = (after(10, nodes=3, seed=7).architecture() for _ in range(2))
    assert first.svg() == second.svg() == first._repr_svg_() and repr(first) == repr(second)


@pytest.mark.parametrize("nodes", [0, 1, 2, 4])
def test_every_process_has_a_box_and_nothing_else_has_but_store_person_and_runtimes(nodes):
    cluster = after(10, nodes=nodes)
    runtimes = [f"containerd/node-{n}" for n in range(1, nodes + 1)]
    assert sorted(boxes(cluster.architecture())) == sorted(
        [*cluster.processes, *runtimes, "kubectl", "etcd"]
    )


def test_everybody_meets_at_the_api_server_and_only_it_talks_to_the_store():
    cluster = after(0, nodes=3)
    cluster.apply(WEB)
    picture = cluster.run(20).architecture()
    for one, other in edges(picture):
        node = one.removeprefix("kubelet/")
        assert API in (one, other) or (one, other) == (f"kubelet/{node}", f"containerd/{node}")
    assert [one for one, other in edges(picture) if other == "etcd"] == [API]
    assert {one for one, other in edges(picture) if other == API} == {
        "kubectl",
        *cluster.processes,
    } - {API}


def test_a_way_round_the_api_server_would_be_drawn():
    cluster = after(10, nodes=1)
    cluster.loop.record("default-scheduler", "bind", "pods/default/web", to="kubelet/node-1")
    assert ("kube-scheduler", "kubelet/node-1") in edges(cluster.architecture())


def test_a_box_names_who_acts_in_it_and_what_it_watches():
    picture = after(10, nodes=1).architecture()
    assert {c.name for c in CONTROLLERS} <= {*picture.actors["kube-controller-manager"]}
    drawn = words(picture.svg(), "en")
    assert CONTROLLERS[0].name in drawn
    assert "default-scheduler" in drawn and "watches pods" in drawn


@pytest.mark.parametrize("what", ["actors", "watches"])
def test_of_many_that_act_or_are_watched_four_are_named(what):
    picture = after(0, nodes=0).architecture()
    getattr(picture, what)["kube-controller-manager"] = [f"thing-{n}" for n in range(30)]
    said = words(picture.svg(), "en")
    assert "thing-3" in " ".join(said) and "thing-4" not in " ".join(said)
    assert "… 26 more" in said


def test_a_process_that_is_stopped_talks_to_nobody():
    cluster = after(10, nodes=1)
    cluster.stop("kube-scheduler")
    picture = cluster.architecture()
    assert "kube-scheduler: stopped" in repr(picture) and "已停止" in words(picture.svg(), "zh")
    assert "kube-scheduler" not in dict(edges(picture))
    cluster.start("kube-scheduler")
    assert ("kube-scheduler", API) in edges(cluster.run(1).architecture())


def test_a_cluster_without_nodes_is_a_control_plane():
    picture = after(10, nodes=0).architecture()
    assert "kubelet" not in picture.svg() and "控制平面" in words(picture.svg(), "zh")


def test_of_more_than_four_nodes_three_are_drawn():
    picture = after(1, nodes=9).architecture()
    assert [name for name in boxes(picture) if name.startswith("kubelet/")] == [
        "kubelet/node-1",
        "kubelet/node-2",
        "kubelet/node-3",
    ]
    assert repr(picture).endswith("\n… 6 more nodes")
    assert "…… 另有 6 个节点" in words(picture.svg(), "zh")


def test_it_speaks_both_languages():
    svg = after(10, nodes=1).architecture().svg()
    zh, en = words(svg, "zh"), words(svg, "en")
    assert {"控制平面", "节点 node-1", "存储", "监听 pods"} <= set(zh)
    assert {"control plane", "node node-1", "store", "watches pods"} <= set(en)
    assert not re.search("[\u4e00-\u9fff]", "".join(en))


def test_it_is_an_image_with_a_title_a_description_and_no_ids():
    picture = after(10, nodes=3).architecture()
    root = ElementTree.fromstring(picture.svg("zh"))
    assert (root.get("role"), root.get("lang")) == ("img", "zh")
    assert root.findtext(f"{SVG}title") == "Architecture · 架构图"
    assert root.findtext(f"{SVG}desc") == repr(picture)
    assert not any(element.get("id") for element in root.iter())


@pytest.mark.parametrize("nodes", [0, 1, 3, 4, 9])
def test_nothing_is_drawn_outside_or_over_another_box(nodes):
    root = ElementTree.fromstring(after(1, nodes=nodes).architecture().svg())
    width, height = int(root.get("width")), int(root.get("height"))
    rects = [g.find(f"{SVG}rect") for g in root.iter(f"{SVG}g")]
    placed = [
        [int(r.get(k)) for k in ("x", "y", "width", "height")] for r in rects if r is not None
    ]
    for n, (x, y, w, h) in enumerate(placed):
        assert x >= 0 and x + w <= width and y + h <= height
        for x2, y2, w2, h2 in placed[n + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
