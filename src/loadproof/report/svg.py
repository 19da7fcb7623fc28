"""A process of its own that turns Vega-Lite specifications into SVG: ``python -m loadproof.report.svg``.

It reads a JSON list of specifications on stdin and writes a JSON list of SVG texts on stdout. The chart library is
imported nowhere else: a process that forks after its first use leaves children that hang.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

_STYLE = re.compile(r"""\sstyle=(?:"[^"]*"|'[^']*')""")
_IDENTIFIER = re.compile(r"""(\bid="|url\(#|href="#)""")
_EMPTY_PATH = re.compile(r'<path class="(?:background|foreground)"[^>]*(?: d=""| d="M0,0h0v0h0Z")[^>]*/>')
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")


def main() -> None:
    """Read, draw, write."""
    specs = json.load(sys.stdin)
    json.dump([portable(_drawn(spec), f"chart{number}") for number, spec in enumerate(specs)], sys.stdout)


def portable(svg: str, prefix: str) -> str:
    """An SVG that can stand in a page that allows no inline style, beside others.

    Style attributes are dropped (what they say stands in presentation attributes too), and identifiers get a prefix,
    since those of several charts are the same.
    """
    svg = _EMPTY_PATH.sub("", svg)
    return _TAG.sub(lambda tag: _IDENTIFIER.sub(rf"\g<1>{prefix}-", _STYLE.sub("", tag[0])), svg)


def _drawn(spec: dict[str, Any]) -> str:
    import vl_convert  # noqa: PLC0415 - heavy, and never wanted by an importer of this module

    svg: str = vl_convert.vegalite_to_svg(spec)
    return svg


if __name__ == "__main__":
    main()
