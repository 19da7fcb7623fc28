from __future__ import annotations

import asyncio
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadproof.suites.virus_scan.target.clamd import SOCKET_NAME, prepare_folder
from loadproof.suites.virus_scan.target.scanners import EICAR, ClamdScanner, PatternScanner, ScannerError, _reason


async def stream(chunks):
    for chunk in chunks:
        yield chunk


def scan(chunks, scanner=None):
    return asyncio.run((scanner or PatternScanner()).scan(stream(chunks)))


def test_the_test_file_is_the_one_of_eicar():
    assert len(EICAR) == 68
    assert hashlib.md5(EICAR).hexdigest() == "44d88612fea8a8f36de82e1278abb02f"


def test_malware_is_found_by_its_name():
    assert scan([EICAR]).reason == "Eicar-Test-Signature"


@pytest.mark.parametrize("chunks", [[], [b""], [b"clean"], [EICAR[:-1]], [EICAR[1:]], [b"a" * 70_000, b"b"]])
def test_what_holds_no_signature_is_clean(chunks):
    assert scan(chunks).reason is None


@given(before=st.binary(max_size=80), after=st.binary(max_size=80), size=st.integers(1, 90))
def test_malware_is_found_wherever_it_stands_and_however_it_is_cut(before, after, size):
    whole = before + EICAR + after
    assert scan([whole[i : i + size] for i in range(0, len(whole), size)]).reason == "Eicar-Test-Signature"


def test_the_time_is_that_of_the_scanner_not_that_of_the_client():
    waits = []

    class Clock:
        now = 0.0

        def __call__(self):
            self.now += 1.0
            return self.now

    async def slow():
        for chunk in (b"a", b"b", b"c"):
            clock.now += 100.0
            waits.append(chunk)
            yield chunk

    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("loadproof.suites.virus_scan.target.scanners.time.perf_counter", clock)
        scanned = asyncio.run(PatternScanner().scan(slow()))
    assert (scanned.seconds, len(waits)) == (3.0, 3)


def test_a_stream_is_read_to_its_end_although_something_was_found():
    read = []

    async def chunks():
        for chunk in (EICAR, b"more", b"and more"):
            read.append(chunk)
            yield chunk

    asyncio.run(PatternScanner().scan(chunks()))
    assert len(read) == 3


def test_a_clamd_that_is_not_there_gives_no_verdict(tmp_path):
    scanner = ClamdScanner(tmp_path / "clamd.sock")
    assert asyncio.run(scanner.is_up()) is False
    with pytest.raises(ScannerError, match="clamd does not answer"):
        scan([b"abc"], scanner)


def test_answers_of_clamd_are_read():
    assert _reason("stream: OK") is None
    assert _reason("stream: Eicar-Test-Signature.UNOFFICIAL FOUND") == "Eicar-Test-Signature.UNOFFICIAL"
    with pytest.raises(ScannerError, match="size limit"):
        _reason("INSTREAM size limit exceeded. ERROR")


def test_clamd_gets_a_folder_of_its_own_with_our_signatures(tmp_path):
    configuration = prepare_folder(tmp_path, max_length=1000).read_text()
    (database,) = (tmp_path / "database").iterdir()
    assert database.read_text() == f"Eicar-Test-Signature:0:*:{EICAR.hex()}\n"
    assert f"LocalSocket {tmp_path / SOCKET_NAME}\n" in configuration
    assert f"DatabaseDirectory {tmp_path / 'database'}\n" in configuration
    assert "StreamMaxLength 1000\n" in configuration
