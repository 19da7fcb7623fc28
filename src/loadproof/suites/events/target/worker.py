"""The platform's Celery application: ``celery -A loadproof.suites.events.target.worker worker``.

It delivers mails, and once a minute it forgets spent tokens that have expired anyway (``celery ... beat`` starts that).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from celery import Celery  # type: ignore[import-untyped]  # Celery has no types
from sqlalchemy import delete

from loadproof.suites.events.target.board import Board, open_board
from loadproof.suites.events.target.database import Database
from loadproof.suites.events.target.mail import ATTEMPTS, RETRY_AFTER, deliver
from loadproof.suites.events.target.settings import PlatformSettings, settings_from
from loadproof.suites.events.target.tables import SpentToken, now

FORGET_EVERY = 60.0

app = Celery("events", broker=settings_from().broker_url)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    beat_schedule={"forget-spent-tokens": {"task": "forget_spent_tokens", "schedule": FORGET_EVERY}},
)


@cache
def _settings() -> PlatformSettings:
    return settings_from()


@cache
def _board() -> Board:
    # In each worker process for itself, after the fork: threads do not survive one.
    return open_board(_settings().broker_url)


@app.task(name="send_mail", bind=True, max_retries=ATTEMPTS - 1)  # type: ignore[untyped-decorator]  # Celery has no types
def send_mail(self: Any, to: str, subject: str, text: str) -> None:
    """Deliver one mail, with retries."""
    settings, board = _settings(), _board()
    if self.request.retries == 0 and board.loses_mail():
        board.count("mails lost")
        return
    try:
        deliver(settings.smtp_host, settings.smtp_port, to, subject, text)
    except OSError as error:
        if self.request.retries >= self.max_retries:
            board.count("mails failed")
            raise
        raise self.retry(exc=error, countdown=RETRY_AFTER) from error
    board.count("mails sent")


@app.task(name="forget_spent_tokens")  # type: ignore[untyped-decorator]  # Celery has no types
def forget_spent_tokens() -> int:
    """Delete spent tokens that nobody could use any more; answers how many there were."""
    database = Database(_settings().database_url, threads=1)
    try:
        with database.write() as session:
            gone = session.execute(delete(SpentToken).where(SpentToken.expires_at < now()).returning(SpentToken.jti))
            return len(gone.all())
    finally:
        database.close()


class CeleryMailer:
    """Posts mails to the Celery worker."""

    def post(self, to: str, subject: str, text: str) -> None:
        """Queue one mail at the broker."""
        send_mail.delay(to, subject, text)

    def waiting(self) -> int:
        """Mails at the broker that no worker has taken."""
        with app.connection_or_acquire() as connection:
            return int(connection.default_channel.queue_declare("celery", passive=False).message_count)

    def close(self) -> None:
        """Let the connection to the broker go."""
        app.close()
