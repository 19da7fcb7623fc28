"""The events platform and its inbox as processes."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import sys
import urllib.request

from commandline import environment
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
