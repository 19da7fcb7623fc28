"""``python -m loadproof.load``: the process that makes the load. The supervisor starts it; people do not."""

from __future__ import annotations

import gc
import os
import socket
import sys

from loadproof.load.frames import FD_VARIABLE, Job, Unpacker
from loadproof.load.job import set_job


def main() -> int:
    """Read the job from the wire, put our sessions under Locust's users, and run."""
    fd = int(os.environ.pop(FD_VARIABLE))
    os.set_inheritable(fd, False)  # noqa: FBT003 - its signature
    job = _read_job(fd)
    set_job(job)

    import locust  # noqa: PLC0415 - patches the standard library: before anything else that uses sockets

    from loadproof.http import session  # noqa: PLC0415
    from loadproof.http.event import RequestEvent  # noqa: PLC0415
    from loadproof.load import default_options, waiting  # noqa: PLC0415

    locust.events.request = RequestEvent()
    # A collection of the youngest for each 700 objects, as Python has it, takes a tenth of the time of a request.
    gc.set_threshold(10_000, 20, 20)
    session.install(job["client"])
    waiting.install()
    default_options.install()
    from loadproof.load.engine import run  # noqa: PLC0415

    return run(job, fd)


def _read_job(fd: int) -> Job:
    wire = socket.socket(fileno=fd)
    frames = Unpacker()
    try:
        while data := wire.recv(65536):
            for kind, payload in frames.feed(data):
                if kind == "job":
                    job: Job = payload
                    return job
    finally:
        wire.detach()
    sys.exit("loadproof.load: the supervisor is gone")


if __name__ == "__main__":
    sys.exit(main())
