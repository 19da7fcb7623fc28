"""The plan of a run: frozen values, valid by construction.

Nothing here reads a file or the environment; ``loadproof.plan.parse`` does, and says all that is wrong at once.
Times are float seconds, rates are per second, ratios are 0..1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

FOREVER = "forever"
"""Stands in texts for a duration without an end."""

DEFAULT_SCENARIO = "default"
"""Name of the scenario of a run whose user classes share one profile."""

Operator = Literal["<", "<=", ">", ">=", "==", "!="]
Aggregation = Literal["avg", "min", "max", "med", "quantile", "rate", "count"]
SampleOutcome = Literal["success", "expected", "failure", "all"]


class Frozen(BaseModel):
    """A value that is never changed and has no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Selector(Frozen):
    """Which entries a rule looks at.

    Attributes:
        name: Glob over the entry's name; None for every entry that counts in totals. A flow's name is one.
        method: Request type, compared without case; None for every one.
        user_class: Name of the user class that sent it (``class`` in rules); None for every one.
        scenario: Name of the scenario that it was part of; None for every one.
        outcome: Which outcomes a duration is taken over; None for the metric's own default (successes).
        status: HTTP status, or its first digit as in ``5xx``; None for every one.
        kind: Kind of error; None for every one.
        level: Target of the level of a search that is judged, the first one of that target; None for the whole run.
    """

    name: str | None = None
    method: str | None = None
    user_class: str | None = None
    scenario: str | None = None
    outcome: SampleOutcome | None = None
    status: str | None = None
    kind: str | None = None
    level: float | None = None


class Condition(Frozen):
    """The breach: the rule is broken where ``observed operator limit`` is true.

    ``p95(response_time) < 500ms`` is kept as its breach, ``>= 0.5``.

    Attributes:
        operator: The comparison that means a breach.
        limit: In the metric's own unit: seconds, ratio, per second, bytes, or a count. Where there is a ``baseline``:
            what is added to it, or, below zero, taken off.
        baseline: Factor of the baseline's own value; None for a limit that stands by itself.
    """

    operator: Operator
    limit: float
    baseline: float | None = None


class Span(Frozen):
    """A window of time that a rule is about.

    Attributes:
        kind: ``for``: broken where every second of such a time breaks it. ``over``: where all of such a time together
            do. ``within``: the same, also before the run is that old.
        seconds: Whole seconds, at least 1.
    """

    kind: Literal["for", "within", "over"]
    seconds: int


class Threshold(Frozen):
    """A rule over what was measured.

    Attributes:
        text: The rule as it was written; shown everywhere.
        metric: What is looked at: one of ``loadproof.plan.metrics``, or ``measure.NAME`` for a script's own.
        aggregation: How it becomes one number; None for metrics that are one number already.
        quantile: 0..1 where ``aggregation`` is ``quantile``, else None.
        selector: Which entries it looks at.
        warn: Breach that warns; None where the rule never warns.
        fail: Breach that fails; None where the rule never fails.
        span: Window that it is about; None for the whole of the measured part.
        after: Seconds from the start of the measured part that it leaves out.
        min_samples: Fewest samples to judge on; None for the default of the quantile (p95 needs 59).
        abort: Whether a failure ends the run at once.
        source: The layer that set it: ``default``, a file with its key path, or ``--threshold``.
    """

    text: str
    metric: str
    aggregation: Aggregation | None = None
    quantile: float | None = None
    selector: Selector = Selector()
    warn: Condition | None = None
    fail: Condition | None = None
    span: Span | None = None
    after: float = 0.0
    min_samples: int | None = None
    abort: bool = False
    source: str = "default"

    @property
    def is_partial(self) -> bool:
        """Whether it is about windows or a part of the run, which must be watched while the run goes on."""
        return self.span is not None or self.after > 0

    @property
    def needs_baseline(self) -> bool:
        """Whether a limit of it depends on a baseline."""
        return any(level is not None and level.baseline is not None for level in (self.warn, self.fail))


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


class Stage(Frozen):
    """A part of a profile: its target goes from one value to another in a straight line.

    Attributes:
        duration: Seconds, above zero; None in the last stage alone: it lasts until something else ends the run.
        start: Target at its start: users, or arrivals per second.
        end: Target at its end; equals ``start`` where ``duration`` is None.
    """

    duration: float | None
    start: float
    end: float


class Profile(Frozen):
    """How much load there is at each time. The arithmetic is in ``loadproof.plan.profile``.

    Attributes:
        model: ``closed``: the target is a number of users, each of which waits for its answers; ``open``: arrivals per
            second, however slow the answers are.
        stages: One after another; at least one.
        arrivals: How arrivals are spaced: ``even``, or at random as a ``poisson`` process.
        seed: Of everything random: gaps between arrivals, and which user class one goes to.
        start_users: Users that are started before the first arrival; None leaves it to the load process.
        max_users: Most users that arrivals may be spread over; None for ten seconds' arrivals at the highest rate, at
            least 100 and at most 10,000.
        late: What becomes of an arrival when no user is free: ``drop`` it, or ``run`` it late.
    """

    model: Literal["closed", "open"]
    stages: tuple[Stage, ...]
    arrivals: Literal["even", "poisson"] = "even"
    seed: int = 1
    start_users: int | None = None
    max_users: int | None = None
    late: Literal["drop", "run"] = "drop"


class Scenario(Frozen):
    """Some of the user classes under a profile of their own.

    Attributes:
        name: What it is called.
        profile: How much load it makes.
        user_classes: Names of its user classes; empty for all that no other scenario names.
        start: Seconds after the run's start at which its profile begins.
        graceful_stop: Seconds that iterations may go on when its profile is over; then they are cut off.
    """

    name: str
    profile: Profile
    user_classes: tuple[str, ...] = ()
    start: float = 0.0
    graceful_stop: float = 30.0


class Stress(Frozen):
    """A search for the level at which the service breaks.

    Attributes:
        unit: What levels count: ``users``, or arrivals ``per_second``.
        levels: Ascending, without duplicates.
        hold: Whole seconds that each level lasts.
        settle: Whole seconds at its start that are not judged; users, or the rate, grow meanwhile.
        arrivals: How arrivals are spaced, as in ``Profile``; says nothing where users are counted.
        seed: Of everything random, as in ``Profile``.
        rules: What each level is judged by.
    """

    kind: Literal["stress"] = "stress"
    unit: Literal["users", "per_second"]
    levels: tuple[float, ...]
    hold: int
    settle: int
    arrivals: Literal["even", "poisson"] = "even"
    seed: int = 1
    rules: tuple[Threshold, ...]


class Capacity(Frozen):
    """A search for the highest rate that the service sustains.

    Attributes:
        start_rate: Arrivals per second of the first trial.
        max_rate: Highest rate to try; None for no limit but the generator's.
        trial: Whole seconds of a trial that are judged.
        settle: Whole seconds at a trial's start that are not judged.
        confirm: Whole seconds of the last trial, which confirms the answer.
        precision: The answer's interval is at most this wide to either side, as a ratio: 0.05 for 5 %.
        max_users: Most users that arrivals may be spread over, as in ``Profile``.
        arrivals: How arrivals are spaced, as in ``Profile``.
        seed: Of everything random, as in ``Profile``.
        rules: What each trial is judged by.
    """

    kind: Literal["capacity"] = "capacity"
    start_rate: float = 10.0
    max_rate: float | None = None
    trial: int = 20
    settle: int = 5
    confirm: int = 40
    precision: float = 0.05
    max_users: int | None = None
    arrivals: Literal["even", "poisson"] = "even"
    seed: int = 1
    rules: tuple[Threshold, ...]


class CoverageGate(Frozen):
    """What must run for a run to be whole.

    Attributes:
        expect: Names of entries, or globs, each with its request type in front where that matters: ``GET /items``.
        classes: User class -> what is expected besides, in runs of which that class is part.
        tasks: Whether the tasks of user classes count as declared.
    """

    expect: tuple[str, ...] = ()
    classes: dict[str, tuple[str, ...]] = {}
    tasks: bool = True


class SuiteSetting(Frozen):
    """What one of the suite's own settings is set to; only the suite knows what that means.

    Attributes:
        name: As the suite calls it, such as ``PERF_TEST_USERS``.
        text: As an environment variable would have it.
        source: ``--set NAME``, or file and key.
        is_option: Whether it wins over the environment, as ``--set`` does.
    """

    name: str
    text: str
    source: str
    is_option: bool


class Plan(Frozen):
    """Everything that a run needs to know before it starts.

    Attributes:
        name: Test name: directories, baselines and trends group by it.
        target: Locustfiles, or a service without code.
        users: Users to run; None leaves it to Locust's own configuration (default 1).
        spawn_rate: Users started per second; None as above (default 1).
        run_time: Seconds of load, ramp-up included; with ``scenarios`` the time at which the last profile is over. None
            runs until interrupted, or until a shape ends.
        processes: Worker processes; None for one process that does everything, -1 for one per core.
        host: Base URL that replaces the users' own; None where nothing here sets it.
        rps: Limit on requests per second over the whole run; None for none.
        locust_args: Arguments handed to Locust word for word, ``-f`` and what is above included.
        results: Folder under which the result directory is made.
        metrics_port: Port on which Prometheus finds the run while it goes on; 0 for any that is free, None for none.
        metrics_host: Address that this port is opened on.
        metrics_grace: Seconds that it stays open after the run for one more scrape; None for 20, and only where
            somebody has scraped before.
        scenarios: Profiles that say how much load there is; ``users`` and ``spawn_rate`` are None then. Empty leaves it
            to Locust: ``users`` at ``spawn_rate``, or the suite's own load shape.
        iterations: Iterations after which the run ends, over all users; None for no such limit.
        iterations_per_user: Iterations after which a user stops; None for no such limit.
        warmup: What rules leave out at the start: seconds, ``ramp`` for the time in which the load grows, ``auto`` for
            what is found not to be steady; None for nothing.
        search: What is searched for by changing the load; None for a plain run.
        samples: Which requests get a row in ``results.csv``: ``all``, ``errors``, ``none``, or at most N per second
            ( ``"100/s"``).
        client: What sends the requests of ``HttpUser``: ``fast``, our own wire, or ``requests``, Locust's own.
        settings: What the suite's own settings are set to, in the plan's file and by ``--set``.
        coverage: What is declared beyond what the target itself declares.
        baseline: Saved run that this one is compared with, as ``--baseline`` takes it; None for none.
        require_baseline: Whether it is an error that the baseline does not exist.
        fail_on_regression: Whether a regression against the baseline exits 5.
        thresholds: The rules of the run, defaults included; of a search those on its answer, as levels have their own.
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
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    metrics_grace: float | None = None
    scenarios: tuple[Scenario, ...] = ()
    iterations: int | None = None
    iterations_per_user: int | None = None
    warmup: float | Literal["ramp", "auto"] | None = None
    search: Annotated[Stress | Capacity, Field(discriminator="kind")] | None = None
    samples: str = "all"
    client: Literal["fast", "requests"] = "fast"
    settings: tuple[SuiteSetting, ...] = ()
    coverage: CoverageGate = CoverageGate()
    baseline: str | None = None
    require_baseline: bool = False
    fail_on_regression: bool = False
    thresholds: tuple[Threshold, ...] = ()
    ready_check: bool = True
    ui: bool = False
    strict: bool = False
    allow_inconclusive: bool = False
    sources: dict[str, str] = {}
