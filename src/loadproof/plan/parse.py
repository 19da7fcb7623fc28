"""Files, environment and options -> ``Plan``, or everything that is wrong with them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from loadproof.errors import Problem, UsageError
from loadproof.plan import values
from loadproof.plan.defaults import layered, with_defaults
from loadproof.plan.files import read_dotenv, read_locust_configuration, read_plan_file
from loadproof.plan.layers import Layers
from loadproof.plan.locust_arguments import build_arguments, take_locustfile
from loadproof.plan.model import LocustTarget, Plan, Service, Threshold
from loadproof.plan.options import Options, from_python
from loadproof.plan.services import DeclaredService, read_services, read_thresholds
from loadproof.plan.settings import pick_settings, read_run, untold
from loadproof.plan.targets import Chosen, default_name, read_locustfile, read_target
from loadproof.plan.thresholds import parse_threshold
from loadproof.plan.values import Table

if TYPE_CHECKING:
    from loadproof.plan.options import PythonOptions

_LATER_TABLES = ("profiles", "coverage", "baseline")


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
        self._options = options
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
        variables = {**self._dotenv, **options.environ}
        raw_services = top.take("services", values.anything)
        self._services = read_services(raw_services, file, options.cwd, variables, self._problems)
        top.finish(_LATER_TABLES)
        self._option_rules = self._read_option_rules()
        self._locustfile, self._rest = take_locustfile(options.locust_args)

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
        settings = pick_settings(layers, self._options, self._run, declared, default_name=name)
        if declared is not None:
            self._problems.extend(declared.problems_if_run)
        if self._problems or chosen is None:
            return None
        if several and layers.sources["name"] != "default":
            settings["name"] = f"{settings['name']}_{name}"
        arguments = build_arguments(chosen.locustfile, untold(layers, settings), self._options.class_names, self._rest)
        for key in ("run_time", "processes"):  # Locust's zero: no limit, no further process
            settings[key] = settings[key] or None
        return Plan.model_validate(
            settings
            | {
                "target": self._target(chosen, declared, settings["host"], layers),
                "locust_args": arguments,
                "thresholds": self._thresholds(declared, rps_limited=settings["rps"] is not None),
                "sources": {"target": chosen.source, **(declared.sources if declared else {}), **layers.sources},
            }
        )

    def _target(
        self, chosen: Chosen, declared: DeclaredService | None, host: str | None, layers: Layers
    ) -> LocustTarget | Service:
        if declared is None or declared.service is None:
            return LocustTarget(locustfile=chosen.locustfile or "")
        if host is None:
            return declared.service
        layers.sources[f"services.{declared.name}.base_url"] = layers.sources["host"]
        return declared.service.model_copy(update={"base_url": host})

    def _thresholds(self, declared: DeclaredService | None, *, rps_limited: bool) -> tuple[Threshold, ...]:
        own = declared.thresholds if declared else ()
        rules = layered(self._file_rules, own, self._option_rules)
        return with_defaults(rules, "service" if declared else "locustfile", rps_limited=rps_limited)

    def _read_option_rules(self) -> tuple[Threshold, ...]:
        rules: list[Threshold] = []
        for text in self._options.thresholds:
            try:
                rules.append(parse_threshold(text, source="--threshold"))
            except UsageError as error:
                self._problems.extend(error.problems)
        return tuple(rules)

    def _layers(self) -> Layers:
        return Layers(self._options.environ, self._dotenv, self._locust_configuration, self._problems)

    def _add(self, slug: str, where: str, what: str, hint: str | None = None) -> None:
        self._problems.append(Problem(slug, where, what, hint))
