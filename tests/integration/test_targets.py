"""`loadproof target`: parts that start in the background, are found again, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from commandline import alive, children, end, environment, loadproof, start, wait_for
from loadproof.errors import RunError, UsageError
from loadproof.suites import standing
from loadproof.suites.parts import Accepts, Answers, Demo, Part, Succeeds, Target
from loadproof.suites.processes import free_port

SERVER = """
import http.server, json, pathlib, sys
folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
print(json.dumps(dict(port=server.server_port, words=sys.argv[3:])), flush=True)
with (folder / "started").open("a") as log:
    log.write("once more\\n")
server.serve_forever()
"""
WEB = Part("web", ("{python}", "-u", "-c", SERVER, "{folder}", "{port}"), port=8000, takes_options=True)


def target(*parts, real=()):
    return Target(
        "fleet", parts or (WEB,), Demo("locustfile.py"), real=real, environ={"URL": "http://127.0.0.1:{ports[web]}"}
    )


@pytest.fixture
def up(tmp_path, monkeypatch):
    """Starts a target made for the test; whatever stands at the end is taken down."""

    def bring_up(made, **options):
        monkeypatch.setattr(standing, "find_target", lambda _: made)
        return standing.bring_up(made, tmp_path, **({"free_ports": True} | options))

    bring_up.folder = tmp_path
    yield bring_up
    left = standing.find_standing("fleet", tmp_path)
    if left is not None:
        standing.take_down(left, volumes=True)


def test_a_part_stands_until_it_is_taken_down_and_keeps_what_it_stored(up, tmp_path):
    stood = up(target(), options=("--one",))
    (process,) = stood.processes
    assert stood.states() == {"web": "ready"}
    assert stood.environ() == {"URL": f"http://127.0.0.1:{process.port}"}
    assert json.loads((stood.folder / "web.log").read_text())["words"] == ["--one"]
    again = up(target())  # it runs already
    assert again.processes == stood.processes
    standing.take_down(stood)
    assert not alive(process.pid)
    assert standing.find_standing("fleet", tmp_path) is None
    assert (stood.folder / "web/started").read_text() == "once more\n"
    up(target())
    assert (stood.folder / "web/started").read_text() == "once more\n" * 2


def test_a_part_that_died_is_seen_and_started_again(up):
    stood = up(target())
    os.kill(stood.processes[0].pid, signal.SIGKILL)
    wait_for(lambda: stood.states() == {"web": "gone"})
    again = up(target())
    assert again.states() == {"web": "ready"}
    assert again.processes[0].pid != stood.processes[0].pid


def test_volumes_go_when_asked(up):
    stood = up(target())
    standing.take_down(stood, volumes=True)
    assert not stood.folder.exists()


def test_every_kind_of_readiness_is_waited_for(up):
    later = "import time, runpy; time.sleep(0.5); " + "exec({!r})"
    slow = ("{python}", "-u", "-c", later.format(SERVER), "{folder}", "{port}")
    parts = (
        Part("answers", slow, port=1, ready=Answers("/ready"), needs=("accepts",)),
        Part("accepts", slow, port=2, ready=Accepts()),
        Part("succeeds", slow, port=3, ready=Succeeds(("{python}", "-c", "import sys, pathlib; sys.exit(not pathlib.Path('{folder}/started').exists())"))),
        WEB,
    )  # fmt: skip
    stood = up(target(*parts))
    assert list(stood.states().values()) == ["ready"] * 4
    assert [each.part for each in stood.processes] == ["accepts", "answers", "succeeds", "web"]


def test_commands_run_before_the_first_start_and_after_each(up):
    once = ("{python}", "-c", "import pathlib; pathlib.Path('{folder}/once').write_text('{port}')")
    after = ("{python}", "-c", "open('{folder}/after', 'a').write('x')")
    made = target(Part("web", WEB.command, port=8000, once=(once,), after=(after,)))
    stood = up(made)
    port = stood.ports["web"]
    standing.take_down(stood)
    up(made)
    assert (stood.folder / "web/once").read_text() == str(port)
    assert (stood.folder / "web/after").read_text() == "xx"


def test_a_part_that_ends_at_once_is_told_with_its_last_words(up, tmp_path):
    broken = Part("web", ("{python}", "-c", "import nothing_of_that_name"), port=8000)
    with pytest.raises(RunError, match=r"(?s)fleet web ended; its log ends with:.*nothing_of_that_name") as error:
        up(target(broken))
    assert error.value.slug == "target-not-ready"
    assert error.value.hint == "pip install 'loadproof[targets]'"


def test_a_target_of_which_a_part_did_not_start_is_shown_with_what_did(up):
    broken = Part("late", ("{python}", "-c", "import nothing_of_that_name"), port=8001, needs=("web",))
    made = replace(target(WEB, broken), environ={"URL": "{ports[web]}", "LATE": "{ports[late]}"})
    with pytest.raises(RunError):
        up(made)
    stood = standing.find_standing("fleet", Path(up.folder))
    assert stood.states() == {"web": "ready", "late": "gone"}
    assert stood.environ()["URL"] == str(stood.ports["web"])


def test_a_part_that_is_never_ready_is_told_in_its_time(up):
    mute = Part("web", ("{python}", "-c", "import time; time.sleep(60)"), port=8000, start_timeout=0.5)
    with pytest.raises(RunError, match="was not ready within 0 s"):
        up(target(mute))


def test_a_first_start_that_fails_is_a_first_start_again(up, tmp_path):
    failing = Part(
        "web", WEB.command, port=8000, once=(("{python}", "-c", "import sys; print('no room'); sys.exit(3)"),)
    )
    with pytest.raises(RunError, match=r"(?s)ended with 3.*no room"):
        up(target(failing))
    assert not (tmp_path / "fleet/web").exists()


def test_a_taken_port_and_a_missing_program_are_told_before_anything_starts(up):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=f"port {port} cannot be had: Address already in use") as error:
            up(target(), ports={"web": port}, free_ports=False)
    assert error.value.hint == "end what listens there, or choose: --port web=N, or --free-ports"
    with pytest.raises(RunError, match="there is no program no-such-server") as error:
        up(target(Part("web", ("no-such-server",), port=1, package="such-server")))
    assert error.value.hint == "apt-get install such-server"


def test_real_parts_are_asked_for_and_never_mixed_with_others(up):
    with pytest.raises(UsageError, match="no other parts than its own"):
        up(target(), is_real=True)
    both = target(WEB, real=(Part("database", WEB.command, port=1), WEB))
    stood = up(both, is_real=True)
    assert list(stood.states()) == ["database", "web"]
    with pytest.raises(UsageError, match="stands already, with other parts"):
        up(both)


def test_what_stands_is_not_moved_and_takes_no_other_options(up):
    stood = up(target(), options=("--slow",))
    port = stood.ports["web"]
    assert up(target(), ports={"web": port}, options=("--slow",)).processes == stood.processes
    assert up(target()).options == ("--slow",)
    with pytest.raises(UsageError, match="stands already, with other ports"):
        up(target(), ports={"web": port + 1})
    with pytest.raises(UsageError, match="stands already, with other options"):
        up(target(), options=("--fast",))


def test_a_part_that_runs_and_is_not_ready_is_waited_for_again(up):
    slow = Part("web", ("{python}", "-c", "import time; time.sleep(60)"), port=8000, start_timeout=0.5)
    for _ in range(2):
        with pytest.raises(RunError, match="was not ready"):
            up(target(slow))


def test_a_command_that_never_ends_is_told_in_its_time(up):
    stuck = replace(WEB, once=(("{python}", "-c", "import time; time.sleep(60)"),), start_timeout=0.5)
    with pytest.raises(RunError, match="had not ended after 0 s"):
        up(target(stuck))


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made: Not a directory") as error:
        standing.targets_folder({standing.FOLDER_VARIABLE: str(tmp_path / "file" / "targets")})
    assert error.value.slug == "targets-folder"


def test_an_unknown_part_has_no_port(up):
    with pytest.raises(UsageError, match="is no part that listens"):
        up(target(), ports={"wbe": 1234})


def test_a_borrowed_target_leaves_nothing(monkeypatch):
    made = target()
    monkeypatch.setattr(standing, "find_target", lambda _: made)
    with standing.borrowed(made) as stood:
        assert urllib.request.urlopen(f"{stood.environ()['URL']}/ready", timeout=5).status == 200
        folder, pid = stood.folder, stood.processes[0].pid
    assert not alive(pid)
    assert not folder.exists()


@pytest.mark.long
def test_a_borrowed_target_ends_with_whoever_borrowed_it(tmp_path):
    script = """
import time
from loadproof.suites import standing
with standing.borrowed(standing.find_target("services")) as stood:
    print(*(each.pid for each in stood.processes), flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment()
    ) as borrower:
        pids = [int(word) for word in borrower.stdout.readline().split()]
        assert len(pids) == 3
        assert all(map(alive, pids))
        borrower.kill()
    wait_for(lambda: not any(map(alive, pids)))


def test_a_pid_that_another_process_has_now_is_never_ended(up):
    stood = up(target())
    stranger = standing.Process("web", os.getpid(), 0.0, None, stood.processes[0].log)
    standing.take_down(standing.Standing(stood.target, stood.folder, is_real=False, processes=(stranger,)))
    standing.take_down(stood)


@pytest.mark.long
def test_the_command_line_tells_its_story(tmp_path):
    told = {"LOADPROOF_TARGETS": str(tmp_path / "targets")}

    def run(*words):
        return loadproof(tmp_path, "target", *words, **told)

    assert run("ps").out == "no target is up; loadproof target up NAME starts one\n"
    port = free_port()
    started = run("up", "services", "--free-ports", "--port", f"ui_app={port}")
    assert started.code == 0, started.err
    assert f"export UI_APP_PORT={port}" in started.out
    try:
        shown = run("ps", "services")
        assert (shown.code, shown.out.count("✓  services")) == (0, 3)
        document = json.loads(run("ps", "--json").out)
        assert document[0]["parts"]["ui_app"]["state"] == "ready"
        assert document[0]["environ"]["UI_APP_PORT"] == str(port)
        logs = run("logs", "services", "ui_app", "--tail", "1")
        assert logs.out.startswith("ui_app | {")
        pid = document[0]["parts"]["ui_app"]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid))
        shown = run("ps", "services")
        assert (shown.code, "✗  services  ui_app" in shown.out) == (3, True)
        assert run("restart", "services", "ui_app").code == 0
        assert run("ps").code == 0
        following = start(tmp_path, "target", "logs", "services", "-f", **told)
    finally:
        down = run("down", "services", "--volumes")
    assert down.out == "services is down, and what it stored is gone\n"
    assert end(following, tmp_path).code == 0  # there is nothing left to follow
    assert run("down", "services").out == "services is not up\n"
    assert list((tmp_path / "targets").iterdir()) == []


def test_the_targets_of_all_suites_stand_at_once_on_free_ports(tmp_path):
    told = {"LOADPROOF_TARGETS": str(tmp_path / "targets")}
    try:
        for name in standing.SUITES:
            started = loadproof(tmp_path, "target", "up", name, "--free-ports", **told)
            assert started.code == 0, started.err
        shown = loadproof(tmp_path, "target", "ps", "--json", **told)
        assert shown.code == 0
        stood = json.loads(shown.out)
        assert [each["target"] for each in stood] == list(standing.SUITES)
        ports = [part["port"] for each in stood for part in each["parts"].values()]
        assert len(set(ports)) == len(ports)
    finally:
        for name in standing.SUITES:
            loadproof(tmp_path, "target", "down", name, "--volumes", **told)


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        (("up", "flet"), "unknown-target"),
        (("logs", "services"), "not-up"),
        (("restart", "services"), "not-up"),
        (("up", "services", "--port", "web"), "bad-value"),
        (("up", "services", "--free-ports", "--real"), "no-real-parts"),
        (("ps", "--", "--port", "1"), "bad-value"),
    ],
)
def test_a_wrong_word_is_explained(tmp_path, words, slug):
    ended = loadproof(tmp_path, "target", *words, LOADPROOF_TARGETS=str(tmp_path / "targets"))
    assert (ended.code, slug in ended.err) == (2, True), ended.err


def test_ctrl_c_while_it_starts_leaves_what_was_started_to_be_found(tmp_path):
    told = {"LOADPROOF_TARGETS": str(tmp_path / "targets")}
    starting = start(tmp_path, "target", "up", "services", "--free-ports", **told)
    wait_for((tmp_path / "targets/services/state.json").exists)
    os.kill(starting.pid, signal.SIGINT)
    assert end(starting, tmp_path).code == 130
    assert loadproof(tmp_path, "target", "down", "services", "--volumes", **told).code == 0
    assert [pid for pid in children(1) if str(tmp_path) in _words_of(pid)] == []


def _words_of(pid):
    try:
        with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as words:  # noqa: PTH123 - a file of the kernel's
            return words.read()
    except OSError:
        return ""


def test_python_is_the_one_that_runs_loadproof(up):
    stood = up(target())
    with open(f"/proc/{stood.processes[0].pid}/cmdline", encoding="utf-8") as words:  # noqa: PTH123 - as above
        assert words.read().split("\0")[0] == sys.executable
