"""More rows of the table of defaults: a kind, what is sent, and what then stands at each path."""

from __future__ import annotations

from typing import Any

TEMPLATE = {"metadata": {"labels": {"a": "b"}}}
JOB = {"spec": {"podFailurePolicy": {"rules": [{"onPodConditions": [{"type": "x"}]}]}}}
REQUEST = {"devices": {"requests": [{"exactly": {}}]}}
QUEUE = {"spec": {"limited": {"limitResponse": {"queuing": {}}}, "exempt": {}}}
PORTS = [{"ports": [{"port": 80}]}]

MORE: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    "DeviceRequest": [({}, {"allocationMode": "ExactCount", "count": 1})],
    "rbac.authorization.k8s.io/v1 RoleBinding": [
        (
            {"roleRef": {"name": "r"}, "subjects": [{"kind": "User"}]},
            {
                "roleRef.apiGroup": "rbac.authorization.k8s.io",
                "subjects[*].apiGroup": "rbac.authorization.k8s.io",
            },
        )
    ],
    "rbac.authorization.k8s.io/v1 ClusterRoleBinding": [
        (
            {"roleRef": {"name": "r"}, "subjects": [{"kind": "Group"}]},
            {
                "roleRef.apiGroup": "rbac.authorization.k8s.io",
                "subjects[*].apiGroup": "rbac.authorization.k8s.io",
            },
        )
    ],
    "v1 ReplicationController": [
        (
            {"metadata": {"name": "a"}, "spec": {"template": TEMPLATE}},
            {
                "metadata": {"name": "a", "labels": {"a": "b"}},
                "spec.selector": {"a": "b"},
                "spec.replicas": 1,
            },
        ),
        ({}, {"spec": {"replicas": 1}}),
    ],
    "apps/v1 StatefulSet": [
        (
            {"spec": {"volumeClaimTemplates": [{}]}},
            {
                "spec": ...,
                "spec.replicas": 1,
                "spec.template": ...,
                "spec.serviceName": "",
                "spec.podManagementPolicy": "OrderedReady",
                "spec.updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "spec.updateStrategy.type": "RollingUpdate",
                "spec.updateStrategy.rollingUpdate": {"partition": 0},
                "spec.updateStrategy.rollingUpdate.partition": 0,
                "spec.revisionHistoryLimit": 10,
                "spec.persistentVolumeClaimRetentionPolicy": ...,
                "spec.persistentVolumeClaimRetentionPolicy.whenDeleted": "Retain",
                "spec.persistentVolumeClaimRetentionPolicy.whenScaled": "Retain",
                "spec.volumeClaimTemplates[*].kind": "PersistentVolumeClaim",
                "spec.volumeClaimTemplates[*].apiVersion": "v1",
                "spec.volumeClaimTemplates[*].spec": {"volumeMode": "Filesystem", "resources": {}},
                "spec.volumeClaimTemplates[*].status": {"phase": "Pending"},
                "spec.volumeClaimTemplates[*].status.phase": "Pending",
            },
        )
    ],
    "apps/v1 DaemonSet": [
        (
            {},
            {
                "spec": ...,
                "spec.template": ...,
                "spec.updateStrategy": ...,
                "spec.updateStrategy.type": "RollingUpdate",
                "spec.updateStrategy.rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
                "spec.updateStrategy.rollingUpdate.maxUnavailable": 1,
                "spec.updateStrategy.rollingUpdate.maxSurge": 0,
                "spec.revisionHistoryLimit": 10,
            },
        )
    ],
    "batch/v1 Job": [
        (
            {},
            {
                "spec": ...,
                "spec.template": ...,
                "spec.completions": 1,
                "spec.parallelism": 1,
                "spec.backoffLimit": 6,
                "spec.completionMode": "NonIndexed",
                "spec.suspend": False,
                "spec.manualSelector": False,
                "spec.podReplacementPolicy": "TerminatingOrFailed",
            },
        ),
        (
            {"spec": {"parallelism": 2, "backoffLimitPerIndex": 1}},
            {"spec.completions": KeyError, "spec.backoffLimit": 2147483647},
        ),
        (
            JOB,
            {
                "spec.podReplacementPolicy": "Failed",
                "spec.podFailurePolicy.rules[*].onPodConditions[*].status": "True",
            },
        ),
        (
            {"metadata": {"name": "a"}, "spec": {"template": TEMPLATE}},
            {"metadata": {"name": "a", "labels": {"a": "b"}}},
        ),
    ],
    "batch/v1 CronJob": [
        (
            {},
            {
                "spec": ...,
                "spec.concurrencyPolicy": "Allow",
                "spec.suspend": False,
                "spec.jobTemplate": ...,
                "spec.successfulJobsHistoryLimit": 3,
                "spec.failedJobsHistoryLimit": 1,
                "spec.jobTemplate.metadata": {},
                "spec.jobTemplate.spec": ...,
                "spec.jobTemplate.spec.template": ...,
            },
        )
    ],
    "autoscaling/v2 HorizontalPodAutoscaler": [
        (
            {"spec": {"behavior": {}}},
            {
                "spec": ...,
                "spec.minReplicas": 1,
                "spec.metrics": ...,
                "spec.behavior.scaleUp": ...,
                "spec.behavior.scaleUp.stabilizationWindowSeconds": 0,
                "spec.behavior.scaleUp.policies": ...,
                "spec.behavior.scaleUp.selectPolicy": "Max",
                "spec.behavior.scaleDown": ...,
                "spec.behavior.scaleDown.policies": [
                    {"type": "Percent", "value": 100, "periodSeconds": 15}
                ],
                "spec.behavior.scaleDown.selectPolicy": "Max",
                "status": {"desiredReplicas": 0, "currentMetrics": None},
                "status.desiredReplicas": 0,
                "status.currentMetrics": None,
            },
        )
    ],
    "autoscaling/v1 HorizontalPodAutoscaler": [
        (
            {},
            {
                "spec": {"minReplicas": 1},
                "spec.minReplicas": 1,
                "status": ...,
                "status.currentReplicas": 0,
                "status.desiredReplicas": 0,
            },
        )
    ],
    "v1 PersistentVolume": [
        (
            {"spec": {"hostPath": {"path": "/x"}, "iscsi": {}, "capacity": {"storage": "1024Mi"}}},
            {
                "spec": ...,
                "spec.capacity": {"storage": "1Gi"},
                "spec.persistentVolumeReclaimPolicy": "Retain",
                "spec.volumeMode": "Filesystem",
                "spec.hostPath.type": "",
                "spec.iscsi.iscsiInterface": "default",
            },
        )
    ],
    "v1 PersistentVolumeClaim": [({}, {"spec": {"volumeMode": "Filesystem", "resources": {}}})],
    "storage.k8s.io/v1 StorageClass": [
        ({}, {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"})
    ],
    "storage.k8s.io/v1 CSIDriver": [
        (
            {},
            {
                "spec": ...,
                "spec.attachRequired": True,
                "spec.fsGroupPolicy": "ReadWriteOnceWithFSType",
                "spec.podInfoOnMount": False,
                "spec.requiresRepublish": False,
                "spec.seLinuxMount": False,
                "spec.storageCapacity": False,
                "spec.volumeLifecycleModes": ["Persistent"],
            },
        )
    ],
    "storage.k8s.io/v1 CSINode": [
        ({"spec": {"drivers": [{}]}}, {"spec.drivers[*].topologyKeys": None})
    ],
    "networking.k8s.io/v1 IngressClass": [
        ({"spec": {"parameters": {}}}, {"spec.parameters.scope": "Cluster"})
    ],
    "networking.k8s.io/v1 NetworkPolicy": [
        ({}, {"spec": {"policyTypes": ["Ingress"]}}),
        (
            {"spec": {"ingress": PORTS, "egress": PORTS}},
            {
                "spec.policyTypes": ["Ingress", "Egress"],
                "spec.ingress[*].ports[*].protocol": "TCP",
                "spec.egress[*].ports[*].protocol": "TCP",
            },
        ),
    ],
    "v1 Endpoints": [({"subsets": PORTS}, {"subsets[*].ports[*].protocol": "TCP"})],
    "discovery.k8s.io/v1 EndpointSlice": [
        (
            {"endpoints": [{}], "ports": [{}]},
            {"endpoints[*].conditions": {}, "ports[*].name": "", "ports[*].protocol": "TCP"},
        )
    ],
    "flowcontrol.apiserver.k8s.io/v1 FlowSchema": [
        (
            {"spec": {"rules": [{"resourceRules": [{}]}]}},
            {"spec.matchingPrecedence": 1000, "spec.rules[*].resourceRules[*].namespaces": None},
        ),
        ({}, {"spec": {"matchingPrecedence": 1000}}),
    ],
    "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration": [
        (
            QUEUE,
            {
                "spec.limited.nominalConcurrencyShares": 30,
                "spec.limited.lendablePercent": 0,
                "spec.limited.limitResponse.queuing.handSize": 8,
                "spec.limited.limitResponse.queuing.queues": 64,
                "spec.limited.limitResponse.queuing.queueLengthLimit": 50,
                "spec.exempt.nominalConcurrencyShares": 0,
                "spec.exempt.lendablePercent": 0,
            },
        )
    ],
    "admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy": [
        (
            {"spec": {"matchConstraints": {"resourceRules": [{}]}}},
            {
                "spec": ...,
                "spec.failurePolicy": "Fail",
                "spec.matchConstraints.matchPolicy": "Equivalent",
                "spec.matchConstraints.namespaceSelector": {},
                "spec.matchConstraints.objectSelector": {},
                "spec.matchConstraints.resourceRules[*].scope": "*",
            },
        )
    ],
    "resource.k8s.io/v1 ResourceClaimTemplate": [
        ({"spec": {"spec": REQUEST}}, {"spec.metadata": {}})
    ],
}

MORE_ROWS = [
    (section, path, given, expected)
    for section, cases in MORE.items()
    for given, paths in cases
    for path, expected in paths.items()
]
