"""Which user classes run under which profile, once the locustfile has said what classes there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loadproof.plan import Profile, Scenario, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REST = Stage(duration=1.0, start=0.0, end=0.0)
"""A profile that asks for nothing consists of one of these."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A scenario with its classes.

    Attributes:
        scenario: As planned.
        user_classes: Its classes; never empty.
    """

    scenario: Scenario
    user_classes: tuple[Any, ...]

    @property
    def is_open(self) -> bool:
        """Whether iterations arrive on a schedule."""
        return self.scenario.profile.model == "open"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its classes."""
        return tuple(cls.__name__ for cls in self.user_classes)


def planned(job: Mapping[str, Any]) -> tuple[Scenario, ...]:
    """The scenarios of a job; a search has one, whose profile follows as its levels do."""
    search = job["search"]
    if search is None:
        return tuple(Scenario.model_validate(item) for item in job["scenarios"])
    profile = Profile(
        model="open" if search["unit"] == "per_second" else "closed",
        stages=(REST,),
        **{key: search[key] for key in ("arrivals", "seed", "max_users")},
    )
    return (Scenario(name="default", profile=profile, graceful_stop=0.0),)


def cast(scenarios: Sequence[Scenario], user_classes: Sequence[Any]) -> list[Cast]:
    """Give each scenario its classes; one that names none gets those that no other names.

    Raises:
        ValueError: A scenario names a class that does not run, or has none left.
    """
    by_name = {cls.__name__: cls for cls in user_classes}
    named = {name for scenario in scenarios for name in scenario.user_classes}
    found = []
    for scenario in scenarios:
        if unknown := [name for name in scenario.user_classes if name not in by_name]:
            there = ", ".join(by_name) or "none"
            raise ValueError(f"scenario {scenario.name} names {', '.join(unknown)}, and there is only {there}")
        names = scenario.user_classes or [name for name in by_name if name not in named]
        if not names:
            raise ValueError(f"scenario {scenario.name} has no user class: other scenarios name them all")
        found.append(Cast(scenario, tuple(by_name[name] for name in names)))
    return found
