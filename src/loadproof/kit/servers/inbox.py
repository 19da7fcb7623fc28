"""The embedded inbox: ``python -m loadproof.kit.servers.inbox --smtp-port 1025 --port 8025``.

Takes every mail that is sent to its SMTP port, delivers none, and shows them by the HTTP API of Mailpit, version 1, so
that a suite works with either. It listens on 127.0.0.1 alone: whoever reads mails can verify accounts.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from loadproof.errors import RunError
from loadproof.kit.servers.mailbox import Mail, Mailbox, read_mail, search
from loadproof.kit.servers.process import Handler, Server, cannot_listen, exit_code_of, port_number, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HOST = "127.0.0.1"
_LARGEST_MAIL = 10_000_000
_MOST_LISTED = 10_000
_MESSAGES = "/api/v1/messages"
_MESSAGE = "/api/v1/message/"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Inbox: {count}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ padding: .4rem .6rem; text-align: left; vertical-align: top }}
tr {{ border-bottom: 1px solid #ccc }} small {{ color: #555 }}
</style></head><body><h1>Inbox</h1><p>{count} of {received} mails that were received, the newest first.</p>
<table><thead><tr><th>Received</th><th>From</th><th>To</th><th>Mail</th></tr></thead>
<tbody>
{rows}</tbody></table></body></html>
"""
_ON_PAGE = 200


class InboxHandler(Handler):
    """Answers as Mailpit does."""

    mailbox: ClassVar[Mailbox]

    def handle_any(self) -> None:
        """Answer one request of any method."""
        body = self.read_body()
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        if body is None:
            self.answer(413, "The body is too large, or is sent in chunks.")
        elif parts.path == _MESSAGES and self.command == "DELETE":
            self._delete(body)
        elif self.command not in {"GET", "HEAD"}:
            self.answer(405, "Method is not supported.", headers={"Allow": "GET, HEAD"})
        elif parts.path == _MESSAGES:
            self._list(self.mailbox.newest_first(), query)
        elif parts.path == "/api/v1/search":
            self._list(search(self.mailbox.newest_first(), query.get("query", "")), query)
        elif parts.path.startswith(_MESSAGE):
            self._show(unquote(parts.path.removeprefix(_MESSAGE)))
        elif parts.path == "/api/v1/info":
            self.answer_json(self._info())
        elif parts.path == "/":
            self._page()
        else:
            self.answer(404, "404 page not found")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any  # noqa: N815 - the names that http.server looks for

    def _list(self, mails: list[Mail], query: dict[str, str]) -> None:
        start, limit = _number(query.get("start"), 0), min(_number(query.get("limit"), 50), _MOST_LISTED)
        shown = [mail.summary() for mail in mails[start : start + limit]]
        held = len(self.mailbox)
        counts = {"total": held, "unread": held, "count": len(shown), "start": start, "tags": []}
        self.answer_json({**counts, "messages_count": len(mails), "messages_unread": len(mails), "messages": shown})

    def _show(self, identifier: str) -> None:
        mail = self.mailbox.find(identifier)
        if mail is None:
            self.answer(404, "message not found")
        else:
            self.answer_json(mail.whole())

    def _delete(self, body: bytes) -> None:
        try:
            named = _named_ids(body)
        except ValueError:
            self.answer(400, 'The body has to be empty or {"IDs": ["..."]}.')
        else:
            self.mailbox.remove(named)
            self.answer(200, "ok")

    def _info(self) -> dict[str, Any]:
        held = len(self.mailbox)
        counts = {"Messages": held, "Unread": held, "Tags": {}}
        stats = {"SMTPAccepted": self.mailbox.received, "MessagesGivenUp": self.mailbox.given_up}
        return {"Version": "loadproof", "LatestVersion": "loadproof", "Database": "", **counts, "RuntimeStats": stats}

    def _page(self) -> None:
        rows = "".join(_row(mail) for mail in self.mailbox.newest_first()[:_ON_PAGE])
        page = _PAGE.format(count=len(self.mailbox), received=self.mailbox.received, rows=rows)
        guard = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        self.answer(200, page, "text/html", {**guard, "X-Content-Type-Options": "nosniff"})


def _row(mail: Mail) -> str:
    to = ", ".join(address.address for kind in ("To", "Cc", "Bcc") for address in mail.recipients[kind])
    words = html.escape(mail.summary()["Snippet"])
    link = f'<a href="{_MESSAGE}{mail.identifier}">{html.escape(mail.subject) or "(no subject)"}</a>'
    cells = (f"{mail.received:%H:%M:%S}", html.escape(mail.sender.address), html.escape(to))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}<td>{link}<br><small>{words}</small></td></tr>\n"


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else otherwise


def _named_ids(body: bytes) -> list[str]:
    """The ids that a request names, in any case of the key, as Mailpit reads it.

    Raises:
        ValueError: The body is something else.
    """
    if not body.strip():
        return []
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("no object")  # noqa: TRY004 - the caller's one answer to all that is wrong
    named: Any = next((value for key, value in document.items() if key.lower() == "ids"), None) or []
    if not isinstance(named, list) or not all(isinstance(one, str) for one in named):
        raise ValueError("no list of texts")
    return named


class Receiver:
    """The SMTP side: hands each mail to ``keep``.

    Args:
        keep: Called with each mail, in the thread of the receiver.
    """

    def __init__(self, keep: Callable[[Mail], None]) -> None:
        self._keep = keep

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the name that aiosmtpd looks for
        """Take a mail."""
        now = datetime.now(UTC)
        self._keep(read_mail(envelope.original_content, envelope.mail_from or "", envelope.rcpt_tos, now))
        return "250 OK"


def listen_for_mail(port: int, keep: Callable[[Mail], None]) -> int:
    """Take mail on 127.0.0.1 in a thread of its own, for as long as the process lives.

    Args:
        port: 0 takes a free one.
        keep: Called with each mail.

    Returns:
        The port.

    Raises:
        RunError: aiosmtpd is not installed, or the port cannot be listened on.
    """
    try:
        from aiosmtpd.smtp import SMTP  # noqa: PLC0415 - it belongs to an extra
    except ImportError as error:
        raise RunError(
            "the embedded inbox takes mail by aiosmtpd, which is not installed",
            slug="missing-extra",
            hint="pip install 'loadproof[targets]'",
        ) from error

    def session() -> Any:
        return SMTP(Receiver(keep), data_size_limit=_LARGEST_MAIL, enable_SMTPUTF8=True, hostname="loadproof")

    loop = asyncio.new_event_loop()
    try:
        server = loop.run_until_complete(loop.create_server(session, _HOST, port, backlog=512))
    except OSError as error:
        loop.close()
        raise cannot_listen(_HOST, port, error) from error
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return int(server.sockets[0].getsockname()[1])


def _run(options: argparse.Namespace) -> None:
    class BoundHandler(InboxHandler):
        mailbox = Mailbox(options.max_messages)

    server = Server(_HOST, options.port, BoundHandler)
    smtp_port = listen_for_mail(options.smtp_port, BoundHandler.mailbox.add)
    serve(server, {"port": server.server_port, "smtp_port": smtp_port})


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count: a whole number from 1 on")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of ``python -m loadproof.kit.servers.inbox``."""
    parser = argparse.ArgumentParser(
        prog="python -m loadproof.kit.servers.inbox",
        description="Takes mails by SMTP and shows them by Mailpit's API; delivers none.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--port",
        type=port_number,
        default=8025,
        help="port of the API on 127.0.0.1; 0 takes a free one (default: 8025)",
    )
    add("--smtp-port", type=port_number, default=1025, help="port for mails; 0 takes a free one (default: 1025)")
    add("--max-messages", type=_count, default=5_000, metavar="N", help="keep the last N mails (default: 5000)")
    options = parser.parse_args(arguments)
    return exit_code_of(lambda: _run(options))


if __name__ == "__main__":
    sys.exit(main())
