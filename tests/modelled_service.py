"""A service whose capacity is known, in a process of its own: `python modelled_service.py KIND ARGUMENT…`; prints its port.

    workers K SECONDS    K workers, each request takes one for SECONDS; the others queue: K / SECONDS per second
    mm1 RATE             one worker, exponential times: the p quantile of its response time at rate r is
                         -ln(1 - p) / (RATE - r)
    bucket RATE          answers at once, 503 to what exceeds RATE per second
    collapse RATE        RATE per second as long as few wait; the more wait, the slower it gets, down to a quarter
    break USERS          answers in 5 ms; 500 to everybody while more than USERS are served at once
    fails_after SECONDS  answers at once, 500 to everything once so many seconds have passed since the first request
    fast                 answers at once

It ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import sys
import time
from collections import deque


class Workers:
    """When each worker is free next says all; a late wake-up of ours takes none of their time."""

    def __init__(self, count, seconds):
        self._free_at = [0.0] * int(count)
        self._seconds = float(seconds)

    async def serve(self):
        now = time.monotonic()
        done = max(now, heapq.heappop(self._free_at)) + self._seconds
        heapq.heappush(self._free_at, done)
        await asyncio.sleep(done - now)
        return 200


class MM1:
    """The time at which the one worker is free next says all; requests come in the order of their arrival."""

    def __init__(self, rate):
        self._rate = float(rate)
        self._random = random.Random(5)
        self._free_at = 0.0

    async def serve(self):
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + self._random.expovariate(self._rate)
        await asyncio.sleep(self._free_at - now)
        return 200


class Bucket:
    def __init__(self, rate):
        self._rate = float(rate)
        self._tokens = self._most = self._rate / 10
        self._at = time.monotonic()

    async def serve(self):
        now = time.monotonic()
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return 503
        self._tokens -= 1
        return 200


class Collapse:
    """One worker; a request takes 1 / RATE, and more by as much as more than twenty wait, at most four times that."""

    def __init__(self, rate):
        self._seconds = 1 / float(rate)
        self._waiting = deque()
        self._task = None

    async def serve(self):
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        await done
        return 200

    async def _work(self):
        at = time.monotonic()
        while self._waiting:
            at = max(at, time.monotonic() - 0.05) + self._seconds * min(4.0, max(1.0, len(self._waiting) / 20))
            await asyncio.sleep(at - time.monotonic())
            done = self._waiting.popleft()
            if not done.done():
                done.set_result(None)


class Break:
    def __init__(self, users):
        self._most = int(users)
        self._here = 0

    async def serve(self):
        self._here += 1
        try:
            broken = self._here > self._most
            await asyncio.sleep(0.005)
            return 500 if broken else 200
        finally:
            self._here -= 1


class FailsAfter:
    def __init__(self, seconds):
        self._seconds = float(seconds)
        self._ends_at = None

    async def serve(self):
        now = time.monotonic()
        self._ends_at = self._ends_at or now + self._seconds
        return 200 if now < self._ends_at else 500


class Fast:
    async def serve(self):
        return 200


KINDS = {
    "workers": Workers,
    "mm1": MM1,
    "bucket": Bucket,
    "collapse": Collapse,
    "break": Break,
    "fails_after": FailsAfter,
    "fast": Fast,
}
REASONS = {200: b"OK", 500: b"Internal Server Error", 503: b"Service Unavailable"}


class Connection(asyncio.Protocol):
    def __init__(self, model):
        self._model = model
        self._data = b""
        self._tasks = set()

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._data += data
        while b"\r\n\r\n" in self._data:
            _, _, self._data = self._data.partition(b"\r\n\r\n")
            task = asyncio.ensure_future(self._answer())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self):
        status = await self._model.serve()
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                % (status, REASONS[status])
            )


async def main(kind, *arguments):
    loop = asyncio.get_running_loop()
    model = KINDS[kind](*arguments)
    server = await loop.create_server(lambda: Connection(model), "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
