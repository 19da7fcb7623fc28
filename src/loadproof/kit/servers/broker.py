"""The token broker: ``python -m loadproof.kit.servers.broker --issuer-url URL``.

Trades one long-lived token for the short-lived ones of all workers: however many ask, the issuer is called once for
each lifetime of a token. ``GET /ocm_token`` gives the token, ``GET /health`` the broker's state.

The long-lived token comes from the environment or a file, never from the command line, which every user of a machine
can read. Off loopback each request has to show a shared secret.
"""

from __future__ import annotations

import argparse
import hmac
import json
import math
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from loadproof.kit.servers.issuer import Issuer, is_loopback
from loadproof.kit.servers.keeper import (
    Backoff,
    Grant,
    Keeper,
    Kept,
    NotObtainedError,
    claims_of,
    fingerprint,
    is_sendable,
)
from loadproof.kit.servers.left_files import KAFKAS, SERVICE_ACCOUNTS, LeftFiles
from loadproof.kit.servers.process import Handler, Server, exit_code_of, port_number, refused_start, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TOKEN_PATH = "/ocm_token"  # noqa: S105 - a path
TOKEN_VARIABLE = "OCM_OFFLINE_TOKEN"  # noqa: S105 - the name of a variable
ISSUER_VARIABLE = "LOADPROOF_ISSUER_URL"
SECRET_VARIABLE = "LOADPROOF_BROKER_SECRET"  # noqa: S105 - the name of a variable
SECRET_HEADER = "X-Loadproof-Broker-Secret"  # noqa: S105 - the name of a header
REFUSED_HEADER = "X-Loadproof-Refused"
"""Says, by its fingerprint, which token the service under test refused before its time."""

_KEYCLOAK_PATH = "/protocol/openid-connect/token"
_LONGEST_ID = 500


class Tokens:
    """The broker's token, and what it says of its renewals; secrets are in no line.

    Args:
        obtain: Gets a new token from the issuer.
        leeway: As for ``Keeper``.
        backoff: As for ``Keeper``.
        say: Takes a line for the log.
    """

    def __init__(
        self, obtain: Callable[[], Grant], *, leeway: float, backoff: Backoff, say: Callable[[str], None]
    ) -> None:
        self._obtain = obtain
        self._say = say
        self._keeper = Keeper(self._renewed, leeway=leeway, backoff=backoff)
        self._lock = threading.Lock()
        self.renewals = 0
        self.last_failure: str | None = None

    def serve(self, refused: str) -> Kept:
        """The token for a worker.

        Args:
            refused: Fingerprint of the token that the worker was refused with; empty without.

        Raises:
            NotObtainedError: There is no valid one.
        """
        kept = self._keeper.current()
        if not refused or refused != fingerprint(kept.token):
            return kept
        try:
            return self._keeper.renew(kept.token)
        except NotObtainedError:
            return self._keeper.current()  # the word of one worker takes nothing from the others

    def state(self) -> dict[str, object]:
        """What ``/health`` shows."""
        left = self._keeper.peek()
        shown = None if left is None or math.isinf(left) else round(left, 1)
        state = {"status": "ok", "token": "none" if left is None else "valid", "token_left_s": shown}
        return {**state, "renewals": self.renewals, "last_failure": self.last_failure}

    def _renewed(self) -> Grant:
        try:
            grant = self._obtain()
        except NotObtainedError as error:
            self.last_failure = str(error)
            self._say(f"no new token: {error}")
            raise
        self.renewals += 1
        self.last_failure = None
        self._say(f"new token, good for {grant.lifetime or 0:.0f} s")
        return grant


class BrokerHandler(Handler):
    """Answers workers."""

    tokens: ClassVar[Tokens]
    files: ClassVar[LeftFiles]
    secret: ClassVar[str | None]

    def handle_any(self) -> None:
        """Answer one request of any method."""
        body = self.read_body()
        path = urlsplit(self.path).path
        if body is None:
            self.answer(413, "The body is too large, or is sent in chunks.")
        elif path == "/health" and self.command in {"GET", "HEAD"}:
            self.answer_json(self.tokens.state())
        elif not self._shows_the_secret():
            self.answer(401, f"The broker asks for its shared secret in the header {SECRET_HEADER}.")
        elif path == TOKEN_PATH:
            self._give_token()
        elif path in _POSTS:
            self._take_post(path, body)
        else:
            self.answer(404, f"There is no such path here; the token is at {TOKEN_PATH}.")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any  # noqa: N815 - the names that http.server looks for

    def _shows_the_secret(self) -> bool:
        shown = self.headers.get(SECRET_HEADER, "")
        return self.secret is None or hmac.compare_digest(shown.encode(), self.secret.encode())

    def _give_token(self) -> None:
        if self.command != "GET":
            self.answer(405, "Method is not supported.", headers={"Allow": "GET"})
            return
        try:
            kept = self.tokens.serve(self.headers.get(REFUSED_HEADER, ""))
        except NotObtainedError as error:
            wait = max(1, math.ceil(error.retry_after or 0))
            self.answer(503, f"No token: {error}.", headers={"Retry-After": str(wait)})
        else:
            self.answer(200, kept.token)

    def _take_post(self, path: str, body: bytes) -> None:
        if self.command != "POST":
            self.answer(405, "Method is not supported.", headers={"Allow": "POST"})
            return
        values = _texts(body, _POSTS[path])
        if values is None:
            self.answer(400, f"The body has to be a JSON object with texts of one line: {', '.join(_POSTS[path])}.")
        elif path == _ELECTION:
            self.answer(200, self.files.elect(values[0]))
        elif not self.files.keeps:
            self.answer(503, "The broker keeps no files: start it with --folder.")
        else:
            self._write(path, values)

    def _write(self, path: str, values: list[str]) -> None:
        try:
            if path == _CONFIG:
                self.files.add_config(*values)
            else:
                self.files.add_id(KAFKAS if path == _KAFKA else SERVICE_ACCOUNTS, values[0])
        except OSError as error:
            self.answer(500, f"The file cannot be written: {error.strerror}.")
        else:
            self.answer(204)


_KAFKA, _ACCOUNT, _CONFIG = "/write_kafka_id", "/write_svc_acc_id", "/write_kafka_config"
_ELECTION = "/kafka_create_container_id"
_POSTS = {
    _KAFKA: ("kafkaId",),
    _ACCOUNT: ("serviceAccountId",),
    _CONFIG: ("bootstrapURL", "username", "password"),
    _ELECTION: ("containerId",),
}


def _texts(body: bytes, keys: Sequence[str]) -> list[str] | None:
    """The values of a JSON object under the keys; None unless each is a text of one line."""
    try:
        document = json.loads(body)
        values = [document[key] for key in keys]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return values if all(isinstance(value, str) and _is_line(value) for value in values) else None


def _is_line(value: str) -> bool:
    return 0 < len(value) <= _LONGEST_ID and value.isprintable()


def long_lived_token(environment: Mapping[str, str], file: Path | None) -> str:
    """The long-lived token, from the file if there is one.

    Raises:
        UsageError: There is none, or it cannot be one.
    """
    where, token = TOKEN_VARIABLE, environment.get(TOKEN_VARIABLE, "").strip()
    hint = f"export {TOKEN_VARIABLE}, or name a file that holds it by --token-file"
    if file is not None:
        where = f"--token-file {file}"
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise refused_start("broker-start", where, f"the file cannot be read: {reason}", hint) from error
    if not token:
        raise refused_start("broker-start", where, "there is no long-lived token", hint)
    if not is_sendable(token):
        raise refused_start("broker-start", where, "this is no token: it has spaces, or is longer than 16 kB", hint)
    return token


def issuer_url(given: str | None, long_lived: str, *, plain_http: bool) -> str:
    """The address of the issuer's token endpoint: as it was given, else from the long-lived token's own ``iss``.

    Raises:
        UsageError: It is missing, is no address, or the token would travel in clear.
    """
    claimed = claims_of(long_lived).get("iss")
    url = given or (f"{claimed.rstrip('/')}{_KEYCLOAK_PATH}" if isinstance(claimed, str) and claimed else "")
    where = "--issuer-url"
    hint = f"give the issuer's token endpoint by --issuer-url or {ISSUER_VARIABLE}: https://issuer.example/token"
    if not url:
        what = "nothing says where short-lived tokens come from, nor does the long-lived token name its issuer"
        raise refused_start("broker-start", where, what, hint)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        raise refused_start("broker-start", where, "this is no address", hint) from None
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None or not is_sendable(url):
        raise refused_start("broker-start", where, "this is no address of the form https://host/path", hint)
    if parts.scheme == "http" and not (plain_http or is_loopback(host)):
        what = f"the long-lived token would travel to {host} in clear"
        raise refused_start("broker-start", where, what, "use https, or accept it by --plain-http")
    return url


def shared_secret(environment: Mapping[str, str], host: str) -> str | None:
    """The secret that requests have to show; None where none is asked for.

    Raises:
        UsageError: The broker would be open to other machines without one, or it cannot stand in a header.
    """
    secret = environment.get(SECRET_VARIABLE, "").strip()
    hint = f"export {SECRET_VARIABLE} for the broker and for all that load it, or listen on 127.0.0.1"
    if secret and not is_sendable(secret):
        raise refused_start("broker-secret", SECRET_VARIABLE, "it has spaces or letters beyond ASCII", hint)
    if not secret and not is_loopback(host):
        what = "other machines could fetch tokens here, and there is no shared secret"
        raise refused_start("broker-secret", f"--host {host}", what, hint)
    return secret or None


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} broker: {line}\n")
    sys.stderr.flush()


def _run(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    long_lived = long_lived_token(environment, options.token_file)
    given = options.issuer_url or environment.get(ISSUER_VARIABLE)
    url = issuer_url(given, long_lived, plain_http=options.plain_http)
    issuer = Issuer(url, long_lived, client_id=options.client_id, timeout=options.timeout)

    class BoundHandler(BrokerHandler):
        tokens = Tokens(issuer.grant, leeway=options.leeway, backoff=Backoff(), say=_say)
        files = LeftFiles(options.folder)
        secret = shared_secret(environment, options.host)

    server = Server(options.host, options.port, BoundHandler)
    serve(server, {"port": server.server_port})


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.1 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0.1 to 86400")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadproof.kit.servers.broker",
        description="Gives short-lived tokens to the workers of a test.",
        epilog=f"The long-lived token is read from {TOKEN_VARIABLE}, the shared secret from {SECRET_VARIABLE}.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on; off loopback a shared secret is needed")
    add("--port", type=port_number, default=8099, help="port to listen on; 0 takes a free one (default: 8099)")
    add("--issuer-url", metavar="URL", help=f"the issuer's token endpoint (env {ISSUER_VARIABLE}; else from the token)")
    add("--client-id", default="cloud-services", metavar="ID", help="OAuth client (default: cloud-services)")
    add("--token-file", type=Path, metavar="FILE", help=f"file with the long-lived token, instead of {TOKEN_VARIABLE}")
    add("--leeway", type=_seconds, default=60.0, metavar="S", help="renew tokens S seconds ahead (default: 60)")
    add("--timeout", type=_seconds, default=10.0, metavar="S", help="wait S seconds for the issuer (default: 10)")
    add(
        "--folder",
        type=Path,
        metavar="DIR",
        help="keep what workers leave: kafkas.txt, service_accounts.txt, config.txt",
    )
    add("--plain-http", action="store_true", help="allow an issuer off this machine without TLS")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry of ``python -m loadproof.kit.servers.broker``."""
    options = _parser().parse_args(arguments)
    return exit_code_of(lambda: _run(options, os.environ))


if __name__ == "__main__":
    sys.exit(main())
