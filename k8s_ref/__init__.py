"""Kubernetes, readable and runnable · 可读、可运行的 Kubernetes

>>> from k8s_ref import Cluster
>>> cluster = Cluster(nodes=1)
>>> cluster.kubectl("get nodes --no-headers -o name")
node/node-1
"""

from k8s_ref.cli.workbench import Cluster

__all__ = ["Cluster"]
