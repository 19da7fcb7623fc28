"""Stress tests of the services suite: they reach their maximum, find the breaking point, and say so."""

from __future__ import annotations

import json

import pytest

from commandline import free_port


@pytest.fixture
def breaking(services):
    """The services, each of which breaks beyond three users; healthy again afterwards."""
    for target in services.values():
        target.post("/_faults", {"most_users": 3})
    yield services
    for target in services.values():
        target.post("/_faults", {"most_users": None})


@pytest.mark.long
def test_s4_02_12_comprehensive_tests_find_the_breaking_point_of_every_service_and_say_so(suite, breaking):
    suite.edit("loadproof.toml", 'wait = "100ms"', 'wait = "30ms"', times=3)  # samples enough for so short a run
    ended = suite.run("make", "perf-test-all", "USERS=3", "DURATION=2", "MAX_USERS=20", "RAMP_UP=10")
    assert ended.code == 0, ended.out + ended.err
    for name in breaking:
        (load,) = suite.directories(f"load_test_{name}")
        assert json.loads((load / "metrics.json").read_text())["users_peak"] == 3
        (stress,) = suite.directories(f"stress_test_{name}")
        assert {"results.csv", "metrics.json", "report.html"} <= {path.name for path in stress.iterdir()}
        metrics = json.loads((stress / "metrics.json").read_text())
        assert metrics["search"]["outcome"] == "broke"
        assert (metrics["search"]["breaking_level"], metrics["search"]["metric"]) == (4, "error_rate")
        assert [(level["target"], level["outcome"]) for level in metrics["levels"]][-2:] == [(4, "FAIL"), (4, "FAIL")]
        assert f"{name}: exit code 0: broke at 4 users" in " ".join(ended.out.split())
        assert "broke at 4 users" in " ".join((stress / "report.html").read_text().split())


def test_s4_12_comprehensive_tests_have_their_defaults(suite):
    assert suite.run("make", "perf-test-all", PYTHON="echo").out.splitlines() == [
        "scripts/performance_test.py load all --users 10 --duration 60",
        "scripts/performance_test.py stress all --max-users 50 --ramp-up 180",
    ]


@pytest.mark.parametrize(("codes", "expected"), [((99, 0), 99), ((0, 4), 4), ((3, 99), 3), ((0, 0), 0)], ids=str)
def test_comprehensive_tests_go_on_after_a_failure_and_end_with_the_first_one(suite, tmp_path, codes, expected):
    python = tmp_path / "python"
    cases = "\n".join(
        f"  {kind}) echo {kind}; exit {code} ;;" for kind, code in zip(("load", "stress"), codes, strict=True)
    )
    python.write_text(f'#!/bin/sh\ncase "$2" in\n{cases}\nesac\n')
    python.chmod(0o755)
    ended = suite.run("make", "perf-test-all", PYTHON=str(python))
    assert ended.out.split() == ["load", "stress"]
    assert ended.code == (2 if expected else 0), "make itself has no other code for a failure"
    assert (f"Error {expected}" in ended.err) == bool(expected)


@pytest.mark.long
def test_s4_22_23_the_maximum_is_reached_also_when_it_is_no_multiple_of_ten_in_the_time_that_was_given(suite):
    ended = suite.run(
        "python3", "scripts/performance_test.py", "stress", "ui_app", "--max-users", "27", "--ramp-up", "3"
    )
    metrics = ended.metrics
    assert metrics["users_peak"] == 27
    assert [level["target"] for level in metrics["levels"] if level["role"] == "step"] == [9, 18, 27]
    assert (metrics["search"]["kind"], metrics["search"]["max_level"]) == ("stress", 27)
    assert metrics["search"]["breaking_level"] is None
    assert ended.run["plan"]["search"]["hold"] == 1, "three levels in three seconds"
    if ended.code == 0:  # 4 where other programs kept the generator from the CPU: then nobody can tell
        assert "did not break up to 27 users" in ended.out
    else:
        assert (ended.code, metrics["search"]["outcome"]) in {(4, "generator_limited"), (4, "unsettled")}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["make", "perf-test-load"], "load pkd_service --users 10 --duration 60", id="s4_10_14_19_20"),
        pytest.param(
            ["make", "perf-test-load", "SERVICE=pkd_service", "USERS=10", "DURATION=60"],
            "load pkd_service --users 10 --duration 60", id="s4_15",
        ),
        pytest.param(
            ["./scripts/run_perf_test.sh", "pkd_service", "load", "10", "60"],
            "load pkd_service --users 10 --duration 60", id="s4_16",
        ),
        pytest.param(
            ["./scripts/run_perf_test.sh", "document_processing", "load", "20", "120"],
            "load document_processing --users 20 --duration 120", id="s4_16_example",
        ),
        pytest.param(["make", "perf-test-stress"], "stress pkd_service --max-users 100 --ramp-up 300", id="s4_11_14"),
        pytest.param(
            ["make", "perf-test-stress", "SERVICE=ui_app", "MAX_USERS=50", "RAMP_UP=20"],
            "stress ui_app --max-users 50 --ramp-up 20", id="s4_17",
        ),
        pytest.param(
            ["./scripts/run_perf_test.sh", "ui_app", "stress", "50", "180", "--strict"],
            "stress ui_app --max-users 50 --ramp-up 180 --strict", id="s4_18_by_the_script",
        ),
        pytest.param(["./scripts/run_perf_test.sh"], "load pkd_service --users 10 --duration 60", id="alone"),
    ],
)  # fmt: skip
def test_s4_10_11_14_15_16_17_commands_mean_what_the_document_says(suite, words, told):
    ended = suite.run(*words, PYTHON="echo")
    assert ended.code == 0, ended.err
    assert ended.out == f"scripts/performance_test.py {told}\n"


def test_s4_14_variables_of_the_environment_count_too(suite):
    out = suite.run("make", "perf-test-load", PYTHON="echo", SERVICE="ui_app", USERS="7", DURATION="9").out
    assert out == "scripts/performance_test.py load ui_app --users 7 --duration 9\n"


@pytest.mark.parametrize("words", [["make", "perf-test-load"], ["make", "run-ui-app"], ["./scripts/run_perf_test.sh"]])
def test_an_interpreter_without_loadproof_is_said(suite, words):
    ended = suite.run(*words, PYTHON="false")
    assert ended.code == (2 if words[0] == "make" else 3)
    assert "❌ Loadproof is not installed for false" in ended.err
    assert "activate its virtual environment" in ended.err


def test_a_type_of_test_that_there_is_not_is_said(suite):
    ended = suite.run("./scripts/run_perf_test.sh", "pkd_service", "soak")
    assert ended.code == 2
    assert "❌ soak is not a type of test: load or stress" in ended.err


def test_s4_18_the_stress_test_of_the_document_is_understood(suite):
    words = ["python3", "scripts/performance_test.py", "stress", "ui_app", "--max-users", "50", "--ramp-up", "180"]
    port = str(free_port())
    ended = suite.run(*words, UI_APP_PORT=port)
    assert (ended.code, ended.out) == (3, "")
    assert f"❌ Service ui_app is not running on port {port}" in ended.err
    wrong = suite.run(*words, "--threshold", "p95 < 1", UI_APP_PORT=port)
    assert wrong.code == 2, "options are read before anybody is asked whether he runs"
