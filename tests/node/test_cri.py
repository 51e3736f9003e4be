"""References of images, as a runtime writes them out; the runtime keeps the whole interface."""

import inspect

from hypothesis import given
from hypothesis import strategies as st

from k8s_ref.node.cri import CRI, normalize, repository, tag_of
from k8s_ref.node.runtime import Runtime

NAME = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)


def test_short_names_are_written_out():
    assert normalize("busybox:1.37") == "docker.io/library/busybox:1.37"
    assert normalize("team/app") == "docker.io/team/app:latest"
    assert normalize("localhost:5000/app") == "localhost:5000/app:latest"
    assert normalize("app@sha256:ab") == "docker.io/library/app@sha256:ab"


@given(NAME, NAME)
def test_writing_out_twice_changes_nothing_and_the_parts_are_found_again(name, tag):
    full = normalize(f"{name}:{tag}")
    assert normalize(full) == full
    assert (repository(full), tag_of(full)) == (f"docker.io/library/{name}", tag)


def test_the_simulated_runtime_has_every_verb_of_the_interface():
    for name, verb in vars(CRI).items():
        if not name.startswith("_") and callable(verb):
            theirs = list(inspect.signature(verb).parameters)
            assert list(inspect.signature(getattr(Runtime, name)).parameters) == theirs, name
