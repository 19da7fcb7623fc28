"""The events platform without sockets, with somebody signed in, and with a mailer that only keeps its mails."""

from __future__ import annotations

import re
import sqlite3

from asgi_client import AsgiClient
from loadproof.suites.events.target.app import create_app
from loadproof.suites.events.target.board import LocalBoard
from loadproof.suites.events.target.database import Database
from loadproof.suites.events.target.perf_data import PerfData, bootstrap, bootstrap_perf_tests
from loadproof.suites.events.target.platform import Platform
from loadproof.suites.events.target.settings import PlatformSettings
from loadproof.suites.events.target.tokens import TokenSigner

ITERATIONS = 1

_seeded: dict[PerfData, sqlite3.Connection] = {}


class KeptMails:
    def __init__(self):
        self.mails = []

    def post(self, to, subject, text):
        self.mails.append((to, subject, text))

    def waiting(self):
        return len(self.mails)

    def close(self):
        self.mails.clear()

    def token(self):
        """The token in the last mail's link."""
        return re.search(r"\?token=(\S+)", self.mails[-1][2]).group(1)


class Stage:
    """A platform with its data, and clients for it.

    Args:
        folder: Where its database is.
        data: How much data it has; None for four users.
        settings: Of the platform, beside the database.
    """

    def __init__(self, folder, data=None, **settings):
        settings = {"secret_key": "for tests only" * 3, "password_iterations": ITERATIONS, "threads": 4} | settings
        self.settings = PlatformSettings(database_url=f"sqlite:///{folder / 'events.sqlite3'}", **settings)
        self.data = data or PerfData(users=4, iterations=ITERATIONS)
        self.database = Database(self.settings.database_url, threads=4)
        self._fill(folder)
        self.mails = KeptMails()
        self.board = LocalBoard()
        signer = TokenSigner(self.settings.secret_key)
        self.platform = Platform(self.settings, self.database, self.board, self.mails, signer)
        self.client = AsgiClient(create_app(self.platform), "http://127.0.0.1")

    def _fill(self, folder):
        # Seeding takes longer than most tests: the first stage seeds, the others take a copy.
        target = sqlite3.connect(folder / "events.sqlite3")
        if self.data not in _seeded:
            self.database.create_tables()
            bootstrap(self.database)
            bootstrap_perf_tests(self.database, self.data)
            _seeded[self.data] = sqlite3.connect(":memory:", check_same_thread=False)
            target.backup(_seeded[self.data])
        else:
            _seeded[self.data].backup(target)
        target.close()

    def get(self, path, token=None, **options):
        return self.client.get(f"/api{path}", headers=_bearer(token), **options)

    def post(self, path, body=None, token=None):
        return self.client.post(f"/api{path}", json=body, headers=_bearer(token))

    def sign_in(self, number=0):
        """The access token of ``perf-user-N``."""
        body = {"username": f"perf-user-{number}@test.com", "password": "password123"}
        return self.post("/auth/token/pair", body).json()["access"]

    def event(self, slug):
        """The id of an event of the load tests."""
        return self.get(f"/events/perf-test-org/event/{slug}").json()["id"]

    def tier(self, slug):
        """The ids of an event and of its only tier."""
        event = self.event(slug)
        (tier,) = self.get(f"/events/{event}/tickets/tiers").json()
        return event, tier["id"]

    def state(self):
        return self.client.get("/_state").json()

    def set_faults(self, **faults):
        return self.client.post("/_faults", json=faults)


def _bearer(token):
    return {"Authorization": f"Bearer {token}"} if token else {}
