"""What the user at the terminal wants of a run, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from loadproof.result import Intervention
from loadproof.units import format_clock, format_count

if TYPE_CHECKING:
    from collections.abc import Callable

Wish = Literal["end", "pause", "more", "fewer"]
"""To end the run early with its report, to pause it or have it go on, to have more users, or fewer."""


class Steering(Protocol):
    """Where wishes come from: the keys of a terminal."""

    def fileno(self) -> int:
        """Readable when there are some."""

    def take(self) -> list[Wish] | None:
        """Those since the last call, in their order; None when there will be no more."""


class Helm:
    """Hands wishes on to the load process, and keeps what was done.

    Args:
        send: Sends a frame to the load process.
        say: Shows the user a line.
        searching: Whether the run is a search, which alone decides on its load.
        clock: Seconds since the run's start.
    """

    def __init__(
        self,
        send: Callable[[str, Any], None],
        say: Callable[[str], None],
        *,
        searching: bool,
        clock: Callable[[], float],
    ) -> None:
        self._send = send
        self._say = say
        self._searching = searching
        self._clock = clock
        self._pause_asked = False
        self.done: tuple[Intervention, ...] = ()
        """What was done, in the order of time."""

    @property
    def is_paused(self) -> bool:
        """Whether the run is paused now."""
        switches = [each.kind for each in self.done if each.kind in ("paused", "resumed")]
        return bool(switches) and switches[-1] == "paused"

    @property
    def ended(self) -> bool:
        """Whether the user has ended the run."""
        return any(each.kind == "ended_early" for each in self.done)

    def follow(self, wish: Wish) -> None:
        """Have a wish fulfilled, or say why it cannot be."""
        if self.ended:
            return
        if wish == "end":
            self._keep(Intervention(self._clock(), "ended_early"))
            self._say("ending early, with the report; Ctrl-C does not wait for users to finish what they do")
            self._send("finish", None)
        elif self._searching:
            what = "be paused" if wish == "pause" else "have its users changed"
            self._say(f"a search cannot {what}: it decides on its load itself, and judges it by the clock")
        elif wish == "pause":
            self._pause_asked = not self._pause_asked
            self._send("pause", {"paused": self._pause_asked})
        else:
            self._send("users", {"direction": 1 if wish == "more" else -1})

    def intervened(self, told: dict[str, Any]) -> None:
        """The load process did something."""
        each = Intervention(**told)
        self._keep(each)
        clock = format_clock(each.at)
        if each.kind == "paused":
            self._say(f"paused at {clock}: no iteration begins until you press p again; the run's clock goes on")
        elif each.kind == "resumed":
            self._say(f"resumed at {clock}")
        else:
            self._say(f"users from {format_count(each.before or 0)} to {format_count(each.after or 0)} at {clock}")

    def refused(self, why: str) -> None:
        """The load process cannot do what was asked."""
        self._pause_asked = self.is_paused
        self._say(f"not possible: {why}")

    def _keep(self, each: Intervention) -> None:
        self.done = tuple(sorted((*self.done, each), key=lambda each: each.at))
