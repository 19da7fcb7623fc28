"""What the scripts of the suite make of their words; nothing is run."""

from __future__ import annotations

import sys

import pytest

from loadproof.suites.services import FOLDER, regressions
from loadproof.suites.services.command import loadproof_command
from loadproof.suites.services.parts import PORTS, TARGET
from loadproof.suites.services.scripts import performance_monitoring
from loadproof.suites.services.scripts.performance_test import command


@pytest.fixture
def in_suite(monkeypatch):
    monkeypatch.chdir(FOLDER)


def test_a_load_test_has_the_documented_defaults(in_suite):
    assert command(["load", "pkd_service"]) == ["run", "pkd_service", "--users", "10", "--run-time", "60"]


def test_a_stress_test_has_the_documented_defaults(in_suite):
    assert command(["stress", "ui_app"]) == ["stress", "ui_app", "--max-users", "100", "--ramp-up", "300"]


def test_every_option_reaches_loadproof(in_suite):
    words = ["load", "all", "--users", "5", "--duration", "30", "--rps", "50", "--metrics-port", "9100", "--strict"]
    assert command(words) == [
        "run", "--all", "--users", "5", "--run-time", "30", "--rps", "50", "--metrics-port", "9100", "--strict",
    ]  # fmt: skip
    words = ["stress", "ui_app", "--max-users", "50", "--ramp-up", "180", "--threshold", "error_rate < 2%"]
    assert command(words) == [
        "stress", "ui_app", "--max-users", "50", "--ramp-up", "180", "--threshold", "error_rate < 2%",
    ]  # fmt: skip


def test_the_port_of_metrics_is_9090_where_none_is_said(in_suite):
    assert command(["load", "pkd_service", "--metrics-port"])[-2:] == ["--metrics-port", "9090"]
    assert "--metrics-port" not in command(["load", "pkd_service"])


def test_from_any_other_folder_the_plan_of_the_suite_counts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = command(["load", "pkd_service"])
    assert words[:4] == ["run", "pkd_service", "--plan", str(FOLDER / "loadproof.toml")]
    assert "--plan" not in command(["load", "pkd_service", "--plan=mine.toml"])[:-1]
    (tmp_path / "loadproof.toml").write_text("")
    assert "--plan" not in command(["load", "pkd_service"])


@pytest.mark.parametrize("words", [[], ["load"], ["soak", "pkd_service"], ["load", "pkd_service", "--users"]])
def test_words_that_say_nothing_are_refused(words, capsys):
    with pytest.raises(SystemExit) as caught:
        command(words)
    assert caught.value.code == 2


def test_loadproof_runs_under_this_interpreter_and_never_imports_from_the_current_folder():
    words = loadproof_command(["run", "a b"])
    assert words[0] == sys.executable
    assert "-P" in words
    assert words[-2:] == ["run", "a b"]


class BecameError(Exception):
    """Raised in place of becoming another program."""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--setup"], ["monitor", "setup"]),
        (["--setup", "--metrics-port", "9100", "--force"], ["monitor", "setup", "--metrics-port", "9100", "--force"]),
    ],
)
def test_the_set_up_of_monitoring_is_loadproofs_own(words, told, monkeypatch):
    def become(words):
        raise BecameError(words)

    monkeypatch.setattr(performance_monitoring, "become_loadproof", become)
    with pytest.raises(BecameError) as caught:
        performance_monitoring.main(words)
    assert caught.value.args == (told,)


@pytest.mark.parametrize(
    "words",
    [[], ["--setup", "--summary", "x"], ["--setup", "--fail-on-regression"], ["--summary", "x", "--metrics-port", "1"]],
)
def test_monitoring_does_one_thing_at_a_time(words, capsys):
    with pytest.raises(SystemExit) as caught:
        performance_monitoring.main(words)
    assert caught.value.code == 2


def test_the_last_run_of_each_test_is_compared_with_the_one_before_or_three_with_three():
    def run(directory, *, finished=True, abort=None):
        return {"directory": directory, "finished": finished, "abort": abort}

    summary = {
        "tests": [
            {"test_name": "pkd", "kind": "load", "runs": [run("a"), run("b"), run("c", abort="Ctrl-C"), run("d")]},
            {"test_name": "pkd", "kind": "stress", "runs": [run("e"), run("f", finished=False)]},
            {"test_name": "ui", "kind": "load", "runs": [run(str(number)) for number in range(7)]},
        ]
    }
    assert list(regressions._last_sides(summary)) == [
        ("pkd (load)", ["b"], ["d"]),
        ("ui (load)", ["1", "2", "3"], ["4", "5", "6"]),
    ]


def test_the_target_of_the_suite_is_its_three_services_on_their_documented_ports():
    assert {part.name: part.port for part in TARGET.embedded} == PORTS
    assert PORTS == {"pkd_service": 8088, "document_processing": 8080, "ui_app": 8000}
    assert TARGET.environ == {
        "PKD_SERVICE_PORT": "{ports[pkd_service]}",
        "DOCUMENT_PROCESSING_PORT": "{ports[document_processing]}",
        "UI_APP_PORT": "{ports[ui_app]}",
    }
