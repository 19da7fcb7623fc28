"""The document's commands, as its readers type them."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import pytest

from commandline import environment, free_port, start, wait_for
from events_processes import team


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    with team(tmp_path_factory.mktemp("team") / "revel", LOCUST_NUM_PRESEEDED_USERS="20") as found:
        yield found


SHORT = ("-u", "4", "-r", "10", "--run-time", "4s")
FEW = {"LOCUST_NUM_PRESEEDED_USERS": "20"}


def spawned(ended):
    """Which users Locust says that it spawned."""
    return set(re.findall(r'"(\w+)": \d+', re.search(r"All users spawned: (\{.*?\})", ended.err)[1]))


def manage(held, *words, **extra):
    command = [sys.executable, "src/manage.py", *words]
    told = environment(**FEW, **extra)
    return subprocess.run(command, cwd=held.root, env=told, capture_output=True, text=True, timeout=60, check=False)


def test_s3_15_seeding_is_idempotent(held, tmp_path):
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}"}
    said = [manage(held, *words, **database) for words in (["migrate"], ["bootstrap"], *[["bootstrap_perf_tests"]] * 2)]
    assert [done.returncode for done in said] == [0] * 4
    assert [done.stdout for done in said[2:]] == ["22 users made, 5 events made\n", "all of it was there already\n"]


def test_s3_16_reset_deletes_and_seeds_anew(held, tmp_path):
    database = {"DATABASE_URL": f"sqlite:///{tmp_path / 'own.sqlite3'}"}
    manage(held, "bootstrap_perf_tests", **database)
    done = manage(held, "bootstrap_perf_tests", "--reset", **database)
    assert (done.returncode, done.stdout) == (
        0,
        "22 users deleted, 5 events deleted, 22 users made, 5 events made\n",
    )


def test_s3_11_without_a_platform_the_commands_say_how_to_start_one(held, tmp_path):
    done = manage(held, "migrate", LOADPROOF_TARGETS=str(tmp_path))
    assert done.returncode == 3
    assert "`loadproof target up events`" in done.stderr


@pytest.mark.parametrize("program", [pytest.param("locust", marks=pytest.mark.long), "loadproof"])
def test_s3_17_and_s3_38_a_headless_run_writes_the_csv_files(held, program):
    prefix = f"results/{program}_test"
    ended = held.locust(*SHORT, f"--csv={prefix}", "--host", held.environ["LOCUST_BACKEND_URL"], program=program, **FEW)
    assert ended.code == 0, ended.err
    with (held.folder / f"{prefix}_stats.csv").open(newline="") as file:
        *_, total = csv.DictReader(file)
    assert (total["Name"], int(total["Request Count"]) > 0) == ("Aggregated", True)
    for name in ("failures", "stats_history"):
        with (held.folder / f"{prefix}_{name}.csv").open(newline="") as file:
            assert next(csv.reader(file))


def test_s3_18_without_host_the_backend_is_that_of_the_environment(held):
    calls = sum_of_calls(held)
    ended = held.locust(*SHORT, "--class", "EventBrowser", **FEW)
    assert ended.code == 0, ended.err
    assert sum_of_calls(held) > calls


@pytest.mark.long
def test_s3_18_a_file_named_env_says_it_too_and_host_wins(held):
    (held.folder / ".env").write_text("LOCUST_BACKEND_URL=http://127.0.0.1:9/api\nLOCUST_NUM_PRESEEDED_USERS=20\n")
    try:
        host = ("--host", held.environ["LOCUST_BACKEND_URL"])
        refused = held.locust(*SHORT, "--class", "EventBrowser", LOCUST_BACKEND_URL="")
        ended = held.locust(*SHORT, *host, "--class", "EventBrowser", LOCUST_BACKEND_URL="")
    finally:
        (held.folder / ".env").unlink()
    assert refused.code == 3
    assert "http://127.0.0.1:9/api" in refused.err
    assert ended.code == 0, ended.err


def sum_of_calls(held):
    return sum(sum(statuses.values()) for statuses in held.platform.state["calls"].values())


@pytest.mark.parametrize("program", [pytest.param("locust", marks=pytest.mark.long), "loadproof"])
@pytest.mark.parametrize(
    "names",
    [
        ["RSVPUser"],
        ["RSVPUser", "FreeTicketUser", "PWYCTicketUser", "QuestionnaireUser"],
    ],
    ids=len,
)
def test_s3_35_and_s3_36_only_the_named_classes_run(held, program, names):
    words = [word for name in names for word in ("--class", name)]
    ended = held.locust("-u", "7", "-r", "20", "--run-time", "2s", *words, program=program, **FEW)
    assert ended.code == 0, ended.err
    assert spawned(ended) == set(names)


@pytest.mark.long
def test_s3_36_loadproof_run_takes_them_as_well(held):
    words = ("--class", "RSVPUser", "--class", "FreeTicketUser", "--threshold", "coverage: warn < 100%")  # in 4 s
    ended = held.loadproof("-u", "4", "-r", "20", "-t", "4s", *words, "--allow-inconclusive", **FEW)
    assert ended.code == 0, ended.out + ended.err
    assert {row["user_class"] for row in ended.rows} == {"RSVPUser", "FreeTicketUser"}
    run = json.loads((ended.directories[-1] / "run.json").read_text())
    declared = {each["name"] for each in run["coverage"]["declared"]}
    assert "free_ticket_flow" in declared
    assert not {"pwyc_ticket_flow", "/account/register"} & declared


def test_s3_35_a_class_that_there_is_not_is_refused_with_those_that_there_are(held):
    ended = held.locust(*SHORT, "--class", "Nobody")
    assert ended.code == 2
    assert "invalid choice: 'Nobody'" in ended.err
    assert "QuestionnaireUser" in ended.err


def test_s3_17_and_s3_37_the_web_interface_starts_a_test_and_shows_it(held):
    port = free_port()
    words = ("-f", "locustfile.py", "--web-port", str(port), "--web-host", "127.0.0.1", "--class", "EventBrowser")
    process = start(held.folder, *words, program="locust", **{**held.environ, **FEW})
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: answers(url), 30)
        body = urllib.parse.urlencode({"user_count": 3, "spawn_rate": 10, "host": held.environ["LOCUST_BACKEND_URL"]})
        urllib.request.urlopen(f"{url}/swarm", body.encode(), timeout=10).close()
        wait_for(lambda: b'"name":"/events/ [list]"' in read(f"{url}/stats/requests").replace(b": ", b":"), 30)
        assert b"response_time_percentile" in read(f"{url}/stats/requests")
        assert b"num_failures" in read(f"{url}/stats/requests")
    finally:
        process.terminate()
        process.communicate(timeout=20)


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def answers(url):
    try:
        return bool(read(url))
    except urllib.error.URLError:
        return False


@pytest.mark.long
def test_workers_share_accounts_and_addresses_without_taking_one_twice(tmp_path):
    # What Locust's workers counted last may be lost with them: the platform knows all that came.
    with team(tmp_path / "revel") as held:
        words = ("-u", "42", "-r", "42", "--run-time", "6s", "--processes", "2", "--stop-timeout", "5")
        ended = held.locust(*words)
        state = held.platform.state
    assert ended.code == 0, ended.err
    assert len(set(state["sign_ins"]) - {"perf-user-99@test.com"}) == 28  # the check before the load was that one
    assert list(state["calls"]["POST /api/account/register"]) == ["201"]


@pytest.mark.long
def test_one_account_too_few_is_told_before_anything_is_sent(held):
    calls = sum_of_calls(held)
    ended = held.locust("-u", "105", "-r", "10", "--run-time", "4s", **FEW)
    assert ended.code == 2
    assert "105 users need 70 accounts, and there are 20 [too-few-accounts]" in ended.err
    assert sum_of_calls(held) == calls
