"""One run of the whole mix: the weights, the bottlenecks, and that what was measured is what happened."""

from __future__ import annotations

from collections import Counter

import pytest

from events_processes import BOTTLENECKS, SCENARIOS, team

USERS = 105


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """How a run of 105 users ended, and the platform's state before and after it."""
    with team(tmp_path_factory.mktemp("team") / "revel") as held:
        before = held.platform.state
        ended = held.loadproof(
            "-u", str(USERS), "-r", "35", "-t", "18s", "--stop-timeout", "10", "--allow-inconclusive"
        )
        yield ended, before, held.platform.state


@pytest.fixture(scope="module")
def ended(mixed):
    return mixed[0]


@pytest.fixture(scope="module")
def rows(ended):
    return ended.rows


def requests(rows, **fields):
    return [row for row in rows if all(row[name] == value for name, value in fields.items())]


def test_s3_mixed_run_passes(ended):
    assert ended.code == 0, ended.out + ended.err
    assert ended.run["exceptions"] == []
    assert ended.verdict("coverage")["outcome"] == "PASS"


@pytest.mark.parametrize("name", SCENARIOS, ids=[f"s3_{line:02}" for line in range(1, 9)])
def test_s3_01_to_08_every_scenario_has_its_share_of_105_users(ended, name):
    assert f'"{name}": {SCENARIOS[name]}' in (ended.directory / "log.txt").read_text()


def test_s3_01_to_08_tasks_are_chosen_by_their_weights(ended):
    mix = ended.run["coverage"]["mix"]
    assert {"EventBrowser", "DashboardUser", "RSVPUser"} <= set(mix)
    assert min(mix.values()) > 1e-4  # chi-square: a wrong weight has a probability of nothing


def test_s3_34_every_event_serves_its_purpose(mixed):
    events = mixed[2]["events"]
    assert sum(events["perf-rsvp-event"]["rsvps"].values()) > 0
    assert sum(events["perf-rsvp-limited-event"]["rsvps"].values()) > 0
    assert events["perf-ticket-free-event"]["tiers"][0]["sold"] > 0
    assert events["perf-ticket-pwyc-event"]["tiers"][0]["sold"] > 0
    assert mixed[2]["submissions"] > 0


@pytest.mark.parametrize("name", BOTTLENECKS, ids=[f"s3_{line}" for line in range(39, 44)])
def test_s3_39_to_43_every_bottleneck_is_hit(rows, name):
    hits = requests(rows, endpoint=name)
    assert len(hits) > 0
    assert {row["success"] for row in hits} == {"true"}


def test_what_was_measured_is_what_happened(mixed, rows):
    _, before, after = mixed
    statuses = Counter((row["endpoint"], row["status_code"]) for row in rows)
    events = after["events"]
    sold = [events[f"perf-ticket-{kind}-event"]["tiers"][0]["tickets"] for kind in ("free", "pwyc")]
    # What was still under way at the end is not in the rows: the run lets users finish.
    assert statuses["/events/{id}/tickets/{tier}/checkout [BOTTLENECK]", "200"] == sold[0]
    assert statuses["/events/{id}/tickets/{tier}/checkout/pwyc [BOTTLENECK]", "200"] == sold[1]
    assert statuses["/events/{id}/questionnaire/{qid}/submit [BOTTLENECK]", "200"] == after["submissions"]
    registered = after["users"]["total"] - before["users"]["total"]
    assert statuses["/account/register", "201"] == registered - 1  # one was the check's
    assert statuses["/account/verify", "200"] == after["users"]["verified"] - before["users"]["verified"]


def test_every_user_has_an_account_of_its_own(mixed):
    needing = USERS - SCENARIOS["EventBrowser"] - SCENARIOS["NewUserRegistration"]
    accounts = set(mixed[2]["sign_ins"]) - {"perf-user-99@test.com"}  # only the check before the load was that one
    assert len(accounts) == needing == 70


def test_no_registration_met_an_address_that_was_taken(rows):
    assert {row["status_code"] for row in requests(rows, endpoint="/account/register")} == {"201"}


def test_waiting_for_a_mail_is_an_entry_of_its_own_and_in_no_total(ended, rows):
    waits = requests(rows, method="MAIL")
    assert len(waits) == len(requests(rows, endpoint="/account/verify"))
    assert {row["endpoint"] for row in waits} == {"email_verification_wait"}
    http = [row for row in rows if row["method"] in {"GET", "POST"} and row["phase"] != "setup"]
    assert ended.metrics["total_requests"] == len(http)
