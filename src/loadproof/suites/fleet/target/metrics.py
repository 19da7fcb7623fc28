"""Metrics of a cluster: made up, but the same for the same cluster at the same moment."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

_NAMES = ("kafka_server_brokertopicmetrics_messages_in_total", "kubelet_volume_stats_available_bytes")
_MOST_STEPS = 200


def instant_items(row: RowMapping, now: float) -> list[dict[str, Any]]:
    """One value of each metric. A cluster that is not ready has none."""
    return [
        {"metric": _labels(name, row), "timestamp": round(now * 1000), "value": _value(name, row, now)}
        for name in _metrics(row)
    ]


def range_items(row: RowMapping, now: float, *, minutes: int, interval: int) -> list[dict[str, Any]]:
    """The values of each metric over the last minutes, oldest first.

    Args:
        row: The cluster.
        now: Seconds since 1970.
        minutes: How far back.
        interval: Seconds between two values.
    """
    steps = min(minutes * 60 // interval, _MOST_STEPS)
    moments = [now - step * interval for step in range(steps, -1, -1)]
    return [
        {
            "metric": _labels(name, row),
            "values": [{"timestamp": round(at * 1000), "value": _value(name, row, at)} for at in moments],
        }
        for name in _metrics(row)
    ]


def federated(row: RowMapping, now: float) -> str:
    """The same as Prometheus reads it."""
    lines = []
    for name in _metrics(row):
        labels = ",".join(f'{key}="{value}"' for key, value in _labels(name, row).items() if key != "__name__")
        lines += [f"# TYPE {name} gauge", f"{name}{{{labels}}} {_value(name, row, now)} {round(now * 1000)}"]
    return "".join(f"{line}\n" for line in lines)


def _metrics(row: RowMapping) -> tuple[str, ...]:
    return _NAMES if row["status"] == "ready" else ()


def _labels(name: str, row: RowMapping) -> dict[str, str]:
    return {"__name__": name, "strimzi_io_cluster": str(row["name"]), "topic": "__strimzi_canary"}


def _value(name: str, row: RowMapping, at: float) -> float:
    phase = zlib.crc32(f"{row['id']} {name}".encode()) % 600
    return round(1000 + 500 * math.sin((at + phase) * math.tau / 600), 3)
