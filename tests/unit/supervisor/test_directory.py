"""Files of a run survive a full disk and are never overwritten."""

from __future__ import annotations

import errno
from datetime import UTC, datetime

import pytest

from loadproof.errors import RunError
from loadproof.supervisor.directory import AppendedFile, create_directory

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FullDisk:
    """A raw file on a disk with so many bytes left."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, data):
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self.file.write(data[: self.room])
        self.room -= taken
        return taken

    def __getattr__(self, name):
        return getattr(self.file, name)


def test_a_full_disk_loses_whole_batches_counts_them_and_takes_rows_again_when_there_is_room(tmp_path):
    appended = AppendedFile(tmp_path / "rows")
    appended._file = disk = FullDisk(appended._file, 9)
    appended.append(b"one\n", 1)
    appended.append(b"two\nthree\n", 2)
    assert appended.lost == 2
    disk.room = 100
    appended.append(b"four\n", 1)
    appended.close()
    assert (tmp_path / "rows").read_bytes() == b"one\nfour\n"
    assert appended.lost == 2


def test_a_second_run_in_the_same_second_gets_a_directory_of_its_own(tmp_path):
    first = create_directory(tmp_path / "r", "load", "shop", STARTED)
    second = create_directory(tmp_path / "r", "load", "shop", STARTED)
    assert second.name == first.name + "_2"
    assert first.name.startswith("load_test_shop_2026010")


def test_a_place_where_no_directory_can_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file"):
        create_directory(tmp_path / "file", "load", "shop", STARTED)
