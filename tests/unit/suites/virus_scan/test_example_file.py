from __future__ import annotations

import hashlib

import pytest

from loadproof.suites.virus_scan.target.clamd import prepare_folder
from loadproof.suites.virus_scan.target.example import main, write_example


def test_the_example_has_5_mib_and_is_the_same_every_time(tmp_path):
    main([str(tmp_path / "new" / "one.bin")])
    main([str(tmp_path / "two.bin")])
    one, two = (tmp_path / "new" / "one.bin").read_bytes(), (tmp_path / "two.bin").read_bytes()
    assert len(one) == 5 * 1024 * 1024
    assert hashlib.sha256(one).digest() == hashlib.sha256(two).digest()


def test_a_file_that_is_there_stays_as_it_is(tmp_path):
    (tmp_path / "mine.bin").write_bytes(b"mine")
    write_example(tmp_path / "mine.bin")
    assert (tmp_path / "mine.bin").read_bytes() == b"mine"


def test_a_folder_that_cannot_be_written_is_said_and_keeps_no_service_down(tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"")
    main([str(tmp_path / "file" / "5MiB.bin")])
    assert "let USER_FILE name a file of yours" in capsys.readouterr().err


def test_nothing_but_the_example_is_left_behind(tmp_path):
    write_example(tmp_path / "one.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["one.bin"]


def test_a_folder_too_long_for_a_socket_is_refused_before_clamd_says_so(tmp_path):
    with pytest.raises(ValueError, match="too long for a Unix socket"):
        prepare_folder(tmp_path / ("x" * 110))
