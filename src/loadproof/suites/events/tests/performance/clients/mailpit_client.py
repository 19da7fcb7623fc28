"""The mail that proves an address, waited for in the inbox it really goes to."""

from __future__ import annotations

import re

from config import settings

from loadproof.kit import Inbox, PollTimeout, flow
from loadproof.kit.inbox import InboxError

ENTRY = "email_verification_wait"
"""Name of the entry, of type ``MAIL``, that says how long mails take."""

SUBJECT = re.compile("verify", re.IGNORECASE)
TOKEN = re.compile(r"\?token=([\w-]+\.[\w-]+\.[\w-]+)")


def late_mail(url: str, timeout: float) -> str:
    """What to say of a mail that did not come."""
    return (
        f"no mail within {timeout:g} s: does Celery process email tasks, is {url} (LOCUST_MAILPIT_URL) the inbox that "
        "the backend sends to, and is LOCUST_EMAIL_POLL_TIMEOUT long enough?"
    )


class MailpitClient:
    """Waits for mails."""

    def __init__(self) -> None:
        self._inbox = Inbox(settings.mailpit_url)

    def verification_token(self, address: str) -> str | None:
        """The token that was mailed to an address; None when none came, which is a failure of its ``MAIL`` entry."""
        with flow(ENTRY, kind="MAIL") as wait:
            try:
                message = self._inbox.wait_for(
                    to=address,
                    subject=SUBJECT,
                    timeout=settings.mail_timeout,
                    interval=settings.mail_interval,
                    name=None,
                )
                token = message.token(TOKEN)
            except PollTimeout:
                wait.failure(late_mail(settings.mailpit_url, settings.mail_timeout))
                return None
            except InboxError as error:
                wait.failure(str(error))
                return None
        self._forget(message.identifier)
        return token

    def _forget(self, identifier: str) -> None:
        try:
            self._inbox.delete(identifier)
        except InboxError:
            return  # it only stays in the inbox
