"""What the suite finds missing before it loads anything, and what it tells people to do."""

from __future__ import annotations

import pytest
import requests

from commandline import free_port, start, wait_for
from events_processes import Team, counted, platform_with_mail, running_inbox, team
from suite_copies import copy_suite
from suite_targets import running_target

SHORT = ("-u", "8", "-r", "10", "--run-time", "4s")
FEW = {"LOCUST_NUM_PRESEEDED_USERS": "10"}


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    with team(tmp_path_factory.mktemp("team") / "revel", **FEW) as found:
        yield found


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A platform that nobody has seeded."""
    with running_inbox() as mails, running_target("events", f"--smtp=127.0.0.1:{mails.smtp_port}") as platform:
        yield Team(copy_suite("events", tmp_path_factory.mktemp("empty") / "revel"), platform, mails)


def refused(ended, slug, *said):
    assert ended.code == 3, ended.err
    assert f"[{slug}]" in ended.err
    for words in said:
        assert words in ended.err
    assert "All users spawned" not in ended.err


def test_s3_47_a_platform_without_events_is_told_to_be_seeded(empty):
    ended = empty.locust(*SHORT)
    refused(ended, "no-events", "perf-rsvp-event", "perf-questionnaire-event", "bootstrap_perf_tests")


def test_s3_45_accounts_that_are_not_there_are_told_to_be_seeded(held):
    ended = held.locust(*SHORT, LOCUST_NUM_PRESEEDED_USERS="50")
    refused(ended, "cannot-sign-in", "perf-user-49@test.com cannot sign in: 401", "bootstrap_perf_tests", "verified")


def test_s3_20_the_password_is_that_of_the_environment(held):
    ended = held.locust(*SHORT, LOCUST_DEFAULT_PASSWORD="another-1", **FEW)
    refused(ended, "cannot-sign-in", "LOCUST_DEFAULT_PASSWORD")
    assert "another-1" not in ended.err


def test_s3_48_a_backend_that_is_not_there_is_named(held):
    url = f"http://127.0.0.1:{free_port()}/api"
    ended = held.locust(*SHORT, LOCUST_BACKEND_URL=url, **FEW)
    refused(ended, "no-backend", url, "connection refused", "LOCUST_BACKEND_URL", "firewall")


@pytest.mark.long
def test_s3_48_loadproof_run_says_it_in_its_own_words(held):
    url = f"http://127.0.0.1:{free_port()}/api"
    ended = held.loadproof(*SHORT, LOCUST_BACKEND_URL=url, **FEW)
    assert ended.code == 3
    assert url in ended.err


@pytest.mark.long
def test_s3_09_loadproof_run_hands_on_what_the_suite_found(empty):
    ended = empty.loadproof(*SHORT)
    assert ended.code == 3
    assert "perf-rsvp-event" in ended.err
    assert "bootstrap_perf_tests" in ended.err
    assert ended.directories == []


@pytest.mark.long
def test_s3_47_the_web_interface_says_it_in_its_log_and_ends_the_test(empty):
    port = free_port()
    words = ("-f", "locustfile.py", "--web-port", str(port), "--web-host", "127.0.0.1")
    process = start(empty.folder, *words, program="locust", **empty.environ)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(url), 30)
        requests.post(f"{url}/swarm", data={"user_count": 3, "spawn_rate": 1}, timeout=10).raise_for_status()
        wait_for(lambda: "bootstrap_perf_tests" in requests.get(f"{url}/logs", timeout=10).text, 30)
        wait_for(lambda: requests.get(f"{url}/stats/requests", timeout=10).json()["state"] == "stopped", 30)
    finally:
        process.terminate()
        process.communicate(timeout=20)


def answers(url):
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False


def test_an_address_that_is_not_the_api_is_named(held):
    ended = held.locust(*SHORT, LOCUST_BACKEND_URL=held.platform.url, **FEW)
    refused(ended, "wrong-backend", "404", "/api")


def test_s3_09_an_inbox_that_is_not_there_is_named(held):
    url = f"http://127.0.0.1:{free_port()}"
    ended = held.locust(*SHORT, LOCUST_MAILPIT_URL=url, **FEW)
    refused(ended, "no-inbox", url, "start Mailpit")


@pytest.mark.long
def test_s3_09_whoever_sends_no_mail_needs_no_inbox(held):
    words = ("-u", "2", "-r", "10", "--run-time", "2s", "--class", "EventBrowser")
    ended = held.locust(*words, LOCUST_MAILPIT_URL=f"http://127.0.0.1:{free_port()}", **FEW)
    assert ended.code == 0, ended.err


@pytest.mark.long
def test_s3_46_and_s3_22_mail_that_nobody_sends_is_told_with_what_to_look_at(held):
    held.faults(lose_mail_share=1)
    try:
        ended = held.locust(*SHORT, LOCUST_EMAIL_POLL_TIMEOUT="1", LOCUST_EMAIL_POLL_INTERVAL="0.2", **FEW)
    finally:
        held.faults()
    said = ("no mail within 1 s", "Celery", held.mails.url, "LOCUST_EMAIL_POLL_TIMEOUT")
    refused(ended, "no-mail", *said)


@pytest.mark.long
def test_throttling_that_is_on_is_told(tmp_path):
    with platform_with_mail("--throttling", **FEW) as (platform, mails):
        # As if others had signed in all minute, and in the next one, should it begin meanwhile.
        body = {"username": "perf-user-0@test.com", "password": "password123"}
        held = Team(copy_suite("events", tmp_path / "revel"), platform, mails)
        for _ in range(100):
            platform.post("/api/auth/token/pair", body)
        refused(held.locust(*SHORT, **FEW), "throttled", "DISABLE_THROTTLING")


@pytest.mark.long
def test_a_backend_that_is_starting_gets_the_time_for_it(tmp_path):
    with team(tmp_path / "revel", "--slow-start", "60", **FEW) as held:
        ended = held.locust(*SHORT, LOCUST_STARTUP_TIMEOUT="1", **FEW)
        refused(ended, "backend-broken", "503", "The service is starting.")
    with team(tmp_path / "again", "--slow-start", "6", **FEW) as held:
        ended = held.locust("-u", "8", "-r", "10", "--run-time", "2s", LOCUST_STARTUP_TIMEOUT="60", **FEW)
        assert ended.code == 0, ended.err


@pytest.mark.long
def test_the_checks_can_be_left_out(held):
    words = ("-u", "2", "-r", "10", "--run-time", "2s", "--class", "NewUserRegistration", "--json")
    total = held.platform.state["users"]["total"]
    ended = held.locust(*words, "--stop-timeout", "10", LOCUST_CHECKS="False", **FEW)
    assert ended.code == 0, ended.err
    assert held.platform.state["users"]["total"] - total == counted(ended)["/account/register"][0]
