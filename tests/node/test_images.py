"""Images: what is in them, what they start, and which cannot be had."""

import pytest

from k8s_ref.node.cri import CRIError, normalize
from k8s_ref.node.images import KNOWN, image_of, layers_of, manifest_of
from k8s_ref.node.shell import shell
from tests.node.machines import Node


def test_images_of_one_base_share_its_layer():
    nginx, redis = layers_of(normalize("nginx:1.29")), layers_of(normalize("redis"))
    assert nginx.keys() & redis.keys() == {"debian:trixie-slim"}
    assert layers_of(normalize("nginx:1.28")) != nginx


def test_command_replaces_the_entrypoint_and_args_only_the_cmd():
    nginx = manifest_of(normalize("nginx"))
    assert nginx.argv((), ()) == ["/docker-entrypoint.sh", "nginx", "-g", "daemon off;"]
    assert nginx.argv((), ("-T",)) == ["/docker-entrypoint.sh", "-T"]
    assert nginx.argv(("sleep", "1"), ()) == ["sleep", "1"]


def test_a_program_is_found_by_its_name_or_not_at_all():
    busybox = manifest_of(normalize("busybox"))
    assert busybox.find(["/bin/sh", "-c", "true"]) is shell
    assert busybox.find(["bash"]) is None
    assert manifest_of("registry.k8s.io/pause:3.10").find(["sh"]) is None


def test_every_other_image_is_a_server_whatever_its_command():
    other = manifest_of(normalize("example.com/team/app:v1"))
    assert other.find(["/app", "--port=80"]) is other.find([]) is not None
    assert other.find(["sh"]) is shell
    assert image_of(normalize("example.com/team/app:v1")).size > 20_000_000


@pytest.mark.parametrize(
    ("image", "rpc"),
    [
        (
            "nginx:missing",
            'rpc error: code = NotFound desc = failed to pull and unpack image'
            ' "docker.io/library/nginx:missing": failed to resolve reference'
            ' "docker.io/library/nginx:missing": docker.io/library/nginx:missing: not found',
        ),
        (
            "registry.invalid/app:v1",
            'rpc error: code = Unknown desc = failed to pull and unpack image'
            ' "registry.invalid/app:v1": failed to resolve reference "registry.invalid/app:v1":'
            ' failed to do request: Head "https://registry.invalid/v2/app/manifests/v1":'
            " dial tcp: lookup registry.invalid: no such host",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_pulled_says_why(image, rpc):
    with pytest.raises(CRIError) as caught:
        manifest_of(normalize(image))
    assert caught.value.rpc == rpc


def test_the_digest_depends_on_nothing_but_the_name():
    assert image_of("docker.io/library/nginx:latest").id.startswith(
        "docker.io/library/nginx@sha256:"
    )
    assert image_of("docker.io/library/nginx:latest") == image_of("docker.io/library/nginx:latest")


def test_known_images_can_start_what_they_start_by_default():
    for name, manifest in KNOWN.items():
        assert manifest.find(manifest.argv((), ())) is not None, name


@pytest.mark.parametrize(
    ("image", "port", "page"), [("nginx", 80, "Welcome to nginx!"), ("httpd", 80, "It works!")]
)
def test_web_servers_answer_from_their_files(image, port, page):
    node = Node()
    node.create(image=image)
    node.run(5)
    serve = node.do(node.runtime.connect("10.244.0.2", port))
    assert page in node.do(serve("/")).body
    assert node.do(serve("/nothing")).code == 404


def test_a_database_without_its_password_says_so_and_ends():
    node = Node()
    node.create("without", image="postgres:17", spec={"restartPolicy": "Never"})
    password = [{"name": "POSTGRES_PASSWORD", "value": "hush"}]
    node.create("with", image="postgres:17", env=password)
    node.run(10)
    assert (node.status("without")["phase"], node.status("with")["phase"]) == ("Failed", "Running")
    assert "superuser password is not specified" in node.kubelet.server.container_logs(
        "default", "without", "without"
    )
    assert node.do(node.runtime.connect(node.status("with")["podIP"], 5432))
