"""What is looked at before any load: without backend, data or mail, hours of failures would say nothing."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

import gevent
import requests
from clients.mailpit_client import SUBJECT, late_mail
from config import EVENTS, ORGANIZATION, settings
from data.generators import preseeded_accounts, registration
from locust import events
from locust.runners import WorkerRunner

from loadproof.kit import Inbox, PollTimeout
from loadproof.kit.inbox import InboxError

if TYPE_CHECKING:
    from collections.abc import Sequence

SEED = "python src/manage.py bootstrap_perf_tests"
NOT_READY, USAGE = 3, 2
"""Exit codes: the platform is not ready; the command asks for what cannot be."""

_PAUSE = 0.5
_log = logging.getLogger(__name__)


class NotReady(Exception):  # noqa: N818 - a finding, not a fault of the suite
    """Something that the load needs is missing.

    Args:
        where: What was looked at.
        what: What is wrong.
        hint: What to try.
        slug: Names the kind of problem.
        code: Exit code.
    """

    def __init__(self, where: str, what: str, hint: str, slug: str, code: int = NOT_READY) -> None:
        super().__init__(what)
        self.where, self.what, self.hint, self.slug, self.code = where, what, hint, slug, code


def check_before_load() -> None:
    """Look at everything once Locust knows what it will run; with a web interface, at each start of a test."""

    @events.init.add_listener
    def at_once(environment: Any, web_ui: Any, **_: object) -> None:
        if web_ui is None and settings.checks and not isinstance(environment.runner, WorkerRunner):
            try:
                check_all(environment)
            except NotReady as finding:
                _end(finding)

    @events.test_start.add_listener
    def at_each_start(environment: Any, **_: object) -> None:
        if environment.web_ui is None or not settings.checks or isinstance(environment.runner, WorkerRunner):
            return
        try:
            check_all(environment)
        except NotReady as finding:
            _log.error("%s: %s [%s]; try: %s", finding.where, finding.what, finding.slug, finding.hint)
            # Not at once: the runner is about to start users, and would do so after it was stopped.
            gevent.spawn(environment.runner.stop)


def check_all(environment: Any) -> None:
    """Look at what the chosen users need.

    Raises:
        NotReady: The first thing that is missing.
    """
    classes = environment.user_classes
    host = (environment.host or settings.backend_url).rstrip("/")
    check_accounts(classes, getattr(environment.parsed_options, "num_users", None))
    with requests.Session() as session:
        session.trust_env = False
        check_backend(session, host)
        check_events(session, host)
        if any(one.needs_account for one in classes):
            check_login(session, host)
        if any(one.__name__ == "NewUserRegistration" for one in classes):
            check_mail(session, host)


def check_accounts(classes: Sequence[Any], users: int | None) -> None:
    """There is an account for everybody who needs one.

    Raises:
        NotReady: There are too few.
    """
    total = sum(one.weight for one in classes)
    if not users or not total:
        return
    needed = round(users * sum(one.weight for one in classes if one.needs_account) / total)
    if needed > settings.accounts:
        raise NotReady(
            "LOCUST_NUM_PRESEEDED_USERS",
            f"{users} users need {needed} accounts, and there are {settings.accounts}",
            f"LOCUST_NUM_PRESEEDED_USERS={needed} for `{SEED}` and for this run",
            "too-few-accounts",
            USAGE,
        )


def check_backend(session: requests.Session, host: str) -> None:
    """It answers; one that says 503 is starting, and gets the time for it.

    Raises:
        NotReady: It does not.
    """
    deadline = time.monotonic() + settings.startup_timeout
    while True:
        answer = _ask(session, "GET", f"{host}/events/?page=1&page_size=20")
        if answer.status_code < 500:
            break
        if time.monotonic() > deadline:
            what = f"it answers {answer.status_code} for {settings.startup_timeout:g} s: {answer.text[:100]}"
            raise NotReady(host, what, "see its log; LOCUST_STARTUP_TIMEOUT is how long to wait", "backend-broken")
        time.sleep(_PAUSE)
    if answer.status_code != 200:
        hint = "the address ends in /api: see --host and LOCUST_BACKEND_URL"
        raise NotReady(host, f"GET /events/ is answered {answer.status_code}: is this the API?", hint, "wrong-backend")


def check_events(session: requests.Session, host: str) -> None:
    """Every event of the test data is there.

    Raises:
        NotReady: Some are not.
    """
    paths = {slug: f"{host}/events/{ORGANIZATION}/event/{slug}" for slug in EVENTS}
    missing = [slug for slug, path in paths.items() if _ask(session, "GET", path).status_code != 200]
    if missing:
        what = f"no events found: {ORGANIZATION} has no {', '.join(missing)}"
        raise NotReady(host, what, f"did it complete successfully? {SEED}", "no-events")


def check_login(session: requests.Session, host: str) -> None:
    """The first and the last account can sign in.

    Raises:
        NotReady: One cannot.
    """
    for account in {row["email"]: row for row in preseeded_accounts(settings.accounts)[:: settings.accounts - 1 or 1]}:
        body = {"username": account, "password": settings.password.get_secret_value()}
        answer = _ask(session, "POST", f"{host}/auth/token/pair", json=body)
        if answer.status_code == 200:
            continue
        if answer.status_code == 429:
            hint = "start the backend with DISABLE_THROTTLING=True: else the throttle is what is measured"
            raise NotReady(host, "sign-ins are throttled", hint, "throttled")
        what = f"{account} cannot sign in: {answer.status_code} {answer.text[:200]}"
        hint = (
            f"{SEED}, with the same LOCUST_NUM_PRESEEDED_USERS and LOCUST_DEFAULT_PASSWORD; check that users are "
            "verified in the database"
        )
        raise NotReady(host, what, hint, "cannot-sign-in")


def check_mail(session: requests.Session, host: str) -> None:
    """A registration's mail arrives, so that worker and inbox are there.

    Raises:
        NotReady: The inbox does not answer, or no mail comes.
    """
    inbox = Inbox(settings.mailpit_url)
    try:
        inbox.list(1)
        body = registration(settings.password.get_secret_value())
        answer = _ask(session, "POST", f"{host}/account/register", json=body)
        if answer.status_code not in (200, 201):
            what = f"a registration is answered {answer.status_code}: {answer.text[:200]}"
            raise NotReady(host, what, "LOCUST_DEFAULT_PASSWORD must be one that it accepts", "cannot-register")
        limits = {"timeout": settings.mail_timeout, "interval": settings.mail_interval}
        inbox.delete(inbox.wait_for(to=body["email"], subject=SUBJECT, name=None, **limits))
    except InboxError as error:
        hint = "start Mailpit, or say where it is: LOCUST_MAILPIT_URL"
        raise NotReady(settings.mailpit_url, str(error).splitlines()[0], hint, "no-inbox") from None
    except PollTimeout:
        what, _, hint = late_mail(settings.mailpit_url, settings.mail_timeout).partition(": ")
        raise NotReady(settings.mailpit_url, what, hint, "no-mail") from None


def _ask(session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
    try:
        return session.request(method, url, timeout=settings.request_timeout, **options)
    except requests.ConnectionError as error:
        reason = "connection refused" if "refused" in str(error) else str(error)[:200]
        hint = "is the backend running there? see --host and LOCUST_BACKEND_URL, and firewall and network settings"
        raise NotReady(url, f"nothing answers: {reason}", hint, "no-backend") from None
    except requests.RequestException as error:
        raise NotReady(url, str(error)[:200], "see --host and LOCUST_BACKEND_URL", "no-backend") from None


def _say(finding: NotReady) -> None:
    sys.stderr.write(f"❌ {finding.where}: {finding.what} [{finding.slug}]\n   try: {finding.hint}\n")
    sys.stderr.flush()


def _end(finding: NotReady) -> NoReturn:
    _say(finding)
    raise SystemExit(finding.code)
