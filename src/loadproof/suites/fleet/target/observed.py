"""What the service saw, for tests that compare final states."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_EVENTS = 50_000
"""Creations and deletions that are remembered one by one; later ones are only counted."""


@dataclass(slots=True)
class Observed:
    """Counts and events of one service.

    Attributes:
        methods: Requests to the API by method; those to the issuer and to the service's own paths are not among them.
        templates: The same by method and path template.
        statuses: The same by method, path template and status.
        events: Creations and deletions that were accepted, in order: what, id, name, owner, when.
    """

    methods: Counter[str] = field(default_factory=Counter)
    templates: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    events: list[dict[str, Any]] = field(default_factory=list)

    def happened(self, what: str, *, at: float, **facts: Any) -> None:
        """Remember a creation or a deletion."""
        if len(self.events) < MOST_EVENTS:
            self.events.append({"what": what, "at": at, **facts})

    def as_json(self) -> dict[str, Any]:
        """For ``GET /_state``."""
        return {
            "methods": dict(self.methods),
            "paths": dict(self.templates),
            "statuses": dict(self.statuses),
            "events": self.events,
        }


class CountingMiddleware:
    """Counts every request to the API, whatever becomes of it.

    Args:
        app: What is counted.
        observed: Where to.
        base_paths: Where the API is; nothing else is counted.
    """

    def __init__(self, app: ASGIApp, observed: Observed, base_paths: Sequence[str]) -> None:
        self._app = app
        self._observed = observed
        self._base_paths = tuple(base_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI."""
        if scope["type"] != "http" or not scope["path"].startswith(self._base_paths):
            await self._app(scope, receive, send)
            return

        async def count_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope, message["status"])
            await send(message)

        await self._app(scope, receive, count_and_send)

    def _count(self, scope: MutableMapping[str, Any], status: int) -> None:
        entry = f"{scope['method']} {template_of(scope, self._base_paths)}"
        self._observed.methods[scope["method"]] += 1
        self._observed.templates[entry] += 1
        self._observed.statuses[f"{entry} {status}"] += 1


def template_of(scope: MutableMapping[str, Any], base_paths: Sequence[str]) -> str:
    """The path template of a request below its base path, such as ``/kafkas/{id}``; ``(other)`` where no route took it.

    Args:
        scope: Of the request, once it was routed.
        base_paths: Where the API is.
    """
    if "route" not in scope:
        return "(other)"
    names = {value: f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    path = str(scope["path"])
    base_path = next((each for each in base_paths if path.startswith(each)), "")
    return "/".join(names.get(part, part) for part in path.removeprefix(base_path).split("/"))
