"""Whether the hosts of the users accept a connection, asked where the load will come from; no request is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import gevent.socket
from locust import FastHttpUser, HttpUser

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT = 5.0


def users_without_host(environment: Any) -> list[str]:
    """User classes that speak HTTP and know no host; empty when all is well.

    A class that defines its own ``__init__`` is trusted: it may set the host there.
    """
    if environment.host:
        return []
    return [
        cls.__name__
        for cls in environment.user_classes
        if issubclass(cls, HttpUser | FastHttpUser)
        and cls.host is None
        and cls.__init__ in (HttpUser.__init__, FastHttpUser.__init__)
    ]


def hosts_without_scheme(environment: Any) -> list[str]:
    """Hosts of user classes that speak HTTP which are no http(s) URL; empty when all is well."""
    classes = [cls for cls in environment.user_classes if issubclass(cls, HttpUser | FastHttpUser)]
    hosts = {environment.host or cls.host for cls in classes}
    return sorted(host for host in hosts if host and not host.lower().startswith(("http://", "https://")))


def unready_hosts(environment: Any) -> Iterator[tuple[str, str]]:
    """Host and reason for each http(s) host that accepts no connection."""
    hosts = {environment.host} if environment.host else {cls.host for cls in environment.user_classes}
    for host in sorted(host for host in hosts if host):
        url = urlsplit(host)
        if url.scheme not in ("http", "https") or not url.hostname:
            continue
        try:
            port = url.port or (443 if url.scheme == "https" else 80)
            connection = gevent.socket.create_connection((url.hostname, port), timeout=_TIMEOUT)
        except (OSError, ValueError) as error:
            yield f"{url.scheme}://{url.netloc.rpartition('@')[2]}", getattr(error, "strerror", None) or str(error)
        else:
            connection.close()
