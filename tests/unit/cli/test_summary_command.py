# ruff: noqa: RUF001 - dashes and signs are what is tested
import io
import json
from dataclasses import replace

import pytest

from loadproof.cli import entry
from loadproof.cli.summary import main
from loadproof.supervisor.files import write_files
from results_factory import capacity_result, result_of, sample, small_result, stress_result


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Writes finished runs of a test, one a day, whose answers take so many seconds."""
    monkeypatch.setenv("COLUMNS", "180")
    monkeypatch.setattr("loadproof.supervisor.files.render_html", lambda *_: "")  # nobody looks at it here

    def write(*times, name="shop", **fields):
        for day, took in enumerate(times, 1):
            directory = tmp_path / f"load_test_{name}_{day}"
            directory.mkdir()
            result = result_of(
                [sample(end=0.1 * i, took=took) for i in range(1, 100)],
                test_name=name,
                run_id=f"{name}-{day}",
                started_at=f"2026-03-{day:02}T05:06:07+00:00",
            )
            assert write_files(replace(result, **fields), directory) == []
        return tmp_path

    write()
    return write


def said(capsys, *words):
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def test_an_empty_folder_has_no_runs(folder, capsys):
    root = folder()
    assert said(capsys, root).strip() == f"No runs in {root}."
    document = json.loads(said(capsys, root, "--json"))
    assert document == {"schema_version": 1, "tests": [], "passed_over": []}


def test_a_folder_that_is_not_there_is_a_mistake_of_the_user(tmp_path, capsys):
    assert entry.main(["summary", str(tmp_path / "none")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_each_run_is_a_row_with_its_change_and_a_bar(folder, capsys):
    lines = said(capsys, folder(0.1, 0.2, 0.3)).splitlines()
    assert lines[0] == "shop (load): 3 runs"
    assert lines[1] == "  p95        ▃▆█  100 ms … 300 ms"
    rows = [" ".join(line.split()) for line in lines[3:]]
    assert rows == [
        "Started (UTC) Outcome Users p50 p95 Throughput Errors Run",
        "2026-03-01 05:06:07 ✓ PASS – 100 ms 100 ms 9.9/s 0% load_test_shop_1",
        "2026-03-02 05:06:07 ✓ PASS – 200 ms +100% 200 ms +100% 9.9/s 0% 0% 0 pp load_test_shop_2",
        "2026-03-03 05:06:07 ✓ PASS – 300 ms +100% 300 ms +100% 9.9/s 0% 0% 0 pp load_test_shop_3",
    ]


def test_only_the_last_runs_are_shown_and_yet_held_against_all(folder, capsys):
    out = said(capsys, folder(0.1, 0.1, 0.3), "--last", "1")
    assert "3 runs, the last 1" in out
    assert "+200%" in out
    assert "2026-03-02" not in out
    (test,) = json.loads(said(capsys, folder(), "--json", "--last", "1"))["tests"]
    assert (test["total_runs"], len(test["runs"])) == (3, 1)


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5", "²"])
def test_a_number_of_runs_is_at_least_one(tmp_path, count, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), f"--last={count}"])
    assert "is not a number of runs, at least 1" in capsys.readouterr().err


def test_json_has_every_value_in_its_unit(folder, capsys):
    (test,) = json.loads(said(capsys, folder(0.1, 0.2), "--json"))["tests"]
    run = test["runs"][1]
    assert (test["test_name"], test["kind"]) == ("shop", "load")
    assert run["p95_s"] == pytest.approx(0.2, rel=0.002)
    assert run["requests_per_second"] == 9.9
    assert (run["error_ratio"], run["outcome"], run["exit_code"], run["finished"]) == (0.0, "PASS", 0, True)
    assert run["earlier_median"]["p95_s"] == pytest.approx(0.1, rel=0.002)
    assert run["change_ratio"]["p95_s"] == pytest.approx(1.0, rel=0.005)
    assert run["change_ratio"]["error_ratio"] == 0.0


def test_broken_and_foreign_directories_are_named_and_passed_over(folder, capsys):
    root = folder(0.1)
    (root / "foreign").mkdir()
    for name, file, text in (
        ("broken", "metrics.json", "{"),
        ("binary", "metrics.json", "\udcff"),
        ("alien", "metrics.json", '{"test_name": "x"}'),
        ("torn", "run.json", '{"schema_version": 3, "run_id": "x"'),
        ("hollow", "run.json", '{"schema_version": 3}'),
        ("newer", "run.json", '{"schema_version": 999}'),
    ):
        (root / name).mkdir()
        (root / name / file).write_bytes(text.encode("utf-8", "surrogateescape"))
    (root / "notes.txt").write_text("a file is no business of ours")
    (root / ".hidden").mkdir()
    out = said(capsys, root)
    assert "shop (load): 1 run\n" in out
    assert "Passed over: 7 directories" in out
    for words in (
        "foreign: neither metrics.json nor run.json is in it",
        "broken: metrics.json is not JSON",
        "binary: metrics.json is not JSON",
        "alien: not the metrics.json of a run",
        "torn/run.json is not a saved run",
        "hollow: ",
        "newer/run.json has schema version 999",
    ):
        assert words in " ".join(out.split())  # lines are wrapped, and the folder's name may be long
    assert "notes.txt" not in out
    assert ".hidden" not in out
    assert len(json.loads(said(capsys, root, "--json"))["passed_over"]) == 7


def test_an_unfinished_run_is_marked_and_its_checkpoint_read(folder, capsys):
    root = folder(0.1)
    directory = root / "load_test_shop_2"
    directory.mkdir()
    result = result_of([sample()] * 99, judged=False, finished=False, test_name="shop")
    result.save(directory / "run.json")
    lines = said(capsys, root).splitlines()
    assert "… UNFINISHED" in lines[5]
    assert lines[1].startswith("  p95        █   100 ms")
    (test,) = json.loads(said(capsys, root, "--json"))["tests"]
    assert [run["finished"] for run in test["runs"]] == [True, False]
    assert test["runs"][1]["outcome"] is None


def test_a_finished_run_without_metrics_is_read_from_run_json(folder, capsys):
    root = folder(0.1)
    before = said(capsys, root)
    (root / "load_test_shop_1/metrics.json").unlink()
    assert said(capsys, root) == before


def test_a_run_that_was_cut_short_says_so(folder, capsys):
    assert "✓ PASS (cut short)" in said(capsys, folder(0.1, abort="interrupted by Ctrl-C"))


def test_a_result_directory_itself_is_a_folder_of_one(folder, capsys):
    assert "shop (load): 1 run\n" in said(capsys, folder(0.1) / "load_test_shop_1")


def test_searches_show_what_they_found(folder, capsys):
    root = folder()
    for result in (stress_result(), capacity_result()):
        directory = root / result.kind
        directory.mkdir()
        write_files(result, directory)
    out = said(capsys, root)
    assert "checkout-capacity (capacity): 1 run" in out
    assert "31/s" in out
    assert "20 users" in out
    assert out.count("Found") == 2


def test_without_unicode_all_is_ascii_and_no_line_is_too_wide(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", out)
    assert main([str(folder(0.1, 0.2, name="größe"))]) == 0
    out.seek(0)
    assert max(map(len, out.read().splitlines())) <= 80


def test_names_from_a_run_cannot_steer_the_terminal(folder, capsys):
    root = folder()
    directory = root / "load_test_x"
    directory.mkdir()
    write_files(replace(small_result(), test_name="a\x1b[2Jb\u202e"), directory)
    assert not set(said(capsys, root)) & {"\x1b", "\u202e"}
