"""The suite while things go wrong: the run goes on, and says what it met."""

from __future__ import annotations

import subprocess
import sys

import pytest

from commandline import environment
from events_processes import counted, team

FEW = {"LOCUST_NUM_PRESEEDED_USERS": "20"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with team(tmp_path_factory.mktemp("team") / "revel", **FEW) as found:
        yield found


@pytest.fixture
def held(shared):
    shared.faults()
    yield shared
    shared.faults()


def by_name(ended):
    """Rows of results.csv by their endpoints."""
    found = {}
    for row in ended.rows:
        found.setdefault(row["endpoint"], []).append(row)
    return found


def run(held, names, *words, seconds=10, users=4, **extra):
    classes = [word for name in names for word in ("--class", name)]
    load = ("-u", str(users), "-r", "20", "-t", f"{seconds}s", "--stop-timeout", "10")
    judged = ("--threshold", "coverage: warn < 100%", "--allow-inconclusive")
    return held.loadproof(*load, *classes, *judged, *words, **{**FEW, **extra})


@pytest.mark.long
def test_tokens_that_live_five_seconds_are_renewed_and_rotate(held):
    held.faults(access_lifetime=5)
    ended = run(held, ["DashboardUser"], seconds=12)
    assert ended.code == 0, ended.out + ended.err
    found = by_name(ended)
    assert {row["success"] for row in ended.rows} == {"true"}
    # A refresh token is good for one renewal: later ones succeed only with the rotated one.
    assert len(found["/auth/token/refresh"]) > 4
    assert len(found["/auth/token/pair [login]"]) == 4


@pytest.mark.long
def test_mail_that_gets_lost_is_a_failure_of_its_entry_and_the_run_goes_on(held):
    held.faults(lose_next_mails=2)
    quick = {"LOCUST_EMAIL_POLL_TIMEOUT": "1", "LOCUST_EMAIL_POLL_INTERVAL": "0.1", "LOCUST_CHECKS": "False"}
    ended = run(held, ["NewUserRegistration"], users=2, **quick)
    assert ended.code == 99
    found = by_name(ended)
    lost = [row for row in found["email_verification_wait"] if row["success"] == "false"]
    assert len(lost) == 2
    assert all("does Celery process email tasks" in row["error_message"] for row in lost)
    arrived = len(found["email_verification_wait"]) - 2
    assert arrived > 0
    assert len(found["/account/verify"]) == arrived
    assert ended.verdict('error_rate{name="email_verification_wait"}')["outcome"] == "FAIL"


@pytest.mark.long
def test_sold_out_is_expected_and_no_failure(held):
    held.platform.post("/_faults", {"capacity": {"perf-ticket-free-event": sold(held) + 1}})
    ended = run(held, ["FreeTicketUser"], users=6)
    held.platform.post("/_faults", {"capacity": {"perf-ticket-free-event": 10_000}})
    assert ended.code == 0, ended.out + ended.err
    checkouts = by_name(ended)["/events/{id}/tickets/{tier}/checkout [BOTTLENECK]"]
    statuses = [row["status_code"] for row in checkouts]
    assert statuses.count("200") == 1
    assert statuses.count("400") == len(statuses) - 1 > 0
    assert {row["success"] for row in checkouts} <= {"true", "expected"}
    assert "0 failed" in ended.out
    assert f"{statuses.count('400')} expected" in ended.out


def sold(held):
    return held.platform.state["events"]["perf-ticket-free-event"]["tiers"][0]["sold"]


@pytest.mark.long
def test_two_users_want_the_last_ticket(held):
    held.platform.post("/_faults", {"capacity": {"perf-ticket-pwyc-event": 1}})
    ended = run(held, ["PWYCTicketUser"], users=2, seconds=14)
    held.platform.post("/_faults", {"capacity": {"perf-ticket-pwyc-event": 10_000}})
    assert ended.code == 0, ended.out + ended.err
    checkouts = by_name(ended)["/events/{id}/tickets/{tier}/checkout/pwyc [BOTTLENECK]"]
    assert [row["status_code"] for row in checkouts].count("200") == 1
    (tier,) = held.platform.state["events"]["perf-ticket-pwyc-event"]["tiers"]
    assert tier["tickets"] == 1


@pytest.mark.long
def test_a_full_event_is_expected_and_no_failure(held):
    held.platform.post("/_faults", {"capacity": {"perf-rsvp-limited-event": 0}})
    ended = run(held, ["RSVPUser"], users=14)
    held.platform.post("/_faults", {"capacity": {"perf-rsvp-limited-event": 50}})
    assert ended.code == 0, ended.out + ended.err
    answers = by_name(ended)["/events/{id}/rsvp/<status> [BOTTLENECK]"]
    assert {row["status_code"] for row in answers} == {"200", "400"}
    assert "0 failed" in ended.out


@pytest.mark.long
def test_a_refusal_that_nobody_provoked_is_a_failure(held):
    held.faults(fail_share=1, fail_status=500, only="/dashboard/tickets")
    ended = run(held, ["DashboardUser"], seconds=6, users=14)
    assert ended.code == 99
    found = by_name(ended)
    assert {row["success"] for row in found["/dashboard/tickets"]} == {"false"}
    assert "HTTP 500, expected 200" in found["/dashboard/tickets"][0]["error_message"]
    assert {row["success"] for row in found["/dashboard/events"]} == {"true"}


@pytest.mark.long
def test_failed_logins_never_end_the_run(held):
    held.faults(fail_share=0.5, fail_status=503, only="/auth/token/pair")
    ended = held.locust(
        *("-u", "6", "-r", "20", "--run-time", "8s", "--json", "--class", "ExistingUserLogin"),
        **{**FEW, "LOCUST_CHECKS": "False"},
    )
    assert ended.code == 1  # Locust's own: something failed
    rows = counted(ended)
    assert {name for name, (_, failures) in rows.items() if failures} == {"/auth/token/pair [login]"}
    assert rows["/account/me"][0] > 0
    assert "Traceback" not in ended.err
    (log,) = (held.folder / "logs").glob("perf_test_*.log")
    assert "POST /auth/token/pair [login]" in log.read_text()


@pytest.mark.long
def test_a_flow_of_which_a_call_failed_is_a_failure(held):
    held.faults(fail_share=1, only="/checkout")
    ended = run(held, ["FreeTicketUser"], seconds=8, users=8)
    assert ended.code == 99
    found = by_name(ended)
    assert {row["success"] for row in found["/events/{id}/my-status [BOTTLENECK]"]} == {"true"}
    assert {row["success"] for row in found["free_ticket_flow"]} == {"false"}
    assert all("a call in it failed" in row["error_message"] for row in found["free_ticket_flow"])


@pytest.mark.long
def test_s3_24_a_request_slower_than_the_timeout_fails(held):
    held.faults(slow_share=1, slow_by=2, only="/dashboard/organizations")
    ended = run(held, ["DashboardUser"], seconds=6, users=14, LOCUST_REQUEST_TIMEOUT="0.9")
    assert ended.code == 99
    slow = by_name(ended)["/dashboard/organizations"]
    assert {row["success"] for row in slow} == {"false"}
    assert all(float(row["response_time"]) < 2 for row in slow)
    assert all(row["error_message"].startswith("timeout: ") for row in slow)


DRIPPING = """
import sys
sys.path.insert(0, sys.argv[1])
import locust
from clients.api_client import Rules
class Response:
    status_code, request_meta, said = 200, {"response_time": 31_000}, []
    failure = said.append
response = Response()
print(Rules().judge(response), response.said)
"""


def test_s3_24_an_answer_that_drips_is_too_slow_as_a_whole(held):
    words = [sys.executable, "-c", DRIPPING, held.folder]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "failure ['slower than LOCUST_REQUEST_TIMEOUT=30']\n"
