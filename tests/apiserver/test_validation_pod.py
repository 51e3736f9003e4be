"""What the server says to a Pod that is not right."""

from __future__ import annotations

import pytest

from k8s_ref.apiserver import defaults
from k8s_ref.apiserver.validation import validate
from k8s_ref.apiserver.validation_rules import once
from k8s_ref.machinery.errors import Cause, Invalid, required
from k8s_ref.machinery.meta import Object, copy, seal
from tests.apiserver.validation_cases import cases, changed, says
from tests.harness import ControlPlane, pod

POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "d"},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]},
}

RECORDED = r"""
metadata.name=!
    metadata.name: Required value: name or generateName is required
metadata.name=Bad_Name
    metadata.name: Invalid value: "Bad_Name": <subdomain>
metadata.name="a..b"
    metadata.name: Invalid value: "a..b": <subdomain>
metadata.name="UPPER"
    metadata.name: Invalid value: "UPPER": <subdomain>
metadata.labels={"a b": c}
    metadata.labels: Invalid value: "a b": <name part>
metadata.labels={a: "b c"}
    metadata.labels: Invalid value: "b c": <label value>
metadata.labels={"a/b/c": "ok"}
    metadata.labels: Invalid value: "a/b/c": <label key>
metadata.labels={a: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}
    metadata.labels: Invalid value:
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": must be no
        more than 63 bytes
metadata.finalizers=["noslash"]
    metadata.finalizers[0]: Invalid value: "noslash": name is neither a standard finalizer
        name nor is it fully qualified
metadata.ownerReferences=[{kind: X}]
    metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty
    metadata.ownerReferences.name: Invalid value: "": must not be empty
    metadata.ownerReferences.uid: Invalid value: "": must not be empty
metadata.resourceVersion="5"
spec=!
    spec.containers: Required value
spec.containers=!
    spec.containers: Required value
spec.containers.0.name="Bad"
    spec.containers[0].name: Invalid value: "Bad": <label>
spec.containers.0.name="a.b"
    spec.containers[0].name: Invalid value: "a.b": must not contain dots
spec.containers.0.image=" nginx"
    spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing
        whitespace
spec.containers=[{name: a, image: x}, {name: a, image: y}]
    spec.containers[1].name: Duplicate value: "a"
spec.initContainers=[{name: i, image: x, readinessProbe: {exec: {command: [a]}}}]
    spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers
        without restartPolicy=Always
spec.initContainers=[{name: i, image: x, restartPolicy: Sometimes}]
    spec.initContainers[0].restartPolicy: Unsupported value: "Sometimes": supported values:
        "Always", "Never", "OnFailure"
spec.containers.0.ports=[{containerPort: 0}]
    spec.containers[0].ports[0].containerPort: Required value
spec.containers.0.ports=[{containerPort: 70000}]
    spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and
        65535, inclusive
spec.containers.0.ports=[{name: http}]
    spec.containers[0].ports[0].containerPort: Required value
spec.containers.0.ports=[{containerPort: 80, protocol: HTTP}]
    spec.containers[0].ports[0].protocol: Unsupported value: "HTTP": supported values:
        "SCTP", "TCP", "UDP"
spec.containers.0.ports=[{containerPort: 80}, {containerPort: 80}]
spec.containers.0.ports=[{containerPort: 80, hostPort: 1}, {containerPort: 81, hostPort: 1}]
    spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//1"
spec.containers.0.ports=[{containerPort: 80, name: toolongportname1x}]
    spec.containers[0].ports[0].name: Invalid value: "toolongportname1x": must be no more
        than 15 characters
spec.containers.0.ports=[{containerPort: 80, name: "80"}]
    spec.containers[0].ports[0].name: Invalid value: "80": must contain at least one letter
        (a-z)
spec.hostNetwork=true ; spec.containers.0.ports=[{containerPort: 80, hostPort: 81}]
    spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when
        `hostNetwork` is true
spec.containers.0.resources={requests: {cpu: "1"}, limits: {cpu: 500m}}
    spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to
        cpu limit of 500m
spec.containers.0.resources={requests: {foo: "1"}}
    spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard
        resource type or fully qualified
    spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard
        resource for containers
spec.containers.0.resources={limits: {example.com/gpu: "1.5"}}
    spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "1500m": must be an
        integer
    spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "1500m": must be
        an integer
spec.containers.0.resources={limits: {example.com/gpu: "2"}, requests: {example.com/gpu: "1"}}
    spec.containers[0].resources.requests: Invalid value: "1": must be equal to
        example.com/gpu limit of 2
spec.containers.0.resources={limits: {hugepages-2Mi: 4Mi}}
    spec.containers[0].resources: Forbidden: HugePages require cpu or memory
spec.containers.0.resources={claims: [{name: x}]}
    spec.containers[0].resources.claims[0]: Not found: "x": must be one of the names in
        pod.spec.resourceClaims which is empty
spec.containers.0.env=[{name: ""}]
    spec.containers[0].env[0].name: Required value
spec.containers.0.env=[{name: "a=b"}]
    spec.containers[0].env[0].name: Invalid value: "a=b": a valid environment variable name
        must consist only of printable ASCII characters other than '='
spec.containers.0.env=[{name: A, valueFrom: {}}]
    spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`,
        `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`
spec.containers.0.env=[{name: A, valueFrom: {fieldRef: {fieldPath: spec.foo}}}]
    spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error
        converting fieldPath: field label not supported: spec.foo
spec.containers.0.env=[{name: A, valueFrom: {configMapKeyRef: {name: k}}}]
    spec.containers[0].env[0].valueFrom.configMapKeyRef.key: Required value
spec.containers.0.env=[{name: A, valueFrom: {resourceFieldRef: {resource: limits.foo}}}]
    spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Unsupported value:
        "limits.foo": supported values: "limits.cpu", "limits.ephemeral-storage",
        "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"
spec.containers.0.envFrom=[{}]
    spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or
        `secretRef`
spec.containers.0.volumeMounts=[{name: nope, mountPath: /x}]
    spec.containers[0].volumeMounts[0].name: Not found: "nope"
spec.containers.0.volumeMounts=[{name: v, mountPath: /a}, {name: v, mountPath: /a}] ;
        spec.volumes=[{name: v, emptyDir: {}}]
    spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique
spec.containers.0.volumeMounts=[{name: v, mountPath: /a, subPath: "../x"}] ;
        spec.volumes=[{name: v, emptyDir: {}}]
    spec.containers[0].volumeMounts.subPath: Invalid value: "../x": must not contain '..'
spec.volumes=[{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]
    spec.volumes[1].name: Duplicate value: "v"
spec.volumes=[{name: v, emptyDir: {}, hostPath: {path: /x}}]
    spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type
spec.volumes=[{name: v, hostPath: {path: ""}}]
    spec.volumes[0].hostPath.path: Required value
spec.volumes=[{name: v, hostPath: {path: "/a/../b"}}]
    spec.volumes[0].hostPath.path: Invalid value: "/a/../b": must not contain '..'
spec.volumes=[{name: v, secret: {}}]
    spec.volumes[0].secret.secretName: Required value
spec.volumes=[{name: v, secret: {secretName: s, defaultMode: 1000}}]
    spec.volumes[0].secret.defaultMode: Invalid value: 1000: must be a number between 0 and
        0777 (octal), both inclusive
spec.volumes=[{name: v, configMap: {name: c, items: [{key: a}]}}]
    spec.volumes[0].configMap.items[0].path: Required value
spec.volumes=[{name: v, configMap: {}}]
    spec.volumes[0].configMap.name: Required value
spec.volumes=[{name: v, emptyDir: {sizeLimit: "-1"}}]
    spec.volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource
        quantity
spec.volumes=[{name: v, nfs: {path: x}}]
    spec.volumes[0].nfs.server: Required value
    spec.volumes[0].nfs.path: Invalid value: "x": must be an absolute path
spec.volumes=[{name: v, projected: {sources: [{serviceAccountToken: {}}]}}]
    spec.volumes[0].projected.path: Required value
spec.volumes=[{name: v, projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds:
        5}}]}}]
    spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid
        value: 5: may not specify a duration less than 10 minutes
spec.volumes=[{name: v, ephemeral: {}}]
    spec.volumes[0].ephemeral.volumeClaimTemplate: Required value
spec.containers.0.livenessProbe={}
    spec.containers[0].livenessProbe: Required value: must specify a handler type
spec.containers.0.livenessProbe={httpGet: {path: /}}
    spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and
        65535, inclusive
spec.containers.0.livenessProbe={httpGet: {port: 0}}
    spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and
        65535, inclusive
spec.containers.0.livenessProbe={httpGet: {port: 80}, exec: {command: [a]}}
    spec.containers[0].livenessProbe.httpGet: Forbidden: may not specify more than 1 handler
        type
spec.containers.0.livenessProbe={exec: {command: [a]}, successThreshold: 2}
    spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1
spec.containers.0.livenessProbe={exec: {command: [a]}, terminationGracePeriodSeconds: 0}
    spec.containers[0].livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must
        be greater than 0
spec.containers.0.readinessProbe={exec: {command: [a]}, terminationGracePeriodSeconds: 5}
    spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must
        not be set for readinessProbes
spec.containers.0.readinessProbe={grpc: {}}
    spec.containers[0].readinessProbe.grpc.port: Invalid value: 0: must be between 1 and
        65535, inclusive
spec.containers.0.lifecycle={preStop: {}}
    spec.containers[0].lifecycle.preStop: Required value: must specify a handler type
spec.containers.0.lifecycle={postStart: {httpGet: {port: 80}, exec: {command: [a]}}}
    spec.containers[0].lifecycle.postStart.httpGet: Forbidden: may not specify more than 1
        handler type
spec.restartPolicy=Sometimes
    spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always",
        "OnFailure", "Never"
spec.dnsPolicy=None
    spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None
spec.dnsConfig={nameservers: [1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4]}
    spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]:
        must not have more than 3 nameservers
spec.activeDeadlineSeconds=0
    spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647,
        inclusive
spec.terminationGracePeriodSeconds=-1
spec.nodeName=Bad_Node
    spec.nodeName: Invalid value: "Bad_Node": <subdomain>
spec.subdomain="a.b"
    spec.subdomain: Invalid value: "a.b": must not contain dots
spec.hostAliases=[{ip: x, hostnames: [a]}]
    spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7
        or 2001:db8::ffff)
spec.tolerations=[{operator: Foo}]
    spec.tolerations[0].operator: Invalid value: "Foo": operator must be Exists when `key`
        is empty, which means "match all values and all keys"
    spec.tolerations[0].operator: Unsupported value: "Foo": supported values: "Equal",
        "Exists"
spec.tolerations=[{key: "", operator: Equal, value: a}]
    spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key`
        is empty, which means "match all values and all keys"
spec.tolerations=[{key: a, operator: Exists, effect: NoSchedule, tolerationSeconds: 3}]
    spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when
        `tolerationSeconds` is set
spec.tolerations=[{key: a, operator: Exists, effect: Foo}]
    spec.tolerations[0].effect: Unsupported value: "Foo": supported values: "NoSchedule",
        "PreferNoSchedule", "NoExecute"
spec.topologySpreadConstraints=[{maxSkew: 0, topologyKey: z, whenUnsatisfiable: DoNotSchedule}]
    spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero
spec.topologySpreadConstraints=[{maxSkew: 1, whenUnsatisfiable: Maybe}]
    spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty
    spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe":
        supported values: "DoNotSchedule", "ScheduleAnyway"
spec.topologySpreadConstraints=[{maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule},
        {maxSkew: 2, topologyKey: z, whenUnsatisfiable: DoNotSchedule}]
    spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value:
        "{z, DoNotSchedule}"
spec.schedulingGates=[{name: a}, {name: a}]
    spec.schedulingGates[1]: Duplicate value: "a"
spec.readinessGates=[{conditionType: "bad type"}]
    spec.readinessGates[0].conditionType: Invalid value: "bad type": <name part>
spec.ephemeralContainers=[{name: e, image: x}]
    spec.ephemeralContainers: Forbidden: cannot be set on create
spec.securityContext={sysctls: [{name: "a b", value: x}]}
    spec.securityContext.sysctls[0].name: Invalid value: "a b": must have at most 253
        characters and match regex
        ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$
spec.securityContext={seccompProfile: {type: Localhost}}
    spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when
        seccomp type is Localhost
spec.containers.0.terminationMessagePolicy=Foo
    spec.containers[0].terminationMessagePolicy: Unsupported value: "Foo": supported values:
        "File", "FallbackToLogsOnError"
spec.affinity={nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution:
        {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In}]}]}}}
    spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values:
        Required value: must be specified when `operator` is 'In' or 'NotIn'
spec.affinity={nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution:
        {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Gt, values: [x]}]}]}}}
spec.affinity={nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 0,
        preference: {}}]}}
    spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight:
        Invalid value: 0: must be in the range 1-100
spec.affinity={podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector:
        {}}]}}
    spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey:
        Required value: can not be empty
    spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey:
        Invalid value: "": name part must be non-empty
    spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey:
        Invalid value: "": <name part>
spec.os={name: plan9}
    spec.os: Unsupported value: "plan9": supported values: "linux", "windows"
spec.os={}
    spec.os.name: Required value
"""

# Not recorded; worded as upstream's source has it.
MORE = """
spec.containers.0.lifecycle={preStop: {sleep: {seconds: 31}}}
    spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less
        than terminationGracePeriodSeconds (30)
spec.containers.0.startupProbe={tcpSocket: {port: http}, failureThreshold: -1}
    spec.containers[0].startupProbe.failureThreshold: Invalid value: -1: must be greater than or
        equal to 0
spec.containers.0.livenessProbe={httpGet: {port: 80, scheme: FTP, httpHeaders: [{name: "a b"}]}}
    spec.containers[0].livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values:
        "HTTP", "HTTPS"
    spec.containers[0].livenessProbe.httpGet.httpHeaders: Invalid value: "a b": a valid HTTP header
        must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for
        validation is '[-A-Za-z0-9]+')
spec.initContainers=[{name: i, image: x, restartPolicy: Always,
        readinessProbe: {tcpSocket: {port: 1}}}]
spec.initContainers=[{name: c, image: x}]
    spec.initContainers[0].name: Duplicate value: "c"
spec.containers.0.env=[{name: A, value: b, valueFrom: {secretKeyRef: {name: s, key: k}}}]
    spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not
        empty
spec.containers.0.env=[{name: A, valueFrom: {fieldRef: {fieldPath: status.phase}}}]
    spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase":
        supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
        "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
        "status.podIPs"
spec.containers.0.env=[{name: A, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}]
spec.containers.0.env=[{name: A,
        valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 10m}}}]
    spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only
        divisor's values 1m and 1 are supported with the cpu resource
spec.containers.0.volumeMounts=[{name: v, mountPath: /a, mountPropagation: Bidirectional}] ;
        spec.volumes=[{name: v, emptyDir: {}}]
    spec.containers[0].volumeMounts[0].mountPropagation: Forbidden: Bidirectional mount propagation
        is available only to privileged containers
spec.containers.0.resources={requests: {cpu: "-1"}}
    spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal
        to 0
spec.containers.0.resources={requests: {example.com/gpu: 1}}
    spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable
        resources
spec.containers.0.securityContext={privileged: true, allowPrivilegeEscalation: false}
    spec.containers[0].securityContext: Invalid value:
        {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation`
        to false and `privileged` to true
spec.volumes=[{name: v, downwardAPI: {items: [{path: a}]}}]
    spec.volumes[0].downwardAPI.items[0]: Required value: one of fieldRef and resourceFieldRef is
        required
spec.volumes=[{name: v, persistentVolumeClaim: {}}]
    spec.volumes[0].persistentVolumeClaim.claimName: Required value
spec.affinity={nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}}
    spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms:
        Required value: must have at least one node selector term
spec.topologySpreadConstraints=[{maxSkew: 1, topologyKey: z, whenUnsatisfiable: ScheduleAnyway,
        minDomains: 2}]
    spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if
        whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway
spec.dnsPolicy=None ; spec.dnsConfig={searches: [a.example]}
    spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when
        `dnsPolicy` is None
spec.securityContext={runAsUser: -1, supplementalGroups: [-2]}
    spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive
    spec.securityContext.supplementalGroups[0]: Invalid value: -2: must be between 0 and 2147483647,
        inclusive
metadata.generateName=Bad_ ; metadata.name=!
    metadata.generateName: Invalid value: "Bad_": <subdomain>
    metadata.name: Required value: name or generateName is required
metadata.annotations={"a b": c}
    metadata.annotations: Invalid value: "a b": <name part>
metadata.finalizers=[orphan, foregroundDeletion]
    metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: orphan and
        foregroundDeletion cannot be both set
metadata.ownerReferences=[{apiVersion: v1, kind: Event, name: e, uid: u}]
    metadata.ownerReferences: Invalid value:
        {"apiVersion":"v1","kind":"Event","name":"e","uid":"u"}: /v1, Kind=Event is
        disallowed from being an owner
spec.affinity={nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1,
        preference: {matchExpressions: [{key: a, operator: Exists, values: [b]}, {key: a, operator:
        Lt}, {key: a, operator: Like}]}}]}}
    spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values:
        Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'
    spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[1].values:
        Required value: must be specified single value when `operator` is 'Lt' or 'Gt'
    spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[2].operator:
        Invalid value: "Like": not a valid selector operator
spec.affinity={nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1,
        preference: {matchFields: [{key: metadata.name, operator: In, values: [A]}]}}]}}
    spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchFields[0].values[0]:
        Invalid value: "A": <subdomain>
spec.tolerations=[{key: a, operator: Exists, value: b}]
    spec.tolerations[0].operator: Invalid value: "b": value must be empty when `operator` is
        'Exists'
spec.tolerations=[{key: a, value: "b c"}]
    spec.tolerations[0].operator: Invalid value: "b c": <label value>
spec.volumes=[{name: v, projected: {sources: [{serviceAccountToken: {path: t,
        expirationSeconds: 4294967297}}]}}]
    spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value:
        4294967297: may not specify a duration larger than 2^32 seconds
spec.containers.0.env=[{name: A, valueFrom: {fieldRef: {fieldPath: "spec.nodeName['x']"}}}]
    spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.nodeName['x']":
        error converting fieldPath: field label does not support subscript: spec.nodeName['x']
spec.containers.0.env=[{name: A, valueFrom: {fieldRef: {}, resourceFieldRef: {}}}]
    spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Required value
    spec.containers[0].env[0].valueFrom.resourceFieldRef.resource: Required value
    spec.containers[0].env[0].valueFrom: Invalid value: "": may not have more than one field
        specified at a time
spec.containers.0.envFrom=[{configMapRef: {name: a}, secretRef: {name: a}}]
    spec.containers[0].envFrom: Invalid value: "": may not have more than one field specified at a
        time
spec.containers.0.volumeMounts=[{subPath: a, subPathExpr: b}]
    spec.containers[0].volumeMounts[0].name: Required value
    spec.containers[0].volumeMounts[0].name: Not found: ""
    spec.containers[0].volumeMounts[0].mountPath: Required value
    spec.containers[0].volumeMounts.subPathExpr: Invalid value: "b": subPathExpr and subPath are
        mutually exclusive
spec.containers.0.securityContext={seccompProfile: {localhostProfile: p}}
    spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: "p": can only
        be set when seccomp type is Localhost
    spec.containers[0].securityContext.seccompProfile.type: Required value: type is required when
        seccompProfile is set
spec.containers.0.securityContext={allowPrivilegeEscalation: false,
        capabilities: {add: [CAP_SYS_ADMIN]}}
    spec.containers[0].securityContext: Invalid value:
        {"allowPrivilegeEscalation":false,"capabilities":{"add":["CAP_SYS_ADMIN"]}}: cannot set
        `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN
spec.securityContext={sysctls: [{name: net.core.somaxconn, value: "1"}]}
metadata.namespace=a.b
    metadata.namespace: Invalid value: "a.b": must not contain dots
metadata.finalizers=["a b"]
    metadata.finalizers[0]: Invalid value: "a b": <name part>
    metadata.finalizers[0]: Invalid value: "a b": name is neither a standard finalizer name nor is
        it fully qualified
spec.containers.0.imagePullPolicy=Sometimes
    spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always",
        "IfNotPresent", "Never"
spec.containers.0.envFrom=[{prefix: "a=", configMapRef: {}}, {secretRef: {name: A}}]
    spec.containers[0].envFrom[0].prefix: Invalid value: "a=": a valid environment variable name
        must consist only of printable ASCII characters other than '='
    spec.containers[0].envFrom[0].configMapRef.name: Required value
    spec.containers[0].envFrom[1].secretRef.name: Invalid value: "A": <subdomain>
spec.containers.0.securityContext={runAsUser: -1, runAsGroup: -1, procMount: Raw}
    spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and
        2147483647, inclusive
    spec.containers[0].securityContext.runAsGroup: Invalid value: -1: must be between 0 and
        2147483647, inclusive
    spec.containers[0].securityContext.procMount: Unsupported value: "Raw": supported values:
        "Default", "Unmasked"
spec.dnsPolicy=Host
    spec.dnsPolicy: Unsupported value: "Host": supported values: "ClusterFirstWithHostNet",
        "ClusterFirst", "Default", "None"
spec.dnsConfig={nameservers: [x], searches: [A], options: [{value: b}]}
    spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or
        2001:db8::ffff)
    spec.dnsConfig.searches[0]: Invalid value: "A": <subdomain>
    spec.dnsConfig.options[0].name: Required value
spec.securityContext={fsGroup: -1, runAsGroup: -1, fsGroupChangePolicy: Never}
    spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive
    spec.securityContext.runAsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive
    spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values:
        "Always", "OnRootMismatch"
spec.affinity={nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms:
        [{matchFields: [{key: spec.x, operator: In, values: [a]}, {key: metadata.name,
        operator: Exists}, {key: metadata.name, operator: In}]}]}}}
    spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key:
        Invalid value: "spec.x": not a valid field selector key
    spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[1].operator:
        Invalid value: "Exists": not a valid selector operator
    spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[2].values:
        Required value: must be only one value when `operator` is 'In' or 'NotIn' for node field
        selector
spec.affinity={podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 101,
        podAffinityTerm: {topologyKey: z, namespaces: [A],
        namespaceSelector: {matchLabels: {a: "b c"}}}}]}}
    spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight:
        Invalid value: 101: must be in the range 1-100
    spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.namespaceSelector.matchLabels:
        Invalid value: "b c": <label value>
    spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.namespaces[0]:
        Invalid value: "A": <label>
spec.topologySpreadConstraints=[{maxSkew: 1, topologyKey: z, whenUnsatisfiable: DoNotSchedule,
        nodeAffinityPolicy: A, nodeTaintsPolicy: B, labelSelector: {matchLabels: {a: "b c"}}}]
    spec.topologySpreadConstraints[0].nodeAffinityPolicy: Unsupported value: "A": supported values:
        "Honor", "Ignore"
    spec.topologySpreadConstraints[0].nodeTaintsPolicy: Unsupported value: "B": supported values:
        "Honor", "Ignore"
    spec.topologySpreadConstraints[0].labelSelector.matchLabels: Invalid value: "b c": <label value>
spec.volumes=[{name: v, configMap: {name: c, items: [{path: /a, mode: 1000}]}}, {name: w,
        downwardAPI: {items: [{path: a, resourceFieldRef: {containerName: c, resource: limits.foo}},
        {path: b, resourceFieldRef: {resource: limits.cpu}}]}}]
    spec.volumes[0].configMap.items[0].key: Required value
    spec.volumes[0].configMap.items[0].path: Invalid value: "/a": must be a relative path
    spec.volumes[0].configMap.items[0].mode: Invalid value: 1000: must be a number between 0 and
        0777 (octal), both inclusive
    spec.volumes[1].downwardAPI.items[0].resourceFieldRef.resource: Unsupported value: "limits.foo":
        supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
        "requests.ephemeral-storage", "requests.memory"
    spec.volumes[1].downwardAPI.items[1].resourceFieldRef.containerName: Required value
spec.nodeSelector={a: "b c"} ; spec.hostname=a.b ; spec.serviceAccountName=A ;
        spec.priorityClassName=A
    spec.nodeSelector: Invalid value: "b c": <label value>
    spec.serviceAccountName: Invalid value: "A": <subdomain>
    spec.hostname: Invalid value: "a.b": must not contain dots
    spec.priorityClassName: Invalid value: "A": <subdomain>
"""


def new_pod(change: str) -> Object:
    pod = changed(POD, change)
    return seal(defaults.apply("Pod", seal(pod)))


@pytest.mark.parametrize(("change", "expected"), [*cases(RECORDED), *cases(MORE)])
def test_the_server_says_what_is_wrong_with_a_pod(change: str, expected: list[str]) -> None:
    assert says(validate("Pod", new_pod(change))) == expected


def test_a_good_pod_is_accepted() -> None:
    assert validate("Pod", new_pod("metadata.labels={app: web}")) == []


def test_too_many_annotations_are_refused() -> None:
    pod = new_pod(f"metadata.annotations={{a: {'x' * 256 * 1024}}}")
    assert says(validate("Pod", pod)) == [
        "metadata.annotations: Too long: may not be more than 262144 bytes"
    ]


def test_only_one_owner_controls() -> None:
    owner = "{{apiVersion: v1, kind: X, name: {0}, uid: {0}, controller: true}}"
    pod = new_pod(f"metadata.ownerReferences=[{owner.format('a')}, {owner.format('b')}]")
    (cause,) = validate("Pod", pod)
    assert cause.message.endswith(
        'Only one reference can have Controller set to true. Found "true" in references for a and b'
    )


def test_a_rule_is_not_asked_twice_about_one_object_but_about_its_equal() -> None:
    asked: list[object] = []

    def rule(value: list[int], path: str) -> list[Cause]:
        asked.append(value)
        return [required(path)] if not value else []

    checked, one, equal = once(rule), [1], [1]
    assert not list(checked(one, "a")) and not list(checked(one, "b"))
    assert not list(checked(equal, "a"))
    assert [value is one for value in asked] == [True, False]
    wrong: list[int] = []
    assert [str(cause) for path in "ab" for cause in checked(wrong, path)] == [
        "a: Required value",
        "b: Required value",
    ]


def test_an_equal_pod_with_one_thing_wrong_in_what_others_share_is_refused() -> None:
    plane = ControlPlane()
    made = plane.do(plane.api.create("pods", pod()))
    spec = copy(made["spec"])
    token = spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
    token["expirationSeconds"] = 1
    spec["tolerations"][0]["operator"] = "Sometimes"
    with pytest.raises(Invalid) as refused:
        plane.do(plane.api.create("pods", pod("other", **spec)))
    fields = [cause["field"] for cause in refused.value.details["causes"]]
    assert fields == [
        "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds",
        "spec.tolerations[0].operator",
    ]
