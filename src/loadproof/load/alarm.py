"""Wakes the event loop at a time on the monotonic clock, to some microseconds."""

from __future__ import annotations

import ctypes
import os
import struct
import time
from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from collections.abc import Callable

_ABSOLUTE = 1  # TFD_TIMER_ABSTIME
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC
_SECOND = 1_000_000_000


class _TimerSpec(ctypes.Structure):
    """``struct itimerspec``: the interval, then the first time."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("at_s", ctypes.c_long),
        ("at_ns", ctypes.c_long),
    )


class Alarm:
    """Calls a function in the loop when a time has come.

    The loop's own timers sleep whole milliseconds, because epoll does; a timerfd is a file that becomes readable in
    time. Where the system has none (it is Linux's), the loop's timer has to do.

    Args:
        ring: Called in the loop, not in a greenlet: it must not wait. Only the last time that was set rings.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = gevent.get_hub().loop
        self._fd = _timer_file()
        self._watcher: Any
        if self._fd is None:
            self._watcher = self._loop.timer(0)
        else:
            self._watcher = self._loop.io(self._fd, 1)
            self._watcher.start(self._readable)
        self._spec = _TimerSpec()

    def set(self, at_ns: int) -> None:
        """Ring at a time of ``time.monotonic_ns``; at once where it is past."""
        if self._fd is None:
            self._watcher.stop()
            self._loop.update_now()
            self._watcher = self._loop.timer(max(0.0, (at_ns - time.monotonic_ns()) / 1e9))
            self._watcher.start(self._ring)
            return
        self._spec.at_s, self._spec.at_ns = divmod(max(at_ns, 1), _SECOND)
        _settime(self._fd, _ABSOLUTE, ctypes.byref(self._spec), None)

    def close(self) -> None:
        """Ring no more."""
        self._watcher.stop()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
            self._ring = _silent

    def _readable(self) -> None:
        assert self._fd is not None
        try:
            struct.unpack("Q", os.read(self._fd, 8))
        except BlockingIOError:
            return  # it was set anew meanwhile
        self._ring()


def _silent() -> None:
    """Nothing."""


def _timer_file() -> int | None:
    """A timerfd on the monotonic clock; None where there is none."""
    try:
        fd: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, _FLAGS)
    except AttributeError:
        return None
    return fd if fd >= 0 else None


_libc = ctypes.CDLL(None, use_errno=True)
_settime: Any = getattr(_libc, "timerfd_settime", None)
