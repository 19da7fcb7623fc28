"""The plan of a run: frozen values, valid by construction.

Nothing here reads a file or the environment; ``loadproof.plan.parse`` does, and says all that is wrong at once.
Times are float seconds, rates are per second, ratios are 0..1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

DurationMetric = Literal["response_time", "service_time"]
CountMetric = Literal["error_rate", "throughput", "requests", "failures", "exceptions", "unfinished"]
Metric = Literal[DurationMetric, CountMetric]
Operator = Literal["<", "<=", ">", ">=", "==", "!="]
Aggregation = Literal["avg", "min", "max", "med", "quantile"]
SampleOutcome = Literal["success", "expected", "failure", "all"]


class Frozen(BaseModel):
    """A value that is never changed and has no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Selector(Frozen):
    """Which entries a rule looks at.

    Attributes:
        name: Glob over the entry's name; None for every entry that counts in totals.
        method: Request type, compared without case; None for every one.
        outcome: Which outcomes a duration is taken over; None for the metric's own default (successes).
    """

    name: str | None = None
    method: str | None = None
    outcome: SampleOutcome | None = None


class Condition(Frozen):
    """The breach: the rule is broken where ``observed operator limit`` is true.

    ``p95(response_time) < 500ms`` is kept as its breach, ``>= 0.5``.

    Attributes:
        operator: The comparison that means a breach.
        limit: In the metric's own unit: seconds, ratio, per second, or a count.
    """

    operator: Operator
    limit: float


class Threshold(Frozen):
    """A rule over what was measured.

    Attributes:
        text: The rule as it was written; shown everywhere.
        metric: What is looked at.
        aggregation: How a duration becomes one number; None for metrics that are one number already.
        quantile: 0..1 where ``aggregation`` is ``quantile``, else None.
        selector: Which entries it looks at.
        warn: Breach that warns; None where the rule never warns.
        fail: Breach that fails; None where the rule never fails.
        min_samples: Fewest samples to judge on; None for the default of the quantile (``peers`` table: p95 needs 59).
        source: The layer that set it: ``default``, a file with its key path, or ``--threshold``.
    """

    text: str
    metric: Metric
    aggregation: Aggregation | None = None
    quantile: float | None = None
    selector: Selector = Selector()
    warn: Condition | None = None
    fail: Condition | None = None
    min_samples: int | None = None
    source: str = "default"


class RequestSpec(Frozen):
    """One request of a service without code.

    Attributes:
        path: Path with its query, starting with a slash; or an absolute URL.
        method: HTTP method, upper case.
        name: Entry in the statistics; ``path`` where None.
        weight: Share in a random mix; None for the listed order.
        headers: Sent beside the service's own; these win.
        json_body: Value sent as JSON; None for none. (``json`` in the file.)
        body: Text sent as it is; None for none.
        expect: Statuses that are right; empty for 200..399.
    """

    path: str
    method: str = "GET"
    name: str | None = None
    weight: float | None = None
    headers: dict[str, str] = {}
    json_body: object | None = None
    body: str | None = None
    expect: tuple[int, ...] = ()


class Service(Frozen):
    """A service without code: where it is and what to ask it.

    Attributes:
        name: Its key in ``[services.NAME]``.
        base_url: Scheme, host and optional path, without a trailing slash.
        headers: Sent with every request; environment references are already expanded.
        timeout: Seconds to wait for connect and for each read.
        wait: Seconds between two requests of one user.
        requests: What to ask; at least one.
        verify: Whether TLS certificates are verified.
        ca_file: Certificates to verify with; None for the bundled ones.
        client_cert: Client certificate file; None for none.
        proxy: Proxy URL; None for none.
        auth: User name and password for basic auth; None for none.
        start: The command that starts the service, shown when it is not running; None when unknown.
    """

    name: str
    base_url: str
    requests: tuple[RequestSpec, ...]
    headers: dict[str, str] = {}
    timeout: float = 30.0
    wait: float = 0.1
    expect: tuple[int, ...] = ()
    verify: bool = True
    ca_file: Path | None = None
    client_cert: Path | None = None
    proxy: str | None = None
    auth: tuple[str, str] | None = None
    start: str | None = None


class LocustTarget(Frozen):
    """Locustfiles, as Locust's own ``-f`` takes them.

    Attributes:
        locustfile: The value for ``-f``: a path, several with commas, a folder, a URL.
    """

    locustfile: str


class Plan(Frozen):
    """Everything that a run needs to know before it starts.

    Attributes:
        name: Test name: directories, baselines and trends group by it.
        target: Locustfiles, or a service without code.
        users: Users to run; None leaves it to Locust's own configuration (default 1).
        spawn_rate: Users started per second; None as above (default 1).
        run_time: Seconds of load, ramp-up included; None runs until interrupted or until a shape ends.
        processes: Worker processes; None for one process that does everything, -1 for one per core.
        host: Base URL that replaces the users' own; None where nothing here sets it.
        rps: Limit on requests per second over the whole run; None for none.
        locust_args: Arguments handed to Locust word for word, ``-f`` and what is above included.
        results: Folder under which the result directory is made.
        samples: Which requests get a row in ``results.csv``: ``all``, ``errors``, ``none``, or at most N per second
            ( ``"100/s"``).
        client: What sends the requests of ``HttpUser``: ``fast``, our own wire, or ``requests``, Locust's own.
        thresholds: The rules, defaults included.
        ready_check: Whether the target must accept a connection before load is sent.
        ui: Whether Locust's web interface drives the run.
        strict: Whether a warning fails the run.
        allow_inconclusive: Whether an inconclusive run exits 0.
        sources: Which layer set each value: key path to ``default``, a file, an environment variable or an option.
    """

    name: str
    target: LocustTarget | Service
    users: int | None = None
    spawn_rate: float | None = None
    run_time: float | None = None
    processes: int | None = None
    host: str | None = None
    rps: float | None = None
    locust_args: tuple[str, ...] = ()
    results: Path = Path("reports/performance")
    samples: str = "all"
    client: Literal["fast", "requests"] = "fast"
    thresholds: tuple[Threshold, ...] = ()
    ready_check: bool = True
    ui: bool = False
    strict: bool = False
    allow_inconclusive: bool = False
    sources: dict[str, str] = {}
