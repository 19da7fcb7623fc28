"""What each service has to achieve, held against runs whose figures are known."""

from __future__ import annotations

import json

import pytest

from loadproof.record.rows import HEADER, RowFormatter
from loadproof.suites.services.scripts.validate_performance_thresholds import main
from loadproof.suites.services.service_levels import DEFAULT, SERVICE_LEVELS, level_of
from results_factory import result_of, sample


def saved(tmp_path, *, took=0.1, count=600, failed=0, seconds=10.0, kind="load"):
    directory = tmp_path / f"{kind}_test_pkd_service_20260304_050607"
    directory.mkdir()
    samples = [sample(end=seconds * i / count, took=took, status=200) for i in range(count - failed)]
    samples += [sample(end=1.0, took=took, kind="http_500", status=500)] * failed
    result = result_of(samples, measured_to=seconds, kind=kind)
    result.save(directory / "run.json")
    rows = HEADER.encode() + b"\r\n" + RowFormatter(1_780_000_000.0, "1").format(samples)
    (directory / "results.csv").write_bytes(rows)
    return directory


def validate(path, service="pkd_service", *more):
    return main(["--results-file", str(path), "--service", service, *more])


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("pkd_service", (500, 1000, 95, 50)),
        ("pkd-service", (500, 1000, 95, 50)),
        ("ui_app", (200, 500, 99, 200)),
        ("trust-svc", (300, 800, 98, 100)),
        ("csca_service", (400, 1000, 95, 80)),
        ("passport_engine", (2000, 5000, 90, 10)),
        ("mdl-engine", (1500, 4000, 92, 15)),
        ("inspection", (1000, 3000, 95, 30)),
        ("document_processing", (1000, 3000, 90, 20)),
    ],
)
def test_every_service_has_the_thresholds_that_are_listed(name, level):
    found = level_of(name)
    assert (found.average_ms, found.p95_ms, found.success_percent, found.per_second) == level
    assert all(rule.fail is not None for rule in found.rules)


def test_services_that_are_not_listed_have_the_default_ones():
    assert level_of("anything") is DEFAULT
    assert DEFAULT not in SERVICE_LEVELS.values()


def test_a_run_that_achieves_all_of_it_exits_with_0(tmp_path, capsys):
    assert validate(saved(tmp_path)) == 0
    out = capsys.readouterr().out
    assert out.startswith("✅ achieved: thresholds of pkd_service\n")
    assert "✅ avg(response_time) <= 500ms: 100 ms" in out


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ({"took": 0.501}, "avg(response_time) <= 500ms"),
        ({"took": 1.01}, "p95(response_time) <= 1000ms"),
        ({"failed": 31}, "error_rate <= 5%"),
        ({"count": 499}, "throughput >= 50/s"),
    ],
)
def test_each_violation_is_named_and_exits_with_1(tmp_path, capsys, broken, rule):
    assert validate(saved(tmp_path, **broken)) == 1
    assert f"❌ {rule}" in capsys.readouterr().out


@pytest.mark.parametrize("kept", [{"took": 0.5}, {"failed": 30}, {"count": 500}])
def test_a_threshold_that_is_just_reached_is_achieved(tmp_path, kept):
    assert validate(saved(tmp_path, **kept)) == 0


@pytest.mark.parametrize("name", ["", "results.csv", "run.json"])
def test_the_run_is_named_by_its_directory_or_any_file_in_it(tmp_path, name):
    assert validate(saved(tmp_path) / name) == 0


def test_rows_alone_are_counted_again(tmp_path, capsys):
    directory = saved(tmp_path, failed=60)
    (directory / "run.json").unlink()
    assert validate(directory / "results.csv") == 1
    out = capsys.readouterr().out
    assert "❌ error_rate <= 5%: 10%" in out
    assert "✅ throughput >= 50/s: 60/s" in out


def test_what_came_of_it_is_written_as_json(tmp_path):
    path = tmp_path / "reports" / "validation.json"
    assert validate(saved(tmp_path, failed=60), "pkd_service", "--output-json", str(path)) == 1
    document = json.loads(path.read_text())
    assert (document["service"], document["passed"]) == ("pkd_service", False)
    (violation,) = document["violations"]
    assert (violation["rule"], violation["observed"], violation["unit"]) == ("error_rate <= 5%", 0.1, "ratio")
    assert len(document["thresholds"]) == 4


def test_too_few_requests_are_no_pass(tmp_path, capsys):
    assert validate(saved(tmp_path, count=50, seconds=1.0)) == 4
    assert "50 samples, 59 needed for p95" in capsys.readouterr().out


def test_a_stress_test_is_refused(tmp_path, capsys):
    assert validate(saved(tmp_path, kind="stress")) == 2
    assert "is a stress test" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["nothing.csv", "latest:nothing"])
def test_what_is_no_run_is_said(tmp_path, monkeypatch, name, capsys):
    monkeypatch.chdir(tmp_path)
    assert validate(name) == 3
    assert "❌ there is no run" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_said(tmp_path, capsys):
    assert validate(saved(tmp_path), "pkd_service", "--output-json", "/proc/none/x.json") == 3
    assert "/proc/none" in capsys.readouterr().err
