"""Services without code: a list of endpoints is enough."""

from __future__ import annotations

import json

import pytest

from commandline import loadproof

TOML = """
thresholds = ["p95(response_time) < 2s"]

[run]
users = 3
run_time = "2s"

[services.shop]
base_url = "{url}/status/.."
timeout = 5
wait = "20ms"
headers = {{ "X-API-Key" = "${{SHOP_KEY:-test_api_key}}" }}
requests = [
  "GET /ok",
  {{ path = "/echo", method = "POST", json = {{ a = 1 }}, name = "create" }},
  {{ path = "/status/404", expect = [404], name = "gone" }},
]

[services.other]
base_url = "{url}"
wait = 0
requests = [
  {{ path = "/ok", name = "often", weight = 3 }},
  {{ path = "/status/500", name = "rarely", weight = 1 }},
]
"""


@pytest.fixture
def cwd(tmp_path, service):
    (tmp_path / "loadproof.toml").write_text(TOML.format(url=service.url).replace("/status/..", ""))
    return tmp_path


def by_name(metrics):
    return {endpoint["name"]: endpoint for endpoint in metrics["endpoints"]}


def test_a_service_runs_in_the_listed_order_with_the_expected_statuses(cwd, service):
    ended = loadproof(cwd, "run", "shop", "-t", "3s")
    assert ended.code == 0, ended.out + ended.err
    found = by_name(ended.metrics)
    assert set(found) == {"/ok", "create", "gone"}
    counts = [found[name]["requests"] for name in ("/ok", "create", "gone")]
    assert max(counts) - min(counts) <= 3
    assert found["gone"]["failures"] == 0
    assert found["gone"]["expected"] == found["gone"]["requests"]
    assert ended.directory.name.startswith("load_test_shop_")
    assert ended.metrics["users_peak"] == 3


def test_weights_make_a_random_mix_and_errors_are_counted_by_status(cwd):
    ended = loadproof(cwd, "run", "other", "-t", "2s")
    assert ended.code == 99
    found = by_name(ended.metrics)
    assert found["rarely"]["failures"] == found["rarely"]["requests"] > 0
    assert 2 < found["often"]["requests"] / found["rarely"]["requests"] < 4.5
    assert ended.metrics["error_types"] == {"http_500": found["rarely"]["requests"]}


@pytest.mark.alone
@pytest.mark.parametrize("users", [pytest.param("2", marks=pytest.mark.long), "20"])
@pytest.mark.parametrize("several", [pytest.param((), marks=pytest.mark.long), ("--processes", "2")])
def test_rps_limits_the_whole_run_whatever_the_number_of_users(cwd, users, several):
    ended = loadproof(cwd, "run", "shop", "--rps", "40", "-u", users, "-t", "4s", *several)
    assert ended.metrics["requests_per_second"] <= 40 * 1.05
    assert ended.metrics["requests_per_second"] > 25


@pytest.mark.long
def test_all_services_run_one_after_another_and_the_worst_code_counts(cwd):
    ended = loadproof(cwd, "run", "--all", "-t", "1s")
    assert ended.code == 99
    assert [d.name.split("_test_")[1].split("_")[0] for d in ended.directories] == ["other", "shop"]
    verdicts = [json.loads((d / "metrics.json").read_text())["verdict"] for d in ended.directories]
    assert verdicts[0] == "FAIL"
