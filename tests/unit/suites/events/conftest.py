"""The platform in this process."""

from __future__ import annotations

import pytest

from events_platform import Stage


@pytest.fixture
def stage(tmp_path):
    """A platform with four users, without sockets."""
    held = Stage(tmp_path)
    yield held
    held.platform.close()


@pytest.fixture
def stage_with(tmp_path):
    """Makes a platform with settings of its own."""
    made = []

    def make(data=None, **settings):
        made.append(Stage(tmp_path, data, **settings))
        return made[-1]

    yield make
    for one in made:
        one.platform.close()
