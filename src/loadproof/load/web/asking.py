"""Asks the supervisor, over the wire, what a page is to show, and waits for the answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import AsyncResult

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 15.0
"""Seconds that an answer may take: the report of a long run with thousands of endpoints takes some."""

_FRESH = 0.9
"""Seconds for which one view does for everybody who looks."""


class Asking:
    """The questions that are open.

    Args:
        tell: Sends a frame to the supervisor.
        patience: Seconds after which nobody waits for an answer any more.
    """

    def __init__(self, tell: Callable[[str, dict[str, Any]], None], *, patience: float = PATIENCE) -> None:
        self._tell = tell
        self._patience = patience
        self._number = 0
        self._open: dict[int, AsyncResult] = {}
        self._view: dict[str, Any] | None = None
        self._view_at = 0.0
        self._asked_view: AsyncResult | None = None

    def view(self) -> dict[str, Any] | None:
        """``view`` and ``tables`` as JSON; None where no answer came. However many look, one question is open."""
        if self._view is not None and time.monotonic() < self._view_at + _FRESH:
            return self._view
        if self._asked_view is not None:
            found: dict[str, Any] | None = self._asked_view.get()
            return found
        self._asked_view = AsyncResult()
        view = None
        try:
            view = self._ask({"what": "view"})
            if view is not None:
                self._view, self._view_at = view, time.monotonic()
        finally:
            asked, self._asked_view = self._asked_view, None
            asked.set(view)
        return view

    def file(self, run: str, name: str) -> dict[str, Any] | None:
        """``path``, ``size`` and ``type`` of a file, or ``why`` there is none; None where no answer came."""
        return self._ask({"what": "file", "run": run, "name": name})

    def answered(self, answer: dict[str, Any]) -> None:
        """An answer came; too late, nobody waits for it any more."""
        waiting = self._open.get(answer["number"])
        if waiting is not None:
            waiting.set(answer)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any] | None:
        self._number += 1
        number, answer = self._number, AsyncResult()
        self._open[number] = answer
        try:
            self._tell("ask", {"number": number, **question})
            found: dict[str, Any] = answer.get(timeout=self._patience)
        except gevent.Timeout:
            return None
        else:
            return found
        finally:
            del self._open[number]
