"""Deletes what the ids in a file name, one after the other: what a run has left in ``kafkas.txt``, for example.

    API_HOST=https://... FILE_PATH=reports/kafkas.txt RESOURCE=kafkas python test/performance/cleanup.py

``loadproof cleanup`` removes what the ledgers of a run hold; this one needs nothing but the file. It exits with 0 when
the service has accepted every deletion, with 3 when not, and with 2 when something is missing.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import Literal

from plain_calls import KAFKAS, SERVICE_ACCOUNTS, PlainApi
from settings import ApiSettings

from loadproof.errors import LoadproofError
from loadproof.kit import Url, setting
from loadproof.kit.tokens import BrokerTokens


class CleanupSettings(ApiSettings):
    """What it is told by its environment."""

    host: Url = setting(required=True, env="API_HOST", help="address of the API, without a slash at its end")
    file: Path = setting(required=True, env="FILE_PATH", help="file with one id in each line")
    resource: Literal["kafkas", "serviceaccounts", "service_accounts"] = setting(
        required=True, env="RESOURCE", help="what the ids are of: kafkas or service_accounts"
    )
    delay: float = setting(2.0, env="DELETE_DELAY", at_least=0, help="seconds between two deletions")


def main() -> int:
    """Delete them, and say of each what came of it."""
    settings = CleanupSettings.load()
    try:
        lines = settings.file.read_text(encoding="utf-8").split()
    except OSError as error:
        sys.stderr.write(f"{settings.file}: {error.strerror}\n")
        return 2
    resource = KAFKAS if settings.resource == KAFKAS else SERVICE_ACCOUNTS
    api = PlainApi(f"{settings.host}{settings.base_path}", BrokerTokens(settings.token_url), insecure=settings.insecure)
    failed = 0
    for number, identity in enumerate(dict.fromkeys(lines)):
        if number:
            time.sleep(settings.delay)
        try:
            why_not = api.delete(resource, identity)
        except LoadproofError as error:
            sys.stderr.write(f"{error}\n")
            return 3
        failed += why_not is not None
        sys.stdout.write(f"{resource} {identity}: {why_not or 'deleted'}\n")
        sys.stdout.flush()
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
