"""Requests for certificates: who asks is written down, and only the verdict changes."""

from tests.harness import ControlPlane

CSR = "certificatesigningrequests"


def csr(name="ann"):
    """A request for a client certificate that claims to be somebody else's."""
    spec = {
        "request": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K",
        "signerName": "example.com/people",
        "usages": ["client auth"],
        "username": "somebody else",
    }
    about = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    return {**about, "metadata": {"name": name}, "spec": spec}


def test_a_request_says_who_made_it_whatever_it_claims():
    plane = ControlPlane()
    made = plane.do(plane.api.create(CSR, csr()))
    assert made["spec"]["username"] == "kubernetes-admin"
    assert "system:masters" in made["spec"]["groups"]


def test_approval_changes_the_verdict_and_nothing_else():
    plane = ControlPlane()
    made = plane.do(plane.api.create(CSR, csr()))
    verdict = {
        "type": "Approved",
        "status": "True",
        "reason": "ByHand",
        "lastUpdateTime": "2026-01-01T00:00:00Z",
    }
    sent = {**made, "spec": {**made["spec"], "signerName": "example.com/others"}}
    changed = plane.do(
        plane.api.update(CSR, {**sent, "status": {"conditions": [verdict]}}, "approval")
    )
    assert changed["spec"] == made["spec"]
    (condition,) = changed["status"]["conditions"]
    assert condition["type"] == "Approved"
    assert condition["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_an_update_of_the_request_itself_does_not_approve_it():
    plane = ControlPlane()
    made = plane.do(plane.api.create(CSR, csr()))
    verdict = {"type": "Approved", "status": "True"}
    changed = plane.do(plane.api.update(CSR, {**made, "status": {"conditions": [verdict]}}))
    assert not changed["status"].get("conditions")
