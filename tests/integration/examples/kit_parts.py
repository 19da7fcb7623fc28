"""A suite that uses each part of the kit once, and notes what each of its processes got of it."""

import json
import os
import time

import gevent
from locust import HttpUser, constant, events, task

from loadproof.kit.accounts import AccountPool
from loadproof.kit.coordination import Quota, is_leader, share
from loadproof.kit.expectations import Expectation
from loadproof.kit.feeders import Feeder
from loadproof.kit.phases import Phase, Phases
from loadproof.kit.polling import PollFailed, flow, poll

ACCOUNTS = AccountPool(os.environ["KIT_ACCOUNTS"])
ROWS = Feeder([{"row": number} for number in range(5000)])
KAFKAS = Quota("kafkas", per_worker=5)
PRIZES = Quota("prizes", total=7)
PHASES = Phases([Phase("begin", until=1), Phase("mix"), Phase("end", before_end=1)])
SIGN_UP = Expectation(ok={201}, expected={409: "the name is already used"})
READY = Expectation(ok={200}, check=lambda response: None if response.json()["ok"] else "it is not ok")


def note(kind, value):
    line = json.dumps({"process": os.getpid(), "kind": kind, "value": value}) + "\n"
    file = os.open(os.environ["KIT_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)


@events.test_start.add_listener
def begin(environment, **_):
    note("began at", time.monotonic())
    if share().rank >= 0:
        note("share", [share().rank, share().of])
    if is_leader():
        note("leader", os.getpid())


class Shopper(HttpUser):
    wait_time = constant(0.05)

    def context(self):
        return {"shop": 7}

    def on_start(self):
        note("account", ACCOUNTS.take(self)["name"])
        gevent.joinall([gevent.spawn(self.create) for _ in range(20)], raise_error=True)
        while PRIZES.take():
            note("prize", 1)

    def create(self):
        if KAFKAS.take():
            READY.send(self.client.post, "/slow/150", name="create")
            note("kafka", 1)

    @task
    def shop(self):
        note("row", ROWS.next()["row"])
        note("phase", [time.monotonic(), PHASES.now()])
        SIGN_UP.send(self.client.post, "/status/409", name="sign up")
        SIGN_UP.send(self.client.post, "/status/500", name="broken")
        left = iter([None, None, "there"])
        with flow("checkout"):
            poll(lambda: self.look() and next(left), timeout=20, interval=0.02)
        with flow("late mail", kind="MAIL"):
            poll(lambda: None, timeout=0.05, interval=0.02)
        with flow("lost"):
            poll(self.find_failed, timeout=5)

    def look(self):
        with self.client.get("/slow/5", name="look", catch_response=True) as response:
            return READY.judge(response) == "success"

    def find_failed(self):
        raise PollFailed("state FAILED")


class Patient(HttpUser):
    fixed_count = 1

    @task
    def wait_for_ever(self):
        note("began", 1)
        with flow("endless"):
            gevent.sleep(600)
