"""The events platform over HTTP: its inventory under load, its mail, its end, and a suite written from the contract."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import requests

from commandline import end, environment, start, wait_for
from events_processes import counted, platform_with_mail
from suite_targets import running_target

LOCUSTFILE = Path(__file__).parents[1] / "contract" / "events" / "locustfile.py"
PEOPLE = 50

CONTRACT = {
    "/auth/token/pair [login]",
    "/account/me",
    "/account/register",
    "/account/verify",
    "/events/ [list]",
    "/events/{id} [detail]",
    "/events/{org}/event/{slug} [detail]",
    "/events/{id}/tickets/tiers",
    "/events/{id}/my-status [BOTTLENECK]",
    "/events/{id}/rsvp/<status> [BOTTLENECK]",
    "/events/{id}/tickets/{tier}/checkout [BOTTLENECK]",
    "/events/{id}/tickets/{tier}/checkout/pwyc [BOTTLENECK]",
    "/events/{id}/questionnaire/{qid}",
    "/events/{id}/questionnaire/{qid}/submit [BOTTLENECK]",
    "/dashboard/events",
    "/dashboard/organizations",
    "/dashboard/tickets",
    "/dashboard/rsvps",
}
"""Every name that the contract has, and that a suite of it must reach."""


@pytest.fixture(scope="module")
def platform():
    with running_target("events", "--seed", LOCUST_NUM_PRESEEDED_USERS=str(PEOPLE)) as target:
        yield target


@pytest.fixture(scope="module")
def people(platform):
    """Everybody's headers."""
    url = f"{platform.url}/api/auth/token/pair"

    def sign_in(number):
        body = {"username": f"perf-user-{number}@test.com", "password": "password123"}
        return {"Authorization": f"Bearer {requests.post(url, json=body, timeout=30).json()['access']}"}

    with ThreadPoolExecutor(10) as pool:
        return list(pool.map(sign_in, range(PEOPLE)))


def at_once(people, path, body=None):
    """Everybody posts at the same moment; the answers."""
    together = Barrier(len(people))

    def post(headers):
        with requests.Session() as session:
            together.wait(30)
            return session.post(path, json=body, headers=headers, timeout=60)

    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(post, people))


def ticketed(platform, slug):
    """Path of an event, and of the checkout of its only tier."""
    event = platform.get(f"/api/events/perf-test-org/event/{slug}")["id"]
    (tier,) = platform.get(f"/api/events/{event}/tickets/tiers")
    return f"{platform.url}/api/events/{event}/tickets/{tier['id']}/checkout"


ADA = {"tickets": [{"guest_name": "Ada"}]}


def test_fifty_buyers_of_the_ten_last_tickets_get_exactly_ten(platform, people):
    platform.post("/_faults", {"capacity": {"perf-ticket-free-event": 10}})
    answers = at_once(people, ticketed(platform, "perf-ticket-free-event"), ADA)
    assert Counter(answer.status_code for answer in answers) == {200: 10, 400: 40}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 400} == {"sold_out"}
    numbers = [ticket["number"] for answer in answers if answer.ok for ticket in answer.json()["tickets"]]
    assert sorted(numbers) == list(range(1, 11))
    assert platform.state["events"]["perf-ticket-free-event"]["tiers"] == [{"capacity": 10, "sold": 10, "tickets": 10}]


def test_two_buyers_of_the_last_ticket_are_one_too_many(platform, people):
    platform.post("/_faults", {"capacity": {"perf-ticket-pwyc-event": 1}})
    body = ADA | {"price_per_ticket": "12.34"}
    answers = at_once(people[:2], f"{ticketed(platform, 'perf-ticket-pwyc-event')}/pwyc", body)
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert platform.state["events"]["perf-ticket-pwyc-event"]["tiers"] == [{"capacity": 1, "sold": 1, "tickets": 1}]


def test_a_limited_event_lets_exactly_as_many_in_as_it_has_room_for(platform, people):
    platform.post("/_faults", {"capacity": {"perf-rsvp-limited-event": 7}})
    event = platform.get("/api/events/perf-test-org/event/perf-rsvp-limited-event")["id"]
    answers = at_once(people, f"{platform.url}/api/events/{event}/rsvp/yes")
    assert Counter(answer.status_code for answer in answers) == {200: 7, 400: 43}
    assert platform.state["events"]["perf-rsvp-limited-event"]["rsvps"] == {"yes": 7}


def test_a_refresh_token_that_many_send_at_once_is_good_for_one(platform):
    body = {"username": "perf-user-0@test.com", "password": "password123"}
    pair = platform.post("/api/auth/token/pair", body)
    url = f"{platform.url}/api/auth/token/refresh"
    answers = at_once([{}] * 10, url, {"refresh": pair["refresh"]})
    assert Counter(answer.status_code for answer in answers) == {200: 1, 401: 9}


def test_a_registration_ends_in_a_mail_that_verifies_it():
    with platform_with_mail("--system-testing") as (platform, mails):
        body = {"email": "new@test.com", "password1": "password123", "password2": "password123"}
        answer = requests.post(f"{platform.url}/api/account/register", json=body, timeout=10)
        assert answer.status_code == 201
        wait_for(lambda: mails.get("/api/v1/search?query=to:new@test.com")["messages"])
        (found,) = mails.get("/api/v1/search?query=to:new@test.com")["messages"]
        message = mails.get(f"/api/v1/message/{found['ID']}")
        assert message["Subject"] == "Verify your email"
        token = message["Text"].partition("/login/confirm-email?token=")[2].split()[0]
        assert token in message["HTML"]
        assert token == answer.headers["X-Test-Verification-Token"]
        assert platform.post("/api/account/verify", {"token": token})["user"]["email_verified"] is True
        assert platform.state["mails"] == {"waiting": 0, "sent": 1, "lost": 0, "failed": 0}


def test_sigterm_ends_it_in_good_order(tmp_path):
    with running_target("events", f"--database=sqlite:///{tmp_path / 'kept.sqlite3'}", "--seed") as target:
        target.process.send_signal(signal.SIGTERM)
        assert target.process.wait(15) == 0
    assert (tmp_path / "kept.sqlite3").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--faults", '{"fail_shares": 1}'], "fail_shares"),
        (["--faults", "{"], "--faults: '{' is no object of JSON"),
        (["--smtp", "mail.example"], "--smtp: 'mail.example' is not HOST:PORT"),
    ],
)
def test_an_option_that_is_none_is_named(options, said):
    words = [sys.executable, "-m", "loadproof.suites.events.target", *options]
    ended = subprocess.run(words, capture_output=True, text=True, env=environment(), timeout=30, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr


@pytest.mark.long
def test_a_suite_written_from_the_contract_alone_reaches_every_name_without_a_failure(tmp_path):
    words = ["-f", str(LOCUSTFILE), "--headless", "-u", "16", "-r", "16", "-t", "8s", "--json"]
    with platform_with_mail() as (platform, mails):
        quick = {"CONTRACT_WAIT_FROM": "0.1", "CONTRACT_WAIT_TO": "0.3"}
        told = {"LOCUST_MAILPIT_URL": mails.url, "LOCUST_HOST": f"{platform.url}/api"}
        ended = end(start(tmp_path, *words, program="locust", **told, **quick), tmp_path)
        calls = platform.state["calls"]
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err  # what Locust writes of an exception in a task
    rows = counted(ended)
    assert CONTRACT - set(rows) == set()
    assert {name: failures for name, (_, failures) in rows.items() if failures} == {}
    assert sum(calls["POST /api/events/{event_id}/questionnaire/{questionnaire_id}/submit"].values()) > 0
