"""What the suite of the scanning service can be told, by the names that its document has."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from loadproof.kit import SecretStr, Settings, setting

MISSING_FILE = 2
"""Exit code where ``USER_FILE`` is not there: as for every wrong setting."""


class ScanSettings(Settings):
    """The environment variables of the document, and what is left open there."""

    user: str = setting("app1", env="PERF_USER", help="who may scan: the name of basic authentication")
    password: SecretStr = setting(SecretStr("letmein"), env="PERF_PWD", help="its password")
    user_file: Path = setting(Path("client-examples/5MiB.bin"), env="USER_FILE", help="the file of USER_DEFINED")
    response_threshold: float = setting(
        0.01, env="CLAMD_RESPONSE_THRESHOLD", at_least=0, help="seconds of clamd above which MALWARE and CLEAN fail"
    )
    user_file_threshold: float = setting(
        1.0, env="USER_FILE_RESPONSE_THRESHOLD", at_least=0, help="the same for USER_DEFINED"
    )
    version_threshold: int = setting(
        3, env="CLAMD_VERSION_THRESHOLD", at_least=0, help="versions that the definitions may be behind"
    )
    requests_logging: bool = setting(
        default=False, env="REQUESTS_LOGGING", help="whether the HTTP library's log is shown"
    )

    @property
    def auth(self) -> tuple[str, str]:
        """Name and password of basic authentication."""
        return self.user, self.password.get_secret_value()


def load_settings() -> ScanSettings:
    """The settings of this run; the HTTP library's log is on from then on where they say so.

    Raises:
        SystemExit: A setting is wrong, or ``USER_FILE`` is missing; stderr says which, and nothing was sent.
    """
    settings = ScanSettings.load()
    if not settings.user_file.is_file():
        # Sent all the same, it would be an empty body, which scans clean: a success.
        sys.stderr.write(
            f"❌ USER_FILE: there is no file {settings.user_file} [missing-file]\n"
            "   try: make up writes client-examples/5MiB.bin; start from the folder that has client-examples\n"
        )
        raise SystemExit(MISSING_FILE)
    if settings.requests_logging:
        for name in ("requests", "urllib3"):
            logging.getLogger(name).setLevel(logging.DEBUG)
    return settings
