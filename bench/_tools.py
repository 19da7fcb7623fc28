"""Load generators: how each is started, and how many requests it says that it has made.

Every tool makes load on one core. What counts are its own figures, without its start-up; a run with a single error, or
whose figures the server contradicts, is no result.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _processes import BIN, NoResultError, Watch, run

if TYPE_CHECKING:
    from collections.abc import Mapping

GENERATOR = ["taskset", "-c", "0"]
_ENOUGH = 60  # seconds beyond the measured ones, to start, to stop and to report


@dataclass(frozen=True)
class Ask:
    """What a tool is to do.

    Attributes:
        url: Base URL of the server.
        path: What to ask for.
        users: Users, or connections.
        seconds: How long.
        body: JSON to POST; None for a GET.
        headers: Sent with every request.
        rate: Users that start per second; None for all at once.
        wait: Seconds that a user waits between its requests.
        stagger: Seconds within which each user starts, at random.
    """

    url: str
    path: str
    users: int
    seconds: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rate: int | None = None
    wait: float = 0
    stagger: float = 0


@dataclass(frozen=True)
class Count:
    """What a tool says: completed requests, and the seconds that they took."""

    requests: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


Run = Callable[[Ask, Path, Watch], Count]
"""Makes load in an empty folder, and counts."""


@dataclass(frozen=True)
class Tool:
    """A load generator.

    Attributes:
        key: Its name on the command line and in JSON.
        title: Its name in tables.
        run: See ``Run``.
        program: What must be on PATH; None for what is in the virtual environment.
    """

    key: str
    title: str
    run: Run
    program: str | None = None

    @property
    def missing(self) -> bool:
        """Whether it cannot be run here."""
        return self.program is not None and shutil.which(self.program) is None


# Locust files, under Locust and under Loadproof


def suite(ask: Ask, base: str) -> str:
    """A locustfile as people write it: one user class, one task."""
    lines = [
        "import random, time",
        f"from locust import {base}, constant, task",
        f"class Visitor({base}):",
        f"    wait_time = constant({ask.wait})",
        "    def on_start(self):",
        f"        time.sleep({ask.stagger} * random.random())" if ask.stagger else "        pass",
    ]
    if ask.url.startswith("https:"):
        lines.append("        self.client.verify = False" if base == "HttpUser" else "    insecure = True")
    lines += ["    @task", "    def visit(self):"]
    if ask.body is None:
        lines.append(f"        self.client.get({ask.path!r})")
    else:
        sent = f"json={dict(ask.body)!r}, headers={dict(ask.headers)!r}, catch_response=True"
        lines += [
            f"        with self.client.post({ask.path!r}, {sent}) as response:",
            "            if response.json().get('value') != 1:",
            "                response.failure('another value than 1')",
        ]
    return "\n".join(lines) + "\n"


def _words(ask: Ask) -> list[str]:
    rate = ask.users if ask.rate is None else ask.rate
    return ["-u", str(ask.users), "-r", str(rate), "-t", f"{ask.seconds}s"]


def _locust(base: str) -> Run:
    def start(ask: Ask, cwd: Path, watch: Watch) -> Count:
        (cwd / "locustfile.py").write_text(suite(ask, base))
        return under_locust(ask, cwd, watch)

    return start


def under_locust(ask: Ask, cwd: Path, watch: Watch = None) -> Count:
    """Run the ``locustfile.py`` of a folder; its figures are left there as ``locust_*.csv``."""
    options = ["--headless", "--only-summary", "--csv", "locust", "-H", ask.url]
    command = [*GENERATOR, str(BIN / "locust"), *options, *_words(ask)]
    code, said = run(command, cwd, limit=ask.seconds + _ENOUGH, watch=watch)
    total = table(cwd / "locust_stats.csv")[-1:]
    _demand(total and total[0]["Name"] == "Aggregated", f"Locust counted nothing: {_end(said)}")
    _demand(total[0]["Failure Count"] == "0", f"{total[0]['Failure Count']} requests failed")
    _demand(not table(cwd / "locust_exceptions.csv"), "exceptions in the locustfile")
    _demand(code == 0 or watch is not None, f"exit code {code}: {_end(said)}")
    rate = float(total[0]["Requests/s"])
    _demand(rate > 0, "no request")
    requests = int(total[0]["Request Count"])
    return Count(requests, requests / rate)


def _loadproof(base: str) -> Run:
    def start(ask: Ask, cwd: Path, watch: Watch) -> Count:
        (cwd / "locustfile.py").write_text(suite(ask, base))
        return under_loadproof(ask, cwd, watch)

    return start


def _service(ask: Ask, cwd: Path, watch: Watch) -> Count:
    request = f"path = {json.dumps(ask.path)}, expect = [200]"
    if ask.body is not None:
        request += f', method = "POST", json = {_inline(ask.body)}, headers = {_inline(ask.headers)}'
    lines = ["[services.bench]", f"base_url = {json.dumps(ask.url)}", f"wait = {ask.wait}"]
    if ask.url.startswith("https:"):
        lines.append("verify = false")
    lines.append(f"requests = [{{ {request} }}]")
    (cwd / "loadproof.toml").write_text("\n".join(lines) + "\n")
    return under_loadproof(ask, cwd, watch, target=["bench"])


def under_loadproof(ask: Ask, cwd: Path, watch: Watch = None, *, target: list[str] | None = None) -> Count:
    """Run the ``locustfile.py`` of a folder, or a service, with the defaults of ``loadproof run``."""
    target = ["locustfile.py", "-H", ask.url] if target is None else target
    command = [*GENERATOR, str(BIN / "loadproof"), "run", *target, *_words(ask)]
    code, said = run(command, cwd, limit=ask.seconds + _ENOUGH, watch=watch)
    found = [*cwd.glob("reports/performance/*/metrics.json")]
    _demand(len(found) == 1, f"exit code {code} and no metrics.json: {_end(said)}")
    metrics = json.loads(found[0].read_text())
    for key in ("failed_requests", "exceptions", "unrecorded", "rows_dropped"):
        _demand(not metrics[key], f"{metrics[key]} {key.replace('_', ' ')}")
    _demand(code in {0, 4, 99} or watch is not None, f"exit code {code}: {_end(said)}")
    _demand(metrics["total_requests"], "no request")
    rows = (found[0].parent / "results.csv").read_bytes().count(b"\n") - 1
    _demand(rows == metrics["total_requests"], f"{rows} rows for {metrics['total_requests']} requests")
    return Count(metrics["total_requests"], metrics["total_requests"] / metrics["requests_per_second"])


def _inline(table: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.items()) + " }"


# Programs that know no users: what they do is one request, again and again


def _wrk(ask: Ask, cwd: Path, watch: Watch) -> Count:
    words = ["wrk", "-t1", f"-c{ask.users}", f"-d{ask.seconds}s"]
    if ask.body is not None:
        lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(json.dumps(ask.body))}"]
        lines += [f"wrk.headers[{json.dumps(key)}] = {json.dumps(value)}" for key, value in _json_headers(ask).items()]
        (cwd / "post.lua").write_text("\n".join(lines) + "\n")
        words += ["-s", "post.lua"]
    said = _said([*words, ask.url + ask.path], ask, cwd, watch)
    for trouble in (r"Socket errors: .*", r"Non-2xx or 3xx responses: .*"):
        if errors := re.search(trouble, said):
            raise NoResultError(errors[0])
    found = _match(r"(\d+) requests in ([\d.]+)(ms|s|m)", said)
    return Count(int(found[1]), float(found[2]) * {"ms": 0.001, "s": 1, "m": 60}[found[3]])


def _hey(ask: Ask, cwd: Path, watch: Watch) -> Count:
    words = ["hey", "-z", f"{ask.seconds}s", "-c", str(ask.users)]
    if ask.body is not None:
        words += ["-m", "POST", "-d", json.dumps(ask.body), "-T", "application/json"]
        words += [word for key, value in ask.headers.items() for word in ("-H", f"{key}: {value}")]
    said = _said([*words, ask.url + ask.path], ask, cwd, watch)
    return _by_status(said, r"^\s*\[\d+\]\s+(?!\d+ responses).+")


def _oha(ask: Ask, cwd: Path, watch: Watch) -> Count:
    words = ["oha", "--no-tui", "--insecure", "-z", f"{ask.seconds}s", "-c", str(ask.users)]
    if ask.body is not None:
        words += ["-m", "POST", "-d", json.dumps(ask.body)]
        words += [word for key, value in _json_headers(ask).items() for word in ("-H", f"{key}: {value}")]
    said = _said([*words, ask.url + ask.path], ask, cwd, watch)
    # What was in flight when the time was up stands among its errors.
    return _by_status(said, r"^\s*\[\d+\]\s+(?!\d+ responses)(?!aborted due to deadline).+")


def _by_status(said: str, trouble: str) -> Count:
    """The figures of hey, and of oha, which prints the same: answers by their status, errors below."""
    if errors := re.search(trouble, said, re.MULTILINE):
        raise NoResultError(errors[0].strip())
    statuses = re.findall(r"\[(\d+)\]\s+(\d+) responses", said)
    wrong = [f"{n} answers with status {status}" for status, n in statuses if status != "200"]
    _demand(not wrong, ", ".join(wrong))
    _demand(statuses, f"no answers: {_end(said)}")
    return Count(sum(int(n) for _, n in statuses), float(_match(r"Total:\s+([\d.]+) s", said)[1]))


def _ab(ask: Ask, cwd: Path, watch: Watch) -> Count:
    most = ask.seconds * 100_000  # it wants a number, and keeps a record of that size
    words = ["ab", "-q", "-k", "-t", str(ask.seconds), "-n", str(most), "-c", str(ask.users)]
    if ask.body is not None:
        (cwd / "body.json").write_text(json.dumps(ask.body))
        words += ["-p", "body.json", "-T", "application/json"]
        words += [word for key, value in ask.headers.items() for word in ("-H", f"{key}: {value}")]
    said = _said([*words, ask.url + ask.path], ask, cwd, watch)
    for trouble in (r"Failed requests:\s+[1-9].*", r"Non-2xx responses:\s+[1-9].*", r"Write errors:\s+[1-9].*"):
        if errors := re.search(trouble, said):
            raise NoResultError(errors[0])
    requests = int(_match(r"Complete requests:\s+(\d+)", said)[1])
    kept = int(_match(r"Keep-Alive requests:\s+(\d+)", said)[1])
    _demand(kept > 0.99 * requests, f"only {kept} of {requests} requests on kept connections")
    return Count(requests, float(_match(r"Time taken for tests:\s+([\d.]+) s", said)[1]))


def _k6(ask: Ask, cwd: Path, watch: Watch) -> Count:
    url = json.dumps(ask.url + ask.path)
    if ask.body is None:
        call = f"http.get({url})"
    else:
        body, headers = json.dumps(json.dumps(ask.body)), json.dumps(_json_headers(ask))
        call = f"check(http.post({url}, {body}, {{headers: {headers}}}), {{right: r => r.json().value === 1}})"
    options = {"vus": ask.users, "duration": f"{ask.seconds}s", "insecureSkipTLSVerify": True}
    lines = ["import http from 'k6/http'", "import { check } from 'k6'"]
    lines += [f"export const options = {json.dumps(options)}", f"export default () => {{ {call} }}"]
    (cwd / "script.js").write_text("\n".join(lines) + "\n")
    said = _said(
        ["k6", "run", "--quiet", "--no-usage-report", "--summary-export", "k6.json", "script.js"], ask, cwd, watch
    )
    _demand((cwd / "k6.json").exists(), f"no summary: {_end(said)}")
    metrics = json.loads((cwd / "k6.json").read_text())["metrics"]
    _demand(not metrics["http_req_failed"]["value"], "requests failed")
    _demand(not metrics.get("checks", {}).get("fails"), "answers were wrong")
    return Count(int(metrics["http_reqs"]["count"]), metrics["http_reqs"]["count"] / metrics["http_reqs"]["rate"])


def _said(command: list[str], ask: Ask, cwd: Path, watch: Watch) -> str:
    code, said = run([*GENERATOR, *command], cwd, limit=ask.seconds + _ENOUGH, watch=watch)
    _demand(code == 0, f"exit code {code}: {_end(said)}")
    return said


def _json_headers(ask: Ask) -> dict[str, str]:
    return {"Content-Type": "application/json", **ask.headers}


def _match(pattern: str, said: str) -> re.Match[str]:
    found = re.search(pattern, said)
    if found is None:
        raise NoResultError(f"its output is not understood: {_end(said)}")
    return found


def _demand(right: object, otherwise: str) -> None:
    if not right:
        raise NoResultError(otherwise)


def _end(said: str) -> str:
    """The last lines of what a program said, on one line."""
    return " / ".join(line.strip() for line in said.strip().splitlines()[-3:]) or "it said nothing"


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


TOOLS = (
    Tool("locust-http", "Locust HttpUser", _locust("HttpUser")),
    Tool("loadproof-http", "Loadproof HttpUser", _loadproof("HttpUser")),
    Tool("loadproof-service", "Loadproof service", _service),
    Tool("locust-fast", "Locust FastHttpUser", _locust("FastHttpUser")),
    Tool("loadproof-fast", "Loadproof FastHttpUser", _loadproof("FastHttpUser")),
    Tool("wrk", "wrk", _wrk, "wrk"),
    Tool("hey", "hey", _hey, "hey"),
    Tool("ab", "ab", _ab, "ab"),
    Tool("k6", "k6", _k6, "k6"),
    Tool("oha", "oha", _oha, "oha"),
)
"""All of them, in the order of the rounds and tables: what is compared runs one after the other, on a machine that
others use too and that changes from one minute to the next."""
