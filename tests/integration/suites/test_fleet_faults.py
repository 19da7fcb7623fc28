"""The fleet suite while its API, the issuer and the token server fail, and what it makes of it."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from fleet_processes import OFFLINE_TOKEN, broker, fleet_api
from fleet_runs import SMALL, copy_of_the_suite, free_port, make, parameters, run

from commandline import BIN, environment, wait_for

pytestmark = pytest.mark.long

FAST = [f"--{state}-for=0.2" for state in ("accepted", "preparing", "provisioning", "deprovision", "deleting")]
WRITES = {"PERF_TEST_GET_ONLY": "FALSE", "PERF_TEST_KAFKAS_PER_WORKER": "2", "PERF_TEST_WORKERS_NUMBER": "1"}
LONGER = {"PERF_TEST_RUN_TIME": "3m", "PERF_TEST_MINUTE": "5"}
"""15 seconds, the last 7.5 of which are for removing."""


def failures(made, method, name):
    return made.rows()[method, name][1]


def test_deletions_that_are_refused_in_any_way_are_asked_for_again_and_counted(tmp_path):
    copy_of_the_suite(tmp_path)
    refusals = [400, 403, 409, 429, 500, 503, 404]  # the last is no failure, and no proof that it is gone
    with fleet_api(*FAST) as api:
        api.faults(answer_path="/kafkas/{id}", answer_status=refusals[0], answer_next=1)
        started = make(tmp_path, **parameters(api, **(SMALL | WRITES | LONGER)))
        for status, following in zip(refusals, [*refusals[1:], None], strict=True):
            seen = f"DELETE /kafkas/{{id}} {status}"
            wait_for(lambda seen=seen: api.state()["statuses"].get(seen), timeout=60)
            api.faults(answer_status=following, answer_next=1)
        started.end()
        state = api.state()
    assert state["kafkas"] == state["service_accounts"] == [], started.text
    assert failures(started, "DELETE", "/kafkas/[id]") == len(refusals) - 1
    assert started.verdict("max(measure.left_behind) = 0") == ("PASS", 0)


def test_a_service_that_never_deletes_is_not_asked_for_ever_and_fails_the_run(tmp_path):
    options = ("--answer-status=500", "--answer-text=<html>oops</html>", "--answer-path=/kafkas/{id}")
    with fleet_api(*FAST, *options) as api:
        ended = run(tmp_path, api, **WRITES, **LONGER)
        state = api.state()
    assert "Error 99" in ended.err
    assert ended.verdict("max(measure.left_behind) = 0") == ("FAIL", 2)
    assert len(state["kafkas"]) == 2
    assert 4 <= state["paths"]["DELETE /kafkas/{id}"] <= 2 * 12


def test_what_a_crash_has_left_is_removed_by_cleanup(tmp_path):
    copy_of_the_suite(tmp_path)
    with fleet_api(*FAST) as api, broker(api) as tokens:
        given = parameters(api, **(SMALL | WRITES | {"PERF_TEST_RUN_TIME": "120m"}))
        given["PERF_TEST_TOKEN_URL"] = f"{tokens}/ocm_token"
        started = make(tmp_path, **given)
        wait_for(lambda: len(api.state()["kafkas"]) == 2, timeout=60)
        kill_all_below(started.process.pid)
        started.end()
        assert len(api.state()["kafkas"]) == 2
        ended = make(tmp_path, "test/performance/cleanup", "RUN=latest:fleet", **given).end()
        assert ended.code == 0, ended.text
        wait_for(lambda: api.state()["kafkas"] == api.state()["service_accounts"] == [])


def kill_all_below(pid):
    import os
    import signal

    from commandline import children

    for each in children(pid):
        os.kill(each, signal.SIGKILL)


def test_a_deletion_that_is_stuck_is_told_from_one_that_was_refused(tmp_path):
    with fleet_api(*FAST, "--stuck-deletion") as api:
        ended = run(tmp_path, api, **WRITES, **LONGER)
        state = api.state()
    assert ended.code == 0, ended.text
    assert {kafka["status"] for kafka in state["kafkas"]} == {"deprovision"}
    assert ended.verdict("max(measure.left_behind) = 0") == ("PASS", 0)
    assert ended.verdict("max(measure.still_being_deleted): warn > 0") == ("WARN", 2)
    assert state["paths"]["DELETE /kafkas/{id}"] == 2


def test_tokens_of_five_seconds_are_renewed_ahead_and_no_request_is_refused(tmp_path):
    with fleet_api("--token-lifetime=5") as api:
        ended = run(tmp_path, api, PERF_TEST_RUN_TIME="3m", PERF_TEST_MINUTE="4")
        state = api.state()
    assert ended.code == 0, ended.text
    assert [entry for entry in state["statuses"] if entry.endswith(" 401")] == []
    assert 2 <= state["issuer"]["calls"] <= 8


def test_an_issuer_that_is_down_for_a_while_ends_nothing(tmp_path):
    copy_of_the_suite(tmp_path)
    with fleet_api("--token-lifetime=3") as api:
        started = make(tmp_path, **parameters(api, **(SMALL | {"PERF_TEST_RUN_TIME": "4m"})))
        wait_for(lambda: api.state()["methods"].get("GET", 0) > 10, timeout=60)
        api.faults(issuer_down_for=4)
        down_at = api.state()["methods"]["GET"]
        started.end()
        state = api.state()
    assert started.result["exceptions"] == [], started.text
    assert state["methods"]["GET"] > down_at + 20
    assert started.code == 0, started.text


def test_a_token_server_that_is_gone_for_a_while_ends_nothing(tmp_path):
    port = free_port()
    words = [sys.executable, "-m", "loadproof.kit.servers.broker", "--port", str(port)]
    copy_of_the_suite(tmp_path)
    with fleet_api("--token-lifetime=4") as api:
        environ = environment(OCM_OFFLINE_TOKEN=OFFLINE_TOKEN, LOADPROOF_ISSUER_URL=api.token_url)

        def start():
            server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)
            server.stdout.readline()
            return server

        def end(server):
            with server:
                server.stdin.close()
                server.wait(10)

        server = start()
        given = SMALL | {"PERF_TEST_RUN_TIME": "4m", "PERF_TEST_TOKEN_URL": f"http://127.0.0.1:{port}/ocm_token"}
        started = make(tmp_path, **parameters(api, **given))
        wait_for(lambda: api.state()["methods"].get("GET", 0) > 10, timeout=60)
        end(server)
        time.sleep(3)
        server = start()
        back_at = api.state()["methods"]["GET"]
        started.end()
        end(server)
        state = api.state()
    assert started.result["exceptions"] == [], started.text
    assert state["methods"]["GET"] > back_at + 20


def test_twenty_workers_that_need_a_token_at_once_cause_one_call_of_the_issuer():
    with fleet_api("--token-lifetime=2") as api, broker(api, "--leeway=0.1") as tokens:

        def fetch(_):
            return requests.get(f"{tokens}/ocm_token", timeout=10).text

        with ThreadPoolExecutor(20) as pool:
            for round_number in range(1, 4):
                assert len(set(pool.map(fetch, range(20)))) == 1
                assert api.state()["issuer"]["calls"] == round_number
                time.sleep(2.2)


def test_four_processes_share_one_call_for_each_lifetime(tmp_path):
    with fleet_api("--token-lifetime=600") as api:
        ended = run(tmp_path, api, PERF_TEST_WORKERS_NUMBER="4")
        assert api.state()["issuer"]["calls"] == 1
    assert ended.code == 0, ended.text


def test_an_api_that_starts_slowly_is_an_honest_error_and_works_once_it_is_there(tmp_path):
    port = free_port()
    words = [sys.executable, "-m", "loadproof.suites.fleet.target", "--port", str(port), "--slow-start", "12"]
    copy_of_the_suite(tmp_path)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as api:
        host = f"http://127.0.0.1:{port}"
        given = parameters(None, **SMALL, PERF_TEST_ROUTE_HOST=host, LOADPROOF_ISSUER_URL=f"{host}/auth/realms/x/token")
        early = make(tmp_path, **given).end()
        assert "Error 3" in early.err
        assert "not-ready" in early.text
        assert api.stdout.readline()
        given["LOADPROOF_ISSUER_URL"] = f"{host}/auth/realms/x/protocol/openid-connect/token"
        again = make(tmp_path, **given).end()
        assert again.code == 0, again.text
        api.stdin.close()
        assert api.wait(10) == 0


def test_after_a_429_nothing_more_is_created(tmp_path):
    given = WRITES | LONGER | {"PERF_TEST_KAFKAS_PER_WORKER": "4"}
    with fleet_api(*FAST, "--max-creates=2") as api:
        ended = run(tmp_path, api, **given)
        state = api.state()
    assert state["statuses"]["POST /kafkas 202"] == 2, ended.text
    assert state["statuses"]["POST /kafkas 429"] == 1
    assert state["kafkas"] == []
    ids = (tmp_path / "reports" / "kafkas.txt").read_text().split()
    assert len(ids) == 2
    assert "nothing more is created" in (tmp_path / "reports" / "perf_test_logfile").read_text()


@pytest.mark.parametrize(
    ("status", "path", "name"),
    [(401, "/kafkas", "/kafkas"), (404, "/kafkas", "/kafkas"), (429, "/serviceaccounts", "/serviceaccounts")],
)
def test_a_wrong_answer_to_a_read_is_never_a_success(tmp_path, status, path, name):
    faults = (f"--answer-status={status}", "--answer-method=GET", f"--answer-path={path}")
    with fleet_api(*faults) as api:
        ended = run(tmp_path, api, PERF_TEST_RUN_TIME="2m")
        state = api.state()
    # Lists are 40 % of the mix; service accounts are 5 %, which warns or fails.
    assert ended.result["outcome"] in ({"FAIL"} if name == "/kafkas" else {"WARN", "FAIL"}), ended.text
    requests_sent, failed = ended.rows()["GET", name]
    assert requests_sent == failed > 0
    if status == 401:
        assert state["statuses"]["GET /kafkas 401"] >= failed
        assert state["issuer"]["calls"] <= 4  # a service that refuses every token does not have one made each time


def test_a_creation_whose_answer_was_lost_is_found_and_removed(tmp_path):
    with fleet_api(
        *FAST, "--answer-method=POST", "--answer-path=/kafkas", "--answer-status=502", "--answer-next=1"
    ) as api:
        ended = run(tmp_path, api, **WRITES, **LONGER)
        state = api.state()
    assert state["statuses"]["POST /kafkas 502"] == 1
    assert state["statuses"]["POST /kafkas 202"] == 2
    assert failures(ended, "POST", "/kafkas") == 1
    assert state["kafkas"] == []


def test_one_user_alone_does_the_same_under_plain_locust_and_on_our_client(tmp_path):
    folder = copy_of_the_suite(tmp_path)
    for program in (["locust"], ["loadproof", "locust"], ["loadproof", "run"]):
        with fleet_api(*FAST) as api, broker(api) as tokens:
            given = {
                "PERF_TEST_TOKEN_URL": f"{tokens}/ocm_token",
                "PERF_TEST_GET_ONLY": "FALSE",
                "PERF_TEST_KAFKAS_PER_WORKER": "2",
                "PERF_TEST_MINUTE": "4",
            }
            words = [
                "-f",
                "test/performance/locustfile.py",
                "-H",
                api.url,
                "--headless",
                "-u",
                "12",
                "-r",
                "12",
                "-t",
                "15s",
            ]
            ended = subprocess.run(
                [BIN / program[0], *program[1:], *words],
                cwd=folder,
                env=environment(**given),
                capture_output=True,
                text=True,
                check=False,
                timeout=90,
            )
            state = api.state()
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert state["statuses"]["POST /kafkas 202"] == 2
        assert state["kafkas"] == state["service_accounts"] == []
        assert {entry for entry in state["statuses"] if entry.endswith((" 400", " 401", " 500"))} == set()
