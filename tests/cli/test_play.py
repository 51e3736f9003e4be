import io
import subprocess
import sys

import pytest

from k8s_ref.cli import main as cli
from k8s_ref.cli.play import Play, example, play, words
from k8s_ref.sim.trace import VERBS


@pytest.fixture(autouse=True)
def english(monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")


def told(**options):
    lines = []
    play(Play(example(), **options), lines.append)
    return "\n".join(lines)


def test_the_story_tells_who_did_what_in_order():
    story = told(nodes=1)
    steps = (
        "kubectl creates ReplicaSet web",
        "replicaset-controller creates Pod web-",
        "default-scheduler binds Pod web-",
        "kubelet/node-1 pulls an image for Pod web-",
        "kubelet/node-1 starts a container of Pod web-",
        "$ kubectl get pods -o wide",
    )
    places = [story.index(step) for step in steps]
    assert places == sorted(places)
    assert story.count("   1/1     Running   0 ") == 2


def test_the_same_story_is_told_in_chinese():
    story = told(nodes=1, lang="zh")
    assert "kubectl 创建 ReplicaSet web" in story
    assert "启动 Pod web-" in story
    assert "虚拟时间 10 秒里发生了什么" in story


def test_the_same_seed_tells_the_same_story_and_another_one_another():
    assert told(seed=4) == told(seed=4)
    assert told(seed=4) != told(seed=5)


def test_every_verb_of_the_trace_can_be_told():
    verbs = words()["verbs"]
    assert verbs.keys() == VERBS.keys()
    assert all("en" in told for told in verbs.values())


def test_everything_is_said_in_both_languages():
    texts = [*words()["mistakes"].values(), *words()["story"].values(), words()["help"]]
    assert all(text.keys() == {"en", "zh"} for text in texts)


def test_the_trace_itself_can_be_printed():
    assert "0.000s  kubectl" not in told(trace=False)
    assert "create    replicasets/default/web" in told(trace=True)


def test_a_picture_is_drawn_if_wanted():
    picture = play(Play(example(), nodes=1, svg="x.svg"), lambda line: None)
    assert picture.startswith("<svg ")
    assert "kubelet/node-1" in picture


# -- the command line


def run(capsys, *words):
    code = cli.main(list(words))
    return code, *capsys.readouterr()


def test_without_a_file_the_example_is_played(capsys):
    code, out, err = run(capsys, "play", "--nodes", "1")
    assert (code, err) == (0, "")
    assert "replicaset.apps/web created" in out


def test_a_manifest_may_come_from_a_file_or_from_standard_input(capsys, monkeypatch, tmp_path):
    manifest = example().replace("name: web", "name: shop")
    (tmp_path / "shop.yaml").write_text(manifest)
    assert "replicaset.apps/shop created" in run(capsys, "play", str(tmp_path / "shop.yaml"))[1]
    monkeypatch.setattr(sys, "stdin", io.StringIO(manifest))
    assert "replicaset.apps/shop created" in run(capsys, "play", "-")[1]


def test_the_picture_goes_to_the_file_named(capsys, tmp_path):
    picture = tmp_path / "web.svg"
    assert run(capsys, "play", "--nodes=1", "--svg", str(picture))[0] == 0
    assert picture.read_text().startswith("<svg ")


def test_the_version_names_the_kubernetes_release(capsys):
    code, out, _ = run(capsys, "version")
    assert code == 0
    assert "Kubernetes 1." in out


def test_help_is_in_the_language_of_the_reader(capsys, monkeypatch):
    assert "apply a manifest" in run(capsys, "--help")[1]
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "把清单应用到" in run(capsys)[1]
    assert "apply a manifest" in run(capsys, "--lang", "en")[1]


MISTAKES = {
    "play nope.yaml": 'k8s-ref: there is no file "nope.yaml"; check the path',
    "play --nodes -1": "k8s-ref: --nodes is -1, but a cluster has 0 nodes or more; try --nodes 3",
    "play --seconds=-2": "k8s-ref: --seconds is -2, but time only goes forward",
    "play --nodes x": 'k8s-ref: invalid argument "x" for "--nodes" flag',
    "play --foo": "k8s-ref: unknown flag: --foo; see k8s-ref --help",
    "play --lang fr": 'k8s-ref: --lang is zh or en, not "fr"',
    "play a b": "k8s-ref: one file at most, got 2",
    "plya": 'k8s-ref: there is no command "plya"; try: k8s-ref play',
    "play /": "k8s-ref: cannot read or write /",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_that_says_how_to_mend_it(capsys, line):
    code, out, err = run(capsys, *line.split())
    assert code == 2
    assert out == ""
    assert err.startswith(MISTAKES[line])
    assert err.count("\n") == 1


def test_a_mistake_is_explained_in_chinese_too(capsys, monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert run(capsys, "play", "nope.yaml")[2].startswith("k8s-ref：没有文件“nope.yaml”")


def test_broken_yaml_is_named_with_its_line(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("kind: Pod\nspec: a: b\n"))
    code, _, err = run(capsys, "play", "-")
    assert code == 2
    assert err.startswith("k8s-ref: the manifest is not YAML: yaml: line 2: mapping values")


def test_a_manifest_the_cluster_refuses_is_reported_as_kubectl_would(capsys, monkeypatch):
    refused = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: []}\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(refused))
    code, _, err = run(capsys, "play", "-")
    assert (code, err) == (1, 'The Pod "x" is invalid: spec.containers: Required value\n')


def test_an_interrupt_ends_it_quietly(capsys, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "play", interrupted)
    assert run(capsys, "play") == (130, "", "\n")


def test_a_reader_that_goes_away_leaves_no_traceback():
    command = f"{sys.executable} -m k8s_ref play --trace | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("A cluster of 3 nodes")


def test_the_story_begins_with_what_you_apply(capsys):
    told = []
    play(Play(example()), told.append)
    story = told[told.index(next(line for line in told if "What happened" in line)) + 1 :]
    assert story[1].strip() == "kubectl creates ReplicaSet web"
