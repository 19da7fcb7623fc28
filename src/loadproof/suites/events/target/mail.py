"""Mails: what stands in them, and the one hop over SMTP that a worker makes after the answer has gone."""

from __future__ import annotations

import queue
import smtplib
import sys
import threading
from email.message import EmailMessage
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from loadproof.suites.events.target.board import Board

SENDER = "noreply@events.test"
ATTEMPTS = 4
RETRY_AFTER = 1.0
"""Seconds between two attempts to hand a mail to the server."""

SMTP_TIMEOUT = 10.0


class Mailer(Protocol):
    """Takes mails and delivers them later."""

    def post(self, to: str, subject: str, text: str) -> None:
        """Deliver a mail soon; the caller does not wait."""

    def waiting(self) -> int:
        """Mails that were posted and neither sent nor given up."""

    def close(self) -> None:
        """Stop delivering."""


def verification_mail(frontend_url: str, token: str) -> tuple[str, str]:
    """Subject and text of the mail that proves an address."""
    link = f"{frontend_url}/login/confirm-email?token={token}"
    return "Verify your email", f"Welcome!\n\nPlease confirm your address by opening this link:\n\n{link}\n"


def deliver(host: str, port: int, to: str, subject: str, text: str) -> None:
    """Hand one mail to the mail server, as text and as HTML.

    Raises:
        OSError: The server is not there or refuses it (smtplib's errors are OSErrors).
    """
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, to, subject
    message.set_content(text)
    paragraphs = "".join(f"<p>{_linked(line)}</p>" for line in text.splitlines() if line)
    message.add_alternative(f"<html><body>{paragraphs}</body></html>", subtype="html")
    with smtplib.SMTP(host, port, timeout=SMTP_TIMEOUT) as server:
        server.send_message(message)


def _linked(line: str) -> str:
    return f'<a href="{line}">{line}</a>' if line.startswith("http") else line


class ThreadMailer:
    """A worker in this process.

    Args:
        host: Mail server.
        port: Its port.
        board: Knows which mails get lost, and counts.
        retry_after: Seconds between attempts.
    """

    def __init__(self, host: str, port: int, board: Board, retry_after: float = RETRY_AFTER) -> None:
        self._server = (host, port)
        self._board = board
        self._retry_after = retry_after
        self._mails: queue.Queue[tuple[str, str, str] | None] = queue.Queue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mails", daemon=True)
        self._thread.start()

    def post(self, to: str, subject: str, text: str) -> None:
        """Put a mail into the worker's queue."""
        self._mails.put((to, subject, text))

    def waiting(self) -> int:
        """Mails in the queue, the one at hand included."""
        return self._mails.unfinished_tasks

    def close(self) -> None:
        """Give up what could not be delivered yet."""
        self._closing.set()
        self._mails.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (mail := self._mails.get()) is not None and not self._closing.is_set():
            self._send(*mail)
            self._mails.task_done()

    def _send(self, to: str, subject: str, text: str) -> None:
        if self._board.loses_mail():
            self._board.count("mails lost")
            return
        for attempt in range(1, ATTEMPTS + 1):
            try:
                deliver(*self._server, to, subject, text)
            except OSError as error:
                if attempt == ATTEMPTS:
                    self._board.count("mails failed")
                    sys.stderr.write(f"a mail could not be sent to {self._server[0]}:{self._server[1]}: {error}\n")
                    return
                if self._closing.wait(self._retry_after):
                    return
            else:
                self._board.count("mails sent")
                return
