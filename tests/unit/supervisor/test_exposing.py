"""The metrics of a run from its start to its last scrape."""

from __future__ import annotations

import signal
import socket
import threading
import time
import urllib.request

import pytest

from commandline import wait_for
from loadproof.errors import UsageError
from loadproof.plan import LocustTarget, Plan
from loadproof.supervisor.exposing import Exposing
from loadproof.supervisor.observer import StopSignal
from results_factory import result_of, sample

RESULT = result_of([sample("/read", status=200)], unfinished=7)


def plan(**fields):
    return Plan(name="shop", target=LocustTarget(locustfile="x.py"), **{"metrics_port": 0} | fields)


def scrape(exposing):
    began = time.monotonic()
    with urllib.request.urlopen(exposing.url, timeout=5) as answer:
        said = answer.read().decode()
    wait_for(lambda: exposing._server.scraped_since(began))  # it is noted once the answer has left
    return said


def timed(call, *arguments):
    began = time.monotonic()
    call(*arguments)
    return time.monotonic() - began


def test_a_plan_without_a_port_opens_none_and_waits_for_nobody():
    said = []
    with Exposing(plan(metrics_port=None)) as exposing:
        assert exposing.url is None
        exposing.stopped()
        exposing.finished(RESULT)
        assert timed(exposing.linger, RESULT, said.append, None) < 0.2
    assert said == []


def test_a_taken_port_is_said_with_what_to_try_before_anything_is_started():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as caught:
            Exposing(plan(metrics_port=port, sources={"metrics_port": "LOADPROOF_METRICS_PORT"}))
    (problem,) = caught.value.problems
    assert (problem.slug, problem.where) == ("metrics-port", "LOADPROOF_METRICS_PORT")
    assert f"port {port} of 127.0.0.1 cannot be opened" in problem.what
    assert "--metrics-port" in problem.hint


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host", "a" * 300])
def test_an_address_that_is_none_of_this_machine_is_a_usage_error(host):
    with pytest.raises(UsageError, match="metrics-port"):
        Exposing(plan(metrics_host=host))


def test_the_port_is_free_again_afterwards_even_at_once():
    with Exposing(plan()) as exposing:
        port = int(exposing.url.rpartition(":")[2].partition("/")[0])
        scrape(exposing)
    for _ in range(3):
        with Exposing(plan(metrics_port=port)) as exposing:
            scrape(exposing)


def test_nobody_waits_where_nobody_ever_scraped_unless_the_user_says_so():
    said = []
    with Exposing(plan()) as exposing:
        exposing.finished(RESULT)
        assert timed(exposing.linger, RESULT, said.append, None) < 0.2
    assert said == []
    with Exposing(plan(metrics_grace=0.5)) as exposing:
        exposing.finished(RESULT)
        assert 0.3 < timed(exposing.linger, RESULT, said.append, None) < 2
    assert "stays open for one more scrape, 0.5 s at most (Ctrl-C ends this)" in said[0]


def test_one_more_scrape_ends_the_wait_and_sees_the_verdicts():
    with Exposing(plan()) as exposing:
        scrape(exposing)
        exposing.finished(RESULT)
        seen = []
        late = threading.Timer(0.5, lambda: seen.append(scrape(exposing)))
        late.start()
        assert 0.3 < timed(exposing.linger, RESULT, lambda _: None, None) < 5
        late.join()
    with Exposing(plan()) as exposing:
        scrape(exposing)
        exposing.finished(RESULT)
        scrape(exposing)
        assert timed(exposing.linger, RESULT, pytest.fail, None) < 0.2, "that was it already"
    assert "perf_test_running 0.0" in seen[0]


def test_a_wait_that_is_zero_is_none():
    with Exposing(plan(metrics_grace=0)) as exposing:
        scrape(exposing)
        exposing.finished(RESULT)
        assert timed(exposing.linger, RESULT, pytest.fail, None) < 0.2


def test_ctrl_c_ends_the_wait():
    stop = StopSignal()
    with Exposing(plan(metrics_grace=30)) as exposing:
        exposing.finished(RESULT)
        threading.Timer(0.3, stop.request, [signal.SIGINT]).start()
        assert timed(exposing.linger, RESULT, lambda _: None, stop) < 5
    stop.close()


@pytest.mark.parametrize("code", [130, 143])
def test_a_run_that_was_interrupted_waits_no_more(code):
    with Exposing(plan(metrics_grace=30)) as exposing:
        exposing.finished(RESULT)
        interrupted = result_of([sample()], abort="interrupted by Ctrl-C", abort_code=code)
        assert timed(exposing.linger, interrupted, pytest.fail, None) < 0.2
