"""The fleet API and the token broker as processes of a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import requests

REALM = "auth/realms/redhat-external/protocol/openid-connect/token"
OFFLINE_TOKEN = "offline-k33p-me-secret"


class FleetApi:
    """A running fleet API."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.token_url = f"{self.url}/{REALM}"

    def state(self):
        return requests.get(f"{self.url}/_state", timeout=10).json()

    def faults(self, **changes):
        answer = requests.post(f"{self.url}/_faults", json=changes, timeout=10)
        assert answer.status_code == 200, answer.text

    def token(self, offline=OFFLINE_TOKEN):
        form = {"grant_type": "refresh_token", "client_id": "cloud-services", "refresh_token": offline}
        answer = requests.post(self.token_url, data=form, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def session(self, offline=OFFLINE_TOKEN):
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.token(offline)}"
        return session


@contextmanager
def served(*words, **environ):
    """A module served by ``python -m``; gives the port that it announces."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
        start_new_session=True,
    )
    try:
        line = process.stdout.readline()
        assert line, f"{words} said nothing and ended with {process.wait(10)}"
        yield json.loads(line)["port"]
    finally:
        process.stdin.close()
        try:
            process.wait(15)
        finally:
            process.kill()
            process.stdout.close()


@contextmanager
def fleet_api(*words, **environ):
    with served("loadproof.suites.fleet.target", *words, **environ) as port:
        yield FleetApi(port)


@contextmanager
def broker(api, *words):
    """A token broker before the API's issuer; gives its address."""
    options = ("--port", "0", "--issuer-url", api.token_url, *words)
    with served("loadproof.kit.servers.broker", *options, OCM_OFFLINE_TOKEN=OFFLINE_TOKEN) as port:
        yield f"http://127.0.0.1:{port}"
