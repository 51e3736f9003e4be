"""Every check of the Pod Security Standards, one Pod that breaks it; upstream's words."""

import pytest

from k8s_ref.apiserver.admission.podsecurity_checks import BASELINE, RESTRICTED, violations

GOOD = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def two(context=None, **more):
    """Two containers; the second has this security context and these fields."""
    return [{"name": "c"}, {"name": "d", "securityContext": context or {}, **more}]


def good(context=None, **spec):
    container = {"name": "c", "securityContext": {**GOOD, **(context or {})}}
    return {"containers": [container], **spec}


def broken(level, spec, minor=36, annotations=None):
    meta = {"annotations": annotations or {}}
    return [str(each) for each in violations(level, minor, meta, spec)]


BREAKS_BASELINE = [
    (
        {"containers": two({"appArmorProfile": {"type": "Unconfined"}})},
        'forbidden AppArmor profile (container "d" must not set AppArmor profile type to'
        ' "Unconfined")',
    ),
    (
        {"containers": two({"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}})},
        'non-default capabilities (container "d" must not include "NET_ADMIN" in'
        " securityContext.capabilities.add)",
    ),
    (
        {"containers": two(), "hostNetwork": True, "hostPID": True},
        "host namespaces (hostNetwork=true, hostPID=true)",
    ),
    (
        {"containers": two(), "volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
        'hostPath volumes (volume "v")',
    ),
    (
        {"containers": two(ports=[{"hostPort": 80}, {"hostPort": 443}])},
        'hostPort (container "d" uses hostPorts 443, 80)',
    ),
    (
        {"containers": two(livenessProbe={"httpGet": {"host": "10.0.0.1"}})},
        'probe or lifecycle host (container "d" uses probe or lifecycle host "10.0.0.1")',
    ),
    (
        {"containers": two({"privileged": True})},
        'privileged (container "d" must not set securityContext.privileged=true)',
    ),
    (
        {"containers": two({"procMount": "Unmasked"})},
        'procMount (container "d" must not set securityContext.procMount to "Unmasked")',
    ),
    (
        {"containers": two(), "securityContext": {"seLinuxOptions": {"type": "t", "user": "u"}}},
        'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t";'
        " user may not be set)",
    ),
    (
        {
            "containers": two({"seccompProfile": {"type": "Unconfined"}}),
            "securityContext": {"seccompProfile": {"type": "Unconfined"}},
        },
        'seccompProfile (pod and container "d" must not set securityContext.seccompProfile.type to'
        ' "Unconfined")',
    ),
    (
        {"containers": two(), "securityContext": {"sysctls": [{"name": "a"}, {"name": "b"}]}},
        "forbidden sysctls (a, b)",
    ),
    (
        {"containers": two({"windowsOptions": {"hostProcess": True}})},
        'hostProcess (container "d" must not set securityContext.windowsOptions.hostProcess=true)',
    ),
]
BREAKS_RESTRICTED = [
    (
        good({"allowPrivilegeEscalation": None}),
        'allowPrivilegeEscalation != false (container "c" must set'
        " securityContext.allowPrivilegeEscalation=false)",
    ),
    (
        good({"capabilities": {"add": ["CHOWN"]}}),
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop='
        '["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
    ),
    (
        good(volumes=[{"name": "v", "hostPath": {"path": "/"}}, {"name": "n", "nfs": {}},
                      {"name": "e", "emptyDir": {}}]),
        'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
    ),
    (
        good({"runAsNonRoot": False}),
        'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false)',
    ),
    (
        good({"runAsUser": 0}, securityContext={"runAsUser": 0}),
        'runAsUser=0 (pod and container "c" must not set runAsUser=0)',
    ),
    (
        good({"seccompProfile": None}),
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to'
        ' "RuntimeDefault" or "Localhost")',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "words"), BREAKS_BASELINE)
def test_what_the_baseline_forbids(spec, words):
    assert broken("baseline", spec) == [words]
    assert broken("privileged", spec) == []


@pytest.mark.parametrize(("spec", "words"), BREAKS_RESTRICTED)
def test_what_the_restricted_standard_wants(spec, words):
    assert broken("restricted", spec) == [words]


def test_every_check_has_its_case():
    assert len(BREAKS_BASELINE) == len(BASELINE)
    assert len(BREAKS_RESTRICTED) == len(RESTRICTED)


def test_a_pod_that_says_everything_passes_and_may_say_it_once_for_all():
    assert broken("restricted", good()) == []
    once = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    bare = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    spec = {"containers": [{"name": "c", "securityContext": bare}], "securityContext": once}
    assert broken("restricted", spec) == []


def test_the_old_annotation_counts_as_a_profile():
    note = {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}
    assert broken("baseline", good(), annotations=note) == [
        "forbidden AppArmor profile (annotation must not set AppArmor profile type to"
        r' "container.apparmor.security.beta.kubernetes.io/c=\"unconfined\"")'
    ]


@pytest.mark.parametrize(
    ("minor", "spec", "reasons"),
    [
        (21, good({"capabilities": None}), []),
        (22, good({"runAsUser": 0}), []),
        (18, good({"seccompProfile": None}), []),
        (33, {"containers": two({**GOOD}, startupProbe={"tcpSocket": {"host": "a"}})[1:]}, []),
        (26, good(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}), 1),
        (32, good(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}), []),
    ],
)
def test_an_older_version_of_a_standard_knows_less(minor, spec, reasons):
    found = broken("restricted", spec, minor)
    assert found == reasons if isinstance(reasons, list) else len(found) == reasons


def test_what_is_about_linux_is_not_asked_of_windows():
    spec = {"containers": [{"name": "c", "securityContext": {"runAsNonRoot": True}}],
            "os": {"name": "windows"}}  # fmt: skip
    assert broken("restricted", spec) == []
    assert len(broken("restricted", spec, 24)) == 3


def test_who_is_root_only_inside_may_be_root():
    spec = good({"runAsNonRoot": False, "runAsUser": 0}, hostUsers=False)
    assert broken("restricted", spec) == []
    assert len(broken("restricted", spec, 34)) == 2
