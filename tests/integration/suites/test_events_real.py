"""The suite against the platform on PostgreSQL, pgbouncer, Redis, Celery and gunicorn."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from commandline import end, environment, start, wait_for
from events_processes import BOTTLENECKS
from suite_copies import copy_suite

ACCOUNTS = 30


@pytest.fixture(scope="module")
def stood():
    """What ``loadproof target up --real --free-ports events`` said, and the folder of its state."""
    # Not pytest's own folder: PostgreSQL under root is a user of its own, and must be let through all of the path.
    held = TemporaryDirectory(prefix="loadproof-events-")
    folder = Path(held.name)
    folder.chmod(0o711)
    told = {"LOADPROOF_TARGETS": str(folder), "LOCUST_NUM_PRESEEDED_USERS": str(ACCOUNTS), "PASSWORD_ITERATIONS": "10"}
    up = end(start(folder, "target", "up", "--real", "--free-ports", "events", **told), folder, 110)
    try:
        assert up.code == 0, up.out + up.err
        variables = dict(re.findall(r"export (\w+)=(\S+)", up.out))
        yield folder, told | variables
    finally:
        down = end(start(folder, "target", "down", "--volumes", "events", **told), folder, 60)
        assert down.code == 0, down.out + down.err
        assert not (folder / "events").exists()
        held.cleanup()


@pytest.mark.timeout(240)
@pytest.mark.real("postgres", "pgbouncer", "redis-server")
def test_s3_10_to_12_the_suite_runs_on_the_real_parts(stood, tmp_path):
    folder, told = stood
    ps = end(start(folder, "target", "ps", "events", **told), folder)
    assert ps.code == 0, ps.out
    assert len(re.findall(r"^✓ +events +\w+ +ready", ps.out, re.MULTILINE)) == 7
    root = copy_suite("events", tmp_path / "revel")
    command = [sys.executable, "src/manage.py", "bootstrap_perf_tests"]
    seeded = subprocess.run(command, cwd=root, env=environment(**told), capture_output=True, text=True, check=False)
    assert (seeded.returncode, seeded.stdout) == (0, "all of it was there already\n"), seeded.stderr
    # Shorter than it takes to be sure of every task: what must have run is said below.
    judged = ("--threshold", "coverage: warn < 100%", "--allow-inconclusive")
    words = ("run", "-u", "42", "-r", "42", "-t", "12s", "--stop-timeout", "10", *judged)
    ended = end(start(root, *words, **told), root, 90)
    assert ended.code == 0, ended.out + ended.err
    assert {row["endpoint"] for row in ended.rows} >= set(BOTTLENECKS)
    waits = [row for row in ended.rows if row["method"] == "MAIL"]
    assert {row["success"] for row in waits} == {"true"}
    state = requests.get(told["LOCUST_BACKEND_URL"].replace("/api", "/_state"), timeout=10).json()
    checkouts = [row for row in ended.rows if row["endpoint"].endswith("/checkout [BOTTLENECK]")]
    (tier,) = state["events"]["perf-ticket-free-event"]["tiers"]
    assert tier["sold"] == tier["tickets"] == len(checkouts)
    assert state["mails"]["sent"] == len(waits) + 1  # the check's one


@pytest.mark.timeout(240)
@pytest.mark.real("postgres", "pgbouncer", "redis-server")
def test_every_process_knows_of_a_fault(stood):
    _, told = stood
    api = told["LOCUST_BACKEND_URL"]
    url = api.replace("/api", "")
    requests.post(f"{url}/_faults", json={"lose_next_mails": 1, "fail_share": 1, "only": "/dashboard"}, timeout=10)

    def failing():
        # A new connection each time may meet any of the four workers.
        return {requests.get(f"{api}/dashboard/events", timeout=10).status_code for _ in range(20)}

    wait_for(lambda: failing() == {503})
    before = requests.get(f"{url}/_state", timeout=10).json()["mails"]
    for number in range(2):
        body = {"email": f"real-{number}@test.com", "password": "password123"}
        assert requests.post(f"{api}/account/register", json=body, timeout=10).status_code == 201

    def grown():
        now = requests.get(f"{url}/_state", timeout=10).json()["mails"]
        return now["lost"] - before["lost"], now["sent"] - before["sent"]

    wait_for(lambda: grown() == (1, 1))
    requests.post(f"{url}/_faults", json={"fail_share": 0, "only": ""}, timeout=10)
    wait_for(lambda: failing() == {401})


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.real("postgres", "pgbouncer", "redis-server")
def test_row_locks_sell_the_last_tickets_once_across_processes(stood):
    _, told = stood
    api = told["LOCUST_BACKEND_URL"]
    event = requests.get(f"{api}/events/perf-test-org/event/perf-ticket-pwyc-event", timeout=10).json()["id"]
    (tier,) = requests.get(f"{api}/events/{event}/tickets/tiers", timeout=10).json()
    sold = 10_000 - tier["total_available"]
    capacity = {"capacity": {"perf-ticket-pwyc-event": sold + 5, "perf-rsvp-limited-event": 3}}
    assert requests.post(api.replace("/api", "/_faults"), json=capacity, timeout=10).ok
    limited = requests.get(f"{api}/events/perf-test-org/event/perf-rsvp-limited-event", timeout=10).json()["id"]

    def signed_in(session, number):
        body = {"username": f"perf-user-{number}@test.com", "password": "password123"}
        access = session.post(f"{api}/auth/token/pair", json=body, timeout=30).json()["access"]
        session.headers["Authorization"] = f"Bearer {access}"

    def leave(number):
        with requests.Session() as session:
            signed_in(session, number)
            assert session.post(f"{api}/events/{limited}/rsvp/no", timeout=30).ok

    def person(number):
        with requests.Session() as session:
            signed_in(session, number)
            order = {"tickets": [{"guest_name": "Ada"}], "price_per_ticket": "5.00"}
            bought = session.post(f"{api}/events/{event}/tickets/{tier['id']}/checkout/pwyc", json=order, timeout=30)
            return bought.status_code, session.post(f"{api}/events/{limited}/rsvp/yes", timeout=30).status_code

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(leave, range(ACCOUNTS)))  # whoever came in an earlier run
        bought, coming = zip(*pool.map(person, range(20)), strict=True)
    assert sorted(bought) == [200] * 5 + [400] * 15
    assert coming.count(200) == 3
    state = requests.get(api.replace("/api", "/_state"), timeout=10).json()["events"]
    assert state["perf-ticket-pwyc-event"]["tiers"] == [{"capacity": sold + 5, "sold": sold + 5, "tickets": sold + 5}]
    assert state["perf-rsvp-limited-event"]["rsvps"]["yes"] == 3
