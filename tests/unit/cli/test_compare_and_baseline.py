import json

import pytest

from loadproof.cli import baseline, compare, main
from loadproof.errors import RunError, UsageError
from results_factory import capacity_result, empty_result, small_result


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def save(folder, result, stamp="20260304_050607"):
    directory = folder / f"reports/performance/{result.kind}_test_shop_{stamp}"
    directory.mkdir(parents=True)
    result.save(directory / "run.json")
    return str(directory)


def slower_capacity():
    found = capacity_result()
    return type(found)(
        **{field: getattr(found, field) for field in found.__dataclass_fields__}
        | {"search": type(found.search)("capacity", "found", "per_second", low=10.0, high=10.5)}
    )


def test_runs_that_measured_nothing_are_compared_without_a_verdict(folder, capsys):
    run = save(folder, empty_result())
    assert compare.main([run, run]) == 0
    assert capsys.readouterr().out.startswith("? INCONCLUSIVE")


@pytest.mark.parametrize("words", [[], ["a"], ["a", "b", "c"], ["--baseline", "a"], ["--baseline", "a", "b", "c"]])
def test_not_two_sides_is_a_usage_error(folder, words):
    with pytest.raises(UsageError) as caught:
        compare.main(words)
    assert caught.value.slug == "two-sides"


@pytest.mark.parametrize(
    "words", [["--tolerance", "p95"], ["--tolerance", "p42=1%"], ["--tolerance", "p95=fast"], ["--floor", "p95=10%"]]
)
def test_a_tolerance_that_cannot_be_read_is_a_usage_error(folder, words):
    with pytest.raises(UsageError) as caught:
        compare.main(["a", "b", *words])
    assert caught.value.slug == "bad-value"


def test_every_problem_is_said_at_once(folder):
    with pytest.raises(UsageError) as caught:
        compare.main(["a", "--tolerance", "p1=1%,p95=x"])
    assert len(caught.value.problems) == 3


def test_a_run_that_is_not_there_is_named(folder):
    with pytest.raises(RunError, match="there is no run nowhere"):
        compare.main(["nowhere", "latest"])


def test_a_regression_exits_5_only_when_asked(folder, capsys):
    before, after = save(folder, capacity_result()), save(folder, slower_capacity(), "20260304_060607")
    assert compare.main([before, after]) == 0
    assert compare.main([before, after, "--fail-on-regression"]) == 5
    assert compare.main([after, before, "--fail-on-regression"]) == 0
    assert "✗ REGRESSED  capacity of all requests" in capsys.readouterr().out


def test_a_tolerance_changes_the_verdict(folder):
    before, after = save(folder, capacity_result()), save(folder, slower_capacity(), "20260304_060607")
    assert compare.main([before, after, "--fail-on-regression", "--tolerance", "capacity=400%"]) == 0


def test_runs_of_different_kinds_exit_4(folder):
    before, after = save(folder, capacity_result()), save(folder, small_result())
    assert compare.main([before, after]) == 4


def test_json_has_what_it_came_to_and_every_difference(folder, capsys):
    before, after = save(folder, capacity_result()), save(folder, slower_capacity(), "20260304_060607")
    compare.main(["--json", "--baseline", before, after])
    document = json.loads(capsys.readouterr().out)
    assert document["change"] == "REGRESSED"
    (only,) = document["differences"]
    assert (only["metric"], only["change"]) == ("capacity", "REGRESSED")
    assert only["interval"] == pytest.approx([10.0 / 32.5, 10.5 / 31.0])


def test_no_kept_baseline_says_how_to_keep_one(folder, capsys):
    assert baseline.main(["list"]) == 0
    assert "loadproof baseline set RUN" in capsys.readouterr().out
    assert baseline.main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_kept_run_is_listed_and_compared_with_by_its_name(folder, capsys):
    save(folder, small_result())
    assert baseline.main(["set", "latest:shop"]) == 0
    assert "baselines/checkout.json" in capsys.readouterr().out
    assert baseline.main(["list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["test_name"], row["requests"], row["commit"]) == ("checkout", 100, "0123456789ab")
    assert compare.main(["checkout", "latest"]) == 0
    assert "is on both sides" in capsys.readouterr().out


def test_a_file_that_is_no_run_is_listed_with_its_problem(folder, capsys):
    (folder / "baselines").mkdir()
    (folder / "baselines/broken.json").write_text("{}")
    assert baseline.main(["list"]) == 0
    assert "broken.json is not a saved run" in capsys.readouterr().out


def test_errors_reach_the_terminal_with_their_exit_code(folder, capsys):
    assert main(["compare", "a"]) == 2
    assert main(["baseline", "set", "nothing"]) == 3
    assert "there is no run nothing" in capsys.readouterr().err
