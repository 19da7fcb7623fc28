from __future__ import annotations

import pytest

from loadproof.suites.events.target import board as boards
from loadproof.suites.events.target.board import LocalBoard, RedisBoard
from loadproof.suites.events.target.faults import Faults


class GoneError(Exception):
    pass


class Pipeline:
    def __init__(self, redis):
        self._redis, self._calls = redis, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def hincrby(self, name, key, value):
        self._calls.append((self._redis.hincrby, name, key, value))

    def get(self, name):
        self._calls.append((self._redis.get, name))

    def execute(self):
        if self._redis.gone:
            raise GoneError
        return [call(*given) for call, *given in self._calls]


class Redis:
    """What the board uses of one, in this process."""

    def __init__(self):
        self.values, self.expiries, self.gone = {}, {}, False

    def pipeline(self):
        return Pipeline(self)

    def hincrby(self, name, key, value):
        held = self.values.setdefault(name, {})
        held[key.encode()] = held.get(key.encode(), 0) + value

    def hgetall(self, name):
        return {key: str(value).encode() for key, value in self.values.get(name, {}).items()}

    def get(self, name):
        return self.values.get(name)

    def set(self, name, value):
        self.values[name] = value

    def incr(self, name):
        self.values[name] = int(self.values.get(name, 0)) + 1
        return self.values[name]

    def decr(self, name):
        self.values[name] = int(self.values.get(name, 0)) - 1
        return self.values[name]

    def expire(self, name, seconds):
        self.expiries[name] = seconds


@pytest.fixture
def redis(monkeypatch):
    monkeypatch.setattr(boards, "SHARE_EVERY", 3600.0)  # only when a test asks for it
    return Redis()


@pytest.fixture
def two(redis):
    """The boards of two processes on one Redis."""
    held = [RedisBoard(redis, GoneError) for _ in range(2)]
    yield held
    redis.gone = False
    for one in held:
        one.close()


def test_counts_of_all_processes_add_up(two):
    one, other = two
    one.count("mails sent")
    other.count("mails sent")
    other.count("mails lost")
    one.counts()
    assert other.counts() == {"mails sent": 2, "mails lost": 1}


def test_what_was_counted_while_redis_was_away_is_not_lost(redis, two):
    one, _ = two
    redis.gone = True
    one.count("mails sent")
    with pytest.raises(GoneError):
        one.counts()
    redis.gone = False
    one.count("mails sent")
    assert one.counts() == {"mails sent": 2}


def test_faults_of_one_process_reach_the_other(two):
    one, other = two
    one.set_faults(Faults(fail_share=0.25, lose_next_mails=2))
    other.counts()
    assert other.faults().fail_share == 0.25
    assert [board.loses_mail() for board in (one, other, one)] == [True, True, False]


def test_hits_of_all_processes_count_against_one_limit(redis, two, monkeypatch):
    monkeypatch.setattr(boards.time, "time", lambda: 120.0)
    assert [board.hits("auth:127.0.0.1", 60.0) for board in (*two, *two)] == [1, 2, 3, 4]
    assert set(redis.expiries.values()) == {61}


def test_hits_of_another_window_begin_anew(monkeypatch):
    board, clock = LocalBoard(), {"now": 119.0}
    monkeypatch.setattr(boards.time, "time", lambda: clock["now"])
    assert [board.hits("auth:127.0.0.1", 60.0) for _ in range(2)] == [1, 2]
    clock["now"] = 120.0
    assert board.hits("auth:127.0.0.1", 60.0) == 1
    assert board.hits("auth:127.0.0.2", 60.0) == 1
