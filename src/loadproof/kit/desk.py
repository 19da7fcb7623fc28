"""Asks the one process that all load processes share, and answers there: the master, or the only process.

A question goes to the master as Locust's message ``kit_ask`` and comes back as ``kit_answer``; what needs no answer
goes the same way. Messages of one worker keep their order.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import gevent
import locust
from gevent.event import AsyncResult
from locust.runners import MasterRunner, WorkerRunner

from loadproof.kit.coordination import place
from loadproof.kit.errors import KitError

if TYPE_CHECKING:
    from collections.abc import Callable

_ASK = "kit_ask"
_ANSWER = "kit_answer"
_TIMEOUT = 10.0
_STOP = "stop"

_answers: dict[str, Callable[[Any, str], Any]] = {}
_waiting: dict[int, AsyncResult] = {}
_numbers = itertools.count(1)


def answer_by(topic: str, function: Callable[[Any, str], Any]) -> None:
    """Say who answers questions on a topic, in every process alike, as any may be the one that is asked.

    Args:
        topic: What it is about.
        function: Takes the question and a name of the process that asks; gives the answer. It must not wait. Questions
            and answers are values that msgpack takes.
    """
    _answers[topic] = function


def ask(topic: str, question: Any) -> Any:
    """Ask, and wait for the answer.

    Raises:
        KitError: The master does not answer.
    """
    runner = _runner()
    if not isinstance(runner, WorkerRunner):
        return _answers[topic](question, "")
    if _ANSWER not in runner.custom_messages:
        runner.register_message(_ANSWER, _on_answer)
    number = next(_numbers)
    waiting = _waiting[number] = AsyncResult()
    try:
        runner.send_message(_ASK, {"number": number, "topic": topic, "question": question})
        answer = waiting.wait(timeout=_TIMEOUT)
    finally:
        del _waiting[number]
    if waiting.ready():
        return answer
    message = f"the master did not answer the kit's question on {topic!r} within {_TIMEOUT:g} s"
    hint = "import what you use of loadproof.kit at the top of the locustfile; see whether the master is overloaded"
    raise KitError(message, slug="no-answer", hint=hint)


def tell(topic: str, fact: Any) -> None:
    """Tell the one that would answer; its answer, if any, is dropped."""
    runner = _runner()
    if isinstance(runner, WorkerRunner):
        runner.send_message(_ASK, {"number": 0, "topic": topic, "question": fact})
    else:
        _answers[topic](fact, "")


def stop_run() -> None:
    """End the test everywhere, and the process where there is no web interface. Returns at once."""
    tell(_STOP, None)


def _runner() -> Any:
    return None if place.environment is None else place.environment.runner


def _stop(_question: Any, _who: str) -> None:
    environment = place.environment
    if environment is None or environment.runner is None:
        return
    headless = getattr(environment.parsed_options, "headless", True)
    gevent.spawn(environment.runner.quit if headless else environment.runner.stop)


answer_by(_STOP, _stop)


def _on_ask(environment: Any, msg: Any) -> None:
    """On the master: answer a worker."""
    data = msg.data
    answer = _answers[data["topic"]](data["question"], msg.node_id)
    if data["number"]:
        reply = {"number": data["number"], "answer": answer}
        environment.runner.send_message(_ANSWER, reply, client_id=msg.node_id)


def _on_answer(environment: Any, msg: Any) -> None:  # noqa: ARG001 - Locust calls by keyword
    """On a worker: hand on an answer to whoever still waits for it."""
    waiting = _waiting.get(msg.data["number"])
    if waiting is not None:
        waiting.set(msg.data["answer"])


def _listen(environment: Any, **_: object) -> None:
    runner = environment.runner
    if isinstance(runner, MasterRunner) and _ASK not in runner.custom_messages:
        runner.register_message(_ASK, _on_ask)


locust.events.init.add_listener(_listen)
