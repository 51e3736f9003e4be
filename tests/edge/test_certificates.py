"""Certificates, shown to a real TLS handshake on a free port of this machine."""

import asyncio
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from k8s_ref.edge.certificates import Authority
from k8s_ref.edge.server import tls_context

AUTHORITY, STRANGER = Authority(), Authority()


def greeted(tmp_path, client=None, host="127.0.0.1", trusted=AUTHORITY):
    """What the server learns of the client; an error if one of the two refuses."""

    async def run():
        seen = asyncio.get_running_loop().create_future()

        async def greet(reader, writer):
            seen.set_result(writer.get_extra_info("peercert"))
            writer.write(b"hello\n")
            writer.close()

        pair = AUTHORITY.server(("127.0.0.1", "kubernetes.default"))
        context = tls_context(AUTHORITY.pem, pair)
        server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
        async with server:
            port = server.sockets[0].getsockname()[1]
            mine = ssl.create_default_context(cadata=trusted.pem.decode())
            if client is not None:
                file = tmp_path / "client.pem"
                file.write_bytes(client.certificate + client.key)
                mine.load_cert_chain(file)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=mine, server_hostname=host
            )
            try:
                if await reader.readline() != b"hello\n":
                    raise ConnectionResetError("no greeting")
            finally:
                writer.close()
            return await seen

    return asyncio.run(asyncio.wait_for(run(), 20))


def test_the_server_learns_name_and_groups(tmp_path):
    client = AUTHORITY.client("anna", ("devs", "admins"))
    subject = [pair for part in greeted(tmp_path, client)["subject"] for pair in part]
    assert sorted(subject) == [
        ("commonName", "anna"),
        ("organizationName", "admins"),
        ("organizationName", "devs"),
    ]


def test_whoever_shows_no_certificate_is_let_in_as_nobody(tmp_path):
    assert not greeted(tmp_path)


def test_a_server_is_known_by_its_other_names_too(tmp_path):
    assert not greeted(tmp_path, host="kubernetes.default")


def test_a_name_that_is_not_in_the_certificate_is_refused(tmp_path):
    with pytest.raises(ssl.SSLCertVerificationError, match="doesn't match|mismatch|not valid for"):
        greeted(tmp_path, host="elsewhere.example")


def test_a_client_does_not_believe_another_authority_of_the_same_name(tmp_path):
    with pytest.raises(ssl.SSLCertVerificationError):
        greeted(tmp_path, trusted=STRANGER)


def test_a_server_does_not_believe_a_client_of_another_authority(tmp_path):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        greeted(tmp_path, STRANGER.client("anna", ("system:masters",)))


def test_the_certificate_of_a_server_is_none_of_a_client(tmp_path):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        greeted(tmp_path, AUTHORITY.server(("127.0.0.1",)))


def test_the_authority_may_sign_and_nobody_else():
    own = x509.load_pem_x509_certificate(AUTHORITY.pem)
    assert own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    signed = x509.load_pem_x509_certificate(AUTHORITY.client("anna").certificate)
    with pytest.raises(x509.ExtensionNotFound):
        signed.extensions.get_extension_for_class(x509.BasicConstraints)
    assert isinstance(signed.public_key(), ec.EllipticCurvePublicKey)
    signed.verify_directly_issued_by(own)
