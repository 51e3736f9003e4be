"""The official Python client, typed and dynamic, against a served cluster."""

import time

import pytest

from tests.clients.scene import BEACONS, until

kubernetes = pytest.importorskip(
    "kubernetes", reason="kubernetes is not installed: pip install kubernetes"
)
client, watch = kubernetes.client, kubernetes.watch


@pytest.fixture(scope="module")
def api(live):
    return kubernetes.config.new_client_from_config(str(live.folder / "kubeconfig"))


@pytest.fixture(scope="module")
def core(api):
    return client.CoreV1Api(api)


@pytest.fixture(scope="module")
def apps(api):
    return client.AppsV1Api(api)


def refusal(call, *args, **options):
    with pytest.raises(client.ApiException) as refused:
        call(*args, **options)
    return refused.value


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def deployment(name, replicas):
    labels = {"app": name}
    container = client.V1Container(name="web", image="nginx:1.27")
    return client.V1Deployment(
        metadata=client.V1ObjectMeta(name=name),
        spec=client.V1DeploymentSpec(
            replicas=replicas,
            selector=client.V1LabelSelector(match_labels=labels),
            template=client.V1PodTemplateSpec(
                metadata=client.V1ObjectMeta(labels=labels),
                spec=client.V1PodSpec(containers=[container]),
            ),
        ),
    )


def test_the_server_says_what_it_is_and_what_it_has(api):
    assert client.VersionApi(api).get_code().minor == "36"
    assert "v1" in client.CoreApi(api).get_api_versions().versions
    groups = {group.name for group in client.ApisApi(api).get_api_versions().groups}
    assert {"apps", "batch", "rbac.authorization.k8s.io"} <= groups
    found = client.AppsV1Api(api).get_api_resources().resources
    assert {"deployments", "deployments/scale", "deployments/status"} <= {r.name for r in found}


def test_typed_objects_come_back_as_they_were_sent(core):
    made = core.create_namespaced_config_map("default", config_map("typed", a="b"))
    assert (made.data, made.metadata.namespace) == ({"a": "b"}, "default")
    assert core.read_namespaced_config_map("typed", "default").metadata.uid == made.metadata.uid
    made.data["c"] = "d"
    changed = core.replace_namespaced_config_map("typed", "default", made)
    assert changed.data == {"a": "b", "c": "d"}
    core.delete_namespaced_config_map("typed", "default")
    assert refusal(core.read_namespaced_config_map, "typed", "default").status == 404


def test_refusals_are_status_objects(core):
    missing = refusal(core.read_namespaced_pod, "nobody", "default")
    assert (missing.status, missing.reason) == (404, "Not Found")
    assert '"message":"pods \\"nobody\\" not found","reason":"NotFound"' in missing.body
    core.create_namespaced_config_map("default", config_map("twice"))
    taken = refusal(core.create_namespaced_config_map, "default", config_map("twice"))
    assert taken.status == 409 and '"reason":"AlreadyExists"' in taken.body
    invalid = refusal(core.create_namespaced_config_map, "default", config_map("Not_A_Name"))
    assert invalid.status == 422 and '"field":"metadata.name"' in invalid.body


def test_whoever_writes_an_old_version_is_told_of_the_conflict(core):
    old = core.create_namespaced_config_map("default", config_map("raced", a="1"))
    core.patch_namespaced_config_map("raced", "default", {"data": {"a": "2"}})
    assert refusal(core.replace_namespaced_config_map, "raced", "default", old).status == 409
    patch = [{"op": "replace", "path": "/data/a", "value": "3"}]
    patched = core.patch_namespaced_config_map("raced", "default", patch)
    assert patched.data == {"a": "3"}


def test_a_deployment_becomes_available_scales_and_goes_with_its_pods(core, apps):
    apps.create_namespaced_deployment("default", deployment("web", 2))
    seen = []
    for event in watch.Watch().stream(
        apps.list_namespaced_deployment, "default", timeout_seconds=30
    ):
        seen.append(event["object"].status.available_replicas or 0)
        if event["object"].metadata.name == "web" and seen[-1] == 2:
            break
    assert seen[-1] == 2
    scale = apps.patch_namespaced_deployment_scale("web", "default", {"spec": {"replicas": 3}})
    assert scale.spec.replicas == 3
    pods = lambda: core.list_namespaced_pod("default", label_selector="app=web").items  # noqa: E731
    until(lambda: [pod.status.phase for pod in pods()] == ["Running"] * 3)
    assert all(pod.spec.node_name and pod.status.pod_ip for pod in pods())
    apps.delete_namespaced_deployment("web", "default", propagation_policy="Foreground")
    until(lambda: refusal_code(apps.read_namespaced_deployment, "web", "default") == 404)
    until(lambda: not pods())


def refusal_code(call, *args):
    try:
        call(*args)
    except client.ApiException as error:
        return error.status
    return 200


def test_a_long_list_comes_in_pages(core):
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="pages")))
    for number in range(5):
        core.create_namespaced_config_map("pages", config_map(f"page-{number}"))
    first = core.list_namespaced_config_map("pages", limit=2)
    names = [item.metadata.name for item in first.items]
    rest = core.list_namespaced_config_map("pages", limit=10, _continue=first.metadata._continue)
    names += [item.metadata.name for item in rest.items]
    assert [name for name in names if name.startswith("page")] == [f"page-{n}" for n in range(5)]


def test_a_watch_goes_on_from_the_version_it_was_given(core):
    version = core.list_namespaced_config_map("default").metadata.resource_version
    core.create_namespaced_config_map("default", config_map("watched", a="1"))
    core.patch_namespaced_config_map("watched", "default", {"data": {"a": "2"}})
    core.delete_namespaced_config_map("watched", "default")
    events = []
    for event in watch.Watch().stream(
        core.list_namespaced_config_map,
        "default",
        resource_version=version,
        field_selector="metadata.name=watched",
        timeout_seconds=20,
    ):
        events.append(event["type"])
        if events[-1] == "DELETED":
            break
    assert events == ["ADDED", "MODIFIED", "DELETED"]


def test_what_a_container_says_can_be_read(core):
    container = client.V1Container(name="say", image="busybox", command=["echo", "hello"])
    spec = client.V1PodSpec(containers=[container], restart_policy="Never")
    pod = client.V1Pod(metadata=client.V1ObjectMeta(name="talker"), spec=spec)
    core.create_namespaced_pod("default", pod)
    until(lambda: core.read_namespaced_pod("talker", "default").status.phase == "Succeeded")
    assert core.read_namespaced_pod_log("talker", "default") == "hello\n"


def test_the_dynamic_client_finds_kinds_by_discovery(api):
    dynamic = kubernetes.dynamic.DynamicClient(api)
    found = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "loose"}}
    found.create(body={**body, "data": {"a": "b"}}, namespace="default")
    assert found.get(name="loose", namespace="default").data.a == "b"
    found.patch(
        name="loose",
        namespace="default",
        body={"data": {"a": None, "c": "d"}},
        content_type="application/merge-patch+json",
    )
    assert found.get(name="loose", namespace="default").data.to_dict() == {"c": "d"}
    found.delete(name="loose", namespace="default")


def test_a_custom_resource_is_used_as_soon_as_its_definition_is_established(api):
    custom = client.CustomObjectsApi(api)
    client.ApiextensionsV1Api(api).create_custom_resource_definition(BEACONS)
    place = ("example.com", "v1", "default", "beacons")
    until(lambda: refusal_code(custom.list_namespaced_custom_object, *place) == 200)
    body = {"apiVersion": "example.com/v1", "kind": "Beacon", "metadata": {"name": "north"}}
    custom.create_namespaced_custom_object(*place, {**body, "spec": {"color": "red"}})
    status = {"status": {"lit": True}}
    custom.patch_namespaced_custom_object_status(*place, "north", status)
    found = custom.get_namespaced_custom_object(*place, "north")
    assert (found["spec"], found["status"]) == ({"color": "red"}, {"lit": True})
    wrong = {**body, "metadata": {"name": "south"}, "spec": {"color": 7}}
    assert refusal(custom.create_namespaced_custom_object, *place, wrong).status == 422


def test_events_of_a_pod_tell_how_it_came_to_run(core):
    container = client.V1Container(name="web", image="nginx:1.27")
    pod = client.V1Pod(
        metadata=client.V1ObjectMeta(name="told"), spec=client.V1PodSpec(containers=[container])
    )
    core.create_namespaced_pod("default", pod)
    about = "involvedObject.name=told,involvedObject.kind=Pod"
    reasons = lambda: [  # noqa: E731
        event.reason for event in core.list_namespaced_event("default", field_selector=about).items
    ]
    until(lambda: "Started" in reasons())
    assert {"Scheduled", "Pulled", "Created", "Started"} <= set(reasons())
    begin = time.monotonic()
    core.delete_namespaced_pod("told", "default", grace_period_seconds=0)
    assert time.monotonic() - begin < 5
