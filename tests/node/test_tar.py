"""tar: what kubectl cp needs of it."""

import tarfile
from io import BytesIO

import pytest

from k8s_ref.node.programs import Context, Input
from k8s_ref.node.tar import decode, encode, tar
from k8s_ref.sim.loop import Loop


class Box:
    """A container's files, and one tar run in it."""

    def __init__(self, **files):
        self.files = {f"/{name.replace('_', '/')}": text for name, text in files.items()}

    def tar(self, line, data=b""):
        self.out = {"stdout": "", "stderr": ""}
        context = Context(Loop(), ["tar"], {}, "web", {}, self.print)
        context.files, context.stdin = self.files, Input.of(decode(data))
        return context.loop.run_task(tar(context, line.split()))

    def print(self, stream, text):
        self.out[stream] += text


def packed(**files):
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, BytesIO(content))
    return archive.getvalue()


def test_files_are_put_down_where_kubectl_says():
    box = Box()
    assert box.tar("-xmf - -C /tmp", packed(a=b"\xff\x00")) == 0
    assert encode(box.files["/tmp/a"]) == b"\xff\x00"


def test_flags_that_change_nothing_here_are_taken():
    box = Box()
    assert box.tar("--no-same-permissions --no-same-owner -xmf - -C /tmp", packed(a=b"1")) == 0
    assert box.files == {"/tmp/a": "1"}


def test_files_and_folders_are_packed_without_the_leading_slash():
    box = Box(srv_a="1", srv_deep_b="2", other="3")
    box.files["/srv/empty/"] = ""
    assert box.tar("cf - /srv") == 0
    with tarfile.open(fileobj=BytesIO(encode(box.out["stdout"]))) as archive:
        assert archive.getnames() == ["srv/a", "srv/deep/b", "srv/empty"]
    assert box.out["stderr"] == "tar: removing leading '/' from member names\n"


def test_folders_come_back_as_folders():
    box, other = Box(srv_a="1"), Box()
    box.files["/srv/empty/"] = ""
    box.tar("cf - /srv")
    assert other.tar("xf - -C /tmp", encode(box.out["stdout"])) == 0
    assert other.files == {"/tmp/srv/a": "1", "/tmp/srv/empty/": ""}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cf - /nothing", "tar: /nothing: No such file or directory\n"),
        (
            "xf - -C /nowhere",
            "tar: can't change directory to '/nowhere': No such file or directory\n",
        ),
        ("xf /tmp/a.tar", "tar: only 'cf -' and 'xf -' are known here\n"),
        ("", "tar: only 'cf -' and 'xf -' are known here\n"),
    ],
)
def test_what_cannot_be_done_is_said(line, said):
    box = Box()
    assert box.tar(line) == 1
    assert box.out["stderr"].endswith(said)


def test_what_is_no_archive_is_refused():
    box = Box()
    assert box.tar("xf - -C /tmp", b"x" * 600) == 1
    assert box.out["stderr"].startswith("tar: ")
