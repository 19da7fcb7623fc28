"""The request event is Locust's for every listener but Locust's own statistics; the meter hears of all, and last."""

from __future__ import annotations

import logging
import os
from types import SimpleNamespace

import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    import locust.log
    from locust.env import Environment
    from locust.event import EventHook, Events
    from locust.exception import (
        InterruptTaskSet,
        RescheduleTask,
        RescheduleTaskImmediately,
        StopTest,
        StopUser,
    )

    from loadproof.http.event import RequestEvent
    from loadproof.load.measure import Meter, RowPolicy

NINE = {
    "request_type": "GET", "name": "home", "response_time": 12.5, "response_length": 3, "response": object(),
    "context": {"a": 1}, "exception": None, "start_time": 1_700_000_000.0, "url": "http://shop/",
}  # fmt: skip


class Sink:
    def __init__(self, heard=None):
        self.heard = [] if heard is None else heard

    def on_request(self, **fields):
        self.heard.append(("sink", fields))

    def on_answer(self, answer):
        self.heard.append(("answer", answer))


@pytest.fixture(autouse=True)
def no_unhandled(monkeypatch):
    monkeypatch.setattr(locust.log, "unhandled_greenlet_exception", False)


@pytest.fixture
def runner_of():
    runners = []

    def made(event, **more):
        events = Events()
        events.request = event
        environment = Environment(events=events, **more)
        runners.append(environment.create_local_runner())
        return environment

    yield made
    for runner in runners:
        runner.greenlet.kill(block=False)


def listener(heard, name, error=None):
    def hear(**fields):
        heard.append((name, fields))
        if error is not None:
            raise error

    return hear


def test_the_standard_library_of_this_process_is_not_patched():
    from gevent import monkey

    assert not monkey.is_module_patched("socket") or "PYTEST_XDIST_WORKER" in os.environ


@pytest.mark.parametrize("reverse", [False, True])
def test_listeners_hear_all_arguments_in_order_and_then_the_sink(reverse):
    heard, by_locust = [], []
    event, theirs = RequestEvent(), EventHook()
    event.measure_by(Sink(heard))
    for name in ("first", "second", "third"):
        event.add_listener(listener(heard, name))
        theirs.add_listener(listener(by_locust, name))
    event.fire(reverse=reverse, **NINE)
    theirs.fire(reverse=reverse, **NINE)
    assert heard == [*by_locust, ("sink", NINE)]
    assert len(by_locust) == 3
    assert all(fields[name] is value for _, fields in heard for name, value in NINE.items())


def test_locusts_own_listener_is_turned_away(runner_of):
    event = RequestEvent()
    environment = runner_of(event)
    assert event.replaced
    assert event._handlers == []
    event.fire(**NINE)
    assert environment.stats.total.num_requests == 0


def test_locusts_own_event_counts_what_ours_leaves_to_the_meter(runner_of):
    assert runner_of(theirs := EventHook()).stats.total.num_requests == 0
    environment = runner_of(event := EventHook())
    event.fire(**NINE)
    assert environment.stats.total.num_requests == 1
    assert len(theirs._handlers) == 1


def test_a_listener_of_the_script_with_the_same_name_is_heard(runner_of):
    event = RequestEvent()
    heard = []

    def on_request(request_type, name, **_):
        heard.append((request_type, name))

    assert event.add_listener(on_request) is on_request
    runner_of(event)
    event.fire(**NINE)
    assert heard == [("GET", "home")]
    assert event._handlers == [on_request]


def test_where_locust_counts_elsewhere_its_listener_is_one_of_the_others(runner_of):
    event = RequestEvent()
    environment = runner_of(EventHook())
    (counts,) = environment.events.request._handlers
    counts.__qualname__ = "Runner.__init__.<locals>.on_request_of_a_new_locust"
    event.measure_by(sink := Sink())
    event.add_listener(counts)
    assert (event.replaced, event.unheard) == (False, False)
    event.fire(**NINE)
    assert environment.stats.get("home", "GET").num_requests == 1
    assert len(sink.heard) == 1


@pytest.mark.parametrize(("kind", "fed"), [(RequestEvent, 1), (EventHook, 0)])
def test_locusts_statistics_are_fed_only_where_its_listener_was_turned_away(runner_of, kind, fed):
    from loadproof.load.engine import Engine

    if kind is RequestEvent:
        environment = runner_of(RequestEvent())
        event = environment.events.request
    else:
        event = RequestEvent()
        environment = runner_of(EventHook())
        environment.events.request = event
    meter = Meter("w", RowPolicy("none"), lambda *_: None)
    Engine._listen(SimpleNamespace(_listening=False, _meter=meter), environment)
    assert event.sink is meter
    event.fire(**NINE)
    assert environment.stats.total.num_requests == fed


@pytest.mark.parametrize("error", [ValueError("no"), KeyError(), AssertionError(), RuntimeError("two\nlines")])
def test_an_error_in_a_listener_is_logged_and_the_others_hear(error, caplog):
    def heard_by(event, told):
        heard = []
        locust.log.unhandled_greenlet_exception = False
        caplog.clear()
        for name, raised in (("first", None), ("broken", error), ("last", None)):
            event.add_listener(listener(heard, name, raised))
        told(heard)
        with caplog.at_level(logging.DEBUG):
            event.fire(**NINE)
        records = [(r.levelno, r.name, r.getMessage().partition("\n")[0]) for r in caplog.records]
        return [name for name, _ in heard], records, locust.log.unhandled_greenlet_exception

    event = RequestEvent()
    names, records, unhandled = heard_by(event, lambda heard: event.measure_by(Sink(heard)))
    assert names == ["first", "broken", "last", "sink"]
    theirs = heard_by(EventHook(), lambda _: None)
    assert (names[:-1], records, unhandled) == theirs
    assert records == [(logging.ERROR, "root", "Uncaught exception in event handler: ")]
    assert unhandled is True


@pytest.mark.parametrize(
    "error",
    [StopUser(), StopTest(), RescheduleTask(), RescheduleTaskImmediately(), InterruptTaskSet(), KeyboardInterrupt()],
)
def test_a_control_exception_leaves_the_event_and_the_request_uncounted(error):
    event = RequestEvent()
    event.measure_by(sink := Sink())
    heard = []
    event.add_listener(listener(heard, "stops", error))
    event.add_listener(listener(heard, "late"))
    with pytest.raises(type(error)) as raised:
        event.fire(**NINE)
    assert raised.value is error
    assert [name for name, _ in heard] == ["stops"]
    assert sink.heard == []
    assert locust.log.unhandled_greenlet_exception is False


def test_an_error_in_the_sink_is_logged_like_a_listeners(caplog):
    event = RequestEvent()
    event.measure_by(SimpleNamespace(on_request=listener([], "sink", ValueError("full"))))
    event.fire(**NINE)
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "root")
    assert record.getMessage().startswith("Uncaught exception in event handler: \n")
    assert "ValueError: full" in record.getMessage()
    assert locust.log.unhandled_greenlet_exception is True


def test_only_an_event_with_a_sink_and_no_listener_is_unheard():
    event = RequestEvent()
    assert not event.unheard
    hear = event.add_listener(lambda **_: None)
    event.remove_listener(hear)
    assert not event.unheard
    event.add_listener(hear)
    event.measure_by(Sink())
    assert not event.unheard
    event.remove_listener(hear)
    assert event.unheard
    event.add_listener(hear)
    event.add_listener(hear)
    event.remove_listener(hear)
    assert not event.unheard
    event.remove_listener(hear)
    assert event.unheard


def test_an_event_without_a_sink_is_heard_once_it_has_one():
    event = RequestEvent()
    event.fire(**NINE)
    event.measure_by(sink := Sink())
    event.fire(**NINE)
    assert sink.heard == [("sink", NINE)]
    assert event.unheard


def test_locusts_listener_does_not_make_an_event_heard(runner_of):
    event = RequestEvent()
    event.measure_by(Sink())
    runner_of(event)
    assert event.unheard


def test_removing_who_does_not_listen_is_the_same_error():
    with pytest.raises(ValueError):
        EventHook().remove_listener(print)
    with pytest.raises(ValueError):
        RequestEvent().remove_listener(print)


def test_who_comes_or_goes_while_the_event_is_told_counts_from_the_next_on():
    seen = []
    for event in (RequestEvent(), EventHook()):
        heard = []
        late = listener(heard, "late")

        def leaves(event=event, heard=heard, late=late, **_):
            heard.append(("leaves", None))
            event.remove_listener(event._handlers[0])
            event.add_listener(late)

        event.add_listener(leaves)
        event.add_listener(listener(heard, "stays"))
        event.fire(**NINE)
        event.fire(**NINE)
        seen.append([name for name, _ in heard])
    assert seen[0] == seen[1] == ["leaves", "stays", "stays", "late"]


def test_what_is_measured_in_a_block_reaches_listeners_and_sink():
    event = RequestEvent()
    heard = []
    event.add_listener(listener(heard, "listener"))
    event.measure_by(Sink(heard))
    with event.measure("OWN", "step", response_length=7) as meta:
        meta["url"] = "own://x"
    with event.measure("OWN", "broken"):
        raise ValueError("no")
    assert [(who, f["name"], f["response_length"]) for who, f in heard] == [
        ("listener", "step", 7), ("sink", "step", 7), ("listener", "broken", 0), ("sink", "broken", 0),
    ]  # fmt: skip
    assert heard[1][1]["url"] == "own://x"
    assert isinstance(heard[3][1]["exception"], ValueError)
    assert heard[3][1]["response_time"] >= 0


def test_fields_that_locust_does_not_know_reach_the_sink():
    event = RequestEvent()
    event.measure_by(sink := Sink())
    event.fire(**NINE, own="field")
    assert sink.heard == [("sink", {**NINE, "own": "field"})]
