"""The composition root: a plan in, a result directory and a result out.

The supervisor is a plain interpreter: neither gevent nor Locust is ever imported here. It starts the load process,
merges what that reports, judges while the run goes, and writes a result whatever dies.
"""

from __future__ import annotations

from loadproof.supervisor.observer import Goal, Observer, Progress, Silent, StopSignal
from loadproof.supervisor.run import run_plan
from loadproof.supervisor.steering import Steering, Wish

__all__ = ["Goal", "Observer", "Progress", "Silent", "Steering", "StopSignal", "Wish", "run_plan"]
