import json
from dataclasses import replace

import pytest

from loadproof.errors import RunError
from loadproof.record import Counts, RunRecord
from loadproof.result import SCHEMA_VERSION, GeneratorHealth, Outcome, RunResult
from results_factory import (
    arrivals_health,
    capacity_result,
    empty_result,
    open_result,
    rich_result,
    small_result,
    stress_result,
)

RESULTS = [empty_result, small_result, open_result, stress_result, capacity_result]


def saved(tmp_path, result):
    path = tmp_path / "run.json"
    result.save(path)
    return path


def without_records(result):
    """All that compares by value."""
    return replace(result, record=None, directory=None)


@pytest.mark.parametrize("make", RESULTS)
def test_a_saved_run_loads_as_it_was(tmp_path, make):
    result = make()
    loaded = RunResult.load(saved(tmp_path, result))
    assert without_records(loaded) == replace(without_records(result), plan=loaded.plan)
    assert loaded.plan == json.loads(json.dumps(result.plan))
    assert loaded.directory == tmp_path
    assert loaded.record.to_json() == result.record.to_json()
    assert loaded.record.arrivals == result.record.arrivals


def test_a_loaded_run_saves_to_the_same_bytes(tmp_path):
    for make in RESULTS:
        first = saved(tmp_path, make()).read_bytes()
        assert saved(tmp_path, RunResult.load(tmp_path)).read_bytes() == first


def test_levels_keep_their_counts_their_verdicts_and_their_health(tmp_path):
    result = capacity_result()
    level = RunResult.load(saved(tmp_path, result)).levels[3]
    assert level.record == result.levels[3].record
    assert level.record.select("/items", "GET") == result.levels[3].record.select("/items", "GET")
    assert (level.record.arrivals.offered, level.health.offered, level.target) == (680, 680, 34.0)
    assert (level.outcome, level.metric) == (Outcome.FAIL, "p95(response_time)")
    assert level.verdicts == result.levels[3].verdicts
    assert isinstance(level.verdicts[0].interval, tuple)


def test_what_a_search_found_is_kept(tmp_path):
    for result, metric in ((stress_result(), "error_rate"), (capacity_result(), "p95(response_time)")):
        search = RunResult.load(saved(tmp_path, result)).search
        assert search == result.search
        assert search.metric == metric


def test_doubts_and_the_fate_of_arrivals_are_kept_with_the_health(tmp_path):
    health = RunResult.load(saved(tmp_path, open_result())).health
    assert (health.offered, health.started, health.dropped, health.late) == (900, 860, 40, 17)
    assert health.start_lag_p99 == pytest.approx(0.012, rel=0.001)
    assert [(doubt.quantity, doubt.breach_stands, doubt.pass_stands) for doubt in health.doubts] == [
        ("response_time", True, False)
    ]
    assert health.notes == ("Raise --max-users to about 110.",)


def test_a_run_of_a_version_before_levels_loads_and_is_saved_anew(tmp_path):
    path = saved(tmp_path, empty_result())
    document = json.loads(path.read_text("utf-8"))
    del document["levels"], document["search"]
    document["schema_version"] = 1
    document["health"] = {
        "cpu_mean": 0.2, "cpu_max": 0.4, "loop_lag_p99": 0.002, "loop_lag_max": 0.01, "kernel_clock_share": 1.0,
        "fallbacks": {"hooks": 2}, "notes": ["busy"],
    }  # fmt: skip
    document["record"] = {
        "user_peak": 2, "users_by_class_peak": {"A": 2}, "totals": {},
        "timeline": {"seconds": 1, "width_s": 1, "old": [], "old_users": [], "recent": {}, "recent_users": [[0, 2]]},
        "seconds": 1, "entry_bits": 10, "entry_windows_at_most": 128, "entry_window_s": 1, "entries": [],
    }  # fmt: skip
    path.write_text(json.dumps(document), "utf-8")
    loaded = RunResult.load(path)
    assert (loaded.levels, loaded.search, loaded.schema_version) == ((), None, SCHEMA_VERSION)
    assert loaded.health == GeneratorHealth(
        cpu_mean=0.2, cpu_max=0.4, loop_lag_p99=0.002, loop_lag_max=0.01, kernel_clock_share=1.0,
        fallbacks={"hooks": 2}, notes=("busy",),
    )  # fmt: skip
    assert (loaded.record.user_peak, loaded.record.windows()[0].users) == (2, 2)
    assert RunResult.load(saved(tmp_path, loaded)).health == loaded.health


def test_a_newer_version_is_refused(tmp_path):
    path = saved(tmp_path, empty_result())
    path.write_text(
        path.read_text("utf-8").replace(f'"schema_version":{SCHEMA_VERSION}', '"schema_version":99'), "utf-8"
    )
    with pytest.raises(RunError, match="schema version 99; this Loadproof reads up to"):
        RunResult.load(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense"])
def test_what_is_no_run_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text, "utf-8")
    with pytest.raises(RunError, match="is not a saved run"):
        RunResult.load(tmp_path)


def test_a_record_leaves_room_for_levels_in_the_file(tmp_path, monkeypatch):
    asked = []
    whole = RunRecord.to_json

    def to_json(record, *, most_text=None):
        asked.append(most_text)
        return whole(record, most_text=most_text)

    monkeypatch.setattr(RunRecord, "to_json", to_json)
    saved(tmp_path, small_result())
    saved(tmp_path, stress_result())
    assert asked[0] > 17_999_000
    assert 17_000_000 < asked[1] < asked[0] - 5_000


def test_results_of_the_factory_tell_their_stories():
    assert [verdict.outcome for verdict in open_result().verdicts] == [Outcome.PASS, Outcome.FAIL, Outcome.FAIL]
    assert [level.outcome.name for level in stress_result().levels] == ["PASS", "PASS", "PASS", "FAIL", "FAIL"]
    trials = {(level.target, level.role): level.outcome.name for level in capacity_result().levels}
    assert trials == {
        (20, "step"): "PASS",
        (40, "step"): "FAIL",
        (28, "step"): "PASS",
        (34, "step"): "FAIL",
        (31, "step"): "PASS",
        (32.5, "step"): "FAIL",
        (31, "confirm"): "PASS",
    }
    assert rich_result(seconds=2).levels == ()
    assert arrivals_health(Counts().arrivals).offered == 0
