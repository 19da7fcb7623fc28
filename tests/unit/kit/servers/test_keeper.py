"""Keeping one token on a clock that only the test moves."""

from __future__ import annotations

import base64
import json
import threading

import pytest

from loadproof.kit.servers.keeper import (
    FORCED_APART,
    Backoff,
    Grant,
    Keeper,
    Kept,
    NotObtainedError,
    expiry_of,
    fingerprint,
    is_sendable,
)


class Source:
    """Gives out t1, t2, ...; what stands in ``answers`` comes first."""

    def __init__(self, lifetime=100.0):
        self.now = 0.0
        self.calls = 0
        self.lifetime = lifetime
        self.answers = []

    def clock(self):
        return self.now

    def __call__(self):
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else Grant(f"t{self.calls}", self.lifetime)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def keeper(source):
    return Keeper(source, leeway=30.0, backoff=Backoff(first=1.0, longest=8.0), clock=source.clock, draw=lambda: 0.0)


def jwt(**claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.signature"


def test_a_token_is_kept_until_the_leeway_and_renewed_then(source, keeper):
    assert keeper.current().token == "t1"
    source.now = 69.9
    assert keeper.current().token == "t1"
    source.now = 70.0
    assert keeper.current().token == "t2"
    assert source.calls == 2


def test_a_token_that_lives_shorter_than_the_leeway_is_kept_for_half_of_its_life(source, keeper):
    source.lifetime = 20.0
    keeper.current()
    source.now = 9.9
    assert keeper.current().token == "t1"
    source.now = 10.0
    assert keeper.current().token == "t2"


def test_a_token_without_expiry_is_kept_until_it_is_refused(source, keeper):
    source.lifetime = None
    keeper.current()
    source.now = 1e9
    assert keeper.current().token == "t1"
    assert keeper.renew("t1").token == "t2"


def test_a_token_that_is_worth_nothing_on_arrival_does_not_make_it_ask_in_a_loop(source, keeper):
    source.lifetime = 0.0
    assert keeper.current().token == "t1"
    assert source.calls == 1


def test_while_the_source_is_down_a_valid_token_is_served_and_nobody_asks_before_the_backoff_ends(source, keeper):
    keeper.current()
    source.now = 75.0
    source.answers = [NotObtainedError("down"), NotObtainedError("down")]
    assert [keeper.current().token for _ in range(20)] == ["t1"] * 20
    assert source.calls == 2
    source.now = 76.0  # the first wait is over: one more try
    assert [keeper.current().token for _ in range(20)] == ["t1"] * 20
    assert source.calls == 3
    source.now = 77.9  # the second is twice as long
    keeper.current()
    assert source.calls == 3
    source.now = 78.0
    assert keeper.current().token == "t4"


def test_an_expired_token_is_never_served(source, keeper):
    keeper.current()
    source.now = 100.0
    source.answers = [NotObtainedError("the issuer is down")]
    with pytest.raises(NotObtainedError, match="the issuer is down") as raised:
        keeper.current()
    assert (raised.value.retry_after, raised.value.final) == (1.0, False)
    source.now = 100.25
    with pytest.raises(NotObtainedError, match="the issuer is down") as raised:
        keeper.current()
    assert raised.value.retry_after == 0.75
    assert source.calls == 2


def test_a_source_that_says_when_to_come_back_is_left_alone_until_then(source, keeper):
    source.answers = [NotObtainedError("busy", retry_after=5.0)]
    with pytest.raises(NotObtainedError) as raised:
        keeper.current()
    assert raised.value.retry_after == 5.0


def test_nobody_waits_longer_than_the_longest_backoff(source, keeper):
    source.answers = [NotObtainedError("busy", retry_after=9e9), NotObtainedError("no such client", final=True)]
    for at in (0.0, 8.0):
        source.now = at
        with pytest.raises(NotObtainedError) as raised:
            keeper.current()
        assert raised.value.retry_after == 8.0
    assert raised.value.final


def test_the_backoff_doubles_up_to_its_limit_and_jitter_takes_up_to_half():
    backoff = Backoff(first=0.5, longest=10.0)
    assert [backoff.after(failures, 0.0) for failures in range(1, 8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert backoff.after(3, 1.0) == 1.0
    assert backoff.after(10_000, 0.5) == 7.5


def test_a_refused_token_is_renewed_once_for_all_who_were_refused_with_it(source, keeper):
    keeper.current()
    assert [keeper.renew("t1").token for _ in range(20)] == ["t2"] * 20
    assert source.calls == 2


def test_a_service_that_refuses_every_token_gets_a_new_one_every_few_seconds_only(source, keeper):
    keeper.current()
    refused = 0
    for tick in range(200):  # 20 s, a refusal each tenth of a second
        source.now = tick / 10
        used = keeper.current().token
        refused += keeper.renew(used).token == used
    assert source.calls == 1 + 20 / FORCED_APART
    assert refused == 200 - 20 / FORCED_APART


def test_a_refused_token_stays_for_the_others_while_no_other_one_is_to_be_had(source, keeper):
    keeper.current()
    source.answers = [NotObtainedError("down")]
    with pytest.raises(NotObtainedError, match="down"):
        keeper.renew("t1")
    assert keeper.current().token == "t1"
    source.now = 1.0
    assert keeper.current().token == "t3"


def test_twenty_threads_that_ask_together_cause_one_call():
    asked, release = threading.Event(), threading.Event()
    calls = []

    def obtain():
        calls.append(1)
        asked.set()
        assert release.wait(10)
        return Grant("t1", 100.0)

    keeper = Keeper(obtain, leeway=1.0)
    got = []
    threads = [threading.Thread(target=lambda: got.append(keeper.current().token)) for _ in range(20)]
    for thread in threads:
        thread.start()
    assert asked.wait(10)
    release.set()
    for thread in threads:
        thread.join(10)
    assert (got, len(calls)) == (["t1"] * 20, 1)


def test_whoever_is_stopped_while_it_asks_leaves_the_next_one_to_ask(source, keeper):
    source.answers = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        keeper.current()
    assert keeper.current().token == "t2"


def test_what_is_left_of_a_token_can_be_seen_without_asking(source, keeper):
    assert (keeper.peek(), source.calls) == (None, 0)
    keeper.current()
    source.now = 90.0
    assert keeper.peek() == 10.0
    source.now = 100.0
    assert keeper.peek() is None


@pytest.mark.parametrize(
    ("token", "expiry"),
    [
        (jwt(exp=1_700_000_000), 1_700_000_000.0),
        (jwt(exp=1.5), 1.5),
        (jwt(sub="x"), None),
        (jwt(exp="soon"), None),
        (jwt(exp=True), None),
        (jwt(exp=10**400), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.!!!.c", None),
        (f"a.{base64.urlsafe_b64encode(b'[1]').decode()}.c", None),
    ],
)
def test_the_expiry_is_read_from_a_jwt_without_verifying_it(token, expiry):
    assert expiry_of(token) == expiry


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", "ä", "x" * 16_385])
def test_what_would_break_a_header_is_no_token(token):
    assert not is_sendable(token)


def test_no_repr_shows_a_token():
    assert "s3cret" not in repr(Grant("s3cret", 1.0)) + repr(Kept("s3cret", 1.0, 2.0))
    assert fingerprint("s3cret") != fingerprint("s3cret2")
    assert len(fingerprint("s3cret")) == 16
