"""The roll-out that is measured: small here, and the same every time."""

from benchmarks.cluster import RollOut, digest


def test_all_pods_run_and_the_same_seed_gives_the_same_digest():
    small = RollOut(nodes=3, groups=2, each=4)
    first, second = small.run(), small.run()
    assert len(first.select(verb="bind")) == 8
    assert digest(first) == digest(second)
    assert digest(first) != digest(first[1:])


def test_the_measurement_names_every_floor_that_took_part():
    said = RollOut(nodes=2, groups=1, each=2, name="tiny").measure()
    assert said.startswith("tiny: 2 Pods on 2 nodes in ")
    for floor in ("apiserver", "controllers", "scheduler", "node", "etcd", "sim"):
        assert f" {floor} " in said
