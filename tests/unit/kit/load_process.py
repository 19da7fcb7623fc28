"""Load processes as the kit sees them: Locust's runners without their sockets, all in one process."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from locust.runners import MasterRunner, WorkerRunner

    from loadproof.kit import coordination
    from loadproof.kit.coordination import OPTION, Share, _Place


class Worker(WorkerRunner):
    def __init__(self, name):
        self.client_id = name
        self.custom_messages = {}
        self.sent = []

    def __del__(self):
        pass  # Locust's would close what was never opened

    def send_message(self, msg_type, data):
        self.sent.append((msg_type, data))


class Master(MasterRunner):
    def __init__(self, *workers):
        self.worker_indexes = {}
        self.worker_index_max = 0
        self.custom_messages = {}
        for worker in workers:
            self.get_worker_index(worker)
        nodes = [SimpleNamespace(id=worker) for worker in workers]
        self.clients = SimpleNamespace(ready=nodes[1::2], running=nodes[0::2], spawning=[])

    def __del__(self):
        pass  # see Worker


def environment(runner=None, **options):
    return SimpleNamespace(runner=runner, parsed_options=SimpleNamespace(**options), shape_class=None)


def started(master, *workers, **options):
    """The places of a master and of its workers, once a test has begun."""
    of_master = _Place()
    there = environment(master, worker=False, **options)
    of_master.on_test_start(there)
    said = getattr(there.parsed_options, OPTION)
    of_workers = []
    for worker in workers:
        place = _Place()
        place.on_test_start(environment(Worker(worker), worker=True, **{OPTION: said}))
        of_workers.append(place)
    return of_master, of_workers


@contextmanager
def process(rank, of, *, test=1):
    """Be one of the load processes for a while."""
    before = vars(coordination.place).copy()
    coordination.place.share, coordination.place.number = Share(rank, of), test
    try:
        yield
    finally:
        vars(coordination.place).update(before)
