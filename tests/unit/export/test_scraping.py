"""The port of the metrics: answers, slow scrapers, what is taken."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest

from commandline import wait_for
from loadproof.export.prometheus import RunMetrics
from loadproof.export.scraping import ScrapeServer
from loadproof.record import Recorder
from results_factory import sample


@contextmanager
def serving(render, host="127.0.0.1"):
    server = ScrapeServer(host, 0, render)
    try:
        yield server
    finally:
        server.close()


def ask(server, path="/metrics", method="GET", **headers):
    address = urlsplit(server.url)
    with closing(http.client.HTTPConnection(address.hostname, address.port, timeout=5)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()


def plain(_accept):
    return b"perf_test_running 1\n", "text/plain"


def test_a_scrape_is_answered_in_the_format_asked_for_and_remembered():
    metrics = RunMetrics()
    with serving(metrics.render) as server:
        assert not server.was_scraped
        status, headers, body = ask(server)
        assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert b"perf_test_running 0" in body
        wait_for(lambda: server.was_scraped)  # it is noted once the answer has left
        _, headers, body = ask(server, Accept="application/openmetrics-text; version=1.0.0")
        assert headers["Content-Type"].startswith("application/openmetrics-text")
        assert body.endswith(b"# EOF\n")


def test_long_answers_are_zipped_for_those_who_take_it():
    text = b"perf_test_users 1\n" * 1000
    with serving(lambda _: (text, "text/plain")) as server:
        _, headers, body = ask(server, **{"Accept-Encoding": "gzip"})
        assert headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(body) == text
        assert ask(server)[2] == text


def test_another_path_says_where_to_look_and_is_no_scrape():
    with serving(plain) as server:
        status, _, body = ask(server, "/")
        assert (status, body) == (404, b"The metrics are at /metrics.\n")
        assert ask(server, method="POST")[0] == 501
        assert not server.was_scraped


def test_only_a_scrape_that_began_late_enough_counts_as_one_of_the_end():
    gate = threading.Event()

    def slow(_accept):
        gate.wait(5)
        return plain("")

    with serving(slow) as server:
        thread = threading.Thread(target=ask, args=(server,))
        thread.start()
        time.sleep(0.2)
        over_at = time.monotonic()
        gate.set()
        thread.join()
        wait_for(lambda: server.was_scraped)  # it is noted once the answer has left
        assert not server.scraped_since(over_at)
        ask(server)
        wait_for(lambda: server.scraped_since(over_at))


def test_it_listens_on_ipv6_too():
    try:
        with serving(plain, "::1") as server:
            assert server.url.startswith("http://[::1]:")
            assert ask(server)[0] == 200
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


def test_nobody_who_does_not_read_holds_up_the_run_or_the_next_scraper():
    metrics, recorder = RunMetrics(), Recorder("1")
    metrics.begin({"test_name": "x" * 30_000_000})  # more than sockets buffer
    address = None
    with serving(metrics.render) as server:
        address = urlsplit(server.url)
        lazy = [socket.create_connection((address.hostname, address.port)) for _ in range(3)]
        for each in lazy:
            each.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.5)
        longest = 0.0
        for _ in range(50):
            recorder.record(sample("/read"))
            began = time.monotonic()
            metrics.add(recorder.interval({}))
            longest = max(longest, time.monotonic() - began)
        assert longest < 0.3
        metrics.begin({"test_name": "short"})
        began = time.monotonic()
        assert ask(server)[0] == 200
        assert time.monotonic() - began < 2
        assert not server.scraped_since(time.monotonic())
        for each in lazy:
            each.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=1)


def test_many_who_say_nothing_are_turned_away_and_the_thread_count_stays_bounded():
    before = threading.active_count()
    with serving(plain) as server:
        address = urlsplit(server.url)
        silent = [socket.create_connection((address.hostname, address.port)) for _ in range(40)]
        time.sleep(0.5)
        assert threading.active_count() - before <= 9
        for each in silent:
            each.close()
        time.sleep(0.5)
        assert ask(server)[0] == 200
