"""What a run that was cut off keeps of its checkpoint, as rows of ``results.csv`` do not say it."""

from __future__ import annotations

from datetime import datetime

import pytest

from loadproof.record import Strain
from loadproof.record.rows import HEADER, RowFormatter
from loadproof.supervisor.files import restore
from results_factory import PLAN, STARTED_AT, result_of, sample

RULES = {"thresholds": [], "allow_inconclusive": False}


@pytest.mark.parametrize("samples", ["all", "none"])
def test_a_run_that_was_cut_off_keeps_how_its_load_processes_fared(tmp_path, samples):
    until_the_checkpoint = [sample(end=second + 0.5) for second in range(3)]
    checkpoint = result_of(until_the_checkpoint, judged=False, finished=False, plan=PLAN | RULES | {"samples": samples})
    checkpoint.record.set_users(1.5, {"Visitor": 4})
    checkpoint.record.add_strain(2.0, Strain(0.03, 0.7))
    checkpoint.save(tmp_path / "run.json")
    rows = [*until_the_checkpoint, sample(end=4.5)]
    epoch = datetime.fromisoformat(STARTED_AT).timestamp()
    (tmp_path / "results.csv").write_bytes(f"{HEADER}\r\n".encode() + RowFormatter(epoch, "1").format(rows))
    restored = restore(tmp_path)
    assert restored.finished
    assert restored.record.samples == (4 if samples == "all" else 3)
    assert restored.record.strains()[:3] == [Strain(), Strain(0.03, 0.7), Strain()]
    assert restored.record.user_peak == 4
