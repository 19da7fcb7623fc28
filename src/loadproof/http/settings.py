"""A session's settings, built when somebody looks at them: most users of a test never do, and there are thousands."""

from __future__ import annotations

import os
from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Any

import locust.clients
from requests.cookies import RequestsCookieJar
from requests.hooks import default_hooks
from requests.utils import NETRC_FILES, default_headers

from loadproof.http.adapter import WireAdapter
from loadproof.http.cookies import watched_jar
from loadproof.http.fallback import what_is_replaced
from loadproof.http.headers import HeadLines, WatchedHeaders, merged, merged_with, watched
from loadproof.http.wire import Wire

_HOW = ("send", "prepare_request", "get_adapter", "merge_environment_settings", "resolve_redirects", "rebuild_auth",
    "get_redirect_target", "_build_url", "_send_request_safe_mode")  # fmt: skip
"""Methods of requests in which a session of the script's own may have put something."""


_SETTINGS = frozenset({"trust_env", "cert", "stream", "adapters", "hooks", "params", "proxies", *_HOW})


class Adapters(OrderedDict[str, Any]):
    """A session's adapters, which notice when somebody mounts one of their own.

    Attributes:
        foreign: Whether there is one that is not ours.
    """

    foreign = False

    def __setitem__(self, prefix: str, adapter: Any) -> None:
        super().__setitem__(prefix, adapter)
        self.foreign = self.foreign or type(adapter) is not WireAdapter

    def retry(self) -> bool:
        """Whether one of ours was told to send again what has failed."""
        return any(adapter.retries for adapter in self.values())


@cache
def _default_head() -> HeadLines:
    return merged(default_headers(), None)


_HEEDED = frozenset({b"NETRC", b"REQUESTS_CA_BUNDLE", b"CURL_CA_BUNDLE"})


def _environment_speaks() -> bool:
    """Whether there is anything in the environment that requests would heed: proxies, certificates, a netrc file."""
    return (
        not _HEEDED.isdisjoint(os.environb)
        or any(name[-6:].lower() == b"_proxy" and name.lower() != b"no_proxy" for name in os.environb)
        or any(Path(f"~/{name}").expanduser().exists() for name in NETRC_FILES)
    )


_own_methods: dict[type, bool] = {}


def _has_own_methods(kind: type) -> bool:
    found = _own_methods.get(kind)
    if found is None:
        found = _own_methods[kind] = _overrides(kind)
    return found


def _overrides(kind: type) -> bool:
    return any(getattr(kind, name) is not getattr(LeanSession, name) for name in _HOW)


class LeanSession(locust.clients.HttpSession):  # type: ignore[misc]  # Locust is not checked
    """Locust's ``HttpSession`` with settings that take no room, and no time, until they are read or set."""

    _headers: Any = None
    _jar: Any = None
    _adapters: Any = None
    _hooks: Any = None
    _params: Any = None
    _proxies: Any = None
    explicit_name: str | None = None
    """Locust's: the name of the last call that requests prepared."""

    _replaced = False
    """Whether somebody has put a method of their own into the session."""

    _requests_otherwise = False
    """Whether somebody has put a ``request`` of their own into the session."""

    _looked_at = True
    """Whether somebody may have set anything that a call must ask ``what_settings_want`` for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wire = Wire()
        if what_is_replaced():
            self._replaced = True
        # What the parents have just built is what is built again once it is read.
        self._headers = self._jar = self._hooks = self._params = self._proxies = None
        if kwargs.get("pool_manager") is None:
            self._adapters = None
        if what_is_replaced():
            self._replaced = True

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name in _SETTINGS:
            object.__setattr__(self, "_looked_at", True)
            if name in _HOW:
                object.__setattr__(self, "_replaced", True)
        elif name == "request":
            object.__setattr__(self, "_requests_otherwise", True)

    @property
    def headers(self) -> Any:
        """Headers of every request."""
        if self._headers is None:
            self._headers = watched(default_headers())
        return self._headers

    @headers.setter
    def headers(self, headers: Any) -> None:
        self._headers = watched(headers)

    @property
    def cookies(self) -> Any:
        """The jar."""
        if self._jar is None:
            self._jar = watched_jar(RequestsCookieJar())
        return self._jar

    @cookies.setter
    def cookies(self, jar: Any) -> None:
        self._jar = watched_jar(jar)

    @property
    def adapters(self) -> Any:
        """What sends what requests has prepared, by prefix of the URL."""
        if self._adapters is None:
            adapter = WireAdapter(self._wire)
            self.adapters = Adapters({"https://": adapter, "http://": adapter})
        return self._adapters

    @adapters.setter
    def adapters(self, adapters: Any) -> None:
        self._adapters = adapters

    @property
    def hooks(self) -> Any:
        """Functions that see every response."""
        if self._hooks is None:
            self.hooks = default_hooks()
        return self._hooks

    @hooks.setter
    def hooks(self, hooks: Any) -> None:
        self._hooks = hooks

    @property
    def params(self) -> Any:
        """Parameters of every request."""
        if self._params is None:
            self.params = {}
        return self._params

    @params.setter
    def params(self, params: Any) -> None:
        self._params = params

    @property
    def proxies(self) -> Any:
        """Proxies by scheme."""
        if self._proxies is None:
            self.proxies = {}
        return self._proxies

    @proxies.setter
    def proxies(self, proxies: Any) -> None:
        self._proxies = proxies

    def close(self) -> None:
        """Close all connections; the next request opens a new one."""
        if self._adapters is not None:
            super().close()
        self._wire.close()

    def what_settings_want(self) -> str | None:
        """What in the settings asks for requests; None for nothing."""
        adapters, hooks = self._adapters, self._hooks
        if self._params or self._proxies or self.cert or self.stream:
            return "session settings"
        trusting = self.trust_env
        if trusting and _environment_speaks():
            return "environment"
        if hooks is not None and hooks.get("response"):
            return "hooks"
        if adapters is not None and (type(adapters) is not Adapters or adapters.foreign or adapters.retry()):
            return "adapters"
        if self._replaced or _has_own_methods(type(self)):
            return "own session"
        # Who holds one of these may change it in place, without our knowing; so may anyone the environment.
        if not trusting and adapters is None and hooks is None and self._params is None and self._proxies is None:
            self._looked_at = False
        return None

    def head_lines(self, headers: Any) -> HeadLines:
        """The session's headers with a call's own over them; raises as ``headers.merged``."""
        own = self._headers
        if own is None:
            head = _default_head()
        elif type(own) is WatchedHeaders:
            head = own.head()
        else:
            return merged(own, headers)
        return merged_with(head, headers) if headers else head
