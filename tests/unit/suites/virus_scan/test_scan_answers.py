from __future__ import annotations

import json
import tracemalloc

import pytest
import requests
import urllib3

from suite_copies import load_module

answers = load_module("virus_scan", "perf/answers.py")
uploads = load_module("virus_scan", "perf/uploads.py")


class Response:
    """What a client's ``catch_response`` gives."""

    def __init__(self, status=200, body="{}", error=None):
        self.status_code, self.error, self.request_meta, self.verdict = status, error, {"context": {}}, None
        self._content = body.encode()

    def json(self):
        return json.loads(self._content)

    def success(self):
        self.verdict = "success"

    def failure(self, why):
        self.verdict = str(why)


def judged(expectation, *args, **options):
    response = Response(*args, **options)
    expectation.judge(response)
    return response.verdict


def scanned(**answer):
    return json.dumps({"malware": False, "reason": None, "time": 0.001} | answer)


def lag(versions):
    return json.dumps({"clamd-actual": str(1000 - versions), "clamd-required": "1000"})


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, lag(0), "success"),
        (500, lag(3), "success"),
        (500, lag(4), "more than 3 versions behind"),
        (200, lag(4), "more than 3 versions behind"),
        (500, lag(-2), "success"),
        (500, '{"error": "no"}', "HTTP 500 without versions"),
        (500, "<html>", "HTTP 500 without versions"),
        (500, "[1]", "HTTP 500 without versions"),
        (500, '{"clamd-actual": "new", "clamd-required": "1000"}', "HTTP 500 without versions"),
    ],
)
def test_versions_may_lag_as_far_as_the_threshold(status, body, said):
    assert judged(answers.versions(3), status, body) == said


def test_another_status_is_no_answer_about_versions():
    assert judged(answers.versions(3), 503, "gone") == "HTTP 503, expected 200 or 500: gone"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (scanned(), "success"),
        (scanned(time=0.01), "success"),
        (scanned(time=0.0101), "clamd took longer than 0.01 s"),
        (scanned(malware=None), "success"),
        (scanned(malware=True), "malware was found in a clean file"),
        (scanned(time=None), "the answer has no time"),
        (scanned(time="fast"), "the answer has no time"),
        (scanned(time=True), "the answer has no time"),
        ("oops", "Failed to decode response"),
        ("[]", "Failed to decode response"),
    ],
)
def test_a_clean_file_must_be_found_clean_in_time(body, said):
    assert judged(answers.verdict(malware=False, threshold=0.01), 200, body) == said


@pytest.mark.parametrize(("body", "said"), [(scanned(malware=True), "success"), (scanned(), "malware was not found")])
def test_malware_must_be_found(body, said):
    assert judged(answers.verdict(malware=True, threshold=0.01), 200, body) == said


def test_a_scan_with_another_status_is_a_failure_although_its_body_is_right():
    assert judged(answers.verdict(malware=False, threshold=1), 500, scanned()).startswith("HTTP 500, expected 200")


@pytest.mark.parametrize(("status", "said"), [(401, "success"), (200, "HTTP 200, expected 401: {}"), (403, None)])
def test_only_401_refuses_a_wrong_password(status, said):
    verdict = judged(answers.UNAUTHORISED, status)
    assert verdict == said or (said is None and verdict.startswith("HTTP 403"))


def wrapped(cause):
    return requests.ConnectionError(urllib3.exceptions.ProtocolError("Connection aborted.", cause))


@pytest.mark.parametrize(
    ("status", "error", "was_reset"),
    [
        (0, wrapped(ConnectionResetError(104, "reset")), True),
        (0, wrapped(BrokenPipeError(32, "pipe")), True),
        (0, ConnectionResetError(104, "reset"), True),
        (0, wrapped(ConnectionRefusedError(111, "refused")), False),
        (0, requests.Timeout("timed out"), False),
        (0, None, False),
        (401, None, False),
    ],
)
def test_a_reset_is_told_from_a_service_that_is_not_there(status, error, was_reset):
    assert answers.was_reset(Response(status, error=error)) is was_reset


def test_the_files_of_the_document_are_cut_as_the_document_has_them():
    assert (len(uploads.EICAR), len(b"".join(uploads.EICAR)), len(uploads.LOREM)) == (2, 68, 4)


@pytest.mark.parametrize("kept", [0, uploads.KEPT])
def test_a_file_is_uploaded_whole_each_time(tmp_path, kept):
    content = bytes(range(256)) * 4096
    path = tmp_path / "file"
    path.write_bytes(content)
    upload = uploads.FileUpload(path, kept)
    for _ in range(2):
        pieces = list(upload.chunks())
        assert b"".join(pieces) == content
        assert [len(piece) for piece in pieces] == [uploads.PIECE] * 4


def test_a_file_that_is_kept_is_read_once(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"as it was")
    upload = uploads.FileUpload(path)
    path.unlink()
    assert list(upload.chunks()) == [b"as it was"]


def test_a_file_that_is_too_large_to_keep_is_never_in_memory_as_a_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(8 << 20))
    tracemalloc.start()
    length = sum(len(piece) for piece in uploads.FileUpload(path, kept=0).chunks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert length == 8 << 20
    assert peak < 2 << 20
