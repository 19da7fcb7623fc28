from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from celery.exceptions import Retry
from sqlalchemy import select

from loadproof.suites.events.target import worker
from loadproof.suites.events.target.board import LocalBoard
from loadproof.suites.events.target.faults import Faults
from loadproof.suites.events.target.tables import SpentToken, now


@pytest.fixture
def board(monkeypatch, stage):
    """What the worker counts on, in this process."""
    held = LocalBoard()
    monkeypatch.setattr(worker, "_board", lambda: held)
    monkeypatch.setattr(worker, "_settings", lambda: stage.settings)
    return held


def test_spent_tokens_are_forgotten_when_they_would_have_expired(board, stage):
    with stage.database.write() as session:
        session.add(SpentToken(jti="old", expires_at=now() - timedelta(seconds=1)))
        session.add(SpentToken(jti="new", expires_at=now() + timedelta(hours=1)))
    assert worker.forget_spent_tokens() == 1
    with stage.database.read() as session:
        assert list(session.scalars(select(SpentToken.jti))) == ["new"]


def test_the_worker_sends_a_mail_and_counts_it(board, stage, monkeypatch):
    sent = []
    monkeypatch.setattr(worker, "deliver", lambda *mail: sent.append(mail))
    worker.send_mail("a@b.c", "subject", "text")
    assert sent == [(stage.settings.smtp_host, stage.settings.smtp_port, "a@b.c", "subject", "text")]
    assert board.counts() == {"mails sent": 1}


def test_a_mail_that_is_to_get_lost_is_never_sent(board, monkeypatch):
    monkeypatch.setattr(worker, "deliver", pytest.fail)
    board.set_faults(Faults(lose_next_mails=1))
    worker.send_mail("a@b.c", "subject", "text")
    assert board.counts() == {"mails lost": 1}


def test_a_mail_server_that_is_not_there_is_tried_again_and_at_last_given_up(board, monkeypatch):
    def refuse(*_):
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(worker, "deliver", refuse)
    task = worker.send_mail
    monkeypatch.setattr(task, "retry", lambda **options: Retry(exc=options["exc"]))
    with pytest.raises(Retry):
        task("a@b.c", "subject", "text")
    assert board.counts() == {}
    task.push_request(retries=task.max_retries, called_directly=False)
    try:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            task.run("a@b.c", "subject", "text")
    finally:
        task.pop_request()
    assert board.counts() == {"mails failed": 1}
