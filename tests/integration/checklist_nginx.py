"""Connections, codings and TLS against nginx. A program like ``checklist_cases.py``; the first argument is a folder.

The folder holds ``ports`` of HTTP, HTTPS and HTTPS with client certificates, and the certificates themselves.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from checklist_cases import changed
from checklist_stage import CASES, case, main

import gevent  # isort: skip
from requests.adapters import HTTPAdapter  # isort: skip

CASES.clear()
FOLDER = Path(sys.argv.pop(1))
PLAIN, SECURE, MUTUAL = (FOLDER / "ports").read_text().split()
CERT, CLIENT, KEY = (str(FOLDER / name) for name in ("cert.pem", "client.pem", "client.key"))


class Nginx:
    """The server that runs already; which request of its connection each one was is in the answer."""

    seen: tuple[str, ...] = []
    port = PLAIN
    connections = 0


def reused(response):
    return response.headers.get("X-Reused")


def outcome(response):
    return [response.status_code, reused(response), None if response.error is None else type(response.error).__name__]


@case
def connections_are_kept_as_long_as_nginx_keeps_them(stage):
    client = stage.client
    found = [reused(client.get("/json")) for _ in range(4)]
    found += [
        reused(client.post("/json", json={"a": 1})),
        reused(client.head("/json")),
        reused(client.get("/big")),
        reused(client.get("/gzip")),
        reused(client.get("/none")),
    ]
    found += [reused(client.get("/few")) for _ in range(8)]
    found += [reused(client.get("/json", headers={"Connection": "close"})), reused(client.get("/json"))]
    found += [reused(client.get("/closes")), reused(client.get("/json"))]
    client.close()
    return [*found, reused(client.get("/json")), reused(client.get("/json"))]


@case
def idle_connections_that_nginx_closed_are_replaced(stage):
    found = []
    for _ in range(2):
        found.append(outcome(stage.client.get("/idle")))
        gevent.sleep(0.35)
    return found


@case
def bodies_of_every_framing(stage):
    found = [stage.get(path) for path in ("/gzip", "/gzip-old", "/big", "/none", "/json")]
    found += [
        stage.get("/gzip", headers={"Accept-Encoding": "identity"}),
        stage.get("/gzip", headers={"Accept-Encoding": None}),
        stage.told(stage.client.head, "/gzip"),
    ]
    found += [
        stage.get("/big", headers={"Range": "bytes=5-9"}),
        stage.get("/big", headers={"Range": "bytes=0-1,5-6"})["status_code"],
        stage.get("/big", headers={"If-None-Match": "*"}),
    ]
    found.append(stage.get("/gzip", stream=True))
    found[-1]["headers"] = [
        pair for pair in found[-1]["headers"] if pair[0] != "X-Reused"
    ]  # left to urllib3, which has connections of its own
    return [lengths(told) for told in found]


def lengths(told):
    return (
        {**told, "content": len(told["content"] or ""), "text": len(told["text"] or "")}
        if isinstance(told, dict)
        else told
    )


@case
def streams_of_a_slow_body(stage):
    response = stage.client.get("/slow", stream=True)
    chunks = [len(chunk) for chunk in response.iter_content(8192)]
    with stage.client.get("/slow", stream=True, catch_response=True) as response:
        next(response.iter_content(100))
    return [sum(chunks), stage.times[0] < 250, stage.get("/json"), [event["length"] for event in stage.events]]


@case
def refusals_of_nginx(stage):
    found = [
        stage.get("/locked"),
        stage.get("/locked", auth=("joe", "secret")),
        stage.get("/locked", auth=("joe", "wrong")),
    ]
    found += [
        stage.post("/small", data=b"x" * 2000),
        stage.get("/json"),
        stage.get("/missing"),
        stage.get("/json", headers={"X": "y" * 9000}),
        stage.get("/" + "x" * 9000),
        stage.get("/json"),
        stage.post("/only-get"),
    ]
    return found


@case
def redirects_from_http_to_https(stage):
    found = [
        outcome(stage.client.get("/secure")),
        outcome(stage.client.get("/secure", verify=CERT)),
        outcome(stage.client.get("/secure", verify=CERT, auth=("a", "b"))),
    ]
    stage.client.verify = CERT
    response = stage.client.get("/secure")
    return [*found, outcome(response), len(response.history), response.request.headers.get("Authorization")]


@case
def certificates_are_verified_as_asked(stage):
    client = stage.session(f"https://localhost:{SECURE}")
    found = [
        outcome(client.get("/json")),
        outcome(client.get("/json", verify=CERT)),
        outcome(client.get("/json", verify=CERT)),
        outcome(client.get("/json")),
        outcome(client.get("/json", verify=False)),
        outcome(client.get("/json")),
    ]
    client.verify = False
    found += [
        outcome(client.get("/json")),
        outcome(client.get("/json", verify=True)),
        outcome(client.get("/json", verify=None)),
    ]
    client.verify = CERT
    found += [
        outcome(client.get("/json")),
        outcome(client.get(f"https://127.0.0.1:{SECURE}/json")),
        outcome(client.get("/json", verify=False)),
    ]
    client.verify = True
    found.append(outcome(client.get("/json")))
    with changed(os.environ, "REQUESTS_CA_BUNDLE", CERT):
        found.append(outcome(client.get("/json")))
        client.trust_env = True
        found += [outcome(client.get("/json")), outcome(client.get("/json", verify=False))]
        client.trust_env = False
        found.append(outcome(client.get("/json")))
    return [
        *found,
        stage.told(client.get, "/json", verify="/no/such"),
        stage.told(client.get, "/json", verify=str(FOLDER))["status_code"],
    ]


@case
def connections_over_tls_are_kept(stage):
    client = stage.session(f"https://localhost:{SECURE}")
    client.verify = CERT
    found = [reused(client.get("/json")) for _ in range(3)]
    found += [
        reused(client.post("/json", json={"a": 1})),
        reused(client.get("/big")),
        reused(client.get("/gzip")),
        reused(client.get("/json", stream=False)),
        len(client.get("/big").content),
    ]
    client.close()
    return [
        *found,
        reused(client.get("/json")),
        stage.told(client.get, f"https://127.0.0.1:{PLAIN}/json")["status_code"],
        client.get(f"http://localhost:{SECURE}/json").status_code,
    ]


@case
def client_certificates_are_shown(stage):
    client = stage.session(f"https://localhost:{MUTUAL}")
    client.verify = CERT
    found = [
        outcome(client.get("/json")),
        outcome(client.get("/json", cert=(CLIENT, KEY))),
        outcome(client.get("/json")),
    ]
    client.cert = (CLIENT, KEY)
    found += [outcome(client.get("/json")), client.get("/who").text]
    client.cert = None
    found += [
        outcome(client.get("/json")),
        stage.told(client.get, "/json", cert="/no/such"),
        stage.told(client.get, "/json", cert=(CLIENT, "/no/such")),
    ]
    together = FOLDER / "together.pem"
    together.write_text(Path(CLIENT).read_text() + Path(KEY).read_text())
    return [*found, outcome(client.get("/json", cert=str(together)))]


@case
def an_adapter_with_its_own_tls(stage):
    import ssl

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments, **options):
            context = ssl.create_default_context(cafile=CERT)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            super().init_poolmanager(*arguments, ssl_context=context, **options)

    client = stage.session(f"https://localhost:{SECURE}")
    client.mount("https://", Adapter())
    return [client.get("/protocol", verify=CERT).text, outcome(client.get("/json", verify=CERT))]


if __name__ == "__main__":
    main(Nginx)
