"""Clusters over time: their states, who sees them, quotas and names."""

from __future__ import annotations

import pytest

from loadproof.suites.fleet.target.lifecycle import Durations
from loadproof.suites.fleet.target.refusals import Refusal
from loadproof.suites.fleet.target.representation import kafka_object
from loadproof.suites.fleet.target.search import Query, parse_query
from loadproof.suites.fleet.target.store import Order, Person, Store

ANNA, ARNO, BERT = Person("anna", "1"), Person("arno", "1"), Person("bert", "2")
DURATIONS = Durations(accepted=1, preparing=2, provisioning=3, deprovision=4, deleting=5)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "file"])
def store(request, clock, tmp_path):
    path = None if request.param == "memory" else str(tmp_path / "fleet.db")
    kept = Store(clock=clock, durations=DURATIONS, quota=3, path=path)
    yield kept
    kept.close()


def order(name="a"):
    return Order(name, "aws", "us-east-1", multi_az=True)


def status(store, identifier):
    return store.kafka(ANNA, identifier)["status"]


def test_a_cluster_goes_through_its_states_by_the_clock_alone(store, clock):
    identifier = store.create_kafka(ANNA, order())["id"]
    seen = []
    for step in (0.0, 0.9, 0.1, 1.9, 0.1, 2.9, 0.1, 1000.0):
        clock.now += step
        seen.append(status(store, identifier))
    assert seen == ["accepted"] * 2 + ["preparing"] * 2 + ["provisioning"] * 2 + ["ready"] * 2


def test_a_failing_cluster_ends_up_failed_and_says_why(store, clock):
    identifier = store.create_kafka(ANNA, order(), failing=True)["id"]
    clock.now += 6
    shown = kafka_object(store.kafka(ANNA, identifier), "/v1")
    assert (shown["status"], shown["bootstrapServerHost"]) == ("failed", "")
    assert shown["failed_reason"]


def test_a_deleted_cluster_is_deprovisioned_then_deleted_then_gone(store, clock):
    identifier = store.create_kafka(ANNA, order())["id"]
    clock.now += 10
    store.delete_kafka(ANNA, identifier)
    assert status(store, identifier) == "deprovision"
    clock.now += 4
    assert status(store, identifier) == "deleting"
    store.delete_kafka(ANNA, identifier)
    clock.now += 5
    with pytest.raises(Refusal, match="not found") as refused:
        store.kafka(ANNA, identifier)
    assert refused.value.status == 404
    assert store.every_kafka() == ()


def test_asking_again_does_not_put_off_the_end(store, clock):
    identifier = store.create_kafka(ANNA, order())["id"]
    store.delete_kafka(ANNA, identifier)
    clock.now += 8.9
    store.delete_kafka(ANNA, identifier)
    clock.now += 0.1
    assert store.every_kafka() == ()


def test_a_stuck_deletion_never_ends_until_it_is_released(store, clock):
    identifier = store.create_kafka(ANNA, order())["id"]
    store.delete_kafka(ANNA, identifier, stuck=True)
    clock.now += 100_000
    assert status(store, identifier) == "deprovision"
    store.release_stuck()
    clock.now += 9
    assert store.every_kafka() == ()


def test_the_host_is_known_from_ready_on_also_while_the_cluster_ends(store, clock):
    identifier = store.create_kafka(ANNA, order())["id"]
    hosts = []
    for step in (5.9, 0.1):
        clock.now += step
        hosts.append(kafka_object(store.kafka(ANNA, identifier), "/v1")["bootstrapServerHost"])
    store.delete_kafka(ANNA, identifier)
    hosts.append(kafka_object(store.kafka(ANNA, identifier), "/v1")["bootstrapServerHost"])
    assert hosts[0] == ""
    assert hosts[1] == hosts[2] != ""
    assert hosts[1].endswith(":443")


def test_lists_and_reads_are_of_the_whole_organisation_and_deletions_of_the_owner(store):
    identifier = store.create_kafka(ANNA, order())["id"]
    assert [store.kafkas(who, Query()).total for who in (ANNA, ARNO, BERT)] == [1, 1, 0]
    assert store.kafka(ARNO, identifier)["owner"] == "anna"
    for other in (ARNO, BERT):
        with pytest.raises(Refusal) as refused:
            store.delete_kafka(other, identifier)
        assert (refused.value.status, refused.value.code) == (404, 7)


def test_the_quota_counts_until_a_cluster_is_gone(store, clock):
    made = [store.create_kafka(ANNA, order(name))["id"] for name in "abc"]
    store.create_kafka(ARNO, order("d"))
    store.delete_kafka(ANNA, made[0])
    with pytest.raises(Refusal, match="maximum number of 3 allowed instances") as refused:
        store.create_kafka(ANNA, order("e"))
    assert (refused.value.status, refused.value.code) == (403, 5)
    clock.now += 9
    assert store.create_kafka(ANNA, order("e"))["status"] == "accepted"


def test_a_name_is_free_again_when_its_cluster_is_gone(store, clock):
    identifier = store.create_kafka(ANNA, order())["id"]
    with pytest.raises(Refusal) as refused:
        store.create_kafka(BERT, order())
    assert (refused.value.status, refused.value.code) == (409, 36)
    store.delete_kafka(ANNA, identifier)
    clock.now += 9
    assert store.create_kafka(BERT, order())["owner"] == "bert"


def test_searches_see_the_state_of_the_moment(store, clock):
    store.create_kafka(ANNA, order("a"))
    clock.now += 6
    store.create_kafka(ANNA, order("b"))
    found = store.kafkas(ANNA, parse_query("status = ready"))
    assert [row["name"] for row in found.rows] == ["a"]


def test_pages_are_in_the_order_of_names_and_total_counts_all(store):
    for name in ("c", "a", "b"):
        store.create_kafka(ANNA, order(name))
    page = store.kafkas(ANNA, Query(), page=2, size=2)
    assert ([row["name"] for row in page.rows], page.total) == (["c"], 3)


def test_service_accounts_are_seen_by_the_organisation_and_removed_by_their_owner(store):
    identifier = store.create_service_account(ANNA, "svc", "made here")["id"]
    assert [len(store.service_accounts(who)) for who in (ANNA, ARNO, BERT)] == [1, 1, 0]
    assert store.delete_service_account(ARNO, identifier) is False
    assert store.delete_service_account(ANNA, identifier) is True
    assert store.delete_service_account(ANNA, identifier) is False
