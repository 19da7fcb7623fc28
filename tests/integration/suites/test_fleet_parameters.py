"""The fleet suite's parameters, one test for each line of its document that needs no whole run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
import requests
from fleet_processes import OFFLINE_TOKEN, broker, fleet_api
from fleet_runs import SUITE, copy_of_the_suite, make, parameters, python, run
from ruamel.yaml import YAML

from commandline import BIN, environment, wait_for

FAST = [f"--{state}-for=0.2" for state in ("accepted", "preparing", "provisioning", "deprovision", "deleting")]
MISSING = "Env vars required to run the performance tests (PERF_TEST_ROUTE_HOST or OCM_OFFLINE_TOKEN not provided!"


@pytest.fixture(scope="module")
def api():
    with fleet_api(*FAST) as served:
        yield served


@pytest.fixture
def folder(tmp_path):
    return copy_of_the_suite(tmp_path)


def refused(folder, api=None, **given):
    """Start with something wrong; gives what it said. Nothing was sent."""
    before = api.state()["methods"] if api else None
    ended = make(folder, **parameters(api, **given)).end()
    assert ended.code == 2
    assert "Error 2" in ended.err
    assert not (folder / "reports").exists()
    if api:
        assert api.state()["methods"] == before
    return ended.err


def test_s0_01_all_code_of_the_suite_is_in_one_folder_and_plain_locust_runs_it_there(api, tmp_path):
    with broker(api) as tokens:
        ended = subprocess.run(
            [BIN / "locust", "--headless", "-u", "2", "-r", "2", "-t", "2s", "-H", api.url, "--only-summary"],
            cwd=copy_of_the_suite(tmp_path) / "test" / "performance",
            env=environment(PERF_TEST_TOKEN_URL=f"{tokens}/ocm_token"),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"GET +/kafkas", ended.stderr)


def test_s0_02_a_server_of_its_own_gives_short_lived_tokens_to_get_and_to_nothing_else(api):
    with broker(api) as tokens:
        answer = requests.get(f"{tokens}/ocm_token", timeout=10)
        others = [requests.request(method, f"{tokens}/ocm_token", timeout=10) for method in ("POST", "PUT", "DELETE")]
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    assert answer.text.count(".") == 2
    assert [(each.status_code, each.text) for each in others] == [(405, "Method is not supported.")] * 3


def test_s0_02_the_token_server_can_be_started_from_its_own_folder(api, folder):
    words = [sys.executable, folder / "test/performance/token_api/main.py", "--port", "0"]
    environ = environment(OCM_OFFLINE_TOKEN=OFFLINE_TOKEN, LOADPROOF_ISSUER_URL=api.token_url)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ) as process:
        port = json.loads(process.stdout.readline())["port"]
        assert requests.get(f"http://127.0.0.1:{port}/ocm_token", timeout=10).status_code == 200
        process.stdin.close()
        assert process.wait(10) == 0


def test_s0_03_the_containers_have_the_three_roles_and_only_the_token_server_the_token():
    compose = YAML(typ="safe").load(SUITE / "test/performance/docker-compose.yml")
    services = compose["services"]
    assert set(services) == {"api", "master", "worker"}
    holders = [name for name, service in services.items() if "OCM_OFFLINE_TOKEN" in service["environment"]]
    assert holders == ["api"]
    assert services["worker"]["deploy"]["replicas"] == "${PERF_TEST_WORKERS_NUMBER:-25}"


@pytest.mark.parametrize("missing", ["PERF_TEST_ROUTE_HOST", "OCM_OFFLINE_TOKEN"])
def test_s0_04_without_a_required_variable_there_is_no_run(folder, api, missing):
    assert refused(folder, api, **{missing: ""}).splitlines()[0] == MISSING


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("http://127.0.0.1:9/", "must have no slash at its end"),
        ("127.0.0.1:9", "must be an address with its scheme"),
        ("ftp://127.0.0.1", "must be an address with its scheme"),
    ],
)
def test_s0_05_the_host_has_a_scheme_and_no_slash_at_its_end(folder, host, said):
    message = refused(folder, PERF_TEST_ROUTE_HOST=host)
    assert "PERF_TEST_ROUTE_HOST" in message
    assert said in message


@pytest.mark.parametrize("value", ["true", "1", "yes", "True", "FALSE "])
def test_s0_09_booleans_are_exactly_true_or_false(folder, value):
    message = refused(folder, PERF_TEST_PREPOPULATE_DB=value)
    assert "PERF_TEST_PREPOPULATE_DB: must be exactly TRUE or FALSE" in message


def test_s0_10_the_database_of_another_machine_is_not_filled_unless_that_is_confirmed(folder):
    given = {
        "PERF_TEST_ROUTE_HOST": "https://api.stage.example.com",
        "PERF_TEST_PREPOPULATE_DB": "TRUE",
        "PERF_TEST_GET_ONLY": "FALSE",
    }
    assert "would fill the database of api.stage.example.com" in refused(folder, **given)
    other = {"PERF_TEST_PREPOPULATE_DB_CONFIRM": "api.example.com"}
    assert "would fill the database of api.stage.example.com" in refused(folder, **given, **other)


@pytest.mark.parametrize("program", ["locust", "loadproof"])
def test_s0_10_nor_is_it_by_whoever_starts_the_locustfile_himself(api, folder, program):
    words = ["-H", "http://203.0.113.1", "-u", "1", "-t", "150s", "--headless"]
    if program == "loadproof":
        words = ["run", "test/performance/locustfile.py", *words, "--no-ready-check"]
    else:
        words = ["-f", "test/performance/locustfile.py", *words]
    environ = environment(PERF_TEST_PREPOPULATE_DB="TRUE", PERF_TEST_GET_ONLY="FALSE")
    ended = subprocess.run(
        [BIN / program, *words], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 2, ended.stderr
    assert "would fill the database of 203.0.113.1" in ended.stdout + ended.stderr


@pytest.mark.parametrize("value", ["2h", "90s", "120", "m", "0m", "1m30s"])
def test_s0_16_the_run_time_is_in_minutes_and_in_nothing_else(folder, value):
    assert "PERF_TEST_RUN_TIME: must be in minutes, as 120m" in refused(folder, PERF_TEST_RUN_TIME=value)


def test_every_wrong_parameter_is_named_at_once(folder):
    wrong = {"PERF_TEST_USERS": "many", "PERF_TEST_WORKERS_NUMBER": "0", "PERF_TEST_KAFKA_POST_WAIT_TIME": "-1"}
    message = refused(folder, **wrong)
    assert [name for name in wrong if f"{name}:" in message] == list(wrong)


def test_a_run_too_short_for_its_cleanup_sends_nothing(api, tmp_path):
    given = {"PERF_TEST_RUN_TIME": "1m", "PERF_TEST_GET_ONLY": "FALSE", "PERF_TEST_KAFKAS_PER_WORKER": "1"}
    before = api.state()["methods"]
    ended = run(tmp_path, api, **given)
    assert ended.code == 2
    assert "make the run longer" in ended.text
    assert api.state()["methods"] == before


def test_s0_19_what_is_missing_is_asked_for_by_name(folder, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "sh", "awk", "echo", "dirname"):
        (programs / name).symlink_to(shutil.which(name))
    for target, missing in (("test/performance", "loadproof"), ("test/performance/compose", "docker-compose")):
        ended = subprocess.run(
            [programs / "make", target],
            cwd=folder,
            env={"PATH": str(programs)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == 2
        assert ended.stderr.splitlines()[0] == f"Please install {missing} to run performance tests"


def test_s0_21_the_mix_is_that_of_the_document():
    sys.path.insert(0, str(SUITE / "test/performance"))
    try:
        import mix
    finally:
        sys.path.remove(str(SUITE / "test/performance"))
        del sys.modules["mix"]
    random = Random(7)
    drawn = Counter(mix.draw_action(random) for _ in range(20_000))
    planned = {
        "list_kafkas": 40,
        "search_kafkas": 35,
        "list_providers": 10,
        "list_regions": 5,
        "list_service_accounts": 5,
        "look_at_kafka": 5,
    }
    assert set(drawn) == set(planned)
    chi_square = sum((drawn[name] - 200 * share) ** 2 / (200 * share) for name, share in planned.items())
    assert chi_square < 20.52  # 5 degrees of freedom, p = 0.001: NIST handbook, table 1.3.6.7.4


def test_ids_in_a_file_are_deleted_one_after_the_other(api, folder):
    session = api.session()
    base = f"{api.url}/api/managed-services-api/v1"
    made = [
        session.post(
            f"{base}/kafkas?async=true",
            json={"name": f"left{n}", "cloud_provider": "aws", "region": "us-east-1", "multi_az": True},
            timeout=10,
        ).json()["id"]
        for n in range(2)
    ]
    accounts = [session.post(f"{base}/serviceaccounts", json={"name": "x"}, timeout=10).json()["id"]]
    (folder / "kafkas.txt").write_text("".join(f"{each}\n" for each in [*made, "unknown"]))
    (folder / "accounts.txt").write_text(f"{accounts[0]}\n")
    with broker(api) as tokens:
        given = {"API_HOST": api.url, "DELETE_DELAY": "0.5", "PERF_TEST_TOKEN_URL": f"{tokens}/ocm_token"}
        ended = python(folder, "cleanup.py", **given, FILE_PATH="kafkas.txt", RESOURCE="kafkas")
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.splitlines() == [f"kafkas {each}: deleted" for each in [*made, "unknown"]]
        ended = python(folder, "cleanup.py", **given, FILE_PATH="accounts.txt", RESOURCE="service_accounts")
        assert ended.returncode == 0, ended.stderr
    deletions = [event for event in api.state()["events"] if event["what"] == "kafka deleted" and event["id"] in made]
    assert deletions[1]["at"] - deletions[0]["at"] >= 0.5
    wait_for(lambda: api.state()["kafkas"] == api.state()["service_accounts"] == [])


def test_the_cleanup_by_file_names_what_it_needs(folder):
    ended = python(folder, "cleanup.py")
    assert ended.returncode == 2
    assert [name for name in ("API_HOST", "FILE_PATH", "RESOURCE") if f"{name}: is required" in ended.stderr] == [
        "API_HOST",
        "FILE_PATH",
        "RESOURCE",
    ]


def test_without_statistics_there_is_nothing_to_process(folder):
    ended = make(folder, "test/performance/process/csv").end()
    assert (ended.code, "make test/performance writes it" in ended.err) == (2, True)


def test_the_list_of_targets_needs_nothing_installed(folder):
    listed = subprocess.run(
        ["make"], cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False
    )
    assert "make test/performance " in listed.stdout


def test_the_readme_names_every_parameter_and_every_target():
    text = (SUITE / "README.md").read_text()
    sources = [SUITE / "test/performance" / name for name in ("settings.py", "cleanup.py", "start.py")]
    names = {name for path in sources for name in re.findall(r'"([A-Z]+_[A-Z_]{3,})"', path.read_text())}
    targets = set(re.findall(r"^(test/[a-z/]+):", (SUITE / "Makefile").read_text(), re.MULTILINE))
    assert len(names) > 20
    assert [each for each in sorted(names | targets) if each not in text] == []


def test_the_readme_maps_every_line_of_the_document_to_a_test_that_exists():
    text = (SUITE / "README.md").read_text()
    assert [line for line in (f"S0-{n:02}" for n in range(1, 23)) if line not in text] == []
    mentioned = set(re.findall(r"`(test_\w+)`", text))
    here = Path(__file__).parent
    folders = (here, here.parents[1] / "unit" / "suites" / "fleet")
    existing = {
        name
        for folder in folders
        for path in folder.glob("test_fleet_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert sorted(mentioned - existing) == []
    assert len(mentioned) > 22
