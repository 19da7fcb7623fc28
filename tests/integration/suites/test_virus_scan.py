"""One test for each line of the document of the scanning service's suite."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from commandline import BIN, end, environment, loadproof, start, wait_for
from loadproof.suites.standing import borrowed
from loadproof.suites.virus_scan.parts import TARGET
from suite_copies import all_needed, copy_suite, pins
from suite_targets import Target, end_when, running_target

LARGE = 5 << 20
NAMES = {"CHECK", "CHECK_VERSION", "MALWARE", "CLEAN", "USER_DEFINED", "UNAUTHORISED"}
PATIENT = {"CLAMD_RESPONSE_THRESHOLD": "5", "USER_FILE_RESPONSE_THRESHOLD": "20"}
"""So that a busy machine is not taken for a slow scanner."""
JUDGED = (0, 4)
"""Exit codes of a run in which nothing failed: 4 where the machine was too busy to judge times."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The team's project, with its example file made by its Makefile."""
    root = copy_suite("virus_scan", tmp_path_factory.mktemp("team") / "dit-clamav-rest")
    subprocess.run(["make", "client-examples/5MiB.bin"], cwd=root, check=True, capture_output=True, timeout=60)
    return root


@pytest.fixture(scope="module")
def judge(tmp_path_factory, root):
    """Runs ``loadproof run`` in the project, until so much was done; what it writes lies elsewhere."""

    def run(target, *words, users=6, iterations=60, **extra):
        results = tmp_path_factory.mktemp("judged") / "reports" / "performance"
        words = ("-u", str(users), "-r", "20", "--iterations", str(iterations), "--results", str(results), *words)
        ended = loadproof(root, "run", "-H", target.url, *words, timeout=100, **PATIENT | extra)
        ended.cwd = results.parents[1]
        return ended

    return run


@contextmanager
def target(*options):
    with running_target("virus_scan", *options) as running:
        yield running


def seen_all(running):
    """Whether the service has had some requests of every name."""
    state = running.state
    large = state["bytes"] // LARGE
    small = state["scans"] - state["malware"] - large
    return min(state["checks"], state["versions"], state["unauthorised"], state["malware"], large, small) >= 3


def seen(running, name, number=5):
    return lambda: running.state[name] >= number


def headless(root, running, *words, program="locust", file="perf/locust.py", users=6, until=None, **extra):
    """The document's headless command, with fewer users; ended as soon as the service has seen enough."""
    first, *rest = program.split()
    command = (*rest, "-f", file, "--headless", "-u", str(users), "-r", "10", "--run-time", "1h30m", *words)
    host = () if "LOCUST_HOST" in extra else ("-H", running.url)
    process = start(root, *command, "--stop-timeout", "60", *host, program=first, **PATIENT | extra)
    return end_when(process, root, until or (lambda: seen_all(running)))


def rows(ended):
    """Name to requests and failures, as the last table of names prints them; Locust prints on stderr."""
    found = re.findall(r"^(?:GET|POST) +(\S+) +(\d+) +(\d+)\(", ended.err, re.MULTILINE)
    return {name: (int(count), int(failed)) for name, count, failed in found}


def entries(ended):
    """What ``metrics.json`` says of each entry."""
    return {entry["name"]: entry for entry in ended.metrics["endpoints"]}


@pytest.fixture(scope="module")
def plain(root):
    with target() as running:
        return headless(root, running), running.state


@pytest.fixture(scope="module")
def judged(judge):
    with target() as running:
        return judge(running), running.state


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def interface(root, port, **extra):
    """The document's command; the port is a free one where the document's may be taken."""
    process = start(root, "-f", "perf/locustfile.py", program="locust", LOCUST_WEB_PORT=str(port), **PATIENT | extra)
    written = []
    try:
        wait_for(lambda: listens(port), timeout=40)
        yield f"http://127.0.0.1:{port}", written
    finally:
        process.terminate()
        written.append(end(process, root))


def statistics(url):
    with urllib.request.urlopen(f"{url}/stats/requests", timeout=10) as answer:
        return json.load(answer)


@pytest.mark.long
def test_s2_01_03_07_the_interface_spawns_one_of_each_type_for_three_users(root, free_port):
    with target() as running, interface(root, free_port, LOCUST_HOST=running.url) as (url, written):
        form = urllib.parse.urlencode({"user_count": 3, "spawn_rate": 3, "host": running.url, "run_time": "6s"})
        with urllib.request.urlopen(f"{url}/swarm", form.encode(), timeout=10) as answer:
            assert json.load(answer)["success"] is True
        wait_for(lambda: statistics(url)["user_count"] == 3)
        wait_for(lambda: statistics(url)["state"] == "stopped", timeout=30)
        shown = {row["name"]: row for row in statistics(url)["stats"]}
        assert set(shown) == NAMES | {"Aggregated"}
        for column in ("num_requests", "num_failures", "avg_response_time", "current_rps"):
            assert column in shown["MALWARE"]
        for page in ("", "/stats/requests/csv", "/stats/failures/csv", "/exceptions/csv", "/stats/report"):
            with urllib.request.urlopen(url + page, timeout=20) as answer:
                assert answer.status == 200
    (ended,) = written
    assert re.search(r'All users spawned: {"CheckUser": 1, "ScanUser": 1, "UnauthorisedUser": 1}', ended.err)
    assert f"Starting web interface at http://0.0.0.0:{free_port}" in ended.err
    assert re.search(r"Starting Locust \d+\.\d+", ended.err)


def test_s2_02_the_environment_is_built_from_pinned_requirements(root):
    pinned = pins(root / "requirements.txt")
    assert all_needed((root / "requirements.in").read_text().split()) == set(pinned)
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", "-r", "requirements.txt"]
    ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_s2_02_make_up_starts_the_service_and_makes_the_example(tmp_path, free_port):
    root = copy_suite("virus_scan", tmp_path / "dit-clamav-rest")
    variables = environment(LOADPROOF_TARGETS=str(tmp_path / "targets"), VIRTUAL_ENV=str(BIN.parent))
    make = {"cwd": root, "env": variables, "capture_output": True, "text": True, "timeout": 90}
    up = subprocess.run(["make", "up", f"PORT={free_port}"], check=False, **make)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        assert f"export LOCUST_HOST=http://localhost:{free_port}" in up.stdout
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/check", timeout=10) as answer:
            assert answer.read() == b"Service OK"
        assert (root / "client-examples/5MiB.bin").stat().st_size == 5 << 20
    finally:
        down = subprocess.run(["make", "down"], check=False, **make)
    assert down.returncode == 0
    assert not listens(free_port)


@pytest.mark.real("clamd")
def test_s2_02_the_suite_runs_on_clamd_as_it_is(root):
    with borrowed(TARGET, is_real=True) as stood:
        assert stood.states() == {"clamd": "ready", "web": "ready"}
        running = Target(None, {"port": stood.ports["web"]})
        ended = headless(root, running)
        state = running.state
    assert ended.code == 0, ended.err
    assert set(rows(ended)) == NAMES
    assert state["malware"] >= rows(ended)["MALWARE"][0] > 0
    assert state["bytes"] >= LARGE * rows(ended)["USER_DEFINED"][0]


def test_s2_03_three_users_are_one_of_each_class(root):
    with target() as running:
        ended = headless(root, running, users=3, until=seen(running, "unauthorised", 1))
    assert 'All users spawned: {"CheckUser": 1, "ScanUser": 1, "UnauthorisedUser": 1} (3 total users)' in ended.err


@pytest.mark.parametrize("file", ["perf/locustfile.py", "perf/locust.py"])
def test_s2_04_05_the_classes_of_the_document_have_its_tasks(root, file):
    ended = end(start(root, "-f", file, "--show-task-ratio", program="locust", **PATIENT), root)
    by_class = ended.out.partition("Total task ratio")[0]
    found = {}
    for name in re.findall(r"^ +\d+\.\d +(\w+)", by_class, re.MULTILINE):
        if name.endswith("User"):
            found[name] = set()
        else:
            found[list(found)[-1]].add(name)
    assert ended.code == 0
    assert found == {
        "CheckUser": {"check_service", "check_version"},
        "ScanUser": {"check_malware", "check_clean", "check_user_defined_file"},
        "UnauthorisedUser": {"scan_with_wrong_password"},
    }


@pytest.mark.long
def test_s2_05_tasks_ask_for_the_paths_of_the_document(judged):
    ended, _ = judged
    assert {(entry["method"], entry["name"]) for entry in ended.metrics["endpoints"]} == {
        ("GET", "CHECK"),
        ("GET", "CHECK_VERSION"),
        *(("POST", name) for name in NAMES - {"CHECK", "CHECK_VERSION"}),
    }


def test_s2_06_names_in_the_statistics_are_symbols(plain, judged):
    assert set(rows(plain[0])) == NAMES
    assert set(entries(judged[0])) == NAMES
    assert judged[0].verdict("coverage")["outcome"] == "PASS"


@pytest.mark.long
def test_s2_08_options_of_locust_and_variables_go_together(root):
    with target() as running:
        ended = headless(root, running, "CheckUser", until=seen(running, "versions"), LOCUST_HOST=running.url)
    assert set(rows(ended)) == {"CHECK", "CHECK_VERSION"}
    assert ended.code == 0


def settings_of(root, **extra):
    shown = loadproof(root, "config", "show", "--json", **extra)
    assert shown.code == 0, shown.err
    return {each["name"]: (each["value"], each["source"]) for each in json.loads(shown.out)["settings"]}


@pytest.mark.long
def test_s2_09_to_16_every_variable_has_the_documents_default(root):
    assert settings_of(root) == {
        "PERF_USER": ("app1", "default"),
        "PERF_PWD": ("***", "default"),
        "USER_FILE": ("client-examples/5MiB.bin", "default"),
        "CLAMD_RESPONSE_THRESHOLD": ("0.01", "default"),
        "USER_FILE_RESPONSE_THRESHOLD": ("1.0", "default"),
        "CLAMD_VERSION_THRESHOLD": ("3", "default"),
        "REQUESTS_LOGGING": ("False", "default"),
    }


@pytest.mark.long
def test_s2_09_10_user_and_password_are_those_of_the_service(judge, plain):
    assert rows(plain[0])["MALWARE"][1] == 0  # as they are, they work
    with running_target("virus_scan", APP_USER="someone", APP_PWD="s3cret-word") as running:
        wrong = judge(running, "ScanUser")
        right = judge(running, "ScanUser", PERF_USER="someone", PERF_PWD="s3cret-word")
    assert {entry["error_rate"] for entry in entries(wrong).values()} == {100.0}
    # 401 every time, and never a reset, although 5 MiB were still to come.
    assert wrong.metrics["error_types"] == {"check_failed": wrong.metrics["failed_requests"]}
    assert "HTTP 401, expected 200" in wrong.out
    assert {entry["error_rate"] for entry in entries(right).values()} == {0.0}
    written = [path.read_bytes() for path in right.directory.iterdir() if path.is_file()]
    assert not any(b"s3cret-word" in content for content in written)
    assert "s3cret-word" not in right.out + right.err


@pytest.mark.long
def test_s2_11_the_users_file_is_the_one_that_is_uploaded(root, judge, tmp_path):
    (tmp_path / "mine.bin").write_bytes(bytes(123_457))
    with target() as running:
        ended = judge(running, "ScanUser", users=2, USER_FILE=str(tmp_path / "mine.bin"))
        state = running.state
    uploads = entries(ended)
    assert uploads["USER_DEFINED"]["requests"] > 0
    sent = 68 * uploads["MALWARE"]["requests"] + 121 * uploads["CLEAN"]["requests"]
    # Whole files and nothing else, but for what was cut off at the end.
    assert state["bytes"] >= sent + 123_457 * uploads["USER_DEFINED"]["requests"]
    assert state["scans"] == state["chunked"]


@pytest.mark.parametrize(
    "program", [*(pytest.param(one, marks=pytest.mark.long) for one in ("locust", "loadproof locust")), "loadproof run"]
)
def test_s2_11_a_file_that_is_missing_ends_it_before_anything_is_sent(root, program):
    first, *rest = program.split()
    with target() as running:
        words = ("-f", "perf/locustfile.py", "--headless", "-u", "3", "-t", "1m", "-H", running.url)
        ended = end(start(root, *rest, *words, program=first, USER_FILE="client-examples/nothing.bin"), root)
        assert set(running.state.values()) == {0}
    assert ended.code == 2
    assert "USER_FILE: there is no file client-examples/nothing.bin" in ended.err
    assert "make up" in ended.err


@pytest.fixture(scope="module")
def slow(judge):
    """A run against a scanner that is slower than the threshold."""
    with target("--scan-delay", "0.05") as running:
        return judge(running, "ScanUser", CLAMD_RESPONSE_THRESHOLD="0.04")


@pytest.mark.long
def test_s2_12_a_scan_slower_than_the_threshold_is_a_failure(slow):
    rates = {name: entry["error_rate"] for name, entry in entries(slow).items()}
    assert rates == {"MALWARE": 100.0, "CLEAN": 100.0, "USER_DEFINED": 0.0}
    assert "clamd took longer than 0.04 s" in slow.out


@pytest.mark.long
def test_s2_13_failures_can_be_held_against_a_ratio_afterwards(slow):
    """The run is over; what it saved is judged by another tolerance."""
    assert slow.code == 99
    assert 0 < slow.verdict("error_rate < 5%")["observed"] < 1
    again = loadproof(slow.cwd, "judge", str(slow.directory), "--threshold", "error_rate{name=USER_DEFINED} < 1%")
    assert re.search(r"PASS +error_rate\{name=USER_DEFINED\} < 1%", again.out)


@pytest.mark.long
@pytest.mark.parametrize(("lag", "threshold", "fails"), [(3, "3", False), (4, "3", True)])
def test_s2_14_definitions_may_lag_as_far_as_the_threshold(judge, lag, threshold, fails):
    with target("--version-lag", str(lag)) as running:
        ended = judge(running, "CheckUser", CLAMD_VERSION_THRESHOLD=threshold)
    found = entries(ended)
    assert found["CHECK"]["failures"] == 0
    assert found["CHECK_VERSION"]["error_rate"] == (100.0 if fails else 0.0)
    assert (f"more than {threshold} versions behind" in ended.out) is fails


@pytest.mark.long
def test_s2_14_a_500_without_versions_is_a_failure_and_no_exception(judge):
    with target() as running:
        running.post("/_faults", {"is_down": True})
        ended = judge(running, "CheckUser")
    assert {entry["error_rate"] for entry in entries(ended).values()} == {100.0}
    assert "HTTP 500 without versions" in ended.out
    assert ended.run["exceptions"] == []


@pytest.mark.long
def test_s2_15_a_burst_of_failures_at_the_start_is_seen_to_fade(judge):
    with target("--version-lag", "6") as running:
        updated = threading.Thread(target=update_definitions, args=(running, 30))
        updated.start()
        ended = judge(running, "CheckUser", iterations=150)
        updated.join()
    rows_of_versions = [row for row in ended.rows if row["endpoint"] == "CHECK_VERSION"]
    ordered = sorted(rows_of_versions, key=lambda row: row["timestamp"])
    failed = [row["success"].lower() == "false" for row in ordered]
    first_good = failed.index(False)
    # 30 failures and what was on its way; from then on none.
    assert all(failed[:first_good])
    assert 25 <= first_good <= 60
    assert not any(failed[first_good + 8 :])
    assert "failures per second by kind" in (ended.directory / "report.html").read_text()


def update_definitions(running, after):
    """As freshclam does, when so many requests have asked for the version."""
    wait_for(lambda: running.state["versions"] >= after, timeout=90)
    running.post("/_faults", {"lag": 0})


@pytest.mark.long
@pytest.mark.parametrize(("value", "is_on"), [("true", True), ("false", False)])
def test_s2_16_the_log_of_the_http_library_is_shown_when_asked_for(root, value, is_on):
    with target() as running:
        ended = headless(
            root, running, "CheckUser", users=1, until=seen(running, "versions", 2), REQUESTS_LOGGING=value
        )
    assert rows(ended)["CHECK_VERSION"][0] > 0
    assert ("/DEBUG/urllib3.connectionpool" in ended.err) is is_on


@pytest.mark.long
def test_s2_16_the_log_is_off_where_nobody_asks_and_holds_no_password_where_somebody_does(root, judge, plain):
    assert "DEBUG/urllib3" not in plain[0].err
    with running_target("virus_scan", APP_PWD="s3cret-word") as running:
        ended = judge(running, "ScanUser", PERF_PWD="s3cret-word", REQUESTS_LOGGING="true")
    log = (ended.directory / "log.txt").read_text()
    assert "POST /v2/scan-chunked" in log
    assert "s3cret-word" not in log
    assert "Basic " not in log


def test_s2_17_the_host_is_localhost_unless_said_otherwise(root):
    script = "import sys; sys.path.insert(0, 'perf'); import locustfile as l; print(*(c.host for c in USERS))"
    script = script.replace("USERS", "(l.CheckUser, l.ScanUser, l.UnauthorisedUser)")
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=root, env=environment(), capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["http://localhost"] * 3


@pytest.mark.long
def test_s2_17_an_option_wins_over_the_variable(root):
    with target() as running:
        variables = {"LOCUST_HOST": "http://127.0.0.1:9"}
        ended = headless(root, running, "-H", running.url, until=seen(running, "unauthorised"), **variables)
    assert ended.code == 0
    assert rows(ended)["UNAUTHORISED"][0] > 0


@pytest.mark.parametrize("file", ["perf/locust.py", pytest.param("perf/locustfile.py", marks=pytest.mark.long)])
@pytest.mark.parametrize("program", ["locust", pytest.param("loadproof locust", marks=pytest.mark.long)])
def test_s2_18_19_20_the_documents_headless_command_works_with_both_files(root, program, file):
    with target() as running:
        ended = headless(root, running, program=program, file=file)
    found = rows(ended)
    assert ended.code == 0, ended.err
    assert set(found) == NAMES
    assert {failed for _, failed in found.values()} == {0}
    assert "Traceback" not in ended.out + ended.err


@pytest.mark.long
@pytest.mark.parametrize("cwd", [pytest.param(".", marks=pytest.mark.long), "perf"])
def test_s2_18_loadproof_runs_it_by_either_name_from_either_folder(root, judge, cwd, tmp_path):
    file = {".": "perf/locust.py", "perf": "locust.py"}[cwd]
    example = str(root / "client-examples/5MiB.bin")
    with target() as running:
        words = ("run", file, "-u", "6", "--iterations", "60", "-H", running.url, "--results", str(tmp_path))
        ended = loadproof(root / cwd, *words, USER_FILE=example, **PATIENT)
    assert ended.code in JUDGED, ended.out + ended.err
    assert "UNAUTHORISED" in ended.out


@pytest.mark.parametrize(
    "command",
    [pytest.param(("-m", "locust"), marks=pytest.mark.long), ("-c", "import locust.main; locust.main.main()")],
)
def test_s2_18_a_file_called_locust_is_in_nobodys_way(root, command):
    """From the folder that has it, Python looks there first: for the package, too."""
    example = str(root / "client-examples/5MiB.bin")
    with target() as running:
        words = ("-f", "locust.py", "--headless", "-u", "6", "-r", "6", "-t", "1m", "-H", running.url)
        process = subprocess.Popen(
            [sys.executable, *command, *words],
            cwd=root / "perf",
            env=environment(USER_FILE=example, **PATIENT),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        ended = end_when(process, root, lambda: seen_all(running))
    assert ended.code == 0, ended.err
    assert set(rows(ended)) == NAMES


@pytest.mark.long
def test_s2_20_what_is_in_flight_at_the_end_is_waited_for(root):
    with target("--scan-delay", "2") as running:
        ended = headless(root, running, "ScanUser", users=3, until=lambda: running.state["bytes"] > 0)
        state = running.state
    # It ended while the first scans were under way: each was finished, and counted.
    assert sum(count for count, _ in rows(ended).values()) == state["scans"] > 0
    assert {failed for _, failed in rows(ended).values()} == {0}


@pytest.mark.long
def test_s2_21_it_runs_distributed(judge):
    with target() as running:
        ended = judge(running, "--processes", "2")
        state = running.state
    found = entries(ended)
    assert set(found) == NAMES
    assert {entry["failures"] for entry in found.values()} == {0}
    assert ended.run["workers"] == 2
    assert state["unauthorised"] >= found["UNAUTHORISED"]["requests"] > 0


@pytest.mark.long
def test_s2_22_everything_is_uploaded_in_chunks(judged):
    ended, state = judged
    found = entries(ended)
    scans = sum(found[name]["requests"] for name in ("MALWARE", "CLEAN", "USER_DEFINED"))
    assert state["chunked"] == state["scans"] >= scans > 0
    assert state["malware"] >= found["MALWARE"]["requests"]


@pytest.mark.long
def test_s2_23_only_a_401_is_right_for_a_wrong_password(judge, judged):
    assert entries(judged[0])["UNAUTHORISED"]["failures"] == 0
    assert judged[1]["unauthorised"] > 0
    with running_target("virus_scan", APP_PWD="not letmein") as running:  # the very password that must be wrong
        ended = judge(running, "UnauthorisedUser")
    assert entries(ended)["UNAUTHORISED"]["error_rate"] == 100.0
    assert "HTTP 200, expected 401" in ended.out


class Rude(threading.Thread):
    """Refuses every upload with a reset, as servers do that close a connection with an unread body."""

    def __init__(self):
        super().__init__(daemon=True)
        self.refused = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                if connection.recv(65536):
                    self.refused += 1
                    linger = (1).to_bytes(4, sys.byteorder) + bytes(4)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def test_s2_23_a_reset_instead_of_a_401_is_no_failure_and_no_success(root, judge):
    rude = Rude()
    try:
        plain = headless(root, rude, "UnauthorisedUser", users=2, until=lambda: rude.refused >= 5)
        ended = judge(rude, "UnauthorisedUser", iterations=20)
    finally:
        rude.listener.close()
    assert rows(plain)["UNAUTHORISED"][0] > 0
    assert rows(plain)["UNAUTHORISED"][1] == 0
    entry = entries(ended)["UNAUTHORISED"]
    assert entry["expected"] == entry["requests"] > 0
    assert entry["failures"] == 0


@pytest.mark.long
def test_s2_23_a_service_that_is_not_there_is_a_failure(judge, free_port):
    with target() as running:
        running.url = f"http://127.0.0.1:{free_port}"
        ended = judge(running, "UnauthorisedUser", "--no-ready-check", iterations=10)
    assert entries(ended)["UNAUTHORISED"]["error_rate"] == 100.0
    assert ended.code == 99


@pytest.mark.long
@pytest.mark.parametrize(
    ("faults", "rates", "said"),
    [
        ({"blind": True}, (100.0, 0.0, 0.0), "malware was not found"),
        ({"garbled": True}, (100.0, 100.0, 100.0), "Failed to decode response"),
    ],
)
def test_s2_24_an_answer_that_is_not_right_is_a_failure_whatever_its_status(judge, faults, rates, said):
    with target() as running:
        running.post("/_faults", faults)
        ended = judge(running, "ScanUser")
    found = entries(ended)
    assert tuple(found[name]["error_rate"] for name in ("MALWARE", "CLEAN", "USER_DEFINED")) == rates
    assert said in ended.out
    assert ended.run["exceptions"] == []


@pytest.mark.long
def test_s2_24_a_file_that_the_service_refuses_is_a_failure(judge):
    with target("--max-length", "4999999") as running:  # less than the document's own example
        ended = judge(running, "ScanUser")
    found = entries(ended)
    assert {name: entry["error_rate"] for name, entry in found.items()} == {
        "MALWARE": 0.0,
        "CLEAN": 0.0,
        "USER_DEFINED": 100.0,
    }
    assert "HTTP 413, expected 200" in ended.out


def test_the_suites_folder_holds_no_example_file():
    """It is made; 5 MiB of noise in a repository help nobody."""
    listed = subprocess.run(
        ["git", "ls-files", "src/loadproof/suites/virus_scan/client-examples"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert all(not line.endswith(".bin") for line in listed.stdout.splitlines())
