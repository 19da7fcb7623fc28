import json
from dataclasses import replace

import pytest

from loadproof.errors import RunError
from loadproof.result import (
    RunResult,
    find_run,
    find_runs,
    keep_baseline,
    kept_baselines,
    load_runs,
    result_directories,
)
from results_factory import empty_result, failed_sample, small_result


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(folder, name, result=None):
    directory = folder / "reports/performance" / name
    directory.mkdir(parents=True)
    (result or empty_result()).save(directory / "run.json")
    return directory


def test_an_empty_folder_has_no_runs_and_says_what_to_do(folder):
    assert result_directories() == []
    with pytest.raises(RunError, match=r"there is no run in reports.performance") as caught:
        find_run("latest")
    assert caught.value.slug == "no-run"
    assert "run a test first" in caught.value.hint


def test_the_latest_is_that_of_the_last_second_and_of_the_last_try_in_it(folder):
    save(folder, "load_test_shop_20260304_050607")
    save(folder, "load_test_shop_20260304_050608")
    save(folder, "load_test_shop_20260304_050608_10")
    last = save(folder, "load_test_shop_20260304_050608_2")
    assert [path.name for path in result_directories()][-2:] == [last.name, "load_test_shop_20260304_050608_10"]
    assert find_run("latest").parent.name == "load_test_shop_20260304_050608_10"


def test_the_latest_of_a_test_is_of_that_name_alone(folder):
    save(folder, "load_test_shop_20260304_050607")
    save(folder, "stress_test_shop_api_20260304_060607")
    assert find_run("latest:shop").parent.name == "load_test_shop_20260304_050607"
    with pytest.raises(RunError, match="there is no run of cart") as caught:
        find_run("latest:cart")
    assert caught.value.hint == "there are runs of shop, shop_api"


def test_a_run_that_goes_on_can_be_left_out(folder):
    first = save(folder, "load_test_shop_20260304_050607")
    own = save(folder, "load_test_shop_20260304_060607")
    assert find_run("latest", exclude=[own]).parent.name == first.name


def test_a_directory_without_a_run_is_not_the_latest_and_cannot_be_named(folder):
    save(folder, "load_test_shop_20260304_050607")
    empty = folder / "reports/performance/load_test_shop_20270101_000000"
    empty.mkdir()
    assert find_run("latest").parent.name == "load_test_shop_20260304_050607"
    with pytest.raises(RunError, match=r"there is no run\.json in"):
        find_run(str(empty))


def test_directories_files_globs_and_lists_name_runs_each_once(folder):
    first = save(folder, "load_test_shop_20260304_050607")
    second = save(folder, "load_test_shop_20260304_060607")
    assert find_runs(str(first)) == [first / "run.json"]
    assert find_runs(f"{second / 'run.json'}, {first}") == [second / "run.json", first / "run.json"]
    both = [path.parent.name for path in find_runs("reports/performance/load_test_shop_*,latest")]
    assert both == [first.name, second.name]
    assert [run.test_name for run in load_runs(f"{folder}/reports/performance/*")] == ["checkout", "checkout"]


@pytest.mark.parametrize("words", ["nothing", "no/such/folder", "reports/*", ",", "latest:x"])
def test_words_that_name_nothing_are_an_error(folder, words):
    with pytest.raises(RunError) as caught:
        find_runs(words)
    assert caught.value.slug == "no-run"


def test_one_run_is_asked_for_and_a_glob_of_two_is_an_error(folder):
    save(folder, "load_test_shop_20260304_050607")
    save(folder, "load_test_shop_20260304_060607")
    with pytest.raises(RunError, match="names 2 runs") as caught:
        find_run("reports/performance/*")
    assert caught.value.slug == "several-runs"


def test_a_kept_baseline_is_found_by_its_name_and_has_the_same_figures(folder):
    run = save(folder, "load_test_shop_20260304_050607", small_result())
    path = keep_baseline(run / "run.json")
    assert str(path) == "baselines/checkout.json"
    assert find_run("checkout") == path
    kept, whole = RunResult.load(path), RunResult.load(run)
    assert kept.record.totals() == whole.record.totals()
    assert kept.record.tallies(("/buy", "POST")) == whole.record.tallies(("/buy", "POST"))
    assert len(kept.record.windows()) == len(whole.record.windows())


def test_a_kept_baseline_has_neither_windows_of_entries_nor_bodies_of_failures(folder):
    sample = failed_sample(body="a customer's address")
    run = save(folder, "load_test_shop_20260304_050607", replace(small_result(), failures=(sample,)))
    text = keep_baseline(run / "run.json", name="mine").read_text()
    assert "address" not in text
    assert json.loads(text)["record"]["entry_windows"] == []
    assert [path.name for path in kept_baselines()] == ["mine.json"]


def test_a_run_that_is_not_finished_is_no_baseline(folder):
    run = save(folder, "load_test_shop_20260304_050607", replace(empty_result(), finished=False))
    with pytest.raises(RunError) as caught:
        keep_baseline(run / "run.json")
    assert caught.value.slug == "unfinished-run"
    assert kept_baselines() == []


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "\0"])
def test_a_name_that_leaves_the_folder_is_refused(folder, name):
    run = save(folder, "load_test_shop_20260304_050607")
    with pytest.raises(RunError, match="no name for a file"):
        keep_baseline(run / "run.json", name=name)
