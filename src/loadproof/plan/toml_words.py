"""Values, keys and comments as TOML writes them."""

from __future__ import annotations

import json
import re
from typing import cast


def toml(value: object) -> str:
    """A value in TOML's words.

    Raises:
        ValueError: TOML has no word for it: None.
    """
    if value is None:
        raise ValueError("TOML has no null")
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        pairs = ", ".join(f"{toml_key(key)} = {toml(item)}" for key, item in table.items())
        return f"{{{pairs}}}"
    if isinstance(value, list):
        return f"[{', '.join(toml(item) for item in cast('list[object]', value))}]"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(key: str) -> str:
    """A key, in quotes where it needs them."""
    return key if re.fullmatch(r"[A-Za-z0-9_\-]+", key) else toml(key)


def comment(origin: str) -> str:
    """What stands behind a value, two spaces in front; nothing for an empty text."""
    return f"  # {one_line(origin)}" if origin else ""


def one_line(text: str) -> str:
    """A text for a comment, which must not end before its line does."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
