"""What an answer is judged to be, and how often one is asked for again."""

from __future__ import annotations

import pytest

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    import requests
    from locust.clients import ResponseContextManager
    from locust.event import EventHook
    from locust.exception import StopUser

    from loadproof.kit import expectations
    from loadproof.kit.expectations import Expectation, Judged

SHARED = {}
"""Locust gives this one context to all requests of a session without a user."""


class Service:
    """Answers as it is told, through Locust's own class of responses; keeps what was told of them."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.told = []
        self.event = EventHook()
        self.event.add_listener(lambda **fields: self.told.append(fields))

    def post(self, path, *, catch_response, name=None):
        assert catch_response
        status, body, headers = (*self.answers.pop(0), {})[:3]
        response = requests.Response()
        response.status_code, response._content, response.error = status, body, None
        response.headers.update(headers)
        if not status:
            response.error = ConnectionRefusedError(111, "Connection refused")
        meta = {"name": name or path, "context": SHARED, "response": response, "exception": None}
        return ResponseContextManager.wrap_response(
            response, request_event=self.event, request_meta=meta, catch_response=True
        )


def judged(expectation, status, body=b"{}"):
    """Outcome of one answer, what Locust was told as its exception, and the context."""
    service = Service((status, body))
    with service.post("/things", catch_response=True) as response:
        outcome = expectation.judge(response)
    (told,) = service.told
    return outcome, told["exception"], told["context"]


@pytest.fixture
def pauses(monkeypatch):
    slept = []
    monkeypatch.setattr(expectations.gevent, "sleep", slept.append)
    return slept


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_answers_of_200_to_299_are_right_unless_said_otherwise(status):
    assert judged(Expectation(), status) == ("success", None, {})


@pytest.mark.parametrize("status", [301, 401, 404, 409, 429, 500, 503])
def test_every_other_answer_is_a_failure(status):
    outcome, error, context = judged(Expectation(), status)
    assert outcome == "failure"
    assert str(error) == f"HTTP {status}, expected 200 to 299: {{}}"
    assert context == {}


def test_an_expected_conflict_is_told_apart_and_is_no_failure():
    expectation = Expectation(ok={201}, expected={409: "the name is already used"})
    outcome, error, context = judged(expectation, 409)
    assert (outcome, error) == ("expected", None)
    assert context == {"outcome": "expected", "why": "the name is already used"}
    assert SHARED == {}  # the next request has none of it
    assert judged(expectation, 200)[0] == "failure"


def test_the_only_right_answer_may_be_a_refusal():
    assert judged(Expectation(ok={401}), 401)[:2] == ("success", None)
    assert str(judged(Expectation(ok={401}), 200)[1]) == "HTTP 200, expected 401: {}"


def test_a_failure_shows_the_first_of_the_body_without_secrets_on_one_line():
    body = b'{"token": "s3cret-value",\n "detail": "' + b"x" * 5000 + b'"}'
    error = str(judged(Expectation(), 500, body)[1])
    assert error.startswith('HTTP 500, expected 200 to 299: {"token": "***", "detail": "xxx')
    assert len(error) < 150
    assert "\n" not in error
    assert "s3cret" not in error


@pytest.mark.parametrize("body", [b"", None, False])
def test_a_body_that_is_not_there_is_not_shown(body):
    assert str(judged(Expectation(), 500, body)[1]) == "HTTP 500, expected 200 to 299"


def test_a_body_that_is_no_text_does_no_harm():
    assert str(judged(Expectation(), 500, b"\xff\xfe")[1]).endswith(": ��")


def test_no_answer_is_a_failure_of_its_own_kind():
    outcome, error, _ = judged(Expectation(), 0, None)
    assert outcome == "failure"
    assert isinstance(error, ConnectionRefusedError)


def test_a_check_says_what_is_wrong_with_an_answer():
    expectation = Expectation(
        check=lambda response: None if response.json()["state"] == "ok" else "token=abc is not ok"
    )
    assert judged(expectation, 200, b'{"state": "ok"}')[0] == "success"
    outcome, error, _ = judged(expectation, 200, b'{"state": "lost"}')
    assert (outcome, str(error)) == ("failure", "token=*** is not ok")


@pytest.mark.parametrize(("body", "kind"), [(b"{}", "KeyError"), (b"<html>", "JSONDecodeError")])
def test_an_answer_that_its_check_cannot_read_is_a_failure_and_not_the_end_of_the_task(body, kind):
    outcome, error, _ = judged(Expectation(check=lambda response: response.json()["state"]), 200, body)
    assert outcome == "failure"
    assert f"the check of the answer raised {kind}" in str(error)


def test_a_check_may_stop_the_user_and_then_nothing_is_counted():
    def leave(_response):
        raise StopUser

    service = Service((200, b"{}"))
    with pytest.raises(StopUser), service.post("/things", catch_response=True) as response:
        Expectation(check=leave).judge(response)
    assert service.told == []


def test_a_check_looks_at_right_statuses_only():
    expectation = Expectation(ok={200}, expected={409: "taken"}, check=lambda _: pytest.fail("it looked"))
    assert judged(expectation, 409)[0] == "expected"
    assert judged(expectation, 500)[0] == "failure"


@pytest.mark.parametrize(
    ("statuses", "said"),
    [({200}, "200"), ({200, 201}, "200 to 201"), ({200, 204, 404}, "200, 204 or 404"), (set(), "another one")],
)
def test_statuses_are_listed_as_people_write_them(statuses, said):
    assert str(judged(Expectation(ok=statuses), 500, b"")[1]) == f"HTTP 500, expected {said}"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ok": {409}, "expected": {409: "taken"}},
        {"ok": {429}, "retry_on": {429}},
        {"expected": {409: "taken"}, "retry_on": {409}},
        {"attempts": 0},
        {"pause": 0},
        {"longest_pause": 0},
    ],
)
def test_expectations_that_contradict_themselves_are_refused(wrong):
    with pytest.raises(ValueError, match=r"cannot be both|must be at least"):
        Expectation(**wrong)


def test_an_expectation_cannot_be_changed_by_what_it_was_made_from():
    ok, expected = {200}, {409: "taken"}
    expectation = Expectation(ok=ok, expected=expected)
    ok.add(500)
    expected[500] = "so be it"
    assert judged(expectation, 500)[0] == "failure"


def test_a_request_is_sent_once_where_nothing_says_again(pauses):
    service = Service((503, b""), (200, b""))
    answer = Expectation().send(service.post, "/things", name="create")
    assert (answer.outcome, answer.attempts, answer.response.status_code) == ("failure", 1, 503)
    assert [told["name"] for told in service.told] == ["create"]
    assert pauses == []


def test_it_is_sent_again_with_growing_pauses_and_every_attempt_is_counted(pauses):
    service = Service((429, b""), (0, None), (201, b""))
    answer = Expectation(ok={201}, retry_on={429, 0}).send(service.post, "/things")
    assert (answer.outcome, answer.attempts) == ("success", 3)
    assert [told["exception"] is None for told in service.told] == [False, False, True]
    assert pauses == [1, 2]
    assert isinstance(answer, Judged)


def test_it_gives_up_after_so_many_attempts(pauses):
    service = Service(*[(503, b"")] * 9)
    answer = Expectation(retry_on={503}, attempts=5, pause=3, longest_pause=10).send(service.post, "/things")
    assert (answer.outcome, answer.attempts, len(service.told)) == ("failure", 5, 5)
    assert pauses == [3, 6, 10, 10]


@pytest.mark.parametrize(
    ("said", "waited"), [("5", 5), ("0", 1), ("3600", 30), ("Fri, 31 Dec 1999 23:59:59 GMT", 1), ("²", 1)]
)
def test_a_service_may_ask_for_a_longer_pause(pauses, said, waited):
    service = Service((429, b"", {"Retry-After": said}), (200, b""))
    assert Expectation(retry_on={429}).send(service.post, "/things").outcome == "success"
    assert pauses == [waited]
