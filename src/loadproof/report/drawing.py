"""Has charts drawn by another process; a report never fails because a chart does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadproof.report.charts import Spec

_SECONDS = 60.0
# -P: the user's folder may hold a json.py of its own.
_COMMAND = (sys.executable, "-P", "-m", "loadproof.report.svg")


class DrawingError(Exception):
    """The charts could not be drawn; its text says why."""


def drawn(specs: list[Spec], *, command: tuple[str, ...] = _COMMAND, seconds: float = _SECONDS) -> list[str]:
    """SVG texts, one for each specification.

    Args:
        specs: Vega-Lite specifications; nothing is started for none.
        command: The process that draws.
        seconds: How long it may take.

    Raises:
        DrawingError: It failed, took too long, or gave something else.
    """
    if not specs:
        return []
    try:
        # A session of its own: Ctrl-C ends the run, and the report of what was measured is still drawn.
        answer = subprocess.run(  # noqa: S603 - our own interpreter
            command,
            input=json.dumps(specs),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=seconds,
            check=True,
            start_new_session=True,
        )
        drawings = json.loads(answer.stdout)
    except subprocess.CalledProcessError as error:
        lines = str(error.stderr).strip().splitlines()
        raise DrawingError(lines[-1] if lines else f"it ended with status {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise DrawingError(f"it took longer than {seconds:g} s") from error
    except (OSError, ValueError) as error:
        raise DrawingError(str(error)) from error
    if not isinstance(drawings, list) or len(drawings) != len(specs):
        raise DrawingError("it gave another number of charts than it was asked for")
    return [str(drawing) for drawing in drawings]
