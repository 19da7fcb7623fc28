"""The frames between the supervisor and the load process.

A frame is one msgpack value ``[kind, payload]``; msgpack delimits itself, so a stream of frames needs no length.
Neither gevent nor Locust is imported here: the supervisor uses this file too.

Load process to supervisor:
    ``start``       a test began: clock, effective options, user classes
    ``delta``       one encoded ``loadproof.record.Delta``
    ``rows``        rows for ``results.csv``, as bytes
    ``schedule``    profiles begin: ``starts_at``, in seconds since the run's start
    ``shares``      ``workers`` in the order of their shares of all arrivals
    ``short``       the pool would have to grow beyond ``max_users``, to ``needed``
    ``worker_lost`` a worker stopped answering
    ``intervened``  what was done at the user's wish: ``kind``, ``at``, and of users ``before`` and ``after``
    ``refused``     a wish that cannot be fulfilled: ``why``
    ``ask``         what the pages of the web interface need: ``number``, ``what`` is ``view`` or ``file``, and of a
                    file its ``name`` and its ``run``
    ``end``         a test ended: how long it lasted, whether rows were lost on the way
    ``fatal``       the run cannot be made: exit code, slug, where, message, hint
    ``exit``        ``locust.main`` returned: its code, the code set by the script

Supervisor to load process:
    ``job``         what to run (first frame)
    ``level``       the next level of a search: a ``profile``, and when it ``begins_at``
    ``pause``       ``paused``: whether no iteration is to begin
    ``users``       ``direction``: 1 for a step more users, -1 for one fewer
    ``answer``      to what was asked: its ``number``; ``view`` and ``tables`` as JSON; of a file its ``path``, its
                    ``size`` and its ``type``; or ``why`` there is none
    ``finish``      the search is over, or the user ends the run: let users finish, end the test, then the process
    ``quit``        end the test, then the process
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import msgpack

if TYPE_CHECKING:
    from collections.abc import Iterator

Frame = tuple[str, Any]

FD_VARIABLE = "LOADPROOF_WIRE_FD"
"""Environment variable that tells the load process its end of the socket pair."""

_LARGEST_FRAME = 256 * 1024 * 1024


class Job(TypedDict):
    """What a load process shall run: payload of the first frame, plain values only.

    Attributes:
        locust_args: Words of Locust's command line, without the program's name.
        service: A ``loadproof.plan.Service`` as plain values; None for locustfiles.
        rps: Limit on requests per second over the whole run; None for none.
        client: What sends the requests of ``HttpUser``: ``fast`` or ``requests``.
        scenarios: ``loadproof.plan.Scenario`` as plain values; empty leaves the load to Locust, or to a search.
        search: How levels make load: ``unit``, ``arrivals``, ``seed`` and ``max_users``; None for no
            search. The levels follow one by one.
        iterations: Iterations after which the run ends; None for no limit.
        iterations_per_user: Iterations after which a user begins no other; None for no limit.
        warmup: Seconds after the schedule's start whose rows say ``warmup``; None for none, or not known.
        tags: ``class=NAME`` and ``scenario=NAME`` whose samples are counted once more, apart.
        samples: Which requests get a row: ``all``, ``errors``, ``none`` or ``N/s``.
        ready_check: Whether hosts must accept a connection first.
        headless: Whether the run starts by itself, without the web interface.
    """

    locust_args: list[str]
    service: dict[str, Any] | None
    rps: float | None
    scenarios: list[dict[str, Any]]
    search: dict[str, Any] | None
    iterations: int | None
    iterations_per_user: int | None
    warmup: float | None
    tags: list[str]
    samples: str
    client: str
    ready_check: bool
    headless: bool


def pack(kind: str, payload: Any = None) -> bytes:
    """One frame as bytes; ``payload`` is anything msgpack takes."""
    packed: bytes = msgpack.packb((kind, payload))
    return packed


class Unpacker:
    """Turns bytes, however they were cut, back into frames."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=_LARGEST_FRAME)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames completed by ``data``, in order."""
        self._unpacker.feed(data)
        yield from self._unpacker
