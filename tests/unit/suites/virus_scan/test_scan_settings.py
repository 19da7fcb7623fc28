from __future__ import annotations

import logging

import pytest

from suite_copies import load_module

scan_settings = load_module("virus_scan", "perf/scan_settings.py")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The folder in which the suite is started, with its example, and the log as nobody has asked for it."""
    (tmp_path / "client-examples").mkdir()
    (tmp_path / "client-examples/5MiB.bin").write_bytes(b"example")
    monkeypatch.chdir(tmp_path)
    before = {name: logging.getLogger(name).level for name in ("requests", "urllib3")}
    yield tmp_path
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def test_defaults_are_those_of_the_document(project):
    settings = scan_settings.load_settings()
    assert settings.auth == ("app1", "letmein")
    assert str(settings.user_file) == "client-examples/5MiB.bin"
    assert (settings.response_threshold, settings.version_threshold) == (0.01, 3)
    assert settings.user_file_threshold == 1.0
    assert settings.requests_logging is False


@pytest.mark.parametrize(
    ("value", "is_on"), [("true", True), ("1", True), ("false", False), ("0", False), ("no", False), ("", False)]
)
def test_the_log_of_the_http_library_is_on_when_asked_for(project, monkeypatch, value, is_on):
    monkeypatch.setenv("REQUESTS_LOGGING", value)
    scan_settings.load_settings()
    assert (logging.getLogger("urllib3").level == logging.DEBUG) is is_on
    assert (logging.getLogger("requests").level == logging.DEBUG) is is_on


def test_a_missing_file_ends_it_with_a_cure(project, monkeypatch, capsys):
    monkeypatch.setenv("USER_FILE", "nowhere.bin")
    with pytest.raises(SystemExit) as ended:
        scan_settings.load_settings()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "USER_FILE: there is no file nowhere.bin [missing-file]" in said
    assert "try: make up" in said


def test_a_folder_is_no_file(project, monkeypatch):
    monkeypatch.setenv("USER_FILE", "client-examples")
    with pytest.raises(SystemExit):
        scan_settings.load_settings()


def test_the_password_is_in_no_text_of_the_settings(project, monkeypatch):
    monkeypatch.setenv("PERF_PWD", "s3cret-word")
    settings = scan_settings.load_settings()
    assert settings.auth[1] == "s3cret-word"
    assert "s3cret-word" not in repr(settings) + str(settings)
