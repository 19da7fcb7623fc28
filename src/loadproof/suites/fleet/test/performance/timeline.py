"""What is done when: nothing yet, the mix of requests, the removal of what was created, and of what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settings import CLEANUP_MINUTES, SWEEP_MINUTES

from loadproof.kit.phases import Phase, Phases

if TYPE_CHECKING:
    from settings import FleetSettings

HOLD_OFF, MIX, CLEANUP, SWEEP = "hold off", "mix", "cleanup", "sweep"


def phases_of(settings: FleetSettings) -> list[Phase]:
    """The phases of a run; those that remove only where the run creates something and is to remove it."""
    phases = [Phase(MIX)]
    if settings.hold_off:
        phases.insert(0, Phase(HOLD_OFF, until=settings.hold_off * settings.minute))
    if settings.creates and settings.cleanup:
        phases.append(Phase(CLEANUP, before_end=CLEANUP_MINUTES * settings.minute))
        phases.append(Phase(SWEEP, before_end=SWEEP_MINUTES * settings.minute))
    return phases


def timeline(settings: FleetSettings) -> Phases:
    """The run's phases by the clock of the test; a run that is too short for them is refused."""
    return Phases(phases_of(settings))
