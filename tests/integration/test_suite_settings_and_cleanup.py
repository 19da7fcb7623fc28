"""Settings of a suite's own through a run, and what a run leaves behind taken away: as users do it."""

from __future__ import annotations

import json
import os
import signal
import sys

import pytest

from commandline import alive, children, end, loadproof, locust, start, wait_for

SUITE = """
import pathlib, secrets, time
from locust import User, constant, task
from loadproof.kit import Ledger, SecretStr, Settings, StrictBoolean, run_tag, setting

class Suite(Settings):
    users: int = setting(3, env="PERF_TEST_USERS", help="how many")
    get_only: StrictBoolean = setting(default=True, env="PERF_TEST_GET_ONLY", help="send nothing but GET")
    token: SecretStr = setting(env="OFFLINE_TOKEN", required=True, help="the long-lived token")

suite = Suite.load()
there = pathlib.Path("there")

def remove(entry):
    if entry.facts["name"].endswith("stuck"):
        raise PermissionError("not mine")
    found = [path for path in there.iterdir() if path.name == (entry.id or entry.facts["name"])]
    for path in found:
        path.unlink()
    return True

things = Ledger("thing", remove=remove)

class Maker(User):
    wait_time = constant(0.05)

    @task
    def make(self):
        name = f"{run_tag()}-{secrets.token_hex(4)}"
        with things.attempt(name=name) as attempt:
            (there / name).write_text(str(suite.users))
            attempt.created(name)
        self.environment.events.request.fire(
            request_type="MAKE", name="thing", response_time=1, response_length=0, exception=None, context={})
"""
SECRET = "s3cr3t-of-the-suite"


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "locustfile.py").write_text(SUITE)
    (tmp_path / "there").mkdir()
    (tmp_path / "there/of somebody else").touch()
    return tmp_path


def things(suite):
    return sorted(path.name for path in (suite / "there").iterdir() if path.name != "of somebody else")


def run_directory(suite):
    (found,) = (suite / "reports/performance").glob("load_test_*")
    return found


def test_a_run_without_a_required_setting_sends_nothing_and_says_which(suite):
    ended = loadproof(suite, "run", "-t", "1s")
    assert ended.code == 2
    assert "❌ OFFLINE_TOKEN: is required, and nothing sets it" in ended.err
    assert "try: set it in the environment" in ended.err
    assert "missing-setting" in ended.err
    assert things(suite) == []
    plain = locust(suite, "--headless", "-t", "1s")
    assert plain.code == 2
    assert "❌ OFFLINE_TOKEN: is required, and nothing sets it [missing-setting]" in plain.err


@pytest.mark.long
def test_every_layer_reaches_the_suite_with_workers_too_and_is_shown(suite):
    (suite / ".env").write_text(f"OFFLINE_TOKEN={SECRET}\nPERF_TEST_USERS=4\n")
    (suite / "loadproof.toml").write_text("[settings]\nPERF_TEST_USERS = 5\nPERF_TEST_GET_ONLY = false\n")
    shown = json.loads(loadproof(suite, "config", "show", "--json").out)
    assert {each["name"]: (each["value"], each["source"]) for each in shown["settings"]} == {
        "PERF_TEST_USERS": ("4", ".env: PERF_TEST_USERS"),
        "PERF_TEST_GET_ONLY": ("False", "loadproof.toml: settings.PERF_TEST_GET_ONLY"),
        "OFFLINE_TOKEN": ("***", ".env: OFFLINE_TOKEN"),
    }
    words = ("--set", "PERF_TEST_USERS=7", "-u", "2", "-r", "2", "--processes", "2", "-t", "1s")
    text = loadproof(suite, "config", "show", *words).out
    assert "# PERF_TEST_USERS     7      --set PERF_TEST_USERS" in text
    assert '# PERF_TEST_USERS = "5"  # loadproof.toml: settings.PERF_TEST_USERS' in text  # overruled
    ended = loadproof(suite, "run", *words, PERF_TEST_USERS="6")
    assert ended.code == 0, ended.err
    assert {(suite / "there" / name).read_text() for name in things(suite)} == {"7"}
    assert {name.rpartition("-")[0] for name in things(suite)} == {things(suite)[0].rpartition("-")[0]}  # one tag
    kept = "".join(path.read_text(errors="replace") for path in run_directory(suite).iterdir())
    assert SECRET not in kept + ended.out + ended.err + text
    assert '"PERF_TEST_USERS"' in (run_directory(suite) / "run.json").read_text()
    assert "[settings]" in (run_directory(suite) / "plan.toml").read_text()
    left = f"not removed by it: {len(things(suite))} thing. loadproof cleanup reports/performance/load_test_"
    assert left in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (("--set", "PERF_TEST_GET_ONLY=true"), "❌ --set PERF_TEST_GET_ONLY: must be exactly TRUE or FALSE"),
        (("--set", "PERF_TEST_USERS"), "❌ --set: must be NAME=VALUE"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_anything_is_sent(suite, words, where):
    for command in (("run", "-t", "1s"), ("config", "show")):
        ended = loadproof(suite, *command, *words, OFFLINE_TOKEN=SECRET)
        assert (ended.code, where in ended.err) == (2, True), ended.err
    assert things(suite) == []


def test_a_table_of_settings_with_tables_in_it_is_refused(suite):
    (suite / "loadproof.toml").write_text("[settings.PERF]\nUSERS = 1\n")
    ended = loadproof(suite, "run", "-t", "1s", OFFLINE_TOKEN=SECRET)
    assert ended.code == 2
    assert "loadproof.toml: settings.PERF: must be a text, a number or a boolean, and is a table" in ended.err


def test_after_kill_9_exactly_what_the_run_made_is_removed(suite):
    running = start(suite, "run", "-u", "4", "-r", "4", "-t", "5m", "--processes", "2", OFFLINE_TOKEN=SECRET)
    wait_for(lambda: len(things(suite)) >= 10, 30)
    below = children(running.pid)
    for pid in (*below, running.pid):
        os.kill(pid, signal.SIGKILL)
    end(running, suite)
    wait_for(lambda: not any(alive(pid) for pid in below))
    made = things(suite)
    (suite / "there/made by a person").touch()
    (suite / "there" / made[0]).unlink()  # gone already: as good as removed
    would = loadproof(suite, "cleanup", "latest", "--dry-run", OFFLINE_TOKEN=SECRET)
    assert would.code == 0
    assert would.out.count("would remove thing") >= len(made)  # at most one more for each user: the one under way
    assert things(suite) == sorted([*made[1:], "made by a person"])
    ended = loadproof(suite, "cleanup", "latest", OFFLINE_TOKEN=SECRET)
    assert ended.code == 0, ended.err
    assert things(suite) == ["made by a person"]
    assert ended.out.splitlines()[-1].endswith("removed, 0 left")
    again = loadproof(suite, "cleanup", "latest", OFFLINE_TOKEN=SECRET)
    assert (again.code, again.out.startswith("nothing to remove")) == (0, True)


@pytest.mark.long
def test_what_cannot_be_removed_stays_in_the_ledger(suite):
    assert loadproof(suite, "run", "-t", "1s", OFFLINE_TOKEN=SECRET).code == 0
    (ledger,) = (suite / "reports/performance/ledgers").glob("*/thing-*.jsonl")
    line = {
        "happened": "created",
        "kind": "thing",
        "key": "x",
        "id": "x",
        "facts": {"name": "one that is stuck"},
        "at": 1,
    }
    with ledger.open("a") as lines:
        lines.write(json.dumps(line) + "\n" + json.dumps(line | {"kind": "other", "key": "y", "id": "y"}) + "\n")
    ended = loadproof(suite, "cleanup", str(run_directory(suite)), OFFLINE_TOKEN=SECRET)
    assert ended.code == 3
    assert "✗ left thing x (name one that is stuck): PermissionError: not mine" in ended.out
    assert "✗ left other y (name one that is stuck): the locustfile has no ledger of this kind" in ended.out
    assert ended.out.splitlines()[-1].endswith("removed, 2 left")
    assert things(suite) == []


@pytest.mark.long
def test_a_run_of_plain_locust_is_cleaned_up_by_its_folder(suite):
    process = start(suite, "--headless", "-t", "1s", program="locust", OFFLINE_TOKEN=SECRET)
    assert end(process, suite).code == 0
    (folder,) = (suite / "reports/ledgers").iterdir()
    no_file = loadproof(suite, "cleanup", str(folder), OFFLINE_TOKEN=SECRET)
    assert (no_file.code, "no-ledger" in no_file.err) == (3, True)
    assert loadproof(suite, "cleanup", str(folder), "--locustfile", "locustfile.py", OFFLINE_TOKEN=SECRET).code == 0
    assert things(suite) == []


@pytest.mark.long
def test_cleaning_needs_the_settings_too(suite):
    assert loadproof(suite, "run", "-t", "1s", OFFLINE_TOKEN=SECRET).code == 0
    ended = loadproof(suite, "cleanup", "latest")
    assert ended.code == 3
    assert "OFFLINE_TOKEN: is required" in ended.err
    assert "cleanup-failed" in ended.err
    assert len(things(suite)) > 0


def test_a_locustfile_that_cannot_be_read_is_told_by_config_too(suite):
    (suite / "locustfile.py").write_text("import nothing_of_that_name\n")
    ended = loadproof(suite, "config", "show")
    assert ended.code == 3
    assert "nothing_of_that_name" in ended.err
    assert "docs/messages.md explains: locustfile" in ended.err


def test_services_have_no_settings_of_their_own(tmp_path):
    (tmp_path / "loadproof.toml").write_text(
        "[services.shop]\nbase_url = 'http://127.0.0.1:1'\nrequests = [{path = '/'}]\n[settings]\nA = 1\n"
    )
    shown = json.loads(loadproof(tmp_path, "config", "show", "shop", "--json").out)
    assert shown["settings"] == []
    assert [(each["name"], each["text"]) for each in shown["plan"]["settings"]] == [("A", "1")]


def test_the_kit_loads_what_a_suite_uses_and_no_more():
    words = "import sys, loadproof.kit; print(sorted({'locust', 'gevent', 'pydantic'} & set(sys.modules)))"
    import subprocess

    assert subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_the_kit_refuses_while_the_suite_is_read_is_the_users_to_mend(suite):
    (suite / "locustfile.py").write_text("from loadproof.kit import Feeder\nrows = Feeder('missing.csv')\n" + SUITE)
    ended = loadproof(suite, "run", "-t", "1s", OFFLINE_TOKEN=SECRET)
    assert ended.code == 2
    assert "missing.csv: there is no such file" in ended.err
    assert "docs/messages.md explains: bad-rows" in ended.err
    assert things(suite) == []
