"""Users of the scanning service: who looks after it, who scans, and who has the wrong password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from answers import UNAUTHORISED, verdict, versions, was_reset
from locust import HttpUser, between, task
from scan_settings import load_settings
from uploads import EICAR, LOREM, FileUpload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadproof.kit import Expectation

SETTINGS = load_settings()
AUTH = SETTINGS.auth

USER_FILE = FileUpload(SETTINGS.user_file)
VERSIONS = versions(SETTINGS.version_threshold)
MALWARE = verdict(malware=True, threshold=SETTINGS.response_threshold)
CLEAN = verdict(malware=False, threshold=SETTINGS.response_threshold)
USER_DEFINED = verdict(malware=False, threshold=SETTINGS.user_file_threshold)


class CheckUser(HttpUser):
    """Asks whether the service is up, and whether its definitions are current."""

    host = "http://localhost"
    wait_time = between(0.1, 0.5)

    @task
    def check_service(self) -> None:
        """Ask whether the service is up."""
        self.client.get("/check", name="CHECK")

    @task
    def check_version(self) -> None:
        """Ask for the version of the definitions: right after a start they are old, and catch up."""
        VERSIONS.send(self.client.get, "/check_version", name="CHECK_VERSION")


class ClamPostUser(HttpUser):
    """Whoever uploads files."""

    abstract = True
    host = "http://localhost"
    wait_time = between(0.1, 0.5)

    def scan(self, name: str, chunks: Iterator[bytes], right: Expectation) -> None:
        """Upload a file in chunks.

        Args:
            name: In the statistics.
            chunks: The file, once.
            right: What must be answered.
        """
        right.send(self.client.post, "/v2/scan-chunked", data=chunks, auth=AUTH, name=name)


class ScanUser(ClamPostUser):
    """Has files scanned."""

    @task
    def check_malware(self) -> None:
        """Upload what must be found, although no chunk alone holds it."""
        self.scan("MALWARE", (chunk for chunk in EICAR), MALWARE)

    @task
    def check_clean(self) -> None:
        """Upload a text in which nothing must be found."""
        self.scan("CLEAN", iter(LOREM), CLEAN)

    @task
    def check_user_defined_file(self) -> None:
        """Upload the file of ``USER_FILE``."""
        self.scan("USER_DEFINED", USER_FILE.chunks(), USER_DEFINED)


class UnauthorisedUser(ClamPostUser):
    """Has the wrong password."""

    @task
    def scan_with_wrong_password(self) -> None:
        """Upload with a wrong password: 401, and the service may answer before it has read the body."""
        with self.client.post(
            "/v2/scan-chunked",
            data=(chunk for chunk in EICAR),
            auth=(AUTH[0], f"not {AUTH[1]}"),
            name="UNAUTHORISED",
            catch_response=True,
        ) as response:
            if not was_reset(response):
                UNAUTHORISED.judge(response)
                return
            # Some servers close the connection behind a 401, and a client still writing never gets to read it. That is
            # a refusal too, though not one that names itself: Loadproof counts it apart from successes.
            response.success()
            meta = response.request_meta
            meta["context"] = {**(meta.get("context") or {}), "outcome": "expected", "why": "reset before the 401"}
