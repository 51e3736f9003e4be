"""The file a client reads: merged into what there is, and taken back as it was."""

import base64
import os

import pytest
import yaml

from k8s_ref.edge import kubeconfig
from k8s_ref.edge.certificates import Pair

CONFIG = kubeconfig.kubeconfig("k8s-ref", "https://127.0.0.1:1", b"ca", Pair(b"cert", b"key"))

OTHER = """\
# mine
apiVersion: v1
kind: Config
clusters: [{name: work, cluster: {server: "https://work"}}]
users: [{name: me, user: {token: abc}}]
contexts:
- {name: work, context: {cluster: work, user: me, namespace: shop}}
current-context: work
preferences: {}
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config"


def names(path, part):
    return [entry["name"] for entry in yaml.safe_load(path.read_text())[part]]


def mode(path):
    return oct(path.stat().st_mode & 0o777)


def test_it_says_where_the_cluster_is_whom_to_trust_and_who_one_is():
    (cluster,), (user,), (context,) = (CONFIG[p] for p in ("clusters", "users", "contexts"))
    assert cluster["cluster"]["server"] == "https://127.0.0.1:1"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == b"ca"
    assert base64.b64decode(user["user"]["client-key-data"]) == b"key"
    assert context["context"] == {"cluster": "k8s-ref", "user": "k8s-ref"}


def test_nobody_else_may_read_a_new_file_and_afterwards_it_is_gone(path):
    undo = kubeconfig.write(path, CONFIG)
    assert (mode(path), yaml.safe_load(path.read_text())) == ("0o600", CONFIG)
    undo()
    assert list(path.parent.iterdir()) == []


def test_other_clusters_stay_and_the_file_comes_back_byte_for_byte(path):
    path.write_text(OTHER)
    path.chmod(0o640)
    undo = kubeconfig.write(path, CONFIG)
    assert names(path, "clusters") == ["work", "k8s-ref"]
    merged = yaml.safe_load(path.read_text())
    assert (merged["current-context"], merged["preferences"]) == ("k8s-ref", {})
    assert mode(path) == "0o600"
    undo()
    assert (path.read_text(), mode(path)) == (OTHER, "0o640")


def test_what_somebody_wrote_meanwhile_stays(path):
    path.write_text(OTHER)
    undo = kubeconfig.write(path, CONFIG)
    changed = yaml.safe_load(path.read_text())
    changed["users"].append({"name": "new", "user": {}})
    path.write_text(yaml.safe_dump(changed))
    undo()
    assert [names(path, part) for part in ("clusters", "users", "contexts")] == [
        ["work"],
        ["me", "new"],
        ["work"],
    ]
    assert yaml.safe_load(path.read_text())["current-context"] == "work"


def test_who_chose_another_context_meanwhile_keeps_it(path):
    path.write_text(OTHER.replace("current-context: work", "current-context: ''"))
    undo = kubeconfig.write(path, CONFIG)
    changed = {**yaml.safe_load(path.read_text()), "current-context": "work"}
    path.write_text(yaml.safe_dump(changed))
    undo()
    assert yaml.safe_load(path.read_text())["current-context"] == "work"


def test_an_entry_of_an_earlier_run_is_replaced(path):
    kubeconfig.write(path, CONFIG)
    kubeconfig.write(path, {**CONFIG, "clusters": [{"name": "k8s-ref", "cluster": {}}]})
    assert yaml.safe_load(path.read_text())["clusters"] == [{"name": "k8s-ref", "cluster": {}}]


def test_a_link_stays_a_link(path):
    real = path.with_name("real")
    real.write_text(OTHER)
    path.symlink_to(real)
    kubeconfig.write(path, CONFIG)()
    assert path.is_symlink()
    assert real.read_text() == OTHER


def test_who_deleted_the_file_meant_it(path):
    undo = kubeconfig.write(path, CONFIG)
    os.remove(path)
    undo()
    assert not path.exists()


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "kind: Pod\n", "a: [b\n"])
def test_what_is_no_kubeconfig_is_left_alone(path, text):
    path.write_text(text)
    with pytest.raises(ValueError, match="config is no kubeconfig$"):
        kubeconfig.write(path, CONFIG)
    assert path.read_text() == text
