"""One account for a user, never one for two: alone, and with a master that hands them out to workers."""

from __future__ import annotations

from types import SimpleNamespace

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")  # this process is not Locust's
    from load_process import Worker, environment, process

    from loadproof.errors import RunError, UsageError
    from loadproof.kit import accounts, coordination, desk
    from loadproof.kit.accounts import AccountPool, NoAccountError, _Register


class User:
    def __init__(self, greenlet=None):
        self.greenlet = greenlet


@pytest.fixture(autouse=True)
def pools(monkeypatch):
    monkeypatch.setattr(accounts, "_pools", [])
    monkeypatch.setattr(desk, "_waiting", {})
    with process(0, 1):
        yield


def test_each_user_has_an_account_of_its_own_and_keeps_it():
    pool, (ann, bob) = AccountPool(["a", "b"]), (User(), User())
    assert [pool.take(ann), pool.take(bob), pool.take(ann)] == ["a", "b", "a"]
    assert len(pool) == 2


def test_the_user_of_a_task_set_is_the_same_user():
    pool, ann = AccountPool(["a", "b"]), User()
    assert pool.take(SimpleNamespace(user=ann)) == pool.take(ann)


def test_a_user_too_many_is_told_how_many_there_are():
    pool = AccountPool(["a", "b"])
    pool.take(User())
    pool.take(User())
    with pytest.raises(NoAccountError, match="all 2 are with other users") as caught:
        pool.take(User())
    assert caught.value.slug == "no-account"
    assert "at most 2 users" in caught.value.hint


def test_an_account_that_came_back_is_given_out_again_last_of_all():
    pool, ann = AccountPool(["a", "b"]), User()
    pool.take(ann)
    pool.give_back(ann)
    pool.give_back(ann)  # nothing happens
    assert [pool.take(User()), pool.take(User())] == ["b", "a"]


def test_shared_accounts_have_as_few_users_as_can_be():
    pool, users = AccountPool(["a", "b"], on_empty="share"), [User() for _ in range(5)]
    assert [pool.take(user) for user in users] == ["a", "b", "a", "b", "a"]
    pool.give_back(users[0])
    pool.give_back(users[2])
    assert [pool.take(User()), pool.take(User())] == ["a", "a"]


def test_an_account_comes_back_when_its_user_is_killed():
    pool = AccountPool(["a"])

    def live(user):
        pool.take(user)
        gevent.sleep(30)

    user = User()
    user.greenlet = gevent.spawn(live, user)
    gevent.sleep(0)
    with pytest.raises(NoAccountError):
        pool.take(User())
    user.greenlet.kill(timeout=5)
    gevent.sleep(0.01)
    assert pool.take(User()) == "a"


def test_a_new_test_begins_with_all_accounts():
    pool, old = AccountPool(["a"]), User()
    pool.take(old)
    with process(0, 1, test=2):
        assert pool.take(User()) == "a"
        pool.give_back(old)  # it had one of the other test's
        with pytest.raises(NoAccountError):
            pool.take(User())


def test_nothing_but_its_two_words_is_taken():
    with pytest.raises(ValueError, match="error or share"):
        AccountPool(["a"], on_empty="wait")


def test_no_accounts_are_refused():
    with pytest.raises(UsageError):
        AccountPool([])


@given(st.integers(1, 20), st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=200))
def test_no_account_is_ever_with_two_users(size, steps):
    register, out = _Register(size, shared=False), {}
    for takes, user in steps:
        holder = ("worker", user)
        if takes and holder not in out:
            index = register.take(holder)
            assert (index is None) is (len(out) == size)
            if index is not None:
                assert index not in out.values()
                out[holder] = index
        elif not takes:
            register.give_back(holder)
            out.pop(holder, None)


# Workers


class Net:
    """A master and its workers, whose messages arrive when ``deliver`` is called."""

    def __init__(self, monkeypatch, *names):
        self.workers = {name: Worker(name) for name in names}
        self.master = SimpleNamespace(runner=self)
        self.monkeypatch = monkeypatch
        self.at = None

    def be(self, name):
        self.monkeypatch.setattr(coordination.place, "environment", environment(self.workers[name], worker=True))
        self.at = self.workers[name]

    def send_message(self, kind, data, client_id):
        handler, _ = self.workers[client_id].custom_messages[kind]
        handler(environment=None, msg=SimpleNamespace(data=data))

    def deliver(self):
        for name, worker in self.workers.items():
            sent, worker.sent = worker.sent, []
            for kind, data in sent:
                assert kind == "kit_ask"
                desk._on_ask(self.master, SimpleNamespace(data=data, node_id=name))


@pytest.fixture
def net(monkeypatch):
    return Net(monkeypatch, "a", "b")


def asks(pool, user):
    asking = gevent.spawn(pool.take, user)
    gevent.sleep(0)
    return asking


def test_workers_get_different_accounts_from_the_master(net):
    pool = AccountPool(["x", "y", "z"])
    asking = []
    for name in ("a", "b", "a"):
        net.be(name)
        asking.append(asks(pool, User()))
    net.deliver()
    assert sorted(one.get(timeout=5) for one in asking) == ["x", "y", "z"]


def test_a_worker_may_have_all_accounts_if_it_has_all_users(net):
    pool = AccountPool(["x", "y"])
    net.be("b")
    asking = [asks(pool, User()) for _ in range(3)]
    net.deliver()
    gevent.joinall(asking, timeout=5)
    assert [one.value for one in asking] == ["x", "y", None]
    assert isinstance(asking[2].exception, NoAccountError)


def test_two_greenlets_of_one_user_get_the_same_account_and_no_second_one_is_lost(net):
    pool, ann = AccountPool(["x", "y"]), User()
    net.be("a")
    asking = [asks(pool, ann), asks(pool, ann)]
    net.deliver()
    assert len({one.get(timeout=5) for one in asking}) == 1
    net.deliver()
    bob = asks(pool, User())
    net.deliver()
    assert {bob.get(timeout=5), asking[0].value} == {"x", "y"}


@pytest.mark.filterwarnings("ignore")
def test_the_account_of_a_user_that_was_killed_while_it_asked_is_not_lost(net):
    pool = AccountPool(["x"])
    net.be("a")
    asks(pool, User()).kill(timeout=5)
    again = asks(pool, User())
    net.deliver()
    assert again.get(timeout=5) == "x"


def test_a_master_that_does_not_answer_is_an_error_in_time(net, monkeypatch):
    monkeypatch.setattr(desk, "_TIMEOUT", 0.01)
    net.be("a")
    with pytest.raises(RunError, match="did not answer") as caught:
        AccountPool(["x"]).take(User())
    assert caught.value.slug == "no-answer"
    assert desk._waiting == {}


def test_a_master_with_other_accounts_is_an_error(net):
    pool = AccountPool(["x", "y"])
    net.be("a")
    asking = asks(pool, User())
    pool._rows = ("x",)
    net.deliver()
    with pytest.raises(RunError, match="the master has 1 accounts and a worker 2"):
        asking.get(timeout=5)


def test_a_pool_that_the_master_does_not_have_is_an_error(net, monkeypatch):
    pool = AccountPool(["x"])
    net.be("a")
    asking = asks(pool, User())
    monkeypatch.setattr(accounts, "_pools", [])
    net.deliver()
    with pytest.raises(RunError, match="no such account pool"):
        asking.get(timeout=5)
