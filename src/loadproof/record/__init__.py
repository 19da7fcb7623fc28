"""RECORD: samples, histograms, and what a run counted."""

from __future__ import annotations

from loadproof.record.histogram import Histogram
from loadproof.record.recorder import Delta, Key, Recorder, Tallies, Tally, merged
from loadproof.record.run_record import RunRecord, Timeline, Window
from loadproof.record.sample import OUTCOMES, Clock, Outcome, Sample

__all__ = [
    "OUTCOMES",
    "Clock",
    "Delta",
    "Histogram",
    "Key",
    "Outcome",
    "Recorder",
    "RunRecord",
    "Sample",
    "Tallies",
    "Tally",
    "Timeline",
    "Window",
    "merged",
]
