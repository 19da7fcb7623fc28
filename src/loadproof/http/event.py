"""Locust's ``request`` event, with the meter behind its listeners instead of Locust's own statistics.

Locust counts every request in a listener of its own, which takes as long as sending it. Here the meter counts, and
Locust's statistics are fed from it once a second. A request that nobody else listens for is handed to the meter
directly.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, Protocol

import locust.event
import locust.log

_LOCUSTS_OWN = "Runner.__init__.<locals>.on_request"


class Sink(Protocol):
    """What measures."""

    def on_request(self, **fields: Any) -> None:
        """Take a request by the arguments of the event."""

    def on_answer(self, answer: tuple[Any, ...]) -> None:
        """Take an answer of our own client, which nobody calls a failure: ``Response.measured``."""


class RequestEvent(locust.event.EventHook):  # type: ignore[misc]  # Locust is not checked
    """The event.

    Attributes:
        sink: What measures; None until there is something.
        unheard: Whether nobody but the sink needs to hear of a request.
        replaced: Whether Locust's own listener came, and was turned away.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sink: Any = None
        self.unheard = False
        self.replaced = False

    def measure_by(self, sink: Sink) -> None:
        """Have a sink hear of every request, after all listeners."""
        self.sink = sink
        self._see_who_listens()

    def add_listener(self, handler: Any) -> Any:
        """Add a listener; Locust's statistics are none."""
        if getattr(handler, "__qualname__", "") == _LOCUSTS_OWN:
            self.replaced = True
            return handler
        super().add_listener(handler)
        self._see_who_listens()
        return handler

    def remove_listener(self, handler: Any) -> None:
        """Remove a listener; raises ValueError where it is none."""
        super().remove_listener(handler)
        self._see_who_listens()

    def _see_who_listens(self) -> None:
        self.unheard = self.sink is not None and not self._handlers

    def fire(self, *, reverse: bool = False, **fields: Any) -> None:
        """Tell the listeners, then the sink; a control exception of a listener leaves the request uncounted."""
        if self._handlers:
            super().fire(reverse=reverse, **fields)
        if self.sink is None:
            return
        try:
            self.sink.on_request(**fields)
        except Exception:
            logging.exception("Uncaught exception in event handler: \n%s", traceback.format_exc())  # noqa: LOG015 - Locust's
            locust.log.unhandled_greenlet_exception = True
