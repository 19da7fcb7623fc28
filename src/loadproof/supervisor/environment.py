"""Where a run took place: what someone needs to know before comparing two runs."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def environment_facts(cwd: Path) -> dict[str, Any]:
    """Versions, machine and commit; ``commit`` is None outside a git checkout."""
    return {
        "loadproof": metadata.version("loadproof"),
        "locust": metadata.version("locust"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "host": socket.gethostname(),
        "commit": _commit(cwd),
        "ci": os.environ.get("CI", "").lower() in ("1", "true"),
    }


def _commit(cwd: Path) -> str | None:
    if not any((folder / ".git").exists() for folder in (cwd, *cwd.parents)):
        return None
    try:
        answer = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607 - the user's own git
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
