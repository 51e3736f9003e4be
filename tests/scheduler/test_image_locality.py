"""Image locality: points for bytes that need not be pulled."""

import pytest

from k8s_ref.machinery.meta import with_path
from tests.harness import pod
from tests.scheduler.plane import Scheduled, decide, node

MIB = 1024 * 1024


def having(name, **images):
    """A node that has these images, in MiB."""
    held = [{"names": [image], "sizeBytes": size * MIB} for image, size in images.items()]
    return with_path(node(name), ("status", "images"), held)


def scores(obj, *nodes):
    """The points that each node gets, none if the plugin was not asked."""
    decision = decide(obj, nodes)
    found = [s.normalized for s in decision.scores if s.plugin == "ImageLocality"]
    return found[0] if found else None


def running(*images, **spec):
    """A Pod of these images."""
    named = [{"name": f"c{n}", "image": image} for n, image in enumerate(images)]
    return pod(**{"containers": named, **spec})


@pytest.mark.parametrize(
    ("size", "points"), [(10, 0), (23, 0), (100, 7), (500, 48), (1000, 100), (9000, 100)]
)
def test_more_bytes_are_more_points_between_two_limits(size, points):
    both = [having(name, **{"nginx:latest": size}) for name in "ab"]
    assert scores(running("nginx"), *both) == [points, points]


def test_an_image_that_few_nodes_have_draws_less():
    one = [having("a", **{"app:1": 800}), having("b"), having("c"), having("d")]
    assert scores(running("app:1"), *one) == [100 * (200 - 23) // (1000 - 23), 0, 0, 0]


def test_the_limit_grows_with_the_number_of_images():
    nodes = [having(name, **{"app:1": 1000, "side:1": 1000}) for name in "ab"]
    assert scores(running("app:1", "other:1"), *nodes) == [100 * 977 // 1977] * 2
    init = [{"name": "i", "image": "side:1"}]
    assert scores(running("app:1", initContainers=init), *nodes) == [100, 100]
    volumes = [{"name": "v", "image": {"reference": "side:1"}}]
    assert scores(running("app:1", volumes=volumes), *nodes) == [100, 100]


def test_an_image_without_a_tag_is_the_latest():
    nodes = [having("a", **{"host:5000/app:latest": 1000}), having("b")]
    assert scores(running("host:5000/app"), *nodes) == [100 * 477 // 977, 0]
    assert scores(running("host:5000/app:2"), *nodes) is None


@pytest.mark.parametrize("seed", range(4))
def test_of_equal_nodes_the_one_that_has_the_image_is_taken(seed):
    plane = Scheduled(node("a"), node("b"), node("c"), seed=seed)
    change = {"status": {"images": [{"names": ["nginx:latest"], "sizeBytes": 900 * MIB}]}}
    plane.do(plane.api.patch("nodes", "b", change, "status"))
    plane.create(pod())
    assert plane.node_of() == "b"
