"""How help texts look: coloured, laid out as they are written, and brackets in them are brackets."""

from __future__ import annotations

from rich_argparse import RawDescriptionRichHelpFormatter


class HelpFormatter(RawDescriptionRichHelpFormatter):  # type: ignore[misc]  # it is not typed
    """For every parser of the command line."""

    text_markup = False
    help_markup = False
