"""Webhooks over HTTPS · 经 HTTPS 调用 webhook

Carries admission reviews to webhooks that listen on real sockets.  TLS is not an option: the
configuration brings the authority that the webhook's certificate must be signed by.  The one
rule: the cluster's loop never waits for a socket; the call runs beside it and wakes it when done.

Upstream: staging/src/k8s.io/apiserver/pkg/util/webhook/client.go
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Callable

import aiohttp

from k8s_ref.apiserver.admission.webhook import CallFailed, broken, posting, url_of
from k8s_ref.edge.outside import Outside
from k8s_ref.machinery.errors import show
from k8s_ref.machinery.meta import Object

Resolve = Callable[[Object], tuple[str, int] | None]
"""Where the Pods behind ``clientConfig.service`` can be reached from this machine, if at all."""

_EXPIRED = (9, 10)
_UNKNOWN = (18, 19, 20, 21)
"""Verification results of OpenSSL."""


class HTTPSCaller:
    """Calls webhooks over the network."""

    def __init__(self, outside: Outside, resolve: Resolve = lambda service: None) -> None:
        self.outside, self.resolve = outside, resolve

    async def call(self, config: Object, review: Object, seconds: int) -> Object:
        """What the webhook answers; ``CallFailed`` with Go's words if it does not."""
        return await self.outside.do(self._post(config, review, seconds))

    async def _post(self, config: Object, review: Object, seconds: int) -> Object:
        service = config.get("service")
        url, name = url_of(config), None
        if service is not None:
            where = self.resolve(service)
            if where is None:
                why = f"no endpoints available for service {show(service['name'])}"
                raise posting(config, seconds, why)
            name = f"{service['name']}.{service['namespace']}.svc"
            url = f"https://{where[0]}:{where[1]}/{url.partition('.svc:')[2].partition('/')[2]}"
        try:
            limit = aiohttp.ClientTimeout(total=seconds)
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.post(
                    url,
                    params={"timeout": f"{seconds}s"},
                    json=review,
                    headers={"Accept": "application/json"},
                    ssl=_trusting(config.get("caBundle")),
                    server_hostname=name,
                ) as response,
            ):
                return _read(response.status, await response.text())
        except TimeoutError:
            raise posting(config, seconds, "context deadline exceeded") from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise posting(config, seconds, _mistrust(error.certificate_error)) from None
        except aiohttp.ClientConnectorError as error:
            why = f"dial tcp {error.host}:{error.port}: connect: connection refused"
            raise posting(config, seconds, why) from None
        except aiohttp.ClientError as error:
            raise posting(config, seconds, str(error) or "EOF") from None


def _trusting(bundle: str | None) -> ssl.SSLContext:
    """TLS that trusts the authorities of the configuration, or else this machine's."""
    context = ssl.create_default_context()
    if bundle:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=base64.b64decode(bundle).decode())
    return context


def _read(status: int, text: str) -> Object:
    if status == 404:
        raise CallFailed("failed to call webhook: the server could not find the requested resource")
    if status != 200:
        raise broken(show(text.strip() or "unknown"))
    try:
        found: Object = json.loads(text)
    except ValueError as error:
        why = f"couldn't get version/kind; json parse error: {error}"
        raise CallFailed(f"failed to call webhook: {why}") from None
    return found


def _mistrust(error: Exception) -> str:
    """Why a certificate is not believed."""
    code = getattr(error, "verify_code", 0)
    why = "certificate signed by unknown authority" if code in _UNKNOWN else str(error)
    if code in _EXPIRED:
        why = "certificate has expired or is not yet valid"
    return f"tls: failed to verify certificate: x509: {why}"
