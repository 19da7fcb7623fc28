"""Whether a service accepts a connection before any load is sent: TCP, and the TLS handshake for https."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadproof.errors import NotReadyError
from loadproof.plan.redact import redact_text

if TYPE_CHECKING:
    from loadproof.plan import Service

_TIMEOUT = 5.0


def check_service(service: Service) -> None:
    """Connect once, the way the load will, and send nothing.

    Raises:
        NotReadyError: Nobody answers, or the handshake fails; the message names the service and its port.
    """
    url = urlsplit(service.proxy or service.base_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    hint = f"start it, or correct base_url ({redact_text(service.base_url)})"
    if service.start:
        hint = f"start it: {service.start}"
    try:
        with socket.create_connection((url.hostname or "", port), timeout=_TIMEOUT) as connection:
            if url.scheme == "https":
                _handshake(service, connection, url.hostname or "")
    except ssl.SSLError as error:
        raise NotReadyError(
            f"Service {service.name} on port {port} refuses the TLS handshake: {error.reason or error}",
            slug="not-ready-tls",
            hint="set verify = false or ca_file for a certificate of your own",
        ) from error
    except ConnectionRefusedError as error:
        raise NotReadyError(
            f"Service {service.name} is not running on port {port}", slug="not-ready", hint=hint
        ) from error
    except OSError as error:
        raise NotReadyError(
            f"Service {service.name} does not answer on {url.hostname}:{port}: {error.strerror or error}",
            slug="not-ready",
            hint=hint,
        ) from error


def _handshake(service: Service, connection: socket.socket, hostname: str) -> None:
    import certifi  # noqa: PLC0415 - the certificates that requests verifies with; only needed for https

    context = ssl.create_default_context(cafile=str(service.ca_file or certifi.where()))
    if not service.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if service.client_cert is not None:
        context.load_cert_chain(str(service.client_cert))
    context.wrap_socket(connection, server_hostname=hostname).close()
