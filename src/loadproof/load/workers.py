"""The workers as their master sees them, and how a test with workers ends so that nothing is lost.

Stock Locust loses what workers have not reported when a run ends (its last report races its ``quit`` message), so the
end of a run is a protocol of ours: before the master stops, it tells each worker ``lp_stop``; a worker stops its users,
sends its last delta and rows, and answers ``lp_final``. Messages of one worker keep their order, so ``lp_final``
acknowledges all before it.

Messages between master and workers:
    ``lp_next``   master to worker: another test begins
    ``lp_delta``  worker to master: an encoded delta
    ``lp_rows``   worker to master: rows for ``results.csv`` and their number
    ``lp_stop``   master to worker: stop within so many seconds, send what is left, answer
    ``lp_final``  worker to master: all is sent
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from loadproof.load.channel import Channel

_FINAL_GRACE = 5.0
"""Seconds beyond ``--stop-timeout`` that the master waits for its workers' last words."""


class Workers:
    """Hands on what workers report, and collects their last words.

    Args:
        runner: Locust's master.
        channel: To the supervisor.
    """

    def __init__(self, runner: Any, channel: Channel) -> None:
        self._runner = runner
        self._channel = channel
        self._final: set[str] = set()
        self._missing: set[str] = set()
        runner.register_message("lp_delta", self._on_delta)
        runner.register_message("lp_rows", self._on_rows)
        runner.register_message("lp_final", self._on_final)

    def begin(self) -> None:
        """A test begins."""
        self._final.clear()
        self._missing.clear()
        self._runner.send_message("lp_next")

    def watch(self) -> None:
        """Tell the supervisor of workers that went missing."""
        for client in self._runner.clients.all:
            if client.state == "missing":
                self._lost(client.id)

    def collect(self, stop_timeout: float) -> None:
        """Have every worker stop and hand in what it has; wait for each, but not for ever."""
        self.watch()  # one that went missing in this very turn is no longer asked
        runner = self._runner
        asked = [client.id for client in runner.clients.all if client.state != "missing"]
        for client in asked:
            runner.send_message("lp_stop", stop_timeout, client_id=client)
        deadline = time.monotonic() + stop_timeout + _FINAL_GRACE
        while time.monotonic() < deadline:
            waiting = [c for c in asked if c not in self._final and c in runner.clients]
            if all(runner.clients[c].state == "missing" for c in waiting):
                break
            gevent.sleep(0.01)
        for client in asked:
            if client not in self._final:
                self._lost(client)

    def _lost(self, client: str) -> None:
        if client not in self._missing:
            self._missing.add(client)
            if client in self._runner.clients:  # Locust waits a minute for users that nobody will report as gone
                self._runner.clients[client].user_classes_count = {}
            self._channel.send("worker_lost", {"worker": client})

    def _on_delta(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - Locust calls by keyword
        self._channel.send("delta", msg.data)

    def _on_rows(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        self._channel.send_rows(*msg.data)

    def _on_final(self, environment: Any, msg: Any) -> None:  # noqa: ARG002
        self._final.add(msg.node_id)
