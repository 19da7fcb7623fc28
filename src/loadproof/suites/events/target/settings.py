"""What the platform is told from outside: one frozen value, read from the environment."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_DATABASE = "sqlite:///events.sqlite3"
"""Where the data lives when nobody says: a file in the current folder."""


@dataclass(frozen=True)
class PlatformSettings:
    """The platform's settings.

    Attributes:
        database_url: SQLAlchemy's address of the database: ``sqlite:///FILE`` or ``postgresql+psycopg://...``.
        broker_url: Redis for Celery, faults and counts; None keeps all of it in this process.
        smtp_host: Where mails go.
        smtp_port: Its port.
        frontend_url: What links in mails start with.
        secret_key: Signs every token; processes that serve together need the same.
        access_lifetime: Seconds that an access token is valid.
        refresh_lifetime: Seconds that a refresh token is valid.
        verification_lifetime: Seconds that the token in a mail is valid.
        password_iterations: Rounds of PBKDF2-SHA256 for a password. Few, so that signing in is not all that a load
            test measures: Django's own default of 2026 is over a million.
        system_testing: Whether registering answers with the mailed token in a header as well.
        throttling: Whether clients are held to 100 sign-ins a minute and 100 registrations a day per address.
        threads: How many requests a process handles at once.
        slow_start: Seconds during which everything is answered 503 after the start.
    """

    database_url: str = DEFAULT_DATABASE
    broker_url: str | None = None
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    frontend_url: str = "http://localhost:5173"
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    access_lifetime: float = 3600.0
    refresh_lifetime: float = 86400.0
    verification_lifetime: float = 86400.0
    password_iterations: int = 2000
    system_testing: bool = False
    throttling: bool = False
    threads: int = 16
    slow_start: float = 0.0


def settings_from(environment: Mapping[str, str] = os.environ) -> PlatformSettings:
    """The settings that an environment stands for.

    Args:
        environment: Names and values; what is absent keeps its default.

    Raises:
        ValueError: A value is not of its kind; the text names it.
    """
    defaults = PlatformSettings()

    def number(name: str, default: float, *, above: float = 0.0) -> float:
        text = environment.get(name, "")
        try:
            value = float(text) if text else default
        except ValueError:
            raise ValueError(f"{name}={text!r} is not a number") from None
        if value <= above:
            raise ValueError(f"{name}={text!r} is too small")
        return value

    return PlatformSettings(
        database_url=environment.get("DATABASE_URL") or defaults.database_url,
        broker_url=environment.get("CELERY_BROKER_URL") or None,
        smtp_host=environment.get("EMAIL_HOST") or defaults.smtp_host,
        smtp_port=_announced_port(environment) or int(number("EMAIL_PORT", defaults.smtp_port)),
        frontend_url=environment.get("FRONTEND_BASE_URL") or defaults.frontend_url,
        secret_key=_secret_key(environment) or defaults.secret_key,
        access_lifetime=number("ACCESS_TOKEN_LIFETIME", defaults.access_lifetime),
        refresh_lifetime=number("REFRESH_TOKEN_LIFETIME", defaults.refresh_lifetime),
        verification_lifetime=number("VERIFICATION_TOKEN_LIFETIME", defaults.verification_lifetime),
        password_iterations=int(number("PASSWORD_ITERATIONS", defaults.password_iterations)),
        system_testing=_truth(environment, "SYSTEM_TESTING", default=defaults.system_testing),
        throttling=not _truth(environment, "DISABLE_THROTTLING", default=not defaults.throttling),
        threads=int(number("THREADS", defaults.threads)),
        slow_start=number("SLOW_START", defaults.slow_start, above=-1.0),
    )


def _secret_key(environment: Mapping[str, str]) -> str:
    name = environment.get("SECRET_KEY_FILE", "")
    if not name:
        return environment.get("SECRET_KEY", "")
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"SECRET_KEY_FILE={name!r}: {error.strerror}") from None


def _announced_port(environment: Mapping[str, str]) -> int | None:
    """The SMTP port that an inbox on a free port has written into its log, which ``EMAIL_PORT_FILE`` names."""
    name = environment.get("EMAIL_PORT_FILE", "")
    if not name:
        return None
    try:
        said = [json.loads(line) for line in Path(name).read_text(encoding="utf-8").splitlines() if line[:1] == "{"]
        return int(said[-1]["smtp_port"])
    except (OSError, LookupError, ValueError) as error:
        raise ValueError(f"EMAIL_PORT_FILE={name!r} tells no smtp_port: {error}") from None


def _truth(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environment.get(name, "")
    words = {"": default, "true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError(f"{name}={text!r} is neither true nor false") from None
