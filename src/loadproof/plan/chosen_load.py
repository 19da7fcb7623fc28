"""Which load a run has: ``--rate``, ``--stages``, a profile, scenarios, or users as Locust starts them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loadproof.errors import Problem
from loadproof.plan import values
from loadproof.plan.layers import Rank
from loadproof.plan.model import DEFAULT_SCENARIO, Scenario
from loadproof.plan.profile import duration_of
from loadproof.plan.scenarios import find_profile
from loadproof.plan.settings import own_or_run
from loadproof.plan.shapes import check_pool, constant, cut, stages
from loadproof.plan.values import BadValueError
from loadproof.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadproof.plan.layers import Layers
    from loadproof.plan.model import Profile
    from loadproof.plan.options import Options
    from loadproof.plan.services import DeclaredService
    from loadproof.plan.settings import RunTable

NO_PROFILE = "none"
"""Value of ``--load-profile`` that takes the file's profile and scenarios away."""

_KINDS = ("rate", "stages", "load_profile", "scenarios")
_OPEN = "--rate 200/s makes arrivals, or --stages 30s:200/s"


@dataclass(frozen=True, slots=True)
class LoadTables:
    """What the plan's file says about load.

    Attributes:
        profiles: By name; None where something is wrong with one.
        scenarios: In their order.
        where: Where the scenarios stand; None where the file has none, right or wrong.
    """

    profiles: Mapping[str, Profile | None] = field(default_factory=dict)
    scenarios: tuple[Scenario, ...] = ()
    where: str | None = None


class LoadPicker:
    """Decides the load of one run.

    Args:
        layers: Decides between layers; remembers what won.
        options: The command line.
        run: ``[run]`` of the file.
        declared: The service that is run; None for locustfiles.
        tables: What the file says about load.
        problems: What is wrong is added here.
    """

    def __init__(
        self,
        layers: Layers,
        options: Options,
        run: RunTable,
        declared: DeclaredService | None,
        *,
        tables: LoadTables,
        problems: list[Problem],
    ) -> None:
        self._layers = layers
        self._options = options
        self._run = run
        self._declared = declared
        self._tables = tables
        self._problems = problems
        self._kind_rank = Rank.DEFAULT
        self._kind_source = ""

    def settle(self, settings: dict[str, Any]) -> None:
        """Put scenarios into the settings, and take out what they replace; a plain run's stay as they are.

        What a layer says that stands as high as the load's, or higher, must fit it. What a lower one says was meant for
        another load, and is left out where it does not fit.
        """
        found = self._profiles()
        pool = self._pool()
        kind = self._kind(found)
        if kind is None:
            self._refuse_pool_without_arrivals()
        elif (scenarios := self._scenarios(kind, found)) is not None:
            self._kind_rank = self._layers.ranks[kind]
            self._kind_source = self._layers.sources.get(kind, "")
            settings["scenarios"] = self._fitted(scenarios, pool, settings)
        self._layers.sources["scenarios"] = "default" if kind is None else self._layers.sources.get(kind, "")
        for key in (*_KINDS[:-1], *pool):
            if kind is None or key in _KINDS or self._layers.sources.get(key) == "default":
                self._layers.sources.pop(key, None)
        self._check_warmup(settings)

    def _profiles(self) -> dict[str, Any]:
        """What each kind of load would be."""
        pick, options, run = self._layers.pick, self._options, self._run
        written = own_or_run(run, self._declared, "profile")
        found: dict[str, Any] = {
            "rate": pick("rate", values.rate, option=options.rate, written=run.written("rate")),
            "stages": pick("stages", stages, option=options.stages, written=run.written("stages")),
            "load_profile": pick("load_profile", values.text, option=options.load_profile, written=written),
            "scenarios": self._tables.scenarios,
        }
        self._layers.ranks["scenarios"] = Rank.DEFAULT if self._tables.where is None else Rank.FILE
        self._layers.sources["scenarios"] = self._tables.where or "default"
        return found

    def _pool(self) -> dict[str, Any]:
        """What is said of arrivals beside their rate, by the names of ``Profile``."""
        pick, options, run = self._layers.pick, self._options, self._run
        poisson = "true" if options.poisson else None
        spaced = pick("poisson", values.switch, option=poisson, written=run.written("poisson"))
        return {
            "poisson": "poisson" if spaced else "even",
            "seed": pick("seed", values.seed, option=options.seed, written=run.written("seed")),
            "max_users": pick("max_users", values.users, option=options.max_users, written=run.written("max_users")),
            "late": pick("late", values.late, option=options.late, written=run.written("late")),
        }

    def _kind(self, found: Mapping[str, Any]) -> str | None:
        """The kind of load that the highest layer has; None where Locust starts users."""
        ranks = self._layers.ranks
        rank = min(ranks[kind] for kind in _KINDS)
        if rank is Rank.DEFAULT:
            return None
        kind, *others = [kind for kind in _KINDS if ranks[kind] is rank]
        for other in others:
            self._clash(kind, other, "both say how much load there is", "give one of them")
        return None if kind == "load_profile" and found[kind] == NO_PROFILE else kind

    def _scenarios(self, kind: str, found: Mapping[str, Any]) -> tuple[Scenario, ...] | None:
        """None where there is a problem."""
        source, value = self._layers.sources.get(kind, ""), found[kind]
        if kind == "scenarios":
            if self._declared is not None:
                hint = f'write profile = "NAME" into [services.{self._declared.name}], or --load-profile none'
                self._add("bad-scenario", source, "a service has no user classes, and so no scenarios", hint)
                return None
            return value or None
        profile: Profile | None = None
        if value is not None and kind == "load_profile":
            profile = find_profile(value, source, self._tables.profiles, self._problems)
        elif value is not None:
            profile = constant(value) if kind == "rate" else value
        return None if profile is None else (Scenario(name=DEFAULT_SCENARIO, profile=profile),)

    def _fitted(
        self, scenarios: tuple[Scenario, ...], pool: Mapping[str, Any], settings: dict[str, Any]
    ) -> tuple[Scenario, ...]:
        """The scenarios with all that is said beside them; from the settings is taken what they replace."""
        is_open = any(scenario.profile.model == "open" for scenario in scenarios)
        for key, value in pool.items():
            scenarios = self._with_pool(scenarios, key, value, is_open=is_open)
        scenarios = self._with_users(scenarios, settings["users"])
        for scenario in scenarios:
            try:
                check_pool({"start_users": scenario.profile.start_users, "max_users": scenario.profile.max_users})
            except BadValueError as error:
                self._problems.append(error.problem(self._kind_source))
        if self._stands("spawn_rate"):
            self._clash("spawn_rate", None, "the profile says how fast the load grows", "leave it out")
        if is_open:
            self._leave_out("rps", settings, "the profile says how many arrivals there are")
            self._leave_out("iterations_per_user", settings, "users take whatever arrives", "--iterations limits all")
            if len(scenarios) > 1:
                self._leave_out("iterations", settings, "each of several scenarios has arrivals of its own")
        settings["users"] = settings["spawn_rate"] = None
        for key in ("users", "spawn_rate"):
            self._layers.sources[key] = "default"
        return self._limited(scenarios, settings)

    def _with_pool(
        self, scenarios: tuple[Scenario, ...], key: str, value: Any, *, is_open: bool
    ) -> tuple[Scenario, ...]:
        """One value beside the profiles: it replaces what they say themselves where its layer is above the file."""
        rank = self._layers.ranks[key]
        if rank is Rank.DEFAULT or value is None:
            return scenarios
        if key != "seed" and not is_open:
            if self._stands(key):
                self._clash(key, None, "the load counts users, and has no arrivals", _OPEN)
            return scenarios
        name = "arrivals" if key == "poisson" else key
        changed = []
        for scenario in scenarios:
            profile = scenario.profile
            fits = key == "seed" or profile.model == "open"
            if fits and (rank < Rank.SERVICE or name not in profile.model_fields_set):
                profile = profile.model_copy(update={name: value})
            changed.append(scenario.model_copy(update={"profile": profile}))
        return tuple(changed)

    def _with_users(self, scenarios: tuple[Scenario, ...], users: int | None) -> tuple[Scenario, ...]:
        """``-u`` beside an open profile: the users that are there before the first arrival."""
        if users is None or not self._stands("users"):
            return scenarios
        scenario, profile = scenarios[0], scenarios[0].profile
        if len(scenarios) > 1 or profile.model == "closed":
            self._clash("users", None, "the profile says how many users there are", "leave it out")
            return scenarios
        if self._layers.ranks["users"] < Rank.SERVICE or profile.start_users is None:
            profile = profile.model_copy(update={"start_users": users})
        return (scenario.model_copy(update={"profile": profile}),)

    def _limited(self, scenarios: tuple[Scenario, ...], settings: dict[str, Any]) -> tuple[Scenario, ...]:
        """The run time ends profiles that have no end; others too where its layer is not below theirs."""
        run_time, shorter = settings["run_time"] or None, self._stands("run_time")
        limited = []
        for scenario in scenarios:
            profile = scenario.profile
            if run_time is not None and (shorter or duration_of(profile) is None):
                if run_time <= scenario.start:
                    what = f"begins at {scenario.start:g} s, and the run ends at {run_time:g} s"
                    self._add("bad-scenario", f"{self._kind_source}.{scenario.name}", what)
                    continue
                profile = cut(profile, run_time - scenario.start)
            limited.append(scenario.model_copy(update={"profile": profile}))
        ends = [None if (lasts := duration_of(one.profile)) is None else one.start + lasts for one in limited]
        total = None if None in ends else max((end for end in ends if end is not None), default=None)
        if total != run_time:
            self._layers.sources["run_time"] = self._kind_source
        settings["run_time"] = total
        return tuple(limited)

    def _leave_out(self, key: str, settings: dict[str, Any], what: str, hint: str = "leave it out") -> None:
        """A value that does not fit the load."""
        if self._stands(key):
            self._clash(key, None, what, hint)
        settings[key] = None
        self._layers.sources[key] = "default"

    def _check_warmup(self, settings: Mapping[str, Any]) -> None:
        warmup, run_time = settings["warmup"], settings["run_time"]
        if isinstance(warmup, float) and run_time and warmup >= run_time:
            what = f"{format_duration(warmup)} of warm-up leave nothing of a run of {format_duration(run_time)}"
            self._add("long-warmup", self._layers.sources["warmup"], what, "rules are judged on what comes after it")

    def _refuse_pool_without_arrivals(self) -> None:
        for key in ("poisson", "max_users", "late"):
            if self._layers.ranks[key] is Rank.OPTION:
                what = "says how arrivals are served, and the load has none"
                self._add("two-loads", _option(key), what, _OPEN)

    def _stands(self, key: str) -> bool:
        """Whether a layer says it that is not below the load's."""
        rank = self._layers.ranks[key]
        return rank is not Rank.DEFAULT and rank <= self._kind_rank

    def _clash(self, key: str, other: str | None, what: str, hint: str | None = None) -> None:
        sources = self._layers.sources
        beside = self._kind_source if other is None else sources.get(other) or _option(other)
        self._add("two-loads", f"{sources.get(key) or _option(key)} and {beside}", what, hint)

    def _add(self, slug: str, where: str, what: str, hint: str | None = None) -> None:
        self._problems.append(Problem(slug, where, what, hint))


def _option(key: str) -> str:
    return f"--{key.replace('_', '-')}"
