"""Machinery: the object model · 对象机制

What every component knows about API objects before any of them runs: how an object is named and
owned (``meta``), how a request is refused (``errors``), which kinds exist (``kinds``) and what
they may hold (``schema``), how amounts are counted (``quantity``), how objects are chosen
(``selectors``), changed (``patch``) and dated (``timestamps``).  Nothing here does input or
output, keeps state, or knows a component.

Upstream: staging/src/k8s.io/apimachinery/
"""
