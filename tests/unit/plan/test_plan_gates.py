"""``[coverage]`` and ``[baseline]``, and the options that say the same."""

from __future__ import annotations

import pytest

from loadproof.errors import UsageError
from loadproof.plan import CoverageGate, Options, effective_plan, load_plan


@pytest.fixture
def load(tmp_path):
    (tmp_path / "locustfile.py").touch()

    def load(toml="", **given):
        (tmp_path / "loadproof.toml").write_text(toml, encoding="utf-8")
        return load_plan(Options(cwd=tmp_path, environ=given.pop("environ", {}), **given))

    return load


def test_both_tables_are_read(load):
    plan = load(
        '[coverage]\nexpect = ["GET /a", "/b*"]\ntasks = false\nclasses.Buyer = ["/buy"]\n'
        '[baseline]\nrun = "latest:shop"\nrequire = true\nfail_on_regression = true\n'
    )
    assert plan.coverage == CoverageGate(expect=("GET /a", "/b*"), classes={"Buyer": ("/buy",)}, tasks=False)
    assert (plan.baseline, plan.require_baseline, plan.fail_on_regression) == ("latest:shop", True, True)
    assert plan.sources["baseline"] == "loadproof.toml: baseline.run"


def test_options_and_environment_come_before_the_file(load):
    toml = '[baseline]\nrun = "file"\n'
    plan = load(toml, baseline="option", require_baseline=True, fail_on_regression=True)
    assert (plan.baseline, plan.require_baseline, plan.fail_on_regression) == ("option", True, True)
    assert load(toml, environ={"LOADPROOF_BASELINE": "environment"}).baseline == "environment"
    assert load(toml).baseline == "file"


def test_the_effective_plan_says_the_same_again(load):
    toml = '[coverage]\nexpect = ["GET /a"]\n[coverage.classes]\nBuyer = ["/b"]\n"A b" = []\n[baseline]\nrun = "x"\nfail_on_regression = true\n'
    first = load(toml)
    again = load(effective_plan(first))
    for field in ("coverage", "baseline", "require_baseline", "fail_on_regression"):
        assert getattr(again, field) == getattr(first, field)
    assert "[coverage]" not in effective_plan(load())


@pytest.mark.parametrize(
    ("toml", "where"),
    [
        ("[coverage]\nexpected = []\n", "coverage.expected"),
        ('[coverage]\nexpect = "x"\n', "coverage.expect"),
        ("[coverage]\ntasks = 1\n", "coverage.tasks"),
        ("[coverage]\nclasses = []\n", "coverage.classes"),
        ('[coverage.classes]\nBuyer = "x"\n', "coverage.classes.Buyer"),
        ("[baseline]\nrun = 5\n", "baseline.run"),
        ('[baseline]\nname = "x"\n', "baseline.name"),
        ("coverage = 5\n", "coverage"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(load, toml, where):
    with pytest.raises(UsageError) as caught:
        load(toml)
    assert [problem.where for problem in caught.value.problems] == [f"loadproof.toml: {where}"]


def test_windows_need_a_warm_up_of_known_length(load):
    for text in ("error_rate < 1% for 5s", "error_rate < 1% after 5s"):
        assert load(thresholds=(text,), warmup="10s").thresholds[-1].is_partial
        with pytest.raises(UsageError) as caught:
            load(thresholds=(text,), warmup="auto")
        assert caught.value.slug == "window-start"


@pytest.mark.parametrize(
    "text", ["error_rate < 1% for 5s", "error_rate < 1% abort", "error_rate < baseline", "coverage = 100%"]
)
def test_levels_of_a_search_take_no_rule_on_the_whole_run(load, text):
    with pytest.raises(UsageError) as caught:
        load(thresholds=(text,), search="capacity")
    assert caught.value.slug == "not-in-search"


def test_a_rule_on_a_level_belongs_to_the_search(load):
    plan = load(thresholds=("error_rate{level=50} < 1%",), search="stress")
    assert "error_rate{level=50} < 1%" in [rule.text for rule in plan.thresholds]
    assert "error_rate{level=50} < 1%" not in [rule.text for rule in plan.search.rules]
    with pytest.raises(UsageError) as caught:
        load(thresholds=("error_rate{level=50} < 1%",))
    assert caught.value.slug == "not-in-search"
