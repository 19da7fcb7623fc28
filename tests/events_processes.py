"""The events platform and its inbox as processes."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import urllib.request
from itertools import count

from commandline import end, environment, start
from suite_copies import copy_suite
from suite_targets import START, running_target


class Inbox:
    """An embedded inbox that is ready.

    Attributes:
        url: Of Mailpit's API.
        smtp_port: Where it takes mails.
    """

    def __init__(self, ready):
        self.url = f"http://127.0.0.1:{ready['port']}"
        self.smtp_port = ready["smtp_port"]

    def get(self, path):
        """What a GET answers, as JSON."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


@contextlib.contextmanager
def running_inbox():
    """An embedded inbox on free ports."""
    words = [sys.executable, "-m", "loadproof.kit.servers.inbox", "--port", "0", "--smtp-port", "0"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, env=environment(), start_new_session=True, **pipes) as process:
        try:
            assert select.select([process.stdout], [], [], START)[0], "the inbox never got ready"
            yield Inbox(json.loads(process.stdout.readline()))
            process.stdin.close()
            process.wait(15)
        finally:
            process.kill()


@contextlib.contextmanager
def platform_with_mail(*options, **extra):
    """The platform with its data, and the inbox that its mails go to."""
    extra = {"PASSWORD_ITERATIONS": "10"} | extra
    with running_inbox() as mails:
        place = f"--smtp=127.0.0.1:{mails.smtp_port}"
        with running_target("events", "--seed", place, *options, **extra) as target:
            yield target, mails


SCENARIOS = {
    "EventBrowser": 30,
    "ExistingUserLogin": 20,
    "DashboardUser": 15,
    "RSVPUser": 15,
    "FreeTicketUser": 10,
    "PWYCTicketUser": 5,
    "QuestionnaireUser": 5,
    "NewUserRegistration": 5,
}
"""The document's table."""

BOTTLENECKS = (
    "/events/{id}/my-status [BOTTLENECK]",
    "/events/{id}/rsvp/<status> [BOTTLENECK]",
    "/events/{id}/tickets/{tier}/checkout [BOTTLENECK]",
    "/events/{id}/tickets/{tier}/checkout/pwyc [BOTTLENECK]",
    "/events/{id}/questionnaire/{qid}/submit [BOTTLENECK]",
)
"""The document's five."""


class Team:
    """The suite in a folder of its own, and the platform that it loads.

    Attributes:
        root: The copy's root.
        folder: Its ``tests/performance``.
        platform: The platform's process.
        mails: The inbox's.
    """

    def __init__(self, root, platform, mails):
        self.root = root
        self.folder = root / "tests" / "performance"
        self.platform = platform
        self.mails = mails
        self._runs = count(1)

    @property
    def environ(self):
        """What the suite is told."""
        return {"LOCUST_BACKEND_URL": f"{self.platform.url}/api", "LOCUST_MAILPIT_URL": self.mails.url}

    def locust(self, *words, program="locust", timeout=60, **extra):
        """Plain Locust in ``tests/performance``, headless."""
        words = ("-f", "locustfile.py", "--headless", *words)
        words = ("locust", *words) if program == "loadproof" else words
        return end(start(self.folder, *words, program=program, **{**self.environ, **extra}), self.folder, timeout)

    def loadproof(self, *words, timeout=60, **extra):
        """``loadproof run`` in the root, by the suite's own plan; each has results of its own."""
        results = self.root / f"run_{next(self._runs)}"
        words = ("run", *words, "--results", str(results / "reports" / "performance"))
        return end(start(self.root, *words, **{**self.environ, **extra}), results, timeout)

    def faults(self, **faults):
        """Switch faults on, and all others off."""
        healthy = {
            "access_lifetime": None,
            "lose_mail_share": 0,
            "lose_next_mails": 0,
            "fail_share": 0,
            "slow_share": 0,
        }
        return self.platform.post("/_faults", healthy | {"only": "", "slow_by": 0} | faults)


def counted(ended):
    """Requests and failures by name, of a run with ``--json``: Locust's CSV files lack the last second."""
    rows = json.loads(ended.out[ended.out.index("[") :])
    return {row["name"]: (row["num_requests"], row["num_failures"]) for row in rows}


@contextlib.contextmanager
def team(folder, *options, **extra):
    """A copy of the suite, and a platform of its own."""
    with platform_with_mail(*options, **extra) as (platform, mails):
        yield Team(copy_suite("events", folder), platform, mails)
