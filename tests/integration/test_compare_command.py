"""``loadproof compare`` and ``loadproof baseline`` on saved runs, as a user types them."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from commandline import loadproof
from loadproof.compare import compare_runs
from loadproof.record import Recorder, RunRecord
from loadproof.result import RunResult
from results_factory import result_of, sample


def run(number, typical):
    rng = random.Random(f"{number} {typical}")
    record, recorder = RunRecord(), Recorder("1")
    for second in range(20):
        for index in range(20):
            recorder.record(sample(end=second + index / 20, took=typical * rng.lognormvariate(0, 0.2)))
    record.merge(recorder.interval({}))
    result = result_of(record=record, measured_to=20.0, judged=False)
    return replace(result, run_id=f"{number}-{typical}", test_name="shop")


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        for name, typical in (("main", 0.03), ("branch", 0.045)):
            directory = tmp_path / f"reports/performance/load_test_{name}_20260304_05060{number}"
            directory.mkdir(parents=True)
            run(number, typical).save(directory / "run.json")
    return tmp_path


def test_a_slower_branch_regressed_and_fails_the_job_that_asks(folder):
    sides = ("reports/performance/load_test_main_*", "reports/performance/load_test_branch_*")
    ended = loadproof(folder, "compare", *sides)
    assert ended.code == 0, ended.err
    assert ended.out.startswith("✗ REGRESSED  p50(response_time) of all requests +")
    assert loadproof(folder, "compare", *sides, "--fail-on-regression").code == 5
    document = json.loads(loadproof(folder, "compare", "--json", *sides).out)
    assert document["change"] == "REGRESSED"
    assert [len(document[side]) for side in ("baseline", "candidate")] == [3, 3]


def test_a_kept_baseline_can_be_compared_with(folder):
    kept = loadproof(folder, "baseline", "set", "latest:main")
    assert kept.code == 0, kept.err
    assert "shop.json: load test shop of 2026-03-04 05:06:07" in loadproof(folder, "baseline", "list").out
    ended = loadproof(folder, "compare", "--baseline", "baselines/shop.json", "latest:branch")
    assert ended.code == 0
    assert "20 s are too short for one run to speak for itself" in " ".join(ended.out.split())


def test_words_that_name_no_run_say_which_there_are(folder):
    ended = loadproof(folder, "compare", "latest:main", "latest:other")
    assert ended.code == 3
    assert "there are runs of branch, main" in ended.err


def test_a_report_that_is_written_again_draws_the_baseline_beside_the_run(folder):
    base, mine = (f"reports/performance/load_test_{name}_20260304_050602" for name in ("main", "branch"))
    run_file = folder / mine / "run.json"
    result = RunResult.load(run_file)
    compared = compare_runs([RunResult.load(folder / base)], [result])
    replace(result, comparison=compared, plan=result.plan | {"baseline": base}, finished=True).save(run_file)

    def drawn(*words):
        assert loadproof(folder, "report", mine, *words).code == 0
        return "baseline, successes" in (folder / mine / "report.html").read_text()

    assert drawn()
    assert drawn("--baseline", base)
    (folder / base / "run.json").rename(folder / "elsewhere.json")
    assert not drawn()  # the run that it was compared with is gone, and the report is written all the same
    missing = loadproof(folder, "report", mine, "--baseline", base)
    assert (missing.code, "no-run" in missing.err) == (3, True)
