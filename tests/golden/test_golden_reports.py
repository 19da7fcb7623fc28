"""Whole reports of hand-built runs. ``LOADPROOF_UPDATE_GOLDEN=1`` writes them again: read the difference."""

import os
import re
from pathlib import Path

import pytest

from loadproof.report import html, render_text
from results_factory import capacity_result, checked_result, empty_result, open_result, small_result, stress_result

FOLDER = Path(__file__).parent
RUNS = {
    "small": small_result,
    "empty": empty_result,
    "open": open_result,
    "stress": stress_result,
    "capacity": capacity_result,
    "checked": checked_result,
}


def compare(name, text):
    path = FOLDER / name
    if os.environ.get("LOADPROOF_UPDATE_GOLDEN") == "1":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def scrubbed(page):
    """Without the style sheet, the script, its data, their hashes and the drawings, which have tests of their own."""
    page = re.sub(r"<(style|script)( [^>]*)?>.*?</\1>", r"<\1\2></\1>", page, flags=re.DOTALL)
    page = re.sub(r"(<svg class=\"chart\" [^>]*>).*?</svg>", r"\1drawing</svg>", page)
    return re.sub(r"sha256-[\w+/=]+", "sha256-…", page)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(("form", "options"), [("wide", {"width": 120}), ("ascii", {"unicode": False, "width": 80})])
def test_the_summary_is_as_it_was(run, form, options):
    text = render_text(RUNS[run](), report_path="reports/performance/run/report.html", **options)
    compare(f"{run}_{form}.txt", f"{text}\n")


@pytest.mark.parametrize("run", RUNS)
def test_the_page_is_as_it_was(run):
    compare(f"{run}.html", scrubbed(html.render_html(RUNS[run]())))
