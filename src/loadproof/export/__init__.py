"""What machines read: ``metrics.json``."""

from __future__ import annotations

from loadproof.export.metrics import metrics_of, render_metrics

__all__ = ["metrics_of", "render_metrics"]
