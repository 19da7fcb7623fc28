"""What this suite can be told, by the environment or by ``.env`` in this folder."""

from __future__ import annotations

from pathlib import Path

from loadproof.kit import SecretStr, Settings, Url, setting

FOLDER = Path(__file__).parent

ORGANIZATION = "perf-test-org"
RSVP_EVENT = "perf-rsvp-event"
LIMITED_EVENT = "perf-rsvp-limited-event"
FREE_EVENT = "perf-ticket-free-event"
PWYC_EVENT = "perf-ticket-pwyc-event"
QUESTIONNAIRE_EVENT = "perf-questionnaire-event"
EVENTS = (RSVP_EVENT, LIMITED_EVENT, FREE_EVENT, PWYC_EVENT, QUESTIONNAIRE_EVENT)
"""What ``bootstrap_perf_tests`` makes."""


class PerfSettings(Settings):
    """The suite's settings."""

    backend_url: Url = setting("http://localhost:8000/api", env="LOCUST_BACKEND_URL", help="API, if --host is absent")
    mailpit_url: Url = setting("http://localhost:8025", env="LOCUST_MAILPIT_URL", help="Mailpit's pages and API")
    password: SecretStr = setting(
        SecretStr("password123"), env="LOCUST_DEFAULT_PASSWORD", help="password of every test account"
    )
    accounts: int = setting(100, env="LOCUST_NUM_PRESEEDED_USERS", at_least=1, help="accounts that were seeded")
    mail_timeout: float = setting(10.0, env="LOCUST_EMAIL_POLL_TIMEOUT", at_least=0, help="seconds to wait for a mail")
    mail_interval: float = setting(
        0.5, env="LOCUST_EMAIL_POLL_INTERVAL", at_least=0.01, help="seconds between two looks for a mail"
    )
    request_timeout: float = setting(
        30.0, env="LOCUST_REQUEST_TIMEOUT", at_least=0.001, help="seconds after which a request has failed"
    )
    startup_timeout: float = setting(
        10.0, env="LOCUST_STARTUP_TIMEOUT", at_least=0, help="seconds to wait for a backend that is starting"
    )
    checks: bool = setting(
        default=True, env="LOCUST_CHECKS", help="whether backend, data and mail are looked at before the load"
    )


settings = PerfSettings.load(cwd=FOLDER)
"""The settings of this run."""
