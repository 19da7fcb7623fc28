"""What the kit raises in a script. Tracebacks and tables of exceptions show nothing but its text."""

from __future__ import annotations

from loadproof.errors import RunError


class KitError(RunError):
    """Something that the kit was asked for cannot be had; its text says what to try, too."""

    def __str__(self) -> str:
        """What happened, what to try, and the entry in ``docs/messages.md``."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{super().__str__()}{hint} [{self.slug}]"
