"""One test for each line of the document of the request API's suite."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.parse
import urllib.request

import pytest

from commandline import end, environment, loadproof, start, wait_for
from loadproof.suites.async_requests.parts import TARGET
from loadproof.suites.standing import borrowed
from suite_copies import all_needed, copy_suite, pins
from suite_targets import Target, end_when, running_target

HEADLESS = ("--headless", "--users", "50", "--spawn-rate", "20", "--run-time", "1m")
FAST = ("--job-seconds", "0.05", "--concurrency", "8")
JUDGED = (0, 4)
"""Exit codes of a run in which nothing failed: 4 where the machine was too busy to judge times."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return copy_suite("async_requests", tmp_path_factory.mktemp("team") / "async-request-backend")


@pytest.fixture(scope="module")
def suite(root):
    return root / "performance-test"


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """Runs ``loadproof run`` in a copy of its own, by the plan that is there, until so much was done."""

    def run(target, *words, iterations=120, **extra):
        root = copy_suite("async_requests", tmp_path_factory.mktemp("judged") / "async-request-backend")
        limit = ("--iterations", str(iterations)) if iterations else ()
        return loadproof(root, "run", "--host", target.url, *limit, *words, timeout=100, **extra)

    return run


def run_plain(suite, target, program="locust", **extra):
    """The document's command on another host; ended as soon as enough requests have."""
    first, *rest = program.split()
    enough = ended_jobs(target) + 100
    process = start(suite, *rest, *HEADLESS, "--host", target.url, program=first, **extra)
    return end_when(process, suite, lambda: ended_jobs(target) >= enough)


def ended_jobs(target):
    state = target.state
    return state["COMPLETE"] + state["FAILED"]


def rows(ended):
    """Requests and failures of each entry, as the last table of names prints them; Locust prints on stderr."""
    found = re.findall(r"^(\w+) +(\S+) +(\d+) +(\d+)\(", ended.err, re.MULTILINE)
    return {f"{method} {name}": (int(count), int(failed)) for method, name, count, failed in found}


def entries(ended):
    """What ``metrics.json`` says of each entry."""
    return {f"{entry['method']} {entry['name']}": entry for entry in ended.metrics["endpoints"]}


@pytest.fixture(scope="module")
def plain(suite):
    with running_target("async_requests", *FAST) as target:
        return run_plain(suite, target), target.state


@pytest.fixture(scope="module")
def judged(judge):
    with running_target("async_requests", *FAST) as target:
        return judge(target)


@pytest.fixture(scope="module")
def failing(judge):
    """A run in which each job fails."""
    with running_target("async_requests", *FAST, "--failing-share", "1") as target:
        return judge(target), target.state


def test_s1_01_requirements_install_everything_in_the_suites_folder(suite):
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "-r", "requirements.txt"]
    ended = subprocess.run(command, cwd=suite, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Would install" not in ended.stdout


@pytest.mark.long
def test_s1_02_the_whole_backend_starts_with_one_command(root, tmp_path):
    folder = {"LOADPROOF_TARGETS": str(tmp_path)}
    up = loadproof(root, "target", "up", "async_requests", "--free-ports", "--json", **folder)
    try:
        assert up.code == 0
        port = json.loads(up.out)[0]["parts"]["request-api"]["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
            assert answer.status == 200
        # Then the test can run: where, is said in the words of Locust.
        told = json.loads(up.out)[0]["environ"]
        ended = end(start(root / "performance-test", *HEADLESS, "--run-time", "6s", program="locust", **told), root)
        assert rows(ended)["FLOW check_file"][0] > 0
        assert ended.code == 0
    finally:
        loadproof(root, "target", "down", "async_requests", "-v", **folder)


def test_s1_02_what_docker_starts_is_what_loadproof_starts_with_real_parts(root):
    services = (root / "docker-compose.yml").read_text().partition("\nservices:\n")[2].partition("\nvolumes:\n")[0]
    names = re.findall(r"^  ([\w-]+):$", services, re.MULTILINE)
    assert sorted(names) == sorted(part.name for part in TARGET.real)


@pytest.mark.real("redis-server")
def test_s1_02_the_suite_runs_on_redis_and_celery_as_it_is(suite):
    with borrowed(TARGET, is_real=True) as stood:
        assert stood.states() == dict.fromkeys(("redis", "request-api", "worker"), "ready")
        target = Target(None, {"port": stood.ports["request-api"]})
        ended = run_plain(suite, target, MAX_ERROR_PERCENT="0")
        assert target.state["COMPLETE"] >= 100
    assert ended.code == 0, ended.err
    assert rows(ended)["FLOW check_file"][1] == 0


@pytest.fixture
def interface(suite):
    """Bare ``locust`` in the suite's folder; the port is a free one where the document's may be taken."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = start(suite, program="locust", LOCUST_WEB_PORT=str(port), LOCUST_WEB_HOST="127.0.0.1")
    wait_for(lambda: _listens(port), timeout=30)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    end(process, suite)


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_s1_03_bare_locust_in_the_suites_folder_opens_the_interface(interface):
    with urllib.request.urlopen(interface, timeout=10) as answer:
        assert (answer.status, "Locust" in answer.read().decode()) == (200, True)


def test_s1_04_the_interface_is_on_port_8089_unless_told_otherwise(suite):
    """Read as Locust reads it in the suite's folder, not started: the port may be taken on this machine."""
    script = "from locust.argument_parser import get_parser; print(get_parser().parse_args([]).web_port)"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=suite, env=environment(), capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["8089"]


@pytest.mark.long
def test_s1_05_the_interface_takes_users_ramp_up_host_and_duration(interface):
    with running_target("async_requests", *FAST) as target:
        form = {"user_count": 7, "spawn_rate": 7, "host": target.url, "run_time": "3s"}
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"{interface}/swarm", body, timeout=10) as answer:
            assert json.load(answer)["success"] is True
        wait_for(lambda: statistics(interface)["user_count"] == 7)
        wait_for(lambda: statistics(interface)["state"] == "stopped", timeout=30)
        names = {row["name"] for row in statistics(interface)["stats"]}
        assert names == {"/requests", "/requests/{id}", "check_file", "Aggregated"}
        assert target.state["COMPLETE"] > 0


def statistics(interface):
    with urllib.request.urlopen(f"{interface}/stats/requests", timeout=10) as answer:
        return json.load(answer)


def test_s1_06_the_documents_headless_command_works_word_for_word(plain):
    ended, _ = plain
    assert ended.code == 0, ended.err
    assert set(rows(ended)) >= {"POST /requests", "GET /requests/{id}", "FLOW check_file"}
    assert "Traceback" not in ended.err


@pytest.mark.long
def test_s1_06_it_works_on_our_client_too(suite):
    with running_target("async_requests", *FAST) as target:
        ended = run_plain(suite, target, program="loadproof locust")
    assert ended.code == 0, ended.err
    assert rows(ended)["FLOW check_file"][0] > 0


def test_s1_07_the_host_is_the_base_address_of_the_request_api(plain):
    ended, state = plain
    created, failed = rows(ended)["POST /requests"]
    assert failed == 0
    assert sum(state.values()) >= created > 0


@pytest.mark.long
def test_s1_08_fifty_users_twenty_a_second_for_the_time_given(plain, judged):
    ended, _ = plain
    assert "Ramping to 50 users at a rate of 20.00 per second" in ended.err
    assert 'All users spawned: {"RequestUser": 50}' in ended.err
    plan = judged.run["plan"]
    assert (plan["users"], plan["spawn_rate"], plan["run_time"]) == (50, 20.0, 60.0)


def test_s1_08_the_plan_of_loadproof_says_what_the_document_says(root):
    shown = json.loads(loadproof(root, "config", "show", "--json").out)["plan"]
    assert (shown["users"], shown["spawn_rate"], shown["run_time"]) == (50, 20.0, 60.0)
    assert shown["target"] == {"locustfile": "performance-test/locustfile.py"}


def test_s1_09_results_are_printed_at_the_end(plain, judged):
    ended, _ = plain
    for heading in ("Aggregated", "Response time percentiles", "# reqs"):
        assert heading in ended.err
    # On stdout, as the document has it: Locust itself prints on stderr.
    for heading in ("Thresholds", "Totals", "Endpoints", "FLOW    check_file"):
        assert heading in judged.out


def test_s1_10_the_exit_code_says_how_the_test_went(suite, plain, judged, failing):
    assert plain[0].code == 0
    assert judged.code in JUDGED, judged.out
    assert failing[0].code == 99
    with running_target("async_requests", *FAST, "--failing-share", "1") as target:
        assert run_plain(suite, target).code == 1


@pytest.mark.long
@pytest.mark.parametrize(("tolerated", "code"), [pytest.param("100", 0, marks=pytest.mark.long), ("50", 1)])
def test_s1_11_a_handler_in_the_test_code_controls_the_exit_code(suite, judge, tolerated, code):
    with running_target("async_requests", *FAST, "--failing-share", "1") as target:
        ended = run_plain(suite, target, MAX_ERROR_PERCENT=tolerated)
        told = judge(target, MAX_ERROR_PERCENT=tolerated)
    assert ended.code == code
    assert ("Test failed: 100.00 % of requests failed, 50 % are tolerated" in ended.err) is (code == 1)
    # A rule of the plan is broken as well: the test code decides all the same, and the output says so.
    verdict = told.verdict('error_rate{method="FLOW"}')
    assert verdict["observed"] == 1.0
    assert verdict["outcome"] != "PASS"
    assert told.code == code
    assert f"exit code {code}: the script set process_exit_code to {code}" in " ".join(told.out.split())


@pytest.mark.long
def test_s1_12_a_share_of_errors_is_tolerated_and_a_larger_one_is_not(judge, failing):
    rule = 'error_rate{method="FLOW"} < 60%'
    with running_target("async_requests", *FAST, "--failing-share", "0.2") as target:
        mild = judge(target, "--threshold", rule)
    assert mild.code in JUDGED, mild.out
    assert 0.02 < mild.verdict(rule)["observed"] < 0.5
    strict = failing[0].verdict('error_rate{method="FLOW"} < 1%')
    assert (strict["outcome"], strict["observed"]) == ("FAIL", 1.0)


@pytest.mark.long
def test_s1_13_an_average_time_is_tolerated_and_a_longer_one_is_not(suite, judge):
    rule = "avg(response_time) < 1us"
    with running_target("async_requests", *FAST) as target:
        good = run_plain(suite, target, MAX_AVERAGE_CALL="30s", MAX_AVERAGE_REQUEST="30s")
        slow = run_plain(suite, target, MAX_AVERAGE_CALL="1us", MAX_AVERAGE_REQUEST="1us")
        told = judge(target, "--threshold", rule)
    assert (good.code, slow.code) == (0, 1)
    said = re.findall(r"Test failed: (calls|requests) took .* s on average, 1e-06 s are tolerated", slow.err)
    assert said == ["calls", "requests"]
    verdict = told.verdict(rule)
    assert verdict["observed"] > 1e-6
    assert (verdict["outcome"], told.code) in {("FAIL", 99), ("INCONCLUSIVE", 4)}


@pytest.mark.long
def test_s1_13_a_run_in_which_nothing_ended_is_no_success(suite):
    with running_target("async_requests", "--job-seconds", "60") as target:
        process = start(
            suite, *HEADLESS, "--host", target.url, program="locust", MAX_ERROR_PERCENT="100", REQUEST_TIMEOUT="60s"
        )
        ended = end_when(process, suite, lambda: target.state["NEW"] > 10)
    assert ended.code == 1
    assert "Test failed: no requests have ended" in ended.err


def test_s1_14_requirements_are_pinned_by_name_and_version_alone(suite):
    wanted = (suite / "requirements.in").read_text().split()
    pinned = pins(suite / "requirements.txt")
    assert wanted == sorted(wanted)
    assert set(wanted) <= set(pinned)
    assert list(pinned) == sorted(pinned)
    settings = (suite / ".pip-tools.toml").read_text()
    for setting in ("header = false", "annotate = false", "no-emit-index-url = true"):
        assert setting in settings


def test_s1_15_a_fresh_environment_needs_nothing_that_is_not_pinned(suite):
    pinned = pins(suite / "requirements.txt")
    assert all_needed((suite / "requirements.in").read_text().split()) == set(pinned)


def test_s1_16_a_request_is_created_and_polled_until_it_is_complete(judged):
    found = entries(judged)
    assert set(found) == {"POST /requests", "GET /requests/{id}", "FLOW check_file"}
    assert [entry["failures"] for entry in found.values()] == [0, 0, 0]
    # A request takes at least what its job takes.
    assert found["FLOW check_file"]["min_response_time"] >= 0.05
    assert judged.verdict("coverage")["outcome"] == "PASS"


def test_s1_16_a_request_has_30_seconds_and_is_polled_once_a_second(root):
    shown = {each["name"]: each["value"] for each in config_of(root)["settings"]}
    assert (shown["REQUEST_TIMEOUT"], shown["POLL_INTERVAL"]) == ("30.0", "1.0")


def config_of(root):
    return json.loads(loadproof(root, "config", "show", "--json").out)


def test_s1_16_every_job_that_fails_is_a_request_that_failed(failing):
    ended, state = failing
    found = entries(ended)
    assert found["FLOW check_file"]["error_rate"] == 100.0
    assert found["FLOW check_file"]["requests"] > 0
    assert found["GET /requests/{id}"]["failures"] == 0
    assert state["COMPLETE"] == 0
    assert "the job ended in FAILED" in ended.out


def test_s1_16_a_service_that_is_too_slow_for_its_users_is_a_service_that_failed(judge):
    """50 users, and a worker that needs a sixth of the time that they wait: 5 s and 30 s there, a tenth of it here."""
    slow = {"REQUEST_TIMEOUT": "3s", "POLL_INTERVAL": "500ms"}
    with running_target("async_requests", "--job-seconds", "0.5") as target:
        ended = judge(target, "-t", "10s", iterations=None, **slow)
    found = entries(ended)
    flows = found.pop("FLOW check_file")
    assert ended.code == 99
    assert flows["failures"] > 0.7 * flows["requests"] > 0
    assert flows["error_types"] == {"timeout": flows["failures"]}
    # All of its calls went well: they alone say nothing.
    assert [entry["failures"] for entry in found.values()] == [0, 0]


@pytest.mark.long
def test_s1_16_a_create_that_is_refused_is_a_failed_call_and_a_failed_request(judge):
    with running_target("async_requests", *FAST) as target:
        target.post("/_faults", {"refused_share": 1})
        ended = judge(target)
    found = entries(ended)
    assert found["POST /requests"]["error_rate"] == found["FLOW check_file"]["error_rate"] == 100.0
    assert ended.run["exceptions"] == []
