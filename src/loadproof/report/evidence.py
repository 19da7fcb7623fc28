"""What advice is drawn from, and the shape of a row of its table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from loadproof.report.figures import NO_KIND, arrivals_of, endpoints_of, error_kinds_of, totals_of
from loadproof.report.rules import metric_of
from loadproof.result import Outcome

if TYPE_CHECKING:
    from loadproof.report.figures import ArrivalFigures, Endpoint, ErrorKind, Figures
    from loadproof.result import RunResult, Verdict

About = Literal["run", "script", "generator", "coverage", "errors", "rules", "comparison", "losses"]
"""What a row is about. Advice is given in this order: what makes all the rest doubtful comes first."""

ABOUT: tuple[About, ...] = get_args(About)
_KINDS_MAX = 5


class Seen(NamedTuple):
    """Something that a row was found to apply to.

    Attributes:
        text: What was seen: a clause that begins a sentence, without an end; text from outside in it as it came.
        weight: How much of it there is: the more, the earlier the advice among those about the same.
    """

    text: str
    weight: float = 0.0


class Evidence:
    """A result, and the figures of it that rows look at; each is made when it is first asked for.

    Args:
        result: The run.
    """

    def __init__(self, result: RunResult) -> None:
        self.result = result

    @cached_property
    def totals(self) -> Figures:
        """All requests together."""
        return totals_of(self.result)

    @cached_property
    def arrivals(self) -> ArrivalFigures | None:
        """What became of arrivals; None for a closed model."""
        return arrivals_of(self.result)

    @cached_property
    def endpoints(self) -> list[Endpoint]:
        """Every entry, worst first."""
        return endpoints_of(self.result)

    @cached_property
    def _every_kind(self) -> list[ErrorKind]:
        """Without those of spans, which rows ask for by their method."""
        return [kind for kind in error_kinds_of(self.result) if kind.group != "span"]

    @cached_property
    def kinds(self) -> list[ErrorKind]:
        """The five most frequent kinds of failures of requests, and five of iterations and the set-up."""
        requests = [kind for kind in self._every_kind if kind.group == "request"]
        others = [kind for kind in self._every_kind if kind.group != "request"]
        return requests[:_KINDS_MAX] + others[:_KINDS_MAX]

    @property
    def other_kinds(self) -> list[ErrorKind]:
        """The less frequent ones."""
        return [kind for kind in self._every_kind if kind not in self.kinds]

    def failed_spans(self, method: str) -> list[tuple[str, str, int, int]]:
        """Failed spans of a method, such as ``FLOW``: name, kind, how often, of how many; five, most frequent first."""
        found = []
        for endpoint in self.endpoints:
            if endpoint.method != method or not endpoint.figures.failures:
                continue
            failed = self.result.record.tallies((endpoint.name, method))["failure"]
            kinds = Counter(failed.kinds)
            kinds[NO_KIND] += failed.count - sum(failed.kinds.values())
            found += [(endpoint.name, kind, n, endpoint.figures.requests) for kind, n in (+kinds).items()]
        return sorted(found, key=lambda each: (-each[2], each[:2]))[:_KINDS_MAX]

    def verdicts(self, *outcomes: Outcome) -> list[Verdict]:
        """Rules that came out so."""
        return [verdict for verdict in self.result.verdicts if verdict.outcome in outcomes]

    def broken(self, *metrics: str) -> list[Verdict]:
        """Rules on these metrics that warn or fail."""
        return [each for each in self.verdicts(Outcome.FAIL, Outcome.WARN) if metric_of(each.rule) in metrics]

    @property
    def service(self) -> dict[str, Any] | None:
        """The service without code that the plan is about; None for a locustfile, or for a plan that is not known."""
        target = self.result.plan.get("target")
        return target if isinstance(target, dict) and "base_url" in target else None


Words = str | Callable[[Evidence], str]
"""A clause; or what makes it, where it depends on the run."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: something that is known to go wrong.

    Attributes:
        slug: Its name, and its heading in ``docs/advice.md``.
        about: What it is about, which decides where it comes.
        find: Where it applies: one entry for each case; nothing where it does not.
        cause: The likely cause, a clause; empty where what was seen says it.
        attempt: What to try, a clause; empty where what was seen says it.
    """

    slug: str
    about: About
    find: Callable[[Evidence], Iterable[Seen]]
    cause: Words
    attempt: Words
