"""Files, environment and options -> ``Plan``, or everything that is wrong with them at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

from loadproof.errors import Problem, UsageError
from loadproof.plan import values
from loadproof.plan.chosen_load import NO_PROFILE, LoadPicker, LoadTables
from loadproof.plan.defaults import default_level_thresholds, layered, with_defaults
from loadproof.plan.files import read_dotenv, read_locust_configuration, read_plan_file
from loadproof.plan.gates import pick_gates, read_gates
from loadproof.plan.layers import Layers
from loadproof.plan.locust_arguments import build_arguments, take_load, take_locustfile
from loadproof.plan.metrics import ANSWERS
from loadproof.plan.model import LocustTarget, Plan, Service, Threshold
from loadproof.plan.options import Options, from_python
from loadproof.plan.scenarios import find_profile, read_scenarios
from loadproof.plan.searches import SearchPicker, read_search, refuse_without_search
from loadproof.plan.services import DeclaredService, read_services, read_thresholds
from loadproof.plan.settings import pick_settings, read_run, untold
from loadproof.plan.shapes import read_profiles
from loadproof.plan.suite_settings import read_set_options, read_settings_table
from loadproof.plan.targets import Chosen, default_name, read_locustfile, read_target
from loadproof.plan.thresholds import parse_threshold
from loadproof.plan.values import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadproof.plan.options import PythonOptions, SearchKind

_ANSWER_OF: dict[SearchKind, str] = {"stress": "breaking_level", "capacity": "capacity"}


def load_plan(target: Options | str | None = None, **given: Unpack[PythonOptions]) -> Plan:
    """The plan of one run.

    Args:
        target: TARGET, a locustfile or a service; None for what files, environment or the folder say. Or the whole
            command line as ``Options``; then without further values.
        **given: What options say on the command line, by their names: ``users=50, run_time="1m"``.

    Raises:
        UsageError: With every problem that was found; ``several-services`` where TARGET names more than one.
        TypeError: Values were given beside ``Options``.
    """
    if isinstance(target, Options):
        if given:
            raise TypeError("load_plan() takes Options or single values, not both")
        options = target
    else:
        options = from_python(target, given)
    plans = load_plans(options)
    if len(plans) > 1:
        names = ", ".join(plan.target.name for plan in plans if isinstance(plan.target, Service))
        raise UsageError([Problem("several-services", "TARGET", f"several services are named: {names}", "name one")])
    return plans[0]


def load_plans(options: Options, *, all_services: bool = False) -> list[Plan]:
    """The plans of one command: one, or one for each service that is run.

    Args:
        options: The command line and its surroundings; TARGET may name several services with commas.
        all_services: Whether to run all services that the file declares, in its order, and no TARGET.

    Returns:
        At least one plan.

    Raises:
        UsageError: With every problem that was found, in the order of files, environment and options.
    """
    loader = _Loader(options)
    return loader.plans(loader.choose_all() if all_services else loader.choose())


class _Loader:
    """Holds what was read while the plans are put together."""

    def __init__(self, options: Options) -> None:
        self._problems: list[Problem] = []
        file = read_plan_file(options.cwd, options.plan_file, self._problems)
        self._file = file
        self._dotenv = read_dotenv(options.cwd, self._problems)
        self._locust_configuration = read_locust_configuration(options.cwd, options.environ.get("HOME"))
        top = Table(file.table, file.where(""), self._problems)
        rules = top.take("thresholds", values.anything)
        where = file.where("thresholds")
        self._file_rules = () if rules is None else read_thresholds(rules, where, self._problems)
        self._run = read_run(top.take("run", values.anything), file, self._problems)
        self._loads = self._read_loads(top)
        variables = {**self._dotenv, **options.environ}
        raw_services = top.take("services", values.anything)
        self._services = read_services(raw_services, file, options.cwd, variables, self._problems)
        for service in self._services.values():
            if service.profile is not None and service.profile != NO_PROFILE:
                place = file.where(f"services.{service.name}.profile")
                find_profile(service.profile, place, self._loads.profiles, self._problems)
        searches = {kind: top.take(kind, values.anything) for kind in _ANSWER_OF}
        self._searches = {kind: read_search(raw, kind, file, self._problems) for kind, raw in searches.items()}
        self._gates = read_gates(
            top.take("coverage", values.anything), top.take("baseline", values.anything), file, self._problems
        )
        raw_settings = top.take("settings", values.anything)
        self._suite_settings = (
            *read_settings_table(raw_settings, file, self._problems).values(),
            *read_set_options(options.settings, self._problems).values(),
        )
        top.finish()
        self._locustfile, self._rest = take_locustfile(options.locust_args)
        said, self._rest_without_load = take_load(self._rest)
        self._options = replace(  # Locust takes the last of them, whatever its spelling
            options,
            users=said.get("users", options.users),
            spawn_rate=said.get("spawn_rate", options.spawn_rate),
            run_time=said.get("run_time", options.run_time),
        )
        self._option_rules = self._read_option_rules()

    def _read_loads(self, top: Table) -> LoadTables:
        profiles = read_profiles(top.take("profiles", values.anything), self._file, self._problems)
        raw = top.take("scenarios", values.anything)
        scenarios = read_scenarios(raw, self._file, profiles, self._problems)
        return LoadTables(profiles, scenarios, self._file.where("scenarios") if raw else None)

    def choose(self) -> Chosen | None:
        """What TARGET or ``-f`` or, without them, the other layers say; None where that is a problem."""
        word, flag, cwd = self._options.target, self._locustfile, self._options.cwd
        if word is not None and flag is not None:
            self._add("two-targets", "TARGET", f"{word!r} and -f {flag!r} both say what to run", "give one of them")
            return None
        if word is not None:
            return read_target(word, "TARGET", self._services, cwd, self._problems)
        if flag is not None:
            return read_locustfile(flag, "--locustfile", cwd, self._problems)
        layers = self._layers()
        default = "locustfile.py" if (cwd / "locustfile.py").exists() else None
        written = self._run.written("locustfile")
        locustfile = layers.pick("locustfile", values.text, written=written, default=default)
        if locustfile is not None:
            return read_locustfile(locustfile, layers.sources["locustfile"], cwd, self._problems)
        hint = f"services: {', '.join(self._services)}" if self._services else "name a locustfile"
        self._add("no-target", "TARGET", "nothing says what to run, and there is no locustfile.py here", hint)
        return None

    def choose_all(self) -> Chosen | None:
        """Every service of the file; None where that is a problem."""
        if self._options.target is not None or self._locustfile is not None:
            self._add("two-targets", "--all", "a target is given beside --all", "give one of them")
            return None
        if not self._services:
            hint = "declare them as [services.NAME] in loadproof.toml"
            self._add("no-target", "--all", "there are no services to run", hint)
            return None
        return Chosen("--all", services=tuple(self._services))

    def plans(self, chosen: Chosen | None) -> list[Plan]:
        """One plan for each thing chosen; without one, what else is wrong is still looked for.

        Raises:
            UsageError: With every problem that was found.
        """
        services = chosen.services if chosen else ()
        if services and self._options.class_names:
            self._add("bad-value", "--class", "a service has no user classes", "leave --class out")
        several = len(services) > 1
        plans = [self._plan(chosen, self._services[name], several=several) for name in services]
        if not services:
            plans = [self._plan(chosen, None, several=False)]
        complete = [plan for plan in plans if plan is not None]
        if self._problems:
            raise UsageError(list(dict.fromkeys(self._problems)))
        return complete

    def _plan(self, chosen: Chosen | None, declared: DeclaredService | None, *, several: bool) -> Plan | None:
        layers = self._layers()
        name = declared.name if declared else default_name(chosen.locustfile, self._options.cwd) if chosen else ""
        settings = pick_settings(layers, self._options, self._run, declared, problems=self._problems, default_name=name)
        settings |= pick_gates(layers, self._options, self._gates)
        if declared is not None:
            self._problems.extend(declared.problems_if_run)
        self._settle_load(layers, settings, declared)
        if self._problems or chosen is None:
            return None
        if several and layers.sources["name"] != "default":
            settings["name"] = f"{settings['name']}_{name}"
        given = settings.get("scenarios") or settings.get("search")
        told = settings | {"users": None, "spawn_rate": None, "run_time": None} if given else settings
        rest = self._rest_without_load if given else self._rest
        arguments = build_arguments(chosen.locustfile, untold(layers, told), self._options.class_names, rest)
        for key in ("run_time", "processes"):  # Locust's zero: no limit, no further process
            settings[key] = settings.get(key) or None
        return Plan.model_validate(
            settings
            | {
                "target": self._target(chosen, declared, settings["host"], layers),
                "locust_args": arguments,
                "settings": self._suite_settings,
                "sources": {"target": chosen.source, **(declared.sources if declared else {}), **layers.sources},
            }
        )

    def _settle_load(self, layers: Layers, settings: dict[str, Any], declared: DeclaredService | None) -> None:
        """Put profiles or the search into the settings, and the rules that go with them."""
        own = declared.thresholds if declared else ()
        kind = self._options.search
        if kind is None:
            refuse_without_search(self._options, self._problems)
            LoadPicker(layers, self._options, self._run, declared, tables=self._loads, problems=self._problems).settle(
                settings
            )
            rules = layered(self._file_rules, own, self._option_rules)
            self._refuse_answers(rules, None)
            self._refuse_windows_of_unknown_start(rules, settings)
            is_open = any(scenario.profile.model == "open" for scenario in settings.get("scenarios", ()))
            settings["thresholds"] = with_defaults(
                rules, "service" if declared else "locustfile", rps_limited=bool(settings.get("rps")), is_open=is_open
            )
            return
        table = self._searches[kind]
        search = SearchPicker(layers, self._options, table, self._problems).settle(settings)
        rules = layered(self._file_rules, own, table.thresholds, self._option_rules)
        self._refuse_answers(rules, search)
        is_open = search.get("unit", "per_second") == "per_second"
        of_run = [rule for rule in rules if rule.metric in ANSWERS or rule.selector.level is not None]
        of_levels = [rule for rule in rules if rule not in of_run]
        self._refuse_windows(of_levels)
        search["rules"] = layered(default_level_thresholds(is_open=is_open), of_levels)
        settings["search"] = search
        settings["thresholds"] = tuple(of_run)

    def _refuse_windows_of_unknown_start(self, rules: Iterable[Threshold], settings: dict[str, Any]) -> None:
        """Where the warm-up ends is known only when the run is over, and windows are judged while it goes on."""
        for rule in rules:
            if rule.is_partial and settings.get("warmup") == "auto":
                what = f"{rule.text}: with --warmup auto nobody knows where its first window begins"
                self._add("window-start", rule.source, what, "give the warm-up as a time: --warmup 10s")

    def _refuse_windows(self, rules: Iterable[Threshold]) -> None:
        """A level is judged on its own window, when it is over."""
        for rule in rules:
            if rule.is_partial or rule.abort or rule.needs_baseline or rule.metric == "coverage":
                what = "levels of a search are judged one by one, each as a whole"
                self._add("not-in-search", rule.source, f"{what}: {rule.text}", "keep this rule for loadproof run")

    def _refuse_answers(self, rules: Iterable[Threshold], search: dict[str, Any] | None) -> None:
        """A rule on an answer needs the search that gives it."""
        for rule in rules:
            if rule.selector.level is not None and search is None:
                what = f"{rule.text}: there are levels in searches only"
                self._add("not-in-search", rule.source, what, "take level= out, or run loadproof stress")
            if rule.metric not in ANSWERS:
                continue
            kind = next(kind for kind, metric in _ANSWER_OF.items() if metric == rule.metric)
            if search is None or search["kind"] != kind:
                what = f"{rule.metric} is what loadproof {kind} finds, and nothing else"
                self._add("not-in-search", rule.source, what, f"write the rule into [{kind}] thresholds")
            elif search.get("unit") == "users" and "/" in rule.text:
                self._add("threshold-unit", rule.source, "levels count users, and the limit is a rate", "write > 80")

    def _target(
        self, chosen: Chosen, declared: DeclaredService | None, host: str | None, layers: Layers
    ) -> LocustTarget | Service:
        if declared is None or declared.service is None:
            return LocustTarget(locustfile=chosen.locustfile or "")
        if host is None:
            return declared.service
        layers.sources[f"services.{declared.name}.base_url"] = layers.sources["host"]
        return declared.service.model_copy(update={"base_url": host})

    def _read_option_rules(self) -> tuple[Threshold, ...]:
        rules: list[Threshold] = []
        words = [("--threshold", text) for text in self._options.thresholds]
        for option, text in [*words, *(("--slo", text) for text in self._options.slo)]:
            try:
                rules.append(parse_threshold(text, source=option))
            except UsageError as error:
                self._problems.extend(error.problems)
        return tuple(rules)

    def _layers(self) -> Layers:
        return Layers(self._options.environ, self._dotenv, self._locust_configuration, self._problems)

    def _add(self, slug: str, where: str, what: str, hint: str | None = None) -> None:
        self._problems.append(Problem(slug, where, what, hint))
