"""Errors of the kit are read where only their text is shown."""

from __future__ import annotations

from loadproof.errors import RunError
from loadproof.kit.errors import KitError


def test_the_text_says_what_happened_what_to_try_and_where_to_read_on():
    error = KitError("no account is left", slug="no-account", hint="fewer users")
    assert str(error) == "no account is left (fewer users) [no-account]"
    assert str(KitError("no account is left", slug="no-account")) == "no account is left [no-account]"
    assert isinstance(error, RunError)
