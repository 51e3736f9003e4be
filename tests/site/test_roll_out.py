"""A whole cluster in the browser does what it does here, to the last record."""

from benchmarks import cluster
from benchmarks.browser import in_browser

SIZE = (10, 3, 4)


def test_a_roll_out_in_the_browser_leaves_the_same_trace(site, chromium):
    seconds, digest = in_browser(SIZE)
    assert digest == cluster.digest(cluster.RollOut(*SIZE).run())
    assert seconds > 0
