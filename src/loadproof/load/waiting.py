"""Locust's wait of no seconds, without giving way a second time.

Between two tasks a user without a ``wait_time`` gives way to the others, which takes a tenth of the time of a request.
One that has just come back from a request has given way there.
"""

from __future__ import annotations

from typing import Any

import gevent
from gevent import getcurrent
from locust.user.task import TaskSet

from loadproof.http.connection import came_back


def install() -> None:
    """Put ours under every ``TaskSet``."""
    TaskSet._sleep = _sleep  # noqa: SLF001 - the one place where Locust sleeps; a test fails when it no longer is


def _sleep(_task_set: Any, seconds: float) -> None:
    if seconds == 0 and came_back[0] is getcurrent():
        came_back[0] = None  # once: tasks that send nothing must give way here
    else:
        gevent.sleep(seconds)
