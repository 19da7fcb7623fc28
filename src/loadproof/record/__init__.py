"""What was measured: samples, how they are counted, and the record of a whole run."""

from __future__ import annotations

from loadproof.record.arrivals import ArrivalCounts, ArrivalWindow
from loadproof.record.counts import Counts
from loadproof.record.histogram import Histogram
from loadproof.record.recorder import Delta, Recorder
from loadproof.record.run_record import RunRecord
from loadproof.record.sample import OUTCOMES, Outcome, Sample
from loadproof.record.series import Window
from loadproof.record.tally import Key, Tallies, Tally, merged
from loadproof.record.timeline import Strain

__all__ = [
    "OUTCOMES",
    "ArrivalCounts",
    "ArrivalWindow",
    "Counts",
    "Delta",
    "Histogram",
    "Key",
    "Outcome",
    "Recorder",
    "RunRecord",
    "Sample",
    "Strain",
    "Tallies",
    "Tally",
    "Window",
    "merged",
]
