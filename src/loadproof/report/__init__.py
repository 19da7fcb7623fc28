"""What people read of a run: one HTML page, and the summary that ends it on the terminal."""

from __future__ import annotations

from loadproof.report.html import render_html
from loadproof.report.text import render_text

__all__ = ["render_html", "render_text"]
