"""Load and stress tests from Python, in the words of the suite's document; Loadproof makes and measures them."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import signal
import tomllib
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self, overload
from urllib.parse import urlsplit

from loadproof.errors import RunError, UsageError
from loadproof.export import metrics_of
from loadproof.plan import Options, Service, load_plan, load_plans
from loadproof.plan.toml_words import toml, toml_key
from loadproof.result import write_atomically
from loadproof.suites.services.command import PLAN_FILE, plan_file
from loadproof.supervisor import StopSignal, run_plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from loadproof.plan import Plan, RequestSpec
    from loadproof.result import RunResult

_OWN_KEYS = ("scheme", "host", "port", "endpoints", "auth_header")
"""Keys of a configuration that ``[services.NAME]`` has under other names; all others are the same there."""

_PATHS = ("ca_file", "client_cert")


@dataclass(frozen=True, slots=True)
class RequestResult:
    """One request, as ``results.csv`` has it.

    Attributes:
        timestamp: When it was sent, UTC.
        endpoint: Name of the entry: the path.
        method: HTTP method.
        status_code: None where no answer came.
        response_time: Seconds; None where it was not timed.
        success: Whether the answer was right.
        error_message: Kind and text of the failure; None for a success.
        response_size: Bytes of the body.
    """

    timestamp: datetime
    endpoint: str
    method: str
    status_code: int | None
    response_time: float | None
    success: bool
    error_message: str | None
    response_size: int


class RunResults(Sequence[RequestResult]):
    """The requests of a run, read when they are first looked at.

    Args:
        run: The run; its directory holds the rows.

    Attributes:
        run: Everything that was measured, with the verdicts.
    """

    def __init__(self, run: RunResult) -> None:
        self.run = run

    @cached_property
    def _rows(self) -> tuple[RequestResult, ...]:
        with (self.directory / "results.csv").open(newline="", encoding="utf-8") as file:
            return tuple(_request_result(row) for row in csv.DictReader(file))

    @property
    def directory(self) -> Path:
        """Where the files of the run are."""
        assert self.run.directory is not None  # every run that was made has one
        return self.run.directory

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> RequestResult: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[RequestResult]: ...
    def __getitem__(self, index: int | slice) -> RequestResult | Sequence[RequestResult]:
        return self._rows[index]


class PerformanceTestFramework:
    """Runs load and stress tests of services that are described by their port and endpoints.

    Attributes:
        service_configs: Services by name: those of ``loadproof.toml`` in the current folder, or of the suite where
            there is none; more may be put in before a test. A configuration has ``port`` and ``endpoints`` (a list of
            ``path``, ``method`` and what a request of ``[services.NAME]`` may have besides), and may have
            ``auth_header`` (headers sent with every request), ``host`` (``localhost``), ``scheme`` (``http``), and
            every key of ``[services.NAME]``, such as ``timeout``, ``wait`` and ``start``.

    Raises:
        UsageError: The plan file is wrong.
    """

    def __init__(self) -> None:
        self._plan_file = plan_file()
        self._declared = _services_of(self._plan_file)
        self.service_configs: dict[str, dict[str, Any]] = deepcopy(self._declared)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing stays open between tests."""

    async def load_test(
        self,
        service_name: str,
        concurrent_users: int = 10,
        duration_seconds: float = 60,
        requests_per_second: float | None = None,
    ) -> RunResults:
        """Put a constant number of users on a service.

        Args:
            service_name: One of ``service_configs``.
            concurrent_users: Users at the same time.
            duration_seconds: Seconds of load.
            requests_per_second: Limit on the requests of the whole run; None for none.

        Raises:
            UsageError: The service is unknown, or its configuration is wrong. Nothing was sent.
            NotReadyError: The service is not running. Nothing was sent.
        """
        return await self._run(service_name, users=concurrent_users, run_time=duration_seconds, rps=requests_per_second)

    async def stress_test(self, service_name: str, max_users: int = 100, ramp_up_time: float = 300) -> RunResults:
        """Raise the users in ten steps until the service breaks; ``run.search`` of what it gives says where.

        Args:
            service_name: One of ``service_configs``.
            max_users: Users of the last step.
            ramp_up_time: Seconds of all steps together.

        Raises:
            UsageError: As for ``load_test``.
            NotReadyError: As there.
        """
        return await self._run(service_name, search="stress", max_users=max_users, ramp_up=ramp_up_time)

    def calculate_metrics(self, results: RunResults) -> dict[str, Any]:
        """The figures of a run, as ``metrics.json`` has them: seconds, and ``error_rate`` in percent."""
        return metrics_of(results.run)

    def save_results(self, results: RunResults, test_name: str, metrics: Mapping[str, Any] | None = None) -> Path:
        """Keep a run under a name of your own: ``reports/performance/<test_name>_<YYYYMMDD_HHMMSS>``.

        The run was written while it went; its directory is renamed.

        Args:
            results: What ``load_test`` or ``stress_test`` gave.
            test_name: What its directory is called from now on.
            metrics: What ``metrics.json`` is to hold, such as ``calculate_metrics`` with figures of your own added;
                None leaves it as it is.

        Returns:
            The directory, with ``results.csv``, ``metrics.json`` and ``report.html``.

        Raises:
            ValueError: The name is none for a directory.
            RunError: The disk refused it.
        """
        if not re.fullmatch(r"\w[\w.\- ]*", test_name):
            raise ValueError(f"{test_name!r} is no name for a directory: use letters, digits, '_', '-' and '.'")
        try:
            directory = _renamed(results.directory, test_name)
            if metrics is not None:
                text = json.dumps(dict(metrics), indent=2, ensure_ascii=False, default=str)
                write_atomically(directory / "metrics.json", text + "\n")
        except OSError as error:
            raise RunError(f"{error.filename} cannot be written: {error.strerror}", slug="results") from error
        results.run = replace(results.run, directory=directory)
        return directory

    async def _run(self, service_name: str, **given: Any) -> RunResults:
        """Run a plan in a thread; who is cancelled, as by Ctrl-C, ends the run and waits for its files."""
        plan = self._plan(service_name, given)
        stop = StopSignal()
        running = asyncio.ensure_future(asyncio.to_thread(run_plan, plan, stop=stop))
        try:
            return RunResults(await asyncio.shield(running))
        except asyncio.CancelledError:
            stop.request(signal.SIGINT)
            await asyncio.wait([running])
            running.exception()  # it is over either way, and nobody else asks how
            raise
        finally:
            stop.close()

    def _plan(self, service_name: str, given: dict[str, Any]) -> Plan:
        """The plan of one test, of the services as they are configured now."""
        if self.service_configs == self._declared:
            return load_plan(service_name, plan_file=str(self._plan_file), **given)
        with TemporaryDirectory() as folder:
            path = Path(folder) / PLAN_FILE
            path.write_text(self._described(), encoding="utf-8")
            label = f"{PLAN_FILE} and service_configs"
            try:
                plan = load_plan(service_name, plan_file=str(path), **given)
            except UsageError as error:
                problems = [replace(each, where=each.where.replace(str(path), label)) for each in error.problems]
                raise UsageError(problems) from None
            rules = [
                rule.model_copy(update={"source": rule.source.replace(str(path), label)}) for rule in plan.thresholds
            ]
            sources = {key: source.replace(str(path), label) for key, source in plan.sources.items()}
            return plan.model_copy(update={"thresholds": tuple(rules), "sources": sources})

    def _described(self) -> str:
        """A plan file that has the services as they are configured now, and all else as it was."""
        document = tomllib.loads(self._plan_file.read_text(encoding="utf-8"))
        before = document.get("services", {})
        document["services"] = {
            name: before[name] if config == self._declared.get(name) else _table(config)
            for name, config in self.service_configs.items()
        }
        return "".join(f"{toml_key(key)} = {toml(value)}\n" for key, value in document.items())


def _services_of(plan_file: Path) -> dict[str, dict[str, Any]]:
    """The services of a plan file as configurations; none where it declares none."""
    try:
        plans = load_plans(Options(plan_file=str(plan_file)), all_services=True)
    except UsageError as error:
        if [problem.slug for problem in error.problems] == ["no-target"]:
            return {}
        raise
    return {plan.target.name: _config(plan.target) for plan in plans if isinstance(plan.target, Service)}


def _config(service: Service) -> dict[str, Any]:
    """A service in the words of ``service_configs``."""
    url = urlsplit(service.base_url)
    said = service.model_dump(mode="json", exclude_defaults=True, exclude={"name", "base_url", "requests", "headers"})
    return said | {
        "scheme": url.scheme,
        "host": url.hostname or "localhost",
        "port": url.port or (443 if url.scheme == "https" else 80),
        "endpoints": [_endpoint(request, url.path) for request in service.requests],
        "auth_header": dict(service.headers),
    }


def _endpoint(request: RequestSpec, prefix: str) -> dict[str, Any]:
    said = request.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    if "json_body" in said:
        said["json"] = said.pop("json_body")
    said |= {"path": f"{prefix}{request.path}", "method": request.method}
    return said | ({"name": request.name or request.path} if prefix else {})


def _table(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as ``[services.NAME]`` has it; what is missing or wrong in it, the reader of plans says."""
    said = {key: value for key, value in config.items() if key not in _OWN_KEYS}
    if "base_url" not in said and "port" in config:
        said["base_url"] = f"{config.get('scheme', 'http')}://{config.get('host', 'localhost')}:{config['port']}"
    if "endpoints" in config:
        said["requests"] = list(config["endpoints"])
    if config.get("auth_header"):
        said["headers"] = dict(config["auth_header"])
    return said | {key: str(Path(said[key]).absolute()) for key in _PATHS if key in said}


def _request_result(row: Mapping[str, str]) -> RequestResult:
    return RequestResult(
        timestamp=datetime.fromisoformat(row["timestamp"]),
        endpoint=row["endpoint"],
        method=row["method"],
        status_code=int(row["status_code"]) if row["status_code"] else None,
        response_time=float(row["response_time"]) if row["response_time"] else None,
        success=row["success"] == "true",
        error_message=None if row["success"] == "true" else row["error_message"],
        response_size=int(row["response_size"]),
    )


def _renamed(directory: Path, test_name: str) -> Path:
    """The directory under its new name, with the time that it has; ``_2`` and so on where that exists already."""
    stamp = re.search(r"\d{8}_\d{6}", directory.name)
    stem = f"{test_name}_{stamp[0]}" if stamp else test_name
    if re.fullmatch(rf"{re.escape(stem)}(_\d+)?", directory.name):
        return directory
    names = (stem if number == 1 else f"{stem}_{number}" for number in count(1))
    chosen = next(path for name in names if not (path := directory.with_name(name)).exists())
    return directory.rename(chosen)
