"""Whole runs of the fleet suite against its API: what a team does with ``make test/performance``, and what comes of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from fleet_processes import OFFLINE_TOKEN, broker, fleet_api
from fleet_runs import (
    SMALL,
    copy_of_the_suite,
    files_with,
    free_port,
    make,
    parameters,
    processes,
    run,
    watching,
)

from commandline import environment, wait_for

FAST = [f"--{state}-for=0.2" for state in ("accepted", "preparing", "provisioning", "deprovision", "deleting")]
WRITES = {"PERF_TEST_GET_ONLY": "FALSE", "PERF_TEST_KAFKAS_PER_WORKER": "2"}
FILLS = {"PERF_TEST_PREPOPULATE_DB": "TRUE", "PERF_TEST_PREPOPULATE_DB_KAFKA_PER_WORKER": "4"}
OURS = {"name": "somebodys", "cloud_provider": "aws", "region": "us-east-1", "multi_az": True}

MINUTE = 5
RUN_TIME = 4 * MINUTE


def foreign_kafka(api):
    """A kafka that the same token owns, and that no run has made."""
    url = f"{api.url}/api/managed-services-api/v1/kafkas?async=true"
    return api.session().post(url, json=OURS, timeout=10).json()["id"]


@pytest.fixture(scope="module")
def reading(tmp_path_factory):
    """A run by default, GET only, though other parameters ask in vain for more; what it was like from outside."""
    folder = copy_of_the_suite(tmp_path_factory.mktemp("reading"))
    with fleet_api(*FAST) as api:
        foreign = foreign_kafka(api)
        before = api.state()
        given = (
            SMALL
            | FILLS
            | {"PERF_TEST_KAFKAS_PER_WORKER": "3", "PERF_TEST_USERS": "15", "PERF_TEST_USER_SPAWN_RATE": "5"}
        )
        started = make(folder, **parameters(api, **given))
        with watching(lambda: processes(started.process.pid), every=0.5) as seen:
            started.end()
        started.seen = [process for _, found in seen for process in found]
        started.before, started.after, started.foreign = before, api.state(), foreign
    return started


@pytest.fixture(scope="module")
def writing(tmp_path_factory):
    """A run that fills the database and keeps two kafkas for each worker, and what existed while it went on."""
    folder = copy_of_the_suite(tmp_path_factory.mktemp("writing"))
    with fleet_api(*FAST) as api:
        foreign = foreign_kafka(api)
        given = SMALL | WRITES | FILLS | {"PERF_TEST_RUN_TIME": "4m", "PERF_TEST_MINUTE": str(MINUTE)}
        started = make(folder, **parameters(api, **given))
        with watching(lambda: {kafka["id"] for kafka in api.state()["kafkas"] if kafka["status"] == "ready"}) as seen:
            started.end()
        started.seen, started.after, started.foreign = seen, api.state(), foreign
    assert started.code == 0, started.text
    return started


@pytest.mark.long
def test_s0_03_one_command_starts_the_token_server_the_master_and_the_workers(reading):
    brokers = {line for line, _ in reading.seen if "loadproof.kit.servers.broker" in line}
    loads = {line for line, _ in reading.seen if "loadproof.load" in line}
    assert len(brokers) == len(loads) == 1
    assert reading.result["workers"] == 2


def test_s0_07_get_only_sends_nothing_but_get(reading):
    assert reading.code == 0, reading.text
    assert reading.after["methods"].keys() == {"GET", "POST"}
    assert reading.after["methods"]["POST"] == reading.before["methods"]["POST"]  # the foreign kafka's
    assert reading.after["methods"]["GET"] > 100
    assert [kafka["id"] for kafka in reading.after["kafkas"]] == [reading.foreign]
    assert reading.ledgers() == {}


def test_s0_07_what_is_asked_for_in_vain_is_said(reading):
    for name in ("PERF_TEST_PREPOPULATE_DB", "PERF_TEST_KAFKAS_PER_WORKER"):
        assert f"{name} does nothing, because PERF_TEST_GET_ONLY is TRUE" in reading.err


def test_s0_08_users_are_those_of_each_worker_and_both_numbers_are_printed(reading):
    assert "2 workers x 15 users = 30 users" in reading.err
    assert "at most 30 users" in reading.out


def test_s0_12_exactly_so_many_workers_take_part(reading):
    log = (reading.folder / "reports" / "perf_test_logfile").read_text()
    assert len(re.findall(r"\(index \d+\) reported as ready", log)) == 2
    assert "Sending spawn jobs of 30 users at 5.00 spawn rate to 2 ready workers" in log


def test_s0_17_users_are_spawned_at_the_given_rate(reading):
    history = (reading.folder / "reports" / "perf_test_stats_history.csv").read_text().splitlines()[1:]
    users = [(int(line.split(",")[0]), int(line.split(",")[1])) for line in history]
    began = users[0][0]
    assert all(number <= 5 * (at - began + 2) for at, number in users)
    assert max(number for _, number in users) == 30


def test_s0_20_the_reports_of_the_document_are_written(reading):
    reports = reading.folder / "reports"
    for name in ("stats.csv", "stats_history.csv", "failures.csv", "exceptions.csv", "report.html", "logfile"):
        assert (reports / f"perf_test_{name}").stat().st_size > 0, name
    names = {("GET", name) for name in ("/kafkas", "/kafkas?search", "/cloud_providers", "/serviceaccounts")}
    assert names < set(reading.rows())


def test_the_kafkas_of_others_are_looked_at_where_the_run_has_none(reading):
    rows = reading.rows()
    for name in ("/kafkas/[id]", "/kafkas/[id]/metrics/query", "/kafkas/[id]/metrics/query_range"):
        assert rows["GET", name][0] > 0


def test_secrets_are_in_no_log_report_result_or_list_of_processes(reading, writing):
    for made in (reading, writing):
        assert OFFLINE_TOKEN not in made.text
        assert files_with(made.folder, OFFLINE_TOKEN) == []
        assert files_with(made.folder, "Bearer ey") == files_with(made.folder, "eyJ") == []
    assert [line for line, _ in reading.seen if OFFLINE_TOKEN in line or "eyJ" in line] == []


def test_only_the_token_server_has_the_long_living_token(reading):
    holders = {line for line, environ in reading.seen if OFFLINE_TOKEN in environ}
    assert any("loadproof.kit.servers.broker" in line for line in holders)
    assert [line for line in holders if "loadproof.load" in line or "loadproof run" in line] == []


def test_s0_09_the_database_is_filled_by_creating_and_then_deleting(writing):
    filler = [each for ids in writing.created(keep=False).values() for each in ids]
    events = writing.after["events"]
    for identity in filler:
        assert [e["what"] for e in events if e["id"] == identity] == ["kafka created", "kafka deleted"]
    for worker, ids in writing.created(keep=False).items():
        own = set(writing.created(keep=True)[worker])
        begins = min(e["at"] for e in events if e["id"] in own)
        assert all(e["at"] < begins for e in events if e["id"] in ids and e["what"] == "kafka created")


@pytest.mark.long
def test_s0_11_every_worker_fills_in_exactly_as_many_as_asked(writing):
    assert [len(ids) for ids in writing.created(keep=False).values()] == [4, 4]


def test_s0_13_between_two_creations_of_one_worker_is_the_wait(writing):
    created = {e["id"]: e["at"] for e in writing.after["events"] if e["what"] == "kafka created"}
    for ids in writing.created(keep=True).values():
        first, second = (created[each] for each in ids)
        assert second - first >= 1.0


def test_s0_14_every_worker_creates_exactly_as_many_as_asked(writing):
    assert [len(ids) for ids in writing.created(keep=True).values()] == [2, 2]


def test_s0_15_kafkas_live_until_90_seconds_before_the_end_and_none_is_left(writing):
    kept = {each for ids in writing.created(keep=True).values() for each in ids}
    deleted = [e["at"] for e in writing.after["events"] if e["what"] == "kafka deleted" and e["id"] in kept]
    started = writing.result["started_at"]
    end = _epoch(started) + RUN_TIME
    assert all(end - 1.5 * MINUTE - 0.5 <= at <= end for at in deleted)
    alive = [ids for at, ids in writing.seen if at < end - 100 / 60 * MINUTE]
    assert kept <= alive[-1]
    assert [kafka["id"] for kafka in writing.after["kafkas"]] == [writing.foreign]
    assert writing.after["service_accounts"] == []


def _epoch(text):
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def test_every_stats_name_of_the_document_is_there_and_nothing_failed(writing):
    rows = writing.rows()
    documented = json.loads((writing.folder / "test/performance/stats_template.json").read_text())
    assert [each for each in documented if rows.get((each["type"], each["name"]), (0, 1))[0] == 0] == []
    assert {entry: row for entry, row in rows.items() if row[1]} == {}
    assert writing.result["exceptions"] == []


@pytest.mark.long
def test_the_statistics_become_json_with_every_endpoint(reading):
    ended = make(reading.folder, "test/performance/process/csv").end()
    assert ended.code == 0, ended.text
    rows = json.loads((reading.folder / "reports" / "perf_test_stats.json").read_text())
    posts = [row for row in rows if row["type"] == "POST"]
    assert {row["request count"] for row in posts} == {"undefined"}
    (lists,) = [row for row in rows if (row["type"], row["name"]) == ("GET", "/kafkas")]
    assert lists["request count"] > 0
    assert all(key == key.lower() for row in rows for key in row)


def test_ids_and_addresses_are_left_in_files(writing):
    reports = writing.folder / "reports"
    kept = {each for ids in writing.created(keep=True).values() for each in ids}
    accounts = {each for ids in writing.created(keep=True, kind="service_account").values() for each in ids}
    assert set((reports / "kafkas.txt").read_text().split()) == kept
    assert set((reports / "service_accounts.txt").read_text().split()) == accounts
    assert len(kept) == len(accounts) == 4
    documents = (reports / "config.txt").read_text().split("---\n")[1:]
    assert len(documents) == 4
    for document in documents:
        keys = [line.split(":")[0] for line in document.splitlines()]
        assert keys == ["bootstrapURL", "username", "password"]
    assert (reports / "config.txt").stat().st_mode & 0o077 == 0


def test_how_long_kafkas_take_until_ready_is_a_flow(writing):
    assert writing.rows()["FLOW", "kafka until ready"] == (4, 0)


@pytest.mark.long
def test_s0_06_the_two_required_variables_are_enough(tmp_path):
    folder = copy_of_the_suite(tmp_path)
    with fleet_api() as api:
        started = make(folder, **parameters(api))
        wait_for(lambda: api.state()["methods"].get("GET", 0) >= 100, timeout=90)
        os.killpg(started.process.pid, signal.SIGINT)
        started.end()
        state = api.state()
    assert "25 workers x 150 users = 3750 users, 1 more each second, for 120 minutes" in started.err
    assert "Error 130" in started.err, started.text
    assert started.result["workers"] == 25
    assert state["methods"].keys() == {"GET"}
    assert state["issuer"]["calls"] == 1


@pytest.mark.long
def test_s0_18_the_command_of_the_document_works_word_for_word(tmp_path):
    folder = copy_of_the_suite(tmp_path)
    with fleet_api() as api:
        others = parameters(api, **SMALL)
        host = others.pop("PERF_TEST_ROUTE_HOST")
        token = others.pop("OCM_OFFLINE_TOKEN")
        command = f"OCM_OFFLINE_TOKEN={token} PERF_TEST_ROUTE_HOST={host} make test/performance"
        ended = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment(**others),
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.long
def test_s0_22_the_base_path_can_be_another_one(tmp_path):
    with fleet_api("--base-path=/elsewhere/v9") as api:
        ended = run(tmp_path, api, BASE_API_URL="/elsewhere/v9")
        state = api.state()
    assert ended.code == 0, ended.text
    assert state["methods"]["GET"] > 20
    assert all(entry.endswith(" 200") for entry in state["statuses"])


@pytest.mark.long
def test_a_hold_off_sends_nothing_but_creations_before_its_end(tmp_path):
    given = WRITES | {"PERF_TEST_HIT_ENDPOINTS_HOLD_OFF": "1", "PERF_TEST_RUN_TIME": "4m"}
    with fleet_api("--accepted-for=60") as api:
        copy_of_the_suite(tmp_path)
        started = make(tmp_path, **parameters(api, **(SMALL | given | {"PERF_TEST_MINUTE": "5"})))
        with watching(lambda: api.state()["paths"]) as seen:
            started.end()
    assert started.code == 0, started.text
    began = _epoch(started.result["started_at"])
    before = [paths for at, paths in seen if at < began + 4.5][-1]
    assert before["POST /kafkas"] == 4
    assert set(before) <= {"POST /kafkas", "GET /kafkas/{id}"}
    assert [paths for _, paths in seen][-1]["GET /kafkas"] > 20


@pytest.mark.long
def test_one_worker_alone_creates_where_that_is_asked_for(tmp_path):
    given = {"PERF_TEST_SINGLE_WORKER_KAFKA_CREATE": "TRUE", "PERF_TEST_RUN_TIME": "3m", "PERF_TEST_MINUTE": "5"}
    with fleet_api(*FAST) as api:
        ended = run(tmp_path, api, **WRITES, **given)
        state = api.state()
    assert ended.code == 0, ended.text
    assert [len(ids) for ids in ended.created(keep=True).values()] == [2]
    assert (state["paths"]["POST /kafkas"], state["kafkas"]) == (2, [])


@pytest.mark.long
def test_without_cleanup_everything_stays_and_can_be_removed_later(tmp_path):
    given = WRITES | {"PERF_TEST_CLEANUP": "FALSE"}
    with fleet_api(*FAST) as api, broker(api) as tokens:
        foreign = foreign_kafka(api)
        ended = run(tmp_path, api, **given, PERF_TEST_TOKEN_URL=f"{tokens}/ocm_token")
        assert ended.code == 0, ended.text
        assert len(api.state()["kafkas"]) == 5
        (ledgers,) = (tmp_path / "reports" / "performance" / "ledgers").iterdir()
        words = ["-m", "loadproof.kit.cleaning", "test/performance/locustfile.py", str(ledgers)]
        cleaned = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env=environment(PERF_TEST_TOKEN_URL=f"{tokens}/ocm_token"),
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
        assert cleaned.returncode == 0, cleaned.stdout + cleaned.stderr
        assert [kafka["id"] for kafka in api.state()["kafkas"]] == [foreign]
        assert api.state()["service_accounts"] == []


@pytest.mark.long
def test_an_early_end_removes_what_was_created(tmp_path):
    copy_of_the_suite(tmp_path)
    with fleet_api(*FAST) as api:
        foreign = foreign_kafka(api)
        started = make(tmp_path, **parameters(api, **(SMALL | WRITES | {"PERF_TEST_RUN_TIME": "120m"})))
        wait_for(lambda: len(api.state()["kafkas"]) == 5, timeout=60)
        os.killpg(started.process.pid, signal.SIGINT)
        started.end()
        assert "Error 130" in started.err
        wait_for(lambda: [kafka["id"] for kafka in api.state()["kafkas"]] == [foreign])


@pytest.mark.long
def test_a_token_server_that_runs_is_used_and_left_running(tmp_path):
    with fleet_api() as api, broker(api) as tokens:
        ended = run(tmp_path, api, PERF_TEST_TOKEN_URL=f"{tokens}/ocm_token")
        assert ended.code == 0, ended.text
        assert f"using the token server at {tokens}/ocm_token" in ended.err
        assert api.state()["issuer"]["calls"] == 1
        with broker(api):
            pass  # it is still there: its end is that of the block


@pytest.mark.long
def test_a_port_that_something_else_has_is_named_and_nothing_is_sent(tmp_path):
    with fleet_api() as api, fleet_api() as other:
        ended = run(tmp_path, api, PERF_TEST_TOKEN_URL=f"{other.url}/ocm_token")
        assert "Error 3" in ended.err
        assert "cannot listen" in ended.err
        assert api.state()["methods"] == {}


def test_an_api_that_is_not_there_is_an_error_of_the_run(tmp_path):
    with fleet_api() as api:
        ended = run(tmp_path, api, PERF_TEST_ROUTE_HOST=f"http://127.0.0.1:{free_port()}")
    assert "Error 3" in ended.err
    assert ended.code == 2


@pytest.mark.long
def test_more_options_go_to_loadproof_and_locust(tmp_path):
    with fleet_api() as api:
        ended = run(tmp_path, api, ADDITIONAL_LOCUST_OPTS="--threshold 'max(response_time) < 1us'")
    assert "Error 99" in ended.err
    assert "max(response_time) < 1us" in ended.out


def test_the_time_before_the_first_user_is_no_part_of_the_run(writing):
    """The phases begin with the test and not with the locustfile's import."""
    kept = {each for ids in writing.created(keep=True).values() for each in ids}
    created = [e["at"] for e in writing.after["events"] if e["what"] == "kafka created" and e["id"] in kept]
    assert min(created) >= _epoch(writing.result["started_at"]) - 0.5
    assert time.time() > max(created)
