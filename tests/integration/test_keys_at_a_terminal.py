"""A run in a terminal: what is shown, what keys do, and how the terminal is left."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest

from commandline import BIN, alive, children, environment, wait_for
from modelled import modelled
from terminal import Program

SUITE = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/ok")
"""


TALK = """
        said[0] += 1
        if said[0] % 20 == 0:
            print(f"<{said[0] // 20}>")

said = [0]
"""


@pytest.fixture(scope="module")
def url():
    with modelled("fast") as address:
        yield address


@pytest.fixture
def in_terminal(tmp_path, url):
    """Starts a run in a terminal."""
    started = []

    def run(*words, text=SUITE, columns=80, rows=24, command="run", folder=tmp_path, shell=None, **extra):
        (folder / "locustfile.py").write_text(text)
        env = {key: value for key, value in environment(TERM="xterm-256color").items() if key != "COLUMNS"} | extra
        line = [BIN / "loadproof", command, *words, "-H", url, "--samples", "none"]
        if shell is not None:
            line = ["/bin/sh", "-c", shell, "sh", *line]
        started.append(Program(*line, cwd=folder, env=env, columns=columns, rows=rows))
        return started[-1]

    yield run
    for program in started:
        program.close()


def saved(folder):
    (path,) = (folder / "reports/performance").glob("*/run.json")
    return json.loads(path.read_text())


def kinds(run):
    return [each["kind"] for each in run["interventions"]]


def test_a_run_is_paused_resumed_given_users_resized_stopped_by_ctrl_z_and_ended_early(in_terminal, tmp_path):
    text = SUITE + TALK
    program = in_terminal("-u", "4", "-r", "4", "-t", "5m", "--threshold", "p95(response_time) < 5s", text=text)
    program.wait_for("/ok")  # among the endpoints
    assert program.is_raw
    for part in ("left", "users 4/4", "rate ", "p95 ", "Thresholds", "p95(response_time) < 5s", "generator", "q end"):
        assert part in program.text, part
    program.type("+")
    program.wait_for("users 5/5")
    program.type("-")
    program.wait_for("users 4/4")

    program.type("p")
    program.wait_for("PAUSED")
    program.read(2.0)
    program.resize(200, 50)
    program.wait_for(lambda: program.text.count("q end") == 1 and program.text.count("Thresholds") == 1)
    program.type("p")
    program.wait_for(lambda: "PAUSED" not in program.text)
    program.resize(80, 24)
    program.read(1.0)
    program.wait_for(lambda: (program.text.count("Endpoints"), program.text.count("q end")) == (1, 1))

    drawn = program.all_text.count("q end")
    os.kill(program.process.pid, signal.SIGTSTP)  # stops nothing: no shell is there to go on with it
    # The view goes on below. What is printed soon takes the old one off the screen, so all that was ever shown counts.
    program.wait_for(lambda: program.all_text.count("q end") == drawn + 1)
    assert program.is_raw
    program.type("?")
    program.wait_for("end the run early")

    program.type("q")
    assert program.end() == 0
    assert program.is_as_found
    assert "ended early by the user" in " ".join(program.all_text.split())
    assert "report.html" in program.text
    printed = re.findall(r"^<[0-9]+>$", program.all_text, re.MULTILINE)
    assert len(printed) > 10
    assert printed == [f"<{number}>" for number in range(1, len(printed) + 1)]  # above the view, once and whole
    run = saved(tmp_path)
    assert kinds(run) == ["users", "users", "paused", "resumed", "ended_early"]
    assert [(each["before"], each["after"]) for each in run["interventions"][:2]] == [(4, 5), (5, 4)]
    assert run["abort"] is None
    assert run["exit_reason"].endswith("; ended early by the user")
    assert any("paused the run for" in note for note in run["health"]["notes"])
    (report,) = (tmp_path / "reports/performance").glob("*/report.html")
    assert "ended the run early" in report.read_text()
    assert report.relative_to(tmp_path).as_posix() in "".join(program.all_text.split("\n"))
    (metrics,) = (tmp_path / "reports/performance").glob("*/metrics.json")
    paused = run["interventions"][3]["at"] - run["interventions"][2]["at"]
    lasted = run["measured_to"] - run["measured_from"]
    assert paused > 1.9
    assert json.loads(metrics.read_text())["total_duration"] == pytest.approx(lasted - paused)


LOADS = {
    "locust": ("-u", "20", "-r", "20", "--processes", "2"),
    "profile": ("--stages", "1s:20,5m:20"),
    "arrivals": ("--rate", "40/s", "--duration", "5m"),
}


@pytest.mark.long
def test_every_kind_of_load_is_paused_and_users_are_changed_where_there_are_any(in_terminal, tmp_path):
    programs = {}
    for load, words in LOADS.items():
        (tmp_path / load).mkdir()
        programs[load] = in_terminal(*words, folder=tmp_path / load)

    def for_each(condition):
        for program in programs.values():
            program.wait_for(lambda program=program: re.search(condition, program.text))

    def type_(keys):
        for program in programs.values():
            program.type(keys)

    for_each("users 20[ /]|offered 40/s")
    type_("+")
    for_each("users 22[ /]|cannot be changed during")
    type_("p")
    for_each("PAUSED")
    programs["locust"].read(1.2)  # until the last of it was reported
    for_each("PAUSED")
    before = {load: requests_of(program) for load, program in programs.items()}
    programs["locust"].read(1.1)
    for_each("PAUSED")
    assert {load: requests_of(program) for load, program in programs.items()} == before
    programs["arrivals"].type("p")
    programs["arrivals"].wait_for("resumed at")
    programs["arrivals"].read(1.0)
    type_("q")
    codes = {load: program.end() for load, program in programs.items()}
    assert (codes["locust"], codes["profile"]) == (0, 0)

    for load in ("locust", "profile"):
        run = saved(tmp_path / load)
        assert kinds(run) == ["users", "paused", "ended_early"]
        assert run["unfinished"] == 0  # nobody was doing anything
        assert (run["interventions"][0]["before"], run["interventions"][0]["after"]) == (20, 22)
    run = saved(tmp_path / "arrivals")
    assert kinds(run) == ["paused", "resumed", "ended_early"]
    paused, resumed, ended = (each["at"] for each in run["interventions"])
    under_load = ended - run["measured_from"] - (resumed - paused)
    assert resumed - paused > 2
    offered, started, dropped = (run["health"][name] for name in ("offered", "started", "dropped"))
    assert offered == pytest.approx(40 * under_load, abs=40)
    assert offered == started + dropped
    assert dropped <= 0.2 * offered  # a busy machine drops some by itself


def requests_of(program):
    return program.text.partition("requests ")[2].split()[0]


def test_a_search_is_only_ended(in_terminal, tmp_path):
    program = in_terminal("--max-users", "40", "--steps", "4", "--hold", "20s", command="stress")
    program.wait_for("level 1")
    program.type("+p")
    program.wait_for("a search cannot have its users changed")
    program.wait_for("a search cannot be paused")
    program.type("q")
    assert program.end() == 4  # nobody knows the answer
    run = saved(tmp_path)
    assert kinds(run) == ["ended_early"]
    assert run["search"]["outcome"] == "interrupted"


@pytest.mark.long
def test_whatever_ends_a_run_the_terminal_is_left_as_it_was(in_terminal, tmp_path):
    ends = {"Ctrl-C": 130, "SIGTERM": 143, "Ctrl-backslash": -signal.SIGQUIT}
    programs = {}
    for end in ends:
        (tmp_path / end).mkdir()
        programs[end] = in_terminal("-u", "2", "-t", "5m", folder=tmp_path / end)
    for program in programs.values():
        program.wait_for("/ok")  # among the endpoints
    below = children(programs["Ctrl-backslash"].process.pid)
    programs["Ctrl-C"].type("\x03")
    programs["SIGTERM"].process.send_signal(signal.SIGTERM)
    programs["Ctrl-backslash"].type("\x1c")
    assert {end: program.end() for end, program in programs.items()} == ends
    assert all(program.is_as_found for program in programs.values())
    assert saved(tmp_path / "Ctrl-C")["interventions"] == []
    wait_for(lambda: not any(alive(pid) for pid in below), timeout=20)


@pytest.mark.long
def test_without_keys_the_terminal_keeps_its_modes_and_a_pipe_gets_plain_lines(in_terminal, tmp_path):
    programs = {}
    for way in ("no input", "no colour", "piped"):
        (tmp_path / way).mkdir()
        programs[way] = in_terminal(
            "-u", "1", "-t", "1s", folder=tmp_path / way,
            shell={"no input": '"$@" < /dev/null', "piped": '"$@" | cat'}.get(way),
            **({"NO_COLOR": "1"} if way == "no colour" else {}),
        )  # fmt: skip
    raw = set()
    while any(program.process.poll() is None for program in programs.values()):
        for way, program in programs.items():
            program.read(0.05)
            if program.is_raw:
                raw.add(way)
    assert raw == {"no colour"}
    assert {program.end() for program in programs.values()} == {0}
    said = {way: program.raw for way, program in programs.items()}
    assert "Ctrl-C ends the run" in said["no input"]
    assert "q end" in said["no colour"]
    assert "running with 1 user for 0:01" in said["piped"]
    assert not re.search(r"\x1b\[[0-9;]*[3-9][0-9]m", said["no colour"])
    assert "q end" not in said["no input"] + said["piped"]
    assert "\x1b" not in said["piped"]
