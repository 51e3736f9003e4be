"""A name leads to its key, and the key to its places · 从名字到键，再到它的四个地方"""

import pytest

from k8s_ref.apiserver.server import APIServer
from k8s_ref.cli import console
from k8s_ref.cli import main as cli
from k8s_ref.cli.kubectl import COMMANDS
from k8s_ref.cli.play import words
from k8s_ref.cli.where import ROOT, SORTS, Unknown, covers, find, names, page_of, places, suites_of
from k8s_ref.cluster import CONTROLLERS
from k8s_ref.etcd.client import Embedded
from k8s_ref.etcd.mvcc import Store
from k8s_ref.scheduler.profile import default_profile
from k8s_ref.sim.loop import Loop


def named(sort):
    return {one.name for one in names() if one.sort == sort}


# -- What can be found


def test_every_kind_that_the_server_keeps_can_be_found():
    kept = APIServer(Embedded(Store()), Loop()).registries.values()
    assert named("kind") == {registry.kind.kind for registry in kept}
    assert "Pod" in named("kind") and "TokenReview" not in named("kind")


def test_every_controller_plugin_command_and_verb_can_be_found():
    assert named("controller") == {each.__name__ for each in CONTROLLERS}
    assert named("plugin") == {plugin.name for plugin, _ in default_profile(object())}
    assert named("kubectl") == {f"kubectl {name}" for name in COMMANDS}
    assert named("console") == set(console.VERBS)


def test_a_controller_added_to_the_cluster_is_found_at_once(monkeypatch):
    class JobController:
        name, kind = "job-controller", "Job"

    JobController.__module__ = "k8s_ref.controllers.job"
    monkeypatch.setattr("k8s_ref.cli.where.CONTROLLERS", (*CONTROLLERS, JobController))
    monkeypatch.setattr("k8s_ref.cli.where.names", names.__wrapped__)
    assert find("Job").key == find("job-controller").key == "controllers/job"


@pytest.mark.parametrize(
    ("text", "sort", "key"),
    [
        ("ReplicaSet", "kind", "controllers/replicaset"),
        ("replicaset", "kind", "controllers/replicaset"),
        ("rs", "kind", "controllers/replicaset"),
        ("replicasets.apps", "kind", "controllers/replicaset"),
        ("ReplicaSetController", "controller", "controllers/replicaset"),
        ("replicaset-controller", "controller", "controllers/replicaset"),
        ("Pod", "kind", "apiserver/validation_pod"),
        ("Event", "kind", "client/events"),
        ("ConfigMap", "kind", "apiserver/registry"),
        ("Node", "kind", "controllers/nodelifecycle"),
        ("NodeAffinity", "plugin", "scheduler/plugins/node_affinity"),
        ("DefaultBinder", "plugin", "scheduler/plugins/binding"),
        ("kubectl get", "kubectl", "cli/kubectl/get"),
        ("  kubectl   get ", "kubectl", "cli/kubectl/get"),
        ("get", "kubectl", "cli/kubectl/get"),
        ("logs", "kubectl", "cli/kubectl/logs"),
        ("partition", "console", "cli/console"),
        ("node/logs", "module", "node/logs"),
        ("kubelet", "module", "node/kubelet"),
    ],
)
def test_a_name_leads_to_its_key(text, sort, key):
    found = find(text)
    assert (found.sort, found.key) == (sort, key)


def test_every_key_is_a_module_or_a_package():
    for one in names():
        first = next(places(one.key, "en"))
        assert first[0] == "module" and (ROOT / first[1]).is_file(), one


def test_an_unknown_name_tells_the_nearest_ones():
    with pytest.raises(Unknown) as unknown:
        find("NodeAfinity")
    assert unknown.value.near[0] == "NodeAffinity"


# -- The places of a key


def test_the_places_of_a_key_are_those_that_exist():
    assert list(places("controllers/replicaset", "zh")) == [
        ("module", "k8s_ref/controllers/replicaset.py"),
        ("page", "docs/controllers/replicaset.md"),
        ("test", "tests/controllers/test_replicaset.py"),
        ("notebook", "notebooks/zh/controllers/replicaset.ipynb"),
    ]


def test_without_the_project_beside_it_only_the_module_is_told(tmp_path):
    assert list(places("sim/loop", "en", tmp_path)) == [("module", "k8s_ref/sim/loop.py")]


def test_a_page_explains_what_it_covers_and_a_package_with_its_modules(tmp_path):
    (tmp_path / "docs" / "sim").mkdir(parents=True)
    (tmp_path / "docs" / "sim" / "two-words.md").write_text("---\ncovers: [a/b, c/d/e]\n---\nx")
    assert page_of("sim/two_words", tmp_path) == "sim/two-words"
    assert page_of("a/b", tmp_path) == page_of("c/d", tmp_path) == "sim/two-words"
    assert page_of("c/de", tmp_path) == ""


def test_a_page_without_a_head_covers_nothing():
    assert covers("# Title") == []
    assert covers("---\ntitle: x\n---\n") == []


def test_a_key_without_tests_of_its_own_has_those_of_its_family(tmp_path):
    (tmp_path / "tests" / "cli").mkdir(parents=True)
    for name in ("test_kubectl_get.py", "test_kubectl_apply.py", "test_where.py"):
        (tmp_path / "tests" / "cli" / name).touch()
    family = ["tests/cli/test_kubectl_apply.py", "tests/cli/test_kubectl_get.py"]
    assert suites_of("cli/kubectl/get", "cli/kubectl", tmp_path) == family
    assert suites_of("cli/where", "where", tmp_path) == ["tests/cli/test_where.py"]


# -- The command line


@pytest.fixture(autouse=True)
def english(monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")


def test_the_places_are_printed(capsys):
    assert cli.main(["where", "rs"]) == 0
    assert capsys.readouterr().out == (
        "ReplicaSet: a kind\n"
        "  key: controllers/replicaset\n"
        "  module: k8s_ref/controllers/replicaset.py\n"
        "  page: docs/controllers/replicaset.md\n"
        "  test: tests/controllers/test_replicaset.py\n"
        "  notebook: notebooks/en/controllers/replicaset.ipynb\n"
    )


def test_they_are_printed_in_chinese_too(capsys):
    assert cli.main(["where", "kubectl", "get", "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("kubectl get：kubectl 的命令\n  键：cli/kubectl/get\n")
    assert "  笔记本：notebooks/zh/cli/kubectl.ipynb\n" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("where ReplicaSte", 'nothing here is called "ReplicaSte"; the nearest names are Repl'),
        ("where kubectl gte", "the nearest names are kubectl get, "),
        ("where PodTopologySpreads", 'nothing here is called "PodTopologySpreads"; the nearest'),
        ("where", "where is what? Try: k8s-ref where ReplicaSet"),
    ],
)
def test_what_is_not_there_is_one_line_and_exit_code_2(capsys, line, said):
    assert cli.main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.count("\n") == 1


def test_every_sort_and_place_has_a_word_in_both_languages():
    said = words()["where"]
    assert {*SORTS, "key", "page", "test", "notebook"} == said.keys()
    assert all(text.keys() == {"en", "zh"} for text in said.values())
