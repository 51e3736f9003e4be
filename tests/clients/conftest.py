"""A served cluster for the clients of other people; skips say which package is missing."""

import pytest


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """Two nodes, ten times as fast as the clock."""
    pytest.importorskip("aiohttp", reason="aiohttp is not installed: pip install k8s-ref[server]")
    from tests.edge.live import Live

    with Live(tmp_path_factory.mktemp("live"), nodes=2, speed=10.0) as served:
        yield served
